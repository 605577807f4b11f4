"""Values inside an EDT: special states, scalar codecs, the types of compound values (echonet-lite-meter §5).

Everything is big-endian. Date-times are naive and in the meter's local time; the caller attaches the zone.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Container, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time
from decimal import Decimal
from enum import Enum, IntEnum
from functools import lru_cache
from typing import Final, Generic, TypeVar

from hems_data_collector.errors import PropertyError

T = TypeVar("T")
EnumT = TypeVar("EnumT", bound=IntEnum)

ENERGY_MAX: Final = 0x05F5_E0FF
"""Greatest register, 99 999 999; a greater u32 other than NO_DATA_U32 is undefined (echonet-lite-meter §5.1)."""
NO_DATA_U32: Final = 0xFFFF_FFFE
"""No measurement; the only special value of an energy register (echonet-lite-meter §5.1)."""

POWER_MIN: Final = -0x7FFF_FFFF
POWER_MAX: Final = 0x7FFF_FFFD
"""Bounds of E7 in watts, both valid (echonet-lite-meter §5.1)."""
CURRENT_MIN: Final = -0x7FFF
CURRENT_MAX: Final = 0x7FFD
"""Bounds of E8 in 0.1 A, both valid (echonet-lite-meter §5.1)."""


class NoValue(Enum):
    """Why a property has no value; a state, never a number (echonet-lite-meter §5.1)."""

    NO_DATA = "no data"
    OVERFLOW = "overflow"
    UNDERFLOW = "underflow"
    NEVER_SET = "never set"
    """All FF in a selector or a date-time: nobody has set it yet."""
    NOT_SET = "not set"
    """A clock with month or day 0, a location 00, an identification number that starts with 00."""
    NOT_FIXED = "not fixed"
    """A location FF."""
    NO_FAULT = "no fault"
    """Fault description 0000."""
    UNCLASSIFIED = "unclassified"
    """Fault description 03FF."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Codec(Generic[T]):
    """How one kind of EDT is read and written.

    `decode` relies on an EDT whose length is in `sizes` and raises PropertyError; `encode` raises ValueError.
    """

    sizes: Container[int]
    decode: Callable[[bytes], T]
    encode: Callable[[T], bytes]


@dataclass(frozen=True, slots=True, kw_only=True)
class Currents:
    """E8: effective currents of the two measured conductors in amperes, R first (echonet-lite-meter §6.7).

    NO_DATA in `t_a` is also how a two-wire meter says that it has no T phase.
    """

    r_a: Decimal | NoValue
    t_a: Decimal | NoValue


@dataclass(frozen=True, slots=True, kw_only=True)
class FixedTimeEnergy:
    """EA, EB: a raw register and the meter's time of it."""

    at: datetime | NoValue
    raw: int | NoValue


@dataclass(frozen=True, slots=True, kw_only=True)
class MinuteEnergy:
    """D0: both raw registers at the last full minute."""

    at: datetime | NoValue
    import_raw: int | NoValue
    export_raw: int | NoValue


@dataclass(frozen=True, slots=True, kw_only=True)
class DayHistory:
    """E2, E4: raw registers at 00:00, 00:30 ... 23:30 of the day `day` days ago (echonet-lite-meter §6.3).

    `day` is relative and echoes E5; NEVER_SET where E5 was never set.
    """

    day: int | NoValue
    registers: tuple[int | NoValue, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowSelector:
    """ED, EF: newest moment and number of steps wanted (echonet-lite-meter §6.4)."""

    newest: datetime | NoValue
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowHistory:
    """EC, EE: pairs of raw registers (import, export), the first at `newest`, each next one step earlier.

    The step is 30 minutes for EC and 1 minute for EE (echonet-lite-meter §6.4).
    """

    newest: datetime | NoValue
    registers: tuple[tuple[int | NoValue, int | NoValue], ...]


def integer(
    size: int, low: int, high: int, specials: Mapping[int, NoValue] | None = None, *, signed: bool = False
) -> Codec[int | NoValue]:
    """Codec of a whole number of `size` bytes within `low` to `high`, with its special values."""
    states = dict(specials or {})
    codes = {state: code for code, state in states.items()}

    def decode(edt: bytes) -> int | NoValue:
        number = int.from_bytes(edt, "big", signed=signed)
        if number in states:
            return states[number]
        if low <= number <= high:
            return number
        raise PropertyError(f"{number} is outside {low} to {high}.", edt)

    def encode(value: int | NoValue) -> bytes:
        if isinstance(value, NoValue):
            return state_code(codes, value).to_bytes(size, "big", signed=signed)
        if not low <= value <= high or value in states:
            raise ValueError(f"{value} is outside {low} to {high}, or means something else.")
        return value.to_bytes(size, "big", signed=signed)

    return Codec(sizes=(size,), decode=decode, encode=encode)


def state_code(codes: Mapping[NoValue, int], state: NoValue) -> int:
    """The code of a special state; raises ValueError where the property has no such state."""
    if state not in codes:
        raise ValueError(f"This property has no state {state.name}.")
    return codes[state]


ENERGY: Final = integer(4, 0, ENERGY_MAX, {NO_DATA_U32: NoValue.NO_DATA})
"""A raw energy register, u32 (echonet-lite-meter §5.1)."""
POWER: Final = integer(
    4,
    POWER_MIN,
    POWER_MAX,
    {POWER_MAX + 1: NoValue.NO_DATA, POWER_MAX + 2: NoValue.OVERFLOW, POWER_MIN - 1: NoValue.UNDERFLOW},
    signed=True,
)
"""Instantaneous power in watts, i32 (echonet-lite-meter §5.1)."""
_CURRENT_STATES = {
    CURRENT_MAX + 1: NoValue.NO_DATA,
    CURRENT_MAX + 2: NoValue.OVERFLOW,
    CURRENT_MIN - 1: NoValue.UNDERFLOW,
}
_CURRENT: Final = integer(2, CURRENT_MIN, CURRENT_MAX, _CURRENT_STATES, signed=True)
_TWO_CURRENTS = struct.Struct(">hh")


def register(number: int) -> int | NoValue:
    """A u32 as an energy register; raises PropertyError where it is undefined (echonet-lite-meter §5.1)."""
    if number <= ENERGY_MAX:
        return number
    if number == NO_DATA_U32:
        return NoValue.NO_DATA
    raise PropertyError(f"Register {number} is above {ENERGY_MAX} and not the no-data code.")


def _decode_currents(edt: bytes) -> Currents:
    r_tenths, t_tenths = _TWO_CURRENTS.unpack(edt)
    return Currents(r_a=_amperes(r_tenths), t_a=_amperes(t_tenths))


@lru_cache(maxsize=1024)  # a house draws the same few hundred currents again and again
def _amperes(tenths: int) -> Decimal | NoValue:
    """Amperes of an i16 in 0.1 A, or its special state: every i16 is one or the other."""
    return _CURRENT_STATES.get(tenths) or Decimal(f"{tenths}E-1")


def _encode_currents(value: Currents) -> bytes:
    return _CURRENT.encode(_tenths(value.r_a)) + _CURRENT.encode(_tenths(value.t_a))


def _tenths(amperes: Decimal | NoValue) -> int | NoValue:
    if isinstance(amperes, NoValue):
        return amperes
    tenths = int(amperes * 10)
    if tenths != amperes * 10:
        raise ValueError(f"{amperes} A is not a multiple of 0.1 A.")
    return tenths


CURRENTS: Final[Codec[Currents]] = Codec(sizes=(4,), decode=_decode_currents, encode=_encode_currents)
"""E8: two i16 in 0.1 A, R then T (echonet-lite-meter §6.7)."""

_DATE_TIME = struct.Struct(">HBBBBB")
_DATE_TIME_MINUTE = struct.Struct(">HBBBB")
_DATE = struct.Struct(">HBB")
DATE_TIME_SIZE: Final = 7
DATE_TIME_MINUTE_SIZE: Final = 6


def decode_date_time(edt: bytes) -> datetime | NoValue:
    """A date-time of 7 bytes, or of 6 without seconds (echonet-lite-meter §5.2). Raises PropertyError.

    All FF is NEVER_SET; month or day 0 is NOT_SET, a meter without a clock.
    """
    if len(edt) == DATE_TIME_SIZE:
        year, month, day, hour, minute, second = _DATE_TIME.unpack(edt)
    elif len(edt) == DATE_TIME_MINUTE_SIZE:
        (year, month, day, hour, minute), second = _DATE_TIME_MINUTE.unpack(edt), 0
    else:
        raise PropertyError(f"A date-time has 6 or 7 bytes, not {len(edt)}.", edt)
    return date_time(edt, year, month, day, hour, minute, second)


def date_time(edt: bytes, year: int, month: int, day: int, hour: int, minute: int, second: int) -> datetime | NoValue:
    """The same from its parts, which stand at the beginning of `edt`. Raises PropertyError."""
    try:
        return datetime(year, month, day, hour, minute, second)
    except ValueError:
        return _no_date(edt[:DATE_TIME_SIZE], month, day)


def encode_date_time(value: datetime | NoValue, *, seconds: bool = True) -> bytes:
    """The 7 bytes, or 6 where `seconds` is False; finer parts are dropped. Raises ValueError for a time with a zone."""
    size = DATE_TIME_SIZE if seconds else DATE_TIME_MINUTE_SIZE
    if isinstance(value, NoValue):
        return _no_date_code(value, size)
    if value.tzinfo is not None:
        raise ValueError("A meter's time carries no zone; convert it to the meter's local time first.")
    packed = _DATE_TIME.pack(value.year, value.month, value.day, value.hour, value.minute, value.second)
    return packed[:size]


def _decode_date(edt: bytes) -> date | NoValue:
    year, month, day = _DATE.unpack(edt)
    try:
        return date(year, month, day)
    except ValueError:
        return _no_date(edt, month, day)


def _encode_date(value: date | NoValue) -> bytes:
    if isinstance(value, NoValue):
        return _no_date_code(value, _DATE.size)
    return _DATE.pack(value.year, value.month, value.day)


def _no_date(edt: bytes, month: int, day: int) -> NoValue:
    if month == 0 or day == 0:
        return NoValue.NOT_SET
    if edt == b"\xff" * len(edt):
        return NoValue.NEVER_SET
    raise PropertyError(f"{edt.hex().upper()} is no date or time.", edt)


def _no_date_code(state: NoValue, size: int) -> bytes:
    return bytes((state_code({NoValue.NOT_SET: 0x00, NoValue.NEVER_SET: 0xFF}, state),)) * size


def _decode_time(edt: bytes) -> time | NoValue:
    hour, minute = edt
    try:
        return time(hour, minute)
    except ValueError:
        if edt == b"\xff\xff":
            return NoValue.NEVER_SET
        raise PropertyError(f"{hour}:{minute} is no time of day.", edt) from None


def _encode_time(value: time | NoValue) -> bytes:
    if isinstance(value, NoValue):
        return bytes((state_code({NoValue.NEVER_SET: 0xFF}, value),)) * 2
    return bytes((value.hour, value.minute))


DATE: Final[Codec[date | NoValue]] = Codec(sizes=(4,), decode=_decode_date, encode=_encode_date)
"""Year, month, day (echonet-lite-meter §5.2)."""
TIME: Final[Codec[time | NoValue]] = Codec(sizes=(2,), decode=_decode_time, encode=_encode_time)
"""Hour and minute (echonet-lite-meter §5.2); seconds of a value are dropped."""


def choice(kind: type[EnumT]) -> Codec[EnumT]:
    """Codec of one byte that must be a member of `kind`."""
    members = {int(member): member for member in kind}

    def decode(edt: bytes) -> EnumT:
        member = members.get(edt[0])
        if member is None:
            raise PropertyError(f"0x{edt[0]:02X} is not defined.", edt)
        return member

    def encode(value: EnumT) -> bytes:
        return bytes((kind(value),))

    return Codec(sizes=(1,), decode=decode, encode=encode)


def ascii_text(size: int) -> Codec[str]:
    """Codec of printable ASCII padded with NUL (or spaces) at the end to `size` bytes (echonet-lite-meter §6.2, 8D)."""

    def decode(edt: bytes) -> str:
        text = edt.rstrip(b"\0 ")
        if not all(0x20 <= byte <= 0x7E for byte in text):
            raise PropertyError("The text is not printable ASCII.", edt)
        return text.decode("ascii")

    def encode(value: str) -> bytes:
        text = value.encode("ascii")
        if len(text) > size or text != text.rstrip(b" ") or not all(0x20 <= byte <= 0x7E for byte in text):
            raise ValueError(f"{value!r} is not up to {size} printable ASCII characters without spaces at the end.")
        return text.ljust(size, b"\0")

    return Codec(sizes=(size,), decode=decode, encode=encode)


def octets(*sizes: int) -> Codec[bytes]:
    """Codec of bytes that stay as they are."""
    return Codec(sizes=sizes, decode=bytes, encode=bytes)
