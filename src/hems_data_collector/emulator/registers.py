"""The virtual registers of the module (skstack-ip §2.2)."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

_HEX: Final = re.compile(r"[0-9A-Fa-f]+\Z")
CHANNEL_MIN, CHANNEL_MAX = 0x21, 0x3C
LIFETIME_MIN_S: Final = 0x3C
"""S16: 60 seconds, by two of three sources."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RegisterSpec:
    """One register: how wide it is printed, what it holds at first, what may be written."""

    width: int
    default: str
    accepts: Callable[[str], bool] = lambda text: False
    """Whether a text may be written; the default makes it read-only."""
    is_text: bool = False
    """Characters, not a number: printed as they were written."""
    dual_only: bool = False
    single_only: bool = False


def _number(width: int, low: int, high: int) -> Callable[[str], bool]:
    def accepts(text: str) -> bool:
        return len(text) <= width and bool(_HEX.match(text)) and low <= int(text, 16) <= high

    return accepts


def _digits(width: int) -> Callable[[str], bool]:
    return _number(width, 0, 16**width - 1)


def _pairing_id(text: str) -> bool:
    return len(text) == 8 and text.isascii() and text.isprintable()


_ON_OFF = _number(1, 0, 1)


def _switch(default: str, *, dual_only: bool = False, single_only: bool = False) -> RegisterSpec:
    return RegisterSpec(width=1, default=default, accepts=_ON_OFF, dual_only=dual_only, single_only=single_only)


REGISTERS: Final[Mapping[str, RegisterSpec]] = {
    "S01": RegisterSpec(width=16, default="", accepts=lambda text: len(text) == 16 and bool(_HEX.match(text))),
    "S02": RegisterSpec(width=2, default="21", accepts=_number(2, CHANNEL_MIN, CHANNEL_MAX)),
    "S03": RegisterSpec(width=4, default="FFFF", accepts=_digits(4)),
    "S07": RegisterSpec(width=8, default="0"),
    "S0A": RegisterSpec(width=8, default="", accepts=_pairing_id, is_text=True),
    "S0B": RegisterSpec(width=16, default="0", accepts=_digits(16), dual_only=True),
    "S15": _switch("0"),
    "S16": RegisterSpec(width=8, default="15180", accepts=_number(8, LIFETIME_MIN_S, 0xFFFF_FFFF)),
    "S17": _switch("1"),
    "S1C": RegisterSpec(width=8, default="0", accepts=_digits(8), dual_only=True),
    "S1D": RegisterSpec(width=8, default="0", accepts=_digits(8), dual_only=True),
    "S1E": _switch("0", dual_only=True),
    "S1F": RegisterSpec(width=16, default="0", accepts=_digits(16), dual_only=True),
    "SA0": _switch("0", single_only=True),
    "SA1": _switch("1"),
    "SA2": RegisterSpec(width=1, default="0", accepts=_number(1, 0, 4)),
    "SA9": _switch("1", dual_only=True),
    "SF0": _switch("0", dual_only=True),
    "SFB": RegisterSpec(width=1, default="0"),
    "SFD": RegisterSpec(width=16, default="0"),
    "SFE": _switch("1"),
    "SFF": _switch("0"),
}
"""Every register that one of the modules has. S01, S07, SFB and SFD are answered from the module's state."""


class Registers:
    """The values of one module; which registers exist depends on the dialect."""

    def __init__(self, *, has_side: bool) -> None:
        self._specs = {
            name: spec for name, spec in REGISTERS.items() if not (spec.single_only if has_side else spec.dual_only)
        }
        self.values: dict[str, str] = {}
        self.reset()

    def reset(self) -> None:
        """Everything as delivered."""
        self.values = {name: spec.default for name, spec in self._specs.items()}

    def flag(self, name: str) -> bool:
        """Whether a switch is on; False where the module has no such register."""
        return self.values.get(name, "0") != "0"

    def number(self, name: str) -> int:
        """A value as a number."""
        return int(self.values[name], 16)

    def shown(self, name: str) -> str | None:
        """The value as SKSREG prints it; None for an unknown register."""
        spec = self._specs.get(name)
        if spec is None:
            return None
        value = self.values[name]
        return (value if spec.is_text else value.upper()).rjust(spec.width, "0")

    def write(self, name: str, text: str) -> bool:
        """Store a value; False for an unknown or read-only register or a bad value."""
        spec = self._specs.get(name)
        if spec is None or not spec.accepts(text):
            return False
        self.values[name] = text
        return True


def register_name(text: str) -> str:
    """`S2` and `S02` are the same register."""
    return f"S{text[1:].upper():0>2}"
