"""A day in the collector's life: cold and warm starts, refusals, endings, and what each costs on the radio."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from random import Random

import pytest

from hems_data_collector import app
from hems_data_collector.clock import LoopClock
from hems_data_collector.config import Settings
from hems_data_collector.errors import HemsError, JoinRefused, MeterNotFound, PortNotFound
from hems_data_collector.readings import Record
from support.collecting import START, Collected, collect, emulated, settings_for
from support.virtual_time import run_virtual


def test_steady_state_is_one_datagram_per_reading(tmp_path: Path) -> None:
    async def count(collected: Collected) -> None:
        await asyncio.sleep(180)
        collected.snapshots.append(collected.emulator.sendto_count)
        await asyncio.sleep(3600)
        collected.snapshots.append(collected.emulator.sendto_count)

    collected = collect(settings_for(tmp_path, "loss=0"), 180 + 3600 + 30, script=count)
    assert collected.snapshots[1] - collected.snapshots[0] == 60


def test_a_cold_start_is_scan_join_and_three_round_trips(tmp_path: Path) -> None:
    async def first(collected: Collected) -> None:
        await collected.capture.arrived.wait()
        collected.snapshots.append(collected.emulator.sendto_count)

    collected = collect(settings_for(tmp_path, "loss=0&rtt=1&join=5"), 60, script=first)
    assert collected.snapshots == [3]
    assert collected.emulator.counters.scans == 1


def test_a_warm_start_joins_without_a_scan_and_its_first_get_is_the_poll(tmp_path: Path) -> None:
    collect(settings_for(tmp_path, "loss=0&rtt=1&join=5"), 120)

    async def first(collected: Collected) -> None:
        await collected.capture.arrived.wait()
        collected.snapshots.append(collected.emulator.sendto_count)

    collected = collect(settings_for(tmp_path, "loss=0&rtt=1&join=5"), 60, script=first)
    assert collected.snapshots == [1]
    assert collected.emulator.counters.scans == 0
    assert collected.capture.times[0] == pytest.approx(6, abs=0.6)
    assert collected.fields[0]["recent_30min_timestamp"] is not None


def test_the_end_is_orderly_and_within_five_seconds(tmp_path: Path) -> None:
    collected = collect(settings_for(tmp_path, "loss=0"), 200)
    assert collected.code == 0
    assert collected.seconds - 200 < 5
    assert collected.emulator.counters.terminations == 1


def test_the_schedule_reads_at_its_times_only(tmp_path: Path) -> None:
    collected = collect(settings_for(tmp_path, "loss=0", mode="schedule", schedule="*/5 * * * *"), 1230)
    seconds = [datetime.fromisoformat(f["timestamp"]).timestamp() % 300 for f in collected.fields]
    assert len(seconds) == 4
    assert max(seconds) < 3


def test_fixed_pan_skips_the_scan(tmp_path: Path) -> None:
    flags = {"meter_channel": "0x33", "meter_panid": "12a4", "meter_ipv6": "fe80::21c:6400:0:1"}
    collected = collect(settings_for(tmp_path, "loss=0", **flags), 60)
    assert collected.emulator.counters.scans == 0
    assert collected.capture.records


def read(settings: Settings) -> tuple[float, Record | HemsError]:
    """One reading by the verb's own function, and how long it took."""

    async def run() -> tuple[float, Record | HemsError]:
        clock = LoopClock(START)
        with emulated(settings, clock):
            try:
                _, _, record = await app.read_once(settings, clock)
            except HemsError as error:
                return asyncio.get_running_loop().time(), error
            return asyncio.get_running_loop().time(), record

    return run_virtual(run())


def test_a_single_reading_has_all_ten_values(tmp_path: Path) -> None:
    _, record = read(settings_for(tmp_path, "loss=0"))
    assert isinstance(record, Record)
    assert None not in record.fields.values()


def test_wrong_id_is_no_meter_found_within_three_minutes(tmp_path: Path) -> None:
    seconds, error = read(settings_for(tmp_path, "loss=0&id=FFEEDDCCBBAA99887766554433221100"))
    assert isinstance(error, MeterNotFound)
    assert error.exit_code == 5
    assert seconds < 180
    assert error.cause
    assert error.remedy


def test_wrong_password_is_a_refusal_within_three_minutes(tmp_path: Path) -> None:
    seconds, error = read(settings_for(tmp_path, "loss=0&password=BA9876543210"))
    assert isinstance(error, JoinRefused)
    assert error.exit_code == 6
    assert seconds < 180


def test_the_daemon_goes_on_after_wrong_credentials_with_long_waits(tmp_path: Path) -> None:
    collected = collect(settings_for(tmp_path, "loss=0&password=BA9876543210"), 3600)
    assert collected.code == 0
    assert 3 <= collected.emulator.counters.joins <= 20


def test_a_quick_restart_is_retried_after_ten_seconds(tmp_path: Path) -> None:
    settings = settings_for(tmp_path, "loss=0&join=4&fault=rejoin-refused:10")
    collect(settings, 100)
    again = collect(replace(settings), 60, start=START.replace(minute=2))
    assert again.capture.times[0] < 30


@pytest.mark.parametrize("module", ["bp35a1", "bp35c2", "rl7023-dss"])
def test_no_secret_is_logged_at_debug(module: str, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    environ = {"B_ROUTE_ID": "00112233445566778899AABBCCDDEEFF", "B_ROUTE_PASSWORD": "0123456789AB"}
    settings = settings_for(tmp_path, f"loss=0&module={module}", environ=environ)
    with caplog.at_level(logging.DEBUG):
        collected = collect(settings, 300)
    assert collected.capture.records
    assert "SKSETPWD" in caplog.text
    for text in ("00112233445566778899AABBCCDDEEFF", "0123456789AB", "CCDDEEFF"):
        for form in (text, text.encode().hex(), text.encode().hex().upper()):
            assert form not in caplog.text


def test_an_unplugged_port_is_reopened(tmp_path: Path) -> None:
    collected = collect(settings_for(tmp_path, "loss=0&fast=1&fault=unplug:100"), 400)
    assert collected.capture.times[-1] > 300


def test_a_port_that_is_not_there_is_waited_for(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    settings = settings_for(tmp_path, "")
    settings = replace(settings, meters=(replace(settings.meters[0], port=str(tmp_path / "nothing")),))

    async def run() -> int:
        stop = asyncio.Event()
        asyncio.get_running_loop().call_later(60, stop.set)
        return await app.run_collector(settings, stop=stop, clock=LoopClock(START))

    with caplog.at_level(logging.WARNING):
        assert run_virtual(run()) == 0
    assert sum("nothing" in record.message for record in caplog.records) == 1
    with pytest.raises(PortNotFound):
        run_virtual(app.read_once(settings, LoopClock(START)))


def test_a_half_hour_across_midnight_is_right(tmp_path: Path) -> None:
    before_midnight = datetime(2026, 1, 15, 14, 50, tzinfo=UTC)
    collected = collect(settings_for(tmp_path, "loss=0", interval="300"), 3600, start=before_midnight)
    by_end = {f["recent_30min_timestamp"]: f["recent_30min_consumption_kwh"] for f in collected.fields}
    truth = {t["recent_30min_timestamp"]: t["recent_30min_consumption_kwh"] for t in collected.emulator.truth}
    assert "2026-01-15T15:00:00+00:00" in by_end
    assert all(truth[end] == kwh for end, kwh in by_end.items() if end is not None)


@pytest.mark.parametrize("seed", range(3))
def test_random_faults_in_random_mixes_never_stop_the_collector(seed: int, tmp_path: Path) -> None:
    rng = Random(seed)
    names = [
        "lost:0.05",
        "duplicate",
        "late:3",
        "interleaved",
        "chunk1",
        "ev26:200",
        "ev29-25:400",
        "unsolicited",
        "garbage:0.05",
    ]
    mix = rng.sample(names, 4)
    print(f"seed {seed}: {mix}")
    collected = collect(settings_for(tmp_path, f"fast=1&seed={seed}&fault={','.join(mix)}"), 3600)
    assert len(collected.capture.records) > 40
