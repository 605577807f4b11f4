"""Superclass, node profile, and the choice of the class (echonet-lite-meter §6.2, §6.6, §7, §8)."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from hems_data_collector.echonet import (
    CONTROLLER,
    DEVICE_PROPERTIES,
    METER,
    NODE_PROFILE,
    NODE_PROFILE_PROPERTIES,
    Access,
    Eoj,
    FaultStatus,
    InstallationLocation,
    ManufacturerFault,
    NodeVersion,
    NoValue,
    OperatingTime,
    OperationStatus,
    Place,
    PowerSaving,
    RemoteControl,
    StandardVersion,
    TimeUnit,
    decode_property,
    spec_for,
)
from hems_data_collector.errors import PropertyError

IDENTIFICATION = "FE000016" + "001D129012345678" + "0000000000"


@pytest.mark.parametrize(
    ("epc", "edt", "value"),
    [
        (0x80, "30", OperationStatus.ON),
        (0x80, "31", OperationStatus.OFF),
        (0x81, "61", InstallationLocation(code=0x61)),
        (0x81, "80", InstallationLocation(code=0x80)),
        (0x81, "FE", InstallationLocation(code=0xFE)),
        (0x81, "00", NoValue.NOT_SET),
        (0x81, "FF", NoValue.NOT_FIXED),
        (0x81, "01" + "AB" * 16, InstallationLocation(code=0x01, position=b"\xab" * 16)),
        (0x82, "00004600", StandardVersion(release="F", revision=0)),
        (0x82, "00005204", StandardVersion(release="R", revision=4)),
        (0x83, IDENTIFICATION, bytes.fromhex(IDENTIFICATION)),
        (0x83, "FE0000160102030405", bytes.fromhex("FE0000160102030405")),
        (0x83, "00" * 17, NoValue.NOT_SET),
        (0x84, "03E8", 1000),
        (0x84, "FFFD", 65533),
        (0x84, "FFFF", NoValue.OVERFLOW),
        (0x84, "FFFE", NoValue.UNDERFLOW),
        (0x85, "00003039", Decimal("12.345")),
        (0x85, "FFFFFFFF", NoValue.OVERFLOW),
        (0x85, "FFFFFFFE", NoValue.UNDERFLOW),
        (0x86, "04000016AB", ManufacturerFault(size=4, maker=0x16, code=b"\xab")),
        (0x86, "00", ManufacturerFault(size=0, maker=None, code=b"")),
        (0x87, "64", 100),
        (0x88, "41", FaultStatus.FAULT),
        (0x88, "42", FaultStatus.NO_FAULT),
        (0x89, "0000", NoValue.NO_FAULT),
        (0x89, "03FF", NoValue.UNCLASSIFIED),
        (0x89, "0001", 1),
        (0x8A, "000016", 0x000016),
        (0x8B, "0102FF", b"\x01\x02\xff"),
        (0x8C, "534D2D31" + "00" * 8, "SM-1"),
        (0x8D, "413030423132333435360000", "A00B123456"),
        (0x8D, "413030423132333435362020", "A00B123456"),
        (0x8D, "00" * 12, ""),
        (0x8E, "07EA0104", date(2026, 1, 4)),
        (0x8F, "41", PowerSaving.SAVING),
        (0x8F, "42", PowerSaving.NORMAL),
        (0x93, "41", RemoteControl.NOT_PUBLIC),
        (0x93, "42", RemoteControl.PUBLIC),
        (0x93, "61", RemoteControl.LINE_NORMAL_NOT_PUBLIC),
        (0x93, "62", RemoteControl.LINE_NORMAL_PUBLIC),
        (0x99, "FFFF", 65535),
        (0x9A, "4300000018", OperatingTime(unit=TimeUnit.HOUR, count=24)),
    ],
)
def test_property_of_any_device_object(epc: int, edt: str, value: Any) -> None:
    for eoj in (METER, CONTROLLER):
        found = decode_property(eoj, epc, bytes.fromhex(edt))
        assert found == value
        assert type(found) is type(value)


@pytest.mark.parametrize(
    ("epc", "edt"),
    [
        (0x80, "32"),
        (0x81, "01"),
        (0x81, "02"),
        (0x81, "07"),
        (0x81, "61" + "00" * 16),
        (0x81, "00" * 17),
        (0x82, "010E0100"),
        (0x82, "00000000"),
        (0x82, "00006600"),
        (0x82, "01004600"),
        (0x86, "0400"),
        (0x86, "040000"),
        (0x87, "65"),
        (0x88, "43"),
        (0x8D, "41000042" + "00" * 8),
        (0x8D, "82A0" + "00" * 10),
        (0x8D, "1B5B" + "41" * 10),
        (0x8F, "43"),
        (0x93, "43"),
        (0x9A, "4500000001"),
    ],
)
def test_value_that_the_property_does_not_allow_is_an_error(epc: int, edt: str) -> None:
    with pytest.raises(PropertyError) as caught:
        decode_property(METER, epc, bytes.fromhex(edt))
    assert (caught.value.epc, caught.value.raw) == (epc, bytes.fromhex(edt))


def test_location_61_is_garden_number_1() -> None:
    value = InstallationLocation(code=0x61)

    assert (value.place, value.number) == (Place.GARDEN, 1)
    assert (InstallationLocation(code=0x08).place, InstallationLocation(code=0x08).number) == (Place.LIVING_ROOM, 0)
    assert (InstallationLocation(code=0x7F).place, InstallationLocation(code=0x7F).number) == (Place.OTHER, 7)
    assert (InstallationLocation(code=0x80).place, InstallationLocation(code=0x80).number) == (None, None)


@pytest.mark.parametrize(("unit", "seconds"), [("41", 2), ("42", 120), ("43", 7200), ("44", 172800)])
def test_operating_time_in_seconds(unit: str, seconds: int) -> None:
    value = decode_property(METER, 0x9A, bytes.fromhex(unit + "00000002"))

    assert isinstance(value, OperatingTime)
    assert value.seconds == seconds


@pytest.mark.parametrize(
    ("epc", "edt", "value"),
    [
        (0x80, "30", OperationStatus.ON),
        (0x82, "010E0100", NodeVersion(major=1, minor=14, formats=1)),
        (0x83, IDENTIFICATION, bytes.fromhex(IDENTIFICATION)),
        (0x8A, "000016", 0x16),
        (0xBF, "8001", b"\x80\x01"),
        (0xD3, "000001", 1),
        (0xD4, "0002", 2),
        (0xD5, "01028801", (METER,)),
        (0xD6, "0202880105FF01", (METER, CONTROLLER)),
        (0xD6, "00", ()),
        (0xD5, "54" + "028801" * 84, (METER,) * 84),
        (0xD7, "010288", (0x0288,)),
        (0xD7, "08" + "0288" * 8, (0x0288,) * 8),
    ],
)
def test_property_of_the_node_profile(epc: int, edt: str, value: Any) -> None:
    assert decode_property(NODE_PROFILE, epc, bytes.fromhex(edt)) == value
    assert NODE_PROFILE_PROPERTIES[epc].encode(value) == bytes.fromhex(edt)


@pytest.mark.parametrize(
    ("epc", "edt"),
    [
        (0x82, "010E0101"),
        (0xD5, "02028801"),
        (0xD5, "01028801028801"),
        (0xD5, "010288"),
        (0xD5, "00028801"),
        (0xD6, "55" + "028801" * 84),
        (0xD7, "09" + "0288" * 8),
        (0xD7, "020288"),
        (0xD3, "0001"),
    ],
)
def test_bad_value_of_the_node_profile_is_an_error(epc: int, edt: str) -> None:
    with pytest.raises(PropertyError):
        decode_property(NODE_PROFILE, epc, bytes.fromhex(edt))


def test_node_profile_has_the_rows_of_the_document() -> None:
    listed = bytes.fromhex("80 82 83 88 89 8A 8B 8C 8D 8E 9D 9E 9F BF D3 D4 D5 D6 D7")
    required = {epc for epc, row in NODE_PROFILE_PROPERTIES.items() if Access.GET in row.required}

    assert set(NODE_PROFILE_PROPERTIES) == set(listed)
    assert required == set(bytes.fromhex("80 82 83 8A 9D 9E 9F D3 D4 D6 D7"))
    assert [epc for epc, row in NODE_PROFILE_PROPERTIES.items() if Access.SET in row.access] == [0xBF]
    assert NODE_PROFILE_PROPERTIES[0xD5].access == Access.GET | Access.ANNO


def test_same_epc_means_other_things_in_other_classes() -> None:
    assert decode_property(METER, 0xD7, b"\x06") == 6
    with pytest.raises(PropertyError):
        decode_property(NODE_PROFILE, 0xD7, b"\x06")
    assert decode_property(Eoj(0x02, 0x88, 0x05), 0xD7, b"\x06") == 6


@pytest.mark.parametrize(
    ("eoj", "epc"), [(METER, 0xE6), (METER, 0xE9), (METER, 0x9B), (CONTROLLER, 0xE0), (Eoj(0x02, 0x8A, 0x01), 0xE1)]
)
def test_unknown_property_or_class_stays_bytes(eoj: Eoj, epc: int) -> None:
    assert spec_for(eoj, epc) is None
    assert decode_property(eoj, epc, b"\x01\x02") == b"\x01\x02"


@pytest.mark.parametrize(("eoj", "epc"), [(METER, 0xE7), (METER, 0xD0), (METER, 0xFF), (Eoj(0x02, 0x8A, 0x01), 0xE1)])
def test_no_property_has_an_empty_value(eoj: Eoj, epc: int) -> None:
    with pytest.raises(PropertyError) as caught:
        decode_property(eoj, epc, b"")
    assert caught.value.epc == epc


def test_controller_has_the_superclass() -> None:
    assert set(DEVICE_PROPERTIES) >= {0x80, 0x81, 0x82, 0x88, 0x8A, 0x9D, 0x9E, 0x9F}
    assert max(DEVICE_PROPERTIES) < 0xA0


@pytest.mark.parametrize(
    ("eoj", "epc", "value"),
    [
        (METER, 0x81, InstallationLocation(code=0x02)),
        (METER, 0x81, InstallationLocation(code=0x01)),
        (METER, 0x81, InstallationLocation(code=0x61, position=bytes(16))),
        (METER, 0x81, NoValue.NO_DATA),
        (METER, 0x82, StandardVersion(release="f", revision=0)),
        (METER, 0x82, StandardVersion(release="F", revision=256)),
        (METER, 0x83, b"\xfe" * 16),
        (METER, 0x83, bytes(17)),
        (METER, 0x85, Decimal("0.0001")),
        (METER, 0x86, ManufacturerFault(size=1, maker=None, code=b"x")),
        (METER, 0x8D, "A00B123456789"),
        (METER, 0x8D, "ends with space "),
        (METER, 0x8D, "計器"),
        (METER, 0x80, 0x32),
        (NODE_PROFILE, 0xD5, (METER,) * 85),
        (NODE_PROFILE, 0xD7, (0x0288,) * 9),
        (NODE_PROFILE, 0xD7, (0x10000,)),
        (NODE_PROFILE, 0xD4, 0x10000),
    ],
)
def test_value_that_a_property_cannot_hold_is_not_encoded(eoj: Eoj, epc: int, value: Any) -> None:
    row = spec_for(eoj, epc)

    assert row is not None
    with pytest.raises(ValueError):  # noqa: PT011 - any text will do, the type is the contract
        row.encode(value)
