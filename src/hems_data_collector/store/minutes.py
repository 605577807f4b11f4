"""Registers at every full minute by the meter's clock, for meters that keep them; only the newest years stay.

What stands in a row is not overwritten; a register that was missing is filled in.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from hems_data_collector.meter.profile import MeterProfile
from hems_data_collector.readings import Minute
from hems_data_collector.store import meters
from hems_data_collector.store.failures import Row, sound_rows
from hems_data_collector.store.times import SECOND_US, from_seconds, to_micros, to_seconds

METER_CLOCK_LAG: Final = timedelta(days=1)
"""So far our clock may be ahead of a meter's newest minute, and is believed."""
AT_ONCE: Final = 20_000  # rows pruned in one transaction, so that a reading never waits long for its turn


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """What became of a batch of minutes."""

    new: int
    filled: int
    """Minutes that were known in one direction and now are in both."""
    disagreeing: tuple[datetime, ...]
    """Minutes of which something else is known, which stays."""


def record(conn: sqlite3.Connection, minutes: Iterable[Minute], profile: MeterProfile, *, now: datetime) -> Recorded:
    """Enter `minutes` of the meter of `profile`; recording them again changes nothing.

    A minute without any value is passed over. Raises LookupError for minutes of another meter, ValueError for a time
    that is no full minute.
    """
    new = filled = 0
    disagreeing: list[datetime] = []
    meter = scale = None
    for minute in minutes:
        if minute.import_raw is None and minute.export_raw is None:
            continue
        if meter is None or scale is None:
            meter, scale = _meter_and_scale(conn, minute, profile, now)
        at, told = _minute(minute.at), (minute.import_raw, minute.export_raw)
        stored = conn.execute(
            "SELECT import_raw, export_raw, scale FROM minutes WHERE meter = ? AND at = ?", (meter, at)
        ).fetchone()
        if stored is None:
            conn.execute(
                "INSERT INTO minutes (meter, at, import_raw, export_raw, scale) VALUES (?, ?, ?, ?, ?)",
                (meter, at, *told, scale),
            )
            new += 1
            continue
        pairs = list(zip(stored[:2], told, strict=True))
        if stored[2] != scale or any(old != raw for old, raw in pairs if old is not None and raw is not None):
            disagreeing.append(minute.at)
        elif any(old is None and raw is not None for old, raw in pairs):
            conn.execute(
                "UPDATE minutes SET import_raw = coalesce(import_raw, ?), export_raw = coalesce(export_raw, ?)"
                " WHERE meter = ? AND at = ?",
                (*told, meter, at),
            )
            filled += 1
    return Recorded(new=new, filled=filled, disagreeing=tuple(disagreeing))


def known(conn: sqlite3.Connection, meter: str, start: datetime, end: datetime) -> set[datetime]:
    """The minutes from `start` until before `end` of which something is stored."""
    rows = conn.execute("SELECT at FROM minutes WHERE meter = ? AND at >= ? AND at < ?", _span(conn, meter, start, end))
    return {from_seconds(at) for (at,) in rows}


def count(conn: sqlite3.Connection, meter: str, start: datetime, end: datetime) -> int:
    """How many minutes are stored from `start` until before `end`."""
    sql = "SELECT count(*) FROM minutes WHERE meter = ? AND at >= ? AND at < ?"
    return int(conn.execute(sql, _span(conn, meter, start, end)).fetchone()[0])


def oldest(conn: sqlite3.Connection, meter: str) -> datetime | None:
    """The oldest stored minute."""
    found = conn.execute("SELECT min(at) FROM minutes WHERE meter = ?", (meters.number(conn, meter),)).fetchone()[0]
    return None if found is None else from_seconds(found)


def between(conn: sqlite3.Connection, meter: str, start: datetime, end: datetime) -> Iterator[Minute]:
    """The stored minutes from `start` until before `end`, oldest first; streams."""
    scales = meters.scales(conn)
    rows = conn.execute(
        "SELECT at, import_raw, export_raw, scale FROM minutes WHERE meter = ? AND at >= ? AND at < ? ORDER BY at",
        _span(conn, meter, start, end),
    )

    def minute(row: Row) -> Minute:
        at, import_raw, export_raw, scale = row
        energy = scales[scale].energy
        return Minute(
            meter=meter,
            at=from_seconds(at),
            import_raw=import_raw,
            export_raw=export_raw,
            coefficient=energy.coefficient,
            exponent=energy.exponent,
        )

    return sound_rows(rows, minute)


def prune(conn: sqlite3.Connection, *, keep: timedelta, now: datetime, limit: int = AT_ONCE) -> int:
    """Delete at most `limit` minutes that are older than `keep`; returns how many. Call it until it returns 0.

    Our clock may stand years ahead, so it is believed no farther than a day beyond each meter's own newest minute.
    """
    deleted = 0
    newest = conn.execute("SELECT id, (SELECT max(at) FROM minutes WHERE meter = id) FROM meters").fetchall()
    for meter, at in newest:
        if at is not None:
            oldest = to_micros(min(now, from_seconds(at) + METER_CLOCK_LAG) - keep) // SECOND_US
            sql = (
                "DELETE FROM minutes WHERE meter = ? AND at IN"
                " (SELECT at FROM minutes WHERE meter = ? AND at < ? ORDER BY at LIMIT ?)"
            )
            deleted += conn.execute(sql, (meter, meter, oldest, limit - deleted)).rowcount
    return deleted


def _meter_and_scale(conn: sqlite3.Connection, minute: Minute, profile: MeterProfile, now: datetime) -> tuple[int, int]:
    """The numbers of the meter and of its scale, entered where they are new."""
    meter = meters.number(conn, minute.meter)
    if meter is None:
        if minute.meter != profile.identity.key:
            raise LookupError(
                f"Minutes of {minute.meter}, which is not the meter {profile.identity.key} and not known."
            )
        meter = meters.know(conn, profile, now)
    return meter, meters.scale_number(
        conn, exponent=minute.exponent, coefficient=minute.coefficient, digits=profile.digits
    )


def _minute(at: datetime) -> int:
    if at.second or at.microsecond:
        raise ValueError(f"{at} is no full minute.")
    return to_seconds(at)


def _span(conn: sqlite3.Connection, meter: str, start: datetime, end: datetime) -> tuple[int | None, int, int]:
    low, high = (-(-to_micros(moment) // SECOND_US) for moment in (start, end))
    return meters.number(conn, meter), low, high
