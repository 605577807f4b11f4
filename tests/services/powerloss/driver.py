"""What the recorder watches: a store that fills and the file output that drains it, closed and opened again.

Usage: driver.py FOLDER SEED SYNCHRONOUS. The file `acknowledged` in FOLDER gets the number of readings and of half
hours right after each commit of them, and how far the file output is acknowledged.
"""

from __future__ import annotations

import asyncio
import os
import sqlite3
import struct
import sys
from pathlib import Path
from random import Random
from typing import Final, NamedTuple

from hems_data_collector.clock import SystemClock
from hems_data_collector.collector.backlog import StoredBacklog
from hems_data_collector.collector.delivery import Delivery
from hems_data_collector.outputs import FORMATS, OUTPUTS
from hems_data_collector.store import half_hours, outbox, readings
from hems_data_collector.store.database import FILE_NAME, Database
from support.ledgers import PROFILE, RECENT, reading, slot

RUNS: Final = 4
BURSTS: Final = 60
"""Transactions with readings in each run."""
BURST: Final = 12
"""The most readings in one of them."""
SLOT_EVERY: Final = 5
"""After so many readings there is a half hour."""
CHECKPOINT_PAGES: Final = 60
"""Sooner than SQLite's 1,000, so that there are many moments in the middle of a checkpoint."""
DATA_FILE: Final = "data.json"
ACKNOWLEDGED: Final = "acknowledged"
DRAINED_S: Final = 10.0


class Known(NamedTuple):
    """What the program had been told is safe."""

    readings: int
    half_hours: int
    cursor: int

    @classmethod
    def decode(cls, data: bytes) -> Known:
        """From what `encode` made."""
        return cls(*struct.unpack("<QQQ", data))

    def encode(self) -> bytes:
        """A fixed number of bytes."""
        return struct.pack("<QQQ", *self)


def delivery_of(folder: Path, database: Database) -> Delivery:
    """The output `file` behind the log of `database`."""
    clock = SystemClock()
    file = OUTPUTS["file"].build({"file": str(folder / DATA_FILE)}, FORMATS["json"], clock=clock)
    return Delivery([file], StoredBacklog(database, half_hours=True), clock, Random(0))


def counted(conn: sqlite3.Connection) -> Known:
    """What is in a database."""
    (cursor,) = conn.execute("SELECT coalesce(max(cursor), 0) FROM outputs").fetchone()
    (rows,) = conn.execute("SELECT count(*) FROM readings").fetchone()
    (slots,) = conn.execute("SELECT count(*) FROM half_hours").fetchone()
    return Known(readings=rows, half_hours=slots, cursor=cursor)


def append(conn: sqlite3.Connection, first: int, count: int) -> None:
    """The next `count` readings and the half hours that come with them."""
    for number in range(first, first + count):
        readings.append(conn, reading(number), RECENT, PROFILE)
        if number % SLOT_EVERY == 0:
            half_hours.record(conn, [slot(number // SLOT_EVERY)], PROFILE, now=reading(number).received_at)


async def run(folder: Path, rng: Random, synchronous: str, acknowledged: int) -> None:
    """One life of the collector."""
    clock = SystemClock()
    database = Database.open(folder / FILE_NAME, clock=clock, synchronous=synchronous)
    await database.run(lambda conn: conn.execute(f"PRAGMA wal_autocheckpoint = {CHECKPOINT_PAGES}"))
    await database.run(lambda conn: outbox.register(conn, ["file"], now=clock.now()))
    delivery = delivery_of(folder, database)
    await delivery.open()
    delivery.start()
    number = (await database.run(counted)).readings
    for _ in range(BURSTS):
        count = rng.randint(1, BURST)
        await database.run(lambda conn, first=number, count=count: append(conn, first, count))
        number += count
        delivery.wake()
        await asyncio.sleep(rng.choice((0.0, 0.0, 0.001, 0.005)))
        known = await database.run(counted)
        os.pwrite(acknowledged, known.encode(), 0)
    await delivery.close(DRAINED_S)
    database.close()


def main(folder: Path, seed: int, synchronous: str) -> None:
    """Several lives on one database."""
    rng = Random(seed)
    acknowledged = os.open(folder / ACKNOWLEDGED, os.O_WRONLY | os.O_CREAT, 0o600)
    for _ in range(RUNS):
        asyncio.run(run(folder, rng, synchronous, acknowledged))


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3])
