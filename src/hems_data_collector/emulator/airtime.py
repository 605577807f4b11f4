"""The legal limit of transmission time: 360 s in an hour, kept by the module itself (skstack-ip §4.6)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from hems_data_collector.clock import Clock
from hems_data_collector.emulator.tasks import Tasks

LIMIT_MS: Final = 360_000
WINDOW_S: Final = 3600.0
OVERHEAD_BYTES: Final = 96
"""Headers of a datagram on the air; a Get of 14 bytes is about 110 bytes (skstack-ip §4.6)."""
BYTES_PER_MS: Final = 12.5


class AirTime:
    """Counts what was sent in the current hour, restricts sending, and lifts the restriction when the hour is over."""

    def __init__(self, clock: Clock, tasks: Tasks, report: Callable[[bool], None]) -> None:
        self._clock = clock
        self._tasks = tasks
        self._report = report
        self._window_start = clock.monotonic()
        self._sent_ms = 0.0
        self.restricted = False
        """SFB: nothing may be sent now."""

    @property
    def sent_ms(self) -> int:
        """SFD: transmission time of the current hour."""
        self._new_hour()
        return int(self._sent_ms)

    def sent(self, size: int) -> None:
        """Account for a datagram with `size` bytes of payload."""
        self.spend_ms((OVERHEAD_BYTES + size) / BYTES_PER_MS)

    def spend_ms(self, milliseconds: float) -> None:
        """Account for `milliseconds` on the air; reaching the limit restricts until the hour is over."""
        self._new_hour()
        self._sent_ms += milliseconds
        if self._sent_ms >= LIMIT_MS and not self.restricted:
            self.restrict(WINDOW_S - (self._clock.monotonic() - self._window_start))

    def restrict(self, seconds: float, *, tell_release: bool = True) -> None:
        """EVENT 32 now and EVENT 33 after `seconds`."""
        self.restricted = True
        self._report(True)
        self._tasks.spawn(self._release_after(seconds, tell_release))

    async def _release_after(self, seconds: float, tell: bool) -> None:
        await self._clock.sleep(seconds)
        self.restricted = False
        self._window_start, self._sent_ms = self._clock.monotonic(), 0.0
        if tell:
            self._report(False)

    def _new_hour(self) -> None:
        if not self.restricted and self._clock.monotonic() - self._window_start >= WINDOW_S:
            self._window_start, self._sent_ms = self._clock.monotonic(), 0.0
