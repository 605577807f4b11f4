"""The bytes of every command, written out by hand from skstack-ip §2, and what the builders refuse."""

from __future__ import annotations

import inspect
from collections.abc import Callable

import pytest

from hems_data_collector.skstack import (
    DUAL_STACK,
    SINGLE_STACK,
    Command,
    Ending,
    commands,
    other_command,
    ropt,
    ruart,
    skaddnbr,
    skappver,
    skclose,
    skconnect,
    skdsleep,
    skerase,
    skinfo,
    skjoin,
    skll64,
    skload,
    skping,
    skrejoin,
    skreset,
    sksave,
    skscan,
    sksend,
    sksendto,
    sksetpwd,
    sksetrbid,
    sksreg,
    skstart,
    sktable,
    sktcpport,
    skterm,
    skudpport,
    skver,
    wopt,
    wuart,
)

METER = b"FE80:0000:0000:0000:021D:1290:1234:5678"
SHORT = "fe80::21d:1290:1234:5678"
RBID = "00112233445566778899AABBCCDDEEFF"

WIRES: list[tuple[Command, bytes]] = [
    (skver(), b"SKVER\r\n"),
    (skappver(), b"SKAPPVER\r\n"),
    (skinfo(), b"SKINFO\r\n"),
    (skreset(), b"SKRESET\r\n"),
    (sksreg("S02"), b"SKSREG S02\r\n"),
    (sksreg("S2", "21"), b"SKSREG S2 21\r\n"),
    (sksreg("SFE", "0"), b"SKSREG SFE 0\r\n"),
    (sksetpwd("0123456789AB"), b"SKSETPWD C 0123456789AB\r\n"),
    (sksetpwd("x"), b"SKSETPWD 1 x\r\n"),
    (sksetpwd("0123456789abcdef0123456789abcdef"), b"SKSETPWD 20 0123456789abcdef0123456789abcdef\r\n"),
    (sksetrbid(RBID), b"SKSETRBID 00112233445566778899AABBCCDDEEFF\r\n"),
    (skscan(SINGLE_STACK, 6), b"SKSCAN 2 FFFFFFFF 6\r\n"),
    (skscan(DUAL_STACK, 14), b"SKSCAN 2 FFFFFFFF E 0\r\n"),
    (skscan(DUAL_STACK, 4, mode=3, mask=0x0000_0001, side=1), b"SKSCAN 3 00000001 4 1\r\n"),
    (skll64("001d129012345678"), b"SKLL64 001D129012345678\r\n"),
    (skaddnbr(SHORT, "001D129012345678"), b"SKADDNBR " + METER + b" 001D129012345678\r\n"),
    (skjoin(SHORT), b"SKJOIN " + METER + b"\r\n"),
    (skrejoin(), b"SKREJOIN\r\n"),
    (skterm(), b"SKTERM\r\n"),
    (skstart(), b"SKSTART\r\n"),
    (sksendto(SINGLE_STACK, SHORT, b"\r\n"), b"SKSENDTO 1 " + METER + b" 0E1A 1 0002 \r\n"),
    (sksendto(DUAL_STACK, SHORT, b"\x10\x81"), b"SKSENDTO 1 " + METER + b" 0E1A 1 0 0002 \x10\x81"),
    (
        sksendto(DUAL_STACK, SHORT, bytes(1232), port=0x1234, security=2, handle=6, side=1),
        b"SKSENDTO 6 " + METER + b" 1234 2 1 04D0 " + bytes(1232),
    ),
    (skping(SHORT), b"SKPING " + METER + b"\r\n"),
    (skudpport(3, 80), b"SKUDPPORT 3 0050\r\n"),
    (sktable(1), b"SKTABLE 1\r\n"),
    (sktable(0xE), b"SKTABLE E\r\n"),
    (sktcpport(1, 3610), b"SKTCPPORT 1 0E1A\r\n"),
    (skconnect(SHORT, 3610, 3611), b"SKCONNECT " + METER + b" 0E1A 0E1B\r\n"),
    (sksend(1, b"ab"), b"SKSEND 1 0002 ab"),
    (skclose(1), b"SKCLOSE 1\r\n"),
    (sksave(), b"SKSAVE\r\n"),
    (skload(), b"SKLOAD\r\n"),
    (skerase(), b"SKERASE\r\n"),
    (skdsleep(), b"SKDSLEEP\r\n"),
    (other_command("SKRFLO", "1"), b"SKRFLO 1\r\n"),
    (other_command("SKREGDEV", SHORT), b"SKREGDEV fe80::21d:1290:1234:5678\r\n"),
    (ropt(), b"ROPT\r"),
    (wopt(1), b"WOPT 01\r"),
    (ruart(), b"RUART\r"),
    (wuart(0x83), b"WUART 83\r"),
]


@pytest.mark.parametrize(("command", "wire"), WIRES, ids=lambda value: value.name if isinstance(value, Command) else "")
def test_a_command_is_these_bytes(command: Command, wire: bytes) -> None:
    assert command.wire == wire


def test_every_builder_stands_in_the_list_above() -> None:
    functions = inspect.getmembers(commands, inspect.isfunction)
    builders = {name for name, function in functions if function.__module__ == commands.__name__ and name[0] != "_"}
    assert builders - {"other_command"} == {command.name.lower() for command, _ in WIRES} - {"skrflo", "skregdev"}


def test_only_skll64_ends_with_an_address() -> None:
    assert {command.name for command, _ in WIRES if command.final is Ending.ADDRESS} == {"SKLL64"}


def test_only_the_product_commands_end_with_cr_alone() -> None:
    assert {command.name for command, _ in WIRES if command.rohm} == {"ROPT", "WOPT", "RUART", "WUART"}


def test_the_destination_is_where_event_21_comes_from() -> None:
    assert sksendto(DUAL_STACK, SHORT, b"x").destination == METER.decode()
    assert skjoin(SHORT).destination is None


REFUSED: list[Callable[[], Command]] = [
    lambda: sksendto(SINGLE_STACK, SHORT, b""),
    lambda: sksendto(SINGLE_STACK, SHORT, bytes(1233)),
    lambda: sksendto(SINGLE_STACK, "meter", b"x"),
    lambda: sksendto(SINGLE_STACK, SHORT, b"x", security=3),
    lambda: sksendto(SINGLE_STACK, SHORT, b"x", handle=0),
    lambda: sksendto(SINGLE_STACK, SHORT, b"x", handle=7),
    lambda: sksendto(SINGLE_STACK, SHORT, b"x", port=0x10000),
    lambda: sksendto(DUAL_STACK, SHORT, b"x", side=2),
    lambda: skscan(SINGLE_STACK, 15),
    lambda: skscan(SINGLE_STACK, -1),
    lambda: skscan(SINGLE_STACK, 6, mode=1),
    lambda: skscan(SINGLE_STACK, 6, mask=0x1_0000_0000),
    lambda: skll64("001D1290"),
    lambda: skaddnbr(SHORT, "001D1290"),
    lambda: skjoin("192.168.0.1"),
    lambda: skping("x"),
    lambda: sksreg("21"),
    lambda: sksreg("S02", "21\r\nSKRESET"),
    lambda: sksreg("S02", ""),
    lambda: skudpport(0, 1),
    lambda: skudpport(1, 0x10000),
    lambda: sktable(16),
    lambda: sksend(1, b""),
    lambda: wopt(256),
    lambda: wuart(-1),
    lambda: sksetpwd(""),
    lambda: sksetpwd("x" * 33),
    lambda: sksetpwd("a b"),
    lambda: sksetrbid(RBID[1:]),
    lambda: sksetrbid(RBID[1:] + "\n"),
    lambda: other_command("SKVER"),
    lambda: other_command("SKRFLO", "a b"),
]


@pytest.mark.parametrize("build", REFUSED)
def test_what_the_module_would_refuse_is_refused_here(build: Callable[[], Command]) -> None:
    with pytest.raises(ValueError, match=r"."):
        build()


SECRET_COMMANDS = [
    (sksetpwd("0123456789AB"), "SKSETPWD ****"),
    (sksetrbid(RBID), "SKSETRBID ****"),
    (sksreg("S0A", "CCDDEEFF"), "SKSREG ****"),
    (sksreg("SA", "CCDDEEFF"), "SKSREG ****"),
    (sksreg("S0B", "4343444445454646"), "SKSREG ****"),
    (other_command("SKSETPSK", "0011223344"), "SKSETPSK ****"),
    (other_command("SKSETKEY", "1", "0011223344"), "SKSETKEY ****"),
    (other_command("SKSETHPWD", "C", "0123456789AB"), "SKSETHPWD ****"),
]


@pytest.mark.parametrize(("command", "masked"), SECRET_COMMANDS)
def test_a_secret_argument_shows_in_no_text(command: Command, masked: str) -> None:
    assert command.masked == masked
    for text in (repr(command), str(command), f"{command}"):
        assert text == f"Command({masked!r})"


@pytest.mark.parametrize("text", ["p w-secret", "s" * 33, "\x7fsecret"])
def test_the_refusal_of_a_secret_does_not_quote_it(text: str) -> None:
    for build in (sksetpwd, sksetrbid, lambda value: sksreg("S0A", f"{value} ")):
        with pytest.raises(ValueError, match=r".") as caught:
            build(text)
        assert text not in str(caught.value)


def test_the_shown_form_of_an_ordinary_command_is_its_text_and_the_data_in_hex() -> None:
    assert skjoin(SHORT).masked == "SKJOIN FE80:0000:0000:0000:021D:1290:1234:5678"
    assert sksreg("S2", "21").masked == "SKSREG S2 21"
    assert (
        sksendto(DUAL_STACK, SHORT, b"\x10\x81\r\n").masked
        == "SKSENDTO 1 FE80:0000:0000:0000:021D:1290:1234:5678 0E1A 1 0 0004 10810D0A"
    )
