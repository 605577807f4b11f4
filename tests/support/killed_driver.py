"""What `tests/services/test_kill.py` kills: a store that fills, and the real outputs file and webhook that drain it.

Usage: killed_driver.py FOLDER URL. For each line of its input, a seed and `store` or `deliver`, it forks a process that
works in FOLDER until it is killed; it prints the pid, and the exit status when it has ended. (A fork starts in
milliseconds, so that there is time for many kills.) `stored` in FOLDER holds how many readings were acknowledged,
`file.log` what the output file said.
"""

from __future__ import annotations

import asyncio
import logging
import os
import sqlite3
import sys
from pathlib import Path
from random import Random

from hems_data_collector.clock import SystemClock
from hems_data_collector.collector.backlog import StoredBacklog
from hems_data_collector.collector.delivery import Delivery
from hems_data_collector.outputs import FORMATS, OUTPUTS
from hems_data_collector.outputs.endpoint import Endpoint
from hems_data_collector.store import half_hours, outbox, readings
from hems_data_collector.store.database import Database
from support.ledgers import PROFILE, RECENT, reading, slot

BURST = 12
"""The most records that are stored in one transaction."""
PAUSE_S = 0.01


async def drive(folder: Path, url: str, rng: Random, *, store: bool) -> None:
    """Append and deliver until killed."""
    clock = SystemClock()
    database = Database.open(folder / "hems.db", clock=clock)
    await database.run(lambda conn: outbox.register(conn, ["file", "webhook"], now=clock.now()))
    webhook = {"webhook_url": Endpoint.parse(url), "webhook_headers": (), "webhook_secret": None}
    outputs = [
        OUTPUTS["file"].build({"file": str(folder / "data.json")}, FORMATS["json"], clock=clock),
        OUTPUTS["webhook"].build(webhook, FORMATS["json"], clock=clock),
    ]
    delivery = Delivery(outputs, StoredBacklog(database, half_hours=True), clock, _Quick(rng.random()))
    await delivery.open()
    delivery.start()
    number = await database.run(_stored)
    while store:
        count = rng.randint(1, BURST)
        await database.run(lambda conn, first=number, count=count: _append(conn, first, count))
        number += count
        (folder / "stored").write_text(str(number), encoding="ascii")
        delivery.wake()
        await asyncio.sleep(rng.uniform(0.0, PAUSE_S))
    await asyncio.Event().wait()


class _Quick(Random):
    """Jitter as it is, but in milliseconds: a test has no time for seconds."""

    def uniform(self, a: float, b: float) -> float:
        return super().uniform(a, b) / 200


def _stored(conn: sqlite3.Connection) -> int:
    return int(conn.execute("SELECT count(*) FROM readings").fetchone()[0])


def _append(conn: sqlite3.Connection, first: int, count: int) -> None:
    for number in range(first, first + count):
        readings.append(conn, reading(number), RECENT, PROFILE)
        if number % 5 == 0:
            half_hours.record(conn, [slot(number // 5)], PROFILE, now=reading(number).received_at)


def main(folder: Path, url: str) -> None:
    """One process after the other."""
    logging.getLogger("hems_data_collector").setLevel(logging.CRITICAL)
    said = logging.getLogger("hems_data_collector.outputs.file")
    said.setLevel(logging.INFO)
    said.addHandler(logging.FileHandler(folder / "file.log"))
    for line in sys.stdin:
        seed, what = line.split()
        pid = os.fork()
        if pid == 0:
            asyncio.run(drive(folder, url, Random(int(seed)), store=what == "store"))
        print(pid, flush=True)
        print(os.waitpid(pid, 0)[1], flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
