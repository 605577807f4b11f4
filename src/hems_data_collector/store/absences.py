"""Second thoughts about registers that a meter said it never recorded."""

from __future__ import annotations

import sqlite3
from datetime import datetime

from hems_data_collector.store import meters
from hems_data_collector.store.times import to_micros, to_seconds


def forget(conn: sqlite3.Connection, meter: str, *, since: datetime, asked_before: datetime) -> int:
    """Let the slots from `since` on be asked for once more whose last answer is older than `asked_before`.

    Returns how many absences were forgotten. A half hour that became a record stays one.
    """
    return conn.execute(
        "DELETE FROM absent WHERE meter = ? AND at >= ? AND asked_us < ?",
        (meters.number(conn, meter), to_seconds(since), to_micros(asked_before)),
    ).rowcount
