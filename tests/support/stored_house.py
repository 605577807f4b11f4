"""Small databases for the verbs that look into one, and a clock for them that stands."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from hems_data_collector.meter.profile import MeterProfile
from hems_data_collector.readings import HalfHour, MeterIdentity, Reading
from hems_data_collector.store import half_hours, meters, outbox, readings
from support.ledgers import PROFILE, SLOT, opened

NOW = datetime(2025, 4, 1, 5, 10, tzinfo=UTC)
"""14:10 in Japan: two hours and ten minutes after the first slot."""
FILE = Path("hems.db")
"""In the current folder, which is each test's own."""
OTHER = replace(PROFILE, identity=MeterIdentity(maker="000016", serial="B00Z999999"))
"""Another meter: after an exchange, or beside the first."""


def stored(
    slots: Sequence[HalfHour] = (),
    appended: Sequence[Reading] = (),
    profile: MeterProfile = PROFILE,
    name: str | None = None,
    now: datetime = SLOT,
) -> None:
    """Put these into the database, as the collector does."""
    with opened(FILE) as database:
        database.run_sync(lambda conn: meters.know(conn, profile, now, name=name))
        database.run_sync(lambda conn: half_hours.record(conn, slots, profile, now=now))
        for each in appended:
            database.run_sync(lambda conn, each=each: readings.append(conn, each, None, profile))  # type: ignore[misc]


def deliver(output: str, upto: int, *, refused: int | None = None, problem: str = "", half_hours: bool = False) -> None:
    """`output` got the records up to the number `upto`, but `refused`; with a `problem` it is retrying now.

    It runs with or without `half_hours`.
    """
    with opened(FILE) as database:

        def work(conn: sqlite3.Connection) -> None:
            since = datetime(2000, 1, 1, tzinfo=UTC)
            outbox.register(conn, [output], now=SLOT, since=since, half_hours=half_hours)
            for seq, record in outbox.batch(conn, output, upto, half_hours=True):
                if seq == refused:
                    outbox.dead_letter(conn, output, seq, key=record.key, reason="400 no such field", tries=3, now=NOW)
                elif seq <= upto:
                    outbox.acknowledge(conn, output, seq, checkpoint=None, count=1, now=NOW)
            if problem:
                outbox.set_health(conn, output, "retrying", since=SLOT, reason=problem)

        database.run_sync(work)
