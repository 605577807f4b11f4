"""One file, one process, one thread; whatever the file or the disk does, the collector learns what to do."""

from __future__ import annotations

import asyncio
import logging
import os
import sqlite3
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from hems_data_collector.clock import SystemClock
from hems_data_collector.errors import EXIT_STORE, StoreDamaged, StoreError, StoreUnavailable
from hems_data_collector.store import readings
from hems_data_collector.store.aside import damaged_files
from hems_data_collector.store.database import Database, open_editor, open_reader
from hems_data_collector.store.lock import owner
from support.ledgers import METER, PROFILE, opened, reading


def append(conn: sqlite3.Connection, number: int = 0) -> int:
    return readings.append(conn, reading(number), None, PROFILE)


def count(conn: sqlite3.Connection) -> int:
    return int(conn.execute("SELECT count(*) FROM readings").fetchone()[0])


def test_a_new_file_is_for_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "new" / "folder" / "hems.db"
    with opened(path) as database:
        database.run_sync(append)
        modes = {file.name: file.stat().st_mode & 0o777 for file in path.parent.iterdir()}
    assert modes == dict.fromkeys(("hems.db", "hems.db-wal", "hems.db-shm", "hems.db.lock"), 0o600)
    assert path.parent.stat().st_mode & 0o777 == 0o700
    assert path.parent.parent.stat().st_mode & 0o777 == 0o700


def test_it_is_durable_with_a_write_ahead_log(tmp_path: Path) -> None:
    database = Database.open(tmp_path / "hems.db", clock=SystemClock())
    pragmas = ("journal_mode", "synchronous", "foreign_keys")
    found = [
        database.run_sync(lambda conn, name=name: conn.execute(f"PRAGMA {name}").fetchone()[0]) for name in pragmas
    ]
    database.close()
    assert found == ["wal", 2, 1]


def test_what_was_written_is_there_again(tmp_path: Path) -> None:
    with opened(tmp_path / "hems.db") as database:
        database.run_sync(append)
    with opened(tmp_path / "hems.db") as database:
        stored = database.run_sync(lambda conn: readings.newest(conn, METER))
    assert stored is not None
    assert stored.reading == reading()


async def test_work_runs_on_the_thread_of_the_database_as_one_transaction(database: Database) -> None:
    threads = {await database.run(lambda _: threading.current_thread().name) for _ in range(3)}
    assert len(threads) == 1
    assert threading.current_thread().name not in threads

    def broken(conn: sqlite3.Connection) -> None:
        append(conn)
        raise KeyError("a bug")

    with pytest.raises(KeyError):
        await database.run(broken)
    assert await database.run(count) == 0
    assert await asyncio.gather(*(database.run(lambda conn, n=n: append(conn, n)) for n in range(5))) == [1, 2, 3, 4, 5]


async def test_who_comes_after_the_end_is_told_so(tmp_path: Path) -> None:
    other = Database.open(tmp_path / "other.db", clock=SystemClock())
    other.close()
    with pytest.raises(StoreUnavailable, match="closed"):
        await other.run(lambda conn: conn.execute("SELECT 1").fetchone())


async def test_what_was_handed_over_is_done_even_where_the_caller_is_cancelled(database: Database) -> None:
    gate = threading.Event()
    first = asyncio.create_task(database.run(lambda _: gate.wait(5)))
    second = asyncio.create_task(database.run(append))
    await asyncio.sleep(0)
    second.cancel()
    for _ in range(3):
        await asyncio.sleep(0)
    gate.set()
    assert await first
    assert await database.run(count) == 1


def test_wrong_sql_is_a_bug_and_no_trouble_with_the_disk(database: Database) -> None:
    with pytest.raises(sqlite3.OperationalError, match="no such table"):
        database.run_sync(lambda conn: conn.execute("SELECT * FROM nowhere"))
    assert database.run_sync(append) == 1


def test_a_second_process_is_told_who_has_the_database(tmp_path: Path) -> None:
    path = tmp_path / "hems.db"
    code = (
        "import sys; from pathlib import Path; from hems_data_collector.clock import SystemClock;"
        "from hems_data_collector.store.database import Database;"
        "Database.open(Path(sys.argv[1]), clock=SystemClock()); print('open', flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as first:
        assert first.stdout is not None
        assert first.stdout.readline() == "open\n"
        with pytest.raises(StoreError, match=f"in use by process {first.pid}") as caught:
            Database.open(path, clock=SystemClock())
        first.kill()
    assert caught.value.exit_code == EXIT_STORE
    with opened(path) as database:
        assert database.run_sync(append) == 1


LOOKS = """
import fcntl, sys, time
with open(sys.argv[1], "rb") as file:
    fcntl.flock(file, fcntl.LOCK_SH)
    print("looking", flush=True)
    time.sleep(0.5)
"""


def test_one_that_looks_who_runs_and_is_held_up_does_not_keep_a_collector_from_starting(tmp_path: Path) -> None:
    path = tmp_path / "hems.db"
    with opened(path):
        pass
    with subprocess.Popen(
        [sys.executable, "-c", LOOKS, str(path.with_name("hems.db.lock"))], stdout=subprocess.PIPE, text=True
    ) as looking:
        assert looking.stdout is not None
        assert looking.stdout.readline() == "looking\n"
        assert owner(path) is None, "two may look at once"
        with opened(path) as database:
            assert database.run_sync(append) == 1
            assert owner(path) == str(os.getpid())


def test_looking_all_the_time_while_collectors_start_and_end(tmp_path: Path) -> None:
    path = tmp_path / "hems.db"
    ended, seen = threading.Event(), set[str | None]()

    def look() -> None:
        while not ended.is_set():
            seen.add(owner(path))

    lookers = [threading.Thread(target=look) for _ in range(2)]
    for looker in lookers:
        looker.start()
    try:
        for _ in range(30):
            with opened(path), pytest.raises(StoreError, match="in use by process"):
                Database.open(path, clock=SystemClock())
    finally:
        ended.set()
        for looker in lookers:
            looker.join()
    assert str(os.getpid()) in seen


def test_readers_and_small_changes_beside_the_collector(database: Database) -> None:
    database.run_sync(append)
    reader, editor = open_reader(database.path), open_editor(database.path)
    try:
        assert count(reader) == 1
        with pytest.raises(sqlite3.OperationalError, match="readonly"):
            reader.execute("DELETE FROM readings")
        editor.execute("UPDATE meters SET name = 'home'")
        database.run_sync(lambda conn: append(conn, 1))
        assert count(reader) == 2
    finally:
        reader.close()
        editor.close()


def test_a_reader_without_a_collector(tmp_path: Path) -> None:
    with opened(tmp_path / "hems.db") as database:
        database.run_sync(append)
    reader = open_reader(tmp_path / "hems.db")
    assert count(reader) == 1
    reader.close()
    with pytest.raises(StoreError, match="There is no database"):
        open_reader(tmp_path / "other.db")
    assert not (tmp_path / "other.db").exists()


def test_a_folder_that_cannot_be_made_is_told_at_the_start(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="cannot be used") as caught:
        Database.open(tmp_path / "file" / "hems.db", clock=SystemClock())
    assert caught.value.cause
    assert caught.value.remedy


def test_another_program_s_database_is_not_touched(tmp_path: Path) -> None:
    path = tmp_path / "hems.db"
    other = sqlite3.connect(path)
    other.execute("CREATE TABLE theirs (x)")
    other.commit()
    other.close()
    with pytest.raises(StoreError, match="another program's"):
        Database.open(path, clock=SystemClock())
    other = sqlite3.connect(path)
    assert other.execute("SELECT name FROM sqlite_master").fetchall() == [("theirs",)]
    other.close()


def test_a_damaged_file_is_set_aside_and_a_new_one_begun(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "hems.db"
    path.write_bytes(b"no database at all" * 1000)
    with caplog.at_level(logging.ERROR), opened(path) as database:
        first = database.run_sync(append)
    (aside,) = damaged_files(path)
    assert aside.read_bytes().startswith(b"no database at all")
    assert str(aside) in caplog.text
    assert first > 1_700_000_000, "the numbers of the new file are above all of the old one"


def test_a_damaged_file_keeps_its_write_ahead_log(tmp_path: Path) -> None:
    for name in ("hems.db", "hems.db-wal", "hems.db-shm"):
        (tmp_path / name).write_bytes(b"no database at all" * 1000)
    with opened(tmp_path / "hems.db") as database:
        database.run_sync(append)
    (aside,) = damaged_files(tmp_path / "hems.db")
    assert (tmp_path / f"{aside.name}-wal").read_bytes() == b"no database at all" * 1000


def test_a_table_that_is_gone_is_damage_and_no_bug(tmp_path: Path) -> None:
    path = tmp_path / "hems.db"
    with opened(path) as database:
        database.run_sync(append)
        other = sqlite3.connect(path, isolation_level=None)
        other.execute("DROP TABLE hours")
        other.close()
        with pytest.raises(StoreDamaged):
            database.run_sync(lambda conn: append(conn, 1))
        assert database.run_sync(lambda conn: append(conn, 2)) > 1_700_000_000
    assert len(damaged_files(path)) == 1


def test_damage_while_it_runs_begins_a_new_file(tmp_path: Path) -> None:
    path = tmp_path / "hems.db"
    with opened(path) as database:
        for number in range(200):
            database.run_sync(lambda conn, number=number: append(conn, number))
    size = path.stat().st_size
    with opened(path) as database:
        with path.open("r+b") as file:
            file.seek(4096)
            file.write(os.urandom(size - 4096))
        with pytest.raises(StoreDamaged):
            database.run_sync(lambda conn: conn.execute("SELECT * FROM readings").fetchall())
        assert database.run_sync(append) > 1_700_000_000
    assert len(damaged_files(path)) == 1


def test_a_full_database_is_waited_for(database: Database) -> None:
    database.run_sync(append)
    pages = database.run_sync(lambda conn: conn.execute("PRAGMA page_count").fetchone()[0])
    database._executor.submit(
        lambda: database._conn and database._conn.execute(f"PRAGMA max_page_count = {pages}")
    ).result()

    def fill(conn: sqlite3.Connection) -> None:
        for number in range(1, 1000):
            append(conn, number)

    with pytest.raises(StoreUnavailable, match="full") as caught:
        database.run_sync(fill)
    assert not isinstance(caught.value, StoreDamaged)
    assert database.run_sync(count) == 1
    database._executor.submit(
        lambda: database._conn and database._conn.execute("PRAGMA max_page_count = 100000")
    ).result()
    database.run_sync(fill)
    assert database.run_sync(count) == 1000


def test_a_file_that_is_removed_while_it_is_used_is_made_anew(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "hems.db"
    with caplog.at_level(logging.ERROR), opened(path) as database:
        database.run_sync(append)
        for file in tmp_path.glob("hems.db*"):
            if not file.name.endswith(".lock"):
                file.unlink()
        assert database.run_sync(append) > 1_700_000_000, "an acknowledgement of the old file must not fit the new one"
        reader = open_reader(path)
        assert count(reader) == 1
        reader.close()
    assert "moved away" in caplog.text


def test_a_folder_that_goes_away_is_waited_for(tmp_path: Path) -> None:
    folder = tmp_path / "disk"
    with opened(folder / "hems.db") as database:
        database.run_sync(append)
        folder.rename(tmp_path / "elsewhere")
        with pytest.raises(StoreUnavailable, match="is gone"):
            database.run_sync(lambda conn: append(conn, 1))
        (tmp_path / "elsewhere").rename(folder)
        assert database.run_sync(lambda conn: append(conn, 1)) == 2
