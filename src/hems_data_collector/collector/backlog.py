"""What the store owes to each output: its next records in portions, and what has become of the ones before."""

from __future__ import annotations

import sqlite3
from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from gettext import gettext as _
from typing import Final, Protocol, TypeAlias, TypeVar

from hems_data_collector.errors import StoreUnavailable
from hems_data_collector.readings import Record, as_named
from hems_data_collector.store import outbox
from hems_data_collector.store.database import Database
from hems_data_collector.store.records import Span, within
from hems_data_collector.store.times import EPOCH

T = TypeVar("T")
NEW: Final = "ok"
"""The health of an output of which nothing is known yet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Acknowledged:
    """Everything of the portion up to `seq` has arrived, `count` records; `checkpoint` is where the output is now."""

    seq: int
    count: int
    checkpoint: bytes | None
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class SetAside:
    """The record `seq` was refused for good; everything before it is done with."""

    seq: int
    key: str
    reason: str
    tries: int
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Moved:
    """The output is at another place than its checkpoint said."""

    checkpoint: bytes | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Fared:
    """The output does otherwise than before."""

    health: str
    since: datetime
    reason: str


First: TypeAlias = Callable[[Callable[[sqlite3.Connection], T], Callable[[T], None]], Awaitable[None]]
"""Does some work before everything that comes later, and tells when it is done."""
News: TypeAlias = Acknowledged | SetAside | Moved | Fared


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where an output stood when the last run ended."""

    checkpoint: bytes | None = None
    health: str = NEW
    since: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Portion:
    """The next records of one output with their numbers in the log."""

    records: Sequence[tuple[int, Record]]
    in_line: bool
    """Whether they stand in the line behind the cursor; else they are sent once more."""
    waiting: int | None
    """How many there are in all, where that was asked for."""


class Backlog(Protocol):
    """A log with one cursor for each output."""

    async def place(self, output: str) -> Place:
        """Where `output` stands; raises StoreUnavailable."""

    async def turn(self, output: str, news: Sequence[News], *, limit: int, count: bool = False) -> Portion:
        """Note `news` in order, then read at most `limit` records behind them: all of it, durably, or nothing.

        Raises StoreUnavailable.
        """

    async def ahead(self, output: str, seq: int | None, *, limit: int) -> Sequence[tuple[int, Record]]:
        """At most `limit` records of the line behind `seq`, or behind its cursor; raises StoreUnavailable."""


class StoredBacklog:
    """The log in the database; without `half_hours` only readings go out, and only `named` meters go by name.

    The names are those of now, whatever they were when a record was made: one output gets records of one form.
    """

    def __init__(self, database: Database, half_hours: bool, named: bool = False) -> None:
        self._database = database
        self._half_hours = half_hours
        self._to_come: frozenset[str] = frozenset()
        """Outputs whose place in the log waits to be written."""
        self._begun = EPOCH
        self._named = named

    async def register(
        self, names: Collection[str], *, now: datetime, since: datetime | None, first: First[None]
    ) -> None:
        """Give each of `names` its place in the log, by the way of `first`, which is the way of all records.

        So a new output begins here even where the disk is full just now. Until that is written, nothing goes to it.
        """
        self._to_come, self._begun = frozenset(names), now
        await first(
            lambda conn: outbox.register(conn, names, now=now, since=since, half_hours=self._half_hours),
            lambda _: self._registered(),
        )

    def _registered(self) -> None:
        self._to_come = frozenset()

    async def place(self, output: str) -> Place:
        for row in await self._database.run(lambda conn: outbox.states(conn, half_hours=self._half_hours)):
            if row.name == output:
                return Place(checkpoint=row.checkpoint, health=row.health, since=row.since)
        if output in self._to_come:
            raise StoreUnavailable(_("The output {output} has no place in the database yet.").format(output=output))
        return Place()

    async def turn(self, output: str, news: Sequence[News], *, limit: int, count: bool = False) -> Portion:
        def work(conn: sqlite3.Connection) -> Portion:
            outbox.admit(conn, output, now=self._begun, half_hours=self._half_hours)
            for item in news:
                _note(conn, output, item)
            records = outbox.batch(conn, output, limit, half_hours=self._half_hours) if limit else []
            in_line = bool(records) and records[0][0] > outbox.cursor(conn, output)
            waiting = outbox.waiting(conn, output, half_hours=self._half_hours) if count else None
            return Portion(records=self._as_now(records), in_line=in_line, waiting=waiting)

        return await self._database.run(work)

    async def ahead(self, output: str, seq: int | None, *, limit: int) -> Sequence[tuple[int, Record]]:
        def work(conn: sqlite3.Connection) -> Sequence[tuple[int, Record]]:
            behind = outbox.cursor(conn, output) if seq is None else seq
            return self._as_now(within(conn, Span(first=behind + 1, half_hours=self._half_hours), limit))

        return await self._database.run(work)

    def _as_now(self, records: Sequence[tuple[int, Record]]) -> Sequence[tuple[int, Record]]:
        return [(seq, as_named(record, named=self._named)) for seq, record in records]


def _note(conn: sqlite3.Connection, output: str, item: News) -> None:
    match item:
        case Acknowledged():
            outbox.acknowledge(conn, output, item.seq, checkpoint=item.checkpoint, count=item.count, now=item.at)
        case SetAside():
            outbox.dead_letter(conn, output, item.seq, key=item.key, reason=item.reason, tries=item.tries, now=item.at)
        case Moved():
            outbox.set_checkpoint(conn, output, item.checkpoint)
        case Fared():
            outbox.set_health(conn, output, item.health, since=item.since, reason=item.reason)
