"""A test of a program of yours that reads a meter: the emulator stands in for stick and meter, and fails on demand.

python -m pytest examples/test_my_program.py
"""

import asyncio

from hems_data_collector import Emulator, EmulatorSettings, Meter


async def is_exporting(meter: Meter) -> bool:
    """The program under test."""
    power_w = (await meter.read()).power_w
    return power_w is not None and power_w < 0


def test_what_the_house_feeds_in_is_seen() -> None:
    async def scenario() -> None:
        at_noon = EmulatorSettings.from_query("fast=1&seed=1&start=2026-05-03T12:00")
        async with Meter.open(Emulator(at_noon)) as meter:
            assert await is_exporting(meter)

    asyncio.run(scenario())


def test_a_session_that_the_meter_ends_is_set_up_again() -> None:
    async def scenario() -> None:
        emulator = Emulator(EmulatorSettings.from_query("fast=1"))
        async with Meter.open(emulator) as meter:
            emulator.inject("ev27:0")  # the modem reports the end of the session
            reading = await meter.read()
            assert reading.energy_import_kwh is not None
            assert emulator.counters.joins == 2

    asyncio.run(scenario())
