"""A thousand meters in one process, each read every ten seconds over TCP: are they all read in time, and at what cost?

The emulated sticks stand in processes of their own, so that what is measured is ours alone. Run by itself it prints
its table: `python -m benchmarks.many [METERS [SECONDS]]`.
"""

from __future__ import annotations

import asyncio
import json
import os
import resource
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, closing, contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from benchmarks.measure import Measurement, cpu_seconds, resident_mib, table
from hems_data_collector.app import run_collector
from hems_data_collector.clock import SystemClock
from hems_data_collector.config import Settings, load_settings
from hems_data_collector.credentials import checked_credentials
from hems_data_collector.emulator import Emulator, EmulatorSettings, serve_tcp
from hems_data_collector.skstack import link_local_of
from hems_data_collector.store.database import open_reader
from hems_data_collector.store.times import from_micros, to_micros

METERS: Final = 1000
INTERVAL_S: Final = 10
STEADY_S: Final = 120
JOIN_LIMIT_S: Final = 120.0
ROUND_TRIP_S: Final = 0.5
JOIN_S: Final = 3.0
EMULATING_PROCESSES: Final = 2
ROUTE_B_ID, PASSWORD = "00112233445566778899AABBCCDDEEFF", "0123456789AB"
LOOK_EVERY_S: Final = 1.0
PAST_S: Final = 60
"""Between two requests for the past of one meter, instead of 5: a thousand fill 99 days in two hours, not at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What the process with the collector says of itself."""

    joined_s: float
    """Until every meter had given a reading."""
    slots: int
    on_time: int
    lateness_p99_s: float
    """From the moment a reading was due until it was there, of 99 in 100."""
    cpu_share: float
    """CPU time per second of the steady state, 1.0 = one core."""
    empty_mib: float
    """Memory of the process before there was any meter."""
    full_mib: float


def measurements(meters: int = METERS, steady_s: int = STEADY_S) -> list[Measurement]:
    """The rows of this file."""
    outcome = _measured(meters, steady_s)
    bare_s = JOIN_S + 3 * ROUND_TRIP_S
    return [
        Measurement(
            name=f"readings in time, {meters} meters in one process",
            ours=f"{outcome.on_time} in {outcome.lateness_p99_s:.1f} s",
            base=f"{outcome.slots} due, every {INTERVAL_S} s",
            ratio=outcome.on_time / outcome.slots,
            target=1.0,
            more_is_better=True,
        ),
        Measurement(
            name=f"CPU of {meters} meters at a reading per {INTERVAL_S} s",
            ours=f"{outcome.cpu_share:.0%}",
            base="one core",
            ratio=outcome.cpu_share,
            target=1.0,
        ),
        Measurement(
            name=f"memory of {meters} meters",
            ours=f"{outcome.full_mib:.0f} MiB",
            base=f"without a meter {outcome.empty_mib:.0f} MiB",
            ratio=outcome.full_mib / outcome.empty_mib,
        ),
        Measurement(
            name=f"{meters} joins and first readings",
            ours=f"{outcome.joined_s:.1f} s",
            base=f"a single one {bare_s:.1f} s",
            ratio=outcome.joined_s / bare_s,
        ),
    ]


def _measured(meters: int, steady_s: int) -> Outcome:
    per_process = -(-meters // EMULATING_PROCESSES)
    with tempfile.TemporaryDirectory(prefix="hems-bench-") as folder:
        shares = [range(meters)[at : at + per_process] for at in range(0, meters, per_process)]
        with _processes([["emulate", str(share.start), str(share.stop)] for share in shares]) as emulating:
            ports = [port for process in emulating for port in json.loads(_line(process))]
            with _processes([["collect", folder, str(steady_s)]]) as (collecting,):
                assert collecting.stdin is not None
                collecting.stdin.write(json.dumps(ports) + "\n")
                collecting.stdin.flush()
                return Outcome(**json.loads(_line(collecting)))


@contextmanager
def _processes(arguments: list[list[str]]) -> Iterator[list[subprocess.Popen[str]]]:
    command = [sys.executable, "-m", "benchmarks.many"]
    running = [
        subprocess.Popen([*command, *each], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for each in arguments
    ]
    try:
        yield running
    finally:
        for process in running:
            process.terminate()
            process.communicate()


def _line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    line = process.stdout.readline()
    assert line, f"{process.args} has ended"
    return line


# --- the process of the sticks -----------------------------------------------------------------------------------


async def _emulate(numbers: range) -> None:
    """Serve the sticks with these numbers until killed; prints their TCP ports."""
    ready = [asyncio.get_running_loop().create_future() for _ in numbers]
    serving = [
        asyncio.create_task(serve_tcp(_stick(number), "127.0.0.1", 0, ready=place.set_result))
        for number, place in zip(numbers, ready, strict=True)
    ]
    places = await asyncio.gather(*ready)
    print(json.dumps([int(place.rpartition(":")[2]) for place in places]), flush=True)
    await asyncio.gather(*serving)


def _stick(number: int) -> Emulator:
    query = f"loss=0&rtt={ROUND_TRIP_S}&join={JOIN_S}&seed={number + 1}&mac={_mac(number)}&notify_delay=0"
    return Emulator(EmulatorSettings.from_query(query), credentials=checked_credentials(ROUTE_B_ID, PASSWORD))


def _mac(number: int) -> str:
    return f"001C6400{number + 1:08X}"


# --- the process of the collector --------------------------------------------------------------------------------


async def _collect(folder: Path, steady_s: float, ports: list[int]) -> Outcome:
    """Run the whole collector on these sticks until they have been read for `steady_s` seconds."""
    clock, empty_mib = SystemClock(), resident_mib(os.getpid())
    settings = _settings(folder, ports)
    stop, begun = asyncio.Event(), asyncio.get_running_loop().create_future()

    @asynccontextmanager
    async def noted(*_: object) -> AsyncIterator[None]:
        begun.set_result(clock.now())  # now the tickers start, all in the same moment
        yield

    collector = asyncio.create_task(run_collector(settings, stop=stop, clock=clock, endpoint=noted))
    began = await begun
    async with asyncio.timeout(JOIN_LIMIT_S):
        while (joined_s := _all_read_after_s(settings.database, began, len(ports))) is None:
            await clock.sleep(LOOK_EVERY_S)
    await clock.sleep(INTERVAL_S)
    cpu_s, since = cpu_seconds(os.getpid()), clock.now()
    await clock.sleep(steady_s)
    cpu_s, until = cpu_seconds(os.getpid()) - cpu_s, clock.now()
    full_mib = resident_mib(os.getpid())
    stop.set()
    await collector
    lateness = _lateness(settings.database, began, since, until)
    there = sorted(late_s for late_s in lateness if late_s is not None)
    return Outcome(
        joined_s=joined_s,
        slots=len(lateness),
        on_time=len(there),
        lateness_p99_s=there[int(len(there) * 0.99)],
        cpu_share=cpu_s / (until - since).total_seconds(),
        empty_mib=empty_mib,
        full_mib=full_mib,
    )


def _settings(folder: Path, ports: list[int]) -> Settings:
    """As a person would write them, in a file with a table for each meter."""
    chosen = EmulatorSettings()
    general = f"""
output = ["file"]
file = "{folder}/readings.json"
mode = "interval"
interval = {INTERVAL_S}
backfill_spacing = {PAST_S}
b_route_id = "{ROUTE_B_ID}"
b_route_password = "{PASSWORD}"
"""
    tables = "".join(
        f"""
[[meters]]
name = "meter-{number}"
port = "socket://127.0.0.1:{port}"
meter_channel = "{chosen.channel:02X}"
meter_panid = "{chosen.pan_id:04X}"
meter_ipv6 = "{link_local_of(_mac(number))}"
"""
        for number, port in enumerate(ports)
    )
    file = folder / "config.toml"
    file.write_text(general + tables, encoding="utf-8")
    file.chmod(0o600)
    return load_settings({"config": str(file)}, {"STATE_DIRECTORY": str(folder)}, folder)


def _all_read_after_s(database: Path, began: datetime, meters: int) -> float | None:
    """When the last meter gave its first reading, in seconds; None before that."""
    with closing(open_reader(database)) as conn:
        firsts = conn.execute("SELECT min(received_us) FROM readings GROUP BY meter ORDER BY 1").fetchall()
    return None if len(firsts) < meters else (from_micros(firsts[-1][0]) - began).total_seconds()


def _lateness(database: Path, began: datetime, since: datetime, until: datetime) -> list[float | None]:
    """For each slot of each meter that lies between two moments: seconds from its beginning to its reading, if any.

    Of n meters the k-th is due k/n of the interval later than the first.
    """
    slot_us = INTERVAL_S * 1_000_000
    with closing(open_reader(database)) as conn:
        numbers = {meter: int(name.rpartition("-")[2]) for meter, name in conn.execute("SELECT id, name FROM meters")}
        rows = conn.execute("SELECT meter, received_us FROM readings ORDER BY seq DESC").fetchall()
    first_us = {meter: to_micros(began) + slot_us * number // len(numbers) for meter, number in numbers.items()}
    came: dict[tuple[int, int], float] = {}
    for meter, received_us in rows:
        slot, late_us = divmod(received_us - first_us[meter], slot_us)
        came[meter, slot] = late_us / 1e6
    first, last = (int((moment - began).total_seconds() // INTERVAL_S) for moment in (since, until))
    return [came.get((meter, slot)) for meter in numbers for slot in range(first + 1, last)]


def _allow_many_files() -> None:
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def main(arguments: list[str]) -> None:
    """The process that the first argument names, or all of it."""
    _allow_many_files()
    match arguments:
        case ["emulate", first, end]:
            asyncio.run(_emulate(range(int(first), int(end))))
        case ["collect", folder, steady_s]:
            ports = json.loads(sys.stdin.readline())
            print(json.dumps(asdict(asyncio.run(_collect(Path(folder), float(steady_s), ports)))), flush=True)
        case numbers:
            print(table(measurements(*map(int, numbers))))


if __name__ == "__main__":
    main(sys.argv[1:])
