"""The ledger that heals itself: what the meter still remembers and the store lacks is read in free air time.

Newest first, one selector and its history at a time. What is missing is worked out from the store, so an end at any
moment costs nothing but the answer under way.
"""

from __future__ import annotations

import logging
import sqlite3
from bisect import bisect_left
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta, tzinfo
from typing import Final, TypeAlias

from hems_data_collector.clock import Clock
from hems_data_collector.collector.holes import (
    DayRequest,
    Means,
    MeterTime,
    Request,
    Span,
    WindowRequest,
    next_request,
    remembered,
    span_of,
)
from hems_data_collector.errors import LinkError, MeterError, NoAnswer, PropertyRefused, StoreUnavailable
from hems_data_collector.meter.profile import MeterProfile
from hems_data_collector.meter.reader import MeterReader
from hems_data_collector.readings import HalfHour
from hems_data_collector.store import absences, half_hours, meters
from hems_data_collector.store.database import Database
from hems_data_collector.store.half_hours import Direction

log = logging.getLogger(__name__)

LOOK_AGAIN_S: Final = 600.0  # how often holes are looked for without other cause
TROUBLE_S: Final = 60.0  # after a failure, doubled with each in a row
LONGEST_TROUBLE_S: Final = 3600.0
STALE: Final = timedelta(hours=2)  # an older newest slot does not tell how late it is by the meter's clock
SET_ASIDE_S: Final = 3600.0  # before a slot is asked for again that an answer did not settle
YOUNG: Final = timedelta(days=2)  # a slot so young may yet be recorded
YOUNG_AGAIN: Final = timedelta(days=1)  # after which a young slot is asked for once more

Record: TypeAlias = Callable[[Sequence[HalfHour], MeterProfile], Awaitable[None]]
OnProgress: TypeAlias = Callable[[int, int], None]
Absent: TypeAlias = Mapping[Direction, Iterable[datetime]]
MarkAbsent: TypeAlias = Callable[[Absent, MeterProfile], Awaitable[None]]


class Backfill:
    """Fills the ledger of the meter that `reader` knows. The caller gives it air: `wanted`, then `step`.

    `record` stores half hours, `mark_absent` the slots that the meter says it never recorded; both raise
    StoreUnavailable. `on_progress` gets `progress()` whenever it changed.
    """

    def __init__(
        self,
        reader: MeterReader,
        database: Database,
        *,
        clock: Clock,
        zone: tzinfo,
        spacing_s: float,
        record: Record,
        mark_absent: MarkAbsent,
        on_progress: OnProgress = lambda done, expected: None,
    ) -> None:
        self._reader = reader
        self._database = database
        self._clock = clock
        self._zone = zone
        self._spacing_s = spacing_s
        self._record = record
        self._mark_absent = mark_absent
        self._on_progress = on_progress
        self._failures = 0
        self._not_before = 0.0
        self._begin(None)

    def _begin(self, meter: str | None) -> None:
        """Forget everything about the meter before."""
        self._meter = meter
        self._time: MeterTime | None = None
        self._today: date | None = None
        self._span: Span | None = None
        self._missing: list[datetime] = []
        """Newest first."""
        self._request: Request | None = None
        self._look_at = 0.0
        self._not_in_windows: set[datetime] = set()
        self._aside: dict[datetime, float] = {}
        self._filling = False

    # --- for the caller ------------------------------------------------------------------------------------------

    def wanted(self) -> bool:
        """Whether `step` has something to do now."""
        return self.seconds_left() == 0

    def seconds_left(self) -> float | None:
        """Until `wanted`; None while the meter is not known or tells no past."""
        profile, now = self._reader.profile, self._clock.monotonic()
        if profile is None or not self._means(profile):
            return None
        if profile.identity.key != self._meter or self._request is not None:
            return max(0.0, self._not_before - now)
        return max(0.0, max(self._not_before, self._look_at) - now)

    def progress(self) -> tuple[int, int]:
        """Slots that are settled (known, or never recorded by the meter), and all that the meter may remember."""
        expected = 0 if self._span is None else self._span.slots
        return expected - len(self._missing), expected

    def look_again(self) -> None:
        """Something may be missing: look for holes with the next step, without waiting for any."""
        self._look_at = self._not_before = 0.0
        self._request = None

    async def step(self) -> None:
        """Look for holes where that is due, then make one request and store what it brings.

        Raises NoAnswer and LinkErrors; after any trouble it does not want to go on for a while.
        """
        profile = self._reader.profile
        if profile is None:
            return
        if profile.identity.key != self._meter:
            self._begin(profile.identity.key)
        try:
            if self._request is None or self._clock.monotonic() >= self._look_at:
                await self._look(profile)
            if self._request is None:
                return
            self._not_before = self._clock.monotonic() + self._spacing_s
            await self._ask(self._request, profile)
        except (NoAnswer, LinkError):
            self._rest_after_trouble()
            raise
        except PropertyRefused as error:
            log.debug("%s", error)
            self._plan(profile)
        except (MeterError, StoreUnavailable) as error:
            log.debug("%s", error)
            self._rest_after_trouble()
        else:
            self._failures = 0
        self._not_before = max(self._not_before, self._clock.monotonic() + self._spacing_s)

    def _rest_after_trouble(self) -> None:
        pause_s = min(TROUBLE_S * 2**self._failures, LONGEST_TROUBLE_S)
        self._failures = min(self._failures + 1, 10)
        self._look_at = 0.0
        self._not_before = self._clock.monotonic() + max(pause_s, self._spacing_s)

    # --- what is missing -----------------------------------------------------------------------------------------

    def _means(self, profile: MeterProfile) -> Means | None:
        histories = self._reader.histories
        if not histories.windows and not histories.days:
            return None
        whole_days = histories.export_days or not histories.windows or not meters.exports(profile)
        return Means(windows=histories.windows, days=histories.days, whole_days=whole_days)

    def _directions(self, profile: MeterProfile) -> tuple[Direction, ...]:
        return (Direction.IMPORT, Direction.EXPORT) if meters.exports(profile) else (Direction.IMPORT,)

    async def _look(self, profile: MeterProfile) -> None:
        """Compare the store with what the meter may remember."""
        monotonic_s, wall = self._clock.monotonic(), self._clock.now()
        key, directions = profile.identity.key, self._directions(profile)

        def work(conn: sqlite3.Connection) -> tuple[date, Span, list[datetime]] | None:
            stored = half_hours.newest(conn, key)
            if self._time is not None:
                newest = self._time.newest_by(stored, monotonic_s, wall)
                today = self._time.today(monotonic_s, self._zone)
            elif stored is not None and wall - stored < STALE:
                newest, today = stored, stored.astimezone(self._zone).date()
            else:
                return None
            absences.forget(conn, key, since=newest - YOUNG, asked_before=wall - YOUNG_AGAIN)
            span = remembered(today, newest, self._zone)
            return today, span, half_hours.missing(conn, key, span.start, span.end, directions)

        found = await self._database.run(work)
        self._look_at = monotonic_s + LOOK_AGAIN_S
        if found is None:  # nothing new tells the meter's time; its present day would
            day = DayRequest(day=wall.astimezone(self._zone).date(), days_ago=0)
            self._request = day if self._reader.histories.days else None
            return
        self._today, self._span, self._missing = found
        self._aside = {slot: until for slot, until in self._aside.items() if until > monotonic_s}
        self._not_in_windows &= set(self._missing)
        self._tell()
        self._plan(profile)

    def _plan(self, profile: MeterProfile) -> None:
        means = self._means(profile)
        if means is None or self._today is None:
            self._request = None
            return
        self._request = next_request(
            [slot for slot in self._missing if slot not in self._aside] if self._aside else self._missing,
            today=self._today,
            zone=self._zone,
            means=means,
            not_in_windows=self._not_in_windows,
        )

    def _tell(self) -> None:
        if bool(self._missing) != self._filling:
            self._filling = bool(self._missing)
            if self._filling:
                log.info("%d half hours are missing; reading what the meter remembers of them.", len(self._missing))
            else:
                log.info("The ledger has everything that the meter remembers.")
        self._on_progress(*self.progress())

    # --- asking --------------------------------------------------------------------------------------------------

    async def _ask(self, request: Request, profile: MeterProfile) -> None:
        if isinstance(request, WindowRequest):
            await self._ask_window(request, profile)
        else:
            await self._ask_day(request, profile)
        self._plan(profile)

    async def _ask_window(self, request: WindowRequest, profile: MeterProfile) -> None:
        slots = await self._reader.window(request.newest, request.count)
        await self._record(slots, profile)
        absent: dict[Direction, list[datetime]] = {}
        histories = self._reader.histories
        if not histories.days:  # else the day has the last word: nobody says how far back windows reach
            absent[Direction.IMPORT] = [slot.at for slot in slots if slot.import_raw is None]
        if not histories.export_days:
            absent[Direction.EXPORT] = [slot.at for slot in slots if slot.export_raw is None]
        self._not_in_windows |= set(await self._settle(span_of(request, self._zone), absent, profile))

    async def _ask_day(self, request: DayRequest, profile: MeterProfile) -> None:
        told = await self._reader.day(request.days_ago)
        moment = told.moment
        self._time = MeterTime(
            now=moment.now,
            newest=moment.newest,
            wall=self._clock.now(),
            monotonic_s=self._clock.monotonic(),
        )
        await self._record(told.half_hours, profile)
        absent = {Direction.IMPORT: told.no_import}
        if told.export_told or not self._reader.histories.windows:  # else a window may tell the export
            absent[Direction.EXPORT] = told.no_export
        span = span_of(DayRequest(day=told.day, days_ago=request.days_ago), self._zone)
        unsettled = await self._settle(span, absent, profile)
        if self._span is None or told.day != request.day:
            self._look_at = 0.0  # the meter's date was not what it seemed
            self._request = None
            return
        again_at = self._clock.monotonic() + SET_ASIDE_S
        self._aside |= dict.fromkeys(unsettled, again_at)

    async def _settle(self, span: Span, absent: Absent, profile: MeterProfile) -> list[datetime]:
        """Note what the meter never recorded; returns the slots of `span` that are missing still."""
        key, directions = profile.identity.key, self._directions(profile)
        inside = span if self._span is None else span.within(self._span)
        await self._mark_absent({direction: absent.get(direction, ()) for direction in directions}, profile)

        def work(conn: sqlite3.Connection) -> list[datetime]:
            return half_hours.missing(conn, key, inside.start, inside.end, directions) if inside.slots else []

        unsettled = await self._database.run(work)
        if self._span is not None and inside.slots:
            newer = bisect_left(self._missing, True, key=lambda slot: slot < inside.end)
            older = bisect_left(self._missing, True, key=lambda slot: slot < inside.start)
            self._missing[newer:older] = unsettled
            self._tell()
        return unsettled
