"""The verb `status`: what the collector has and how it is doing, from the database and, where it runs, from itself."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta, tzinfo
from decimal import Decimal
from gettext import gettext as _
from pathlib import Path
from typing import Any, Final

import msgspec

from hems_data_collector.cli import periods as words
from hems_data_collector.cli import tables
from hems_data_collector.cli.arguments import Parser
from hems_data_collector.cli.messages import PROGRAM, masked, show_error
from hems_data_collector.cli.outputs import described, output_rows
from hems_data_collector.cli.stored import Stored, add_store_flags, reading, settings_of
from hems_data_collector.cli.stored import now as present
from hems_data_collector.errors import EXIT_NOT_RUNNING, EXIT_OK, StoreUnavailable
from hems_data_collector.language import N_
from hems_data_collector.live import ask
from hems_data_collector.readings import MINUTE, iso_utc
from hems_data_collector.store import half_hours, meters, minutes, readings, summaries
from hems_data_collector.store.aside import unsalvaged
from hems_data_collector.store.lock import owner
from hems_data_collector.store.meters import StoredMeter
from hems_data_collector.store.periods import Period
from hems_data_collector.store.sizes import bytes_of, size_text
from hems_data_collector.store.summaries import REMEMBERED, SETTLED_AFTER, Completeness

HELP = N_("what is stored and how the collector is doing")

LAST_DAY: Final = timedelta(days=1)
BAR_WIDTH: Final = 20
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def add_arguments(parser: Parser) -> None:
    """What to show, and where the database is."""
    parser.usage = _("{program} status [--json] [flags]").format(program=PROGRAM)
    parser.description = _(
        "Shows whether a collector is running, the last reading of each meter, how complete its half hours are, how\n"
        "much of the meter's own memory (99 days) has been read, and what the outputs have got. Works with and\n"
        "without a running collector, and asks nothing of the meter."
    )
    parser.add_argument("--json", action="store_true", help=_("one JSON object; ages in seconds, times in UTC"))
    parser.add_argument(
        "--running",
        action="store_true",
        help=_("show nothing: end with 0 where a collector runs and answers, with 1 where none does"),
    )
    add_store_flags(parser)
    parser.epilog = _(
        "examples:\n"
        "  {program} status\n"
        "  {program} status --json | jq .meters[0].last_reading.age_s\n"
        "  {program} status --running || echo 'The collector is down.'\n\n"
        "exit codes: 0 shown, 1 with --running and no collector that answers, 2 usage, 3 settings, 7 no database,"
        " or it cannot be read"
    ).format(program=PROGRAM)


def run(arguments: argparse.Namespace) -> int:
    """Print the state; returns the exit code, or raises the HemsError that carries it."""
    if arguments.running:
        live = _process_of(settings_of(arguments).database, present())["live"]
        return EXIT_NOT_RUNNING if live is None else EXIT_OK
    code = EXIT_OK
    try:
        with reading(arguments) as stored:
            found, zone = state_of(stored), stored.settings.zone
    except StoreUnavailable as error:
        settings = settings_of(arguments)
        found, zone = _process_of(settings.database, present()), settings.zone
        if found["live"] is None:
            raise
        show_error(error)
        code = error.exit_code
    if arguments.json:
        sys.stdout.write(msgspec.json.Encoder(decimal_format="number").encode(found).decode("utf-8") + "\n")
        return code
    tables.show_table(("", ""), [(name, text) for name, text in _lines(found, zone)])
    if found["outputs"]:
        print()
        tables.show_table(*output_rows(found["outputs"], zone), right=(3, 4, 5))
    return code


def state_of(stored: Stored) -> dict[str, Any]:
    """What `--json` prints."""
    found = _process_of(stored.settings.database, stored.now)
    found["database"]["readable"] = True
    found["database"]["damaged_files"] = [str(file) for file in unsalvaged(stored.conn, stored.settings.database)]
    found["meters"] = [_meter(stored, meter) for meter in meters.listed(stored.conn)]
    found["outputs"] = described(stored)
    return found


def _process_of(path: Path, now: datetime) -> dict[str, Any]:
    """What can be told where the database cannot be read, with all the keys."""
    try:
        process = owner(path)
    except OSError:
        process = None
    return {
        "now": iso_utc(now),
        "collector": {"running": process is not None, "process": process},
        "live": None if process is None else _masked(ask(path)),
        "database": {
            "path": str(path),
            "readable": False,
            "bytes": bytes_of(path),
            "damaged_files": [],
        },
        "meters": [],
        "outputs": [],
    }


def _masked(told: Any) -> Any:
    """What the collector told of itself, without the secrets known here."""
    if isinstance(told, dict):
        return {name: _masked(value) for name, value in told.items()}
    if isinstance(told, list):
        return [_masked(value) for value in told]
    return masked(told) if isinstance(told, str) else told


def _meter(stored: Stored, meter: StoredMeter) -> dict[str, Any]:
    found = readings.newest(stored.conn, meter.key)
    zone, until = stored.settings.zone, stored.now - SETTLED_AFTER
    today = words.when("today").period(zone, stored.now)
    local = stored.now.astimezone(zone)
    month = words.when(f"{local:%Y-%m}").period(zone, stored.now)
    known = summaries.completeness(
        stored.conn,
        meter.key,
        [today, month, Period(_EPOCH, stored.now), Period(stored.now - REMEMBERED, stored.now)],
        until=until,
    )
    last = None
    if found is not None:
        last = {
            "timestamp": iso_utc(found.reading.received_at, microseconds=True),
            "age_s": round((stored.now - found.reading.received_at).total_seconds()),
            "instant_power_w": found.reading.power_w,
            "cumulative_power_kwh": found.reading.energy_import_kwh,
        }
    return {
        "meter": meter.key,
        "name": meter.name,
        "first_seen": iso_utc(meter.first_seen),
        "last_seen": iso_utc(meter.last_seen),
        "last_reading": last,
        "half_hours": dict(zip(("today", "month", "total"), map(_part, known), strict=False)),
        "minutes": _minutes(stored, meter, until),
        "backfill": {"settled": known[3].present + known[3].absent, "expected": known[3].expected + known[3].absent},
        "conflicts": len(half_hours.conflicts(stored.conn, meter.key)),
    }


def _minutes(stored: Stored, meter: StoredMeter, until: datetime) -> dict[str, Any] | None:
    """How complete the minutes of the last day are; None where there are none."""
    start = until - LAST_DAY
    present, oldest = minutes.count(stored.conn, meter.key, start, until), minutes.oldest(stored.conn, meter.key)
    if not present or oldest is None:
        return None
    expected = -(-(until - max(start, oldest)) // MINUTE)
    return {"present": present, "expected": expected, "ratio": round(present / expected, 4)}


def _part(known: Completeness) -> dict[str, Any]:
    return {
        "present": known.present,
        "expected": known.expected,
        "absent": known.absent,
        "ratio": round(known.ratio, 4),
    }


# --- for people -------------------------------------------------------------------------------------------------------


def _lines(found: Mapping[str, Any], zone: tzinfo) -> Iterator[tuple[str, str]]:
    """Name and text of every line above the outputs."""
    process = found["collector"]["process"]
    running = _("running, process {process}").format(process=process)
    yield _("collector"), running if process else _("not running")
    database = found["database"]
    yield _("database"), _("{path}, {size}").format(path=database["path"], size=size_text(database["bytes"]))
    for file in database["damaged_files"]:
        yield (
            _("set aside"),
            _("{file}; bring back its data: {program} check --salvage").format(file=file, program=PROGRAM),
        )
    live = found["live"] or {}
    yield from _ring_lines(live.get("ring"), zone)
    for told in live.get("meters", ()):
        yield from _link_lines(told, zone)
    if database["readable"] and not found["meters"]:
        yield _("meter"), _("none was read yet")
    for meter in found["meters"]:
        yield from _meter_lines(meter, zone)


def _ring_lines(ring: Mapping[str, Any] | None, zone: tzinfo) -> Iterator[tuple[str, str]]:
    """What the disk does not take; nothing while it works and nothing was lost."""
    if not ring:
        return
    counts = _("{held} records held in memory, {dropped} dropped").format(held=ring["held"], dropped=ring["dropped"])
    if ring["since"] is not None:
        since = f"{datetime.fromisoformat(ring['since']).astimezone(zone):%Y-%m-%d %H:%M}"
        yield _("not stored"), _("since {since}: {counts}").format(since=since, counts=counts)
        yield _("reason"), ring["reason"]
    elif ring["dropped"]:
        yield _("not stored"), counts


def _link_lines(told: Mapping[str, Any], zone: tzinfo) -> Iterator[tuple[str, str]]:
    """How the way to one configured meter is doing, since the collector was started."""
    link, requests = told["link"], told["requests"]
    parts = [
        _(_SESSIONS.get(told["session"], told["session"])),
        _("{requests} requests, {answers} answers").format(requests=requests["requests"], answers=requests["answers"]),
        _("{joins} joins, {losses} sessions lost").format(joins=link["joins"], losses=link["losses"]),
    ]
    if link["last_lqi"] is not None:
        parts.append(_("link quality {lqi}").format(lqi=link["last_lqi"]))
    name = told["name"]
    yield _("link of {name}").format(name=name) if name else _("link"), _(", ").join(parts)
    if link["restricted_until"] is not None:
        until = datetime.fromisoformat(link["restricted_until"]).astimezone(zone)
        yield (
            _("sending pauses"),
            _("the air time of this hour is used up; until {until} at the latest").format(until=f"{until:%H:%M:%S}"),
        )


_SESSIONS: Final[Mapping[str, str]] = {
    "closed": N_("no session just now"),
    "portless": N_("no port; it is tried again"),
    "opening": N_("opening the port"),
    "doubted": N_("not joined; the modem is reset before the next try"),
    "resetting": N_("resetting the modem"),
    "down": N_("not joined; the meter is tried again"),
    "scanning": N_("looking for the meter"),
    "joining": N_("joining"),
    "busy": N_("waiting for the modem"),
    "up": N_("joined"),
    "held": N_("joined; sending pauses"),
    "barred": N_("not joined; sending pauses"),
    "expired": N_("waiting for the session to be renewed"),
    "ending": N_("ending"),
}
"""What people read for a state of the session."""


def _meter_lines(meter: Mapping[str, Any], zone: tzinfo) -> Iterator[tuple[str, str]]:
    yield (
        _("meter"),
        _("{name} ({key})").format(name=meter["name"], key=meter["meter"]) if meter["name"] else meter["meter"],
    )
    last = meter["last_reading"]
    if last is None:
        yield _("last reading"), _("none yet")
    else:
        at = datetime.fromisoformat(last["timestamp"]).astimezone(zone)
        values = ((last["instant_power_w"], "W"), (last["cumulative_power_kwh"], "kWh"))
        said = [
            _("{age} ago").format(age=age_text(last["age_s"])),
            *(_value(*each) for each in values if each[0] is not None),
        ]
        yield (
            _("last reading"),
            _("{time}  ({values})").format(time=f"{at:%Y-%m-%d %H:%M:%S}", values=_(", ").join(said)),
        )
    names = {"today": _("half hours today"), "month": _("this month"), "total": _("in total")}
    for key, name in names.items():
        part = meter["half_hours"][key]
        yield name, _share(part["present"], part["expected"])
    if (part := meter["minutes"]) is not None:
        yield _("minutes, last day"), _share(part["present"], part["expected"])
    backfill = meter["backfill"]
    yield _("meter's memory"), _share(backfill["settled"], backfill["expected"], with_bar=True)
    if meter["conflicts"]:
        yield _("disagreements"), _("{count}; see: {program} check").format(count=meter["conflicts"], program=PROGRAM)


def _value(number: int | Decimal, unit: str) -> str:
    return f"{number:f} {unit}" if isinstance(number, Decimal) else f"{number} {unit}"


def _share(part: int, whole: int, *, with_bar: bool = False) -> str:
    if not whole:
        return _("none expected yet")
    hundredths = part * 10_000 // whole  # rounded down: 100 % is said of what is complete only
    text = _("{part} of {whole} ({percent} %)").format(part=part, whole=whole, percent=f"{hundredths / 100:.10g}")
    drawn = tables.bar(Decimal(part), Decimal(whole), BAR_WIDTH) if with_bar and part < whole else ""
    return f"{text}  {drawn}".rstrip()


def age_text(seconds: int) -> str:
    """A length of time in its two largest units."""
    if seconds < 0:
        return _("{seconds} s ahead of this clock,").format(seconds=-seconds)
    parts: Sequence[tuple[int, str]] = (
        (seconds // 86_400, _("{count} d")),
        (seconds // 3600 % 24, _("{count} h")),
        (seconds // 60 % 60, _("{count} min")),
        (seconds % 60, _("{count} s")),
    )
    first = next((number for number, (count, _unit) in enumerate(parts) if count), len(parts) - 1)
    shown = [text.format(count=count) for count, text in parts[first : first + 2] if count or text == parts[first][1]]
    return _("{larger} {smaller}").format(larger=shown[0], smaller=shown[1]) if len(shown) == 2 else shown[0]
