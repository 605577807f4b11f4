"""The verb `backfill` by its own function: all that the meter remembers, at one go, on virtual time."""

from __future__ import annotations

from pathlib import Path

import pytest

from hems_data_collector import app
from hems_data_collector.clock import LoopClock, SystemClock
from hems_data_collector.errors import StoreError
from hems_data_collector.store.database import Database
from support.collecting import START, emulated, settings_for
from support.virtual_time import run_virtual

SLOTS_OF_99_DAYS = 99 * 48


def fill(tmp_path: Path) -> tuple[tuple[int, int], list[tuple[int, int]], int]:
    """What the verb returns, the progress that it showed, and the requests that it took."""

    async def run() -> tuple[tuple[int, int], list[tuple[int, int]], int]:
        clock, shown = LoopClock(START), list[tuple[int, int]]()
        settings = settings_for(tmp_path, "fast=1&loss=0", backfill_spacing="1")
        with emulated(settings, clock) as (emulator, _):
            result = await app.backfill_now(
                settings, clock=clock, on_slots=lambda done, expected: shown.append((done, expected))
            )
            return result, shown, emulator.sendto_count

    return run_virtual(run())


def test_everything_is_read_once_and_only_once(tmp_path: Path) -> None:
    (done, expected), shown, requests = fill(tmp_path)
    assert done == expected
    assert SLOTS_OF_99_DAYS <= expected <= SLOTS_OF_99_DAYS + 48
    assert [step for step, _ in shown] == sorted(step for step, _ in shown)
    assert requests < 3 * 100
    (again, _), _, few = fill(tmp_path)
    assert again == expected
    assert few < 5


def test_a_running_collector_is_named_instead(tmp_path: Path) -> None:
    settings = settings_for(tmp_path, "fast=1")
    held = Database.open(settings.database, clock=SystemClock())
    try:
        with pytest.raises(StoreError) as raised:
            run_virtual(app.backfill_now(settings, clock=LoopClock(START)))
    finally:
        held.close()
    assert raised.value.exit_code == 7
