"""What a link quality means, in bars and in a word for its owner (skstack-ip §3.3). PURE.

The modem hears down to about -103 dBm. Each step of the scale is what walls, rain and a car in front of the meter take
away: with less than 15 dB to spare, requests are lost now and then.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from hems_data_collector.language import N_
from hems_data_collector.skstack import rssi_dbm

BARS: Final = 5
"""As many as the best signal has."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Quality:
    """One step of the scale."""

    least_dbm: float
    bars: int
    word: str
    """To be translated where it is shown."""
    weak: bool = False
    """Readings will be missing now and then: worth doing something about."""


SCALE: Final = (
    Quality(least_dbm=-60.0, bars=5, word=N_("excellent")),
    Quality(least_dbm=-70.0, bars=4, word=N_("good")),
    Quality(least_dbm=-80.0, bars=3, word=N_("sufficient")),
    Quality(least_dbm=-88.0, bars=2, word=N_("barely sufficient")),
    Quality(least_dbm=float("-inf"), bars=1, word=N_("weak"), weak=True),
)
"""From the best on."""


def quality_of(lqi: int) -> Quality:
    """The step on which a link quality of 0 to 255 stands."""
    level = rssi_dbm(lqi)
    return next(step for step in SCALE if level >= step.least_dbm)
