"""Looking around without joining: which modem is there, and which meters answer it.

Works as a link does until it has found its meter: the same recognition, the same sweeps of growing length.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from types import TracebackType
from typing import Final, Self

from hems_data_collector import skstack
from hems_data_collector.clock import Clock
from hems_data_collector.credentials import Credentials
from hems_data_collector.errors import CommandRefused, CommandTimeout, HemsError, MeterNotFound, PortError
from hems_data_collector.link.base import OnProgress, Pan
from hems_data_collector.link.counters import LinkCounters
from hems_data_collector.link.failures import air_time_used_up
from hems_data_collector.link.places import Places
from hems_data_collector.link.port import Port
from hems_data_collector.link.recognise import PROBE_TIMEOUT_S
from hems_data_collector.link.restriction import Restriction
from hems_data_collector.link.scan import Scanner, scan_did_not_end
from hems_data_collector.link.seeking import Seeking
from hems_data_collector.link.session import SessionInput
from hems_data_collector.link.stick import Stick
from hems_data_collector.skstack import (
    MODULES,
    AppVersion,
    Event,
    EventNumber,
    Info,
    ModemEvent,
    PanDescription,
    PayloadMode,
)

_MAKER_DIGITS: Final = 8
"""Of the modem's own MAC address: with the firmware they tell one product from another."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ModemFound:
    """What a modem says of itself."""

    version: str
    app_version: str | None
    """None where it does not tell."""
    dialect: str
    rate: int
    payloads: PayloadMode | None
    """None: the first datagram will show it."""
    products: tuple[str, ...]
    """Those known with this firmware; the USB bridge in front of it tells nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """One PAN that answered."""

    channel: int
    pan_id: int
    mac: str
    lqi: int
    ours: bool
    """It answers to our id."""

    @property
    def address(self) -> str:
        """The link-local address."""
        return skstack.link_local_of(self.mac)

    @property
    def rssi_dbm(self) -> float:
        """The strength of its beacon."""
        return float(skstack.rssi_dbm(self.lqi))

    @property
    def pan(self) -> Pan:
        """Where to join it."""
        return Pan(channel=self.channel, pan_id=self.pan_id, address=self.address, lqi=self.lqi)


class Survey:
    """One opening of a port, as an async context manager; errors as `Stick.open` and those of a scan."""

    def __init__(
        self,
        port: Port,
        *,
        credentials: Credentials,
        clock: Clock,
        on_progress: OnProgress = lambda _: None,
        restriction: Restriction | None = None,
    ) -> None:
        self._clock = clock
        self._pair_id = credentials.pair_id.reveal().upper()
        self._scanner = Scanner(credentials)
        self._on_progress = on_progress
        self._restriction = restriction or Restriction(clock)
        self._happened = asyncio.Event()
        self._limited = False
        self._swept = False
        self._lost: PortError | None = None
        self._heard: dict[tuple[int, int, str], Heard] = {}
        counters = LinkCounters()
        self.has_rate = len(port.rates) > 1
        """The port has a speed that may be another one than the modem's."""
        self._stick = Stick(
            port,
            credentials=credentials,
            clock=clock,
            restriction=self._restriction,
            counters=counters,
            on_event=self._on_event,
            on_lost=self._on_lost,
        )
        self._seeking = Seeking(
            self._stick,
            Places(fixed=None, cached=None),
            self._scanner,
            clock=clock,
            restriction=self._restriction,
            counters=counters,
            on_progress=on_progress,
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._on_progress(None)
        await self._stick.close()

    async def recognise(self) -> ModemFound:
        """Open the port and find out what is behind it; raises PortError, ModemError."""
        await self._stick.open()
        stick = self._stick
        app_version = await self._app_version()
        return ModemFound(
            version=stick.version,
            app_version=app_version,
            dialect=stick.dialect.name,
            rate=stick.rate,
            payloads=stick.modem.payload_mode,
            products=products_of(stick.version, app_version, await self._own_mac()),
        )

    async def scan(self) -> tuple[Heard, ...]:
        """What answers, the strongest first: sweeps of growing length until one hears a meter of ours.

        Empty where none of them hears anything. Raises PortError, ModemError, SendRestricted.
        """
        if self._restriction.active:
            raise air_time_used_up()
        self._scanner.begin()
        found: SessionInput | None = None
        while found is not SessionInput.FOUND:
            await self._sweep()
            try:
                found = await self._seeking.collect()
            except MeterNotFound:
                break
        self._on_progress(None)
        return tuple(sorted(self._heard.values(), key=lambda heard: (not heard.ours, -heard.lqi)))

    async def _sweep(self) -> None:
        """One sweep to its end; a modem that reports none has failed."""
        self._swept = False
        self._happened.clear()
        await self._seeking.sweep()
        try:
            await self._clock.wait_for(self._until_swept(), self._scanner.limit_s)
        except TimeoutError:
            raise scan_did_not_end() from None

    async def _until_swept(self) -> None:
        while (trouble := self._trouble()) is None and not self._swept:
            await self._happened.wait()
            self._happened.clear()
        if trouble is not None:
            raise trouble

    def _trouble(self) -> HemsError | None:
        return self._lost if self._lost is not None else air_time_used_up() if self._limited else None

    async def _app_version(self) -> str | None:
        try:
            done = await self._stick.modem.execute(skstack.skappver(), timeout_s=PROBE_TIMEOUT_S)
        except (CommandRefused, CommandTimeout):  # not every firmware has it (skstack-ip §5.1)
            return None
        return next((answer.text for answer in done.answers if isinstance(answer, AppVersion)), None)

    async def _own_mac(self) -> str:
        done = await self._stick.modem.execute(skstack.skinfo())
        return next((answer.mac for answer in done.answers if isinstance(answer, Info)), "")

    def _on_event(self, event: ModemEvent) -> None:
        if isinstance(event, PanDescription):
            self._scanner.beacon(event)
            ours = event.pair_id is None or event.pair_id.upper() == self._pair_id
            heard = Heard(channel=event.channel, pan_id=event.pan_id, mac=event.mac, lqi=event.lqi, ours=ours)
            self._heard[heard.channel, heard.pan_id, heard.mac] = heard
        elif isinstance(event, Event) and event.number == EventNumber.SCAN_DONE:
            self._swept = True
            self._happened.set()
        elif isinstance(event, Event) and event.number == EventNumber.SEND_LIMIT_REACHED:
            self._restriction.reach()
            self._limited = True
            self._happened.set()

    def _on_lost(self, error: PortError) -> None:
        self._lost = error
        self._happened.set()


def products_of(version: str, app_version: str | None, mac: str) -> tuple[str, ...]:
    """The products with this firmware; where the modem's address fits one of them, that one alone."""
    same = [
        module
        for module in MODULES.values()
        if module.version == version and (app_version is None or module.app_version in (None, app_version))
    ]
    by_mac = [module for module in same if mac[:_MAKER_DIGITS] == module.mac_prefix[:_MAKER_DIGITS]]
    return tuple(module.title for module in by_mac or same)
