"""Ports of another speed, sticks of another kind, a meter that is not where it was, and a meter that falls silent."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path

import pytest

from hems_data_collector import app
from hems_data_collector.clock import LoopClock
from hems_data_collector.config import Settings
from hems_data_collector.errors import EXIT_PORT, ModemUnsupported
from support.collecting import START, Collected, collect, emulated, settings_for
from support.truths import assert_each_is_true
from support.virtual_time import run_virtual

SWEEP_S, JOIN_S, RTT_S = 18.0, 5.0, 0.5


def settings(folder: Path, query: str = "", interval: str = "10") -> Settings:
    return settings_for(folder, f"loss=0&rtt={RTT_S}&join={JOIN_S}&{query}", interval=interval)


# --- the speed of the port --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("rate", [2_400, 9_600, 57_600])
def test_a_modem_at_another_speed_is_found_and_remembered(
    rate: int, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    chosen = settings(tmp_path, f"baud={rate}")
    first = collect(chosen, 120)
    assert first.capture.times[0] < 40 + SWEEP_S + JOIN_S + 4 * RTT_S
    assert caplog.text.count(f"Set --baudrate {rate} (SERIAL_RATE)") == 1
    again = collect(chosen, 30)
    assert again.capture.times[0] < JOIN_S + RTT_S + 2, "the search began anew"


def test_the_speed_is_found_again_when_another_stick_is_plugged_in(tmp_path: Path) -> None:
    async def exchange(collected: Collected) -> None:
        await asyncio.sleep(60)
        collected.emulator._socket._baud = 9_600
        collected.emulator.inject("unplug:0")

    collected = collect(settings(tmp_path, "baud=115200"), 200, script=exchange)
    assert collected.capture.times[-1] > 180


# --- J11 --------------------------------------------------------------------------------------------------------------


def test_j11_is_named_and_waited_for_with_long_pauses(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    collected = collect(settings(tmp_path, "module=j11"), 3600)
    assert collected.code == 0
    told = [record.message for record in caplog.records if "J11" in record.message]
    assert 1 <= len(told) <= 3
    assert "RL7023 Stick-D/IPS" in told[0]
    assert "BP35C2" in told[0]


def test_a_single_reading_on_j11_ends_with_its_own_error(tmp_path: Path) -> None:
    async def read() -> float:
        clock = LoopClock(START)
        chosen = settings(tmp_path, "module=j11")
        with emulated(chosen, clock):
            with pytest.raises(ModemUnsupported, match="J11") as raised:
                await app.read_once(chosen, clock)
            assert raised.value.exit_code == EXIT_PORT
            return asyncio.get_running_loop().time()

    assert run_virtual(read()) < 60


# --- what an earlier program left behind, and trouble on the way up ---------------------------------------------------


@pytest.mark.parametrize("missing", [3, 14, 0x04D0])
def test_a_data_mode_that_was_left_open_is_ended(missing: int, tmp_path: Path) -> None:
    async def leave_open(collected: Collected) -> None:
        emulator = collected.emulator
        port = emulator.open_port()
        await port.write(f"SKSENDTO 1 FE80:0000:0000:0000:021C:6400:0000:0001 0E1A 1 {missing:04X} ".encode())
        assert emulator.modem.in_data_mode
        await port.close()

    collected = collect(settings(tmp_path), 60, script=leave_open)
    assert collected.capture.times[0] < 5 + SWEEP_S + JOIN_S + 4 * RTT_S


@pytest.mark.parametrize("left", [b"SKVE", b"SKSENDTO 1 FE80", b"\xff\x00garbage", b"SKSETPWD C 0123"])
def test_half_a_command_that_was_left_is_passed_over(left: bytes, tmp_path: Path) -> None:
    async def leave(collected: Collected) -> None:
        port = collected.emulator.open_port()
        await port.write(left)
        await port.close()

    collected = collect(settings(tmp_path), 60, script=leave)
    assert collected.capture.times[0] < 2 + SWEEP_S + JOIN_S + 4 * RTT_S


OPENING_S, SWEEPING_S, JOINING_S = 0.02, 5.0, 21.0
FOUND_OUT_S = {OPENING_S: 20.0, SWEEPING_S: 28.5, JOINING_S: 45.0}
"""How long a module that says nothing more is waited for in each state."""


@pytest.mark.parametrize("at", FOUND_OUT_S)
@pytest.mark.parametrize(("fault", "lasts"), [("hang", 0), ("mute", 0), ("reset", 0), ("unplug", 5), ("stuck:30", 30)])
def test_trouble_on_the_way_up_costs_no_more_than_noticing_it_and_starting_over(
    fault: str, lasts: float, at: float, tmp_path: Path
) -> None:
    async def strike(collected: Collected) -> None:
        await asyncio.sleep(at)
        collected.emulator.inject(fault if ":" in fault else f"{fault}:0")

    bound = at + max(FOUND_OUT_S[at], lasts + 20) + 12 + SWEEP_S + JOIN_S + 4 * RTT_S + 5
    collected = collect(settings(tmp_path), bound + 30, script=strike)
    print(f"{fault} at {at}: first reading after {collected.capture.times[0]:.1f} s, bound {bound:.0f} s")
    assert collected.capture.times[0] < bound


@pytest.mark.parametrize("fault", ["reset:0", "absent:0", "mute:0", "stuck:60", "ev26:0"])
def test_the_end_is_in_time_whatever_the_modem_does(fault: str, tmp_path: Path) -> None:
    async def strike(collected: Collected) -> None:
        await asyncio.sleep(59.9)
        collected.emulator.inject(fault)

    collected = collect(settings(tmp_path), 60, script=strike)
    assert collected.code == 0
    assert collected.seconds < 65


# --- a remembered place that is wrong ---------------------------------------------------------------------------------


@pytest.mark.parametrize("fault", ["moved:0", "replaced:0"])
def test_a_start_with_a_stale_place_finds_the_meter(fault: str, tmp_path: Path) -> None:
    collect(settings(tmp_path), 60)

    async def strike(collected: Collected) -> None:
        collected.emulator.inject(fault)

    collected = collect(settings(tmp_path), 120, script=strike)
    assert collected.emulator.counters.scans == 1
    assert collected.capture.times[0] < 38 + SWEEP_S + JOIN_S + 5 * RTT_S + 5
    assert_each_is_true(collected)
    again = collect(settings(tmp_path), 120, script=strike)
    assert again.emulator.counters.scans == 0, "the new place was not remembered"


# --- a meter that falls silent ----------------------------------------------------------------------------------------

HALF_PAST_LATER_S = 2 * 1800 - 20 + 310
"""Until 11:05:10 on the meter's clock, when the notification of 11:00 is overdue."""


def test_a_missing_notification_finds_a_dead_session_long_before_the_next_reading(tmp_path: Path) -> None:
    async def strike(collected: Collected) -> None:
        await asyncio.sleep(2_500)
        assert collected.emulator.counters.notifications == 1
        collected.emulator.inject("silent-session:0")
        await asyncio.sleep(HALF_PAST_LATER_S - 2_500)
        collected.snapshots.append(collected.emulator.counters.joins)
        await asyncio.sleep(30 + 20 + JOIN_S + 3)  # a look, a probe, a reset and a join
        collected.snapshots.append(collected.emulator.counters.joins)

    collected = collect(settings(tmp_path, "notify_delay=10", interval="7200"), 4_000, script=strike)
    assert collected.snapshots == [1, 2]


def test_a_meter_that_stops_to_notify_is_asked_and_keeps_its_session(tmp_path: Path) -> None:
    chosen = settings(tmp_path, "notify_delay=10&fault=no-notify:2000", interval="7200")
    collected = collect(chosen, 4 * 3600)
    assert collected.emulator.counters.joins == 1
    assert collected.emulator.counters.sendto < 60


def test_every_informed_half_hour_that_wants_an_answer_gets_one(tmp_path: Path) -> None:
    collected = collect(settings(tmp_path, "notify=infc&notify_delay=10"), 5_500)
    assert collected.emulator.counters.notifications == 3
    assert collected.emulator.counters.unanswered_infc == 0


# --- what is told -----------------------------------------------------------------------------------------------------


def test_the_same_trouble_is_told_once_in_half_an_hour(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        collect(settings(tmp_path, "fault=absent:0"), 3 * 3600)
    told = [record.message for record in caplog.records if record.message.startswith("No meter answered the scan")]
    assert 3 <= len(told) <= 7
