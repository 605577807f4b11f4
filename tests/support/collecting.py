"""The whole collector against the emulator on virtual time, for scenario tests."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType
from typing import Any

from hems_data_collector import app
from hems_data_collector.clock import Clock, LoopClock
from hems_data_collector.config import Settings, load_settings
from hems_data_collector.emulator import Emulator, EmulatorSettings
from hems_data_collector.outputs import Format, Output
from hems_data_collector.readings import RECORD_KEYS, Record
from hems_data_collector.store.database import Database
from support.virtual_time import run_virtual

START = datetime(2026, 1, 15, 1, 0, 20, tzinfo=UTC)
"""10:00:20 by the meter's clock."""


class CaptureOutput(Output):
    """Stands in for stdout: keeps every record with the loop time at which it came."""

    name = "stdout"
    help = "keeps records"
    batch_size = 1_000

    def __init__(self) -> None:
        self.records: list[Record] = []
        self.times: list[float] = []
        self.arrived = asyncio.Event()

    @classmethod
    def build(
        cls,
        values: Mapping[str, Any],
        format: Format,
        *,
        clock: Clock,
        columns: Sequence[str] = RECORD_KEYS,
        half_hours: bool = False,
    ) -> CaptureOutput:
        return cls()

    async def deliver(self, batch: Sequence[Record], checkpoint: bytes | None) -> bytes | None:
        self.records += batch
        self.times += [asyncio.get_running_loop().time()] * len(batch)
        self.arrived.set()
        return checkpoint


class QuickDatabase(Database):
    """Without waiting for the disk: what survives a power cut is another test's subject."""

    @classmethod
    def open(cls, path: Path, *, clock: Clock, synchronous: str = "OFF") -> Database:
        return super().open(path, clock=clock, synchronous=synchronous)


@dataclass
class Collected:
    """What one run gave."""

    capture: CaptureOutput
    emulator: Emulator
    code: int = -1
    seconds: float = 0.0
    snapshots: list[int] = field(default_factory=list)

    @property
    def fields(self) -> list[dict[str, Any]]:
        """The fields of every record."""
        return [dict(record.fields) for record in self.capture.records]


def settings_for(
    tmp_path: Path, query: str, *, environ: Mapping[str, str] = MappingProxyType({}), **flags: str | list[str]
) -> Settings:
    """Settings of a run on `emulator:?query`, by interval, with one output and a state directory of its own.

    The meter's past is left alone unless `backfill_spacing` says otherwise.
    """
    chosen: dict[str, Any] = {
        "port": f"emulator:?{query}",
        "mode": "interval",
        "interval": "60",
        "backfill_spacing": "86400",
        "output": ["stdout"],
    } | flags
    return load_settings(chosen, {"STATE_DIRECTORY": str(tmp_path / "state"), **environ}, tmp_path)


@contextmanager
def emulated(settings: Settings, clock: Clock) -> Iterator[tuple[Emulator, CaptureOutput]]:
    """Put an emulator that the test holds, and a capturing stdout, into the wiring."""
    chosen = EmulatorSettings.from_query(settings.meters[0].port.partition("?")[2])
    emulator = Emulator(chosen, clock=clock, credentials=settings.meters[0].credentials)
    capture = CaptureOutput()
    outputs, app.OUTPUTS = app.OUTPUTS, {"stdout": type("One", (CaptureOutput,), {"build": lambda *_, **__: capture})}  # type: ignore[misc]
    app._EMULATORS[settings.meters[0].port] = emulator
    opened = app.Database
    app.Database = QuickDatabase  # type: ignore[misc]
    try:
        yield emulator, capture
    finally:
        app.OUTPUTS = outputs  # type: ignore[misc]
        app.Database = opened  # type: ignore[misc]
        app._EMULATORS.clear()


def collect(settings: Settings, seconds: float, *, start: datetime = START, script: Any = None) -> Collected:
    """Run the collector for `seconds` of virtual time, then stop it in order.

    `script(collected)` is a coroutine function that may interfere meanwhile.
    """

    async def run() -> Collected:
        clock = LoopClock(start)
        stop = asyncio.Event()
        with emulated(settings, clock) as (emulator, capture):
            collected = Collected(capture=capture, emulator=emulator)
            meddling = None if script is None else asyncio.create_task(script(collected))
            asyncio.get_running_loop().call_later(seconds, stop.set)
            collected.code = await app.run_collector(settings, stop=stop, clock=clock)
            collected.seconds = asyncio.get_running_loop().time()
            if meddling is not None:
                await meddling
            return collected

    return run_virtual(run())
