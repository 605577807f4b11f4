"""The faults that a link must come back from, one test of its name each; and modules that nobody can talk to."""

from __future__ import annotations

import pytest

from unit.emulator.bench import GET_POWER, METER, SINGLE, Bench, on_bench
from unit.emulator.test_air import events, lines

HEX = "hex=1&notify=none&start=2026-01-15T19:00:00"
MOVED = "SKSREG S2 2A", "SKSREG S3 1DAB"
REPLACED = "FE80:0000:0000:0000:021C:6400:0000:BEEF"


def answered(heard: bytes) -> bool:
    """An ECHONET answer is among the lines."""
    return any(line.startswith("ERXUDP ") and " 0E1A 0E1A " in line for line in lines(heard))


async def alive(bench: Bench) -> bool:
    """The meter answers a request for its power."""
    return answered(await bench.request(GET_POWER))


@on_bench(f"fault=er10-join:2&{HEX}")
async def test_er10_join(bench: Bench) -> None:
    await bench.prepare()
    for _ in range(2):
        assert await bench.say(f"SKJOIN {METER}", 60) == b"FAIL ER10\r\n"
    assert bench.emulator.counters.joins == 0
    assert events(await bench.say(f"SKJOIN {METER}", 15))[-1] == "25"


@on_bench(HEX)
async def test_half_line(bench: Bench) -> None:
    await bench.join()
    bench.emulator.inject("half-line:1")
    _, _, torn = (await bench.request(GET_POWER)).partition(b"ERXUDP")
    assert not torn.endswith(b"\r\n")
    assert await bench.say("SKVER") == b"EVER 1.2.10\r\nOK\r\n"
    bench.emulator.clear("half-line")
    _, _, sound = (await bench.request(GET_POWER)).partition(b"ERXUDP")
    assert len(sound) - len(torn) == 9


@on_bench("fault=late-ropt:2&echo=0")
async def test_late_ropt(bench: Bench) -> None:
    assert await bench.say(b"ROPT\r", 1.9) == b""
    assert await bench.say("SKVER", 1) == b"EVER 1.2.10\r\nOK\r\nOK 00\r"


@on_bench(f"fault=hang:100&{HEX}")
async def test_hang(bench: Bench) -> None:
    await bench.join()
    assert await alive(bench)
    await bench.hear_until(101)
    assert await bench.say("SKVER", 600) == b""
    await bench.port.close()
    bench.port = bench.emulator.open_port()
    assert await bench.say("SKVER", 600) == b""
    assert (await bench.say("SKRESET")).endswith(b"OK\r\n")
    assert await bench.say("SKVER") == b"SKVER\r\nEVER 1.2.10\r\nOK\r\n"
    await bench.join()


@on_bench(HEX)
async def test_stuck(bench: Bench) -> None:
    await bench.join()
    bench.emulator.inject("stuck:100")
    assert await bench.say("SKVER", 50) == b""
    await bench.port.close()
    bench.port = bench.emulator.open_port()
    assert await bench.say("SKRESET", 49) == b""
    await bench.hear(2)
    assert await alive(bench)


@pytest.mark.parametrize("number", ["27", "28"])
def test_the_module_ends_the_session_by_itself(number: str) -> None:
    @on_bench(f"fault=ev{number}:100&{HEX}")
    async def scenario(bench: Bench) -> None:
        await bench.join()
        assert lines(await bench.hear(110)) == [f"EVENT {number} {METER}"]
        assert not await alive(bench)
        assert events(await bench.say(f"SKJOIN {METER}", 15))[-1] == "25"

    scenario()


test_ev27 = test_ev28 = test_the_module_ends_the_session_by_itself


@on_bench(f"fault=reauth-25:100&{HEX}")
async def test_reauth_25(bench: Bench) -> None:
    await bench.join()
    assert events(await bench.hear(120))[-1] == "25"
    assert await alive(bench)


@on_bench(f"fault=reauth-24:100&{HEX}")
async def test_reauth_24(bench: Bench) -> None:
    await bench.join()
    assert events(await bench.hear(150))[-1] == "24"
    assert not await alive(bench)


@on_bench(HEX)
async def test_ev32_only(bench: Bench) -> None:
    await bench.join()
    bench.emulator.inject("ev32-only:100")
    assert lines(await bench.hear(1)) == [f"EVENT 32 {SINGLE}"]
    assert await bench.say("SKSREG SFB") == b"ESREG 1\r\nOK\r\n"
    assert await bench.hear(100) == b""
    assert await bench.say("SKSREG SFB") == b"ESREG 0\r\nOK\r\n"
    assert await alive(bench)


@on_bench("hex=1&start=2026-01-15T19:00:00&fault=no-notify:2400")
async def test_no_notify(bench: Bench) -> None:
    await bench.join()
    assert answered(await bench.hear(2000))
    assert not answered(await bench.hear(4000))
    assert await alive(bench)


@on_bench(f"fault=moved:100&{HEX}")
async def test_moved(bench: Bench) -> None:
    await bench.join()
    await bench.hear_until(101)
    assert not await alive(bench)
    assert events(await bench.say(f"SKJOIN {METER}", 60))[-1] == "24"
    beacon = await bench.say("SKSCAN 2 FFFFFFFF 6", 30)
    assert b"Channel:2A\r\n" in beacon
    assert b"Pan ID:1DAB\r\n" in beacon
    for line in MOVED:
        await bench.say(line)
    assert events(await bench.say(f"SKJOIN {METER}", 15))[-1] == "25"
    assert await alive(bench)


@on_bench(f"fault=replaced:100&{HEX}")
async def test_replaced(bench: Bench) -> None:
    await bench.join()
    serial = bench.emulator.meter.serial
    await bench.hear_until(101)
    assert bench.emulator.meter.serial != serial
    for line in MOVED:
        await bench.say(line)
    assert events(await bench.say(f"SKJOIN {METER}", 60))[-1] == "24"
    assert b"Addr:001C64000000BEEF\r\n" in await bench.say("SKSCAN 2 FFFFFFFF 6", 30)
    assert events(await bench.say(f"SKJOIN {REPLACED}", 15))[-1] == "25"


@on_bench(f"fault=late-beacon&{HEX}")
async def test_late_beacon(bench: Bench) -> None:  # skstack-ip §7 row 27
    await bench.prepare()
    heard = await bench.say("SKSCAN 2 FFFFFFFF 6", 30)
    assert 0 < heard.index(b"EVENT 20") < heard.index(b"EVENT 22") < heard.index(b"EPANDESC")


# --- modules that cannot be talked to ---------------------------------------------------------------------------------


@on_bench("baud=9600&echo=0")
async def test_at_another_speed_there_is_only_garbage(bench: Bench) -> None:
    assert await bench.say("SKVER") == b"EVER 1.2.10\r\nOK\r\n"
    bench.port.rate = lambda: 115_200
    assert await bench.say("SKVER") == b""
    bench.emulator.modem.emit(b"EVER 1.2.10\r\n")
    heard = await bench.hear(1)
    assert len(heard) >= 13
    assert not set(heard) & set(b"EVR\r\n")
    bench.port.rate = lambda: 9_600
    assert await bench.say("SKVER") == b"EVER 1.2.10\r\nOK\r\n"


@on_bench("module=j11")
async def test_j11_answers_nothing_but_its_own_frames(bench: Bench) -> None:
    assert await bench.say("SKVER") == b""
    assert await bench.say(b"ROPT\r") == b""
    asked = bytes.fromhex("D0EA83FC 006B 0004 03A8 0000")
    answer = await bench.say(b"\r\n" + asked)
    assert answer[:6].hex() == "d0f9ee5d206b"
    assert int.from_bytes(answer[6:8], "big") == len(answer) - 8
    assert int.from_bytes(answer[8:10], "big") == sum(answer[:8])
    assert await bench.say(asked[:5]) == b""
    assert await bench.say(asked[5:]) == answer
    assert await bench.say(asked[:9] + b"\xff" + asked[10:]) == b""
