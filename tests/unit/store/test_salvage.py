"""Whatever happens to a file: it is set aside, the collector goes on, and what is undamaged comes back once."""

from __future__ import annotations

import gzip
import os
import shutil
import sqlite3
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random

import pytest

from hems_data_collector.clock import SystemClock
from hems_data_collector.errors import StoreUnavailable
from hems_data_collector.readings import HalfHourSource, Record
from hems_data_collector.store import half_hours, outbox, readings
from hems_data_collector.store.aside import damaged_files
from hems_data_collector.store.damaged import SHAPES, DamagedFile
from hems_data_collector.store.database import Database, open_editor
from hems_data_collector.store.half_hours import Direction
from hems_data_collector.store.pages import PageFile
from hems_data_collector.store.records import record_at
from hems_data_collector.store.salvage import Salvaged, salvage
from support.ledgers import EXPORTING, FIRST, METER, PROFILE, RECENT, SLOT, opened, reading, slot

NOW = datetime(2025, 4, 5, tzinfo=UTC)
COUNT = 250
LAST = COUNT + 47
COPIES = int(os.environ.get("HEMS_TEST_DAMAGED_COPIES", "100"))
"""`make test-long` sets it to 500."""


def append(conn: sqlite3.Connection, first: int, last: int) -> None:
    for number in range(first, last):
        readings.append(conn, reading(number), RECENT, PROFILE)


def fill(conn: sqlite3.Connection) -> None:
    """Four hours of readings, the half hours of a day, and two outputs at different places."""
    outbox.register(conn, ["file", "webhook"], now=NOW)
    append(conn, 0, COUNT // 2)
    half_hours.record(conn, [slot(number) for number in range(48)], PROFILE, now=NOW)
    half_hours.record(conn, [slot(3, 1, source=HalfHourSource.HISTORY_2)], PROFILE, now=NOW)
    half_hours.mark_absent(conn, METER, [slot(60).at], Direction.IMPORT, now=NOW)
    append(conn, COUNT // 2, COUNT)
    outbox.acknowledge(conn, "file", 200, checkpoint=b"there", count=200, now=NOW)
    outbox.dead_letter(conn, "webhook", 1, key="k", reason="HTTP 422", tries=3, now=NOW)
    outbox.acknowledge(conn, "webhook", LAST, checkpoint=None, count=LAST - 1, now=NOW)


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A sound file, without side files."""
    path = tmp_path_factory.mktemp("sound") / "hems.db"
    with opened(path) as database:
        database.run_sync(fill)
    return path


def salvaged(damaged: Path, path: Path) -> Salvaged:
    conn = open_editor(path)
    conn.execute("PRAGMA synchronous = OFF")
    try:
        return salvage(damaged, conn, now=NOW)
    finally:
        conn.close()


def everything(conn: sqlite3.Connection) -> tuple[dict[int, Record], dict[int, Record]]:
    """All records of the log by number, readings and half hours."""
    rows = [
        seq for (seq,) in conn.execute("SELECT seq FROM readings UNION SELECT seq FROM half_hours ORDER BY 1") if seq
    ]
    records = {seq: record_at(conn, seq) for seq in rows}
    kinds = ("reading", "half-hour")
    first, second = ({seq: r for seq, r in records.items() if r is not None and r.kind == kind} for kind in kinds)
    return first, second


def test_the_shapes_are_those_of_the_schema(conn: sqlite3.Connection) -> None:
    tables = {name for (name,) in conn.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    tables -= {"salvages", "ledger_days"}  # of this file alone; made anew from the half hours
    assert set(SHAPES) == tables
    for table, (numbered, checks) in SHAPES.items():
        assert len(conn.execute(f"PRAGMA table_info({table})").fetchall()) == len(checks)
        sql = conn.execute("SELECT sql FROM sqlite_master WHERE name = ?", (table,)).fetchone()[0]
        assert ("WITHOUT ROWID" in sql) is not numbered


def test_every_row_of_every_table_is_read_from_the_pages(sound: Path) -> None:
    conn = sqlite3.connect(sound)
    found = DamagedFile.read(sound)
    for table in SHAPES:
        rows = conn.execute(f"SELECT count(*) FROM {table}").fetchone()[0]
        own = len(found.tables[table]) if table in found.tables else len(list(found.large(table)))
        assert own == rows, table
    numbers = [row.rowid for _, row in found.large("readings")]
    assert numbers == [seq for (seq,) in conn.execute("SELECT seq FROM readings")]
    conn.close()
    assert found.last_seq == LAST
    assert found.unreadable == 0


@pytest.mark.parametrize("migrated", [False, True])
def test_rows_of_an_earlier_version_are_read_too(tmp_path: Path, migrated: bool) -> None:
    """A migration leaves them as they are, and damage may come before it."""
    path = tmp_path / "hems.db"
    path.write_bytes(gzip.decompress((Path(__file__).parents[2] / "migrations" / "0001.db.gz").read_bytes()))
    if migrated:
        with opened(path):
            pass
    found = DamagedFile.read(path)
    assert [row.values[:2] for row in found.tables["outputs"]] == [("file", 60), ("webhook", 1)]
    assert found.unreadable == 0


def test_values_of_every_size_are_read(tmp_path: Path) -> None:
    values = [
        None,
        0,
        1,
        -1,
        127,
        -128,
        32767,
        -(1 << 23),
        1 << 30,
        -(1 << 46),
        (1 << 63) - 1,
        -(1 << 63),
        1.5,
        "é",
        b"\0",
    ]
    conn = sqlite3.connect(tmp_path / "x.db", isolation_level=None)
    conn.execute(f"CREATE TABLE t (id INTEGER PRIMARY KEY, {', '.join(f'c{n}' for n in range(len(values)))})")
    for seq in (1, 300, 1 << 40, -5):
        conn.execute(f"INSERT INTO t VALUES (?{', ?' * len(values)})", (seq, *values))
    conn.close()
    rows = [row for row in PageFile(tmp_path / "x.db").rows() if len(row.values) == 1 + len(values)]
    assert [row.rowid for row in rows] == [-5, 1, 300, 1 << 40]
    assert all(row.values == (None, *values) for row in rows)


def test_what_only_stands_in_the_write_ahead_log_is_read(tmp_path: Path) -> None:
    with opened(tmp_path / "hems.db") as database:
        database.run_sync(fill)
        for name in ("hems.db", "hems.db-wal"):
            shutil.copyfile(tmp_path / name, tmp_path / f"copy-{name}")
    assert len(list(DamagedFile.read(tmp_path / "copy-hems.db").large("readings"))) == COUNT


def test_a_damaged_frame_of_the_log_is_not_believed_and_hides_no_other_page(tmp_path: Path) -> None:
    with opened(tmp_path / "hems.db") as database:
        database.run_sync(fill)
        shutil.copyfile(tmp_path / "hems.db", tmp_path / "copy.db")
        log = bytearray((tmp_path / "hems.db-wal").read_bytes())
    told = stamp(COUNT // 2) + (412 + COUNT // 2).to_bytes(2, "big")
    at = log.rindex(told) + 9
    log[at] ^= 0x40
    (tmp_path / "copy.db-wal").write_bytes(log)
    found = [row for _, row in DamagedFile.read(tmp_path / "copy.db").large("readings")]
    assert {row.values[3] for row in found} <= {412 + number for number in range(COUNT)}
    assert 100 < len(found) < COUNT


def crashed(tmp_path: Path) -> tuple[Path, bytearray, bytearray]:
    """What a power cut leaves of a collector that has committed 60 times: where to put it, the file and its log."""
    with opened(tmp_path / "live.db") as database:
        for number in range(60):
            database.run_sync(lambda conn, n=number: append(conn, n, n + 1))
        files = [bytearray((tmp_path / f"live.db{suffix}").read_bytes()) for suffix in ("", "-wal")]
    return tmp_path / "hems.db", files[0], files[1]


def put(path: Path, data: bytes, log: bytes) -> None:
    path.write_bytes(data)
    path.with_name(path.name + "-wal").write_bytes(log)


def numbers(database: Database) -> list[int]:
    return database.run_sync(
        lambda conn: [watts - 412 for (watts,) in conn.execute("SELECT power_w FROM readings ORDER BY received_us")]
    )


@pytest.mark.parametrize("at", [8, 18, 32 + 4, 32 + 12, 32 + 4120 * 20 + 18, 32 + 4120 * 40 + 3000])
def test_commits_behind_damage_in_the_log_are_not_lost(
    at: int, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path, data, log = crashed(tmp_path)
    log[at] ^= 0x10
    put(path, data, log)
    with opened(path) as database:
        database.run_sync(lambda conn: append(conn, 60, 61))
        (aside,) = damaged_files(path)
        assert f"kept as {aside}" in caplog.text
        salvaged(aside, path)
        assert numbers(database) == list(range(61))


@pytest.mark.parametrize("cut", [1, 100, 4120, 4119, 2 * 4120, 5 * 4120 + 7])
def test_a_torn_end_of_the_log_is_no_damage(cut: int, tmp_path: Path) -> None:
    path, data, log = crashed(tmp_path)
    put(path, data, log[:-cut])
    with opened(path) as database:
        assert numbers(database)[:55] == list(range(55))
    put(path, data, log[:-cut] + bytes(cut))
    with opened(path) as database:
        assert numbers(database)[:55] == list(range(55))
    assert damaged_files(path) == []


def test_a_spoilt_file_does_not_take_its_log_along(tmp_path: Path) -> None:
    path, data, log = crashed(tmp_path)
    put(path, Random(1).randbytes(len(data)), log)
    with opened(path) as database:
        for aside in damaged_files(path):
            salvaged(aside, path)
        assert numbers(database) == list(range(60))


def test_what_was_not_committed_is_not_read(tmp_path: Path) -> None:
    with opened(tmp_path / "hems.db") as database:
        database.run_sync(lambda conn: append(conn, 0, 10))
        database.run_sync(lambda conn: append(conn, 10, COUNT))
        shutil.copyfile(tmp_path / "hems.db", tmp_path / "copy.db")
        log = (tmp_path / "hems.db-wal").read_bytes()
    frames = (len(log) - 32) // 4120
    (tmp_path / "copy.db-wal").write_bytes(log[: 32 + 4120 * (frames - 1)])
    assert len(list(DamagedFile.read(tmp_path / "copy.db").large("readings"))) == 10


def test_rows_between_the_leaves_of_a_tree_are_read(tmp_path: Path) -> None:
    with opened(tmp_path / "hems.db") as database:
        database.run_sync(lambda conn: half_hours.record(conn, [slot(n) for n in range(1000)], PROFILE, now=NOW))
    found = sorted(row.values[1] for _, row in DamagedFile.read(tmp_path / "hems.db").large("half_hours"))
    assert found == [int(slot(number).at.timestamp()) for number in range(1000)]


def test_all_comes_over_with_its_numbers_and_each_output_gets_what_it_lacked(sound: Path, tmp_path: Path) -> None:
    path = tmp_path / "hems.db"
    shutil.copyfile(sound, tmp_path / "hems.db.damaged-x")
    with opened(path) as database:
        database.run_sync(lambda conn: outbox.register(conn, ["file", "webhook", "gcloud"], now=NOW))
        database.run_sync(lambda conn: append(conn, COUNT, COUNT + 5))
        result = salvaged(tmp_path / "hems.db.damaged-x", path)
        assert (result.readings, result.half_hours, result.already_there, result.unreadable) == (COUNT, 48, 0, 0)
        assert result.owed == {"file": LAST - 200, "webhook": 0}
        assert result.forgotten == ("gcloud",)
        original = open_editor(sound)
        then, now = everything(original), database.run_sync(everything)
        original.close()
        assert now[1] == then[1]
        assert {seq: now[0][seq] for seq in then[0]} == then[0]
        assert len(now[0]) == COUNT + 5
        batch = database.run_sync(lambda conn: outbox.batch(conn, "file", 1000, half_hours=True))
        assert [seq for seq, _ in batch] == list(range(201, LAST + 1))
        database.run_sync(
            lambda conn: outbox.acknowledge(conn, "file", LAST, checkpoint=None, count=LAST - 200, now=NOW)
        )
        batch = database.run_sync(lambda conn: outbox.batch(conn, "file", 1000, half_hours=True))
        assert len(batch) == 5
        batch = database.run_sync(lambda conn: outbox.batch(conn, "webhook", 1000, half_hours=True))
        assert len(batch) == 5
        (letter,) = database.run_sync(outbox.dead_letters)
        assert (letter.output, letter.reason) == ("webhook", "HTTP 422")
        assert database.run_sync(lambda conn: record_at(conn, letter.seq)) is not None
        assert database.run_sync(lambda conn: half_hours.absent(conn, METER, SLOT, NOW)) == {slot(60).at}
        assert len(database.run_sync(lambda conn: half_hours.conflicts(conn, METER))) == 1
        hours = database.run_sync(lambda conn: conn.execute("SELECT sum(readings) FROM hours").fetchone())
        assert hours == (COUNT + 5,)


def test_doing_it_again_changes_nothing(sound: Path, tmp_path: Path) -> None:
    with opened(tmp_path / "hems.db") as database:
        database.run_sync(lambda conn: outbox.register(conn, ["file"], now=NOW))
        salvaged(sound, tmp_path / "hems.db")
        before = database.run_sync(lambda conn: list(conn.iterdump()))
        result = salvaged(sound, tmp_path / "hems.db")
        assert (result.readings, result.half_hours, result.already_there, result.owed) == (0, 0, COUNT + 48, {})
        assert database.run_sync(lambda conn: list(conn.iterdump())) == before


def test_it_goes_on_where_it_was_interrupted(sound: Path, tmp_path: Path) -> None:
    class PulledPlug(Exception):
        pass

    def pull(looked_at: int) -> None:
        raise PulledPlug

    with opened(tmp_path / "hems.db") as database:
        database.run_sync(lambda conn: outbox.register(conn, ["file"], now=NOW))
        conn = open_editor(tmp_path / "hems.db")
        with pytest.raises(PulledPlug):
            salvage(sound, conn, now=NOW, on_progress=pull)
        conn.close()
        result = salvaged(sound, tmp_path / "hems.db")
        assert result.owed == {"file": LAST - 200, "webhook": 0}
        assert database.run_sync(lambda conn: outbox.waiting(conn, "file", half_hours=True)) == LAST - 200
        assert len(database.run_sync(everything)[1]) == 47


def test_where_the_numbers_are_taken_the_rows_go_below_all_others(sound: Path, tmp_path: Path) -> None:
    with opened(tmp_path / "hems.db") as database:
        database.run_sync(lambda conn: outbox.register(conn, ["file"], now=NOW))
        database.run_sync(lambda conn: append(conn, COUNT - 10, COUNT + 10))
        result = salvaged(sound, tmp_path / "hems.db")
        assert (result.readings, result.already_there) == (COUNT - 10, 10)
        assert database.run_sync(lambda conn: append(conn, COUNT + 10, COUNT + 11)) is None
        stored = database.run_sync(lambda conn: list(readings.between(conn, METER, FIRST - timedelta(days=1), NOW)))
        assert [item.reading for item in stored] == [reading(number) for number in range(COUNT + 11)]
        assert [item.seq for item in stored[-21:]] == list(range(1, 22))
        assert all(item.seq <= 0 for item in stored[:-21])
        batch = database.run_sync(lambda conn: outbox.batch(conn, "file", 1000, half_hours=True))
        assert len(batch) == LAST - 200 - 10


def test_what_the_meter_told_again_meanwhile_is_not_doubled(sound: Path, tmp_path: Path) -> None:
    with opened(tmp_path / "hems.db") as database:
        told = [slot(0, 65137), slot(1, 70000, source=HalfHourSource.HISTORY_2), slot(2, None, 5)]
        database.run_sync(lambda conn: half_hours.record(conn, told, EXPORTING, now=NOW))
        result = salvaged(sound, tmp_path / "hems.db")
        assert (result.half_hours, result.conflicts, result.already_there) == (46, 1, 1)
        known = database.run_sync(lambda conn: half_hours.slots(conn, METER, SLOT, slot(3).at))
        assert [(item.import_raw, item.export_raw) for item in known] == [(65137, None), (70000, None), (65141, 5)]


def test_what_was_published_before_the_damage_is_not_published_again(sound: Path, tmp_path: Path) -> None:
    original = open_editor(sound)
    then = everything(original)[1]
    original.close()
    with opened(tmp_path / "hems.db") as database:
        shutil.copyfile(sound, tmp_path / "hems.db.damaged-x")
        conn = open_editor(tmp_path / "hems.db")
        conn.execute("UPDATE log SET first = 100000")
        conn.close()
        told = [slot(5), slot(48)]
        assert database.run_sync(lambda conn: half_hours.record(conn, told, PROFILE, now=NOW)).completed == ()
        salvaged(tmp_path / "hems.db.damaged-x", tmp_path / "hems.db")
        now = database.run_sync(everything)[1]
    assert {seq: now[seq] for seq in then} == then
    assert set(now) - set(then) == {100000}, "only the half hour whose other end the damaged file had"
    assert now[100000].fields["end"] == "2025-04-02T03:00:00+00:00"


def test_a_sum_outlives_its_readings(sound: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy.db"
    shutil.copyfile(sound, copy)
    conn = sqlite3.connect(copy, isolation_level=None)
    conn.execute("DELETE FROM readings WHERE seq < 100")
    conn.close()
    with opened(tmp_path / "hems.db") as database:
        salvaged(copy, tmp_path / "hems.db")
        sums = database.run_sync(lambda conn: conn.execute("SELECT readings FROM hours ORDER BY hour").fetchall())
    assert sums == [(60,), (60,), (60,), (60,), (COUNT - 240,)]


def test_a_row_of_a_meter_that_is_lost_belongs_to_the_only_one(sound: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy.db"
    shutil.copyfile(sound, copy)
    conn = sqlite3.connect(copy, isolation_level=None)
    conn.execute("PRAGMA foreign_keys = OFF")
    conn.execute("DELETE FROM meters")
    conn.execute("DELETE FROM scales")
    conn.close()
    with opened(tmp_path / "hems.db") as database:
        database.run_sync(lambda conn: append(conn, COUNT, COUNT + 1))
        assert salvaged(copy, tmp_path / "hems.db").readings == COUNT
        stored = database.run_sync(lambda conn: list(readings.between(conn, METER, FIRST, NOW)))
        assert [item.reading for item in stored] == [reading(number) for number in range(COUNT + 1)]


def test_without_any_scale_a_count_is_worth_nothing_and_without_a_meter_it_has_a_name_of_its_own(
    sound: Path, tmp_path: Path
) -> None:
    copy = tmp_path / "copy.db"
    shutil.copyfile(sound, copy)
    conn = sqlite3.connect(copy, isolation_level=None)
    conn.execute("PRAGMA foreign_keys = OFF")
    conn.execute("DELETE FROM meters")
    with opened(tmp_path / "one.db"):
        assert salvaged(copy, tmp_path / "one.db").readings == COUNT
    reader = open_editor(tmp_path / "one.db")
    assert reader.execute("SELECT key FROM meters").fetchall() == [("unknown-1",)]
    reader.close()
    conn.execute("DELETE FROM scales")
    conn.close()
    with opened(tmp_path / "two.db"):
        assert salvaged(copy, tmp_path / "two.db").unreadable == COUNT + 48


# --- five hundred ways to break a file -------------------------------------------------------------------------------


def zeroed_page(data: bytearray, rng: Random) -> set[int]:
    page = rng.randrange(len(data) // 4096)
    data[page * 4096 : (page + 1) * 4096] = bytes(4096)
    return {page}


def noisy_page(data: bytearray, rng: Random) -> set[int]:
    page = rng.randrange(len(data) // 4096)
    data[page * 4096 : (page + 1) * 4096] = rng.randbytes(4096)
    return {page}


def noisy_sector(data: bytearray, rng: Random) -> set[int]:
    sector = rng.randrange(len(data) // 512)
    data[sector * 512 : (sector + 1) * 512] = rng.randbytes(512)
    return {sector // 8}


def flipped_bits(data: bytearray, rng: Random) -> set[int]:
    hits = [rng.randrange(len(data)) for _ in range(rng.randint(1, 8))]
    for hit in hits:
        data[hit] ^= 1 << rng.randrange(8)
    return {hit // 4096 for hit in hits}


def cut_off(data: bytearray, rng: Random) -> set[int]:
    keep = rng.randrange(len(data))
    lost = set(range(keep // 4096, len(data) // 4096))
    del data[keep:]
    return lost


def lost_header(data: bytearray, rng: Random) -> set[int]:
    data[:100] = rng.randbytes(100)
    return {0}


DAMAGES: tuple[Callable[[bytearray, Random], set[int]], ...] = (
    zeroed_page,
    noisy_page,
    noisy_sector,
    flipped_bits,
    cut_off,
    lost_header,
)


def stamp(number: int) -> bytes:
    """The time of the `number`-th reading as it stands in a file: microseconds, eight bytes, big-endian."""
    micros = (reading(number).received_at - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)
    return micros.to_bytes(8, "big")


def pages_of_readings(data: bytes) -> dict[int, int]:
    """The number of each reading to the page on which it stands, found by its stamp, watts and tenths of amperes."""
    found: dict[int, int] = {}
    for number in range(COUNT):
        wanted = stamp(number) + (412 + number).to_bytes(2, "big") + bytes((20, 15))
        at = data.find(wanted)
        while data[at // 4096 * 4096] != 0x0D:  # what a leaf leaves behind when it becomes the root of others
            at = data.find(wanted, at + 1)
        assert at > 0
        found[number] = at // 4096
    return found


def test_no_damage_stops_the_collector_or_takes_more_than_it_hit(sound: Path, tmp_path: Path) -> None:
    original = sound.read_bytes()
    where, rng = pages_of_readings(original), Random(5)
    set_aside = lost = 0
    for number in range(COPIES):
        folder = tmp_path / str(number)
        folder.mkdir()
        path, damage = folder / "hems.db", DAMAGES[number % len(DAMAGES)]
        data = bytearray(original)
        hit = damage(data, rng)
        path.write_bytes(data)
        with opened(path) as database:
            work_for_a_while(database)
            aside = damaged_files(path)
            assert len(aside) <= 1
            set_aside += len(aside)
            for file in aside:
                salvaged(file, path)
            if aside:
                stored = database.run_sync(
                    lambda conn: {item.reading for item in readings.between(conn, METER, FIRST, NOW)}
                )
                survivors = {reading(n) for n, page in where.items() if page not in hit}
                assert survivors <= stored, (damage.__name__, number)
                lost += COUNT - len(survivors)
        shutil.rmtree(folder)
    print(f"{COPIES} damaged copies: {set_aside} set aside, {lost} readings hit, 0 others lost")
    assert set_aside > COPIES // 3
    assert lost


def work_for_a_while(database: Database) -> None:
    """What a collector does: it may be told of damage once, and goes on."""
    for number in range(COUNT, COUNT + 3):
        for _ in range(2):
            try:
                database.run_sync(lambda conn, n=number: append(conn, n, n + 1))
                database.run_sync(lambda conn, n=number: half_hours.record(conn, [slot(n)], PROFILE, now=NOW))
                database.run_sync(lambda conn: outbox.batch(conn, "file", 500, half_hours=True))
                break
            except StoreUnavailable:
                continue


def test_the_clock_is_only_a_name_here(tmp_path: Path) -> None:
    (tmp_path / "hems.db").write_bytes(b"x" * 5000)
    for _ in range(2):
        (tmp_path / "hems.db").write_bytes(b"x" * 5000)
        Database.open(tmp_path / "hems.db", clock=SystemClock()).close()
    assert len(damaged_files(tmp_path / "hems.db")) == 2


@pytest.mark.parametrize("salvaged_first", [True, False])
def test_half_hours_read_again_go_out_again_under_their_keys_unless_a_salvage_comes_first(
    tmp_path: Path, salvaged_first: bool
) -> None:
    """As docs/data-safety.md says: the new file cannot know what the one before it had delivered."""
    path, aside = tmp_path / "hems.db", tmp_path / "hems.db.damaged-x"
    slots = [slot(number) for number in range(6)]

    def told_by_the_meter(conn: sqlite3.Connection) -> None:
        half_hours.record(conn, slots, PROFILE, now=NOW)

    def delivered(conn: sqlite3.Connection, limit: int) -> list[str]:
        batch = outbox.batch(conn, "file", limit, half_hours=True)
        for seq, _record in batch:
            outbox.acknowledge(conn, "file", seq, checkpoint=None, count=1, now=NOW)
        return [record.key for _seq, record in batch]

    with opened(path) as database:
        database.run_sync(lambda conn: outbox.register(conn, ["file"], now=NOW))
        database.run_sync(told_by_the_meter)
        before = database.run_sync(lambda conn: delivered(conn, 3))
        last = database.run_sync(lambda conn: outbox.batch(conn, "file", 9, half_hours=True))
        not_yet = [record.key for _seq, record in last]
    assert (len(before), len(not_yet)) == (3, 2)
    path.rename(aside)
    with opened(path) as database:
        database.run_sync(lambda conn: outbox.register(conn, ["file"], now=NOW))
        if salvaged_first:
            salvaged(aside, path)
            database.run_sync(told_by_the_meter)
        else:
            database.run_sync(told_by_the_meter)
            salvaged(aside, path)
        after: list[str] = []
        while got := database.run_sync(lambda conn: delivered(conn, 9)):
            after += got
    assert after == (not_yet if salvaged_first else before + not_yet)
