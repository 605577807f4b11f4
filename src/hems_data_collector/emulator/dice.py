"""Randomness that is a pure function of the seed: the same question always gets the same answer.

Nothing in the emulator asks the operating system for chance, so a run can be repeated and a register can be computed
for any moment without keeping a history.
"""

from __future__ import annotations

import math
from typing import Final

_WORD: Final = 0xFFFF_FFFF_FFFF_FFFF


def mix(seed: int, number: int) -> int:
    """64 well-mixed bits for `number` (the splitmix64 finaliser); no state."""
    z = (seed + number * 0x9E37_79B9_7F4A_7C15) & _WORD
    z = ((z ^ (z >> 30)) * 0xBF58_476D_1CE4_E5B9) & _WORD
    z = ((z ^ (z >> 27)) * 0x94D0_49BB_1331_11EB) & _WORD
    return z ^ (z >> 31)


class Dice:
    """Named streams of draws: each name counts for itself, so one kind of event does not disturb another."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._drawn: dict[str, int] = {}

    def fraction(self, stream: str) -> float:
        """The next draw of `stream`, 0 <= x < 1."""
        drawn = self._drawn.get(stream, 0)
        self._drawn[stream] = drawn + 1
        salt = int.from_bytes(stream.encode(), "big")
        return mix(mix(self._seed, salt & _WORD) ^ (salt >> 64), drawn) / (_WORD + 1)

    def between(self, stream: str, low: float, high: float) -> float:
        """A draw spread evenly over `low` to `high`."""
        return low + (high - low) * self.fraction(stream)

    def peaked(self, stream: str, low: float, middle: float, high: float) -> float:
        """A draw from a triangle with its peak at `middle`: how measured latencies look."""
        x = self.fraction(stream)
        bend = (middle - low) / (high - low)
        if x < bend:
            return low + math.sqrt(x * (high - low) * (middle - low))
        return high - math.sqrt((1 - x) * (high - low) * (high - middle))

    def strikes(self, stream: str, probability: float) -> bool:
        """Whether something of this probability happens now."""
        return self.fraction(stream) < probability
