"""The PANA messages that a module prints while it joins: right sizes, right structure, invented keys (skstack-ip §4.4).

Nobody evaluates them, but they hold the B-route id in clear (message 0068), as real ones do: a program that logs them
has a leak, and this is where it shows.
"""

from __future__ import annotations

import struct
from typing import Final

from hems_data_collector.emulator.dice import mix

PANA_PORT: Final = 0x02CC
_HEADER = struct.Struct(">HHHHII")
_AVP = struct.Struct(">HHHH")
_AUTH_TYPE, _TERMINATION_TYPE = 2, 3
_REQUEST, _START, _COMPLETE = 0x8000, 0x4000, 0x2000
_EAP_PSK: Final = 0x2F
_AUTH, _EAP, _INTEGRITY, _KEY_ID, _NONCE, _PRF, _RESULT, _LIFETIME = 1, 2, 3, 4, 5, 6, 7, 8
NASTY_NONCE: Final = b"OK\r\n\r\nEVENT 25\r\n"
"""Sixteen bytes that look like lines, for the fault `payload-0d0a`."""


class PanaSession:
    """The messages of one authentication; `number` makes its session id and random fields."""

    def __init__(self, *, seed: int, number: int, route_b_id: str, lifetime_s: float, nasty: bool = False) -> None:
        self._noise = mix(seed ^ 0x9A4A, number)
        self._id = self._noise & 0xFFFF_FFFF
        self._sequence = self._noise >> 32 & 0x7FFF_FFFF
        self._route_b_id = route_b_id
        self._lifetime_s = int(lifetime_s)
        self._nasty = nasty

    def start(self) -> bytes:
        """0028: PANA start request with the two algorithms."""
        avps = _avp(_PRF, _u32(5)), _avp(_INTEGRITY, _u32(0x0C))
        return self._message(_REQUEST | _START, 0, avps)

    def challenge(self) -> bytes:
        """0068: nonce and EAP-PSK message 1 with the server's name, `SM` and the B-route id."""
        nonce = NASTY_NONCE if self._nasty else self._bytes(1, 16)
        server = b"SM" + self._route_b_id.encode("ascii")
        eap = self._eap(0xE3, b"\x00" + self._bytes(2, 16) + server)
        return self._message(_REQUEST, 1, (_avp(_NONCE, nonce), _avp(_EAP, eap)))

    def confirmation(self) -> bytes:
        """0054: EAP-PSK message 3 with MAC and protected channel."""
        body = b"\x80" + self._bytes(2, 16) + self._bytes(3, 16) + bytes(4) + self._bytes(4, 16) + b"\x81"
        return self._message(_REQUEST, 2, (_avp(_EAP, self._eap(0xE4, body)),))

    def completion(self) -> bytes:
        """0058: success, key id, lifetime of the session, AUTH."""
        avps = (
            _avp(_RESULT, _u32(0)),
            _avp(_EAP, b"\x03\xe4\x00\x04"),
            _avp(_KEY_ID, _u32(self._noise >> 8 & 0xFF)),
            _avp(_LIFETIME, _u32(self._lifetime_s)),
            _avp(_AUTH, self._bytes(5, 16)),
        )
        return self._message(_REQUEST | _COMPLETE, 3, avps)

    def termination(self) -> bytes:
        """The answer to our termination request; its real size is unknown (skstack-ip §10)."""
        return self._message(0, 4, (_avp(_AUTH, self._bytes(6, 16)),), kind=_TERMINATION_TYPE)

    def _message(self, flags: int, step: int, avps: tuple[bytes, ...], kind: int = _AUTH_TYPE) -> bytes:
        body = b"".join(avps)
        sequence = (self._sequence + step) & 0xFFFF_FFFF
        return _HEADER.pack(0, _HEADER.size + len(body), flags, kind, self._id, sequence) + body

    def _eap(self, identifier: int, body: bytes) -> bytes:
        return struct.pack(">BBHB", 1, identifier, 5 + len(body), _EAP_PSK) + body

    def _bytes(self, stream: int, count: int) -> bytes:
        words = (mix(self._noise + stream, number) for number in range(count // 8))
        return b"".join(word.to_bytes(8, "big") for word in words)


def _u32(number: int) -> bytes:
    return number.to_bytes(4, "big")


def _avp(code: int, value: bytes) -> bytes:
    return _AVP.pack(code, 0, len(value), 0) + value + bytes(-len(value) % 4)
