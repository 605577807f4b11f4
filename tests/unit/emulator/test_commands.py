"""The module's own commands, on literal bytes of skstack-ip §2 and §8 (the G numbers are its transcripts)."""

from __future__ import annotations

import pytest

from support.virtual_time import run_virtual
from unit.emulator.bench import DUAL, SINGLE, Bench, on_bench

SINGLE_MODULES = ("bp35a1", "wsr35a1", "rl7023-ips")
DUAL_MODULES = ("bp35c0", "bp35c2", "rs-wsuha-p", "rl7023-dss", "mb-rl7023-dss")


def said(query: str, *words: bytes | str) -> bytes:
    """What a fresh module prints to these words, 0.2 s after each."""

    async def scenario() -> bytes:
        bench, heard = Bench(query), b""
        for word in words:
            heard += await bench.say(word, 0.2)
        return heard

    return run_virtual(scenario())


@pytest.mark.parametrize(
    ("query", "words", "expected"),
    [
        ("echo=0", "SKVER", b"EVER 1.2.10\r\nOK\r\n"),  # G01
        ("module=bp35c2", "SKVER", b"SKVER\r\nEVER 1.5.2\r\nOK\r\n"),  # G02
        ("echo=0", "SKAPPVER", b"EAPPVER rev26e\r\nOK\r\n"),  # G03
        ("module=rl7023-dss", "SKAPPVER", b"SKAPPVER\r\nFAIL ER04\r\n"),  # G04
        ("module=rl7023-dss&echo=0", b"ROPT\r", b"FAIL ER04\r\n"),  # G04
        ("echo=0", "SKINFO", f"EINFO {SINGLE} 001D129000000574 21 FFFF FFFE\r\nOK\r\n".encode()),  # G05
        ("module=bp35c2", "SKINFO", f"SKINFO\r\nEINFO {DUAL} 001D129100000574 21 FFFF 0\r\nOK\r\n".encode()),  # G07
        ("echo=0", b"ROPT\r", b"OK 00\r"),  # G14
        ("echo=0&hex=1", b"ROPT\r", b"OK 01\r"),  # G14
        ("", "ROPT", b"ROPT\r\nOK 00\r"),  # G15
        ("", b"RUART\r", b"RUART\r\nOK 00\r"),
        ("", "SKSCAN 2 FFFFFFFF 6 0", b"SKSCAN 2 FFFFFFFF 6 0\r\nFAIL ER05\r\n"),  # G24
        ("module=bp35c2&echo=0", "SKSCAN 2 FFFFFFFF 6", b"FAIL ER05\r\n"),  # hsakoh#2
        ("echo=0", "SKLL64 001D129012345678", b"FE80:0000:0000:0000:021D:1290:1234:5678\r\n"),  # G25
        (
            "",
            "SKLL64 12345678ABCDEF01",
            b"SKLL64 12345678ABCDEF01\r\nFE80:0000:0000:0000:1034:5678:ABCD:EF01\r\n",
        ),  # G26
        ("echo=0", "SKLL64 C0F9450040213077", b"FE80:0000:0000:0000:C2F9:4500:4021:3077\r\n"),
        ("echo=0", "SKADDNBR FE80:0000:0000:0000:021D:1290:1234:5678 001D129012345678", b"OK\r\n"),  # G27
        ("", "SKJOIN fe80::1034:5678:abcd:ef01", b"SKJOIN fe80::1034:5678:abcd:ef01\r\nFAIL ER06\r\n"),  # G31
        ("echo=0", "SKREJOIN", b"FAIL ER10\r\n"),  # G32
        ("", "SKTERM", b"SKTERM\r\nFAIL ER10\r\n"),  # G35
        ("", "SKLOAD", b"SKLOAD\r\nFAIL ER10\r\n"),  # G68
        ("", "SKERASE", b"SKERASE\r\nOK\r\n"),  # G68
        ("", "SKRESET", b"SKRESET\r\nOK\r\n"),  # G68
        ("echo=0", "SKTABLE 1", f"EADDR\r\n{SINGLE}\r\nOK\r\n".encode()),  # G64
        (
            "echo=0",
            "SKTABLE E",
            b"EPORT\r\n3610\r\n716\r\n0\r\n0\r\n0\r\n0\r\n\r\n3601\r\n0\r\n0\r\n0\r\nOK\r\n",
        ),  # G66
        ("echo=0&module=bp35c2", "SKTABLE E", b"EPORT\r\n3610\r\n716\r\n0\r\n0\r\n0\r\n0\r\nOK\r\n"),
        ("echo=0", "SKTABLE F", b"EHANDLE\r\nOK\r\n"),
        ("echo=0", "SKTABLE A", b"ESEC\r\nOK\r\n"),
        ("echo=0", "SKTABLE 9", b"ENBR\r\nOK\r\n"),
        ("echo=0", "SKTABLE 3", b"FAIL ER06\r\n"),
        ("echo=0", "SKUDPPORT 3 0050", b"OK\r\n"),  # G67
        ("echo=0", "SKUDPPORT 7 0050", b"FAIL ER06\r\n"),
        ("echo=0", "SKNONSENSE", b"FAIL ER04\r\n"),
        ("echo=0", "skver", b"FAIL ER04\r\n"),
        ("echo=0", "SKVER 1", b"FAIL ER05\r\n"),
        ("echo=0", "SKSREG", b"FAIL ER05\r\n"),
        ("echo=0", "SKLL64 001D1290", b"FAIL ER06\r\n"),
        ("echo=0", "SKSCAN 2 FFFFFFFF F", b"FAIL ER06\r\n"),
        ("echo=0", "SKSCAN 1 FFFFFFFF 6", b"FAIL ER06\r\n"),
        ("echo=0", "SKSETPWD C 0123456789AB", b"OK\r\n"),  # G12
        ("echo=0", "SKSETPWD 0c 0123456789AB", b"OK\r\n"),
        ("echo=0", "SKSETPWD 0 0123456789AB", b"FAIL ER06\r\n"),
        ("echo=0", "SKSETPWD 21 0123456789AB", b"FAIL ER06\r\n"),
        ("echo=0", "SKSETPWD B 0123456789AB", b"FAIL ER06\r\n"),
        ("echo=0", "SKSETPWD C", b"FAIL ER05\r\n"),
        ("echo=0", "SKSETPWD 1 x", b"OK\r\n"),
        ("echo=0", "SKSETPWD 20 " + "x" * 32, b"OK\r\n"),
        ("echo=0", "SKSETRBID 00112233445566778899AABBCCDDEEFF", b"OK\r\n"),  # G12
        ("echo=0", "SKSETRBID 00112233445566778899AABBCCDDEEF", b"FAIL ER06\r\n"),
        ("echo=0", "SKSTART", b"OK\r\n"),
        ("echo=0", "SKAUTOUPD 1", b"FAIL ER04\r\n"),
        ("echo=0&module=bp35c0", "SKAUTOUPD 1", b"OK\r\n"),
        ("echo=0", "X" * 300, b"FAIL ER09\r\n"),
    ],
)
def test_answers(query: str, words: str | bytes, expected: bytes) -> None:
    assert said(query, words) == expected


@pytest.mark.parametrize("module", SINGLE_MODULES)
def test_single_stack_modules_end_skinfo_with_a_short_address(module: str) -> None:
    assert said(f"module={module}&echo=0", "SKINFO").endswith(b" 21 FFFF FFFE\r\nOK\r\n")


@pytest.mark.parametrize("module", DUAL_MODULES)
def test_dual_stack_modules_end_skinfo_with_the_side(module: str) -> None:
    assert said(f"module={module}&echo=0", "SKINFO").endswith(b" 21 FFFF 0\r\nOK\r\n")


def test_credentials_are_echoed() -> None:  # G13
    heard = said("", "SKSETPWD C 0123456789AB", "SKSETRBID 00112233445566778899AABBCCDDEEFF")
    assert heard == (b"SKSETPWD C 0123456789AB\r\nOK\r\nSKSETRBID 00112233445566778899AABBCCDDEEFF\r\nOK\r\n")


def test_switching_echo_off_is_still_echoed() -> None:  # G11
    assert said("", "SKSREG SFE 0", "SKVER") == b"SKSREG SFE 0\r\nOK\r\nEVER 1.2.10\r\nOK\r\n"


def test_echo_comes_character_by_character_and_keeps_trailing_spaces() -> None:  # G22
    assert said("module=bp35c2", b"SKSCAN 2 FFFF", b"FFFF 4 0 \r\n") == b"SKSCAN 2 FFFFFFFF 4 0 \r\nOK\r\n"
    assert said("", b"SKSE") == b"SKSE"


def test_an_empty_line_costs_a_blank_line_of_echo_only() -> None:
    assert said("", b"\r\n", "SKVER") == b"\r\nSKVER\r\nEVER 1.2.10\r\nOK\r\n"
    assert said("echo=0", b"\r\n\r\n") == b""


def test_two_spaces_are_one_argument_too_many() -> None:
    assert said("echo=0", "SKSREG  S2") == b"FAIL ER06\r\n"
    assert said("echo=0", "SKLL64  001D129012345678") == b"FAIL ER05\r\n"


def test_leftover_bytes_spoil_the_first_command() -> None:
    assert said("echo=0", b"\x10\x81", "SKVER", "SKVER") == b"FAIL ER04\r\nEVER 1.2.10\r\nOK\r\n"


def test_cr_only_answers_are_glued_to_the_next_echo() -> None:  # G16
    heard = said("module=bp35c2&hex=1", b"ROPT\r\n", b"SKVER\r\n")
    assert heard == b"ROPT\r\nOK 01\rSKVER\r\nEVER 1.5.2\r\nOK\r\n"


@on_bench("echo=0")
async def test_wopt_is_kept_over_a_reset_and_counted_as_flash_write(bench: Bench) -> None:  # G14
    assert await bench.say(b"WOPT 01\r") == b"OK\r"
    assert await bench.say("SKRESET") == b"OK\r\n"
    assert await bench.say(b"ROPT\r") == b"OK 01\r"
    assert bench.emulator.counters.flash_writes == 1
    assert await bench.say(b"WUART 83\r") == b"OK\r"
    assert await bench.say(b"RUART\r") == b"OK 83\r"
    assert bench.emulator.counters.flash_writes == 2
    assert await bench.say("SKSAVE") == b"OK\r\n"
    assert bench.emulator.counters.flash_writes == 3
    assert await bench.say("SKERASE") == b"OK\r\n"
    assert bench.emulator.counters.flash_writes == 4


# --- registers (§2.2) -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("register", "value"),
    [  # as delivered, in their natural width (G09)
        ("S01", "001D129000000574"),
        ("S02", "21"),
        ("S03", "FFFF"),
        ("S07", "00000000"),
        ("S0A", "00000000"),
        ("S15", "0"),
        ("S16", "00015180"),
        ("S17", "1"),
        ("SA0", "0"),
        ("SA1", "1"),
        ("SA2", "0"),
        ("SFB", "0"),
        ("SFD", "0000000000000000"),
        ("SFE", "0"),
        ("SFF", "1"),
        ("S2", "21"),
    ],
)
def test_registers_of_a_single_stack_module(register: str, value: str) -> None:
    assert said("echo=0", f"SKSREG {register}") == f"ESREG {value}\r\nOK\r\n".encode()


@pytest.mark.parametrize(
    ("register", "value"),
    [
        ("S0B", "0" * 16),
        ("S1C", "0" * 8),
        ("S1D", "0" * 8),
        ("S1E", "0"),
        ("S1F", "0" * 16),
        ("SA9", "1"),
        ("SF0", "0"),
    ],
)
def test_registers_that_only_dual_stack_modules_have(register: str, value: str) -> None:
    assert said("module=bp35c2&echo=0", f"SKSREG {register}") == f"ESREG {value}\r\nOK\r\n".encode()
    assert said("echo=0", f"SKSREG {register}") == b"FAIL ER06\r\n"


@pytest.mark.parametrize(
    ("write", "shown"),
    [
        ("S02 3C", "3C"),
        ("S3 8888", "8888"),
        ("S16 384", "00000384"),
        ("S15 1", "1"),
        ("S0A CCDDEEFF", "CCDDEEFF"),
        ("S0A ccDDeeff", "ccDDeeff"),
        ("S01 001d129012345678", "001D129012345678"),
        ("SA2 1", "1"),
        ("S17 0", "0"),
    ],
)
def test_registers_keep_what_is_written(write: str, shown: str) -> None:  # G08
    name = write.split()[0]
    assert said("echo=0", f"SKSREG {write}", f"SKSREG {name}") == f"OK\r\nESREG {shown}\r\nOK\r\n".encode()


@pytest.mark.parametrize(
    "write", ["S02 20", "S02 3D", "S03 12345", "S07 1", "SFB 1", "SFD 0", "S16 3B", "S17 2", "S55 1", "S0A ABC"]
)
def test_registers_refuse_bad_values_read_only_and_unknown_ones(write: str) -> None:
    assert said("echo=0", f"SKSREG {write}") == b"FAIL ER06\r\n"


@pytest.mark.parametrize("module", SINGLE_MODULES + DUAL_MODULES)
def test_sa2_is_accepted_everywhere(module: str) -> None:
    assert said(f"module={module}&echo=0", "SKSREG SA2 1") == b"OK\r\n"


def test_the_id_sets_the_pairing_id_and_a_reset_forgets_both_but_not_the_mac() -> None:
    heard = said(
        "",
        "SKSREG SFE 0",
        "SKSETRBID 00112233445566778899AABBCCDDEEFF",
        "SKSREG S0A",
        "SKSREG S01 1111222233334444",
        "SKRESET",
        "SKSREG SFE 0",
        "SKSREG S0A",
        "SKSREG S01",
    )
    assert heard == (
        b"SKSREG SFE 0\r\nOK\r\nOK\r\nESREG CCDDEEFF\r\nOK\r\nOK\r\nOK\r\n"
        b"SKSREG SFE 0\r\nOK\r\nESREG 00000000\r\nOK\r\nESREG 1111222233334444\r\nOK\r\n"
    )


def test_saved_registers_are_loaded_on_demand_and_come_back_by_themselves_with_sff() -> None:
    heard = said(
        "",
        "SKSREG SFE 0",
        "SKSREG S2 30",
        "SKSAVE",
        "SKRESET",
        "SKSREG SFE 0",
        "SKSREG S2",
        "SKLOAD",
        "SKSREG S2",
        "SKSREG SFF 1",
        "SKSAVE",
        "SKRESET",
        "SKSREG S2",
        "SKERASE",
        "SKRESET",
        "SKVER",
    )
    assert heard == (
        b"SKSREG SFE 0\r\nOK\r\nOK\r\nOK\r\nOK\r\n"  # reset: echo is on again
        b"SKSREG SFE 0\r\nOK\r\nESREG 21\r\nOK\r\nOK\r\nESREG 30\r\nOK\r\n"
        b"OK\r\nOK\r\nOK\r\nESREG 30\r\nOK\r\n"  # with SFF: echo stays off, S2 stays 30
        b"OK\r\nOK\r\nSKVER\r\nEVER 1.2.10\r\nOK\r\n"
    )


def test_a_udp_port_is_in_force_after_saving_and_a_restart() -> None:
    heard = said("echo=0&module=bp35c2", "SKUDPPORT 3 0050", "SKTABLE E", "SKSAVE", "SKRESET", "SKTABLE E")
    before, after = heard.split(b"OK\r\n")[1], heard.split(b"OK\r\n")[4]
    assert before == b"EPORT\r\n3610\r\n716\r\n0\r\n0\r\n0\r\n0\r\n"
    assert after == b"EPORT\r\n3610\r\n716\r\n80\r\n0\r\n0\r\n0\r\n"


def test_the_neighbour_cache_holds_eight_and_drops_the_oldest() -> None:  # G65
    addresses = [f"FE80:0000:0000:0000:021D:1290:0000:000{number}" for number in range(9)]
    adds = [f"SKADDNBR {address} 001D12900000000{number}" for number, address in enumerate(addresses)]
    again = f"SKADDNBR {addresses[1]} 001D1290FFFFFFFF"
    heard = said("echo=0", *adds, again, "SKTABLE 2")
    rows = heard.split(b"ENEIGHBOR\r\n")[1].decode().splitlines()
    assert rows == [
        *(f"{addresses[number]} 001D12900000000{number} FFFF" for number in range(2, 9)),
        f"{addresses[1]} 001D1290FFFFFFFF FFFF",
        "OK",
    ]


def test_deep_sleep_ends_with_the_next_byte_and_an_event_without_address() -> None:  # G69
    assert said("echo=0", "SKDSLEEP", "SKVER") == b"OK\r\nEVENT C0\r\nEVER 1.2.10\r\nOK\r\n"


@on_bench("echo=0")
async def test_local_commands_take_five_milliseconds(bench: Bench) -> None:
    assert await bench.say("SKVER", 0.0049) == b""
    assert await bench.hear(0.0002) == b"EVER 1.2.10\r\nOK\r\n"


@on_bench("echo=0&fast=1")
async def test_fast_takes_no_time(bench: Bench) -> None:
    assert await bench.say("SKVER", 1e-6) == b"EVER 1.2.10\r\nOK\r\n"
