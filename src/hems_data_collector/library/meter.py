"""One smart meter for a program of your own: `async with Meter.open(port, credentials) as meter` (docs/library.md)."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from datetime import date, datetime, time, timedelta, tzinfo
from functools import partial
from gettext import gettext as _
from random import Random
from types import TracebackType
from typing import Final, Self, TypeVar
from weakref import WeakSet
from zoneinfo import ZoneInfo

from hems_data_collector.clock import Clock, SystemClock
from hems_data_collector.credentials import Credentials
from hems_data_collector.echonet import METER, Value, decode_property, spec_for
from hems_data_collector.emulator import Emulator
from hems_data_collector.errors import HemsError, LinkError, NoAnswer, PropertyRefused, SessionLost
from hems_data_collector.library.half_hours import Past, energies, energy_of, slot_before
from hems_data_collector.library.notifications import Notification, Notifications
from hems_data_collector.library.ports import Place
from hems_data_collector.link.base import OnProgress, Pan, WifiPlace
from hems_data_collector.link.session import SessionState
from hems_data_collector.link.transport import LinkOrder, Opener
from hems_data_collector.meter import client
from hems_data_collector.meter.interpret import decoded, fixed_half_hour
from hems_data_collector.meter.profile import MeterProfile
from hems_data_collector.meter.reader import MeterReader
from hems_data_collector.readings import HALF_HOUR, HalfHour, HalfHourEnergy, HalfHourSource, MeterIdentity, Reading

log = logging.getLogger(__name__)

T = TypeVar("T")

TIMEOUT_S: Final = 120.0  # a request that stays without an answer takes 60 s, a new session with a scan about 30 s
RETRY_S: Final = 3.0  # between an attempt that failed and the next
SLOTS_KEPT: Final = 2  # the newest half hour may come twice, by a poll and by its notification
LOOK_S: Final = 60.0  # how often to see whether the meter has left out a half hour that it should have announced
BAUDRATE: Final = 115_200
ZONE: Final = ZoneInfo("Asia/Tokyo")


class Meter:
    """One meter, joined for as long as `async with` lasts.

    A session that gets lost meanwhile is set up again by itself, for ever; a request that falls into such a time waits
    for it up to its own `timeout_s`. Requests of several tasks are done one after the other.
    """

    def __init__(
        self,
        place: Place,
        *,
        baudrate: int,
        pan: Pan | WifiPlace | None,
        zone: tzinfo,
        clock: Clock,
        on_progress: OnProgress,
    ) -> None:
        """Use `open`."""
        self._clock, self._zone = clock, zone
        self._link = place.link_factory(clock)(
            LinkOrder(
                port=place.url,
                opener=place.opener,
                baudrate=baudrate,
                credentials=place.credentials,
                clock=clock,
                rng=Random(),
                cached_pan=pan if isinstance(pan, Pan) else None,
                cached_wifi=pan if isinstance(pan, WifiPlace) else None,
                on_progress=on_progress,
            )
        )
        self._client = client.MeterClient(self._link, clock=clock, rng=Random())
        self._reader = MeterReader(self._client, clock=clock, zone=zone, mac=self._link.peer)
        self._link.on_datagram = self._client.receive
        self._link.on_down = self._down
        self._link.on_joined = self._joined
        self._client.on_notification = self._notified
        self._turn = asyncio.Lock()
        self._listeners: WeakSet[Notifications] = WeakSet()
        self._work: list[asyncio.Task[None]] = []
        self._slots: dict[datetime, HalfHour] = {}
        self._lost: LinkError | None = None
        self._place: Pan | WifiPlace | None = None
        self._profile: MeterProfile | None = None

    @classmethod
    def open(
        cls,
        port: str | Emulator,
        credentials: Credentials | None = None,
        *,
        baudrate: int = BAUDRATE,
        place: Pan | WifiPlace | None = None,
        zone: tzinfo = ZONE,
        opener: Opener | None = None,
        clock: Clock | None = None,
        on_progress: OnProgress = lambda _: None,
    ) -> Meter:
        """A meter to be used with `async with`, which joins it within three minutes.

        `port` is whatever `--port` takes (docs/configuration.md), or an emulator that you hold. `credentials` are
        taken from B_ROUTE_ID and B_ROUTE_PASSWORD where they are left out; the emulator, the home network and a
        replayed transcript need none. `place` is the `place` of an earlier meter, which saves the scan; it is looked
        for again if it is not there. `zone` is the zone of the meter's clock. `opener(port, baudrate)` replaces what
        opens the port, and `clock` all waiting, for tests.

        Raises ConfigError here; entering raises PortError, ModemError, LinkError or MeterError.
        """
        clock = clock or SystemClock()
        return cls(
            Place(port, credentials, opener, clock),
            baudrate=baudrate,
            pan=place,
            zone=zone,
            clock=clock,
            on_progress=on_progress,
        )

    async def __aenter__(self) -> Self:
        """Join and get to know the meter."""
        try:
            await self._link.connect_once()
            self._work = [
                asyncio.create_task(self._link.keep(), name="meter-link"),
                asyncio.create_task(self._look(), name="meter-look"),
            ]
            await self._done(self._known, TIMEOUT_S)
        except BaseException:
            await self._close()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End the session in order and let go of the port; a bug that ended the link is raised."""
        ended = await self._close()
        if kind is None and ended is not None:
            raise ended

    # --- who and where it is -------------------------------------------------------------------------------------

    @property
    def profile(self) -> MeterProfile:
        """The meter's constants: its maps, its units, its digits."""
        if self._profile is None:
            raise HemsError(_("The meter is not known before it is joined: use `async with`."))
        return self._profile

    @property
    def identity(self) -> MeterIdentity:
        """Maker and serial number, and its other names; `identity.key` is the `meter` of readings."""
        return self.profile.identity

    @property
    def place(self) -> Pan | WifiPlace | None:
        """Where it was joined; `open(place=...)` saves the next scan with it."""
        return self._place

    @property
    def connected(self) -> bool:
        """There is a session at this moment."""
        return self._link.state is SessionState.UP

    # --- what it says now ----------------------------------------------------------------------------------------

    async def read(self, *, timeout_s: float = TIMEOUT_S) -> Reading:
        """One reading, by one request.

        Raises SessionLost or another LinkError where there was no session for `timeout_s` seconds, NoAnswer where the
        meter did not answer, MeterError where it makes no sense.
        """
        poll = await self._done(self._reader.poll, timeout_s)
        self._profile = self._reader.profile or self._profile
        if poll.half_hour is not None:
            self._remember(poll.half_hour)
        return poll.reading

    async def get(self, epc: int, *, timeout_s: float = TIMEOUT_S) -> Value:
        """The value of one property (docs/properties.md); "no data" is a `NoValue`.

        Raises PropertyRefused where the meter does not have it, PropertyError where its bytes make no sense, else as
        `read`.
        """
        answer = await self._done(partial(self._client.get, (epc,)), timeout_s)
        if epc not in answer.values:
            raise PropertyRefused(_("The meter refuses property {epc:02X}.").format(epc=epc), epc=epc)
        return decode_property(METER, epc, answer.values[epc])

    async def set(self, epc: int, value: Value, *, timeout_s: float = TIMEOUT_S) -> None:
        """Set one property, with bytes for one that nobody has defined; for experts: this is a meter.

        Raises ValueError for a value that the property cannot have, PropertyRefused where the meter does not take it,
        else as `read`.
        """
        spec = spec_for(METER, epc)
        if spec is not None:
            edt = spec.encode(value)
        elif isinstance(value, bytes):
            edt = value
        else:
            raise ValueError(f"Property {epc:02X} is not known: give its bytes.")
        await self._done(partial(self._client.set, epc, edt), timeout_s)

    def notifications(self) -> Notifications:
        """What the meter says on its own from now on: above all each half hour, minutes after it is over.

        `async for` goes on over lost sessions and ends when the meter is closed. What comes during a lost session is
        lost; `half_hours` has it.
        """
        listener = Notifications()
        self._listeners.add(listener)
        return listener

    # --- its past ------------------------------------------------------------------------------------------------

    async def half_hours(
        self, start: datetime, end: datetime, *, timeout_s: float = TIMEOUT_S
    ) -> tuple[HalfHourEnergy, ...]:
        """The complete half hours between two moments, oldest first, from the meter's own memory of 99 days.

        Those that it has not recorded are left out. `start` and `end` are aware; `timeout_s` is for each request, of
        which a day takes two. Raises ValueError for naive moments, MeterError where the meter has no history, else as
        `read`.
        """
        if start.tzinfo is None or end.tzinfo is None:
            raise ValueError("Give moments with a time zone.")
        first, last = slot_before(start), slot_before(end)
        if first < start:
            first += HALF_HOUR
        past = Past(
            self._reader, zone=self._zone, now=self._clock.now(), ask=partial(self._done_within, timeout_s=timeout_s)
        )
        await past.read(first, last)
        return tuple(energies(past.found, first, last, self.profile.digits))

    async def day(self, day: date, *, timeout_s: float = TIMEOUT_S) -> tuple[HalfHourEnergy, ...]:
        """The half hours of one day of the meter's calendar, as `half_hours`."""
        start, end = (datetime.combine(each, time(), self._zone) for each in (day, day + timedelta(days=1)))
        return await self.half_hours(start, end, timeout_s=timeout_s)

    # --- doing it, whatever happens to the session ---------------------------------------------------------------

    async def _done(self, request: Callable[[], Awaitable[T]], timeout_s: float) -> T:
        """`request` once there is a session, and again after a silence or a lost session, until the time is over."""
        failures: list[HemsError] = []
        try:
            return await self._clock.wait_for(self._repeated(request, failures), timeout_s)
        except TimeoutError:
            raise self._too_late(failures, timeout_s) from None

    async def _done_within(self, request: Callable[[], Awaitable[T]], *, timeout_s: float) -> T:
        return await self._done(request, timeout_s)

    async def _repeated(self, request: Callable[[], Awaitable[T]], failures: list[HemsError]) -> T:
        async with self._turn:
            while True:
                await self._link.wait_until(SessionState.UP)
                try:
                    if self._reader.profile is None:
                        self._profile = await self._reader.introduce()
                    return await request()
                except (NoAnswer, LinkError) as error:
                    log.debug("%s", error.what)
                    failures.append(error)
                await self._clock.sleep(RETRY_S)

    def _too_late(self, failures: list[HemsError], timeout_s: float) -> HemsError:
        if not self.connected:
            return SessionLost(
                _("There was no session with the meter for {seconds:.0f} s.").format(seconds=timeout_s),
                cause="" if self._lost is None else self._lost.what,
                remedy=_("It is set up again by itself as soon as that is possible: try again later."),
            )
        return (
            failures[-1]
            if failures
            else NoAnswer(_("The meter did not answer within {seconds:.0f} s.").format(seconds=timeout_s))
        )

    async def _known(self) -> None:
        """Nothing more than what every request begins with."""

    async def _look(self) -> None:
        """Notice a session that is only dead, from a half hour that was not announced."""
        while True:
            await self._clock.sleep(LOOK_S)
            if self._reader.overdue and not self._turn.locked():
                async with self._turn:
                    try:
                        await self._reader.probe()
                    except HemsError as error:
                        log.debug("%s", error.what)

    async def _close(self) -> BaseException | None:
        """What ended the work before we did, if it was a bug; never raises."""
        for task in self._work:
            task.cancel()
        ended = await asyncio.gather(*self._work, return_exceptions=True)
        await self._link.close()
        for listener in self._listeners:
            listener.close()
        return next((each for each in ended if isinstance(each, Exception)), None)

    # --- what the link tells -------------------------------------------------------------------------------------

    def _joined(self, place: object) -> None:
        self._reader.joined(self._link.peer)
        if isinstance(place, Pan | WifiPlace):
            self._place = place

    def _down(self, error: LinkError) -> None:
        self._lost = error
        self._client.session_ended(error)

    def _notified(self, told: client.Notification) -> None:
        if told.source != METER:
            return
        notification = Notification(
            received_at=told.received_at, half_hour=self._announced(told), values=decoded(told.values)
        )
        for listener in self._listeners:
            listener.put(notification)

    def _announced(self, told: client.Notification) -> HalfHourEnergy | None:
        profile = self._reader.profile
        if profile is None:
            return None
        slot = fixed_half_hour(told.values, profile, zone=self._zone, source=HalfHourSource.NOTIFICATION)
        if slot is None:
            return None
        self._remember(slot)
        return energy_of(self._slots.get(slot.at - HALF_HOUR), slot, profile.digits)

    def _remember(self, slot: HalfHour) -> None:
        self._slots[slot.at] = slot
        while len(self._slots) > SLOTS_KEPT:
            del self._slots[min(self._slots)]
