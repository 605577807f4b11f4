"""A clock that runs faster than the machine's, for real ports and servers whose waits a test cannot sit through.

The waits of the program stay what they are: a second of its time is a fraction of one of ours. Work that takes real
time (opening a port, a process that starts) therefore looks slow to it.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable
from datetime import UTC, datetime, timedelta
from typing import TypeVar

T = TypeVar("T")


class HastyClock:
    """`speed` seconds pass in each real one; the wall clock starts right and runs ahead."""

    def __init__(self, speed: float) -> None:
        self._speed = speed
        self._origin = time.monotonic()
        self._start = datetime.now(UTC)

    def monotonic(self) -> float:
        return (time.monotonic() - self._origin) * self._speed

    def now(self) -> datetime:
        return self._start + timedelta(seconds=self.monotonic())

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(max(0.0, seconds) / self._speed)

    async def wait_for(self, awaitable: Awaitable[T], seconds: float | None) -> T:
        async with asyncio.timeout(None if seconds is None else seconds / self._speed):
            return await awaitable
