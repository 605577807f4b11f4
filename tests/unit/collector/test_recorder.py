"""What the poller and the backfill have comes into the store, and each half hour is told once, whoever is cancelled."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from decimal import Decimal
from pathlib import Path

import pytest

from hems_data_collector.clock import SystemClock
from hems_data_collector.collector.recorder import Recorder
from hems_data_collector.emulator.meter_clock import METER_ZONE
from hems_data_collector.readings import Record
from hems_data_collector.store import meters, outbox
from hems_data_collector.store.database import Database
from hems_data_collector.store.half_hours import Direction
from support.ledgers import EXPORTING, PROFILE, RECENT, opened, reading, slot
from support.waiting import until


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    with opened(tmp_path / "hems.db") as database:
        yield database


def recorder(database: Database, on_half_hour: Callable[[Record], None] | None = None) -> Recorder:
    return Recorder(database, clock=SystemClock(), zone=METER_ZONE, on_stored=lambda: None, on_half_hour=on_half_hour)


@contextlib.asynccontextmanager
async def ended(task: asyncio.Task[None]) -> AsyncIterator[None]:
    yield
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task


def log(database: Database) -> list[Record]:
    """All records of the log."""
    return [record for _, record in database.run_sync(lambda conn: outbox.batch(conn, "all", 1000, half_hours=True))]


async def test_each_half_hour_is_told_once_as_it_stands_in_the_log(database: Database) -> None:
    told: list[Record] = []
    kept = recorder(database, told.append)
    await kept.store([slot(0), slot(1)], PROFILE)
    await kept.store([slot(1), slot(3), slot(5)], PROFILE)
    await kept.store([slot(2), slot(2, 1), slot(4)], PROFILE)
    assert sorted(record.key for record in told) == sorted({record.key for record in told})
    assert len(told) == 5
    assert told == log(database)


async def test_what_a_missing_export_completes_is_told_too(database: Database) -> None:
    told: list[Record] = []
    kept = recorder(database, told.append)
    slots = [slot(number) for number in range(4)]
    await kept.store(slots, EXPORTING)
    assert told == []
    for _ in range(2):
        await kept.mark_absent({Direction.EXPORT: [one.at for one in slots]}, EXPORTING)
    assert len(told) == 3
    assert told == log(database)


async def test_of_a_meter_that_is_not_stored_something_may_be_absent(database: Database) -> None:
    await recorder(database).mark_absent({Direction.IMPORT: [slot(0).at]}, PROFILE)
    assert log(database) == []


async def test_the_line_of_the_poller_is_told_in_order(database: Database) -> None:
    told: list[Record] = []
    kept = recorder(database, told.append)
    async with ended(asyncio.create_task(kept.run())):
        for number in range(4):
            kept.half_hours([slot(number)], PROFILE)
            kept.reading(reading(number), RECENT, PROFILE)
        await until(lambda: len(log(database)) == 7 and len(told) == 3)  # it is told after the commit
    assert told == [record for record in log(database) if record.kind == "half-hour"]


async def test_what_came_during_a_commit_is_committed_together(database: Database) -> None:
    kept, commits = recorder(database), list[None]()
    transaction = database._transaction

    def counted(work: Callable[[sqlite3.Connection], object]) -> object:
        commits.append(None)
        return transaction(work)

    database._transaction = counted  # type: ignore[method-assign, assignment]
    for number in range(700):
        kept.reading(reading(number), RECENT, PROFILE)
    async with ended(asyncio.create_task(kept.run())):
        await until(lambda: len(log(database)) == 700)
    assert len(commits) - 1 < 10  # of 500 at most; the others looked at the log


async def test_what_cannot_be_stored_takes_nothing_else_with_it(
    database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    kept = recorder(database)
    kept.reading(reading(0), RECENT, PROFILE)
    kept.reading(reading(1, current_r_a=Decimal("2.05")), RECENT, PROFILE)
    kept.reading(reading(2), RECENT, PROFILE)
    async with ended(asyncio.create_task(kept.run())):
        await until(lambda: len(log(database)) == 2)
    assert [record.fields["instant_power_w"] for record in log(database)] == [412, 414]
    assert len(caplog.messages) == 1


async def test_a_bug_in_one_work_comes_out_after_the_others_are_stored(database: Database) -> None:
    kept = recorder(database)
    kept.reading(reading(0), RECENT, PROFILE)
    kept.reading(reading(1, power_w=1 << 70), RECENT, PROFILE)
    kept.reading(reading(2), RECENT, PROFILE)
    with pytest.raises(OverflowError):
        await asyncio.wait_for(kept.run(), 5)
    assert [record.fields["instant_power_w"] for record in log(database)] == [412, 414]


async def test_at_the_end_everything_is_stored_and_told(database: Database, caplog: pytest.LogCaptureFixture) -> None:
    told: list[Record] = []
    kept = recorder(database, told.append)
    gate = threading.Event()
    waiting = asyncio.create_task(database.run(lambda _: gate.wait(5)))  # a slow disk
    task = asyncio.create_task(kept.run())
    kept.half_hours([slot(0), slot(1)], PROFILE)
    kept.half_hours([slot(2)], PROFILE)
    kept.reading(reading(), RECENT, PROFILE)
    asked = asyncio.create_task(kept.store([slot(3)], PROFILE))
    await asyncio.sleep(0.01)  # real: threads are at work
    for one in (task, asked):
        one.cancel()
        with pytest.raises(asyncio.CancelledError):
            await one
    ending = asyncio.create_task(kept.finish(5))
    gate.set()
    await asyncio.gather(waiting, ending)
    assert len(told) == 3
    assert sorted(record.key for record in log(database) if record.kind == "half-hour") == sorted(
        record.key for record in told
    )
    assert len(log(database)) == 4
    assert caplog.messages == []


async def test_a_meter_is_known_by_the_name_that_it_has_now(database: Database) -> None:
    kept = recorder(database)
    async with ended(asyncio.create_task(kept.run())):
        for name in ("house", "annex", None):
            kept.profile(PROFILE, name)
            await until(lambda name=name: [each.name for each in database.run_sync(meters.listed)] == [name])
