"""Executes the table of session.py: keeps the state, arms the limit of each state, has the actions done."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from typing import Any, TypeAlias

from hems_data_collector.clock import Clock
from hems_data_collector.errors import HemsError
from hems_data_collector.link.session import LIMITS, TRANSITIONS, Action, SessionInput, SessionState

log = logging.getLogger(__name__)

Work: TypeAlias = Coroutine[Any, Any, SessionInput | None]


class Machine:
    """The state of one session.

    `perform(action)` does an action: at once, or it returns the work that belongs to the new state; what the work
    returns is the next input, and whatever else happens first breaks it off. `entered(before, after)` is told each
    change of state, after its actions. `limit_of(state)` gives the seconds of a state whose limit the table leaves
    open, `over(state)` the input that the end of a limit is. A HemsError that ends a work goes to `failed`; any other
    exception is a bug and is raised by `run` and `wait_until`.
    """

    def __init__(
        self,
        *,
        clock: Clock,
        perform: Callable[[Action], Work | None],
        entered: Callable[[SessionState, SessionState], None],
        limit_of: Callable[[SessionState], float],
        over: Callable[[SessionState], SessionInput],
        failed: Callable[[HemsError], None],
    ) -> None:
        self._clock = clock
        self._perform = perform
        self._entered = entered
        self._limit_of = limit_of
        self._over = over
        self._failed = failed
        self._state = SessionState.CLOSED
        self._changed = asyncio.Event()
        self._limit: asyncio.Task[None] | None = None
        self._work: asyncio.Task[SessionInput | None] | None = None
        self._bug: BaseException | None = None

    @property
    def state(self) -> SessionState:
        """Where the session stands."""
        return self._state

    def step(self, happened: SessionInput) -> bool:
        """Do what the table says of `happened`; False where it says nothing."""
        row = TRANSITIONS.get((self._state, happened))
        if row is None:
            return False
        before, self._state = self._state, row.state
        log.debug("session: %s, %s -> %s", before.name, happened.value, row.state.name)
        self._break_off()
        for action in row.actions:
            work = self._perform(action)
            if work is not None:
                self._begin(work)
        if before is not row.state:
            self._entered(before, row.state)
        self._arm()
        self._changed.set()
        return True

    async def wait_until(self, *states: SessionState) -> None:
        """Return as soon as the session is in one of `states`; raises what a bug in some work raised."""
        while self._state not in states:
            if self._bug is not None:
                raise self._bug
            self._changed.clear()
            await self._changed.wait()

    async def run(self) -> None:
        """Wait for ever; raises what a bug in some work raised. Its end stops limits and work, the state stays."""
        try:
            await self.wait_until()
        finally:
            self._break_off()

    def _begin(self, work: Work) -> None:
        self._work = asyncio.create_task(work, name=f"session-{self._state.name.lower()}")
        self._work.add_done_callback(self._work_ended)

    def _work_ended(self, task: asyncio.Task[SessionInput | None]) -> None:
        if task.cancelled() or self._work is not task:
            if not task.cancelled():
                task.exception()  # broken off at the last moment: whatever it was, it is of the past
            return
        self._work = None
        error = task.exception()
        try:
            if isinstance(error, HemsError):
                self._failed(error)
            elif error is not None:
                self._report(error)
            elif (happened := task.result()) is not None:
                self.step(happened)
        except Exception as bug:  # the edge of a task: a bug ends `run`
            self._report(bug)

    def _report(self, error: BaseException) -> None:
        self._bug = error
        self._changed.set()

    def _arm(self) -> None:
        limit = LIMITS.get(self._state)
        if limit is not None:
            seconds = self._limit_of(self._state) if limit.seconds is None else limit.seconds
            self._limit = asyncio.create_task(self._after(seconds), name="session-limit")

    async def _after(self, seconds: float) -> None:
        await self._clock.sleep(seconds)
        self._limit = None
        try:
            self.step(self._over(self._state))
        except Exception as error:  # the edge of a task: a bug ends `run`
            self._report(error)

    def _break_off(self) -> None:
        for task in (self._limit, self._work):
            if task is not None:
                task.cancel()
        self._limit = self._work = None
