"""The pause of the legal air time across restarts and clocks that were set (skstack-ip §4.6)."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from hems_data_collector.clock import LoopClock
from hems_data_collector.link.restriction import Restriction
from support.virtual_time import virtual

NOW = datetime(2026, 1, 15, 1, tzinfo=UTC)


@virtual
async def test_it_lasts_an_hour_and_is_kept() -> None:
    kept: list[datetime | None] = []
    restriction = Restriction(LoopClock(NOW))
    restriction.on_change = kept.append
    assert restriction.until is None
    restriction.reach()
    assert restriction.active
    assert restriction.left_s == 3600
    assert kept == [NOW + timedelta(hours=1)] == [restriction.until]
    await asyncio.sleep(4000)
    assert restriction.active, "only the modem can say that it is over"
    assert restriction.left_s == 0
    restriction.prolong()
    assert restriction.left_s == 300
    restriction.release()
    assert not restriction.active
    assert kept[-1] is None


@pytest.mark.parametrize(
    ("until", "left_s"),
    [
        (NOW + timedelta(minutes=20), 1200),
        (NOW - timedelta(seconds=1), None),
        (NOW + timedelta(days=20_000), 3600),  # the clock was set back, or is not set yet
    ],
)
@virtual
async def test_what_an_earlier_run_knew_is_believed_for_an_hour_at_most(until: datetime, left_s: int | None) -> None:
    restriction = Restriction(LoopClock(NOW), until)
    assert restriction.active == (left_s is not None)
    assert restriction.left_s == (left_s or 0)


@virtual
async def test_a_clock_that_is_set_meanwhile_changes_nothing() -> None:
    clock = LoopClock(NOW)
    restriction = Restriction(clock, NOW + timedelta(minutes=20))
    assert restriction.active
    clock._start += timedelta(days=1)
    await asyncio.sleep(600)
    assert restriction.left_s == 600
