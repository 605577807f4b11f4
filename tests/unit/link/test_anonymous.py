"""What becomes of a line that is written down: every secret is found by its place, and the known ones everywhere."""

from __future__ import annotations

import pytest

from hems_data_collector.credentials import UNSET_ID, checked_credentials
from hems_data_collector.link.anonymous import Anonymizer
from hems_data_collector.skstack.framing import LineSplitter

ROUTE_B_ID = "0123AB456789CD0011223344DEADBEEF"
PASSWORD = "Kx7Qp2Zt9LmW"
NOBODY = checked_credentials(UNSET_ID, UNSET_ID)
KNOWN = checked_credentials(ROUTE_B_ID, PASSWORD)
METER = b"FE80:0000:0000:0000:021C:6400:0000:0001"
SHOWN = b"FE80:0000:0000:0000:021C:64A0:0000:0001"
STICK = b"FE80:0000:0000:0000:021D:1290:0000:0001"


def received(line: bytes, anonymizer: Anonymizer | None = None) -> bytes:
    splitter = LineSplitter()
    splitter.feed(line + b"\r\n")
    piece = splitter.next_piece(give_up=True)
    assert piece is not None
    shown = (anonymizer or Anonymizer(NOBODY)).received(piece)
    assert len(shown) == len(line), "nothing changes its length"
    return shown


def data_line(payload: bytes, port: bytes = b"0E1A") -> bytes:
    header = b"ERXUDP %b %b %b %b 001C640000000001 1 %04X " % (METER, STICK, port, port, len(payload))
    return header + payload


def payload_of(line: bytes) -> bytes:
    return line[len(data_line(b"")) :]


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        (b"SKSETPWD C Kx7Qp2Zt9LmW", b"SKSETPWD 0 000000000000"),
        (b"SKSETRBID 0123AB456789CD0011223344DEADBEEF", b"SKSETRBID " + b"0" * 32),
        (b"ETRBID 0123AB456789CD0011EVENT 21", b"ETRBID " + b"0" * 23 + b" 00"),
        (b"SKSREG S0A DEADBEEF", b"SKSREG S0A 00000000"),
        (b"ESREG DEADBEEF", b"ESREG 00000000"),
        (b"ESREG 0123456789ABCDEF", b"ESREG " + b"0" * 16),
        (b"ESREG 33", b"ESREG 33"),
        (b"3AB456789CD0011223344DEADBEEF", b"0" * 29),
        (b"Qp2Zt9LmW", b"0" * 9),
        (b"EVENT 33DEADBEEF0123AB456789CD", b"EVENT " + b"0" * 24),
        (b"OK 00", b"OK 00"),
        (b"EVER 1.5.2", b"EVER 1.5.2"),
    ],
)
def test_a_secret_is_found_by_its_place_whoever_it_belongs_to(line: bytes, shown: bytes) -> None:
    assert received(line) == shown
    assert Anonymizer(NOBODY).sent(line + b"\r\n") == shown + b"\r\n"


def test_our_pairing_id_becomes_that_of_no_id_and_anothers_another_one() -> None:
    anonymizer = Anonymizer(KNOWN)
    told = [received(b"  PairID:" + pair, anonymizer) for pair in (b"DEADBEEF", b"deadbeef", b"11112222", b"33334444")]
    assert told == [b"  PairID:00000000", b"  PairID:00000000", b"  PairID:F0000001", b"  PairID:F0000002"]
    assert received(b"  PairID:11112222", anonymizer) == b"  PairID:F0000001"


@pytest.mark.parametrize("secret", [ROUTE_B_ID, PASSWORD, ROUTE_B_ID[-8:]])
def test_a_known_secret_is_found_anywhere_in_every_form(secret: str) -> None:
    forms = [secret, secret.lower(), secret.encode().hex(), secret.encode().hex().upper()]
    for form in forms:
        payload = payload_of(received(data_line(b"\x10\x81\x00\x01xx" + form.encode()), Anonymizer(KNOWN)))
        assert payload == b"\x10\x81\x00\x01xx" + b"0" * len(form)
    as_bytes = bytes.fromhex(ROUTE_B_ID)
    assert as_bytes not in received(data_line(b"\x10\x81\x00\x01xx" + as_bytes), Anonymizer(KNOWN))


@pytest.mark.parametrize("payload", [b"\x00\x28whatever\r\nit is", b"4142434445464748"])
def test_pana_has_no_content(payload: bytes) -> None:
    assert payload_of(received(data_line(payload, b"02CC"))) == bytes(len(payload))


def test_pana_in_hex_has_none_either() -> None:
    line = data_line(b"", b"02CC")[:-5] + b"0004 DEADBEEF"
    assert received(line).endswith(b" 0004 00000000")


def test_addresses_are_made_up_and_the_same_for_the_same() -> None:
    anonymizer = Anonymizer(NOBODY)
    assert received(b"EVENT 21 " + METER + b" 00", anonymizer) == b"EVENT 21 " + SHOWN + b" 00"
    assert received(b"  Addr:001C640000000001", anonymizer) == b"  Addr:001C64A000000001"
    assert received(METER, anonymizer) == SHOWN
    assert anonymizer.sent(b"SKJOIN " + METER + b"\r\n") == b"SKJOIN " + SHOWN + b"\r\n"
    assert received(b"  Addr:001C640000000007", anonymizer) == b"  Addr:001C64A000000002"


def test_the_meters_own_numbers_are_made_up_and_the_rest_of_the_frame_stays() -> None:
    head = b"\x10\x81\x00\x07\x02\x88\x01\x05\xff\x01\x72\x04"
    serial, number = b"A00B123456\0\0", bytes(range(1, 14))
    frame = head + b"\xe7\x04\x00\x00\x02\x58\x8d\x0c%b\x83\x11\xfe\x00\x00\x16%b" % (serial, number)
    frame += b"\xc0\x08\x00\x00\x00\x16secr"
    shown = payload_of(received(data_line(frame)))
    assert shown == (
        head
        + b"\xe7\x04\x00\x00\x02\x58\x8d\x0c000000000001\x83\x11\xfe\x00\x00\x160000000000002"
        + b"\xc0\x08\x00\x00\x00\x16\0\0\0\0"
    )
    kept = payload_of(received(data_line(frame), Anonymizer(NOBODY, keep_identity=True)))
    assert kept == frame.replace(b"secr", bytes(4)), "the Route B identification number is never shown"


def test_data_of_a_command_is_taken_as_data() -> None:
    frame = b"\x10\x81\x00\x07\x05\xff\x01\x02\x88\x01\x62\x01\xe7\x00"
    wire = b"SKSENDTO 1 %b 0E1A 1 %04X " % (METER, len(frame)) + frame
    assert Anonymizer(KNOWN).sent(wire) == wire.replace(METER, SHOWN)


def test_a_text_for_people_has_made_up_numbers_of_the_same_length() -> None:
    anonymizer = Anonymizer(KNOWN)
    text = f"Meter 000016-A00B123456 at {METER.decode()} and fe80::21c:6400:0:1 said {PASSWORD}"
    shown = anonymizer.told(text, ("A00B123456",))
    assert shown == f"Meter 000016-0000000001 at {SHOWN.decode()} and fe80::1 said 000000000000"
    assert anonymizer.told("A00B123456", ("A00B123456",)) == "0000000001"
