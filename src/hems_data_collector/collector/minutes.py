"""The one-minute registers of meters that keep them: those that no poll brought are read before the meter forgets them.

Every eight minutes or so a selector and its history (EF, EE) bring what is missing; after a loss of the link, what the
meter still has.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, tzinfo
from gettext import gettext as _
from typing import Final, TypeAlias

from hems_data_collector.clock import Clock
from hems_data_collector.collector.minute_plan import LOOK_BACK, MinutePlan, MinuteRequest
from hems_data_collector.errors import LinkError, MeterError, NoAnswer
from hems_data_collector.meter.history import AnotherMeter
from hems_data_collector.meter.profile import MeterProfile
from hems_data_collector.meter.reader import MeterReader
from hems_data_collector.readings import MINUTE, Minute

log = logging.getLogger(__name__)

SPACING_S: Final = 5.0  # between two requests of ours, for everybody else in the air
TROUBLE_S: Final = 60.0  # after a failure, doubled with each in a row
LONGEST_TROUBLE_S: Final = 3600.0
EMPTY_S: Final = 600.0  # after an answer without any value, doubled with each in a row
LONGEST_EMPTY_S: Final = 86_400.0

Recall: TypeAlias = Callable[[str, datetime, datetime], Awaitable[set[datetime]]]
Record: TypeAlias = Callable[[Sequence[Minute], MeterProfile], None]


class Minutes:
    """Keeps the minutes of the meter that `reader` knows complete. The caller gives it air: `wanted`, then `step`.

    `recall(meter, start, end)` gives the minutes that are stored, `record` stores some, soon.
    """

    def __init__(self, reader: MeterReader, *, clock: Clock, zone: tzinfo, recall: Recall, record: Record) -> None:
        self._reader = reader
        self._clock = clock
        self._zone = zone
        self._recall = recall
        self._record = record
        self._begin(None)

    def _begin(self, meter: str | None) -> None:
        """Forget everything about the meter before."""
        self._meter = meter
        self._plan = MinutePlan()
        self._begin_session()

    def _begin_session(self) -> None:
        self._session = self._reader.sessions
        self._plan.reaches_back = True
        self._not_before = 0.0
        self._failures = 0
        self._empty = 0

    # --- for the caller ------------------------------------------------------------------------------------------

    def wanted(self) -> bool:
        """Whether `step` has something to do now."""
        return self.seconds_left() == 0

    def seconds_left(self) -> float | None:
        """Until `wanted`; None while the meter is not known or has no minutes."""
        profile = self._reader.profile
        if profile is None or not self._reader.histories.minutes:
            return None
        self._notice(profile)
        now = self._clock.monotonic()
        return max(0.0, self._not_before - now, self._plan.due_in(now))

    def told(self, minute: Minute, profile: MeterProfile) -> None:
        """A poll brought `minute`, which somebody else stores."""
        self._notice(profile)
        self._plan.tell_clock(minute.at, self._clock.monotonic())
        if _has_value(minute):
            self._plan.settle([minute.at])

    async def step(self) -> None:
        """Learn the meter's time where it is not known, else ask once, and hand on what comes.

        Raises NoAnswer and LinkErrors; after any trouble it does not want to go on for a while.
        """
        profile = self._reader.profile
        if profile is None:
            return
        self._notice(profile)
        try:
            await self._go_on(profile)
        except (NoAnswer, LinkError):
            self._rest_after_trouble()
            raise
        except MeterError as error:
            log.debug("%s", error)
            self._rest_after_trouble()
        self._not_before = max(self._not_before, self._clock.monotonic() + SPACING_S)

    def _notice(self, profile: MeterProfile) -> None:
        """Another meter, or a new session."""
        if profile.identity.key != self._meter:
            self._begin(profile.identity.key)
        elif self._reader.sessions != self._session:
            self._begin_session()

    def _rest_after_trouble(self) -> None:
        pause_s = min(TROUBLE_S * 2**self._failures, LONGEST_TROUBLE_S)
        self._failures = min(self._failures + 1, 10)
        self._not_before = self._clock.monotonic() + pause_s

    # --- asking --------------------------------------------------------------------------------------------------

    async def _go_on(self, profile: MeterProfile) -> None:
        newest = self._plan.newest(self._clock.monotonic())
        if newest is None:
            await self._learn_time(profile)
        elif not self._plan.begun:
            known = await self._recall(profile.identity.key, newest - LOOK_BACK, newest + MINUTE)
            self._plan.begin(known, newest)
        elif (request := self._plan.request(self._clock.monotonic())) is not None:
            await self._ask(request, profile)

    async def _learn_time(self, profile: MeterProfile) -> None:
        minute, now = await self._reader.minute_clock()
        if now is None:
            raise MeterError(_("The meter does not tell what time it is."))
        self._plan.tell_clock(now, self._clock.monotonic())
        if minute is not None and _has_value(minute):
            self._record([minute], profile)
            self._plan.settle([minute.at])

    async def _ask(self, request: MinuteRequest, profile: MeterProfile) -> None:
        plan = self._plan
        newest = plan.newest(self._clock.monotonic()) or request.newest
        try:
            told = await self._reader.minutes(request.newest, request.count, is_old=request.is_old)
        except (NoAnswer, AnotherMeter):
            raise
        except MeterError as error:
            if not request.is_old:
                raise
            log.debug("%s", error)
            plan.give_up_old(newest)
            self._tell_lost()
            return
        self._failures = 0
        found = [minute for minute in told.minutes if _has_value(minute)]
        if found:
            self._record(found, profile)
        plan.answered(request, (minute.at for minute in found), newest)
        if told.now is not None:
            plan.tell_clock(told.now, self._clock.monotonic())
        if found or request.is_old:
            self._empty = 0
            self._tell_lost()
        else:
            self._rest_after_nothing()

    def _rest_after_nothing(self) -> None:
        if not self._empty:
            log.info("The meter has a one-minute history but recorded nothing in it; it is asked less often.")
        self._not_before = self._clock.monotonic() + min(EMPTY_S * 2**self._empty, LONGEST_EMPTY_S)
        self._empty = min(self._empty + 1, 10)

    def _tell_lost(self) -> None:
        lost = self._plan.lost()
        if lost is not None:
            first, last = (at.astimezone(self._zone) for at in (lost.first, lost.last))
            log.info(
                "%d one-minute registers from %s to %s are lost: the meter does not remember them.",
                lost.count,
                f"{first:%Y-%m-%d %H:%M}",
                f"{last:%H:%M}",
            )


def _has_value(minute: Minute) -> bool:
    return minute.import_raw is not None or minute.export_raw is not None
