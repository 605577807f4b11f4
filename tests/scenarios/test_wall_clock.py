"""A system clock that begins in 1970, is set, and is stepped: what hangs on it and what does not."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pytest

from hems_data_collector import app
from hems_data_collector.clock import LoopClock
from hems_data_collector.emulator.meter_clock import METER_ZONE
from hems_data_collector.readings import READING_KIND
from hems_data_collector.store import half_hours, meters, outbox, readings
from hems_data_collector.store.database import open_editor, open_reader
from hems_data_collector.store.readings import Mark, StoredReading
from support.collecting import START, CaptureOutput, emulated, settings_for
from support.virtual_time import run_virtual

HOURS = 4
INTERVAL_S = 60
STEPS = (
    (3600.0, timedelta()),  # the time server answered
    (2 * 3600.0, timedelta(minutes=-90)),
    (3 * 3600.0, timedelta(hours=5)),
)
"""From so many seconds on the clock is off by so much; before the first of them it counts from 1970."""
POWERED_ON = datetime(1970, 1, 1, tzinfo=UTC)


class SteppedClock(LoopClock):
    """The wall clock of a machine without a battery, later set by hand.

    It is so coarse that a step back lands on stamps of before.
    """

    def now(self) -> datetime:
        off = [offset for begin, offset in STEPS if self.monotonic() >= begin]
        now = super().now() + off[-1] if off else POWERED_ON + timedelta(seconds=self.monotonic())
        return now.replace(second=now.second // 10 * 10, microsecond=0)


def stored(database: Path) -> list[StoredReading]:
    """All readings in the order in which they were stored."""
    conn = open_reader(database)
    try:
        (meter,) = meters.listed(conn)
        found = readings.between(conn, meter.key, POWERED_ON, START + timedelta(days=1))
        return sorted(found, key=lambda item: item.seq)
    finally:
        conn.close()


@pytest.fixture(scope="module")
def lived(tmp_path_factory: pytest.TempPathFactory) -> tuple[CaptureOutput, list[StoredReading], Path]:
    """Some hours with such a clock: what was printed, what was stored, and where."""
    settings = settings_for(tmp_path_factory.mktemp("clock"), "fast=1", interval=str(INTERVAL_S))

    async def run() -> CaptureOutput:
        stop = asyncio.Event()
        with emulated(settings, LoopClock(START)) as (emulator, capture):
            asyncio.get_running_loop().call_later(HOURS * 3600 - 30, stop.set)
            assert await app.run_collector(settings, stop=stop, clock=SteppedClock(START)) == 0
            slots = half_hours_of(settings.database)
            for at, raw in slots.items():
                assert emulator.meter.slot(at.astimezone(METER_ZONE).replace(tzinfo=None))[0] == raw
            return capture

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(CaptureOutput, "backlog", False)  # printed at once, as on the real stdout
        captured = run_virtual(run())
    return captured, stored(settings.database), settings.database


def half_hours_of(database: Path) -> dict[datetime, int | None]:
    """The import registers in the store."""
    conn = open_reader(database)
    try:
        (meter,) = meters.listed(conn)
        found = half_hours.slots(conn, meter.key, POWERED_ON, START + timedelta(days=1))
        return {slot.at: slot.import_raw for slot in found}
    finally:
        conn.close()


def test_intervals_do_not_notice(lived: tuple[CaptureOutput, list[StoredReading], Path]) -> None:
    times = lived[0].times
    assert len(times) == HOURS * 3600 // INTERVAL_S
    gaps = [after - before for before, after in pairwise(times[1:])]
    assert min(gaps) > INTERVAL_S - 10
    assert max(gaps) < INTERVAL_S + 10


def test_no_two_records_have_one_key_and_none_is_left_out(
    lived: tuple[CaptureOutput, list[StoredReading], Path],
) -> None:
    capture, found, database = lived
    conn = open_editor(database)
    try:
        conn.execute("BEGIN IMMEDIATE")
        records = [record for _, record in outbox.batch(conn, "gets everything", 10**6, half_hours=True)]
    finally:
        conn.close()
    assert len({record.key for record in records}) == len(records)
    assert len(found) == len(capture.records) == sum(record.kind == READING_KIND for record in records)
    assert sum(bool(item.reading.received_at.microsecond) for item in found) == 30, "moved out of each other's way"
    printed = [record.key for record in capture.records]
    assert printed == [record.key for record in records if record.kind == READING_KIND], "printed as stored"


def test_stamps_that_are_doubtful_are_marked(lived: tuple[CaptureOutput, list[StoredReading], Path]) -> None:
    found = lived[1]
    marks = [item.marks & (Mark.CLOCK_NOT_SET | Mark.CLOCK_STEPPED_BACK) for item in found]
    begun = 3600 // INTERVAL_S
    assert set(marks[:begun]) == {Mark.CLOCK_NOT_SET}
    assert [number for number, mark in enumerate(marks) if mark & Mark.CLOCK_STEPPED_BACK] == [2 * begun]
    assert {item.reading.received_at.year for item in found[:begun]} == {1970}


def test_half_hours_have_the_time_of_the_meter(lived: tuple[CaptureOutput, list[StoredReading], Path]) -> None:
    first = START.replace(minute=0, second=0)
    everything = {first + number * timedelta(minutes=30) for number in range(2 * HOURS)}
    assert everything <= half_hours_of(lived[2]).keys()
