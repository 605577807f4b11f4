"""The verb `scan`: what answers, how strongly, and whose it is."""

from __future__ import annotations

import json

import pytest

from hems_data_collector import app, cli
from hems_data_collector.emulator import radio
from hems_data_collector.emulator.lines import Beacon

EMULATOR = "emulator:?fast=1"


@pytest.fixture(autouse=True)
def an_emulator_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(app, "_EMULATORS", {})


def scan(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    code = cli.main(["scan", *words])
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def test_what_answers_is_a_table(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = scan(capsys, "--port", EMULATOR)
    head, row = out.splitlines()
    assert code == 0
    assert head.split() == ["channel", "PAN", "id", "address", "LQI", "strength", "signal", "whose"]
    assert row.split() == ["33", "12A4", "001C640000000001", "202", "-49", "dBm", "█████", "excellent", "your", "meter"]


def test_programs_get_an_object_for_each(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = scan(capsys, "--json", "--port", EMULATOR)
    assert code == 0
    assert json.loads(out) == {
        "channel": "33",
        "pan_id": "12A4",
        "address": "001C640000000001",
        "ipv6": "FE80:0000:0000:0000:021C:6400:0000:0001",
        "lqi": 202,
        "rssi_dbm": -48.7,
        "bars": 5,
        "signal": "excellent",
        "ours": True,
        "meter": None,
    }


def test_a_meter_that_needs_patience_is_found_by_a_longer_scan(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = scan(capsys, "--port", f"{EMULATOR}&fault=faint:8")
    assert code == 0
    assert "-92 dBm  █       weak  your meter" in out
    assert "Looking for the meter" not in out
    assert "Move the stick nearer" in err


def test_where_nothing_answers_it_says_why(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = scan(capsys, "--port", f"{EMULATOR}&fault=absent")
    assert (code, out) == (5, "")
    assert "No meter answered the scan." in err
    assert "Compare B_ROUTE_ID" in err


def test_another_household_s_meter_is_shown_and_not_taken_for_ours(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    other = Beacon(channel=0x21, pan_id=0x9999, mac="ABCDEF0123456789", lqi=0x8A, pair_id="0DDBA115")
    monkeypatch.setattr(radio.Radio, "beacons", lambda *_args, **_words: [other])
    code, out, err = scan(capsys, "--port", EMULATOR)
    assert code == 5
    assert "another household" in out
    assert "0DDBA115" not in out + err
    assert "only meters of other households" in err


def test_over_wi_fi_there_is_nothing_to_scan(capsys: pytest.CaptureFixture[str]) -> None:
    code, _, err = scan(capsys, "--port", "wifi:")
    assert code == 3
    assert "doctor --port wifi:" in err
