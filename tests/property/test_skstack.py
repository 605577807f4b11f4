"""The invariants of the SKSTACK-IP package: chunking never matters, any payload survives, no secret shows."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from hems_data_collector.skstack import (
    DUAL_STACK,
    SINGLE_STACK,
    Command,
    Connection,
    Dialect,
    ModemEvent,
    PayloadMode,
    RxUdp,
    full_ipv6,
    link_local_of,
    mac_of,
    masked_line,
    ropt,
    sksendto,
    sksetpwd,
    sksetrbid,
    skver,
)
from hems_data_collector.skstack.framing import MAX_LINE, MAX_PAYLOAD
from support import transcripts

A = "FE80:0000:0000:0000:021C:6400:0000:0001"
LINES = [
    line + b"\r\n"
    for name in transcripts.names("G*")
    for line in transcripts.load(name).received.split(b"\r\n")
    if line
]
PENDING: list[Command | None] = [None, skver(), ropt(), sksendto(DUAL_STACK, A, b"x")]
OTHER_BYTES = st.one_of(
    st.binary(max_size=40), st.sampled_from([b"\r", b"\n", b"\r\n", b"ERXUDP ", b"EPANDESC\r\n", b"x" * (MAX_LINE + 9)])
)
STREAMS = st.lists(st.one_of(st.sampled_from(LINES), OTHER_BYTES), max_size=8).map(b"".join)
MODES = st.sampled_from([None, *PayloadMode])


def drained(connection: Connection) -> list[ModemEvent]:
    events: list[ModemEvent] = []
    while (event := connection.next_event()) is not None:
        events.append(event)
    return events


def begun(command: Command | None, mode: PayloadMode | None) -> Connection:
    connection = Connection(payload_mode=mode)
    if command is not None:
        connection.send(command)
    return connection


@given(stream=STREAMS, cuts=st.lists(st.integers(0, 4000), max_size=20), pending=st.sampled_from(PENDING), mode=MODES)
@example(stream=LINES[0], cuts=list(range(200)), pending=None, mode=None)
def test_chunking_never_matters(
    stream: bytes, cuts: list[int], pending: Command | None, mode: PayloadMode | None
) -> None:
    whole, cut = begun(pending, mode), begun(pending, mode)
    whole.receive_data(stream)
    edges = [0, *sorted(at for at in cuts if at <= len(stream)), len(stream)]
    events: list[ModemEvent] = []
    for start, end in pairwise(edges):
        cut.receive_data(stream[start:end])
        events += drained(cut)
    assert events == drained(whole)
    for connection in (whole, cut):
        connection.flush()
    assert drained(cut) == drained(whole)
    assert (cut.state, cut.payload_mode, cut.undecodable) == (whole.state, whole.payload_mode, whole.undecodable)
    assert cut.take_lines() == whole.take_lines()


@given(stream=STREAMS, pending=st.sampled_from(PENDING), mode=MODES)
def test_byte_by_byte_is_the_same_too(stream: bytes, pending: Command | None, mode: PayloadMode | None) -> None:
    stream = stream[:2000]
    whole, cut = begun(pending, mode), begun(pending, mode)
    whole.receive_data(stream)
    for byte in stream:
        cut.receive_data(bytes((byte,)))
    assert drained(cut) == drained(whole)


@given(
    payload=st.binary(min_size=1, max_size=MAX_PAYLOAD),
    lqi=st.none() | st.integers(0, 255),
    side=st.sampled_from([None, 0, 1]),
    secured=st.booleans(),
)
@example(payload=b"\r\n" * (MAX_PAYLOAD // 2), lqi=None, side=None, secured=True)
@example(payload=b"0123456789ABCDEF\r\n", lqi=None, side=0, secured=True)
@pytest.mark.parametrize("mode", PayloadMode)
def test_any_payload_survives_in_its_mode(
    mode: PayloadMode, payload: bytes, lqi: int | None, side: int | None, secured: bool
) -> None:
    fields = [A, A, "0E1A", "0E1A", "001C640000000001"]
    fields += [] if lqi is None else [f"{lqi:02X}"]
    fields += [str(int(secured))]
    fields += [] if side is None else [str(side)]
    fields += [f"{len(payload):04X}"]
    data = payload if mode is PayloadMode.BINARY else payload.hex().upper().encode()
    connection = Connection(payload_mode=mode)
    connection.receive_data(b"ERXUDP " + " ".join(fields).encode() + b" " + data + b"\r\n")
    assert drained(connection) == [
        RxUdp(
            sender=A,
            destination=A,
            remote_port=0x0E1A,
            local_port=0x0E1A,
            sender_mac="001C640000000001",
            lqi=lqi,
            secured=secured,
            side=side,
            payload=payload,
        )
    ]


@given(frame=st.binary(max_size=200))
@pytest.mark.parametrize("mode", PayloadMode)
def test_an_echonet_lite_frame_shows_its_mode_by_itself(mode: PayloadMode, frame: bytes) -> None:
    payload = b"\x10\x81" + frame
    data = payload if mode is PayloadMode.BINARY else payload.hex().upper().encode()
    connection = Connection()
    line = f"ERXUDP {A} {A} 0E1A 0E1A 001C640000000001 1 {len(payload):04X} ".encode() + data + b"\r\n"
    connection.receive_data(line)
    (event,) = drained(connection)
    assert isinstance(event, RxUdp)
    assert event.payload == payload
    assert connection.payload_mode is mode


@given(garbage=st.binary(max_size=300), mode=MODES)
def test_enough_further_lines_bring_it_back_without_a_flush(garbage: bytes, mode: PayloadMode | None) -> None:
    connection = Connection(payload_mode=mode)
    connection.receive_data(garbage + b"\r\n")
    connection.receive_data(b"EVENT 26 FE80::1\r\n" * (2 * MAX_LINE // 18))
    drained(connection)
    connection.receive_data(b"EVER 1\r\n")
    assert [type(event).__name__ for event in drained(connection)] == ["Version"]


@given(
    data=st.binary(min_size=1, max_size=MAX_PAYLOAD),
    dialect=st.sampled_from([SINGLE_STACK, DUAL_STACK]),
    security=st.integers(0, 2),
    handle=st.integers(1, 6),
    port=st.integers(1, 0xFFFF),
)
def test_the_header_of_sksendto_has_fixed_widths(
    data: bytes, dialect: Dialect, security: int, handle: int, port: int
) -> None:
    wire = sksendto(dialect, "fe80::21c:6400:0:1", data, port=port, security=security, handle=handle).wire
    header = wire[: len(wire) - len(data)]
    assert wire.endswith(data)
    assert [len(word) for word in header.split(b" ")] == [8, 1, 39, 4, 1, *([1] if dialect.has_side else []), 4, 0]
    assert int(header[-5:], 16) == len(data)


SECRET_TEXT = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), min_size=32, max_size=32)


@given(secret=SECRET_TEXT, cut=st.integers(0, 45), front=st.sampled_from(["", "SKSC", "OK", "\x00"]))
def test_no_torn_line_shows_an_id_or_password(secret: str, cut: int, front: str) -> None:
    for command in (sksetrbid(secret), sksetpwd(secret)):
        masked = masked_line(front.encode() + command.wire[:cut])
        assert not [at for at in range(27) if secret[at : at + 6] in masked]


@given(data=st.binary(max_size=600))
def test_every_masked_line_is_printable_and_short(data: bytes) -> None:
    masked = masked_line(data)
    assert masked.isprintable()
    assert len(masked) <= 4 * 400 + 60 or b"ERX" in data


@given(number=st.integers(0, 2**64 - 1))
def test_a_mac_and_its_address_are_one_to_one(number: int) -> None:
    mac = f"{number:016X}"
    assert mac_of(link_local_of(mac)) == mac
    assert full_ipv6(link_local_of(mac).lower()) == link_local_of(mac)
