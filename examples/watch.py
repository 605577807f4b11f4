"""Every half hour as the meter announces it: nothing is asked, nothing is polled.

python examples/watch.py /dev/ttyUSB0
Without hardware, three half hours of two seconds each: python examples/watch.py 'emulator:?fast=1&speed=900' 3
"""

import asyncio
import sys

from hems_data_collector import Meter


async def main(port: str, count: int) -> None:
    async with Meter.open(port) as meter:
        await meter.read()  # the register before the first announcement, so that its energy is known too
        async for notification in meter.notifications():
            half_hour = notification.half_hour
            if half_hour is not None:
                print(f"{half_hour.start:%H:%M} to {half_hour.end:%H:%M} UTC: {half_hour.import_kwh} kWh", flush=True)
                count -= 1
            if count == 0:
                break


asyncio.run(main(sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else -1))
