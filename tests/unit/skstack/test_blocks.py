"""Scan results and tables: any order, unknown keys, missing ends, interleaved events, damage."""

from __future__ import annotations

import pytest

from hems_data_collector.skstack import (
    AddressTable,
    CommandDone,
    Connection,
    DeviceTable,
    EnergyScan,
    Event,
    HandleTable,
    KeyTable,
    ModemEvent,
    NeighborTable,
    Ok,
    PanDescription,
    PortTable,
    TcpHandle,
    Unparsed,
    sktable,
)

A = "FE80:0000:0000:0000:021D:1290:1234:5678"
ROWS = (b"  Channel:33", b"  Channel Page:09", b"  Pan ID:12A4", b"  Addr:001C6400030C12A4", b"  LQI:CA")
PAN = PanDescription(channel=0x33, channel_page=9, pan_id=0x12A4, mac="001C6400030C12A4", lqi=0xCA)
EVENT_22 = b"EVENT 22 FE80:0000:0000:0000:021D:1290:1234:5678"
SCAN_DONE = Event(number=0x22, address=A)


def read(*lines: bytes, flush: bool = False) -> list[ModemEvent]:
    connection = Connection()
    connection.receive_data(b"".join(line + b"\r\n" for line in lines))
    if flush:
        connection.flush()
    events = []
    while (event := connection.next_event()) is not None:
        events.append(event)
    assert connection.undecodable == sum(isinstance(event, Unparsed) for event in events)
    return events


def table(mode: int, *lines: bytes) -> CommandDone:
    connection = Connection()
    connection.send(sktable(mode))
    connection.receive_data(b"".join(line + b"\r\n" for line in lines))
    done = connection.next_event()
    assert isinstance(done, CommandDone)
    assert connection.next_event() is None
    return done


def test_a_pan_is_whole_only_when_something_else_comes() -> None:
    assert read(b"EPANDESC", *ROWS) == []
    assert read(b"EPANDESC", *ROWS, flush=True) == [PAN]
    assert read(b"EPANDESC", *ROWS, EVENT_22) == [PAN, SCAN_DONE]
    assert read(b"EPANDESC", *ROWS, b"OK") == [PAN, Ok()]


def test_rows_come_in_any_order_with_any_indent_and_unknown_keys() -> None:
    rows = [
        b"Side:1",
        b"    HEMS:0",
        b" " + ROWS[4].strip(),
        ROWS[3].strip() + b" ",
        ROWS[2],
        b"Relay Hop: 2",
        *ROWS[:2],
    ]
    (pan,) = read(b"EPANDESC ", *rows, flush=True)
    assert pan == PanDescription(channel=0x33, channel_page=9, pan_id=0x12A4, mac="001C6400030C12A4", lqi=0xCA, side=1)


def test_blank_lines_do_not_end_a_pan() -> None:
    assert read(b"EPANDESC", *ROWS[:3], b"", b" ", *ROWS[3:], flush=True) == [PAN]


def test_an_event_inside_a_pan_that_is_not_whole_yet_does_not_cut_it() -> None:
    event = b"EVENT 02 FE80:0000:0000:0000:021D:1290:1234:5678"
    assert read(b"EPANDESC", *ROWS[:2], event, *ROWS[2:], flush=True) == [Event(number=2, address=A), PAN]


def test_two_pans_may_follow_each_other_and_the_scan_end() -> None:
    assert read(EVENT_22, b"EPANDESC", *ROWS, b"EPANDESC", *ROWS, flush=True) == [SCAN_DONE, PAN, PAN]


@pytest.mark.parametrize("missing", range(len(ROWS)))
def test_a_pan_without_one_of_its_fields_is_unparsed_as_a_whole(missing: int) -> None:
    rows = [row for at, row in enumerate(ROWS) if at != missing]
    raw = b"\r\n".join((b"EPANDESC", *rows))
    assert read(b"EPANDESC", *rows, flush=True) == [Unparsed(raw=raw)]
    assert read(b"EPANDESC", *rows, b"OK") == [Unparsed(raw=raw), Ok()]


@pytest.mark.parametrize(
    "row",
    [b"  Channel:3", b"  Pan ID:12G4", b"  Addr:001C64", b"  LQI:100", b"  Side:00", b"  PairID:ABC", b"  Channel:"],
)
def test_a_malformed_field_spoils_the_pan(row: bytes) -> None:
    (event,) = read(b"EPANDESC", *ROWS, row, flush=True)
    assert isinstance(event, Unparsed)


def test_the_pairing_id_is_kept_but_never_shown() -> None:
    (pan,) = read(b"EPANDESC", *ROWS, b"  PairID:AABBCCDD", flush=True)
    assert isinstance(pan, PanDescription)
    assert pan.pair_id == "AABBCCDD"
    assert "AABBCCDD" not in repr(pan)


def test_rows_without_a_header_are_unparsed() -> None:
    assert read(*ROWS[:2]) == [Unparsed(raw=ROWS[0]), Unparsed(raw=ROWS[1])]


def test_a_block_of_endless_rows_is_bounded() -> None:
    rows = [b"  Key%d:0" % number for number in range(100)]
    events = read(b"EPANDESC", *rows)
    assert [event for event in events if isinstance(event, Unparsed)] == [Unparsed(raw=row) for row in rows[64:]]


@pytest.mark.parametrize("blank", [(), (b"",)], ids=["", "blank line"])
def test_an_energy_scan_ends_with_its_one_row(blank: tuple[bytes, ...]) -> None:
    assert read(b"EEDSCAN", *blank, b"21 04 22 1a 3C FF ", *blank) == [
        EnergyScan(levels={0x21: 0x04, 0x22: 0x1A, 0x3C: 0xFF})
    ]


def test_an_energy_scan_without_its_row_is_unparsed_in_the_end() -> None:
    assert read(b"EEDSCAN", EVENT_22) == [SCAN_DONE]
    assert read(b"EEDSCAN", flush=True) == [Unparsed(raw=b"EEDSCAN")]
    assert read(b"EEDSCAN", b"21 04 22") == [Unparsed(raw=b"21 04 22")]


EMPTY = [(1, b"EADDR", AddressTable()), (2, b"ENEIGHBOR", NeighborTable()), (0xE, b"EPORT", PortTable())]
EMPTY_TOO = [(0xF, b"EHANDLE", HandleTable()), (9, b"ENBR", DeviceTable()), (0xA, b"ESEC", KeyTable())]


@pytest.mark.parametrize(("mode", "header", "value"), EMPTY + EMPTY_TOO)
def test_an_empty_table_has_a_header_or_not_even_that(mode: int, header: bytes, value: ModemEvent) -> None:
    assert table(mode, header, b"OK").answers == (value,)
    assert table(mode, b"OK").answers == ()
    assert table(mode, header, b"FAIL ER10").ok is False


def test_the_ports_of_older_firmware_end_after_six() -> None:
    assert table(0xE, b"EPORT", b"3610", b"716", b"0", b"0", b"0", b"0", b"OK").answers == (
        PortTable(udp=(3610, 716, 0, 0, 0, 0)),
    )


def test_tcp_handles_have_four_columns() -> None:
    assert table(0xF, b"EHANDLE", b"1 FE80::1 0E1A 0e1b", b"OK").answers == (
        HandleTable(
            handles=(
                TcpHandle(
                    handle=1,
                    address="FE80:0000:0000:0000:0000:0000:0000:0001",
                    remote_port=0x0E1A,
                    local_port=0x0E1B,
                ),
            )
        ),
    )


def test_tables_without_a_described_form_keep_their_lines() -> None:
    assert table(9, b"ENBR", b"addr:001D", b"hops:2", b"OK").answers == (DeviceTable(rows=("addr:001D", "hops:2")),)
    (keys,) = table(0xA, b"ESEC", b"1 00112233445566778899AABBCCDDEEFF", b"OK").answers
    assert keys == KeyTable(rows=("1 00112233445566778899AABBCCDDEEFF",))
    assert "0011" not in repr(keys)


def test_an_event_inside_a_table_does_not_cut_it() -> None:
    connection = Connection()
    connection.send(sktable(1))
    connection.receive_data(
        b"EADDR\r\nFE80::1\r\nEVENT 29 FE80::2\r\nERXUDP FE80::2 FE80::1 0E1A 0E1A 001D129012345678 1 0001 x\r\n"
        b"garbage\r\nFE80::3\r\nOK\r\n"
    )
    events = []
    while (event := connection.next_event()) is not None:
        events.append(event)
    assert [type(event).__name__ for event in events] == ["Event", "RxUdp", "Unparsed", "CommandDone"]
    assert isinstance(events[-1], CommandDone)
    assert events[-1].answers == (
        AddressTable(addresses=("FE80:0000:0000:0000:0000:0000:0000:0001", "FE80:0000:0000:0000:0000:0000:0000:0003")),
    )


def test_a_table_row_that_only_looks_like_an_address_spoils_the_table() -> None:
    done = table_events(b"EADDR", b"FE80:::1", b"OK")
    assert [type(event).__name__ for event in done] == ["Unparsed", "CommandDone"]


def table_events(*lines: bytes) -> list[ModemEvent]:
    connection = Connection()
    connection.send(sktable(1))
    connection.receive_data(b"".join(line + b"\r\n" for line in lines))
    events = []
    while (event := connection.next_event()) is not None:
        events.append(event)
    return events
