"""One-minute registers: exact, once, filled in but never overwritten, and gone by age."""

from __future__ import annotations

import sqlite3
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from hems_data_collector.readings import Minute
from hems_data_collector.store import meters, minutes
from hems_data_collector.store.database import open_editor
from hems_data_collector.store.salvage import salvage
from support.ledgers import EXPORTING, METER, PROFILE, SLOT, minute, opened

FAR = SLOT + timedelta(days=9999)
STEP = timedelta(minutes=1)


def record(conn: sqlite3.Connection, *told: Minute) -> tuple[int, int, int]:
    """How many were new, filled and disagreeing."""
    recorded = minutes.record(conn, told, EXPORTING, now=SLOT)
    return recorded.new, recorded.filled, len(recorded.disagreeing)


def stored(conn: sqlite3.Connection) -> list[Minute]:
    return list(minutes.between(conn, METER, SLOT - STEP, FAR))


def test_what_was_told_comes_back_in_order_and_only_once(conn: sqlite3.Connection) -> None:
    told = [minute(2, 3, 4), minute(0, None, 7), minute(1, 99_999_999)]
    assert record(conn, *told) == (3, 0, 0)
    assert record(conn, *told) == (0, 0, 0)
    assert stored(conn) == [told[1], told[2], told[0]]


def test_a_minute_without_any_value_is_no_row(conn: sqlite3.Connection) -> None:
    assert record(conn, minute(0, None)) == (0, 0, 0)
    assert stored(conn) == []


def test_a_missing_register_is_filled_and_a_known_one_stays(conn: sqlite3.Connection) -> None:
    record(conn, minute(0, 0), minute(1, None, 5), minute(2, 4))
    assert record(conn, minute(0, 0, 9), minute(1, 8, None), minute(2, None, 6)) == (0, 3, 0)
    assert record(conn, minute(0, 1, 9), minute(1, 8, 6), minute(0, None, 9)) == (0, 0, 2)
    assert stored(conn) == [minute(0, 0, 9), minute(1, 8, 5), minute(2, 4, 6)]


def test_another_scale_is_a_disagreement_and_kept_apart(conn: sqlite3.Connection) -> None:
    record(conn, minute(0))
    finer = minute(0, exponent=-3)
    assert record(conn, finer) == (0, 0, 1)
    assert record(conn, replace(finer, at=SLOT + STEP)) == (1, 0, 0)
    assert [each.exponent for each in stored(conn)] == [-1, -3]


def test_only_full_minutes_of_a_known_meter_are_taken(conn: sqlite3.Connection) -> None:
    with pytest.raises(ValueError, match="full minute"):
        record(conn, minute(0, at=SLOT + timedelta(seconds=1)))
    with pytest.raises(LookupError):
        record(conn, minute(0, meter="another"))
    meters.know(conn, replace(EXPORTING, identity=replace(EXPORTING.identity, serial="B")), SLOT)
    assert minutes.record(conn, [minute(0, meter="000016-B")], PROFILE, now=SLOT).new == 1


def test_a_span_is_counted_and_known_by_its_bounds(conn: sqlite3.Connection) -> None:
    record(conn, *(minute(number) for number in (0, 1, 3, 5)))
    assert minutes.known(conn, METER, SLOT + STEP, SLOT + 5 * STEP) == {SLOT + STEP, SLOT + 3 * STEP}
    assert minutes.count(conn, METER, SLOT + timedelta(microseconds=1), FAR) == 3
    assert minutes.count(conn, METER, FAR, FAR) == 0
    assert minutes.count(conn, "another", SLOT, FAR) == 0
    assert (minutes.oldest(conn, METER), minutes.oldest(conn, "another")) == (SLOT, None)
    assert len(list(minutes.between(conn, METER, SLOT, SLOT + timedelta(minutes=1, microseconds=1)))) == 2


def test_what_is_older_than_the_age_goes_in_portions(conn: sqlite3.Connection) -> None:
    keep = timedelta(minutes=10)
    record(conn, *(minute(number) for number in range(30)))
    now = SLOT + 30 * STEP
    assert minutes.prune(conn, keep=keep, now=now, limit=15) == 15
    assert minutes.prune(conn, keep=keep, now=now, limit=15) == 5
    assert minutes.prune(conn, keep=keep, now=now, limit=15) == 0
    assert [each.at for each in stored(conn)] == [SLOT + number * STEP for number in range(20, 30)]


@pytest.mark.parametrize("now", [datetime(1970, 1, 1, 1, tzinfo=UTC), datetime(2055, 1, 1, tzinfo=UTC)])
def test_a_wrong_clock_prunes_nothing_young(conn: sqlite3.Connection, now: datetime) -> None:
    record(conn, minute(0), minute(9))
    assert minutes.prune(conn, keep=timedelta(days=2), now=now) == 0


def test_a_row_is_small(conn: sqlite3.Connection) -> None:
    record(conn, *(minute(number, 12_604_300 + number, 4_000_000) for number in range(20_000)))
    pages, size = (conn.execute(f"PRAGMA {name}").fetchone()[0] for name in ("page_count", "page_size"))
    assert pages * size / 20_000 < 30


def test_a_damaged_file_gives_its_minutes_back_once(tmp_path: Path) -> None:
    told = [minute(number, 7 + number, number or None) for number in range(50)]
    damaged, path = tmp_path / "damaged.db", tmp_path / "hems.db"
    with opened(damaged) as database:
        database.run_sync(lambda conn: minutes.record(conn, told, EXPORTING, now=SLOT))
    with opened(path) as database:
        database.run_sync(lambda conn: minutes.record(conn, told[:9], EXPORTING, now=SLOT))
    conn = open_editor(path)
    for _ in range(2):
        salvage(damaged, conn, now=SLOT)
        assert stored(conn) == told
    conn.close()
