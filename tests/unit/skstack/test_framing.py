"""Lines and data out of a byte stream: by length, in both payload modes, and back in step after damage."""

from __future__ import annotations

import pytest

from hems_data_collector.skstack import PayloadMode
from hems_data_collector.skstack.framing import MAX_LINE, Damaged, DataLine, Line, LineSplitter, Piece

HEAD = (
    b"ERXUDP FE80:0000:0000:0000:021C:6400:030C:12A4 FE80:0000:0000:0000:021D:1291:0000:0574"
    b" 0E1A 0E1A 001C6400030C12A4 "
)
SINGLE, DUAL, RSSI, RSSI_DUAL = HEAD + b"1 ", HEAD + b"1 0 ", HEAD + b"50 1 ", HEAD + b"50 1 0 "
BINARY, HEX = PayloadMode.BINARY, PayloadMode.HEX


def pieces(splitter: LineSplitter, *chunks: bytes) -> list[Piece]:
    found = []
    for chunk in chunks:
        splitter.feed(chunk)
        while (piece := splitter.next_piece()) is not None:
            found.append(piece)
    return found


def payloads(splitter: LineSplitter, *chunks: bytes) -> list[bytes | None]:
    return [piece.payload if isinstance(piece, DataLine) else None for piece in pieces(splitter, *chunks)]


def test_lines_come_without_their_end() -> None:
    assert pieces(LineSplitter(), b"OK\r", b"\n\r\nEVER 1\r\nnot yet") == [
        Line(raw=b"OK"),
        Line(raw=b""),
        Line(raw=b"EVER 1"),
    ]


@pytest.mark.parametrize(
    ("header", "offset"), [(SINGLE, 121), (DUAL, 123), (RSSI, 124), (RSSI_DUAL, 126)], ids=["1", "11", "21", "211"]
)
def test_the_payload_begins_where_the_specification_says(header: bytes, offset: int) -> None:
    assert len(header + b"0002 ") == offset
    assert payloads(LineSplitter(), header + b"0002 \x10\x81\r\n") == [b"\x10\x81"]
    assert payloads(LineSplitter(), header + b"0002 1081\r\n") == [b"\x10\x81"]


def test_the_groups_of_a_header_are_its_fields() -> None:
    (piece,) = pieces(LineSplitter(), b"SKSENDTO" + RSSI_DUAL + b"0001 x\r\n")
    assert piece == DataLine(
        raw=b"SKSENDTO" + RSSI_DUAL + b"0001 x",
        glued=b"SKSENDTO",
        tcp=False,
        fields=(
            b"FE80:0000:0000:0000:021C:6400:030C:12A4",
            b"FE80:0000:0000:0000:021D:1291:0000:0574",
            b"0E1A",
            b"0E1A",
            b"001C6400030C12A4",
            b"50",
            b"1",
            b"0",
            b"0001",
        ),
        payload=b"x",
    )


def test_tcp_data_is_taken_by_length_too() -> None:
    (piece, after) = pieces(LineSplitter(), b"ERXTCP FE80::1 0E1A 0E1B 0004 \r\nOK\r\nOK\r\n")
    assert isinstance(piece, DataLine)
    assert piece.tcp
    assert piece.fields == (b"FE80::1", b"0E1A", b"0E1B", b"0004")
    assert piece.payload == b"\r\nOK"
    assert after == Line(raw=b"OK")


@pytest.mark.parametrize("payload", [b"\r\n", b"OK\r\n", b"\r\n\r\n\r\n", b"EVENT 21 \r\nERXUDP ", bytes(range(256))])
def test_binary_data_may_hold_anything(payload: bytes) -> None:
    line = DUAL + b"%04X " % len(payload) + payload + b"\r\n"
    splitter = LineSplitter()
    assert payloads(splitter, line, line, b"OK\r\n") == [payload, payload, None]
    assert splitter.payload_mode is BINARY


def test_the_mode_is_learned_from_the_first_datagram_and_remembered() -> None:
    splitter = LineSplitter()
    assert splitter.payload_mode is None
    assert payloads(splitter, SINGLE + b"0008 0123456789abcdef\r\n") == [bytes.fromhex("0123456789ABCDEF")]
    assert splitter.payload_mode is HEX


def test_an_empty_payload_teaches_no_mode() -> None:
    splitter = LineSplitter()
    assert payloads(splitter, SINGLE + b"0000 \r\n") == [b""]
    assert splitter.payload_mode is None


def test_the_longest_datagram_fits_in_both_modes() -> None:
    payload = bytes(range(256)) * 4 + bytes(208)
    assert len(payload) == 0x4D0
    assert payloads(LineSplitter(), DUAL + b"04D0 " + payload + b"\r\n") == [payload]
    assert payloads(LineSplitter(), DUAL + b"04D0 " + payload.hex().encode() + b"\r\n") == [payload]


def test_a_length_beyond_the_longest_datagram_is_not_believed() -> None:
    assert pieces(LineSplitter(BINARY), SINGLE + b"04D1 ab\r\nOK\r\n") == [
        Line(raw=SINGLE + b"04D1 ab"),
        Line(raw=b"OK"),
    ]


@pytest.mark.parametrize("data", [b"ABCD", b"ABCDE", b"", b"10", b"108100000E", b"10810000000000000000000000"])
def test_in_hex_mode_a_wrong_length_costs_one_line(data: bytes) -> None:
    splitter = LineSplitter(HEX)
    assert pieces(splitter, SINGLE + b"000A " + data + b"\r\n", b"OK\r\n") == [
        Damaged(raw=SINGLE + b"000A " + data),
        Line(raw=b"OK"),
    ]
    assert splitter.payload_mode is HEX


def test_while_the_mode_is_unknown_a_short_line_is_dropped_as_soon_as_neither_fits() -> None:
    splitter = LineSplitter()
    assert pieces(splitter, SINGLE + b"000A ABCD\r\nOK\r\n") == []  # may still be ten binary bytes
    assert pieces(splitter, b"EVER 1\r\n") == [
        Damaged(raw=SINGLE + b"000A ABCD"),
        Line(raw=b"OK"),
        Line(raw=b"EVER 1"),
    ]
    assert splitter.payload_mode is None


def test_in_binary_mode_a_short_line_does_not_swallow_the_next() -> None:
    splitter = LineSplitter(BINARY)
    found = pieces(splitter, SINGLE + b"0012 \x10\x81\x00\r\n" + DUAL + b"0002 \x10\x81\r\n")
    assert found[0] == Damaged(raw=SINGLE + b"0012 \x10\x81\x00")
    assert isinstance(found[1], DataLine)
    assert found[1].payload == b"\x10\x81"


def test_giving_up_frees_the_lines_behind_a_cut_datagram() -> None:
    splitter = LineSplitter(BINARY)
    assert pieces(splitter, SINGLE + b"0100 \x10\x81\r\nOK\r\n") == []
    assert splitter.next_piece(give_up=True) == Damaged(raw=SINGLE + b"0100 \x10\x81")
    assert splitter.next_piece() == Line(raw=b"OK")


def test_giving_up_leaves_a_datagram_alone_that_is_still_coming() -> None:
    splitter = LineSplitter(BINARY)
    assert pieces(splitter, SINGLE + b"0004 \x10\x81") == []
    assert splitter.next_piece(give_up=True) is None
    assert payloads(splitter, b"\x00\x01\r\n") == [b"\x10\x81\x00\x01"]


def test_binary_data_shows_that_hex_mode_was_learned_wrongly() -> None:
    splitter = LineSplitter(HEX)
    assert payloads(splitter, DUAL + b"0003 \x10\x81\x00\r\n", DUAL + b"0002 \r\n\r\n") == [b"\x10\x81\x00", b"\r\n"]
    assert splitter.payload_mode is BINARY


def test_hex_data_shows_that_binary_mode_was_learned_wrongly() -> None:
    splitter = LineSplitter(BINARY)
    assert payloads(splitter, DUAL + b"0003 108100\r\n", DUAL + b"0002 10\r\n") == [b"\x10\x81\x00", None]
    assert splitter.payload_mode is HEX


def test_while_cr_ends_a_line_the_optional_lf_is_swallowed_even_later() -> None:
    splitter = LineSplitter()
    splitter.cr_ends_line = True
    assert pieces(splitter, b"ROPT\r\nOK 00\r") == [Line(raw=b"ROPT"), Line(raw=b"OK 00")]
    splitter.cr_ends_line = False
    assert pieces(splitter, b"\n", b"SKINFO\r\n") == [Line(raw=b"SKINFO")]


def test_data_is_taken_by_length_while_cr_ends_a_line() -> None:
    splitter = LineSplitter()
    splitter.cr_ends_line = True
    assert payloads(splitter, DUAL + b"0004 \r\rAB\r\n", b"OK 00\r") == [b"\r\rAB", None]


@pytest.mark.parametrize("header", [b"ERXUDP FE80::1 ", b"ERXUDP ", DUAL[:-3], b"ERX"])
def test_a_cut_header_before_a_whole_line_costs_nothing_else(header: bytes) -> None:
    found = pieces(LineSplitter(), header + DUAL + b"0002 \x10\x81\r\n")
    assert [piece.payload for piece in found if isinstance(piece, DataLine)] == [b"\x10\x81"]


@pytest.mark.parametrize("length", [MAX_LINE + 3, MAX_LINE + 500, 3 * MAX_LINE])
@pytest.mark.parametrize("chunk", [1, 100, 100_000])
def test_an_endless_line_is_dropped_and_the_next_one_read(length: int, chunk: int) -> None:
    stream = b"x" * length + b"\r\nOK\r\n"
    chunks = [stream[at : at + chunk] for at in range(0, len(stream), chunk)]
    assert pieces(LineSplitter(), *chunks) == [Damaged(raw=b"x" * MAX_LINE), Line(raw=b"OK")]


def test_the_longest_line_that_is_allowed_is_read() -> None:
    assert pieces(LineSplitter(), b"x" * MAX_LINE + b"\r\n") == [Line(raw=b"x" * MAX_LINE)]


def test_memory_stays_bounded_without_any_line_end() -> None:
    splitter = LineSplitter()
    for _ in range(100):
        pieces(splitter, b"\r" * 1000)
        pieces(splitter, DUAL + b"04D0 " + b"F" * 900)
    assert len(splitter._buffer) <= MAX_LINE + 2000
