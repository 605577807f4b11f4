"""Brings every record to every output: each output is a lane of its own, with its own queue, pace and troubles.

A lane tries, waits and tries again by what the output's exception says (errors.py); no lane waits for another, and
`submit` waits for none. Order is kept. The queue is in memory and bounded: when an output is away for longer than that,
its oldest records are dropped, counted, and said so once.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from random import Random
from typing import Final

from hems_data_collector.clock import Clock
from hems_data_collector.errors import OutputClosed, OutputError, OutputPaused, OutputUnavailable
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
CANCEL_GRACE_S: Final = 0.5
"""For an interrupted output to unwind, and once more for closing its connections."""


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
    delivered: int
    rejected: int
    """Set aside, because the far end refused just these."""
    dropped: int
    """Lost, because the queue was full."""
    problem: str
    """The latest failure; empty while all is well."""


class Delivery:
    """All lanes together: `open`, `start`, `submit` as often as there is a record, `close`."""

    def __init__(
        self, outputs: Sequence[Output], clock: Clock, rng: Random, on_closed: Callable[[], None] | None = None
    ) -> None:
        """`on_closed` is called once when the last output has gone for good (nobody reads stdout any more)."""
        self._clock = clock
        self._on_closed = on_closed
        self._outputs = tuple(outputs)
        self._lanes = tuple(_Lane(output, clock, rng, self._lane_closed) for output in self._outputs)
        self._tasks: tuple[asyncio.Task[None], ...] = ()

    async def open(self) -> None:
        """Let every output check itself, in order; raises the first ConfigError."""
        for output in self._outputs:
            await output.open()

    def start(self) -> None:
        """Begin to deliver; needs a running event loop."""
        self._tasks = tuple(asyncio.create_task(lane.run(), name=f"output {lane.name}") for lane in self._lanes)
        for task in self._tasks:
            task.add_done_callback(_report_bug)

    def submit(self, record: Record) -> None:
        """Give `record` to every output; returns at once."""
        for lane in self._lanes:
            lane.submit(record)

    def states(self) -> tuple[OutputState, ...]:
        """How every output is doing, in the order given."""
        return tuple(lane.state() for lane in self._lanes)

    async def close(self, grace_s: float) -> None:
        """Send what still waits for at most `grace_s` seconds, then interrupt; ends a second later at the latest.

        An output that was failing already gets one more try and no more time.
        """
        for lane in self._lanes:
            lane.finish()
        await self._settle(self._tasks, grace_s)
        for task in self._tasks:
            task.cancel()
        await self._settle(self._tasks, CANCEL_GRACE_S)
        closing = [asyncio.create_task(_closed_quietly(output)) for output in self._outputs]
        await self._settle(closing, CANCEL_GRACE_S)
        for state in self.states():
            if state.waiting:
                logger.warning("%s: %s not delivered at the end", state.name, _records(state.waiting))

    async def _settle(self, tasks: Sequence[asyncio.Task[None]], seconds: float) -> None:
        if tasks:
            with contextlib.suppress(TimeoutError):
                await self._clock.wait_for(asyncio.wait(tasks), seconds)

    def _lane_closed(self) -> None:
        if self._on_closed is not None and all(state.health is Health.CLOSED for state in self.states()):
            self._on_closed()


class _Lane:
    """One output, the records that wait for it, and the task that brings them there."""

    def __init__(self, output: Output, clock: Clock, rng: Random, on_closed: Callable[[], None]) -> None:
        self.name = output.name
        self._output = output
        self._clock = clock
        self._rng = rng
        self._on_closed = on_closed
        self._queue: deque[Record] = deque()
        self._in_flight = 0
        """So many of the first records are being tried just now: not to be dropped."""
        self._one_by_one = 0
        """So many of the first records were refused as a batch: to be tried alone."""
        self._checkpoint: bytes | None = None
        self._health = Health.OK
        self._since = clock.now()
        self._failing_from = 0.0
        self._failures = 0
        self._refusals = 0
        self._problem = ""
        self._warned: set[Health] = set()
        self._delivered = self._rejected = self._dropped = self._dropped_before = 0
        self._wake = asyncio.Event()
        self._finishing = asyncio.Event()
        self._hopeless = False

    def submit(self, record: Record) -> None:
        """Put it at the end of the queue, dropping the oldest waiting one where there is no room."""
        if self._health is Health.CLOSED:
            return
        self._queue.append(record)
        self._wake.set()
        if len(self._queue) - self._in_flight <= self._output.queue_limit:
            return
        if self._in_flight:
            del self._queue[self._in_flight]
        else:
            self._take_off(1)
        if self._dropped == self._dropped_before:
            logger.warning(
                "%s: %s waiting and no room for more; the oldest are dropped", self.name, _records(len(self._queue))
            )
        self._dropped += 1

    def finish(self) -> None:
        """Take no pause any more, and end when the queue is empty."""
        self._hopeless = self._health is not Health.OK
        self._finishing.set()
        self._wake.set()

    def state(self) -> OutputState:
        """A picture of this moment."""
        return OutputState(
            name=self.name,
            health=self._health,
            since=self._since,
            waiting=len(self._queue),
            delivered=self._delivered,
            rejected=self._rejected,
            dropped=self._dropped,
            problem=self._problem,
        )

    async def run(self) -> None:
        """Deliver until `finish`, or until nobody is there for good."""
        while await self._something_waits():
            batch = self._first_batch()
            self._in_flight = len(batch)
            try:
                self._checkpoint = await self._output.deliver(batch, self._checkpoint)
            except OutputClosed as error:
                self._switch_off(error)
                return
            except Exception as error:  # the edge of the task: one output's bug must not stop the other outputs
                self._in_flight = 0
                wait_s = self._after_failure(error, batch)
                if self._finishing.is_set() and (self._hopeless or self._health is Health.PAUSED):
                    return
                await self._pause(wait_s)
            else:
                self._take_off(len(batch))
                self._delivered += len(batch)
                self._after_success()
            finally:
                self._in_flight = 0

    async def _something_waits(self) -> bool:
        while not self._queue:
            if self._finishing.is_set():
                return False
            self._wake.clear()
            await self._wake.wait()
        return True

    def _first_batch(self) -> tuple[Record, ...]:
        size = 1 if self._one_by_one else self._output.batch_size
        return tuple(self._queue[index] for index in range(min(size, len(self._queue))))

    def _take_off(self, count: int) -> None:
        for _ in range(count):
            self._queue.popleft()
        self._one_by_one = max(0, self._one_by_one - count)
        self._refusals = 0

    def _after_success(self) -> None:
        """Say that the output has healed, and that it has caught up after losses."""
        if self._health is not Health.OK:
            away = _duration(self._clock.monotonic() - self._failing_from)
            logger.info("%s: delivering again after %s, %s waiting", self.name, away, _records(len(self._queue)))
            self._health, self._since = Health.OK, self._clock.now()
            self._failures = 0
            self._warned.clear()
        self._problem = ""
        if self._dropped > self._dropped_before and not self._queue:
            lost = self._dropped - self._dropped_before
            logger.info("%s: caught up; %s dropped meanwhile", self.name, _records(lost))
            self._dropped_before = self._dropped

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
        if self._health is Health.OK:
            self._failing_from = self._clock.monotonic()
        if self._health is not health:
            self._health, self._since = health, self._clock.now()
        self._problem = str(error)
        if health not in self._warned:
            self._warned.add(health)
            plan = "trying again until it works" if health is Health.RETRYING else "paused, probing every 10 min"
            logger.warning("%s: %s (%s)", self.name, error, plan)
        else:
            logger.debug("%s: %s", self.name, error)

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
        self._take_off(1)
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

    def _switch_off(self, error: OutputClosed) -> None:
        logger.info("%s: %s This output is off.", self.name, error)
        self._queue.clear()
        self._health, self._since, self._problem = Health.CLOSED, self._clock.now(), str(error)
        self._on_closed()


async def _closed_quietly(output: Output) -> None:
    try:
        await output.close()
    except Exception:  # the edge of a task, and the end of the program: the others still have to be closed
        logger.exception("%s: closing failed", output.name)


def _report_bug(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and (error := task.exception()) is not None:
        logger.critical("%s: stopped by a bug", task.get_name(), exc_info=error)


def _records(count: int) -> str:
    return f"{count} record" if count == 1 else f"{count} records"


def _duration(seconds: float) -> str:
    """`45 s`, `12 min`, `3 h 5 min`, `2 d 4 h`."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    minutes = whole // 60
    if minutes < 60:
        return f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    if hours < 48:
        return f"{hours} h {minutes} min"
    return f"{hours // 24} d {hours % 24} h"
