"""Every golden frame of echonet-lite-meter §13: read whole, cut at every length, and with bytes behind it."""

from __future__ import annotations

from typing import Any

import pytest

from frames.golden import (
    B1_OPC_0,
    B2_CUT_AFTER_EPC,
    B3_CUT_EDT,
    B4_TRAILING_BYTE,
    B5_FORMAT_2,
    B6_WRONG_EHD1,
    B7_LAST_ENTRY_EMPTY,
    B8_UNIT_OF_4_BYTES,
    B9_UNDEFINED_UNIT,
    BY_NAME,
    EMPTY,
    GOLDEN,
    Golden,
    Refused,
)
from hems_data_collector.echonet import (
    ArbitraryFrame,
    Eoj,
    Esv,
    Frame,
    Property,
    decode_datagram,
    decode_property,
    spec_for,
)
from hems_data_collector.errors import FrameError, PropertyError

REQUESTS = frozenset({Esv.SET_I, Esv.SET_C, Esv.GET, Esv.INF_REQ, Esv.SET_GET})
EACH_GOLDEN = pytest.mark.parametrize("golden", GOLDEN, ids=lambda golden: golden.name)


def test_the_document_has_77_golden_frames() -> None:
    assert [golden.name for golden in GOLDEN] == [f"G{number:02d}" for number in range(1, 78)]


def values_of(eoj: Eoj, entries: tuple[Property, ...], expected: tuple[tuple[int, Any], ...]) -> tuple[Any, ...]:
    """What our decoder reads in `entries`, in the same words as the golden data."""
    found: list[Any] = []
    for entry, (_, value) in zip(entries, expected, strict=True):
        if value is EMPTY:
            found.append((entry.epc, EMPTY if entry.edt == b"" else entry.edt))
        elif isinstance(value, Refused):
            with pytest.raises(PropertyError):
                decode_property(eoj, entry.epc, entry.edt)
            found.append((entry.epc, Refused(hex=entry.edt.hex())))
        else:
            found.append((entry.epc, decode_property(eoj, entry.epc, entry.edt)))
    return tuple(found)


@EACH_GOLDEN
def test_golden_frame_gives_the_values_of_the_document(golden: Golden) -> None:
    frame = decode_datagram(golden.data)

    assert isinstance(frame, Frame)
    assert (frame.tid, frame.seoj, frame.deoj, frame.esv) == (golden.tid, golden.seoj, golden.deoj, golden.esv)
    owner = frame.deoj if frame.esv in REQUESTS else frame.seoj
    assert values_of(owner, frame.properties, golden.properties) == golden.properties
    assert values_of(owner, frame.set_properties, golden.set_properties) == golden.set_properties


@EACH_GOLDEN
def test_golden_frame_is_encoded_to_its_own_bytes(golden: Golden) -> None:
    """Also from the values alone, through the encoder of each property."""
    owner = golden.deoj if golden.esv in REQUESTS else golden.seoj

    def entries(expected: tuple[tuple[int, Any], ...]) -> tuple[Property, ...]:
        made = []
        for epc, value in expected:
            row = spec_for(owner, epc)
            if value is EMPTY:
                made.append(Property(epc))
            elif isinstance(value, Refused):
                made.append(Property(epc, bytes.fromhex(value.hex)))
            else:
                assert row is not None
                made.append(Property(epc, row.encode(value)))
        return tuple(made)

    frame = Frame(
        tid=golden.tid,
        seoj=golden.seoj,
        deoj=golden.deoj,
        esv=golden.esv,
        properties=entries(golden.properties),
        set_properties=entries(golden.set_properties),
    )
    assert frame.encode() == golden.data
    assert Frame.decode(golden.data).encode() == golden.data


@EACH_GOLDEN
def test_golden_frame_cut_anywhere_is_refused(golden: Golden) -> None:
    for length in range(len(golden.data)):
        with pytest.raises(FrameError) as caught:
            decode_datagram(golden.data[:length])
        assert caught.value.raw == golden.data[:length]


@EACH_GOLDEN
def test_golden_frame_with_bytes_behind_it_is_refused(golden: Golden) -> None:
    for tail in (b"\x00", b"\xff" * 3, golden.data):
        with pytest.raises(FrameError, match=f"{len(tail)} bytes follow"):
            decode_datagram(golden.data + tail)


def test_partial_refusal_keeps_the_good_values() -> None:
    """G47: E3 is refused, its three neighbours are usable (echonet-lite-meter §2.2)."""
    frame = Frame.decode(BY_NAME["G47"].data)

    assert frame.esv is Esv.GET_SNA
    assert [entry.epc for entry in frame.properties if not entry.edt] == [0xE3]
    assert [entry.edt.hex() for entry in frame.properties if entry.edt] == ["000003a1", "00460028", "0000b9d7"]


def test_b1_frame_without_entries_parses() -> None:
    frame = Frame.decode(B1_OPC_0)

    assert (frame.esv, frame.properties, frame.set_properties) == (Esv.GET_SNA, (), ())
    assert frame.encode() == B1_OPC_0


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (B2_CUT_AFTER_EPC, "inside an entry's EPC and PDC"),
        (B3_CUT_EDT, "inside the value of property 0xE0"),
        (B4_TRAILING_BYTE, "1 bytes follow"),
        (B6_WRONG_EHD1, "not ECHONET Lite"),
        (b"", "too short"),
        (BY_NAME["G27"].data[:11], "11 bytes are too short"),
        (bytes.fromhex("1083") + BY_NAME["G27"].data[2:], "neither format 1"),
        (BY_NAME["G27"].data[:10] + b"\x75" + BY_NAME["G27"].data[11:], "0x75 is reserved"),
        (bytes.fromhex("1081002005FF010288016E01E50101"), "count of its get list"),
    ],
)
def test_each_fault_of_a_frame_is_told_apart(data: bytes, reason: str) -> None:
    with pytest.raises(FrameError, match=reason) as caught:
        decode_datagram(data)
    assert caught.value.raw == data


def test_b5_format_2_is_not_read_as_format_1() -> None:
    with pytest.raises(FrameError, match="format 2"):
        Frame.decode(B5_FORMAT_2)

    assert decode_datagram(B5_FORMAT_2) == ArbitraryFrame(
        tid=0x0001, payload=bytes.fromhex("02880105FF017201E0040000FE73")
    )


def test_b7_empty_last_entry_spoils_none_of_the_six_before_it() -> None:
    frame = Frame.decode(B7_LAST_ENTRY_EMPTY)

    values = [decode_property(frame.seoj, entry.epc, entry.edt) for entry in frame.properties[:6]]
    assert [entry.epc for entry in frame.properties] == [0x80, 0x88, 0xE7, 0xE8, 0xE0, 0xE3, 0xFF]
    assert values[2] == 366
    assert values[4:] == [324545, 11]
    assert frame.properties[6].edt == b""


@pytest.mark.parametrize("data", [B8_UNIT_OF_4_BYTES, B9_UNDEFINED_UNIT])
def test_b8_b9_bad_unit_is_an_error_of_the_property_not_of_the_frame(data: bytes) -> None:
    frame = Frame.decode(data)
    (entry,) = frame.properties

    with pytest.raises(PropertyError) as caught:
        decode_property(frame.seoj, entry.epc, entry.edt)
    assert (caught.value.epc, caught.value.raw) == (0xE1, entry.edt)
