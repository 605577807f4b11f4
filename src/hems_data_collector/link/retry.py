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
    errors.ModemUnsupported: Waits(first_s=60.0),  # it will not change by itself
    errors.ModemError: Waits(first_s=1.0),
    errors.MeterNotFound: Waits(first_s=60.0),  # skstack-ip §7 row 4
    errors.JoinRefused: Waits(first_s=60.0),  # skstack-ip §7 row 3: never loop tightly
    errors.SessionLost: Waits(first_s=0.5),
    errors.MeterError: Waits(first_s=5.0, ceiling_s=60.0),  # the timers of the requests are waits of their own
    errors.HemsError: Waits(first_s=5.0),
}

AFTER_OWN_TERM_S: Final = 10.0  # a meter refuses a join for about 10 s after SKTERM (skstack-ip §4.1 step 13)
OWN_TERM_WINDOW_S: Final = 15.0
SETTLED_S: Final = 120.0  # longer than it takes to find a new session silent: it works, and failures are of the past


def row_for(error: errors.HemsError) -> type[errors.HemsError]:
    """The nearest class of `error` that has a row."""
    return next(kind for kind in type(error).__mro__ if kind in WAITS)


def waits_for(error: errors.HemsError) -> Waits:
    """The row for the nearest class of `error`."""
    return WAITS[row_for(error)]


class Retries:
    """The failures in a row, each kind counted by itself, and the wait after each."""

    def __init__(self, rng: Random) -> None:
        self._rng = rng
        self._failures: dict[type[errors.HemsError], int] = {}

    def wait_s(self, error: errors.HemsError) -> float:
        """Seconds to wait after `error`: longer each time until `settled`."""
        kind = row_for(error)
        attempt = self._failures.get(kind, 0)
        self._failures[kind] = attempt + 1
        return WAITS[kind].before(attempt, self._rng)

    def settled(self) -> None:
        """It works: the next failure is a first one."""
        self._failures.clear()
