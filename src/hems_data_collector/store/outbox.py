"""What is still owed to each output: everything in the log behind its cursor, and a small table of exceptions.

Nothing is copied for an output: records are made again from the rows, the same as when they were new.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from hems_data_collector.readings import Record, published, published_half_hour
from hems_data_collector.store import meters
from hems_data_collector.store.failures import Row, sound_rows
from hems_data_collector.store.half_hours import ENERGY_COLUMNS, energy_of
from hems_data_collector.store.position import next_seq
from hems_data_collector.store.readings import COLUMNS, stored
from hems_data_collector.store.times import HALF_HOUR_S, HOUR_US, SECOND_US, from_micros, to_micros

FORGOTTEN_AFTER: Final = timedelta(days=30)  # an output that is not configured any more
LAST: Final = 1 << 62  # above every number


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputRow:
    """What is known of one output."""

    name: str
    cursor: int
    checkpoint: bytes | None
    health: str
    since: datetime
    reason: str
    waiting: int
    """Records that it has not got yet, half-hour records included."""
    dead_letters: int
    delivered: int
    last_delivered: datetime | None
    configured: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetter:
    """A record that an output refused."""

    output: str
    seq: int
    key: str
    reason: str
    at: datetime
    tries: int


def register(conn: sqlite3.Connection, names: Collection[str], *, now: datetime, since: datetime | None = None) -> None:
    """Make `names` the configured outputs.

    A new one starts at the present, or with the first record of `since` or later (records that came into the log after
    that one go along). One that is known keeps its place. One that has not been configured for 30 days is forgotten.
    """
    now_us = to_micros(now)
    start = next_seq(conn) - 1 if since is None else position_at(conn, since)
    for name in names:
        conn.execute(
            "INSERT INTO outputs (name, cursor, since_us) VALUES (?, ?, ?)"
            " ON CONFLICT (name) DO UPDATE SET removed_us = NULL",
            (name, start, now_us),
        )
    for (name,) in conn.execute("SELECT name FROM outputs WHERE removed_us IS NULL").fetchall():
        if name not in names:
            conn.execute("UPDATE outputs SET removed_us = ? WHERE name = ?", (now_us, name))
    conn.execute("DELETE FROM outputs WHERE removed_us < ?", (to_micros(now - FORGOTTEN_AFTER),))


def batch(conn: sqlite3.Connection, output: str, limit: int, *, half_hours: bool) -> list[tuple[int, Record]]:
    """The next records for `output` with their numbers, at most `limit`, in order; nothing where it has all.

    What is to be sent once more comes first; one batch is all of one kind. Without `half_hours`, only readings. An
    output that was never registered (in a file that was begun after damage) gets the whole log.
    """
    cursor = _cursor(conn, output)
    while (again := _replay(conn, output)) is not None:
        found = _records(conn, again.next_seq, again.last_seq, limit, half_hours=half_hours, times=again.times)
        if found:
            return found
        conn.execute("DELETE FROM replays WHERE id = ?", (again.id,))
    return _records(conn, cursor + 1, None, limit, half_hours=half_hours)


def acknowledge(
    conn: sqlite3.Connection, output: str, seq: int, *, checkpoint: bytes | None, count: int, now: datetime
) -> None:
    """`output` has everything of its batch up to `seq`, `count` records; `checkpoint` is stored with that."""
    _advance(conn, output, seq)
    conn.execute(
        "UPDATE outputs SET checkpoint = ?, delivered = delivered + ?,"
        " last_delivered_us = CASE WHEN ? > 0 THEN ? ELSE last_delivered_us END WHERE name = ?",
        (checkpoint, count, count, to_micros(now), output),
    )


def dead_letter(
    conn: sqlite3.Connection, output: str, seq: int, *, key: str, reason: str, tries: int, now: datetime
) -> None:
    """Set the record `seq`, the first of the batch, aside: the line moves on."""
    _advance(conn, output, seq)
    conn.execute(
        "INSERT OR REPLACE INTO dead_letters (output, seq, key, reason, at_us, tries) VALUES (?, ?, ?, ?, ?, ?)",
        (output, seq, key, reason, to_micros(now), tries),
    )


def set_health(conn: sqlite3.Connection, output: str, health: str, *, since: datetime, reason: str) -> None:
    """Note how `output` is doing, for people."""
    conn.execute(
        "UPDATE outputs SET health = ?, since_us = ?, reason = ? WHERE name = ?",
        (health, to_micros(since), reason, output),
    )


def checkpoint(conn: sqlite3.Connection, output: str) -> bytes | None:
    """What the output returned last; None at first."""
    row = conn.execute("SELECT checkpoint FROM outputs WHERE name = ?", (output,)).fetchone()
    return None if row is None else row[0]


def set_checkpoint(conn: sqlite3.Connection, output: str, checkpoint: bytes | None) -> None:
    """Note where `output` is without anything having been delivered."""
    conn.execute(
        "INSERT INTO outputs (name, cursor, checkpoint, since_us) VALUES (?, ?, ?, 0)"
        " ON CONFLICT (name) DO UPDATE SET checkpoint = excluded.checkpoint",
        (output, _cursor(conn, output), checkpoint),
    )


def states(conn: sqlite3.Connection, *, half_hours: bool = True) -> list[OutputRow]:
    """Every output that is not forgotten, by name."""
    rows = conn.execute(
        "SELECT name, cursor, checkpoint, health, since_us, reason, delivered, last_delivered_us, removed_us,"
        " (SELECT count(*) FROM dead_letters WHERE output = name) FROM outputs ORDER BY name"
    ).fetchall()
    return [
        OutputRow(
            name=name,
            cursor=cursor,
            checkpoint=position,
            health=health,
            since=from_micros(since_us),
            reason=reason,
            waiting=waiting(conn, name, half_hours=half_hours),
            dead_letters=dead,
            delivered=delivered,
            last_delivered=None if last_us is None else from_micros(last_us),
            configured=removed_us is None,
        )
        for name, cursor, position, health, since_us, reason, delivered, last_us, removed_us, dead in rows
    ]


def waiting(conn: sqlite3.Connection, output: str, *, half_hours: bool) -> int:
    """How many records `output` has not got yet, those to be sent once more included."""
    spans = [(again.next_seq, again.last_seq, again.times) for again in _replays(conn, output)]
    spans.append((_cursor(conn, output) + 1, LAST, None))
    return sum(count(conn, *span, half_hours=half_hours) for span in spans)


def count(
    conn: sqlite3.Connection,
    first: int,
    last: int,
    times: tuple[int, int] | None = None,
    *,
    half_hours: bool = True,
) -> int:
    """How many records there are from number `first` to `last`, of a range of time where one is given."""
    where, values = _time_condition(times, "received_us", 1)
    sql = f"SELECT count(*) FROM readings WHERE seq BETWEEN ? AND ?{where}"
    found = int(conn.execute(sql, (first, last, *values)).fetchone()[0])
    if half_hours:
        where, values = _time_condition(times, "at", SECOND_US)
        sql = f"SELECT count(*) FROM half_hours WHERE seq BETWEEN ? AND ? AND seq IS NOT NULL{where}"
        found += int(conn.execute(sql, (first, last, *values)).fetchone()[0])
    return found


def rewind(conn: sqlite3.Connection, output: str, start: datetime, end: datetime) -> int:
    """Send what is from `start` until before `end` once more to `output`, as far as it has been there already.

    Returns how many records that are, half-hour records (by their own time) included. Raises LookupError for an output
    that is not known.
    """
    bounds = (to_micros(start), to_micros(end))
    cursor = _known_cursor(conn, output)
    where, values = _time_condition(bounds, "received_us", 1)
    readings = conn.execute(
        f"SELECT min(seq), max(seq), count(*) FROM readings WHERE seq <= ?{where}", (cursor, *values)
    ).fetchone()
    where, values = _time_condition(bounds, "at", SECOND_US)
    half_hours = conn.execute(
        f"SELECT min(seq), max(seq), count(*) FROM half_hours WHERE seq <= ? AND seq IS NOT NULL{where}",
        (cursor, *values),
    ).fetchone()
    found = [row for row in (readings, half_hours) if row[2]]
    if found:
        first, last = min(row[0] for row in found), max(row[1] for row in found)
        add_replay(conn, output, first, last, times=bounds)
    return sum(row[2] for row in found)


def add_replay(
    conn: sqlite3.Connection, output: str, first: int, last: int, *, times: tuple[int, int] | None = None
) -> None:
    """Owe `output` the records `first` to `last`, which are behind its cursor, once more."""
    from_us, to_us = times or (None, None)
    conn.execute(
        "INSERT INTO replays (output, next_seq, last_seq, from_us, to_us) VALUES (?, ?, ?, ?, ?)",
        (output, first, last, from_us, to_us),
    )


def dead_letters(conn: sqlite3.Connection, output: str | None = None) -> list[DeadLetter]:
    """What was set aside, by output, oldest first."""
    where, values = ("", ()) if output is None else (" WHERE output = ?", (output,))
    rows = conn.execute(
        f"SELECT output, seq, key, reason, at_us, tries FROM dead_letters{where} ORDER BY output, seq", values
    )
    return [
        DeadLetter(output=name, seq=seq, key=key, reason=reason, at=from_micros(at_us), tries=tries)
        for name, seq, key, reason, at_us, tries in rows
    ]


def replay_dead_letters(conn: sqlite3.Connection, output: str, seqs: Iterable[int] | None = None) -> int:
    """Send these dead letters (or all) of `output` once more; returns how many."""
    count = 0
    for seq in _dead(conn, output, seqs):
        add_replay(conn, output, seq, seq)
        count += drop_dead_letters(conn, output, (seq,))
    return count


def drop_dead_letters(conn: sqlite3.Connection, output: str, seqs: Iterable[int] | None = None) -> int:
    """Give up these dead letters (or all) of `output`; returns how many."""
    return sum(
        conn.execute("DELETE FROM dead_letters WHERE output = ? AND seq = ?", (output, seq)).rowcount
        for seq in _dead(conn, output, seqs)
    )


def record_at(conn: sqlite3.Connection, seq: int) -> Record | None:
    """The record with this number, if it is still there."""
    found = _records(conn, seq, seq, 1, half_hours=True)
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


@dataclass(frozen=True, slots=True)
class _Replay:
    id: int
    next_seq: int
    last_seq: int
    times: tuple[int, int] | None


def _replays(conn: sqlite3.Connection, output: str) -> list[_Replay]:
    rows = conn.execute(
        "SELECT id, next_seq, last_seq, from_us, to_us FROM replays WHERE output = ? ORDER BY id", (output,)
    )
    return [
        _Replay(row, first, last, None if from_us is None else (from_us, to_us))
        for row, first, last, from_us, to_us in rows
    ]


def _replay(conn: sqlite3.Connection, output: str) -> _Replay | None:
    found = _replays(conn, output)
    return found[0] if found else None


def _cursor(conn: sqlite3.Connection, output: str) -> int:
    try:
        return _known_cursor(conn, output)
    except LookupError:
        return int(conn.execute("SELECT first - 1 FROM log").fetchone()[0])


def _known_cursor(conn: sqlite3.Connection, output: str) -> int:
    row = conn.execute("SELECT cursor FROM outputs WHERE name = ?", (output,)).fetchone()
    if row is None:
        raise LookupError(f"There is no output {output}.")
    return int(row[0])


def _advance(conn: sqlite3.Connection, output: str, seq: int) -> None:
    """Move the cursor, or the replay that a number behind the cursor can only belong to."""
    cursor = conn.execute("SELECT cursor FROM outputs WHERE name = ?", (output,)).fetchone()
    if cursor is None:
        conn.execute("INSERT INTO outputs (name, cursor, since_us) VALUES (?, ?, 0)", (output, seq))
    elif seq > cursor[0]:
        conn.execute("UPDATE outputs SET cursor = ? WHERE name = ?", (seq, output))
    elif (again := _replay(conn, output)) is not None:
        if seq >= again.last_seq:
            conn.execute("DELETE FROM replays WHERE id = ?", (again.id,))
        else:
            conn.execute("UPDATE replays SET next_seq = ? WHERE id = ?", (seq + 1, again.id))


def _records(
    conn: sqlite3.Connection,
    first: int,
    last: int | None,
    limit: int,
    *,
    half_hours: bool,
    times: tuple[int, int] | None = None,
) -> list[tuple[int, Record]]:
    """At most `limit` records with their numbers from `first` to `last`, in order."""
    scales, keys = meters.scales(conn), meters.keys(conn)
    seqs = (first, LAST if last is None else last)
    where, values = _time_condition(times, "received_us", 1)

    def of_reading(row: Row) -> tuple[int, Record]:
        key, name = keys[row[1]]
        item = stored(row[0], row[1:], key, scales)
        return item.seq, published(item.reading, item.recent, meter_name=name)

    def of_half_hour(row: Row) -> tuple[int, Record]:
        return row[0], published_half_hour(energy_of(row[2:], keys[row[1]][0], scales))

    rows = conn.execute(
        f"SELECT seq, {COLUMNS} FROM readings WHERE seq BETWEEN ? AND ?{where} ORDER BY seq LIMIT ?",
        (*seqs, *values, limit),
    )
    found = list(sound_rows(rows, of_reading))
    if half_hours:
        where, values = _time_condition(times, "at", SECOND_US)
        rows = conn.execute(
            f"SELECT seq, meter, {ENERGY_COLUMNS} FROM half_hours WHERE seq BETWEEN ? AND ? AND seq IS NOT NULL{where}"
            " ORDER BY seq LIMIT ?",
            (*seqs, *values, limit),
        )
        found = sorted((*found, *sound_rows(rows, of_half_hour)), key=_number)
    return found[:limit]


def _time_condition(times: tuple[int, int] | None, column: str, unit_us: int) -> tuple[str, tuple[int, ...]]:
    """SQL and values for a range of time in microseconds; a half hour belongs to it by its beginning."""
    if times is None:
        return "", ()
    shift = 0 if unit_us == 1 else HALF_HOUR_S
    low, high = (-(-micros // unit_us) + shift for micros in times)
    return f" AND {column} >= ? AND {column} < ?", (low, high)


def _dead(conn: sqlite3.Connection, output: str, seqs: Iterable[int] | None) -> Sequence[int]:
    rows = [seq for (seq,) in conn.execute("SELECT seq FROM dead_letters WHERE output = ? ORDER BY seq", (output,))]
    if seqs is None:
        return rows
    chosen = set(seqs)
    return [seq for seq in rows if seq in chosen]


def _number(item: tuple[int, Record]) -> int:
    return item[0]
