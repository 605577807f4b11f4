"""Times as people write them."""

from __future__ import annotations

import argparse
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from hems_data_collector.cli import periods
from hems_data_collector.store.periods import Period

TOKYO = ZoneInfo("Asia/Tokyo")
NOW = datetime(2025, 3, 31, 16, 30, tzinfo=UTC)
"""01:30 on the first of April in Japan."""


def utc(*numbers: int) -> datetime:
    return datetime(*numbers, tzinfo=UTC)  # type: ignore[misc,arg-type]


@pytest.mark.parametrize(
    ("text", "start", "end"),
    [
        ("2026-01-15", utc(2026, 1, 14, 15), utc(2026, 1, 15, 15)),
        ("2026/1/5", utc(2026, 1, 4, 15), utc(2026, 1, 5, 15)),
        ("2026-01", utc(2025, 12, 31, 15), utc(2026, 1, 31, 15)),
        ("2025-12", utc(2025, 11, 30, 15), utc(2025, 12, 31, 15)),
        ("2024", utc(2023, 12, 31, 15), utc(2024, 12, 31, 15)),
        ("today", utc(2025, 3, 31, 15), utc(2025, 4, 1, 15)),
        ("Yesterday", utc(2025, 3, 30, 15), utc(2025, 3, 31, 15)),
        ("now", NOW, NOW),
        ("2026-01-15T10:30", utc(2026, 1, 15, 1, 30), utc(2026, 1, 15, 1, 30)),
        ("2026-01-15 10:30:05", utc(2026, 1, 15, 1, 30, 5), utc(2026, 1, 15, 1, 30, 5)),
        ("2026-01-15T10:30+00:00", utc(2026, 1, 15, 10, 30), utc(2026, 1, 15, 10, 30)),
        ("2026-01-15T10:30Z", utc(2026, 1, 15, 10, 30), utc(2026, 1, 15, 10, 30)),
    ],
)
def test_what_a_text_covers_by_the_meters_clock(text: str, start: datetime, end: datetime) -> None:
    assert periods.when(text).period(TOKYO, NOW) == Period(start, end)


@pytest.mark.parametrize("text", ["", "soon", "2026-13", "2026-02-30", "15.01.2026", "0001-01-01", "9999", "26-01-15"])
def test_what_is_no_time_is_refused_with_what_is_one(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match=r"no date or time\. Possible are: 2026-01-15, 2026-01,"):
        periods.when(text)


def test_a_day_of_daylight_saving_time_has_its_own_length() -> None:
    found = periods.when("2025-03-30").period(ZoneInfo("Europe/Berlin"), NOW)
    assert found == Period(utc(2025, 3, 29, 23), utc(2025, 3, 30, 22))


def test_the_end_counts_whole() -> None:
    first, last = periods.when("2026-01-15"), periods.when("2026-01")
    assert periods.span(first, last, zone=TOKYO, now=NOW) == (utc(2026, 1, 14, 15), utc(2026, 1, 31, 15))
    assert periods.span(None, None, zone=TOKYO, now=NOW) == (None, None)


def test_days_and_months_take_nothing_else() -> None:
    assert periods.day("yesterday") == periods.when("yesterday")
    assert periods.month("2026-01") == periods.when("2026-01")
    for text in ("2026-01", "2026-01-15T10:00", "never"):
        with pytest.raises(argparse.ArgumentTypeError, match="is no day"):
            periods.day(text)
    for text in ("2026-01-15", "2026", "never"):
        with pytest.raises(argparse.ArgumentTypeError, match="is no month"):
            periods.month(text)
