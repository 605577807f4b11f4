"""The diagnosis on sticks and meters with one fault each: it names the fault, and what to do about it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from random import Random

import pytest

from hems_data_collector import app
from hems_data_collector.clock import LoopClock
from hems_data_collector.diagnosis import Finding, State, diagnose, examine, walk
from hems_data_collector.diagnosis.context import Context
from hems_data_collector.diagnosis.kinds import found
from hems_data_collector.echonet import PropertyMap
from hems_data_collector.emulator import radio
from hems_data_collector.emulator.lines import Beacon
from hems_data_collector.emulator.properties import ObjectTable
from hems_data_collector.settings_sources import FlagValue
from support.virtual_time import run_virtual

ID = "00112233445566778899AABBCCDDEEFF"
PASSWORD = "0123456789AB"
START = datetime(2026, 1, 15, 3, 10, 20, tzinfo=UTC)
LONGEST_S = 900.0
"""Whatever hangs, the walk ends within this."""
METER_STEPS = {"modem", "scan", "join", "meter", "clock", "reading"}


@pytest.fixture(autouse=True)
def an_emulator_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(app, "_EMULATORS", {})


def walked(tmp_path: Path, query: str = "", **flags: FlagValue) -> list[Finding]:
    """Everything that is found with the emulator of `query`, on a clock that jumps."""
    port = f"emulator:?{query}"
    environ = {"B_ROUTE_ID": ID, "B_ROUTE_PASSWORD": PASSWORD, "STATE_DIRECTORY": str(tmp_path / "state")}
    return all_of({"port": port, **flags}, environ, tmp_path)


def all_of(flags: Mapping[str, FlagValue], environ: Mapping[str, str], folder: Path) -> list[Finding]:
    """The findings on these settings."""
    examined = examine(flags, environ, folder)
    assert examined.settings is not None, examined.findings

    async def whole() -> list[Finding]:
        assert examined.settings is not None
        clock = LoopClock(START)
        problem = examined.credentials_problem
        walking = diagnose(examined.settings, clock=clock, rng=Random(1), credentials_problem=problem)
        return [finding async for finding in walking]

    return [*examined.findings, *run_virtual(whole(), limit_s=LONGEST_S)]


def keys(findings: list[Finding], *states: State) -> list[str]:
    return [finding.key for finding in findings if finding.state in states]


def by_key(findings: list[Finding], key: str) -> Finding:
    (found,) = [finding for finding in findings if finding.key == key]
    return found


def test_where_all_is_well_every_step_says_so(tmp_path: Path) -> None:
    findings = walked(tmp_path)
    assert keys(findings, State.WARNING, State.FAILED) == []
    assert {finding.step for finding in findings if finding.state is State.OK} >= METER_STEPS
    assert by_key(findings, "modem").details["products"] == ("ROHM BP35A1", "JORJIN WSR35A1-00")
    assert by_key(findings, "modem").details["payloads"] == "binary"
    assert "excellent (202 of 255, -49 dBm)" in by_key(findings, "scan").what
    assert by_key(findings, "meter").details["meter"] == "000016-A00B123456"
    assert by_key(findings, "clock").details["difference_s"] == 0
    assert " W, " in by_key(findings, "reading").what


def test_a_stick_with_another_firmware_is_known_by_it(tmp_path: Path) -> None:
    modem = by_key(walked(tmp_path, "module=rl7023-dss"), "modem")
    assert modem.details["products"] == ("Tessera MB-RL7023-11/DSS", "Tessera RL7023 Stick-D/DSS")[::-1]
    assert (modem.details["dialect"], modem.details["payloads"]) == ("dual-stack", "hex")


@pytest.mark.parametrize(
    ("query", "key", "code", "remedy"),
    [
        ("fault=stuck:100000", "modem-silent", 4, "unplug it, wait ten seconds"),
        ("module=j11", "modem-j11", 4, "Use a stick with SKSTACK-IP: ROHM BP35A1"),
        ("fault=ev32:4000", "air-time", 5, "Wait up to an hour"),
        ("fault=absent", "scan-nothing", 5, "Compare B_ROUTE_ID"),
        ("id=" + ID[:-1] + "0", "scan-nothing", 5, "Compare B_ROUTE_ID"),
        ("password=BA9876543210", "join-refused", 6, "Compare B_ROUTE_PASSWORD"),
        ("fault=absent,foreign-pan", "join-unreached", 5, "Move the stick nearer"),
        ("fault=lost:1", "meter-silent", 5, "Move the stick nearer"),
        ("fault=unplug:3", "port-lost", 4, "Plug it in firmly"),
    ],
)
def test_what_cannot_work_is_named_with_its_remedy(
    query: str, key: str, code: int, remedy: str, tmp_path: Path
) -> None:
    findings = walked(tmp_path, query)
    assert keys(findings, State.FAILED) == [key]
    failed = by_key(findings, key)
    assert failed.exit_code == code
    assert remedy in failed.remedy
    assert failed.cause
    at = [finding.key for finding in findings].index(key)
    rest = [finding for finding in findings[at + 1 :] if finding.step in METER_STEPS]
    assert {finding.key for finding in rest} <= {"needs"}, "what needs the failed step is left out"
    assert by_key(findings, "store-new").state is State.OK, "the walk goes on behind the meter"


@pytest.mark.parametrize(
    ("query", "key", "remedy"),
    [
        ("baud=9600", "modem-other-rate", "--baudrate 9600"),
        ("fault=faint:6", "scan-weak", "USB extension cable"),
        ("start=2026-01-15T09:10:00", "clock-off", "timedatectl"),
    ],
)
def test_what_works_badly_is_a_warning_and_the_walk_goes_on(query: str, key: str, remedy: str, tmp_path: Path) -> None:
    findings = walked(tmp_path, query)
    assert keys(findings, State.WARNING, State.FAILED) == [key]
    assert remedy in by_key(findings, key).remedy
    assert by_key(findings, "reading").state is State.OK


def test_the_clocks_are_compared_in_the_zone_of_the_meter(tmp_path: Path) -> None:
    off = by_key(walked(tmp_path, "start=2026-01-15T09:10:00"), "clock-off")
    assert "The clocks differ by 3 hours and 0 minutes" in off.what
    assert "the meter has 2026-01-15 09:10, this machine 2026-01-15 12:10" in off.what


def test_a_meter_that_is_not_where_the_settings_say_is_found_all_the_same(tmp_path: Path) -> None:
    findings = walked(
        tmp_path, meter_channel="21", meter_panid="8888", meter_ipv6="FE80:0000:0000:0000:021D:1290:1234:5678"
    )
    assert keys(findings, State.WARNING, State.FAILED) == ["scan-elsewhere"]
    assert "channel 33 and PAN 12A4, not where the settings say (21, 8888)" in by_key(findings, "scan-elsewhere").what
    assert "--meter-channel" in by_key(findings, "scan-elsewhere").remedy
    assert by_key(findings, "join").state is State.OK


def test_where_two_answer_to_our_id_the_one_that_can_be_joined_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(radio, "METER_LQI", 0x60)  # the other one is stronger
    findings = walked(tmp_path, "fault=foreign-pan")
    assert by_key(findings, "scan").details["heard"] == 2
    assert keys(findings, State.FAILED) == []
    assert by_key(findings, "reading").state is State.OK


def test_meters_of_other_households_are_no_meter_of_ours(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def neighbours(*_: object, **__: object) -> list[Beacon]:
        return [Beacon(channel=0x21, pan_id=0x9999, mac="ABCDEF0123456789", lqi=0x8A, pair_id="0DDBA115")]

    monkeypatch.setattr(radio.Radio, "beacons", neighbours)
    findings = walked(tmp_path)
    assert keys(findings, State.FAILED) == ["scan-foreign"]
    assert by_key(findings, "scan-foreign").details["heard"] == 1
    assert "Compare B_ROUTE_ID" in by_key(findings, "scan-foreign").remedy


def lack(monkeypatch: pytest.MonkeyPatch, *epcs: int) -> None:
    """Take properties out of the maps of the meter."""
    whole = ObjectTable._map

    def poorer(table: ObjectTable, epc: int) -> PropertyMap:
        left = whole(table, epc).epcs - set(epcs)
        return PropertyMap(epcs=left, declared=len(left))

    monkeypatch.setattr(ObjectTable, "_map", poorer)


def test_a_meter_without_history_is_a_reason_to_keep_running(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lack(monkeypatch, 0xE2, 0xE4, 0xEC)
    findings = walked(tmp_path)
    assert keys(findings, State.WARNING, State.FAILED) == ["meter-forgetful"]
    assert "keep the collector running" in by_key(findings, "meter-forgetful").remedy
    assert by_key(findings, "reading").state is State.OK


def test_what_is_no_smart_meter_is_called_unusable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lack(monkeypatch, 0xE7)
    findings = walked(tmp_path)
    assert keys(findings, State.FAILED) == ["meter-unusable"]
    assert "(E7)" in by_key(findings, "meter-unusable").what


def test_a_release_from_before_smart_meters_is_doubted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told = ObjectTable.edt
    monkeypatch.setattr(
        ObjectTable,
        "edt",
        lambda table, meter, epc: bytes.fromhex("00004300") if epc == 0x82 else told(table, meter, epc),
    )
    findings = walked(tmp_path)
    assert keys(findings, State.WARNING, State.FAILED) == ["meter-old"]
    assert "release C" in by_key(findings, "meter-old").what


def test_a_meter_that_does_not_tell_its_time_is_read_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lack(monkeypatch, 0x97, 0x98)
    findings = walked(tmp_path)
    assert by_key(findings, "clock-untold").state is State.SKIPPED
    assert by_key(findings, "reading").state is State.OK


def test_a_meter_that_refuses_its_time_is_no_failure(tmp_path: Path) -> None:
    findings = walked(tmp_path, "fault=sna-partial:97")
    assert keys(findings, State.FAILED) == []
    assert by_key(findings, "clock-untold").state is State.SKIPPED


def test_a_meter_that_cannot_stand_several_questions_at_once_is_no_failure(tmp_path: Path) -> None:
    findings = walked(tmp_path, "fault=opc-silent:1")
    assert keys(findings, State.WARNING, State.FAILED) == ["meter-singly"]


def test_a_meter_without_values_is_a_warning(tmp_path: Path) -> None:
    findings = walked(tmp_path, "fault=no-data-live:1")
    assert keys(findings, State.WARNING, State.FAILED) == ["reading-empty"]


def test_a_scan_that_hears_nothing_at_first_goes_on_with_more_patience(tmp_path: Path) -> None:
    findings = walked(tmp_path, "fault=faint:8")
    assert by_key(findings, "scan-weak").details["lqi"] == 0x2B
    assert by_key(findings, "reading").state is State.OK


def test_several_meters_are_walked_one_after_the_other(tmp_path: Path) -> None:
    config = tmp_path / "config.toml"
    config.write_text(
        '[[meters]]\nname = "house"\nport = "emulator:?seed=3"\n'
        '[[meters]]\nname = "annex"\nport = "emulator:?seed=4&fault=absent"\n'
    )
    findings = all_of({"config": str(config)}, {"STATE_DIRECTORY": str(tmp_path / "state")}, tmp_path)
    assert by_key(findings, "reading").meter == "house"
    assert by_key(findings, "scan-nothing").meter == "annex"
    assert [finding.meter for finding in findings if finding.step == "port"] == ["house", "annex"]
    assert [finding.meter for finding in findings if finding.step == "store"] == [None]


def test_an_id_is_missing_only_where_a_meter_asks_for_one(tmp_path: Path) -> None:
    config = tmp_path / "config.toml"
    config.write_text(
        '[[meters]]\nname = "house"\nport = "/dev/ttyNOPE"\n[[meters]]\nname = "annex"\nport = "emulator:?seed=3"\n'
    )
    findings = all_of({"config": str(config)}, {"STATE_DIRECTORY": str(tmp_path / "state")}, tmp_path)
    assert by_key(findings, "credentials-missing").meter == "house"
    assert by_key(findings, "credentials-unneeded").meter == "annex"
    assert by_key(findings, "reading").meter == "annex"


def test_a_step_that_hangs_is_given_up_and_the_walk_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def hang(context: Context) -> AsyncGenerator[Finding, None]:
        await asyncio.Event().wait()
        yield found("modem")

    steps = [replace(step, look=hang) if step.name == "modem" else step for step in walk.OF_METER]
    monkeypatch.setattr(walk, "OF_METER", tuple(steps))
    findings = walked(tmp_path)
    late = by_key(findings, "late")
    assert (late.step, late.state, late.exit_code) == ("modem", State.FAILED, 4)
    assert "longer than 120 s" in late.what
    assert by_key(findings, "store-new").state is State.OK


def test_every_step_has_a_limit_and_needs_only_what_comes_before() -> None:
    for steps in (walk.OF_METER, walk.OF_WIFI, walk.OF_COLLECTOR, walk.OF_ALL):
        names = [step.name for step in steps]
        for number, step in enumerate(steps):
            assert 0 < step.limit_s <= 300
            assert {need for need in step.needs if need in names} <= set(names[:number]), step.name


def test_id_and_password_that_are_wrong_do_not_hide_the_stick(tmp_path: Path) -> None:
    environ = {"B_ROUTE_PASSWORD": PASSWORD, "STATE_DIRECTORY": str(tmp_path / "state")}
    for given, key in (({}, "credentials-missing"), ({"B_ROUTE_ID": "0" * 32}, "credentials-missing")):
        examined = examine({"port": "socket://127.0.0.1:9"}, environ | given, tmp_path)
        assert examined.credentials_problem is not None
        assert examined.credentials_problem.key == key
        assert "power company" in examined.credentials_problem.remedy
    examined = examine({"port": "socket://127.0.0.1:9"}, environ | {"B_ROUTE_ID": ID[:-1]}, tmp_path)
    assert examined.credentials_problem is not None
    assert examined.credentials_problem.key == "credentials-malformed"
    assert "31 characters" in examined.credentials_problem.what
    assert ID[:-1] not in str(examined.credentials_problem.as_dict())
    assert examined.settings is not None
    assert examined.settings.meters[0].credentials.route_b_id.reveal() == "1" * 32, "made up"
