"""A database of any earlier version becomes one of this version, with everything that was in it.

For each schema version there is a frozen file `NNNN.db.gz`, made by `freeze.py` of that version and never again.
"""

from __future__ import annotations

import gzip
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.migrations.freeze import NOW, PAN, READINGS, SLOTS, fill

from hems_data_collector.clock import SystemClock
from hems_data_collector.errors import StoreError
from hems_data_collector.store import half_hours, meters, migrations, outbox, readings
from hems_data_collector.store.check import check
from hems_data_collector.store.database import Database, open_reader
from hems_data_collector.store.ports import Ports, Remembered
from support.ledgers import EXPORTING, METER, RECENT, SLOT, opened, reading, slot

FOLDER = Path(__file__).parent
FROZEN = {int(file.name[:4]): file for file in sorted(FOLDER.glob("*.db.gz"))}
NEWEST = max(migrations.steps())


@pytest.fixture
def memory() -> Iterator[sqlite3.Connection]:
    """An empty database in memory."""
    conn = sqlite3.connect(":memory:", isolation_level=None)
    yield conn
    conn.close()


def test_every_version_has_its_frozen_file() -> None:
    assert set(FROZEN) == set(migrations.steps())
    assert list(migrations.steps()) == list(range(1, NEWEST + 1))


@pytest.mark.parametrize("version", FROZEN)
def test_a_frozen_database_is_migrated_with_all_that_is_in_it(version: int, tmp_path: Path) -> None:
    path = tmp_path / "hems.db"
    path.write_bytes(gzip.decompress(FROZEN[version].read_bytes()))
    frozen = sqlite3.connect(path)
    assert frozen.execute("PRAGMA user_version").fetchone() == (version,)
    frozen.close()
    with opened(path) as database:
        everything_is_there(database)
    reader = open_reader(path)
    assert reader.execute("PRAGMA user_version").fetchone() == (NEWEST,)
    assert check(reader).problems == ()
    migrated = schema(reader)
    reader.close()
    with opened(tmp_path / "new.db"):
        fresh = open_reader(tmp_path / "new.db")
        assert migrated == schema(fresh)
        fresh.close()


def test_an_output_of_the_first_version_waits_for_readings_until_the_collector_says_otherwise(tmp_path: Path) -> None:
    path = tmp_path / "hems.db"
    path.write_bytes(gzip.decompress(FROZEN[1].read_bytes()))
    with opened(path) as database:
        (_, before) = database.run_sync(outbox.states)
        database.run_sync(lambda conn: outbox.register(conn, ["file", "webhook"], now=NOW, half_hours=True))
        (_, after) = database.run_sync(outbox.states)
    assert (before.waiting, after.waiting) == (READINGS - 1, READINGS - 1 + SLOTS - 1)


def schema(conn: sqlite3.Connection) -> set[tuple[str, ...]]:
    """Names and columns of all tables and indexes, however their SQL came to be."""
    names = [name for (name,) in conn.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
    columns = {(name, *map(str, column)) for name in names for column in conn.execute(f"PRAGMA table_info({name})")}
    return columns | {(name,) for (name,) in conn.execute("SELECT name FROM sqlite_master WHERE type = 'index'")}


def everything_is_there(database: Database) -> None:
    """All that `fill` wrote, by what the program of this version reads."""
    stored = database.run_sync(lambda conn: list(readings.between(conn, METER, SLOT, NOW)))
    assert [item.reading for item in stored] == [reading(number) for number in range(READINGS)]
    assert [item.recent for item in stored] == [RECENT if number % 2 else None for number in range(READINGS)]
    slots = database.run_sync(lambda conn: half_hours.slots(conn, METER, SLOT, NOW))
    assert slots == [slot(number, export_raw=number) for number in range(SLOTS)]
    assert len(database.run_sync(lambda conn: half_hours.conflicts(conn, METER))) == 1
    assert len(database.run_sync(lambda conn: half_hours.absent(conn, METER, SLOT - (NOW - SLOT), NOW))) == 1
    assert Ports(database).recall("/dev/ttyUSB0") == Remembered(pan=PAN, terminated_at=SLOT, profile=EXPORTING)
    (meter,) = database.run_sync(meters.listed)
    assert (meter.identity, meter.exports) == (EXPORTING.identity, True)
    file, webhook = database.run_sync(outbox.states)
    assert (file.name, file.cursor, file.checkpoint, file.delivered) == ("file", 60, b"position", 60)
    assert (webhook.cursor, webhook.dead_letters) == (1, 1)
    batch = database.run_sync(lambda conn: outbox.batch(conn, "file", 1000, half_hours=True))
    assert [seq for seq, _ in batch] == list(range(11, 21))


def test_each_step_is_one_transaction(memory: sqlite3.Connection) -> None:
    first = "CREATE TABLE a (x); INSERT INTO a VALUES (1);"
    assert migrations.migrate(memory, {1: first}) == 0
    broken = {1: first, 2: "ALTER TABLE a ADD COLUMN y; UPDATE a SET y = 2;", 3: "DELETE FROM a; SELECT * FROM gone;"}
    with pytest.raises(sqlite3.OperationalError, match="gone"):
        migrations.migrate(memory, broken)
    assert memory.execute("PRAGMA user_version").fetchone() == (2,)
    assert memory.execute("SELECT * FROM a").fetchall() == [(1, 2)]
    assert not memory.in_transaction
    assert migrations.migrate(memory, {**broken, 3: "DROP TABLE a;"}) == 2
    assert migrations.migrate(memory, {**broken, 3: "DROP TABLE a;"}) == 3
    assert memory.execute("SELECT * FROM sqlite_master").fetchall() == []


def test_a_newer_database_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "hems.db"
    with opened(path) as database:
        database.run_sync(fill)
    conn = sqlite3.connect(path)
    conn.execute(f"PRAGMA user_version = {NEWEST + 1}")
    conn.close()
    before = path.read_bytes()
    for opening in (lambda: Database.open(path, clock=SystemClock()), lambda: open_reader(path)):
        with pytest.raises(
            StoreError, match=f"schema version {NEWEST + 1}; this program knows versions up to"
        ) as caught:
            opening()
        assert caught.value.exit_code == 7
        assert "Update" in caught.value.remedy
    assert path.read_bytes() == before
    assert list(tmp_path.glob("*.damaged-*")) == []


def test_a_reader_does_not_migrate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "hems.db"
    with opened(path):
        pass
    before = path.read_bytes()
    known = {**migrations.steps(), NEWEST + 1: "CREATE TABLE a (x);"}
    monkeypatch.setattr(migrations, "steps", lambda: known)
    with pytest.raises(StoreError, match="older version"):
        open_reader(path)
    assert path.read_bytes() == before
