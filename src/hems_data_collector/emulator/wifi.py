"""The meter as a node of the home network: ECHONET Lite over UDP port 3610 and IPv6 (echonet-lite-meter §1.3, §3, §9).

`WifiMeter` takes and gives datagrams, wherever they travel; `wifi_server.serve_wifi` puts it on a real interface.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from ipaddress import IPv6Address
from typing import Final, TypeAlias

from hems_data_collector.clock import Clock
from hems_data_collector.echonet import CONTROLLER, NODE_PROFILE, Esv, Frame, Property
from hems_data_collector.emulator import lines
from hems_data_collector.emulator.dice import mix
from hems_data_collector.emulator.faults import Fault
from hems_data_collector.emulator.installation import Installation
from hems_data_collector.emulator.radio import ECHONET_PORT
from hems_data_collector.emulator.settings import EmulatorSettings
from hems_data_collector.errors import FrameError

ALL_NODES: Final = "ff02::1"
MOST_CONTROLLERS: Final = 4
"""Of how many the meter keeps the address, for its notifications; real meters' number is unknown."""
_LINK_LOCAL: Final = 0xFE80 << 112
_SERVICES: Final = frozenset({Esv.GET, Esv.SET_C, Esv.SET_I, Esv.INF_REQ, Esv.SET_GET})

Send: TypeAlias = Callable[[bytes, str], None]
"""Sends a payload to port 3610 of an address, or to `ALL_NODES`; what cannot be sent is lost."""
Move: TypeAlias = Callable[[str], Awaitable[None]]
"""Returns once datagrams to the new address arrive, and those sent come from it."""


async def _stay(address: str) -> None:
    """A place whose address cannot change."""


class WifiMeter(Installation):
    """One meter in a network, with its house. Nothing runs before `start`."""

    def __init__(self, settings: EmulatorSettings, *, clock: Clock | None = None) -> None:
        super().__init__(settings, clock=clock)
        self._send: Send = lambda payload, address: None
        self._move: Move = _stay
        self._moves = 0
        self._controllers: list[str] = []
        self._radio.receive = self._outgoing

    @property
    def address(self) -> str:
        """The link-local address that the meter has chosen: from its MAC, later ones by chance."""
        if self._moves == 0:
            return str(IPv6Address(lines.link_local(self.settings.mac)))
        return str(IPv6Address(_LINK_LOCAL | mix(self.settings.seed, self._moves)))

    def start(self, send: Send, move: Move = _stay) -> None:
        """Begin to live at `address`, as after a power cut: announce the instances, notify each half hour."""
        self._send, self._move = send, move
        self.meter.begin()
        self._radio.session = True  # there is none to set up
        self._tasks.spawn(self._announce())
        self._tasks.spawn(self._radio.announce_half_hours())
        self._start()

    def receive(self, payload: bytes, sender: str, port: int) -> None:
        """A datagram to the meter's address or to all nodes, from port `port` of `sender`."""
        if port != ECHONET_PORT or not self._radio.present:
            return
        try:
            frame = Frame.decode(payload)
        except FrameError:
            return
        self._remember(frame, sender)
        if self._faults.get("silent") is None:
            asker = lines.ALL_NODES if frame.esv is Esv.INF_REQ else sender  # what 63 asks for is told to everybody
            self._radio.deliver(payload, port=port, secured=True, asker=asker)

    def _remember(self, frame: Frame, sender: str) -> None:
        """Notifications go to the controllers that were heard last."""
        asks = frame.esv in _SERVICES and frame.seoj.class_code == CONTROLLER.class_code
        announced = Property(0xD5, b"\x01" + CONTROLLER.to_bytes())
        if asks or (frame.seoj == NODE_PROFILE and frame.esv is Esv.INF and announced in frame.properties):
            if sender in self._controllers:
                self._controllers.remove(sender)
            self._controllers = [sender, *self._controllers][:MOST_CONTROLLERS]

    def _outgoing(self, datagram: lines.Datagram) -> None:
        """What the meter says, as the radio hands it out; without a destination it is for every controller."""
        if datagram.mac != self.settings.mac or not datagram.secured:
            return  # another household's radio, or a forged datagram: neither is in this network
        if datagram.destination == lines.ALL_NODES:
            self._send(datagram.payload, ALL_NODES)
            return
        for address in [datagram.destination] if datagram.destination else self._controllers:
            self._send(datagram.payload, address)

    async def _announce(self) -> None:
        await self._clock.sleep(self._timing.instance_list())
        if self._radio.present:
            self._radio.announce_instances()

    async def _strike(self, fault: Fault) -> None:
        if fault.kind.name == "address-change":
            self._moves += 1
            await self._move(self.address)
            await self._announce()
        else:
            await super()._strike(fault)
