"""Reading a meter's past: windows by absolute time (EC, EE), and whole days that only its own clock can date (E2, E4).

A selector is set, then the history is read; both must be about the same thing (echonet-lite-meter §6.3, §6.4, §10.5).
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo
from gettext import gettext as _
from typing import Final

from hems_data_collector.clock import Clock
from hems_data_collector.echonet import DAY_MAX, METER, WindowSelector, spec_for
from hems_data_collector.errors import MeterError, NoAnswer, PropertyRefused
from hems_data_collector.meter.client import MeterClient
from hems_data_collector.meter.groups import FULL_GROUP_AGAIN_S
from hems_data_collector.meter.interpret import (
    Moment,
    ToldDay,
    day_told,
    minute_served,
    minute_told,
    moment_served,
    serial_number,
    window_half_hours,
    window_minutes,
)
from hems_data_collector.meter.profile import MeterProfile
from hems_data_collector.readings import HalfHour, Minute

log = logging.getLogger(__name__)

SERIAL: Final = 0x8D
CLOCK: Final = (0x98, 0x97, 0xEA)
"""What dates a day history, in the same answer (§10.5)."""
IMPORT_DAY, EXPORT_DAY, DAY_SELECTOR = 0xE2, 0xE4, 0xE5
WINDOW, WINDOW_SELECTOR = 0xEC, 0xED
MINUTES, MINUTES_SELECTOR = 0xEE, 0xEF
_HISTORIES: Final = frozenset({IMPORT_DAY, EXPORT_DAY, WINDOW, MINUTES})


class AnotherMeter(MeterError):
    """The serial number is not the one that is known: get to know the meter anew."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Histories:
    """What can be asked of a meter's past."""

    windows: bool
    """EC: any half hours, import and export."""
    days: int
    """E2: so many days, today included; 0 = none."""
    export_days: bool
    """E4 for the same days."""
    minutes: bool
    """EE: the registers of the last minutes, import and export."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ToldMinutes:
    """What the meter told of a window of minutes."""

    minutes: tuple[Minute, ...]
    """Newest first; a register is None where none is recorded."""
    now: datetime | None
    """The full minute in which the answer was made, by the meter's clock; None where it did not say."""


class HistoryReader:
    """The histories of one meter; what it refuses is not asked for again until `renew`.

    A day costs two requests: E5, and one Get of the day in both directions with the meter's clock and serial number.
    Where the meter does not stand that many at once it is one Get for each direction, then singles.
    """

    def __init__(self, client: MeterClient, *, clock: Clock, zone: tzinfo) -> None:
        self._client = client
        self._clock = clock
        self._zone = zone
        self._refused: set[int] = set()
        self._days = DAY_MAX + 1
        self._pieces = 0
        self._shrunk_at = 0.0

    def renew(self) -> None:
        """A new session, or another meter: what was refused may be asked again (§2.2)."""
        self._refused.clear()
        self._days = DAY_MAX + 1

    def possible(self, profile: MeterProfile) -> Histories:
        """What the maps of `profile` promise and the meter has not refused."""
        days = profile.has_history_1 and not {IMPORT_DAY, DAY_SELECTOR} & self._refused
        return Histories(
            windows=profile.has_history_2 and not {WINDOW, WINDOW_SELECTOR} & self._refused,
            days=self._days if days else 0,
            export_days=days and EXPORT_DAY in profile.get_map and EXPORT_DAY not in self._refused,
            minutes=profile.has_history_3 and not {MINUTES, MINUTES_SELECTOR} & self._refused,
        )

    async def window(self, profile: MeterProfile, newest: datetime, count: int) -> tuple[HalfHour, ...]:
        """The half hour `newest` (aware) and the `count` - 1 before it, newest first, None where nothing is recorded.

        Raises PropertyRefused where the meter has no such history, AnotherMeter, MeterError for an answer about
        something else, and as `MeterClient.get`.
        """
        local = newest.astimezone(self._zone).replace(tzinfo=None)
        await self._select(WINDOW_SELECTOR, WindowSelector(newest=local, count=count))
        values = await self._get((WINDOW, SERIAL) if SERIAL in profile.get_map else (WINDOW,))
        _check_serial(values, profile)
        if WINDOW not in values:
            raise self._refusal(WINDOW)
        slots = window_half_hours(values[WINDOW], profile, expected=local, zone=self._zone)
        if len(slots) != count:
            raise MeterError(_("The meter's answer is about other half hours than were asked for."))
        return slots

    async def minutes(
        self, profile: MeterProfile, newest: datetime, count: int, *, is_old: bool = False
    ) -> ToldMinutes:
        """The full minute `newest` (aware) and the `count` - 1 before it.

        Raises as `window`. With `is_old`, a refusal means only that the meter does not remember that much.
        """
        local = newest.astimezone(self._zone).replace(tzinfo=None)
        try:
            await self._select(MINUTES_SELECTOR, WindowSelector(newest=local, count=count))
            attending = [epc for epc in (*profile.minute_clock, SERIAL) if epc in profile.get_map]
            values = await self._get((MINUTES, *attending))
            _check_serial(values, profile)
            if MINUTES not in values:
                raise self._refusal(MINUTES)
        except PropertyRefused:
            if is_old:
                self._refused -= {MINUTES, MINUTES_SELECTOR}
            raise
        minutes = window_minutes(values[MINUTES], profile, expected=local, zone=self._zone)
        if len(minutes) != count:
            raise MeterError(_("The meter's answer is about other minutes than were asked for."))
        return ToldMinutes(minutes=minutes, now=minute_served(values, zone=self._zone))

    async def minute_clock(self, profile: MeterProfile) -> tuple[Minute | None, datetime | None]:
        """The minute that D0 carries, and the full minute in which the meter answered, by its own clock."""
        values = await self._get(profile.minute_clock)
        return minute_told(values, profile, zone=self._zone), minute_served(values, zone=self._zone)

    async def day(self, profile: MeterProfile, days_ago: int) -> ToldDay:
        """The day `days_ago` (0 = today) in the directions that the meter has.

        Raises MeterError when its date is not certain, so ask again later; PropertyRefused where the meter has no
        such history; AnotherMeter; and as `MeterClient.get`.
        """
        possible = self.possible(profile)
        try:
            await self._select(DAY_SELECTOR, days_ago)
        except PropertyRefused:
            if days_ago > 0:  # a meter with a shorter memory than 99 days
                self._refused.discard(DAY_SELECTOR)
                self._days = min(self._days, days_ago)
            raise
        wanted = (IMPORT_DAY, EXPORT_DAY) if possible.export_days else (IMPORT_DAY,)
        values, moment = await self._dated(wanted, profile)
        if moment is None:
            raise MeterError(_("The meter's day history cannot be dated at this moment."))
        if IMPORT_DAY not in values:
            raise self._refusal(IMPORT_DAY)
        told = day_told(values, profile, moment=moment, days_ago=days_ago, zone=self._zone)
        if not told.import_told or (EXPORT_DAY in values and not told.export_told):
            raise MeterError(_("The meter's day history is about another day than was asked for."))
        return told

    # --- one Get, or several -------------------------------------------------------------------------------------

    async def _dated(self, wanted: Sequence[int], profile: MeterProfile) -> tuple[dict[int, bytes], Moment | None]:
        """Histories with the moment at which all of them were served; None where they cannot have one date."""
        attending = [epc for epc in (*CLOCK, SERIAL) if epc in profile.get_map]
        if self._splits:
            return await self._dated_singly(wanted, attending, profile)
        values: dict[int, bytes] = {}
        moments: list[Moment | None] = []
        for group in [wanted] if self._pieces == 0 else [[epc] for epc in wanted]:
            answer = await self._get((*attending, *group))
            _check_serial(answer, profile)
            moments.append(moment_served(answer, zone=self._zone))
            values |= answer
        return values, _same_day(moments)

    async def _dated_singly(
        self, wanted: Sequence[int], attending: Sequence[int], profile: MeterProfile
    ) -> tuple[dict[int, bytes], Moment | None]:
        """The clock before and after the histories, since no answer holds both."""
        values: dict[int, bytes] = {}
        for epc in (*attending, *wanted):
            values |= await self._get((epc,))
        _check_serial(values, profile)
        before = moment_served(values, zone=self._zone)
        after = dict(values)
        for epc in attending:
            if epc in CLOCK:
                after |= await self._get((epc,))
        return values, _same_day([before, moment_served(after, zone=self._zone)])

    @property
    def _splits(self) -> bool:
        if self._pieces and self._clock.monotonic() - self._shrunk_at >= FULL_GROUP_AGAIN_S:
            self._pieces = 0
        return self._pieces == 2

    async def _get(self, epcs: Sequence[int]) -> dict[int, bytes]:
        """The values of `epcs`; a history that is refused is not asked for again.

        Raises NoAnswer, and MeterError for an answer that leaves something open; both make the next request smaller.
        """
        if len(epcs) > 1 and self._splits:
            return {epc: edt for single in epcs for epc, edt in (await self._get((single,))).items()}
        try:
            answer = await self._client.get(epcs)
        except NoAnswer:
            self._shrink(epcs)
            raise
        if len(epcs) > 1 and (not answer.values or set(epcs) - set(answer.values) - answer.refused):
            self._shrink(epcs)
            raise MeterError(_("The meter did not answer everything that was asked for at once."))
        self._refused |= answer.refused & _HISTORIES
        return dict(answer.values)

    def _shrink(self, epcs: Sequence[int]) -> None:
        if len(epcs) > 1 and self._pieces < 2:
            self._pieces += 1
            self._shrunk_at = self._clock.monotonic()
            log.info("The meter does not tell that much of its history at once; asking for less.")

    async def _select(self, epc: int, value: object) -> None:
        spec = spec_for(METER, epc)
        assert spec is not None  # every row of the class is in the table
        try:
            await self._client.set(epc, spec.encode(value))
        except PropertyRefused:
            self._refused.add(epc)
            raise

    def _refusal(self, epc: int) -> PropertyRefused:
        self._refused.add(epc)
        return PropertyRefused(_("The meter refuses its history {epc:02X}.").format(epc=epc), epc=epc)


def _check_serial(values: dict[int, bytes], profile: MeterProfile) -> None:
    known, told = profile.identity.serial, serial_number(values)
    if known is not None and told is not None and known != told:
        raise AnotherMeter(
            _("Another meter answers: serial number {told}, not {known}.").format(told=told, known=known)
        )


def _same_day(moments: Sequence[Moment | None]) -> Moment | None:
    """The first of `moments`, if all are known and of one date."""
    first = moments[0]
    if first is None or any(other is None or other.today != first.today for other in moments):
        return None
    return first
