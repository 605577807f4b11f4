"""The meter's properties (echonet-lite-meter §5, §6): special values, bounds, sizes; the table against its source."""

from __future__ import annotations

import csv
from datetime import date, datetime, time
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from hems_data_collector.echonet import (
    METER,
    SMART_METER,
    Access,
    Currents,
    DayHistory,
    FixedTimeEnergy,
    MinuteEnergy,
    NoValue,
    WindowHistory,
    WindowSelector,
    decode_property,
)
from hems_data_collector.errors import PropertyError

CSV = Path(__file__).parents[2] / "frames" / "meter-properties.csv"
ROWS = {int(row["epc"], 16): row for row in csv.DictReader(CSV.read_text(encoding="utf-8").splitlines())}
UNITS = {"raw x D3 x E1 kWh": "kWh", "0.1 A": "A", "0.001 kWh": "kWh", "": None}
ENERGY_EPCS = (0xE0, 0xE3)
NO_DATA = NoValue.NO_DATA


def read(epc: int, edt: str) -> Any:
    return decode_property(METER, epc, bytes.fromhex(edt))


def test_table_has_exactly_the_rows_of_its_source() -> None:
    assert set(SMART_METER) == set(ROWS)
    assert list(SMART_METER) == sorted(SMART_METER)


@pytest.mark.parametrize("epc", sorted(ROWS), ids=lambda epc: f"{epc:02X}")
def test_row_says_what_its_source_says(epc: int) -> None:
    row, source = SMART_METER[epc], ROWS[epc]

    assert (row.epc, row.name, row.name_ja) == (epc, source["name_en"], source["name_ja"])
    assert row.release == source["introduced_release"][0]
    assert row.unit == UNITS.get(source["unit"], source["unit"])
    assert row.is_energy == (source["unit"] == "raw x D3 x E1 kWh")
    access = source["access"]
    assert (Access.GET in row.access, Access.SET in row.access, Access.ANNO in row.access) == (
        "Get" in access,
        "Set" in access,
        "Anno" in access,
    )
    needed = source["mandatory"]
    assert [flag in row.required for flag in Access] == [
        f"{verb}:required" in needed for verb in ("Get", "Set", "Anno")
    ]


@pytest.mark.parametrize("epc", sorted(ROWS), ids=lambda epc: f"{epc:02X}")
def test_row_takes_the_lengths_of_its_source_and_no_other(epc: int) -> None:
    text = ROWS[epc]["length_bytes"]
    lengths = {
        "1 or 17": {1, 17},
        "17 (9 in old text)": {9, 17},
        "1-255 (text: up to 225)": set(range(1, 256)),
        "1-16 or 17": set(range(1, 18)),
        "7+8n (n=1-12, max 103)": set(range(15, 104, 8)),
        "7+8n (n=1-10, max 87)": set(range(15, 88, 8)),
    }.get(text) or {int(text)}

    assert {size for size in range(300) if size in SMART_METER[epc].codec.sizes} == lengths
    for size in set(range(256)) - lengths:
        if epc == 0xD0 and size:
            continue  # other lengths belong to the drafts before F
        with pytest.raises(PropertyError) as caught:
            decode_property(METER, epc, bytes(size))
        assert caught.value.epc == epc


@pytest.mark.parametrize("epc", ENERGY_EPCS)
@pytest.mark.parametrize(
    ("edt", "value"),
    [
        ("00000000", 0),
        ("0000FE73", 65139),
        ("0007A78D", 501645),
        ("05F5E0FF", 99_999_999),
        ("FFFFFFFE", NO_DATA),
    ],
)
def test_energy_register(epc: int, edt: str, value: Any) -> None:
    assert read(epc, edt) == value


BAD_REGISTERS = ["05F5E100", "7FFFFFFE", "80000000", "FFFFFFFD", "FFFFFFFF"]


@pytest.mark.parametrize("bad", BAD_REGISTERS)
@pytest.mark.parametrize(
    ("epc", "before", "after"),
    [
        (0xE0, "", ""),
        (0xE3, "", ""),
        (0xEA, "07EA010F070000", ""),
        (0xEB, "07EA010F070000", ""),
        (0xD0, "07EA010F070300", "00000FA0"),
        (0xD0, "07EA010F07030000000FA0", ""),
        (0xE2, "0000" + "00000001" * 47, ""),
        (0xE4, "0000", "00000001" * 47),
        (0xEC, "07EA010F070001", "00000028"),
        (0xEC, "07EA010F07000100000028", ""),
        (0xEE, "07EA010F070301", "00000028"),
    ],
)
def test_undefined_register_is_an_error_wherever_it_stands(epc: int, before: str, after: str, bad: str) -> None:
    edt = bytes.fromhex(before + bad + after)

    with pytest.raises(PropertyError, match=f"Property {epc:02X}") as caught:
        decode_property(METER, epc, edt)
    assert (caught.value.epc, caught.value.raw) == (epc, edt)


@pytest.mark.parametrize(
    ("edt", "value"),
    [
        ("00000263", 611),
        ("FFFFF856", -1962),
        ("00000000", 0),
        ("7FFFFFFD", 2_147_483_645),
        ("80000001", -2_147_483_647),
        ("7FFFFFFE", NO_DATA),
        ("7FFFFFFF", NoValue.OVERFLOW),
        ("80000000", NoValue.UNDERFLOW),
    ],
)
def test_power_with_its_extremes_and_special_values(edt: str, value: Any) -> None:
    assert read(0xE7, edt) == value


@pytest.mark.parametrize(
    ("edt", "r", "t"),
    [
        ("00A00028", "16.0", "4.0"),
        ("00147FFE", "2.0", NO_DATA),
        ("80017FFD", "-3276.7", "3276.5"),
        ("7FFD8001", "3276.5", "-3276.7"),
        ("7FFE7FFE", NO_DATA, NO_DATA),
        ("7FFF8000", NoValue.OVERFLOW, NoValue.UNDERFLOW),
        ("80007FFF", NoValue.UNDERFLOW, NoValue.OVERFLOW),
        ("FFFF0000", "-0.1", "0.0"),
    ],
)
def test_currents_r_before_t_exact(edt: str, r: Any, t: Any) -> None:
    value = read(0xE8, edt)

    assert isinstance(value, Currents)
    assert [x if isinstance(x, NoValue) else str(x) for x in (value.r_a, value.t_a)] == [r, t]


@pytest.mark.parametrize(("edt", "value"), [("00", 0), ("63", 99), ("FF", NoValue.NEVER_SET)])
def test_day_selector(edt: str, value: Any) -> None:
    assert read(0xE5, edt) == value


@pytest.mark.parametrize("edt", ["64", "FE", "80"])
def test_day_selector_beyond_99_is_an_error(edt: str) -> None:
    with pytest.raises(PropertyError):
        read(0xE5, edt)


@pytest.mark.parametrize(("epc", "low", "high"), [(0xD7, 1, 8), (0x87, 0, 100)])
def test_bounded_byte(epc: int, low: int, high: int) -> None:
    for number in range(256):
        if low <= number <= high:
            assert read(epc, f"{number:02X}") == number
        else:
            with pytest.raises(PropertyError):
                read(epc, f"{number:02X}")


@pytest.mark.parametrize(
    ("edt", "at", "raw"),
    [
        ("07E70C13001E000000458E", datetime(2023, 12, 19, 0, 30), 17806),
        ("270F0C01173B1E05F5E0FF", datetime(9999, 12, 1, 23, 59, 30), 99_999_999),
        ("0001010100000000000000", datetime(1, 1, 1), 0),
        ("07EA010F070000FFFFFFFE", datetime(2026, 1, 15, 7), NO_DATA),
        ("FFFFFFFFFFFFFFFFFFFFFE", NoValue.NEVER_SET, NO_DATA),
        ("07EA0001000000FFFFFFFE", NoValue.NOT_SET, NO_DATA),
        ("00000000000000FFFFFFFE", NoValue.NOT_SET, NO_DATA),
        ("07EA0100000000FFFFFFFE", NoValue.NOT_SET, NO_DATA),
    ],
)
def test_fixed_time_energy(edt: str, at: Any, raw: Any) -> None:
    assert read(0xEA, edt) == FixedTimeEnergy(at=at, raw=raw)
    assert read(0xEB, edt) == FixedTimeEnergy(at=at, raw=raw)


@pytest.mark.parametrize(
    "moment",
    [
        "07EA021E000000",
        "07EA0D01000000",
        "07EA0120000000",
        "07EA0101180000",
        "07EA0101003C00",
        "07EA010100003C",
        "00000101000000",
        "27100101000000",
        "FFFF0101000000",
        "07EAFFFFFFFFFF",
        "07EA0101FF0000",
    ],
)
def test_impossible_moment_is_an_error(moment: str) -> None:
    with pytest.raises(PropertyError):
        read(0xEA, moment + "00000001")
    with pytest.raises(PropertyError):
        read(0xD0, moment + "0000000100000001")


def test_minute_energy_of_release_r() -> None:
    assert read(0xD0, "07EA010F070300 FFFFFFFE 00000FA0") == MinuteEnergy(
        at=datetime(2026, 1, 15, 7, 3), import_raw=NO_DATA, export_raw=4000
    )


@pytest.mark.parametrize("edt", ["41", "0001", "07EA010F0703", "07EA010F07030000C0538C00000FA000"])
def test_d0_of_another_length_is_the_draft_before_f_and_stays_bytes(edt: str) -> None:
    assert read(0xD0, edt) == bytes.fromhex(edt)


def test_day_history_with_gaps() -> None:
    value = read(0xE2, "0063" + "00000001" + "FFFFFFFE" * 46 + "05F5E0FF")

    assert value == DayHistory(day=99, registers=(1, *(NO_DATA,) * 46, 99_999_999))
    assert read(0xE4, "00FF" + "FFFFFFFE" * 48) == DayHistory(day=NoValue.NEVER_SET, registers=(NO_DATA,) * 48)


@pytest.mark.parametrize("day", ["0064", "00FE", "0100", "FFFF", "FF00"])
def test_day_history_of_an_impossible_day_is_an_error(day: str) -> None:
    with pytest.raises(PropertyError):
        read(0xE2, day + "00000001" * 48)


@pytest.mark.parametrize(
    ("epc", "edt", "newest", "count"),
    [
        (0xED, "07EA010F07000C", datetime(2026, 1, 15, 7), 12),
        (0xED, "07EA010F071E01", datetime(2026, 1, 15, 7, 30), 1),
        (0xED, "FFFFFFFFFFFF01", NoValue.NEVER_SET, 1),
        (0xEF, "07EA010F07030A", datetime(2026, 1, 15, 7, 3), 10),
        (0xEF, "FFFFFFFFFFFF01", NoValue.NEVER_SET, 1),
    ],
)
def test_window_selector(epc: int, edt: str, newest: Any, count: int) -> None:
    assert read(epc, edt) == WindowSelector(newest=newest, count=count)


@pytest.mark.parametrize(
    ("epc", "edt"),
    [
        (0xED, "07EA010F070000"),
        (0xED, "07EA010F07000D"),
        (0xED, "07EA010F070101"),
        (0xED, "07EA010F071D01"),
        (0xEF, "07EA010F070000"),
        (0xEF, "07EA010F07000B"),
        (0xEF, "07EA010F073C01"),
    ],
)
def test_window_selector_out_of_its_bounds_is_an_error(epc: int, edt: str) -> None:
    with pytest.raises(PropertyError):
        read(epc, edt)


def test_window_history_directions_fail_independently() -> None:
    value = read(0xEC, "07EA010F071E02 0001EC5A FFFFFFFE FFFFFFFE 00000028")

    assert value == WindowHistory(newest=datetime(2026, 1, 15, 7, 30), registers=((126042, NO_DATA), (NO_DATA, 40)))


@pytest.mark.parametrize(
    ("epc", "edt"),
    [
        (0xEC, "07EA010F070002" + "0001EC5A00000028"),
        (0xEC, "07EA010F070001" + "0001EC5A00000028" * 2),
        (0xEC, "07EA010F070000" + "0001EC5A00000028"),
        (0xEC, "07EA010F070301" + "0001EC5A00000028"),
        (0xEE, "07EA010F07030A" + "0001EC5A00000028" * 9),
    ],
)
def test_window_history_must_hold_as_many_pairs_as_it_says(epc: int, edt: str) -> None:
    with pytest.raises(PropertyError):
        read(epc, edt)


@pytest.mark.parametrize(
    ("epc", "edt", "value"),
    [
        (0x97, "0E1A", time(14, 26)),
        (0x97, "173B", time(23, 59)),
        (0x97, "FFFF", NoValue.NEVER_SET),
        (0x98, "07EA0514", date(2026, 5, 20)),
        (0x98, "07E8021D", date(2024, 2, 29)),
        (0x98, "07EA0000", NoValue.NOT_SET),
        (0x98, "FFFFFFFF", NoValue.NEVER_SET),
    ],
)
def test_meter_clock(epc: int, edt: str, value: Any) -> None:
    assert read(epc, edt) == value


@pytest.mark.parametrize(("epc", "edt"), [(0x97, "1800"), (0x97, "003C"), (0x97, "17FF"), (0x98, "07EA021D")])
def test_impossible_clock_is_an_error(epc: int, edt: str) -> None:
    with pytest.raises(PropertyError):
        read(epc, edt)


def test_route_b_identification_starts_with_00() -> None:
    value = read(0xC0, "00000016000000000000000012345678")

    assert (value.maker, value.free.hex()) == (0x000016, "000000000000000012345678")
    with pytest.raises(PropertyError):
        read(0xC0, "01000016000000000000000012345678")


@pytest.mark.parametrize(
    ("epc", "value"),
    [
        (0xE0, 100_000_000),
        (0xE0, -1),
        (0xE0, NoValue.OVERFLOW),
        (0xE0, NoValue.NEVER_SET),
        (0xE7, 0x7FFF_FFFE),
        (0xE7, -0x8000_0000),
        (0xE8, Currents(r_a=Decimal("0.05"), t_a=Decimal(0))),
        (0xE8, Currents(r_a=Decimal("3276.6"), t_a=Decimal(0))),
        (0xD3, 0),
        (0xD7, 9),
        (0xE5, 100),
        (0xE5, NoValue.NOT_SET),
        (0xE2, DayHistory(day=0, registers=(1,) * 47)),
        (0xE2, DayHistory(day=100, registers=(1,) * 48)),
        (0xED, WindowSelector(newest=datetime(2026, 1, 15, 7, 1), count=1)),
        (0xED, WindowSelector(newest=datetime(2026, 1, 15, 7), count=13)),
        (0xEC, WindowHistory(newest=datetime(2026, 1, 15, 7), registers=())),
        (0xEE, WindowHistory(newest=datetime(2026, 1, 15, 7), registers=((1, 2),) * 11)),
        (0xEA, FixedTimeEnergy(at=datetime.fromisoformat("2026-01-15T07:00+09:00"), raw=1)),
        (0xEA, FixedTimeEnergy(at=NoValue.OVERFLOW, raw=1)),
    ],
)
def test_value_that_a_property_cannot_hold_is_not_encoded(epc: int, value: Any) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - any text will do, the type is the contract
        SMART_METER[epc].encode(value)


def test_encoder_drops_what_the_form_has_no_room_for() -> None:
    fine = datetime(2026, 1, 15, 7, 3, 59, 999_999)

    assert SMART_METER[0x97].encode(fine.time()).hex() == "0703"
    assert SMART_METER[0xEF].encode(WindowSelector(newest=fine, count=1)).hex() == "07ea010f070301"
    assert SMART_METER[0xEA].encode(FixedTimeEnergy(at=fine, raw=1)).hex() == "07ea010f07033b00000001"
