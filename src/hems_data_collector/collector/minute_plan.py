"""Which minutes to ask a meter for, and when: in portions, before the meter forgets them. PURE.

Minutes are aware and full, by the meter's clock; moments of our own are monotonic seconds, never our wall clock.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from hems_data_collector.echonet import HISTORY_3_MAX
from hems_data_collector.readings import MINUTE

SURE: Final = HISTORY_3_MAX * MINUTE
"""So far back every meter remembers its minutes; some may remember more (echonet-lite-meter §6.4)."""
ASK_AGE: Final = 7 * MINUTE
"""Of the oldest minute that is missing: so eight come with one answer, and two tries fit before the meter forgets."""
LOOK_BACK: Final = timedelta(hours=1)
"""Older ones are given up unasked."""
YOUNG: Final = 2 * MINUTE
"""So young a minute may not have been recorded yet."""
CLOCK_KNOWN_S: Final = 900.0  # for so long what a meter said of its time is believed


@dataclass(frozen=True, slots=True, kw_only=True)
class MinuteRequest:
    """The minute `newest` and the `count` - 1 before it."""

    newest: datetime
    count: int
    is_old: bool
    """Not every meter remembers that much."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lost:
    """Minutes that cannot be had any more."""

    count: int
    first: datetime
    last: datetime


class MinutePlan:
    """What is known of one meter's last minutes, and of its clock."""

    def __init__(self) -> None:
        self._clock: tuple[datetime, float] | None = None
        self._start: datetime | None = None
        self._settled: set[datetime] = set()
        self._has_data = False
        self._lost: Lost | None = None
        self.reaches_back = True
        """Whether the meter may remember more than is sure."""

    # --- the meter's clock ---------------------------------------------------------------------------------------

    def tell_clock(self, now: datetime, monotonic_s: float) -> None:
        """The meter said that its minute is `now`."""
        self._clock = now, monotonic_s
        if self._start is not None and now < self._start:  # it was set back
            self._start = None
            self._settled.clear()

    def newest(self, monotonic_s: float) -> datetime | None:
        """A minute that is full by now, at most one before the newest; None where the meter's time is not known."""
        if self._clock is None or monotonic_s - self._clock[1] > CLOCK_KNOWN_S:
            return None
        at, told_s = self._clock
        return at + (monotonic_s - told_s) // 60 * MINUTE

    # --- what is settled -----------------------------------------------------------------------------------------

    @property
    def begun(self) -> bool:
        """Whether `begin` was called since the meter's clock is what it is."""
        return self._start is not None

    def begin(self, known: Iterable[datetime], newest: datetime) -> None:
        """What the store has of the last hour, without which only what is sure is asked for."""
        self._settled |= {at for at in known if newest - LOOK_BACK < at}
        self._has_data = bool(self._settled)
        self._start = min((*self._settled, newest - SURE + MINUTE))

    def settle(self, ats: Iterable[datetime]) -> None:
        """These minutes are known."""
        self._settled.update(ats)

    def answered(self, request: MinuteRequest, found: Iterable[datetime], newest: datetime) -> None:
        """What an answer to `request` brought; what it did not bring is not asked for again, unless it is young."""
        there = set(found)
        asked = [request.newest - number * MINUTE for number in range(request.count)]
        gone = [at for at in asked if at not in there | self._settled and newest - at >= YOUNG]
        self._settled |= {*there, *gone}
        self._has_data |= bool(there)
        if request.is_old:
            self._lose(gone)
            if not there:
                self.give_up_old(newest)

    def give_up_old(self, newest: datetime) -> None:
        """The meter does not remember more than is sure."""
        self.reaches_back = False
        old = [at for at in self._missing(newest) if newest - at >= SURE]
        self._settled.update(old)
        self._lose(old)

    def lost(self) -> Lost | None:
        """What cannot be had any more, told once."""
        told, self._lost = self._lost, None
        return told

    # --- asking --------------------------------------------------------------------------------------------------

    def request(self, monotonic_s: float) -> MinuteRequest | None:
        """The request to make now; the minutes that the meter forgets first come first."""
        newest = self.newest(monotonic_s)
        if newest is None or self._start is None:
            return None
        self._advance(newest)
        missing = self._missing(newest)
        sure = [at for at in missing if newest - at < SURE]
        if sure and newest - sure[0] >= ASK_AGE:
            return _window(sure, is_old=False)
        old = [at for at in missing if newest - at >= SURE]
        if not old or not self.reaches_back:
            return None
        return _window([at for at in old if old[-1] - at < SURE], is_old=True)

    def due_in(self, monotonic_s: float) -> float:
        """Seconds until there is something to do: to learn the meter's time, to begin, or to ask."""
        newest = self.newest(monotonic_s)
        if newest is None or self._start is None or self._clock is None or self.request(monotonic_s) is not None:
            return 0.0
        oldest = next((at for at in self._missing(newest) if newest - at < SURE), newest + MINUTE)
        told, told_s = self._clock
        due_s = told_s + (oldest + ASK_AGE - told).total_seconds()
        return max(0.0, min(due_s, told_s + CLOCK_KNOWN_S) - monotonic_s)

    def _missing(self, newest: datetime) -> list[datetime]:
        """Oldest first."""
        if self._start is None:
            return []
        wanted = ((self._start + number * MINUTE) for number in range((newest - self._start) // MINUTE + 1))
        return [at for at in wanted if at not in self._settled]

    def _advance(self, newest: datetime) -> None:
        """Leave behind what is too old to be asked for."""
        start = newest - LOOK_BACK + MINUTE
        if self._start is None or start <= self._start:
            return
        behind = {at for at in self._settled if at < start}
        count = (start - self._start) // MINUTE - len(behind)
        if count > 0 and self._has_data:
            self._add(Lost(count=count, first=self._start, last=start - MINUTE))
        self._start = start
        self._settled -= behind

    def _lose(self, gone: Sequence[datetime]) -> None:
        if gone and self._has_data:
            self._add(Lost(count=len(gone), first=min(gone), last=max(gone)))

    def _add(self, lost: Lost) -> None:
        before = self._lost or lost
        count = lost.count + (0 if self._lost is None else self._lost.count)
        self._lost = Lost(count=count, first=min(before.first, lost.first), last=max(before.last, lost.last))


def _window(ats: Sequence[datetime], *, is_old: bool) -> MinuteRequest:
    return MinuteRequest(newest=ats[-1], count=(ats[-1] - ats[0]) // MINUTE + 1, is_old=is_old)
