"""Another meter behind the same radio address: each value is entered under the name of the meter that gave it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from hems_data_collector.collector import same_meter
from hems_data_collector.config import Settings
from hems_data_collector.echonet import Frame
from hems_data_collector.emulator.meter import Meter
from hems_data_collector.emulator.node import Node
from hems_data_collector.store import half_hours, meters, readings
from hems_data_collector.store.database import open_reader
from support.collecting import START, Collected, collect, settings_for

OLD, NEW = "000016-A00B123456", "000016-A00C654321"
FAR = timedelta(days=9)
VERIFIED = (0x8D, 0xD3, 0xE1)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, ...]]:
    """The properties of every request that reaches the meter."""
    found: list[tuple[int, ...]] = []
    answer = Node.answer

    def noted(self: Node, datagram: bytes) -> Any:
        found.append(tuple(entry.epc for entry in Frame.decode(datagram).properties))
        return answer(self, datagram)

    monkeypatch.setattr(Node, "answer", noted)
    return found


def stored(settings: Settings) -> dict[str, list[datetime]]:
    """When which meter's readings came."""
    conn = open_reader(settings.database)
    try:
        return {
            key: [each.reading.received_at for each in readings.between(conn, key, START - FAR, START + FAR)]
            for key, _ in meters.keys(conn).values()
        }
    finally:
        conn.close()


def registers(settings: Settings, key: str) -> list[int]:
    """The import registers of a meter's half hours, oldest first."""
    conn = open_reader(settings.database)
    try:
        assert half_hours.conflicts(conn, key) == []
        slots = half_hours.slots(conn, key, START - FAR, START + FAR)
        return [slot.import_raw for slot in slots if slot.import_raw is not None]
    finally:
        conn.close()


@pytest.mark.parametrize("query", ["release=R&export=0", "", "unit=00&digits=5"])
@pytest.mark.parametrize(("interval", "at_s"), [(60, 3590.0), (300, 1790.0), (300, 1910.0)])
def test_no_reading_is_entered_under_the_old_name(query: str, interval: int, at_s: float, tmp_path: Path) -> None:
    settings = settings_for(tmp_path, f"fast=1&loss=0&{query}&fault=exchange:{at_s}", interval=str(interval))
    collected = collect(settings, 7200.0)
    exchanged = START + timedelta(seconds=at_s)
    found = stored(settings)
    assert set(found) == {OLD, NEW}
    assert found[OLD][-1] < exchanged < found[NEW][0]
    assert found[NEW][0] <= exchanged + timedelta(seconds=interval + 5)
    assert sum(map(len, found.values())) == len(collected.capture.records) >= 7200 / interval - 1
    old, new = registers(settings, OLD), registers(settings, NEW)
    assert old == sorted(old)
    assert new == sorted(new)
    assert new[0] < old[0]


def test_a_half_hour_of_the_new_meter_is_not_the_old_ones(asked: list[tuple[int, ...]], tmp_path: Path) -> None:
    settings = settings_for(tmp_path, "fast=1&loss=0&notify_delay=60&fault=exchange:1000", interval="7200")
    collect(settings, 4000.0)  # one poll, at the start
    assert sum(0xE7 in epcs for epcs in asked) == 1
    old = registers(settings, OLD)
    assert old == sorted(old)
    assert registers(settings, NEW)[0] < old[0]


def as_if_it_went_on(self: Meter, moment: datetime) -> None:
    """The new meter's registers begin where the old one's ended."""


def test_an_exchange_that_no_register_shows_is_noticed_when_the_meter_is_asked_again(
    asked: list[tuple[int, ...]], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(Meter, "roll_over_at", as_if_it_went_on)
    monkeypatch.setattr(Meter, "installed", datetime(2020, 1, 1))
    monkeypatch.setattr(same_meter, "AGAIN_S", 3600.0)
    settings = settings_for(tmp_path, "fast=1&loss=0&fault=exchange:5000", interval="300")
    collect(settings, 9000.0)
    found = stored(settings)
    assert START + timedelta(seconds=6900) <= found[OLD][-1] <= START + timedelta(seconds=7200)
    assert START + timedelta(seconds=7200) <= found[NEW][0] <= START + timedelta(seconds=7500)
    assert asked.count(VERIFIED) == 2


def ended(at_s: float) -> Callable[[Collected], Coroutine[Any, Any, None]]:
    async def script(collected: Collected) -> None:
        for _ in range(3):
            await asyncio.sleep(at_s)
            collected.emulator.inject("ev26:0")

    return script


def test_each_session_asks_once_in_free_air_time(asked: list[tuple[int, ...]], tmp_path: Path) -> None:
    settings = settings_for(tmp_path, "fast=1&loss=0", interval="60")
    collected = collect(settings, 4000.0, script=ended(1000.0))
    assert collected.emulator.counters.sessions == 4
    assert asked.count(VERIFIED) == 3  # in the first one the meter was got to know
    polls = [epcs for epcs in asked if 0xE7 in epcs]
    assert len(polls) == len(collected.capture.records)


@pytest.mark.parametrize("fault", ["rollover:1000", "no-data-live:0.5", "no-data:0.5", "payload-0d0a"])
def test_nothing_else_makes_the_meter_doubtful(fault: str, asked: list[tuple[int, ...]], tmp_path: Path) -> None:
    settings = settings_for(tmp_path, f"fast=1&loss=0&fault={fault}", interval="60")
    collect(settings, 4000.0)
    assert asked.count(VERIFIED) == 0


def test_a_meter_that_does_not_say_who_it_is_is_read_on(asked: list[tuple[int, ...]], tmp_path: Path) -> None:
    async def script(collected: Collected) -> None:
        await asyncio.sleep(1000.0)
        collected.emulator.inject("sna-partial:8D")
        collected.emulator.inject("exchange:0")

    settings = settings_for(tmp_path, "fast=1&loss=0", interval="60")
    collected = collect(settings, 3600.0, script=script)
    assert len(collected.capture.records) >= 59
    assert asked.count(VERIFIED) <= 4
