"""A month where nothing lasts: the radio is gone for 20 days, the outputs for 7, the process is killed every day."""

from __future__ import annotations

import asyncio
import os
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any

import pytest

from hems_data_collector import app
from hems_data_collector.clock import LoopClock
from hems_data_collector.collector import backfill, line
from hems_data_collector.config import Settings
from hems_data_collector.emulator import Emulator, EmulatorSettings
from hems_data_collector.emulator.meter_clock import METER_ZONE
from hems_data_collector.errors import MeterNotFound, OutputUnavailable
from hems_data_collector.link import retry
from hems_data_collector.link.wisun import WisunLink
from hems_data_collector.outputs.base import Output
from hems_data_collector.outputs.file import FileOutput, half_hours_path
from hems_data_collector.outputs.formats import JSON, Format
from hems_data_collector.readings import HALF_HOUR, HALF_HOUR_KIND, READING_KIND, RECORD_KEYS, Record
from hems_data_collector.store import half_hours, meters, outbox, ring, summaries
from hems_data_collector.store.database import open_editor, open_reader
from hems_data_collector.store.periods import Step, periods
from support.collecting import QuickDatabase, settings_for
from support.virtual_time import run_virtual

START = datetime(2026, 1, 14, 15, 0, 20, tzinfo=UTC)
"""Just past midnight by the meter's clock."""
DAYS = 30
RADIO_GONE = range(3, 23)
OUTPUTS_GONE = range(18, 25)
"""They come back later than the radio, so that 20 days are read from the meter while nobody takes them."""
LAST_HOURS = 3
INTERVAL_S = os.environ.get("HEMS_TEST_INTERVAL", "1800")
"""Seconds between readings; `make test-long` sets it to 60."""
SELDOM_S = 1800.0
"""How often is looked where nothing is to be seen: no other process, no hole, a disk that is well, a meter far away."""
DAY_S = 86_400.0


class Neighbourhood:
    """What is beyond the outputs: gone or there, and what it got."""

    def __init__(self, rng: Random) -> None:
        self.rng = rng
        self.gone = False
        self.got: dict[str, list[Record]] = {"webhook": [], "gcloud": []}

    def outputs(self) -> dict[str, type[Output]]:
        """The classes for the wiring."""
        return {"file": _file_of(self), "webhook": _taker(self, "webhook", 1), "gcloud": _taker(self, "gcloud", 100)}

    def take(self, name: str, batch: Sequence[Record]) -> None:
        """Everything, nothing, or everything without the sender hearing of it."""
        if self.gone:
            raise OutputUnavailable("Nobody is there.")
        self.got[name] += batch
        if self.rng.random() < 0.05:
            raise OutputUnavailable("The answer was lost.")


def _taker(beyond: Neighbourhood, called: str, batch: int) -> type[Output]:
    class Taker(Output):
        name = called
        help = "stands in for a server"
        batch_size = batch

        @classmethod
        def build(
            cls,
            values: Mapping[str, Any],
            format: Format,
            *,
            clock: Any,
            columns: Sequence[str] = RECORD_KEYS,
            **_: Any,
        ) -> Taker:
            return cls()

        async def deliver(self, records: Sequence[Record], checkpoint: bytes | None) -> bytes | None:
            beyond.take(called, records)
            return checkpoint

    return Taker


def _file_of(beyond: Neighbourhood) -> type[Output]:
    class OnADisk(FileOutput):
        async def prepare(self, checkpoint: bytes | None, pending: Iterable[Record]) -> bytes | None:
            if beyond.gone:
                raise OutputUnavailable("The disk is not mounted.")
            return await super().prepare(checkpoint, pending)

    return OnADisk


async def _let_go(link: WisunLink) -> None:
    """What the system does to the port of a killed process."""
    await link._stick.close()


async def _nothing(*_: object) -> None:
    """Instead of the orderly end."""


async def live(settings: Settings, clock: LoopClock, emulator: Emulator, seconds: float, *, killed: bool) -> None:
    """One run of the collector, without an orderly end if it is `killed`."""
    stop = asyncio.Event()
    others = asyncio.all_tasks()
    run = asyncio.create_task(app.run_collector(settings, stop=stop, clock=clock))
    await asyncio.wait([run], timeout=seconds)
    assert not run.done(), run.result()
    if not killed:
        stop.set()
        assert await run == 0
        return
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(app, "_finish", _nothing)
        patch.setattr(WisunLink, "close", _let_go)
        victims = asyncio.all_tasks() - others - emulator._tasks._running
        for task in victims:
            task.cancel()
        await asyncio.wait(victims)


async def a_month(settings: Settings, beyond: Neighbourhood) -> dict[datetime, tuple[int, int]]:
    """All of it; ends with everything healed and some hours to catch up. Returns all that the meter ever recorded."""
    clock = LoopClock(START)
    chosen = EmulatorSettings.from_query(settings.meters[0].port.partition("?")[2])
    emulator = Emulator(chosen, clock=clock, credentials=settings.meters[0].credentials)
    app._EMULATORS[settings.meters[0].port] = emulator
    truth = remembered(emulator)
    for day in range(DAYS):
        if day == RADIO_GONE.start:
            emulator.inject("absent")
        elif day == RADIO_GONE.stop:
            emulator.clear("absent")
        beyond.gone = day in OUTPUTS_GONE
        pause = beyond.rng.uniform(5, 3600)
        ends = (day + 1) * DAY_S + beyond.rng.uniform(-3600, 0) - clock.monotonic()
        await live(settings, clock, emulator, ends - pause, killed=True)
        await clock.sleep(pause)
        truth |= remembered(emulator) if day == 0 else {}
    await live(settings, clock, emulator, LAST_HOURS * 3600, killed=False)
    truth |= remembered(emulator)
    emulator.close()
    return truth


def remembered(emulator: Emulator) -> dict[datetime, tuple[int, int]]:
    """The registers that the meter remembers now."""
    now = emulator.meter.clock.now()
    at = now.replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=99)
    found = {}
    while at <= now:
        drawn, fed = emulator.meter.slot(at)
        if drawn is not None and fed is not None:
            found[at.replace(tzinfo=METER_ZONE).astimezone(UTC)] = (drawn, fed)
        at += HALF_HOUR
    return found


def registers(half: Record) -> tuple[int, int]:
    """What a half-hour record says of its end, as the meter counts: tenths of a kWh."""
    drawn, fed = half.fields["import_register_kwh"], half.fields["export_register_kwh"]
    assert isinstance(drawn, Decimal)
    assert isinstance(fed, Decimal)
    return int(drawn * 10), int(fed * 10)


def in_the_log(database: Path) -> list[Record]:
    """All records that were ever stored, in order."""
    conn = open_editor(database)
    try:
        conn.execute("BEGIN IMMEDIATE")
        return [record for _, record in outbox.batch(conn, "gets everything", 10**7, half_hours=True)]
    finally:
        conn.close()


def ratios(database: Path) -> list[float]:
    """The completeness of every day."""
    conn = open_reader(database)
    try:
        (meter,) = meters.listed(conn)
        newest = half_hours.newest(conn, meter.key)
        assert newest is not None
        days = periods(START, START + timedelta(days=DAYS - 1), Step.DAY, METER_ZONE)
        return [day.ratio or 0.0 for day in summaries.completeness(conn, meter.key, days, until=newest)]
    finally:
        conn.close()


def test_a_month_of_outages_and_kills_leaves_no_half_hour_out(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    record_property: pytest.RecordProperty,
    capsys: pytest.CaptureFixture[str],
) -> None:
    seed = int.from_bytes(os.urandom(4), "big")
    beyond = Neighbourhood(Random(seed))
    data = tmp_path / "data.json"
    settings = settings_for(
        tmp_path,
        "",  # timings as in the field, answers lost now and then
        interval=INTERVAL_S,
        backfill_spacing="5",
        output=["file", "webhook", "gcloud"],
        file=str(data),
        webhook_url="https://example.com/",
        gcp_project="some-house",
        gcp_topic="meter",
        half_hours="true",
    )
    monkeypatch.setattr(app, "OUTPUTS", beyond.outputs())
    monkeypatch.setattr(app, "Database", QuickDatabase)
    monkeypatch.setattr(line.StoredLine, "look_interval_s", SELDOM_S)
    monkeypatch.setattr(ring, "RETRY_S", SELDOM_S)
    monkeypatch.setattr(backfill, "LOOK_AGAIN_S", SELDOM_S)
    monkeypatch.setattr(retry, "WAITS", {**retry.WAITS, MeterNotFound: retry.Waits(first_s=60.0, ceiling_s=SELDOM_S)})
    try:
        truth = run_virtual(a_month(settings, beyond))
    finally:
        app._EMULATORS.clear()
    log = in_the_log(settings.database)
    readings = {record.key: record for record in log if record.kind == READING_KIND}
    halves = {record.key: record for record in log if record.kind == HALF_HOUR_KIND}
    told = {datetime.fromisoformat(str(half.fields["end"])): registers(half) for half in halves.values()}
    got = {name: Counter(record.key for record in records) for name, records in beyond.got.items()}
    files = {path: Counter(path.read_bytes().splitlines(keepends=True)) for path in (data, half_hours_path(data))}
    days = ratios(settings.database)
    numbers: dict[str, object] = {
        "seed": seed,
        "half hours": len(halves),
        "readings": len(readings),
        "days complete": sum(ratio == 1.0 for ratio in days),
        "sent again after a lost answer": sum(keys.total() - len(keys) for keys in got.values()),
    }
    with capsys.disabled():
        print("\noutage:", ", ".join(f"{name} {value}" for name, value in numbers.items()))
    for name, value in numbers.items():
        record_property(name, value)
    assert len(log) == len(readings) + len(halves)
    assert days == [1.0] * DAYS
    first = min(truth) + HALF_HOUR
    assert {at: truth[at] for at in told} == told
    assert set(told) >= {first + number * HALF_HOUR for number in range((max(truth) - first) // HALF_HOUR)}
    for name, keys in got.items():
        assert set(keys) == {*readings, *halves}, name
    for records, lines in zip((readings, halves), files.values(), strict=True):
        assert lines == Counter(JSON.encode(record) for record in records.values())
