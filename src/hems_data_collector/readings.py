"""What the program is about: `Reading`, `HalfHour`, `MeterIdentity`, and the record of users (docs/record.md).

Energy is exact: `Decimal` kilowatt hours, or the meter's raw integer with its scale. Times are timezone-aware UTC.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Final, TypeAlias

HALF_HOUR: Final = timedelta(minutes=30)
MINUTE: Final = timedelta(minutes=1)

READING_KIND: Final = "reading"
HALF_HOUR_KIND: Final = "half-hour"
"""What a `Record` may be."""

FieldValue: TypeAlias = str | int | Decimal | None

RECORD_KEYS: Final = (
    "timestamp",
    "cumulative_power_kwh",
    "instant_power_w",
    "current_a",
    "current_r_a",
    "current_t_a",
    "historical_timestamp",
    "historical_cumulative_power_kwh",
    "recent_30min_timestamp",
    "recent_30min_consumption_kwh",
)
"""The ten published keys, in this order (docs/record.md)."""

HALF_HOUR_KEYS: Final = (
    "kind",
    "meter_id",
    "start",
    "end",
    "import_kwh",
    "export_kwh",
    "import_register_kwh",
    "export_register_kwh",
    "source",
)
"""The keys of a half-hour record, in this order."""

METER_KEY: Final = "meter"
"""The last key, behind the others, where meters have names: the name (docs/configuration.md)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MeterIdentity:
    """Who the meter is, by what it says of itself (docs/record.md); never by the B-route id."""

    maker: str | None = None
    """Manufacturer code, property 8A, six upper-case hex digits."""
    serial: str | None = None
    """Serial number, property 8D, padding removed."""
    node_id: str | None = None
    """Identification number of the node profile, property 83, upper-case hex."""
    mac: str | None = None
    """MAC address of its radio, 16 upper-case hex digits."""

    @property
    def key(self) -> str:
        """The stable name of this meter in keys and in the store."""
        if self.maker and self.serial:
            return f"{self.maker}-{self.serial}"
        return self.node_id or self.mac or "unknown"


class HalfHourSource(StrEnum):
    """Which answer of the meter a half hour came from."""

    NOTIFICATION = "notification"
    POLL = "poll"
    HISTORY_1 = "history-1"
    HISTORY_2 = "history-2"


@dataclass(frozen=True, slots=True, kw_only=True)
class HalfHour:
    """The cumulative registers at hh:00 or hh:30 by the meter's clock (docs/record.md).

    Registers are raw counts; `kWh = raw x coefficient x 10^exponent` (echonet-lite-meter §5.3). None = no data.
    """

    meter: str
    at: datetime
    import_raw: int | None
    export_raw: int | None
    coefficient: int
    exponent: int
    source: HalfHourSource


@dataclass(frozen=True, slots=True, kw_only=True)
class Minute:
    """The cumulative registers at a full minute by the meter's clock, as meters of release R keep them (D0, EE).

    Raw counts as in `HalfHour`. None = no data.
    """

    meter: str
    at: datetime
    import_raw: int | None
    export_raw: int | None
    coefficient: int
    exponent: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What the meter said at one moment. None = the meter had no such value; nothing is ever carried over."""

    meter: str
    """`MeterIdentity.key`."""
    received_at: datetime
    """Our clock when the answer came."""
    power_w: int | None
    """Net active power in watts, negative when exporting (E7)."""
    current_r_a: Decimal | None
    current_t_a: Decimal | None
    two_wire: bool
    """True while this meter has never given a T value."""
    energy_import_kwh: Decimal | None
    energy_export_kwh: Decimal | None
    fixed_at: datetime | None
    """The meter's own time of the fixed-time registers (EA, EB)."""
    fixed_import_kwh: Decimal | None
    fixed_export_kwh: Decimal | None
    energy_import_raw: int | None
    energy_export_raw: int | None
    lqi: int | None = None
    """Link quality of the answer where the modem tells it, 0-255."""

    @property
    def current_a(self) -> Decimal | None:
        """R alone on two-wire supply, else R + T; None where a part is missing."""
        if self.two_wire or self.current_r_a is None:
            return self.current_r_a
        return None if self.current_t_a is None else self.current_r_a + self.current_t_a


@dataclass(frozen=True, slots=True, kw_only=True)
class Consumption:
    """The energy drawn in one complete half hour: `start` to `end`, from two adjacent registers."""

    end: datetime
    import_kwh: Decimal

    @property
    def start(self) -> datetime:
        """The beginning of the half hour."""
        return self.end - HALF_HOUR


@dataclass(frozen=True, slots=True, kw_only=True)
class HalfHourEnergy:
    """What one complete half hour used, and the registers at its end. None = not known, never zero."""

    meter: str
    end: datetime
    import_kwh: Decimal | None
    export_kwh: Decimal | None
    import_register_kwh: Decimal | None
    export_register_kwh: Decimal | None
    source: HalfHourSource

    @property
    def start(self) -> datetime:
        """The beginning of the half hour."""
        return self.end - HALF_HOUR


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """One published record: `fields` in order, and what outputs need to send it once."""

    key: str
    """Stable and unique: the same record always has the same key (docs/record.md)."""
    kind: str
    """`reading` or `half-hour`."""
    meter: str
    fields: Mapping[str, FieldValue]


def iso_utc(moment: datetime, *, microseconds: bool = False) -> str:
    """ISO 8601 with `+00:00`, for a timezone-aware `moment`."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds" if microseconds else "seconds")


def published(reading: Reading, recent: Consumption | None, *, meter_name: str | None = None) -> Record:
    """The record with exactly the ten keys, plus `meter` where `meter_name` is given (docs/record.md)."""
    values: tuple[FieldValue, ...] = (
        iso_utc(reading.received_at, microseconds=True),
        reading.energy_import_kwh,
        reading.power_w,
        reading.current_a,
        reading.current_r_a,
        reading.current_t_a,
        None if reading.fixed_at is None else iso_utc(reading.fixed_at),
        reading.fixed_import_kwh,
        None if recent is None else iso_utc(recent.end),
        None if recent is None else recent.import_kwh,
    )
    return reading_record(reading.meter, values, meter_name=meter_name)


def reading_record(meter: str, values: Sequence[FieldValue], *, meter_name: str | None = None) -> Record:
    """The record with these values of `RECORD_KEYS`, for who has them without a `Reading`; else as `published`."""
    fields: dict[str, FieldValue] = dict(zip(RECORD_KEYS, values, strict=True))
    if meter_name is not None:
        fields[METER_KEY] = meter_name
    return Record(key=f"{meter}/{values[0]}", kind=READING_KIND, meter=meter, fields=fields)


def published_half_hour(energy: HalfHourEnergy, *, meter_name: str | None = None) -> Record:
    """The half-hour record with exactly the keys of `HALF_HOUR_KEYS`, plus `meter` where `meter_name` is given."""
    end = iso_utc(energy.end)
    values: tuple[FieldValue, ...] = (
        HALF_HOUR_KIND,
        energy.meter,
        iso_utc(energy.start),
        end,
        energy.import_kwh,
        energy.export_kwh,
        energy.import_register_kwh,
        energy.export_register_kwh,
        energy.source.value,
    )
    fields: dict[str, FieldValue] = dict(zip(HALF_HOUR_KEYS, values, strict=True))
    if meter_name is not None:
        fields[METER_KEY] = meter_name
    return Record(key=f"{energy.meter}/{end}/{HALF_HOUR_KIND}", kind=HALF_HOUR_KIND, meter=energy.meter, fields=fields)


def as_named(record: Record, *, named: bool) -> Record:
    """`record` as it goes out where meters have names or have none: one key more or less, whenever it was made.

    A meter that has no name yet goes by its identity.
    """
    if (METER_KEY in record.fields) is named:
        return record
    fields = {key: value for key, value in record.fields.items() if key != METER_KEY}
    return replace(record, fields={**fields, METER_KEY: record.meter} if named else fields)
