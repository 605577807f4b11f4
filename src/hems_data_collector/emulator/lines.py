"""What the module prints: one function per kind of line, all bytes with their terminators (skstack-ip §3)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

CRLF = b"\r\n"
ALL_NODES = "FF02:0000:0000:0000:0000:0000:0000:0001"
"""Destination of the meter's multicasts, written in full (§3.4)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Datagram:
    """A UDP datagram that reached the module."""

    sender: str
    destination: str
    port: int
    """Source and destination port; the meter's are always equal."""
    mac: str
    secured: bool
    payload: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Beacon:
    """A PAN that answered a scan."""

    channel: int
    pan_id: int
    mac: str
    lqi: int
    pair_id: str


def line(text: str) -> bytes:
    """An ordinary line."""
    return text.encode("ascii") + CRLF


def event(number: int, address: str, side: int | None, parameter: int | None = None) -> bytes:
    """EVENT with address, side (None: single-stack) and parameter (§3.1)."""
    parts = ["EVENT", f"{number:02X}", address]
    if side is not None:
        parts.append(f"{side:X}")
    if parameter is not None:
        parts.append(f"{parameter:02X}")
    return line(" ".join(parts))


def erxudp(datagram: Datagram, *, side: int | None, rssi: int | None, hexadecimal: bool, cut: int) -> bytes:
    """ERXUDP; `rssi` only where SA2 is set (§3.4). `cut` data bytes are missing on the line, DATALEN is not."""
    port = f"{datagram.port:04X}"
    head = [
        "ERXUDP",
        datagram.sender,
        datagram.destination,
        port,
        port,
        datagram.mac,
    ]
    if rssi is not None:
        head.append(f"{rssi:02X}")
    head.append("1" if datagram.secured else "0")
    if side is not None:
        head.append(f"{side:X}")
    head.append(f"{len(datagram.payload):04X}")
    sent = datagram.payload[: len(datagram.payload) - cut]
    data = sent.hex().upper().encode("ascii") if hexadecimal else sent
    return " ".join(head).encode("ascii") + b" " + data + CRLF


def epandesc(beacon: Beacon, *, side: int | None, with_pair_id: bool) -> bytes:
    """EPANDESC and its indented lines, in one piece (§3.3)."""
    rows = [
        "EPANDESC",
        f"  Channel:{beacon.channel:02X}",
        "  Channel Page:09",
        f"  Pan ID:{beacon.pan_id:04X}",
        f"  Addr:{beacon.mac}",
        f"  LQI:{beacon.lqi:02X}",
    ]
    if side is not None:
        rows.append(f"  Side:{side:X}")
    if with_pair_id:
        rows.append(f"  PairID:{beacon.pair_id}")
    return b"".join(map(line, rows))


def eedscan(levels: Iterable[tuple[int, int]], *, blank_line: bool) -> bytes:
    """EEDSCAN and its long line; BP35A1 firmware adds an empty one (§2.4)."""
    pairs = " ".join(f"{channel:02X} {level:02X}" for channel, level in levels)
    return line("EEDSCAN") + line(pairs) + (CRLF if blank_line else b"")


def link_local(mac: str) -> str:
    """FE80:: and the MAC with bit 0x02 of its first byte inverted, 39 characters (§2.5)."""
    octets = bytearray.fromhex(mac)
    octets[0] ^= 0x02
    groups = (octets[at : at + 2].hex().upper() for at in range(0, 8, 2))
    return "FE80:0000:0000:0000:" + ":".join(groups)
