"""From a link that is up to published records: introduce, poll when due, and use the free air time between polls.

One task, one request at a time: polls come first; verification, history, a missing half hour, minutes and the meter's
past wait for a gap, in this order.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta, tzinfo
from random import Random
from typing import Final

from hems_data_collector.clock import Clock
from hems_data_collector.collector.backfill import Backfill
from hems_data_collector.collector.ledger import Ledger
from hems_data_collector.collector.minutes import Minutes
from hems_data_collector.collector.recorder import Recorder
from hems_data_collector.collector.same_meter import SameMeter
from hems_data_collector.collector.ticker import Ticker
from hems_data_collector.errors import LinkError, MeterError, NoAnswer, SendRestricted
from hems_data_collector.link.retry import Retries
from hems_data_collector.meter.client import NOTIFICATION_GRACE, Notification
from hems_data_collector.meter.interpret import fixed_half_hour
from hems_data_collector.meter.profile import DEFAULT_DIGITS, MeterProfile
from hems_data_collector.meter.reader import MeterReader
from hems_data_collector.readings import (
    HALF_HOUR,
    Consumption,
    HalfHour,
    HalfHourSource,
    Reading,
    Record,
    published,
)

log = logging.getLogger(__name__)

RETRY_S: Final = 5.0  # until sending may be allowed again
LINK_SETTLES_S: Final = 0.1  # until the link has noticed its own failure
FREE_AIR_S: Final = 4.0  # a background request is begun only this long before the next poll
LOOK_AGAIN_S: Final = 30.0  # how often the need for background requests is looked at without other cause
HISTORY_RETRY_S: Final = 600.0  # after a history that brought nothing
CLOCKS_DISAGREE: Final = timedelta(hours=24)
HISTORY_COUNT: Final = 12


class Poller:
    """Polls one meter by a ticker, hands what it says to the recorder, and each record to `publish`.

    `wait_until_up` returns when the meter may be asked; `recall` gives the half hours that the store knows of a meter.
    `on_profile` is told what the next start can use, `on_rest` is called whenever a rest begins.
    """

    def __init__(
        self,
        reader: MeterReader,
        ticker: Ticker,
        *,
        clock: Clock,
        zone: tzinfo,
        wait_until_up: Callable[[], Awaitable[None]],
        recorder: Recorder,
        publish: Callable[[Reading, Record], None],
        recall: Callable[[str], Awaitable[Sequence[HalfHour]]],
        minutes: Minutes | None = None,
        backfill: Backfill | None = None,
        meter_name: str | None = None,
        rng: Random | None = None,
    ) -> None:
        self._reader = reader
        self._ticker = ticker
        self._clock = clock
        self._zone = zone
        self._wait_until_up = wait_until_up
        self._publish = publish
        self._meter_name = meter_name
        self._recorder = recorder
        self._recall = recall
        self._minutes = minutes
        self._backfill = backfill
        self._ledger = Ledger(digits=DEFAULT_DIGITS)
        self._ledger_of: str | None = None
        self._told: HalfHour | None = None
        self._wake = asyncio.Event()
        self._same = SameMeter(reader, clock=clock)
        self._history_tried: dict[datetime, float] = {}
        self._fixed_tried_at: float | None = None
        self._silences = 0
        self._retries = Retries(rng or Random())
        self._resting = False
        self.on_profile: Callable[[MeterProfile], None] = lambda _: None
        self.on_rest: Callable[[], None] = lambda: None

    async def run(self) -> None:
        """Go on for ever: whatever the link or the meter does, the next due reading is tried."""
        while True:
            try:
                await self._work()
            except SendRestricted as error:
                log.debug("%s", error.what)
                await self._pause(RETRY_S)
            except LinkError as error:
                log.debug("%s", error.what)
                await self._pause(LINK_SETTLES_S)
            except MeterError as error:
                self._tell_silence(error)
                await self._pause(self._retries.wait_s(error))

    @property
    def resting(self) -> bool:
        """It waits by itself for the next thing to do: no request is under way."""
        return self._resting

    def work_in_s(self) -> float | None:
        """Seconds until there is background work (0: now); None where none is in view."""
        profile = self._reader.profile
        if profile is None or self._ledger_of != profile.identity.key or self._next_job() is not None:
            return 0.0
        jobs = [job.seconds_left() for job in (self._minutes, self._backfill) if job is not None]
        return min((left_s for left_s in jobs if left_s is not None), default=None)

    @contextmanager
    def _at_rest(self) -> Iterator[None]:
        self._resting = True
        self.on_rest()
        try:
            yield
        finally:
            self._resting = False

    async def _pause(self, seconds: float) -> None:
        with self._at_rest():
            await self._clock.sleep(seconds)

    def _tell_silence(self, error: MeterError) -> None:
        self._silences += 1
        level = logging.WARNING if self._silences == 1 else logging.DEBUG
        log.log(level, "%s The collector asks again.", error)

    # --- the work while the link is up ---------------------------------------------------------------------------

    async def _work(self) -> None:
        while True:
            await self._wait_until_up()
            profile = self._reader.profile
            if profile is None:
                await self._introduce()
            elif self._ledger_of != profile.identity.key:
                await self._open_ledger(profile)
            elif self._ticker.due.is_set():
                await self._poll()
            elif (job := self._next_job()) is not None:
                await job()
            else:
                await self._rest()

    async def _introduce(self) -> None:
        profile = await self._reader.introduce()
        self._same.introduced()
        self._ledger_of = None
        self.on_profile(profile)

    async def _open_ledger(self, profile: MeterProfile) -> None:
        """Begin with what the store knows of this meter's latest half hours."""
        known = await self._recall(profile.identity.key)
        self._ledger = Ledger(digits=profile.digits, half_hours=known)
        self._ledger_of = profile.identity.key
        self._told = None
        self._recorder.profile(profile, self._meter_name)  # also where it is remembered: it may have got a name

    async def _poll(self) -> None:
        known = self._reader.profile
        poll = await self._reader.poll()
        self._silences = 0
        self._retries.settled()
        profile = self._reader.profile
        assert profile is not None  # poll raises without one
        if self._same.doubts(poll, self._ledger.newest_slot, profile) and not await self._is_same():
            return  # the reading is still due
        self._same.believe(poll)
        self._ticker.due.clear()
        if profile != known:
            self._recorder.profile(profile, self._meter_name)
            self.on_profile(profile)
        if poll.half_hour is not None:
            self.half_hour(poll.half_hour, profile)
        reading = await self._recorder.stamped(poll.reading)
        recent = self._ledger.recent(reading.fixed_at)
        self._recorder.reading(reading, recent, profile, poll.minute)
        if self._minutes is not None and poll.minute is not None:
            self._minutes.told(poll.minute, profile)
        self._publish(reading, published(reading, recent, meter_name=self._meter_name))

    async def _rest(self) -> None:
        """Wait for the next due reading, a notification, or a look at the background jobs."""
        self._wake.clear()
        waits = [asyncio.create_task(self._ticker.due.wait()), asyncio.create_task(self._wake.wait())]
        try:
            with self._at_rest():
                await asyncio.wait(waits, timeout=self._rest_s(), return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()

    def _rest_s(self) -> float:
        jobs = [job.seconds_left() for job in (self._minutes, self._backfill) if job is not None]
        return min([LOOK_AGAIN_S, *(max(left_s, LINK_SETTLES_S) for left_s in jobs if left_s is not None)])

    # --- free air time -------------------------------------------------------------------------------------------

    def _next_job(self) -> Callable[[], Awaitable[None]] | None:
        left_s = self._ticker.seconds_left()
        if left_s is not None and left_s < FREE_AIR_S and not self._starved:
            return None
        if self._same.due():
            return self._verify
        if self._wanted_history() is not None:
            return self._read_history
        if self._reader.overdue:
            return self._reader.probe
        if self._notification_is_missing():
            return self._read_fixed
        if self._minutes is not None and self._minutes.wanted():
            return self._minutes.step
        if self._backfill is not None and self._backfill.wanted():
            return self._backfill.step
        return None

    @property
    def _starved(self) -> bool:
        """Polls follow each other so closely that there is never a large gap."""
        return self._ticker.period_s < 2 * FREE_AIR_S

    async def _verify(self) -> None:
        if not await self._same.check():
            log.warning("The meter or the scale of its registers is not the one remembered; reading it anew.")
            self._reader.profile = None

    async def _is_same(self) -> bool:
        """Ask before anything is entered; a meter that answers all but this counts as the one that is known."""
        log.info("The registers do not go on from where they stood; asking whether the meter was exchanged.")
        try:
            await self._verify()
        except NoAnswer as error:
            log.debug("%s", error)
        return self._reader.profile is not None

    def _wanted_history(self) -> datetime | None:
        """The newest known slot, if the one before it is not known and was not asked for lately."""
        newest = self._ledger.newest
        if newest is None or self._ledger.has(newest - HALF_HOUR):
            return None
        tried_at = self._history_tried.get(newest)
        if tried_at is not None and self._clock.monotonic() - tried_at < HISTORY_RETRY_S:
            return None
        return newest

    async def _read_history(self) -> None:
        newest = self._wanted_history()
        if newest is None:
            return
        self._history_tried = {newest: self._clock.monotonic()}
        try:
            slots = await self._reader.history(newest, HISTORY_COUNT)
        except NoAnswer:
            raise
        except MeterError as error:
            log.debug("%s", error.what)
            return
        profile = self._reader.profile
        if profile is not None:
            for slot in slots:
                self.half_hour(slot, profile)

    def _notification_is_missing(self) -> bool:
        """EA of the current slot is overdue and no poll will bring it soon (AIF §3.3.1)."""
        left_s, newest = self._ticker.seconds_left(), self._ledger.newest
        if newest is None or (left_s is not None and left_s < 2 * LOOK_AGAIN_S):
            return False
        now = self._clock.now()
        slot = _slot_of(now)
        overdue = newest < slot and now >= slot + NOTIFICATION_GRACE and slot - newest < CLOCKS_DISAGREE
        tried_at = self._fixed_tried_at
        lately = tried_at is not None and self._clock.monotonic() - tried_at < HISTORY_RETRY_S
        return overdue and not lately

    async def _read_fixed(self) -> None:
        self._fixed_tried_at = self._clock.monotonic()
        slot = await self._reader.fixed()
        profile = self._reader.profile
        if slot is not None and profile is not None:
            self._take(slot, profile)

    # --- half hours ----------------------------------------------------------------------------------------------

    def notified(self, notification: Notification) -> None:
        """The meter sent something on its own: EA and EB at each half hour (§4.4)."""
        profile = self._reader.profile
        if profile is None or 0xEA not in notification.values:
            return
        slot = fixed_half_hour(notification.values, profile, zone=self._zone, source=HalfHourSource.NOTIFICATION)
        if slot is not None:
            self._take(slot, profile)
        self._wake.set()

    def _take(self, slot: HalfHour, profile: MeterProfile) -> None:
        """Enter a half hour that came without the meter's name, unless it may be another one's: then it comes again."""
        if self._ledger_of != profile.identity.key or not self._same.doubts_slot(
            slot, self._ledger.newest_slot, profile
        ):
            self.half_hour(slot, profile)

    def half_hour(self, slot: HalfHour, profile: MeterProfile) -> None:
        """Enter one half hour into the ledger and into the store, which notes and tells a disagreement.

        Every poll tells the same half hour again: word for word once is enough.
        """
        if slot == self._told:
            return
        self._told = slot
        self._ledger.record(slot)
        self._recorder.half_hours((slot,), profile)


async def read_now(reader: MeterReader, known: tuple[HalfHour, ...] = ()) -> tuple[Reading, Consumption | None]:
    """One reading with its recent half hour; history is read where `known` does not tell it. Raises as `poll`."""
    poll = await reader.poll()
    digits = DEFAULT_DIGITS if reader.profile is None else reader.profile.digits
    ledger = Ledger(digits=digits, half_hours=known)
    fixed_at = poll.reading.fixed_at
    if poll.half_hour is not None:
        ledger.record(poll.half_hour)
        if ledger.recent(fixed_at) is None:
            try:
                slots = await reader.history(poll.half_hour.at, HISTORY_COUNT)
            except MeterError as error:
                log.info("The last half hour is not known: %s", error.what)
            else:
                for slot in slots:
                    ledger.record(slot)
    return poll.reading, ledger.recent(fixed_at)


def _slot_of(moment: datetime) -> datetime:
    return moment.replace(minute=moment.minute // 30 * 30, second=0, microsecond=0)
