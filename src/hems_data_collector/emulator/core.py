"""The module's state and its voice: registers, flash, neighbours, and every line that it prints (skstack-ip §7.3)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Final

from hems_data_collector.clock import Clock
from hems_data_collector.emulator import lines
from hems_data_collector.emulator.airtime import AirTime
from hems_data_collector.emulator.faults import FaultBox
from hems_data_collector.emulator.lines import Datagram
from hems_data_collector.emulator.radio import ECHONET_PORT, Radio
from hems_data_collector.emulator.registers import Registers
from hems_data_collector.emulator.settings import EmulatorSettings
from hems_data_collector.emulator.tasks import Tasks
from hems_data_collector.emulator.timing import Timing
from hems_data_collector.skstack.dialects import MODULES

NEIGHBOUR_LIMIT: Final = 8
ROUTE_B_SIDE: Final = 0
OWN_MAC_END: Final = "0574"
"""Last digits of the module's own MAC; its maker's prefix stands before them."""
EV_NEIGHBOUR_ADVERTISEMENT, EV_SENT, EV_LIMITED, EV_RELEASED = 0x02, 0x21, 0x32, 0x33
SENT, NOT_SENT, SOLICITED = 0, 1, 2
"""Parameter of EVENT 21 (skstack-ip §3.2)."""
UDP_PORTS: Final = (ECHONET_PORT, 0x02CC, 0, 0, 0, 0)
"""Ports of handles 1 to 6 as delivered (skstack-ip §2.6)."""
CUT_BYTES: Final = 4
HALF_LINE_BYTES: Final = 9


@dataclass(slots=True, kw_only=True)
class Saved:
    """What SKSAVE keeps."""

    registers: dict[str, str]
    route_b_id: str | None
    password: str | None
    ports: tuple[int, ...]


@dataclass(slots=True, kw_only=True)
class Flash:
    """What survives a power cut."""

    wopt: int
    """Bit 0: payloads in hex."""
    wuart: int = 0
    mac: str
    saved: Saved | None = None


@dataclass(slots=True, kw_only=True)
class Volatile:
    """What SKRESET forgets, besides registers and session."""

    route_b_id: str | None = None
    password: str | None = None
    ports: tuple[int, ...] = UDP_PORTS
    wanted_ports: tuple[int, ...] = UDP_PORTS
    """As set by SKUDPPORT; in force after SKSAVE and a restart with SFF."""
    neighbours: dict[str, str] = field(default_factory=dict)
    """IPv6 to MAC, oldest first."""
    frame_counter: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Wiring:
    """What a module is connected to."""

    settings: EmulatorSettings
    in_reach: tuple[Radio, ...]
    """One for each meter that the module can hear, at least one."""
    faults: FaultBox
    timing: Timing
    clock: Clock
    tasks: Tasks
    output: Callable[[bytes], None]
    """Takes what the module prints."""


class Core:
    """What commands, scans and joins have in common."""

    def __init__(self, wiring: Wiring) -> None:
        settings = wiring.settings
        self.settings = settings
        self.module = MODULES[settings.module]
        self.in_reach = wiring.in_reach
        self.radio = wiring.in_reach[0]
        """The way to the meter that the module has to do with."""
        self.faults = wiring.faults
        self.timing = wiring.timing
        self.clock = wiring.clock
        self.tasks = wiring.tasks
        self.counters = self.radio.counters
        self._output = wiring.output
        hexadecimal = self.module.hex_payload_default if settings.hex is None else settings.hex
        mac = self.module.mac_prefix.ljust(16 - len(OWN_MAC_END), "0") + OWN_MAC_END
        self.flash = Flash(wopt=int(hexadecimal), mac=mac)
        self.registers = Registers(has_side=self.has_side)
        self.volatile = Volatile()
        if not settings.echo:
            self.registers.values |= {"SFE": "0", "SFF": "1"}
            self.flash.saved = self.snapshot()
        self.air_time = AirTime(wiring.clock, wiring.tasks, self._report_limit)
        self.session_up = False
        """The module holds a session."""
        self.asleep = False
        self.muted = False
        self.hung = False
        """Deaf to everything but SKRESET."""
        for radio in wiring.in_reach:
            radio.counters = self.counters  # they count together
            radio.receive = partial(self._hear, radio)

    def turn_to(self, address: str) -> None:
        """Have to do with the meter at `address` from now on, or with the same one where nobody is there."""
        self.radio = next((radio for radio in self.in_reach if radio.address == address), self.radio)

    @property
    def has_side(self) -> bool:
        """Dual-stack dialect."""
        return self.module.dialect.has_side

    @property
    def side(self) -> int | None:
        """The side as printed in events; None in the single-stack dialect."""
        return ROUTE_B_SIDE if self.has_side else None

    @property
    def address(self) -> str:
        """The module's own link-local address."""
        return lines.link_local(self.flash.mac)

    @property
    def hexadecimal(self) -> bool:
        """Payloads are printed in hex (skstack-ip §1.5)."""
        if self.faults.get("er04-ropt"):
            return True
        return bool(self.flash.wopt & 1) if self.module.has_rohm_options else self.module.hex_payload_default

    def emit(self, data: bytes) -> None:
        """Print bytes, whole lines at a time except for echo."""
        if not (self.muted or self.hung or self.asleep or self.faults.get("stuck")):
            self._output(data)

    def event(self, number: int, address: str, parameter: int | None = None) -> None:
        """Print an EVENT line."""
        self.emit(lines.event(number, address, self.side, parameter))

    def _hear(self, radio: Radio, datagram: Datagram) -> None:
        """What another meter sends is not ciphered with the key of this session."""
        if radio is self.radio:
            self.receive(datagram)

    def receive(self, datagram: Datagram) -> None:
        """A datagram from the air; without a session nothing can be deciphered."""
        if datagram.secured and not self.session_up:
            return
        shown = datagram if datagram.destination else replace(datagram, destination=self.address)
        rssi = self.radio.lqi() if self.has_side and self.registers.flag("SA2") else None
        cut = CUT_BYTES if self.faults.strikes("cut-line") else 0
        text = lines.erxudp(shown, side=self.side, rssi=rssi, hexadecimal=self.hexadecimal, cut=cut)
        self.emit(text[:-HALF_LINE_BYTES] if self.faults.strikes("half-line") else text)

    def remember_neighbour(self, address: str, mac: str) -> None:
        """Enter a neighbour; the same address replaces, a ninth one drops the oldest (skstack-ip §2.5)."""
        self.volatile.neighbours.pop(address, None)
        self.volatile.neighbours[address] = mac
        while len(self.volatile.neighbours) > NEIGHBOUR_LIMIT:
            del self.volatile.neighbours[next(iter(self.volatile.neighbours))]

    def account(self, size: int) -> None:
        """A datagram with `size` bytes of payload was sent."""
        self.volatile.frame_counter += 1
        self.air_time.sent(size)

    def register_value(self, name: str) -> str | None:
        """A register as SKSREG prints it; None for an unknown one."""
        special = {
            "S01": lambda: self.flash.mac,
            "S07": lambda: f"{self.volatile.frame_counter & 0xFFFFFFFF:08X}",
            "SFB": lambda: str(int(self.air_time.restricted)),
            "SFD": lambda: f"{self.air_time.sent_ms:016X}",
        }
        return special[name]() if name in special else self.registers.shown(name)

    def snapshot(self) -> Saved:
        """What SKSAVE would keep now."""
        return Saved(
            registers=dict(self.registers.values),
            route_b_id=self.volatile.route_b_id,
            password=self.volatile.password,
            ports=self.volatile.wanted_ports,
        )

    def restore(self, saved: Saved) -> None:
        """Take over what SKSAVE kept."""
        self.registers.values = dict(saved.registers)
        self.volatile.route_b_id, self.volatile.password = saved.route_b_id, saved.password
        self.volatile.wanted_ports = saved.ports

    def forget(self) -> None:
        """Lose all volatile state; saved registers come back where SFF says so (skstack-ip §1.3, §2.7)."""
        self.asleep = False
        self.volatile = Volatile()
        self.registers.reset()
        saved = self.flash.saved
        if saved and saved.registers["SFF"] == "1":
            self.restore(saved)
            self.volatile.ports = saved.ports

    def _report_limit(self, reached: bool) -> None:
        self.event(EV_LIMITED if reached else EV_RELEASED, self.address)
