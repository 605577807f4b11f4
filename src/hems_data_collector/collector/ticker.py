"""When a reading is due, as something that can be awaited.

A due reading stays due until it is had or the next one replaces it: readings are late rather than lost after an outage,
and never pile up (docs/architecture.md).
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from datetime import timedelta
from typing import Final

from hems_data_collector.clock import Clock
from hems_data_collector.collector.schedule import CronSchedule, IntervalSchedule

log = logging.getLogger(__name__)

MAX_SLEEP_S: Final = 20.0  # the wall clock may be stepped while a cron expression is waited for
STEP_S: Final = 5.0  # wall time that runs away from monotonic time by more than this was stepped


class Ticker:
    """Sets `due` at every time of a schedule, and calls `on_due`; `run` goes on for ever."""

    def __init__(self, schedule: CronSchedule | IntervalSchedule, *, clock: Clock) -> None:
        self._schedule = schedule
        self._clock = clock
        self.due = asyncio.Event()
        self.on_due: Callable[[], None] = lambda: None
        self.skipped = 0
        self.period_s = float("inf")
        """Seconds from the reading that is due next to the one after it."""
        self._next: float | None = None

    def seconds_left(self) -> float | None:
        """Seconds until the next reading is due; None before `run` has computed it."""
        return None if self._next is None else self._next - self._clock.monotonic()

    async def run(self) -> None:
        """Mark readings due, for ever. An interval begins with one at once, a cron expression at its first time."""
        if isinstance(self._schedule, IntervalSchedule):
            await self._run_interval(self._schedule)
        else:
            await self._run_cron(self._schedule)

    async def _run_interval(self, schedule: IntervalSchedule) -> None:
        origin = self._clock.monotonic()
        self.period_s = float(schedule.seconds)
        while True:
            self._next = schedule.next_after(origin, self._clock.monotonic())
            self._fire()
            await self._clock.sleep(self._next - self._clock.monotonic())

    async def _run_cron(self, schedule: CronSchedule) -> None:
        while True:
            now = self._clock.now()
            due_at = schedule.next_after(now)
            self._next = self._clock.monotonic() + (due_at - now).total_seconds()
            self.period_s = (schedule.next_after(due_at) - due_at).total_seconds()
            log.debug("the next reading is due at %s", due_at.astimezone(schedule.zone).isoformat())
            if await self._reach(due_at - now):
                self._fire()

    async def _reach(self, wait: timedelta) -> bool:
        """Sleep for `wait` of wall time; False when the wall clock was stepped meanwhile."""
        due_at = self._clock.now() + wait
        while (left_s := (due_at - self._clock.now()).total_seconds()) > 0:
            before_wall, before = self._clock.now(), self._clock.monotonic()
            await self._clock.sleep(min(left_s, MAX_SLEEP_S))
            slept_wall_s = (self._clock.now() - before_wall).total_seconds()
            if abs(slept_wall_s - (self._clock.monotonic() - before)) > STEP_S:
                log.info("The system clock was set; the schedule is reckoned anew.")
                return False
        return True

    def _fire(self) -> None:
        if self.due.is_set():
            self.skipped += 1
            log.debug("a reading was skipped: the one before it could not be had in time")
        self.due.set()
        self.on_due()
