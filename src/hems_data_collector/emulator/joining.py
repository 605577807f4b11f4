"""PANA from the module's side: joining, its chatter, the lifetime of a session, and its end (skstack-ip §4)."""

from __future__ import annotations

import asyncio
from typing import Final

from hems_data_collector.emulator.core import EV_NEIGHBOUR_ADVERTISEMENT, EV_SENT, NOT_SENT, SENT, SOLICITED, Core
from hems_data_collector.emulator.lines import Datagram
from hems_data_collector.emulator.pana import PANA_PORT, PanaSession

EV_JOIN_FAILED, EV_JOINED, EV_ENDED_BY_PEER = 0x24, 0x25, 0x26
EV_TERMINATED, EV_TERMINATION_TIMEOUT, EV_EXPIRED = 0x27, 0x28, 0x29
REAUTHENTICATION_SHARE: Final = 0.8
"""Part of the lifetime after which the module authenticates again (skstack-ip §4.3)."""
_SHARES: Final = (0.05, 0.2, 0.2, 0.2, 0.2, 0.15)
"""How a join's duration is spread: solicitation, four messages, the end."""
_MESSAGE_SIZE: Final = 60


class PanaClient:
    """The session of one module with one meter."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._exchange: asyncio.Task[None] | None = None
        self._lifetime: asyncio.Task[None] | None = None
        self._notifier: asyncio.Task[None] | None = None
        self._number = 0
        self._messages = self._new_messages()
        self.peer = ""
        self.established = asyncio.Event()
        """Set while a session is held; whoever waits for the next session waits for this."""

    @property
    def busy(self) -> bool:
        """An exchange is under way."""
        return self._exchange is not None and not self._exchange.done()

    def join(self, address: str) -> None:
        """Authenticate anew with the meter at `address`; an existing session ends."""
        self._end_session()
        self._core.turn_to(address)
        self._exchange = self._core.tasks.spawn(self._join(address))

    def rejoin(self) -> None:
        """Authenticate again within the session."""
        self._exchange = self._core.tasks.spawn(self._reauthenticate())

    def terminate(self) -> None:
        """Tell the meter that the session is over; EVENT 27 or 28 follows."""
        self._exchange = self._core.tasks.spawn(self._terminate(self._core.radio.session))
        self._core.radio.session = False
        self._core.radio.terminated_at = self._core.clock.monotonic()
        self._end_session()

    def drop(self) -> None:
        """Forget everything without a word to anybody, as a reset does."""
        if self._exchange is not None:
            self._exchange.cancel()
        self._end_session()

    def ends(self, number: int) -> None:
        """The session ends without a command: EVENT 26 by the meter, 27 or 28 by the module."""
        self._core.radio.session = False
        self._end_session()
        self._core.event(number, self.peer)

    async def renew(self, outcome: int) -> None:
        """Authenticate again by itself, long before the session's end: EVENT 25 or 24."""
        if outcome == EV_JOINED:
            await self._authenticated_again()
            return
        self._core.radio.session = False
        await self._unanswered(self.peer)

    async def expire(self, outcome: int | None, wait_s: float) -> None:
        """EVENT 29, then after `wait_s` a join of the module's own: EVENT 25, EVENT 24, or nothing (None)."""
        self._core.radio.session = False
        self._end_session()
        self._core.event(EV_EXPIRED, self.peer)
        if outcome is None:
            return
        await self._core.clock.sleep(wait_s)
        if outcome == EV_JOINED:
            await self._authenticated(self._core.timing.join())
        else:
            self._core.event(EV_JOIN_FAILED, self.peer)

    def _end_session(self) -> None:
        self._core.session_up = False
        self.established.clear()
        for task in (self._lifetime, self._notifier):
            if task is not None and task is not asyncio.current_task():
                task.cancel()

    async def _join(self, address: str) -> None:
        core, self.peer = self._core, address
        self._messages = self._new_messages()
        registers = core.registers
        reached = core.radio.reaches(channel=registers.number("S02"), pan_id=registers.number("S03"), address=address)
        if not reached or core.air_time.restricted:
            await self._unanswered(address)
        elif core.faults.strikes("join-24") or self._too_soon():
            await core.clock.sleep(core.timing.refusal())
            core.event(EV_JOIN_FAILED, address)
        elif not core.radio.knows(core.volatile.route_b_id, core.volatile.password):
            await self._rejected(address)
        else:
            total = core.timing.join()
            await core.clock.sleep(total * _SHARES[0])
            self._first_contact(address)
            await self._authenticated(total)

    def _too_soon(self) -> bool:
        fault, ended = self._core.faults.get("rejoin-refused"), self._core.radio.terminated_at
        return fault is not None and ended is not None and self._core.clock.monotonic() - ended < fault.value

    async def _authenticated(self, total: float) -> None:
        """The four messages, then EVENT 25 and what follows from it."""
        core, messages = self._core, self._messages
        steps = (messages.start, messages.challenge, messages.confirmation, messages.completion)
        for share, message in zip(_SHARES[1:], steps, strict=False):
            await core.clock.sleep(total * share)
            self._receive(message())
            self._sent()
        await core.clock.sleep(total * _SHARES[-1])
        core.event(EV_JOINED, self.peer)
        self._begin_session()
        await core.clock.sleep(core.timing.instance_list())
        core.radio.announce_instances()

    def _begin_session(self) -> None:
        core = self._core
        self._end_session()
        core.session_up = core.radio.session = True
        core.counters.sessions += 1
        self.established.set()
        self._lifetime = core.tasks.spawn(self._live())
        self._notifier = core.tasks.spawn(core.radio.announce_half_hours())

    async def _rejected(self, address: str) -> None:
        """A wrong password, or another id with the same last eight characters: it fails after message 0068."""
        core, total = self._core, self._core.timing.refusal()
        self._first_contact(address)
        for message in (self._messages.start, self._messages.challenge):
            await core.clock.sleep(total / 3)
            self._receive(message())
            self._sent()
        await core.clock.sleep(total / 3)
        core.event(EV_JOIN_FAILED, address)

    async def _unanswered(self, address: str) -> None:
        """Nobody there: the first message is repeated until the module gives up (skstack-ip §2.5)."""
        core = self._core
        result = NOT_SENT if address in core.volatile.neighbours else SOLICITED
        for wait in core.timing.retransmissions():
            core.event(EV_SENT, address, result)
            await core.clock.sleep(wait)
        core.event(EV_JOIN_FAILED, address)

    async def _live(self) -> None:
        """Authenticate again at 80 % of the lifetime where S17 says so; without success EVENT 29 at its end."""
        core, lifetime = self._core, self._core.settings.lifetime
        while True:
            await core.clock.sleep(lifetime * REAUTHENTICATION_SHARE)
            began = core.clock.monotonic()
            if core.registers.flag("S17") and await self._authenticated_again():
                continue
            spent = core.clock.monotonic() - began
            await core.clock.sleep(lifetime * (1 - REAUTHENTICATION_SHARE) - spent)
            await self.expire(None, 0.0)
            return

    async def _reauthenticate(self) -> None:
        """SKREJOIN; its success begins a new lifetime."""
        if await self._authenticated_again() and self._lifetime is not None:
            self._lifetime.cancel()
            self._lifetime = self._core.tasks.spawn(self._live())

    async def _authenticated_again(self) -> bool:
        """Chatter and EVENT 25 within a session, or EVENT 24 where the meter does not answer or has forgotten us."""
        core = self._core
        if not (core.radio.present and core.radio.session):
            await self._unanswered(self.peer)
            return False
        self._messages = messages = self._new_messages()
        total = core.timing.join()
        for message in (messages.challenge, messages.confirmation, messages.completion):
            await core.clock.sleep(total / 3)
            self._receive(message())
            self._sent()
        core.counters.sessions += 1
        core.event(EV_JOINED, self.peer)
        return True

    async def _terminate(self, meter_holds_session: bool) -> None:
        core = self._core
        if core.radio.present and meter_holds_session:
            await core.clock.sleep(core.timing.termination())
            self._receive(self._messages.termination())
            core.event(EV_TERMINATED, self.peer)
        else:
            await core.clock.sleep(core.timing.termination_timeout())
            core.event(EV_TERMINATION_TIMEOUT, self.peer)

    def _first_contact(self, address: str) -> None:
        """The first message: its fate depends on the neighbour cache (skstack-ip §4.7)."""
        core = self._core
        core.account(_MESSAGE_SIZE)
        if address in core.volatile.neighbours:
            core.event(EV_SENT, address, SENT)
            return
        core.event(EV_SENT, address, SOLICITED)
        core.event(EV_NEIGHBOUR_ADVERTISEMENT, address)
        core.remember_neighbour(address, core.radio.mac)

    def _receive(self, message: bytes) -> None:
        mac = self._core.radio.mac
        self._core.receive(
            Datagram(sender=self.peer, destination="", port=PANA_PORT, mac=mac, secured=False, payload=message)
        )

    def _sent(self) -> None:
        self._core.account(_MESSAGE_SIZE)
        self._core.event(EV_SENT, self.peer, SENT)

    def _new_messages(self) -> PanaSession:
        core = self._core
        self._number += 1
        return PanaSession(
            seed=core.settings.seed,
            number=self._number,
            route_b_id=core.radio.route_b_id,
            lifetime_s=core.settings.lifetime,
            nasty=core.faults.get("payload-0d0a") is not None,
        )
