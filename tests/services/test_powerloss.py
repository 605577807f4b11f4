"""The plug is pulled at any moment: nothing that was acknowledged is gone, and the output file has each record once."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import NamedTuple

import pytest

from hems_data_collector.clock import SystemClock
from hems_data_collector.outputs.file import half_hours_path
from hems_data_collector.outputs.formats import JSON
from hems_data_collector.store import outbox
from hems_data_collector.store.database import FILE_NAME, Database, open_editor
from services.powerloss import driver
from services.powerloss.replay import Disk, entries

STATES = int(os.environ.get("HEMS_TEST_STATES", "1000"))
"""`make test-long` sets it to 10000."""
STATES_WITHOUT_SYNC = 60
RESTARTED = 40
"""Every so many states the collector is started on what is left; also on every second one amid an append to a file."""
CAUGHT_UP_S = 20.0
HERE = Path(driver.__file__).parent

pytestmark = pytest.mark.services


@pytest.fixture(scope="module")
def recorder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The recorder as a library to preload."""
    compiler = shutil.which("gcc") or shutil.which("cc")
    if compiler is None:
        pytest.skip("needs a C compiler: apt-get install gcc libc6-dev")
    library = tmp_path_factory.mktemp("recorder") / "recorder.so"
    source = str(HERE / "recorder.c")
    subprocess.run([compiler, "-O2", "-shared", "-fPIC", "-o", library, source, "-ldl", "-lpthread"], check=True)
    return library


def recorded(recorder: Path, folder: Path, seed: int, synchronous: str) -> Path:
    """What the driver asked of the disk in `folder`."""
    folder.mkdir()
    log = folder.with_suffix(".log")
    environment = os.environ | {
        "LD_PRELOAD": str(recorder),
        "RECORDER_LOG": str(log),
        "RECORDER_FOLDER": str(folder),
        "PYTHONPATH": os.pathsep.join(filter(None, [str(HERE.parents[1]), os.environ.get("PYTHONPATH")])),
    }
    words = [sys.executable, driver.__file__, str(folder), str(seed), synchronous]
    subprocess.run(words, env=environment, check=True)
    return log


@pytest.fixture
def disk() -> Iterator[Path]:
    """A folder where a sync costs nothing, if there is one: it is the order that counts."""
    memory = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=memory if os.access(memory, os.W_OK) else None) as folder:
        yield Path(folder)


class State(NamedTuple):
    """What may be left after a power loss."""

    known: driver.Known
    """What had been acknowledged by then."""
    files: dict[str, bytes]
    amid_append: bool
    """Whether the output file was being written just then."""


def states(log: Path, folder: Path, count: int, rng: Random) -> Iterator[State]:
    """`count` legal states after a power loss at random moments."""
    data = folder / driver.DATA_FILE
    recording = list(entries(log))
    moments = Counter(rng.choices(range(1, len(recording) + 1), k=count))
    replayed = Disk(folder)
    for number, entry in enumerate(recording, 1):
        replayed.take(entry)
        for _ in range(moments[number]):
            told = replayed.content(folder / driver.ACKNOWLEDGED)
            yield State(
                known=driver.Known.decode(told) if told else driver.Known(0, 0, 0),
                files=replayed.after_power_loss(rng),
                amid_append=replayed.unsynced(data) or replayed.unsynced(half_hours_path(data)),
            )


def written(folder: Path, state: State, original: Path) -> Path:
    """A folder with exactly the files of `state`; each is the same file (inode) as in `original` where it has one."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    for name, content in state.files.items():
        if (original / name).exists():
            (folder / name).hardlink_to(original / name)
        (folder / name).write_bytes(content)
    return folder


def found_in(folder: Path) -> driver.Known | None:
    """What is in the database of `folder`; None where it is not sound."""
    conn = sqlite3.connect(folder / FILE_NAME)
    try:
        conn.execute("PRAGMA synchronous = OFF")
        if conn.execute("SELECT count(*) FROM sqlite_master").fetchone() == (0,):
            return driver.Known(0, 0, 0)  # the plug was pulled before there was a database
        sound = conn.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        sound = sound and not conn.execute("PRAGMA foreign_key_check").fetchall()
        powers = [power for (power,) in conn.execute("SELECT power_w FROM readings ORDER BY seq")]
        ours = powers == list(range(412, 412 + len(powers)))
        return driver.counted(conn) if sound and ours else None
    except sqlite3.DatabaseError:
        return None
    finally:
        conn.close()


def restarted(folder: Path) -> tuple[list[bytes], list[bytes]]:
    """The lines of the output files after a new start, and those that should be there."""
    database = Database.open(folder / FILE_NAME, clock=SystemClock(), synchronous="OFF")
    try:
        asyncio.run(_caught_up(folder, database))
    finally:
        database.close()
    conn = open_editor(folder / FILE_NAME)
    with contextlib.closing(conn):
        conn.execute("BEGIN IMMEDIATE")
        log = [record for _, record in outbox.batch(conn, "an output that gets everything", 10**7, half_hours=True)]
    expected = [JSON.encode(record) for kind in ("reading", "half-hour") for record in log if record.kind == kind]
    data = folder / driver.DATA_FILE
    files = [path.read_bytes() for path in (data, half_hours_path(data)) if path.exists()]
    return b"".join(files).splitlines(keepends=True), expected


async def _caught_up(folder: Path, database: Database) -> None:
    await database.run(lambda conn: outbox.register(conn, ["file"], now=SystemClock().now()))
    delivery = driver.delivery_of(folder, database)
    await delivery.open()
    delivery.start()
    try:
        deadline = time.monotonic() + CAUGHT_UP_S
        while await database.run(lambda conn: outbox.waiting(conn, "file", half_hours=True)):
            assert time.monotonic() < deadline
            await asyncio.sleep(0.001)
    finally:
        await delivery.close(CAUGHT_UP_S)


def test_a_power_loss_at_any_moment_takes_nothing_that_was_acknowledged(
    recorder: Path, disk: Path, record_property: pytest.RecordProperty, capsys: pytest.CaptureFixture[str]
) -> None:
    seed = int.from_bytes(os.urandom(4), "big")
    rng = Random(seed)
    folder = disk / "house"
    log = recorded(recorder, folder, seed, "FULL")
    lost = corrupt = most = starts = appends = torn = 0
    twice: list[bytes] = []
    missing: list[bytes] = []
    for number, state in enumerate(states(log, folder, STATES, rng)):
        after = written(disk / "after", state, folder)
        found = found_in(after)
        if found is None:
            corrupt += 1
        elif any(is_there < was_told for is_there, was_told in zip(found, state.known, strict=True)):
            lost += 1
        else:
            most = max(most, found.readings)
        appends += state.amid_append
        if FILE_NAME in state.files and (number % RESTARTED == 0 or (state.amid_append and appends % 2)):
            lines, expected = restarted(written(after, state, folder))
            starts += 1
            torn += len(set(lines) - set(expected))
            twice += [line for line, count in Counter(lines).items() if count > 1]
            missing += set(expected) - set(lines)
    numbers = {
        "seed": seed,
        "states": STATES,
        "acknowledged readings lost": lost,
        "corrupt": corrupt,
        "readings at the end": most,
        "amid an append to the file": appends,
        "restarts": starts,
        "lines missing in the file": len(missing),
        "lines twice in the file": len(twice),
        "torn lines in the file": torn,
    }
    with capsys.disabled():
        print("\npower loss:", ", ".join(f"{name} {value}" for name, value in numbers.items()))
    for name, value in numbers.items():
        record_property(name, value)
    assert (lost, corrupt) == (0, 0)
    assert most > driver.RUNS * driver.BURSTS
    assert appends > STATES / 50
    assert (missing, twice, torn) == ([], [], 0)


def test_without_syncing_the_same_proof_fails(recorder: Path, disk: Path, capsys: pytest.CaptureFixture[str]) -> None:
    seed = int.from_bytes(os.urandom(4), "big")
    folder = disk / "house"
    log = recorded(recorder, folder, seed, "OFF")
    lost = corrupt = 0
    for state in states(log, folder, STATES_WITHOUT_SYNC, Random(seed)):
        found = found_in(written(disk / "after", state, folder))
        corrupt += found is None
        lost += found is not None and any(there < told for there, told in zip(found, state.known, strict=True))
    with capsys.disabled():
        print(f"\npower loss, not synced: seed {seed}, states {STATES_WITHOUT_SYNC}, lost {lost}, corrupt {corrupt}")
    assert lost + corrupt > STATES_WITHOUT_SYNC / 10
