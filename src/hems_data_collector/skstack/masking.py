"""The printable, secret-free form of any line, in either direction (skstack-ip §1.3, §4.4, §7 no. 12).

Secret are the password and the Route-B id (SKSETPWD, SKSETRBID and their echoes, cut or glued), the id's last eight
characters (PairID, registers S0A and S0B), link keys, and every PANA payload, which holds the id. The meter's Route B
identification number (C0) is shown with zeros in place of what the maker put there: nobody says whether it is a secret.
A line that no rule knows may be the torn half of any of these: its long words are masked. The caller's own
`credentials.Masker`, which knows the secrets themselves, is a second net behind this one.
"""

from __future__ import annotations

import re
from typing import Final

from hems_data_collector.credentials import MASK
from hems_data_collector.skstack.framing import RXTCP_HEADER, RXUDP_HEADER

PANA_PORT_HEX: Final = b"02CC"
_PANA_HANDLE: Final = b"2"  # SKSENDTO handle whose source port is 02CC as delivered (§2.6)
_ECHONET_HEAD: Final = b"\x10\x81"  # of a frame; the number of entries and the entries follow (echonet-lite-meter §1.1)
_COUNT_AT: Final = 11
_ROUTE_B_NUMBER: Final = 0xC0
_SHOWN_OF_NUMBER: Final = 4  # 00 and the maker's code; what follows is the maker's choice (echonet-lite-meter §6.1)
_MAX_SHOWN: Final = 400  # characters of text of one line

_DATA_KEYWORD: Final = re.compile(rb"ERX(?:UDP|TCP)")
SENDTO_HEADER: Final = re.compile(
    rb"SKSENDTO ([0-9A-Fa-f]) [0-9A-Fa-f:]{2,39} ([0-9A-Fa-f]{4}) [0-9](?: [0-9])? ([0-9A-Fa-f]{4}) "
)
SECRET_WORD: Final = re.compile(r"(?:RBID|PWD|PSK|SETKEY)", re.IGNORECASE)  # ends of SKSETRBID, SKSETPWD, SKSETHPWD, …
_SECRET_FIELD: Final = re.compile(r"(PairID *:|SKSREG S0?[AB] ).*", re.IGNORECASE)
SECRET_ANSWER: Final = re.compile(r"(ESREG )(?:\S{8}|\S{16}) *\Z")  # the widths of S0A and S0B
KNOWN_LINE: Final = re.compile(
    r"(?:OK|FAIL|EVENT|EVER|EAPPVER|EINFO|ESREG|EPONG|ETCP|EPANDESC|EEDSCAN|EADDR|ENEIGHBOR|ENBR|ESEC|EPORT|EHANDLE"
    r"|SK(?:ADDNBR|APPVER|CLOSE|CONNECT|DSLEEP|ERASE|INFO|JOIN|LL64|LOAD|PING|REJOIN|RESET|SAVE|SCAN|SEND|SENDTO"
    r"|SREG|START|TABLE|TCPPORT|TERM|UDPPORT|VER)|[RW]OPT|[RW]UART)(?: |\Z)"
    r"| *(?:Channel|Channel Page|Pan ID|Addr|LQI|Side|PairID) *:"
)
LONG_WORD: Final = re.compile(r"[0-9A-Za-z]{20,}")  # longer than any word of a known line, shorter than an id in hex
SUSPECT_WORD: Final = re.compile(r"(?=[A-Za-z]*[0-9])[0-9A-Za-z]{5,}|[A-Fa-f]{5,}")
_UNPRINTABLE: Final = re.compile(r"[^\x20-\x7e]")


def masked_line(raw: bytes) -> str:
    """`raw` (one line, its end optional) as printable ASCII of bounded length without any secret."""
    if received := _DATA_KEYWORD.search(raw):
        return _masked_text(raw[: received.start()]) + _masked_data_line(raw[received.start() :])
    sent = SENDTO_HEADER.match(raw)
    if sent and len(raw) - sent.end() == int(sent[3], 16):
        elided = sent[2].upper() == PANA_PORT_HEX or sent[1] == _PANA_HANDLE
        return sent[0].decode("ascii") + _data(raw[sent.end() :], elided)
    return _masked_text(raw.rstrip(b"\r\n"))


def _masked_data_line(raw: bytes) -> str:
    header = RXUDP_HEADER.match(raw) or RXTCP_HEADER.match(raw)
    if header is None:
        # Which port it is cannot be told, so it may be PANA.
        return f"{raw[:6].decode('latin-1')} <malformed, {len(raw)} bytes>"
    size, data = int(header[header.lastindex or 0], 16), raw[header.end() :]
    elided = any(group is not None and group.upper() == PANA_PORT_HEX for group in header.groups()[:-1])
    text = header[0].decode("ascii")
    if len(data) in (size, size + 2):
        return text + _data(data[:size], elided)
    digits = data[: 2 * size]
    if len(data) in (2 * size, 2 * size + 2) and re.fullmatch(rb"[0-9A-Fa-f]+", digits):
        return text + _data(bytes.fromhex(digits.decode("ascii")), elided)
    return f"{text}<{len(data)} bytes that do not fit the length>"


def _data(data: bytes, elided: bool) -> str:
    return f"<{len(data)} bytes elided>" if elided else _without_number(data).hex().upper()


def _without_number(data: bytes) -> bytes:
    """A payload with zeros in the Route B identification number, so that it can still be decoded."""
    if not data.startswith(_ECHONET_HEAD) or bytes((_ROUTE_B_NUMBER,)) not in data:
        return data
    shown, at = bytearray(data), _COUNT_AT + 1
    while at + 2 <= len(shown):
        epc, end = shown[at], min(at + 2 + shown[at + 1], len(shown))
        if epc == _ROUTE_B_NUMBER:
            begin = min(at + 2 + _SHOWN_OF_NUMBER, end)
            shown[begin:end] = bytes(end - begin)
        at = end
    return bytes(shown)


def _masked_text(raw: bytes) -> str:
    text = raw.decode("latin-1")
    if found := SECRET_WORD.search(text):
        rest = f" {MASK}" if text[found.end() :].strip() else ""
        return _printable(SUSPECT_WORD.sub(MASK, text[: found.end()])) + rest
    text = _SECRET_FIELD.sub(rf"\g<1>{MASK}", text)
    text = SECRET_ANSWER.sub(rf"\g<1>{MASK}", text)
    return _printable((LONG_WORD if KNOWN_LINE.match(text) else SUSPECT_WORD).sub(MASK, text))


def _printable(text: str) -> str:
    shown = _UNPRINTABLE.sub(lambda found: f"\\x{ord(found[0]):02X}", text[:_MAX_SHOWN])
    return shown if len(text) <= _MAX_SHOWN else f"{shown}… ({len(text)} characters)"
