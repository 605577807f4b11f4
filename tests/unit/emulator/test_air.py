"""Scanning, joining, sending and the life of a session, on literal lines of skstack-ip §2.4-§4 and §8."""

from __future__ import annotations

import re

import pytest

from support.virtual_time import run_virtual
from unit.emulator.bench import DUAL, GET_POWER, METER, METER_MAC, SINGLE, Bench, on_bench

ALL_NODES = "FF02:0000:0000:0000:0000:0000:0000:0001"
HOUR = 3600.0


def lines(heard: bytes) -> list[str]:
    return heard.decode("latin-1").split("\r\n")[:-1]


def events(heard: bytes) -> list[str]:
    """The EVENT lines without address and side: `21 02`."""
    pattern = re.compile(r"EVENT (\w\w) [0-9A-F:]{39}(?: 0(?![0-9]))?( \d\d)?")
    return ["".join(match.groups(default="")) for match in pattern.finditer(heard.decode("latin-1"))]


# --- SKSCAN (§2.4) ----------------------------------------------------------------------------------------------------

BEACON_SINGLE = [
    f"EVENT 20 {SINGLE}",
    "EPANDESC",
    "  Channel:33",
    "  Channel Page:09",
    "  Pan ID:12A4",
    "  Addr:001C640000000001",
    "  LQI:CA",
    "  PairID:CCDDEEFF",
]


@on_bench()
async def test_a_scan_reports_the_meter_of_our_id(bench: Bench) -> None:  # G18
    await bench.prepare()
    heard = await bench.say("SKSCAN 2 FFFFFFFF 6", 30)
    assert lines(heard) == ["OK", *BEACON_SINGLE, f"EVENT 22 {SINGLE}"]
    assert bench.emulator.counters.scans == 1


@on_bench("module=bp35c2")
async def test_a_dual_stack_scan_has_sides(bench: Bench) -> None:  # G22
    await bench.prepare()
    beacon = [row.replace(SINGLE, f"{DUAL} 0") for row in BEACON_SINGLE]
    beacon.insert(-1, "  Side:0")
    assert lines(await bench.say("SKSCAN 2 FFFFFFFF 6 0", 30)) == ["OK", *beacon, f"EVENT 22 {DUAL} 0"]


@on_bench()
async def test_a_scan_without_pairing_shows_no_pair_id(bench: Bench) -> None:  # G19
    await bench.say("SKSREG SFE 0")
    assert lines(await bench.say("SKSCAN 3 FFFFFFFF 6", 30)) == ["OK", *BEACON_SINGLE[:-1], f"EVENT 22 {SINGLE}"]


@pytest.mark.parametrize(
    ("pairing", "mask"),
    [
        ("SKSREG S0A CCDDEEF0", "FFFFFFFF"),  # the id of somebody else
        ("SKVER", "FFFFFFFF"),  # never set
        ("SKSREG S0A CCDDEEFF", "FFFBFFFF"),  # channel 33 is bit 18, and left out
    ],
)
def test_a_scan_finds_nothing(pairing: str, mask: str) -> None:  # G21
    @on_bench("echo=0")
    async def scenario(bench: Bench) -> None:
        await bench.say(pairing)
        assert lines(await bench.say(f"SKSCAN 2 {mask} 6", 30)) == ["OK", f"EVENT 22 {SINGLE}"]

    scenario()


@pytest.mark.parametrize(
    ("duration", "mask", "seconds"),
    [("2", "FFFFFFFF", 1.344), ("4", "FFFFFFFF", 4.5696), ("6", "FFFFFFFF", 17.472), ("6", "00000003", 1.248)],
)
def test_a_scan_takes_its_time(duration: str, mask: str, seconds: float) -> None:
    """0.0096 s x (2^DURATION + 1) for each channel in the mask, and half a second."""

    @on_bench("echo=0")
    async def scenario(bench: Bench) -> None:
        end = 0.005 + seconds + 0.5
        assert lines(await bench.say(f"SKSCAN 2 {mask} {duration}", end - 0.001)) == ["OK"]
        assert lines(await bench.hear(0.002)) == [f"EVENT 22 {SINGLE}"]

    scenario()


@on_bench("echo=0")
async def test_a_second_scan_is_accepted_without_effect(bench: Bench) -> None:
    await bench.say("SKSREG S0A CCDDEEFF")
    first = await bench.say("SKSCAN 2 FFFFFFFF 6", 5)
    rest = await bench.say("SKSCAN 2 FFFFFFFF 6", 60)
    assert lines(first + rest) == ["OK", "OK", *BEACON_SINGLE, f"EVENT 22 {SINGLE}"]


@on_bench("echo=0")
async def test_an_energy_scan_lists_every_channel(bench: Bench) -> None:  # G17
    heard = lines(await bench.say("SKSCAN 0 FFFFFFFF 2", 10))
    assert heard[:3] == ["OK", f"EVENT 1F {SINGLE}", "EEDSCAN"]
    assert [int(pair.split()[0], 16) for pair in re.findall("[0-9A-F]{2} [0-9A-F]{2}", heard[3])] == list(range(33, 61))
    assert heard[4:] == [""]


# --- SKJOIN (§4.2) ----------------------------------------------------------------------------------------------------


def pana_lines(heard: bytes, side: str) -> list[tuple[str, bytes]]:
    """Size and payload of each PANA line in hex mode."""
    pattern = rf"ERXUDP {METER} \S+ 02CC 02CC {METER_MAC} 0{side} ([0-9A-F]{{4}}) ([0-9A-F]+)\r\n"
    return [(size, bytes.fromhex(data)) for size, data in re.findall(pattern, heard.decode())]


@pytest.mark.parametrize(
    ("module", "side"), [("bp35a1", ""), ("bp35c2", " 0"), ("rl7023-dss", " 0"), ("rl7023-ips", "")]
)
def test_a_good_join_prints_the_whole_chatter(module: str, side: str) -> None:  # G30
    has_rohm_options = module.startswith("bp")

    @on_bench(f"module={module}" + ("&hex=1" if has_rohm_options else ""))
    async def scenario(bench: Bench) -> None:
        heard = await bench.join()
        assert events(heard) == ["21 02", "02", "21 00", "21 00", "21 00", "21 00", "25"]
        assert f"EVENT 21 {METER}{side} 02\r\nEVENT 02 {METER}{side}\r\nERXUDP".encode() in heard
        sizes, payloads = zip(*pana_lines(heard, side), strict=True)
        assert sizes == ("0028", "0068", "0054", "0058")
        assert [len(payload) for payload in payloads] == [0x28, 0x68, 0x54, 0x58]
        for payload, flags in zip(payloads, ("C000", "8000", "8000", "A000"), strict=True):
            assert payload[:8].hex().upper() == f"0000{len(payload):04X}{flags}0002"
            assert payload[8:12] == payloads[0][8:12], "one session id"
        assert payloads[0][16:].hex().upper() == "0006000000040000000000050003000000040000" + "0000000C"
        assert payloads[1].endswith(b"SM00112233445566778899AABBCCDDEEFF")
        assert bytes.fromhex("0008000000040000" + "00015180") in payloads[3]
        last = f"ERXUDP {METER} {ALL_NODES} 0E1A 0E1A {METER_MAC} 1{side} 0012 108100000EF0010EF0017301D50401028801"
        assert lines(heard)[-1] == last
        assert bench.emulator.counters.joins == 1

    scenario()


@on_bench("join=4")
async def test_the_join_time_can_be_fixed(bench: Bench) -> None:
    await bench.prepare()
    assert b"EVENT 25" not in await bench.say(f"SKJOIN {METER}", 4.004)
    assert b"EVENT 25" in await bench.hear(0.002)


@on_bench()
async def test_a_join_takes_three_to_ten_seconds_and_the_instance_list_up_to_three_more(bench: Bench) -> None:
    await bench.prepare()
    assert b"EVENT 25" not in await bench.say(f"SKJOIN {METER}", 3)
    assert b"EVENT 25" in await bench.hear(7.1)
    await bench.hear(3)


@on_bench("hex=1")
async def test_a_known_neighbour_needs_no_solicitation(bench: Bench) -> None:
    await bench.prepare()
    await bench.say(f"SKADDNBR {METER} {METER_MAC}")
    assert events(await bench.say(f"SKJOIN {METER}", 15)) == ["21 00", "21 00", "21 00", "21 00", "21 00", "25"]


@on_bench("hex=1")
async def test_a_wrong_password_ends_in_event_24_after_the_second_message(bench: Bench) -> None:
    await bench.prepare(password="0123456789AC")
    heard = await bench.say(f"SKJOIN {METER}", 4.9)
    assert [size for size, _ in pana_lines(heard, "")] == ["0028", "0068"]
    assert events(heard + await bench.hear(0.2)) == ["21 02", "02", "21 00", "21 00", "24"]
    assert await bench.hear(60) == b""
    assert b"EVENT 21" in await bench.request(GET_POWER)
    assert bench.emulator.counters.answers == 0


@on_bench()
async def test_an_id_with_the_same_end_is_still_a_wrong_id(bench: Bench) -> None:
    await bench.prepare()
    await bench.say("SKSETRBID FF112233445566778899AABBCCDDEEFF")
    assert b"EPANDESC" in await bench.say("SKSCAN 2 FFFFFFFF 6", 30)
    assert events(await bench.say(f"SKJOIN {METER}", 60))[-1] == "24"


@pytest.mark.parametrize("wrong", ["SKSREG S2 34", "SKSREG S3 12A5", "SKVER"])
def test_a_join_that_nobody_hears_gives_up_after_38_seconds(wrong: str) -> None:
    address = METER if wrong != "SKVER" else "FE80:0000:0000:0000:021C:6400:0000:0002"

    @on_bench()
    async def scenario(bench: Bench) -> None:
        await bench.prepare()
        await bench.say(wrong)
        assert events(await bench.say(f"SKJOIN {address}", 38)) == ["21 02"] * 6
        assert lines(await bench.hear(0.1)) == [f"EVENT 24 {address}"]

    scenario()


@on_bench("hex=1")
async def test_a_rejoin_needs_a_session_and_keeps_it(bench: Bench) -> None:  # G32
    await bench.join()
    heard = await bench.say("SKREJOIN", 15)
    assert lines(heard)[0] == "OK"
    assert events(heard) == ["21 00", "21 00", "21 00", "25"]
    assert [size for size, _ in pana_lines(heard, "")] == ["0068", "0054", "0058"]
    assert bench.emulator.counters.sessions == 2


@on_bench()
async def test_a_join_during_an_exchange_is_refused(bench: Bench) -> None:
    await bench.prepare()
    await bench.say(f"SKJOIN {METER}", 0.5)
    assert await bench.say(f"SKJOIN {METER}", 0.1) == b"FAIL ER10\r\n"


@on_bench()
async def test_a_new_join_replaces_the_session(bench: Bench) -> None:
    await bench.join()
    assert events(await bench.say(f"SKJOIN {METER}", 15))[-1] == "25"
    assert b"ERXUDP" in await bench.request(GET_POWER)
    assert bench.emulator.counters.joins == 2


@on_bench("hex=1")
async def test_termination(bench: Bench) -> None:  # G33, G35
    await bench.join()
    heard = await bench.say("SKTERM", 5)
    assert lines(heard)[:2] == [f"EVENT 21 {METER} 00", "OK"]
    assert await bench.say("SKSREG S07") == b"ESREG 00000006\r\nOK\r\n"  # five of the join, one of the end
    assert len(pana_lines(heard, "")) == 1
    assert lines(heard)[-1] == f"EVENT 27 {METER}"
    assert await bench.say("SKTERM") == b"FAIL ER10\r\n"
    assert b"EVENT 21" in await bench.request(GET_POWER)
    assert bench.emulator.counters.answers == 0


# --- SKSENDTO (§1.4, §3.2) --------------------------------------------------------------------------------------------


@on_bench("module=bp35c2&hex=1&start=2026-01-15T19:00:00")
async def test_a_get_on_a_dual_stack_module(bench: Bench) -> None:  # G45
    await bench.join(echo=True)
    heard = lines(await bench.request("1081000105FF010288016201E700"))
    power = bench.emulator.truth[-1]["instant_power_w"]
    assert isinstance(power, int)
    assert heard == [
        f"SKSENDTO 1 {METER} 0E1A 1 0 000E ",
        f"EVENT 21 {METER} 0 00",
        "OK",
        f"ERXUDP {METER} {DUAL} 0E1A 0E1A {METER_MAC} 1 0 0012 1081000102880105FF017201E704{power:08X}",
    ]


@on_bench("start=2026-01-15T19:00:00")
async def test_a_get_on_a_single_stack_module_in_binary_without_echo(bench: Bench) -> None:  # G44
    await bench.join()
    heard = await bench.request("1081000205FF010288016201E100")
    assert heard == (
        f"\r\nEVENT 21 {METER} 00\r\nOK\r\nERXUDP {METER} {SINGLE} 0E1A 0E1A {METER_MAC} 1 000F ".encode()
        + bytes.fromhex("1081000202880105FF017201E10101")
        + b"\r\n"
    )


@on_bench()
async def test_answers_take_as_long_as_measured(bench: Bench) -> None:
    """EVENT 21 after 115 to 345 ms, the answer 340 to 810 ms after the command (§7.2)."""
    await bench.join()
    for _ in range(30):
        assert await bench.request(GET_POWER, 0.115) == b"\r\n"
        assert b"OK\r\n" in await bench.hear(0.2301)
        await bench.hear(0.5)
    assert bench.emulator.counters.answers == 30


@on_bench("start=2026-01-15T19:00:00")
async def test_histories_take_longer(bench: Bench) -> None:
    """Two and a half times from EVENT 21 to the answer (echonet-lite-meter §11, §12)."""
    await bench.join()
    for epc in ("E2", "E4", "EC"):
        assert b"ERXUDP" not in await bench.request(f"1081000105FF0102880162 01 {epc}00", 0.677)
        assert b"ERXUDP" in await bench.hear(0.9)


@on_bench("rtt=0.8&hex=1")
async def test_the_round_trip_can_be_fixed(bench: Bench) -> None:
    await bench.join()
    for frame in (GET_POWER, "1081000305FF010288016202E200E400"):
        heard = await bench.request(frame, 0.804)
        assert b"OK\r\n" in heard
        assert b"ERXUDP" not in heard
        assert b"ERXUDP" in await bench.hear(0.002)


@on_bench("module=bp35c2&hex=1")
async def test_sa2_adds_the_link_quality_on_dual_stack_modules(bench: Bench) -> None:  # G56
    await bench.say("SKSREG SA2 1")
    await bench.join()
    heard = await bench.request(GET_POWER)
    assert re.search(rf"ERXUDP {METER} {DUAL} 0E1A 0E1A {METER_MAC} (?:C[4-9A-F]|D0) 1 0 0012 10810001".encode(), heard)


@on_bench("hex=1")
async def test_sa2_changes_nothing_on_single_stack_modules(bench: Bench) -> None:
    await bench.say("SKSREG SA2 1")
    await bench.join()
    assert f"{METER_MAC} 1 0012 1081".encode() in await bench.request(GET_POWER)


@on_bench("hex=1")
async def test_data_is_taken_byte_by_byte_whatever_it_is(bench: Bench) -> None:  # G43
    await bench.join(echo=True)
    data = bytes.fromhex("10810D0A05FF010288016201E700")
    heard = b""
    for byte in bench.header(len(data)) + data:
        heard += await bench.say(bytes([byte]), 0.01)
    heard += await bench.hear(3)
    assert heard.startswith(bench.header(len(data)) + b"\r\nEVENT 21 ")
    assert b"10810D0A02880105FF017201E704" in heard


@pytest.mark.parametrize(
    ("module", "header", "answer"),
    [
        ("bp35a1", f"SKSENDTO 1 {METER} 0E1A 1 0 000E ", b"FAIL ER05\r\n"),
        ("bp35c2", f"SKSENDTO 1 {METER} 0E1A 1 000E ", b"FAIL ER05\r\n"),
        ("bp35a1", f"SKSENDTO 1 {METER} 0E1A 1 0000 ", b"FAIL ER06\r\n"),
        ("bp35a1", f"SKSENDTO 1 {METER} 0E1A 1 04D1 ", b"FAIL ER06\r\n"),
        ("bp35a1", f"SKSENDTO 1 {METER} 0E1A 1 0E ", b"FAIL ER06\r\n"),
        ("bp35a1", f"SKSENDTO 1 {METER} 0E1A\r\n", b"FAIL ER05\r\n"),
        ("bp35a1", f"SKSENDTO 1 {METER} 0E1A 1 000E\r\n", b"FAIL ER06\r\n"),
        ("bp35a1", "SKSENDTO 1 FE80::1 0E1A 1 0001 x", b"FAIL ER06\r\n"),
        ("bp35a1", f"SKSENDTO 7 {METER} 0E1A 1 0001 x", b"FAIL ER06\r\n"),
        ("bp35a1", f"SKSENDTO 1 {METER} 0E1A 3 0001 x", b"FAIL ER06\r\n"),
        ("bp35a1", f"SKSENDTO 3 {METER} 0E1A 1 0001 x", b"FAIL ER10\r\n"),  # handle 3 has no port
    ],
)
def test_bad_headers_are_refused(module: str, header: str, answer: bytes) -> None:
    @on_bench(f"module={module}&echo=0")
    async def scenario(bench: Bench) -> None:
        heard = await bench.say(header.encode())
        assert heard.removeprefix(b"\r\n") == answer
        assert not bench.emulator.modem.in_data_mode

    scenario()


@on_bench()
async def test_crlf_behind_the_data_is_an_empty_line(bench: Bench) -> None:
    await bench.join(echo=True)
    data = bytes.fromhex(GET_POWER)
    heard = await bench.say(bench.header(len(data)) + data + b"\r\n", 3)
    assert heard.startswith(bench.header(len(data)) + b"\r\n\r\nEVENT 21 ")


@on_bench("hex=1")
async def test_the_longest_datagram_is_taken(bench: Bench) -> None:
    await bench.join()
    heard = await bench.say(bench.header(0x04D0) + bytes(0x04D0), 1)
    assert lines(heard) == ["", f"EVENT 21 {METER} 00", "OK"]


@on_bench("hex=1&rtt=2&start=2026-01-15T12:20:00&notify_delay=0")
async def test_a_meter_that_goes_out_of_reach_is_not_heard_any_more(bench: Bench) -> None:
    await bench.join()
    await bench.request(GET_POWER, 1.0)
    bench.emulator.inject("absent")
    assert await bench.hear(3600) == b""
    assert bench.emulator.counters.answers == 0
    bench.emulator.clear("absent")
    assert b"7302EA0B" in await bench.hear(1800)


@on_bench("hex=1")
async def test_an_aged_neighbour_is_solicited_before_sending(bench: Bench) -> None:  # G38, §4.7
    await bench.join()
    bench.emulator.modem.volatile.neighbours.clear()
    heard = await bench.request(GET_POWER)
    assert lines(heard)[:5] == ["", f"EVENT 21 {METER} 02", f"EVENT 02 {METER}", f"EVENT 21 {METER} 00", "OK"]
    assert lines(await bench.request(GET_POWER))[:3] == ["", f"EVENT 21 {METER} 00", "OK"]
    assert bench.emulator.counters.answers == 2


@pytest.mark.parametrize(
    ("header", "results", "answers"),
    [
        ({"sec": 0}, ["21 00"], 0),
        ({"sec": 1}, ["21 00"], 1),
        ({"sec": 2}, ["21 00"], 1),
        ({"port": "02CC"}, ["21 00"], 0),
        ({"address": ALL_NODES}, ["21 00"], 1),
        ({"address": "FE80:0000:0000:0000:021C:6400:0000:0002"}, ["21 02"], 0),
    ],
)
def test_what_becomes_of_a_datagram(header: dict[str, object], results: list[str], answers: int) -> None:
    @on_bench()
    async def scenario(bench: Bench) -> None:
        await bench.join()
        assert events(await bench.request(GET_POWER, **header)) == results
        assert bench.emulator.counters.answers == answers

    scenario()


@pytest.mark.parametrize(("sec", "results"), [(1, ["21 01"]), (2, ["21 02", "02", "21 00"])])
def test_without_a_session_the_meter_stays_silent(sec: int, results: list[str]) -> None:
    @on_bench()
    async def scenario(bench: Bench) -> None:
        await bench.prepare()
        heard = await bench.request(GET_POWER, sec=sec)
        assert events(heard) == results
        assert heard.endswith(b"OK\r\n")

    scenario()


@on_bench("rtt=2")
async def test_a_second_request_before_a_slow_answer_is_dropped(bench: Bench) -> None:
    await bench.join()
    await bench.request(GET_POWER, 0.9)
    await bench.request("1081000205FF010288016201E700", 0.9)
    await bench.hear(5)
    assert (bench.emulator.sendto_count, bench.emulator.counters.answers) == (2, 1)


@on_bench()
async def test_ping(bench: Bench) -> None:
    await bench.say("SKSREG SFE 0")
    assert lines(await bench.say(f"SKPING {METER}", 1)) == ["OK", f"EPONG {METER}"]
    assert lines(await bench.say("SKPING FE80:0000:0000:0000:021C:6400:0000:0002", 1)) == ["OK"]


# --- the life of a session (§4.3) -------------------------------------------------------------------------------------


@on_bench("module=bp35c2&hex=1&notify=none")
async def test_the_module_authenticates_again_at_80_percent_of_the_lifetime(bench: Bench) -> None:
    await bench.join()
    assert await bench.hear(19.2 * HOUR - 20) == b""
    heard = await bench.hear(60)
    assert events(heard) == ["21 00", "21 00", "21 00", "25"]
    assert len(pana_lines(heard, " 0")) == 3
    assert b"ERXUDP" in await bench.request(GET_POWER)
    assert events(await bench.hear(19.2 * HOUR)) == ["21 00", "21 00", "21 00", "25"]


@on_bench("notify=none")
async def test_without_s17_the_session_expires(bench: Bench) -> None:
    await bench.join()
    await bench.say("SKSREG S17 0")
    assert await bench.hear(24 * HOUR - 20) == b""
    assert lines(await bench.hear(20)) == [f"EVENT 29 {METER}"]
    assert events(await bench.request(GET_POWER)) == ["21 01"]
    assert await bench.say("SKTERM") == b"FAIL ER10\r\n"


@on_bench("notify=none&lifetime=1000")
async def test_an_absent_meter_costs_event_24_and_at_the_end_29(bench: Bench) -> None:
    await bench.join()
    bench.emulator.inject("absent")
    assert events(await bench.hear(850)) == ["21 01"] * 6 + ["24"]
    assert events(await bench.hear(160)) == ["29"]


@on_bench("hex=1&start=2026-01-15T12:20:00&notify_delay=30")
async def test_half_hours_are_announced_by_the_meters_clock(bench: Bench) -> None:
    await bench.join()
    assert await bench.hear(590) == b""
    (line,) = lines(await bench.hear(60))
    assert line.startswith(f"ERXUDP {METER} {SINGLE} 0E1A 0E1A {METER_MAC} 1 0026 1081000102880105FF017302")
    payload = bytes.fromhex(line.split()[-1])
    assert payload[12:21].hex().upper() == "EA0B07EA010F0C1E00"
    assert payload[25:34].hex().upper() == "EB0B07EA010F0C1E00"
    (later,) = lines(await bench.hear(1800))
    assert "1081000202880105FF017302EA0B07EA010F0D0000" in later  # 13:00, and the meter's next TID
    assert bench.emulator.counters.notifications == 2


@on_bench("hex=1&start=2026-01-15T12:20:00&speed=60&notify_delay=0")
async def test_a_fast_clock_has_fast_half_hours(bench: Bench) -> None:
    await bench.join()
    heard = await bench.hear(300)
    assert 9 <= heard.count(b"7302EA0B") <= 11


@on_bench("hex=1&start=2026-01-15T12:20:00&export=0&notify_delay=0")
async def test_a_meter_without_reverse_metering_announces_one_register(bench: Bench) -> None:  # frame G51
    await bench.join()
    assert b"0019 1081000102880105FF017301EA0B07EA010F0C1E00" in await bench.hear(700)


@on_bench("hex=1&start=2026-01-15T12:20:00&notify=none")
async def test_notifications_can_be_off(bench: Bench) -> None:
    await bench.join()
    assert await bench.hear(7200) == b""


@on_bench("hex=1&start=2026-01-15T12:20:00&notify=infc&notify_delay=0")
async def test_an_infc_wants_its_answer(bench: Bench) -> None:  # frames G52, G53
    await bench.join()
    assert b"1081000102880105FF017402EA0B" in await bench.hear_until(601)
    await bench.request("1081000105FF010288017A02EA00EB00")
    await bench.hear(60)
    assert bench.emulator.counters.unanswered_infc == 0
    await bench.hear(1800)
    assert bench.emulator.counters.unanswered_infc == 1
    assert bench.emulator.counters.notifications == 2


@on_bench("hex=1&start=2026-01-15T12:20:00")
async def test_without_a_session_nothing_is_announced(bench: Bench) -> None:
    await bench.join()
    await bench.say("SKTERM", 5)
    assert await bench.hear(7200) == b""


@on_bench("hex=1&start=2026-01-15T12:20:00&notify_delay=0")
async def test_the_state_survives_closing_the_port(bench: Bench) -> None:
    await bench.join()
    await bench.port.close()
    bench.port = bench.emulator.open_port()
    assert b"7302EA0B07EA010F0C1E00" in await bench.hear(600)
    assert b"ERXUDP" in await bench.request(GET_POWER)


@on_bench("module=bp35c2&hex=1")
async def test_a_reset_ends_the_session_inside_the_module(bench: Bench) -> None:
    await bench.join()
    await bench.say("SKRESET")
    assert await bench.say("SKSREG SFE 0") == b"SKSREG SFE 0\r\nOK\r\n"
    assert events(await bench.request(GET_POWER)) == ["21 01"]
    assert await bench.hear(7200) == b""


@on_bench("echo=0")
async def test_a_reset_breaks_a_scan_off(bench: Bench) -> None:
    await bench.say("SKSCAN 2 FFFFFFFF 6", 1)
    await bench.say("SKRESET")
    assert await bench.hear(60) == b""


# --- the legal limit of air time (§4.6) -------------------------------------------------------------------------------


@on_bench("notify=none")
async def test_air_time_is_counted_and_limited(bench: Bench) -> None:
    await bench.join()
    before = int((await bench.say("SKSREG SFD")).split()[1], 16)
    assert 50 <= before <= 75  # five messages of the join
    assert await bench.say("SKSREG S07") == b"ESREG 00000005\r\nOK\r\n"
    await bench.request(GET_POWER)
    used = int((await bench.say("SKSREG SFD")).split()[1], 16) - before
    assert 8 <= used <= 10  # 110 bytes at 100 kbit/s
    bench.emulator.modem.air_time.spend_ms(360_000)
    assert lines(await bench.hear(0.01)) == [f"EVENT 32 {SINGLE}"]
    assert await bench.say("SKSREG SFB") == b"ESREG 1\r\nOK\r\n"
    assert events(await bench.request(GET_POWER)) == ["21 01"]
    assert lines(await bench.hear(HOUR)) == [f"EVENT 33 {SINGLE}"]
    assert await bench.say("SKSREG SFB") == b"ESREG 0\r\nOK\r\n"
    assert b"ERXUDP" in await bench.request(GET_POWER)
    assert bench.emulator.counters.answers == 2
    await bench.hear(HOUR)
    assert await bench.say("SKSREG SFD") == b"ESREG 0000000000000000\r\nOK\r\n"


@on_bench("module=bp35c2&echo=0")
async def test_scans_and_joins_fail_while_the_limit_is_reached(bench: Bench) -> None:
    await bench.prepare()
    bench.emulator.modem.air_time.restrict(100)
    assert lines(await bench.hear(0.1)) == [f"EVENT 32 {DUAL} 0"]
    assert b"EPANDESC" not in await bench.say("SKSCAN 2 FFFFFFFF 6 0", 30)
    assert events(await bench.say(f"SKJOIN {METER}", 40))[-1] == "24"


def test_the_same_seed_gives_the_same_run_and_another_one_does_not() -> None:
    async def run(seed: int) -> tuple[bytes, object]:
        bench = Bench(f"hex=1&seed={seed}")
        heard = await bench.join()
        heard += await bench.request(GET_POWER)
        return heard, bench.emulator.truth[-1]

    assert run_virtual(run(5)) == run_virtual(run(5))
    assert run_virtual(run(5)) != run_virtual(run(6))
