"""Property maps (echonet-lite-meter §6.5)."""

from __future__ import annotations

import pytest

from frames.golden import LOG_A_GET_MAP
from hems_data_collector.echonet import PropertyMap, decode_property_map, encode_property_map
from hems_data_collector.errors import PropertyError

LOG_A = bytes.fromhex("19 41 41 41 60 40 40 00 62 43 00 41 40 40 43 02 02")
RELEASE_R = bytes.fromhex("1D 71 41 41 60 40 40 00 62 43 00 41 40 40 43 42 42")
RELEASE_R_EPCS = LOG_A_GET_MAP + bytes.fromhex("C0 D0 EE EF")
NARROW_METER = bytes.fromhex("80 81 82 88 8A 8D 97 98 9D 9E 9F D7 E0 E1 E2 E5 E7 E8 EA")


@pytest.mark.parametrize(("edt", "epcs"), [(LOG_A, LOG_A_GET_MAP), (RELEASE_R, RELEASE_R_EPCS)])
def test_bitmaps_of_the_document(edt: bytes, epcs: bytes) -> None:
    assert decode_property_map(edt) == PropertyMap(epcs=frozenset(epcs), declared=len(epcs))
    assert encode_property_map(epcs) == edt


def test_list_form_in_any_order() -> None:
    found = decode_property_map(bytes.fromhex("03EDE581"))

    assert found.epcs == {0x81, 0xE5, 0xED}
    assert 0xE5 in found
    assert 0xE2 not in found
    assert encode_property_map(found.epcs) == bytes.fromhex("0381E5ED")


def test_empty_map_is_a_single_zero() -> None:
    assert decode_property_map(b"\x00") == PropertyMap(epcs=frozenset(), declared=0)
    assert encode_property_map([]) == b"\x00"


def test_count_byte_tells_the_form_at_15_and_16() -> None:
    """15 properties are a list of 16 bytes, 16 a bitmap of 17, though a list would be 17 too."""
    fifteen, sixteen = range(0x80, 0x8F), range(0x80, 0x90)

    assert encode_property_map(fifteen) == bytes([15, *fifteen])
    assert encode_property_map(sixteen) == bytes([16]) + b"\x01" * 16
    assert decode_property_map(bytes([15, *fifteen])).epcs == set(fifteen)
    assert decode_property_map(bytes([16]) + b"\x01" * 16).epcs == set(sixteen)


def test_19_properties_of_a_narrow_meter_are_a_bitmap() -> None:
    edt = encode_property_map(NARROW_METER)

    assert (edt[0], len(edt)) == (19, 17)
    assert decode_property_map(edt).epcs == set(NARROW_METER)


def test_all_128_properties_fit() -> None:
    edt = b"\x80" + b"\xff" * 16

    assert decode_property_map(edt) == PropertyMap(epcs=frozenset(range(0x80, 0x100)), declared=128)
    assert encode_property_map(range(0x80, 0x100)) == edt


def test_bits_are_right_where_the_count_disagrees() -> None:
    found = decode_property_map(b"\x18" + LOG_A[1:])

    assert found.epcs == set(LOG_A_GET_MAP)
    assert found.declared == 24
    assert not found.consistent
    assert decode_property_map(LOG_A).consistent


@pytest.mark.parametrize(
    "edt", ["", "03 81 E5", "03 81 E5 ED 80", "00 80", "10 80", "19 41", "01 7F", "19" + "41" * 17]
)
def test_map_that_does_not_fit_its_count_is_refused(edt: str) -> None:
    with pytest.raises(PropertyError) as caught:
        decode_property_map(bytes.fromhex(edt))
    assert caught.value.raw == bytes.fromhex(edt)


@pytest.mark.parametrize("epc", [0x7F, 0x100, 0])
def test_map_holds_80_to_ff_only(epc: int) -> None:
    with pytest.raises(ValueError, match="80 to FF"):
        encode_property_map([0x80, epc])
