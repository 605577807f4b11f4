"""What the running collector tells of its link is what the emulator saw of it, and the log sums it up at midnight."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import re
from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import pytest

from hems_data_collector import app
from hems_data_collector.clock import Clock, LoopClock
from hems_data_collector.live import Snapshot
from support.collecting import START, emulated, settings_for
from support.virtual_time import run_virtual

DAY_S = 86_400.0


def test_the_counts_are_those_of_the_emulator(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    settings = settings_for(tmp_path, "fast=1&loss=0&fault=lost:0.01&fault=ev26:4000", interval="300")
    tellers: list[Snapshot] = []

    def endpoint(database: Path, snapshot: Snapshot, clock: Clock) -> AbstractAsyncContextManager[object]:
        tellers.append(snapshot)
        return contextlib.nullcontext()

    async def run() -> tuple[Mapping[str, Any], Any]:
        clock, stop = LoopClock(START), asyncio.Event()
        with emulated(settings, clock) as (emulator, _capture):
            task = asyncio.create_task(app.run_collector(settings, stop=stop, clock=clock, endpoint=endpoint))
            await asyncio.sleep(DAY_S)
            told = tellers[0]()["meters"]
            seen = emulator.counters
            counts = (seen.sendto, seen.joins, seen.scans)
            stop.set()
            assert await task == 0
        (meter,) = told
        return meter, counts

    with caplog.at_level(logging.INFO):
        meter, (sendto, joins, scans) = run_virtual(run())
    assert meter["session"] == "up"
    assert meter["link"]["datagrams_sent"] == sendto
    assert (meter["link"]["joins"], meter["link"]["scans"]) == (joins, scans)
    assert (meter["link"]["losses"], meter["link"]["rejoins"]) == (1, 1)
    requests = meter["requests"]
    assert requests["requests"] > DAY_S / 300
    assert requests["requests"] - requests["answers"] == requests["no_answers"] > 0
    lines = [line for line in caplog.messages if re.match(r"Since 2026-01-15 10:00: \d+ requests, \d+ answers", line)]
    assert len(lines) == 1
    assert "1 session lost" in lines[0]
