"""`status` beside the program itself: it is asked while it runs, and a kill leaves nothing in the way of the next."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from support.mounts import TMPFS, fill, small_disk

pytestmark = pytest.mark.services

LIMIT_S = 30.0


def program(*argv: str) -> list[str]:
    return [sys.executable, "-m", "hems_data_collector", *argv]


def status(database: Path) -> dict[str, Any] | None:
    """What `status --json` prints; None where there is no database yet."""
    done = subprocess.run(program("status", "--database", str(database), "--json"), capture_output=True, check=False)
    return None if done.returncode else json.loads(done.stdout)


def is_running(database: Path) -> bool:
    """What `status --running` says, silently."""
    argv = program("status", "--running", "--database", str(database))
    done = subprocess.run(argv, capture_output=True, check=False)
    assert (done.stdout, done.stderr) == (b"", b"")
    return {0: True, 1: False}[done.returncode]


@contextmanager
def collector(database: Path) -> Iterator[subprocess.Popen[bytes]]:
    argv = program("--port", "emulator:?fast=1", "--database", str(database), "--mode", "interval", "--interval", "1")
    with subprocess.Popen(argv, stderr=subprocess.PIPE) as process:
        try:
            yield process
        finally:
            process.kill()


def until(database: Path, holds: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
    """The first state for which `holds` is true."""
    ends_at = time.monotonic() + LIMIT_S
    while True:
        found = status(database)
        if found is not None and holds(found):
            return found
        assert time.monotonic() < ends_at, found


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
def test_the_running_program_answers_and_its_end_leaves_nothing_in_the_way(tmp_path: Path, how: signal.Signals) -> None:
    database = tmp_path / "state" / "hems.db"
    for _ in range(2):
        with collector(database) as process:
            found = until(database, lambda found: found["live"] is not None)
            assert found["collector"]["process"] == str(process.pid)
            assert found["live"]["ring"] == {"held": 0, "dropped": 0, "since": None, "reason": ""}
            assert is_running(database) is True
            process.send_signal(how)
            _, log = process.communicate(timeout=LIMIT_S)
            assert is_running(database) is False
            assert b"cannot ask" not in log
        assert database.with_name("hems.db.live").exists() is (how is signal.SIGKILL)
        after = status(database)
        assert after is not None
        assert (after["collector"]["running"], after["live"]) == (False, None)


@pytest.mark.parametrize("_", TMPFS)
def test_a_disk_that_is_full_is_seen_by_who_asks(_: int, tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk") as disk, collector(database := disk / "hems.db"):
        until(database, lambda found: bool(found["meters"]) and found["meters"][0]["last_reading"] is not None)
        ballast = fill(disk)
        full = until(database, lambda found: found["live"] is not None and found["live"]["ring"]["held"] > 0)
        assert full["live"]["ring"]["since"] is not None
        assert "full" in full["live"]["ring"]["reason"]
        text = subprocess.run(
            program("status", "--database", str(database)), capture_output=True, text=True, check=True
        ).stdout
        assert "records held in memory, 0 dropped" in text
        ballast.unlink()
        well = until(database, lambda found: found["live"] is not None and found["live"]["ring"]["since"] is None)
        assert well["live"]["ring"]["held"] == 0
