"""Store first, then send: readings and half hours go into the store in the order in which they came.

While the disk refuses them they wait in the store's ring in memory; nothing is sent before it is stored.
"""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
from datetime import datetime, timedelta, tzinfo
from typing import Any, Final, TypeVar

from hems_data_collector.clock import Clock
from hems_data_collector.collector.stamps import Stamps
from hems_data_collector.errors import StoreUnavailable
from hems_data_collector.meter.profile import MeterProfile
from hems_data_collector.meter_name import still_about_meter
from hems_data_collector.readings import Consumption, HalfHour, Minute, Reading, Record
from hems_data_collector.store import half_hours, meters, minutes, readings, retention
from hems_data_collector.store.database import Database
from hems_data_collector.store.half_hours import Direction, Recorded
from hems_data_collector.store.minutes import Recorded as RecordedMinutes
from hems_data_collector.store.records import record_at
from hems_data_collector.store.ring import Ring, RingState, Write

log = logging.getLogger(__name__)
T = TypeVar("T")

WRITTEN_AT_ONCE: Final = 500  # in one transaction, where that many wait
PRUNE_EVERY_S: Final = 3600.0
RECALLED: Final = timedelta(days=2)
"""How far back the half hours are wanted from which a recent one is told."""


class Recorder:
    """Takes what the poller has, without making it wait; `on_stored` is called after each commit.

    `on_half_hour`, where it is given, gets each half-hour record once, after the commit that completed it. `run` is a
    task for as long as there is a collector.
    """

    def __init__(
        self,
        database: Database,
        *,
        clock: Clock,
        zone: tzinfo,
        on_stored: Callable[[], None],
        on_half_hour: Callable[[Record], None] | None = None,
    ) -> None:
        self._database = database
        self._ring = Ring(database, clock=clock)
        self._stamps = Stamps(database)
        self._clock = clock
        self._zone = zone
        self._on_stored = on_stored
        self._on_half_hour = on_half_hour
        self._jobs: asyncio.Queue[Write] = asyncio.Queue()
        self._under_way: set[asyncio.Task[None]] = set()

    def profile(self, profile: MeterProfile, name: str | None = None) -> None:
        """Note a meter, what its owner calls it and what its registers are worth, soon."""
        now = self._clock.now()
        self._jobs.put_nowait(Write(lambda conn: meters.know(conn, profile, now, name=name)))

    @property
    def ring(self) -> RingState:
        """What the disk does not take just now."""
        return self._ring.state

    async def first(self, work: Callable[[sqlite3.Connection], T], then: Callable[[T], None]) -> None:
        """Do `work` in the store before everything that comes later, now or when the disk is back; then tell `then`."""
        await self._ring.write(work, then, droppable=False)

    async def stamped(self, reading: Reading) -> Reading:
        """`reading` with a stamp of its own, so that what is printed at once has the key of what is stored later."""
        return await self._stamps.own(reading)

    def reading(
        self, reading: Reading, recent: Consumption | None, profile: MeterProfile, minute: Minute | None = None
    ) -> None:
        """Store a reading that is `stamped`, and the minute that came with it, soon."""

        def work(conn: sqlite3.Connection) -> RecordedMinutes:
            readings.append(conn, reading, recent, profile)
            return minutes.record(conn, [] if minute is None else [minute], profile, now=reading.received_at)

        def stored(recorded: RecordedMinutes) -> None:
            self._stamps.stored(reading)
            self._minutes_recorded(recorded)
            self._on_stored()

        self._jobs.put_nowait(Write(work, stored))

    def minutes(self, told: Sequence[Minute], profile: MeterProfile) -> None:
        """Store one-minute registers, soon: the meter forgets them, so they wait in memory while the disk is full."""
        now = self._clock.now()
        self._jobs.put_nowait(Write(lambda conn: minutes.record(conn, told, profile, now=now), self._minutes_recorded))

    def half_hours(self, slots: Sequence[HalfHour], profile: MeterProfile) -> None:
        """Store registers, soon."""
        self._jobs.put_nowait(Write(self._recording(slots, profile), still_about_meter(self._recorded)))

    async def store(self, slots: Sequence[HalfHour], profile: MeterProfile) -> None:
        """Store registers at once, for a caller that can ask the meter again; raises StoreUnavailable."""
        await self._whole(self._now(self._recording(slots, profile), self._recorded))

    async def mark_absent(self, absent: Mapping[Direction, Iterable[datetime]], profile: MeterProfile) -> None:
        """Note at once which registers the meter says it never recorded; raises StoreUnavailable."""
        key, now = profile.identity.key, self._clock.now()

        def work(conn: sqlite3.Connection) -> list[Record]:
            if meters.number(conn, key) is None:
                meters.know(conn, profile, now)
            completed: list[int] = []
            for direction, ats in absent.items():
                completed += half_hours.mark_absent(conn, key, ats, direction, now=now)
            return self._completed(conn, completed)

        await self._whole(self._now(work, self._half_hours_stored))

    async def recall(self, meter: str) -> list[HalfHour]:
        """The latest half hours that are known of `meter`; none where the store cannot be read."""
        now = self._clock.now().replace(microsecond=0)
        try:
            return await self._database.run(lambda conn: half_hours.slots(conn, meter, now - RECALLED, now + RECALLED))
        except StoreUnavailable as error:
            log.debug("%s", error)
            return []

    async def recall_minutes(self, meter: str, start: datetime, end: datetime) -> set[datetime]:
        """The minutes known of `meter` from `start` until before `end`; none where the store cannot be read."""
        try:
            return await self._database.run(lambda conn: minutes.known(conn, meter, start, end))
        except StoreUnavailable as error:
            log.debug("%s", error)
            return set()

    async def run(self) -> None:
        """Write for ever."""
        retrying = asyncio.create_task(self._ring.run(), name="store-ring")
        try:
            while True:
                await self._whole(self._write(await self._next()))
        finally:
            retrying.cancel()

    async def prune(self, keep: timedelta | None) -> None:
        """Delete readings and minutes older than `keep` now and every hour, for ever; None keeps all."""
        while keep is not None:
            try:
                while await self._database.run(self._pruning(keep, self._clock.now())):
                    await self._clock.sleep(0)
            except StoreUnavailable as error:
                log.debug("%s", error)
            await self._clock.sleep(PRUNE_EVERY_S)

    async def finish(self, grace_s: float) -> None:
        """Store what is left after `run` was ended, in at most `grace_s` seconds."""
        try:
            await self._clock.wait_for(self._rest(), grace_s)
        except TimeoutError:
            log.debug("the store did not take everything in time")
        if waiting := self._jobs.qsize() + self._ring.state.waiting:
            log.error("%d records could not be stored before the end and are lost.", waiting)

    async def _rest(self) -> None:
        if self._under_way:
            await asyncio.wait(self._under_way)
        while not self._jobs.empty():
            await self._write(await self._next())
        await self._ring.flush()

    async def _next(self) -> list[Write]:
        """What has come since the last commit: many meters do not each wait for the disk."""
        jobs = [await self._jobs.get()]
        while len(jobs) < WRITTEN_AT_ONCE and not self._jobs.empty():
            jobs.append(self._jobs.get_nowait())
        return jobs

    async def _write(self, jobs: Sequence[Write]) -> None:
        try:
            await self._ring.write_all(jobs)
        except Exception as error:
            if len(jobs) > 1:  # the others must not be lost with the one that it is of
                await self._write_singly(jobs)
            elif isinstance(error, ValueError):  # what the store cannot express must not hold up what comes after it
                log.error("A record cannot be stored and is left out: %s", error)
            else:
                raise

    async def _write_singly(self, jobs: Sequence[Write]) -> None:
        bug: Exception | None = None
        for job in jobs:
            try:
                await self._write([job])
            except Exception as error:
                bug = bug or error
        if bug is not None:
            raise bug

    async def _now(self, work: Callable[[sqlite3.Connection], T], then: Callable[[T], None]) -> None:
        then(await self._database.run(work))

    async def _whole(self, work: Coroutine[Any, Any, None]) -> None:
        """`work`, which ends even where the caller is cancelled: what was stored is told of."""
        task = asyncio.create_task(work)
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)
        await asyncio.shield(task)

    def _pruning(self, keep: timedelta, now: datetime) -> Callable[[sqlite3.Connection], int]:
        return lambda conn: retention.prune(conn, keep=keep, now=now) + minutes.prune(conn, keep=keep, now=now)

    def _recording(
        self, slots: Sequence[HalfHour], profile: MeterProfile
    ) -> Callable[[sqlite3.Connection], tuple[Recorded, list[Record]]]:
        now = self._clock.now()

        def work(conn: sqlite3.Connection) -> tuple[Recorded, list[Record]]:
            recorded = half_hours.record(conn, slots, profile, now=now)
            return recorded, self._completed(conn, recorded.completed)

        return work

    def _completed(self, conn: sqlite3.Connection, numbers: Iterable[int]) -> list[Record]:
        """The half-hour records with these numbers, in the transaction that made them; none where nobody wants any."""
        if self._on_half_hour is None:
            return []
        return [record for number in numbers if (record := record_at(conn, number)) is not None]

    def _recorded(self, result: tuple[Recorded, list[Record]]) -> None:
        recorded, completed = result
        for conflict in recorded.conflicts:
            log.warning(
                "The meter gave two values for %s: %s by %s, now %s by %s. The first is kept, the other noted.",
                conflict.known.at.astimezone(self._zone).isoformat(timespec="minutes"),
                conflict.known.import_raw,
                conflict.known.source,
                conflict.told.import_raw,
                conflict.told.source,
            )
        self._half_hours_stored(completed)

    def _half_hours_stored(self, completed: Iterable[Record]) -> None:
        if self._on_half_hour is not None:
            for record in completed:
                self._on_half_hour(record)
        self._on_stored()

    def _minutes_recorded(self, recorded: RecordedMinutes) -> None:
        if recorded.disagreeing:
            log.warning(
                "The meter gave two values for the minute %s; the first is kept.",
                recorded.disagreeing[0].astimezone(self._zone).isoformat(timespec="minutes"),
            )
