"""Everything a module can say, as values (skstack-ip §3). Addresses are full 39-character upper-case IPv6."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from enum import Enum, IntEnum
from typing import Final, TypeAlias

from hems_data_collector.skstack.commands import Command
from hems_data_collector.skstack.dialects.base import DUAL_STACK, SINGLE_STACK, Dialect
from hems_data_collector.skstack.masking import masked_line

_LQI_SLOPE_DB: Final = Decimal("0.275")
_LQI_OFFSET_DBM: Final = Decimal("-104.27")


def rssi_dbm(lqi: int) -> Decimal:
    """Signal strength in dBm of an LQI (0..255) or of the RSSI field of ERXUDP (skstack-ip §3.3)."""
    return _LQI_SLOPE_DB * lqi + _LQI_OFFSET_DBM


class EventNumber(IntEnum):
    """The numbers of EVENT lines, hex text on the wire (skstack-ip §3.1); a module may send others."""

    NEIGHBOR_SOLICITATION = 0x01
    NEIGHBOR_ADVERTISEMENT = 0x02
    ECHO_REQUEST = 0x05
    ENERGY_SCAN_DONE = 0x1F
    BEACON = 0x20
    UDP_SENT = 0x21
    SCAN_DONE = 0x22
    JOIN_FAILED = 0x24
    JOINED = 0x25
    PEER_ENDED_SESSION = 0x26
    TERMINATED = 0x27
    TERMINATE_TIMED_OUT = 0x28
    SESSION_EXPIRED = 0x29
    SEND_LIMIT_REACHED = 0x32
    SEND_LIMIT_RELEASED = 0x33
    PAC_KEY_REQUEST_SENT = 0x40
    PAC_KEY_RESPONSE = 0x41
    PAC_KEY_NO_RESPONSE = 0x42
    PAC_KEY_DISTRIBUTION = 0x43
    PAC_KEY_SWITCH = 0x44
    PAC_KEY_INDEX_MISMATCH = 0x45
    PAC_KEY_SWITCH_TIMED_OUT = 0x46
    PAA_KEY_FIRST = 0x50
    PAA_INITIAL_MODE_STARTED = 0x56
    PAA_INITIAL_MODE_ENDED = 0x57
    WAKE_UP = 0xC0


class Transmission(Enum):
    """What became of a datagram, from the last matching EVENT 21 before OK (skstack-ip §3.2)."""

    SENT = "sent"
    """The meter's radio acknowledged the frame."""
    FAILED = "failed"
    """No acknowledgement; the command itself still ends with OK."""
    UNCONFIRMED = "unconfirmed"
    """Only a neighbour solicitation went out, or the module said nothing: wait for the answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ok:
    """`OK`, with the text behind it ("" when there is none)."""

    text: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fail:
    """`FAIL`; `code` is the decimal number behind ER, None when there is none (skstack-ip §2.0)."""

    code: int | None = None
    text: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One EVENT line; `address`, `side` and `parameter` are None where the line has none (skstack-ip §3.1)."""

    number: int
    address: str | None = None
    side: int | None = None
    parameter: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RxUdp:
    """A received datagram (skstack-ip §3.4); `lqi` only when register SA2 asks for it."""

    sender: str
    destination: str
    remote_port: int
    local_port: int
    sender_mac: str
    lqi: int | None = None
    secured: bool
    side: int | None = None
    payload: bytes = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class RxTcp:
    """Received TCP data (skstack-ip §3.7)."""

    sender: str
    remote_port: int
    local_port: int
    payload: bytes = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tcp:
    """A change of a TCP connection (skstack-ip §3.7): status 1 connected, 3 closed, 4 port in use, 5 sent."""

    status: int
    handle: int
    address: str | None = None
    remote_port: int | None = None
    local_port: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PanDescription:
    """One PAN of an active scan (skstack-ip §3.3); the pairing id is the end of a Route-B id, hence never shown."""

    channel: int
    channel_page: int
    pan_id: int
    mac: str
    lqi: int
    side: int | None = None
    pair_id: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class EnergyScan:
    """Energy per channel, raw LQI-like values (skstack-ip §2.4, mode 0)."""

    levels: Mapping[int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """Firmware version (SKVER)."""

    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AppVersion:
    """Application firmware version (SKAPPVER)."""

    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Info:
    """The answer of SKINFO (skstack-ip §2.1): `side` on dual-stack modules, `short_address` on single-stack ones."""

    address: str
    mac: str
    channel: int
    pan_id: int
    side: int | None = None
    short_address: int | None = None

    @property
    def dialect(self) -> Dialect | None:
        """The dialect that the last field shows (skstack-ip §5.3); None when it shows neither."""
        if self.side is not None:
            return DUAL_STACK
        return SINGLE_STACK if self.short_address is not None else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Register:
    """The value of a register as printed (skstack-ip §2.2); not shown, since S0A is a secret."""

    value: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """A bare IPv6 line: the answer of SKLL64."""

    address: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Pong:
    """An echo reply (SKPING)."""

    address: str
    side: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Neighbor:
    """One row of the neighbour cache."""

    address: str
    mac: str
    short_address: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TcpHandle:
    """One row of the TCP handle table."""

    handle: int
    address: str
    remote_port: int
    local_port: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AddressTable:
    """SKTABLE 1: the module's own addresses."""

    addresses: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class NeighborTable:
    """SKTABLE 2: the neighbour cache."""

    neighbors: tuple[Neighbor, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class PortTable:
    """SKTABLE E: listening ports by handle (first entry = handle 1), 0 = unused; `tcp` on firmware that prints it."""

    udp: tuple[int, ...] = ()
    tcp: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class HandleTable:
    """SKTABLE F: TCP handles."""

    handles: tuple[TcpHandle, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceTable:
    """SKTABLE 9: the device table of HAN firmware, its lines as printed."""

    rows: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyTable:
    """SKTABLE A: the key table, its lines as printed; never shown."""

    rows: tuple[str, ...] = field(default=(), repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Unparsed:
    """A line (or a broken block) that no rule fits; `str` and `repr` show it masked."""

    raw: bytes

    def __repr__(self) -> str:
        return f"Unparsed({masked_line(self.raw)!r})"


Table: TypeAlias = AddressTable | NeighborTable | PortTable | HandleTable | DeviceTable | KeyTable
Answer: TypeAlias = Version | AppVersion | Info | Register | Address | Table
"""What belongs to a command and is handed over with its end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandDone:
    """A command has ended: `ok`, or refused with `failure`; `answers` are the data lines before the end.

    `transmission` only for an accepted SKSENDTO (skstack-ip §3.2).
    """

    command: Command
    ok: bool
    failure: Fail | None = None
    answers: tuple[Answer, ...] = ()
    transmission: Transmission | None = None
    text: str = ""
    """What stood behind OK, as ROPT answers it ("00", "01")."""


LineEvent: TypeAlias = Ok | Fail | Event | RxUdp | RxTcp | Tcp | PanDescription | EnergyScan | Pong | Answer
ModemEvent: TypeAlias = LineEvent | CommandDone | Unparsed
