"""Frames for `decode`: what every entry says, in kWh once the meter's unit is known, for people and for programs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from gettext import gettext as _
from typing import Any, Final

from hems_data_collector.cli.decode_texts import in_brackets
from hems_data_collector.cli.decode_values import to_json, to_lines
from hems_data_collector.credentials import MASK
from hems_data_collector.echonet import (
    CONTROLLER,
    METER,
    NODE_PROFILE,
    EnergyScale,
    EnergyUnit,
    Eoj,
    Esv,
    Frame,
    NoValue,
    Property,
    PropertySpec,
    Value,
    decode_property,
    spec_for,
)
from hems_data_collector.echonet.codes import SET_GET_FAMILY
from hems_data_collector.errors import PropertyError
from hems_data_collector.language import N_, in_use

_COEFFICIENT: Final = 0xD3
_UNIT: Final = 0xE1
_ROUTE_B_NUMBER: Final = 0xC0
_SHOWN_OF_NUMBER: Final = 4  # 00 and the maker's code; whether the rest is a secret is not known
_REQUESTS: Final = frozenset({Esv.SET_I, Esv.SET_C, Esv.GET, Esv.INF_REQ, Esv.SET_GET})
_WITHOUT_VALUES: Final = frozenset({Esv.GET, Esv.INF_REQ, Esv.SET_RES, Esv.INFC_RES})
"""Services whose entries name properties only; some clients send a dummy byte there (echonet-lite-meter §11)."""
_WITH_READINGS: Final = frozenset(
    {Esv.GET_RES, Esv.GET_SNA, Esv.INF, Esv.INFC, Esv.INF_SNA, Esv.SET_GET_RES, Esv.SET_GET_SNA}
)
_SET_REFUSED: Final = frozenset({Esv.SET_I_SNA, Esv.SET_C_SNA})

_SERVICES: Final[Mapping[Esv, tuple[str, str]]] = {
    Esv.SET_I: ("SetI", N_("set, no answer wanted")),
    Esv.SET_C: ("SetC", N_("set, answer wanted")),
    Esv.GET: ("Get", N_("read")),
    Esv.INF_REQ: ("INF_REQ", N_("ask for an announcement")),
    Esv.SET_GET: ("SetGet", N_("set and read")),
    Esv.SET_RES: ("Set_Res", N_("all accepted")),
    Esv.GET_RES: ("Get_Res", N_("all values")),
    Esv.INF: ("INF", N_("announcement")),
    Esv.INFC: ("INFC", N_("announcement, receipt wanted")),
    Esv.INFC_RES: ("INFC_Res", N_("receipt of an announcement")),
    Esv.SET_GET_RES: ("SetGet_Res", N_("all accepted, all values")),
    Esv.SET_I_SNA: ("SetI_SNA", N_("refused, at least in part")),
    Esv.SET_C_SNA: ("SetC_SNA", N_("refused, at least in part")),
    Esv.GET_SNA: ("Get_SNA", N_("refused, at least in part")),
    Esv.INF_SNA: ("INF_SNA", N_("refused, at least in part")),
    Esv.SET_GET_SNA: ("SetGet_SNA", N_("refused, at least in part")),
}
_OBJECTS: Final = {
    METER.class_code: N_("meter"),
    NODE_PROFILE.class_code: N_("node"),
    CONTROLLER.class_code: N_("controller"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One property of a frame: `json` is its object, `lines` what people read, `fault` why its value is no value."""

    json: dict[str, Any]
    lines: list[str]
    fault: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ExplainedFrame:
    """A frame with the meaning of its entries."""

    frame: Frame
    entries: list[Entry]
    set_entries: list[Entry]

    @property
    def faults(self) -> list[str]:
        """Why values could not be read."""
        return [entry.fault for entry in (*self.set_entries, *self.entries) if entry.fault]

    def json(self) -> dict[str, Any]:
        """The object of `--json`."""
        frame = self.frame
        shown: dict[str, Any] = {
            "tid": f"{frame.tid:04X}",
            "seoj": str(frame.seoj),
            "deoj": str(frame.deoj),
            "esv": f"{frame.esv:02X}",
        }
        shown["properties"] = [entry.json for entry in self.entries]
        if frame.esv in SET_GET_FAMILY:
            shown["set_properties"] = [entry.json for entry in self.set_entries]
        return shown

    def lines(self) -> list[str]:
        """What people read: one line on the frame, then its entries, indented."""
        frame = self.frame
        name, meaning = _SERVICES[frame.esv]
        route = f"{_object(frame.seoj)} -> {_object(frame.deoj)}"
        lines = [f"{name}  {route}  TID {frame.tid:04X}  {in_brackets(_(meaning))}"]
        if frame.esv in SET_GET_FAMILY:
            lines += ["  " + _("set:"), *_indented(self.set_entries), "  " + _("read:")]
        return [*lines, *_indented(self.entries)]


def _object(eoj: Eoj) -> str:
    name = _OBJECTS.get(eoj.class_code)
    return f"{eoj} {_(name)}" if name else str(eoj)


def _indented(entries: Iterable[Entry]) -> list[str]:
    return [f"  {line}" for entry in entries for line in entry.lines]


@dataclass(slots=True, kw_only=True)
class _Meter:
    """What one meter's counts are worth, as far as it has said."""

    exponent: int | None = None
    coefficient: int | None = 1

    @property
    def scale(self) -> EnergyScale | None:
        if self.exponent is None or self.coefficient is None:
            return None
        return EnergyScale(exponent=self.exponent, coefficient=self.coefficient)


@dataclass(slots=True, kw_only=True)
class FrameReader:
    """Explains frames one after the other; remembers E1 and D3 of each meter (echonet-lite-meter §5.3)."""

    _meters: dict[tuple[str, Eoj], _Meter] = field(default_factory=dict)

    def explain(self, frame: Frame, *, sender: str = "") -> ExplainedFrame:
        """`frame` with its values; `sender` tells meters apart where the capture names it. Nothing raises."""
        asked = frame.esv in _REQUESTS
        eoj = frame.deoj if asked else frame.seoj
        meter = self._meters.setdefault(("" if asked else sender, eoj), _Meter())
        if frame.esv in _WITH_READINGS and eoj.class_code == METER.class_code:
            self._learn(meter, eoj, frame.properties)
        is_set = frame.esv in _SET_REFUSED
        return ExplainedFrame(
            frame=frame,
            entries=[_entry(frame.esv, eoj, item, meter.scale, is_set=is_set) for item in frame.properties],
            set_entries=[_entry(frame.esv, eoj, item, meter.scale, is_set=True) for item in frame.set_properties],
        )

    def _learn(self, meter: _Meter, eoj: Eoj, properties: Iterable[Property]) -> None:
        """Take E1 and D3 from an answer; an unusable one makes what was known doubtful, a refused D3 means 1."""
        for item in properties:
            if item.epc == _UNIT and item.edt:
                unit = _value(eoj, item)
                meter.exponent = unit.exponent if isinstance(unit, EnergyUnit) else None
            elif item.epc == _COEFFICIENT:
                number = _value(eoj, item) if item.edt else 1
                meter.coefficient = number if isinstance(number, int) else None


def _value(eoj: Eoj, item: Property) -> Value | None:
    try:
        return decode_property(eoj, item.epc, item.edt)
    except PropertyError:
        return None


def _entry(esv: Esv, eoj: Eoj, item: Property, scale: EnergyScale | None, *, is_set: bool) -> Entry:
    row = spec_for(eoj, item.epc)
    shown: dict[str, Any] = {
        "epc": f"{item.epc:02X}",
        "edt": _edt(eoj, item),
        "name": None if row is None else row.name,
        "value": None,
        "unit": None,
    }
    label = f"{item.epc:02X}  {_name(row)}"
    if not item.edt or (esv in _WITHOUT_VALUES and not is_set) or (esv is Esv.SET_GET and not is_set):
        fate = _fate_of_empty(esv, is_set=is_set)
        return Entry(json=shown, lines=[f"{label}: {fate}" if fate else label])
    try:
        value = decode_property(eoj, item.epc, item.edt)
    except PropertyError as error:
        if is_set and esv is not Esv.SET_GET:  # a refused value may well be one that the property does not allow
            return Entry(json=shown, lines=[f"{label}: {_refused(shown['edt'])}"])
        return Entry(json=shown, lines=[f"{label}: {_('invalid')} {in_brackets(error.what)}"], fault=error.what)
    return _good_entry(esv, row, value, scale, shown, label, is_set=is_set)


def _edt(eoj: Eoj, item: Property) -> str:
    """The bytes of a value in hex, without what may be a secret."""
    if eoj.class_code != METER.class_code or item.epc != _ROUTE_B_NUMBER or len(item.edt) <= _SHOWN_OF_NUMBER:
        return item.edt.hex().upper()
    return item.edt[:_SHOWN_OF_NUMBER].hex().upper() + MASK


def _good_entry(
    esv: Esv,
    row: PropertySpec | None,
    value: Value,
    scale: EnergyScale | None,
    shown: dict[str, Any],
    label: str,
    *,
    is_set: bool,
) -> Entry:
    if row is None or (isinstance(value, bytes) and row.other_sizes_raw):
        return Entry(json=shown | {"name": None}, lines=[f"{label}: {shown['edt']}"])
    energy = scale if row.is_energy else None
    unit = None if row.is_energy and energy is None else row.unit
    shown |= {"value": to_json(value, energy, row.epc), "unit": unit}
    first, *more = to_lines(value, energy, row.epc, unit)
    if row.is_energy and energy is None and not isinstance(value, NoValue):
        first += "  " + _("(raw counts: the unit E1 is not known)")
    if is_set and esv is not Esv.SET_GET:
        first = _refused(first)
    return Entry(json=shown, lines=[f"{label}: {first}", *(f"    {line}" for line in more)])


def _refused(text: str) -> str:
    return _("{value} was refused").format(value=text)


def _fate_of_empty(esv: Esv, *, is_set: bool) -> str:
    """What an entry without a value says in this service (echonet-lite-meter §2.2)."""
    if is_set or esv is Esv.SET_RES:
        return _("accepted")
    if esv in _WITH_READINGS:
        return _("refused: the meter does not have it, or not now")
    return ""


def _name(row: PropertySpec | None) -> str:
    if row is None:
        return _("unknown property")
    return row.name_ja if in_use() == "ja" else row.name
