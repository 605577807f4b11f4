"""One reading: power, currents, the meter's counters.

Run it with B_ROUTE_ID and B_ROUTE_PASSWORD in the environment: python examples/read_once.py /dev/ttyUSB0
Without hardware: python examples/read_once.py 'emulator:?fast=1'
"""

import asyncio
import sys

from hems_data_collector import HemsError, Meter


async def main(port: str) -> None:
    try:
        async with Meter.open(port) as meter:
            reading = await meter.read()
            print(f"{reading.received_at:%H:%M:%S} {reading.power_w} W, {reading.energy_import_kwh} kWh drawn")
            print("multiplier of the counters:", meter.profile.coefficient)
            print("installed at:", await meter.get(0x81))  # any property, by its code
    except HemsError as error:
        sys.exit(f"{error.what}\n{error.cause}\n{error.remedy}")


asyncio.run(main(sys.argv[1]))
