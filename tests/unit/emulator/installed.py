"""A meter and its node without modem and radio, at a moment that the test chooses."""

from __future__ import annotations

from collections.abc import Awaitable
from datetime import UTC, datetime, timedelta
from typing import TypeVar

from hems_data_collector.emulator.dice import Dice
from hems_data_collector.emulator.faults import FaultBox
from hems_data_collector.emulator.meter import Meter
from hems_data_collector.emulator.meter_clock import MeterClock
from hems_data_collector.emulator.node import Node
from hems_data_collector.emulator.settings import EmulatorSettings

T = TypeVar("T")


class StillClock:
    """A clock that stands where the test puts it."""

    def __init__(self) -> None:
        self.at = 0.0

    def monotonic(self) -> float:
        return self.at

    def now(self) -> datetime:
        return datetime(2026, 1, 14, 22, 5, tzinfo=UTC) + timedelta(seconds=self.at)

    async def sleep(self, seconds: float) -> None:
        raise AssertionError("nobody sleeps here")

    async def wait_for(self, awaitable: Awaitable[T], seconds: float | None) -> T:
        raise AssertionError("nobody waits here")


class Installed:
    """Meter and node at 2026-01-15 07:05:00 unless the query says otherwise."""

    def __init__(self, query: str = "") -> None:
        self.settings = EmulatorSettings.from_query(query)
        self.clock = StillClock()
        self.faults = FaultBox(self.settings.faults, Dice(self.settings.seed))
        meter_clock = MeterClock(self.clock, start=self.settings.start, speed=self.settings.speed)
        self.meter = Meter(self.settings, meter_clock, self.faults)
        self.meter.begin()
        self.node = Node(self.meter, self.faults)

    def ask(self, frame: str) -> str | None:
        """The answer to a frame, both in hex."""
        answer = self.node.answer(bytes.fromhex(frame))
        return None if answer is None else answer.frame.encode().hex().upper()

    def get(self, *epcs: int, deoj: str = "028801") -> str:
        """The entries of the answer to a Get, service code included: `72` `01` `80` `01` `30`."""
        asked = "".join(f"{epc:02X}00" for epc in epcs)
        answer = self.ask(f"1081000105FF01{deoj}62{len(epcs):02X}{asked}")
        assert answer is not None
        assert answer.startswith(f"10810001{deoj}05FF01")
        return answer[20:]

    def set(self, epc: int, edt: str) -> str:
        """The answer to a SetC of one property, from the service code on."""
        answer = self.ask(f"1081001105FF010288016101{epc:02X}{len(edt) // 2:02X}{edt}")
        assert answer is not None
        return answer[20:]

    def edt(self, epc: int, deoj: str = "028801") -> str:
        """The value of one readable property in hex."""
        answer = self.get(epc, deoj=deoj)
        assert answer.startswith(f"7201{epc:02X}"), answer
        return answer[8:]
