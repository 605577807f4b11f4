"""Meters are known by what they say of themselves, and a scale is entered once."""

from __future__ import annotations

import sqlite3
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from hems_data_collector.readings import MeterIdentity
from hems_data_collector.store import meters
from support.ledgers import EXPORTING, METER, PROFILE

NOW = datetime(2025, 4, 2, tzinfo=UTC)


def test_a_meter_that_tells_more_of_itself_stays_the_same_meter(conn: sqlite3.Connection) -> None:
    bare = replace(PROFILE, identity=replace(PROFILE.identity, mac=None))
    first = meters.know(conn, bare, NOW)
    assert meters.know(conn, EXPORTING, NOW + timedelta(days=1), name="home") == first
    assert meters.know(conn, bare, NOW - timedelta(days=1), name="home") == first
    (meter,) = meters.listed(conn)
    assert (meter.key, meter.identity, meter.name) == (METER, PROFILE.identity, "home")
    assert (meter.first_seen, meter.last_seen) == (NOW, NOW + timedelta(days=1))


def test_an_exchanged_meter_is_another_one_and_the_last_seen_comes_first(conn: sqlite3.Connection) -> None:
    meters.know(conn, PROFILE, NOW)
    exchanged = replace(PROFILE, identity=MeterIdentity(maker="000016", serial="NEW"))
    meters.know(conn, exchanged, NOW + timedelta(days=1))
    assert [meter.key for meter in meters.listed(conn)] == ["000016-NEW", METER]
    assert meters.number(conn, "000016-NEW") != meters.number(conn, METER)
    assert meters.number(conn, "nobody") is None


@pytest.mark.parametrize(
    ("gets", "sets", "exports"),
    [
        ({0xE0, 0xEA, 0xE2}, {0xE5}, False),
        ({0xE0, 0xEA, 0xE2, 0xEC}, {0xE5, 0xED}, False),  # EC without E3: no reverse register to wait for
        ({0xE0, 0xE3, 0xEA, 0xEB}, set(), False),  # a live value only: its past can never be had
        ({0xE0, 0xE2, 0xE3, 0xE4}, {0xE5}, True),
        ({0xE0, 0xEB, 0xEC}, {0xED}, True),
        ({0xE0, 0xEB, 0xEC}, set(), False),
    ],
)
def test_a_half_hour_waits_for_export_only_where_that_can_be_had(gets: set[int], sets: set[int], exports: bool) -> None:
    profile = replace(PROFILE, get_map=frozenset(gets), set_map=frozenset(sets))
    assert meters.exports(profile) is exports


def test_a_scale_is_entered_once(conn: sqlite3.Connection) -> None:
    one = meters.scale_number(conn, exponent=-1, coefficient=1, digits=6)
    other = meters.scale_number(conn, exponent=-1, coefficient=1, digits=8)
    assert meters.scale_number(conn, exponent=-1, coefficient=1, digits=6) == one != other
    assert {number: scale.digits for number, scale in meters.scales(conn).items()} == {one: 6, other: 8}
