"""Every command of skstack-ip §2 as a value that knows its bytes, its masked text and how its answer ends.

Builders raise ValueError for an argument that the module would refuse; the text of that error never holds a secret.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum
from typing import Final

from hems_data_collector.credentials import MASK, PASSWORD_MAX_LENGTH, ROUTE_B_ID_LENGTH
from hems_data_collector.skstack.addresses import full_ipv6
from hems_data_collector.skstack.dialects.base import Dialect
from hems_data_collector.skstack.framing import CRLF, MAX_PAYLOAD
from hems_data_collector.skstack.masking import masked_line

ECHONET_LITE_PORT: Final = 0x0E1A
PANA_PORT: Final = 0x02CC
ALL_CHANNELS: Final = 0xFFFF_FFFF  # bit 0 = channel 33 (§2.4)
ACTIVE_SCAN_WITH_IE: Final = 2  # filters by pairing id: the mode for Route-B (§2.4)
MAX_SCAN_DURATION: Final = 14

_PRINTABLE: Final = re.compile(r"[\x21-\x7e]+\Z")
_MAC: Final = re.compile(r"[0-9A-Fa-f]{16}\Z")
_REGISTER: Final = re.compile(r"S[0-9A-Z]{1,2}\Z")
_PAIR_ID_REGISTERS: Final = frozenset({"S0A", "SA", "S0B", "SB"})


class Ending(Enum):
    """The line that ends a command's answer."""

    STATUS = "status"
    """OK or FAIL."""
    ADDRESS = "address"
    """A bare IPv6 line, or FAIL: SKLL64 only (§2.5)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """One command: `data` follows the last argument and a space, verbatim and without a line end (§1.4).

    `secret`: the arguments must not be shown. `rohm`: a product command, ended by CR alone both ways (§1.2).
    """

    name: str
    arguments: tuple[str, ...] = ()
    data: bytes | None = None
    secret: bool = False
    rohm: bool = False
    final: Ending = Ending.STATUS

    @property
    def text(self) -> str:
        """Name and arguments as typed, without data and line end: what the module echoes."""
        return " ".join((self.name, *self.arguments))

    @property
    def wire(self) -> bytes:
        """The bytes for the module."""
        if self.data is not None:
            return self.text.encode("ascii") + b" " + self.data
        return self.text.encode("ascii") + (b"\r" if self.rohm else CRLF)

    @property
    def masked(self) -> str:
        """One printable line without any secret, for logs and errors."""
        return f"{self.name} {MASK}" if self.secret else masked_line(self.wire)

    @property
    def destination(self) -> str | None:
        """For SKSENDTO the address whose EVENT 21 tells what became of the datagram; None for the others."""
        return self.arguments[1] if self.name == "SKSENDTO" and len(self.arguments) > 1 else None

    def __repr__(self) -> str:
        return f"Command({self.masked!r})"


def _in(value: int, low: int, high: int, what: str) -> int:
    if not low <= value <= high:
        raise ValueError(f"{what} is {value}, outside {low}..{high}")
    return value


def _mac(text: str) -> str:
    if not _MAC.match(text):
        raise ValueError(f"a 64-bit MAC has 16 hex digits: {text!r}")
    return text.upper()


def skver() -> Command:
    """Firmware version: `Version`."""
    return Command(name="SKVER")


def skappver() -> Command:
    """Application version: `AppVersion`; FAIL ER04 on Stick-D/DSS."""
    return Command(name="SKAPPVER")


def skinfo() -> Command:
    """Own address, channel and PAN: `Info`; its last field tells the dialect (§5.3)."""
    return Command(name="SKINFO")


def skreset() -> Command:
    """Forget session, registers and credentials; echo is on again."""
    return Command(name="SKRESET")


def sksreg(register: str, value: str | None = None) -> Command:
    """Read (`Register`) or write a register by its name of §2.2; `S2` and `S02` are the same one."""
    if not _REGISTER.match(register):
        raise ValueError(f"not a register name: {register!r}")
    if value is None:
        return Command(name="SKSREG", arguments=(register,))
    if not _PRINTABLE.match(value):
        raise ValueError(f"the value for {register} must be printable ASCII without spaces")
    return Command(name="SKSREG", arguments=(register, value), secret=register in _PAIR_ID_REGISTERS)


def sksetpwd(password: str) -> Command:
    """Set the Route-B password, 1 to 32 printable characters (§2.3)."""
    if not _PRINTABLE.match(password) or len(password) > PASSWORD_MAX_LENGTH:
        raise ValueError("the password must be 1 to 32 printable ASCII characters without spaces")
    return Command(name="SKSETPWD", arguments=(f"{len(password):X}", password), secret=True)


def sksetrbid(route_b_id: str) -> Command:
    """Set the Route-B id, exactly 32 characters; the module derives S0A from its end (§2.3)."""
    if not _PRINTABLE.match(route_b_id) or len(route_b_id) != ROUTE_B_ID_LENGTH:
        raise ValueError("the Route-B id must be 32 printable ASCII characters")
    return Command(name="SKSETRBID", arguments=(route_b_id,), secret=True)


def skscan(
    dialect: Dialect,
    duration: int,
    mode: int = ACTIVE_SCAN_WITH_IE,
    mask: int = ALL_CHANNELS,
    side: int = 0,
) -> Command:
    """Scan: mode 0 energy, 2 PANs of our pairing id, 3 all PANs; `duration` 0..14, 28·0.0096·(2^d + 1) s (§2.4)."""
    if mode not in (0, 2, 3):
        raise ValueError(f"scan mode {mode}: only 0, 2 and 3 exist")
    arguments = dialect.scan_arguments(
        mode=mode,
        mask=_in(mask, 0, ALL_CHANNELS, "channel mask"),
        duration=_in(duration, 0, MAX_SCAN_DURATION, "scan duration"),
        side=_in(side, 0, 1, "side"),
    )
    return Command(name="SKSCAN", arguments=arguments)


def skll64(mac: str) -> Command:
    """The link-local address of a MAC: `Address`, and no OK (§2.5)."""
    return Command(name="SKLL64", arguments=(_mac(mac),), final=Ending.ADDRESS)


def skaddnbr(address: str, mac: str) -> Command:
    """Enter a neighbour, which saves the neighbour solicitation (§2.5)."""
    return Command(name="SKADDNBR", arguments=(full_ipv6(address), _mac(mac)))


def skjoin(address: str) -> Command:
    """Start PANA authentication with the meter; EVENT 25 or 24 follows (§2.5)."""
    return Command(name="SKJOIN", arguments=(full_ipv6(address),))


def skrejoin() -> Command:
    """Authenticate again in the present session."""
    return Command(name="SKREJOIN")


def skterm() -> Command:
    """End the session; EVENT 27 or 28 follows."""
    return Command(name="SKTERM")


def skstart() -> Command:
    """Act as PANA server (a meter's role)."""
    return Command(name="SKSTART")


def sksendto(
    dialect: Dialect,
    address: str,
    data: bytes,
    port: int = ECHONET_LITE_PORT,
    security: int = 1,
    handle: int = 1,
    side: int = 0,
) -> Command:
    """Send a datagram of 1..1232 bytes: security 0 plain, 1 encrypted only, 2 encrypted if possible (§1.4, §2.6)."""
    arguments = dialect.send_arguments(
        handle=_in(handle, 1, 6, "handle"),
        address=full_ipv6(address),
        port=_in(port, 1, 0xFFFF, "port"),
        security=_in(security, 0, 2, "security"),
        side=_in(side, 0, 1, "side"),
        size=_in(len(data), 1, MAX_PAYLOAD, "the number of data bytes"),
    )
    return Command(name="SKSENDTO", arguments=arguments, data=data)


def skping(address: str) -> Command:
    """Send an ICMP echo request; `Pong` follows."""
    return Command(name="SKPING", arguments=(full_ipv6(address),))


def skudpport(handle: int, port: int) -> Command:
    """Set the listening port of a handle 1..6; 0 = unused (§2.6)."""
    arguments = (f"{_in(handle, 1, 6, 'handle'):X}", f"{_in(port, 0, 0xFFFF, 'port'):04X}")
    return Command(name="SKUDPPORT", arguments=arguments)


def sktable(mode: int) -> Command:
    """Print a table: 1 addresses, 2 neighbours, 9 devices, 0xA keys, 0xE ports, 0xF TCP handles (§3.8)."""
    return Command(name="SKTABLE", arguments=(f"{_in(mode, 0, 15, 'table'):X}",))


def sktcpport(index: int, port: int) -> Command:
    """Set a TCP listening port (generic editions)."""
    arguments = (f"{_in(index, 1, 6, 'index'):X}", f"{_in(port, 0, 0xFFFF, 'port'):04X}")
    return Command(name="SKTCPPORT", arguments=arguments)


def skconnect(address: str, remote_port: int, local_port: int) -> Command:
    """Open a TCP connection; `Tcp` tells the result (generic editions)."""
    ports = (f"{_in(port, 1, 0xFFFF, 'port'):04X}" for port in (remote_port, local_port))
    return Command(name="SKCONNECT", arguments=(full_ipv6(address), *ports))


def sksend(handle: int, data: bytes) -> Command:
    """Send bytes on a TCP connection (generic editions)."""
    size = _in(len(data), 1, MAX_PAYLOAD, "the number of data bytes")
    return Command(name="SKSEND", arguments=(f"{_in(handle, 1, 15, 'handle'):X}", f"{size:04X}"), data=data)


def skclose(handle: int) -> Command:
    """Close a TCP connection (generic editions)."""
    return Command(name="SKCLOSE", arguments=(f"{_in(handle, 1, 15, 'handle'):X}",))


def sksave() -> Command:
    """Store the registers in flash."""
    return Command(name="SKSAVE")


def skload() -> Command:
    """Restore the stored registers; FAIL ER10 when there are none."""
    return Command(name="SKLOAD")


def skerase() -> Command:
    """Erase the stored registers."""
    return Command(name="SKERASE")


def skdsleep() -> Command:
    """Deep sleep; EVENT C0 on waking."""
    return Command(name="SKDSLEEP")


_OTHERS: Final = frozenset(
    {
        "SKRFLO",
        "SKREGDEV",
        "SKRMDEV",
        "SKSETKEY",
        "SKRMKEY",
        "SKSECENABLE",
        "SKSETPSK",
        "SKAUTOUPD",
        "SKTERMFOR",
        "SKOPEN",
        "SKSETHPWD",
    }
)
_OTHERS_WITH_SECRETS: Final = frozenset({"SKSETKEY", "SKSETPSK", "SKSETHPWD"})


def other_command(name: str, *arguments: str) -> Command:
    """A command of §2.7 whose arguments no source describes (HAN, coordinator, oscillator); they are sent as given."""
    if name not in _OTHERS:
        raise ValueError(f"not one of the commands without a builder of its own: {name!r}")
    if not all(_PRINTABLE.match(argument) for argument in arguments):
        raise ValueError(f"an argument of {name} is not printable ASCII without spaces")
    return Command(name=name, arguments=arguments, secret=name in _OTHERS_WITH_SECRETS)


def ropt() -> Command:
    """Read the product options; bit 0 of the answer's text: received data is printed in hex (§2.7)."""
    return Command(name="ROPT", rohm=True)


def wopt(options: int) -> Command:
    """Write the product options. **Flash**, about 10 000 cycles; the collector never sends it (§2.7)."""
    return Command(name="WOPT", arguments=(f"{_in(options, 0, 0xFF, 'options'):02X}",), rohm=True)


def ruart() -> Command:
    """Read the UART settings (§2.7)."""
    return Command(name="RUART", rohm=True)


def wuart(settings: int) -> Command:
    """Write the UART settings. **Flash**; the collector never sends it (§2.7)."""
    return Command(name="WUART", arguments=(f"{_in(settings, 0, 0xFF, 'settings'):02X}",), rohm=True)
