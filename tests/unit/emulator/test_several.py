"""Several meters within reach of one stick: each answers its own id, and the session is with one of them at a time."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from hems_data_collector.emulator import SAMPLE_PASSWORD, EmulatorSettings
from hems_data_collector.emulator.settings import sample_credentials
from unit.emulator.bench import GET_POWER, METER, Bench, on_bench

SECOND = METER[:-1] + "2"
BEFORE_A_HALF_HOUR = datetime(2026, 1, 15, 3, 29, tzinfo=UTC)
SECOND_ID = "00112233445566778899AABBCCDDEEF1"


async def join_second(bench: Bench) -> bytes:
    for line in (
        "SKSREG SFE 0",
        f"SKSETPWD C {SAMPLE_PASSWORD}",
        f"SKSETRBID {SECOND_ID}",
        "SKSREG S2 34",
        "SKSREG S3 12A5",
    ):
        assert (await bench.say(line, 0.01)).endswith(b"OK\r\n")
    return await bench.say(f"SKJOIN {SECOND}", 1)


def told_power(bench: Bench, meter: int) -> bytes:
    """Property E7 as the house of that meter had it at its only answer."""
    (truth,) = bench.emulator.in_reach[meter].truth
    return b"\xe7\x04" + int(str(truth["instant_power_w"])).to_bytes(4, "big", signed=True)


@on_bench("meters=2")
async def test_a_scan_with_one_id_finds_the_meter_of_that_id_alone(bench: Bench) -> None:
    await bench.say(f"SKSETRBID {SECOND_ID}")
    heard = await bench.say("SKSCAN 2 FFFFFFFF 6", 30)
    assert heard.count(b"EPANDESC") == 1
    assert b"Channel:34" in heard
    assert b"Pan ID:12A5" in heard
    assert b"Addr:001C640000000002" in heard
    assert b"PairID:CCDDEEF1" in heard


@on_bench("meters=3")
async def test_a_scan_without_pairing_finds_all(bench: Bench) -> None:
    assert (await bench.say("SKSCAN 3 FFFFFFFF 6", 30)).count(b"EPANDESC") == 3


@on_bench("meters=2&fast=1")
async def test_each_meter_answers_with_its_own_values(bench: Bench) -> None:
    await bench.join()
    first = await bench.request(GET_POWER)
    assert told_power(bench, 0) in first
    assert b"EVENT 27" in await bench.say("SKTERM", 1)
    assert b"EVENT 25" in await join_second(bench)
    second = await bench.request(GET_POWER, address=SECOND)
    assert told_power(bench, 1) in second
    assert told_power(bench, 0) != told_power(bench, 1)
    assert f"ERXUDP {SECOND}".encode() in second
    assert bench.emulator.counters.joins == 2


@on_bench("meters=2&fast=1")
async def test_the_id_of_one_meter_does_not_open_the_other(bench: Bench) -> None:
    await bench.prepare()
    await bench.say("SKSREG S2 34")
    await bench.say("SKSREG S3 12A5")
    assert b"EVENT 24" in await bench.say(f"SKJOIN {SECOND}", 60)


@on_bench("meters=2&fast=1&notify_delay=0", start=BEFORE_A_HALF_HOUR)
async def test_only_the_joined_meter_notifies(bench: Bench) -> None:
    await bench.join()
    await bench.say("SKTERM", 1)
    await join_second(bench)
    heard = await bench.hear(120)
    assert heard.count(b"ERXUDP") == 1
    assert f"ERXUDP {SECOND}".encode() in heard


@on_bench("meters=2&fast=1&fault=late:2")
async def test_a_late_answer_of_one_meter_cannot_be_read_in_the_session_with_the_other(bench: Bench) -> None:
    await bench.join()
    await bench.request(GET_POWER, seconds=0.1)
    await bench.say("SKRESET")
    assert b"EVENT 25" in await join_second(bench)
    assert b"ERXUDP" not in await bench.hear(10)
    assert bench.emulator.counters.answers == 1


@on_bench("meters=2&fast=1")
async def test_one_meter_may_be_out_of_reach_while_the_other_is_there(bench: Bench) -> None:
    bench.emulator.in_reach[1].inject("absent:100")
    assert b"EVENT 24" in await join_second(bench) + await bench.hear(40)
    await bench.join(echo=True)
    await bench.say("SKTERM", 1)
    await bench.hear(100)
    assert b"EVENT 25" in await join_second(bench)


def test_the_first_of_several_is_the_same_as_the_only_one() -> None:
    several, one = EmulatorSettings.from_query("meters=4&seed=3"), EmulatorSettings.from_query("seed=3")
    assert several.of_meter(0) is several
    assert (several.seed, several.mac, several.channel, several.pan_id) == (one.seed, one.mac, one.channel, one.pan_id)


def test_each_of_several_is_another_meter() -> None:
    settings = EmulatorSettings.from_query("meters=9&channel=3C&panid=FFFE&mac=FFFFFFFFFFFFFFFF")
    each = [settings.of_meter(number) for number in range(9)]
    for values in ({s.seed for s in each}, {s.mac for s in each}, {s.channel for s in each}, {s.pan_id for s in each}):
        assert len(values) == 9
    assert len({sample_credentials(number).route_b_id for number in range(9)}) == 9
    assert all(0x21 <= s.channel <= 0x3C and s.pan_id <= 0xFFFE for s in each)


@pytest.mark.parametrize("number", [0, 1, 8])
def test_made_up_ids_have_the_right_form(number: int) -> None:
    text = sample_credentials(number).route_b_id.reveal()
    assert (len(text), int(text, 16) >= 0) == (32, True)
