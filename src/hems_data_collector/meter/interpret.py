"""Properties plus the meter's profile become a `Reading` and `HalfHour`s (docs/architecture.md). PURE.

"No data" is a value: a sentinel or a missing property becomes None, a malformed one too, and its neighbours survive.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from decimal import Decimal
from typing import Final

from hems_data_collector.echonet import (
    METER,
    SLOTS_PER_DAY,
    Currents,
    DayHistory,
    FixedTimeEnergy,
    MinuteEnergy,
    NoValue,
    WindowHistory,
    decode_property,
)
from hems_data_collector.errors import PropertyError
from hems_data_collector.meter.profile import MeterProfile
from hems_data_collector.readings import HALF_HOUR, MINUTE, HalfHour, HalfHourSource, Minute, Reading

LAST_SLOT_OF_DAY: Final = time(23, 30)
AROUND_MIDNIGHT: Final = frozenset({(23, 59), (0, 0)})
EA_DELAY: Final = timedelta(minutes=5)  # a meter may take this long to show a half hour (§4.4)
YEARS: Final = range(2000, 9999)  # another year is a clock that was never set, and the ends of the calendar are no UTC


def decoded(values: Mapping[int, bytes]) -> dict[int, object]:
    """Every value of `values` that its property allows; the malformed, and those of an impossible day, are left out."""
    good: dict[int, object] = {}
    for epc, edt in values.items():
        try:
            value = decode_property(METER, epc, edt)
        except PropertyError:
            continue
        if _possible(value):
            good[epc] = value
    return good


def _possible(value: object) -> bool:
    match value:
        case date(year=year) | FixedTimeEnergy(at=date(year=year)) | MinuteEnergy(at=date(year=year)):
            return year in YEARS
    return True


def malformed(values: Mapping[int, bytes]) -> tuple[PropertyError, ...]:
    """What `decoded` leaves out, with the evidence, for the counters and the log."""
    errors: list[PropertyError] = []
    for epc, edt in values.items():
        try:
            decode_property(METER, epc, edt)
        except PropertyError as error:
            errors.append(error)
    return tuple(errors)


def has_t_phase(values: Mapping[int, bytes]) -> bool:
    """True where E8 carries a T current, overflow included."""
    match decoded(values).get(0xE8):
        case Currents(t_a=t_a):
            return t_a is not NoValue.NO_DATA
    return False


def reading_from(
    values: Mapping[int, bytes], profile: MeterProfile, *, received_at: datetime, zone: tzinfo, lqi: int | None = None
) -> Reading:
    """The reading that one poll's `values` give; `zone` is the zone of the meter's clock."""
    got = decoded(values)
    currents = got.get(0xE8)
    r_a = currents.r_a if isinstance(currents, Currents) else None
    t_a = currents.t_a if isinstance(currents, Currents) else None
    fixed_import, fixed_export = _fixed(got.get(0xEA)), _fixed(got.get(0xEB))
    fixed_at = (fixed_import or fixed_export or (None, None))[0]
    import_raw, export_raw = _count(got.get(0xE0)), _count(got.get(0xE3))
    return Reading(
        meter=profile.identity.key,
        received_at=received_at,
        power_w=_count(got.get(0xE7)),
        current_r_a=r_a if isinstance(r_a, Decimal) else None,
        current_t_a=t_a if isinstance(t_a, Decimal) else None,
        two_wire=not profile.t_seen,
        energy_import_kwh=_kwh(import_raw, profile),
        energy_export_kwh=_kwh(export_raw, profile),
        fixed_at=None if fixed_at is None else _utc(fixed_at, zone),
        fixed_import_kwh=_kwh(fixed_import[1] if fixed_import else None, profile),
        fixed_export_kwh=_kwh(fixed_export[1] if fixed_export else None, profile),
        energy_import_raw=import_raw,
        energy_export_raw=export_raw,
        lqi=lqi,
    )


def fixed_half_hour(
    values: Mapping[int, bytes], profile: MeterProfile, *, zone: tzinfo, source: HalfHourSource
) -> HalfHour | None:
    """The half hour that EA (and EB of the same time) carry; None where EA has no time of hh:00 or hh:30."""
    got = decoded(values)
    fixed_import, fixed_export = _fixed(got.get(0xEA)), _fixed(got.get(0xEB))
    if fixed_import is None or not _is_slot(fixed_import[0]):
        return None
    at, import_raw = fixed_import
    export_raw = fixed_export[1] if fixed_export is not None and fixed_export[0] == at else None
    return _half_hour(profile, at, import_raw, export_raw, zone=zone, source=source)


def window_half_hours(edt: bytes, profile: MeterProfile, *, expected: datetime, zone: tzinfo) -> tuple[HalfHour, ...]:
    """The half hours of one EC answer, newest first, None where nothing is recorded.

    Nothing if it is malformed or not the window that ends at `expected` (the meter's local time, without a zone).
    """
    history = decoded({0xEC: edt}).get(0xEC)
    if not isinstance(history, WindowHistory) or history.newest != expected:
        return ()
    return tuple(
        _half_hour(
            profile,
            expected - i * HALF_HOUR,
            _count(import_raw),
            _count(export_raw),
            zone=zone,
            source=HalfHourSource.HISTORY_2,
        )
        for i, (import_raw, export_raw) in enumerate(history.registers)
    )


def minute_told(values: Mapping[int, bytes], profile: MeterProfile, *, zone: tzinfo) -> Minute | None:
    """The full minute that D0 carries; None where it has no time of one."""
    energy = decoded(values).get(0xD0)
    if not isinstance(energy, MinuteEnergy) or not isinstance(energy.at, datetime) or energy.at.second:
        return None
    return _minute(profile, energy.at, _count(energy.import_raw), _count(energy.export_raw), zone=zone)


def window_minutes(edt: bytes, profile: MeterProfile, *, expected: datetime, zone: tzinfo) -> tuple[Minute, ...]:
    """The minutes of one EE answer, as `window_half_hours`."""
    history = decoded({0xEE: edt}).get(0xEE)
    if not isinstance(history, WindowHistory) or history.newest != expected:
        return ()
    return tuple(
        _minute(profile, expected - i * MINUTE, _count(import_raw), _count(export_raw), zone=zone)
        for i, (import_raw, export_raw) in enumerate(history.registers)
    )


def minute_served(values: Mapping[int, bytes], *, zone: tzinfo) -> datetime | None:
    """The full minute in which the meter served an answer, by D0, else by its clock (98 and 97); None without.

    With 98 and 97 one minute on either side of midnight is not believed (§10.5).
    """
    got = decoded(values)
    energy, today, clock = got.get(0xD0), got.get(0x98), got.get(0x97)
    if isinstance(energy, MinuteEnergy) and isinstance(energy.at, datetime):
        return _utc(energy.at.replace(second=0), zone)
    if not isinstance(today, date) or not isinstance(clock, time) or (clock.hour, clock.minute) in AROUND_MIDNIGHT:
        return None
    return _utc(datetime.combine(today, clock), zone)


@dataclass(frozen=True, slots=True, kw_only=True)
class ToldDay:
    """What the meter told of one whole day (E2, E4), dated by its own clock."""

    day: date
    half_hours: tuple[HalfHour, ...]
    """All 48, oldest first; a register is None where none is recorded, or where it was not told."""
    import_told: bool
    export_told: bool
    moment: Moment

    @property
    def no_import(self) -> tuple[datetime, ...]:
        """The past slots whose import register the meter never recorded."""
        return tuple(slot.at for slot in self._past if self.import_told and slot.import_raw is None)

    @property
    def no_export(self) -> tuple[datetime, ...]:
        """The past slots without an export register, told or not."""
        return tuple(slot.at for slot in self._past if slot.export_raw is None)

    @property
    def _past(self) -> tuple[HalfHour, ...]:
        return tuple(slot for slot in self.half_hours if slot.at <= self.moment.newest)


def day_told(
    values: Mapping[int, bytes], profile: MeterProfile, *, moment: Moment, days_ago: int, zone: tzinfo
) -> ToldDay:
    """E2 and E4 of `values`, which were served at `moment`; what is not about `days_ago` is not told (§10.5)."""
    got = decoded(values)
    imports, exports = (_day_registers(got.get(epc), days_ago) for epc in (0xE2, 0xE4))
    day = moment.today - timedelta(days=days_ago)
    midnight = datetime.combine(day, time())
    nothing = (None,) * SLOTS_PER_DAY
    half_hours = tuple(
        _half_hour(
            profile,
            midnight + i * HALF_HOUR,
            import_raw,
            export_raw,
            zone=zone,
            source=HalfHourSource.HISTORY_1,
        )
        for i, (import_raw, export_raw) in enumerate(zip(imports or nothing, exports or nothing, strict=True))
    )
    return ToldDay(
        day=day,
        half_hours=half_hours,
        import_told=imports is not None,
        export_told=exports is not None,
        moment=moment,
    )


def _day_registers(history: object, days_ago: int) -> tuple[int | None, ...] | None:
    if not isinstance(history, DayHistory) or history.day != days_ago:
        return None
    return tuple(_count(raw) for raw in history.registers)


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """When the meter served an answer, by its own clock."""

    today: date
    """Certain: an answer around midnight has no `Moment`."""
    now: datetime
    """UTC; to the minute where the meter tells its time, else at most 35 minutes early."""
    newest: datetime
    """UTC; this half hour and all before it are past."""


def moment_served(values: Mapping[int, bytes], *, zone: tzinfo) -> Moment | None:
    """The meter's clock in an answer: 98 and 97, else EA's time; None where its date is not certain (§10.5).

    EA is up to five minutes late (§4.4), so its 23:30 may be read on the next day and dates nothing by itself. One
    minute on either side of midnight is not believed, because nobody promises that an answer is made in one instant.
    """
    got = decoded(values)
    today, clock, fixed = got.get(0x98), got.get(0x97), _fixed(got.get(0xEA))
    if isinstance(clock, time) and (clock.hour, clock.minute) in AROUND_MIDNIGHT:
        return None
    if not isinstance(today, date):
        if fixed is None or (fixed[0].time() >= LAST_SLOT_OF_DAY and not isinstance(clock, time)):
            return None
        today = fixed[0].date()
        if isinstance(clock, time) and clock < fixed[0].time():
            today += timedelta(days=1)
    if isinstance(clock, time):
        now = datetime.combine(today, clock)
    else:
        now = fixed[0] if fixed is not None else datetime.combine(today, time())
    now = max(now, datetime.combine(today, time()))  # yesterday's 23:30 in EA
    shown = now - EA_DELAY if fixed is None else min(fixed[0], now)
    newest = shown.replace(minute=shown.minute // 30 * 30, second=0, microsecond=0)
    return Moment(today=today, now=_utc(now, zone), newest=_utc(newest, zone))


def serial_number(values: Mapping[int, bytes]) -> str | None:
    """8D, where it came."""
    serial = decoded(values).get(0x8D)
    return serial if isinstance(serial, str) and serial else None


def _half_hour(
    profile: MeterProfile,
    at: datetime,
    import_raw: int | None,
    export_raw: int | None,
    *,
    zone: tzinfo,
    source: HalfHourSource,
) -> HalfHour:
    return HalfHour(
        meter=profile.identity.key,
        at=_utc(at, zone),
        import_raw=import_raw,
        export_raw=export_raw,
        coefficient=profile.coefficient,
        exponent=profile.exponent,
        source=source,
    )


def _minute(
    profile: MeterProfile, at: datetime, import_raw: int | None, export_raw: int | None, *, zone: tzinfo
) -> Minute:
    return Minute(
        meter=profile.identity.key,
        at=_utc(at, zone),
        import_raw=import_raw,
        export_raw=export_raw,
        coefficient=profile.coefficient,
        exponent=profile.exponent,
    )


def _fixed(value: object) -> tuple[datetime, int | None] | None:
    if isinstance(value, FixedTimeEnergy) and isinstance(value.at, datetime):
        return value.at, _count(value.raw)
    return None


def _utc(local: datetime, zone: tzinfo) -> datetime:
    return local.replace(tzinfo=zone).astimezone(UTC)


def _is_slot(at: datetime) -> bool:
    return at == at.replace(minute=at.minute // 30 * 30, second=0, microsecond=0)


def _count(value: object) -> int | None:
    return value if isinstance(value, int) else None


def _kwh(raw: int | None, profile: MeterProfile) -> Decimal | None:
    return None if raw is None else profile.scale.kwh(raw)
