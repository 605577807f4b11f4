"""The running collector against the emulator: how soon the first reading comes, what one costs, and beside momonga."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import IO

from benchmarks.measure import Measurement, cpu_seconds, resident_mib
from hems_data_collector.clock import SystemClock
from hems_data_collector.credentials import checked_credentials
from hems_data_collector.emulator import Emulator, EmulatorSettings
from hems_data_collector.link.base import Pan
from hems_data_collector.link.session import SessionState
from hems_data_collector.link.transport import Transport
from hems_data_collector.link.wisun import WisunLink
from hems_data_collector.meter.client import MeterClient
from hems_data_collector.meter.reader import MeterReader
from hems_data_collector.skstack import link_local_of

ROUND_TRIP_S = 0.8
JOIN_S = 3.0
SLOW = f"rtt={ROUND_TRIP_S}&join={JOIN_S}&loss=0"
POLLS = 10
STEADY_READINGS = 20
ROUTE_B_ID, PASSWORD = "00112233445566778899AABBCCDDEEFF", "0123456789AB"


def measurements() -> list[Measurement]:
    """The rows of this file."""
    return [_warm_start(), *asyncio.run(_polls()), *_beside_momonga()]


def _warm_start() -> Measurement:
    """From starting the program to its first record, by the clock of whoever started it."""
    first_s = min(_first_reading_s() for _ in range(3))  # a busy machine can only add to it
    bare_s = JOIN_S + ROUND_TRIP_S
    return Measurement(
        name="warm start: from the command to the first reading",
        ours=f"{first_s:.2f} s",
        base=f"join and one round trip {bare_s:.2f} s",
        ratio=first_s / bare_s,
        target=1.10,
    )


def _first_reading_s() -> float:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        stick = folder / "stick"
        with _emulator(stick, "--fast") as port, _collector(folder, port, interval=1) as lines:
            lines.readline()
            lines.readline()
        slow = ("--rtt", str(ROUND_TRIP_S), "--join", str(JOIN_S), "--loss", "0")
        with _emulator(stick, *slow) as port:
            begun = time.perf_counter()
            with _collector(folder, port, interval=60) as lines:
                assert json.loads(lines.readline())["instant_power_w"] is not None
                return time.perf_counter() - begun


async def _polls() -> list[Measurement]:
    """Readings one after the other, in this process, where the emulator can be asked what it saw."""
    clock = SystemClock()
    credentials = checked_credentials(ROUTE_B_ID, PASSWORD)
    emulator = Emulator(EmulatorSettings.from_query(f"{SLOW}&fast=0"), clock=clock, credentials=credentials)
    pan = _pan()

    async def open_port() -> Transport:
        return emulator.open_port()

    link = WisunLink(open_port=open_port, credentials=credentials, clock=clock, rng=Random(1), fixed_pan=pan)
    client = MeterClient(link, clock=clock, rng=Random(1))
    link.on_datagram, link.on_down = client.receive, client.session_ended
    reader = MeterReader(client, clock=clock, zone=UTC, mac=link.peer)
    await link.connect_once()
    assert link.state is SessionState.UP
    await reader.introduce()
    before, begun = emulator.sendto_count, time.perf_counter()
    for _ in range(POLLS):
        await reader.poll()
    poll_s = (time.perf_counter() - begun) / POLLS
    trips = (emulator.sendto_count - before) / POLLS
    await link.close()
    emulator.close()
    return [
        Measurement(
            name="one reading, in steady state",
            ours=f"{poll_s:.3f} s",
            base=f"one round trip {ROUND_TRIP_S:.3f} s",
            ratio=poll_s / ROUND_TRIP_S,
            target=1.10,
        ),
        Measurement(name="round trips per reading", ours=f"{trips:.2f}", base="1", ratio=trips, target=1.0),
    ]


def _pan() -> Pan:
    chosen = EmulatorSettings()
    return Pan(channel=chosen.channel, pan_id=chosen.pan_id, address=link_local_of(chosen.mac))


_MOMONGA = """
import sys, time
from momonga import Momonga
from momonga.momonga_echonet_enum import EchonetPropertyCode as P
with Momonga({id!r}, {password!r}, {port!r}) as meter:
    meter.internal_xmit_interval = 0
    wanted = {{P.measured_cumulative_energy, P.measured_cumulative_energy_reversed, P.instantaneous_power,
              P.instantaneous_current, P.cumulative_energy_measured_at_fixed_time,
              P.cumulative_energy_measured_at_fixed_time_reversed}}
    due = time.monotonic()
    while True:
        print(meter.request_to_get(wanted), flush=True)
        due += 1
        time.sleep(max(0, due - time.monotonic()))
"""


def _beside_momonga() -> Iterator[Measurement]:
    """CPU and memory of both, one reading of six properties a second from the same emulator in another process."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with _emulator(folder / "ours", "--fast") as port, _collector(folder, port, interval=1) as lines:
            our_cpu_s, our_mib = _steady(lines)
        script = _MOMONGA.format(id=ROUTE_B_ID, password=PASSWORD, port=str(folder / "theirs"))
        with _emulator(folder / "theirs", "--fast"), _process([sys.executable, "-c", script]) as lines:
            their_cpu_s, their_mib = _steady(lines)
    yield Measurement(
        name="CPU time per reading",
        ours=f"{our_cpu_s * 1e3:.1f} ms",
        base=f"momonga {their_cpu_s * 1e3:.1f} ms",
        ratio=our_cpu_s / their_cpu_s,
    )
    yield Measurement(
        name="resident memory",
        ours=f"{our_mib:.0f} MiB",
        base=f"momonga {their_mib:.0f} MiB",
        ratio=our_mib / their_mib,
    )


class _Lines:
    """The standard output of a process, a line at a time."""

    def __init__(self, process: subprocess.Popen[str], stream: IO[str]) -> None:
        self.process = process
        self.readline = stream.readline


def _steady(lines: _Lines) -> tuple[float, float]:
    for _ in range(3):
        lines.readline()
    before = cpu_seconds(lines.process.pid)
    for _ in range(STEADY_READINGS):
        lines.readline()
    return (cpu_seconds(lines.process.pid) - before) / STEADY_READINGS, resident_mib(lines.process.pid)


@contextmanager
def _process(command: list[str], **environment: str) -> Iterator[_Lines]:
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=os.environ | environment
    )
    assert process.stdout is not None
    try:
        yield _Lines(process, process.stdout)
    finally:
        process.terminate()
        process.wait()
        process.stdout.close()


@contextmanager
def _collector(folder: Path, port: str, *, interval: int) -> Iterator[_Lines]:
    command = [sys.executable, "-m", "hems_data_collector", "--port", port, "--mode", "interval", "-o", "stdout"]
    environment = {"STATE_DIRECTORY": str(folder), "B_ROUTE_ID": ROUTE_B_ID, "B_ROUTE_PASSWORD": PASSWORD}
    with _process([*command, "--interval", str(interval)], **environment) as lines:
        yield lines


@contextmanager
def _emulator(path: Path, *flags: str) -> Iterator[str]:
    command = [sys.executable, "-m", "hems_data_collector", "emulate", "--pty", str(path), *flags]
    with _process(command, B_ROUTE_ID=ROUTE_B_ID, B_ROUTE_PASSWORD=PASSWORD):
        while not path.exists():
            time.sleep(0.05)
        yield str(path)


def measured_at() -> str:
    """The day of the measurement."""
    return datetime.now(UTC).date().isoformat()
