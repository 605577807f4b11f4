"""Codecs of registers with their times: fixed time, minute, day, windows (echonet-lite-meter §6.1, §6.3, §6.4)."""

from __future__ import annotations

import struct
from datetime import timedelta
from typing import Final

from hems_data_collector.echonet.edt import (
    DATE_TIME_MINUTE_SIZE,
    ENERGY,
    Codec,
    DayHistory,
    FixedTimeEnergy,
    MinuteEnergy,
    NoValue,
    WindowHistory,
    WindowSelector,
    date_time,
    decode_date_time,
    encode_date_time,
    integer,
    register,
)
from hems_data_collector.errors import PropertyError

SLOTS_PER_DAY: Final = 48
"""Half hours of a day history, 00:00 to 23:30 (echonet-lite-meter §6.3)."""
DAY_MAX: Final = 99
"""Oldest day of a day history (echonet-lite-meter §5.1)."""
HISTORY_2_MAX: Final = 12
HISTORY_2_STEP: Final = timedelta(minutes=30)
"""EC: steps at most, and their distance (echonet-lite-meter §6.4)."""
HISTORY_3_MAX: Final = 10
HISTORY_3_STEP: Final = timedelta(minutes=1)
"""EE: steps at most, and their distance (echonet-lite-meter §6.4)."""

_DAY_HISTORY = struct.Struct(f">H{SLOTS_PER_DAY}I")
_FIXED_TIME = struct.Struct(">HBBBBBI")
_MINUTE = struct.Struct(">HBBBBBII")
_TWO_REGISTERS = struct.Struct(">II")
_WINDOW_HEAD_SIZE = DATE_TIME_MINUTE_SIZE + 1
_PAIR_SIZE = _TWO_REGISTERS.size

DAY_SELECTOR: Final = integer(1, 0, DAY_MAX, {0xFF: NoValue.NEVER_SET})
"""E5: days ago, 0 = today (echonet-lite-meter §5.1)."""
_HISTORY_DAY: Final = integer(2, 0, DAY_MAX, {0x00FF: NoValue.NEVER_SET})


def _decode_fixed_time(edt: bytes) -> FixedTimeEnergy:
    *moment, raw = _FIXED_TIME.unpack(edt)
    return FixedTimeEnergy(at=date_time(edt, *moment), raw=register(raw))


def _encode_fixed_time(value: FixedTimeEnergy) -> bytes:
    return encode_date_time(value.at) + ENERGY.encode(value.raw)


FIXED_TIME_ENERGY: Final = Codec(sizes=(11,), decode=_decode_fixed_time, encode=_encode_fixed_time)
"""EA, EB (echonet-lite-meter §6.1)."""


def _decode_minute(edt: bytes) -> MinuteEnergy:
    *moment, bought, sold = _MINUTE.unpack(edt)
    return MinuteEnergy(at=date_time(edt, *moment), import_raw=register(bought), export_raw=register(sold))


def _encode_minute(value: MinuteEnergy) -> bytes:
    return encode_date_time(value.at) + ENERGY.encode(value.import_raw) + ENERGY.encode(value.export_raw)


MINUTE_ENERGY: Final = Codec(sizes=(15,), decode=_decode_minute, encode=_encode_minute)
"""D0 of Release R (echonet-lite-meter §6.1)."""


def _decode_day(edt: bytes) -> DayHistory:
    return DayHistory(day=_HISTORY_DAY.decode(edt[:2]), registers=tuple(map(register, _DAY_HISTORY.unpack(edt)[1:])))


def _encode_day(value: DayHistory) -> bytes:
    if len(value.registers) != SLOTS_PER_DAY:
        raise ValueError(f"A day has {SLOTS_PER_DAY} registers, not {len(value.registers)}.")
    return _HISTORY_DAY.encode(value.day) + b"".join(map(ENERGY.encode, value.registers))


DAY_HISTORY: Final = Codec(sizes=(_DAY_HISTORY.size,), decode=_decode_day, encode=_encode_day)
"""E2, E4 (echonet-lite-meter §6.3)."""


def _window_selector(maximum: int, step: timedelta) -> Codec[WindowSelector]:
    """ED (half hours) or EF (minutes): 6-byte date-time and 1 to `maximum` steps (echonet-lite-meter §6.4)."""
    on_grid = int(step.total_seconds()) // 60

    def decode(edt: bytes) -> WindowSelector:
        newest, count = decode_date_time(edt[:DATE_TIME_MINUTE_SIZE]), edt[DATE_TIME_MINUTE_SIZE]
        if not 1 <= count <= maximum:
            raise PropertyError(f"A window of {count} steps; 1 to {maximum} are allowed.", edt)
        if not isinstance(newest, NoValue) and newest.minute % on_grid:
            raise PropertyError(f"A window cannot end at minute {newest.minute}; its step is {on_grid}.", edt)
        return WindowSelector(newest=newest, count=count)

    def encode(value: WindowSelector) -> bytes:
        if not 1 <= value.count <= maximum:
            raise ValueError(f"A window of {value.count} steps; 1 to {maximum} are allowed.")
        if not isinstance(value.newest, NoValue) and value.newest.minute % on_grid:
            raise ValueError(f"A window cannot end at minute {value.newest.minute}; its step is {on_grid}.")
        return encode_date_time(value.newest, seconds=False) + bytes((value.count,))

    return Codec(sizes=(_WINDOW_HEAD_SIZE,), decode=decode, encode=encode)


def _window_history(selector: Codec[WindowSelector], maximum: int) -> Codec[WindowHistory]:
    """EC or EE: the selector's bytes again, then that many pairs, newest first (echonet-lite-meter §6.4)."""

    def decode(edt: bytes) -> WindowHistory:
        head = selector.decode(edt[:_WINDOW_HEAD_SIZE])
        if len(edt) != _WINDOW_HEAD_SIZE + _PAIR_SIZE * head.count:
            raise PropertyError(f"A window of {head.count} steps does not fit {len(edt)} bytes.", edt)
        pairs = _TWO_REGISTERS.iter_unpack(edt[_WINDOW_HEAD_SIZE:])
        return WindowHistory(
            newest=head.newest, registers=tuple([(register(bought), register(sold)) for bought, sold in pairs])
        )

    def encode(value: WindowHistory) -> bytes:
        head = selector.encode(WindowSelector(newest=value.newest, count=len(value.registers)))
        return head + b"".join(ENERGY.encode(bought) + ENERGY.encode(sold) for bought, sold in value.registers)

    sizes = range(_WINDOW_HEAD_SIZE + _PAIR_SIZE, _WINDOW_HEAD_SIZE + _PAIR_SIZE * maximum + 1, _PAIR_SIZE)
    return Codec(sizes=sizes, decode=decode, encode=encode)


WINDOW_SELECTOR_2: Final = _window_selector(HISTORY_2_MAX, HISTORY_2_STEP)
"""ED; the minute is 0 or 30."""
WINDOW_SELECTOR_3: Final = _window_selector(HISTORY_3_MAX, HISTORY_3_STEP)
"""EF; any minute."""
WINDOW_HISTORY_2: Final = _window_history(WINDOW_SELECTOR_2, HISTORY_2_MAX)
"""EC."""
WINDOW_HISTORY_3: Final = _window_history(WINDOW_SELECTOR_3, HISTORY_3_MAX)
"""EE."""
