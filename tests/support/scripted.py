"""An output whose far end does what a test wrote down for it, call by call."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Mapping, Sequence
from random import Random
from typing import Any, ClassVar, Self

from hems_data_collector.clock import Clock
from hems_data_collector.errors import OutputUnavailable
from hems_data_collector.outputs.base import Output
from hems_data_collector.outputs.formats import Format
from hems_data_collector.readings import RECORD_KEYS, Record

Step = Exception | float | Callable[[Sequence[Record]], Coroutine[Any, Any, None]] | None


class Far(Output):
    """A far end: `script` says what each call does (raise, take seconds, run, or just take), then `always`."""

    name: ClassVar[str] = "far"

    def __init__(self, *script: Step, batch_size: int = 1, queue_limit: int = 10_000, name: str = "far") -> None:
        self.script = list(script)
        self.always: Step = None
        self.calls: list[tuple[float, tuple[str, ...]]] = []
        self.taken: list[tuple[float, str]] = []
        self.checkpoints: list[bytes | None] = []
        self.opened = self.closed = 0
        self.batch_size = batch_size  # type: ignore[misc]
        self.queue_limit = queue_limit  # type: ignore[misc]
        self.name = name  # type: ignore[misc]

    @classmethod
    def build(
        cls,
        values: Mapping[str, Any],
        format: Format,
        *,
        clock: Clock,
        columns: Sequence[str] = RECORD_KEYS,
        half_hours: bool = False,
    ) -> Self:
        raise NotImplementedError

    async def open(self) -> None:
        self.opened += 1

    async def deliver(self, batch: Sequence[Record], checkpoint: bytes | None) -> bytes | None:
        loop = asyncio.get_running_loop()
        self.calls.append((loop.time(), tuple(item.key for item in batch)))
        self.checkpoints.append(checkpoint)
        step = self.script.pop(0) if self.script else self.always
        if isinstance(step, Exception):
            raise step
        if isinstance(step, float):
            await asyncio.sleep(step)
        elif step is not None:
            await step(batch)
        self.taken += [(loop.time(), item.key) for item in batch]
        return str(len(self.taken)).encode()

    async def close(self) -> None:
        self.closed += 1

    @property
    def keys(self) -> list[str]:
        return [key for _, key in self.taken]


class Highest(Random):
    """Draws the top of every range: the longest waits that jitter can make."""

    def uniform(self, a: float, b: float) -> float:
        return b


def unavailable(retry_after_s: float | None = None) -> OutputUnavailable:
    return OutputUnavailable("It is down.", retry_after_s=retry_after_s)
