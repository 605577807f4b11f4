"""`ports`: what is plugged in, who may use it, and what to write, on a made-up machine."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from hems_data_collector.cli import main, ports
from hems_data_collector.link import plugged
from hems_data_collector.link.plugged import Access, AccessState
from support.serial_devices import Machine


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    """Nobody holds anything, and this user may use all of it."""
    made = Machine(tmp_path)
    monkeypatch.setattr(ports, "plugged_in", lambda: plugged.plugged_in(sys=made.sys, dev=made.dev))
    monkeypatch.setattr(ports, "access", lambda path: Access(state=AccessState.OK))
    monkeypatch.setattr(ports, "holders", lambda path: plugged.holders(path, proc=made.proc))
    return made


def shown(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    """What the verb prints; nothing goes to stderr, and it never fails."""
    assert main(["ports", *words]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    return out


def test_one_stick_is_shown_with_the_words_to_use_it(machine: Machine, capsys: pytest.CaptureFixture[str]) -> None:
    link = machine.plug("ttyUSB0", by_id=True)
    machine.onboard("ttyAMA0")
    head, stick, board, *rest = shown(capsys).splitlines()
    assert head.split() == ["device", "what", "it", "is", "state"]
    assert stick.split("  ")[0].endswith("/dev/ttyUSB0")
    assert "FTDI FT230X Basic UART, perhaps a Wi-SUN stick" in stick
    assert stick.endswith("usable")
    assert "port of this machine" in board
    assert f"  --port {link}" in rest


def test_of_several_the_one_that_names_a_stick_is_offered(machine: Machine, capsys: pytest.CaptureFixture[str]) -> None:
    machine.plug("ttyUSB0")
    named = machine.plug("ttyUSB1", names=("ROHM", "BP35C2"))
    text = shown(capsys)
    assert [line.split()[1] for line in text.splitlines() if line.startswith("  --port")] == [named]
    assert "Wi-SUN stick ROHM BP35C2" in text


def test_of_two_alike_both_are_offered(machine: Machine, capsys: pytest.CaptureFixture[str]) -> None:
    both = {machine.plug("ttyUSB0"), machine.plug("ttyUSB1", serial="DM00FFFF")}
    text = shown(capsys)
    assert {line.split()[1] for line in text.splitlines() if line.startswith("  --port")} == both
    assert "unplug one" in text


def test_who_may_not_use_it_reads_the_remedy(
    machine: Machine, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    machine.plug("ttyUSB0")
    monkeypatch.setattr(ports, "access", lambda path: Access(state=AccessState.DENIED, group="dialout"))
    text = shown(capsys)
    assert "no permission" in text
    assert "sudo usermod -aG dialout" in text


def test_what_stands_in_the_way_of_something_else_is_of_no_interest(
    machine: Machine, capsys: pytest.CaptureFixture[str]
) -> None:
    machine.plug("ttyUSB0")
    other = machine.plug("ttyACM0", usb=("2341", "0043"), names=("Arduino", "Uno"))
    machine.process(812, "arduino", opens=(other,))
    text = shown(capsys)
    assert "in use by arduino" in text
    assert "remedy" not in text


def test_who_has_it_open_is_named(machine: Machine, capsys: pytest.CaptureFixture[str]) -> None:
    path = machine.plug("ttyUSB0")
    machine.process(812, "/usr/sbin/ModemManager", opens=(path,))
    text = shown(capsys)
    assert "in use by ModemManager (process 812)" in text
    assert "remedy: End that program" in text


def test_that_the_collector_has_it_is_no_trouble(machine: Machine, capsys: pytest.CaptureFixture[str]) -> None:
    path = machine.plug("ttyUSB0")
    machine.process(900, "/opt/bin/python3.11", "/opt/bin/hems-data-collector", opens=(path,))
    text = shown(capsys)
    assert "in use by hems-data-collector (process 900)" in text
    assert "remedy" not in text


@pytest.mark.usefixtures("machine")
def test_with_nothing_plugged_in_the_other_ways_are_named(capsys: pytest.CaptureFixture[str]) -> None:
    text = shown(capsys)
    assert text.startswith("No serial device is plugged in.")
    for way in ("socket://HOST:3333", "wifi:", "emulator:", "docker run --device"):
        assert way in text


def test_a_stick_with_the_other_firmware_is_not_offered(machine: Machine, capsys: pytest.CaptureFixture[str]) -> None:
    machine.plug("ttyUSB0", names=("RATOC Systems, Ltd.", "RS-WSUHA-J11"))
    text = shown(capsys)
    assert "RATOC Systems, Ltd. RS-WSUHA-J11: J11 firmware, not supported" in text
    assert "/dev/ttyUSB0" not in text.partition("\n\n")[2]


def test_programs_get_one_object_a_line(machine: Machine, capsys: pytest.CaptureFixture[str]) -> None:
    link = machine.plug("ttyUSB0", by_id=True)
    board = machine.onboard("ttyAMA0")
    machine.process(812, "screen", opens=(str(machine.dev / "ttyUSB0"),))
    stick, other = map(json.loads, shown(capsys, "--json").splitlines())
    assert stick == {
        "name": link,
        "path": str(machine.dev / "ttyUSB0"),
        "by_id": link,
        "vendor_id": "0403",
        "product_id": "6015",
        "serial_number": "DM00ABCD",
        "description": "FTDI FT230X Basic UART",
        "stick": None,
        "possible": stick["possible"],
        "supported": True,
        "access": "ok",
        "group": None,
        "held_by": [{"pid": 812, "command": "screen"}],
    }
    assert "ROHM BP35C2" in stick["possible"]
    assert (other["name"], other["vendor_id"], other["held_by"]) == (board, None, [])
