"""What the disk does not take waits in memory, in order and bounded, and is written once when the disk is back."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from datetime import UTC, datetime
from pathlib import Path

import pytest

from hems_data_collector.clock import LoopClock
from hems_data_collector.store import readings
from hems_data_collector.store.database import Database
from hems_data_collector.store.ring import RETRY_S, Ring, Write
from support.ledgers import PROFILE, opened, reading
from support.virtual_time import run_virtual, virtual

START = datetime(2025, 4, 1, tzinfo=UTC)


def append(number: int) -> object:
    return lambda conn: readings.append(conn, reading(number), None, PROFILE)


class Disk:
    """The folder of a database that can be taken away."""

    def __init__(self, tmp_path: Path) -> None:
        self._folder, self._away = tmp_path / "disk", tmp_path / "away"
        self.path = self._folder / "hems.db"

    def goes(self) -> None:
        self._folder.rename(self._away)

    def returns(self) -> None:
        self._away.rename(self._folder)


def stored(database: Database) -> list[int]:
    return database.run_sync(lambda conn: [w for (w,) in conn.execute("SELECT power_w FROM readings ORDER BY seq")])


@virtual
async def test_while_the_disk_works_a_write_is_done_at_once(tmp_path: Path) -> None:
    with opened(tmp_path / "hems.db") as database:
        ring, seen = Ring(database, clock=LoopClock(START)), list[int]()
        assert await ring.write(append(0), seen.append)  # type: ignore[arg-type]
        assert seen == [1]
        assert (ring.state.waiting, ring.state.since) == (0, None)


@virtual
async def test_several_are_written_together_or_not_at_all(tmp_path: Path) -> None:
    with opened(tmp_path / "hems.db") as database:
        ring, seen = Ring(database, clock=LoopClock(START)), list[int]()

        def refused(conn: sqlite3.Connection) -> None:
            raise ValueError("not so")

        with pytest.raises(ValueError, match="not so"):
            await ring.write_all([Write(append(0), seen.append), Write(refused)])  # type: ignore[arg-type]
        assert (stored(database), seen, ring.state.waiting) == ([], [], 0)
        assert await ring.write_all([Write(append(number), seen.append) for number in (1, 2)])  # type: ignore[arg-type]
        assert (stored(database), seen) == ([413, 414], [1, 2])


@virtual
async def test_of_several_that_wait_each_is_a_record(tmp_path: Path) -> None:
    disk, clock = Disk(tmp_path), LoopClock(START)
    with opened(disk.path, clock=clock) as database:
        ring = Ring(database, clock=clock, capacity=3)
        await ring.write(append(0))  # type: ignore[arg-type]
        disk.goes()
        assert not await ring.write_all([Write(append(number)) for number in range(1, 5)])  # type: ignore[arg-type]
        assert (ring.state.waiting, ring.state.dropped) == (3, 1)
        disk.returns()
        assert await ring.flush()
        assert stored(database) == [412, 414, 415, 416]


@virtual
async def test_what_waits_is_written_in_order_within_5_s_of_the_disk_s_return(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    disk, clock, seen = Disk(tmp_path), LoopClock(START), list[int]()
    with opened(disk.path, clock=clock) as database, caplog.at_level(logging.INFO):
        ring = Ring(database, clock=clock)
        task = asyncio.create_task(ring.run())
        await ring.write(append(0))  # type: ignore[arg-type]
        disk.goes()
        for number in (1, 2, 3):
            assert not await ring.write(append(number), seen.append)  # type: ignore[arg-type]
        assert ring.state.waiting == 3
        assert ring.state.since is not None
        assert "is gone" in ring.state.reason
        await clock.sleep(60)
        assert ring.state.waiting == 3
        disk.returns()
        assert not await ring.write(append(4), seen.append)  # type: ignore[arg-type]
        await clock.sleep(RETRY_S + 0.1)
        assert RETRY_S < 5
        assert stored(database) == [412 + number for number in range(5)]
        assert seen == [2, 3, 4, 5]
        assert (ring.state.waiting, ring.state.since, ring.state.reason) == (0, None, "")
        task.cancel()
    told = [record.levelname for record in caplog.records if "Records are kept" in record.message]
    assert told == ["ERROR"]
    assert "works again" in caplog.text


@virtual
async def test_the_oldest_are_dropped_and_counted(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    disk, clock = Disk(tmp_path), LoopClock(START)
    with opened(disk.path, clock=clock) as database:
        ring = Ring(database, clock=clock, capacity=3)
        disk.goes()
        for number in range(5):
            await ring.write(append(number))  # type: ignore[arg-type]
        assert (ring.state.waiting, ring.state.dropped) == (3, 2)
        disk.returns()
        assert await ring.flush()
        assert stored(database) == [414, 415, 416]
    assert caplog.text.count("no room in memory") == 1


@virtual
async def test_what_must_come_first_is_not_pushed_out_and_is_no_record(tmp_path: Path) -> None:
    disk, clock, told = Disk(tmp_path), LoopClock(START), list[str]()
    with opened(disk.path, clock=clock) as database:
        ring = Ring(database, clock=clock, capacity=3)
        disk.goes()
        await ring.write(lambda conn: "first", told.append, droppable=False)
        for number in range(5):
            await ring.write(append(number))  # type: ignore[arg-type]
        assert (ring.state.waiting, ring.state.dropped) == (3, 2)
        disk.returns()
        assert await ring.flush()
        assert told == ["first"]
        assert stored(database) == [414, 415, 416]


@virtual
async def test_one_work_with_a_bug_does_not_hold_up_the_others(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    disk, clock = Disk(tmp_path), LoopClock(START)

    def broken(conn: sqlite3.Connection) -> None:
        raise ZeroDivisionError("a bug")

    with opened(disk.path, clock=clock) as database:
        ring = Ring(database, clock=clock)
        with pytest.raises(ZeroDivisionError):
            await ring.write(broken)
        disk.goes()
        for work in (append(0), broken, append(1)):
            await ring.write(work)  # type: ignore[arg-type]
        disk.returns()
        assert await ring.flush()
        assert stored(database) == [412, 413]
    assert ring.state.dropped == 1
    assert "a bug" in caplog.text


def test_a_new_file_after_damage_takes_the_write_at_once(tmp_path: Path) -> None:
    path = tmp_path / "hems.db"
    with opened(path) as database:
        for number in range(100):
            database.run_sync(append(number))  # type: ignore[arg-type]

    async def write_on_damage() -> None:
        with opened(path, clock=LoopClock(START)) as database:
            overwrite(path)
            ring = Ring(database, clock=LoopClock(START))
            assert await ring.write(append(100))  # type: ignore[arg-type]
            assert stored(database) == [512]

    run_virtual(write_on_damage())
    assert len([file for file in tmp_path.glob("*.damaged-*") if not file.name.endswith(("-wal", "-shm"))]) == 1


def overwrite(path: Path) -> None:
    """Spoil every page but the first."""
    with path.open("r+b") as file:
        file.seek(4096)
        file.write(b"\xff" * (path.stat().st_size - 4096))
