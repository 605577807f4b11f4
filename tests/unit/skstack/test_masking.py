"""No line in either direction shows a secret, whole, torn or glued; every other line can be read."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from hems_data_collector.skstack import masked_line
from support import transcripts

RBID = "00112233445566778899AABBCCDDEEFF"
PASSWORD = "0123456789AB"
SECRETS = (RBID, PASSWORD, RBID.encode().hex().upper(), PASSWORD.encode().hex().upper(), "CCDDEEFF", "AABBCCDD")
A = "FE80:0000:0000:0000:021D:1290:1234:5678"
HEAD = f"ERXUDP {A} {A} "
PANA = bytes.fromhex("00000068") + b"\x2f\x00SM" + RBID.encode()


@pytest.mark.parametrize(
    ("raw", "masked"),
    [
        (b"SKSETPWD C 0123456789AB\r\n", "SKSETPWD ****"),
        (b"SKSETRBID 00112233445566778899AABBCCDDEEFF\r\n", "SKSETRBID ****"),
        (b"SKSETRBID 0011", "SKSETRBID ****"),
        (b"SKSETPWD", "SKSETPWD"),
        (b"TPWD C 01234", "TPWD ****"),
        (b"xSKSETPWD C abcEVENT 21 FE80::1 00", "xSKSETPWD ****"),
        (b"sksetpwd C 0123456789AB", "sksetpwd ****"),
        (b"SKSETPSK 00112233", "SKSETPSK ****"),
        (b"SKSETHPWD C 0123456789AB", "SKSETHPWD ****"),
        (b"SKSETKEY 1 0011", "SKSETKEY ****"),
        (b"SKSREG S0A CCDDEEFF\r\n", "SKSREG S0A ****"),
        (b"SKSREG SA CCDDEEFF\r\n", "SKSREG SA ****"),
        (b"SKSREG S0B 4343444445454646\r\n", "SKSREG S0B ****"),
        (b"SKSREG SA2 1\r\n", "SKSREG SA2 1"),
        (b"SKSREG S0A\r\n", "SKSREG S0A"),
        (b"ESREG CCDDEEFF\r\n", "ESREG ****"),
        (b"ESREG 4343444445454646", "ESREG ****"),
        (b"ESREG 8888", "ESREG 8888"),
        (b"  PairID:CCDDEEFF\r\n", "  PairID:****"),
        (b"PairID:CC", "PairID:****"),
        (b"OK\r\n", "OK"),
        (b"OK 00\r", "OK 00"),
        (b"FAIL ER04", "FAIL ER04"),
        (f"EVENT 21 {A} 0 00".encode(), f"EVENT 21 {A} 0 00"),
        (f"EINFO {A} 001D129012345678 21 8888 FFFE".encode(), f"EINFO {A} 001D129012345678 21 8888 FFFE"),
        (b"  Addr:001D129012345678", "  Addr:001D129012345678"),
        (b"21 04 22 04 23 03", "21 04 22 04 23 03"),
        (A.encode(), A),
        (b"hello \x00\xff", "hello \\x00\\xFF"),
        (b"", ""),
    ],
)
def test_a_line_is_shown_like_this(raw: bytes, masked: str) -> None:
    assert masked_line(raw) == masked


@pytest.mark.parametrize("end", [b"", b"\r\n"])
@pytest.mark.parametrize("side", ["", "0 ", "50 "])
@pytest.mark.parametrize("payload", [PANA, PANA.hex().upper().encode()], ids=["binary", "hex"])
@pytest.mark.parametrize("ports", ["02CC 02CC", "0E1A 02CC", "02cc 0E1A"])
def test_a_pana_payload_is_never_shown(ports: str, payload: bytes, side: str, end: bytes) -> None:
    front, behind = ("50 ", "") if side == "50 " else ("", side)
    header = f"{HEAD}{ports} 001D129012345678 {front}0 {behind}{len(PANA):04X} "
    assert masked_line(header.encode() + payload + end) == f"{header}<{len(PANA)} bytes elided>"


def test_an_echonet_lite_payload_is_shown_in_hex_whatever_the_mode() -> None:
    header = HEAD + "0E1A 0E1A 001D129012345678 1 0004 "
    assert masked_line(header.encode() + b"\x10\x81\r\n") == header + "10810D0A"
    assert masked_line(header.encode() + b"\x10\x81\r\n\r\n") == header + "10810D0A"
    assert masked_line(header.encode() + b"10810d0a\r\n") == header + "10810D0A"


G73 = "1081001F02880105FF0172{count}C01000000016{free}"
"""The Route B identification number, alone or among others."""


@pytest.mark.parametrize("mode", [bytes.fromhex, str.encode], ids=["binary", "hex"])
@pytest.mark.parametrize(("count", "before", "behind"), [("01", "", ""), ("03", "E10101", "D70106")])
def test_the_number_that_may_be_a_secret_is_shown_with_zeros(
    mode: Callable[[str], bytes], count: str, before: str, behind: str
) -> None:
    text = G73.format(count=count, free="3132333435363738393A3B3C").replace("C010", before + "C010") + behind
    header = f"{HEAD}0E1A 0E1A 001D129012345678 1 {len(text) // 2:04X} "
    shown = text.replace("3132333435363738393A3B3C", "0" * 24)
    assert masked_line(header.encode() + mode(text) + b"\r\n") == header + shown


@pytest.mark.parametrize(
    "payload", ["108100", "1081C0", "1081001F02880105FF017201C0", "1081001F02880105FF017201C01000"]
)
def test_a_cut_payload_is_shown_as_far_as_it_goes(payload: str) -> None:
    header = f"{HEAD}0E1A 0E1A 001D129012345678 1 {len(payload) // 2:04X} "
    assert masked_line((header + payload).encode()) == header + payload


@pytest.mark.parametrize(
    "raw",
    [
        HEAD.encode() + b"02CC 02CC 001D129012345678 0 0069 " + PANA,
        HEAD.encode() + b"02CC 02CC 001D129012345678 0 0068 " + PANA[1:].hex().encode(),
        HEAD.encode() + b"02CC 02CC 001D12901234 0 0068 " + PANA,
        HEAD.encode() + b"2CC 02CC 001D129012345678 0 0068 " + PANA.hex().upper().encode(),
        b"ERXUDP " + PANA,
        b"ERXUDP FE80:" + RBID.encode(),
        b"ERXTCP " + RBID.encode(),
    ],
)
def test_a_malformed_datagram_shows_no_payload(raw: bytes) -> None:
    masked = masked_line(raw)
    assert "bytes" in masked
    for secret in (RBID[:6], RBID[-6:], RBID.encode().hex().upper()[:8], RBID.encode().hex()[-8:]):
        assert secret not in masked


def test_a_datagram_to_the_pana_port_is_not_shown_either() -> None:
    for header in (f"SKSENDTO 1 {A} 02CC 0 0 ", f"SKSENDTO 2 {A} 0E1A 1 "):
        text = f"{header}{len(PANA):04X} "
        assert masked_line(text.encode() + PANA) == f"{text}<{len(PANA)} bytes elided>"


def test_a_sent_datagram_is_shown_in_hex_and_its_echo_as_it_is() -> None:
    header = f"SKSENDTO 1 {A} 0E1A 1 0 0004 "
    assert masked_line(header.encode() + b"\x10\x81\r\n") == header + "10810D0A"
    assert masked_line(header.encode() + b"\r\n") == header
    assert masked_line(b"SKSENDTO" + HEAD.encode()) == f"SKSENDTOERXUDP <malformed, {len(HEAD)} bytes>"


@pytest.mark.parametrize("secret", [RBID, PANA[4:].hex().upper(), PANA.decode("latin-1"), PASSWORD])
def test_a_torn_half_of_a_secret_shows_at_most_four_characters(secret: str) -> None:
    for start in range(len(secret)):
        for glue in ("", " ", "  ", "\x00"):
            masked = masked_line((glue + secret[start:]).encode("latin-1"))
            assert not [at for at in range(len(RBID) - 4) if RBID[at : at + 5] in masked]
            assert not [at for at in range(len(PASSWORD) - 4) if PASSWORD[at : at + 5] in masked]


def test_a_long_line_is_cut() -> None:
    masked = masked_line(b"a " * 5000)
    assert len(masked) < 450
    assert masked.endswith("(10000 characters)")


@pytest.mark.parametrize("name", [name for name in transcripts.names() if name not in {"G54", "G55", "G81"}])
def test_no_transcript_shows_a_secret(name: str) -> None:
    """G54 and G55 carry the digits of the password as ordinary data; G81 has a pairing id of its own."""
    transcript = transcripts.load(name)
    lines = [line for data in transcript.sent for line in (data,)] + transcript.received.split(b"\r\n")
    shown = "\n".join(map(masked_line, lines))
    assert not [secret for secret in SECRETS if secret in shown]
    assert shown.isascii()


def test_every_byte_becomes_printable() -> None:
    assert masked_line(bytes(range(256))).isprintable()
