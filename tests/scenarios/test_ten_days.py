"""Days with a fault every ten minutes: no half hour is missed, and the process holds no more than on the second day.

Memory is what Python's objects take, by tracemalloc: the resident size also holds what the allocator keeps back, and
the page cache of SQLite, which fills slowly up to its limit. `make test-long` plays ten days (HEMS_TEST_DAYS);
HEMS_TEST_SEED plays the same ones again.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import secrets
import time
import tracemalloc
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import TypeAlias

import pytest

from hems_data_collector import app
from hems_data_collector.clock import LoopClock
from hems_data_collector.collector import line
from hems_data_collector.config import Settings
from hems_data_collector.emulator import FAULTS, Emulator, EmulatorSettings
from hems_data_collector.emulator.meter_clock import METER_ZONE
from hems_data_collector.outputs.file import half_hours_path
from hems_data_collector.readings import HALF_HOUR
from hems_data_collector.store import half_hours, meters, ring
from hems_data_collector.store.database import open_reader
from support.collecting import QuickDatabase, settings_for
from support.footprint import Footprint
from support.mixes import POOL
from support.recoveries import Recovery
from support.virtual_time import run_virtual

START = datetime(2026, 1, 14, 15, 0, 20, tzinfo=UTC)
"""Just past midnight by the meter's clock."""
DAYS = int(os.environ.get("HEMS_TEST_DAYS", "3"))
INTERVAL_S = 300
"""As configured where nothing is configured."""
DAY_S = 86_400.0
EVERY_S = 600.0
LASTS_S = 300.0
"""Faults that do not end by themselves are taken back after that."""
CALM_S = 3600.0
"""Before a day ends only faults of a few minutes strike, so that days are compared in the same state."""
CATCH_UP_S = 2 * 3600.0
SETTLED_DAY = 2
"""The history of the meter is read by then, and every cache is warm."""
MEMORY_MIB = 1.0
SELDOM_S = 1800.0
"""How often is looked where nothing is to be seen: no other process, and a disk that is well."""
LOOKS = 10
"""At the end of a day: a request may be under way at any one."""

LAST_DAYS = 3
"""A request may be under way all through the looks of one day, hardly of so many."""

Registers: TypeAlias = Mapping[datetime, tuple[int | None, int | None]]


def faults_of(days: int, rng: Random) -> list[tuple[float, Recovery]]:
    """When which fault strikes: all of them in turn, in an order of chance; none that exchanges the meter."""
    rows = [row for row in POOL if row.name != "replaced"]
    short = [row for row in rows if row.bound <= EVERY_S]
    drawn: list[Recovery] = []
    plan = []
    for number in range(1, int(days * DAY_S / EVERY_S)):
        at = number * EVERY_S + rng.uniform(0, EVERY_S / 2)
        drawn = drawn or rng.sample(rows, len(rows))
        plan.append((at, rng.choice(short) if at % DAY_S > DAY_S - CALM_S else drawn.pop()))
    return plan


async def strike(emulator: Emulator, clock: LoopClock, plan: list[tuple[float, Recovery]]) -> None:
    """Play the faults, each for a while, then take everything back."""
    for at, row in plan:
        await clock.sleep(at - clock.monotonic())
        for fault in row.faults:
            emulator.inject(fault, times=row.times)
        await clock.sleep(LASTS_S if row.lasts is None else row.lasts)
        for name in FAULTS:
            emulator.clear(name)
        emulator.truth.clear()  # what the test remembers is not what the collector holds


async def days(settings: Settings, plan: list[tuple[float, Recovery]]) -> tuple[list[Footprint], Emulator, Registers]:
    """All of it; the footprint at the end of each day, and what the meter recorded."""
    clock, stop = LoopClock(START), asyncio.Event()
    emulator = Emulator(EmulatorSettings.from_query("seed=7"), clock=clock, credentials=settings.meters[0].credentials)
    app._EMULATORS[settings.meters[0].port] = emulator
    collecting = asyncio.create_task(app.run_collector(settings, stop=stop, clock=clock))
    striking = asyncio.create_task(strike(emulator, clock, plan))
    feet = []
    for day in range(1, DAYS + 1):
        await clock.sleep(day * DAY_S - clock.monotonic())
        assert not collecting.done()
        feet.append(await at_rest(clock, emulator, striking))
    await striking
    await clock.sleep(CATCH_UP_S)
    stop.set()
    assert await collecting == 0
    emulator.close()
    return feet, emulator, recorded(emulator)


async def at_rest(clock: LoopClock, emulator: Emulator, striking: asyncio.Task[None]) -> Footprint:
    """The footprint at a moment with as few tasks as possible.

    Those of the emulator and of the test are not counted, nor the two bare waits of a poller that is at rest.
    """
    looks = []
    for _ in range(LOOKS):
        await clock.sleep(1)
        ours = asyncio.all_tasks() - emulator._tasks._running - {striking}
        tasks = sum(getattr(task.get_coro(), "__qualname__", "") != "Event.wait" for task in ours)
        looks.append(replace(Footprint.now(), tasks=tasks))
    return min(looks, key=lambda foot: foot.tasks)


def recorded(emulator: Emulator) -> Registers:
    """What the meter has recorded since the start, by the ends of the half hours."""
    newest = emulator.meter.newest_slot() - HALF_HOUR
    first = START.replace(second=0)
    ats = (first + number * HALF_HOUR for number in range(1 + int(DAYS * DAY_S) // 1800 + 10))
    local = {at: at.astimezone(METER_ZONE).replace(tzinfo=None) for at in ats}
    return {at: emulator.meter.register_at(naive) for at, naive in local.items() if naive <= newest}


def stored(settings: Settings) -> Registers:
    """What the store has of that."""
    conn = open_reader(settings.database)
    try:
        (meter,) = meters.listed(conn)
        found = half_hours.slots(conn, meter.key, START - HALF_HOUR, START + timedelta(days=DAYS + 1))
        return {slot.at: (slot.import_raw, slot.export_raw) for slot in found}
    finally:
        conn.close()


def delivered(path: Path) -> list[tuple[datetime, tuple[int, int]]]:
    """What the half-hour records say of the ends of their half hours, in counts of a tenth of a kWh."""
    lines = half_hours_path(path).read_text(encoding="utf-8").splitlines()
    records = [json.loads(line, parse_float=Decimal) for line in lines]
    keys = ("import_register_kwh", "export_register_kwh")
    return [
        (datetime.fromisoformat(record["end"]), tuple(int(record[key] * 10) for key in keys))  # type: ignore[misc]
        for record in records
    ]


def test_days_with_a_fault_every_ten_minutes(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    record_property: pytest.RecordProperty,
    capsys: pytest.CaptureFixture[str],
) -> None:
    seed = int(os.environ.get("HEMS_TEST_SEED", "0")) or secrets.randbits(31)
    plan = faults_of(DAYS, Random(seed))
    data = tmp_path / "data.json"
    settings = settings_for(
        tmp_path,
        "seed=7",
        interval=str(INTERVAL_S),
        backfill_spacing="5",
        output=["file"],
        file=str(data),
        half_hours="true",
    )
    monkeypatch.setattr(app, "Database", QuickDatabase)
    monkeypatch.setattr(line.StoredLine, "look_interval_s", SELDOM_S)
    monkeypatch.setattr(ring, "RETRY_S", SELDOM_S)
    monkeypatch.setattr(logging.root.manager, "disable", logging.CRITICAL)  # pytest would keep every line in memory
    begun = time.monotonic()
    tracemalloc.start()
    try:
        feet, emulator, truth = run_virtual(days(settings, plan))
    finally:
        tracemalloc.stop()
        app._EMULATORS.clear()
    settled, last = feet[SETTLED_DAY - 1], feet[-1]
    assert settled.traced_mib is not None
    assert last.traced_mib is not None
    grown = last.traced_mib - settled.traced_mib
    told = delivered(data)
    readings = len(data.read_text(encoding="utf-8").splitlines())
    numbers: dict[str, object] = {
        "seed": seed,
        "days": DAYS,
        "faults": len(plan),
        "readings": f"{readings} of {int((DAYS * DAY_S + CATCH_UP_S) / INTERVAL_S)}",
        "half hours": len(truth),
        "joins": emulator.counters.joins,
        f"at the end of day {SETTLED_DAY}": settled,
        "at the end": last,
        "grown": f"{grown:.2f} MiB",
        "took": f"{time.monotonic() - begun:.0f} s",
    }
    with capsys.disabled():
        print("\nten days:", ", ".join(f"{name} {value}" for name, value in numbers.items()))
    for name, value in numbers.items():
        record_property(name, str(value))
    assert {at: pair for at, pair in stored(settings).items() if at in truth} == truth
    assert {at: pair for at, pair in told if at in truth} == truth
    assert len({at for at, _ in told}) == len(told), "a half hour was written twice"
    assert abs(grown) <= MEMORY_MIB
    later = feet[SETTLED_DAY - 1 :]
    assert {(foot.descriptors, foot.threads) for foot in later} == {(settled.descriptors, settled.threads)}
    # A task that nobody ends is there on every day that follows; one of a request or a join on one of them only.
    tasks = [foot.tasks for foot in later]
    assert min(tasks[-LAST_DAYS:]) == min(tasks)
    assert max(tasks) <= min(tasks) + 1
