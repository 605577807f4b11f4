"""A stamp of its own for every reading, before anybody sees it: it is in the key of the record, printed or stored."""

from __future__ import annotations

import logging
import sqlite3
from dataclasses import replace
from datetime import datetime
from typing import Final

from hems_data_collector.errors import StoreUnavailable
from hems_data_collector.readings import Reading
from hems_data_collector.store import readings
from hems_data_collector.store.database import Database
from hems_data_collector.store.ring import CAPACITY
from hems_data_collector.store.times import MICROSECOND

log = logging.getLogger(__name__)

REMEMBERED: Final = CAPACITY  # more readings than the ring keeps are not stored either


class Stamps:
    """What stamps the readings of each meter have, in the store and on their way to it."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._latest: dict[str, datetime] = {}
        """No reading of the meter has a later stamp."""
        self._on_the_way: dict[tuple[str, datetime], None] = {}

    async def own(self, reading: Reading) -> Reading:
        """`reading` with a stamp that no other of its meter has: later by microseconds where the clock was set back.

        The store is asked only for the first reading of a meter and where the clock was set back. While it cannot be
        read, only the readings are known that it has not got yet.
        """
        meter, stamp = reading.meter, reading.received_at
        latest = self._latest.get(meter)
        if latest is None or stamp <= latest:
            stamp = await self._free(meter, stamp)
        if meter in self._latest:
            self._latest[meter] = max(self._latest[meter], stamp)
        self._on_the_way[meter, stamp] = None
        if len(self._on_the_way) > REMEMBERED:
            del self._on_the_way[next(iter(self._on_the_way))]
        return reading if stamp == reading.received_at else replace(reading, received_at=stamp)

    def stored(self, reading: Reading) -> None:
        """The store has it now."""
        self._on_the_way.pop((reading.meter, reading.received_at), None)

    async def _free(self, meter: str, stamp: datetime) -> datetime:
        """The first stamp from `stamp` on that is free."""

        def look(conn: sqlite3.Connection) -> tuple[datetime, datetime | None]:
            return self._beside_the_others(conn, meter, stamp), readings.latest_stamp(conn, meter)

        try:
            free, latest = await self._database.run(look)
        except StoreUnavailable as error:
            log.debug("%s", error)
            return self._beside_the_others(None, meter, stamp)
        known = [each for each in (latest, self._latest.get(meter), free) if each is not None]
        self._latest[meter] = max(known)
        return free

    def _beside_the_others(self, conn: sqlite3.Connection | None, meter: str, stamp: datetime) -> datetime:
        while (meter, stamp) in self._on_the_way or (conn is not None and readings.is_taken(conn, meter, stamp)):
            stamp += MICROSECOND
        return stamp
