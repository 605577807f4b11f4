"""Energy arithmetic: exact kilowatt hours, roll-over, plausibility (echonet-lite-meter §5.3, §10.2)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from types import MappingProxyType
from typing import Final

UNIT_EXPONENTS: Final[Mapping[int, int]] = MappingProxyType(
    {0x00: 0, 0x01: -1, 0x02: -2, 0x03: -3, 0x04: -4, 0x0A: 1, 0x0B: 2, 0x0C: 3, 0x0D: 4}
)
"""Code of E1 to the power of ten of one count in kWh; other codes are undefined (echonet-lite-meter §5.3)."""

COEFFICIENT_MAX: Final = 999_999
"""Greatest D3 (echonet-lite-meter §5.3)."""
DIGITS_MAX: Final = 8
"""Greatest D7 (echonet-lite-meter §6.1)."""
POWER_LIMIT_KW: Final = 60
"""More than a low-voltage supply carries; a difference beyond it is no roll-over (echonet-lite-meter §10.2)."""

_SECONDS_PER_HOUR = 3600


@dataclass(frozen=True, slots=True, kw_only=True)
class EnergyUnit:
    """E1: its code, and the power of ten that one count is worth in kWh."""

    code: int
    exponent: int


@dataclass(frozen=True, slots=True, kw_only=True)
class EnergyScale:
    """What one count of a register is worth: `coefficient` (D3, 1 where the meter has none) x 10^`exponent` kWh (E1).

    Raises ValueError for a coefficient outside 1-999999 or an exponent that no E1 has.
    """

    exponent: int
    coefficient: int = 1

    def __post_init__(self) -> None:
        if not 1 <= self.coefficient <= COEFFICIENT_MAX:
            raise ValueError(f"Coefficient {self.coefficient} is outside 1 to {COEFFICIENT_MAX}.")
        if not -4 <= self.exponent <= 4:
            raise ValueError(f"Exponent {self.exponent} is outside -4 to 4.")

    def kwh(self, raw: int) -> Decimal:
        """Exact kilowatt hours of a register or a difference; `str()` of the result has no exponent."""
        count = raw * self.coefficient
        # From text, because arithmetic would round to the precision of the caller's decimal context.
        return Decimal(f"{count}E{self.exponent}") if self.exponent < 0 else Decimal(count * 10**self.exponent)


def register_delta(old: int, new: int, digits: int) -> int:
    """Counts from `old` to `new` on a register of `digits` digits (D7): modulo 10^D7 (echonet-lite-meter §10.2).

    Raises ValueError for digits outside 1-8.
    """
    if not 1 <= digits <= DIGITS_MAX:
        raise ValueError(f"{digits} digits are outside 1 to {DIGITS_MAX}.")
    return (new - old) % int(10**digits)


def plausible_delta(delta_kwh: Decimal, elapsed_s: float) -> bool:
    """Whether a low-voltage supply can move `delta_kwh` in `elapsed_s` seconds (echonet-lite-meter §10.2)."""
    return delta_kwh >= 0 and delta_kwh * _SECONDS_PER_HOUR <= POWER_LIMIT_KW * Decimal(elapsed_s)
