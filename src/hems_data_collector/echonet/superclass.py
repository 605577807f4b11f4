"""Properties that every device object may have, 80 to 9F (echonet-lite-meter §6.2, §6.5, §6.6)."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from enum import IntEnum
from typing import Final

from hems_data_collector.echonet.edt import DATE, TIME, Codec, NoValue, ascii_text, choice, integer, octets, state_code
from hems_data_collector.echonet.property_map import PROPERTY_MAP
from hems_data_collector.echonet.spec import Access, PropertySpec, table
from hems_data_collector.errors import PropertyError

GET: Final = Access.GET
GET_SET: Final = Access.GET | Access.SET
GET_ANNO: Final = Access.GET | Access.ANNO
GET_SET_ANNO: Final = Access.GET | Access.SET | Access.ANNO


class OperationStatus(IntEnum):
    """80 (echonet-lite-meter §6.2, §7)."""

    ON = 0x30
    OFF = 0x31


class FaultStatus(IntEnum):
    """88 (echonet-lite-meter §6.2)."""

    FAULT = 0x41
    NO_FAULT = 0x42


class PowerSaving(IntEnum):
    """8F (echonet-lite-meter §6.2)."""

    SAVING = 0x41
    NORMAL = 0x42


class RemoteControl(IntEnum):
    """93: whether control comes through a public network (echonet-lite-meter §6.2)."""

    NOT_PUBLIC = 0x41
    PUBLIC = 0x42
    LINE_NORMAL_NOT_PUBLIC = 0x61
    LINE_NORMAL_PUBLIC = 0x62


class Place(IntEnum):
    """Place code of 81 (echonet-lite-meter §6.6)."""

    LIVING_ROOM = 1
    DINING_ROOM = 2
    KITCHEN = 3
    BATHROOM = 4
    TOILET = 5
    WASHROOM = 6
    HALLWAY = 7
    ROOM = 8
    STAIRS = 9
    ENTRANCE = 10
    STORAGE_ROOM = 11
    GARDEN = 12
    GARAGE = 13
    VERANDA = 14
    OTHER = 15


class TimeUnit(IntEnum):
    """Unit of 9A (echonet-lite-meter §6.2); `seconds` of one."""

    SECOND = 0x41
    MINUTE = 0x42
    HOUR = 0x43
    DAY = 0x44

    @property
    def seconds(self) -> int:
        """Length of one unit in seconds."""
        return {"SECOND": 1, "MINUTE": 60, "HOUR": 3600, "DAY": 86400}[self.name]


@dataclass(frozen=True, slots=True, kw_only=True)
class InstallationLocation:
    """81: a code with place and number, a free definition (80-FE), or 01 with 16 bytes of position data."""

    code: int
    position: bytes = b""

    @property
    def place(self) -> Place | None:
        """The place, for codes 08-7F."""
        return Place(self.code >> 3) if 0x08 <= self.code <= 0x7F else None

    @property
    def number(self) -> int | None:
        """The number within the place, 0-7, for codes 08-7F."""
        return self.code & 0x07 if 0x08 <= self.code <= 0x7F else None


@dataclass(frozen=True, slots=True, kw_only=True)
class StandardVersion:
    """82 of a device object: release letter of the Appendix and its revision."""

    release: str
    revision: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ManufacturerFault:
    """86: declared size, manufacturer code, and the maker's own bytes (`maker` is None where only the size came)."""

    size: int
    maker: int | None
    code: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class OperatingTime:
    """9A: so many units of running time."""

    unit: TimeUnit
    count: int

    @property
    def seconds(self) -> int:
        """The whole in seconds."""
        return self.unit.seconds * self.count


_LOCATION_POSITION = 0x01
_LOCATION_STATES = {0x00: NoValue.NOT_SET, 0xFF: NoValue.NOT_FIXED}
_LOCATION_CODES = {state: code for code, state in _LOCATION_STATES.items()}
_LOCATION_RESERVED = range(0x02, 0x08)
_POSITION_SIZE = 16


def _decode_location(edt: bytes) -> InstallationLocation | NoValue:
    code, position = edt[0], bytes(edt[1:])
    if (code == _LOCATION_POSITION) != bool(position):
        raise PropertyError("Position data belongs to location code 01, and to no other.", edt)
    if code in _LOCATION_STATES:
        return _LOCATION_STATES[code]
    if code in _LOCATION_RESERVED:
        raise PropertyError(f"Location code {code:02X} is reserved.", edt)
    return InstallationLocation(code=code, position=position)


def _encode_location(value: InstallationLocation | NoValue) -> bytes:
    if isinstance(value, NoValue):
        return bytes((state_code(_LOCATION_CODES, value),))
    allowed = 0 < value.code < 0xFF and value.code not in _LOCATION_RESERVED
    if not allowed or len(value.position) != (_POSITION_SIZE if value.code == _LOCATION_POSITION else 0):
        raise ValueError(f"No installation location: {value}.")
    return bytes((value.code,)) + value.position


LOCATION: Final = Codec(sizes=(1, 1 + _POSITION_SIZE), decode=_decode_location, encode=_encode_location)
"""81 (echonet-lite-meter §6.6)."""


def _decode_version(edt: bytes) -> StandardVersion:
    letter = chr(edt[2])
    if edt[0] or edt[1] or not "A" <= letter <= "Z":
        raise PropertyError(f"{edt.hex().upper()} names no release letter.", edt)
    return StandardVersion(release=letter, revision=edt[3])


def _encode_version(value: StandardVersion) -> bytes:
    if len(value.release) != 1 or not "A" <= value.release <= "Z":
        raise ValueError(f"{value.release!r} is no release letter.")
    return bytes((0, 0, ord(value.release), value.revision))


STANDARD_VERSION: Final = Codec(sizes=(4,), decode=_decode_version, encode=_encode_version)
"""82 of device objects; the node profile's is another (echonet-lite-meter §7)."""

_IDENTIFICATION_SIZE = 17
_IDENTIFICATION_SIZE_OLD = 9


def _decode_identification(edt: bytes) -> bytes | NoValue:
    return bytes(edt) if edt[0] else NoValue.NOT_SET


def _encode_identification(value: bytes | NoValue) -> bytes:
    if isinstance(value, NoValue):
        return bytes((state_code({NoValue.NOT_SET: 0}, value),)) * _IDENTIFICATION_SIZE
    if not value or not value[0]:
        raise ValueError("An identification number starts with another byte than 00.")
    return value


IDENTIFICATION: Final = Codec(
    sizes=(_IDENTIFICATION_SIZE, _IDENTIFICATION_SIZE_OLD),
    decode=_decode_identification,
    encode=_encode_identification,
)
"""83: FE, manufacturer code, 13 bytes of its choice, all kept as bytes (echonet-lite-meter §6.2, §7)."""


def _decode_maker_fault(edt: bytes) -> ManufacturerFault:
    if len(edt) == 1:
        return ManufacturerFault(size=edt[0], maker=None, code=b"")
    if len(edt) < 4:
        raise PropertyError("The manufacturer code is cut.", edt)
    return ManufacturerFault(size=edt[0], maker=int.from_bytes(edt[1:4], "big"), code=bytes(edt[4:]))


def _encode_maker_fault(value: ManufacturerFault) -> bytes:
    head = bytes((value.size,))
    if value.maker is None:
        if value.code:
            raise ValueError("A manufacturer's fault code needs the manufacturer code.")
        return head
    return head + MAKER.encode(value.maker) + value.code


MAKER_FAULT: Final = Codec(sizes=range(1, 256), decode=_decode_maker_fault, encode=_encode_maker_fault)
"""86 (meter-properties.csv)."""

_COUNT_U32 = integer(4, 0, 0xFFFF_FFFF)
_TIME_UNIT = choice(TimeUnit)


def _decode_operating_time(edt: bytes) -> OperatingTime:
    return OperatingTime(unit=_TIME_UNIT.decode(edt[:1]), count=int.from_bytes(edt[1:], "big"))


def _encode_operating_time(value: OperatingTime) -> bytes:
    return _TIME_UNIT.encode(value.unit) + _COUNT_U32.encode(value.count)


OPERATING_TIME: Final = Codec(sizes=(5,), decode=_decode_operating_time, encode=_encode_operating_time)
"""9A (meter-properties.csv)."""

_WATT_HOURS = integer(4, 0, 0xFFFF_FFFD, {0xFFFF_FFFF: NoValue.OVERFLOW, 0xFFFF_FFFE: NoValue.UNDERFLOW})


def _decode_own_energy(edt: bytes) -> Decimal | NoValue:
    count = _WATT_HOURS.decode(edt)
    return count if isinstance(count, NoValue) else Decimal(f"{count}E-3")


def _encode_own_energy(value: Decimal | NoValue) -> bytes:
    if isinstance(value, NoValue):
        return _WATT_HOURS.encode(value)
    if int(value * 1000) != value * 1000:
        raise ValueError(f"{value} kWh is not a multiple of 0.001 kWh.")
    return _WATT_HOURS.encode(int(value * 1000))


OWN_ENERGY: Final = Codec(sizes=(4,), decode=_decode_own_energy, encode=_encode_own_energy)
"""85: what the device itself has used, in kWh; D3 and E1 do not apply to it (meter-properties.csv)."""

OWN_POWER: Final = integer(2, 0, 0xFFFD, {0xFFFF: NoValue.OVERFLOW, 0xFFFE: NoValue.UNDERFLOW})
"""84 in watts (meter-properties.csv)."""
FAULT_DESCRIPTION: Final = integer(2, 0, 0xFFFF, {0x0000: NoValue.NO_FAULT, 0x03FF: NoValue.UNCLASSIFIED})
"""89 (meter-properties.csv)."""
MAKER: Final = integer(3, 0, 0xFF_FFFF)
"""8A (echonet-lite-meter §6.2)."""
PERCENT: Final = integer(1, 0, 100)
"""87 (meter-properties.csv)."""
WATTS: Final = integer(2, 0, 0xFFFF)
"""99 (meter-properties.csv)."""


SUPERCLASS: Final = (
    PropertySpec(0x80, "Operation status", "動作状態", GET_SET_ANNO, choice(OperationStatus), required=GET_ANNO),
    PropertySpec(0x81, "Installation location", "設置場所", GET_SET_ANNO, LOCATION, required=GET_SET_ANNO),
    PropertySpec(0x82, "Standard version information", "規格Version情報", GET, STANDARD_VERSION, required=GET),
    PropertySpec(0x83, "Identification number", "識別番号", GET, IDENTIFICATION),
    PropertySpec(0x84, "Measured instantaneous power consumption", "瞬時消費電力計測値", GET, OWN_POWER, unit="W"),
    PropertySpec(
        0x85, "Measured cumulative electric energy consumption", "積算消費電力量計測値", GET, OWN_ENERGY, unit="kWh"
    ),
    PropertySpec(0x86, "Manufacturer's fault code", "メーカ異常コード", GET, MAKER_FAULT),
    PropertySpec(0x87, "Current limit setting", "電流制限設定", GET_SET, PERCENT, unit="%"),
    PropertySpec(0x88, "Fault status", "異常発生状態", GET_ANNO, choice(FaultStatus), required=GET_ANNO),
    PropertySpec(0x89, "Fault description", "異常内容", GET, FAULT_DESCRIPTION),
    PropertySpec(
        0x8A,
        "Manufacturer code (from R: member ID/manufacturer code)",
        "メーカコード (R以降 会員ID/メーカコード)",
        GET,
        MAKER,
        required=GET,
    ),
    PropertySpec(0x8B, "Business facility code", "事業場コード", GET, octets(3)),
    PropertySpec(0x8C, "Product code", "商品コード", GET, ascii_text(12)),
    PropertySpec(0x8D, "Production number (serial)", "製造番号", GET, ascii_text(12)),
    PropertySpec(0x8E, "Production date", "製造年月日", GET, DATE),
    PropertySpec(0x8F, "Power-saving operation setting", "節電動作設定", GET_SET, choice(PowerSaving)),
    PropertySpec(0x93, "Remote control setting", "遠隔操作設定", GET_SET, choice(RemoteControl), release="C"),
    PropertySpec(0x97, "Current time setting", "現在時刻設定", GET_SET, TIME),
    PropertySpec(0x98, "Current date setting", "現在年月日設定", GET_SET, DATE),
    PropertySpec(0x99, "Power limit setting", "電力制限設定", GET_SET, WATTS, unit="W"),
    PropertySpec(0x9A, "Cumulative operating time", "積算運転時間", GET, OPERATING_TIME),
    PropertySpec(
        0x9D,
        "Status change announcement property map",
        "状変アナウンスプロパティマップ",
        GET,
        PROPERTY_MAP,
        required=GET,
    ),
    PropertySpec(0x9E, "Set property map", "Setプロパティマップ", GET, PROPERTY_MAP, required=GET),
    PropertySpec(0x9F, "Get property map", "Getプロパティマップ", GET, PROPERTY_MAP, required=GET),
)
"""One row per property of every device object (meter-properties.csv)."""

DEVICE_PROPERTIES: Final = table(SUPERCLASS)
"""The same by EPC: what the controller object has (echonet-lite-meter §7)."""
