"""One line to one event, by keyword and by the widths of its fields, whatever dialect was expected (skstack-ip §3).

Addresses may come in any valid IPv6 spelling; everything else has exactly the width of the specification.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Final

from hems_data_collector.errors import LineError
from hems_data_collector.skstack.addresses import full_ipv6
from hems_data_collector.skstack.events import (
    Address,
    AppVersion,
    Event,
    EventNumber,
    Fail,
    Info,
    LineEvent,
    Ok,
    Pong,
    Register,
    RxTcp,
    RxUdp,
    Tcp,
    Version,
)
from hems_data_collector.skstack.framing import DataLine

ADDRESS: Final = r"([0-9A-Fa-f]{0,4}:[0-9A-Fa-f:]{1,37})"
_HEX2: Final = r"([0-9A-Fa-f]{2})"
_HEX4: Final = r"([0-9A-Fa-f]{4})"
_HEX16: Final = r"([0-9A-Fa-f]{16})"

_EVENT: Final = re.compile(rf"EVENT {_HEX2}(?: {ADDRESS}(?: ([0-9]))?(?: {_HEX2})?)?")
_FAIL: Final = re.compile(r"FAIL(?: (?:ER([0-9]{2})(?: (.*))?|(.*)))?")
_EINFO: Final = re.compile(rf"EINFO {ADDRESS} {_HEX16} {_HEX2} {_HEX4} (?:([0-9])|{_HEX4})")
_EPONG: Final = re.compile(rf"EPONG {ADDRESS}(?: ([0-9]))?")
_ETCP: Final = re.compile(rf"ETCP ([0-9A-Fa-f]{{1,2}}) ([0-9A-Fa-f]{{1,2}})(?: {ADDRESS} {_HEX4} {_HEX4})?")
_BARE_ADDRESS: Final = re.compile(ADDRESS)
_GLUED: Final = re.compile(r"(?:EVENT|EPONG|ETCP) |(?:EPANDESC|EEDSCAN)\Z")
"""Asynchronous lines that a cut or partial echo can stand before (§1.3)."""


def address(text: str) -> str:
    """`text` in the full form; LineError when it is no IPv6 address."""
    try:
        return full_ipv6(text)
    except ValueError as error:
        raise LineError(f"not an IPv6 address: {text!r}", text.encode("latin-1")) from error


def parse_line(text: str) -> LineEvent:
    """The event of a whole line without its end; LineError when no rule fits."""
    text = text.rstrip(" ")
    parser = _PARSERS.get(text.split(" ", 1)[0])
    if parser is not None:
        return parser(text)
    return Address(address=address(_matched(_BARE_ADDRESS, text)[1]))


def glued_line(text: str) -> tuple[str, str] | None:
    """Split a line whose event stands behind something else: (what stood before, the line itself)."""
    found = _GLUED.search(text, 1)
    return (text[: found.start()], text[found.start() :]) if found else None


def parse_data(line: DataLine) -> LineEvent:
    """The event of a line with data; LineError when an address in it is none."""
    fields = [None if field is None else field.decode("ascii") for field in line.fields]
    if line.tcp:
        sender, remote, local, _ = (field or "" for field in fields)
        return RxTcp(
            sender=address(sender), remote_port=int(remote, 16), local_port=int(local, 16), payload=line.payload
        )
    sender, destination, remote, local, mac, lqi, secured, side, _ = (field or "" for field in fields)
    return RxUdp(
        sender=address(sender),
        destination=address(destination),
        remote_port=int(remote, 16),
        local_port=int(local, 16),
        sender_mac=mac.upper(),
        lqi=_hex_or_none(lqi),
        secured=secured == "1",
        side=_hex_or_none(side),
        payload=line.payload,
    )


def _matched(pattern: re.Pattern[str], text: str) -> re.Match[str]:
    found = pattern.fullmatch(text)
    if found is None:
        raise LineError("no rule fits this line", text.encode("latin-1"))
    return found


def _hex_or_none(text: str | None) -> int | None:
    return int(text, 16) if text else None


def _ok(text: str) -> Ok:
    return Ok(text=text[3:])


def _fail(text: str) -> Fail:
    code, behind, other = _matched(_FAIL, text).groups()
    return Fail(code=None if code is None else int(code), text=behind or other or "")


def _event(text: str) -> Event:
    number, where, side, parameter = _matched(_EVENT, text).groups()
    if where is None and int(number, 16) != EventNumber.WAKE_UP:
        raise LineError("an EVENT without its address", text.encode("latin-1"))
    return Event(
        number=int(number, 16),
        address=None if where is None else address(where),
        side=_hex_or_none(side),
        parameter=_hex_or_none(parameter),
    )


def _info(text: str) -> Info:
    own, mac, channel, pan_id, side, short = _matched(_EINFO, text).groups()
    return Info(
        address=address(own),
        mac=mac.upper(),
        channel=int(channel, 16),
        pan_id=int(pan_id, 16),
        side=_hex_or_none(side),
        short_address=_hex_or_none(short),
    )


def _pong(text: str) -> Pong:
    where, side = _matched(_EPONG, text).groups()
    return Pong(address=address(where), side=_hex_or_none(side))


def _tcp(text: str) -> Tcp:
    status, handle, where, remote, local = _matched(_ETCP, text).groups()
    return Tcp(
        status=int(status, 16),
        handle=int(handle, 16),
        address=None if where is None else address(where),
        remote_port=_hex_or_none(remote),
        local_port=_hex_or_none(local),
    )


def _value(text: str) -> str:
    """The single word behind the keyword."""
    words = text.split(" ")
    if len(words) != 2 or not words[1].isascii() or not words[1].isprintable():
        raise LineError("one value was expected", text.encode("latin-1"))
    return words[1]


_PARSERS: Final[Mapping[str, Callable[[str], LineEvent]]] = {
    "OK": _ok,
    "FAIL": _fail,
    "EVENT": _event,
    "EVER": lambda text: Version(text=_value(text)),
    "EAPPVER": lambda text: AppVersion(text=_value(text)),
    "ESREG": lambda text: Register(value=_value(text)),
    "EINFO": _info,
    "EPONG": _pong,
    "ETCP": _tcp,
}
