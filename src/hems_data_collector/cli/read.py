"""The verb `read`: one reading now, as a table for people or as a record in a pipe."""

from __future__ import annotations

import argparse
import sys
from datetime import tzinfo
from decimal import Decimal
from gettext import gettext as _
from typing import TYPE_CHECKING, Final

from hems_data_collector.cli.arguments import Parser, add_settings, given
from hems_data_collector.cli.each_meter import add_meter_flag, for_each_meter, load_for_meters
from hems_data_collector.cli.messages import PROGRAM
from hems_data_collector.cli.progress import terminal_progress
from hems_data_collector.cli.run import prepare
from hems_data_collector.errors import NoAnswer
from hems_data_collector.language import N_
from hems_data_collector.settings_table import CONFIG_SETTING, CORE_SETTINGS, READ_SETTINGS

if TYPE_CHECKING:
    from hems_data_collector.config import Settings
    from hems_data_collector.readings import Consumption, Reading, Record

HELP = N_("one reading now: a table on a terminal, a record in a pipe")

DEADLINE_S: Final = 180.0
"""A one-shot verb answers within this time: one widening scan and two joins (docs/cli.md)."""

_SETTINGS: Final = tuple(row for row in (*CORE_SETTINGS, CONFIG_SETTING) if row.name in READ_SETTINGS)


def add_arguments(parser: Parser) -> None:
    """The flags of port, meter and format."""
    parser.usage = _("{program} read [flags]").format(program=PROGRAM)
    parser.description = _(
        "Joins the meter, reads it once and ends, within three minutes. On a terminal it shows a table; in a pipe, or\n"
        "with --format, it writes the record that the collector would. With several meters, one for each."
    )
    add_settings(parser, _SETTINGS)
    add_meter_flag(parser)
    parser.add_help_flag()
    parser.epilog = _(
        "examples:\n"
        "  {program} read                          a table of what the meter says now\n"
        "  {program} read --port emulator:?fast=1  the same without hardware\n"
        "  {program} read | jq .instant_power_w    one value for a script\n\n"
        "exit codes: 0 read, 2 usage, 3 settings, 4 port, 5 no meter found, 6 the meter refused id or password"
    ).format(program=PROGRAM)


def run(arguments: argparse.Namespace) -> int:
    """Read each meter once and print; returns the exit code, or raises the HemsError that carries it."""
    settings = load_for_meters(arguments, _SETTINGS)
    prepare(settings)
    as_table = sys.stdout.isatty() and "format" not in given(arguments, _SETTINGS)
    headed = False

    async def read(one: Settings) -> None:
        nonlocal headed
        reading, recent, record = await _read(one)
        if as_table:
            _print_table(reading, recent, one)
        else:
            _print_record(record, one, with_header=not headed)
        headed = True

    return for_each_meter(settings, read)


async def _read(settings: Settings) -> tuple[Reading, Consumption | None, Record]:
    """One reading before the deadline."""
    from hems_data_collector.app import read_once
    from hems_data_collector.clock import SystemClock

    clock, progress = SystemClock(), terminal_progress()
    try:
        return await clock.wait_for(read_once(settings, clock, on_progress=progress), DEADLINE_S)
    except TimeoutError:
        raise NoAnswer(
            _("No reading within {seconds:.0f} seconds.").format(seconds=DEADLINE_S),
            cause=_("The radio link is weak, or the meter is busy with another client."),
            remedy=_("Move the stick closer to the meter and try again; --debug shows every step."),
        ) from None
    finally:
        if progress is not None:
            progress(None)


def _print_record(record: Record, settings: Settings, *, with_header: bool) -> None:
    from hems_data_collector.outputs import FORMATS

    form = FORMATS[settings.format]
    header = form.header(record.fields) if with_header else b""
    sys.stdout.buffer.write(header + form.encode(record))
    sys.stdout.buffer.flush()


def _print_table(reading: Reading, recent: Consumption | None, settings: Settings) -> None:
    from rich.box import SIMPLE
    from rich.console import Console
    from rich.table import Table

    table = Table(box=SIMPLE, show_header=False, title=settings.meters[0].name)
    table.add_column(style="bold", overflow="fold")
    table.add_column(justify="right", overflow="fold")
    table.add_column(overflow="fold")
    for row in table_rows(reading, recent, settings.zone):
        table.add_row(*row)
    Console().print(table)


def table_rows(reading: Reading, recent: Consumption | None, zone: tzinfo) -> list[tuple[str, str, str]]:
    """Name, value and unit for every line of the table, times in `zone`; what the meter does not have is left out."""
    day = reading.received_at.astimezone(zone)
    rows: list[tuple[str, Decimal | int | str | None, str]] = [
        (_("Time"), f"{day:%Y-%m-%d %H:%M:%S}", day.tzname() or ""),
        (_("Meter"), reading.meter, ""),
        *_power_rows(reading),
        (_("Current, phase R"), reading.current_r_a, "A"),
        (_("Current, phase T"), reading.current_t_a, "A"),
        (_("Current, both"), None if reading.two_wire else reading.current_a, "A"),
        (_("Meter reading, drawn"), reading.energy_import_kwh, "kWh"),
        (_("Meter reading, fed in"), reading.energy_export_kwh, "kWh"),
    ]
    if reading.fixed_at is not None:
        at = f"{reading.fixed_at.astimezone(zone):%H:%M}"
        rows.append((_("Meter reading at {time}").format(time=at), reading.fixed_import_kwh, "kWh"))
    if recent is not None:
        span = f"{recent.start.astimezone(zone):%H:%M}-{recent.end.astimezone(zone):%H:%M}"
        rows.append((_("Drawn in {span}").format(span=span), recent.import_kwh, "kWh"))
    if reading.lqi is not None:
        rows.append((_("Radio link quality"), reading.lqi, _("of 255")))
    return [(name, _text(value), unit) for name, value, unit in rows if value is not None]


def _power_rows(reading: Reading) -> list[tuple[str, Decimal | int | str | None, str]]:
    power = reading.power_w
    if power is None:
        return [(_("Power now"), _("no data"), "")]
    return [(_("Power now"), abs(power), _("W, fed into the grid") if power < 0 else _("W, drawn from the grid"))]


def _text(value: Decimal | int | str | None) -> str:
    return format(value, "f") if isinstance(value, Decimal) else str(value)
