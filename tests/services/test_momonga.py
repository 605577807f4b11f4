"""momonga, an independent client, opens the emulator over a pty and reads every property it knows, values checked."""

from __future__ import annotations

import asyncio
import datetime
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from momonga import Momonga
from momonga.momonga_echonet_enum import EchonetPropertyCode

from hems_data_collector.emulator import SAMPLE_PASSWORD, SAMPLE_ROUTE_B_ID, Emulator, EmulatorSettings, serve_pty

pytestmark = pytest.mark.services

EVENING = datetime.datetime(2026, 1, 15, 19, 7, 30)
STANDING = "fast=1&start=2026-01-15T19:07:30&speed=0.001"
"""The meter's clock hardly moves, so every value stays what it is while the test looks at it."""
FIRST_GENERATION = {
    *(0x80, 0x81, 0x82, 0x88, 0x8A, 0x8D, 0x97, 0x98, 0x9D, 0x9E, 0x9F, 0xD3, 0xD7, 0xE0, 0xE1, 0xE2, 0xE3),
    *(0xE4, 0xE5, 0xE7, 0xE8, 0xEA, 0xEB, 0xEC, 0xED),
}


@contextmanager
def served(tmp_path: Path, query: str) -> Iterator[tuple[Emulator, str]]:
    """An emulator on a pty, served from a thread of its own."""
    emulator, path = Emulator(EmulatorSettings.from_query(query)), str(tmp_path / "modem")
    ready, stop = threading.Event(), asyncio.Event()
    loop = asyncio.new_event_loop()

    async def serve() -> None:
        service = asyncio.ensure_future(serve_pty(emulator, path, ready=lambda place: ready.set()))
        stopping = asyncio.ensure_future(stop.wait())
        await asyncio.wait((service, stopping), return_when=asyncio.FIRST_COMPLETED)
        for task in (service, stopping):
            task.cancel()
        await asyncio.gather(service, stopping, return_exceptions=True)

    thread = threading.Thread(target=loop.run_until_complete, args=(serve(),))
    thread.start()
    try:
        assert ready.wait(5)
        yield emulator, path
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(5)
        loop.close()
    assert not Path(path).is_symlink()


@contextmanager
def joined(path: str) -> Iterator[Momonga]:
    momonga = Momonga(SAMPLE_ROUTE_B_ID, SAMPLE_PASSWORD, path)
    momonga.internal_xmit_interval = 0
    with momonga:
        yield momonga


def kwh(emulator: Emulator, raw: int | None) -> Any:
    """A register in kWh as a float, close enough to momonga's own arithmetic."""
    settings = emulator.settings
    exponent = {0x01: -1, 0x02: -2}[settings.unit]
    return None if raw is None else pytest.approx(raw * (settings.coefficient or 1) * 10**exponent)


def check_constants(momonga: Momonga, emulator: Emulator) -> None:
    assert momonga.get_operation_status() is True
    assert momonga.get_installation_location() == "garden/perimeter 1"
    assert momonga.get_standard_version() == f"{emulator.settings.release}.0"
    assert momonga.get_fault_status() is False
    assert momonga.get_manufacturer_code() == b"\x00\x00\x16"
    assert momonga.get_serial_number() == "A00B123456\0\0"
    assert momonga.get_current_time_setting() == datetime.time(19, 7)
    assert momonga.get_current_date_setting() == datetime.date(2026, 1, 15)
    assert momonga.get_properties_for_status_notification() == {0x80, 0x81, 0x88}
    assert momonga.get_coefficient_for_cumulative_energy() == emulator.settings.coefficient
    assert momonga.get_number_of_effective_digits_for_cumulative_energy() == 6
    assert momonga.get_unit_for_cumulative_energy() == {0x01: 0.1, 0x02: 0.01}[emulator.settings.unit]


def check_live(momonga: Momonga, emulator: Emulator) -> None:
    live, fixed = emulator.meter.live(), emulator.meter.fixed()
    assert live.power_w is not None
    assert live.power_w > 0
    assert momonga.get_instantaneous_power() == live.power_w
    current = momonga.get_instantaneous_current()
    assert current["r phase current"] == pytest.approx((live.current_r_da or 0) / 10)
    expected_t = None if live.current_t_da is None else pytest.approx(live.current_t_da / 10)
    assert current["t phase current"] == expected_t
    assert fixed.at == datetime.datetime(2026, 1, 15, 19, 0)
    for reverse in (False, True):
        assert momonga.get_measured_cumulative_energy(reverse) == kwh(emulator, live.registers[reverse])
        at_fixed_time = momonga.get_cumulative_energy_measured_at_fixed_time(reverse)
        assert at_fixed_time == {"timestamp": fixed.at, "cumulative energy": kwh(emulator, fixed.registers[reverse])}
    truth = emulator.truth[-1]
    assert truth["instant_power_w"] == live.power_w
    assert float(truth["current_r_a"] or 0) == pytest.approx(current["r phase current"])
    assert kwh(emulator, live.registers[0]) == float(truth["cumulative_power_kwh"] or 0)


def check_days(momonga: Momonga, emulator: Emulator) -> None:
    for day in (0, 1, 99):
        slots = emulator.meter.day(day)
        for reverse in (False, True):
            history = momonga.get_historical_cumulative_energy_1(day, reverse)
            values = [entry["cumulative energy"] for entry in history]
            assert values == [kwh(emulator, slot[reverse]) for slot in slots]
            recorded = [value for value in values if value is not None]
            assert len(recorded) == (39 if day == 0 else 48)
            assert recorded == sorted(recorded)
        assert momonga.get_day_for_historical_data_1() == day


def check_window(
    entries: list[dict[str, Any]],
    newest: datetime.datetime,
    step: datetime.timedelta,
    registers: Callable[..., Any],
    emulator: Emulator,
) -> None:
    assert [entry["timestamp"] for entry in entries] == [newest - number * step for number in range(len(entries))]
    for entry in entries:
        normal, reverse = registers(entry["timestamp"])
        energy = entry["cumulative energy"]
        assert normal is not None
        assert energy == {"normal direction": kwh(emulator, normal), "reverse direction": kwh(emulator, reverse)}


def check_history_2(momonga: Momonga, emulator: Emulator) -> None:
    newest = datetime.datetime(2026, 1, 15, 19, 0)
    entries = momonga.get_historical_cumulative_energy_2(EVENING, 12)
    assert len(entries) == 12
    check_window(entries, newest, datetime.timedelta(minutes=30), emulator.meter.slot, emulator)
    assert momonga.get_time_for_historical_data_2() == {"timestamp": newest, "number of data points": 12}


def check_release_r(momonga: Momonga, emulator: Emulator) -> None:
    minute = EVENING.replace(second=0)
    assert momonga.get_route_b_id() == {
        "manufacturer code": b"\x00\x00\x16",
        "authentication id": b"\0\0A00B123456",
    }
    energy = momonga.get_one_minute_measured_cumulative_energy()
    check_window([energy], minute, datetime.timedelta(minutes=1), emulator.meter.minute, emulator)
    entries = momonga.get_historical_cumulative_energy_3(EVENING, 10)
    assert len(entries) == 10
    check_window(entries, minute, datetime.timedelta(minutes=1), emulator.meter.minute, emulator)
    assert momonga.get_time_for_historical_data_3() == {"timestamp": minute, "number of data points": 10}


def test_a_single_stack_stick_and_a_first_generation_meter(tmp_path: Path) -> None:
    with served(tmp_path, f"{STANDING}&module=bp35a1") as (emulator, path), joined(path) as momonga:
        check_constants(momonga, emulator)
        assert momonga.get_properties_to_get_values() == FIRST_GENERATION
        assert momonga.get_properties_to_set_values() == {0x81, 0xE5, 0xED}
        check_live(momonga, emulator)
        check_days(momonga, emulator)
        check_history_2(momonga, emulator)
        several = {EchonetPropertyCode(epc) for epc in (0xE0, 0xE3, 0xE7, 0xE8, 0xEA, 0xEB)}
        assert momonga.request_to_get(several)[EchonetPropertyCode.instantaneous_power] == emulator.meter.live().power_w
        assert emulator.counters.flash_writes == 1  # it wants payloads in hex and writes WOPT once
        assert momonga.lqi is None
    assert emulator.counters.terminations == 1


def test_a_dual_stack_stick_and_a_two_wire_meter_of_release_r(tmp_path: Path) -> None:
    query = f"{STANDING}&module=bp35c2&hex=1&release=R&wires=2&unit=02&d3=3"
    with served(tmp_path, query) as (emulator, path), joined(path) as momonga:
        check_constants(momonga, emulator)
        assert momonga.get_properties_to_get_values() == FIRST_GENERATION | {0xC0, 0xD0, 0xEE, 0xEF}
        assert momonga.get_properties_to_set_values() == {0x81, 0xE5, 0xED, 0xEF}
        check_live(momonga, emulator)
        assert momonga.get_instantaneous_current()["t phase current"] is None
        check_days(momonga, emulator)
        check_history_2(momonga, emulator)
        check_release_r(momonga, emulator)
        assert emulator.counters.flash_writes == 0
        assert momonga.lqi is not None  # it sets SA2, and this stick tells the link quality
        assert 0xC4 <= momonga.lqi <= 0xD0


def test_the_half_hourly_notification_arrives_and_is_confirmed(tmp_path: Path) -> None:
    query = "fast=1&module=rl7023-dss&start=2026-01-15T19:29:40&speed=4&notify=infc&notify_delay=0"
    with served(tmp_path, query) as (emulator, path), joined(path) as momonga:
        notification = momonga.get_notification(timeout=10)
        assert notification is not None
        assert notification["esv"] == 0x74
        at = datetime.datetime(2026, 1, 15, 19, 30)
        for epc, which in ((0xEA, 0), (0xEB, 1)):
            raw = emulator.meter.register_at(at)[which]
            expected = {"timestamp": at, "cumulative energy": kwh(emulator, raw)}
            assert notification["properties"][EchonetPropertyCode(epc)] == expected
        assert emulator.counters.notifications == 1
        assert emulator.counters.sendto == 3  # E1, D3, and the INFC_Res
