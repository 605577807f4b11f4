"""Old readings go, by age; half hours and roll-ups stay for ever, and so does what an output has not got yet."""

from __future__ import annotations

import sqlite3
from datetime import datetime, timedelta
from typing import Final

from hems_data_collector.store.readings import CLOCK_SET_SINCE_US
from hems_data_collector.store.times import HOUR_US, from_seconds, to_micros

METER_CLOCK_LAG: Final = timedelta(days=1)
"""So far our clock may be ahead of the newest half hour by the meter's, and is believed."""
KEEP_READINGS: Final = timedelta(days=730)
AT_ONCE: Final = 5_000  # in one transaction, so that a reading never waits long for its turn


def prune(conn: sqlite3.Connection, *, keep: timedelta, now: datetime, limit: int = AT_ONCE) -> int:
    """Delete at most `limit` readings that are older than `keep`; returns how many. Call it until it returns 0.

    Our clock may stand years ahead, so it is believed no farther than the meter's own: it is never taken to be later
    than a day after the newest half hour, and before the first half hour nothing is deleted.
    Age is told by the place in the log: what was appended before the first reading that is young enough, up to the last
    one whose stamp shows that it is not. So a reading stamped 1970 by a clock that was not set lives as long as its
    neighbours, also where the log begins with it. What a configured output has not got, what
    is a dead letter, and the newest reading stay. The room is used again by new readings.
    """
    confirmed = _newest_half_hour(conn)
    if confirmed is None:
        return 0
    now = min(now, confirmed + METER_CLOCK_LAG)
    oldest_hour, this_hour = to_micros(now - keep) // HOUR_US, to_micros(now) // HOUR_US
    young = conn.execute(
        "SELECT min(first_seq) FROM hours WHERE hour BETWEEN ? AND ?", (oldest_hour, this_hour)
    ).fetchone()[0]
    set_hour = CLOCK_SET_SINCE_US // HOUR_US
    old = conn.execute(
        "SELECT max(last_seq) + 1 FROM hours WHERE hour >= ? AND hour < ?", (set_hour, oldest_hour)
    ).fetchone()[0]
    newest = conn.execute("SELECT max(seq) FROM readings").fetchone()[0]
    bounds = [bound for bound in (old, young, newest, owed_from(conn)) if bound is not None]
    if newest is None or old is None:
        return 0
    return conn.execute(
        "DELETE FROM readings WHERE seq IN (SELECT seq FROM readings WHERE seq < ?"
        " AND seq NOT IN (SELECT seq FROM dead_letters) ORDER BY seq LIMIT ?)",
        (min(bounds), limit),
    ).rowcount


def owed_from(conn: sqlite3.Connection) -> int | None:
    """The first number that a configured output has not got; None without outputs."""
    row = conn.execute(
        "SELECT min(seq) FROM (SELECT cursor + 1 AS seq FROM outputs WHERE removed_us IS NULL UNION ALL"
        " SELECT next_seq FROM replays JOIN outputs ON name = output WHERE removed_us IS NULL)"
    ).fetchone()
    return None if row[0] is None else int(row[0])


def _newest_half_hour(conn: sqlite3.Connection) -> datetime | None:
    """The latest moment of which a meter has told by its own clock."""
    row = conn.execute("SELECT max((SELECT max(at) FROM half_hours WHERE meter = id)) FROM meters").fetchone()
    return None if row[0] is None else from_seconds(row[0])
