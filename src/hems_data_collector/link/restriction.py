"""The pause that the law asks for: 360 s on the air within an hour, kept by the modem (skstack-ip §4.6).

It belongs to the modem, hence to the port: it outlives sessions, restarts of the program and a reset. EVENT 33 ends it;
where none comes, an hour after EVENT 32 the modem is asked.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

from hems_data_collector.clock import Clock

LONGEST_S: Final = 3600.0  # 360 s in each hour: an hour after the last emission nothing of it counts any more
ASK_AGAIN_S: Final = 300.0  # the modem still says that it may not send


class Restriction:
    """Whether sending is allowed, and when again at the latest; links on the same port share one.

    `until` is what an earlier run knew, by the wall clock; never more than an hour from now is believed, whatever
    happened to the clock. `on_change(until)` keeps it for the next run.
    """

    def __init__(self, clock: Clock, until: datetime | None = None) -> None:
        self._clock = clock
        self._until = until
        self._end: float | None = None
        self._hour_end = 0.0
        self._recalled = until is None
        self.on_change: Callable[[datetime | None], None] = lambda _: None

    @property
    def active(self) -> bool:
        """Nothing may be sent; stays so until `release`, also when the time is over."""
        self._recall()
        return self._end is not None

    @property
    def until(self) -> datetime | None:
        """When it is over at the latest, by the wall clock."""
        return self._until if self.active else None

    @property
    def left_s(self) -> float:
        """Seconds until it is over at the latest."""
        self._recall()
        return 0.0 if self._end is None else max(0.0, self._end - self._clock.monotonic())

    @property
    def hour_is_over(self) -> bool:
        """Nothing that was sent before EVENT 32 counts any more: the modem's own word is enough."""
        self._recall()
        return self._clock.monotonic() >= self._hour_end

    def reach(self) -> None:
        """EVENT 32: nothing more for an hour, unless EVENT 33 comes first."""
        self._hour_end = self._clock.monotonic() + LONGEST_S
        self._set(LONGEST_S)

    def prolong(self) -> None:
        """The time is over and the modem says that it is not."""
        self._set(ASK_AGAIN_S)

    def release(self) -> None:
        """Sending is free."""
        self._recalled = True
        self._end = self._until = None
        self.on_change(None)

    def _set(self, seconds: float) -> None:
        self._recalled = True
        self._end = self._clock.monotonic() + seconds
        self._until = self._clock.now() + timedelta(seconds=seconds)
        self.on_change(self._until)

    def _recall(self) -> None:
        """What an earlier run knew, at the first question: before, there may be no clock yet."""
        if self._recalled or self._until is None:
            return
        self._recalled = True
        left_s = (self._until - self._clock.now()).total_seconds()
        if left_s <= 0:
            self._until = None
            return
        self._end = self._hour_end = self._clock.monotonic() + min(left_s, LONGEST_S)
        self._until = self._clock.now() + timedelta(seconds=min(left_s, LONGEST_S))
