"""One configured meter put together: its link, its client, its reader, and what is remembered of it."""

from __future__ import annotations

from random import Random
from typing import Any, Final

from hems_data_collector.clock import Clock
from hems_data_collector.config import Settings
from hems_data_collector.credentials import Masker
from hems_data_collector.link.base import MeterLink, OnProgress, Pan
from hems_data_collector.link.port import DevicePort
from hems_data_collector.link.restriction import Restriction
from hems_data_collector.link.transport import LinkKind, LinkOrder, link_kind, open_transport
from hems_data_collector.link.wisun import WisunLink
from hems_data_collector.meter.client import MeterClient
from hems_data_collector.meter.profile import MeterProfile
from hems_data_collector.meter.reader import MeterReader
from hems_data_collector.store.ports import Ports, Remembered


class Meter:
    """One meter on one port, and what is remembered of it."""

    def __init__(
        self, settings: Settings, memory: Ports | None, *, clock: Clock, rng: Random, on_progress: OnProgress
    ) -> None:
        self._memory = memory
        self._port = Masker(settings.secrets)(settings.port)  # a URL may hold a secret
        self.remembered = Remembered() if memory is None else memory.recall(self._port)
        fixed = settings.fixed_pan
        order = LinkOrder(
            port=settings.port,
            baudrate=settings.baudrate,
            credentials=settings.credentials,
            clock=clock,
            rng=rng,
            fixed_pan=None if fixed is None else Pan(channel=fixed.channel, pan_id=fixed.pan_id, address=fixed.ipv6),
            cached_pan=self.remembered.pan,
            terminated_at=self.remembered.terminated_at,
            rate=self.remembered.rate,
            stick=self.remembered.stick,
            restriction=self._restriction(clock),
            on_learned=self._keep,
            on_pan_failed=lambda: self._keep(pan=None),
            on_progress=on_progress,
        )
        self.link = link_kind(settings.port, WISUN).make(order)
        self.client = MeterClient(self.link, clock=clock, rng=rng)
        self.reader = MeterReader(
            self.client, clock=clock, zone=settings.zone, mac=self.link.peer, profile=self.remembered.profile
        )
        self.link.on_datagram = self.client.receive
        self.link.on_down = self.client.session_ended
        self.link.on_joined = self._joined
        self.link.on_terminated = lambda moment: self._keep(terminated_at=moment)

    def _joined(self, place: object) -> None:
        self.reader.joined(self.link.peer)
        if isinstance(place, Pan) and place != self.remembered.pan:
            self._keep(pan=place)

    def remember_profile(self, profile: MeterProfile) -> None:
        """Keep what the next start can use."""
        self._keep(profile=profile)

    def _restriction(self, clock: Clock) -> Restriction:
        restriction = Restriction(clock, self.remembered.restricted_until)
        restriction.on_change = lambda until: self._keep(restricted_until=until)
        return restriction

    def _keep(self, **changes: Any) -> None:
        if self._memory is not None:
            self.remembered = self._memory.remember(self._port, **changes)


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
