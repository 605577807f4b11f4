"""The low-voltage smart electric energy meter, class 0x0288: one row per property (echonet-lite-meter §6)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from hems_data_collector.echonet.edt import CURRENTS, ENERGY, POWER, Codec, integer
from hems_data_collector.echonet.energy import COEFFICIENT_MAX, DIGITS_MAX, UNIT_EXPONENTS, EnergyUnit
from hems_data_collector.echonet.histories import (
    DAY_HISTORY,
    DAY_SELECTOR,
    FIXED_TIME_ENERGY,
    MINUTE_ENERGY,
    WINDOW_HISTORY_2,
    WINDOW_HISTORY_3,
    WINDOW_SELECTOR_2,
    WINDOW_SELECTOR_3,
)
from hems_data_collector.echonet.spec import PropertySpec, table
from hems_data_collector.echonet.superclass import GET, GET_SET, MAKER, SUPERCLASS
from hems_data_collector.errors import PropertyError


@dataclass(frozen=True, slots=True, kw_only=True)
class RouteBIdentification:
    """C0: manufacturer code and 12 bytes of the maker's choice (echonet-lite-meter §6.1)."""

    maker: int
    free: bytes


_FREE_SIZE = 12


def _decode_route_b(edt: bytes) -> RouteBIdentification:
    if edt[0]:
        raise PropertyError("A Route B identification number starts with 00.", edt)
    return RouteBIdentification(maker=int.from_bytes(edt[1:4], "big"), free=bytes(edt[4:]))


def _encode_route_b(value: RouteBIdentification) -> bytes:
    return b"\0" + MAKER.encode(value.maker) + value.free


def _decode_unit(edt: bytes) -> EnergyUnit:
    exponent = UNIT_EXPONENTS.get(edt[0])
    if exponent is None:
        raise PropertyError(f"Unit code {edt[0]:02X} is undefined.", edt)
    return EnergyUnit(code=edt[0], exponent=exponent)


def _encode_unit(value: EnergyUnit) -> bytes:
    if UNIT_EXPONENTS.get(value.code) != value.exponent:
        raise ValueError(f"Unit code {value.code:02X} is not 10^{value.exponent} kWh.")
    return bytes((value.code,))


ROUTE_B_IDENTIFICATION: Final = Codec(sizes=(4 + _FREE_SIZE,), decode=_decode_route_b, encode=_encode_route_b)
"""C0 (echonet-lite-meter §6.1)."""
COEFFICIENT: Final = integer(4, 1, COEFFICIENT_MAX)
"""D3, plain binary; 0 is an error, a meter without D3 means 1 (echonet-lite-meter §5.3)."""
DIGITS: Final = integer(1, 1, DIGITS_MAX)
"""D7 (echonet-lite-meter §6.1)."""
ENERGY_UNIT: Final = Codec(sizes=(1,), decode=_decode_unit, encode=_encode_unit)
"""E1; undefined codes are refused (echonet-lite-meter §5.3)."""


_OWN: Final = (
    PropertySpec(
        0xC0,
        "Route B identification number",
        "Bルート識別番号",
        GET,
        ROUTE_B_IDENTIFICATION,
        release="R",
        required=GET,
    ),
    PropertySpec(
        0xD0,
        "One-minute measured cumulative energy (normal and reverse)",
        "1分積算電力量計測値（正方向、逆方向計測値）",
        GET,
        MINUTE_ENERGY,
        unit="kWh",
        is_energy=True,
        release="R",
        required=GET,
        other_sizes_raw=True,
    ),
    PropertySpec(0xD3, "Coefficient", "係数", GET, COEFFICIENT, release="F"),
    PropertySpec(
        0xD7,
        "Number of effective digits for cumulative energy",
        "積算電力量有効桁数",
        GET,
        DIGITS,
        unit="digits",
        release="F",
        required=GET,
    ),
    PropertySpec(
        0xE0,
        "Measured cumulative energy (normal)",
        "積算電力量計測値（正方向計測値）",
        GET,
        ENERGY,
        unit="kWh",
        is_energy=True,
        release="F",
        required=GET,
    ),
    PropertySpec(
        0xE1,
        "Unit for cumulative energy (normal and reverse)",
        "積算電力量単位（正方向、逆方向計測値）",
        GET,
        ENERGY_UNIT,
        unit="kWh",
        release="F",
        required=GET,
    ),
    PropertySpec(
        0xE2,
        "Historical cumulative energy 1 (normal)",
        "積算電力量計測値履歴1（正方向計測値）",
        GET,
        DAY_HISTORY,
        unit="kWh",
        is_energy=True,
        release="F",
        required=GET,
    ),
    PropertySpec(
        0xE3,
        "Measured cumulative energy (reverse)",
        "積算電力量計測値（逆方向計測値）",
        GET,
        ENERGY,
        unit="kWh",
        is_energy=True,
        release="F",
    ),
    PropertySpec(
        0xE4,
        "Historical cumulative energy 1 (reverse)",
        "積算電力量計測値履歴1（逆方向計測値）",
        GET,
        DAY_HISTORY,
        unit="kWh",
        is_energy=True,
        release="F",
    ),
    PropertySpec(
        0xE5,
        "Day for historical data 1",
        "積算履歴収集日1",
        GET_SET,
        DAY_SELECTOR,
        unit="days ago",
        release="F",
        required=GET_SET,
    ),
    PropertySpec(
        0xE7,
        "Measured instantaneous power",
        "瞬時電力計測値",
        GET,
        POWER,
        unit="W",
        release="F",
        required=GET,
    ),
    PropertySpec(
        0xE8,
        "Measured instantaneous currents (R, T)",
        "瞬時電流計測値",
        GET,
        CURRENTS,
        unit="A",
        release="F",
        required=GET,
    ),
    PropertySpec(
        0xEA,
        "Cumulative energy measured at fixed time (normal)",
        "定時積算電力量計測値（正方向計測値）",
        GET,
        FIXED_TIME_ENERGY,
        unit="kWh",
        is_energy=True,
        release="F",
        required=GET,
    ),
    PropertySpec(
        0xEB,
        "Cumulative energy measured at fixed time (reverse)",
        "定時積算電力量計測値（逆方向計測値）",
        GET,
        FIXED_TIME_ENERGY,
        unit="kWh",
        is_energy=True,
        release="F",
    ),
    PropertySpec(
        0xEC,
        "Historical cumulative energy 2 (normal and reverse)",
        "積算電力量計測値履歴2（正方向、逆方向計測値）",
        GET,
        WINDOW_HISTORY_2,
        unit="kWh",
        is_energy=True,
        release="F",
    ),
    PropertySpec(0xED, "Day for historical data 2", "積算履歴収集日2", GET_SET, WINDOW_SELECTOR_2, release="F"),
    PropertySpec(
        0xEE,
        "Historical cumulative energy 3 (normal and reverse)",
        "積算電力量計測値履歴3（正方向、逆方向計測値）",
        GET,
        WINDOW_HISTORY_3,
        unit="kWh",
        is_energy=True,
        release="R",
        required=GET,
    ),
    PropertySpec(
        0xEF,
        "Day for historical data 3",
        "積算履歴収集日3",
        GET_SET,
        WINDOW_SELECTOR_3,
        release="R",
        required=GET_SET,
    ),
)

SMART_METER: Final[Mapping[int, PropertySpec]] = table(SUPERCLASS, _OWN)
"""Every property of a meter by EPC (meter-properties.csv)."""
