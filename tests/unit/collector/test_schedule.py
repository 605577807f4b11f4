"""When readings are due: cron in a zone, and intervals that keep their phase."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hems_data_collector.collector.schedule import ALIASES, CronSchedule, IntervalSchedule
from hems_data_collector.errors import ConfigError

TOKYO = ZoneInfo("Asia/Tokyo")
NEW_YORK = ZoneInfo("America/New_York")  # 2025: clocks forward on 9 March at 2:00, back on 2 November at 2:00
LORD_HOWE = ZoneInfo("Australia/Lord_Howe")  # changes by half an hour


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


@pytest.mark.parametrize(
    ("expression", "after", "due"),
    [
        ("*/5 * * * *", "2025-06-01T00:00:00+00:00", "2025-06-01T00:05:00+00:00"),
        ("*/5 * * * *", "2025-06-01T00:04:59.999999+00:00", "2025-06-01T00:05:00+00:00"),
        ("0 9 * * *", "2025-06-01T00:00:00+00:00", "2025-06-02T00:00:00+00:00"),  # 9:00 in Japan is midnight UTC
        ("0 9 * * *", "2025-05-31T23:59:59+00:00", "2025-06-01T00:00:00+00:00"),
        ("0 0 * * 0", "2025-06-02T00:00:00+00:00", "2025-06-07T15:00:00+00:00"),
        ("0 0 * * 7", "2025-06-02T00:00:00+00:00", "2025-06-07T15:00:00+00:00"),
        ("0 0 * * SUN", "2025-06-02T00:00:00+00:00", "2025-06-07T15:00:00+00:00"),
        ("30 12 29 2 *", "2025-01-01T00:00:00+00:00", "2028-02-29T03:30:00+00:00"),
        ("  */5   *  * * * ", "2025-06-01T00:00:00+00:00", "2025-06-01T00:05:00+00:00"),
    ],
)
def test_five_fields_are_wall_time_in_the_zone(expression: str, after: str, due: str) -> None:
    assert CronSchedule(expression, TOKYO).next_after(moment(after)) == moment(due)


def test_the_answer_is_aware_utc() -> None:
    due = CronSchedule("*/5 * * * *", TOKYO).next_after(datetime(2025, 6, 1, 12, 1, tzinfo=TOKYO))
    assert due.tzinfo is UTC
    assert due.isoformat() == "2025-06-01T03:05:00+00:00"


@pytest.mark.parametrize(
    ("expression", "first", "second"),
    [
        ("* * * * * 30", "00:00:30", "00:01:30"),  # every minute, at second 30
        ("*/10 * * * * 0", "00:10:00", "00:20:00"),
        ("5 * * * * */20", "00:05:00", "00:05:20"),
        ("* * * * * 0,15", "00:00:15", "00:01:00"),
    ],
)
def test_the_sixth_field_gives_the_seconds(expression: str, first: str, second: str) -> None:
    schedule = CronSchedule(expression, TOKYO)
    due = schedule.next_after(moment("2025-06-01T00:00:00+00:00"))
    assert due == moment(f"2025-06-01T{first}+00:00")
    assert schedule.next_after(due) == moment(f"2025-06-01T{second}+00:00")


def test_seconds_written_first_are_noticed() -> None:
    assert CronSchedule("0 */5 * * * *", TOKYO).every_second
    assert not CronSchedule("*/5 * * * * 0", TOKYO).every_second
    assert not CronSchedule("* * * * *", TOKYO).every_second


@pytest.mark.parametrize(
    ("alias", "due"),
    [
        ("@hourly", "2025-06-15T11:00:00+09:00"),
        ("@daily", "2025-06-16T00:00:00+09:00"),
        ("@midnight", "2025-06-16T00:00:00+09:00"),
        ("@weekly", "2025-06-22T00:00:00+09:00"),
        ("@monthly", "2025-07-01T00:00:00+09:00"),
        ("@yearly", "2026-01-01T00:00:00+09:00"),
        ("@annually", "2026-01-01T00:00:00+09:00"),
        ("@Daily", "2025-06-16T00:00:00+09:00"),
    ],
)
def test_aliases(alias: str, due: str) -> None:
    assert CronSchedule(alias, TOKYO).next_after(moment("2025-06-15T10:30:00+09:00")) == moment(due)


def test_every_alias_is_tested_above() -> None:
    assert set(ALIASES) == {"@hourly", "@daily", "@midnight", "@weekly", "@monthly", "@yearly", "@annually"}


@pytest.mark.parametrize(
    ("expression", "part_of_the_message"),
    [
        ("* * * *", "has 4 fields"),
        ("", "has 0 fields"),
        ("5", "has 1 field "),
        ("* * * * * * *", "has 7 fields"),
        ("60 * * * *", "(minute)"),
        ("* 24 * * *", "(hour)"),
        ("* * 0 * *", "(day)"),
        ("* * * 13 *", "(month)"),
        ("* * * * 8", "(weekday)"),
        ("* * * * * 60", "(second)"),
        ("a * * * *", "(minute)"),
        ("5-1 * * * *", "(minute)"),
        ("*/0 * * * *", "(minute)"),
        ("0 0 30 2 *", "(day)"),
        ("0 0 31 4,6,9,11 *", "(day)"),
        ("@never", "no known alias"),
        ("9" * 6000, "longer than"),
        (f"{'9' * 400} * * * *", "(minute)"),
    ],
)
def test_a_bad_expression_is_refused_with_a_remedy(expression: str, part_of_the_message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        CronSchedule(expression, TOKYO)
    assert part_of_the_message in caught.value.what
    assert caught.value.cause
    assert caught.value.remedy
    assert caught.value.setting == "schedule"


def test_the_remedy_for_a_misspelt_alias_names_the_nearest() -> None:
    with pytest.raises(ConfigError, match="@hourly") as caught:
        CronSchedule("@hourl", TOKYO)
    assert caught.value.remedy.endswith('Did you mean "@hourly"?')


def test_reboot_is_explained() -> None:
    with pytest.raises(ConfigError) as caught:
        CronSchedule("@reboot", TOKYO)
    assert "hems-data-collector read" in caught.value.remedy


def test_a_day_that_never_comes_is_refused() -> None:
    # The 31st of a month with 30 days, or (with a weekday) any day: cron takes either, so only the first never fires.
    with pytest.raises(ConfigError):
        CronSchedule("0 0 31 6 *", TOKYO)
    assert CronSchedule("0 0 31 6 MON", TOKYO).next_after(moment("2025-06-01T00:00:00Z")) == moment(
        "2025-06-02T00:00:00+09:00"
    )


@pytest.mark.parametrize(
    ("expression", "after", "due"),
    [
        # the night without 2:30: it runs once, as soon as the gap is over
        ("30 2 * * *", "2025-03-09T01:59:00-05:00", "2025-03-09T03:00:00-04:00"),
        ("30 2 * * *", "2025-03-09T03:00:00-04:00", "2025-03-10T02:30:00-04:00"),
        # the night with 1:30 twice: it runs in the first only
        ("30 1 * * *", "2025-11-02T00:00:00-04:00", "2025-11-02T01:30:00-04:00"),
        ("30 1 * * *", "2025-11-02T01:30:00-04:00", "2025-11-03T01:30:00-05:00"),
        # asked in the middle of the second pass, the first must not come again
        ("30 1 * * *", "2025-11-02T01:10:00-05:00", "2025-11-03T01:30:00-05:00"),
        # with a star it follows real time through both
        ("*/30 * * * *", "2025-03-09T01:30:00-05:00", "2025-03-09T03:00:00-04:00"),
        ("*/30 * * * *", "2025-11-02T01:30:00-04:00", "2025-11-02T01:00:00-05:00"),
        ("*/30 * * * *", "2025-11-02T01:30:00-05:00", "2025-11-02T02:00:00-05:00"),
    ],
)
def test_daylight_saving(expression: str, after: str, due: str) -> None:
    assert CronSchedule(expression, NEW_YORK).next_after(moment(after)) == moment(due)


EXPRESSIONS = [
    "*/5 * * * *",
    "30 2 * * *",
    "0 */2 * * *",
    "*/15 1-3 * * *",
    "7,37 * * * * */17",
    "@hourly",
    "0 0 1 * *",
]


@given(
    expression=st.sampled_from(EXPRESSIONS),
    zone=st.sampled_from([TOKYO, NEW_YORK, LORD_HOWE, ZoneInfo("America/Sao_Paulo"), UTC]),
    after=st.datetimes(datetime(2015, 1, 1), datetime(2026, 1, 1), timezones=st.just(UTC)),
)
def test_next_is_always_strictly_later_and_on_a_second(expression: str, zone: ZoneInfo, after: datetime) -> None:
    due = CronSchedule(expression, zone).next_after(after)
    assert due > after
    assert due.microsecond == 0


def test_repr_shows_expression_and_zone() -> None:
    assert repr(CronSchedule("@hourly", TOKYO)) == "CronSchedule('@hourly', Asia/Tokyo)"
    assert repr(IntervalSchedule(60)) == "IntervalSchedule(60)"


@pytest.mark.parametrize(
    ("now", "due"),
    [(100.0, 160.0), (100.1, 160.0), (159.9, 160.0), (160.0, 220.0), (160.5, 220.0), (400.0, 460.0), (399.9, 400.0)],
)
def test_an_interval_keeps_its_phase_and_skips_what_is_late(now: float, due: float) -> None:
    assert IntervalSchedule(60).next_after(100.0, now) == due


@given(
    seconds=st.integers(1, 86_400),
    origin=st.floats(0, 1e7),
    elapsed=st.floats(0, 1e7),
)
def test_an_interval_is_never_early_and_never_more_than_one_late(seconds: int, origin: float, elapsed: float) -> None:
    now = origin + elapsed
    due = IntervalSchedule(seconds).next_after(origin, now)
    assert now < due <= now + seconds + 1e-3
    steps = (due - origin) / seconds
    assert abs(steps - round(steps)) < 1e-6


def test_shifted_intervals_with_one_origin_are_not_due_together() -> None:
    dues = [IntervalSchedule(10, shift=share).next_after(100.0, 100.0) for share in (0.0, 0.25, 0.5)]
    assert dues == [110.0, 102.5, 105.0]
    assert [IntervalSchedule(10, shift=0.25).next_after(100.0, now) for now in (102.5, 107.0)] == [112.5, 112.5]


def test_a_month_of_five_minutes_does_not_drift() -> None:
    schedule, origin = IntervalSchedule(300), 12345.678
    now, runs = origin, 0
    while now < origin + timedelta(days=30).total_seconds():
        now = schedule.next_after(origin, now) + 0.4  # each run is a little late
        runs += 1
    assert runs == 8640


@pytest.mark.parametrize("seconds", [0, -1])
def test_an_interval_without_a_next_time_is_refused(seconds: int) -> None:
    with pytest.raises(ConfigError, match="1 or more"):
        IntervalSchedule(seconds)
