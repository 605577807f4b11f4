"""The same faults played to us and to momonga 0.7, an independent client: who has the next good reading when.

Both run as programs of their own, each on a pseudo terminal of its own with an emulated stick that takes no time, and
read the same six properties every second. momonga runs in the loop that its manual shows: open it, read, open it again
after an error. Its column is shown and never judged. HEMS_TEST_FAULTS=all plays every row; without it two are played.
"""

from __future__ import annotations

import asyncio
import os
import sys
import time
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from hems_data_collector.emulator import SAMPLE_PASSWORD, SAMPLE_ROUTE_B_ID, Emulator, EmulatorSettings
from support.carriers import pty
from support.waiting import until

pytestmark = pytest.mark.services


@dataclass(frozen=True, kw_only=True)
class Row:
    """One fault: how it is asked for, for how many occasions, and by when we must be back."""

    what: str
    fault: str
    times: int | None = None
    within_s: float


SILENCE_S = 60 + 20.0
"""Both timers of a meter that says nothing: several properties, then one alone (AIF §2.4.2)."""
BACK_S = 12.0
"""To set up the modem, join, and read, on a busy machine; with nothing to wait for."""
Result = tuple[float | None, str]
"""Seconds from the fault to the next good reading, None where there was none in time; and the errors meanwhile."""
ROWS = (
    Row(what="stick unplugged for 5 s", fault="unplug:0", within_s=5 + 5 + BACK_S),
    Row(what="session ended by the meter (EVENT 26)", fault="ev26:0", within_s=BACK_S),
    Row(what="one answer lost", fault="lost:1", times=1, within_s=SILENCE_S + BACK_S),
    Row(what="one answer 25 s late", fault="late:25", times=1, within_s=25 + BACK_S),
    Row(what="session dead without a word", fault="silent-session:0", within_s=SILENCE_S + BACK_S),
    Row(what="EVENT 29, then renewed (25)", fault="ev29-25:0", within_s=BACK_S),
    Row(what="EVENT 29, then refused (24)", fault="ev29-24:0", within_s=BACK_S),
    Row(what="EVENT 29, then nothing", fault="ev29-nothing:0", within_s=60 + BACK_S),
    Row(what="air time used up for 30 s (EVENT 32, 33)", fault="ev32:30", within_s=30 + BACK_S),
    Row(what="sending unconfirmed once (EVENT 21 01)", fault="ev21-01:1", times=1, within_s=BACK_S),
    Row(what="sending refused once (ER10)", fault="er10-send:1", times=1, within_s=BACK_S),
    Row(what="one property refused from now on (SNA)", fault="sna-partial:E3", within_s=BACK_S),
    Row(what="one answer refused as a whole (empty SNA)", fault="sna-empty", times=1, within_s=BACK_S),
    Row(what="one answer with bytes behind its end", fault="garbage:1", times=1, within_s=BACK_S),
    Row(what="one answer cut", fault="truncated:1", times=1, within_s=BACK_S),
    Row(what="one line cut on its way from the stick", fault="cut-line:1", times=1, within_s=SILENCE_S + BACK_S),
    Row(what="stick restarts by itself", fault="reset:0", within_s=SILENCE_S + BACK_S),
    Row(what="stick mute until the port is reopened", fault="mute:0", within_s=30 + BACK_S),
)
SHORT = 2
AT_ONCE = 9
"""Rows that are played at the same time, with two programs each."""
CAP_S = 120.0
SHORT_CAP_S = 25.0
START_S = 60.0
WARM = 2

ALL = os.environ.get("HEMS_TEST_FAULTS") == "all"

MOMONGA = """
import sys, time
from momonga import Momonga
from momonga.momonga_echonet_enum import EchonetPropertyCode as P
wanted = {P(epc) for epc in (0xE0, 0xE3, 0xE7, 0xE8, 0xEA, 0xEB)}
while True:
    try:
        meter = Momonga(sys.argv[1], sys.argv[2], sys.argv[3])
        meter.internal_xmit_interval = 0
        with meter:
            while True:
                print("reading", meter.request_to_get(wanted)[P.instantaneous_power], flush=True)
                time.sleep(1)
    except Exception as error:
        print("error", type(error).__name__, flush=True)
        time.sleep(1)
"""


class Program:
    """One of the two, at work on one stick."""

    def __init__(self, process: Process) -> None:
        self._process = process
        self.good: list[float] = []
        self.errors: list[str] = []
        self._listening = asyncio.ensure_future(self._listen())

    async def _listen(self) -> None:
        assert self._process.stdout is not None
        async for line in self._process.stdout:
            word, _, rest = line.decode().strip().partition(" ")
            if word == "error":
                self.errors.append(rest)
            elif rest != "None":
                self.good.append(time.monotonic())

    async def end(self) -> None:
        with suppress(ProcessLookupError):
            self._process.kill()
        await self._process.wait()
        await self._listening


@asynccontextmanager
async def program(*command: str, folder: Path) -> AsyncIterator[Program]:
    environment = {"STATE_DIRECTORY": str(folder), "B_ROUTE_ID": SAMPLE_ROUTE_B_ID, "B_ROUTE_PASSWORD": SAMPLE_PASSWORD}
    process = await asyncio.create_subprocess_exec(
        sys.executable, *command, stdout=PIPE, stderr=DEVNULL, env=os.environ | environment
    )
    running = Program(process)
    try:
        yield running
    finally:
        await running.end()


def ours(port: str) -> tuple[str, ...]:
    return ("-m", "hems_data_collector", "--port", port, "--mode", "interval", "--interval", "1", "-o", "stdout")


def theirs(port: str) -> tuple[str, ...]:
    return ("-c", MOMONGA, SAMPLE_ROUTE_B_ID, SAMPLE_PASSWORD, port)


async def played(row: Row, command: tuple[str, ...], stick: Emulator, folder: Path, cap_s: float) -> Result:
    """The row played to one program."""
    async with program(*command, folder=folder) as running:
        await until(lambda: len(running.good) >= WARM, START_S)
        had, known = len(running.good), len(running.errors)  # no request is under way: the next is a second off
        stick.inject(row.fault, times=row.times)
        begun = time.monotonic()
        with suppress(TimeoutError):
            await until(lambda: len(running.good) > had, cap_s)
        seconds = running.good[had] - begun if len(running.good) > had else None
        return seconds, " ".join(dict.fromkeys(running.errors[known:]))


async def both(row: Row, folder: Path, cap_s: float, turn: asyncio.Semaphore) -> list[Result]:
    """The row played to us and to momonga, each on a stick of its own."""
    results = []
    async with turn:
        for number, command in enumerate((ours, theirs)):
            place = folder / str(number)
            place.mkdir(parents=True)
            stick = Emulator(EmulatorSettings.from_query("fast=1"))
            async with pty(stick, place) as served:
                results.append(await played(row, command(served.url), stick, place, cap_s))
            stick.close()
    return results


def shown(result: Result, cap_s: float) -> str:
    seconds, errors = result
    told = f"none within {cap_s:.0f} s" if seconds is None else f"{seconds:.1f} s"
    return f"{told} ({errors})" if errors else told


async def test_the_same_faults_beside_momonga(tmp_path: Path) -> None:
    rows, cap_s = (ROWS, CAP_S) if ALL else (ROWS[:SHORT], SHORT_CAP_S)
    turn = asyncio.Semaphore(AT_ONCE)
    results = await asyncio.gather(*(both(row, tmp_path / str(number), cap_s, turn) for number, row in enumerate(rows)))
    print("\n| fault | to our next good reading | bound | to momonga's |\n|---|---|---|---|")
    for row, (mine, other) in zip(rows, results, strict=True):
        print(f"| {row.what} | {shown(mine, cap_s)} | {row.within_s:.0f} s | {shown(other, cap_s)} |")
    late = [row.what for row, (mine, _) in zip(rows, results, strict=True) if mine[0] is None or mine[0] > row.within_s]
    assert not late
