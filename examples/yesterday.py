"""What yesterday used, half hour by half hour, from the meter's own memory, as CSV.

python examples/yesterday.py /dev/ttyUSB0 > yesterday.csv
Without hardware: python examples/yesterday.py 'emulator:?fast=1'
"""

import asyncio
import csv
import sys
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from hems_data_collector import Meter

JAPAN = ZoneInfo("Asia/Tokyo")


async def main(port: str) -> None:
    yesterday = datetime.now(JAPAN).date() - timedelta(days=1)
    async with Meter.open(port) as meter:
        half_hours = await meter.day(yesterday)
    table = csv.writer(sys.stdout)
    table.writerow(("start", "end", "import_kwh", "export_kwh"))
    for each in half_hours:
        start, end = (moment.astimezone(JAPAN).isoformat() for moment in (each.start, each.end))
        table.writerow((start, end, each.import_kwh, each.export_kwh))


asyncio.run(main(sys.argv[1]))
