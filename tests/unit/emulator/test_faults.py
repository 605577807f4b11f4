"""Every fault, one test of its name each: what it does, and that things are right without it."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from hems_data_collector.clock import LoopClock
from hems_data_collector.emulator import FAULTS, Emulator, EmulatorSettings
from hems_data_collector.errors import ConfigError, PortLost, PortNotFound
from unit.emulator import test_link_faults
from unit.emulator.bench import GET_POWER, METER, METER_MAC, NOON_UTC, SINGLE, Bench, on_bench
from unit.emulator.installed import Installed
from unit.emulator.test_air import events, lines

NO_DATA = "FFFFFFFE"
HEX = "hex=1&notify=none&start=2026-01-15T19:00:00"
"""Payloads that can be read in the test, and no lines that were not asked for."""
GET_MANY = "1081000205FF010288016206E000E700E800EA00E300EB00"


def payloads(heard: bytes) -> list[str]:
    """The ECHONET payloads among the lines, in hex."""
    return re.findall(r" 0E1A 0E1A \w{16} [01](?: 0)? [0-9A-F]{4} ([0-9A-F]+)\r\n", heard.decode("latin-1"))


def test_every_fault_has_its_test() -> None:
    wifi = (Path(__file__).parent / "test_wifi.py").read_text(encoding="utf-8")
    over_wifi = {name for name, kind in FAULTS.items() if kind.help.startswith("over Wi-Fi")}
    assert all(re.search(rf"fault=[^\"]*\b{name}\b", wifi) for name in over_wifi)
    names = {f"test_{name.replace('-', '_')}" for name in set(FAULTS) - over_wifi}
    assert names <= set(globals()) | set(vars(test_link_faults))


def test_every_fault_says_what_it_does() -> None:
    assert len(FAULTS) > 45
    for kind in FAULTS.values():
        assert kind.help
        assert not kind.help.endswith(".")


# --- the serial line --------------------------------------------------------------------------------------------------


@on_bench("fault=chunk1")
async def test_chunk1(bench: Bench) -> None:
    await bench.port.write(b"SKVER\r\n")
    heard = [await bench.port.read() for _ in range(len("SKVER\r\nEVER 1.2.10\r\nOK\r\n"))]
    assert {len(chunk) for chunk in heard} == {1}
    assert b"".join(heard) == b"SKVER\r\nEVER 1.2.10\r\nOK\r\n"


@on_bench("fault=crlf-split&echo=0")
async def test_crlf_split(bench: Bench) -> None:
    await bench.port.write(b"SKVER\r\n")
    assert [await bench.port.read() for _ in range(4)] == [b"EVER 1.2.10\r", b"\n", b"OK\r", b"\n"]


@on_bench(f"fault=glued-echo&{HEX}")
async def test_glued_echo(bench: Bench) -> None:  # G75
    await bench.join(echo=True)
    heard = lines(await bench.request(GET_POWER))
    assert heard[0].startswith(f"SKSENDTOERXUDP {METER} {SINGLE} 0E1A 0E1A {METER_MAC} 1 000F 1081")
    assert heard[1] == f" 1 {METER} 0E1A 1 000E "
    assert heard[2:4] == [f"EVENT 21 {METER} 00", "OK"]


@on_bench(f"fault=unsolicited&{HEX}")
async def test_unsolicited(bench: Bench) -> None:  # G70
    await bench.say("SKSREG SFE 1")
    assert lines(await bench.say("SKVER")) == ["SKVER", f"EVENT 02 {METER}", "EVER 1.2.10", "OK"]
    await bench.join(echo=True)
    heard = lines(await bench.say("SKVER"))
    assert heard[1] == f"EVENT 02 {METER}"
    assert heard[2].startswith("ERXUDP ")
    assert heard[3:] == ["EVER 1.2.10", "OK"]


@on_bench("fault=er04-ropt&echo=0&start=2026-01-15T19:00:00")
async def test_er04_ropt(bench: Bench) -> None:
    for command in (b"ROPT\r", b"RUART\r", b"WOPT 01\r", b"WUART 00\r", b"SKAPPVER\r\n"):
        assert await bench.say(command) == b"FAIL ER04\r\n"
    await bench.join()
    assert payloads(await bench.request(GET_POWER))[0].startswith("1081000102880105FF017201E704")


@on_bench("fault=er05:2&echo=0")
async def test_er05(bench: Bench) -> None:
    assert await bench.say("SKSCAN 2 FFFFFFFF 6") == b"FAIL ER05\r\n"
    assert await bench.say("SKSCAN 2 FFFFFFFF 6") == b"FAIL ER05\r\n"
    assert await bench.say("SKSCAN 2 FFFFFFFF 6") == b"OK\r\n"


@on_bench(f"fault=er10-send:1&{HEX}")
async def test_er10_send(bench: Bench) -> None:  # G42
    await bench.join()
    assert await bench.request(GET_POWER) == b"\r\nFAIL ER10\r\n"
    bench.emulator.clear("er10-send")
    assert len(payloads(await bench.request(GET_POWER))) == 1


@on_bench(f"fault=no-session-er10&{HEX}")
async def test_no_session_er10(bench: Bench) -> None:
    await bench.prepare()
    assert await bench.request(GET_POWER) == b"\r\nFAIL ER10\r\n"
    assert events(await bench.request(GET_POWER, sec=2))[-1] == "21 00"


@on_bench(f"fault=hang-data:3&{HEX}")
async def test_hang_data(bench: Bench) -> None:
    await bench.join()
    assert await bench.request(GET_POWER, 100) == b"\r\n"
    assert bench.emulator.modem.in_data_mode
    assert await bench.say(b"SK", 10) == b""
    assert lines(await bench.say(b"VER\r\n", 0.4)) == [f"EVENT 21 {METER} 00", "OK", "FAIL ER04"]  # "ER" is left over
    assert await bench.say("SKVER") == b"EVER 1.2.10\r\nOK\r\n"
    assert len(payloads(await bench.request(GET_POWER))) == 1


@on_bench(f"fault=cut-line:1&{HEX}")
async def test_cut_line(bench: Bench) -> None:  # G83
    await bench.join()
    (payload,) = payloads(await bench.request(GET_POWER))
    assert payload == "1081000102880105FF017201E704"
    bench.emulator.clear("cut-line")
    (payload,) = payloads(await bench.request(GET_POWER))
    assert len(payload) == 36


@on_bench(f"fault=mute:100&{HEX}")
async def test_mute(bench: Bench) -> None:
    await bench.join()
    assert len(payloads(await bench.request(GET_POWER))) == 1
    await bench.hear_until(101)
    assert await bench.say("SKVER", 600) == b""
    await bench.port.close()
    bench.port = bench.emulator.open_port()
    assert await bench.say("SKVER") == b"EVER 1.2.10\r\nOK\r\n"
    assert len(payloads(await bench.request(GET_POWER))) == 1


@on_bench(f"fault=reset:100&{HEX}")
async def test_reset(bench: Bench) -> None:
    await bench.join()
    await bench.hear_until(101)
    assert await bench.say("SKVER") == b"SKVER\r\nEVER 1.2.10\r\nOK\r\n"
    assert lines(await bench.say("SKTERM")) == ["SKTERM", "FAIL ER10"]
    assert lines(await bench.say("SKSREG S0A")) == ["SKSREG S0A", "ESREG 00000000", "OK"]
    assert b"EPANDESC" not in await bench.say("SKSCAN 2 FFFFFFFF 6", 30)


@on_bench(f"fault=unplug:100&{HEX}")
async def test_unplug(bench: Bench) -> None:
    await bench.join()
    await bench.hear_until(99.99)
    await bench.port.write(b"SKVER\r\n" * 50 + b"SKV")  # more than it can answer in time
    with pytest.raises(PortLost):
        await bench.hear_until(101)
    with pytest.raises(PortLost):
        await bench.port.write(b"SKVER\r\n")
    with pytest.raises(PortNotFound):
        bench.emulator.open_port()
    await bench.emulator.modem.clock.sleep(6)
    bench.port = bench.emulator.open_port()
    assert await bench.say("SKVER") == b"SKVER\r\nEVER 1.2.10\r\nOK\r\n"
    assert lines(await bench.say("SKTERM")) == ["SKTERM", "FAIL ER10"]
    await bench.join()


# --- the radio --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fault", "results"),
    [("ev21-02only", ["21 02"]), ("ev21-02-00", ["21 02", "21 00"]), ("ev21-missing", []), ("ev21-01:1", ["21 01"])],
)
def test_event_21(fault: str, results: list[str]) -> None:  # G37 to G40
    @on_bench(HEX)
    async def scenario(bench: Bench) -> None:
        await bench.join()
        bench.emulator.inject(fault)
        heard = await bench.request(GET_POWER)
        assert [event for event in events(heard) if event != "02"] == results
        assert heard.index(b"OK\r\n") > heard.rfind(b"EVENT")
        assert len(payloads(heard)) == (0 if fault == "ev21-01:1" else 1)

    scenario()


test_ev21_02only = test_ev21_02_00 = test_ev21_missing = test_ev21_01 = test_event_21


@on_bench("fault=absent&echo=0")
async def test_absent(bench: Bench) -> None:
    await bench.prepare()
    assert b"EPANDESC" not in await bench.say("SKSCAN 2 FFFFFFFF 6", 30)
    assert events(await bench.say(f"SKJOIN {METER}", 37.9)) == ["21 02"] * 6
    assert events(await bench.hear(0.2)) == ["24"]
    bench.emulator.clear("absent")
    await bench.join()
    bench.emulator.inject("absent:50")
    assert events(await bench.request(GET_POWER)) == ["21 01"]
    assert events(await bench.say("SKTERM", 10)) == ["21 02", "28"]  # G34
    await bench.hear(50)
    await bench.join()


@on_bench("fault=faint:7&echo=0")
async def test_faint(bench: Bench) -> None:
    await bench.prepare()
    assert b"EPANDESC" not in await bench.say("SKSCAN 2 FFFFFFFF 6", 30)
    heard = await bench.say("SKSCAN 2 FFFFFFFF 7", 60)
    assert b"  LQI:2B\r\n" in heard
    await bench.join()


@on_bench("fault=foreign-pan&echo=0")
async def test_foreign_pan(bench: Bench) -> None:  # G20
    await bench.prepare()
    heard = lines(await bench.say("SKSCAN 2 FFFFFFFF 6", 30))
    assert [row for row in heard if "Pan ID" in row] == ["  Pan ID:9999", "  Pan ID:12A4"]
    assert [row for row in heard if "PairID" in row] == ["  PairID:CCDDEEFF"] * 2
    await bench.say("SKSREG S2 21")
    await bench.say("SKSREG S3 9999")
    assert events(await bench.say("SKJOIN FE80:0000:0000:0000:A9CD:EF01:2345:6789", 60))[-1] == "24"


@on_bench(f"fault=household&{HEX}")
async def test_household(bench: Bench) -> None:
    await bench.prepare()
    assert (await bench.say("SKSCAN 3 FFFFFFFF 6", 30)).count(b"EPANDESC") == 2
    assert (await bench.say("SKSCAN 2 FFFFFFFF 6", 30)).count(b"EPANDESC") == 1
    await bench.join()
    foreign, ours = (row for row in lines(await bench.request(GET_POWER)) if row.startswith("ERXUDP"))
    assert foreign.startswith("ERXUDP FE80:0000:0000:0000:021C:6400:030C:12A4 ")
    assert foreign.endswith(" 001C6400030C12A4 1 0012 1081000102880105FF017201E7040000270F")
    assert ours.startswith(f"ERXUDP {METER} ")


@on_bench(f"fault=forged&{HEX}")
async def test_forged(bench: Bench) -> None:  # G82
    await bench.join()
    forged, ours = (row for row in lines(await bench.request(GET_POWER)) if row.startswith("ERXUDP"))
    assert f" {METER_MAC} 0 0012 1081000102880105FF017201E7040000270F" in forged
    assert f" {METER_MAC} 1 0012 1081000102880105FF017201E704" in ours


@on_bench("fault=join-24:2&echo=0")
async def test_join_24(bench: Bench) -> None:
    await bench.prepare()
    for outcome in ("24", "24", "25"):
        assert events(await bench.say(f"SKJOIN {METER}", 15))[-1] == outcome


@on_bench("fault=rejoin-refused&echo=0")
async def test_rejoin_refused(bench: Bench) -> None:
    await bench.join()
    await bench.say("SKTERM", 5)
    assert events(await bench.say(f"SKJOIN {METER}", 15)) == ["24"]
    assert events(await bench.say(f"SKJOIN {METER}", 15))[-1] == "25"


@on_bench(f"fault=silent-session:100&{HEX}")
async def test_silent_session(bench: Bench) -> None:
    await bench.join()
    assert len(payloads(await bench.request(GET_POWER))) == 1
    assert await bench.hear(110) == b""
    heard = await bench.request(GET_POWER)
    assert (events(heard), payloads(heard)) == (["21 00"], [])
    assert events(await bench.say("SKTERM", 10)) == ["21 00", "28"]
    await bench.join()
    assert len(payloads(await bench.request(GET_POWER))) == 1


@on_bench(f"fault=ev26:100&{HEX}")
async def test_ev26(bench: Bench) -> None:
    await bench.join()
    assert lines(await bench.hear(110)) == [f"EVENT 26 {METER}"]
    assert events(await bench.request(GET_POWER)) == ["21 01"]
    assert events(await bench.say(f"SKJOIN {METER}", 15))[-1] == "25"


@pytest.mark.parametrize(("fault", "after"), [("ev29-25", "25"), ("ev29-24", "24"), ("ev29-nothing", None)])
def test_event_29(fault: str, after: str | None) -> None:  # G72
    @on_bench(f"fault={fault}:100&module=bp35c2&{HEX}")
    async def scenario(bench: Bench) -> None:
        await bench.join()
        heard = await bench.hear(130)
        assert lines(heard)[0] == f"EVENT 29 {METER} 0"
        assert [event for event in events(heard)[1:] if event != "21 00"] == ([after] if after else [])
        assert len(payloads(await bench.request(GET_POWER))) == (1 if after == "25" else 0)
        assert await bench.hear(1000) == b""

    scenario()


test_ev29_25 = test_ev29_24 = test_ev29_nothing = test_event_29


@on_bench(f"fault=ev32:100&{HEX}")
async def test_ev32(bench: Bench) -> None:  # G71
    assert lines(await bench.hear(1)) == [f"EVENT 32 {SINGLE}"]
    await bench.prepare()
    assert await bench.say("SKSREG SFB") == b"ESREG 1\r\nOK\r\n"
    assert lines(await bench.hear(100)) == [f"EVENT 33 {SINGLE}"]
    await bench.join()
    bench.emulator.inject("ev32:10")
    assert events(await bench.request(GET_POWER)) == ["32", "21 01"]
    assert events(await bench.hear(10)) == ["33"]
    assert len(payloads(await bench.request(GET_POWER))) == 1


# --- requests and answers ---------------------------------------------------------------------------------------------


@on_bench(HEX)
async def test_lost(bench: Bench) -> None:
    await bench.join()
    bench.emulator.inject("lost", times=1)
    heard = await bench.request(GET_POWER)
    assert (events(heard), payloads(heard)) == (["21 00"], [])
    assert len(payloads(await bench.request(GET_POWER))) == 1
    assert len(bench.emulator.truth) == 1
    bench.emulator.inject("lost:0.5")
    got = sum([len(payloads(await bench.request(GET_POWER))) for _ in range(200)])
    assert 70 < got < 130


@on_bench(f"fault=late:25&{HEX}")
async def test_late(bench: Bench) -> None:
    await bench.join()
    assert payloads(await bench.request(GET_POWER, 25)) == []
    first = "1081000102880105FF017201E704"
    heard = await bench.request("1081000205FF010288016201E700", 5)
    assert [payload[: len(first)] for payload in payloads(heard)] == [first]
    heard = await bench.hear(60)
    assert [payload[:8] for payload in payloads(heard)] == ["10810002"]


@on_bench(f"fault=duplicate&{HEX}")
async def test_duplicate(bench: Bench) -> None:
    await bench.join()
    first, second = payloads(await bench.request(GET_POWER))
    assert first == second
    assert (bench.emulator.counters.answers, len(bench.emulator.truth)) == (1, 1)


@on_bench(HEX)
async def test_wrong_tid(bench: Bench) -> None:
    await bench.join()
    bench.emulator.inject("wrong-tid", times=1)
    (wrong,) = payloads(await bench.request(GET_POWER))
    (right,) = payloads(await bench.request(GET_POWER))
    assert (wrong[:8], right[:8]) == ("10811112", "10810001")
    assert wrong[8:28] == right[8:28]
    assert len(bench.emulator.truth) == 1


@on_bench(f"fault=truncated:1&{HEX}")
async def test_truncated(bench: Bench) -> None:
    await bench.join()
    heard = await bench.request(GET_POWER)
    assert b" 000F 1081000102880105FF017201E704" in heard
    assert len(payloads(heard)[0]) == 30
    assert len(bench.emulator.truth) == 0


@on_bench(f"fault=garbage:1&{HEX}")
async def test_garbage(bench: Bench) -> None:  # B4
    await bench.join()
    heard = await bench.request(GET_POWER)
    assert b" 0014 1081000102880105FF017201E704" in heard
    assert payloads(heard)[0].endswith("FF00")


@on_bench(f"fault=interleaved&{HEX}")
async def test_interleaved(bench: Bench) -> None:
    await bench.join()
    announced, answer = payloads(await bench.request(GET_POWER))
    assert announced.startswith("1081000102880105FF017302EA0B07EA010F")
    assert answer.startswith("1081000102880105FF017201E704")


@on_bench(f"fault=overlap&rtt=2&{HEX}")
async def test_overlap(bench: Bench) -> None:
    await bench.join()
    await bench.request(GET_POWER, 0.9)
    heard = await bench.request("1081000205FF010288016201E700", 5)
    assert [payload[:8] for payload in payloads(heard)] == ["10810001", "10810002"]


# --- the meter --------------------------------------------------------------------------------------------------------


@on_bench(f"fault=no-d5&{HEX}")
async def test_no_d5(bench: Bench) -> None:
    await bench.prepare()
    assert payloads(await bench.say(f"SKJOIN {METER}", 30)) == []
    assert payloads(await bench.request("1081000205FF010EF0016301D500")) == ["108100020EF00105FF017301D50401028801"]


def test_sna_partial() -> None:  # G47
    installed = Installed("fault=sna-partial")
    answer = installed.ask(GET_MANY)
    assert answer is not None
    assert answer.startswith("1081000202880105FF015206E004")
    assert "E300EB0B07EA010F070000" in answer
    assert installed.get(0xE3) == "5201E300"
    assert installed.edt(0x9F) == Installed().edt(0x9F)
    assert Installed("fault=sna-partial:E8").get(0xE8) == "5201E800"


def test_sna_empty() -> None:
    installed = Installed("fault=sna-empty")
    assert installed.get(0xE1, 0xD7) == "5202E100D700"
    assert installed.get(0xE1) == "7201E10101"


def test_sna_short() -> None:
    installed = Installed("fault=sna-short:2")
    assert installed.get(0xE1, 0xD7, 0x8F, 0x80) == "5202E10101D70106"
    assert installed.get(0xE1, 0xD7, 0x80) == "7203E10101D70106800130"


def test_opc_silent() -> None:
    frame = "1081000105FF010288016203E100D700800" + "0"
    assert Installed("fault=opc-silent:2").ask(frame) is None
    assert Installed("fault=opc-silent:3").ask(frame) == "1081000102880105FF017203E10101D70106800130"
    assert Installed("fault=opc-silent").ask("1081000105FF010288016202E100D700") is None


def test_opc_sna() -> None:
    seven = "1081000105FF010288016207800088008A00D700E100E500E700"
    assert Installed("fault=opc-sna").ask(seven) == "1081000102880105FF015207800088008A00D700E100E500E700"
    setting = "1081000105FF010288016107" + "E50101" * 7
    assert Installed("fault=opc-sna").ask(setting) == "1081000102880105FF015107" + "E50101" * 7


def test_no_data() -> None:
    installed = Installed("fault=no-data:0.2")
    installed.set(0xE5, "01")
    slots = re.findall(".{8}", installed.edt(0xE2)[4:])
    assert 3 <= slots.count(NO_DATA) <= 20
    assert slots == [slot if slot == NO_DATA else whole for slot, whole in zip(slots, whole_day(), strict=True)]
    every = Installed("fault=no-data:1")
    assert every.edt(0xEA) == "07EA010F070000" + NO_DATA
    assert every.node.answer(bytes.fromhex(GET_POWER)).truth["recent_30min_consumption_kwh"] is None  # type: ignore
    assert every.node.answer(bytes.fromhex(GET_POWER)).truth["historical_cumulative_power_kwh"] is None  # type: ignore
    assert every.edt(0xE0) != NO_DATA


def whole_day() -> list[str]:
    installed = Installed()
    installed.set(0xE5, "01")
    return re.findall(".{8}", installed.edt(0xE2)[4:])


def test_no_data_live() -> None:  # G34, G41
    installed = Installed("fault=no-data-live:1")
    assert installed.get(0xE7, 0xE8) == "7202E7047FFFFFFEE8047FFE7FFE"
    assert installed.get(0xE0, 0xE3) == "7202E004FFFFFFFEE304FFFFFFFE"
    answer = installed.node.answer(bytes.fromhex(GET_POWER))
    assert answer is not None
    assert answer.truth is not None
    assert answer.truth["instant_power_w"] is answer.truth["current_a"] is answer.truth["cumulative_power_kwh"] is None
    assert answer.truth["historical_cumulative_power_kwh"] is not None
    some = Installed("fault=no-data-live:0.3")
    missing = 0
    for second in range(100):
        some.clock.at = float(second)
        missing += some.edt(0xE7) == "7FFFFFFE"
    assert 15 < missing < 45


def test_sna_partial_refuses_to_be_set_too() -> None:
    installed = Installed("release=R&fault=sna-partial:EF")
    assert installed.set(0xEF, "07EA010F07050A") == "5101EF0707EA010F07050A"
    assert installed.edt(0xEE).startswith("FFFFFFFFFFFF01")


def test_no_minutes() -> None:
    installed = Installed("release=R&fault=no-minutes:1")
    assert installed.edt(0xD0)[14:] == "FFFFFFFEFFFFFFFE"
    installed.set(0xEF, "07EA010F07050A")
    assert installed.edt(0xEE)[14:] == "FFFFFFFE" * 20


def test_short_minutes() -> None:
    installed = Installed("release=R&fault=short-minutes:3")
    installed.set(0xEF, "07EA010F07050A")
    registers = installed.edt(0xEE)[14:]
    assert registers[4 * 16 :] == "FFFFFFFE" * 12
    assert "FFFFFFFE" not in registers[: 4 * 16]


def test_sparse() -> None:
    installed = Installed("fault=sparse:4")
    installed.set(0xE5, "01")
    slots = re.findall(".{8}", installed.edt(0xE2)[4:])
    assert [number for number, slot in enumerate(slots) if slot != NO_DATA] == list(range(0, 48, 4))
    assert NO_DATA not in installed.edt(0xEA)


def test_midnight() -> None:  # §10.5
    installed = Installed("fault=midnight")
    assert installed.edt(0x98) == "07EA010F"
    installed.set(0xE5, "00")
    assert (installed.edt(0x98), installed.edt(0x97)) == ("07EA0110", "0000")
    edt = installed.edt(0xE2)
    assert edt[:4] == "0000"
    assert edt.count(NO_DATA) >= 47
    installed.set(0xE5, "00")
    assert installed.edt(0x98) == "07EA0110", "once"


def test_rollover() -> None:  # §10.2
    installed = Installed("fault=rollover:600&digits=6&unit=04&start=2026-01-15T19:20:00")
    before = int(installed.edt(0xE0), 16)
    assert before > 10**6 * 0.99
    installed.clock.at = 590.0
    assert int(installed.edt(0xE0), 16) > before
    installed.clock.at = 600.0
    assert int(installed.edt(0xE0), 16) == 0
    installed.clock.at = 2400.0
    after = int(installed.edt(0xE0), 16)
    assert 0 < after < 10**4
    truth = installed.node.answer(bytes.fromhex(GET_POWER)).truth  # type: ignore[union-attr]
    assert truth is not None
    assert 0 < float(str(truth["recent_30min_consumption_kwh"])) < 2


@on_bench(f"fault=exchange:100&{HEX}&unit=03")
async def test_exchange(bench: Bench) -> None:
    await bench.join()
    ask = "1081000105FF0102880162038D00E000E500"
    (before,) = payloads(await bench.request(ask))
    assert before.startswith("1081000102880105FF0172038D0C413030423132333435360000E004")
    await bench.hear(100)
    (after,) = payloads(await bench.request(ask))
    assert after.startswith("1081000102880105FF0172038D0C413030433635343332310000E004")
    assert int(after[56:64], 16) < 100 < int(before[56:64], 16)
    assert after.endswith("E501FF")
    bench.emulator.meter.day_selector = 1
    (history,) = payloads(await bench.request("1081000105FF010288016201E200"))
    assert history.count(NO_DATA) == 48


@on_bench("fault=payload-0d0a&start=2026-01-15T19:00:00")
async def test_payload_0d0a(bench: Bench) -> None:  # G52
    heard = await bench.join()
    assert b"OK\r\n\r\nEVENT 25\r\n" in heard  # inside a PANA payload, before the real one
    heard = await bench.request("1081000205FF010288016202E700E800")
    assert heard.endswith(b"\xe7\x04\x00\x00\r\n\xe8\x04OK\r\n\r\n")
    truth = bench.emulator.truth[-1]
    assert str(truth["instant_power_w"]) == "3338"
    assert (str(truth["current_r_a"]), str(truth["current_t_a"])) == ("2029.9", "333.8")


@on_bench("fault=infc-repeat:2&hex=1&start=2026-01-15T12:20:00&notify=infc&notify_delay=0")
async def test_infc_repeat(bench: Bench) -> None:
    await bench.join()
    heard = payloads(await bench.hear_until(601))
    heard += payloads(await bench.hear(100))
    assert len(heard) == 3
    assert len(set(heard)) == 1
    await bench.hear_until(2401)
    await bench.request("1081000205FF010288017A02EA00EB00")
    assert payloads(await bench.hear(100)) == []
    assert bench.emulator.counters.unanswered_infc == 1


def test_setget() -> None:  # G74 to G76
    installed = Installed("fault=setget")
    assert installed.ask("1081002105FF010288016E01E5010101E500") == "1081002102880105FF017E01E50001E50101"
    assert installed.ask("1081002005FF010288016E01E50164018F00") == "1081002002880105FF015E01E50164018F00"
    assert installed.ask("1081002205FF010288016302E100D700") == "1081002202880105FF017302E10101D70106"
    assert installed.ask("1081002205FF0102880163018F00") == "1081002202880105FF0153018F00"


# --- how faults are asked for -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("spec", "text"),
    [
        ("lots", "'lost'"),
        ("lost:2", "from 0 to 1"),
        ("lost:x", "from 0 to 1"),
        ("late:-1", "seconds"),
        ("late:nan", "seconds"),
        ("join-24:0", "whole number"),
        ("join-24:1.5", "whole number"),
        ("sna-partial:7F", "80 to FF"),
        ("duplicate:1", "no argument"),
        ("zzzzzzzz", "--help"),
    ],
)
def test_bad_faults_are_refused_with_a_remedy(spec: str, text: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(text)):
        EmulatorSettings.from_query(f"fault={spec}")


def test_several_faults_add_up() -> None:
    settings = EmulatorSettings.from_query("fault=late:25,duplicate&fault=lost")
    assert [(fault.kind.name, fault.value) for fault in settings.faults] == [
        ("late", 25.0),
        ("duplicate", 1.0),
        ("lost", 0.2),
    ]


def test_a_fault_before_the_first_opening_waits_for_it() -> None:
    @on_bench("echo=0")
    async def scenario(bench: Bench) -> None:
        emulator = Emulator(EmulatorSettings.from_query("echo=0"), clock=LoopClock(NOON_UTC))
        emulator.inject("reset:10")
        bench.emulator, bench.port = emulator, emulator.open_port()
        await bench.say("SKSREG S2 30")
        assert await bench.say("SKSREG S2") == b"ESREG 30\r\nOK\r\n"
        await bench.hear(11)
        assert await bench.say("SKSREG S2") == b"ESREG 21\r\nOK\r\n"

    scenario()


@on_bench(HEX)
async def test_a_cleared_fault_does_not_strike(bench: Bench) -> None:
    await bench.join()
    bench.emulator.inject("ev26:50")
    bench.emulator.clear("ev26")
    assert await bench.hear(100) == b""


@on_bench("loss=1&hex=1&notify=none")
async def test_losses_come_with_their_probability(bench: Bench) -> None:
    await bench.join()
    assert payloads(await bench.request(GET_POWER)) == []
    assert bench.emulator.counters.answers == 0


def test_without_faults_the_default_meter_loses_one_answer_in_a_hundred() -> None:
    @on_bench("loss=0.01&hex=1&rtt=0.01&notify=none")
    async def scenario(bench: Bench) -> None:
        await bench.join()
        for _ in range(1000):
            await bench.request(GET_POWER, 0.1)
        assert 985 <= bench.emulator.counters.answers <= 997

    scenario()


def test_the_clock_may_jump_while_somebody_waits_for_a_half_hour() -> None:
    @on_bench("hex=1&start=2026-01-15T12:20:00&notify_delay=0")
    async def scenario(bench: Bench) -> None:
        await bench.join()
        bench.emulator.meter.clock.jump_to(datetime(2026, 1, 15, 17, 0) - timedelta(seconds=1))
        newest, next_one = payloads(await bench.hear(2))
        assert newest[24:42] == "EA0B07EA010F101E00"
        assert next_one[24:42] == "EA0B07EA010F110000"

    scenario()
