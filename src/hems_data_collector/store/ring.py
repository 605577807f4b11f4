"""What the disk does not take just now: a bounded ring in memory, written in order as soon as the disk is back.

Writes go through `Ring.write`. While the disk works they are simply done; when it is full or read-only they wait here,
the oldest are dropped and counted when there is no room, and nothing is written twice, because whoever waits here has
not been written.
"""

from __future__ import annotations

import logging
import sqlite3
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Any, Final, TypeVar

from hems_data_collector.clock import Clock
from hems_data_collector.errors import StoreDamaged, StoreUnavailable
from hems_data_collector.store.database import Database

log = logging.getLogger(__name__)
T = TypeVar("T")

CAPACITY: Final = 10_000  # a week of one a minute
RETRY_S: Final = 4.0  # so that writing resumes within 5 s of the disk's return
FLUSHED_AT_ONCE: Final = 500  # in one transaction


@dataclass(frozen=True, slots=True, kw_only=True)
class RingState:
    """How the disk is doing, for people and for `status`."""

    waiting: int
    """Records that only stand in memory."""
    dropped: int
    """Records lost since the start, because there was no room for more."""
    since: datetime | None
    """Since when the disk takes nothing; None while it works."""
    reason: str


@dataclass(frozen=True, slots=True)
class Write:
    """Something to be done in a transaction, and who gets its result; see `Ring.write`."""

    work: Callable[[sqlite3.Connection], Any]
    then: Callable[[Any], None] = lambda _: None
    droppable: bool = True


class Ring:
    """The way of all records into the database; `run` is a task beside them."""

    def __init__(self, database: Database, *, clock: Clock, capacity: int = CAPACITY) -> None:
        self._database = database
        self._clock = clock
        self._capacity = capacity
        self._waiting: deque[Write] = deque()
        self._in_flight = 0
        self._dropped = self._dropped_before = 0
        self._since: datetime | None = None
        self._reason = ""

    @property
    def state(self) -> RingState:
        """A picture of this moment."""
        return RingState(waiting=self._records, dropped=self._dropped, since=self._since, reason=self._reason)

    @property
    def _records(self) -> int:
        return sum(item.droppable for item in self._waiting)

    async def write(
        self,
        work: Callable[[sqlite3.Connection], T],
        then: Callable[[T], None] = lambda _: None,
        *,
        droppable: bool = True,
    ) -> bool:
        """Do `work` in a transaction, now or after everything that waits; returns whether it is done already.

        `then` gets its result when it is done. Raises what `work` raises when it is done now; a bug that shows later
        is logged, and that work is dropped. What is not `droppable` is no record, and waits however many come after it.
        """
        return await self.write_all([Write(work, then, droppable)])

    async def write_all(self, items: Sequence[Write]) -> bool:
        """As `write`, all of them in one transaction: where the work of one raises, nothing is done."""
        if not self._waiting:
            try:
                results = await self._tried_twice(lambda conn: [item.work(conn) for item in items])
            except StoreUnavailable as error:
                self._begin_to_wait(error)
            else:
                for item, result in zip(items, results, strict=True):
                    item.then(result)
                return True
        for item in items:
            self._keep(item)
        return False

    async def run(self) -> None:
        """Try again every few seconds, for ever."""
        while True:
            await self._clock.sleep(RETRY_S)
            await self.flush()

    async def flush(self) -> bool:
        """Write what waits, in order; returns whether nothing waits any more."""
        while self._waiting and not self._in_flight:
            self._in_flight = min(len(self._waiting), FLUSHED_AT_ONCE)
            try:
                await self._flush(list(islice(self._waiting, self._in_flight)))
            except StoreUnavailable as error:
                self._reason = str(error)
                return False
            finally:
                self._in_flight = 0
        return not self._waiting

    async def _flush(self, chunk: list[Write]) -> None:
        try:
            results = await self._tried_twice(lambda conn: [item.work(conn) for item in chunk])
        except StoreUnavailable:
            raise
        except Exception:  # one of them has a bug: the others must not be lost with it
            if len(chunk) == 1:
                log.exception("A record could not be stored and is dropped.")
                self._dropped += 1
                self._waiting.popleft()
                return
            for item in chunk:
                await self._flush([item])
            return
        for _ in chunk:
            self._waiting.popleft()
        for item, result in zip(chunk, results, strict=True):
            item.then(result)
        if not self._waiting:
            self._tell_recovery()

    async def _tried_twice(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """`work` once more on the file that is begun after damage."""
        try:
            return await self._database.run(work)
        except StoreDamaged:
            return await self._database.run(work)

    def _begin_to_wait(self, error: StoreUnavailable) -> None:
        self._reason = str(error)
        if self._since is None:
            self._since = self._clock.now()
            log.error("%s Records are kept in memory until it works again, at most %d.", error, self._capacity)

    def _keep(self, item: Write) -> None:
        self._waiting.append(item)
        if self._records <= self._capacity + self._in_flight:
            return
        if self._dropped == self._dropped_before:
            log.error("There is no room in memory for more; the oldest of %d records are dropped.", self._capacity)
        del self._waiting[next(n for n, each in enumerate(self._waiting) if n >= self._in_flight and each.droppable)]
        self._dropped += 1

    def _tell_recovery(self) -> None:
        if self._since is None:
            return
        lost = self._dropped - self._dropped_before
        if lost:
            log.info("The database works again; what was kept in memory is written, %d were lost.", lost)
        else:
            log.info("The database works again; what was kept in memory is written.")
        self._since, self._reason, self._dropped_before = None, "", self._dropped
