"""Properties of golden frames (echonet-lite-meter §13) become readings and half hours."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

import pytest

from hems_data_collector.errors import PropertyError
from hems_data_collector.meter.interpret import (
    fixed_half_hour,
    malformed,
    minute_served,
    minute_told,
    reading_from,
    window_half_hours,
    window_minutes,
)
from hems_data_collector.meter.profile import MeterProfile, usable, with_constants
from hems_data_collector.readings import HalfHourSource, MeterIdentity, Minute, published

JST = timezone(timedelta(hours=9))
NOW = datetime(2026, 1, 14, 22, 3, 5, 250_000, tzinfo=UTC)
G10 = {
    0x8D: bytes.fromhex("413030423132333435360000"),
    0xD3: bytes.fromhex("00000001"),
    0xD7: bytes.fromhex("06"),
    0xE1: bytes.fromhex("01"),
    0xEA: bytes.fromhex("07EA010F0700000001EC5A"),
    0xEB: bytes.fromhex("07EA010F07000000000028"),
}
PROFILE = MeterProfile(
    identity=MeterIdentity(maker="000016", serial="A00B123456"), exponent=-1, coefficient=1, digits=6, t_seen=True
)


def test_constants_of_a_meter_come_from_its_own_answers() -> None:
    maps = {
        0x82: bytes.fromhex("00004600"),
        0x8A: bytes.fromhex("000016"),
        0x9E: bytes.fromhex("0381E5ED"),
        0x9F: bytes.fromhex("1941414160404000624300414040430202"),
    }
    profile = with_constants(MeterProfile(identity=MeterIdentity(mac="001C640003CD76A4")), maps)
    usable(profile)
    assert profile.constants == (0x8D, 0xD3, 0xD7, 0x98, 0x97)
    profile = with_constants(profile, G10)
    assert profile.identity.key == "000016-A00B123456"
    assert (profile.exponent, profile.coefficient, profile.digits, profile.release) == (-1, 1, 6, "F")
    assert profile.polled == (0xE0, 0xE7, 0xE8, 0xEA, 0xE3, 0xEB)
    assert profile.has_history_2
    assert profile.has_history_1


def test_a_map_without_the_mandatory_registers_is_refused() -> None:
    with pytest.raises(PropertyError, match="E0 E1"):
        usable(replace(PROFILE, get_map=frozenset({0xE7})))


def test_undefined_unit_is_refused_rather_than_taken_as_one() -> None:
    with pytest.raises(PropertyError):
        with_constants(PROFILE, {0xE1: b"\x05"})


def test_a_poll_gives_the_ten_published_values() -> None:
    values = {
        0xE0: bytes.fromhex("0001EC5E"),
        0xE7: bytes.fromhex("000003A1"),
        0xE8: bytes.fromhex("00460028"),
        0xEA: G10[0xEA],
    }
    reading = reading_from(values, PROFILE, received_at=NOW, zone=JST, lqi=0x50)
    assert dict(published(reading, None).fields) == {
        "timestamp": "2026-01-14T22:03:05.250000+00:00",
        "cumulative_power_kwh": Decimal("12604.6"),
        "instant_power_w": 929,
        "current_a": Decimal("11.0"),
        "current_r_a": Decimal("7.0"),
        "current_t_a": Decimal("4.0"),
        "historical_timestamp": "2026-01-14T22:00:00+00:00",
        "historical_cumulative_power_kwh": Decimal("12604.2"),
        "recent_30min_timestamp": None,
        "recent_30min_consumption_kwh": None,
    }


def test_coefficient_multiplies_energy_but_not_power() -> None:
    values = {0xE0: bytes.fromhex("00003039"), 0xE7: bytes.fromhex("00000263")}
    reading = reading_from(values, replace(PROFILE, coefficient=3), received_at=NOW, zone=JST)
    assert reading.energy_import_kwh == Decimal("3703.5")
    assert reading.power_w == 611


def test_exporting_power_is_negative() -> None:
    assert reading_from({0xE7: bytes.fromhex("FFFFF856")}, PROFILE, received_at=NOW, zone=JST).power_w == -1962


@pytest.mark.parametrize(("t_seen", "current_a"), [(False, Decimal("2.0")), (True, None)])
def test_a_missing_t_value_is_two_wire_only_on_a_meter_that_never_gave_one(
    t_seen: bool, current_a: Decimal | None
) -> None:
    reading = reading_from(
        {0xE8: bytes.fromhex("00147FFE")}, replace(PROFILE, t_seen=t_seen), received_at=NOW, zone=JST
    )
    assert (reading.current_r_a, reading.current_t_a, reading.current_a) == (Decimal("2.0"), None, current_a)


def test_sentinels_are_no_values_and_never_numbers() -> None:
    values = {
        0xE0: bytes.fromhex("FFFFFFFE"),
        0xE7: bytes.fromhex("7FFFFFFE"),
        0xE8: bytes.fromhex("7FFF8000"),
        0xEA: bytes.fromhex("07EA010F070000FFFFFFFE"),
    }
    record = published(reading_from(values, PROFILE, received_at=NOW, zone=JST), None)
    assert [v for k, v in record.fields.items() if k not in ("timestamp", "historical_timestamp")] == [None] * 8


def test_a_malformed_property_leaves_its_neighbours_alone() -> None:
    values = {0xE0: bytes.fromhex("FFFFFFFF"), 0xE7: bytes.fromhex("000000E4")}
    reading = reading_from(values, PROFILE, received_at=NOW, zone=JST)
    assert (reading.energy_import_kwh, reading.power_w) == (None, 228)
    assert [error.epc for error in malformed(values)] == [0xE0]


def test_a_half_hour_has_the_meters_time_and_both_registers() -> None:
    slot = fixed_half_hour(G10, PROFILE, zone=JST, source=HalfHourSource.NOTIFICATION)
    assert slot is not None
    assert slot.at == datetime(2026, 1, 14, 22, 0, tzinfo=UTC)
    assert (slot.import_raw, slot.export_raw) == (126042, 40)


def test_a_fixed_time_off_the_half_hour_is_no_slot() -> None:
    values = {0xEA: bytes.fromhex("07EA010F0701000001EC5A")}
    assert fixed_half_hour(values, PROFILE, zone=JST, source=HalfHourSource.POLL) is None


def test_window_runs_backwards_from_the_time_that_was_asked_for() -> None:
    g67 = bytes.fromhex("07EA010F0700030001EC5A000000280001EC57000000280001EC5400000028")
    asked = datetime(2026, 1, 15, 7, 0)
    slots = window_half_hours(g67, PROFILE, expected=asked, zone=JST)
    assert [(slot.at.astimezone(JST).strftime("%H:%M"), slot.import_raw) for slot in slots] == [
        ("07:00", 126042),
        ("06:30", 126039),
        ("06:00", 126036),
    ]
    assert window_half_hours(g67, PROFILE, expected=datetime(2026, 1, 15, 6, 30), zone=JST) == ()


def test_a_window_that_was_never_set_gives_nothing() -> None:
    never = bytes.fromhex("FFFFFFFFFFFF01FFFFFFFEFFFFFFFE")
    assert window_half_hours(never, PROFILE, expected=datetime(2026, 1, 15, 7, 0), zone=JST) == ()


# --- minutes (G70 to G72) --------------------------------------------------------------------------------------------

MINUTES = replace(PROFILE, exponent=-3, digits=8)
D0 = bytes.fromhex("07EA010F07030000C0538C00000FA0")
EE = bytes.fromhex("07EA010F07030300C0538C00000FA000C0538A00000FA000C0538800000FA0")
AT_0703 = datetime(2026, 1, 14, 22, 3, tzinfo=UTC)


def minute(back: int, import_raw: int | None, export_raw: int | None) -> Minute:
    at = AT_0703 - timedelta(minutes=back)
    return Minute(
        meter="000016-A00B123456", at=at, import_raw=import_raw, export_raw=export_raw, coefficient=1, exponent=-3
    )


def test_a_minute_has_the_meters_time_and_raw_counts() -> None:
    assert minute_told({0xD0: D0}, MINUTES, zone=JST) == minute(0, 12604300, 4000)
    nothing = D0[:7] + bytes.fromhex("FFFFFFFE") * 2
    assert minute_told({0xD0: nothing}, MINUTES, zone=JST) == minute(0, None, None)


@pytest.mark.parametrize("edt", ["", "FFFFFFFFFFFFFF0000000100000001", "07EA010F07031E0000000100000001", "30"])
def test_what_is_no_full_minute_is_none(edt: str) -> None:
    assert minute_told({0xD0: bytes.fromhex(edt)}, MINUTES, zone=JST) is None


def test_a_window_of_minutes_goes_back_from_the_asked_one() -> None:
    told = window_minutes(EE, MINUTES, expected=datetime(2026, 1, 15, 7, 3), zone=JST)
    assert told == (minute(0, 12604300, 4000), minute(1, 12604298, 4000), minute(2, 12604296, 4000))
    assert window_minutes(EE, MINUTES, expected=datetime(2026, 1, 15, 7, 4), zone=JST) == ()
    assert window_minutes(EE[:-1], MINUTES, expected=datetime(2026, 1, 15, 7, 3), zone=JST) == ()
    never = bytes.fromhex("FFFFFFFFFFFF01FFFFFFFEFFFFFFFE")
    assert window_minutes(never, MINUTES, expected=datetime(2026, 1, 15, 7, 3), zone=JST) == ()


def test_a_window_over_midnight_goes_back_into_the_day_before() -> None:
    edt = bytes.fromhex("07EA010F000102" + "0000000500000001" + "0000000400000001")
    told = window_minutes(edt, MINUTES, expected=datetime(2026, 1, 15, 0, 1), zone=JST)
    assert [each.at for each in told] == [
        datetime(2026, 1, 14, 15, 1, tzinfo=UTC),
        datetime(2026, 1, 14, 15, 0, tzinfo=UTC),
    ]


@pytest.mark.parametrize(
    ("values", "served"),
    [
        ({0xD0: D0, 0x98: bytes.fromhex("07EA010F"), 0x97: b"\x07\x04"}, AT_0703),
        ({0x98: bytes.fromhex("07EA010F"), 0x97: b"\x07\x04"}, AT_0703 + timedelta(minutes=1)),
        ({0x98: bytes.fromhex("07EA010F"), 0x97: b"\x17\x3b"}, None),
        ({0x98: bytes.fromhex("07EA010F"), 0x97: b"\x00\x00"}, None),
        ({0x97: b"\x07\x04"}, None),
        ({0x98: bytes.fromhex("07EA0000"), 0x97: b"\x07\x04"}, None),
        ({}, None),
    ],
)
def test_the_minute_in_which_an_answer_was_made(values: dict[int, bytes], served: datetime | None) -> None:
    assert minute_served(values, zone=JST) == served
