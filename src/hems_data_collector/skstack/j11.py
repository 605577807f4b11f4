"""The other firmware of the same sticks: J11 speaks a binary protocol, which is told apart and not spoken (§5.1). PURE.

A frame is a mark of four bytes, a command of two, a length of two, the checksums of header and data, the data.
"""

from __future__ import annotations

from typing import Final

RESPONSE_MARK: Final = bytes.fromhex("D0F9EE5D")
"""How each response and notification begins (skstack-ip §5.1)."""
GET_VERSION: Final = bytes.fromhex("D0EA83FC 006B 0004 03A8 0000")
"""Ask for the firmware's version; it changes nothing (the frame's form is inferred)."""


class J11Ear:
    """Listens to what a device prints for the mark of J11, in whatever pieces it comes."""

    def __init__(self) -> None:
        self.heard = False
        self._tail = b""

    def listen(self, data: bytes) -> None:
        """Take bytes of the device."""
        text = self._tail + data
        self.heard = self.heard or RESPONSE_MARK in text
        self._tail = text[-(len(RESPONSE_MARK) - 1) :]
