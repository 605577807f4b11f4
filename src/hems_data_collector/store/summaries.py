"""Sums over stretches of the calendar: power from the roll-up of hours, energy and completeness from the half hours."""

from __future__ import annotations

import sqlite3
from bisect import bisect_left
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final

from hems_data_collector.store import meters
from hems_data_collector.store.ledger_days import days_of
from hems_data_collector.store.periods import Period
from hems_data_collector.store.times import HALF_HOUR_S, HOUR_US, SECOND_US, to_micros

REMEMBERED: Final = timedelta(days=99)
"""How far a meter's own memory reaches back (echonet-lite-meter §5.1)."""


SETTLED_AFTER: Final = timedelta(minutes=10)
"""A half hour is missed so long after its end: the collector may ask every five minutes only."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PowerSummary:
    """The power of all readings of one period, in watts; None where there were none."""

    period: Period
    readings: int
    mean_w: float | None
    min_w: int | None
    max_w: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class EnergySummary:
    """What the known half hours that began in one period used; None where none is known."""

    period: Period
    import_kwh: Decimal | None
    export_kwh: Decimal | None
    half_hours: int
    """So many are known (import)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Completeness:
    """How many registers of one period are here."""

    period: Period
    present: int
    absent: int
    """So many were never recorded by the meter."""
    expected: int
    """So many there should be, absent ones left out."""

    @property
    def ratio(self) -> float:
        """Present / expected; 1 where nothing is expected."""
        return self.present / self.expected if self.expected else 1.0


def power(conn: sqlite3.Connection, meter: str, periods: Iterable[Period]) -> list[PowerSummary]:
    """The power in each of `periods`; an hour counts for the period in which it begins."""
    number = meters.number(conn, meter)
    sql = (
        "SELECT sum(readings), sum(powers), sum(power_sum), min(power_min), max(power_max) FROM hours"
        " WHERE meter = ? AND hour >= ? AND hour < ?"
    )
    found: list[PowerSummary] = []
    for period in periods:
        bounds = (-(-to_micros(moment) // HOUR_US) for moment in (period.start, period.end))
        readings, count, total, least, most = conn.execute(sql, (number, *bounds)).fetchone()
        mean_w = total / count if count else None
        found.append(PowerSummary(period=period, readings=readings or 0, mean_w=mean_w, min_w=least, max_w=most))
    return found


def energy(conn: sqlite3.Connection, meter: str, periods: Iterable[Period]) -> list[EnergySummary]:
    """The energy in each of `periods`; a half hour counts for the period in which it begins."""
    number, scales = meters.number(conn, meter), meters.scales(conn)
    # Grouping needs a sort of all rows; nearly every database has one scale only.
    scale, group = ("scale", "GROUP BY scale") if len(scales) > 1 else (str(min(scales, default=0)), "")
    of_days = (
        f"SELECT {scale}, sum(import_used), sum(export_used), sum(half_hours) FROM ledger_days"
        f" WHERE meter = ? AND day >= ? AND day < ? {group}"
    )
    of_half_hours = (
        f"SELECT {scale}, sum(import_used), sum(export_used), count(import_used) FROM half_hours"
        f" WHERE meter = ? AND at > ? AND at <= ? {group}"
    )
    found: list[EnergySummary] = []
    for period in periods:
        days = days_of(period)
        sql, bounds = (of_days, days) if days else (of_half_hours, (_floor(period.start), _floor(period.end)))
        rows = conn.execute(sql, (number, *bounds)).fetchall()
        found.append(
            EnergySummary(
                period=period,
                import_kwh=_sum(scales[row[0]].energy.kwh(row[1]) for row in rows if row[1] is not None),
                export_kwh=_sum(scales[row[0]].energy.kwh(row[2]) for row in rows if row[2] is not None),
                half_hours=sum(row[3] or 0 for row in rows),
            )
        )
    return found


def completeness(
    conn: sqlite3.Connection, meter: str, periods: Iterable[Period], *, until: datetime
) -> list[Completeness]:
    """How complete the registers of each of `periods` are; a slot belongs to the period in which it lies.

    Slots are expected from the first known one, or 99 days before `until` where that is earlier, to `until`, the newest
    slot that can be there. Where the meter has an export register, a slot is present with both.
    """
    number, exports = conn.execute("SELECT id, exports FROM meters WHERE key = ?", (meter,)).fetchone() or (None, 0)
    first = conn.execute("SELECT min(at) FROM half_hours WHERE meter = ?", (number,)).fetchone()[0]
    absent = [
        at
        for (at,) in conn.execute(
            "SELECT DISTINCT at FROM absent WHERE meter = ? AND direction <= ? ORDER BY at", (number, exports)
        )
    ]
    of_days, of_slots = (
        ("sum(complete)", "sum(import_raw IS NOT NULL AND export_raw IS NOT NULL)")
        if exports
        else ("sum(imports)", "count(import_raw)")
    )
    of_days = f"SELECT {of_days} FROM ledger_days WHERE meter = ? AND day >= ? AND day < ?"
    of_slots = f"SELECT {of_slots} FROM half_hours WHERE meter = ? AND at >= ? AND at < ?"
    found: list[Completeness] = []
    for period in periods:
        low, high = _ceiling(period.start), min(_ceiling(period.end), _floor(until) + 1)
        never = bisect_left(absent, high) - bisect_left(absent, low) if low < high else 0
        days = days_of(period) if period.end <= until else None
        sql, bounds = (of_days, days) if days else (of_slots, (low, high))
        found.append(
            Completeness(
                period=period,
                present=conn.execute(sql, (number, *bounds)).fetchone()[0] or 0,
                absent=never,
                expected=_expected(low, high, first, until) - never,
            )
        )
    return found


def _expected(low: int, high: int, first: int | None, until: datetime) -> int:
    """How many slots from `low` until before `high` there should be, those that are absent included."""
    earliest = _ceiling(until - REMEMBERED)
    earliest = earliest if first is None else min(earliest, first)
    phase = 0 if first is None else first % HALF_HOUR_S
    return max(0, _slots_before(high, phase) - _slots_before(max(low, earliest), phase))


def _slots_before(moment: int, phase: int) -> int:
    return -(-(moment - phase) // HALF_HOUR_S)


def _sum(parts: Iterable[Decimal]) -> Decimal | None:
    """The exact sum; None of nothing."""
    whole = list(parts)
    return sum(whole[1:], whole[0]) if whole else None


def _floor(moment: datetime) -> int:
    return to_micros(moment) // SECOND_US


def _ceiling(moment: datetime) -> int:
    return -(-to_micros(moment) // SECOND_US)
