"""Runs emulated meters on a network interface and writes what they said: `wifi_driver.py INTERFACE TRUTH QUERY...`.

Prints a line when they can be reached. At SIGTERM the file TRUTH gets, for each meter, a list of what a perfect reader
would have published, as JSON.
"""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from contextlib import suppress
from pathlib import Path

from hems_data_collector.emulator import EmulatorSettings
from hems_data_collector.emulator.wifi import WifiMeter
from hems_data_collector.emulator.wifi_server import serve_wifi


async def serve(interface: str, meters: list[WifiMeter]) -> None:
    """Serve until SIGTERM."""
    service = asyncio.ensure_future(
        serve_wifi(meters, interface, ready=lambda name, addresses: print(name, *addresses, flush=True))
    )
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, service.cancel)
    with suppress(asyncio.CancelledError):
        await service


def main(interface: str, truth: Path, queries: list[str]) -> None:
    """Serve a meter for each query, then write what they said."""
    meters = [WifiMeter(EmulatorSettings.from_query(query)) for query in queries]
    asyncio.run(serve(interface, meters))
    truth.write_text(json.dumps([list(meter.truth) for meter in meters], default=float), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), sys.argv[3:])
