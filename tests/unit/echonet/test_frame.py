"""Frames beyond the golden ones: encoder bounds, format 2, matching of answers (echonet-lite-meter §1, §2)."""

from __future__ import annotations

from dataclasses import replace

import pytest

from frames.golden import BY_NAME
from hems_data_collector.echonet import (
    CONTROLLER,
    METER,
    NODE_PROFILE,
    ArbitraryFrame,
    Eoj,
    Esv,
    Frame,
    Property,
    decode_datagram,
    inform_response,
    is_answer,
)
from hems_data_collector.errors import FrameError

GET_E7 = Frame.decode(BY_NAME["G27"].data)
E7_ANSWER = Frame.decode(BY_NAME["G28"].data)


def test_format_2_keeps_its_payload_as_it_is() -> None:
    data = bytes.fromhex("1082ABCD0102030405")

    frame = decode_datagram(data)

    assert frame == ArbitraryFrame(tid=0xABCD, payload=b"\x01\x02\x03\x04\x05")
    assert frame.encode() == data
    assert ArbitraryFrame.decode(b"\x10\x82\x00\x00") == ArbitraryFrame(tid=0, payload=b"")


@pytest.mark.parametrize("data", [b"", b"\x10\x82\x00", BY_NAME["G27"].data, b"\x20\x82\x00\x01"])
def test_format_2_decoder_refuses_everything_else(data: bytes) -> None:
    with pytest.raises(FrameError):
        ArbitraryFrame.decode(data)


def test_set_get_lists_may_be_empty_but_are_both_there() -> None:
    data = bytes.fromhex("1081000105FF010288016E0000")

    frame = Frame.decode(data)

    assert (frame.properties, frame.set_properties) == ((), ())
    assert frame.encode() == data


def test_set_get_keeps_its_two_lists_apart() -> None:
    frame = Frame.decode(BY_NAME["G74"].data)

    assert frame.set_properties == (Property(0xE5, b"\x01"),)
    assert frame.properties == (Property(0xE2),)


@pytest.mark.parametrize(
    "frame",
    [
        replace(GET_E7, tid=0x10000),
        replace(GET_E7, tid=-1),
        replace(GET_E7, properties=(Property(0x100),)),
        replace(GET_E7, properties=(Property(0xE7, bytes(256)),)),
        replace(GET_E7, properties=(Property(0xE7),) * 256),
        replace(GET_E7, set_properties=(Property(0xE5, b"\x01"),)),
        ArbitraryFrame(tid=0x10000, payload=b""),
    ],
)
def test_what_does_not_fit_the_wire_is_not_encoded(frame: Frame | ArbitraryFrame) -> None:
    with pytest.raises(ValueError, match=r"fit|set list"):
        frame.encode()


def test_greatest_frame_survives_both_ways() -> None:
    frame = replace(GET_E7, properties=tuple(Property(epc, bytes(255)) for epc in range(255)))

    assert Frame.decode(frame.encode()) == frame


@pytest.mark.parametrize(
    ("request_name", "answer_name"),
    [
        ("G04", "G01"),
        ("G05", "G06"),
        ("G07", "G08"),
        ("G09", "G10"),
        ("G27", "G28"),
        ("G55", "G56"),
        ("G58", "G59"),
        ("G61", "G62"),
        ("G74", "G75"),
    ],
)
def test_answer_of_the_document_belongs_to_its_request(request_name: str, answer_name: str) -> None:
    request, answer = Frame.decode(BY_NAME[request_name].data), Frame.decode(BY_NAME[answer_name].data)

    assert is_answer(request, replace(answer, tid=request.tid))
    assert not is_answer(request, replace(answer, tid=request.tid ^ 1))


def test_notification_with_the_tid_of_a_pending_request_is_not_its_answer() -> None:
    """Meters number notifications from the same space (echonet-lite-meter §2.1)."""
    notification = Frame.decode(BY_NAME["G50"].data)

    assert not is_answer(replace(GET_E7, tid=notification.tid), notification)


@pytest.mark.parametrize(
    ("request_esv", "answers"),
    [
        (Esv.SET_I, {Esv.SET_I_SNA}),
        (Esv.SET_C, {Esv.SET_RES, Esv.SET_C_SNA}),
        (Esv.GET, {Esv.GET_RES, Esv.GET_SNA}),
        (Esv.INF_REQ, {Esv.INF, Esv.INF_SNA}),
        (Esv.SET_GET, {Esv.SET_GET_RES, Esv.SET_GET_SNA}),
        (Esv.INFC, {Esv.INFC_RES}),
        (Esv.INF, set()),
        (Esv.GET_RES, set()),
    ],
)
def test_service_decides_which_answers_count(request_esv: Esv, answers: set[Esv]) -> None:
    found = {esv for esv in Esv if is_answer(replace(GET_E7, esv=request_esv), replace(E7_ANSWER, esv=esv))}

    assert found == answers


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"deoj": Eoj(0x05, 0xFF, 0x02)}, True),  # another instance of ours: accepted
        ({"deoj": NODE_PROFILE}, False),
        ({"seoj": NODE_PROFILE}, False),
        ({"seoj": Eoj(0x02, 0x88, 0x02)}, False),
    ],
)
def test_objects_of_an_answer_must_be_swapped(changed: dict[str, Eoj], expected: bool) -> None:
    assert is_answer(GET_E7, replace(E7_ANSWER, **changed)) is expected


def test_request_to_all_instances_is_answered_by_any_of_the_class() -> None:
    request = replace(GET_E7, deoj=Eoj(0x02, 0x88, 0x00))

    assert is_answer(request, E7_ANSWER)
    assert not is_answer(request, replace(E7_ANSWER, seoj=NODE_PROFILE))


def test_infc_is_owed_the_response_of_the_document() -> None:
    response = inform_response(Frame.decode(BY_NAME["G52"].data))

    assert response.encode() == BY_NAME["G53"].data


def test_infc_to_all_instances_is_answered_from_instance_1() -> None:
    frame = replace(Frame.decode(BY_NAME["G52"].data), deoj=Eoj(0x05, 0xFF, 0x00))

    assert inform_response(frame).seoj == CONTROLLER


@pytest.mark.parametrize("name", ["G50", "G28", "G27"])
def test_only_an_infc_is_owed_a_response(name: str) -> None:
    with pytest.raises(ValueError, match="wants no INFC_Res"):
        inform_response(Frame.decode(BY_NAME[name].data))


def test_objects_are_written_as_six_hex_digits() -> None:
    assert (str(METER), str(CONTROLLER), str(NODE_PROFILE)) == ("028801", "05FF01", "0EF001")
    assert Eoj.from_bytes(b"\x02\x88\x01") == METER
    assert METER.to_bytes() == b"\x02\x88\x01"
    assert METER.class_code == 0x0288


@pytest.mark.parametrize("data", [b"", b"\x02\x88", b"\x02\x88\x01\x00"])
def test_object_has_three_bytes(data: bytes) -> None:
    with pytest.raises(ValueError, match="3 bytes"):
        Eoj.from_bytes(data)


def test_object_with_a_number_beyond_a_byte_cannot_exist() -> None:
    with pytest.raises(ValueError, match="0 to 255"):
        Eoj(0x02, 0x100, 0x01)


def test_every_service_code_of_the_document_is_known() -> None:
    assert sorted(Esv) == [
        *(0x50, 0x51, 0x52, 0x53, 0x5E),
        *(0x60, 0x61, 0x62, 0x63, 0x6E),
        *(0x71, 0x72, 0x73, 0x74, 0x7A, 0x7E),
    ]
