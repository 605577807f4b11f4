"""kill -9 at random moments, an HTTP server that loses 5 % of its answers: nothing lost, nothing twice (by its key)."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest

from hems_data_collector.outputs.formats import JSON, json_object
from hems_data_collector.outputs.signing import ID_HEADER, webhook_id
from hems_data_collector.readings import Record
from hems_data_collector.store import outbox
from hems_data_collector.store.database import open_editor, open_reader
from support import killed_driver
from support.web_server import Answer, Received, WebServer

KILLS = int(os.environ.get("HEMS_TEST_KILLS", "100"))
"""`make test-long` sets it to 1000."""
LOST_ANSWERS = 0.05
LONGEST_LIFE_S = 0.6
CAUGHT_UP_S = max(60.0, 0.6 * KILLS)  # lives are too short for the webhook, so most waits for the last

pytestmark = pytest.mark.services


class LossyServer:
    """Takes every record; of 5 % it loses the answer, or says 503 after having taken it."""

    def __init__(self, rng: Random) -> None:
        self.arrived: list[tuple[str, bytes]] = []
        self.lost = 0
        self._rng = rng

    def answer(self, received: Received) -> Answer:
        if len(received.body) < int(received.headers["content-length"]):
            return Answer(400)  # its sender was killed in the middle
        self.arrived.append((received.headers[ID_HEADER], received.body))
        if self._rng.random() >= LOST_ANSWERS:
            return Answer(204)
        self.lost += 1
        return Answer(503) if self._rng.random() < 0.5 else Answer(raw=b"")


class Driver:
    """The process whose children are killed (support/killed_driver.py)."""

    def __init__(self, folder: Path, url: str) -> None:
        path = [str(Path(killed_driver.__file__).parents[1]), *filter(None, [os.environ.get("PYTHONPATH")])]
        self._process = subprocess.Popen(
            [sys.executable, killed_driver.__file__, str(folder), url],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=os.environ | {"PYTHONPATH": os.pathsep.join(path)},
        )

    def close(self) -> None:
        """End it."""
        self._process.communicate()

    @contextlib.contextmanager
    def running(self, seed: int, what: str) -> Iterator[None]:
        """A child during the block, killed at its end."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{seed} {what}\n")
        self._process.stdin.flush()
        pid = int(self._process.stdout.readline())
        try:
            yield
        finally:
            os.kill(pid, signal.SIGKILL)
            status = int(self._process.stdout.readline())
        assert status == signal.SIGKILL, "it must not have ended by itself"


def everything(database: Path) -> list[Record]:
    """All records of the log, in order."""
    conn = open_editor(database)
    try:
        conn.execute("BEGIN IMMEDIATE")
        found = outbox.batch(conn, "an output that gets everything", 10_000_000, half_hours=True)
        conn.execute("ROLLBACK")
    finally:
        conn.close()
    return [record for _, record in found]


def cursors(database: Path) -> dict[str, tuple[int, int]]:
    """What still waits for each output, and its dead letters."""
    conn = open_reader(database)
    try:
        return {row.name: (row.waiting, row.dead_letters) for row in outbox.states(conn)}
    finally:
        conn.close()


def wait_until_caught_up(database: Path) -> None:
    """Return when both outputs have everything."""
    deadline = time.monotonic() + CAUGHT_UP_S
    while cursors(database) != {"file": (0, 0), "webhook": (0, 0)}:
        assert time.monotonic() < deadline, cursors(database)
        time.sleep(0.05)


def test_kill_9_at_any_moment_loses_nothing_and_repeats_nothing(
    tmp_path: Path, record_property: pytest.RecordProperty, capsys: pytest.CaptureFixture[str]
) -> None:
    seed = int.from_bytes(os.urandom(4), "big")
    rng = Random(seed)
    database, file = tmp_path / "hems.db", tmp_path / "data.json"
    server, web = LossyServer(rng), WebServer()
    web.answer = server.answer
    with web.running(), contextlib.closing(Driver(tmp_path, web.url(host="127.0.0.1"))) as driver:
        for run in range(KILLS):
            with driver.running(seed + run, "store"):
                time.sleep(rng.uniform(0.0, LONGEST_LIFE_S))
        with driver.running(seed, "deliver"):
            wait_until_caught_up(database)
    stored = int((tmp_path / "stored").read_text(encoding="ascii"))
    cuts = (tmp_path / "file.log").read_text(encoding="utf-8").count("bytes removed")
    log = everything(database)
    readings = [record for record in log if record.kind == "reading"]
    halves = [record for record in log if record.kind == "half-hour"]
    written, beside = file.read_bytes(), file.with_name("data.half-hours.json").read_bytes()
    bodies: dict[str, set[bytes]] = {}
    for identifier, body in server.arrived:
        bodies.setdefault(identifier, set()).add(body)
    keys = Counter(json.loads(line)["timestamp"] for line in written.splitlines())
    lost = {webhook_id(record.key) for record in log} - bodies.keys()
    wrong = [record.key for record in log if bodies.get(webhook_id(record.key)) != {json_object(record)}]
    numbers = {
        "seed": seed,
        "kills": KILLS,
        "records": len(log),
        "half hours": len(halves),
        "answers lost": server.lost,
        "posts": len(server.arrived),
        "tails cut off the file": cuts,
        "lost at the webhook": len(lost),
        "wrong at the webhook": len(wrong),
        "posts of nothing stored": len(bodies) - len(log) + len(lost),
        "lost in the file": len({record.fields["timestamp"] for record in readings} - keys.keys()),
        "twice in the file": sum(count - 1 for count in keys.values()),
        "file byte-exact": written == b"".join(map(JSON.encode, readings)),
        "half-hour file byte-exact": beside == b"".join(map(JSON.encode, halves)),
        "stored but gone": max(0, stored - len(readings)),
    }
    with capsys.disabled():
        print("\nkill -9:", ", ".join(f"{name} {value}" for name, value in numbers.items()))
    for name, value in numbers.items():
        record_property(name, value)
    assert server.lost >= KILLS / 20, "the server must have lost answers for this to prove anything"
    assert len(log) > KILLS
    assert cuts >= KILLS / 50, "the kills must have hit the moment between the file and its checkpoint"
    assert (lost, numbers["posts of nothing stored"], numbers["stored but gone"]) == (set(), 0, 0)
    assert wrong == []
    assert (numbers["lost in the file"], numbers["twice in the file"]) == (0, 0)
    assert numbers["file byte-exact"]
    assert numbers["half-hour file byte-exact"]
