"""The verb `check`: is the database sound, what is missing in it, what was told twice differently; and salvage."""

from __future__ import annotations

import argparse
import sqlite3
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from gettext import gettext as _
from pathlib import Path
from typing import Any, Final

import msgspec

from hems_data_collector.cli.arguments import Parser
from hems_data_collector.cli.check_texts import show_report, show_salvaged
from hems_data_collector.cli.messages import PROGRAM, say
from hems_data_collector.cli.stored import Stored, add_store_flags, reading, settings_of
from hems_data_collector.cli.stored import now as present
from hems_data_collector.errors import EXIT_OK, EXIT_UNDECODABLE, ConfigError, StoreDamaged
from hems_data_collector.language import N_, os_text
from hems_data_collector.readings import HalfHour, iso_utc
from hems_data_collector.store import failures, half_hours, meters, summaries
from hems_data_collector.store.aside import unsalvaged
from hems_data_collector.store.check import CheckReport, check
from hems_data_collector.store.database import open_editor
from hems_data_collector.store.periods import Step, periods
from hems_data_collector.store.readings import kwh_of
from hems_data_collector.store.salvage import Salvaged, salvage
from hems_data_collector.store.summaries import SETTLED_AFTER

HELP = N_("is the database sound and complete; bring back the data of a damaged one")

ALL_FILES: Final = Path()
"""`--salvage` without a file."""


def add_arguments(parser: Parser) -> None:
    """`--salvage`, `--json`, and where the database is."""
    parser.usage = _("{program} check [--salvage [FILE]] [--json] [flags]").format(program=PROGRAM)
    parser.description = _(
        "Reads the whole database and says whether it is sound, in which months half hours are missing, and of which\n"
        "half hours the meter said two different things. Works with and without a running collector. A collector that\n"
        "finds its database damaged sets it aside and begins a new one; --salvage then brings back what is undamaged,\n"
        "each record once, and the collector reads what is missing from the meter's memory."
    )
    parser.add_argument(
        "--salvage",
        nargs="?",
        type=Path,
        const=ALL_FILES,
        metavar="FILE",
        help=_("first bring back the data of FILE, or of every file that was set aside beside the database"),
    )
    parser.add_argument("--json", action="store_true", help=_("one JSON object, with every disagreement"))
    add_store_flags(parser)
    parser.epilog = _(
        "examples:\n"
        "  {program} check\n"
        "  {program} check --salvage\n"
        "  {program} check --json | jq '.completeness[] | select(.ratio < 1)'\n\n"
        "exit codes: 0 sound (something may be missing), 1 damage found, 2 usage, 3 settings or no such file,\n"
        "7 no database, or it cannot be read"
    ).format(program=PROGRAM)


def run(arguments: argparse.Namespace) -> int:
    """Salvage where that is asked for, then check; returns 1 where damage was found, else 0."""
    salvaged: dict[str, Salvaged] = {}
    if arguments.salvage is not None:
        salvaged = _salvage(arguments)
    try:
        with reading(arguments) as stored:
            found = _checked(stored)
            zone = stored.settings.zone
    except StoreDamaged as error:
        found, zone = _hopeless(error), settings_of(arguments).zone
    if arguments.json:
        found["salvaged"] = [{"file": file, **_plain(each)} for file, each in salvaged.items()]
        sys.stdout.write(msgspec.json.Encoder(decimal_format="number").encode(found).decode("utf-8") + "\n")
    else:
        for file, each in salvaged.items():
            show_salvaged(file, each)
        show_report(found, zone)
    return EXIT_OK if found["sound"] else EXIT_UNDECODABLE


# --- looking ----------------------------------------------------------------------------------------------------------


def _checked(stored: Stored) -> dict[str, Any]:
    """What `--json` prints."""
    with _steps() as on_step:
        report = check(stored.conn, on_step)
        months, conflicts = _readable(lambda: _months(stored)), _readable(lambda: _conflicts(stored))
    return {
        "sound": not report.problems,
        "problems": list(report.problems),
        **_sizes(report),
        "completeness": months,
        "conflicts": conflicts,
    }


def _sizes(report: CheckReport) -> dict[str, int]:
    return {"readings": report.readings, "half_hours": report.half_hours, "bytes": report.bytes}


def _hopeless(error: StoreDamaged) -> dict[str, Any]:
    """A file that SQLite does not even open."""
    nothing = {"readings": 0, "half_hours": 0, "bytes": 0, "completeness": [], "conflicts": []}
    return {"sound": False, "problems": [f"{error.what} {error.cause}".strip()], **nothing}


def _readable(look: Callable[[], list[dict[str, Any]]]) -> list[dict[str, Any]]:
    """What `look` finds; nothing where damage is in the way, which `check` has told."""
    try:
        return look()
    except StoreDamaged:
        return []
    except sqlite3.DatabaseError as error:
        if not failures.is_damage(error):
            raise
        return []


def _months(stored: Stored) -> list[dict[str, Any]]:
    """How complete each month of each meter is, from the first known half hour on."""
    found: list[dict[str, Any]] = []
    for meter in meters.listed(stored.conn):
        oldest = half_hours.oldest(stored.conn, meter.key)
        if oldest is None:
            continue
        months = periods(oldest, stored.now, Step.MONTH, stored.settings.zone)
        found += [
            {
                "meter": meter.key,
                "start": iso_utc(each.period.start),
                "end": iso_utc(each.period.end),
                "present": each.present,
                "expected": each.expected,
                "absent": each.absent,
                "ratio": round(each.ratio, 4),
            }
            for each in summaries.completeness(stored.conn, meter.key, months, until=stored.now - SETTLED_AFTER)
        ]
    return found


def _conflicts(stored: Stored) -> list[dict[str, Any]]:
    return [
        {
            "meter": meter.key,
            "at": iso_utc(conflict.known.at),
            "known": _registers(conflict.known),
            "told": _registers(conflict.told),
        }
        for meter in meters.listed(stored.conn)
        for conflict in half_hours.conflicts(stored.conn, meter.key)
    ]


def _registers(slot: HalfHour) -> dict[str, Any]:
    from hems_data_collector.echonet import EnergyScale

    scale = EnergyScale(exponent=slot.exponent, coefficient=slot.coefficient)
    return {
        "source": slot.source.value,
        "import_register_kwh": kwh_of(slot.import_raw, scale),
        "export_register_kwh": kwh_of(slot.export_raw, scale),
    }


@contextmanager
def _steps() -> Iterator[Callable[[str], None]]:
    """Each step on a terminal's stderr while it lasts."""
    if sys.stderr is None or not sys.stderr.isatty():
        yield lambda step: None
        return
    from rich.console import Console

    with Console(stderr=True).status("") as status:
        yield lambda step: status.update(_("looking at: {step}").format(step=_(step)))


# --- salvage ----------------------------------------------------------------------------------------------------------


def _salvage(arguments: argparse.Namespace) -> dict[str, Salvaged]:
    """Bring back what is asked for; returns what came, by file. Raises ConfigError, StoreError."""
    database = settings_of(arguments).database
    with failures.translated(database), closing(open_editor(database)) as conn:
        if arguments.salvage == ALL_FILES:
            files = unsalvaged(conn, database)
            if not files:
                say(_("No damaged file waits beside {file}.").format(file=database))
        else:
            files = [_existing(arguments.salvage, database)]
        found: dict[str, Salvaged] = {}
        for file in files:
            with _steps() as on_step:
                found[str(file)] = _salvage_one(conn, file, on_step)
    return found


def _salvage_one(conn: sqlite3.Connection, file: Path, on_step: Callable[[str], None]) -> Salvaged:
    try:
        return salvage(
            file,
            conn,
            now=present(),
            on_progress=lambda count: on_step(_("{count} rows of {file}").format(count=count, file=file.name)),
        )
    except OSError as error:
        raise _unreadable(file, os_text(error)) from error


def _existing(file: Path, database: Path) -> Path:
    if not file.is_file():
        raise _unreadable(file, _("there is no such file"))
    if file.samefile(database):
        raise ConfigError(
            _("--salvage: {file} is the database in use.").format(file=file),
            setting="salvage",
            cause=_("A damaged database is first set aside, by the collector when it finds the damage."),
            remedy=_("Restart the collector; then run: {program} check --salvage").format(program=PROGRAM),
        )
    return file


def _unreadable(file: Path, reason: str) -> ConfigError:
    return ConfigError(
        _("--salvage: {file} cannot be read: {reason}.").format(file=file, reason=reason),
        setting="salvage",
        cause=_("The name is misspelt, or this user may not read it."),
        remedy=_("Leave the name out for every file that was set aside; see: {program} status").format(program=PROGRAM),
    )


def _plain(each: Salvaged) -> dict[str, Any]:
    return {name: getattr(each, name) for name in Salvaged.__dataclass_fields__}
