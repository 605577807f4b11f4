"""Sums over the calendar: nothing is counted twice, nothing that is not known counts as zero."""

from __future__ import annotations

import sqlite3
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from zoneinfo import ZoneInfo

from hems_data_collector.store import half_hours, readings, summaries
from hems_data_collector.store.half_hours import Direction
from hems_data_collector.store.periods import Period, Step, periods
from support.ledgers import EXPORTING, FIRST, METER, PROFILE, SLOT, reading, slot

TOKYO = ZoneInfo("Asia/Tokyo")
NOW = datetime(2025, 4, 2, tzinfo=UTC)
DAY = Period(datetime(2025, 3, 31, 15, tzinfo=UTC), datetime(2025, 4, 1, 15, tzinfo=UTC))
"""1 April 2025 by the meter's clock; `SLOT` is its noon."""


def test_the_calendar_is_the_one_of_the_meter_s_clock() -> None:
    assert periods(SLOT, SLOT + timedelta(hours=1), Step.DAY, TOKYO) == [DAY]
    assert periods(SLOT, SLOT + timedelta(hours=2), Step.HOUR, TOKYO)[1].start == SLOT + timedelta(hours=1)
    months = periods(DAY.start, datetime(2026, 3, 31, 15, tzinfo=UTC), Step.MONTH, TOKYO)
    assert len(months) == 12
    assert months[0].start == DAY.start
    assert all(one.end == other.start for one, other in pairwise(months))
    (year,) = periods(SLOT, SLOT + timedelta(seconds=1), Step.YEAR, TOKYO)
    assert periods(SLOT, SLOT, Step.HOUR, TOKYO) == []
    assert year.end - year.start == timedelta(days=365)


def test_a_day_with_a_summer_time_change_has_23_hours() -> None:
    paris = ZoneInfo("Europe/Paris")
    (day,) = periods(datetime(2025, 3, 30, tzinfo=UTC), datetime(2025, 3, 30, 12, tzinfo=UTC), Step.DAY, paris)
    assert day.end - day.start == timedelta(hours=23)
    assert len(periods(day.start, day.end, Step.HOUR, paris)) == 23


def test_power_is_summed_up_by_hours(conn: sqlite3.Connection) -> None:
    for number, watts in enumerate((100, None, -300, 500)):
        readings.append(conn, reading(number, power_w=watts), None, PROFILE)
    readings.append(conn, reading(60, power_w=900), None, PROFILE)
    first, second, third = summaries.power(
        conn, METER, periods(FIRST, FIRST + timedelta(hours=3), Step.HOUR, TOKYO)[:3]
    )
    assert (first.readings, first.mean_w, first.min_w, first.max_w) == (4, 100.0, -300, 500)
    assert (second.readings, second.mean_w) == (1, 900.0)
    assert (third.readings, third.mean_w, third.min_w, third.max_w) == (0, None, None, None)
    (day,) = summaries.power(conn, METER, [DAY])
    assert (day.readings, day.mean_w) == (5, 300.0)


def test_the_roll_up_is_what_a_count_of_all_rows_gives(conn: sqlite3.Connection) -> None:
    for number in range(0, 300, 7):
        readings.append(conn, reading(number, power_w=None if number % 3 else number - 50), None, PROFILE)
    rolled_up = conn.execute("SELECT * FROM hours ORDER BY meter, hour").fetchall()
    counted = conn.execute(
        "SELECT meter, received_us / 3600000000, min(seq), max(seq), max(received_us), count(*), count(power_w),"
        " coalesce(sum(power_w), 0), min(power_w), max(power_w) FROM readings GROUP BY 1, 2"
    ).fetchall()
    assert rolled_up == counted


def test_energy_belongs_to_the_period_in_which_its_half_hour_begins(conn: sqlite3.Connection) -> None:
    half_hours.record(conn, [slot(number) for number in range(50)], PROFILE, now=NOW)
    (day,) = summaries.energy(conn, METER, [DAY])
    assert (day.import_kwh, day.export_kwh, day.half_hours) == (Decimal("4.8"), None, 24)
    before, after = summaries.energy(conn, METER, [Period(SLOT - timedelta(days=1), SLOT), Period(SLOT, NOW)])
    assert (before.import_kwh, before.half_hours) == (None, 0)
    assert after.half_hours == 42


def test_the_sums_of_days_are_those_of_their_half_hours(conn: sqlite3.Connection) -> None:
    for first in (100, -30, 0):  # out of order, with holes
        told = [slot(number, export_raw=number + 500) for number in range(first, first + 70) if number % 13]
        half_hours.record(conn, told, EXPORTING, now=NOW)
    days = periods(slot(-30).at, slot(170).at, Step.DAY, TOKYO)
    hours = periods(days[0].start, days[-1].end, Step.HOUR, TOKYO)
    of_days = summaries.energy(conn, METER, days)
    of_hours = summaries.energy(conn, METER, hours)
    assert sum(day.half_hours for day in of_days) == sum(hour.half_hours for hour in of_hours) > 100
    for number, day in enumerate(of_days):
        mine = of_hours[24 * number : 24 * number + 24]
        assert day.half_hours == sum(hour.half_hours for hour in mine)
        for total, parts in (
            (day.import_kwh, [hour.import_kwh for hour in mine if hour.import_kwh is not None]),
            (day.export_kwh, [hour.export_kwh for hour in mine if hour.export_kwh is not None]),
        ):
            assert total == (sum(parts) if parts else None)
    until = days[-1].end
    complete = summaries.completeness(conn, METER, days, until=until)
    by_hours = summaries.completeness(conn, METER, hours, until=until)
    assert [day.present for day in complete] == [
        sum(hour.present for hour in by_hours[24 * number : 24 * number + 24]) for number in range(len(days))
    ]


def test_energy_of_two_scales_is_exact(conn: sqlite3.Connection) -> None:
    half_hours.record(conn, [slot(0), slot(1)], PROFILE, now=NOW)
    fine = replace(PROFILE, exponent=-3)
    half_hours.record(conn, [slot(2, 10, exponent=-3), slot(3, 15, exponent=-3)], fine, now=NOW)
    (day,) = summaries.energy(conn, METER, [DAY])
    assert (day.import_kwh, day.half_hours) == (Decimal("0.205"), 2)


def test_completeness_counts_from_99_days_back_to_the_newest_slot(conn: sqlite3.Connection) -> None:
    half_hours.record(conn, [slot(0), slot(1), slot(3)], PROFILE, now=NOW)
    half_hours.mark_absent(conn, METER, [slot(2).at], Direction.IMPORT, now=NOW)
    until = slot(4).at
    (day,) = summaries.completeness(conn, METER, [DAY], until=until)
    assert (day.present, day.absent, day.expected) == (3, 1, 24 + 5 - 1)
    assert day.ratio == 3 / 28
    (whole,) = summaries.completeness(conn, METER, [Period(datetime(2020, 1, 1, tzinfo=UTC), NOW)], until=until)
    assert (whole.present, whole.expected) == (3, 99 * 48 + 1 - 1)
    half_hours.record(conn, [slot(-48 * 200)], PROFILE, now=NOW)
    (whole,) = summaries.completeness(conn, METER, [Period(datetime(2020, 1, 1, tzinfo=UTC), NOW)], until=until)
    assert (whole.present, whole.expected) == (4, 200 * 48 + 5 - 1)
    (none,) = summaries.completeness(conn, METER, [Period(NOW, NOW + timedelta(days=1))], until=until)
    assert (none.present, none.expected, none.ratio) == (0, 0, 1.0)


def test_what_is_later_than_the_newest_slot_does_not_count(conn: sqlite3.Connection) -> None:
    half_hours.record(conn, [slot(number) for number in range(20)], PROFILE, now=NOW)
    (day,) = summaries.completeness(conn, METER, [DAY], until=slot(9).at)
    assert (day.present, day.expected) == (10, 24 + 10)


def test_a_meter_with_export_is_complete_with_both_registers(conn: sqlite3.Connection) -> None:
    half_hours.record(conn, [slot(0, export_raw=1), slot(1)], EXPORTING, now=NOW)
    stretch = [Period(SLOT, SLOT + timedelta(hours=1))]
    (found,) = summaries.completeness(conn, METER, stretch, until=slot(1).at)
    assert (found.present, found.absent, found.expected) == (1, 0, 2)
    half_hours.mark_absent(conn, METER, [slot(1).at], Direction.EXPORT, now=NOW)
    (found,) = summaries.completeness(conn, METER, stretch, until=slot(1).at)
    assert (found.present, found.absent, found.expected) == (1, 1, 1)


def test_an_unknown_meter_has_no_sums(conn: sqlite3.Connection) -> None:
    assert summaries.power(conn, METER, [DAY])[0].readings == 0
    assert summaries.energy(conn, METER, [DAY])[0].import_kwh is None
    assert summaries.completeness(conn, METER, [DAY], until=SLOT)[0].present == 0
