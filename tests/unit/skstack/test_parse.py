"""Single lines to events, by the widths of their fields, and the lines that must be refused."""

from __future__ import annotations

from decimal import Decimal

import pytest

from hems_data_collector.errors import LineError
from hems_data_collector.skstack import (
    DUAL_STACK,
    SINGLE_STACK,
    Address,
    AppVersion,
    Event,
    EventNumber,
    Fail,
    Info,
    KeyTable,
    LineEvent,
    Ok,
    PanDescription,
    Pong,
    Register,
    RxUdp,
    Tcp,
    Unparsed,
    Version,
    rssi_dbm,
)
from hems_data_collector.skstack.parse import glued_line, parse_line

A = "FE80:0000:0000:0000:021D:1290:1234:5678"
MAC = "001D129012345678"

LINES: list[tuple[str, LineEvent]] = [
    ("OK", Ok()),
    ("OK 00", Ok(text="00")),
    ("OK DONE", Ok(text="DONE")),
    ("OK ", Ok()),
    ("FAIL", Fail()),
    ("FAIL ER04", Fail(code=4)),
    ("FAIL ER10", Fail(code=10)),
    ("FAIL ER01 error text", Fail(code=1, text="error text")),
    ("FAIL because", Fail(text="because")),
    (f"EVENT 25 {A}", Event(number=0x25, address=A)),
    (f"EVENT 25 {A} 0", Event(number=0x25, address=A, side=0)),
    (f"EVENT 21 {A} 01", Event(number=0x21, address=A, parameter=1)),
    (f"EVENT 21 {A} 1 02", Event(number=0x21, address=A, side=1, parameter=2)),
    (f"EVENT 1f {A.lower()} 0 ", Event(number=0x1F, address=A, side=0)),
    (
        "EVENT 21 2001:DB8::2 0 01",
        Event(number=0x21, address="2001:0DB8:0000:0000:0000:0000:0000:0002", side=0, parameter=1),
    ),
    ("EVENT C0", Event(number=0xC0)),
    (f"EVENT 45 {A} 0 07", Event(number=0x45, address=A, side=0, parameter=7)),
    (f"EVENT 99 {A}", Event(number=0x99, address=A)),
    ("EVER 1.2.10", Version(text="1.2.10")),
    ("EAPPVER rev26e", AppVersion(text="rev26e")),
    ("ESREG 21", Register(value="21")),
    ("ESREG CCDDEEFF ", Register(value="CCDDEEFF")),
    (
        f"EINFO {A} {MAC} 21 8888 FFFE ",
        Info(address=A, mac=MAC, channel=0x21, pan_id=0x8888, short_address=0xFFFE),
    ),
    (f"EINFO {A.lower()} {MAC.lower()} 3c abcd 1", Info(address=A, mac=MAC, channel=0x3C, pan_id=0xABCD, side=1)),
    (A, Address(address=A)),
    (A.lower(), Address(address=A)),
    (f"EPONG {A}", Pong(address=A)),
    (f"EPONG {A} 0", Pong(address=A, side=0)),
    (f"ETCP 1 1 {A} 0E1A 0E1B", Tcp(status=1, handle=1, address=A, remote_port=0x0E1A, local_port=0x0E1B)),
    ("ETCP 3 1", Tcp(status=3, handle=1)),
]


@pytest.mark.parametrize(("line", "event"), LINES, ids=[line for line, _ in LINES])
def test_a_line_is_this_event(line: str, event: LineEvent) -> None:
    assert parse_line(line) == event


@pytest.mark.parametrize(
    "line",
    [
        "EVENT",
        "EVENT 25",
        "EVENT ZZ FE80::2",
        "EVENT 2 FE80::2",
        "EVENT 021 FE80::2",
        f"EVENT 21 {A} 001",
        f"EVENT 21 {A} 00 0",
        f"EVENT 21 {A} 0 00 0",
        "EVENT 21 192.168.0.1 00",
        "EVENT 21 FE80:::2 00",
        f"EINFO {A} {MAC} 21 8888 FF",
        f"EINFO {A} {MAC} 21 8888",
        f"EINFO {A} 001D12 21 8888 FFFE",
        "EVER",
        "EVER 1.2 10",
        "EVER \x80",
        "ESREG",
        "OKAY",
        "FAILED",
        "ok",
        f"EPONG {MAC}",
        "ETCP 1",
        f"ETCP 1 1 {A}",
        "hello",
        "\x00\xff",
        MAC,
        ":",
        "SKVER",
        "  Channel:21",
        f" {A}",
    ],
)
def test_a_line_that_no_rule_fits_is_a_line_error_with_its_bytes(line: str) -> None:
    with pytest.raises(LineError) as caught:
        parse_line(line)
    assert caught.value.raw


@pytest.mark.parametrize(
    ("line", "split"),
    [
        (f"SKSENDTOEVENT 21 {A} 00", ("SKSENDTO", f"EVENT 21 {A} 00")),
        ("SKSCEPANDESC", ("SKSC", "EPANDESC")),
        (f"\x00EPONG {A}", ("\x00", f"EPONG {A}")),
        (f"EVENT 21 {A} 00", None),
        ("SKVER", None),
    ],
)
def test_an_event_behind_something_else_is_found(line: str, split: tuple[str, str] | None) -> None:
    assert glued_line(line) == split


def test_the_last_field_of_einfo_tells_the_dialect() -> None:
    base = {"address": A, "mac": MAC, "channel": 0x21, "pan_id": 0xFFFF}
    assert Info(**base, side=0).dialect is DUAL_STACK
    assert Info(**base, short_address=0xFFFE).dialect is SINGLE_STACK
    assert Info(**base).dialect is None


@pytest.mark.parametrize(("lqi", "dbm"), [(0xE1, "-42.395"), (0x50, "-82.270"), (0, "-104.270")])
def test_signal_strength_is_exact(lqi: int, dbm: str) -> None:
    assert rssi_dbm(lqi) == Decimal(dbm)


def test_no_secret_shows_in_the_text_of_an_event() -> None:
    id_part = "CCDDEEFF"
    line = f"SKSETRBID 001122334455{id_part}".encode()
    pana = RxUdp(
        sender=A,
        destination=A,
        remote_port=0x02CC,
        local_port=0x02CC,
        sender_mac=MAC,
        secured=False,
        payload=id_part.encode(),
    )
    pan = PanDescription(channel=33, channel_page=9, pan_id=1, mac=MAC, lqi=1, pair_id=id_part)
    for event in (Unparsed(raw=line), Register(value=id_part), KeyTable(rows=(id_part,)), pan, pana):
        assert id_part not in f"{event} {event!r}"


def test_event_numbers_are_hex_and_fail_codes_decimal() -> None:
    event, fail = parse_line(f"EVENT 21 {A} 00"), parse_line("FAIL ER10")
    assert isinstance(event, Event)
    assert isinstance(fail, Fail)
    assert event.number == EventNumber.UDP_SENT == 33
    assert fail.code == 10
