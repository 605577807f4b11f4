"""Service codes and object codes of ECHONET Lite (echonet-lite-meter §1.3, §1.5, §2)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum
from functools import lru_cache
from types import MappingProxyType
from typing import Final

UDP_PORT: Final = 3610
"""Source and destination port of every ECHONET Lite datagram, 0x0E1A (echonet-lite-meter §1.3)."""

ALL_INSTANCES: Final = 0x00
"""Instance code of a DEOJ that means every instance of the class (echonet-lite-meter §1.5)."""


class Esv(IntEnum):
    """What a frame asks or answers; every other code is reserved (echonet-lite-meter §2)."""

    SET_I_SNA = 0x50
    SET_C_SNA = 0x51
    GET_SNA = 0x52
    INF_SNA = 0x53
    SET_GET_SNA = 0x5E
    SET_I = 0x60
    SET_C = 0x61
    GET = 0x62
    INF_REQ = 0x63
    SET_GET = 0x6E
    SET_RES = 0x71
    GET_RES = 0x72
    INF = 0x73
    INFC = 0x74
    INFC_RES = 0x7A
    SET_GET_RES = 0x7E


ANSWERS: Final[Mapping[Esv, frozenset[Esv]]] = MappingProxyType(
    {
        Esv.SET_I: frozenset({Esv.SET_I_SNA}),
        Esv.SET_C: frozenset({Esv.SET_RES, Esv.SET_C_SNA}),
        Esv.GET: frozenset({Esv.GET_RES, Esv.GET_SNA}),
        Esv.INF_REQ: frozenset({Esv.INF, Esv.INF_SNA}),
        Esv.SET_GET: frozenset({Esv.SET_GET_RES, Esv.SET_GET_SNA}),
        Esv.INFC: frozenset({Esv.INFC_RES}),
    }
)
"""Request to the answers it may get; a code that is missing here wants no answer (echonet-lite-meter §2)."""

SET_GET_FAMILY: Final = frozenset({Esv.SET_GET, Esv.SET_GET_RES, Esv.SET_GET_SNA})
"""The three services whose frames hold a set list and a get list (echonet-lite-meter §1.2)."""


@dataclass(frozen=True, slots=True)
class Eoj:
    """An ECHONET object: class group, class and instance, one byte each (echonet-lite-meter §1.5).

    `str()` gives the six upper-case hex digits, "028801". Raises ValueError for a number outside 0-255.
    """

    group: int
    cls: int
    instance: int

    def __post_init__(self) -> None:
        if not (0 <= self.group <= 0xFF and 0 <= self.cls <= 0xFF and 0 <= self.instance <= 0xFF):
            raise ValueError("Group, class and instance of an ECHONET object are 0 to 255 each.")

    @classmethod
    def from_bytes(cls, data: bytes) -> Eoj:
        """The object of exactly three bytes; raises ValueError for another length."""
        return eoj_of(bytes(data))

    def to_bytes(self) -> bytes:
        """The three bytes of the wire."""
        return bytes((self.group, self.cls, self.instance))

    @property
    def class_code(self) -> int:
        """Group and class as one number: 0x0288 for a low-voltage smart meter."""
        return self.group << 8 | self.cls

    def __str__(self) -> str:
        return f"{self.group:02X}{self.cls:02X}{self.instance:02X}"


@lru_cache(maxsize=256)  # a network has a handful of objects, and each frame names two
def eoj_of(data: bytes) -> Eoj:
    """The object of exactly three bytes, one instance per object; raises ValueError for another length."""
    if len(data) != 3:
        raise ValueError(f"An ECHONET object has 3 bytes, not {len(data)}.")
    return Eoj(data[0], data[1], data[2])


NODE_PROFILE: Final = Eoj(0x0E, 0xF0, 0x01)
"""The general node, present in every node (echonet-lite-meter §1.5)."""
METER: Final = Eoj(0x02, 0x88, 0x01)
"""The low-voltage smart electric energy meter; always instance 01 on the B-route (echonet-lite-meter §1.5)."""
CONTROLLER: Final = Eoj(0x05, 0xFF, 0x01)
"""Our own object; the AIF fixes its instance to 01 (echonet-lite-meter §1.5)."""
