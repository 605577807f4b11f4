"""The legal air time, and how often anything at all is sent while nothing works (skstack-ip §4.6, §7 row 24)."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from datetime import timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from hems_data_collector.config import Settings
from hems_data_collector.emulator.airtime import LIMIT_MS
from support.collecting import START, Collected, collect, settings_for

JOINED_S = 60.0
HOUR = 3600.0


def sends(collected: Collected) -> tuple[int, int, int, int]:
    """Everything so far that made the modem send: requests and replies, joins, scans, goodbyes."""
    counters = collected.emulator.counters
    return counters.sendto, counters.joins, counters.scans, counters.terminations


def during(
    moments: tuple[float, ...], fault: str = "", at: float = JOINED_S
) -> Callable[..., Coroutine[Any, Any, None]]:
    """A script that lets `fault` happen and notes at `moments` what was sent until then."""

    async def script(collected: Collected) -> None:
        collected.seen = []  # type: ignore[attr-defined]
        if fault:
            await asyncio.sleep(at)
            collected.emulator.inject(fault)
        for moment in moments:
            await asyncio.sleep(moment - asyncio.get_running_loop().time())
            collected.seen.append(sends(collected))  # type: ignore[attr-defined]

    return script


def seen(collected: Collected) -> list[tuple[int, int, int, int]]:
    return collected.seen  # type: ignore[attr-defined,no-any-return]


def fast(folder: Path, query: str = "", **flags: str) -> Settings:
    return settings_for(folder, f"loss=0&rtt=0.5&join=5&{query}", interval="10", **flags)


# --- EVENT 32 and 33 --------------------------------------------------------------------------------------------------


def test_while_restricted_nothing_is_sent_not_even_a_reply(tmp_path: Path) -> None:
    settings = fast(tmp_path, "notify=infc&notify_delay=30")
    script = during((JOINED_S + 5, JOINED_S + 3500), "ev32:3550")
    collected = collect(settings, JOINED_S + 3600, script=script)
    before, after = seen(collected)
    assert collected.emulator.counters.notifications >= 2
    assert before == after
    assert collected.capture.times[-1] > JOINED_S + 3550


def test_the_end_while_restricted_says_no_goodbye(tmp_path: Path) -> None:
    collected = collect(fast(tmp_path), JOINED_S + 100, script=during((), "ev32:3000"))
    assert collected.emulator.counters.terminations == 0
    assert collected.seconds < JOINED_S + 105


@pytest.mark.parametrize("at", [3.0, 21.0], ids=["scan", "join"])
def test_neither_scan_nor_join_goes_on_while_restricted(at: float, tmp_path: Path) -> None:
    collected = collect(fast(tmp_path), 1300, script=during((at + 1, 1195), "ev32:1200", at))
    before, after = seen(collected)
    assert before == after
    assert collected.capture.times[0] < 1300


def restarted(folder: Path, query: str, *, off_s: float, wall_s: float | None = None) -> Collected:
    """A run that is restricted and ends, and the next one after `off_s` seconds; the modem keeps its power and time."""
    settings = fast(folder, query)
    first = collect(settings, JOINED_S + 10, script=during((), "ev32:1800"))
    start = START + timedelta(seconds=first.seconds + off_s) if wall_s is None else START + timedelta(seconds=wall_s)
    again = fast(folder, query)
    return collect(again, 4200, start=start, script=during((1000.0, 3000.0, 4190.0)))


def test_a_restart_does_not_lift_the_restriction(tmp_path: Path) -> None:
    # The new run's modem was power-cycled, so it says that sending is free: the law says otherwise.
    collected = restarted(tmp_path, "", off_s=600)
    assert seen(collected)[0] == (0, 0, 0, 0)
    assert 2800 < collected.capture.times[0] < 3000


def test_a_restart_after_the_hour_finds_sending_free(tmp_path: Path) -> None:
    assert restarted(tmp_path, "", off_s=3600).capture.times[0] < 60


@pytest.mark.parametrize("days", [-3000, -0.02])
def test_a_clock_that_was_set_back_costs_an_hour_at_most(days: float, tmp_path: Path) -> None:
    collected = restarted(tmp_path, "", off_s=0, wall_s=days * 86_400)
    assert collected.capture.times[0] < HOUR + 60


def test_a_modem_that_says_by_itself_that_it_may_not_send_is_believed(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """EVENT 32 came while nobody listened."""
    with caplog.at_level(logging.INFO):
        collected = collect(fast(tmp_path, "fault=ev32:1200"), 1300, script=during((1190.0,)))
    assert seen(collected) == [(0, 0, 0, 0)]
    assert collected.capture.times[0] < 1260
    assert "Nothing may be sent until" in caplog.text


@pytest.mark.parametrize("fault", ["hang:0", "mute:0", "reset:0", "unplug:0"])
@pytest.mark.parametrize("loses", ["", "ev26:0"], ids=["session kept", "session lost"])
def test_a_modem_that_fails_while_restricted_is_back_after_the_hour(fault: str, loses: str, tmp_path: Path) -> None:
    async def script(collected: Collected) -> None:
        await asyncio.sleep(JOINED_S)
        for each in ("ev32:600", loses, fault):
            if each:
                collected.emulator.inject(each)
            await asyncio.sleep(1)
        await during((JOINED_S + 10, JOINED_S + 590))(collected)

    collected = collect(fast(tmp_path), JOINED_S + HOUR + 100, script=script)
    before, after = seen(collected)
    assert before == after
    assert collected.capture.times[-1] > JOINED_S + HOUR + 80


# --- how often --------------------------------------------------------------------------------------------------------

HOURLY = {
    # fault for ever: requests, joins, scans an hour at most, after the first
    "join-24:255": (0, 30, 20),
    "absent:0": (0, 15, 40),
    "ev21-01:1": (120, 20, 0),
    "er10-send:1": (120, 20, 0),
    "er10-join:255": (0, 0, 0),
    "lost:1": (40, 20, 0),
    "sna-empty": (400, 1, 0),
    "stuck:80000": (0, 0, 0),
}
HOURS = 6


@pytest.mark.parametrize("fault", HOURLY)
def test_whatever_fails_for_ever_is_tried_for_ever_and_never_often(fault: str, tmp_path: Path) -> None:
    hours = tuple(JOINED_S + HOUR * number for number in range(1, HOURS + 1))

    async def script(collected: Collected) -> None:
        await asyncio.sleep(JOINED_S)
        collected.emulator.inject(fault)
        if not fault.startswith(("stuck", "sna")):
            collected.emulator.inject("silent-session:0")
        await during(hours)(collected)
        collected.snapshots.append(collected.emulator.modem.air_time.sent_ms)

    settings = settings_for(tmp_path, "loss=0", interval="60")
    collected = collect(settings, hours[-1] + 1, script=script)
    assert collected.code == 0
    each = [tuple(b - a for a, b in zip(one, two, strict=True)) for one, two in pairwise(seen(collected))]
    print(f"{fault}: requests, joins, scans in each hour {[numbers[:3] for numbers in each]}")
    for numbers in each:
        assert all(number <= limit for number, limit in zip(numbers, HOURLY[fault], strict=False)), numbers
    assert collected.snapshots[0] < LIMIT_MS / 10


def test_a_session_that_never_lasts_is_joined_less_and_less_often(tmp_path: Path) -> None:
    joins: list[float] = []

    async def script(collected: Collected) -> None:
        while asyncio.get_running_loop().time() < 2 * HOUR:
            await asyncio.sleep(1)
            counters = collected.emulator.counters
            if counters.sessions > len(joins):
                joins.append(asyncio.get_running_loop().time())
                collected.emulator.inject("ev26:2")

    collected = collect(settings_for(tmp_path, "loss=0&join=3"), 2 * HOUR + 1, script=script)
    waits = [after - before for before, after in pairwise(joins)]
    print([round(wait) for wait in waits])
    assert waits[0] < 10
    assert waits[-1] > 240
    assert max(waits) < 300 * 1.2 + 10
    assert len([at for at in joins if at > HOUR]) <= 16
    assert collected.code == 0
