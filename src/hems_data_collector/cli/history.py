"""The verb `history`: the half hours of a stretch of time, as a table with bars or as records."""

from __future__ import annotations

import argparse
import heapq
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from gettext import gettext as _
from operator import attrgetter
from shutil import get_terminal_size
from typing import Final

from hems_data_collector.cli import periods as words
from hems_data_collector.cli import tables
from hems_data_collector.cli.arguments import Parser
from hems_data_collector.cli.messages import PROGRAM, say
from hems_data_collector.cli.stored import Stored, add_store_flags, meters_of, reading
from hems_data_collector.errors import EXIT_OK
from hems_data_collector.language import N_
from hems_data_collector.readings import HALF_HOUR, FieldValue, HalfHourEnergy, Record, published_half_hour
from hems_data_collector.store import half_hours, summaries
from hems_data_collector.store.meters import StoredMeter
from hems_data_collector.store.periods import Period, Step, periods

HELP = N_("what was used: half hours of a day, days of a month; a table, CSV or JSON")

KEYS: Final = (
    "start",
    "end",
    "import_kwh",
    "export_kwh",
    "import_register_kwh",
    "export_register_kwh",
    "source",
)
"""What a half hour is in a pipe, in this order."""

FULL_WIDTH: Final = 80  # characters of a terminal; on a narrower one bars are shorter
BAR_WIDTH: Final = 24  # characters, so that a row fits on that
NO_DATA: Final = "-"
HALF_HOURS_UP_TO: Final = timedelta(days=2)
DAYS_UP_TO: Final = timedelta(days=62)
MONTHS_UP_TO: Final = timedelta(days=5 * 366)
"""How long a stretch of time may be so that a table of half hours, days, months is not too long to read."""

_STAMPS: Final = {None: "%m-%d %H:%M", Step.DAY: "%Y-%m-%d %a", Step.MONTH: "%Y-%m", Step.YEAR: "%Y"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One line of the table."""

    start: datetime
    import_kwh: Decimal | None
    export_kwh: Decimal | None
    known: int
    """So many half hours of it are known."""
    of: int
    """So many half hours there are in it by now."""


def add_arguments(parser: Parser) -> None:
    """When, which meter, and how to print."""
    parser.usage = _("{program} history [--day D | --month M | --from A --to B | --all] [flags]").format(
        program=PROGRAM
    )
    parser.description = _(
        "Shows what was drawn from the grid and fed into it, from the half hours that the collector keeps. On a\n"
        "terminal a table: half hours of a day or two, else days, months or years. In a pipe, or with --format, one\n"
        "line for each half hour, times in UTC. Without a time: today. Works with and without a running collector."
    )
    parser.add_argument("--day", type=words.day, metavar="DAY", help=_("one day: 2026-01-15, today, yesterday"))
    parser.add_argument("--month", type=words.month, metavar="MONTH", help=_("one month: 2026-01"))
    parser.add_argument("--from", dest="first", type=words.when, metavar="TIME", help=_("from this day or time on"))
    parser.add_argument(
        "--to", dest="last", type=words.when, metavar="TIME", help=_("until the end of this day, or until this time")
    )
    parser.add_argument("--all", action="store_true", help=_("everything there is"))
    parser.add_argument("--meter", metavar="METER", help=_("of this meter, where there are several"))
    parser.add_argument("--format", "-f", choices=("csv", "json"), help=_("lines for programs; csv in a pipe"))
    add_store_flags(parser)
    parser.set_defaults(fail=parser.error)
    parser.epilog = _(
        "A day or a month is that of LOCAL_TIMEZONE, and --to counts it whole. Times may be written as\n"
        "{forms}.\n\n"
        "examples:\n"
        "  {program} history                                  today, half hour by half hour\n"
        "  {program} history --month 2026-01                  one month, day by day\n"
        "  {program} history --from 2026-01 --to 2026-03      three months\n"
        "  {program} history --all --format csv > all.csv     every half hour, for a spreadsheet\n\n"
        "exit codes: 0 done (also where nothing is there), 2 usage, 3 settings, 7 no database"
    ).format(program=PROGRAM, forms=words.FORMS)


def run(arguments: argparse.Namespace) -> int:
    """Print the half hours; returns the exit code, or raises the HemsError that carries it."""
    _check(arguments)
    with reading(arguments) as stored:
        meters = meters_of(stored, arguments.meter)
        period = _period(arguments, stored, meters)
        if arguments.format is None and tables.on_terminal():
            found = _show(stored, meters, period)
        else:
            if arguments.first is None and period.start == whole(stored, meters).start:
                period = Period(period.start - HALF_HOUR, period.end)  # the first register ends a half hour too
            found = _write(energies(stored, meters, period), arguments.format or "csv")
        if not found:
            say(_nothing(stored, meters, period))
    return EXIT_OK


def energies(stored: Stored, meters: Sequence[StoredMeter], period: Period) -> Iterator[HalfHourEnergy]:
    """The half hours of `meters` that begin in `period`, oldest first; streams."""
    first, last = _ends(period)
    streams = [half_hours.energies(stored.conn, meter.key, first, last) for meter in meters]
    return heapq.merge(*streams, key=attrgetter("end"))


def whole(stored: Stored, meters: Sequence[StoredMeter]) -> Period:
    """From the first register that is known to the last one; empty at the present where there is none."""
    oldest = [at for meter in meters if (at := half_hours.oldest(stored.conn, meter.key))]
    newest = [at for meter in meters if (at := half_hours.newest(stored.conn, meter.key))]
    if not oldest:
        return Period(stored.now, stored.now)
    return Period(min(oldest), max(newest))


def _check(arguments: argparse.Namespace) -> None:
    """One way to say when; ends the program with a usage error."""
    given = {
        "--day": arguments.day is not None,
        "--month": arguments.month is not None,
        "--from/--to": arguments.first is not None or arguments.last is not None,
        "--all": arguments.all,
    }
    chosen = [flag for flag, is_given in given.items() if is_given]
    if len(chosen) > 1:
        arguments.fail(_("{flags} do not go together.").format(flags=_(" and ").join(chosen)))


def _period(arguments: argparse.Namespace, stored: Stored, meters: Sequence[StoredMeter]) -> Period:
    zone, now = stored.settings.zone, stored.now
    if arguments.all or arguments.first is not None or arguments.last is not None:
        everything = whole(stored, meters)
        start, end = words.span(arguments.first, arguments.last, zone=zone, now=now)
        return Period(start or everything.start, end or max(everything.end, start or everything.start))
    chosen: words.When = arguments.day or arguments.month or words.when("today")
    return chosen.period(zone, now)


def _ends(period: Period) -> tuple[datetime, datetime]:
    """The first and the last end of a half hour that begins in `period`; whole seconds."""
    start, end = (_ceiling(moment) for moment in (period.start, period.end))
    return start + HALF_HOUR, end + HALF_HOUR - timedelta(seconds=1)


def _ceiling(moment: datetime) -> datetime:
    return moment + timedelta(microseconds=-moment.microsecond % 1_000_000)


def _write(found: Iterator[HalfHourEnergy], form: str) -> int:
    """Every half hour as a line of `form`, streaming; returns how many."""
    from hems_data_collector.outputs.formats import FORMATS

    chosen = FORMATS[form]
    stream = sys.stdout.buffer
    stream.write(chosen.header(KEYS))
    count = 0
    for energy in found:
        record = published_half_hour(energy)
        fields: dict[str, FieldValue] = {key: record.fields[key] for key in KEYS}
        stream.write(chosen.encode(Record(key=record.key, kind=record.kind, meter=record.meter, fields=fields)))
        count += 1
    stream.flush()
    return count


def _nothing(stored: Stored, meters: Sequence[StoredMeter], period: Period) -> str:
    there = whole(stored, meters)
    if there.start == there.end:
        return _("No half hour is known yet. The collector reads the meter's memory in the background.")
    zone = stored.settings.zone
    dates = {
        name: f"{moment.astimezone(zone):%Y-%m-%d %H:%M}"
        for name, moment in (("a", period.start), ("b", period.end), ("first", there.start), ("last", there.end))
    }
    return _("No half hour is known from {a} to {b}. There are some from {first} to {last}.").format(**dates)


# --- the table --------------------------------------------------------------------------------------------------------


def step_for(period: Period) -> Step | None:
    """How long one line of a table of `period` lasts; None for half hours."""
    length = period.end - period.start
    if length <= HALF_HOURS_UP_TO:
        return None
    if length <= DAYS_UP_TO:
        return Step.DAY
    return Step.MONTH if length <= MONTHS_UP_TO else Step.YEAR


def rows_of(stored: Stored, meters: Sequence[StoredMeter], period: Period) -> list[Row]:
    """The lines of the table: every half hour (day, month, year) of `period` up to the present, known or not."""
    step = step_for(period)
    if step is None:
        return _half_hour_rows(stored, meters, period)
    parts = periods(period.start, min(period.end, stored.now), step, stored.settings.zone)
    parts = [Period(max(part.start, period.start), min(part.end, period.end)) for part in parts]
    sums = [summaries.energy(stored.conn, meter.key, parts) for meter in meters]
    return [
        Row(
            start=part.start,
            import_kwh=_sum([one.import_kwh for one in each]),
            export_kwh=_sum([one.export_kwh for one in each]),
            known=(known := sum(one.half_hours for one in each)),
            of=max(known, (min(part.end, stored.now) - part.start) // HALF_HOUR),
        )
        for part, each in zip(parts, zip(*sums, strict=True), strict=True)
    ]


def _half_hour_rows(stored: Stored, meters: Sequence[StoredMeter], period: Period) -> list[Row]:
    found = {energy.start: energy for energy in energies(stored, meters, period)}
    start = _ceiling(period.start)
    start += timedelta(seconds=-start.timestamp() % HALF_HOUR.total_seconds())
    rows: list[Row] = []
    while (start < period.end and start + HALF_HOUR <= stored.now) or start in found:
        energy = found.get(start)
        known = energy is not None and energy.import_kwh is not None
        rows.append(
            Row(
                start=start,
                import_kwh=energy.import_kwh if energy else None,
                export_kwh=energy.export_kwh if energy else None,
                known=int(known),
                of=1,
            )
        )
        start += HALF_HOUR
    return rows


def _show(stored: Stored, meters: Sequence[StoredMeter], period: Period) -> int:
    """Print the table; returns how many half hours are in it."""
    rows = rows_of(stored, meters, period)
    known = sum(row.known for row in rows)
    if not known:
        return 0
    step = step_for(period)
    exports = any(row.export_kwh is not None for row in rows)
    largest = max(row.import_kwh or Decimal(0) for row in rows)
    largest_export = max(row.export_kwh or Decimal(0) for row in rows)
    head = ["", _("drawn kWh"), ""]
    if exports:
        head += [_("fed in kWh"), ""]
    head.append("" if step is None else _("half hours"))
    width = max(0, min(BAR_WIDTH, BAR_WIDTH + get_terminal_size().columns - FULL_WIDTH))
    lines = []
    for row in rows:
        line = [
            f"{row.start.astimezone(stored.settings.zone):{_STAMPS[step]}}",
            _text(row.import_kwh),
            tables.bar(row.import_kwh or Decimal(0), largest, width // (1 + exports)),
        ]
        if exports:
            line += [_text(row.export_kwh), tables.bar(row.export_kwh or Decimal(0), largest_export, width // 2)]
        line.append(_of(row, step))
        lines.append(line)
    total = [_("total"), _text(_sum([row.import_kwh for row in rows])), ""]
    if exports:
        total += [_text(_sum([row.export_kwh for row in rows])), ""]
    total.append(_("{known} of {of}").format(known=known, of=sum(row.of for row in rows)))
    tables.show_table(head, [*lines, total], right=(1, 3) if exports else (1,))
    return known


def _of(row: Row, step: Step | None) -> str:
    """How complete a line is, where it is not."""
    if row.known >= row.of:
        return ""
    return _("not known") if step is None else _("{known} of {of}").format(known=row.known, of=row.of)


def _sum(values: Sequence[Decimal | None]) -> Decimal | None:
    known = [value for value in values if value is not None]
    return sum(known, Decimal(0)) if known else None


def _text(value: Decimal | None) -> str:
    return NO_DATA if value is None else format(value, "f")
