"""What went wrong last, how long to wait for it, and telling the owner once (retry.py has the waits)."""

from __future__ import annotations

import logging
from datetime import datetime
from gettext import gettext as _
from random import Random
from typing import Final

from hems_data_collector.clock import Clock
from hems_data_collector.errors import HemsError, JoinRefused, SessionLost
from hems_data_collector.link.retry import AFTER_OWN_TERM_S, OWN_TERM_WINDOW_S, SETTLED_S, Retries

log = logging.getLogger(__name__)

REMIND_AFTER_S: Final = 1800.0  # the same trouble is told again after half an hour
A_MOMENT_S: Final = 1.0  # a shorter wait is none to a person


class Telling:
    """Tells the owner of a failure once, and again after half an hour of the same; else the debug log."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._told: tuple[str, float] | None = None

    def tell(self, error: HemsError, wait_s: float) -> None:
        """Say what went wrong and when the next try is."""
        now = self._clock.monotonic()
        if self._told is not None and self._told[0] == error.what and now - self._told[1] < REMIND_AFTER_S:
            log.debug("%s Next try in %.1f s.", error.what, wait_s)
            return
        self._told = (error.what, now)
        if wait_s < A_MOMENT_S:
            log.warning("%s Trying again now.", error)
        else:
            log.warning("%s Next try in %.0f s.", error, wait_s)

    def over(self) -> None:
        """It works again; the same failure later is another one."""
        self._told = None


class Patience:
    """Knows the newest failure. `ended_at`: when we ended the last session in order, for the meter holds it a while."""

    def __init__(self, clock: Clock, rng: Random, *, ended_at: datetime | None) -> None:
        self._clock = clock
        self._retries = Retries(rng)
        self._ended_at = ended_at
        self._up_since: float | None = None
        self._telling = Telling(clock)
        self.raising = False
        """The failure is raised to somebody who shows it, so it is not told here."""
        self.failure: HemsError | None = None

    def wait_s(self) -> float:
        """Seconds until the next try, longer after each failure of a kind; told as a warning, or in the debug log."""
        error = self.failure or SessionLost(_("The session ended."))
        if isinstance(error, JoinRefused) and self.just_ended:
            self._ended_at = None
            wait_s = AFTER_OWN_TERM_S
        else:
            wait_s = self._retries.wait_s(error)
        if self.raising:
            log.debug("%s", error.what)
        else:
            self._telling.tell(error, wait_s)
        return wait_s

    @property
    def just_ended(self) -> bool:
        """We ended a session a moment ago, and the meter may still hold it (skstack-ip §4.1 step 13)."""
        if self._ended_at is None:
            return False
        return 0 <= (self._clock.now() - self._ended_at).total_seconds() <= OWN_TERM_WINDOW_S

    def ended(self) -> None:
        """We ended the session in order."""
        self._ended_at = self._clock.now()

    def up(self) -> None:
        """The session is up."""
        self.failure = self._ended_at = None
        self._telling.over()
        self._up_since = self._clock.monotonic()

    def lost(self) -> None:
        """The session is lost; one that lived long enough ends the row of failures before it."""
        if self._up_since is not None and self._clock.monotonic() - self._up_since >= SETTLED_S:
            self._retries.settled()
        self._up_since = None
