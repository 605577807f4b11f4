"""The test loop itself: time jumps, threads are waited for, hanging is an error."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime, timedelta

import pytest

from hems_data_collector.clock import LoopClock
from support.virtual_time import NothingLeftToDo, VirtualTimeLoop, run_virtual, virtual


def test_a_month_passes_in_an_instant() -> None:
    async def month() -> tuple[float, datetime]:
        clock = LoopClock(datetime(2026, 1, 1, tzinfo=UTC))
        begin = clock.now()
        for _ in range(30):
            await asyncio.sleep(86_400)
        return asyncio.get_running_loop().time(), clock.now() if begin else begin

    started = time.perf_counter()
    elapsed, wall = run_virtual(month())
    assert elapsed == pytest.approx(30 * 86_400)
    assert wall - datetime(2026, 1, 31, tzinfo=UTC) < timedelta(microseconds=10)
    assert time.perf_counter() - started < 5


def test_timers_fire_in_their_order() -> None:
    async def order() -> list[str]:
        fired: list[str] = []

        async def note(name: str, after: float) -> None:
            await asyncio.sleep(after)
            fired.append(name)

        await asyncio.gather(note("late", 3600), note("early", 0.001), note("middle", 60))
        return fired

    assert run_virtual(order()) == ["early", "middle", "late"]


def test_a_thread_costs_no_virtual_time() -> None:
    async def with_thread() -> float:
        loop = asyncio.get_running_loop()
        timer = loop.call_later(0.5, lambda: None)
        await asyncio.to_thread(time.sleep, 0.02)
        timer.cancel()
        return loop.time()

    assert run_virtual(with_thread()) == 0.0


def test_waiting_for_nothing_is_an_error() -> None:
    async def hang() -> None:
        await asyncio.get_running_loop().create_future()

    with pytest.raises(NothingLeftToDo):
        run_virtual(hang())


def test_the_limit_is_in_virtual_seconds() -> None:
    with pytest.raises(TimeoutError):
        run_virtual(asyncio.sleep(100), limit_s=99)
    run_virtual(asyncio.sleep(100), limit_s=101)


@virtual
async def test_the_decorator_runs_a_test_on_the_virtual_loop() -> None:
    assert isinstance(asyncio.get_running_loop(), VirtualTimeLoop)
    await asyncio.sleep(1e6)
