"""From received bytes to commands, with the echo on the way (skstack-ip §1.2-§1.4).

Characters are echoed as they arrive. SKSENDTO is special: with the space behind DATALEN the module stops echoing and
takes exactly so many bytes, whatever they are.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, TypeAlias

LINE_LIMIT: Final = 256
"""Longer command lines are refused with ER09; the real limit is unknown (skstack-ip §10)."""
DATA_LIMIT: Final = 0x04D0
_CR, _LF, _SPACE = 0x0D, 0x0A, 0x20
_SEND: Final = b"SKSENDTO"
_HEX4: Final = re.compile(rb"[0-9A-Fa-f]{4}\Z")
ER_ARGUMENT_COUNT, ER_FORMAT, ER_INPUT = 5, 6, 9


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandLine:
    """A complete line; `data` follows SKSENDTO only."""

    name: str
    arguments: tuple[str, ...] = ()
    data: bytes = b""


@dataclass(frozen=True, slots=True, kw_only=True)
class BadLine:
    """A line that is refused before anybody looks at its command; `code` is the number behind ER."""

    code: int


Item: TypeAlias = CommandLine | BadLine


@dataclass(frozen=True, slots=True, kw_only=True)
class Hooks:
    """What the tokenizer asks and tells the module."""

    echo_on: Callable[[], bool]
    output: Callable[[bytes], None]
    half_echo: Callable[[], None]
    """The word SKSENDTO has just been echoed."""
    bytes_to_lose: Callable[[], int]
    """How many of the coming data bytes never arrive."""


class Tokenizer:
    """Fed with bytes, it returns the commands that became complete."""

    def __init__(self, *, has_side: bool, hooks: Hooks) -> None:
        self._has_side = has_side
        self._hooks = hooks
        self.reset()

    def reset(self) -> None:
        """Forget a half line and leave the data mode."""
        self._line = bytearray()
        self._after_cr = False
        self._header: CommandLine | None = None
        self._data = bytearray()
        self._missing = 0
        self._losing = 0
        self._echo = bytearray()

    @property
    def in_data_mode(self) -> bool:
        """Waiting for the data of SKSENDTO."""
        return self._header is not None

    def feed(self, data: bytes) -> list[Item]:
        """Take bytes as the UART brings them."""
        items: list[Item] = []
        for byte in data:
            item = self._take_data(byte) if self._header is not None else self._take(byte)
            if item is not None:
                items.append(item)
        self._flush_echo()
        return items

    def _take(self, byte: int) -> Item | None:
        after_cr, self._after_cr = self._after_cr, byte == _CR
        if byte == _LF and after_cr:
            return None
        if byte == _CR:
            self._echo_bytes(b"\r\n")
            return self._end_of_line()
        if len(self._line) <= LINE_LIMIT:
            self._line.append(byte)
        self._echo_bytes(bytes((byte,)))
        if self._line == _SEND:
            self._flush_echo()
            self._hooks.half_echo()
        if byte == _SPACE and self._line.startswith(_SEND + b" "):
            return self._send_header()
        return None

    def _end_of_line(self) -> Item | None:
        raw, self._line = bytes(self._line), bytearray()
        if len(raw) > LINE_LIMIT:
            return BadLine(code=ER_INPUT)
        if not raw.strip(b" "):
            return None
        words = raw.decode("latin-1").rstrip(" ").split(" ")
        return CommandLine(name=words[0], arguments=tuple(words[1:]))

    def _send_header(self) -> Item | None:
        """Decide on SKSENDTO once its arguments are there: data mode, refusal, or not yet."""
        words = bytes(self._line).split(b" ")[1:-1]
        needed = 6 if self._has_side else 5
        if self._has_side and len(words) == 5 and _HEX4.match(words[4]):
            return self._refuse(ER_ARGUMENT_COUNT)  # DATALEN where the side belongs: the single-stack form
        if len(words) < needed:
            return None
        if not self._has_side and len(words[4]) == 1:
            return self._refuse(ER_ARGUMENT_COUNT)  # the side where DATALEN belongs: the dual-stack form
        if not _HEX4.match(words[-1]) or not 1 <= int(words[-1], 16) <= DATA_LIMIT:
            return self._refuse(ER_FORMAT)
        self._output_line_end()
        self._line = bytearray()
        self._missing = int(words[-1], 16)
        self._losing = self._hooks.bytes_to_lose()
        self._header = CommandLine(name=_SEND.decode(), arguments=tuple(word.decode("latin-1") for word in words))
        return None

    def _refuse(self, code: int) -> BadLine:
        self._output_line_end()
        self._line = bytearray()
        return BadLine(code=code)

    def _output_line_end(self) -> None:
        """The header's line end is printed even with echo off (skstack-ip §1.4)."""
        self._flush_echo()
        self._hooks.output(b"\r\n")

    def _take_data(self, byte: int) -> Item | None:
        assert self._header is not None
        if self._losing:
            self._losing -= 1
            return None
        self._data.append(byte)
        if len(self._data) < self._missing:
            return None
        header, data = self._header, bytes(self._data)
        self._header, self._data = None, bytearray()
        return CommandLine(name=header.name, arguments=header.arguments, data=data)

    def _echo_bytes(self, text: bytes) -> None:
        if self._hooks.echo_on():
            self._echo += text

    def _flush_echo(self) -> None:
        if self._echo:
            echo, self._echo = bytes(self._echo), bytearray()
            self._hooks.output(echo)
