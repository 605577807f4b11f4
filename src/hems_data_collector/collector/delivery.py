"""Brings every record to every output: each output is a lane of its own, with its own line, pace and troubles.

No lane waits for another, and neither `submit` nor `wake` waits for any. Order is kept. An output with a backlog reads
the store's log behind a cursor of its own, so that nothing is lost however long it is away. One without has a bounded
queue in memory: when it is away for longer than that, its oldest records are dropped, counted, and said so once.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable, Coroutine, Iterable, Sequence
from random import Random
from typing import Any, Final

from hems_data_collector.clock import Clock
from hems_data_collector.collector.backlog import Backlog
from hems_data_collector.collector.lane import Health, Lane, OutputState
from hems_data_collector.collector.line import Line, MemoryLine, StoredLine
from hems_data_collector.outputs.base import Output
from hems_data_collector.readings import Record

__all__ = ["Delivery", "Health", "OutputState"]

logger = logging.getLogger(__name__)

CANCEL_GRACE_S: Final = 0.5
"""For an interrupted output to unwind, and once more for closing its connections and noting what was delivered."""


class Delivery:
    """All lanes together: `open`, `start`, then `submit` or `wake` as often as there is a record, `close`."""

    def __init__(
        self,
        outputs: Sequence[Output],
        backlog: Backlog | None,
        clock: Clock,
        rng: Random,
        on_closed: Callable[[], None] | None = None,
    ) -> None:
        """Outputs with `Output.backlog` take their records from `backlog`; without one, every output is live.

        `on_closed` is called once when the last output has gone for good (nobody reads stdout any more).
        """
        self._clock = clock
        self._on_closed = on_closed
        self._outputs = tuple(outputs)
        self._lanes = tuple(
            Lane(output, _line(output, backlog, clock), clock=clock, rng=rng, on_closed=self._lane_closed)
            for output in self._outputs
        )
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
        """Give `record` to every output that has no backlog and takes its kind; returns at once."""
        for lane in self._lanes:
            lane.submit(record)

    def wake(self) -> None:
        """Something was stored: the outputs with a backlog look again; returns at once."""
        for lane in self._lanes:
            lane.wake()

    def states(self) -> tuple[OutputState, ...]:
        """How every output is doing, in the order given."""
        return tuple(lane.state() for lane in self._lanes)

    async def close(self, grace_s: float) -> None:
        """Send what still waits for at most `grace_s` seconds, then interrupt; ends a second and a half later at most.

        An output that was failing already gets one more try and no more time. What the store keeps and would take
        longer than moments is left for the next start.
        """
        for lane in self._lanes:
            lane.finish()
        await self._settle(self._tasks, grace_s)
        for task in self._tasks:
            task.cancel()
        await self._settle(self._tasks, CANCEL_GRACE_S)
        await self._all((_closed_quietly(output) for output in self._outputs), CANCEL_GRACE_S)
        await self._all((lane.settle() for lane in self._lanes), CANCEL_GRACE_S)

    async def _all(self, ends: Iterable[Coroutine[Any, Any, None]], seconds: float) -> None:
        await self._settle([asyncio.create_task(end) for end in ends], seconds)

    async def _settle(self, tasks: Sequence[asyncio.Task[None]], seconds: float) -> None:
        if tasks:
            with contextlib.suppress(TimeoutError):
                await self._clock.wait_for(asyncio.wait(tasks), seconds)

    def _lane_closed(self) -> None:
        if self._on_closed is not None and all(state.health is Health.CLOSED for state in self.states()):
            self._on_closed()


def _line(output: Output, backlog: Backlog | None, clock: Clock) -> Line:
    if backlog is None or not output.backlog:
        return MemoryLine(output.queue_limit)
    return StoredLine(output.name, backlog, clock, batch_size=output.batch_size)


async def _closed_quietly(output: Output) -> None:
    try:
        await output.close()
    except Exception:  # the edge of a task, and the end of the program: the others still have to be closed
        logger.exception("%s: closing failed", output.name)


def _report_bug(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and (error := task.exception()) is not None:
        logger.critical("%s: stopped by a bug", task.get_name(), exc_info=error)
