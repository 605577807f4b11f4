"""Real servers in front of the stick that are killed, started again, or hang: the collector comes back by itself.

Each case prints how long it took, on the collector's clock.
"""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from hems_data_collector.clock import SystemClock
from hems_data_collector.emulator import Emulator, EmulatorSettings
from support.carriers import CARRIERS
from support.hasty_clock import HastyClock
from support.recovering import collecting

pytestmark = pytest.mark.services

AWAY_S = 0.5
FIRST_S = 10.0
"""To the first reading, through a scan and a join that take no time."""
BACK_S = 10.0
"""From the server's return to a fresh reading: at most the ceiling of the waits for a port (4 s and a fifth), the
set-up of the modem, a join, and a reading a second."""
RESTARTS = 2

SPEED = 10.0
HUNG_S = 40.0
"""Long enough for the collector to notice (15 s for an unconfirmed sending) and to open the port again in vain."""
UNHUNG_S = 30.0
"""From the end of the hanging to a fresh reading: one more try with a modem that does not answer, with its waits."""


@pytest.mark.parametrize("name", CARRIERS)
async def test_a_server_that_is_restarted_is_used_again(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = SystemClock()
    stick = Emulator(EmulatorSettings.from_query("fast=1"))
    async with (
        CARRIERS[name](stick, tmp_path) as carrier,
        collecting(carrier.url, tmp_path, monkeypatch, clock=clock) as running,
    ):
        first_s = await running.fresh(FIRST_S)
        back_s = []
        for _ in range(RESTARTS):
            await carrier.stop()
            await clock.sleep(AWAY_S)
            await carrier.start()
            back_s.append(await running.fresh(BACK_S))
    shown = ", ".join(f"{seconds:.1f} s" for seconds in back_s)
    print(f"{name}: first reading after {first_s:.1f} s; after a restart: {shown} (bound {BACK_S:.0f} s)")
    assert stick.counters.joins > RESTARTS  # each restart was noticed


@pytest.mark.parametrize("name", ["ser2net", "socat-tcp"])
async def test_a_server_that_hangs_with_its_connection_open_is_used_again(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = HastyClock(SPEED)
    stick = Emulator(EmulatorSettings.from_query("fast=1"), clock=clock)
    async with (
        CARRIERS[name](stick, tmp_path) as carrier,
        collecting(carrier.url, tmp_path, monkeypatch, clock=clock) as running,
    ):
        await running.fresh(FIRST_S)
        carrier.tell(signal.SIGSTOP)
        await clock.sleep(HUNG_S)
        carrier.tell(signal.SIGCONT)
        back_s = await running.fresh(UNHUNG_S)
    print(f"{name}: hung for {HUNG_S:.0f} s; a fresh reading {back_s:.1f} s after (bound {UNHUNG_S:.0f} s)")
