"""The only wiring: settings in, a running collector out. Reads like a checklist (docs/architecture.md)."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from functools import partial
from gettext import gettext as _
from random import Random
from typing import TYPE_CHECKING, Any, Final

from hems_data_collector.clock import Clock, SystemClock
from hems_data_collector.collector.backfill import Backfill
from hems_data_collector.collector.backlog import StoredBacklog
from hems_data_collector.collector.delivery import Delivery
from hems_data_collector.collector.poller import read_now
from hems_data_collector.collector.recorder import Recorder
from hems_data_collector.config import Settings
from hems_data_collector.counting import DailySummary, meter_section
from hems_data_collector.errors import StoreError
from hems_data_collector.link.base import OnProgress, Progress
from hems_data_collector.link.replay_port import REPLAY_SCHEME
from hems_data_collector.link.transport import Opener, Transport, register_link, register_scheme
from hems_data_collector.link.wifi_port import WIFI_SCHEME
from hems_data_collector.live import OpenEndpoint, Sections, nobody_asks, ring_section
from hems_data_collector.meter_name import about_meter, news_level
from hems_data_collector.meters import put_together, wifi_links
from hems_data_collector.notify import Service
from hems_data_collector.outputs import OUTPUTS, Output
from hems_data_collector.outputs.formats import FORMATS
from hems_data_collector.readings import METER_KEY, RECORD_KEYS, Consumption, Reading, Record, published
from hems_data_collector.settings_values import EMULATOR_SCHEME
from hems_data_collector.store.database import Database
from hems_data_collector.store.ports import Ports
from hems_data_collector.watches import backfill_of, watch_all

if TYPE_CHECKING:
    from hems_data_collector.emulator import Emulator
    from hems_data_collector.link.replay import Replays

log = logging.getLogger(__name__)

STORE_S: Final = 1.0  # what the store gets at the end
BACKFILL_PATIENCE_S: Final = 120.0  # at midnight an answer may be thrown away and asked for again a minute later
DRAIN_S: Final = 3.0  # what store and outputs get at the end; together with the modem's 3 s it stays below 5 s
_EMULATORS: Final[dict[str, Emulator]] = {}


async def run_collector(
    settings: Settings,
    *,
    stop: asyncio.Event,
    clock: Clock | None = None,
    on_progress: OnProgress | None = None,
    endpoint: OpenEndpoint = nobody_asks,
    service: Service | None = None,
) -> int:
    """Collect until `stop` is set; returns the exit code. Meanwhile `endpoint` and `service` tell the live state.

    Raises ConfigError for an output that cannot work and StoreError for a database that cannot be used.
    """
    service = service or Service()
    clock = service.begin(settings.zone, clock)
    rng = Random()
    register_ports(settings, clock)
    outputs = [build_output(settings, name, clock) for name in settings.outputs]
    for output in outputs:
        await output.open()
    database = Database.open(settings.database, clock=clock)
    try:
        backlog = StoredBacklog(database, half_hours=settings.half_hours, named=settings.named)
        delivery = Delivery(outputs, backlog, clock, rng, on_closed=stop.set)
        recorder = Recorder(
            database,
            clock=clock,
            zone=settings.zone,
            on_stored=delivery.wake,
            on_half_hour=delivery.submit if settings.half_hours else None,
        )
        keeping = [output.name for output in outputs if output.backlog]
        await backlog.register(keeping, now=clock.now(), since=settings.deliver_from, first=recorder.first)
        publish = _live(delivery) if outputs else _log_reading
        meters = put_together(settings, Ports(database), clock=clock, rng=rng, on_progress=on_progress or _log_progress)
        live = Sections()
        live.add("ring", lambda: ring_section(recorder.ring))
        live.add("meters", lambda: [meter_section(meter) for meter in meters])
        summary = DailySummary(meters, clock=clock, zone=settings.zone)
        delivery.start()
        for meter in meters:
            with about_meter(meter.name):
                log.info("Collecting from %s.", meter.own.port.partition("?")[0])
        try:
            async with endpoint(settings.database, live.snapshot, clock):
                reading = watch_all(meters, database, recorder, settings, clock=clock, publish=publish, service=service)
                service.ready()
                storing = (recorder.run(), recorder.prune(settings.keep_readings))
                await _until(stop, *reading, *storing, summary.run(), service.run())
        finally:
            service.stopping()
            await asyncio.gather(*(meter.close() for meter in meters), _finish(recorder, delivery))
            log.info("Stopped.")
    finally:
        database.close()
    return 0


def build_output(settings: Settings, name: str, clock: Clock) -> Output:
    """One of the outputs that are asked for, not opened yet; raises ConfigError."""
    columns = (*RECORD_KEYS, METER_KEY) if settings.named else RECORD_KEYS
    form, values = FORMATS[settings.format], settings.output_values[name]
    return OUTPUTS[name].build(values, form, clock=clock, columns=columns, half_hours=settings.half_hours)


async def _until(stop: asyncio.Event, *work: Coroutine[Any, Any, None]) -> None:
    """Run every coroutine until `stop` is set; a bug in one of them is raised."""
    tasks = [asyncio.create_task(each) for each in work]
    stopping = asyncio.create_task(stop.wait(), name="stop")
    pending = {stopping, *tasks}
    try:
        while not stop.is_set():
            done, pending = await asyncio.wait(pending, return_when=asyncio.FIRST_COMPLETED)
            for task in done - {stopping}:
                task.result()
    finally:
        for task in (stopping, *tasks):
            task.cancel()
        await asyncio.gather(stopping, *tasks, return_exceptions=True)


async def _finish(recorder: Recorder, delivery: Delivery) -> None:
    await recorder.finish(STORE_S)
    await delivery.close(DRAIN_S - STORE_S)


async def read_once(
    settings: Settings, clock: Clock | None = None, on_progress: OnProgress | None = None
) -> tuple[Reading, Consumption | None, Record]:
    """One reading of the first meter now; raises PortError, ModemError, LinkError or MeterError within 180 s."""
    clock = clock or SystemClock()
    register_ports(settings, clock)
    database = _database_if_free(settings, clock)
    memory = None if database is None else Ports(database)
    meter = put_together(settings, memory, clock=clock, rng=Random(), on_progress=on_progress or _log_progress)[0]
    try:
        with about_meter(meter.name):
            await meter.link.connect_once()
            await meter.introduce()
            reading, recent = await read_now(meter.reader)
            return reading, recent, published(reading, recent, meter_name=meter.name)
    finally:
        await meter.close()
        if database is not None:
            database.close()


async def backfill_now(
    settings: Settings,
    *,
    clock: Clock | None = None,
    on_slots: Callable[[int, int], None] = lambda done, expected: None,
    on_progress: OnProgress | None = None,
) -> tuple[int, int]:
    """Read what the first meter remembers and the store lacks, at one go; returns the slots settled and expected.

    Raises StoreError (a running collector included), PortError, ModemError, LinkError or MeterError; what was read
    until then is kept.
    """
    clock = clock or SystemClock()
    register_ports(settings, clock)
    database = Database.open(settings.database, clock=clock)
    try:
        recorder = Recorder(database, clock=clock, zone=settings.zone, on_stored=lambda: None)
        progress = on_progress or _log_progress
        meter = put_together(settings, Ports(database), clock=clock, rng=Random(), on_progress=progress)[0]
        try:
            with about_meter(meter.name):
                await meter.link.connect_once()
                await meter.introduce()
                backfill = backfill_of(meter, database, recorder, settings, clock=clock, on_slots=on_slots)
                await _fill(backfill, clock)
            return backfill.progress()
        finally:
            await meter.close()
    finally:
        database.close()


async def _fill(backfill: Backfill, clock: Clock) -> None:
    """Until everything is settled, or something has to be waited for."""
    while (left_s := backfill.seconds_left()) is not None and left_s <= BACKFILL_PATIENCE_S:
        await clock.sleep(left_s)
        await backfill.step()
        done, expected = backfill.progress()
        if expected and done == expected:
            break


def _database_if_free(settings: Settings, clock: Clock) -> Database | None:
    """The database, for what it remembers of the port; one reading does without where a collector has it."""
    try:
        return Database.open(settings.database, clock=clock)
    except StoreError as error:
        log.debug("%s", error)
        return None


def register_ports(settings: Settings, clock: Clock) -> None:
    """Enter the ports that the link does not know by itself."""
    register_scheme(EMULATOR_SCHEME, partial(_open_emulator, settings=settings, clock=clock))
    register_scheme(REPLAY_SCHEME, replay_opener(clock))
    register_link(WIFI_SCHEME, wifi_links(clock, Random()))


def replay_opener(clock: Clock) -> Opener:
    """Transcripts as ports; each goes on where it was when it is opened again."""
    tapes: list[Replays] = []

    async def opened(url: str, baudrate: int) -> Transport:
        from hems_data_collector.link.replay import Replays  # only who uses it pays for it

        if not tapes:
            tapes.append(Replays(clock))
        return await tapes[0].open(url, baudrate)

    return opened


async def _open_emulator(url: str, baudrate: int, *, settings: Settings, clock: Clock) -> Transport:
    """The built-in emulator as a port; one modem per process, which keeps its state when the port is reopened."""
    from hems_data_collector.emulator import Emulator, EmulatorSettings  # only who uses it pays for it

    emulator = _EMULATORS.get(url)
    if emulator is None:
        chosen = EmulatorSettings.from_query(url.partition("?")[2])
        pairs = [meter.credentials for meter in settings.meters if meter.port == url]
        emulator = _EMULATORS[url] = Emulator(chosen, clock=clock, credentials=pairs)
    return emulator.open_port(lambda: baudrate)


def _live(delivery: Delivery) -> Callable[[Reading, Record], None]:
    return lambda _reading, record: delivery.submit(record)


def _log_reading(reading: Reading, record: Record) -> None:
    """Without an output each reading is one line in the log (docs/configuration.md)."""
    log.info("%s", one_line(reading, record))


def one_line(reading: Reading, record: Record) -> str:
    """A reading in one line for people: `612 W, 5.2 A, 6513.9 kWh`."""
    parts = [
        f"{value} {unit}"
        for value, unit in (
            (reading.power_w, "W"),
            (reading.current_a, "A"),
            (reading.energy_import_kwh, "kWh"),
            (record.fields["recent_30min_consumption_kwh"], _("kWh in the last half hour")),
        )
        if value is not None
    ]
    return ", ".join(parts) or _("the meter has no values at the moment")


def _log_progress(progress: Progress | None) -> None:
    if progress is not None:
        if progress.expected_s is None:
            log.log(news_level(), "%s.", progress.text)
        else:
            log.log(news_level(), "%s, about %.0f s.", progress.text, progress.expected_s)
