"""Is the program getting on? Every wait is noted with its own deadline, and none may be past it.

The watchdog of systemd is fed while this says yes (`notify`). Waiting for a schedule, a back-off or the release of a
send restriction is progress: its end is known too, or there is nothing to be done before it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Final, TypeVar

from hems_data_collector.clock import Clock

T = TypeVar("T")

GRACE_S: Final = 60.0  # past its deadline a wait may be so long: a small machine with a slow card is late at times
IDLE_S: Final = 600.0  # something is to be done and can be, and so long nothing was tried


class Progress:
    """What is under way, and who is past his deadline."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._deadlines: dict[object, tuple[str, float]] = {}
        self._active_at: dict[str, float] = {}
        self._duties: list[_Duty] = []

    @contextmanager
    def busy(self, name: str, seconds: float | None) -> Iterator[None]:
        """`name` is at something that ends within `seconds`; None: it may take for ever."""
        key = object()
        now = self._active_at[name] = self._clock.monotonic()
        if seconds is not None:
            self._deadlines[key] = name, now + max(0.0, seconds)
        try:
            yield
        finally:
            self._deadlines.pop(key, None)
            self._active_at[name] = self._clock.monotonic()

    def expect(self, name: str, needed: Callable[[], bool]) -> None:
        """While `needed()` holds, `name` must begin or end something at least every `IDLE_S` seconds."""
        self._duties.append(_Duty(name=name, needed=needed))

    def late(self) -> list[str]:
        """The names of those past their deadline. A duty is measured from one call to the next, so ask often."""
        now = self._clock.monotonic()
        late = {name for name, deadline in self._deadlines.values() if now > deadline + GRACE_S}
        busy = {name for name, _deadline in self._deadlines.values()}
        for duty in self._duties:
            if duty.name in busy or not duty.needed():
                duty.since = None
                continue
            since = now if duty.since is None else duty.since
            duty.since = max(since, self._active_at.get(duty.name, since))
            if now > duty.since + IDLE_S:
                late.add(duty.name)
        return sorted(late)


@dataclass(slots=True)
class _Duty:
    name: str
    needed: Callable[[], bool]
    since: float | None = None


class WatchedClock:
    """A clock that notes every wait under the name of the task that waits."""

    def __init__(self, clock: Clock, progress: Progress) -> None:
        self._clock = clock
        self._progress = progress

    def monotonic(self) -> float:
        """As the clock's own."""
        return self._clock.monotonic()

    def now(self) -> datetime:
        """As the clock's own."""
        return self._clock.now()

    async def sleep(self, seconds: float) -> None:
        """As the clock's own."""
        with self._progress.busy(_task(), seconds):
            await self._clock.sleep(seconds)

    async def wait_for(self, awaitable: Awaitable[T], seconds: float | None) -> T:
        """As the clock's own."""
        with self._progress.busy(_task(), seconds):
            return await self._clock.wait_for(awaitable, seconds)


async def named(name: str, work: Awaitable[T]) -> T:
    """`work` in a task of this name, which is how its waits are noted."""
    task = asyncio.current_task()
    if task is not None:
        task.set_name(name)
    return await work


def _task() -> str:
    task = asyncio.current_task()
    return "" if task is None else task.get_name()
