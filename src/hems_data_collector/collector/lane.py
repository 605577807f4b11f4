"""One output and the task that brings records to it: it tries, waits and tries again by what the output raises."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from gettext import gettext as _
from gettext import ngettext
from random import Random
from typing import Final

from hems_data_collector.clock import Clock
from hems_data_collector.collector.line import Line, MemoryLine
from hems_data_collector.errors import OutputClosed, OutputError, OutputPaused, OutputUnavailable, StoreUnavailable
from hems_data_collector.outputs.base import Output
from hems_data_collector.readings import Record

logger = logging.getLogger(__name__)

FIRST_BACKOFF_S: Final = 1.0
"""The longest wait before the first retry; it doubles with each failure. The wait itself is random (full jitter)."""
MAX_BACKOFF_S: Final = 300.0
PROBE_INTERVAL_S: Final = 600.0
"""How often a paused output is tried with its oldest record."""
REJECTED_TRIES: Final = 3
"""So often is one record offered to a far end that refuses it, before it is set aside."""
STORE_RETRY_S: Final = 2.0
"""How soon a store that failed is tried again."""


class Health(StrEnum):
    """How an output is doing."""

    OK = "ok"
    RETRYING = "retrying"
    PAUSED = "paused"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputState:
    """One output at one moment, for people and for `status`."""

    name: str
    health: Health
    since: datetime
    """When it came to be so."""
    waiting: int
    """Not delivered; of an output with a backlog as counted after the last failure."""
    delivered: int
    """In this run."""
    rejected: int
    """Set aside in this run, because the far end refused just these."""
    dropped: int
    """Lost, because the queue was full; never of an output with a backlog."""
    problem: str
    """The latest failure; empty while all is well."""


class Lane:
    """One output, the line of records that wait for it, and the task that brings them there."""

    def __init__(self, output: Output, line: Line, *, clock: Clock, rng: Random, on_closed: Callable[[], None]) -> None:
        self.name = output.name
        self._output = output
        self._line = line
        self._clock = clock
        self._rng = rng
        self._on_closed = on_closed
        self._one_by_one = 0
        """So many of the first records were refused as a batch: to be tried alone."""
        self._health = Health.OK
        self._since = clock.now()
        self._failing_from = 0.0
        self._failures = 0
        self._refusals = 0
        self._problem = ""
        self._warned: set[Health] = set()
        self._delivered = self._rejected = self._dropped_before = 0
        self._finishing = asyncio.Event()
        self._hopeless = False

    def submit(self, record: Record) -> None:
        """Put it at the end of a line in memory; a line in the store has it already."""
        line = self._line
        if self._health is Health.CLOSED or not isinstance(line, MemoryLine) or not self._output.takes(record.kind):
            return
        if line.submit(record):
            if not line.in_flight:
                self._moved_on(1)
            if line.dropped == self._dropped_before + 1:
                logger.warning(
                    "%s: %s waiting and no room for more; the oldest are dropped",
                    self.name,
                    _records(line.waiting),
                )

    def wake(self) -> None:
        """Something was stored."""
        self._line.wake()

    def finish(self) -> None:
        """Take no pause any more, and end when nothing is left, or when more is left than can go out in a moment."""
        self._hopeless = self._health is not Health.OK
        self._finishing.set()
        self._line.wake()

    def state(self) -> OutputState:
        """A picture of this moment."""
        return OutputState(
            name=self.name,
            health=self._health,
            since=self._since,
            waiting=self._line.waiting,
            delivered=self._delivered,
            rejected=self._rejected,
            dropped=self._line.dropped if isinstance(self._line, MemoryLine) else 0,
            problem=self._problem,
        )

    async def run(self) -> None:
        """Deliver until `finish`, or until nobody is there for good."""
        if not await self._opened():
            return
        while await self._something_at_hand():
            batch = self._line.first(1 if self._one_by_one else self._output.batch_size)
            try:
                if not await self._deliver(batch):
                    return
            except OutputClosed as error:
                await self._switch_off(error)
                return
            except Exception as error:  # the edge of the task: one output's bug must not stop the other outputs
                wait_s = self._after_failure(error, batch)
                if wait_s:
                    await self._line.settle(count=True)
                if self._finishing.is_set() and (self._hopeless or self._health is Health.PAUSED):
                    return
                await self._pause(wait_s)
            else:
                await self._after_success()

    async def settle(self) -> None:
        """At the end: store what was delivered, and count what is left; never raises."""
        line = self._line
        await line.settle(count=line.waiting > 0 or line.more_than_at_hand)
        if line.unsettled:
            logger.warning(
                "%s: the store could not note that %s went out; they go out again", self.name, _records(line.unsettled)
            )
        if line.waiting and line.keeps:
            logger.info("%s: %s kept for the next start", self.name, _records(line.waiting))
        elif line.waiting:
            logger.warning("%s: %s not delivered at the end", self.name, _records(line.waiting))

    async def _opened(self) -> bool:
        """Go on as the last run ended; False where the end comes first."""
        while True:
            try:
                place = await self._line.open()
            except StoreUnavailable:
                if not await self._store_may_be_back():
                    return False
            else:
                break
        if place.since is not None and place.health in (Health.RETRYING, Health.PAUSED):
            self._health, self._since = Health(place.health), place.since
            away = (self._clock.now() - place.since).total_seconds()
            self._failing_from = self._clock.monotonic() - max(0.0, away)
        return True

    async def _something_at_hand(self) -> bool:
        while True:
            if self._finishing.is_set() and self._line.more_than_at_hand:
                return False
            try:
                if await self._line.fill():
                    return True
            except StoreUnavailable:
                if not await self._store_may_be_back():
                    return False
                continue
            if self._finishing.is_set():
                return False
            with contextlib.suppress(TimeoutError):
                await self._clock.wait_for(self._line.changed(), self._line.look_interval_s)

    async def _store_may_be_back(self) -> bool:
        """Wait a little; False where the program ends. Who writes to the store says what is wrong with it."""
        if self._finishing.is_set():
            return False
        await self._pause(STORE_RETRY_S)
        return True

    async def _deliver(self, batch: Sequence[Record]) -> bool:
        """One try with `batch`; False where the program ends before it was possible. Raises what the output raises."""
        line = self._line
        if isinstance(line, MemoryLine):
            line.in_flight = len(batch)
        try:
            place = await self._output.prepare(line.checkpoint, line.at_hand())
            if place != line.checkpoint and line.instead:
                place = await self._output.prepare(line.checkpoint, line.instead)
            line.instead = ()
            if place != line.checkpoint:
                line.moved(place)
            while not line.place_is_kept:
                await line.settle()
                if not line.place_is_kept and not await self._store_may_be_back():
                    return False
            checkpoint = await self._output.deliver(batch, line.checkpoint)
            line.done(len(batch), checkpoint, self._clock.now())
        finally:
            if isinstance(line, MemoryLine):
                line.in_flight = 0
        self._delivered += len(batch)
        self._moved_on(len(batch))
        return True

    def _moved_on(self, count: int) -> None:
        """`count` records have left the line at its front."""
        self._one_by_one = max(0, self._one_by_one - count)
        self._refusals = 0

    async def _after_success(self) -> None:
        """Say that the output has healed, and that it has caught up after losses."""
        self._problem = ""
        line = self._line
        if self._health is not Health.OK:
            away = _duration(self._clock.monotonic() - self._failing_from)
            self._turn_to(Health.OK)
            self._failures = 0
            self._warned.clear()
            await line.settle(count=True)
            logger.info("%s: delivering again after %s, %s waiting", self.name, away, _records(line.waiting))
        else:
            await line.settle_if_due()
        if isinstance(line, MemoryLine) and line.dropped > self._dropped_before and not line.waiting:
            lost = line.dropped - self._dropped_before
            logger.info("%s: caught up; %s dropped meanwhile", self.name, _records(lost))
            self._dropped_before = line.dropped

    def _after_failure(self, error: Exception, batch: Sequence[Record]) -> float:
        """Note what happened; returns the seconds to wait before the next try."""
        match error:
            case OutputUnavailable():
                self._fail(Health.RETRYING, error)
                self._failures += 1
                return max(self._backoff_s(self._failures - 1), error.retry_after_s or 0.0)
            case OutputPaused():
                self._fail(Health.PAUSED, error)
                return PROBE_INTERVAL_S
            case _ if len(batch) > 1:
                self._one_by_one = len(batch)  # one of them is to blame: find out which
                return 0.0
            case _:
                return self._refused(error, batch[0])

    def _fail(self, health: Health, error: OutputError) -> None:
        """Enter a bad state, with one WARNING for each kind until the output heals."""
        self._problem = str(error)
        self._turn_to(health)
        if health not in self._warned:
            self._warned.add(health)
            plan = _("trying again until it works") if health is Health.RETRYING else _("paused, probing every 10 min")
            logger.warning("%s: %s (%s)", self.name, error, plan)
        else:
            logger.debug("%s: %s", self.name, error)

    def _turn_to(self, health: Health) -> None:
        if self._health is Health.OK:
            self._failing_from = self._clock.monotonic()
        if self._health is not health:
            self._health, self._since = health, self._clock.now()
            self._line.fared(health, self._since, self._problem)

    def _refused(self, error: Exception, record: Record) -> float:
        """One record alone was refused, or the output stumbled over it: a few tries, then it is set aside."""
        self._refusals += 1
        self._problem = str(error)
        if self._refusals < REJECTED_TRIES:
            return self._backoff_s(self._refusals - 1)
        bug = None if isinstance(error, OutputError) else error
        logger.error(
            "%s: record %s set aside after %d tries: %s", self.name, record.key, REJECTED_TRIES, error, exc_info=bug
        )
        self._rejected += 1
        self._line.set_aside(str(error), REJECTED_TRIES, self._clock.now())
        self._moved_on(1)
        return 0.0

    def _backoff_s(self, failures: int) -> float:
        return self._rng.uniform(0.0, min(MAX_BACKOFF_S, FIRST_BACKOFF_S * 2 ** min(failures, 16)))

    async def _pause(self, seconds: float) -> None:
        """Wait, but not past the beginning of the end."""
        if self._finishing.is_set():
            await self._clock.sleep(seconds)
            return
        with contextlib.suppress(TimeoutError):
            await self._clock.wait_for(self._finishing.wait(), seconds)

    async def _switch_off(self, error: OutputClosed) -> None:
        logger.info("%s: %s This output is off.", self.name, error)
        self._problem = str(error)
        self._turn_to(Health.CLOSED)
        if isinstance(self._line, MemoryLine):
            self._line.clear()
        await self._line.settle()
        self._on_closed()


def _records(count: int) -> str:
    return ngettext("{count} record", "{count} records", count).format(count=count)


def _duration(seconds: float) -> str:
    """`45 s`, `12 min`, `3 h 5 min`, `2 d 4 h`."""
    whole = round(seconds)
    if whole < 60:
        return _("{seconds} s").format(seconds=whole)
    minutes = whole // 60
    if minutes < 60:
        return _("{minutes} min").format(minutes=minutes)
    hours, minutes = divmod(minutes, 60)
    if hours < 48:
        return _("{hours} h {minutes} min").format(hours=hours, minutes=minutes)
    return _("{days} d {hours} h").format(days=hours // 24, hours=hours % 24)
