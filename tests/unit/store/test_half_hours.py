"""The ledger: first value stays, half hours complete themselves once, holes are known."""

from __future__ import annotations

import sqlite3
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from hems_data_collector.readings import Consumption, HalfHourSource
from hems_data_collector.store import half_hours
from hems_data_collector.store.half_hours import Conflict, Direction, Recorded
from support.ledgers import EXPORTING, HALF, METER, PROFILE, SLOT, slot

NOW = datetime(2025, 4, 2, tzinfo=UTC)


def record(conn: sqlite3.Connection, *slots: object, profile: object = PROFILE) -> Recorded:
    return half_hours.record(conn, slots, profile, now=NOW)  # type: ignore[arg-type]


def test_a_half_hour_is_complete_with_its_second_register(conn: sqlite3.Connection) -> None:
    assert record(conn, slot(0)) == Recorded(new=1, filled=0, conflicts=(), completed=())
    assert record(conn, slot(1)) == Recorded(new=1, filled=0, conflicts=(), completed=(1,))
    assert half_hours.consumption(conn, METER, slot(1).at) == Consumption(end=slot(1).at, import_kwh=Decimal("0.2"))
    assert half_hours.consumption(conn, METER, slot(0).at) is None


def test_a_hole_that_is_filled_completes_both_its_neighbours_in_order(conn: sqlite3.Connection) -> None:
    record(conn, slot(3), slot(2), slot(0))
    assert record(conn, slot(1)).completed == (2, 3)
    rows = conn.execute("SELECT at, seq FROM half_hours ORDER BY at").fetchall()
    assert [seq for _, seq in rows] == [None, 2, 3, 1]
    assert half_hours.slots(conn, METER, SLOT, SLOT + 4 * HALF) == [slot(number) for number in range(4)]


def test_the_same_again_changes_nothing(conn: sqlite3.Connection) -> None:
    record(conn, slot(0), slot(1))
    assert record(conn, slot(0), slot(1, source=HalfHourSource.HISTORY_1)) == Recorded(
        new=0, filled=0, conflicts=(), completed=()
    )
    assert half_hours.slots(conn, METER, SLOT, SLOT + 4 * HALF) == [slot(0), slot(1)]


def test_the_first_value_stays_and_the_other_is_kept_as_a_conflict(conn: sqlite3.Connection) -> None:
    other = slot(0, 70000, source=HalfHourSource.HISTORY_2)
    record(conn, slot(0))
    assert record(conn, other).conflicts == (Conflict(known=slot(0), told=other),)
    assert record(conn, other).conflicts == ()
    assert half_hours.conflicts(conn, METER) == [Conflict(known=slot(0), told=other)]
    assert half_hours.slots(conn, METER, SLOT, SLOT + HALF) == [slot(0)]


def test_a_missing_direction_is_filled(conn: sqlite3.Connection) -> None:
    record(conn, slot(0))
    assert record(conn, slot(0, None, 40)).filled == 1
    assert half_hours.slots(conn, METER, SLOT, SLOT + HALF) == [slot(0, export_raw=40)]


def test_a_meter_with_export_waits_for_the_export(conn: sqlite3.Connection) -> None:
    assert record(conn, slot(0), slot(1), slot(2), profile=EXPORTING).completed == ()
    assert record(conn, slot(0, None, 40), slot(1, None, 43), profile=EXPORTING).completed == (1,)
    assert half_hours.mark_absent(conn, METER, [slot(2).at], Direction.EXPORT, now=NOW) == (2,)
    first, second = half_hours.energies(conn, METER, slot(1).at, slot(2).at)
    assert (first.import_kwh, first.export_kwh) == (Decimal("0.2"), Decimal("0.3"))
    assert (first.import_register_kwh, first.export_register_kwh) == (Decimal("6513.9"), Decimal("4.3"))
    assert (second.import_kwh, second.export_kwh) == (Decimal("0.2"), None)


def test_a_roll_over_is_no_discontinuity(conn: sqlite3.Connection) -> None:
    record(conn, slot(0, 999_998), slot(1, 3))
    found = half_hours.consumption(conn, METER, slot(1).at)
    assert found is not None
    assert found.import_kwh == Decimal("0.5")


def test_what_no_household_can_draw_is_not_known(conn: sqlite3.Connection) -> None:
    assert record(conn, slot(0, 1000), slot(1, 1301)).completed == (1,)
    assert half_hours.consumption(conn, METER, slot(1).at) is None
    (found,) = half_hours.energies(conn, METER, slot(1).at, slot(1).at)
    assert (found.import_kwh, found.import_register_kwh) == (None, Decimal("130.1"))


def test_registers_of_two_scales_have_no_difference(conn: sqlite3.Connection) -> None:
    record(conn, slot(0))
    record(conn, slot(1, exponent=-2), profile=replace(PROFILE, exponent=-2))
    assert half_hours.consumption(conn, METER, slot(1).at) is None


def test_what_is_missing_is_asked_for_newest_first_and_not_what_is_absent(conn: sqlite3.Connection) -> None:
    record(conn, slot(1), slot(4))
    half_hours.mark_absent(conn, METER, [slot(2).at], Direction.IMPORT, now=NOW)
    missing = half_hours.missing(conn, METER, SLOT, SLOT + 6 * HALF)
    assert missing == [slot(number).at for number in (5, 3, 0)]
    both = (Direction.IMPORT, Direction.EXPORT)
    assert len(half_hours.missing(conn, METER, SLOT, SLOT + 6 * HALF, both)) == 6
    record(conn, slot(2))
    assert half_hours.absent(conn, METER, SLOT, SLOT + 6 * HALF) == set()
    assert half_hours.present(conn, METER, SLOT, SLOT + 6 * HALF) == {slot(n).at for n in (1, 2, 4)}


def test_an_unknown_meter_has_nothing(conn: sqlite3.Connection) -> None:
    assert half_hours.newest(conn, METER) is None
    assert half_hours.oldest(conn, METER) is None
    assert half_hours.slots(conn, METER, SLOT, SLOT + timedelta(days=1)) == []
    assert len(half_hours.missing(conn, METER, SLOT, SLOT + timedelta(days=1))) == 48
