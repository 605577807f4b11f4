"""A stick that is pulled out and put back, a hundred times: each time the collector comes back, and nothing piles up.

The stick is emulated behind a pseudo terminal under a lasting symbolic link, as `/dev/serial/by-id` has them. The
collector's clock runs faster than ours, so that its own waits stay what they are. HEMS_TEST_UNPLUGS is the number of
times.
"""

from __future__ import annotations

import logging
import os
import statistics
from itertools import pairwise
from pathlib import Path

import pytest

from hems_data_collector.emulator import Emulator, EmulatorSettings, emulator
from support.carriers import pty
from support.footprint import Footprint
from support.hasty_clock import HastyClock
from support.recovering import Running, collecting
from support.waiting import until

pytestmark = pytest.mark.services

UNPLUGS = int(os.environ.get("HEMS_TEST_UNPLUGS") or 100)
SPEED = 10.0
AWAY_S = 1.0
"""How long the stick is out, on the collector's clock."""
LIMIT_S = 15.0
"""From the stick's return to a fresh reading: the ceiling of the waits for a port (4 s and a fifth), set-up and join on
the emulator without waiting, a reading, and what a busy machine makes of a tenth of the time."""
WARM = 3
"""Times before the first count, until every lazy import and thread of the pool is there."""


class Socket:
    """Where the stick goes out and in; every second time it is under another name than before."""

    def __init__(self, stick: Emulator, link: Path) -> None:
        self._stick = stick
        self._link = link
        self._elsewhere: list[int] = []
        self.names: list[str] = []
        """Where the link led to, each time."""

    async def pull(self) -> None:
        """Pull the stick out, and see it put back."""
        before = os.readlink(self._link)
        self._stick.inject("unplug:0")
        await until(lambda: not self._stick.plugged)
        if len(self.names) % 4 in (2, 3):
            await until(lambda: not Path(before).exists())
            self._elsewhere += os.openpty()  # another device takes the old name, as the lowest that is free
        await until(lambda: self._stick.plugged and self._link.exists())
        self.let_go()
        self.names.append(os.readlink(self._link))

    def let_go(self) -> None:
        """Take the other device away."""
        while self._elsewhere:
            os.close(self._elsewhere.pop())


async def lived_through(running: Running, socket: Socket) -> tuple[list[float], list[Footprint]]:
    """Pull the stick `UNPLUGS` times; the seconds to each fresh reading, and what the process held after it."""
    seconds, held = [], []
    for number in range(WARM + UNPLUGS):
        await socket.pull()
        took_s = await running.fresh(LIMIT_S)
        if number >= WARM:
            seconds.append(took_s)
            held.append(Footprint.now())
    return seconds, held


def check(seconds: list[float], held: list[Footprint]) -> None:
    print(
        f"{len(seconds)} of {UNPLUGS} recoveries after an unplugging of {AWAY_S:.0f} s: a fresh reading "
        f"{statistics.median(seconds):.1f} s after the return (median), {max(seconds):.1f} s at most"
    )
    print(f"first: {held[0]}\nlast:  {held[-1]}")
    assert len(seconds) == UNPLUGS
    for name in ("descriptors", "threads", "tasks"):
        values = [getattr(footprint, name) for footprint in held]
        usual = statistics.mode(values)
        assert values[-1] <= usual, f"{name} grow: {values}"
        assert statistics.mode(values[len(values) // 2 :]) == usual, f"{name} grow: {values}"


async def test_a_stick_that_is_pulled_out_is_read_again_each_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(emulator, "REPLUG_S", AWAY_S)
    clock = HastyClock(SPEED)
    stick = Emulator(EmulatorSettings.from_query("fast=1"), clock=clock)
    async with pty(stick, tmp_path) as served, collecting(served.url, tmp_path, monkeypatch, clock=clock) as running:
        socket = Socket(stick, Path(served.url))
        await running.fresh(LIMIT_S)
        try:
            seconds, held = await lived_through(running, socket)
        finally:
            socket.let_go()
    check(seconds, held)
    renamed = sum(old != new for old, new in pairwise(socket.names))
    print(f"{renamed} times under another name than before")
    assert UNPLUGS // 3 <= renamed <= UNPLUGS * 2 // 3
    assert not [record for record in caplog.records if record.levelno >= logging.ERROR]
