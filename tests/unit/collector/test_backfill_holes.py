"""Which request is made for what is missing."""

from __future__ import annotations

from collections.abc import Collection
from datetime import UTC, date, datetime, timedelta, timezone

import pytest

from hems_data_collector.collector.holes import (
    DayRequest,
    Means,
    MeterTime,
    Request,
    Span,
    WindowRequest,
    next_request,
    remembered,
    span_of,
)
from hems_data_collector.readings import HALF_HOUR

JST = timezone(timedelta(hours=9))
TODAY = date(2026, 1, 15)
EVERYTHING = Means(windows=True, days=100, whole_days=True)
DAYS_ONLY = Means(windows=False, days=100, whole_days=True)
WINDOWS_ONLY = Means(windows=True, days=0, whole_days=True)
EXPORT_BY_WINDOWS = Means(windows=True, days=100, whole_days=False)


def at(text: str) -> datetime:
    """A time by the meter's clock, in UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=JST).astimezone(UTC)


def back_from(text: str, count: int) -> list[datetime]:
    return [at(text) - i * HALF_HOUR for i in range(count)]


def choose(
    missing: list[datetime], means: Means = EVERYTHING, not_in_windows: Collection[datetime] = ()
) -> Request | None:
    return next_request(missing, today=TODAY, zone=JST, means=means, not_in_windows=not_in_windows)


def window(newest: str, count: int) -> WindowRequest:
    return WindowRequest(newest=at(newest), count=count)


def day(days_ago: int) -> DayRequest:
    return DayRequest(day=TODAY - timedelta(days=days_ago), days_ago=days_ago)


@pytest.mark.parametrize(
    ("missing", "means", "request_made"),
    [
        ([], EVERYTHING, None),
        (back_from("2026-01-15T09:00", 1), EVERYTHING, window("2026-01-15T09:00", 1)),
        (back_from("2026-01-15T09:00", 12), EVERYTHING, window("2026-01-15T09:00", 12)),
        (back_from("2026-01-15T09:00", 13), EVERYTHING, day(0)),
        (back_from("2026-01-15T01:00", 20), EVERYTHING, window("2026-01-15T01:00", 12)),
        ([at("2026-01-15T09:00"), at("2026-01-15T04:00")], EVERYTHING, window("2026-01-15T09:00", 11)),
        ([at("2026-01-15T09:00"), at("2026-01-15T03:00")], EVERYTHING, day(0)),
        (back_from("2026-01-15T09:00", 1), DAYS_ONLY, day(0)),
        (back_from("2025-10-08T23:30", 48), EVERYTHING, day(99)),
        (back_from("2025-10-07T23:30", 48), DAYS_ONLY, None),
        (back_from("2026-01-15T09:00", 19), WINDOWS_ONLY, window("2026-01-15T09:00", 12)),
        (back_from("2026-01-15T09:00", 19), EXPORT_BY_WINDOWS, window("2026-01-15T09:00", 12)),
        (back_from("2026-01-15T09:00", 19), Means(windows=False, days=0, whole_days=True), None),
        (back_from("2026-01-16T00:00", 1) + back_from("2026-01-14T09:00", 20), DAYS_ONLY, day(1)),
    ],
    ids=[
        "nothing",
        "one slot",
        "a window full",
        "more than a window",
        "a window across midnight settles more than the day",
        "two in one window",
        "two that only a day holds",
        "no history 2",
        "the oldest day",
        "beyond the oldest day",
        "no history 1",
        "a day does not tell the export",
        "no history",
        "a day that has not come yet is passed over",
    ],
)
def test_the_request_that_settles_most_is_made(
    missing: list[datetime], means: Means, request_made: Request | None
) -> None:
    assert choose(missing, means) == request_made


def test_what_no_window_told_is_asked_of_the_day() -> None:
    missing = back_from("2026-01-15T09:00", 2)
    assert choose(missing, not_in_windows=missing) == day(0)
    assert choose(missing, EXPORT_BY_WINDOWS, not_in_windows=missing) == day(0)
    assert choose(missing, WINDOWS_ONLY, not_in_windows=missing) is None
    assert choose(missing, WINDOWS_ONLY, not_in_windows=missing[:1]) == window("2026-01-15T08:30", 1)


def test_spans_are_those_of_the_answers() -> None:
    assert span_of(window("2026-01-15T09:00", 12), JST) == Span(
        start=at("2026-01-15T03:30"), end=at("2026-01-15T09:30")
    )
    assert span_of(day(1), JST) == Span(start=at("2026-01-14T00:00"), end=at("2026-01-15T00:00"))
    assert span_of(day(1), JST).slots == 48


def test_a_meter_remembers_99_days_and_today() -> None:
    span = remembered(TODAY, at("2026-01-15T10:00"), JST)
    assert span.start == at("2025-10-08T00:00")
    assert span.slots == 99 * 48 + 21


def test_spans_that_do_not_meet_have_no_slots() -> None:
    assert span_of(day(1), JST).within(span_of(day(3), JST)).slots == 0


WALL = datetime(2026, 1, 15, 1, 5, tzinfo=UTC)
TIME = MeterTime(now=at("2026-01-15T10:05"), newest=at("2026-01-15T10:00"), wall=WALL, monotonic_s=1000.0)
HOUR = timedelta(hours=1)


@pytest.mark.parametrize(
    ("stored", "slept_s", "wall", "newest"),
    [
        (None, 0, WALL, "2026-01-15T10:00"),
        (None, 3700, WALL + HOUR, "2026-01-15T11:00"),
        ("2026-01-15T09:30", 0, WALL, "2026-01-15T10:00"),
        ("2026-01-15T11:00", 3700, WALL + HOUR, "2026-01-15T11:00"),
        ("2026-01-18T10:00", 60, WALL + 72 * HOUR, "2026-01-18T10:00"),
        ("2026-01-15T11:00", 3700, WALL - 999 * HOUR, "2026-01-15T11:00"),
        ("2027-01-15T10:00", 60, WALL, "2026-01-15T10:00"),
    ],
    ids=["none", "an hour later", "older", "newer", "the machine slept", "our clock was set back", "far future"],
)
def test_the_newest_past_half_hour(stored: str | None, slept_s: float, wall: datetime, newest: str) -> None:
    known = None if stored is None else at(stored)
    assert TIME.newest_by(known, 1000.0 + slept_s, wall) == at(newest)


def test_the_date_goes_on_with_our_monotonic_clock() -> None:
    assert TIME.today(1000.0 + 13 * 3600, JST) == TODAY
    assert TIME.today(1000.0 + 14 * 3600, JST) == TODAY + timedelta(days=1)
