"""What is printed before it is stored has the stamp under which it will be stored."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import TypeVar

import pytest

from hems_data_collector.collector.stamps import Stamps
from hems_data_collector.errors import StoreUnavailable
from hems_data_collector.readings import Reading
from hems_data_collector.store import readings
from hems_data_collector.store.database import Database
from support.ledgers import FIRST, PROFILE, opened, reading

T = TypeVar("T")


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    with opened(tmp_path / "hems.db") as database:
        yield database


class Asked(Database):
    """Counts how often it is asked; it can be away."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.times = 0
        self.away = False

    async def run(self, work: Callable[[sqlite3.Connection], T]) -> T:
        self.times += 1
        if self.away:
            raise StoreUnavailable("The disk is gone.")
        return await self.database.run(work)


def append(database: Database, *items: Reading) -> None:
    for item in items:
        database.run_sync(lambda conn, item=item: readings.append(conn, item, None, PROFILE))  # type: ignore[misc]


def micros(item: Reading) -> int:
    """So many microseconds after `FIRST`."""
    return (item.received_at - FIRST) // timedelta(microseconds=1)


async def test_a_clock_set_back_between_two_runs_onto_a_stored_reading(database: Database) -> None:
    append(database, reading(0), reading(1), reading(2))
    stamps = Stamps(database)
    assert await stamps.own(reading(-1)) == reading(-1)
    for number in range(4):
        own = await stamps.own(reading(number, power_w=1))
        assert micros(own) == number * 60_000_000 + (1 if number < 3 else 0)
        append(database, own)
        stamps.stored(own)
        stored = database.run_sync(lambda conn: readings.newest(conn, reading().meter))
        assert stored is not None
        assert stored.reading == own, "stored as it was given"


async def test_the_very_same_values_at_the_same_stamp_are_another_reading(database: Database) -> None:
    stamps = Stamps(database)
    for count in range(3):
        own = await stamps.own(reading(0))
        assert micros(own) == count
        append(database, own)
    assert database.run_sync(lambda conn: conn.execute("SELECT count(*) FROM readings").fetchone()) == (3,)


async def test_what_the_store_has_not_got_yet_counts_too(database: Database) -> None:
    asked = Asked(database)
    for asked.away in (False, True):
        stamps = Stamps(asked)
        given = [await stamps.own(reading(number)) for number in (0, 1, 0, 1, 0)]
        assert [micros(own) for own in given] == [0, 60_000_000, 1, 60_000_001, 2]


async def test_the_store_is_asked_once_while_the_clock_goes_forward(database: Database) -> None:
    asked = Asked(database)
    stamps = Stamps(asked)
    for number in range(100):
        own = await stamps.own(reading(number))
        assert own == reading(number)
        stamps.stored(own)
    assert asked.times == 1
    await stamps.own(reading(50))
    assert asked.times == 2


async def test_each_meter_has_its_own(database: Database) -> None:
    stamps = Stamps(database)
    assert micros(await stamps.own(reading(0))) == 0
    assert micros(await stamps.own(reading(0, meter="000016-OTHER"))) == 0
    assert micros(await stamps.own(reading(0, meter="000016-OTHER"))) == 1


async def test_a_long_trouble_with_the_disk_does_not_take_all_memory(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hems_data_collector.collector.stamps.REMEMBERED", 3)
    stamps = Stamps(database)
    for number in range(9):
        await stamps.own(reading(number))
    assert [number for _meter, number in stamps._on_the_way] == [reading(number).received_at for number in (6, 7, 8)]
