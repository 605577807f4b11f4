"""The running collector on real ports, with its readings in hand: for tests that take the port away from it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import pytest

from hems_data_collector import app
from hems_data_collector.clock import Clock
from hems_data_collector.config import load_settings
from hems_data_collector.emulator import SAMPLE_PASSWORD, SAMPLE_ROUTE_B_ID
from support.collecting import CaptureOutput

CREDENTIALS = {"B_ROUTE_ID": SAMPLE_ROUTE_B_ID, "B_ROUTE_PASSWORD": SAMPLE_PASSWORD}


@dataclass
class Running:
    """A collector at work, and what it published."""

    capture: CaptureOutput
    clock: Clock
    task: asyncio.Task[int]

    async def fresh(self, limit_s: float) -> float:
        """Wait for a reading that the meter gave after this moment; seconds of the collector's clock until it came.

        TimeoutError after `limit_s` seconds of that clock.
        """
        asked, begun = self.clock.now(), self.clock.monotonic()
        while not self._since(asked):
            left_s = begun + limit_s - self.clock.monotonic()
            if self.task.done():
                self.task.result()
                raise RuntimeError("the collector has ended")
            self.capture.arrived.clear()
            await self.clock.wait_for(self.capture.arrived.wait(), max(0.0, left_s))
        return self.clock.monotonic() - begun

    def _since(self, moment: datetime) -> bool:
        if not self.capture.records:
            return False
        fields = self.capture.records[-1].fields
        newest = datetime.fromisoformat(str(fields["timestamp"]))
        return newest > moment and fields["instant_power_w"] is not None


@asynccontextmanager
async def collecting(
    url: str, folder: Path, monkeypatch: pytest.MonkeyPatch, *, clock: Clock, interval_s: int = 1
) -> AsyncIterator[Running]:
    """Run the whole collector on the port `url`, a reading every `interval_s` seconds of `clock`."""
    capture = CaptureOutput()
    output = type("One", (CaptureOutput,), {"build": lambda *_, **__: capture})
    monkeypatch.setattr(app, "OUTPUTS", {"stdout": output})
    chosen = {
        "port": url,
        "mode": "interval",
        "interval": str(interval_s),
        "backfill_spacing": "86400",
        "output": ["stdout"],
    }
    settings = load_settings(chosen, {"STATE_DIRECTORY": str(folder / "state"), **CREDENTIALS}, folder)
    stop = asyncio.Event()
    task = asyncio.create_task(app.run_collector(settings, stop=stop, clock=clock))
    try:
        yield Running(capture=capture, clock=clock, task=task)
    finally:
        stop.set()
        code = await task
    assert code == 0
