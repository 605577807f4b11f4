"""Getting to know one meter, polling it, and reading its history (docs/architecture.md).

A cold start costs two requests before the first poll; a poll costs one request; a meter that cannot stand groups is
asked in smaller ones.
"""

from __future__ import annotations

import logging
from collections.abc import Coroutine, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, tzinfo
from gettext import gettext as _
from typing import Final, TypeVar

from hems_data_collector.clock import Clock
from hems_data_collector.echonet import HISTORY_2_MAX, NODE_PROFILE
from hems_data_collector.errors import HemsError, MeterError, NoAnswer, PropertyError, PropertyRefused
from hems_data_collector.meter.client import Answer, MeterClient
from hems_data_collector.meter.groups import PropertyGroups
from hems_data_collector.meter.history import AnotherMeter, Histories, HistoryReader, ToldMinutes
from hems_data_collector.meter.interpret import (
    ToldDay,
    fixed_half_hour,
    has_t_phase,
    malformed,
    minute_told,
    reading_from,
)
from hems_data_collector.meter.profile import (
    MAPS_AND_MANDATORY,
    VERIFIED_CONSTANTS,
    MeterProfile,
    usable,
    with_constants,
)
from hems_data_collector.readings import HALF_HOUR, HalfHour, HalfHourSource, MeterIdentity, Minute, Reading

log = logging.getLogger(__name__)

T = TypeVar("T")

HISTORY_COUNT: Final = HISTORY_2_MAX
_NODE_ID_EPC: Final = 0x83


@dataclass(frozen=True, slots=True, kw_only=True)
class Poll:
    """One reading, and the half hour and the minute that came with it."""

    reading: Reading
    half_hour: HalfHour | None
    minute: Minute | None


class MeterReader:
    """One meter behind a client. `profile` is None until `introduce` or a remembered profile gives it."""

    def __init__(
        self, client: MeterClient, *, clock: Clock, zone: tzinfo, mac: str | None, profile: MeterProfile | None = None
    ) -> None:
        self._client = client
        self._clock = clock
        self._zone = zone
        self._mac = mac
        self.profile = profile
        self._groups = PropertyGroups(() if profile is None else profile.polled)
        self._history = HistoryReader(client, clock=clock, zone=zone)
        self.malformed = 0
        self.sessions = 0
        """How often a session has begun."""

    # --- getting to know the meter -------------------------------------------------------------------------------

    async def introduce(self) -> MeterProfile:
        """Read maps, constants and identity: two requests on a meter that answers groups (AIF §3.1.2-3.1.3).

        Raises NoAnswer, SessionLost, other LinkErrors, or MeterError where the meter's own description is unusable.
        """
        profile = MeterProfile(identity=MeterIdentity(mac=self._mac))
        try:
            profile = with_constants(profile, await self._values(MAPS_AND_MANDATORY))
            usable(profile)
            if constants := profile.constants:
                profile = with_constants(profile, await self._values(constants))
        except PropertyError as error:
            raise MeterError(
                _("The meter describes itself in a way that cannot be used: {what}").format(what=error.what),
                cause=_("A corrupted answer, or a meter of an unknown kind."),
                remedy=_("The collector asks again; if it stays so, report it with the output of --debug."),
            ) from error
        if profile.identity.serial is None:
            profile = replace(profile, identity=replace(profile.identity, node_id=await self._node_id()))
        self.adopt(profile)
        log.info(
            "Meter %s: release %s, %d properties, one count = %s kWh, %s.",
            profile.identity.key,
            profile.release or "?",
            len(profile.get_map),
            profile.scale.kwh(1),
            _("with history 2") if profile.has_history_2 else _("history 1 only"),
        )
        return profile

    def adopt(self, profile: MeterProfile) -> None:
        """Use `profile` from now on, asking for the full group again."""
        self.profile = profile
        self._groups.renew(profile.polled)
        self._history.renew()

    def joined(self, mac: str | None) -> None:
        """A new session with the meter of radio address `mac`: what was refused may be asked again; another radio is
        another meter."""
        self._mac = mac
        self.sessions += 1
        self._history.renew()
        if self.profile is not None and self.profile.identity.mac != mac:
            self.profile = None
        elif self.profile is not None:
            self._groups.renew(self.profile.polled)

    async def _values(self, epcs: Sequence[int]) -> Mapping[int, bytes]:
        """The values of `epcs`, in one request where the meter answers it, else one by one."""
        try:
            values = dict((await self._client.get(epcs)).values)
        except NoAnswer:
            values = {}
        singly = [epc for epc in epcs if not values or (epc not in values and epc in MAPS_AND_MANDATORY)]
        for epc in singly:
            try:
                values.update((await self._client.get([epc])).values)
            except NoAnswer:
                if epc in MAPS_AND_MANDATORY:
                    raise
        return values

    async def _node_id(self) -> str | None:
        try:
            answer = await self._client.get([_NODE_ID_EPC], eoj=NODE_PROFILE)
        except NoAnswer:
            return None
        edt = answer.values.get(_NODE_ID_EPC)
        return edt.hex().upper() if edt else None

    async def verify(self) -> bool:
        """Read 8D, D3 and E1 again; False when this is not the meter or the scale that was remembered.

        A meter without a serial number is asked for its node's number, where it is known by that.
        """
        profile = self._known()
        epcs = [epc for epc in VERIFIED_CONSTANTS if epc in profile.get_map]
        values = await self._values(epcs)
        try:
            if with_constants(profile, values) != profile:
                return False
        except PropertyError:
            return False
        known = profile.identity
        return known.serial is not None or known.node_id is None or await self._node_id() in (None, known.node_id)

    # --- polling -------------------------------------------------------------------------------------------------

    async def poll(self) -> Poll:
        """One reading, by one request in the normal case.

        Raises NoAnswer when the meter answers nothing of it (the next poll asks in smaller groups), else as
        `MeterClient.get`.
        """
        profile = self._known()
        now = self._clock.monotonic()
        values: dict[int, bytes] = {}
        stamp: Answer | None = None
        silent: NoAnswer | None = None
        for group in self._groups.current(now):
            try:
                answer = await self._client.get(group)
            except NoAnswer as error:
                silent = error
                self._shrink(now)
                continue
            self._learn(group, answer, now)
            values.update(answer.values)
            if stamp is None or 0xE7 in answer.values:
                stamp = answer
        if stamp is None or not values:
            raise silent or NoAnswer(_("The meter answered with no values at all."))
        return self._interpreted(values, stamp, profile)

    def _interpreted(self, values: dict[int, bytes], stamp: Answer, profile: MeterProfile) -> Poll:
        for error in malformed(values):
            self.malformed += 1
            log.debug("property %02X is malformed: %s", error.epc, error.what)
        if has_t_phase(values) and not profile.t_seen:
            self.profile = profile = replace(profile, t_seen=True)
        reading = reading_from(values, profile, received_at=stamp.received_at, zone=self._zone, lqi=stamp.lqi)
        half_hour = fixed_half_hour(values, profile, zone=self._zone, source=HalfHourSource.POLL)
        minute = minute_told(values, profile, zone=self._zone)
        return Poll(reading=reading, half_hour=half_hour, minute=minute)

    def _learn(self, group: Sequence[int], answer: Answer, now: float) -> None:
        """An SNA with good values names what the meter lacks; one with none is a group it cannot stand (§2.2)."""
        if answer.values or len(group) == 1:
            for epc in answer.refused & set(group):
                log.info("The meter refuses property %02X; it is not asked for again in this session.", epc)
                self._groups.drop(epc)
        else:
            self._shrink(now)

    def _shrink(self, now: float) -> None:
        if self._groups.shrink(now):
            log.info("The meter does not answer that many properties at once; asking in smaller groups.")

    @property
    def overdue(self) -> bool:
        """As `MeterClient.overdue`."""
        return self._client.overdue

    async def probe(self) -> None:
        """As `MeterClient.probe`."""
        await self._client.probe()

    async def fixed(self) -> HalfHour | None:
        """EA (and EB) alone, for when the half-hourly notification did not come (AIF §3.3.1)."""
        profile = self._known()
        epcs = [epc for epc in (0xEA, 0xEB) if epc in profile.get_map]
        answer = await self._client.get(epcs)
        return fixed_half_hour(answer.values, profile, zone=self._zone, source=HalfHourSource.POLL)

    # --- history -------------------------------------------------------------------------------------------------

    @property
    def histories(self) -> Histories:
        """What can be asked of the meter's past, as far as is known by now."""
        return self._history.possible(self._known())

    async def window(self, newest: datetime, count: int) -> tuple[HalfHour, ...]:
        """As `HistoryReader.window`; another meter is no longer this one: `profile` is None then."""
        return await self._of_this_meter(self._history.window(self._known(), newest, count))

    async def day(self, days_ago: int) -> ToldDay:
        """As `HistoryReader.day`; another meter is no longer this one: `profile` is None then."""
        return await self._of_this_meter(self._history.day(self._known(), days_ago))

    async def minutes(self, newest: datetime, count: int, *, is_old: bool = False) -> ToldMinutes:
        """As `HistoryReader.minutes`; another meter is no longer this one: `profile` is None then."""
        return await self._of_this_meter(self._history.minutes(self._known(), newest, count, is_old=is_old))

    async def minute_clock(self) -> tuple[Minute | None, datetime | None]:
        """As `HistoryReader.minute_clock`."""
        return await self._history.minute_clock(self._known())

    async def _of_this_meter(self, told: Coroutine[object, object, T]) -> T:
        try:
            return await told
        except AnotherMeter:
            self.profile = None
            raise

    async def history(self, newest: datetime, count: int = HISTORY_COUNT) -> tuple[HalfHour, ...]:
        """The registers at `newest` (aware, a half-hour instant) and the `count` - 1 half hours before it.

        By absolute time (EC) where the meter has it, else from the day histories (E2, E4) dated by the meter's own
        clock; slots that the meter never recorded are left out. Raises MeterError when the meter can do neither, and
        as `MeterClient.get`.
        """
        if self.histories.windows:
            try:
                slots = await self.window(newest, count)
            except PropertyRefused:
                log.info("The meter refuses history 2; using history 1.")
            else:
                return tuple(slot for slot in slots if slot.import_raw is not None)
        if self.histories.days:
            return await self._days(newest, count)
        raise MeterError(_("The meter has no readable history."))

    async def _days(self, newest: datetime, count: int) -> tuple[HalfHour, ...]:
        oldest = newest - (count - 1) * HALF_HOUR
        wanted_from = oldest.astimezone(self._zone).date()
        found: dict[datetime, HalfHour] = {}
        for days_ago in range(self.histories.days):
            told = await self.day(days_ago)
            found |= {slot.at: slot for slot in told.half_hours if slot.import_raw is not None}
            if told.day <= wanted_from:
                break
        return tuple(found[at] for at in sorted(found, reverse=True) if oldest <= at <= newest)

    def _known(self) -> MeterProfile:
        if self.profile is None:
            raise HemsError(_("The meter is not known yet."))
        return self.profile
