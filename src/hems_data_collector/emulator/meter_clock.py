"""The clock inside the meter: Japan's time, at its own speed, and it may jump."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta, timezone
from typing import Final

from hems_data_collector.clock import Clock
from hems_data_collector.emulator.house import seconds_since_epoch

METER_ZONE: Final = timezone(timedelta(hours=9), "JST")
"""Meters know Japan Standard Time only (echonet-lite-meter §5.2)."""


class MeterClock:
    """Naive, meter-local time that begins at `start` (None: Japan's time now) with the first question."""

    def __init__(self, clock: Clock, *, start: datetime | None, speed: float) -> None:
        self._clock = clock
        self._start = start
        self._speed = speed
        self._origin: float | None = None
        self._jumped = asyncio.Event()

    def now(self) -> datetime:
        """The meter's date and time."""
        if self._origin is None or self._start is None:
            self._origin = self._clock.monotonic()
            self._start = self._start or self._clock.now().astimezone(METER_ZONE).replace(tzinfo=None)
        return self._start + timedelta(seconds=(self._clock.monotonic() - self._origin) * self._speed)

    def seconds(self) -> int:
        """Whole seconds since the house's epoch."""
        return seconds_since_epoch(self.now())

    def jump_to(self, moment: datetime) -> None:
        """Set the clock to `moment`; whoever waits for a time on it looks again."""
        self._start = (self._start or moment) + (moment - self.now())
        self._jumped.set()

    async def wait_until(self, moment: datetime) -> None:
        """Return when the clock shows `moment` or later, jumps included."""
        while (left := (moment - self.now()).total_seconds()) > 0:
            self._jumped.clear()
            try:
                await self._clock.wait_for(self._jumped.wait(), left / self._speed)
            except TimeoutError:
                # A timer may end a hair early by this clock's reckoning; the loop looks again.
                continue
