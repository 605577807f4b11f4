"""Three ways to test without hardware: a serial port, a meter in this process, the whole collector.

python -m pytest examples/emulator/test_with_a_stick.py
"""

import asyncio
import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import serial

from hems_data_collector import Emulator, EmulatorSettings, Meter

PROGRAM = "hems-data-collector"


def firmware_of(port: str) -> str:
    """The program under test: whatever opens a serial port, in whatever language."""
    with serial.Serial(port, 115200, timeout=5) as stick:
        stick.write(b"SKVER\r\n")
        lines = iter(stick.readline, b"")
        return next(line.split()[1].decode() for line in lines if line.startswith(b"EVER"))


@pytest.fixture
def stick(tmp_path: Path) -> Iterator[str]:
    """A serial port with a stick on it, and a meter in its reach."""
    port = str(tmp_path / "stick")
    words = [PROGRAM, "emulate", "--pty", port, "--fast", "--module", "bp35c2"]
    with subprocess.Popen(words, stderr=subprocess.PIPE, text=True) as emulator:
        assert emulator.stderr is not None
        emulator.stderr.readline()  # it says where it serves: from here on the port is there
        yield port
        emulator.terminate()


def test_a_program_that_opens_a_serial_port(stick: str) -> None:
    assert firmware_of(stick) == "1.5.2"


def test_a_reading_is_what_the_meter_has() -> None:
    async def scenario() -> None:
        emulator = Emulator(EmulatorSettings.from_query("fast=1&seed=7&start=2026-01-15T18:30"))
        async with Meter.open(emulator) as meter:
            reading = await meter.read()
        assert reading.power_w == emulator.truth[-1]["instant_power_w"]
        assert emulator.counters.joins == 1

    asyncio.run(scenario())


def test_a_program_that_takes_records(tmp_path: Path) -> None:
    words = [PROGRAM, "--port", "emulator:?fast=1", "-o", "stdout", "--mode", "interval", "--interval", "1"]
    words += ["--database", str(tmp_path / "hems.db")]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as collector:
        assert collector.stdout is not None
        record = json.loads(collector.stdout.readline())
        collector.terminate()
    assert record["cumulative_power_kwh"] > 0
