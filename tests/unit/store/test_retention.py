"""Readings go by age; what is owed, set aside, or the newest stays, and half hours and sums stay for ever."""

from __future__ import annotations

import sqlite3
from datetime import UTC, datetime, timedelta

import pytest

from hems_data_collector.store import half_hours, outbox, readings, retention
from hems_data_collector.store.records import record_at
from support.ledgers import FIRST, PROFILE, reading, slot

KEEP = timedelta(days=10)
A_DAY = 48
"""half hours"""


def days(conn: sqlite3.Connection, count: int, *, told: bool = True) -> datetime:
    """One reading a day; returns the moment after the last, which the meter has `told`."""
    for number in range(count):
        readings.append(conn, reading(number * 1440), None, PROFILE)
    if told:
        meter_says(conn, count - 1)
    return FIRST + timedelta(days=count - 1, minutes=1)


def meter_says(conn: sqlite3.Connection, day: int) -> None:
    """By the meter's clock it is so many days after the first slot."""
    half_hours.record(conn, [slot(day * A_DAY)], PROFILE, now=FIRST)


def left(conn: sqlite3.Connection) -> list[int]:
    return [seq for (seq,) in conn.execute("SELECT seq FROM readings ORDER BY seq")]


def test_what_is_older_than_the_age_goes_in_portions(conn: sqlite3.Connection) -> None:
    half_hours.record(conn, [slot(0), slot(1)], PROFILE, now=FIRST)
    now = days(conn, 30)
    assert retention.prune(conn, keep=KEEP, now=now, limit=15) == 15
    assert retention.prune(conn, keep=KEEP, now=now, limit=15) == 4
    assert retention.prune(conn, keep=KEEP, now=now, limit=15) == 0
    assert left(conn) == list(range(21, 32))
    assert conn.execute("SELECT count(*), sum(readings) FROM hours").fetchone() == (30, 30)
    assert conn.execute("SELECT count(*) FROM half_hours").fetchone() == (3,)


def test_what_an_output_has_not_got_is_kept(conn: sqlite3.Connection) -> None:
    outbox.register(conn, ["file", "webhook"], now=FIRST)
    now = days(conn, 30)
    outbox.acknowledge(conn, "file", 30, checkpoint=None, count=30, now=now)
    outbox.acknowledge(conn, "webhook", 5, checkpoint=None, count=5, now=now)
    assert retention.prune(conn, keep=KEEP, now=now) == 5
    outbox.register(conn, ["file"], now=now)
    assert retention.prune(conn, keep=KEEP, now=now) == 14


def test_what_is_to_be_sent_again_is_kept(conn: sqlite3.Connection) -> None:
    outbox.register(conn, ["file"], now=FIRST)
    now = days(conn, 30)
    outbox.acknowledge(conn, "file", 30, checkpoint=None, count=30, now=now)
    assert outbox.rewind(conn, "file", FIRST + timedelta(days=7), FIRST + timedelta(days=9)) == 2
    assert retention.prune(conn, keep=KEEP, now=now) == 7
    assert retention.owed_from(conn) == 8
    outbox.register(conn, [], now=now)
    assert retention.owed_from(conn) is None
    assert [seq for seq, _ in outbox.batch(conn, "file", 10, half_hours=True)] == [8, 9]


def test_a_dead_letter_is_kept(conn: sqlite3.Connection) -> None:
    outbox.register(conn, ["file"], now=FIRST)
    now = days(conn, 30)
    outbox.dead_letter(conn, "file", 3, key="k", reason="no", tries=3, now=now)
    outbox.acknowledge(conn, "file", 30, checkpoint=None, count=27, now=now)
    retention.prune(conn, keep=KEEP, now=now)
    assert left(conn) == [3, *range(20, 31)]
    assert record_at(conn, 3) is not None


def test_the_newest_reading_is_kept_so_that_no_number_is_given_twice(conn: sqlite3.Connection) -> None:
    now = days(conn, 3)
    meter_says(conn, 1000)
    assert retention.prune(conn, keep=KEEP, now=now + timedelta(days=1000)) == 2
    assert left(conn) == [3]
    assert readings.append(conn, reading(9999), None, PROFILE) == 4


@pytest.mark.parametrize("wrong", [datetime(1970, 1, 1, 0, 1, tzinfo=UTC), datetime(2035, 1, 1, tzinfo=UTC)])
def test_a_wrong_stamp_neither_shortens_nor_lengthens_a_life(conn: sqlite3.Connection, wrong: datetime) -> None:
    days(conn, 10)
    readings.append(conn, reading(0, received_at=wrong), None, PROFILE)
    for number in range(10, 30):
        readings.append(conn, reading(number * 1440), None, PROFILE)
    meter_says(conn, 29)
    now = FIRST + timedelta(days=29)
    assert retention.prune(conn, keep=timedelta(days=20), now=now - timedelta(minutes=1)) == 9
    assert 11 in left(conn)
    assert retention.prune(conn, keep=timedelta(days=10), now=now) == 11
    assert 11 not in left(conn)


def test_readings_of_a_clock_that_was_not_set_yet_live_as_long_as_those_after_them(conn: sqlite3.Connection) -> None:
    for number in range(3):
        moment = datetime(1970, 1, 1, 0, number, tzinfo=UTC)
        readings.append(conn, reading(0, received_at=moment), None, PROFILE)
    now = days(conn, 30)
    assert retention.prune(conn, keep=timedelta(days=30), now=now) == 0
    assert retention.prune(conn, keep=timedelta(days=28), now=now) == 4
    assert left(conn) == list(range(5, 34))


def test_a_clock_that_is_not_set_yet_lets_nothing_go(conn: sqlite3.Connection) -> None:
    days(conn, 30)
    assert retention.prune(conn, keep=KEEP, now=datetime(1970, 1, 1, 0, 1, tzinfo=UTC)) == 0


@pytest.mark.parametrize("years", [1, 10, 70])
def test_a_clock_years_ahead_lets_go_only_what_the_meter_s_clock_makes_old(
    conn: sqlite3.Connection, years: int
) -> None:
    now = days(conn, 30)
    ahead = now + timedelta(days=365 * years)
    readings.append(conn, reading(0, received_at=ahead), None, PROFILE)
    assert retention.prune(conn, keep=timedelta(days=30), now=ahead) == 0
    meter_says(conn, 31)
    assert retention.prune(conn, keep=timedelta(days=30), now=ahead) == 2
    assert left(conn) == list(range(3, 32))


def test_the_meter_s_clock_alone_lets_nothing_go_either(conn: sqlite3.Connection) -> None:
    now = days(conn, 30)
    meter_says(conn, 5000)
    assert retention.prune(conn, keep=timedelta(days=30), now=now) == 0


def test_before_the_first_half_hour_nothing_goes(conn: sqlite3.Connection) -> None:
    now = days(conn, 30, told=False)
    assert retention.prune(conn, keep=KEEP, now=now) == 0
    meter_says(conn, 0)
    assert retention.prune(conn, keep=KEEP, now=now) == 0
    meter_says(conn, 29)
    assert retention.prune(conn, keep=KEEP, now=now) == 19


def test_an_empty_database_has_nothing_to_prune(conn: sqlite3.Connection) -> None:
    assert retention.prune(conn, keep=KEEP, now=FIRST) == 0
