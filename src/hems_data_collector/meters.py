"""One configured meter put together: its link, its client, its reader, and what is remembered of it."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING, Any, Final

from hems_data_collector.clock import Clock
from hems_data_collector.config import Settings
from hems_data_collector.errors import HemsError
from hems_data_collector.link.base import MeterLink, OnProgress, Pan, WifiPlace
from hems_data_collector.link.counters import LinkCounters
from hems_data_collector.link.port import DevicePort
from hems_data_collector.link.restriction import Restriction
from hems_data_collector.link.session import SessionState
from hems_data_collector.link.transport import LinkFactory, LinkKind, LinkOrder, Opener, link_kind, open_transport
from hems_data_collector.link.wifi_port import WifiPort
from hems_data_collector.link.wisun import WisunLink
from hems_data_collector.meter.client import ClientCounters, MeterClient
from hems_data_collector.meter.profile import MeterProfile
from hems_data_collector.meter.reader import MeterReader
from hems_data_collector.meter_name import for_meter
from hems_data_collector.meter_settings import MeterSettings
from hems_data_collector.store.ports import Ports, Remembered

if TYPE_CHECKING:
    from hems_data_collector.link.neighbours import Neighbours


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
        opener: Opener = open_transport,
    ) -> None:
        self.own = own
        self._memory = memory
        self._place = own.place
        self.remembered = Remembered() if memory is None else memory.recall(self._place)
        fixed = own.fixed_pan
        order = LinkOrder(
            port=own.port,
            opener=opener,
            baudrate=own.baudrate,
            credentials=own.credentials,
            clock=clock,
            rng=rng,
            fixed_pan=None if fixed is None else Pan(channel=fixed.channel, pan_id=fixed.pan_id, address=fixed.ipv6),
            cached_pan=self.remembered.pan,
            cached_wifi=self.remembered.wifi,
            terminated_at=self.remembered.terminated_at,
            rate=port.remembered.rate,
            stick=port.remembered.stick,
            restriction=port.restriction,
            on_learned=port.keep,
            on_pan_failed=lambda: self._keep(pan=None),
            on_progress=on_progress,
        )
        kind = link_kind(own.port, WISUN)
        self.takes_turns = kind.one_at_a_time
        """Several meters on its port have a session one after the other."""
        self.link = kind.make(order)
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

    @property
    def shown_port(self) -> str:
        """Its port without secrets."""
        return self.own.shown_port

    @property
    def key(self) -> str | None:
        """Who it is, once known."""
        return None if self.reader.profile is None else self.reader.profile.identity.key

    @property
    def session(self) -> SessionState:
        """Where its session stands."""
        return self.link.state

    @property
    def trouble(self) -> HemsError | None:
        """Why it has no session, as far as is known."""
        return self.link.trouble

    @property
    def link_counters(self) -> LinkCounters:
        """What its link has done."""
        return self.link.counters

    @property
    def request_counters(self) -> ClientCounters:
        """What was asked of it."""
        return self.client.counters

    @property
    def malformed(self) -> int:
        """Values that could not be decoded, in answers that could."""
        return self.reader.malformed

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
        elif isinstance(place, WifiPlace) and place != self.remembered.wifi:
            self._keep(wifi=place)

    def _keep(self, **changes: Any) -> None:
        if self._memory is not None:
            self.remembered = self._memory.remember(self._place, **changes)


def put_together(
    settings: Settings,
    memory: Ports | None,
    *,
    clock: Clock,
    rng: Random,
    on_progress: OnProgress,
    opener: Opener = open_transport,
) -> list[Meter]:
    """Every configured meter; those on one port share what is known of that."""
    ports: dict[str, PortInUse] = {}
    made: list[Meter] = []
    for own in settings.meters:
        port = ports.setdefault(own.port, PortInUse(own.shown_port, memory, clock))
        made.append(Meter(own, port, memory, settings, clock=clock, rng=rng, on_progress=on_progress, opener=opener))
    return made


def _wisun(order: LinkOrder) -> MeterLink:
    link = WisunLink(
        port=DevicePort(
            order.port,
            order.baudrate,
            opener=order.opener,
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


def wifi_links(clock: Clock, rng: Random) -> LinkFactory:
    """Links over the home network; those of one program share one socket for each interface."""
    shared: list[Neighbours] = []

    def make(order: LinkOrder) -> MeterLink:
        from hems_data_collector.link.neighbours import Neighbours  # only who uses it pays for it
        from hems_data_collector.link.udp import SystemNetwork
        from hems_data_collector.link.wifi import WifiLink

        if not shared:
            shared.append(Neighbours(SystemNetwork(), clock=clock, rng=rng))
        return WifiLink(
            WifiPort.parse(order.port),
            neighbours=shared[0],
            clock=order.clock,
            rng=order.rng,
            remembered=order.cached_wifi,
            on_progress=order.on_progress,
        )

    return make


WISUN: Final = LinkKind(make=_wisun, one_at_a_time=True)
"""A stick on a serial port, which every port has that says nothing else."""
