"""What is still owed to each output: everything in the log behind its cursor, and a small table of exceptions.

Nothing is copied for an output: records are made again from the rows, the same as when they were new.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from hems_data_collector.readings import Record
from hems_data_collector.store.position import next_seq
from hems_data_collector.store.records import Span, count, position_at, spans_of, within
from hems_data_collector.store.times import from_micros, to_micros

FORGOTTEN_AFTER: Final = timedelta(days=30)  # an output that is not configured any more
READINGS, HALF_HOURS = 1, 2  # what an output takes and what a replay is of, in `outputs` and `replays`


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
    """Records that it has not got yet."""
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


def register(
    conn: sqlite3.Connection,
    names: Collection[str],
    *,
    now: datetime,
    since: datetime | None = None,
    half_hours: bool = True,
) -> None:
    """Make `names` the configured outputs, which get readings and maybe half hours.

    A new one starts at the present, or with the first record of `since` or later (records that came into the log after
    that one go along). One that is known keeps its place. One that has not been configured for 30 days is forgotten.
    """
    now_us = to_micros(now)
    start = next_seq(conn) - 1 if since is None else position_at(conn, since)
    for name in names:
        conn.execute(
            "INSERT INTO outputs (name, cursor, since_us, kinds) VALUES (?, ?, ?, ?)"
            " ON CONFLICT (name) DO UPDATE SET removed_us = NULL, kinds = excluded.kinds",
            (name, start, now_us, READINGS | half_hours * HALF_HOURS),
        )
    for (name,) in conn.execute("SELECT name FROM outputs WHERE removed_us IS NULL").fetchall():
        if name not in names:
            conn.execute("UPDATE outputs SET removed_us = ? WHERE name = ?", (now_us, name))
    conn.execute("DELETE FROM outputs WHERE removed_us < ?", (to_micros(now - FORGOTTEN_AFTER),))


def admit(conn: sqlite3.Connection, output: str, *, now: datetime, half_hours: bool) -> None:
    """Register `output` where a file begun after damage does not know it: it gets the whole log."""
    conn.execute(
        "INSERT OR IGNORE INTO outputs (name, cursor, since_us, kinds) SELECT ?, first - 1, ?, ? FROM log",
        (output, to_micros(now), READINGS | half_hours * HALF_HOURS),
    )


def batch(conn: sqlite3.Connection, output: str, limit: int, *, half_hours: bool) -> list[tuple[int, Record]]:
    """The next records for `output` with their numbers, at most `limit`, in order; nothing where it has all.

    What is to be sent once more comes first; one batch is all of one kind. Without `half_hours`, only readings. An
    output that was never registered (in a file that was begun after damage) gets the whole log.
    """
    while (again := _replay(conn, output)) is not None:
        found = within(conn, _wanted(again.span, half_hours), limit)
        if found:
            return found
        conn.execute("DELETE FROM replays WHERE id = ?", (again.id,))
    return within(conn, Span(first=cursor(conn, output) + 1, half_hours=half_hours), limit)


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


def cursor(conn: sqlite3.Connection, output: str) -> int:
    """The number up to which `output` is done with the log; before the first where it was never registered."""
    try:
        return _known_cursor(conn, output)
    except LookupError:
        return int(conn.execute("SELECT first - 1 FROM log").fetchone()[0])


def set_checkpoint(conn: sqlite3.Connection, output: str, checkpoint: bytes | None) -> None:
    """Note where `output` is without anything having been delivered."""
    conn.execute(
        "INSERT INTO outputs (name, cursor, checkpoint, since_us) VALUES (?, ?, ?, 0)"
        " ON CONFLICT (name) DO UPDATE SET checkpoint = excluded.checkpoint",
        (output, cursor(conn, output), checkpoint),
    )


def states(conn: sqlite3.Connection, *, half_hours: bool | None = None) -> list[OutputRow]:
    """Every output that is not forgotten, by name; `half_hours` as in `waiting`."""
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


def waiting(conn: sqlite3.Connection, output: str, *, half_hours: bool | None = None) -> int:
    """How many records `output` has not got yet, those to be sent once more included.

    Half-hour records count as `half_hours` says, else where it was registered for them.
    """
    if half_hours is None:
        row = conn.execute("SELECT kinds FROM outputs WHERE name = ?", (output,)).fetchone()
        half_hours = row is None or bool(row[0] & HALF_HOURS)
    spans = [_wanted(again.span, half_hours) for again in _replays(conn, output)]
    spans.append(Span(first=cursor(conn, output) + 1, half_hours=half_hours))
    return sum(count(conn, span) for span in spans)


def rewind(conn: sqlite3.Connection, output: str, start: datetime, end: datetime) -> int:
    """Send what is from `start` until before `end` once more to `output`, as far as it has been there already.

    Returns how many records that are, half-hour records (by their own time) included. Raises LookupError for an output
    that is not known.
    """
    spans = spans_of(conn, start, end, last=_known_cursor(conn, output))
    return sum(add_replay(conn, output, span) for span in spans)


def add_replay(conn: sqlite3.Connection, output: str, span: Span) -> int:
    """Owe `output` the records of `span`, which is behind its cursor, once more; returns how many they are."""
    found = count(conn, span)
    if found:
        from_us, to_us = span.times or (None, None)
        conn.execute(
            "INSERT INTO replays (output, next_seq, last_seq, from_us, to_us, kinds) VALUES (?, ?, ?, ?, ?, ?)",
            (output, span.first, span.last, from_us, to_us, span.readings * READINGS | span.half_hours * HALF_HOURS),
        )
    return found


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
        add_replay(conn, output, Span(first=seq, last=seq))
        count += drop_dead_letters(conn, output, (seq,))
    return count


def drop_dead_letters(conn: sqlite3.Connection, output: str, seqs: Iterable[int] | None = None) -> int:
    """Give up these dead letters (or all) of `output`; returns how many."""
    return sum(
        conn.execute("DELETE FROM dead_letters WHERE output = ? AND seq = ?", (output, seq)).rowcount
        for seq in _dead(conn, output, seqs)
    )


@dataclass(frozen=True, slots=True)
class _Replay:
    id: int
    span: Span


def _replays(conn: sqlite3.Connection, output: str) -> list[_Replay]:
    rows = conn.execute(
        "SELECT id, next_seq, last_seq, from_us, to_us, kinds FROM replays WHERE output = ? ORDER BY id", (output,)
    )
    return [
        _Replay(
            row,
            Span(
                first=first,
                last=last,
                times=None if from_us is None else (from_us, to_us),
                readings=bool(kinds & READINGS),
                half_hours=bool(kinds & HALF_HOURS),
            ),
        )
        for row, first, last, from_us, to_us, kinds in rows
    ]


def _replay(conn: sqlite3.Connection, output: str) -> _Replay | None:
    found = _replays(conn, output)
    return found[0] if found else None


def _wanted(span: Span, half_hours: bool) -> Span:
    """`span` without half hours where the output gets none."""
    return span if half_hours else replace(span, half_hours=False)


def _known_cursor(conn: sqlite3.Connection, output: str) -> int:
    row = conn.execute("SELECT cursor FROM outputs WHERE name = ?", (output,)).fetchone()
    if row is None:
        raise LookupError(f"There is no output {output}.")
    return int(row[0])


def _advance(conn: sqlite3.Connection, output: str, seq: int) -> None:
    """Move the cursor, or the replay that a number behind the cursor can only belong to.

    A number that the log has not come to is of a file that was set aside meanwhile.
    """
    cursor = conn.execute("SELECT cursor FROM outputs WHERE name = ?", (output,)).fetchone()
    if seq >= next_seq(conn):
        return
    if cursor is None:
        conn.execute("INSERT INTO outputs (name, cursor, since_us) VALUES (?, ?, 0)", (output, seq))
    elif seq > cursor[0]:
        conn.execute("UPDATE outputs SET cursor = ? WHERE name = ?", (seq, output))
    elif (again := _replay(conn, output)) is not None and seq >= again.span.first:
        if seq >= again.span.last:
            conn.execute("DELETE FROM replays WHERE id = ?", (again.id,))
        else:
            conn.execute("UPDATE replays SET next_seq = ? WHERE id = ?", (seq + 1, again.id))


def _dead(conn: sqlite3.Connection, output: str, seqs: Iterable[int] | None) -> Sequence[int]:
    rows = [seq for (seq,) in conn.execute("SELECT seq FROM dead_letters WHERE output = ? ORDER BY seq", (output,))]
    if seqs is None:
        return rows
    chosen = set(seqs)
    return [seq for seq in rows if seq in chosen]
