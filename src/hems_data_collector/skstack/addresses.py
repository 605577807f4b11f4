"""Address spellings: the module takes and prints only the full 39-character IPv6 form (skstack-ip §1.2, §2.5)."""

from __future__ import annotations

import ipaddress
import re
from typing import Final

_FULL: Final = re.compile(r"(?:[0-9A-Fa-f]{4}:){7}[0-9A-Fa-f]{4}\Z")
_MAC: Final = re.compile(r"[0-9A-Fa-f]{16}\Z")
_LINK_LOCAL_PREFIX: Final = "FE80:0000:0000:0000:"
_LOCAL_BIT: Final = 0x02  # the universal/local bit of the first byte, inverted in the interface identifier


def full_ipv6(text: str) -> str:
    """Any spelling of an IPv6 address as 39 upper-case characters; ValueError for anything else, a zone included."""
    if _FULL.match(text):
        return text.upper()
    if "%" in text:
        raise ValueError(f"an IPv6 address with a zone: {text!r}")
    return ipaddress.IPv6Address(text).exploded.upper()


def link_local_of(mac: str) -> str:
    """The answer of SKLL64: the link-local address of a 64-bit MAC of 16 hex digits; ValueError otherwise."""
    if not _MAC.match(mac):
        raise ValueError(f"a 64-bit MAC has 16 hex digits: {mac!r}")
    digits = f"{int(mac[:2], 16) ^ _LOCAL_BIT:02X}{mac[2:].upper()}"
    return _LINK_LOCAL_PREFIX + ":".join(digits[at : at + 4] for at in range(0, 16, 4))


def mac_of(link_local: str) -> str:
    """The 64-bit MAC (16 upper-case hex digits) inside a link-local address; ValueError for any other address."""
    full = full_ipv6(link_local)
    if not full.startswith(_LINK_LOCAL_PREFIX):
        raise ValueError(f"not a link-local address: {link_local!r}")
    digits = full[len(_LINK_LOCAL_PREFIX) :].replace(":", "")
    return f"{int(digits[:2], 16) ^ _LOCAL_BIT:02X}{digits[2:]}"
