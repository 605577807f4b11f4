"""The verb `doctor`: what people see of a diagnosis, what programs get, and what a report must not hold."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from hems_data_collector import app, cli, language
from hems_data_collector.cli.doctor_report import Hidden
from hems_data_collector.cli.doctor_texts import Shown, conclusion
from hems_data_collector.diagnosis import KINDS, Finding, State, settings
from hems_data_collector.diagnosis.kinds import found

EMULATOR = "emulator:?fast=1"
ID = "00112233445566778899AABBCCDDEEFF"
SECRETS = (ID, ID[-8:], "Kx7Qp2Zt9LmW", "hunter22", "PATHKEY")
SERIAL, MAC = "A00B123456", "001C640000000001"


@pytest.fixture(autouse=True)
def an_emulator_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(app, "_EMULATORS", {})


def doctor(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    code = cli.main(["doctor", *words])
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def test_where_all_is_well_it_says_so_in_one_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = doctor(capsys, "--port", EMULATOR)
    lines = out.splitlines()
    assert code == 0
    assert lines[-1] == "Everything works."
    steps = [line[9:23].strip() for line in lines[:-2]]
    names = ["settings", "port", "id, password", "modem", "scan", "join", "meter", "reading", "clock"]
    assert steps == [*names, "database", "half hours", "outputs"]
    assert err == "", "the log is not shown"


def test_a_failure_has_cause_and_remedy_and_what_needs_it_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = doctor(capsys, "--port", "/dev/ttyNOPE")
    assert code == 4, "id and password are not configured either, but the port comes first"
    failed = out[out.index("FAILED   port ") :]
    assert re.match(r"FAILED   port +There is no serial port /dev/ttyNOPE\.\n +cause: .*\n +what to do: Plug ", failed)
    assert out.count("Not looked at") == 1
    assert "modem, scan, join, meter, reading, clock: Not looked at" in out
    assert "Do this, then run this again: Plug the stick in" in out.splitlines()[-1]


def test_programs_get_one_object(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = doctor(capsys, "--json", "--port", f"{EMULATOR}&fault=absent")
    told = json.loads(out)
    assert code == told["exit_code"] == 5
    (failed,) = [each for each in told["findings"] if each["state"] == "failed"]
    assert list(failed) == ["key", "step", "state", "meter", "what", "cause", "remedy", "details"]
    assert (failed["key"], failed["step"], failed["details"]) == ("scan-nothing", "scan", {"heard": 0})


def test_the_keys_are_the_same_in_every_language(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    english = json.loads(doctor(capsys, "--json", "--port", "/dev/ttyNOPE")[1])["findings"]
    monkeypatch.setenv("HEMS_LANG", "ja")
    japanese = json.loads(doctor(capsys, "--json", "--port", "/dev/ttyNOPE")[1])["findings"]
    language.use("en")
    assert [each["key"] for each in japanese] == [each["key"] for each in english]
    for one, other in zip(english, japanese, strict=True):
        for part in ("what", "cause", "remedy"):
            assert bool(one[part]) == bool(other[part])
            assert not one[part] or re.search("[ぁ-ヿ一-鿿]", other[part]), one[part]


@pytest.mark.parametrize(("word", "said"), [("ja", "設定"), ("en", "settings")])
def test_the_language_of_the_settings_is_spoken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], word: str, said: str
) -> None:
    monkeypatch.delenv("HEMS_LANG", raising=False)
    monkeypatch.setenv("LANG", "ja_JP.UTF-8" if word == "en" else "en_US.UTF-8")
    monkeypatch.delenv("LANGUAGE", raising=False)
    monkeypatch.delenv("LC_ALL", raising=False)
    config = tmp_path / "config.toml"
    config.write_text(f'language = "{word}"\nport = "{EMULATOR}"\n', encoding="utf-8")
    assert said in doctor(capsys, "--config", str(config))[1].splitlines()[0]
    cli.main(["config", "check", "--config", str(config)])
    assert ("The settings are good." in capsys.readouterr().out) is (word == "en")
    cli.main(["config", "show", "--config", str(config)])
    assert ("setting  " in capsys.readouterr().out) is (word == "en")
    config.write_text(f'language = "{word}"\nport = "/dev/x"\n', encoding="utf-8")
    cli.main(["setup", "--yes", "--no-test", "--config", str(config)])
    assert ("is not known" in capsys.readouterr().err) is (word == "en")


@pytest.mark.parametrize(("word", "separator"), [("en", ", "), ("ja", "、")])
def test_each_place_of_settings_is_named_once_and_made_up_ones_are_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], word: str, separator: str
) -> None:
    monkeypatch.setenv("HEMS_LANG", word)
    config = tmp_path / "house.toml"
    config.write_text('port = "/dev/nothing-here"\noutput = ["stdout"]\ninterval = 60\n', encoding="utf-8")
    monkeypatch.delenv("B_ROUTE_ID", raising=False)
    monkeypatch.delenv("B_ROUTE_PASSWORD", raising=False)
    assert cli.main(["doctor", "--config", str(config), "--json"]) == 4
    findings = json.loads(capsys.readouterr().out)["findings"]
    (said,) = [each["what"] for each in findings if each["key"] == "settings"]
    assert said.count(str(config)) == 1
    assert f"{config}{separator}" in said
    assert "B_ROUTE" not in said


def test_one_of_several_meters_can_be_looked_at(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = tmp_path / "config.toml"
    config.write_text(
        f'[[meters]]\nname = "house"\nport = "{EMULATOR}&seed=7"\n'
        f'[[meters]]\nname = "annex"\nport = "{EMULATOR}&seed=8"\n'
    )
    code, out, _ = doctor(capsys, "--config", str(config), "--meter", "annex")
    assert code == 0
    assert "annex: The meter has let us in." in out
    assert "house" not in out


# --- the report -------------------------------------------------------------------------------------------------------


def test_a_report_holds_everything_but_what_is_the_owner_s_own(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("B_ROUTE_ID", ID)
    monkeypatch.setenv("B_ROUTE_PASSWORD", "Kx7Qp2Zt9LmW")
    monkeypatch.setenv("WEBHOOK_HEADERS", "X-Key: hunter22")
    url = "http://user:hunter22@127.0.0.1:9/PATHKEY"
    path = tmp_path / "report.md"
    words = ("--port", EMULATOR, "-o", "webhook", "--webhook-url", url, "--report", str(path))
    code, _, err = doctor(capsys, *words)
    text = path.read_text(encoding="utf-8")
    assert code == 3
    assert "Look at it before you pass it on" in err
    for part in (
        "## Versions",
        "- SQLite: 3.",
        "`output-unreachable`",
        "http://HOST:9",
        "- output: webhook (--output)",
    ):
        assert part in text
    assert "INFO    Joined the meter" in text, "the log is there"
    for secret in (*SECRETS, SERIAL, MAC, "127.0.0.1"):
        assert secret.lower() not in text.lower()
    assert re.search(r"000016-\d{10}\b", text), "the maker stays, with a made-up number"
    assert str(Path.home()) not in text


def test_a_report_does_not_overwrite(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "report.md"
    path.write_text("mine")
    code, out, err = doctor(capsys, "--port", EMULATOR, "--report", str(path))
    assert (code, out, path.read_text()) == (3, "", "mine")
    assert "Give another name." in err


def test_what_is_private_is_the_same_wherever_it_stands() -> None:
    finding = found("join-wifi", interface="eth0", private=("fe80::1234:5678", "A00B123456"))
    hidden = Hidden([finding], None)
    shown = hidden("A00B123456 at fe80::1234:5678, FE80:0000:0000:0000:021C:6400:0000:0001; again A00B123456 there")
    number = shown.split()[0]
    assert re.fullmatch(r"\d{10}", number)
    assert shown == f"{number} at fe80::1, FE80:0000:0000:0000:021C:64A0:0000:0001; again {number} there"


def test_hosts_and_homes_are_nobody_s_where_no_url_tells_them_either() -> None:
    hidden = Hidden([], None)
    said = "https://meter.house.example:8443/x: certificate is not valid for 'meter.house.example'; /home/taro/a.csv"
    assert hidden(said) == "https://HOST:8443/x: certificate is not valid for 'HOST'; ~/a.csv"


def test_no_serial_number_stays_whatever_tells_it() -> None:
    hidden = Hidden([], None)
    told = (
        "port: wifi:wlan0?meter=A00B12, /dev/serial/by-id/usb-FTDI_FT232R_USB_UART_AB0PQRS-if00-port0;"
        " the meter A00B123457 did not answer; these did: A00B123458, 000012345678. Using A00B123458;"
        "メーターA00B123459は応答しません。free_bytes=79798362112"
    )
    shown = hidden(told)
    assert not re.search("A00B|AB0PQRS|000012345678", shown)
    assert "usb-FTDI_FT232R_USB_UART_" in shown
    assert shown.endswith("free_bytes=79798362112")
    said = "BP35A1 or RL7023 Stick-D/IPS, 115200 bit/s, at 2026-11-23T04:21:53, PAN 8888, 4725 of 4752, SHF_0123"
    assert hidden(said) == said


def test_the_report_on_the_service_has_its_settings(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "etc").mkdir()
    (tmp_path / "state").mkdir()
    (tmp_path / "etc/credentials").mkdir()
    (tmp_path / "etc/credentials/webhook_headers").write_text("X-Key: hunter22")
    config = tmp_path / "etc/config.toml"
    config.write_text(f'port = "{EMULATOR}"\ndatabase = "{tmp_path}/state/hems.db"\ninterval = 77\n', encoding="utf-8")
    monkeypatch.setattr(settings, "SYSTEM_CONFIG", config)
    monkeypatch.setattr(settings, "SERVICE_CREDENTIALS", tmp_path / "etc/credentials")
    monkeypatch.chdir(tmp_path / "etc")
    assert doctor(capsys, "--config", "config.toml", "--report", str(tmp_path / "report.md"))[0] == 0
    report = (tmp_path / "report.md").read_text(encoding="utf-8")
    assert "- interval: 77 (" in report
    assert "- webhook_headers: set (credential of systemd)" in report
    assert "hunter22" not in report


# --- the texts --------------------------------------------------------------------------------------------------------


def test_every_finding_has_what_it_needs() -> None:
    for kind in KINDS.values():
        assert kind.what
        troubled = kind.state in (State.WARNING, State.FAILED)
        assert troubled == bool(kind.remedy), kind.key
        assert (kind.state is State.FAILED) == bool(kind.exit_code), kind.key


def test_a_word_that_is_not_known_is_no_reason_to_stop() -> None:
    assert found("port-denied", port="/dev/ttyUSB0").cause.startswith("It belongs to the group ?, and")


def finding(state: State, what: str = "x", remedy: str = "y") -> Finding:
    return Finding(key="k", step="scan", state=state, what=what, remedy=remedy)


@pytest.mark.parametrize(
    ("states", "lines"),
    [
        ((State.OK, State.SKIPPED), ["Everything works."]),
        ((State.OK, State.WARNING), ["It works. 1 warning above is worth a look."]),
        ((State.WARNING, State.WARNING), ["It works. 2 warnings above are worth a look."]),
        ((State.WARNING, State.FAILED), ["1 thing does not work: x", "Do this, then run this again: y"]),
        (
            (State.FAILED, State.FAILED),
            ["2 things do not work. The first: x", "Do this, then run this again: y"],
        ),
    ],
)
def test_the_end_says_what_to_do(states: tuple[State, ...], lines: list[str]) -> None:
    assert conclusion([finding(state) for state in states]) == lines


@pytest.mark.usefixtures("terminal")
def test_on_a_terminal_lines_are_broken_below_the_text(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "70")
    Shown().show(finding(State.FAILED, "word " * 20, "deed"))
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("FAILED   scan          word word")
    assert len(lines) > 3
    assert {line[:23] for line in lines[1:]} == {" " * 23}
    assert lines[-1].strip() == "what to do: deed"
    assert max(map(len, lines)) <= 70


# --- the end ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_it_cleanly_and_the_report_is_there(number: signal.Signals, code: int, tmp_path: Path) -> None:
    report = tmp_path / "report.md"
    words = ["doctor", "--port", "emulator:?join=3600", "--report", str(report)]
    with subprocess.Popen(
        [sys.executable, "-m", "hems_data_collector", *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=os.environ | {"STATE_DIRECTORY": str(tmp_path)},
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # a suite in the background ignores it
    ) as process:
        assert process.stdout is not None
        while "modem" not in process.stdout.readline():
            pass
        process.send_signal(number)
        _, err = process.communicate(timeout=20)
    assert (process.returncode, err) == (code, "")
    assert "`modem`" in report.read_text(encoding="utf-8")
