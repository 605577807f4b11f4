"""Lines of the wire without secrets, and without who the meter is, so that they can be played again (docs/cli.md).

What is replaced keeps its length and its form, and the same becomes the same: the B-route id, the password and the
pairing id become zeros, each radio address, serial number and node number a made-up one of its own. PANA payloads,
which hold the id, become zero bytes (skstack-ip §4.4). A line that no rule knows may be the torn half of a secret: its
words become zeros.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Final

from hems_data_collector.credentials import Credentials
from hems_data_collector.skstack import link_local_of, mac_of
from hems_data_collector.skstack.framing import RXTCP_HEADER, RXUDP_HEADER, DataLine, Piece
from hems_data_collector.skstack.masking import (
    KNOWN_LINE,
    LONG_WORD,
    PANA_PORT_HEX,
    SECRET_ANSWER,
    SECRET_WORD,
    SENDTO_HEADER,
    SUSPECT_WORD,
)

MIN_KNOWN: Final = 4  # replacing shorter ones everywhere would spoil ordinary text; by their place they are anyway

_PAIR_ID: Final = re.compile(r"(PairID *:)([0-9A-Fa-f]{8})", re.IGNORECASE)
_PAIR_REGISTER: Final = re.compile(r"(SKSREG S0?[AB] )(\S+)", re.IGNORECASE)
_MAC: Final = re.compile(r"(?<![0-9A-Fa-f])[0-9A-Fa-f]{16}(?![0-9A-Fa-f])")
_IPV6: Final = re.compile(r"FE80(?::[0-9A-Fa-f]{4}){7}", re.IGNORECASE)
_SHORT_IPV6: Final = re.compile(r"fe80::[0-9a-f:]+", re.IGNORECASE)  # as a network has it, not the modem
_MADE_UP_IPV6: Final = "fe80::1"
_MAKER_DIGITS: Final = 6  # of a MAC address: who made the radio may help, and is nobody in particular
_ECHONET_HEAD: Final = b"\x10\x81"
_PROPERTIES_AT: Final = 12  # behind header, TID, two objects, ESV and the number of properties
_NODE_NUMBER, _SERIAL, _ROUTE_B_NUMBER = 0x83, 0x8D, 0xC0
_SHOWN: Final = {_NODE_NUMBER: 4, _SERIAL: 0, _ROUTE_B_NUMBER: 4}
"""Bytes of these that name form and maker only; what follows is one meter's own (echonet-lite-meter §6.1, §6.2)."""


class Anonymizer:
    """Replaces secrets of `credentials` and of any line that is known to hold one; identities unless they are kept."""

    def __init__(self, credentials: Credentials, *, keep_identity: bool = False) -> None:
        texts = [secret.reveal() for secret in credentials.secrets()]
        forms = {form for text in texts if len(text) >= MIN_KNOWN for form in _forms(text)}
        ordered = sorted(forms, key=len, reverse=True)  # the id before its own last eight characters
        self._secrets = re.compile(b"|".join(map(re.escape, ordered)), re.IGNORECASE) if ordered else None
        self._own_pair = credentials.pair_id.reveal().upper()
        self._keep_identity = keep_identity
        self._made_up: dict[tuple[str, str], int] = {}
        self._serials: dict[bytes, bytes] = {}

    def received(self, piece: Piece) -> bytes:
        """A line of the modem, without its end."""
        header = RXUDP_HEADER.search(piece.raw) or RXTCP_HEADER.search(piece.raw)
        if not isinstance(piece, DataLine) or header is None:
            return self._text(piece.raw)
        ports = [group.upper() for group in header.groups()[:-1] if group is not None and len(group) == 4]
        payload = self._payload(piece.payload, is_pana=PANA_PORT_HEX in ports)
        in_hex = len(piece.raw) - header.end() != len(piece.payload)
        before, rest = piece.raw[: header.start()], piece.raw[header.start() : header.end()]
        return self._text(before) + self._named(rest) + (payload.hex().upper().encode() if in_hex else payload)

    def sent(self, wire: bytes) -> bytes:
        """A command as it is written, with its end and its data."""
        header = SENDTO_HEADER.match(wire)
        if header is not None:
            is_pana = header[2].upper() == PANA_PORT_HEX
            return self._named(header[0]) + self._payload(wire[header.end() :], is_pana=is_pana)
        text = wire.rstrip(b"\r\n")
        return self._text(text) + wire[len(text) :]

    def told(self, text: str, private: Iterable[str] = ()) -> str:
        """A text for people; each of `private` (a serial number, the name of a node) becomes a made-up one too."""
        raw = text.encode("utf-8", "replace")
        for each in sorted(private, key=len, reverse=True):
            if len(each) >= MIN_KNOWN and ":" not in each:  # an address has a form of its own
                raw = raw.replace(each.encode(), self._number(each.encode()))
        shown = self._named(raw).decode("utf-8", "replace")
        return _SHORT_IPV6.sub(_MADE_UP_IPV6, shown)

    # --- text ----------------------------------------------------------------------------------------------------

    def _text(self, raw: bytes) -> bytes:
        text = raw.decode("latin-1")
        if found := SECRET_WORD.search(text):
            before = SUSPECT_WORD.sub(_zeros, text[: found.end()])
            return (before + re.sub(r"\S", "0", text[found.end() :])).encode("latin-1")
        text = _PAIR_ID.sub(lambda pair: pair[1] + self._pair(pair[2]), text)
        text = _PAIR_REGISTER.sub(lambda field: field[1] + "0" * len(field[2]), text)
        text = SECRET_ANSWER.sub(lambda field: field[1] + "0" * (len(field[0]) - len(field[1])), text)
        is_known = KNOWN_LINE.match(text) is not None or _IPV6.fullmatch(text.strip()) is not None
        shown = self._named(text.encode("latin-1")).decode("latin-1")
        return (LONG_WORD if is_known else SUSPECT_WORD).sub(_zeros, shown).encode("latin-1")

    def _pair(self, pair_id: str) -> str:
        """Zeros for our own, which is what no id at all ends in; another household's is another one."""
        return "0" * len(pair_id) if pair_id.upper() == self._own_pair else self._invent("pair", pair_id, 0xF0000000)

    def _named(self, raw: bytes) -> bytes:
        """Without the secrets that are known, and with made-up radio addresses."""
        raw = self._without_secrets(raw)
        if self._keep_identity:
            return raw
        text = _IPV6.sub(lambda found: link_local_of(self._mac(mac_of(found[0]))), raw.decode("latin-1"))
        return _MAC.sub(lambda found: self._mac(found[0]), text).encode("latin-1")

    def _mac(self, mac: str) -> str:
        if not mac.strip("0"):  # it has been replaced already
            return mac
        return mac[:_MAKER_DIGITS].upper() + self._invent("mac", mac, 0xA000000000)

    def _invent(self, kind: str, real: str, base: int) -> str:
        """The made-up digits for `real`, always the same for the same."""
        number = self._made_up.setdefault((kind, real.upper()), len(self._made_up) + 1)
        return f"{base + number:X}"

    # --- payloads ------------------------------------------------------------------------------------------------

    def _payload(self, data: bytes, *, is_pana: bool) -> bytes:
        if is_pana:
            return bytes(len(data))
        shown, at = bytearray(data), _PROPERTIES_AT
        while data.startswith(_ECHONET_HEAD) and at + 2 <= len(shown):
            epc, end = shown[at], min(at + 2 + shown[at + 1], len(shown))
            begin = min(at + 2 + _SHOWN.get(epc, 0), end)
            if epc == _ROUTE_B_NUMBER:
                shown[begin:end] = bytes(end - begin)
            elif epc in _SHOWN and not self._keep_identity:
                shown[begin:end] = self._number(bytes(shown[begin:end]))
            at = end
        return self._without_secrets(bytes(shown))

    def _number(self, real: bytes) -> bytes:
        """A made-up serial or node number of the same length, always the same for the same."""
        if real.strip(b"\0 ") and real not in self._serials:
            digits = len(real)
            self._serials[real] = f"{len(self._serials) + 1:0{digits}d}"[-digits:].encode()
        return self._serials.get(real, real)

    def _without_secrets(self, raw: bytes) -> bytes:
        return raw if self._secrets is None else self._secrets.sub(lambda found: _zeros_for(found[0]), raw)


def _forms(text: str) -> set[bytes]:
    """As it stands, in hex, and as the bytes that it may itself be the hex of."""
    forms = {text.encode(), text.encode().hex().encode()}
    if len(text) >= 2 * MIN_KNOWN and re.fullmatch(r"(?:[0-9A-Fa-f]{2})+", text):
        forms.add(bytes.fromhex(text))
    return forms


def _zeros_for(secret: bytes) -> bytes:
    return b"0" * len(secret) if secret.isalnum() else bytes(len(secret))


_zeros: Final[Callable[[re.Match[str]], str]] = lambda found: "0" * len(found[0])  # noqa: E731  # for `sub`
