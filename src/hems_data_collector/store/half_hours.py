"""The ledger: registers at hh:00 and hh:30 by the meter's clock, from whatever answer brought them first.

What stands in it is not overwritten: a source that says otherwise is kept in `conflicts`. A half hour becomes a record
of the log in the transaction in which the registers at both its ends are known, once and for ever.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum
from functools import lru_cache
from types import MappingProxyType
from typing import Any, Final

from hems_data_collector.echonet import plausible_delta, register_delta
from hems_data_collector.meter.profile import MeterProfile
from hems_data_collector.readings import Consumption, HalfHour, HalfHourEnergy, HalfHourSource
from hems_data_collector.store import meters
from hems_data_collector.store.failures import sound_rows
from hems_data_collector.store.ledger_days import roll_up
from hems_data_collector.store.position import next_seq
from hems_data_collector.store.readings import kwh_of
from hems_data_collector.store.times import HALF_HOUR_S, from_seconds, to_micros, to_seconds

SOURCES: Final = (
    HalfHourSource.NOTIFICATION,
    HalfHourSource.POLL,
    HalfHourSource.HISTORY_1,
    HalfHourSource.HISTORY_2,
)
"""By the numbers that stand in the database."""
SOURCE_NUMBERS: Final = MappingProxyType({source: number for number, source in enumerate(SOURCES)})
SHARED_SLOTS: Final = 8192  # more than a hundred days of them
NO_VALUE: Final = -1  # in `conflicts`, whose key has no NULL


class Direction(IntEnum):
    """Which of the two registers."""

    IMPORT = 0
    EXPORT = 1


_COLUMNS: Final = MappingProxyType({Direction.IMPORT: "import_raw", Direction.EXPORT: "export_raw"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Conflict:
    """Two values for one slot; the first is kept."""

    known: HalfHour
    told: HalfHour


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """What became of a batch of half hours."""

    new: int
    """Slots that were not known before."""
    filled: int
    """Slots that were known in one direction and now are in both."""
    conflicts: tuple[Conflict, ...]
    """Disagreements that had not been seen before."""
    completed: tuple[int, ...]
    """Numbers of the half-hour records that came into the log."""


def record(conn: sqlite3.Connection, slots: Sequence[HalfHour], profile: MeterProfile, *, now: datetime) -> Recorded:
    """Enter `slots`; the first value of a register stays, a missing one is filled.

    A slot without any value is passed over (`mark_absent` is for what the meter says it never recorded). Where the
    meter has an export register with a past, a half hour is complete when the export is known or absent too: record
    the answers to E2 and E4 of one day in one call.
    """
    exports = meters.exports(profile)
    new = filled = 0
    conflicts: list[Conflict] = []
    touched: set[tuple[int, int]] = set()
    for slot in slots:
        if slot.import_raw is None and slot.export_raw is None:
            continue
        meter = meters.number(conn, slot.meter)
        if meter is None:
            meter = meters.know(conn, _named(profile, slot.meter), now)
        at = to_seconds(slot.at)
        scale = meters.scale_number(conn, exponent=slot.exponent, coefficient=slot.coefficient, digits=profile.digits)
        known = conn.execute(
            "SELECT import_raw, export_raw, scale, source FROM half_hours WHERE meter = ? AND at = ?", (meter, at)
        ).fetchone()
        if known is None:
            conn.execute(
                "INSERT INTO half_hours (meter, at, import_raw, export_raw, scale, source) VALUES (?, ?, ?, ?, ?, ?)",
                (meter, at, slot.import_raw, slot.export_raw, scale, SOURCE_NUMBERS[slot.source]),
            )
            new += 1
        elif _disagree(mine := _half_hour(slot.meter, at, known, meters.scales(conn)), slot):
            if _note_conflict(conn, meter, at, slot, scale, now):
                conflicts.append(Conflict(known=mine, told=slot))
            continue
        elif _fills(mine, slot):
            conn.execute(
                "UPDATE half_hours SET import_raw = coalesce(import_raw, ?), export_raw = coalesce(export_raw, ?)"
                " WHERE meter = ? AND at = ?",
                (slot.import_raw, slot.export_raw, meter, at),
            )
            filled += 1
        else:
            continue
        _no_longer_absent(conn, meter, at, slot)
        touched.update(((meter, at), (meter, at + HALF_HOUR_S)))
    return Recorded(
        new=new, filled=filled, conflicts=tuple(conflicts), completed=complete(conn, touched, exports=exports)
    )


def mark_absent(
    conn: sqlite3.Connection, meter: str, ats: Iterable[datetime], direction: Direction, *, now: datetime
) -> tuple[int, ...]:
    """Note that the meter never recorded these registers; returns the numbers of the records completed by it.

    A register that is known stays known. Raises LookupError for a meter of which nothing is stored.
    """
    row = conn.execute("SELECT id, exports FROM meters WHERE key = ?", (meter,)).fetchone()
    if row is None:
        raise LookupError(f"Nothing is stored of the meter {meter}.")
    touched: set[tuple[int, int]] = set()
    for moment in ats:
        at = to_seconds(moment)
        note_absent(conn, row[0], at, direction, to_micros(now))
        touched.update(((row[0], at), (row[0], at + HALF_HOUR_S)))
    return complete(conn, touched, exports=bool(row[1]))


def note_absent(conn: sqlite3.Connection, meter: int, at: int, direction: Direction, asked_us: int) -> None:
    """Enter one register that was never recorded, unless it is known."""
    known = conn.execute(
        f"SELECT {_COLUMNS[direction]} FROM half_hours WHERE meter = ? AND at = ?", (meter, at)
    ).fetchone()
    if known is None or known[0] is None:
        conn.execute(
            "INSERT OR IGNORE INTO absent (meter, at, direction, asked_us) VALUES (?, ?, ?, ?)",
            (meter, at, int(direction), asked_us),
        )


def complete(conn: sqlite3.Connection, touched: Collection[tuple[int, int]], *, exports: bool) -> tuple[int, ...]:
    """Work out what the half hours that end at the `touched` (meter, at) used, oldest first.

    Returns the numbers of those that became records: both registers known, and the export too or absent where the
    meter `exports`.
    """
    numbers: list[int] = []
    scales = meters.scales(conn)
    for meter, at in sorted(touched):
        row = conn.execute(
            "SELECT new.import_raw, new.export_raw, new.scale, new.seq, old.import_raw, old.export_raw, old.scale"
            " FROM half_hours AS new JOIN half_hours AS old ON old.meter = new.meter AND old.at = ?"
            " WHERE new.meter = ? AND new.at = ?",
            (at - HALF_HOUR_S, meter, at),
        ).fetchone()
        if row is None:
            continue
        new_import, new_export, new_scale, seq, old_import, old_export, old_scale = row
        scale = scales[new_scale] if scales[new_scale].energy == scales[old_scale].energy else None
        settled = new_import is not None and old_import is not None
        if settled and exports:
            settled = all(
                raw is not None or _is_absent(conn, meter, end, Direction.EXPORT)
                for raw, end in ((new_export, at), (old_export, at - HALF_HOUR_S))
            )
        if seq is None and settled:
            seq = next_seq(conn)
            numbers.append(seq)
        conn.execute(
            "UPDATE half_hours SET import_used = ?, export_used = ?, seq = ? WHERE meter = ? AND at = ?",
            (_used(old_import, new_import, scale), _used(old_export, new_export, scale), seq, meter, at),
        )
    roll_up(conn, touched)
    return tuple(numbers)


def slots(conn: sqlite3.Connection, meter: str, start: datetime, end: datetime) -> list[HalfHour]:
    """The known registers of `meter` from `start` until before `end`, oldest first."""
    rows = conn.execute(
        "SELECT at, import_raw, export_raw, scale, source FROM half_hours WHERE meter = ? AND at >= ? AND at < ?"
        " ORDER BY at",
        (meters.number(conn, meter), to_seconds(start), to_seconds(end)),
    )
    scales = meters.scales(conn)
    return list(sound_rows(rows, lambda row: _half_hour(meter, row[0], row[1:], scales)))


def newest(conn: sqlite3.Connection, meter: str) -> datetime | None:
    """The newest slot of which a register is known."""
    row = conn.execute("SELECT max(at) FROM half_hours WHERE meter = ?", (meters.number(conn, meter),)).fetchone()
    return None if row[0] is None else from_seconds(row[0])


def oldest(conn: sqlite3.Connection, meter: str) -> datetime | None:
    """The oldest slot of which a register is known."""
    row = conn.execute("SELECT min(at) FROM half_hours WHERE meter = ?", (meters.number(conn, meter),)).fetchone()
    return None if row[0] is None else from_seconds(row[0])


def present(
    conn: sqlite3.Connection, meter: str, start: datetime, end: datetime, direction: Direction = Direction.IMPORT
) -> set[datetime]:
    """The slots from `start` until before `end` whose register is known."""
    rows = conn.execute(
        f"SELECT at FROM half_hours WHERE meter = ? AND at >= ? AND at < ? AND {_COLUMNS[direction]} IS NOT NULL",
        (meters.number(conn, meter), to_seconds(start), to_seconds(end)),
    )
    return {from_seconds(at) for (at,) in rows}


def absent(
    conn: sqlite3.Connection, meter: str, start: datetime, end: datetime, direction: Direction = Direction.IMPORT
) -> set[datetime]:
    """The slots from `start` until before `end` that the meter says it never recorded."""
    rows = conn.execute(
        "SELECT at FROM absent WHERE meter = ? AND at >= ? AND at < ? AND direction = ?",
        (meters.number(conn, meter), to_seconds(start), to_seconds(end), int(direction)),
    )
    return {from_seconds(at) for (at,) in rows}


def missing(
    conn: sqlite3.Connection,
    meter: str,
    start: datetime,
    end: datetime,
    directions: Collection[Direction] = (Direction.IMPORT,),
) -> list[datetime]:
    """The slots from `start` until before `end` to ask the meter for, newest first.

    They are half an hour apart from `start` on; one is missing where a register of `directions` is neither known nor
    absent.
    """
    settled = [
        present(conn, meter, start, end, direction) | absent(conn, meter, start, end, direction)
        for direction in directions
    ]
    done = set.intersection(*settled) if settled else set()
    wanted = range(to_seconds(start), to_seconds(end), HALF_HOUR_S)
    return [slot for slot in map(_slot, reversed(wanted)) if slot not in done]


@lru_cache(maxsize=SHARED_SLOTS)
def _slot(at: int) -> datetime:
    """A slot that thousands of meters have in their lists of what is missing, as one object for all of them."""
    return from_seconds(at)


def consumption(conn: sqlite3.Connection, meter: str, end: datetime) -> Consumption | None:
    """What the half hour that ended at `end` drew; None where it is not known or not possible (§10.2, §10.3)."""
    found = next(energies(conn, meter, end, end), None)
    return None if found is None or found.import_kwh is None else Consumption(end=end, import_kwh=found.import_kwh)


def energies(conn: sqlite3.Connection, meter: str, first_end: datetime, last_end: datetime) -> Iterator[HalfHourEnergy]:
    """The half hours that end from `first_end` to `last_end` and whose end register is known, oldest first; streams."""
    scales = meters.scales(conn)
    rows = conn.execute(
        f"SELECT {ENERGY_COLUMNS} FROM half_hours WHERE meter = ? AND at BETWEEN ? AND ? ORDER BY at",
        (meters.number(conn, meter), to_seconds(first_end), to_seconds(last_end)),
    )
    return sound_rows(rows, lambda row: energy_of(row, meter, scales))


ENERGY_COLUMNS: Final = "at, import_used, export_used, import_raw, export_raw, scale, source"


def energy_of(row: Sequence[int], meter: str, scales: dict[int, meters.Scale]) -> HalfHourEnergy:
    """A row (`ENERGY_COLUMNS`) in kilowatt hours."""
    at, import_used, export_used, import_raw, export_raw, scale, source = row
    energy = scales[scale].energy
    return HalfHourEnergy(
        meter=meter,
        end=from_seconds(at),
        import_kwh=kwh_of(import_used, energy),
        export_kwh=kwh_of(export_used, energy),
        import_register_kwh=kwh_of(import_raw, energy),
        export_register_kwh=kwh_of(export_raw, energy),
        source=SOURCES[source],
    )


def conflicts(conn: sqlite3.Connection, meter: str) -> list[Conflict]:
    """Every disagreement that was ever seen, newest slot first."""
    rows = conn.execute(
        "SELECT c.at, c.import_raw, c.export_raw, c.scale, c.source, h.import_raw, h.export_raw, h.scale, h.source"
        " FROM conflicts AS c JOIN half_hours AS h ON h.meter = c.meter AND h.at = c.at WHERE c.meter = ?"
        " ORDER BY c.at DESC, c.seen_us",
        (meters.number(conn, meter),),
    )
    scales = meters.scales(conn)
    return [
        Conflict(
            known=_half_hour(meter, at, known, scales),
            told=_half_hour(meter, at, (_or_none(told[0]), _or_none(told[1]), *told[2:]), scales),
        )
        for at, told, known in ((row[0], row[1:5], row[5:]) for row in rows)
    ]


def _named(profile: MeterProfile, key: str) -> MeterProfile:
    if profile.identity.key != key:
        raise LookupError(f"Half hours of {key}, which is not the meter {profile.identity.key} and not known.")
    return profile


def _used(old: int | None, new: int | None, scale: meters.Scale | None) -> int | None:
    """Counts between two registers; None where one is not known, or no household can use as much (§10.2)."""
    if old is None or new is None or scale is None:
        return None
    counts = register_delta(old, new, scale.digits)
    return counts if plausible_delta(scale.energy.kwh(counts), HALF_HOUR_S) else None


def _disagree(known: HalfHour, told: HalfHour) -> bool:
    if (known.exponent, known.coefficient) != (told.exponent, told.coefficient):
        return True
    return any(old != new for old, new in _pairs(known, told) if old is not None and new is not None)


def _fills(known: HalfHour, told: HalfHour) -> bool:
    return any(old is None and new is not None for old, new in _pairs(known, told))


def _pairs(known: HalfHour, told: HalfHour) -> tuple[tuple[int | None, int | None], ...]:
    return (known.import_raw, told.import_raw), (known.export_raw, told.export_raw)


def _note_conflict(conn: sqlite3.Connection, meter: int, at: int, slot: HalfHour, scale: int, now: datetime) -> bool:
    cursor = conn.execute(
        "INSERT OR IGNORE INTO conflicts (meter, at, source, import_raw, export_raw, scale, seen_us)"
        " VALUES (?, ?, ?, ?, ?, ?, ?)",
        (
            meter,
            at,
            SOURCE_NUMBERS[slot.source],
            NO_VALUE if slot.import_raw is None else slot.import_raw,
            NO_VALUE if slot.export_raw is None else slot.export_raw,
            scale,
            to_micros(now),
        ),
    )
    return cursor.rowcount > 0


def _no_longer_absent(conn: sqlite3.Connection, meter: int, at: int, slot: HalfHour) -> None:
    for direction, raw in ((Direction.IMPORT, slot.import_raw), (Direction.EXPORT, slot.export_raw)):
        if raw is not None:
            conn.execute("DELETE FROM absent WHERE meter = ? AND at = ? AND direction = ?", (meter, at, int(direction)))


def _is_absent(conn: sqlite3.Connection, meter: int, at: int, direction: Direction) -> bool:
    found = conn.execute(
        "SELECT 1 FROM absent WHERE meter = ? AND at = ? AND direction = ?", (meter, at, int(direction))
    ).fetchone()
    return found is not None


def _half_hour(meter: str, at: int, row: Sequence[Any], scales: dict[int, meters.Scale]) -> HalfHour:
    import_raw, export_raw, scale, source = row
    energy = scales[scale].energy
    return HalfHour(
        meter=meter,
        at=from_seconds(at),
        import_raw=import_raw,
        export_raw=export_raw,
        coefficient=energy.coefficient,
        exponent=energy.exponent,
        source=SOURCES[source],
    )


def _or_none(raw: int) -> int | None:
    return None if raw == NO_VALUE else raw
