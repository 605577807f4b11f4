"""Minutes on their way into the store: with their reading, while the disk is away, and out of it by age."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from hems_data_collector.clock import LoopClock
from hems_data_collector.collector.recorder import Recorder
from hems_data_collector.emulator.meter_clock import METER_ZONE
from hems_data_collector.store import half_hours, minutes, readings
from hems_data_collector.store.database import Database
from support.ledgers import METER, PROFILE, RECENT, SLOT, minute, opened, reading, slot
from support.virtual_time import virtual

STEP = timedelta(minutes=1)
FAR = timedelta(days=999)


@contextmanager
def recorder(path: Path) -> Iterator[tuple[Recorder, Database]]:
    clock = LoopClock(SLOT)
    with opened(path, clock=clock) as database:
        yield Recorder(database, clock=clock, zone=METER_ZONE, on_stored=lambda: None), database


def stored(database: Database) -> list[datetime]:
    found = database.run_sync(lambda conn: list(minutes.between(conn, METER, SLOT - FAR, SLOT + FAR)))
    return [each.at for each in found]


@virtual
async def test_a_reading_and_its_minute_are_stored_together(tmp_path: Path) -> None:
    with recorder(tmp_path / "hems.db") as (kept, database):
        kept.reading(reading(0), RECENT, PROFILE, minute(0))
        kept.reading(reading(1), RECENT, PROFILE, minute(1, None))
        kept.reading(reading(2), RECENT, PROFILE)
        await kept.finish(5)
        assert stored(database) == [SLOT]
        newest = database.run_sync(lambda conn: readings.newest(conn, METER))
        assert newest is not None
        assert newest.reading.power_w == 414


@virtual
async def test_minutes_wait_in_memory_while_the_disk_takes_nothing(tmp_path: Path) -> None:
    folder, away = tmp_path / "disk", tmp_path / "away"
    with recorder(folder / "hems.db") as (kept, database):
        task = asyncio.create_task(kept.run())
        folder.rename(away)
        for first in (0, 8):
            kept.minutes([minute(number) for number in range(first, first + 8)], PROFILE)
            await asyncio.sleep(30)
        assert await kept.recall_minutes(METER, SLOT - FAR, SLOT + FAR) == set()
        away.rename(folder)
        await asyncio.sleep(30)
        assert stored(database) == [SLOT + number * STEP for number in range(16)]
        assert await kept.recall_minutes(METER, SLOT + STEP, SLOT + 3 * STEP) == {SLOT + STEP, SLOT + 2 * STEP}
        task.cancel()


@virtual
async def test_minutes_go_by_age_with_the_readings(tmp_path: Path) -> None:
    with recorder(tmp_path / "hems.db") as (kept, database):
        database.run_sync(lambda conn: half_hours.record(conn, [slot(0)], PROFILE, now=SLOT))
        kept.minutes([minute(number) for number in (-3000, -1441, -1439, 0)], PROFILE)
        await kept.finish(5)
        task = asyncio.create_task(kept.prune(timedelta(days=1)))
        await asyncio.sleep(1)
        task.cancel()
        assert stored(database) == [SLOT - 1439 * STEP, SLOT]


@virtual
async def test_two_values_for_one_minute_are_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with recorder(tmp_path / "hems.db") as (kept, _):
        kept.minutes([minute(0), minute(0, 5)], PROFILE)
        await kept.finish(5)
    assert caplog.messages == ["The meter gave two values for the minute 2025-04-01T12:00+09:00; the first is kept."]
    assert datetime(2025, 4, 1, 3, tzinfo=UTC) == SLOT
