"""A stick with J11 firmware: deaf to SKSTACK, it answers binary frames only (skstack-ip §5.1)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

J11: Final = "j11"
"""Its name among the modules."""
REQUEST_MARK: Final = bytes.fromhex("D0EA83FC")
RESPONSE_MARK: Final = bytes.fromhex("D0F9EE5D")
GET_VERSION: Final = 0x006B
_ANSWER: Final = 0x2000
"""What is added to a command in its answer (inferred)."""
_HEADER: Final = 12
_VERSION: Final = bytes.fromhex("01 0001 0002 0003 000A")
"""Success and four numbers (inferred)."""


class J11Device:
    """Takes bytes, and answers each request for its version."""

    def __init__(self, output: Callable[[bytes], None]) -> None:
        self._output = output
        self._received = b""

    def feed(self, data: bytes) -> None:
        """Take bytes from the host."""
        self._received += data
        while (at := self._received.find(REQUEST_MARK)) >= 0 and len(self._received) >= at + _HEADER:
            head = self._received[at : at + _HEADER]
            self._received = self._received[at + _HEADER :]
            command, checksum = int.from_bytes(head[4:6], "big"), int.from_bytes(head[8:10], "big")
            if command == GET_VERSION and checksum == sum(head[:8]):
                self._output(frame(command | _ANSWER, _VERSION))
        self._received = self._received[-_HEADER:]


def frame(command: int, data: bytes) -> bytes:
    """A response: mark, command, length with the checksums, checksum of the header, checksum of the data, data."""
    head = RESPONSE_MARK + command.to_bytes(2, "big") + (len(data) + 4).to_bytes(2, "big")
    return head + (sum(head) & 0xFFFF).to_bytes(2, "big") + (sum(data) & 0xFFFF).to_bytes(2, "big") + data
