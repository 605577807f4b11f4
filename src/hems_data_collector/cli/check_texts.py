"""What `check` says to people."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, tzinfo
from gettext import gettext as _
from typing import Any, Final

from hems_data_collector.cli import tables
from hems_data_collector.cli.messages import PROGRAM
from hems_data_collector.store.salvage import Salvaged
from hems_data_collector.store.sizes import size_text

SHOWN: Final = 50  # disagreements; more would hide the rest of the text


def show_salvaged(file: str, each: Salvaged) -> None:
    """What came from one damaged file."""
    print(_("Brought back from {file}:").format(file=file))
    rows = [
        (_("readings"), each.readings),
        (_("half hours"), each.half_hours),
        (_("already there"), each.already_there),
        (_("disagreements"), each.conflicts),
        (_("unreadable"), each.unreadable),
        *((_("owed to {output}").format(output=name), count) for name, count in each.owed.items()),
    ]
    tables.show_table(("", ""), [(f"  {name}", str(count)) for name, count in rows], right=(1,))
    for name in each.forgotten:
        print(
            "  "
            + _("How far {output} had got is lost; {program} replay sends it what it lacks.").format(
                output=name, program=PROGRAM
            )
        )
    print()


def show_report(found: dict[str, Any], zone: tzinfo) -> None:
    """Soundness first, then what is missing, then what was told twice; times in `zone`."""
    if found["sound"]:
        print(
            _("The database is sound: {readings} readings, {half_hours} half hours, {size}.").format(
                readings=found["readings"], half_hours=found["half_hours"], size=size_text(found["bytes"])
            )
        )
    else:
        print(_("The database is damaged:"))
        for problem in found["problems"]:
            print(f"  {problem}")
        print(
            _("Restart the collector, so that it sets the file aside; then run: {program} check --salvage").format(
                program=PROGRAM
            )
        )
    _show_holes(found["completeness"], zone)
    _show_conflicts(found["conflicts"], zone)


def _show_holes(months: Sequence[dict[str, Any]], zone: tzinfo) -> None:
    """The months in which half hours are missing."""
    rows = [
        (
            each["meter"],
            f"{datetime.fromisoformat(each['start']).astimezone(zone):%Y-%m}",
            str(each["expected"] - each["present"]),
            str(each["expected"]),
        )
        for each in months
        if each["present"] < each["expected"]
    ]
    if rows:
        print()
        tables.show_table((_("meter"), _("month"), _("missing"), _("half hours")), rows, right=(2, 3))
    elif months:
        print(_("No half hour is missing."))


def _show_conflicts(conflicts: Sequence[dict[str, Any]], zone: tzinfo) -> None:
    """What two sources say differently; the first is kept."""
    if not conflicts:
        return
    rows = [
        (
            each["meter"],
            f"{datetime.fromisoformat(each['at']).astimezone(zone):%Y-%m-%d %H:%M}",
            _register_text(each["known"]),
            _register_text(each["told"]),
        )
        for each in conflicts[:SHOWN]
    ]
    print()
    tables.show_table((_("meter"), _("half hour"), _("kept"), _("told otherwise")), rows)
    if len(conflicts) > SHOWN:
        print(_("and {count} more; --json shows all").format(count=len(conflicts) - SHOWN))


def _register_text(registers: dict[str, Any]) -> str:
    values = [
        f"{registers[key]:f} kWh" + said
        for key, said in (("import_register_kwh", ""), ("export_register_kwh", " " + _("fed in")))
        if registers[key] is not None
    ]
    return f"{', '.join(values)} ({registers['source']})"
