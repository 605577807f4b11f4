"""Which request fills most of what is missing: a window of half hours, or a whole day. PURE.

Newest first. Times are aware; days are those of the meter's clock (`zone`).
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from itertools import takewhile
from typing import TypeAlias

from hems_data_collector.echonet import DAY_MAX, HISTORY_2_MAX
from hems_data_collector.readings import HALF_HOUR


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowRequest:
    """The half hour `newest` and the `count` - 1 before it, by absolute time (EC)."""

    newest: datetime
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DayRequest:
    """A whole day (E2, E4)."""

    day: date
    days_ago: int


Request: TypeAlias = WindowRequest | DayRequest


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """The slots from `start` until before `end`, half an hour apart."""

    start: datetime
    end: datetime

    @property
    def slots(self) -> int:
        """How many there are."""
        return max(0, (self.end - self.start) // HALF_HOUR)

    def within(self, other: Span) -> Span:
        """What both have in common."""
        return Span(start=max(self.start, other.start), end=min(self.end, other.end))


def remembered(today: date, newest: datetime, zone: tzinfo) -> Span:
    """What a meter still knows: the 99 days before `today`, and today until the half hour `newest`."""
    return Span(start=_midnight(today - timedelta(days=DAY_MAX), zone), end=newest + HALF_HOUR)


def span_of(request: Request, zone: tzinfo) -> Span:
    """The slots that the answer to `request` tells."""
    if isinstance(request, WindowRequest):
        return Span(start=request.newest - (request.count - 1) * HALF_HOUR, end=request.newest + HALF_HOUR)
    return Span(start=_midnight(request.day, zone), end=_midnight(request.day + timedelta(days=1), zone))


@dataclass(frozen=True, slots=True, kw_only=True)
class Means:
    """What can be asked: windows or not, and so many days, today included."""

    windows: bool
    days: int
    whole_days: bool
    """A day tells everything that is wanted; else (its export) only a window does."""


def next_request(
    missing: Sequence[datetime], *, today: date, zone: tzinfo, means: Means, not_in_windows: Collection[datetime]
) -> Request | None:
    """The request to make for `missing`, newest first; None where nothing of it can be asked for.

    It is about the newest slot that can be had, by whichever way settles more; at a tie the window, whose answer is
    shorter and needs no date. `not_in_windows` are slots that a window has not told.
    """
    rest = list(missing)
    while rest:
        day = _day(rest[0], zone)
        of_day = _of_day(day, rest, zone)
        days_ago = (today - day).days
        has_day = 0 <= days_ago < means.days
        in_windows = [slot for slot in of_day if slot not in not_in_windows] if means.windows else []
        if in_windows:
            newest = in_windows[0]
            settled = _settled_by_window(newest, rest, not_in_windows)
            if len(settled) >= len(of_day) or not (has_day and means.whole_days):
                return WindowRequest(newest=newest, count=(newest - settled[-1]) // HALF_HOUR + 1)
        if has_day:
            return DayRequest(day=day, days_ago=days_ago)
        rest = rest[len(of_day) :]
    return None


def _of_day(day: date, missing: Sequence[datetime], zone: tzinfo) -> list[datetime]:
    return list(takewhile(lambda slot: _day(slot, zone) == day, missing))


def _settled_by_window(
    newest: datetime, missing: Sequence[datetime], not_in_windows: Collection[datetime]
) -> list[datetime]:
    oldest = newest - (HISTORY_2_MAX - 1) * HALF_HOUR
    return [
        slot
        for slot in takewhile(lambda slot: slot >= oldest, missing)
        if slot <= newest and slot not in not_in_windows
    ]


def _day(slot: datetime, zone: tzinfo) -> date:
    return slot.astimezone(zone).date()


def _midnight(day: date, zone: tzinfo) -> datetime:
    return datetime.combine(day, time(), zone).astimezone(UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class MeterTime:
    """The meter's clock as an answer told it, and both of ours at that moment."""

    now: datetime
    newest: datetime
    """A half hour that was past by then."""
    wall: datetime
    monotonic_s: float

    def today(self, monotonic_s: float, zone: tzinfo) -> date:
        """The meter's date by now."""
        return _day(self.now + timedelta(seconds=monotonic_s - self.monotonic_s), zone)

    def newest_by(self, stored: datetime | None, monotonic_s: float, wall: datetime) -> datetime:
        """The newest half hour that is past: the newest one `stored`, unless it lies in the meter's future.

        A machine that slept has a late monotonic clock, one without a battery a wrong wall clock: the later counts.
        """
        passed = timedelta(seconds=monotonic_s - self.monotonic_s)
        if stored is not None and self.newest <= stored <= self.now + max(passed, wall - self.wall) + HALF_HOUR:
            return stored
        return self.newest + passed // HALF_HOUR * HALF_HOUR
