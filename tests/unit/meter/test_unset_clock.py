"""A meter whose clock was never set, or shows the end of the calendar: its values are read, its dates are not."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from hems_data_collector.meter.interpret import fixed_half_hour, minute_served, minute_told, moment_served, reading_from
from hems_data_collector.meter.profile import MeterProfile
from hems_data_collector.readings import HalfHourSource, MeterIdentity

JST = timezone(timedelta(hours=9))
NOW = datetime(2026, 1, 14, 22, 3, 5, tzinfo=UTC)
PROFILE = MeterProfile(identity=MeterIdentity(maker="000016", serial="A00B123456"), exponent=-1)


@pytest.mark.parametrize("day", ["00010101", "07CF0C1F", "270F0C1F"])
def test_a_clock_that_was_never_set_dates_nothing(day: str) -> None:
    """Midnight of 1 January 0001 in Japan is no moment of UTC at all."""
    values = {
        0xD0: bytes.fromhex(day + "00000000" + "00" * 7),
        0x98: bytes.fromhex(day),
        0x97: bytes.fromhex("0005"),
        0xE7: bytes.fromhex("000001F8"),
        0xEA: bytes.fromhex(day + "0000000001EC5A"),
    }
    assert fixed_half_hour(values, PROFILE, zone=JST, source=HalfHourSource.POLL) is None
    assert moment_served(values, zone=JST) is None
    assert minute_told(values, PROFILE, zone=JST) is None
    assert minute_served(values, zone=JST) is None
    reading = reading_from(values, PROFILE, received_at=NOW, zone=JST)
    assert reading.fixed_at is None
    assert reading.power_w == 504
