"""What is known of one meter: identity, maps and the constants of its registers (docs/record.md, §7). PURE."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from gettext import gettext as _

from hems_data_collector.credentials import Secret
from hems_data_collector.echonet import (
    METER,
    EnergyScale,
    EnergyUnit,
    PropertyMap,
    decode_property,
)
from hems_data_collector.errors import PropertyError
from hems_data_collector.readings import MeterIdentity

MAPS_AND_MANDATORY = (0x82, 0x8A, 0x9D, 0x9E, 0x9F, 0xE1)
"""The first request: six properties that every meter must have, the maps among them (AIF §3.1.2)."""

WANTED_CONSTANTS = (0x8D, 0xD3, 0xD7, 0x98, 0x97, 0xC0)
"""The second request, as far as the get map lists them (AIF §3.1.3), and the meter's clock; six at most."""

VERIFIED_CONSTANTS = (0x8D, 0xD3, 0xE1)
"""What a warm start reads again in free air time, to notice an exchanged meter."""

POLLED = (0xE0, 0xE7, 0xE8, 0xEA, 0xE3, 0xEB)
"""One request gives all published values (docs/architecture.md)."""
MINUTE = 0xD0
"""The last full minute, in the same request where that leaves room for it."""
POLLED_AT_ONCE = 6  # AIF 1.01 §2.4.4: what every meter must accept in one request

ROUTE_B_NUMBER = 0xC0
DEFAULT_DIGITS = 8  # D7 is mandatory; without it only the full register width can be assumed


@dataclass(frozen=True, slots=True, kw_only=True)
class MeterProfile:
    """The constants of one installed meter; what it answers is decided by its own maps (§6.1)."""

    identity: MeterIdentity
    get_map: frozenset[int] = frozenset()
    set_map: frozenset[int] = frozenset()
    exponent: int = 0
    """Power of ten of one register count in kWh (E1)."""
    coefficient: int = 1
    """D3; 1 where the meter has none (§5.3)."""
    digits: int = DEFAULT_DIGITS
    """Decimal digits of the registers (D7)."""
    release: str = ""
    """Appendix release letter (82)."""
    t_seen: bool = False
    """The meter has given a T current at least once, so it is no two-wire supply (docs/record.md)."""
    route_b_number: Secret | None = None
    """Route B identification number (C0) in hex, where the meter has one; it identifies nothing here."""

    @property
    def scale(self) -> EnergyScale:
        """Raw counts to kWh."""
        return EnergyScale(exponent=self.exponent, coefficient=self.coefficient)

    @property
    def polled(self) -> tuple[int, ...]:
        """The properties of one poll that this meter has: one request, of as many as every meter must accept."""
        return tuple(epc for epc in (*POLLED, MINUTE) if epc in self.get_map)[:POLLED_AT_ONCE]

    @property
    def constants(self) -> tuple[int, ...]:
        """What the second request of a cold start asks for."""
        return tuple(epc for epc in WANTED_CONSTANTS if epc in self.get_map)

    @property
    def has_history_2(self) -> bool:
        """Absolute-time history: ED can be set and EC read."""
        return 0xED in self.set_map and 0xEC in self.get_map

    @property
    def has_history_3(self) -> bool:
        """One-minute history by absolute time: EF can be set, EE read, and the meter tells what time it is."""
        return 0xEF in self.set_map and 0xEE in self.get_map and bool(self.minute_clock)

    @property
    def minute_clock(self) -> tuple[int, ...]:
        """What tells the meter's time to the minute: D0, else 98 with 97; nothing where it has neither."""
        return (MINUTE,) if MINUTE in self.get_map else (0x98, 0x97) if {0x98, 0x97} <= self.get_map else ()

    @property
    def has_history_1(self) -> bool:
        """Day history: E5 can be set and E2 read."""
        return 0xE5 in self.set_map and 0xE2 in self.get_map


def with_constants(profile: MeterProfile, values: Mapping[int, bytes]) -> MeterProfile:
    """`profile` with everything that `values` tell about the meter.

    Raises PropertyError for a constant without which no energy can be computed (an undefined E1, a D3 of 0).
    """
    identity = profile.identity
    for epc, edt in values.items():
        if epc == ROUTE_B_NUMBER:  # whatever form it has: nothing depends on it
            profile = replace(profile, route_b_number=Secret(edt.hex().upper()))
            continue
        match decode_property(METER, epc, edt), epc:
            case PropertyMap(epcs=epcs), 0x9F:
                profile = replace(profile, get_map=epcs)
            case PropertyMap(epcs=epcs), 0x9E:
                profile = replace(profile, set_map=epcs)
            case EnergyUnit(exponent=exponent), 0xE1:
                profile = replace(profile, exponent=exponent)
            case int(coefficient), 0xD3:
                profile = replace(profile, coefficient=coefficient)
            case int(digits), 0xD7:
                profile = replace(profile, digits=digits)
            case str(serial), 0x8D:
                identity = replace(identity, serial=serial or None)
            case int(maker), 0x8A:
                identity = replace(identity, maker=f"{maker:06X}")
            case version, 0x82:
                profile = replace(profile, release=getattr(version, "release", ""))
            case _:
                pass
    return replace(profile, identity=identity)


def usable(profile: MeterProfile) -> None:
    """Raise PropertyError when the maps lack what every meter must have: the answer was no meter's."""
    missing = {0xE0, 0xE1, 0xE7} - profile.get_map
    if missing:
        names = " ".join(f"{epc:02X}" for epc in sorted(missing))
        raise PropertyError(
            _("The meter's get map lacks mandatory properties ({names}).").format(names=names), epc=0x9F
        )
