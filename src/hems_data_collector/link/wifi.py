"""One meter over the home network: find it, keep to it, find it again (echonet-lite-meter §1.3, §3, §9).

There is no modem and no authentication. A session is UP while the meter's address is known; a meter that falls silent,
an interface that goes away, or a new address of the same meter end it. `WifiLink.keep()` runs for ever and always comes
back; `connect_once()` serves one-shot verbs and raises.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import datetime
from enum import Enum
from gettext import gettext as _
from random import Random
from typing import Any, Final

from hems_data_collector import skstack
from hems_data_collector.clock import Clock
from hems_data_collector.errors import HemsError, LinkError, MeterNotFound, PortError, SessionLost
from hems_data_collector.link.base import Datagram, OnProgress, Progress, WifiPlace
from hems_data_collector.link.counters import LinkCounters
from hems_data_collector.link.neighbours import OCCUPIED_S, Neighbours
from hems_data_collector.link.patience import Telling
from hems_data_collector.link.retry import waits_for
from hems_data_collector.link.session import SessionState
from hems_data_collector.link.udp import INTERFACE_ERRORS
from hems_data_collector.link.wifi_failures import chosen_of_several, interface_gone, not_found, not_sent
from hems_data_collector.link.wifi_port import WifiPort

log = logging.getLogger(__name__)

SEARCH_AT_S: Final = (0.0, 2.0, 5.0, 10.0, 15.0, 20.0)
"""When the question to all goes out within one search; over Wi-Fi a multicast is sent once and never repeated."""
FEW: Final = 2
"""How many of these are sent although a meter is found that may do, and in every search but the first: other meters
that are being read hear them too, and drop a request that comes while they answer."""
SEARCH_S: Final = 30.0  # 20 s for the last answer to come (§3 step 4), and two more requests for who it is
SETTLE_S: Final = 3.0  # after the last question to all, for other meters, where none was asked for by its number
REPLACED_AFTER_S: Final = 3600.0  # a meter that stays away this long has been exchanged, if another one is there
MOMENT_S: Final = 0.001  # a timer may end a hair early by this clock's reckoning
ASK_EVERY_S: Final = 20.0  # between two searches our meter's last address is asked that often
LOOK_S: Final = 10.0  # how often the interface is looked at while the meter is quiet
_NODE_ID_END: Final = "00" * 5  # behind maker and EUI-64, in the form that is known (§7)


class Input(Enum):
    """What can happen to a session without modem and authentication."""

    SEARCH = "the meter is looked for"
    FOUND = "the meter has said who and where it is"
    GONE = "no meter, silence, a new address, or no interface"
    CLOSE = "nobody wants it any more"


TRANSITIONS: Final[Mapping[tuple[SessionState, Input], SessionState]] = {
    (SessionState.CLOSED, Input.SEARCH): SessionState.JOINING,
    (SessionState.DOWN, Input.SEARCH): SessionState.JOINING,
    (SessionState.DOWN, Input.CLOSE): SessionState.CLOSED,
    (SessionState.JOINING, Input.FOUND): SessionState.UP,
    (SessionState.JOINING, Input.GONE): SessionState.DOWN,
    (SessionState.JOINING, Input.CLOSE): SessionState.CLOSED,
    (SessionState.UP, Input.GONE): SessionState.DOWN,
    (SessionState.UP, Input.CLOSE): SessionState.CLOSED,
}
"""What is not listed changes nothing."""


class WifiLink:
    """The link to one meter in the home network; implements `link.base.MeterLink`.

    `remembered` is where and which the meter was at the last `on_joined`. `on_joined(place)` is called each time the
    meter has been found, before anyone can use the session.
    """

    def __init__(
        self,
        port: WifiPort,
        *,
        neighbours: Neighbours,
        clock: Clock,
        rng: Random,
        remembered: WifiPlace | None = None,
        on_progress: OnProgress = lambda _: None,
    ) -> None:
        self.on_datagram: Callable[[Datagram], None] = lambda _: None
        self.on_down: Callable[[LinkError], None] = lambda _: None
        self.on_joined: Callable[[Any], None] = lambda _: None
        self.on_terminated: Callable[[datetime], None] = lambda _: None
        self.counters = LinkCounters()
        self._port = port
        self._neighbours = neighbours
        self._clock = clock
        self._rng = rng
        self._meter = remembered
        """Which meter is ours, and where it was last."""
        self._on_progress = on_progress
        self._state = SessionState.CLOSED
        self._changed = asyncio.Event()
        self._appeared = asyncio.Event()
        self._down_reason: HemsError | None = None
        self._trouble: HemsError | None = None
        self._missing_since: float | None = None
        self._telling = Telling(clock)
        self._told_others: frozenset[str] = frozenset()
        self._searches = 0

    @property
    def peer(self) -> str | None:
        """The EUI-64 of the meter, by its node profile or by its address; 16 upper-case hex digits, once known."""
        return None if self._meter is None else _eui64(self._meter)

    @property
    def state(self) -> SessionState:
        """Where the session stands."""
        return self._state

    @property
    def trouble(self) -> HemsError | None:
        """Why there is no session, as far as is known; None while there is one."""
        return None if self._state is SessionState.UP else self._trouble

    async def wait_until(self, *states: SessionState) -> None:
        """Return as soon as the session is in one of `states`."""
        while self._state not in states:
            self._changed.clear()
            await self._changed.wait()

    # --- sending -------------------------------------------------------------------------------------------------

    async def send(self, payload: bytes) -> None:
        """Send one datagram to the meter; see `link.base.Link.send`."""
        if self._meter is not None:
            await self._neighbours.free(self._meter)
        if self._state is not SessionState.UP or self._meter is None:
            raise self._no_session()
        self.counters.datagrams_sent += 1
        try:
            self._neighbours.send(self._meter, payload)
        except OSError as error:
            if error.errno not in INTERFACE_ERRORS:
                raise not_sent(error) from error
            self._neighbours.drop(self._meter.interface)
            self.lost(self._meter.interface, interface_gone(self._meter.interface))
            raise self._no_session() from error

    async def probe_failed(self) -> None:
        """The meter stays silent: look for it anew, it may have another address."""
        self._neighbours.disclaim(self)
        self._step(Input.GONE, SessionLost(_("The meter stopped answering.")))

    def _no_session(self) -> SessionLost:
        reason = self._down_reason
        return SessionLost(_("The meter has not been found yet.") if reason is None else reason.what)

    # --- keeping -------------------------------------------------------------------------------------------------

    async def keep(self) -> None:
        """Find the meter, and find it again whenever it is lost, for ever."""
        attempt = 0
        while True:
            try:
                await self._connect()
                attempt = 0
                await self._stay()
                raise self._down_reason or SessionLost(_("The meter is gone."))
            except HemsError as error:
                self._trouble = error
                wait_s = waits_for(error).before(attempt, self._rng)
                attempt += 1
                self.counters.retries += 1
                self._telling.tell(error, wait_s)
                self._on_progress(None)
                await self._listen(wait_s)

    async def connect_once(self) -> WifiPlace:
        """One search; raises what went wrong, within a minute."""
        return await self._connect()

    async def _connect(self) -> WifiPlace:
        interfaces = self._neighbours.attach(self, self._port.interface)
        self._down_reason = None
        self._step(Input.SEARCH)
        try:
            place = self._proven() or await self._search(interfaces)
        except HemsError:
            self._step(Input.GONE)
            raise
        self._adopt(place)
        return place

    async def _stay(self) -> None:
        """Return when the session has ended; notice an interface that went down although nothing is sent."""
        while self._state is SessionState.UP:
            try:
                await self._clock.wait_for(self.wait_until(SessionState.DOWN, SessionState.CLOSED), LOOK_S)
            except TimeoutError:
                self._neighbours.check()

    async def _listen(self, seconds: float) -> None:
        """Wait for the next try, or for the meter to show itself at its last address or anywhere else."""
        until = self._clock.monotonic() + seconds
        while (left := until - self._clock.monotonic()) > MOMENT_S:
            if await self._pause(min(left, ASK_EVERY_S)):
                return
            self._ask_at_last_address()

    def _ask_at_last_address(self) -> None:
        if self._meter is not None:
            self._neighbours.ask(self, self._meter)

    async def _pause(self, seconds: float) -> bool:
        """Wait, but not if a meter that suits shows itself: then True."""
        self._appeared.clear()
        with suppress(TimeoutError):
            await self._clock.wait_for(self._appeared.wait(), seconds)
        return self._appeared.is_set()

    # --- finding the meter ---------------------------------------------------------------------------------------

    def _proven(self) -> WifiPlace | None:
        """Our meter, if it has just said where it is."""
        places = [place for place in self._neighbours.known(self) if self._is_ours(place)]
        return places[-1] if places else None

    async def _search(self, interfaces: tuple[str, ...]) -> WifiPlace:
        where = ", ".join(interfaces)
        self._on_progress(Progress(text=_("Looking for the meter on {where}").format(where=where), expected_s=SETTLE_S))
        self.counters.scans += 1
        self._ask_at_last_address()
        rounds = SEARCH_AT_S if self._searches == 0 else SEARCH_AT_S[:FEW]
        self._searches += 1
        began = self._clock.monotonic()
        sent, quiet_since = 0, 0.0
        while (past := self._clock.monotonic() - began) < SEARCH_S and self._state is SessionState.JOINING:
            if (place := self._proven()) is not None:
                return place
            found = bool(self._candidates())
            due = rounds[sent] if sent < (FEW if found else len(rounds)) else SEARCH_S
            if self._neighbours.asking(self):
                due += OCCUPIED_S
            if past >= due:
                self._neighbours.search(self, by_get=bool(sent % 2))
                sent, quiet_since = sent + 1, past
                continue
            settled_at = quiet_since + SETTLE_S if found and sent >= FEW else SEARCH_S
            if past >= settled_at:
                break
            await self._pause(min(due, settled_at, SEARCH_S) - past + MOMENT_S)
        if self._state is not SessionState.JOINING:
            raise self._down_reason or self._no_session()
        return self._choice(where)

    def _is_ours(self, place: WifiPlace) -> bool:
        """The meter that was asked for by its number; without a number the one that we had before."""
        if self._port.meter is not None:
            return self._port.meter == place.serial or self._port.meter.upper() == place.node_id
        return self._meter is not None and _who(self._meter) == _who(place)

    def _candidates(self) -> list[WifiPlace]:
        """Meters that may be ours where nobody said which one: all, unless ours is only away for a while."""
        if self._port.meter is not None or (self._meter is not None and not self._is_replaced()):
            return []
        return sorted(self._neighbours.known(self), key=_who)

    def _is_replaced(self) -> bool:
        if self._missing_since is None:
            self._missing_since = self._clock.monotonic()
        return self._clock.monotonic() - self._missing_since >= REPLACED_AFTER_S

    def _choice(self, where: str) -> WifiPlace:
        """After a search in vain for a certain meter: the lowest number of those that may be ours."""
        candidates = self._candidates()
        if not candidates:
            raise self._not_found(where)
        names = sorted({_who(place) for place in candidates})
        if len(names) > 1 and frozenset(names) != self._told_others:
            self._told_others = frozenset(names)
            log.warning("%s", chosen_of_several(names))
        return candidates[0]

    def _not_found(self, where: str) -> MeterNotFound:
        wanted = self._port.meter or (None if self._meter is None else _who(self._meter))
        return not_found(wanted, where, sorted({_who(place) for place in self._neighbours.known(self)}))

    def _adopt(self, place: WifiPlace) -> None:
        self._neighbours.claim(self, place)
        self._meter = place
        self._missing_since = None
        self._searches = 0
        self._telling.over()
        self.counters.rejoins += self.counters.joins > 0
        self.counters.joins += 1
        self._on_progress(None)
        self._step(Input.FOUND)

    # --- what the neighbours tell ----------------------------------------------------------------------------------

    def heard(self, payload: bytes) -> None:
        """See `neighbours.Listener.heard`."""
        self.counters.datagrams_received += 1
        if self._state is SessionState.UP:
            self.on_datagram(Datagram(payload=payload))

    def found(self, place: WifiPlace) -> None:
        """See `neighbours.Listener.found`; our meter at a new address does not answer what went to the former one."""
        if self._state is not SessionState.UP:
            if self._is_ours(place) or self._candidates():
                self._appeared.set()
        elif self._is_ours(place) and self._meter is not None and place.address != self._meter.address:
            self._step(Input.GONE, SessionLost(_("The meter has a new address.")))

    def lost(self, interface: str, error: PortError) -> None:
        """See `neighbours.Listener.lost`."""
        if self._state is SessionState.JOINING or (self._meter is not None and self._meter.interface == interface):
            self._neighbours.disclaim(self)
            self._step(Input.GONE, error)
            self._appeared.set()

    def _step(self, happened: Input, reason: HemsError | None = None) -> None:
        before, self._state = self._state, TRANSITIONS.get((self._state, happened), self._state)
        if self._state is before:
            return
        if self._state is SessionState.DOWN:
            self._down_reason = reason
            if before is SessionState.UP:
                self.counters.losses += 1
                self.on_down(self._no_session())
        if self._state is SessionState.UP and self._meter is not None:
            log.info("Found the meter %s on %s (%s).", _who(self._meter), self._meter.interface, self._meter.address)
            self.on_joined(self._meter)  # before anyone who waits for the session can use it
        self._changed.set()

    async def close(self) -> None:
        """Let go of the interface; there is nothing to tell the meter. Never raises."""
        self._step(Input.CLOSE)
        self._neighbours.detach(self)


def _who(place: WifiPlace) -> str:
    """The meter's own number: its serial number, else its node identification, else its address."""
    return place.serial or place.node_id or place.address


def _eui64(place: WifiPlace) -> str:
    """From the node profile where it holds one, so that it outlives a change of address (§7)."""
    if place.node_id is not None and place.node_id.endswith(_NODE_ID_END) and place.node_id[8:24].strip("0"):
        return place.node_id[8:24]
    return skstack.mac_of(place.address)
