"""Values of properties for `decode`: as JSON, and as text for people. One function per type of value."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import IntEnum
from gettext import gettext as _
from typing import Any, Final, TypeAlias

from hems_data_collector.cli.decode_texts import in_brackets
from hems_data_collector.cli.widths import padded_left
from hems_data_collector.credentials import MASK
from hems_data_collector.echonet import (
    Currents,
    DayHistory,
    EnergyScale,
    EnergyUnit,
    FixedTimeEnergy,
    InstallationLocation,
    ManufacturerFault,
    MinuteEnergy,
    NodeVersion,
    NoValue,
    OperatingTime,
    PropertyMap,
    RouteBIdentification,
    StandardVersion,
    Value,
    WindowHistory,
    WindowSelector,
)
from hems_data_collector.echonet.histories import HISTORY_2_STEP, HISTORY_3_STEP, SLOTS_PER_DAY
from hems_data_collector.language import N_

Scale: TypeAlias = EnergyScale | None

_MAKER_EPC: Final = 0x8A  # a code of six hex digits, in every class
_MAKERS: Final = {
    0x000006: "Mitsubishi Electric",
    0x000016: "Toshiba",
    0x000035: "Toshiba Toko Meter Systems",
    0x000041: "Enegate",
    0x000052: "Osaki Electric",
    0x0000C2: "Tohoku Keiki",
    0x0000CB: "Fuji Electric",
}
"""Makers of meters (echonet-lite-meter §6.2)."""
_HISTORY_3_EPC: Final = 0xEE
_SLOTS_PER_LINE: Final = 6
_REGISTER_WIDTH: Final = 9  # cells

_STATES: Final = {
    NoValue.NO_DATA: N_("no data"),
    NoValue.OVERFLOW: N_("overflow"),
    NoValue.UNDERFLOW: N_("underflow"),
    NoValue.NEVER_SET: N_("never set"),
    NoValue.NOT_SET: N_("not set"),
    NoValue.NOT_FIXED: N_("not fixed"),
    NoValue.NO_FAULT: N_("no fault"),
    NoValue.UNCLASSIFIED: N_("unclassified"),
}


def to_json(value: Value, scale: Scale, epc: int) -> Any:
    """The `value` of an entry: numbers exact, times by the meter's clock, null for every special state.

    `scale` turns raw counts into kWh; None leaves them.
    """
    return f"{value:06X}" if epc == _MAKER_EPC and isinstance(value, int) else _json(value, scale)


def to_lines(value: Value, scale: Scale, epc: int, unit: str | None) -> list[str]:
    """The same for people: one line with its unit, histories with a table behind it."""
    if epc == _MAKER_EPC and isinstance(value, int):
        return [f"{value:06X} {in_brackets(_MAKERS.get(value, _('unknown maker')))}"]
    if isinstance(value, WindowHistory):
        return _window_lines(
            value, scale, f" {unit}" if unit else "", HISTORY_3_STEP if epc == _HISTORY_3_EPC else HISTORY_2_STEP
        )
    return _LINES.get(type(value), _scalar_lines)(value, scale, f" {unit}" if unit else "")


def _json(value: Value, scale: Scale) -> Any:
    if isinstance(value, IntEnum):
        return _words(value)
    rule = _JSON.get(type(value))
    return value if rule is None else rule(value, scale)


def _number(raw: int | NoValue, scale: Scale) -> int | Decimal | None:
    """A count: in kWh with a scale, null for a special state."""
    if isinstance(raw, NoValue):
        return None
    return raw if scale is None else scale.kwh(raw)


def _amperes(value: Decimal | NoValue) -> Decimal | None:
    return None if isinstance(value, NoValue) else value


def _moment(value: datetime | NoValue) -> str | None:
    return None if isinstance(value, NoValue) else value.isoformat()


def _words(value: IntEnum) -> str:
    return value.name.lower().replace("_", " ")


def _location_json(value: InstallationLocation) -> dict[str, Any]:
    place = None if value.place is None else _words(value.place)
    shown: dict[str, Any] = {"code": f"{value.code:02X}", "place": place, "number": value.number}
    return shown | ({"position": value.position.hex().upper()} if value.position else {})


def _list_json(value: tuple[Any, ...]) -> list[str]:
    """Objects, or class codes, as the standard writes them."""
    return [f"{item:04X}" if isinstance(item, int) else str(item) for item in value]


_JSON: Final[Mapping[type, Callable[[Any, Scale], Any]]] = {
    NoValue: lambda value, scale: None,
    int: _number,
    bytes: lambda value, scale: value.hex().upper(),
    datetime: lambda value, scale: value.isoformat(),
    date: lambda value, scale: value.isoformat(),
    time: lambda value, scale: f"{value:%H:%M}",
    PropertyMap: lambda value, scale: [f"{epc:02X}" for epc in sorted(value.epcs)],
    EnergyUnit: lambda value, scale: EnergyScale(exponent=value.exponent).kwh(1),
    Currents: lambda value, scale: {"r": _amperes(value.r_a), "t": _amperes(value.t_a)},
    FixedTimeEnergy: lambda value, scale: {"at": _moment(value.at), "energy": _number(value.raw, scale)},
    MinuteEnergy: lambda value, scale: {
        "at": _moment(value.at),
        "import": _number(value.import_raw, scale),
        "export": _number(value.export_raw, scale),
    },
    DayHistory: lambda value, scale: {
        "day": _number(value.day, None),
        "registers": [_number(raw, scale) for raw in value.registers],
    },
    WindowSelector: lambda value, scale: {"newest": _moment(value.newest), "count": value.count},
    WindowHistory: lambda value, scale: {
        "newest": _moment(value.newest),
        "registers": [[_number(raw, scale) for raw in pair] for pair in value.registers],
    },
    StandardVersion: lambda value, scale: {"release": value.release, "revision": value.revision},
    NodeVersion: lambda value, scale: {"version": f"{value.major}.{value.minor}", "formats": _formats(value)},
    InstallationLocation: lambda value, scale: _location_json(value),
    ManufacturerFault: lambda value, scale: {
        "maker": None if value.maker is None else f"{value.maker:06X}",
        "code": value.code.hex().upper(),
    },
    OperatingTime: lambda value, scale: {"count": value.count, "unit": _words(value.unit), "seconds": value.seconds},
    RouteBIdentification: lambda value, scale: {"maker": f"{value.maker:06X}", "free": MASK},
    tuple: lambda value, scale: _list_json(value),
}
"""Other types (str, Decimal) are JSON as they are."""


def _formats(value: NodeVersion) -> list[int]:
    return [bit + 1 for bit in range(8) if value.formats >> bit & 1]


def _text(value: Any, scale: Scale, unit: str = "") -> str:
    """A single value with its unit behind it; special states as words, without one."""
    if isinstance(value, NoValue):
        return _(_STATES[value])
    if isinstance(value, IntEnum):
        return _(_words(value))
    shown = _json(value, scale)
    if isinstance(value, datetime):
        return str(value)
    return f"{format(shown, 'f') if isinstance(shown, Decimal) else shown}{unit}"


def _scalar_lines(value: Value, scale: Scale, unit: str) -> list[str]:
    return [_text(value, scale, unit)]


def _current_lines(value: Currents, scale: Scale, unit: str) -> list[str]:
    t_text = _("no data, or no T phase") if value.t_a is NoValue.NO_DATA else _text(value.t_a, None, unit)
    return [f"R {_text(value.r_a, None, unit)}, T {t_text}"]


def _minute_lines(value: MinuteEnergy, scale: Scale, unit: str) -> list[str]:
    both = _both(value.import_raw, value.export_raw, scale, unit)
    return [f"{_text(value.at, None)}  {both}"]


def _both(bought: int | NoValue, sold: int | NoValue, scale: Scale, unit: str) -> str:
    return _("import {bought}, export {sold}").format(bought=_text(bought, scale, unit), sold=_text(sold, scale, unit))


def _day_lines(value: DayHistory, scale: Scale, unit: str) -> list[str]:
    """Which day, then its half hours, six in a line."""
    if isinstance(value.day, NoValue):
        head = _("day never set")
    else:
        head = _("today") if value.day == 0 else _("{count} days ago").format(count=value.day)
    cells = [
        f"{slot // 2:02}:{slot % 2 * 30:02} {padded_left(_text(raw, scale), _REGISTER_WIDTH)}"
        for slot, raw in enumerate(value.registers)
    ]
    rows = [cells[at : at + _SLOTS_PER_LINE] for at in range(0, SLOTS_PER_DAY, _SLOTS_PER_LINE)]
    return [head + (f",{unit}" if unit else ""), *("   ".join(row) for row in rows)]


def _window_lines(value: WindowHistory, scale: Scale, unit: str, step: timedelta) -> list[str]:
    """The newest moment, then one line for each, going back by `step`."""
    head = _("newest {moment}").format(moment=_text(value.newest, None))
    lines = [head]
    for index, (bought, sold) in enumerate(value.registers):
        at = "" if isinstance(value.newest, NoValue) else f"{_back(value.newest, index * step):%Y-%m-%d %H:%M}  "
        lines.append(at + _both(bought, sold, scale, unit))
    return lines


def _back(newest: datetime, span: timedelta) -> datetime:
    """`span` before `newest`; the first moment there is where that would be before the year 1."""
    return newest - span if newest - datetime.min >= span else datetime.min


def _location_lines(value: InstallationLocation, scale: Scale, unit: str) -> list[str]:
    if value.place is not None:
        return [_("{place}, number {number}").format(place=_text(value.place, None), number=value.number)]
    if value.position:
        return [_("position {position}").format(position=value.position.hex().upper())]
    return [_("free definition {code}").format(code=f"{value.code:02X}")]


def _map_lines(value: PropertyMap, scale: Scale, unit: str) -> list[str]:
    listed = " ".join(_json(value, None)) or "-"
    count = _("{count} properties:").format(count=len(value.epcs))
    doubt = "" if value.consistent else "  " + _("(its count byte says {count})").format(count=value.declared)
    return [f"{count} {listed}{doubt}"]


def _maker_fault_lines(value: ManufacturerFault, scale: Scale, unit: str) -> list[str]:
    shown = _json(value, None)
    return [_("maker {maker}, code {code}").format(maker=shown["maker"] or "-", code=shown["code"] or "-")]


_LINES: Final[Mapping[type, Callable[[Any, Scale, str], list[str]]]] = {
    Currents: _current_lines,
    FixedTimeEnergy: lambda value, scale, unit: [f"{_text(value.at, None)}  {_text(value.raw, scale, unit)}"],
    MinuteEnergy: _minute_lines,
    DayHistory: _day_lines,
    WindowSelector: lambda value, scale, unit: [
        _("newest {moment}, {count} steps").format(moment=_text(value.newest, None), count=value.count)
    ],
    EnergyUnit: lambda value, scale, unit: [
        _("one count = {value} (code {code})").format(value=_text(value, None, unit), code=f"{value.code:02X}")
    ],
    PropertyMap: _map_lines,
    StandardVersion: lambda value, scale, unit: [
        _("release {release}, revision {revision}").format(release=value.release, revision=value.revision)
    ],
    NodeVersion: lambda value, scale, unit: [
        _("version {version}, message formats {formats}").format(
            version=f"{value.major}.{value.minor}", formats=", ".join(map(str, _formats(value))) or "-"
        )
    ],
    InstallationLocation: _location_lines,
    ManufacturerFault: _maker_fault_lines,
    OperatingTime: lambda value, scale, unit: [f"{value.count} x {_text(value.unit, None)}"],
    RouteBIdentification: lambda value, scale, unit: [
        _("maker {maker}, {free}").format(maker=f"{value.maker:06X}", free=MASK)
    ],
    tuple: lambda value, scale, unit: [" ".join(_list_json(value)) or "-"],
}
"""Other types are one word and their unit."""
