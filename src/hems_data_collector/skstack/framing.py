"""Bytes of a module to lines (skstack-ip §1.5, §1.6). Data of ERXUDP and ERXTCP is taken by length, never by CR LF."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum
from typing import Final, TypeAlias

CRLF: Final = b"\r\n"
MAX_PAYLOAD: Final = 0x04D0  # bytes; DATALEN of SKSENDTO, and of a UDP datagram in one IPv6 packet of 1280 (§1.4)
MAX_LINE: Final = 2 * MAX_PAYLOAD + 200  # bytes; the longest line in hex mode plus a glued echo (§1.6)

_ADDRESS: Final = rb"([0-9A-Fa-f:]{2,39})"
_WORD: Final = rb"([0-9A-Fa-f]{4})"
RXUDP_HEADER: Final = re.compile(
    rb"ERXUDP " + _ADDRESS + rb" " + _ADDRESS + rb" " + _WORD + rb" " + _WORD + rb" ([0-9A-Fa-f]{16})"
    rb"(?: ([0-9A-Fa-f]{2}))? ([01])(?: ([01]))? " + _WORD + rb" "
)
"""Groups: sender, destination, remote port, local port, MAC, RSSI?, secured, side?, length. Widths decide (§3.4)."""
RXTCP_HEADER: Final = re.compile(rb"ERXTCP " + _ADDRESS + rb" " + _WORD + rb" " + _WORD + rb" " + _WORD + rb" ")
"""Groups: sender, remote port, local port, length (§3.7)."""

_HEX: Final = re.compile(rb"[0-9A-Fa-f]*")


class PayloadMode(Enum):
    """How the module prints received data: raw bytes, or two hex digits for each (register WOPT bit 0, §1.5)."""

    BINARY = "binary"
    HEX = "hex"


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One line of text without its end."""

    raw: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class DataLine:
    """A line whose data was taken by length: `glued` stood before the keyword, `fields` are the header's groups."""

    raw: bytes
    glued: bytes
    tcp: bool
    fields: tuple[bytes | None, ...]
    payload: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Damaged:
    """A line too long, or whose data does not fit its length; dropped up to the next CR LF."""

    raw: bytes


Piece: TypeAlias = Line | DataLine | Damaged


class LineSplitter:
    """Cuts a byte stream, in whatever chunks it comes, into lines.

    `cr_ends_line` is set from a ROHM product command, whose answer ends with CR alone, to the next command (§1.2).
    `payload_mode` is None until the first datagram showed it; a later one that fits only the other mode changes it.
    """

    def __init__(self, payload_mode: PayloadMode | None = None) -> None:
        self.payload_mode = payload_mode
        self.cr_ends_line = False
        self.cut_short = False
        """The line of a datagram has ended before its data: bytes were lost, or what looks like its end is data."""
        self._buffer = bytearray()
        self._skipping = False

    def feed(self, data: bytes) -> None:
        """Append received bytes."""
        self._buffer += data

    def next_piece(self, *, give_up: bool = False) -> Piece | None:
        """The next line, or None when more bytes are needed.

        `give_up` ends the wait for the rest of a datagram when a line end was seen behind its header.
        """
        buffer = self._buffer
        self.cut_short = False
        if self._skipping and not self._skip_to_line_end():
            return None
        while buffer[:1] == b"\n":  # the LF that may follow a CR-only answer (§1.2)
            del buffer[:1]
        end = self._line_end()
        limit = end if end >= 0 else len(buffer)
        if buffer.find(b"ERX", 0, limit) >= 0:
            header = RXUDP_HEADER.search(buffer, 0, limit) or RXTCP_HEADER.search(buffer, 0, limit)
            if header is not None and int(header[header.lastindex or 0], 16) <= MAX_PAYLOAD:
                return self._data_line(header, give_up)
        if end >= 0:
            return self._cut(end)
        return self._overflow()

    def _line_end(self) -> int:
        return self._buffer.find(b"\r" if self.cr_ends_line else CRLF, 0, MAX_LINE + len(CRLF))

    def _cut(self, end: int) -> Line:
        line = Line(raw=bytes(self._buffer[:end]))
        del self._buffer[: end + (1 if self.cr_ends_line else len(CRLF))]
        return line

    def _data_line(self, header: re.Match[bytes], give_up: bool) -> Piece | None:
        start, groups = header.end(), header.groups()
        found = self._data(start, int(groups[-1] or b"0", 16))
        if found is None and not give_up:
            self.cut_short = self._next_crlf(start) >= 0
            return self._overflow()
        payload, end = found or (None, self._next_crlf(start))
        if end < 0:
            return None
        raw, glued = bytes(self._buffer[:end]), bytes(self._buffer[: header.start()])
        del self._buffer[: end + len(CRLF)]
        if payload is None:
            return Damaged(raw=raw)
        return DataLine(raw=raw, glued=glued, tcp=len(groups) == RXTCP_HEADER.groups, fields=groups, payload=payload)

    def _data(self, start: int, size: int) -> tuple[bytes | None, int] | None:
        """The payload that begins at `start` and where its CR LF stands; (None, end) when it fits neither mode."""
        if self.payload_mode is PayloadMode.HEX:
            return self._data_in_hex_mode(start, size)
        buffer = self._buffer
        digits = bytes(buffer[start : start + 2 * size])
        hex_fits: bool | None = False
        if _HEX.fullmatch(digits):
            hex_fits = None if len(digits) < 2 * size else self._ends_at(start + 2 * size)
        if hex_fits:
            return self._learned(PayloadMode.HEX, bytes.fromhex(digits.decode("ascii"))), start + 2 * size
        binary_fits = self._ends_at(start + size)
        if binary_fits:
            return self._learned(PayloadMode.BINARY, bytes(buffer[start : start + size])), start + size
        if hex_fits is None or binary_fits is None:
            return None
        end = self._next_crlf(start)
        return None if end < 0 else (None, end)

    def _data_in_hex_mode(self, start: int, size: int) -> tuple[bytes | None, int] | None:
        # Hex text holds no CR LF, so the line ends at the first one whatever DATALEN says (§8 G83).
        end = self._next_crlf(start)
        if end < 0:
            return None
        text = bytes(self._buffer[start:end])
        if _HEX.fullmatch(text):
            return (bytes.fromhex(text.decode("ascii")) if len(text) == 2 * size else None), end
        # Not hex, yet exactly as long as binary data would be: the mode was learned from a wreck.
        return (self._learned(PayloadMode.BINARY, text) if len(text) == size else None), end

    def _next_crlf(self, start: int) -> int:
        return self._buffer.find(CRLF, start, MAX_LINE + len(CRLF))

    def _ends_at(self, position: int) -> bool | None:
        """Whether CR LF stands at `position`; None while that cannot be said yet."""
        if position > MAX_LINE:
            return False
        tail = self._buffer[position : position + len(CRLF)]
        if tail == CRLF:
            return True
        return None if CRLF.startswith(tail) else False

    def _learned(self, mode: PayloadMode, payload: bytes) -> bytes:
        if payload:  # an empty payload looks the same in both
            self.payload_mode = mode
        return payload

    def _overflow(self) -> Damaged | None:
        """Give up a line that is longer than any line can be; None while it is not."""
        if len(self._buffer) <= MAX_LINE + len(CRLF):
            return None
        damaged = Damaged(raw=bytes(self._buffer[:MAX_LINE]))
        del self._buffer[:MAX_LINE]
        self._skipping = True
        return damaged

    def _skip_to_line_end(self) -> bool:
        buffer = self._buffer
        end = buffer.find(b"\r" if self.cr_ends_line else CRLF)
        if end < 0:
            del buffer[: len(buffer) - (1 if buffer.endswith(b"\r") else 0)]
            return False
        del buffer[: end + (1 if self.cr_ends_line else len(CRLF))]
        self._skipping = False
        return True
