"""The log as outputs see it: records by number, made again from the rows, the same as when they were new."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from operator import itemgetter
from typing import Final

from hems_data_collector.readings import FieldValue, Record, published_half_hour, reading_record
from hems_data_collector.store import meters
from hems_data_collector.store.failures import Row, sound_rows
from hems_data_collector.store.half_hours import ENERGY_COLUMNS, energy_of
from hems_data_collector.store.position import next_seq
from hems_data_collector.store.readings import COLUMNS, Mark, amperes
from hems_data_collector.store.times import EPOCH, HALF_HOUR_S, HOUR_US, SECOND_US, from_seconds, to_micros

LAST: Final = 1 << 62  # above every number
NEAR: Final = 1_000  # so many records are looked through in no time
TWO_WIRE: Final = Mark.TWO_WIRE.value  # a plain number: `&` with a flag makes another flag of each row
MINUTE_US: Final = 60 * SECOND_US
COMMON: Final = 256  # so many values that come again and again are made once: currents, half hours and their energy


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """A part of the log: from number `first` to `last`, of the kinds that are wanted."""

    first: int
    last: int = LAST
    times: tuple[int, int] | None = None
    """Only what is of this range of time, in microseconds; a half hour belongs to it by its beginning."""
    readings: bool = True
    half_hours: bool = True


def within(conn: sqlite3.Connection, span: Span, limit: int) -> list[tuple[int, Record]]:
    """At most `limit` records of `span` with their numbers, in order."""
    scales, keys = meters.scales(conn), meters.keys(conn)
    worth = {number: lru_cache(maxsize=COMMON)(scale.energy.kwh) for number, scale in scales.items()}

    def of_reading(row: Row) -> tuple[int, Record]:
        key, name = keys[row[1]]
        return row[0], reading_record(key, _published(row, worth), meter_name=name)

    def of_half_hour(row: Row) -> tuple[int, Record]:
        key, name = keys[row[1]]
        return row[0], published_half_hour(energy_of(row[2:], key, scales), meter_name=name)

    found: list[tuple[int, Record]] = []
    if span.readings:
        where, values = _readings(span)
        rows = conn.execute(f"SELECT seq, {COLUMNS} FROM readings {where} ORDER BY seq LIMIT ?", (*values, limit))
        found += sound_rows(rows, of_reading)
    if span.half_hours:
        where, values = _half_hours(span)
        sql = f"SELECT seq, meter, {ENERGY_COLUMNS} FROM half_hours {where} ORDER BY seq LIMIT ?"
        found += sound_rows(conn.execute(sql, (*values, limit)), of_half_hour)
    return sorted(found, key=itemgetter(0))[:limit]


def count(conn: sqlite3.Connection, span: Span) -> int:
    """How many records there are in `span`."""
    found = 0
    if span.readings:
        where, values = _readings(span)
        found += conn.execute(f"SELECT count(*) FROM readings {where}", values).fetchone()[0]
    if span.half_hours:
        where, values = _half_hours(span)
        found += conn.execute(f"SELECT count(*) FROM half_hours {where}", values).fetchone()[0]
    return found


def record_at(conn: sqlite3.Connection, seq: int) -> Record | None:
    """The record with this number, if it is still there."""
    found = within(conn, Span(first=seq, last=seq), 1)
    return found[0][1] if found else None


def position_at(conn: sqlite3.Connection, moment: datetime) -> int:
    """The number before the first record of `moment` or later; the last number where there is none."""
    micros = to_micros(moment)
    candidates = [next_seq(conn)]
    for first, last in conn.execute(
        "SELECT first_seq, last_seq FROM hours WHERE hour >= ? ORDER BY first_seq LIMIT 1", (micros // HOUR_US,)
    ):
        row = conn.execute(
            "SELECT min(seq) FROM readings WHERE seq BETWEEN ? AND ? AND received_us >= ?", (first, last, micros)
        ).fetchone()
        candidates.append(last + 1 if row[0] is None else row[0])
    row = conn.execute(
        "SELECT min(seq) FROM half_hours WHERE seq IS NOT NULL AND at > ?", (micros // SECOND_US,)
    ).fetchone()
    candidates += [] if row[0] is None else [row[0]]
    return min(candidates) - 1


def spans_of(conn: sqlite3.Connection, start: datetime, end: datetime, *, last: int) -> list[Span]:
    """Where in the log, up to number `last`, the records from `start` until before `end` stand.

    Half hours that were read later stand far from the readings of their time: they get a span of their own, so that
    nobody has to look through all that is between.
    """
    times = (to_micros(start), to_micros(end))
    hours = conn.execute(
        "SELECT min(first_seq), max(last_seq) FROM hours WHERE hour >= ? AND hour < ?",
        (times[0] // HOUR_US, -(-times[1] // HOUR_US)),
    ).fetchone()
    slots = conn.execute(
        "SELECT min(seq), max(seq) FROM half_hours WHERE seq IS NOT NULL AND at >= ? AND at < ?", _slots(times)
    ).fetchone()
    found = [(*bounds, kind) for bounds, kind in ((hours, True), (slots, False)) if bounds[0] is not None]
    if len(found) == 2:
        low, high = min(hours[0], slots[0]), max(hours[1], slots[1])
        if high - low <= 2 * (hours[1] - hours[0]) + NEAR:
            return [Span(first=low, last=min(high, last), times=times)] if low <= last else []
    return [
        Span(first=low, last=min(high, last), times=times, readings=kind, half_hours=not kind)
        for low, high, kind in sorted(found)
        if low <= last
    ]


def _readings(span: Span) -> tuple[str, tuple[int, ...]]:
    """The condition of a span on `readings`, with its values."""
    where, values = "WHERE seq BETWEEN ? AND ?", (span.first, span.last)
    if span.times is None:
        return where, values
    return f"{where} AND received_us >= ? AND received_us < ?", (*values, *span.times)


def _half_hours(span: Span) -> tuple[str, tuple[int, ...]]:
    """The condition of a span on `half_hours`, with its values."""
    where, values = "WHERE seq BETWEEN ? AND ? AND seq IS NOT NULL", (span.first, span.last)
    if span.times is None:
        return where, values
    return f"{where} AND at >= ? AND at < ?", (*values, *_slots(span.times))


def _slots(times: tuple[int, int]) -> tuple[int, int]:
    """The ends of the half hours that begin in a range of time, from the first until before the last."""
    low, high = (-(-micros // SECOND_US) + HALF_HOUR_S for micros in times)
    return low, high


def _published(row: Row, worth: Mapping[int, Callable[[int], Decimal]]) -> tuple[FieldValue, ...]:
    """What `published` gives for a row (its number, then `COLUMNS`) once `stored`, without making all that.

    A backlog goes out at the pace of this. `worth` has the kilowatt hours of a count, by the number of its scale.
    """
    _, _, received_us, power_w, r_da, t_da, import_raw, _, fixed_at, fixed_raw, _, scale, end, used_raw, _, marks = row
    kwh = worth[scale]
    current = current_r = _amperes(r_da)
    current_t = _amperes(t_da)
    if current_r is not None and not marks & TWO_WIRE:
        current = None if current_t is None else current_r + current_t
    return (
        _stamp(received_us),
        None if import_raw is None else kwh(import_raw),
        power_w,
        current,
        current_r,
        current_t,
        None if fixed_at is None else _second(fixed_at),
        None if fixed_raw is None else kwh(fixed_raw),
        None if end is None else _second(end),
        None if end is None else kwh(used_raw),
    )


_amperes = lru_cache(maxsize=COMMON)(amperes)


def _stamp(micros: int) -> str:
    """As `iso_utc` with microseconds, put together from numbers: a datetime takes five times as long."""
    hour, rest = divmod(micros, HOUR_US)
    minute, rest = divmod(rest, MINUTE_US)
    second, rest = divmod(rest, SECOND_US)
    return f"{_hour(hour)}:{minute:02d}:{second:02d}.{rest:06d}+00:00"


@lru_cache(maxsize=COMMON)
def _hour(hours: int) -> str:
    return (EPOCH + timedelta(hours=hours)).isoformat()[:-12]


@lru_cache(maxsize=COMMON)
def _second(seconds: int) -> str:
    return from_seconds(seconds).isoformat()
