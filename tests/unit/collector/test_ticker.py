"""Due readings without drift, without piles, and safe against a stepped wall clock."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from hems_data_collector.clock import LoopClock
from hems_data_collector.collector.schedule import CronSchedule, IntervalSchedule
from hems_data_collector.collector.ticker import Ticker
from support.virtual_time import virtual

START = datetime(2026, 1, 15, 0, 0, 7, tzinfo=UTC)


async def times_due(ticker: Ticker, count: int, work_s: float = 0.0) -> list[float]:
    """Loop times at which `count` readings were due, each taking `work_s`."""
    running = asyncio.create_task(ticker.run())
    found = []
    for _ in range(count):
        await ticker.due.wait()
        found.append(asyncio.get_running_loop().time())
        await asyncio.sleep(work_s)
        ticker.due.clear()
    running.cancel()
    return found


@virtual
async def test_an_interval_begins_at_once_and_keeps_its_phase() -> None:
    ticker = Ticker(IntervalSchedule(60), clock=LoopClock(START))
    assert await times_due(ticker, 4, work_s=3.7) == pytest.approx([0, 60, 120, 180])


@virtual
async def test_a_reading_that_takes_too_long_replaces_the_next_and_does_not_pile_up() -> None:
    ticker = Ticker(IntervalSchedule(10), clock=LoopClock(START))
    assert await times_due(ticker, 3, work_s=25) == pytest.approx([0, 30, 60])
    assert ticker.skipped == 6  # those due at 10, 20, 40, 50, 70 and 80


@virtual
async def test_a_cron_expression_waits_for_its_first_time() -> None:
    ticker = Ticker(CronSchedule("*/5 * * * *", UTC), clock=LoopClock(START))
    assert await times_due(ticker, 3) == pytest.approx([293, 593, 893])


class SteppedClock(LoopClock):
    """A wall clock that is set forward by one hour at loop time 100."""

    def now(self) -> datetime:
        return super().now() + (timedelta(hours=1) if self.monotonic() >= 100 else timedelta())


@virtual
async def test_a_stepped_wall_clock_moves_the_schedule_and_not_the_interval() -> None:
    cron = Ticker(CronSchedule("30 * * * *", UTC), clock=SteppedClock(START))
    assert (await times_due(cron, 1))[0] == pytest.approx(1793, abs=25)
    interval = Ticker(IntervalSchedule(60), clock=SteppedClock(START))
    begun = asyncio.get_running_loop().time()
    assert [at - begun for at in await times_due(interval, 3)] == pytest.approx([0, 60, 120])
