"""How long to wait before the next try, in one place. PURE."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from random import Random
from typing import Final

from hems_data_collector import errors

CEILING_S: Final = 300.0  # no failure is left alone for longer than five minutes
JITTER: Final = 0.2  # so that many collectors behind one mast do not try in step


@dataclass(frozen=True, slots=True, kw_only=True)
class Waits:
    """Seconds before the first and before later tries; each doubles until the ceiling."""

    first_s: float
    ceiling_s: float = CEILING_S

    def before(self, attempt: int, rng: Random) -> float:
        """Seconds to wait before try number `attempt` + 1 (0 = after the first failure)."""
        base = min(self.ceiling_s, self.first_s * 2.0 ** min(attempt, 20))
        return base * (1 + rng.uniform(-JITTER, JITTER))


WAITS: Final[Mapping[type[errors.HemsError], Waits]] = {
    errors.PortNotFound: Waits(
        first_s=1.0, ceiling_s=4.0
    ),  # looking costs nothing, and a replug should be seen at once
    errors.PortLost: Waits(first_s=0.5, ceiling_s=4.0),
    errors.PortBusy: Waits(first_s=5.0, ceiling_s=60.0),
    errors.PortDenied: Waits(first_s=5.0, ceiling_s=60.0),
    errors.PortError: Waits(first_s=5.0, ceiling_s=60.0),
    errors.ModemError: Waits(first_s=2.0),
    errors.MeterNotFound: Waits(first_s=60.0),  # skstack-ip §7 row 4
    errors.JoinRefused: Waits(first_s=60.0),  # skstack-ip §7 row 3: never loop tightly
    errors.SessionLost: Waits(first_s=0.5),
    errors.HemsError: Waits(first_s=5.0),
}

AFTER_OWN_TERM_S: Final = 10.0  # a meter refuses a join for about 10 s after SKTERM (skstack-ip §4.1 step 13)
OWN_TERM_WINDOW_S: Final = 15.0


def waits_for(error: errors.HemsError) -> Waits:
    """The row for the nearest class of `error`."""
    for kind in type(error).__mro__:
        if kind in WAITS:
            return WAITS[kind]
    return WAITS[errors.HemsError]
