"""Readings: appended to the log one by one, exact, and found again by time through the roll-up `hours`."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import IntFlag
from typing import Any, Final

from hems_data_collector.echonet import EnergyScale
from hems_data_collector.meter.profile import MeterProfile
from hems_data_collector.readings import Consumption, Reading
from hems_data_collector.store import meters
from hems_data_collector.store.failures import sound_rows
from hems_data_collector.store.position import next_seq
from hems_data_collector.store.times import HOUR_US, from_micros, from_seconds, to_micros, to_seconds

CLOCK_SET_SINCE_US: Final = 1_704_067_200_000_000  # 2024-01-01: this program is younger, so an earlier clock is wrong
COLUMNS: Final = (
    "meter, received_us, power_w, r_da, t_da, import_raw, export_raw, fixed_at, fixed_import_raw, fixed_export_raw,"
    " scale, recent_end, recent_raw, lqi, marks"
)

Row = tuple[Any, ...]
HourSum = tuple[Any, ...]
"""The columns of `hours` behind its key."""


class Mark(IntFlag):
    """What is known of a reading beside its values."""

    NONE = 0
    TWO_WIRE = 1
    CLOCK_NOT_SET = 2
    """Our clock showed a time before this program existed."""
    CLOCK_STEPPED_BACK = 4
    """The reading before it in the log has a later stamp."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredReading:
    """A reading as it was appended, with its place in the log."""

    seq: int
    reading: Reading
    recent: Consumption | None
    """The newest complete half hour that was known when it was published."""
    marks: Mark

    @property
    def stamp_doubtful(self) -> bool:
        """Whether `received_at` should not be trusted."""
        return bool(self.marks & (Mark.CLOCK_NOT_SET | Mark.CLOCK_STEPPED_BACK))


def append(conn: sqlite3.Connection, reading: Reading, recent: Consumption | None, profile: MeterProfile) -> int:
    """Put `reading` at the end of the log; returns its number.

    Appending the same reading again changes nothing and returns its number. Another reading with the same stamp (a
    clock stepped back) is stored one or more microseconds later, so that no two have one key. `profile` is what the
    reading was made with; raises ValueError where its scale cannot have given these kilowatt hours.
    """
    meter = meters.number(conn, reading.meter)
    if meter is None:
        meter = meters.know(conn, profile, reading.received_at)
    scale = meters.scale_number(conn, exponent=profile.exponent, coefficient=profile.coefficient, digits=profile.digits)
    row = row_of(reading, recent, profile.scale, meter=meter, scale=scale)
    row, same = _own_stamp(conn, row)
    if same is not None:
        return same
    seq = next_seq(conn)
    row = (*row[:-1], row[-1] | _clock_marks(conn, row[1]))
    insert(conn, [(seq, row)])
    return seq


def insert(conn: sqlite3.Connection, rows: Iterable[tuple[int, Row]]) -> int:
    """Enter rows (`COLUMNS`) under their numbers, and into the sums of their hours; returns how many.

    A number that is taken is passed over.
    """
    count = 0
    sums: dict[tuple[int, int], HourSum] = {}
    for seq, row in rows:
        sql = f"INSERT OR IGNORE INTO readings (seq, {COLUMNS}) VALUES (?{', ?' * len(row)})"
        if conn.execute(sql, (seq, *row)).rowcount:
            hour = row[0], row[1] // HOUR_US
            sums[hour] = _sum(sums.get(hour), seq, row[1], row[2])
            count += 1
    conn.executemany(
        "INSERT INTO hours (meter, hour, first_seq, last_seq, newest_us, readings, powers, power_sum, power_min,"
        " power_max) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (meter, hour) DO UPDATE SET"
        " first_seq = min(first_seq, excluded.first_seq), last_seq = max(last_seq, excluded.last_seq),"
        " newest_us = max(newest_us, excluded.newest_us), readings = readings + excluded.readings,"
        " powers = powers + excluded.powers, power_sum = power_sum + excluded.power_sum,"
        " power_min = min(coalesce(power_min, excluded.power_min), coalesce(excluded.power_min, power_min)),"
        " power_max = max(coalesce(power_max, excluded.power_max), coalesce(excluded.power_max, power_max))",
        [(*hour, *values) for hour, values in sums.items()],
    )
    return count


def _sum(known: HourSum | None, seq: int, received_us: int, power: int | None) -> HourSum:
    """The sum of an hour with one reading more."""
    one = (seq, seq, received_us, 1, int(power is not None), power or 0, power, power)
    if known is None:
        return one
    powers = [watts for watts in (known[6], known[7], power) if watts is not None]
    return (
        min(known[0], seq),
        max(known[1], seq),
        max(known[2], received_us),
        *(old + new for old, new in zip(known[3:6], one[3:6], strict=True)),
        min(powers, default=None),
        max(powers, default=None),
    )


def between(conn: sqlite3.Connection, meter: str, start: datetime, end: datetime) -> Iterator[StoredReading]:
    """The readings of `meter` received from `start` until before `end`, in the order of their stamps; streams."""
    row = meters.number(conn, meter)
    if row is None:
        return
    start_us, end_us = to_micros(start), to_micros(end)
    scales = meters.scales(conn)
    hours = conn.execute(
        "SELECT first_seq, last_seq, hour FROM hours WHERE meter = ? AND hour >= ? AND hour < ? ORDER BY hour",
        (row, start_us // HOUR_US, -(-end_us // HOUR_US)),
    )
    for first, last, hour in hours:
        low, high = max(start_us, hour * HOUR_US), min(end_us, (hour + 1) * HOUR_US)
        found = conn.execute(
            f"SELECT seq, {COLUMNS} FROM readings WHERE seq BETWEEN ? AND ? AND meter = ?"
            " AND received_us >= ? AND received_us < ? ORDER BY received_us, seq",
            (first, last, row, low, high),
        )
        yield from sound_rows(found, lambda values: stored(values[0], values[1:], meter, scales))


def newest(conn: sqlite3.Connection, meter: str) -> StoredReading | None:
    """The reading of `meter` that was appended last."""
    found = conn.execute(
        f"SELECT seq, {COLUMNS} FROM readings WHERE seq = (SELECT max(last_seq) FROM hours WHERE meter = ?)",
        (meters.number(conn, meter),),
    ).fetchone()
    return None if found is None else stored(found[0], found[1:], meter, meters.scales(conn))


def latest_stamp(conn: sqlite3.Connection, meter: str) -> datetime | None:
    """The latest stamp that a reading of `meter` has or had."""
    row = conn.execute(
        "SELECT newest_us FROM hours WHERE meter = ? ORDER BY hour DESC LIMIT 1", (meters.number(conn, meter),)
    ).fetchone()
    return None if row is None else from_micros(row[0])


def is_taken(conn: sqlite3.Connection, meter: str, stamp: datetime) -> bool:
    """Whether a reading of `meter` has this stamp."""
    number = meters.number(conn, meter)
    return number is not None and _with_stamp(conn, number, to_micros(stamp)) is not None


def row_of(reading: Reading, recent: Consumption | None, energy: EnergyScale, *, meter: int, scale: int) -> Row:
    """The values of `COLUMNS`; raises ValueError where they could not give back exactly this reading."""
    row = (
        meter,
        to_micros(reading.received_at),
        reading.power_w,
        _tenths(reading.current_r_a),
        _tenths(reading.current_t_a),
        reading.energy_import_raw,
        reading.energy_export_raw,
        None if reading.fixed_at is None else to_seconds(reading.fixed_at),
        raw_of(reading.fixed_import_kwh, energy),
        raw_of(reading.fixed_export_kwh, energy),
        scale,
        None if recent is None else to_seconds(recent.end),
        None if recent is None else raw_of(recent.import_kwh, energy),
        reading.lqi,
        int(Mark.TWO_WIRE if reading.two_wire else Mark.NONE),
    )
    for raw, kwh in ((row[5], reading.energy_import_kwh), (row[6], reading.energy_export_kwh)):
        if raw != raw_of(kwh, energy):
            raise ValueError(f"{kwh} kWh are not {raw} counts of {energy}.")
    return row


def stored(seq: int, row: Row, meter: str, scales: dict[int, meters.Scale]) -> StoredReading:
    """A row (`COLUMNS`) as what was appended."""
    (_, received_us, power_w, r_da, t_da, import_raw, export_raw, fixed_at, fixed_import, fixed_export) = row[:10]
    scale, recent_end, recent_raw, lqi, marks = row[10:]
    energy = scales[scale].energy
    return StoredReading(
        seq=seq,
        reading=Reading(
            meter=meter,
            received_at=from_micros(received_us),
            power_w=power_w,
            current_r_a=amperes(r_da),
            current_t_a=amperes(t_da),
            two_wire=bool(marks & Mark.TWO_WIRE),
            energy_import_kwh=kwh_of(import_raw, energy),
            energy_export_kwh=kwh_of(export_raw, energy),
            fixed_at=None if fixed_at is None else from_seconds(fixed_at),
            fixed_import_kwh=kwh_of(fixed_import, energy),
            fixed_export_kwh=kwh_of(fixed_export, energy),
            energy_import_raw=import_raw,
            energy_export_raw=export_raw,
            lqi=lqi,
        ),
        recent=None
        if recent_end is None
        else Consumption(end=from_seconds(recent_end), import_kwh=energy.kwh(recent_raw)),
        marks=Mark(marks),
    )


def kwh_of(raw: int | None, energy: EnergyScale) -> Decimal | None:
    """Exact kilowatt hours; None stays None."""
    return None if raw is None else energy.kwh(raw)


def raw_of(kwh: Decimal | None, energy: EnergyScale) -> int | None:
    """The count that is worth `kwh`, None for None; raises ValueError where no count gives exactly this number."""
    if kwh is None:
        return None
    sign, digits, exponent = kwh.as_tuple()
    counts, rest = divmod(int("".join(map(str, digits))), energy.coefficient * int(10 ** max(0, energy.exponent)))
    if not sign and not rest and exponent == min(0, energy.exponent):
        return counts
    raise ValueError(f"{kwh} kWh are no count of {energy}.")


def _own_stamp(conn: sqlite3.Connection, row: Row) -> tuple[Row, int | None]:
    """`row` with a stamp that its meter has not had yet, and the number of the very same row if there is one."""
    meter, received_us, *values = row
    while True:
        taken = _with_stamp(conn, meter, received_us)
        if taken is None:
            return (meter, received_us, *values), None
        if taken[3:-1] == tuple(values[:-1]) and (taken[-1] ^ values[-1]) & Mark.TWO_WIRE == 0:
            return row, int(taken[0])
        received_us += 1


def _with_stamp(conn: sqlite3.Connection, meter: int, received_us: int) -> Row | None:
    """The reading with this stamp: its number and `COLUMNS`."""
    hour = conn.execute(
        "SELECT first_seq, last_seq FROM hours WHERE meter = ? AND hour = ? AND newest_us >= ?",
        (meter, received_us // HOUR_US, received_us),
    ).fetchone()
    if hour is None:
        return None
    sql = f"SELECT seq, {COLUMNS} FROM readings WHERE seq BETWEEN ? AND ? AND meter = ? AND received_us = ?"
    found: Row | None = conn.execute(sql, (*hour, meter, received_us)).fetchone()
    return found


def _clock_marks(conn: sqlite3.Connection, received_us: int) -> Mark:
    if received_us < CLOCK_SET_SINCE_US:
        return Mark.CLOCK_NOT_SET
    last = conn.execute("SELECT received_us FROM readings ORDER BY seq DESC LIMIT 1").fetchone()
    return Mark.CLOCK_STEPPED_BACK if last is not None and last[0] > received_us else Mark.NONE


def _tenths(amperes: Decimal | None) -> int | None:
    if amperes is None:
        return None
    sign, digits, exponent = amperes.as_tuple()
    if exponent != -1:
        raise ValueError(f"{amperes} A are not given in tenths.")
    tenths = int("".join(map(str, digits)))
    return -tenths if sign else tenths


def amperes(tenths: int | None) -> Decimal | None:
    """Exact amperes; None stays None."""
    return None if tenths is None else Decimal(f"{tenths}E-1")
