"""The executor of the session's table: limits, work that is broken off, errors and bugs."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from hems_data_collector.clock import LoopClock
from hems_data_collector.errors import HemsError, PortNotFound
from hems_data_collector.link.machine import Machine, Work
from hems_data_collector.link.session import (
    JOIN_LIMIT_S,
    RENEWAL_LIMIT_S,
    Action,
    SessionInput,
    SessionState,
)
from support.virtual_time import virtual

NOW = datetime(2026, 1, 15, tzinfo=UTC)


class Owner:
    """Answers the machine and notes what it asks."""

    def __init__(self, work: Callable[[Action], Work | None] = lambda _: None) -> None:
        self.done: list[Action] = []
        self.states: list[SessionState] = []
        self.errors: list[HemsError] = []
        self.wait_s = 7.0
        self.work = work
        self.machine = Machine(
            clock=LoopClock(NOW),
            perform=self._perform,
            entered=lambda _, after: self.states.append(after),
            limit_of=lambda _: self.wait_s,
            over=lambda state: SessionInput.PLACE_KNOWN if state is SessionState.DOWN else SessionInput.TIME_UP,
            failed=self._failed,
        )

    def _perform(self, action: Action) -> Work | None:
        self.done.append(action)
        return self.work(action)

    def _failed(self, error: HemsError) -> None:
        self.errors.append(error)
        self.machine.step(SessionInput.PORT_LOST)

    def to(self, *inputs: SessionInput) -> None:
        for happened in inputs:
            assert self.machine.step(happened), happened


TO_JOINING = (SessionInput.START, SessionInput.PLACE_KNOWN)
TO_UP = (*TO_JOINING, SessionInput.AUTHENTICATED)


@virtual
async def test_what_the_table_does_not_list_changes_nothing() -> None:
    owner = Owner()
    owner.to(*TO_UP)
    done = list(owner.done)
    assert not owner.machine.step(SessionInput.SWEPT)
    assert owner.machine.state is SessionState.UP
    assert owner.done == done


@virtual
async def test_a_state_that_lasts_too_long_ends() -> None:
    owner = Owner()
    owner.to(*TO_JOINING)
    await asyncio.sleep(JOIN_LIMIT_S - 1)
    assert owner.machine.state is SessionState.JOINING
    await asyncio.sleep(2)
    assert owner.machine.state is SessionState.DOUBTED
    await asyncio.sleep(owner.wait_s)
    assert owner.machine.state is SessionState.RESETTING


@virtual
async def test_leaving_a_state_takes_its_limit_along() -> None:
    owner = Owner()
    owner.to(*TO_UP, SessionInput.LIFETIME_OVER)
    await asyncio.sleep(RENEWAL_LIMIT_S - 1)
    owner.to(SessionInput.AUTHENTICATED)
    await asyncio.sleep(86_400)
    assert owner.machine.state is SessionState.UP


@virtual
async def test_the_end_of_a_work_is_the_next_input() -> None:
    async def opened() -> SessionInput:
        await asyncio.sleep(3)
        return SessionInput.PLACE_UNKNOWN

    owner = Owner(lambda action: opened() if action is Action.OPEN else None)
    owner.to(SessionInput.START)
    await owner.machine.wait_until(SessionState.SCANNING)
    assert asyncio.get_running_loop().time() == pytest.approx(3)


@virtual
async def test_an_event_breaks_off_the_work_of_the_state_that_it_ends() -> None:
    ended: list[str] = []

    async def slow() -> SessionInput:
        try:
            await asyncio.sleep(30)
        except asyncio.CancelledError:
            ended.append("broken off")
            raise
        return SessionInput.JOIN_NOT_TAKEN

    owner = Owner(lambda action: slow() if action is Action.JOIN else None)
    owner.to(*TO_JOINING)
    await asyncio.sleep(1)
    owner.to(SessionInput.AUTHENTICATED)
    await asyncio.sleep(60)
    assert ended == ["broken off"]
    assert owner.machine.state is SessionState.UP


@virtual
async def test_what_a_work_said_too_late_is_of_the_past() -> None:
    async def quick() -> SessionInput:
        return SessionInput.JOIN_NOT_TAKEN

    owner = Owner(lambda action: quick() if action is Action.JOIN else None)
    owner.to(*TO_JOINING)
    await asyncio.sleep(0)  # the work is done, and nobody has heard of it yet
    owner.to(SessionInput.AUTHENTICATED)
    await asyncio.sleep(1)
    assert owner.machine.state is SessionState.UP


@virtual
async def test_a_failing_work_is_told_and_tried_again_for_ever() -> None:
    async def fails() -> SessionInput:
        raise PortNotFound("gone")

    owner = Owner(lambda action: fails() if action is Action.OPEN else None)
    owner.to(SessionInput.START)
    await asyncio.sleep(owner.wait_s * 10 + 1)
    assert len(owner.errors) == 11
    assert owner.machine.state is SessionState.PORTLESS


@virtual
async def test_a_bug_is_raised_and_nothing_runs_on() -> None:
    async def buggy() -> SessionInput:
        raise ZeroDivisionError

    owner = Owner(lambda action: buggy() if action is Action.OPEN else None)
    owner.machine.step(SessionInput.START)
    with pytest.raises(ZeroDivisionError):
        await owner.machine.run()
    with pytest.raises(ZeroDivisionError):
        await owner.machine.wait_until(SessionState.UP)


@virtual
async def test_ending_the_run_stops_work_and_limits_but_not_the_session() -> None:
    owner = Owner()
    owner.to(*TO_UP, SessionInput.LIFETIME_OVER)
    run = asyncio.create_task(owner.machine.run())
    await asyncio.sleep(1)
    run.cancel()
    await asyncio.sleep(1000)
    assert owner.machine.state is SessionState.EXPIRED
    owner.to(SessionInput.CLOSE, SessionInput.TERM_DONE)
    assert owner.machine.state is SessionState.CLOSED
