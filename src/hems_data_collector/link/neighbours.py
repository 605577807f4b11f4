"""Who is on the networks of this machine: one socket per interface for every link, and the meters found through it.

A datagram goes to the link that has claimed its sender's address. From all others only two things are of use: a node
profile's list of instances (D5, D6), and the answers by which a meter says which one it is (83, 8D).
"""

from __future__ import annotations

import asyncio
import errno
import logging
import os
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from random import Random
from typing import Final, NamedTuple, Protocol

from hems_data_collector.clock import Clock
from hems_data_collector.echonet import (
    CONTROLLER,
    METER,
    NODE_PROFILE,
    UDP_PORT,
    Eoj,
    Esv,
    Frame,
    Property,
    decode_property,
    is_answer,
)
from hems_data_collector.errors import DecodeError, FrameError, PortError
from hems_data_collector.link.base import WifiPlace
from hems_data_collector.link.counters import LinkCounters
from hems_data_collector.link.udp import ALL_NODES, Endpoint, Network, no_interface
from hems_data_collector.link.wifi_failures import interface_gone

log = logging.getLogger(__name__)

ANSWERS_S: Final = (4.0, 8.0, 20.0)
"""How long each question for a property that says who a meter is waits for its answer: a meter answers within 4 s
(§12), and one that was busy dropped it. Only the last wait must be that of AIF §2.4.2, timer 1."""
MOST_KNOWN: Final = 64  # meters remembered; a household has one or two, and a flood must not fill the memory
OCCUPIED_S: Final = 3.0  # a meter that has been asked something takes no other question (§4.2); at most this long
MOST_ASKED: Final = 8  # nodes that are asked who they are at the same time
LINK_LOCAL: Final = "fe80::"

INSTANCES_D5, INSTANCES_D6, NODE_ID, SERIAL = 0xD5, 0xD6, 0x83, 0x8D
_TELLING: Final = frozenset({Esv.INF, Esv.INFC, Esv.GET_RES})


class At(NamedTuple):
    """An address on an interface."""

    interface: str
    address: str


class Listener(Protocol):
    """A link, as its neighbours see it."""

    counters: LinkCounters

    def heard(self, payload: bytes) -> None:
        """A datagram from an address that this link has claimed."""

    def found(self, place: WifiPlace) -> None:
        """A meter has said who and where it is."""

    def lost(self, interface: str, error: PortError) -> None:
        """An interface of this link is gone."""


@dataclass(slots=True)
class _Question:
    epc: int
    answered: asyncio.Future[bytes]
    requests: list[Frame] = field(default_factory=list)


@dataclass(slots=True)
class _Called:
    """A meter among those that all are asked."""

    until: float
    answered: asyncio.Event = field(default_factory=asyncio.Event)


class Neighbours:
    """Shared by all Wi-Fi links of a program; a socket is open as long as a link uses its interface."""

    def __init__(self, network: Network, *, clock: Clock, rng: Random) -> None:
        self._network = network
        self._clock = clock
        self._tid = rng.randrange(0x10000)
        self._endpoints: dict[str, Endpoint] = {}
        self._users: dict[Listener, set[str]] = {}
        self._owners: dict[At, Listener] = {}
        self._known: dict[At, WifiPlace] = {}
        self._questions: dict[At, _Question] = {}
        self._asking: dict[At, asyncio.Task[None]] = {}
        self._called: dict[At, _Called] = {}
        """Meters of links that have a session, while another link looks for its own by questions to all."""
        self._requested: dict[At, float] = {}
        """Those meters that their own link has asked something, until when at most they are at that."""

    # --- interfaces ----------------------------------------------------------------------------------------------

    def attach(self, link: Listener, interface: str | None) -> tuple[str, ...]:
        """Let `link` use `interface` (None: all that can be used) from now on; may be called again and again.

        Returns the interfaces. Raises PortNotFound or PortBusy where none can be opened.
        """
        wanted = self._network.interfaces() if interface is None else (interface,)
        refused: PortError = no_interface(None, ())
        opened: set[str] = set()
        for name in wanted:
            try:
                link.counters.port_openings += self._open(name)
                opened.add(name)
            except PortError as error:
                refused = error
        self._users[link] = opened
        self._close_unused()
        if not opened:
            raise refused
        return tuple(sorted(opened))

    def detach(self, link: Listener) -> None:
        """`link` uses nothing any more."""
        self._users.pop(link, None)
        self.disclaim(link)
        self._close_unused()

    def check(self) -> None:
        """Notice interfaces that went down, which no error tells while nothing is sent."""
        for name, endpoint in tuple(self._endpoints.items()):
            if not endpoint.usable():
                self.drop(name)

    def drop(self, interface: str) -> None:
        """An interface can be used no more: close it and tell its links."""
        endpoint = self._endpoints.pop(interface, None)
        if endpoint is None:
            return
        endpoint.close()
        self._forget(at for at in (*self._known, *self._asking) if at.interface == interface)
        error = interface_gone(interface)
        for link, interfaces in tuple(self._users.items()):
            if interface in interfaces:
                interfaces.discard(interface)
                link.lost(interface, error)

    def _open(self, interface: str) -> bool:
        """Open an interface and announce us there; False where it is open already."""
        endpoint = self._endpoints.get(interface)
        if endpoint is not None and endpoint.usable():
            return False
        self.drop(interface)
        self._endpoints[interface] = self._network.open(
            interface, lambda payload, address, port: self._received(At(interface, address), port, payload)
        )
        self._say(interface, ALL_NODES, self._frame(NODE_PROFILE, NODE_PROFILE, Esv.INF, INSTANCES_D5, _OWN_INSTANCES))
        return True

    def _close_unused(self) -> None:
        used = set().union(*self._users.values())
        for name in [name for name in self._endpoints if name not in used]:
            self._endpoints.pop(name).close()
            self._forget(at for at in (*self._known, *self._asking) if at.interface == name)

    # --- who is there --------------------------------------------------------------------------------------------

    def known(self, link: Listener) -> list[WifiPlace]:
        """The meters that have said who they are, on the interfaces of `link` and not claimed by another link."""
        interfaces = self._users.get(link, set())
        return [
            place
            for at, place in self._known.items()
            if at.interface in interfaces and self._owners.get(at, link) is link
        ]

    def search(self, link: Listener, *, by_get: bool) -> None:
        """Ask every node on the interfaces of `link` for its instances, by Get D6 or else by INF_REQ D5 (§3 step 4)."""
        service, epc = (Esv.GET, INSTANCES_D6) if by_get else (Esv.INF_REQ, INSTANCES_D5)
        until = self._clock.monotonic() + OCCUPIED_S
        for interface in tuple(self._users.get(link, ())):
            self._called |= {at: _Called(until) for at in self._owners if at.interface == interface}
            self._say(interface, ALL_NODES, self._frame(CONTROLLER, NODE_PROFILE, service, epc))

    def ask(self, link: Listener, place: WifiPlace) -> None:
        """Ask whoever is at this place who it is; nothing happens where `link` does not use the interface."""
        if place.interface in self._users.get(link, ()):
            self._introduce(At(place.interface, place.address))

    def asking(self, link: Listener) -> bool:
        """Whether somebody on the interfaces of `link` is being asked something: it takes no other question then."""
        interfaces, now = self._users.get(link, set()), self._clock.monotonic()
        asked = [*self._asking, *(at for at, until in self._requested.items() if until > now)]
        return any(at.interface in interfaces for at in asked)

    def claim(self, link: Listener, place: WifiPlace) -> None:
        """From now on `link` gets what comes from `place`."""
        self._owners[At(place.interface, place.address)] = link

    def disclaim(self, link: Listener) -> None:
        """`link` has no meter any more; what was known of its meter must be proved again."""
        mine = [at for at, owner in self._owners.items() if owner is link]
        for at in mine:
            del self._owners[at]
            self._requested.pop(at, None)
            self._called.pop(at, None)
        self._forget(mine)

    async def free(self, place: WifiPlace) -> None:
        """Wait while the meter there is at a question to all, but no longer than it can be."""
        at = At(place.interface, place.address)
        called = self._called.get(at)
        if called is not None:
            with suppress(TimeoutError):
                await self._clock.wait_for(called.answered.wait(), max(0.0, called.until - self._clock.monotonic()))

    def send(self, place: WifiPlace, payload: bytes) -> None:
        """Send one datagram to a meter; raises OSError."""
        self._requested[At(place.interface, place.address)] = self._clock.monotonic() + OCCUPIED_S
        self._send(place.interface, place.address, payload)

    def _send(self, interface: str, address: str, payload: bytes) -> None:
        endpoint = self._endpoints.get(interface)
        if endpoint is None:
            raise OSError(errno.ENETDOWN, os.strerror(errno.ENETDOWN))
        endpoint.send(payload, address)

    # --- receiving -----------------------------------------------------------------------------------------------

    def _received(self, at: At, port: int, payload: bytes) -> None:
        if port != UDP_PORT or not at.address.lower().startswith(LINK_LOCAL):
            self._ignored(at.interface)
            return
        self._requested.pop(at, None)
        if (called := self._called.pop(at, None)) is not None:
            called.answered.set()
        owner = self._owners.get(at)
        if owner is not None and at not in self._questions:
            owner.heard(payload)
            return
        frame = _frame_of(payload)
        if frame is not None and self._answers_a_question(at, frame):
            return
        if owner is not None:
            owner.heard(payload)
        elif frame is not None and _lists_a_meter(frame):
            self._meter_at(at)
        else:
            self._ignored(at.interface)

    def _ignored(self, interface: str) -> None:
        for link, interfaces in self._users.items():
            if interface in interfaces:
                link.counters.ignored += 1

    def _meter_at(self, at: At) -> None:
        place = self._known.get(at)
        if place is None:
            self._introduce(at)
        else:
            self._tell(place)

    def _tell(self, place: WifiPlace) -> None:
        for link, interfaces in tuple(self._users.items()):
            if place.interface in interfaces:
                link.found(place)

    def _answers_a_question(self, at: At, frame: Frame) -> bool:
        """Whether it does; the property decides too, because a client of the same meter counts TIDs of its own."""
        question = self._questions.get(at)
        if question is None or question.answered.done():
            return False
        if [entry.epc for entry in frame.properties] != [question.epc]:
            return False
        if not any(is_answer(request, frame) for request in question.requests):
            return False
        question.answered.set_result(frame.properties[0].edt)
        return True

    # --- asking --------------------------------------------------------------------------------------------------

    def _introduce(self, at: At) -> None:
        if at not in self._asking and len(self._asking) < MOST_ASKED:
            task = asyncio.create_task(self._identify(at), name="wifi-identify")
            self._asking[at] = task
            task.add_done_callback(lambda done: self._asked(at, done))

    def _asked(self, at: At, task: asyncio.Task[None]) -> None:
        if self._asking.get(at) is task:
            del self._asking[at]

    async def _identify(self, at: At) -> None:
        """Ask for 8D and 83, one after the other: a meter takes one request at a time (§4.2)."""
        try:
            serial = await self._value(at, METER, SERIAL)
            node_id = await self._value(at, NODE_PROFILE, NODE_ID)
        except TimeoutError:
            log.debug("%s%%%s does not say who it is", at.address, at.interface)
            return
        place = WifiPlace(
            interface=at.interface, address=at.address, serial=_text(serial), node_id=node_id.hex().upper() or None
        )
        self._known.pop(at, None)
        self._known[at] = place
        self._forget([old for old in self._known if old not in self._owners][:-MOST_KNOWN])
        self._tell(place)

    async def _value(self, at: At, eoj: Eoj, epc: int) -> bytes:
        """The value of one property, empty where the meter has none; raises TimeoutError."""
        question = self._questions[at] = _Question(epc, asyncio.get_running_loop().create_future())
        try:
            for seconds in ANSWERS_S:
                frame = self._frame(CONTROLLER, eoj, Esv.GET, epc)
                question.requests.append(frame)
                self._say(at.interface, at.address, frame)
                with suppress(TimeoutError):
                    return await self._clock.wait_for(asyncio.shield(question.answered), seconds)
            raise TimeoutError
        finally:
            question.answered.cancel()
            if self._questions.get(at) is question:
                del self._questions[at]

    def _forget(self, places: Iterable[At]) -> None:
        for at in list(places):
            self._known.pop(at, None)
            task = self._asking.pop(at, None)
            if task is not None:
                task.cancel()

    def _say(self, interface: str, address: str, frame: Frame) -> None:
        """Send a frame of our own; one that cannot be sent is as good as lost, and asked again."""
        try:
            self._send(interface, address, frame.encode())
        except OSError as error:
            log.debug("sending on %s: %s", interface, error)

    def _frame(self, seoj: Eoj, deoj: Eoj, esv: Esv, epc: int, edt: bytes = b"") -> Frame:
        self._tid = (self._tid + 1) & 0xFFFF
        return Frame(tid=self._tid, seoj=seoj, deoj=deoj, esv=esv, properties=(Property(epc, edt),))


_OWN_INSTANCES: Final = b"\x01" + CONTROLLER.to_bytes()
"""What a starting node announces: its one device object (§3 step 3)."""


def _frame_of(payload: bytes) -> Frame | None:
    try:
        return Frame.decode(payload)
    except FrameError:
        return None


def _lists_a_meter(frame: Frame) -> bool:
    """Whether a node profile says that a smart meter is among its objects (§3 step 5)."""
    if frame.seoj.class_code != NODE_PROFILE.class_code or frame.esv not in _TELLING:
        return False
    for entry in frame.properties:
        if entry.epc in (INSTANCES_D5, INSTANCES_D6):
            try:
                instances = decode_property(NODE_PROFILE, entry.epc, entry.edt)
            except DecodeError:
                continue
            if isinstance(instances, tuple) and METER in instances:
                return True
    return False


def _text(serial: bytes) -> str | None:
    """8D as text; None where there is none, or nothing that can be read."""
    try:
        text = decode_property(METER, SERIAL, serial)
    except DecodeError:
        return None
    return text if isinstance(text, str) and text else None
