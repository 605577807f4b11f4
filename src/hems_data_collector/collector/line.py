"""What waits for one output: in memory, where nothing keeps it (stdout), or in the store behind a cursor."""

from __future__ import annotations

import asyncio
import contextlib
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Iterable, Sequence
from datetime import datetime
from itertools import islice
from typing import Final

from hems_data_collector.clock import Clock
from hems_data_collector.collector.backlog import Acknowledged, Backlog, Fared, Moved, News, Place, SetAside
from hems_data_collector.errors import StoreUnavailable
from hems_data_collector.readings import Record

GROUP: Final = 1000
"""So many records may go out before their acknowledgement is stored, and no more than another batch.

Storing begins with half of them, while more go out; a slow disk has time for as many. Less than the version before had
it could leave behind what that one wrote before a kill.
"""
PIECE: Final = 100
"""So many records are read from the store at once, or a batch if that is more: a short hold-up for those who write."""
AHEAD: Final = 300
"""With so many at hand, or a piece if that is more, the next are read: they may have to wait for a commit."""
COMMIT_INTERVAL_S: Final = 1.0
"""The longest that something delivered waits for its acknowledgement to be stored, while more is being delivered."""
LOOK_INTERVAL_S: Final = 5.0
"""How often an idle lane looks whether a verb in another process asked for something to be sent once more."""


class Line(ABC):
    """The records for one output, first to last. One task takes them off."""

    look_interval_s: float | None = None
    """After so long an empty line is worth another look; None where `wake` tells of everything."""
    keeps: bool
    """Whether what is left at the end is there again at the next start."""
    more_than_at_hand: bool = False
    """Whether so much waits in the store that it is no matter of moments."""
    instead: Sequence[Record] = ()
    """At first: what the last run may have been sending when it was killed, where that is not what is at hand."""

    def __init__(self) -> None:
        self.checkpoint: bytes | None = None
        """What the output returned last."""
        self._wake = asyncio.Event()

    def wake(self) -> None:
        """There may be something new."""
        self._wake.set()

    async def changed(self) -> None:
        """Wait for `wake`; what was told before the last `fill` does not count."""
        await self._wake.wait()

    @property
    @abstractmethod
    def waiting(self) -> int:
        """How many records wait, as far as is known here."""

    async def open(self) -> Place:
        """Find out how the output stood when the last run ended; raises StoreUnavailable."""
        return Place()

    @abstractmethod
    async def fill(self) -> bool:
        """See that the first records are at hand; False where there are none. Raises StoreUnavailable."""

    @abstractmethod
    def first(self, count: int) -> tuple[Record, ...]:
        """The first records at hand, at most `count`."""

    @abstractmethod
    def at_hand(self) -> Iterable[Record]:
        """All records at hand."""

    @abstractmethod
    def done(self, count: int, checkpoint: bytes | None, now: datetime) -> None:
        """The first `count` records have arrived."""

    @abstractmethod
    def set_aside(self, reason: str, tries: int, now: datetime) -> None:
        """The first record was refused for good."""

    def moved(self, checkpoint: bytes | None) -> None:
        """The output is at another place than `checkpoint` said."""
        self.checkpoint = checkpoint

    @property
    def place_is_kept(self) -> bool:
        """Whether a kill would leave behind where the output is; if not, nothing may go out before a `settle`."""
        return True

    def fared(self, health: str, since: datetime, reason: str) -> None:  # noqa: B027 - memory has nobody to tell
        """The output does otherwise than before."""

    @property
    def unsettled(self) -> int:
        """How many records have arrived without the store knowing it yet."""
        return 0

    async def settle(self, *, count: bool = False) -> None:  # noqa: B027 - memory has nothing to settle
        """Store what has been told, if the store takes it now; `count` brings `waiting` up to date."""

    async def settle_if_due(self) -> None:  # noqa: B027 - memory has nothing to settle
        """As `settle`, where that has been put off for COMMIT_INTERVAL_S."""


class MemoryLine(Line):
    """A bounded queue: when it is full, the oldest record is dropped and counted."""

    keeps = False

    def __init__(self, limit: int) -> None:
        super().__init__()
        self._limit = limit
        self._queue: deque[Record] = deque()
        self.in_flight = 0
        """So many of the first records are being tried just now: not to be dropped."""
        self.dropped = 0

    @property
    def waiting(self) -> int:
        return len(self._queue)

    def submit(self, record: Record) -> bool:
        """Put `record` at the end; True where the oldest that was not in flight had to go for it."""
        self._queue.append(record)
        self.wake()
        if len(self._queue) - self.in_flight <= self._limit:
            return False
        del self._queue[self.in_flight]
        self.dropped += 1
        return True

    def clear(self) -> None:
        """Forget everything."""
        self._queue.clear()

    async def fill(self) -> bool:
        self._wake.clear()
        return bool(self._queue)

    def first(self, count: int) -> tuple[Record, ...]:
        return tuple(islice(self._queue, count))

    def at_hand(self) -> Iterable[Record]:
        return self._queue

    def done(self, count: int, checkpoint: bytes | None, now: datetime) -> None:
        for _ in range(count):
            self._queue.popleft()
        self.checkpoint = checkpoint

    def set_aside(self, reason: str, tries: int, now: datetime) -> None:
        self._queue.popleft()


class StoredLine(Line):
    """The log of the store behind this output's cursor, a piece of it at hand and the next on its way.

    What has been delivered is remembered until the store has taken it, so that a store that fails for a while lets
    nothing be sent twice. It is stored for half a GROUP together, while more goes out; once a second; and before every
    wait.
    """

    look_interval_s = LOOK_INTERVAL_S
    keeps = True

    def __init__(self, output: str, backlog: Backlog, clock: Clock, *, batch_size: int) -> None:
        super().__init__()
        self._output = output
        self._backlog = backlog
        self._clock = clock
        self._piece = max(PIECE, batch_size)
        # What a kill left unacknowledged was at most a GROUP and a batch: an output looks for it among these.
        self._first_read = GROUP + self._piece
        self._at_hand: deque[tuple[int, Record]] = deque()
        self._read_to = 0
        self._on_its_way: asyncio.Task[None] | None = None
        self._news: list[News] = []
        self._being_told = 0
        """So many of the first news are on their way to the store: not to be changed any more."""
        self._settling: asyncio.Task[StoreUnavailable | None] | None = None
        self._told_at: float | None = None
        """When the oldest acknowledgement that is not stored came in."""
        self._waiting = 0
        self._turning = asyncio.Lock()

    @property
    def waiting(self) -> int:
        return max(self._waiting, len(self._at_hand))

    async def open(self) -> Place:
        place = await self._backlog.place(self._output)
        self.checkpoint = place.checkpoint
        return place

    async def fill(self) -> bool:
        if self.unsettled >= GROUP and self._settling is not None:
            await asyncio.shield(self._settling)
        if self.unsettled >= GROUP:
            await self._turned(0)
        task = self._on_its_way
        if task is not None and (task.done() or not self._at_hand):
            self._on_its_way = None
            await asyncio.shield(task)
        if not self._at_hand:
            self._wake.clear()
            if self._first_read:
                await self._begin()
            else:
                await self._turned(self._piece)
        if self.more_than_at_hand and self._on_its_way is None and len(self._at_hand) <= max(AHEAD, self._piece):
            self._on_its_way = asyncio.create_task(self._read_ahead())
        if self._at_hand and self.unsettled >= GROUP // 2 and (self._settling is None or self._settling.done()):
            self._settling = asyncio.create_task(self._turn(0, count=False))  # where the store fails, the next one sees
        return bool(self._at_hand)

    def first(self, count: int) -> tuple[Record, ...]:
        return tuple(record for _, record in islice(self._at_hand, count))

    def at_hand(self) -> Iterable[Record]:
        return (record for _, record in self._at_hand)

    def done(self, count: int, checkpoint: bytes | None, now: datetime) -> None:
        before = 0
        if len(self._news) > self._being_told and isinstance(last := self._news[-1], Acknowledged):
            before = last.count
            self._news.pop()
        for _ in range(count):
            seq, _record = self._at_hand.popleft()
        self._news.append(Acknowledged(seq=seq, count=before + count, checkpoint=checkpoint, at=now))
        self.checkpoint = checkpoint
        self._waiting -= count
        if self._told_at is None:
            self._told_at = self._clock.monotonic()

    def set_aside(self, reason: str, tries: int, now: datetime) -> None:
        seq, record = self._at_hand.popleft()
        self._news.append(SetAside(seq=seq, key=record.key, reason=reason, tries=tries, at=now))
        self._waiting -= 1

    def moved(self, checkpoint: bytes | None) -> None:
        super().moved(checkpoint)
        self._news.append(Moved(checkpoint=checkpoint))

    @property
    def place_is_kept(self) -> bool:
        return not any(isinstance(item, Moved) for item in self._news)

    def fared(self, health: str, since: datetime, reason: str) -> None:
        if len(self._news) > self._being_told and isinstance(self._news[-1], Fared):
            self._news.pop()
        self._news.append(Fared(health=health, since=since, reason=reason))

    @property
    def unsettled(self) -> int:
        return sum(item.count for item in self._news if isinstance(item, Acknowledged))

    async def settle(self, *, count: bool = False) -> None:
        if self._news or count:
            with contextlib.suppress(StoreUnavailable):
                await self._turned(0, count=count)

    async def settle_if_due(self) -> None:
        if self._told_at is not None and self._clock.monotonic() - self._told_at >= COMMIT_INTERVAL_S:
            self._told_at = self._clock.monotonic()
            await self.settle()

    async def _begin(self) -> None:
        """Read for the first time; a replay that was asked for meanwhile is at hand before what a kill interrupted."""
        line = await self._backlog.ahead(self._output, None, limit=self._first_read)
        await self._turned(self._first_read)
        self._first_read = 0
        if line and self._at_hand and line[0][0] != self._at_hand[0][0]:
            self.instead = tuple(record for _, record in line)

    async def _turned(self, limit: int, *, count: bool = False) -> None:
        """One transaction, which ends even where the caller is cancelled: nothing is told to the store twice.

        Raises StoreUnavailable.
        """
        if (trouble := await asyncio.shield(asyncio.create_task(self._turn(limit, count=count)))) is not None:
            raise trouble

    async def _turn(self, limit: int, *, count: bool) -> StoreUnavailable | None:
        async with self._turning:
            told = list(self._news)
            self._being_told = len(told)
            try:
                portion = await self._backlog.turn(self._output, told, limit=limit, count=count)
            except StoreUnavailable as error:
                return error
            finally:
                self._being_told = 0
            del self._news[: len(told)]
            self._told_at = self._clock.monotonic() if self.unsettled else None
            if limit:
                self._take(portion.records, more=len(portion.records) == limit and portion.in_line)
                if not self.more_than_at_hand:
                    self._waiting = len(self._at_hand)
            if portion.waiting is not None:
                self._waiting = portion.waiting
            return None

    async def _read_ahead(self) -> None:
        """Read on behind what is at hand, whatever of that is acknowledged; where the store fails, `fill` will see."""
        async with self._turning:
            with contextlib.suppress(StoreUnavailable):
                records = await self._backlog.ahead(self._output, self._read_to, limit=self._piece)
                self._take(records, more=len(records) == self._piece)

    def _take(self, records: Sequence[tuple[int, Record]], *, more: bool) -> None:
        self._at_hand.extend(records)
        self.more_than_at_hand = more
        if records:
            self._read_to = records[-1][0]
