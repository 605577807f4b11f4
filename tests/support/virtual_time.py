"""An asyncio event loop whose `time()` jumps when nothing is ready: a month of behaviour in a second, no real sleeping.

`run_virtual(scenario())` runs one coroutine to its end; `@virtual` does the same for an `async def` test. Nothing on
this loop may wait for a real socket or pipe: while only timers are pending, time jumps to the next of them. Work handed
to threads (`asyncio.to_thread`, `run_in_executor`) is waited for in real time and costs no virtual time. When neither
timer nor thread nor callback is left the program would hang for ever, which is `NothingLeftToDo`.

Use `hems_data_collector.clock.LoopClock(start)` for components that take a clock.
"""

from __future__ import annotations

import asyncio
import functools
import math
import selectors
from collections.abc import Callable, Coroutine
from typing import Any, ParamSpec, TypeVar

T = TypeVar("T")
P = ParamSpec("P")


TURNS_WITHOUT_A_CALL = 50
"""Without a thread at work only a signal can come from outside: it may wait for so many turns of the loop."""


class NothingLeftToDo(RuntimeError):
    """Every task waits for something that no timer, thread or callback can bring."""


class _JumpingSelector(selectors.SelectSelector):
    """A selector that never waits for time: it lets the loop's clock jump instead."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0
        self.threads_at_work = 0
        self._turns = 0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """Ready descriptors at once; else wait for a thread, or jump by `timeout` seconds."""
        self._turns += 1
        worth_a_call = self.threads_at_work or timeout is None or self._turns % TURNS_WITHOUT_A_CALL == 0
        ready = super().select(0) if worth_a_call else []
        if ready or (timeout is not None and timeout <= 0):
            return ready
        if self.threads_at_work:
            return super().select(None)
        if timeout is None:
            raise NothingLeftToDo("every task waits and no timer is left")
        self.now = max(self.now + timeout, math.nextafter(self.now, math.inf))
        return ready


class VirtualTimeLoop(asyncio.SelectorEventLoop):
    """An event loop with its own time, starting at 0 seconds."""

    def __init__(self) -> None:
        self._jumping = _JumpingSelector()
        super().__init__(self._jumping)

    def time(self) -> float:
        """Virtual seconds since the loop was made."""
        return self._jumping.now

    def run_in_executor(self, executor: Any, func: Any, *args: Any) -> asyncio.Future[Any]:
        """Run in a thread; virtual time stands still until it is done."""
        future = super().run_in_executor(executor, func, *args)
        self._jumping.threads_at_work += 1
        future.add_done_callback(self._thread_done)
        return future

    async def shutdown_default_executor(self, *args: Any, **kwargs: Any) -> None:
        """As the base class, which waits for a thread of its own."""
        self._jumping.threads_at_work += 1
        try:
            await super().shutdown_default_executor(*args, **kwargs)
        finally:
            self._jumping.threads_at_work -= 1

    def _thread_done(self, _future: asyncio.Future[Any]) -> None:
        self._jumping.threads_at_work -= 1


def run_virtual(coroutine: Coroutine[Any, Any, T], *, limit_s: float | None = None) -> T:
    """Run `coroutine` on a fresh virtual loop and return its result; TimeoutError after `limit_s` virtual seconds."""
    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        return runner.run(_limited(coroutine, limit_s))


def virtual(test: Callable[P, Coroutine[Any, Any, T]]) -> Callable[P, T]:
    """Turn an `async def` test into one that runs on virtual time."""

    @functools.wraps(test)
    def run(*args: P.args, **kwargs: P.kwargs) -> T:
        return run_virtual(test(*args, **kwargs))

    return run


async def _limited(coroutine: Coroutine[Any, Any, T], limit_s: float | None) -> T:
    async with asyncio.timeout(limit_s):
        return await coroutine
