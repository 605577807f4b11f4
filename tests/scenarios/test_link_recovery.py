"""Every fault of the list in support/recoveries.py: fresh readings within its bound, and the log says what happened."""

from __future__ import annotations

import asyncio
import logging
from datetime import datetime
from itertools import pairwise
from pathlib import Path

import pytest

from support.collecting import START, Collected, collect, settings_for
from support.recoveries import INTERVAL, RECOVERIES, ROUND_TRIP, Recovery
from support.truths import assert_each_is_true

BEFORE_S = 100.0
"""Until the collector has settled on the meter."""
AFTER_S = 3 * INTERVAL
PHASES = {0.0: "bp35a1&seed=1", 2.9: "bp35c2&seed=2", 9.6: "rl7023-dss&seed=3"}
"""Seconds since a reading (a fault may meet a request on its way, or free air), each with another module and luck."""


def come_back(row: Recovery, phase: float, folder: Path) -> tuple[Collected, float]:
    """Play the fault; the run, and how long after the fault readings were missing."""
    struck_at = BEFORE_S + phase

    async def strike(collected: Collected) -> None:
        await collected.capture.arrived.wait()
        first = collected.capture.times[0]
        await asyncio.sleep(struck_at - asyncio.get_running_loop().time() + first % INTERVAL)
        collected.snapshots.append(len(collected.capture.records))
        for fault in row.faults:
            collected.emulator.inject(fault, times=row.times)
        if row.lasts is not None:
            await asyncio.sleep(row.lasts)
            for fault in row.faults:
                collected.emulator.clear(fault.partition(":")[0])

    settings = settings_for(folder, f"loss=0&module={PHASES[phase]}&{row.query}", interval=f"{INTERVAL:.0f}")
    seconds = struck_at + INTERVAL + row.bound + AFTER_S
    collected = collect(settings, seconds, script=strike)
    times = [*collected.capture.times[collected.snapshots[0] - 1 :], seconds]
    missed = [after for before, after in pairwise(times) if after - before > INTERVAL + ROUND_TRIP]
    struck_at += collected.capture.times[0] % INTERVAL
    return collected, max(missed, default=times[1]) - struck_at


def assert_each_is_fresh(collected: Collected) -> None:
    """What is published has come at that moment: a reading that could not be had is absent."""
    for at, record in zip(collected.capture.times, collected.capture.records, strict=True):
        came_at = datetime.fromisoformat(str(record.fields["timestamp"]))
        assert abs((START - came_at).total_seconds() + at) < 1


@pytest.mark.parametrize("phase", PHASES)
@pytest.mark.parametrize("row", RECOVERIES, ids=lambda row: row.name)
def test_readings_come_back_within_the_bound(
    row: Recovery, phase: float, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO):
        collected, missing_s = come_back(row, phase, tmp_path)
    print(f"{row.name} at {phase}: back after {missing_s:.1f} s, bound {row.bound:.0f} s")
    assert collected.code == 0
    assert missing_s <= row.bound
    assert_each_is_fresh(collected)
    assert collected.emulator.counters.flash_writes == 0
    assert_each_is_true(collected)
    told = [record.message for record in caplog.records]
    assert not row.log or any(line.startswith(row.log) for line in told), told


def test_names_are_unique_and_every_row_says_something() -> None:
    assert len({row.name for row in RECOVERIES}) == len(RECOVERIES) > 35
    assert all(row.what and row.does for row in RECOVERIES)
