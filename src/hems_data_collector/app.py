"""The only wiring: settings in, a running collector out. Reads like a checklist (DESIGN §3)."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from functools import partial
from random import Random
from typing import TYPE_CHECKING, Any, Final

from hems_data_collector.clock import Clock, SystemClock
from hems_data_collector.collector.delivery import Delivery
from hems_data_collector.collector.poller import Poller, read_now
from hems_data_collector.collector.schedule import IntervalSchedule
from hems_data_collector.collector.ticker import Ticker
from hems_data_collector.config import Settings
from hems_data_collector.link.base import OnProgress, Pan, Progress
from hems_data_collector.link.session import SessionState
from hems_data_collector.link.transport import Transport, open_transport, register_scheme
from hems_data_collector.link.wisun import WisunLink
from hems_data_collector.meter.client import MeterClient
from hems_data_collector.meter.profile import MeterProfile
from hems_data_collector.meter.reader import MeterReader
from hems_data_collector.outputs import OUTPUTS
from hems_data_collector.outputs.formats import FORMATS
from hems_data_collector.readings import Consumption, HalfHour, Reading, Record, published
from hems_data_collector.settings_values import EMULATOR_SCHEME
from hems_data_collector.store.state_file import StateFile

if TYPE_CHECKING:
    from hems_data_collector.emulator import Emulator

log = logging.getLogger(__name__)

DRAIN_S: Final = 3.0  # what outputs get at the end; together with the modem's 3 s it stays below 5 s
_EMULATORS: Final[dict[str, Emulator]] = {}


async def run_collector(
    settings: Settings, *, stop: asyncio.Event, clock: Clock | None = None, on_progress: OnProgress | None = None
) -> int:
    """Collect until `stop` is set; returns the exit code. Raises ConfigError for outputs that cannot work."""
    clock = clock or SystemClock()
    rng = Random()
    outputs = [
        OUTPUTS[name].build(settings.output_values[name], FORMATS[settings.format], clock=clock)
        for name in settings.outputs
    ]
    delivery = Delivery(outputs, None, clock, rng, on_closed=stop.set)
    await delivery.open()
    meter = _Meter(settings, clock=clock, rng=rng, on_progress=on_progress or _log_progress)
    ticker = Ticker(settings.schedule or IntervalSchedule(settings.interval), clock=clock)
    poller = Poller(
        meter.reader,
        ticker,
        clock=clock,
        zone=settings.zone,
        wait_until_up=lambda: meter.link.wait_until(SessionState.UP),
        publish=_publisher(delivery if outputs else None),
        half_hours=meter.remembered.half_hours,
    )
    meter.client.on_notification = poller.notified
    poller.on_profile = meter.remember_profile
    poller.on_half_hour = meter.remember_half_hours
    delivery.start()
    tasks = [
        asyncio.create_task(meter.link.keep(), name="link"),
        asyncio.create_task(ticker.run(), name="ticker"),
        asyncio.create_task(poller.run(), name="poller"),
    ]
    stopping = asyncio.create_task(stop.wait(), name="stop")
    log.info("Collecting from %s.", settings.port.partition("?")[0])
    try:
        done, _ = await asyncio.wait([stopping, *tasks], return_when=asyncio.FIRST_COMPLETED)
        for task in done - {stopping}:
            task.result()
    finally:
        await _stop_tasks([stopping, *tasks])
        await asyncio.gather(meter.link.close(), delivery.close(DRAIN_S))
        log.info("Stopped.")
    return 0


async def read_once(
    settings: Settings, clock: Clock | None = None, on_progress: OnProgress | None = None
) -> tuple[Reading, Consumption | None, Record]:
    """One reading now; raises PortError, ModemError, LinkError or MeterError within 180 s."""
    clock = clock or SystemClock()
    meter = _Meter(settings, clock=clock, rng=Random(), on_progress=on_progress or _log_progress)
    try:
        await meter.link.connect_once()
        if meter.reader.profile is None:
            meter.remember_profile(await meter.reader.introduce())
        reading, recent = await read_now(meter.reader, meter.remembered.half_hours)
        return reading, recent, published(reading, recent)
    finally:
        await meter.link.close()


class _Meter:
    """One meter on one port, and what is remembered of it."""

    def __init__(self, settings: Settings, *, clock: Clock, rng: Random, on_progress: OnProgress) -> None:
        self._state = StateFile(settings.state_directory)
        self._port = settings.port
        self.remembered = self._state.recall(settings.port)
        fixed = settings.fixed_pan
        self.link = WisunLink(
            open_port=lambda: _open_port(settings, clock),
            credentials=settings.credentials,
            clock=clock,
            rng=rng,
            fixed_pan=None if fixed is None else Pan(channel=fixed.channel, pan_id=fixed.pan_id, address=fixed.ipv6),
            cached_pan=self.remembered.pan,
            terminated_at=self.remembered.terminated_at,
            on_progress=on_progress,
        )
        self.client = MeterClient(self.link, clock=clock, rng=rng)
        self.reader = MeterReader(
            self.client, clock=clock, zone=settings.zone, mac=self.link.peer, profile=self.remembered.profile
        )
        self.link.on_datagram = self.client.receive
        self.link.on_down = self.client.session_ended
        self.link.on_joined = self._joined
        self.link.on_pan_failed = lambda: self._keep(pan=None)
        self.link.on_terminated = lambda moment: self._keep(terminated_at=moment)

    def _joined(self, pan: Pan) -> None:
        self.reader.joined(self.link.peer)
        if pan != self.remembered.pan:
            self._keep(pan=pan)

    def remember_profile(self, profile: MeterProfile) -> None:
        self._keep(profile=profile)

    def remember_half_hours(self, half_hours: tuple[HalfHour, ...]) -> None:
        self._keep(half_hours=half_hours)

    def _keep(self, **changes: object) -> None:
        self.remembered = self._state.remember(self._port, **changes)


async def _open_port(settings: Settings, clock: Clock) -> Transport:
    register_scheme(EMULATOR_SCHEME, partial(_open_emulator, settings=settings, clock=clock))
    return await open_transport(settings.port, settings.baudrate)


async def _open_emulator(url: str, baudrate: int, *, settings: Settings, clock: Clock) -> Transport:
    """The built-in emulator as a port; one modem per process, which keeps its state when the port is reopened."""
    from hems_data_collector.emulator import Emulator, EmulatorSettings  # only who uses it pays for it

    emulator = _EMULATORS.get(url)
    if emulator is None:
        chosen = EmulatorSettings.from_query(url.partition("?")[2])
        emulator = _EMULATORS[url] = Emulator(chosen, clock=clock, credentials=settings.credentials)
    return emulator.open_port()


def _publisher(delivery: Delivery | None) -> Callable[[Reading, Record], None]:
    """Hand records to the outputs; without any, each reading is one line in the log (DESIGN §9)."""
    if delivery is None:
        return lambda reading, record: log.info("%s", one_line(reading, record))
    return lambda reading, record: delivery.submit(record)


def one_line(reading: Reading, record: Record) -> str:
    """A reading in one line for people: `612 W, 5.2 A, 6513.9 kWh`."""
    parts = [
        f"{value} {unit}"
        for value, unit in (
            (reading.power_w, "W"),
            (reading.current_a, "A"),
            (reading.energy_import_kwh, "kWh"),
            (record.fields["recent_30min_consumption_kwh"], "kWh in the last half hour"),
        )
        if value is not None
    ]
    return ", ".join(parts) or "the meter has no values at the moment"


def _log_progress(progress: Progress | None) -> None:
    if progress is not None:
        about = "" if progress.expected_s is None else f", about {progress.expected_s:.0f} s"
        log.info("%s%s.", progress.text, about)


async def _stop_tasks(tasks: list[asyncio.Task[Any]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
