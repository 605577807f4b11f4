"""One configured meter put together: its link, client and reader, and for the collector what reads it by the clock."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from random import Random
from typing import Any, Final

from hems_data_collector.clock import Clock
from hems_data_collector.collector.backfill import Backfill
from hems_data_collector.collector.minutes import Minutes
from hems_data_collector.collector.poller import Poller
from hems_data_collector.collector.recorder import Recorder
from hems_data_collector.collector.schedule import IntervalSchedule
from hems_data_collector.collector.ticker import Ticker
from hems_data_collector.config import MeterSettings, Settings
from hems_data_collector.link.base import MeterLink, OnProgress, Pan
from hems_data_collector.link.port import DevicePort
from hems_data_collector.link.restriction import Restriction
from hems_data_collector.link.session import SessionState
from hems_data_collector.link.transport import LinkKind, LinkOrder, link_kind, open_transport
from hems_data_collector.link.wisun import WisunLink
from hems_data_collector.meter.client import MeterClient
from hems_data_collector.meter.profile import MeterProfile
from hems_data_collector.meter.reader import MeterReader
from hems_data_collector.meter_name import for_meter
from hems_data_collector.readings import Reading, Record
from hems_data_collector.store.database import Database
from hems_data_collector.store.ports import Ports, Remembered

Publish = Callable[[Reading, Record], None]


class PortInUse:
    """A port as all meters on it share it: what was learned of its modem, and the pause that the law asks for."""

    def __init__(self, shown: str, memory: Ports | None, clock: Clock) -> None:
        """`shown` is the port without the secrets that a URL may hold."""
        self._shown = shown
        self._memory = memory
        self.remembered = Remembered() if memory is None else memory.recall(shown)
        self.restriction = Restriction(clock, self.remembered.restricted_until)
        self.restriction.on_change = lambda until: self.keep(restricted_until=until)

    def keep(self, **changes: Any) -> None:
        """Remember what the next start can use."""
        if self._memory is not None:
            self.remembered = self._memory.remember(self._shown, **changes)


class Meter:
    """One meter on one port, and what is remembered of it."""

    def __init__(
        self,
        own: MeterSettings,
        port: PortInUse,
        memory: Ports | None,
        settings: Settings,
        *,
        clock: Clock,
        rng: Random,
        on_progress: OnProgress,
    ) -> None:
        self.own = own
        self._memory = memory
        self._place = own.shown_port if own.name is None else f"{own.shown_port}#{own.name}"
        self.remembered = Remembered() if memory is None else memory.recall(self._place)
        fixed = own.fixed_pan
        order = LinkOrder(
            port=own.port,
            baudrate=own.baudrate,
            credentials=own.credentials,
            clock=clock,
            rng=rng,
            fixed_pan=None if fixed is None else Pan(channel=fixed.channel, pan_id=fixed.pan_id, address=fixed.ipv6),
            cached_pan=self.remembered.pan,
            terminated_at=self.remembered.terminated_at,
            rate=port.remembered.rate,
            stick=port.remembered.stick,
            restriction=port.restriction,
            on_learned=port.keep,
            on_pan_failed=lambda: self._keep(pan=None),
            on_progress=on_progress,
        )
        self.kind = link_kind(own.port, WISUN)
        self.link = self.kind.make(order)
        self.client = MeterClient(self.link, clock=clock, rng=rng)
        self.reader = MeterReader(
            self.client, clock=clock, zone=settings.zone, mac=self.link.peer, profile=self.remembered.profile
        )
        self.link.on_datagram = self.client.receive
        self.link.on_down = self.client.session_ended
        self.link.on_joined = self._joined
        self.link.on_terminated = lambda moment: self._keep(terminated_at=moment)

    @property
    def name(self) -> str | None:
        """What its owner calls it."""
        return self.own.name

    async def introduce(self) -> None:
        """Get to know a meter that is not remembered; raises as `MeterReader.introduce`."""
        if self.reader.profile is None:
            self.remember_profile(await self.reader.introduce())

    def remember_profile(self, profile: MeterProfile) -> None:
        """Keep what the next start can use."""
        self._keep(profile=profile)

    async def close(self) -> None:
        """End the session in order and let go of the port; never raises."""
        await for_meter(self.name, self.link.close())

    def _joined(self, place: object) -> None:
        self.reader.joined(self.link.peer)
        if isinstance(place, Pan) and place != self.remembered.pan:
            self._keep(pan=place)

    def _keep(self, **changes: Any) -> None:
        if self._memory is not None:
            self.remembered = self._memory.remember(self._place, **changes)


class Watch:
    """A meter that is read whenever its schedule says so, and its past in the time between."""

    def __init__(
        self,
        meter: Meter,
        database: Database,
        recorder: Recorder,
        settings: Settings,
        *,
        clock: Clock,
        publish: Publish,
    ) -> None:
        self.meter = meter
        own = meter.own
        self.ticker = Ticker(own.schedule or IntervalSchedule(own.interval), clock=clock)
        self.poller = Poller(
            meter.reader,
            self.ticker,
            clock=clock,
            zone=settings.zone,
            wait_until_up=lambda: meter.link.wait_until(SessionState.UP),
            recorder=recorder,
            publish=publish,
            recall=recorder.recall,
            minutes=Minutes(
                meter.reader, clock=clock, zone=settings.zone, recall=recorder.recall_minutes, record=recorder.minutes
            ),
            backfill=backfill_of(meter, database, recorder, settings, clock=clock),
            meter_name=own.name,
        )
        meter.client.on_notification = self.poller.notified
        self.poller.on_profile = meter.remember_profile

    def work(self) -> list[Coroutine[Any, Any, None]]:
        """What goes on for ever, each to be a task of its own."""
        each = (self.meter.link.keep(), self.ticker.run(), self.poller.run())
        return [for_meter(self.meter.name, work) for work in each]


def put_together(
    settings: Settings, memory: Ports | None, *, clock: Clock, rng: Random, on_progress: OnProgress
) -> list[Meter]:
    """Every configured meter; those on one port share what is known of that."""
    ports: dict[str, PortInUse] = {}
    made: list[Meter] = []
    for own in settings.meters:
        port = ports.setdefault(own.port, PortInUse(own.shown_port, memory, clock))
        made.append(Meter(own, port, memory, settings, clock=clock, rng=rng, on_progress=on_progress))
    return made


def backfill_of(
    meter: Meter,
    database: Database,
    recorder: Recorder,
    settings: Settings,
    *,
    clock: Clock,
    on_slots: Callable[[int, int], None] = lambda done, expected: None,
) -> Backfill:
    """What fills the ledger of `meter`."""
    return Backfill(
        meter.reader,
        database,
        clock=clock,
        zone=settings.zone,
        spacing_s=settings.backfill_spacing,
        record=recorder.store,
        mark_absent=recorder.mark_absent,
        on_progress=on_slots,
    )


def _wisun(order: LinkOrder) -> MeterLink:
    link = WisunLink(
        port=DevicePort(
            order.port,
            order.baudrate,
            opener=open_transport,
            rate=order.rate,
            stick=order.stick,
            on_learned=order.on_learned,
        ),
        credentials=order.credentials,
        clock=order.clock,
        rng=order.rng,
        fixed_pan=order.fixed_pan,
        cached_pan=order.cached_pan,
        terminated_at=order.terminated_at,
        restriction=order.restriction,
        on_progress=order.on_progress,
    )
    link.on_pan_failed = order.on_pan_failed
    return link


WISUN: Final = LinkKind(make=_wisun, one_at_a_time=True)
"""A stick on a serial port, which every port has that says nothing else."""
