"""A disk that is full, read-only or limited: nothing is half written, and all goes on when it is well again."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from hems_data_collector.clock import SystemClock
from hems_data_collector.errors import StoreDamaged, StoreError, StoreUnavailable
from hems_data_collector.store import outbox, readings
from hems_data_collector.store.aside import damaged_files
from hems_data_collector.store.database import Database, open_reader
from hems_data_collector.store.ring import Ring
from support.ledgers import FIRST, METER, PROFILE, opened, reading
from support.mounts import TMPFS, fill, small_disk


def append(conn: sqlite3.Connection, number: int) -> int:
    return readings.append(conn, reading(number), None, PROFILE)


def stored(database: Database) -> list[int]:
    return database.run_sync(
        lambda conn: [w - 412 for (w,) in conn.execute("SELECT power_w FROM readings ORDER BY seq")]
    )


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """One MiB of disk."""
    with small_disk(tmp_path / "disk") as folder:
        yield folder


@pytest.mark.parametrize("_", TMPFS)
def test_a_full_disk_keeps_what_it_has_and_goes_on_when_there_is_room(_: int, disk: Path) -> None:
    async def live() -> None:
        with opened(disk / "hems.db", synchronous="FULL") as database:
            ring = Ring(database, clock=SystemClock())
            assert await ring.write(lambda conn: append(conn, 0))
            ballast = fill(disk)
            done = [await ring.write(lambda conn, n=number: append(conn, n)) for number in range(1, 400)]
            assert not done[-1]
            waits = ring.state.waiting
            assert waits == done.count(False)
            assert stored(database) == list(range(400 - waits))
            assert not await ring.flush()
            ballast.unlink()
            assert await ring.flush()
            assert stored(database) == list(range(400))
            assert ring.state.dropped == 0

    asyncio.run(live())


@pytest.mark.parametrize("_", TMPFS)
def test_the_collector_starts_on_a_full_disk(_: int, disk: Path) -> None:
    path = disk / "hems.db"
    with opened(path) as database:
        database.run_sync(lambda conn: append(conn, 0))
    ballast = fill(disk)
    with opened(path) as database:
        with pytest.raises(StoreUnavailable, match="cannot be used"):
            database.run_sync(lambda conn: [append(conn, number) for number in range(1, 2000)])
        ballast.unlink()
        database.run_sync(lambda conn: append(conn, 1))
        assert stored(database) == [0, 1]


@pytest.mark.parametrize("_", TMPFS)
def test_a_first_start_on_a_full_disk_is_refused(_: int, disk: Path) -> None:
    fill(disk)
    with pytest.raises(StoreError) as caught:
        Database.open(disk / "hems.db", clock=SystemClock())
    assert not isinstance(caught.value, StoreUnavailable)
    assert caught.value.exit_code == 7


@pytest.mark.parametrize("_", TMPFS)
def test_a_read_only_disk_is_told_at_the_start_and_can_be_read(_: int, disk: Path) -> None:
    with opened(disk / "hems.db") as database:
        database.run_sync(lambda conn: append(conn, 0))
    subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
    with pytest.raises(StoreError, match="cannot be used") as caught:
        Database.open(disk / "hems.db", clock=SystemClock())
    assert caught.value.exit_code == 7
    reader = open_reader(disk / "hems.db")
    assert len(list(readings.between(reader, METER, FIRST, reading(1).received_at))) == 1
    reader.close()
    subprocess.run(["mount", "-o", "remount,rw", str(disk)], check=True)
    with opened(disk / "hems.db") as database:
        assert stored(database) == [0]


def test_a_disk_that_becomes_read_only_is_waited_for(database: Database) -> None:
    database.run_sync(lambda conn: append(conn, 0))
    database._executor.submit(lambda: database._conn and database._conn.execute("PRAGMA query_only = ON")).result()
    with pytest.raises(StoreUnavailable, match="readonly") as caught:
        database.run_sync(lambda conn: append(conn, 1))
    assert "writable" in caught.value.remedy
    database.run_sync(lambda conn: append(conn, 2))
    assert stored(database) == [0, 2], "the file was opened anew"


def test_another_writer_that_takes_long_is_waited_for(database: Database) -> None:
    other = sqlite3.connect(database.path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    database._executor.submit(lambda: database._conn and database._conn.execute("PRAGMA busy_timeout = 1")).result()
    with pytest.raises(StoreUnavailable, match="locked"):
        database.run_sync(lambda conn: append(conn, 0))
    other.execute("ROLLBACK")
    other.close()
    assert database.run_sync(lambda conn: append(conn, 0)) == 1


LIMITED = """
import resource, signal, sys
from pathlib import Path
from hems_data_collector.errors import StoreUnavailable
from support.ledgers import PROFILE, opened, reading
from hems_data_collector.store import readings

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
with opened(Path(sys.argv[1])) as database:
    count = 0
    def append(conn):
        readings.append(conn, reading(count), None, PROFILE)
    database.run_sync(append)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, hard))
    refused = 0
    while refused < 3:
        count += 1
        try:
            database.run_sync(append)
        except StoreUnavailable:
            refused += 1
            count -= 1
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    for _ in range(10):
        count += 1
        database.run_sync(append)
    print(count + 1, database.run_sync(lambda conn: conn.execute("SELECT count(*) FROM readings").fetchone()[0]))
"""


def test_a_quota_is_waited_for(tmp_path: Path) -> None:
    tests = Path(__file__).parents[2]
    done = subprocess.run(
        [sys.executable, "-c", LIMITED, str(tmp_path / "hems.db")],
        env={**os.environ, "PYTHONPATH": str(tests)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    written, found = done.stdout.split()
    assert written == found
    assert int(found) > 20
    with opened(tmp_path / "hems.db") as database:
        assert stored(database) == list(range(int(found)))
    assert list(tmp_path.glob("*.damaged-*")) == []


def test_values_that_no_sound_file_has_are_damage_and_no_bug(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with opened(tmp_path / "hems.db") as database:
        for number in range(3):
            database.run_sync(lambda conn, n=number: append(conn, n))
        other = sqlite3.connect(database.path, isolation_level=None)
        other.execute("UPDATE readings SET meter = 77 WHERE seq = 2")
        other.close()
        batch = database.run_sync(lambda conn: outbox.batch(conn, "file", 10, half_hours=True))
        assert [seq for seq, _ in batch] == [1, 3]
        assert "makes no sense" in caplog.text
        other = sqlite3.connect(database.path, isolation_level=None)
        other.execute("UPDATE scales SET digits = 'x', exponent = 77")
        other.close()
        with pytest.raises(StoreDamaged):
            database.run_sync(lambda conn: outbox.batch(conn, "file", 10, half_hours=True))
        assert database.run_sync(lambda conn: append(conn, 3)) > 3
    assert len(damaged_files(tmp_path / "hems.db")) == 1
