"""The only file that reads time or sleeps.

Monotonic time serves deadlines and intervals; wall time serves stamps only (docs/architecture.md). Both come from one
object so that a test can run a month in a second: on an event loop whose `time()` jumps, `LoopClock` follows that loop.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable
from datetime import UTC, datetime, timedelta
from typing import Protocol, TypeVar

T = TypeVar("T")


class Clock(Protocol):
    """What every component takes instead of calling the time functions itself."""

    def monotonic(self) -> float:
        """Seconds since an arbitrary moment; never steps."""

    def now(self) -> datetime:
        """The wall clock, timezone-aware UTC."""

    async def sleep(self, seconds: float) -> None:
        """Wait at least `seconds`; 0 or less only yields."""

    async def wait_for(self, awaitable: Awaitable[T], seconds: float | None) -> T:
        """Await with a deadline; raises TimeoutError. None waits for ever."""


def pause(seconds: float) -> None:
    """Stop this thread; only for what comes before everything that could be held up by it."""
    time.sleep(seconds)


class _AsyncioWaits:
    """Sleeping and deadlines by the running event loop, whatever its `time()` is."""

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(max(0.0, seconds))

    async def wait_for(self, awaitable: Awaitable[T], seconds: float | None) -> T:
        async with asyncio.timeout(seconds):
            return await awaitable


class SystemClock(_AsyncioWaits):
    """The machine's own clocks."""

    def monotonic(self) -> float:
        return time.monotonic()

    def now(self) -> datetime:
        return datetime.now(UTC)


class LoopClock(_AsyncioWaits):
    """Wall time tied to the running event loop: `start` plus what the loop's `time()` has advanced since."""

    def __init__(self, start: datetime) -> None:
        self._start = start
        self._origin: float | None = None

    def monotonic(self) -> float:
        return asyncio.get_running_loop().time()

    def now(self) -> datetime:
        at = self.monotonic()
        if self._origin is None:
            self._origin = at
        return self._start + timedelta(seconds=at - self._origin)
