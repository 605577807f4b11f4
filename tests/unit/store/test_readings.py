"""Readings come back field by field, in order, found by time; no two of a meter have one stamp."""

from __future__ import annotations

import sqlite3
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from hems_data_collector.store import readings
from hems_data_collector.store.readings import Mark
from support.ledgers import FIRST, METER, PROFILE, RECENT, reading


def everything(conn: sqlite3.Connection) -> list[readings.StoredReading]:
    return list(readings.between(conn, METER, datetime(1970, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)))


def test_a_reading_comes_back_with_its_place_and_its_recent_half_hour(conn: sqlite3.Connection) -> None:
    assert readings.append(conn, reading(), RECENT, PROFILE) == 1
    assert readings.append(conn, reading(1), None, PROFILE) == 2
    first, second = everything(conn)
    assert (first.seq, first.reading, first.recent) == (1, reading(), RECENT)
    assert (second.seq, second.reading, second.recent) == (2, reading(1), None)
    assert str(first.reading.energy_import_kwh) == "6513.9"
    assert str(first.reading.current_r_a) == "2.0"
    assert not first.stamp_doubtful
    assert readings.newest(conn, METER) == second


def test_every_missing_value_comes_back_as_missing(conn: sqlite3.Connection) -> None:
    bare = replace(
        reading(),
        power_w=None,
        current_r_a=None,
        current_t_a=None,
        two_wire=True,
        energy_import_kwh=None,
        energy_import_raw=None,
        fixed_at=None,
        fixed_import_kwh=None,
        lqi=None,
    )
    readings.append(conn, bare, None, PROFILE)
    assert everything(conn)[0].reading == bare


def test_a_range_of_time_takes_its_beginning_and_leaves_its_end(conn: sqlite3.Connection) -> None:
    for number in range(180):
        readings.append(conn, reading(number), None, PROFILE)
    found = readings.between(conn, METER, FIRST + timedelta(minutes=10), FIRST + timedelta(minutes=130))
    assert [item.reading for item in found] == [reading(number) for number in range(10, 130)]


def test_appending_the_same_reading_again_changes_nothing(conn: sqlite3.Connection) -> None:
    assert [readings.append(conn, reading(), RECENT, PROFILE) for _ in range(3)] == [1, 1, 1]
    assert conn.execute("SELECT readings, powers, power_sum FROM hours").fetchall() == [(1, 1, 412)]


def test_two_readings_with_one_stamp_get_two(conn: sqlite3.Connection) -> None:
    readings.append(conn, reading(), None, PROFILE)
    readings.append(conn, reading(power_w=1), None, PROFILE)
    readings.append(conn, reading(power_w=2), None, PROFILE)
    readings.append(conn, reading(power_w=2), None, PROFILE)
    stamps = [item.reading.received_at for item in everything(conn)]
    assert stamps == [FIRST + timedelta(microseconds=micros) for micros in range(3)]


def test_a_clock_that_is_not_set_or_stepped_back_is_marked(conn: sqlite3.Connection) -> None:
    early = datetime(1970, 1, 1, 0, 0, 20, tzinfo=UTC)
    for number, moment in enumerate((early, FIRST, FIRST - timedelta(hours=2), FIRST + timedelta(hours=1))):
        readings.append(conn, reading(number, received_at=moment), None, PROFILE)
    marks = dict(conn.execute("SELECT seq, marks FROM readings").fetchall())
    assert marks == {1: Mark.CLOCK_NOT_SET, 2: 0, 3: Mark.CLOCK_STEPPED_BACK, 4: 0}
    assert [item.seq for item in everything(conn)] == [1, 3, 2, 4]
    assert [item.stamp_doubtful for item in everything(conn)] == [True, True, False, False]


def test_a_small_step_back_leaves_them_in_the_order_of_their_stamps(conn: sqlite3.Connection) -> None:
    for minutes in (0, 2, 1, 4, 3):
        readings.append(conn, reading(minutes), None, PROFILE)
    assert [item.seq for item in everything(conn)] == [1, 3, 2, 5, 4]


def test_a_scale_that_cannot_be_is_refused_before_anything_is_written(conn: sqlite3.Connection) -> None:
    with pytest.raises(ValueError, match=r"6513\.7 kWh"):
        readings.append(conn, reading(), None, replace(PROFILE, exponent=-2))
    with pytest.raises(ValueError, match=r"6513\.8 kWh"):
        readings.append(conn, reading(energy_import_kwh=Decimal("6513.8")), None, PROFILE)
    assert everything(conn) == []
