"""Properties plus the meter's profile become a `Reading` and `HalfHour`s (DESIGN §4 step 6). PURE.

"No data" is a value: a sentinel or a missing property becomes None, a malformed one too, and its neighbours survive.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, time, tzinfo
from decimal import Decimal
from typing import Final

from hems_data_collector.echonet import (
    METER,
    Currents,
    DayHistory,
    FixedTimeEnergy,
    NoValue,
    WindowHistory,
    decode_property,
)
from hems_data_collector.errors import PropertyError
from hems_data_collector.meter.profile import MeterProfile
from hems_data_collector.readings import HALF_HOUR, HalfHour, HalfHourSource, Reading

LAST_SLOT_OF_DAY: Final = time(23, 30)


def decoded(values: Mapping[int, bytes]) -> dict[int, object]:
    """Every value of `values` that its property allows; the malformed are left out."""
    good: dict[int, object] = {}
    for epc, edt in values.items():
        try:
            good[epc] = decode_property(METER, epc, edt)
        except PropertyError:
            continue
    return good


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
    """The half hours of one EC answer, newest first; nothing if it is not the window that ends at `expected`."""
    history = decode_property(METER, 0xEC, edt)
    if not isinstance(history, WindowHistory) or history.newest != expected:
        return ()
    pairs = enumerate(history.registers)
    return tuple(
        _half_hour(
            profile,
            expected - i * HALF_HOUR,
            _count(pair[0]),
            _count(pair[1]),
            zone=zone,
            source=HalfHourSource.HISTORY_2,
        )
        for i, pair in pairs
    )


def day_half_hours(
    edt: bytes, profile: MeterProfile, *, day: date, days_ago: int, zone: tzinfo
) -> tuple[HalfHour, ...]:
    """The recorded half hours of one E2 answer; nothing if it is not about `days_ago` (echonet-lite-meter §10.5)."""
    history = decode_property(METER, 0xE2, edt)
    if not isinstance(history, DayHistory) or history.day != days_ago:
        return ()
    midnight = datetime.combine(day, time())
    return tuple(
        _half_hour(profile, midnight + i * HALF_HOUR, raw, None, zone=zone, source=HalfHourSource.HISTORY_1)
        for i, raw in enumerate(history.registers)
        if isinstance(raw, int)
    )


def day_served(values: Mapping[int, bytes]) -> date | None:
    """The meter's own date at the moment of an answer: 98, else EA's date; None where neither is certain.

    EA is up to five minutes late (§4.4), so its 23:30 may be read on the next day and dates nothing.
    """
    got = decoded(values)
    if isinstance(served := got.get(0x98), date):
        return served
    fixed = _fixed(got.get(0xEA))
    if fixed is None or fixed[0].time() == LAST_SLOT_OF_DAY:
        return None
    return fixed[0].date()


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
