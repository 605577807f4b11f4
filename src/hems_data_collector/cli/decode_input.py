"""What people feed to `decode`, cut into units: hex frames, lines of a modem, datagrams.

A capture may be the raw bytes of a serial line, a text log with times and `> ` / `< ` in front, this program's own
debug log, a transcript with C escapes, or plain hex. Payloads are taken by their length, so a line end inside one does
not cut it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from gettext import gettext as _
from typing import Final, TypeAlias

from hems_data_collector.skstack.framing import RXTCP_HEADER, RXUDP_HEADER

MAX_LINE: Final = 65_536  # bytes without a line end; no log line and no frame comes near it


@dataclass(frozen=True, slots=True, kw_only=True)
class HexFrame:
    """A line or an argument that is hex digits: the bytes of one datagram."""

    line: int
    stamp: str = ""
    data: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class ModemLine:
    """One line of text that the modem printed or was sent; `direction` is "<", ">" or "" where nothing says it.

    `certain` is False where the line stands in a log between other things, so that it may be none.
    """

    line: int
    stamp: str = ""
    """The time in front of it, as written there."""
    direction: str
    text: str
    certain: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Datagram:
    """A line with data: `header` as in the capture, `fields` its parts, `data` None where the log left it out."""

    line: int
    stamp: str = ""
    direction: str
    kind: str
    header: str
    fields: tuple[bytes | None, ...]
    data: bytes | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Undecodable:
    """Something that cannot be read, and why; never the text itself, which may hold a secret."""

    line: int
    cause: str


Unit: TypeAlias = HexFrame | ModemLine | Datagram | Undecodable

_SENDTO_HEADER: Final = re.compile(
    rb"SKSENDTO ([0-9A-Fa-f]) ([0-9A-Fa-f:]{2,39}) ([0-9A-Fa-f]{4}) ([0-9])(?: ([0-9]))? ([0-9A-Fa-f]{4}) "
)
"""Groups: handle, destination, port, security, side?, length (skstack-ip §1.4)."""
_HEADERS: Final = (("ERXUDP", RXUDP_HEADER), ("ERXTCP", RXTCP_HEADER), ("SKSENDTO", _SENDTO_HEADER))
_DATA_WORD: Final = re.compile(rb"ERX(?:UDP|TCP) ")

_HEX: Final = re.compile(rb"[0-9A-Fa-f]+\Z")
_HEX_DATA: Final = re.compile(rb"([0-9A-Fa-f]*)(?:\\r)?(?:\\n)?['\"]?\s*\Z")
_LEFT_OUT: Final = re.compile(rb"<\d+ bytes elided>")
_ESCAPE: Final = re.compile(rb"\\(?:x([0-9A-Fa-f]{2})|([rnt0\\'\"]))")
_ESCAPED: Final = {b"r": b"\r", b"n": b"\n", b"t": b"\t", b"0": b"\0"}
_QUOTES_AND_END: Final = re.compile(rb"[\r\n]*['\"]?\s*\Z")

_TRANSCRIPT_LINE: Final = re.compile(rb"([<>]) (.*?)\r?\Z", re.DOTALL)

_STAMP: Final = re.compile(
    r"(?:<\d>)?(?:"
    r"\[?\d{4}[-/]\d\d[-/]\d\d[T ]\d\d:\d\d(?::\d\d)?(?:[.,]\d+)?(?: ?(?:Z|[+-]\d\d:?\d\d))?\]?"
    r"|[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d(?:\.\d+)? \S+ \S+\[\d+\]:"
    r"|\[?[0-2]\d:[0-5]\d:[0-5]\d(?:[.,]\d+)?\]?|\[ *\d+\.\d+\]|\d{6,}\.\d+"
    r")[:,;|]?\s*"
)
"""Times as logs write them: ISO, syslog, time of day, seconds."""
_LEVEL_AND_NAME: Final = re.compile(r"(?:<\d>)?(?:(?:DEBUG|INFO|WARNING|ERROR|CRITICAL)[: ]\s*)?(?:\w+(?:\.\w+)+: )?")
_ARROW: Final = re.compile(r"(?:^|(?<=[\s\]:|]))(<-|->|<{1,3}|>{1,3})(?: |\Z)")
_HEX_TEXT: Final = re.compile(
    r"(?:0x)?[0-9A-Fa-f]{2}(?:[\s:,-]+(?:0x)?[0-9A-Fa-f]{2})*|(?:0x)?[0-9A-Fa-f]+(?: +[0-9A-Fa-f]+)*"
)
"""Bytes with anything between them, or runs of digits; colons between longer runs are IPv6."""
_BETWEEN_DIGITS: Final = re.compile(r"0x|[\s:,-]")
_FRAME_STARTS: Final = ("1081", "1082")
_FRAME_DIGITS: Final = 20  # more than a MAC has, fewer than a frame
_FRAME_WORD: Final = re.compile(r"(?<![0-9A-Za-z])108[12](?:[0-9A-Fa-f]{2}){2,}(?![0-9A-Za-z])")


def hex_bytes(text: str) -> bytes | None:
    """The bytes of hex digits, however grouped (spaces, colons, commas, dashes, 0x); None when it is anything else.

    Raises ValueError, with a text for people, for an odd number of digits.
    """
    text = text.strip()
    if not _HEX_TEXT.fullmatch(text):
        return None
    digits = _BETWEEN_DIGITS.sub("", text)
    if len(digits) % 2:
        raise ValueError(_("an odd number of hex digits ({count}): one is missing").format(count=len(digits)))
    return bytes.fromhex(digits)


class CaptureReader:
    """Bytes in, in any chunks; units out. Nothing raises."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._line = 0
        self._device: CaptureReader | None = None
        """In a transcript the bytes of the modem, which its lines hold in pieces."""

    def feed(self, data: bytes) -> Iterator[Unit]:
        """What is complete after `data`."""
        self._buffer += data
        while (units := self._next(final=False)) is not None:
            yield from units

    def end(self) -> Iterator[Unit]:
        """The rest: what came without a line end."""
        while self._buffer and (units := self._next(final=True)) is not None:
            yield from units
        yield from self._device_end()

    def _next(self, *, final: bool) -> list[Unit] | None:
        """The units of the next line; None when more bytes are needed."""
        buffer = self._buffer
        found = buffer.find(b"\n")
        end = len(buffer) if found < 0 else found
        if found < 0 and not final:
            return self._overlong() if len(buffer) > MAX_LINE else None
        if (units := self._transcript_units(bytes(buffer[:end]))) is not None:
            self._consume(end)
            return units
        for kind, pattern in _HEADERS:
            if header := pattern.search(buffer, 0, end):
                return self._datagram(kind, header, end, final=final)
        units = self._text_units(bytes(buffer[:end]))
        self._consume(end)
        return units

    def _transcript_units(self, raw: bytes) -> list[Unit] | None:
        """What a line with C escapes completes; None for a line of another kind.

        In a transcript a line of the modem without its end is a piece, and the next one goes on (skstack-ip §8).
        """
        found = _TRANSCRIPT_LINE.match(raw)
        if found is None or (self._device is None and not found[2].endswith((b"\\r\\n", b"\\r"))):
            return None
        if self._device is None:
            self._device = CaptureReader()
        plain = _unescaped(found[2])
        if found[1] == b"<":
            return [self._placed(unit, "<") for unit in self._device.feed(plain)]
        command = CaptureReader()
        sent = [*command.feed(plain), *command.end()]
        return [*self._device_end(), *(self._placed(unit, ">") for unit in sent)]

    def _device_end(self) -> list[Unit]:
        return [] if self._device is None else [self._placed(unit, "<") for unit in self._device.end()]

    def _placed(self, unit: Unit, direction: str) -> Unit:
        line = self._line + 1
        if isinstance(unit, ModemLine | Datagram):
            return replace(unit, line=line, direction=direction)
        return replace(unit, line=line)

    def _consume(self, end: int) -> None:
        """Drop a line up to `end` and its line feed."""
        self._line += 1 + self._buffer.count(b"\n", 0, end)
        del self._buffer[: end + 1]

    def _overlong(self) -> list[Unit]:
        self._buffer.clear()
        return [Undecodable(line=self._line + 1, cause=_("a line of more than {n} bytes").format(n=MAX_LINE))]

    def _datagram(self, kind: str, header: re.Match[bytes], line_end: int, *, final: bool) -> list[Unit] | None:
        """The unit of a line with data whose header is `header`; None when bytes are missing."""
        size = int(header[header.lastindex or 0], 16)
        rest = bytes(self._buffer[header.end() : line_end]).rstrip(b"\r")
        found = _data_in_line(rest, size)
        end = line_end
        if found is None and not _LEFT_OUT.match(rest):
            if not final and len(self._buffer) < header.end() + size + 2 and not _HEX.match(rest):
                return None  # binary data with a line end in it
            binary = self._binary(header.end(), size, rest)
            found, end = (None, line_end) if binary is None else binary
        unit = self._unit_of(kind, header, found, rest)
        self._consume(end)
        return [unit]

    def _binary(self, start: int, size: int, rest: bytes) -> tuple[bytes, int] | None:
        """Data of `size` raw bytes across line ends, and where its line ends; None where the length does not fit."""
        if rest and _HEX.match(rest):
            return None  # damaged hex: taking it by length would swallow the next line
        stop = start + size
        tail = bytes(self._buffer[stop : stop + 2])
        if len(self._buffer) < stop or not (tail == b"\r\n" or tail[:1] in (b"", b"\n")):
            return None
        return bytes(self._buffer[start:stop]), stop + (1 if tail == b"\r\n" else 0)

    def _unit_of(self, kind: str, header: re.Match[bytes], data: bytes | None, rest: bytes) -> Unit:
        line, front = self._line + 1, bytes(self._buffer[: header.start()]).decode("latin-1")
        direction, stamp = _direction(front), _stamp(front)
        text = header[0].decode("latin-1").rstrip()
        if data is None and kind == "SKSENDTO" and not rest.strip():
            return ModemLine(line=line, stamp=stamp, direction=direction, text=text, certain=True)  # echo, without data
        if data is None and not _LEFT_OUT.match(rest):
            return Undecodable(line=line, cause=_("the data of {kind} does not fit its length").format(kind=kind))
        return Datagram(
            line=line, stamp=stamp, direction=direction, kind=kind, header=text, fields=header.groups(), data=data
        )

    def _text_units(self, raw: bytes) -> list[Unit]:
        parts = raw.decode("latin-1").removeprefix("\xef\xbb\xbf").split("\r")
        units = (_unit_of_text(part, self._line + 1) for part in parts)
        return [unit for unit in units if unit is not None]


def _data_in_line(rest: bytes, size: int) -> bytes | None:
    """The data where it stands in one line: as hex, as bytes, or with C escapes. None where none of these fits."""
    digits = _HEX_DATA.match(rest)
    if digits and len(digits[1]) == 2 * size:
        return bytes.fromhex(digits[1].decode("ascii"))
    if len(rest) == size:
        return rest
    if b"\\" not in rest:
        return None
    plain = _unescaped(rest)
    return plain[:size] if len(plain) >= size and _QUOTES_AND_END.match(plain[size:]) else None


def _unescaped(text: bytes) -> bytes:
    """`text` with its C escapes as the bytes that they stand for."""
    return _ESCAPE.sub(
        lambda found: bytes.fromhex(found[1].decode("ascii")) if found[1] else _ESCAPED.get(found[2], found[2]), text
    )


def _direction(front: str) -> str:
    """ "<" or ">" of the last arrow in what stands before a line's text."""
    arrows = _ARROW.findall(front)
    return "" if not arrows else "<" if "<" in arrows[-1] else ">"


def _stamp(front: str) -> str:
    """The time that a log wrote at the beginning of a line."""
    found = _STAMP.match(front)
    return found[0].strip(" :,;|") if found else ""


def _unit_of_text(text: str, line: int) -> Unit | None:
    """The unit of one line of text; None for an empty line or a comment."""
    if not text.strip() or text.lstrip().startswith("#"):
        return None
    stamp = _STAMP.match(text)
    body = text[stamp.end() :] if stamp else text
    named = _LEVEL_AND_NAME.match(body)
    logged = stamp is not None or bool(named and named[0])
    body = body[named.end() :] if named else body
    arrow = _ARROW.search(body)
    certain, direction = not logged or (arrow is not None and arrow.start() == 0), ""
    if arrow:
        direction, body = ("<" if "<" in arrow[1] else ">"), body[arrow.end() :]
    if not body.strip():
        return None
    if _DATA_WORD.search(body.encode("latin-1")):
        return Undecodable(line=line, cause=_("the header of a received datagram is malformed"))
    when = _stamp(text)
    return _hex_frame(body, line, when) or ModemLine(
        line=line, stamp=when, direction=direction, text=body, certain=certain
    )


def _hex_frame(text: str, line: int, stamp: str) -> HexFrame | Undecodable | None:
    """The frame in a line of hex, alone or behind other words; None where the digits are no frame.

    Rows of a modem's tables are digits too, so short runs that do not begin as a frame does are left to them.
    """
    digits = _BETWEEN_DIGITS.sub("", text.strip())
    alone = _HEX_TEXT.fullmatch(text.strip()) is not None
    if alone and (digits.startswith(_FRAME_STARTS) or (len(digits) >= _FRAME_DIGITS and " " not in text.strip())):
        try:
            return HexFrame(line=line, stamp=stamp, data=hex_bytes(text) or b"")
        except ValueError as error:
            return Undecodable(line=line, cause=str(error))
    word = _FRAME_WORD.search(text)
    return HexFrame(line=line, stamp=stamp, data=bytes.fromhex(word[0])) if word else None
