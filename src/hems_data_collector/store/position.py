"""The one sequence of the log: readings and half-hour records, in the order in which they were committed."""

from __future__ import annotations

import sqlite3

_NEXT = """
SELECT 1 + max(
    (SELECT first - 1 FROM log),
    coalesce((SELECT max(seq) FROM readings), 0),
    coalesce((SELECT seq FROM half_hours WHERE seq IS NOT NULL ORDER BY seq DESC LIMIT 1), 0)
)
"""


def next_seq(conn: sqlite3.Connection) -> int:
    """The number of the next record; only a writer may use it up.

    The newest reading is never pruned, so no number is given out twice.
    """
    return int(conn.execute(_NEXT).fetchone()[0])
