"""The verb `export`: everything that is stored, streaming, as CSV, JSON Lines or Parquet."""

from __future__ import annotations

import argparse
import heapq
import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from gettext import gettext as _
from pathlib import Path
from typing import BinaryIO, Final

from hems_data_collector.cli import periods as words
from hems_data_collector.cli import tables
from hems_data_collector.cli.arguments import Parser
from hems_data_collector.cli.history import energies
from hems_data_collector.cli.messages import PROGRAM, say
from hems_data_collector.cli.stored import Stored, add_store_flags, meters_of, reading
from hems_data_collector.echonet import EnergyScale
from hems_data_collector.errors import EXIT_OK, ConfigError
from hems_data_collector.language import N_, os_text
from hems_data_collector.readings import (
    HALF_HOUR_KEYS,
    METER_KEY,
    RECORD_KEYS,
    FieldValue,
    Minute,
    Record,
    iso_utc,
    published,
    published_half_hour,
)
from hems_data_collector.store import meters, minutes, readings, summaries
from hems_data_collector.store.meters import StoredMeter
from hems_data_collector.store.periods import Period

HELP = N_("everything that is stored, as CSV, JSON or Parquet")

READINGS: Final = "readings"
HALF_HOURS: Final = "half-hours"
MINUTES: Final = "minutes"
MINUTE_KEYS: Final = ("at", "import_register_kwh", "export_register_kwh")
"""What a minute is, in this order."""
FORMATS: Final = ("csv", "json", "parquet")
PARQUET: Final = FORMATS[2]
PART: Final = ".part"
AT_ONCE: Final = 1_000  # records between two looks at the progress bar
_EARLIEST: Final = datetime(1970, 1, 1, tzinfo=UTC)
_LATEST: Final = datetime(words.LATEST_YEAR + 1, 1, 1, tzinfo=UTC)

OnRecords = Callable[[int], None]
"""Told how many records went through."""


def add_arguments(parser: Parser) -> None:
    """What, of when, in which format, where to."""
    parser.usage = _("{program} export [readings|half-hours|minutes] [--from A] [--to B] [flags]").format(
        program=PROGRAM
    )
    parser.description = _(
        "Writes what is stored, oldest first: readings with the keys of the published record, half hours with those\n"
        "of the half-hour record, or the registers at every full minute, which newer meters have. It takes as little\n"
        "memory for ten years as for a day. Works with and without a running collector."
    )
    parser.add_argument(
        "what",
        nargs="?",
        choices=tuple(_KINDS),
        default=READINGS,
        help=_("readings, half-hours or minutes (default: readings)"),
    )
    parser.add_argument("--from", dest="first", type=words.when, metavar="TIME", help=_("from this day or time on"))
    parser.add_argument(
        "--to", dest="last", type=words.when, metavar="TIME", help=_("until the end of this day, or until this time")
    )
    parser.add_argument("--meter", metavar="METER", help=_("of this meter only, where there are several"))
    parser.add_argument(
        "--format",
        "-f",
        choices=FORMATS,
        help=_("csv, json (one object a line) or parquet (needs the extra [parquet]) (default: that of FILE, or csv)"),
    )
    parser.add_argument(
        "--file",
        type=Path,
        metavar="FILE",
        help=_("write to FILE instead of standard output; it appears when complete"),
    )
    add_store_flags(parser)
    parser.epilog = _(
        "--to counts a day or a month whole, by LOCAL_TIMEZONE. Times may be written as\n{forms}.\n\n"
        "examples:\n"
        "  {program} export > readings.csv\n"
        "  {program} export half-hours --from 2025 --to 2025 --file 2025.parquet\n"
        "  {program} export --from yesterday --format json | jq .instant_power_w\n"
        "  {program} export minutes --from today --to today\n\n"
        "exit codes: 0 done (also where nothing is there), 2 usage, 3 settings, a missing extra or a file that cannot\n"
        "be written, 7 no database"
    ).format(program=PROGRAM, forms=words.FORMS)


def run(arguments: argparse.Namespace) -> int:
    """Write the records; returns the exit code, or raises the HemsError that carries it."""
    form = arguments.format or _format_of(arguments.file)
    if form == PARQUET:
        _check_parquet(arguments.file)
    with reading(arguments) as stored:
        first, last = words.span(arguments.first, arguments.last, zone=stored.settings.zone, now=stored.now)
        period = Period(first or _EARLIEST, last or _LATEST)
        chosen = meters.listed(stored.conn) if arguments.meter is None else meters_of(stored, arguments.meter)
        kind = _KINDS[arguments.what]
        total = kind.expected(stored, chosen, period)
        with _progress(arguments, total) as told, _target(arguments.file) as stream:
            count = _write(form, stream, kind.columns(chosen), kind.records(stored, chosen, period), told)
    if arguments.file is not None or not count:
        where = arguments.file or _("standard output")
        say(_("{count} {what} written to {file}.").format(count=count, what=arguments.what, file=where))
    return EXIT_OK


def columns_of(chosen: Sequence[StoredMeter], keys: Sequence[str] = RECORD_KEYS) -> tuple[str, ...]:
    """These keys; with `meter` where meters have names, as in the record."""
    return (*keys, METER_KEY) if _have_names(chosen) else tuple(keys)


def stored_readings(stored: Stored, chosen: Sequence[StoredMeter], period: Period) -> Iterator[Record]:
    """The readings of `chosen` in `period` as they were published, oldest first; streams."""
    names = _names(chosen)
    streams = [readings.between(stored.conn, meter.key, period.start, period.end) for meter in chosen]
    for found in heapq.merge(*streams, key=lambda each: each.reading.received_at):
        yield published(found.reading, found.recent, meter_name=names[found.reading.meter])


def stored_half_hours(stored: Stored, chosen: Sequence[StoredMeter], period: Period) -> Iterator[Record]:
    """The half hours of `chosen` in `period`, oldest first; streams."""
    names = _names(chosen)
    for energy in energies(stored, chosen, period):
        yield published_half_hour(energy, meter_name=names[energy.meter])


def stored_minutes(stored: Stored, chosen: Sequence[StoredMeter], period: Period) -> Iterator[Record]:
    """The minutes of `chosen` in `period`, oldest first; streams."""
    names = _names(chosen)
    streams = [minutes.between(stored.conn, meter.key, period.start, period.end) for meter in chosen]
    for minute in heapq.merge(*streams, key=lambda each: each.at):
        yield _minute_record(minute, names[minute.meter])


def _minute_record(minute: Minute, name: str | None) -> Record:
    """A minute with `MINUTE_KEYS`, and `meter` where it has a name."""
    scale = EnergyScale(exponent=minute.exponent, coefficient=minute.coefficient)
    at, raws = iso_utc(minute.at), (minute.import_raw, minute.export_raw)
    values: tuple[FieldValue, ...] = (at, *(None if raw is None else scale.kwh(raw) for raw in raws))
    fields = dict(zip(MINUTE_KEYS, values, strict=True)) | ({} if name is None else {METER_KEY: name})
    return Record(key=f"{minute.meter}/{at}/minute", kind="minute", meter=minute.meter, fields=fields)


def _names(chosen: Sequence[StoredMeter]) -> dict[str, str | None]:
    with_name = _have_names(chosen)
    return {meter.key: (meter.name or meter.key) if with_name else None for meter in chosen}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Kind:
    """What can be exported."""

    columns: Callable[[Sequence[StoredMeter]], Sequence[str]]
    records: Callable[[Stored, Sequence[StoredMeter], Period], Iterator[Record]]
    expected: Callable[[Stored, Sequence[StoredMeter], Period], int]
    """How many there will be, about: without a look at each."""


_KINDS: Final[Mapping[str, _Kind]] = {
    READINGS: _Kind(
        columns=columns_of,
        records=stored_readings,
        expected=lambda stored, chosen, period: sum(
            summaries.power(stored.conn, meter.key, [period])[0].readings for meter in chosen
        ),
    ),
    HALF_HOURS: _Kind(
        columns=lambda chosen: columns_of(chosen, HALF_HOUR_KEYS),
        records=stored_half_hours,
        expected=lambda stored, chosen, period: sum(
            summaries.energy(stored.conn, meter.key, [period])[0].half_hours for meter in chosen
        ),
    ),
    MINUTES: _Kind(
        columns=lambda chosen: columns_of(chosen, MINUTE_KEYS),
        records=stored_minutes,
        expected=lambda stored, chosen, period: sum(
            minutes.count(stored.conn, meter.key, period.start, period.end) for meter in chosen
        ),
    ),
}


def _have_names(chosen: Sequence[StoredMeter]) -> bool:
    return any(meter.name for meter in chosen)


def _write(form: str, stream: BinaryIO, columns: Sequence[str], records: Iterator[Record], told: OnRecords) -> int:
    """All records in the format `form`; returns how many."""
    counted = _counted(records, told)
    if form == PARQUET:
        from hems_data_collector.cli.parquet import write_parquet

        return write_parquet(stream, columns, counted)
    from hems_data_collector.outputs.formats import FORMATS as LINES

    stream.write(LINES[form].header(columns))
    count = 0
    encode = LINES[form].encode
    for record in counted:
        stream.write(encode(record))
        count += 1
    return count


def _counted(records: Iterator[Record], told: OnRecords) -> Iterator[Record]:
    """`records`, with `told` informed now and then."""
    number = 0
    for number, record in enumerate(records, start=1):
        yield record
        if number % AT_ONCE == 0:
            told(AT_ONCE)
    told(number % AT_ONCE)


def _format_of(file: Path | None) -> str:
    """What the name of the file says, else CSV."""
    suffix = "" if file is None else file.suffix.lower().lstrip(".")
    return {"jsonl": "json", "ndjson": "json"}.get(suffix, suffix if suffix in FORMATS else FORMATS[0])


def _check_parquet(file: Path | None) -> None:
    """Raises ConfigError where Parquet cannot be written."""
    from importlib.util import find_spec

    if find_spec("pyarrow") is None:
        raise ConfigError(
            _("Parquet needs a package that is not installed."),
            setting="format",
            cause=_("It is an extra, to keep the installation small."),
            remedy=_("Run: pip install 'hems-data-collector[parquet]'"),
        )
    if file is None and tables.on_terminal():
        raise ConfigError(
            _("Parquet is not for a terminal."),
            setting="format",
            cause=_("It is binary data."),
            remedy=_("Add --file NAME.parquet, or choose --format csv."),
        )


# --- where to, and how far --------------------------------------------------------------------------------------------


@contextmanager
def _target(file: Path | None) -> Iterator[BinaryIO]:
    """Standard output, or `file`, which is replaced when all is written and stays as it was when something fails."""
    if file is None:
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    part = file.with_name(file.name + PART)
    try:
        with part.open("wb") as stream:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
        part.replace(file)
    except OSError as error:
        with suppress(OSError):
            part.unlink()
        raise ConfigError(
            _("--file: {file} cannot be written: {reason}.").format(file=file, reason=os_text(error)),
            setting="file",
            cause=_("The folder is missing or closed to this user, or the disk is full."),
            remedy=_("Name a file in a folder where this user may write."),
        ) from error
    except BaseException:
        part.unlink(missing_ok=True)
        raise


@contextmanager
def _progress(arguments: argparse.Namespace, total: int) -> Iterator[OnRecords]:
    """A bar on a terminal's stderr, unless the records go to the same terminal."""
    if sys.stderr is None or not sys.stderr.isatty() or (arguments.file is None and tables.on_terminal()):
        yield lambda count: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    with Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        redirect_stdout=False,
        transient=True,
    ) as display:
        task = display.add_task(arguments.what, total=total)
        yield lambda count: display.advance(task, count)
