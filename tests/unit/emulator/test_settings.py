"""The settings by query: every key, and what is said about bad ones."""

from __future__ import annotations

import asyncio
from datetime import datetime

import pytest

from hems_data_collector.clock import LoopClock
from hems_data_collector.credentials import Credentials, Secret
from hems_data_collector.emulator import KEYS, Emulator, EmulatorSettings
from hems_data_collector.emulator.j11 import J11
from hems_data_collector.emulator.settings import Notify
from hems_data_collector.emulator.tasks import Tasks
from hems_data_collector.errors import ConfigError, PortBusy, PortLost
from hems_data_collector.skstack import MODULES
from support.virtual_time import run_virtual, virtual
from unit.emulator.bench import METER, NOON_UTC, Bench

ZEROS = "0" * 32


def test_the_default_is_a_bp35a1_and_a_first_generation_meter_with_solar() -> None:
    settings = EmulatorSettings.from_query("")
    assert settings == EmulatorSettings()
    assert (settings.module, settings.wires, settings.export, settings.history2) == ("bp35a1", 3, True, True)
    assert (settings.release, settings.unit, settings.coefficient, settings.digits) == ("F", 1, 1, 6)


def test_every_key() -> None:
    settings = EmulatorSettings.from_query(
        "module=bp35c2&wires=2&export=0&unit=0a&d3=none&digits=8&release=r&history2=0&echo=0&hex=1&fast=1&speed=60"
        "&start=2026-01-15T07:00:00&seed=7&id=" + ZEROS + "&password=a%26b+c&mac=001c64000000abcd&channel=3c"
        "&panid=8888&meters=3&fault=late:25,lost&notify=infc&notify_delay=30&loss=0.5&rtt=0.8&join=3&lifetime=600"
    )
    assert settings == EmulatorSettings(
        module="bp35c2",
        wires=2,
        export=False,
        unit=0x0A,
        coefficient=None,
        digits=8,
        release="R",
        history2=False,
        echo=False,
        hex=True,
        fast=True,
        speed=60.0,
        start=datetime(2026, 1, 15, 7, 0),
        seed=7,
        route_b_id=Secret(ZEROS),
        password=Secret("a&b+c"),
        mac="001C64000000ABCD",
        channel=0x3C,
        pan_id=0x8888,
        meters=3,
        faults=settings.faults,
        notify=Notify.INFC,
        notify_delay=30.0,
        loss=0.5,
        rtt=0.8,
        join=3.0,
        lifetime=600.0,
    )
    assert set(KEYS) == {
        *("module", "wires", "export", "unit", "d3", "digits", "release", "history2", "echo", "hex", "fast", "speed"),
        *("start", "seed", "id", "password", "mac", "channel", "panid", "fault", "notify", "notify_delay", "loss"),
        *("rtt", "join", "lifetime", "meters", "baud"),
    }


def test_an_unknown_module_is_refused_in_code_too() -> None:
    with pytest.raises(ConfigError, match="no module 'bp35c3'"):
        EmulatorSettings(module="bp35c3")


def test_a_switch_needs_no_value_and_the_last_of_two_counts() -> None:
    assert EmulatorSettings.from_query("?fast&wires=2&wires=3").fast
    assert EmulatorSettings.from_query("wires=2&wires=3").wires == 3


@pytest.mark.parametrize(
    ("query", "setting", "hint"),
    [
        ("modul=bp35c2", "modul", "Did you mean 'module'?"),
        ("zzz=1", "zzz", "Its settings are module, wires"),
        ("module=bp35c3", "module", "Did you mean 'bp35c2'?"),
        ("wires=4", "wires", "2 to 3"),
        ("unit=05", "unit", "Choose one of 00, 01, 02"),
        ("d3=0", "d3", "1 to 999999"),
        ("d3=1000000", "d3", "1 to 999999"),
        ("digits=9", "digits", "1 to 8"),
        ("release=S", "release", "Choose one of F, R"),
        ("export=maybe", "export", "Choose one of"),
        ("speed=0", "speed", "0.001 to 1e+06"),
        ("speed=nan", "speed", "0.001 to 1e+06"),
        ("start=yesterday", "start", "2026-01-15T07:00:00"),
        ("start=2026-01-15T07:00:00%2B09:00", "start", "leave the offset out"),
        ("start=0001-01-01T00:00:00", "start", "1000 to 9000"),
        ("mac=12", "mac", "16 hex digits"),
        ("channel=20", "channel", "21 to 3C in hex"),
        ("panid=FFFF", "panid", "0 to FFFE in hex"),
        ("loss=1.1", "loss", "0 to 1"),
        ("notify=email", "notify", "Choose one of inf, infc, none"),
        ("module=rl7023-dss&hex=0", "hex", "Leave `hex` out"),
    ],
)
def test_bad_settings_name_themselves_and_a_remedy(query: str, setting: str, hint: str) -> None:
    with pytest.raises(ConfigError) as refusal:
        EmulatorSettings.from_query(query)
    assert refusal.value.setting == setting
    assert hint in refusal.value.remedy
    assert refusal.value.what
    assert refusal.value.cause


@pytest.mark.parametrize("query", ["id=too-short-secret", "password="])
def test_bad_credentials_are_refused_without_showing_them(query: str) -> None:
    with pytest.raises(ConfigError) as refusal:
        Emulator(EmulatorSettings.from_query(query))
    assert "too-short-secret" not in str(refusal.value)


@pytest.mark.parametrize(
    ("query", "credentials", "route_b_id", "password"),
    [
        ("", None, "00112233445566778899AABBCCDDEEFF", "0123456789AB"),
        ("", (ZEROS, ZEROS), ZEROS, ZEROS),  # the collector's "not configured" pair is accepted
        ("id=" + "A" * 32, (ZEROS, "secret"), "A" * 32, "secret"),
        ("id=" + "A" * 32 + "&password=pw", (ZEROS, "secret"), "A" * 32, "pw"),
    ],
)
def test_whose_credentials_are_expected(
    query: str, credentials: tuple[str, str] | None, route_b_id: str, password: str
) -> None:
    given = credentials and Credentials(route_b_id=Secret(credentials[0]), password=Secret(credentials[1]))
    emulator = Emulator(EmulatorSettings.from_query(query), credentials=given)
    assert emulator.credentials.route_b_id.reveal() == route_b_id
    assert emulator.credentials.password.reveal() == password
    assert password not in repr(emulator.settings)


def test_unset_credentials_join() -> None:
    async def scenario() -> bytes:
        bench = Bench("fast=1&echo=0")
        zeros = Credentials(route_b_id=Secret(ZEROS), password=Secret(ZEROS))
        bench.emulator = Emulator(bench.emulator.settings, clock=LoopClock(NOON_UTC), credentials=zeros)
        bench.port = bench.emulator.open_port()
        for line in (f"SKSETPWD 20 {ZEROS}", f"SKSETRBID {ZEROS}", "SKSREG S2 33", "SKSREG S3 12A4"):
            assert await bench.say(line) == b"OK\r\n"
        assert b"PairID:00000000\r\n" in await bench.say("SKSCAN 2 FFFFFFFF 6")
        return await bench.say(f"SKJOIN {METER}")

    assert b"EVENT 25" in run_virtual(scenario())


# --- the port ---------------------------------------------------------------------------------------------------------


@virtual
async def test_a_port_is_open_once() -> None:
    emulator = Emulator(EmulatorSettings(), clock=LoopClock(NOON_UTC))
    port = emulator.open_port()
    with pytest.raises(PortBusy):
        emulator.open_port()
    await port.close()
    await port.close()
    await emulator.open_port().close()


@virtual
async def test_closing_ends_a_read_that_waits() -> None:
    emulator = Emulator(EmulatorSettings(), clock=LoopClock(NOON_UTC))
    port = emulator.open_port()
    reading = asyncio.ensure_future(port.read())
    await asyncio.sleep(1)
    await port.close()
    with pytest.raises(PortLost):
        await reading
    with pytest.raises(PortLost):
        await port.write(b"SKVER\r\n")


@virtual
async def test_output_without_a_reader_is_bounded_and_counted() -> None:
    emulator = Emulator(EmulatorSettings.from_query("fast=1"), clock=LoopClock(NOON_UTC))
    port = emulator.open_port()
    for _ in range(600):
        await port.write(b"X" * 2000)
        await asyncio.sleep(0)
    assert emulator.counters.dropped_bytes == 600 * 2000 - (1 << 20) // 2000 * 2000
    await port.close()
    again = emulator.open_port()
    await again.write(b"\r\nSKVER\r\n")
    await asyncio.sleep(1)
    heard = b""
    while not heard.endswith(b"OK\r\n"):
        heard += await again.read()
    assert heard.endswith(b"SKVER\r\nFAIL ER09\r\nEVER 1.2.10\r\nOK\r\n")


@virtual
async def test_what_is_printed_without_an_open_port_is_lost() -> None:
    bench = Bench("echo=0")
    await bench.port.write(b"SKVER\r\n")
    await bench.port.close()
    await asyncio.sleep(1)
    assert bench.emulator.counters.dropped_bytes == len("EVER 1.2.10\r\nOK\r\n")


@virtual
async def test_a_bug_in_the_background_is_reported() -> None:
    reports: list[dict[str, object]] = []
    asyncio.get_running_loop().set_exception_handler(lambda loop, context: reports.append(context))
    tasks = Tasks()

    async def fail() -> None:
        raise ZeroDivisionError

    tasks.spawn(fail())
    tasks.spawn(asyncio.sleep(100))
    await asyncio.sleep(1)
    tasks.cancel()
    await asyncio.sleep(1)
    assert [type(report["exception"]) for report in reports] == [ZeroDivisionError]


@virtual
async def test_a_closed_emulator_leaves_nothing_running() -> None:
    bench = Bench("loss=0")
    await bench.join()
    assert bench.emulator.counters.dropped_bytes == 0
    bench.emulator.close()
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert asyncio.all_tasks() == {asyncio.current_task()}
    with pytest.raises(PortLost):
        await bench.port.read()


def test_the_help_names_every_module() -> None:
    named = KEYS["module"].help.partition(": ")[2]
    assert named.partition(" (")[0].split(", ") == list(MODULES)
    assert J11 in named
