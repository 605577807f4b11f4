"""Several meters taking turns on one stick: each has its link, schedule and poller, and one of them the port.

`turns.py` says whose turn it is. A visit opens the port, joins from what is remembered, lets the poller go until it
rests, ends the session in order and closes the port. In front of each poller stands a gate that is open during its
visits only, so that a change never falls into a request.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from gettext import gettext as _
from math import inf, isinf
from typing import Final, Protocol

from hems_data_collector.clock import Clock
from hems_data_collector.collector import turns
from hems_data_collector.collector.ticker import Ticker
from hems_data_collector.collector.turns import Phase, Standing, Visit
from hems_data_collector.errors import SessionLost
from hems_data_collector.link.base import MeterLink
from hems_data_collector.link.session import SessionState
from hems_data_collector.meter_name import about_meter, as_a_matter_of_course

log = logging.getLogger(__name__)

SOON_S: Final = 10.0  # background work so near is waited for, as long as nobody else has a reading due
SHORTEST_WAIT_S: Final = 0.1  # a timer may end a trifle early, and nothing here is a matter of less
REQUEST_ENDS_S: Final = 25.0  # most requests are answered in seconds; a session that goes on is worth so much patience

PHASES: Final[Mapping[SessionState, Phase]] = {
    SessionState.CLOSED: Phase.PORT,
    SessionState.PORTLESS: Phase.PORT,
    SessionState.OPENING: Phase.PORT,
    SessionState.DOUBTED: Phase.SEEKING,
    SessionState.RESETTING: Phase.SEEKING,
    SessionState.SCANNING: Phase.SEEKING,
    SessionState.JOINING: Phase.SEEKING,
    SessionState.BUSY: Phase.SEEKING,
    SessionState.DOWN: Phase.FAILED,
    SessionState.UP: Phase.JOINED,
    SessionState.EXPIRED: Phase.JOINED,
    SessionState.ENDING: Phase.JOINED,
    SessionState.HELD: Phase.STOPPED,
    SessionState.BARRED: Phase.STOPPED,
}


class Worker(Protocol):
    """What is known here of a poller."""

    on_rest: Callable[[], None]

    @property
    def resting(self) -> bool:
        """No request is under way."""

    def work_in_s(self) -> float | None:
        """Seconds until there is background work (0: now); None where none is in view."""


class Gate:
    """In front of a poller: lets it through while its meter has its turn and is joined."""

    def __init__(self, link: MeterLink) -> None:
        self._link = link
        self._open = asyncio.Event()
        self.waiting = False
        """The poller stands in front of it."""
        self.on_wait: Callable[[], None] = lambda: None

    def open(self) -> None:
        """The meter's turn has come."""
        self._open.set()

    def close(self) -> None:
        """The meter's turn is over."""
        self._open.clear()

    async def passed(self) -> None:
        """Return as soon as the meter may be asked."""
        try:
            while not (self._open.is_set() and self._link.state is SessionState.UP):
                self.waiting = True
                self.on_wait()
                await self._open.wait()
                await self._link.wait_until(SessionState.UP)
        finally:
            self.waiting = False


class Turn:
    """One meter on the stick, and what it may hope for."""

    def __init__(
        self, name: str | None, link: MeterLink, gate: Gate, ticker: Ticker, worker: Worker, *, clock: Clock
    ) -> None:
        self.name = name
        self.link = link
        self.gate = gate
        self.ticker = ticker
        self.worker = worker
        self.failures = 0
        self._clock = clock
        self._phase = Phase.PORT
        self._phase_since = 0.0
        self._due_since: float | None = None
        self._was_joined = False
        self._left_at: float | None = None
        self._ready_at = 0.0
        self._unfinished = True

    def standing(self) -> Standing:
        """As one who waits for a turn."""
        now, next_due_s = self._clock.monotonic(), self.ticker.seconds_left()
        return Standing(
            due=self.ticker.due.is_set(),
            next_due_s=inf if next_due_s is None else next_due_s,
            period_s=self.ticker.period_s,
            ready_in_s=self._ready_at - now,
            unfinished=self._unfinished,
            waited_s=inf if self._left_at is None else now - self._left_at,
            failures=self.failures,
        )

    def begin(self) -> None:
        """Its turn has come."""
        self._phase, self._phase_since, self._due_since = Phase.PORT, self._clock.monotonic(), None
        self.gate.open()

    def visit(self) -> Visit:
        """As the one who has its turn."""
        now, phase = self._clock.monotonic(), PHASES[self.link.state]
        if phase is not self._phase:
            self._phase, self._phase_since = phase, now
        if phase is not Phase.JOINED or not self.ticker.due.is_set():
            self._due_since = None
        elif self._due_since is None:
            self._due_since = now
        self._was_joined = self._was_joined or phase is Phase.JOINED
        return Visit(
            phase=phase,
            phase_s=now - self._phase_since,
            due_s=None if self._due_since is None else now - self._due_since,
            at_rest=self.at_rest,
            has_work=self._has_work(),
            generous=not self._was_joined or self.failures % 2 == 1,
        )

    def end(self) -> None:
        """Its turn is over: note what came of it."""
        visit, now = self.visit(), self._clock.monotonic()
        fruitful = visit.phase is Phase.JOINED and (visit.due_s is None or visit.due_s < turns.ANSWERED_S)
        self.failures = 0 if fruitful else self.failures + 1
        self._unfinished = visit.has_work or not fruitful
        self._left_at = now
        self._ready_at = now + (turns.REJOIN_AFTER_S if fruitful else turns.pause_s(self.failures))

    @property
    def is_routine(self) -> bool:
        """Nothing about its next visit is news to the owner."""
        return self._was_joined and self.failures == 0

    @property
    def at_rest(self) -> bool:
        """No request of it is under way."""
        return self.worker.resting or self.gate.waiting

    def _has_work(self) -> bool:
        work_in_s = self.worker.work_in_s()
        return work_in_s is not None and work_in_s <= SOON_S


class SharedStick:
    """The stick of several meters; `run` takes the place of each link's `keep`."""

    def __init__(self, all_turns: Sequence[Turn], *, clock: Clock) -> None:
        self._turns = tuple(all_turns)
        self._clock = clock
        self._news = asyncio.Event()
        for turn in self._turns:
            turn.ticker.on_due = turn.worker.on_rest = turn.gate.on_wait = self._news.set

    async def run(self) -> None:
        """Visit one meter after the other, for ever."""
        while True:
            self._news.clear()
            standings = [turn.standing() for turn in self._turns]
            number = turns.next_of(standings)
            if number is None:
                waits = (standing.ready_in_s for standing in standings if standing.ready_in_s > 0)
                await self._wait(min(waits, default=inf))
            else:
                await self._visit(self._turns[number])

    async def _visit(self, turn: Turn) -> None:
        with about_meter(turn.name), as_a_matter_of_course(turn.is_routine):
            log.debug("the stick turns to this meter")
            keeping = asyncio.create_task(turn.link.keep(), name="shared-stick-link")
            turn.begin()
            try:
                await self._until_over(turn, keeping)
                turn.gate.close()
                await self._until_at_rest(turn)
                turn.end()
            finally:  # at the end of the program the session is ended elsewhere
                turn.gate.close()
                keeping.cancel()
                await asyncio.gather(keeping, return_exceptions=True)
            await turn.link.close()

    async def _until_over(self, turn: Turn, keeping: asyncio.Task[None]) -> None:
        while True:
            self._news.clear()
            visit = turn.visit()
            others = [other.standing() for other in self._turns if other is not turn]
            if turns.is_over(visit, others):
                return
            elsewhere = [state for state, phase in PHASES.items() if phase is not visit.phase]
            changing = asyncio.create_task(turn.link.wait_until(*elsewhere), name="shared-stick-phase")
            try:
                await self._wait(turns.looks_again_s(visit, others), changing, keeping)
            finally:
                changing.cancel()
            if keeping.done():
                keeping.result()

    async def _until_at_rest(self, turn: Turn) -> None:
        """Let a request come to its end, unless that takes too long for the others."""
        others = [other.standing() for other in self._turns if other is not turn]
        until = self._clock.monotonic() + min(REQUEST_ENDS_S, max(0.0, turns.slack_s(others)))
        while PHASES[turn.link.state] is Phase.JOINED and not turn.at_rest:
            self._news.clear()
            left_s = until - self._clock.monotonic()
            if left_s <= 0:
                turn.link.on_down(SessionLost(_("The turn of this meter is over.")))
                return
            await self._wait(left_s)

    async def _wait(self, seconds: float, *tasks: asyncio.Task[None]) -> None:
        """Until there is news, one of `tasks` ends, or the time is over."""
        told = asyncio.create_task(self._news.wait(), name="shared-stick-news")
        try:
            timeout = None if isinf(seconds) else max(seconds, SHORTEST_WAIT_S)
            await asyncio.wait({told, *tasks}, timeout=timeout, return_when=asyncio.FIRST_COMPLETED)
        finally:
            told.cancel()
