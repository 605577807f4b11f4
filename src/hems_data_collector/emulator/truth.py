"""What a perfect reader would publish of an answer, computed from the house and not from any EDT (docs/record.md)."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import TypeAlias

from hems_data_collector.echonet import UNIT_EXPONENTS
from hems_data_collector.emulator.meter import HALF_HOUR, Meter
from hems_data_collector.emulator.meter_clock import METER_ZONE
from hems_data_collector.readings import FieldValue, iso_utc

Truth: TypeAlias = dict[str, FieldValue]
"""The ten published keys without `timestamp`: Decimal, int, text or None."""


def truth_of(meter: Meter) -> Truth:
    """The published values at the meter's present moment.

    `recent_30min_*` is the half hour that ends with EA's own time: the difference of the two registers as the meter
    shows them, roll-over included.
    """
    live, fixed = meter.live(), meter.fixed()
    before, _ = meter.register_at(fixed.at - HALF_HOUR)
    now = fixed.registers[0]
    recent = None if now is None or before is None else (now - before) % 10**meter.settings.digits
    r, t = _amperes(live.current_r_da), _amperes(live.current_t_da)
    total = r if meter.settings.wires == 2 or r is None else None if t is None else r + t
    return {
        "cumulative_power_kwh": _kwh(meter, live.registers[0]),
        "instant_power_w": live.power_w,
        "current_a": total,
        "current_r_a": r,
        "current_t_a": t,
        "historical_timestamp": _utc(fixed.at),
        "historical_cumulative_power_kwh": _kwh(meter, now),
        "recent_30min_timestamp": None if recent is None else _utc(fixed.at),
        "recent_30min_consumption_kwh": _kwh(meter, recent),
    }


def _kwh(meter: Meter, count: int | None) -> Decimal | None:
    if count is None:
        return None
    exponent = UNIT_EXPONENTS[meter.settings.unit]
    whole = count * (meter.settings.coefficient or 1)
    return Decimal(whole * 10**exponent) if exponent >= 0 else Decimal(whole).scaleb(exponent)


def _amperes(tenths: int | None) -> Decimal | None:
    return None if tenths is None else Decimal(tenths).scaleb(-1)


def _utc(moment: datetime) -> str:
    return iso_utc(moment.replace(tzinfo=METER_ZONE))
