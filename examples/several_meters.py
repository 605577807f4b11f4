"""Several meters at once, each on a stick of its own, into an output of your own: here lines for InfluxDB.

python examples/several_meters.py house=/dev/ttyUSB0 annex=/dev/ttyUSB1
Without hardware: python examples/several_meters.py 'house=emulator:?fast=1' 'annex=emulator:?fast=1&seed=2'

Id and password of each: B_ROUTE_ID_HOUSE, B_ROUTE_PASSWORD_HOUSE and so on; the emulator needs none.
"""

import asyncio
import os
import sys
from contextlib import suppress

from hems_data_collector import Credentials, Meter, MeterError, Reading, SessionLost, checked_credentials

EVERY_S = 60
ROUNDS = int(os.environ.get("ROUNDS", "0"))  # 0: for ever


def credentials_of(name: str) -> Credentials | None:
    route_b_id = os.environ.get(f"B_ROUTE_ID_{name.upper()}")
    password = os.environ.get(f"B_ROUTE_PASSWORD_{name.upper()}")
    return checked_credentials(route_b_id, password) if route_b_id and password else None


def write(name: str, reading: Reading) -> None:
    values = {"power_w": reading.power_w, "import_kwh": reading.energy_import_kwh, "current_r_a": reading.current_r_a}
    fields = ",".join(f"{key}={value}" for key, value in values.items() if value is not None)
    stamp = int(reading.received_at.timestamp() * 1000) * 1_000_000
    if fields:
        print(f"meter,name={name},id={reading.meter} {fields} {stamp}", flush=True)


async def collect(name: str, port: str) -> None:
    async with Meter.open(port, credentials_of(name)) as meter:
        done = 0
        while True:
            with suppress(SessionLost, MeterError):  # it is joined again by itself; the next round has a reading
                write(name, await meter.read(timeout_s=EVERY_S))
            done += 1
            if done == ROUNDS:
                return
            await asyncio.sleep(EVERY_S)


async def main(meters: list[str]) -> None:
    async with asyncio.TaskGroup() as group:
        for each in meters:
            name, _, port = each.partition("=")
            group.create_task(collect(name, port))


asyncio.run(main(sys.argv[1:]))
