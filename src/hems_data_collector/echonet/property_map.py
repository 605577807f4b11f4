"""Property maps, both forms (echonet-lite-meter §6.5)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from hems_data_collector.echonet.edt import Codec
from hems_data_collector.errors import PropertyError

EPC_MIN: Final = 0x80
EPC_MAX: Final = 0xFF
BITMAP_FROM: Final = 16
"""From this many properties on, a bitmap follows the count byte instead of a list (echonet-lite-meter §6.5)."""
BITMAP_SIZE: Final = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class PropertyMap:
    """The EPCs of a map, and how many its count byte declared; where they differ, the EPCs are right."""

    epcs: frozenset[int]
    declared: int

    @property
    def consistent(self) -> bool:
        """False where the count byte disagrees, which is worth a warning."""
        return self.declared == len(self.epcs)

    def __contains__(self, epc: object) -> bool:
        return epc in self.epcs


def decode_property_map(edt: bytes) -> PropertyMap:
    """The map in an EDT; the count byte, not the length, tells the form. Raises PropertyError."""
    if not edt:
        raise PropertyError("A property map has at least its count byte.", edt)
    declared, body = edt[0], edt[1:]
    expected = declared if declared < BITMAP_FROM else BITMAP_SIZE
    if len(body) != expected:
        raise PropertyError(f"A property map of {declared} has {expected} more bytes, not {len(body)}.", edt)
    if declared >= BITMAP_FROM:
        return PropertyMap(epcs=_from_bitmap(body), declared=declared)
    if any(epc < EPC_MIN for epc in body):
        raise PropertyError("A property map names a number below 80.", edt)
    return PropertyMap(epcs=frozenset(body), declared=declared)


def encode_property_map(epcs: Iterable[int]) -> bytes:
    """The EDT of a map: an ascending list below 16, else the bitmap. Raises ValueError for an EPC outside 80-FF."""
    members = sorted(set(epcs))
    if members and not (members[0] >= EPC_MIN and members[-1] <= EPC_MAX):
        raise ValueError("A property map holds the numbers 80 to FF only.")
    if len(members) < BITMAP_FROM:
        return bytes((len(members), *members))
    bitmap = bytearray(BITMAP_SIZE)
    for epc in members:
        bitmap[epc & 0x0F] |= 1 << ((epc >> 4) - 8)
    return bytes((len(members), *bitmap))


def _from_bitmap(bitmap: bytes) -> frozenset[int]:
    """Byte i holds the EPCs whose low nibble is i; bit b is the high nibble b + 8."""
    return frozenset(
        (bit + 8) << 4 | index for index, byte in enumerate(bitmap) if byte for bit in range(8) if byte >> bit & 1
    )


def _encode(value: PropertyMap) -> bytes:
    return encode_property_map(value.epcs)


PROPERTY_MAP: Final[Codec[PropertyMap]] = Codec(
    sizes=range(1, 2 + BITMAP_SIZE), decode=decode_property_map, encode=_encode
)
