"""A sound database has no problems; each rule finds its own fault."""

from __future__ import annotations

import sqlite3
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from hems_data_collector.readings import HalfHourSource
from hems_data_collector.store import half_hours, readings
from hems_data_collector.store.check import check
from hems_data_collector.store.database import open_reader
from support.ledgers import EXPORTING, PROFILE, RECENT, opened, reading, slot

NOW = datetime(2025, 4, 2, tzinfo=UTC)


def fill(conn: sqlite3.Connection) -> None:
    for number in range(100):
        readings.append(conn, reading(number), RECENT, PROFILE)
    half_hours.record(conn, [slot(0, 999_999), *(slot(number, number) for number in range(1, 9))], PROFILE, now=NOW)
    half_hours.record(conn, [slot(3, 77, source=HalfHourSource.HISTORY_1)], PROFILE, now=NOW)


def test_a_sound_database_has_no_problems(conn: sqlite3.Connection) -> None:
    fill(conn)
    steps: list[str] = []
    report = check(conn, steps.append)
    assert report.problems == ()
    assert (report.readings, report.half_hours, report.conflicts) == (100, 9, 1)
    assert report.bytes > 50_000
    assert len(steps) == 6


def test_a_half_hour_that_waits_for_its_export_is_no_problem(conn: sqlite3.Connection) -> None:
    half_hours.record(conn, [slot(0), slot(1)], EXPORTING, now=NOW)
    assert check(conn).problems == ()


@pytest.mark.parametrize(
    ("fault", "told"),
    [
        ("UPDATE half_hours SET seq = 5 WHERE seq = 101", "1 numbers of the log are given twice"),
        ("DELETE FROM hours", "100 readings are missing in the sum of their hour"),
        ("UPDATE hours SET last_seq = last_seq - 1", "2 readings are missing in the sum of their hour"),
        ("UPDATE half_hours SET import_used = 9 WHERE seq = 103", "1 half hours are not the difference"),
        ("UPDATE half_hours SET seq = NULL WHERE seq = 103", "1 complete half hours are not in the log"),
        ("UPDATE ledger_days SET import_used = import_used + 1", "2 sums of days are not those of their half hours"),
        ("DELETE FROM ledger_days", "1 sums of days are not those of their half hours"),
        ("DELETE FROM scales", "a row of readings (1) names a row of scales that is not there"),
    ],
)
def test_each_rule_finds_its_fault(conn: sqlite3.Connection, fault: str, told: str) -> None:
    fill(conn)
    conn.execute("PRAGMA foreign_keys = OFF")
    conn.execute(fault)
    assert any(problem.startswith(told) for problem in check(conn).problems), check(conn).problems


def test_what_sqlite_finds_is_told(tmp_path: Path) -> None:
    path = tmp_path / "hems.db"
    with opened(path) as database:
        database.run_sync(fill)
    data = bytearray(path.read_bytes())
    stamp = (reading(70).received_at - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)
    page = data.index(stamp.to_bytes(8, "big") + (412 + 70).to_bytes(2, "big")) // 4096 * 4096
    data[page + 8 : page + 10] = b"\xff\xff"
    path.write_bytes(data)
    reader = open_reader(path)
    assert check(reader).problems
    reader.close()
