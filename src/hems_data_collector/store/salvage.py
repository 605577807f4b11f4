"""Brings what is undamaged in a damaged database into the one that followed it, without duplicates.

Rows keep their order and, where nothing is in the way, their numbers; so each output gets what the damaged file still
owed it, and nothing that it had. Everything is done in small transactions beside a running collector, and may be
interrupted and begun again.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import Final, TypeVar

from hems_data_collector.store import half_hours, meters, outbox, readings
from hems_data_collector.store.damaged import DamagedFile, Values
from hems_data_collector.store.database import transaction
from hems_data_collector.store.pages import Row
from hems_data_collector.store.position import next_seq
from hems_data_collector.store.records import Span, record_at
from hems_data_collector.store.times import HALF_HOUR_S, HOUR_US, to_micros

T = TypeVar("T")

AT_ONCE: Final = 500  # rows in one transaction, so that a collector beside it never waits long
UNKNOWN_METER: Final = "unknown-{}"
"""The key of a meter whose own row is lost and which is not the only one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Salvaged:
    """What came over."""

    readings: int
    half_hours: int
    """New ones, or such in which a direction was missing."""
    already_there: int
    conflicts: int
    """Half hours of which the new file says otherwise; both are kept."""
    unreadable: int
    """What stood in a readable page and was no sound row, or had lost the scale of its registers."""
    owed: Mapping[str, int]
    """Records that each output will get now, because it had not got them before the damage."""
    forgotten: tuple[str, ...]
    """Outputs whose place in the damaged file is lost: whether they lack something is not known."""


@dataclass(slots=True)
class _Run:
    shift: int
    """Added to every number of the damaged file."""
    numbers: tuple[int, int]
    """The least and the greatest number that its rows can have here."""
    finished: bool
    own_hours: frozenset[tuple[int, int]]
    """(meter, hour) with readings that are not of the damaged file."""
    meters: dict[int, int] = field(default_factory=dict)
    scales: dict[int, int] = field(default_factory=dict)
    only_meter: int | None = None
    only_scale: int | None = None
    touched: set[tuple[int, int]] = field(default_factory=set)
    readings: int = 0
    half_hours: int = 0
    already_there: int = 0
    conflicts: int = 0
    unreadable: int = 0

    def scale(self, number: int) -> int | None:
        """The scale here for `number` there; None where that is lost."""
        return self.scales.get(number, self.only_scale)


def salvage(
    path: Path, conn: sqlite3.Connection, *, now: datetime, on_progress: Callable[[int], None] = lambda _: None
) -> Salvaged:
    """Take over every undamaged row of the file `path` (with its `-wal`) that the database of `conn` lacks.

    `conn` comes from `open_editor`. `on_progress` gets the number of rows looked at. Raises OSError where `path` cannot
    be read, sqlite3.Error where the database cannot be written; doing it again goes on where it ended.
    """
    damaged = DamagedFile.read(path)
    with transaction(conn):
        run = _begin(conn, damaged)
        _known_things(conn, damaged, run)
    looked_at = 0
    for chunk in _chunks(damaged.large("half_hours", "readings", "minutes"), AT_ONCE):
        with transaction(conn):
            _readings(conn, run, [row for table, row in chunk if table == "readings"])
            for table, row in chunk:
                if table == "half_hours":
                    _half_hour(conn, run, row, now)
                elif table == "minutes":
                    _minute(conn, run, row)
        looked_at += len(chunk)
        on_progress(looked_at)
    for hours in _chunks(damaged.tables["hours"], AT_ONCE):
        with transaction(conn):
            for row in hours:
                _hour(conn, run, row.values)
    for ends in _chunks(sorted(run.touched), AT_ONCE):
        with transaction(conn):
            _complete(conn, ends)
    with transaction(conn):
        owed, forgotten = _owed(conn, damaged, run, now)
        conn.execute("UPDATE salvages SET finished_us = ? WHERE file = ?", (to_micros(now), path.name))
    return Salvaged(
        readings=run.readings,
        half_hours=run.half_hours,
        already_there=run.already_there,
        conflicts=run.conflicts,
        unreadable=run.unreadable + damaged.unreadable,
        owed=owed,
        forgotten=forgotten,
    )


def _begin(conn: sqlite3.Connection, damaged: DamagedFile) -> _Run:
    """Decide once and for ever where the numbers of this file go: below all others, in their own order."""
    file, last = damaged.path.name, damaged.last_seq
    known = conn.execute("SELECT shift, finished_us FROM salvages WHERE file = ?", (file,)).fetchone()
    if known is None:
        first = conn.execute(
            "SELECT min(seq) FROM (SELECT first AS seq FROM log UNION ALL SELECT min(seq) FROM readings"
            " UNION ALL SELECT min(seq) FROM half_hours WHERE seq IS NOT NULL)"
        ).fetchone()[0]
        known = (0 if last is None or last < first else first - 1 - last, None)
        conn.execute("INSERT INTO salvages (file, shift) VALUES (?, ?)", (file, known[0]))
    numbers = (damaged.first_seq or 0) + known[0], (last or 0) + known[0]
    hours = conn.execute("SELECT meter, hour FROM hours WHERE first_seq < ? OR last_seq > ?", numbers)
    return _Run(shift=known[0], numbers=numbers, finished=known[1] is not None, own_hours=frozenset(hours))


def _known_things(conn: sqlite3.Connection, damaged: DamagedFile, run: _Run) -> None:
    """Meters, scales and ports, and what numbers the first two have here."""
    for row in damaged.tables["meters"]:
        conn.execute(
            "INSERT OR IGNORE INTO meters (key, maker, serial, node_id, mac, name, exports, first_seen_us,"
            " last_seen_us) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            row.values[1:],
        )
        conn.execute(
            "UPDATE meters SET first_seen_us = min(first_seen_us, ?) WHERE key = ?", (row.values[8], row.values[1])
        )
        found = conn.execute("SELECT id FROM meters WHERE key = ?", (row.values[1],)).fetchone()
        run.meters[row.rowid or 0] = found[0]
    for row in damaged.tables["scales"]:
        conn.execute("INSERT OR IGNORE INTO scales (exponent, coefficient, digits) VALUES (?, ?, ?)", row.values[1:])
        found = conn.execute(
            "SELECT id FROM scales WHERE exponent = ? AND coefficient = ? AND digits = ?", row.values[1:]
        ).fetchone()
        run.scales[row.rowid or 0] = found[0]
    for row in damaged.tables["ports"]:
        conn.execute("INSERT OR IGNORE INTO ports (port, remembered) VALUES (?, ?)", row.values)
    run.only_meter, run.only_scale = _only(conn, "meters"), _only(conn, "scales")


def _only(conn: sqlite3.Connection, table: str) -> int | None:
    """The number of the only row there is: what a lost row can but have been."""
    rows = conn.execute(f"SELECT id FROM {table} LIMIT 2").fetchall()
    return int(rows[0][0]) if len(rows) == 1 else None


def _meter(conn: sqlite3.Connection, run: _Run, number: int) -> int:
    """The meter here for `number` there; one whose row is lost gets a name of its own, unless there is only one."""
    if number not in run.meters:
        if run.only_meter is not None:
            run.meters[number] = run.only_meter
        else:
            key = UNKNOWN_METER.format(number)
            conn.execute("INSERT OR IGNORE INTO meters (key, first_seen_us, last_seen_us) VALUES (?, 0, 0)", (key,))
            run.meters[number] = conn.execute("SELECT id FROM meters WHERE key = ?", (key,)).fetchone()[0]
    return run.meters[number]


def _readings(conn: sqlite3.Connection, run: _Run, rows: Iterable[Row]) -> None:
    fresh: list[tuple[int, Values]] = []
    for row in rows:
        _, there, *values = row.values
        scale = run.scale(values[9])
        if scale is None:
            run.unreadable += 1
            continue
        meter = _meter(conn, run, there)
        if _is_known(conn, run, meter, values[0]):
            run.already_there += 1
            continue
        values[9] = scale
        fresh.append(((row.rowid or 0) + run.shift, (meter, *values)))
    new = readings.insert(conn, fresh)
    run.readings += new
    run.already_there += len(fresh) - new


def _is_known(conn: sqlite3.Connection, run: _Run, meter: int, received_us: int) -> bool:
    """Whether a reading that is not of the damaged file has this stamp."""
    hour = meter, received_us // HOUR_US
    if hour not in run.own_hours:
        return False
    first, last = conn.execute("SELECT first_seq, last_seq FROM hours WHERE meter = ? AND hour = ?", hour).fetchone()
    found = conn.execute(
        "SELECT 1 FROM readings WHERE seq BETWEEN ? AND ? AND meter = ? AND received_us = ?"
        " AND seq NOT BETWEEN ? AND ?",
        (first, last, meter, received_us, *run.numbers),
    )
    return found.fetchone() is not None


def _half_hour(conn: sqlite3.Connection, run: _Run, row: Row, now: datetime) -> None:
    there, at, import_raw, export_raw, scale_there, source, import_used, export_used, seq = row.values
    scale = run.scale(scale_there)
    if scale is None:
        run.unreadable += 1
        return
    meter, seq = _meter(conn, run, there), None if seq is None else seq + run.shift
    known = conn.execute(
        "SELECT import_raw, export_raw, scale, seq FROM half_hours WHERE meter = ? AND at = ?", (meter, at)
    ).fetchone()
    if known is None:
        conn.execute(
            "INSERT INTO half_hours (meter, at, import_raw, export_raw, scale, source, import_used, export_used, seq)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (meter, at, import_raw, export_raw, scale, source, import_used, export_used, _free(conn, seq)),
        )
        run.half_hours += 1
    elif _disagree(conn, known, (import_raw, export_raw, scale)):
        none = half_hours.NO_VALUE
        raws = (none if raw is None else raw for raw in (import_raw, export_raw))
        conn.execute(
            "INSERT OR IGNORE INTO conflicts (meter, at, source, import_raw, export_raw, scale, seen_us)"
            " VALUES (?, ?, ?, ?, ?, ?, ?)",
            (meter, at, source, *raws, scale, to_micros(now)),
        )
        run.conflicts += 1
        return
    else:
        fills = (known[0] is None and import_raw is not None) or (known[1] is None and export_raw is not None)
        run.half_hours += fills
        run.already_there += not fills
        if fills or (known[3] is None and seq is not None):
            conn.execute(
                "UPDATE half_hours SET import_raw = coalesce(import_raw, ?), export_raw = coalesce(export_raw, ?),"
                " seq = coalesce(seq, ?) WHERE meter = ? AND at = ?",
                (import_raw, export_raw, _free(conn, seq), meter, at),
            )
    run.touched.update(((meter, at), (meter, at + HALF_HOUR_S)))


def _disagree(conn: sqlite3.Connection, known: Values, told: Values) -> bool:
    """Whether two registers (import, export, scale) of one slot cannot both be true."""
    scales = meters.scales(conn)
    if scales[known[2]].energy != scales[told[2]].energy:
        return True
    return any(
        mine is not None and theirs is not None and mine != theirs
        for mine, theirs in zip(known[:2], told[:2], strict=True)
    )


def _free(conn: sqlite3.Connection, seq: int | None) -> int | None:
    """`seq` unless a half hour has it: then this one has lost its place."""
    taken = conn.execute("SELECT 1 FROM half_hours WHERE seq = ? AND seq IS NOT NULL", (seq,)).fetchone()
    return None if taken else seq


def _minute(conn: sqlite3.Connection, run: _Run, row: Row) -> None:
    there, at, import_raw, export_raw, scale = row.values
    if run.scale(scale) is not None:
        conn.execute(
            "INSERT OR IGNORE INTO minutes (meter, at, import_raw, export_raw, scale) VALUES (?, ?, ?, ?, ?)",
            (_meter(conn, run, there), at, import_raw, export_raw, run.scale(scale)),
        )


def _hour(conn: sqlite3.Connection, run: _Run, values: Values) -> None:
    """A sum outlives its readings, so the one made of more of them counts."""
    there, hour, first, last, newest_us, count, *power = values
    meter = _meter(conn, run, there)
    conn.execute(
        "INSERT INTO hours (meter, hour, first_seq, last_seq, newest_us, readings, powers, power_sum, power_min,"
        " power_max) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (meter, hour) DO UPDATE SET"
        " newest_us = max(newest_us, excluded.newest_us), readings = excluded.readings, powers = excluded.powers,"
        " power_sum = excluded.power_sum, power_min = excluded.power_min, power_max = excluded.power_max"
        " WHERE excluded.readings > readings",
        (meter, hour, first + run.shift, last + run.shift, newest_us, count, *power),
    )


def _complete(conn: sqlite3.Connection, ends: Sequence[tuple[int, int]]) -> None:
    exporting = {number for (number,) in conn.execute("SELECT id FROM meters WHERE exports")}
    for exports in (False, True):
        half_hours.complete(conn, [end for end in ends if (end[0] in exporting) is exports], exports=exports)


def _owed(
    conn: sqlite3.Connection, damaged: DamagedFile, run: _Run, now: datetime
) -> tuple[dict[str, int], tuple[str, ...]]:
    """Note what each output had not got before the damage; returns how much, and whose place is lost."""
    cursors: dict[str, int] = {}
    for row in damaged.tables["outputs"]:
        name, cursor = row.values[:2]
        cursors[name] = max(cursor, cursors.get(name, cursor))
    _ledger_notes(conn, damaged, run)
    configured = {name for (name,) in conn.execute("SELECT name FROM outputs WHERE removed_us IS NULL")}
    owed: dict[str, int] = {}
    if not run.finished and damaged.last_seq is not None:
        for name, cursor in cursors.items():
            conn.execute(
                "INSERT OR IGNORE INTO outputs (name, cursor, since_us, removed_us) VALUES (?, ?, ?, ?)",
                (name, next_seq(conn) - 1, to_micros(now), to_micros(now)),
            )
            spans = [(cursor + 1, damaged.last_seq, None, None, outbox.READINGS | outbox.HALF_HOURS)]
            spans += [row.values[2:] for row in damaged.tables["replays"] if row.values[1] == name]
            owed[name] = sum(_owe(conn, name, span, run.shift) for span in spans)
        for row in damaged.tables["dead_letters"]:
            output, seq, *rest = row.values
            if output in cursors and record_at(conn, seq + run.shift) is not None:
                conn.execute(
                    "INSERT OR IGNORE INTO dead_letters (output, seq, key, reason, at_us, tries)"
                    " VALUES (?, ?, ?, ?, ?, ?)",
                    (output, seq + run.shift, *rest),
                )
    return owed, tuple(sorted(configured - set(cursors)))


def _owe(conn: sqlite3.Connection, output: str, span: Values, shift: int) -> int:
    """Owe the records of one span of the damaged file; returns how many of them are here."""
    first, last, from_us, to_us, kinds = span
    wanted = Span(
        first=first + shift,
        last=last + shift,
        times=None if from_us is None or to_us is None else (from_us, to_us),
        readings=bool(kinds & outbox.READINGS),
        half_hours=bool(kinds & outbox.HALF_HOURS),
    )
    return outbox.add_replay(conn, output, wanted)


def _ledger_notes(conn: sqlite3.Connection, damaged: DamagedFile, run: _Run) -> None:
    """What is known about half hours beside their registers."""
    for row in damaged.tables["absent"]:
        there, at, direction, asked_us = row.values
        half_hours.note_absent(conn, _meter(conn, run, there), at, half_hours.Direction(direction), asked_us)
    for row in damaged.tables["conflicts"]:
        there, at, source, import_raw, export_raw, scale, seen_us = row.values
        if run.scale(scale) is not None:
            conn.execute(
                "INSERT OR IGNORE INTO conflicts (meter, at, source, import_raw, export_raw, scale, seen_us)"
                " VALUES (?, ?, ?, ?, ?, ?, ?)",
                (_meter(conn, run, there), at, source, import_raw, export_raw, run.scale(scale), seen_us),
            )


def _chunks(items: Iterable[T], size: int) -> Iterator[list[T]]:
    source = iter(items)
    while chunk := list(islice(source, size)):
        yield chunk
