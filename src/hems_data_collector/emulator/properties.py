"""What the meter's two objects can be asked and told: one row per property, maps made from what is there.

The maps decide what a meter has (echonet-lite-meter §6.1, §9): every property in 9F can be read.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any, Final

from hems_data_collector.echonet import (
    METER,
    NODE_PROFILE_PROPERTIES,
    SMART_METER,
    UNIT_EXPONENTS,
    Currents,
    DayHistory,
    EnergyUnit,
    FaultStatus,
    FixedTimeEnergy,
    MinuteEnergy,
    NodeVersion,
    NoValue,
    OperationStatus,
    PropertyMap,
    PropertySpec,
    RouteBIdentification,
    StandardVersion,
    WindowHistory,
    WindowSelector,
)
from hems_data_collector.emulator.meter import HALF_HOUR, Meter, Pair
from hems_data_collector.errors import PropertyError

MAKER: Final = 0x000016
"""Manufacturer code of the emulated meter (echonet-lite-meter §6.2)."""
_MINUTE: Final = timedelta(minutes=1)

Reader = Callable[[Meter], Any]
Writer = Callable[[Meter, bytes], bool]


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectTable:
    """The properties of one object as it stands: how to read and write them, and which it announces."""

    specs: Mapping[int, PropertySpec]
    read: Mapping[int, Reader]
    write: Mapping[int, Writer]
    announced: frozenset[int]

    def edt(self, meter: Meter, epc: int) -> bytes | None:
        """The value of a readable property; None where the object has none."""
        if epc in _MAPS:
            return self.specs[epc].encode(self._map(epc))
        reader = self.read.get(epc)
        return None if reader is None else self.specs[epc].encode(reader(meter))

    def set(self, meter: Meter, epc: int, edt: bytes) -> bool:
        """Set a property; False where the object refuses (unknown, not settable, bad length or range)."""
        writer = self.write.get(epc)
        return writer is not None and writer(meter, edt)

    def _map(self, epc: int) -> PropertyMap:
        members = {0x9D: self.announced, 0x9E: frozenset(self.write), 0x9F: frozenset(self.read) | _MAPS}[epc]
        return PropertyMap(epcs=members, declared=len(members))


_MAPS: Final = frozenset({0x9D, 0x9E, 0x9F})


def _raw(count: int | None) -> int | NoValue:
    return NoValue.NO_DATA if count is None else count


def _pair(pair: Pair) -> tuple[int | NoValue, int | NoValue]:
    return _raw(pair[0]), _raw(pair[1])


def _amperes(tenths: int | None) -> Decimal | NoValue:
    return NoValue.NO_DATA if tenths is None else Decimal(tenths) / 10


def _currents(meter: Meter) -> Currents:
    live = meter.live()
    return Currents(r_a=_amperes(live.current_r_da), t_a=_amperes(live.current_t_da))


def _fixed(which: int) -> Reader:
    def read(meter: Meter) -> FixedTimeEnergy:
        fixed = meter.fixed()
        return FixedTimeEnergy(at=fixed.at, raw=_raw(fixed.registers[which]))

    return read


def _day_history(which: int) -> Reader:
    def read(meter: Meter) -> DayHistory:
        if meter.day_selector is None:
            return DayHistory(day=NoValue.NEVER_SET, registers=(NoValue.NO_DATA,) * 48)
        slots = meter.day(meter.day_selector)
        return DayHistory(day=meter.day_selector, registers=tuple(_raw(slot[which]) for slot in slots))

    return read


def _window(
    selected: Callable[[Meter], tuple[datetime, int] | None],
    step: timedelta,
    registers: Callable[[Meter, datetime], Pair],
) -> Reader:
    def read(meter: Meter) -> WindowHistory:
        window = selected(meter)
        if window is None:
            return WindowHistory(newest=NoValue.NEVER_SET, registers=((NoValue.NO_DATA, NoValue.NO_DATA),))
        newest, count = window
        pairs = tuple(_pair(registers(meter, newest - number * step)) for number in range(count))
        return WindowHistory(newest=newest, registers=pairs)

    return read


def _selector(window: tuple[datetime, int] | None) -> WindowSelector:
    if window is None:
        return WindowSelector(newest=NoValue.NEVER_SET, count=1)
    return WindowSelector(newest=window[0], count=window[1])


def _minute_energy(meter: Meter) -> MinuteEnergy:
    at = meter.clock.now().replace(second=0, microsecond=0)
    imported, exported = _pair(meter.minute(at))
    return MinuteEnergy(at=at, import_raw=imported, export_raw=exported)


def _clock_date(meter: Meter) -> date:
    return meter.clock.now().date()


def _clock_time(meter: Meter) -> time:
    return meter.clock.now().time()


def _write_day(meter: Meter, edt: bytes) -> bool:
    """E5 takes 0 to 99 (echonet-lite-meter §12 rule 3)."""
    if len(edt) != 1 or edt[0] > 99:
        return False
    meter.day_selector = edt[0]
    return True


def _window_of(epc: int, edt: bytes) -> tuple[datetime, int] | None:
    """The window in the EDT of ED or EF; None where it is out of range, never-set values included."""
    try:
        value = SMART_METER[epc].decode(edt)
    except PropertyError:
        return None
    assert isinstance(value, WindowSelector)
    return None if isinstance(value.newest, NoValue) else (value.newest, value.count)


def _write_window_2(meter: Meter, edt: bytes) -> bool:
    window = _window_of(0xED, edt)
    if window is not None:
        meter.window_2 = window
    return window is not None


def _write_window_3(meter: Meter, edt: bytes) -> bool:
    window = _window_of(0xEF, edt)
    if window is not None:
        meter.window_3 = window
    return window is not None


def _write_location(meter: Meter, edt: bytes) -> bool:
    try:
        SMART_METER[0x81].decode(edt)
    except PropertyError:
        return False
    meter.location = edt
    return True


_COMMON: Final[Mapping[int, Reader]] = {
    0x80: lambda meter: OperationStatus.ON,
    0x81: lambda meter: SMART_METER[0x81].decode(meter.location),
    0x82: lambda meter: StandardVersion(release=meter.settings.release, revision=0),
    0x88: lambda meter: FaultStatus.NO_FAULT,
    0x8A: lambda meter: MAKER,
    0x8D: lambda meter: meter.serial,
    0x97: _clock_time,
    0x98: _clock_date,
    0xD7: lambda meter: meter.settings.digits,
    0xE0: lambda meter: _raw(meter.live().registers[0]),
    0xE1: lambda meter: EnergyUnit(code=meter.settings.unit, exponent=UNIT_EXPONENTS[meter.settings.unit]),
    0xE2: _day_history(0),
    0xE5: lambda meter: NoValue.NEVER_SET if meter.day_selector is None else meter.day_selector,
    0xE7: lambda meter: _raw(meter.live().power_w),
    0xE8: _currents,
    0xEA: _fixed(0),
}
_COEFFICIENT: Final[Mapping[int, Reader]] = {0xD3: lambda meter: meter.settings.coefficient}
_EXPORT: Final[Mapping[int, Reader]] = {
    0xE3: lambda meter: _raw(meter.live().registers[1]),
    0xE4: _day_history(1),
    0xEB: _fixed(1),
}
_HISTORY_2: Final[Mapping[int, Reader]] = {
    0xEC: _window(lambda meter: meter.window_2, HALF_HOUR, Meter.slot),
    0xED: lambda meter: _selector(meter.window_2),
}
_RELEASE_R: Final[Mapping[int, Reader]] = {
    0xC0: lambda meter: RouteBIdentification(maker=MAKER, free=meter.serial.encode().rjust(12, b"\0")),
    0xD0: _minute_energy,
    0xEE: _window(lambda meter: meter.window_3, _MINUTE, Meter.minute),
    0xEF: lambda meter: _selector(meter.window_3),
}


def meter_table(meter: Meter) -> ObjectTable:
    """The smart meter object 028801 with the features that the settings give it."""
    settings = meter.settings
    read = dict(_COMMON)
    write: dict[int, Writer] = {0x81: _write_location, 0xE5: _write_day}
    if settings.coefficient is not None:
        read |= _COEFFICIENT
    if settings.export:
        read |= _EXPORT
    if settings.history2:
        read |= _HISTORY_2
        write[0xED] = _write_window_2
    if settings.release == "R":
        read |= _RELEASE_R
        write[0xEF] = _write_window_3
    return ObjectTable(specs=SMART_METER, read=read, write=write, announced=frozenset({0x80, 0x81, 0x88}))


def _identification(meter: Meter) -> bytes:
    """FE, maker, MAC, five zeros, as a Toshiba meter forms it (echonet-lite-meter §7)."""
    return b"\xfe" + MAKER.to_bytes(3, "big") + bytes.fromhex(meter.settings.mac) + bytes(5)


def instance_list() -> bytes:
    """The EDT of D5 and D6: the one device of this node."""
    return NODE_PROFILE_PROPERTIES[0xD5].encode((METER,))


NODE_TABLE: Final = ObjectTable(
    specs=NODE_PROFILE_PROPERTIES,
    read={
        0x80: lambda meter: OperationStatus.ON,
        0x82: lambda meter: NodeVersion(major=1, minor=14, formats=1),
        0x83: _identification,
        0x8A: lambda meter: MAKER,
        0xD3: lambda meter: 1,
        0xD4: lambda meter: 2,
        0xD6: lambda meter: (METER,),
        0xD7: lambda meter: (METER.class_code,),
    },
    write={},
    announced=frozenset({0x80, 0xD5}),
)
"""The node profile 0EF001 (echonet-lite-meter §7)."""
