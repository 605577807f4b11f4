"""`config check` and `config show`: what is wrong, what each value is, where it comes from, and never a secret."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

import pytest

from hems_data_collector.cli import main
from hems_data_collector.settings_table import settings_table

ROUTE_B_ID, PASSWORD = "00112233445566778899AABBCCDDEEFF", "0123456789AB"
SECRET = f"whsec_{'QUJD' * 10}"
TWO_METERS = """\
interval = 90
[[meters]]
name = "house"
port = "emulator:?id=MYSECRETWORD"
[[meters]]
name = "annex"
port = "emulator:"
mode = "interval"
"""


@pytest.fixture
def config(monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the settings file of this user stands."""
    path = Path.cwd() / ".config/hems-data-collector/config.toml"
    path.parent.mkdir(parents=True)
    return path


def write(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8")
    path.chmod(0o600)


def files() -> set[Path]:
    """Everything that is in the home folder."""
    return {path for path in Path.cwd().rglob("*") if path.is_file()}


# --- check ------------------------------------------------------------------------------------------------------------


def test_good_settings_are_told_in_short_and_nothing_is_made(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(config, f'b_route_id = "{ROUTE_B_ID}"\nb_route_password = "{PASSWORD}"\noutput = ["file", "webhook"]\n')
    before = files()
    assert main(["config", "check", "--port", "/dev/ttyUSB7"]) == 0
    out, err = capsys.readouterr()
    assert out.splitlines() == [
        "The settings are good.",
        "  meter: port /dev/ttyUSB7, schedule */5 * * * *",
        "  outputs: file, webhook",
        f"  database: {Path.cwd()}/.local/state/hems-data-collector/hems.db",
    ]
    assert err == ""
    assert files() == before


def test_every_meter_is_told(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(config, TWO_METERS)
    assert main(["config", "check"]) == 0
    out = capsys.readouterr().out
    assert "meter: house, port emulator:?id=****, schedule */5 * * * *" in out
    assert "meter: annex, port emulator:, every 90 s" in out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "B_ROUTE_ID is not configured."),
        (("--port", "emulator:", "--schedule", "often"), "--schedule"),
        (("--port", "emulator:", "-o", "gcloud"), "your-project-id"),
        (("--port", "emulator:", "-o", "file", "--file", "/no/such/folder/x.dat"), "/no/such/folder/x.dat"),
        (("--port", "emulator:", "--config", "/none.toml"), "/none.toml"),
    ],
)
def test_what_the_collector_would_refuse_is_refused(
    words: tuple[str, ...], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["config", "check", *words]) == 3
    out, err = capsys.readouterr()
    assert (out, said in err) == ("", True)
    assert files() == set()


def test_what_is_probably_not_meant_is_noted(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(config, f'b_route_id = "{ROUTE_B_ID}"\nport = "emulator:"\nb_route_password = "{PASSWORD}"\n')
    config.chmod(0o644)
    assert main(["config", "check", "--interval", "9"]) == 0
    err = capsys.readouterr().err
    assert "chmod 600" in err
    assert "--interval (the mode is schedule)" in err


def test_programs_learn_what_is_wrong(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["config", "check", "--json"]) == 3
    told = json.loads(capsys.readouterr().out)
    assert (told["ok"], told["error"]["setting"]) == (False, "b_route_id")
    assert main(["config", "check", "--json", "--port", "emulator:"]) == 0
    assert json.loads(capsys.readouterr().out) == {"ok": True, "error": None, "warnings": [], "notes": []}


# --- show -------------------------------------------------------------------------------------------------------------


def shown(capsys: pytest.CaptureFixture[str], *words: str, code: int = 0) -> dict[str, tuple[object, str, str]]:
    """Value, origin and source of every setting."""
    assert main(["config", "show", "--json", *words]) == code
    told = json.loads(capsys.readouterr().out)
    return {each["name"]: (each["value"], each["origin"], each["source"]) for each in told["settings"]}


def test_each_value_has_its_source(
    config: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    write(config, 'port = "/dev/ttyUSB3"\nformat = "csv"\noutput = ["file"]\n')
    Path(".env").write_text("SERIAL_RATE=57600\nSERIAL_PORT=/dev/ttyUSB2\n", encoding="utf-8")
    monkeypatch.setenv("SERIAL_PORT", "/dev/ttyUSB1")
    monkeypatch.setenv("B_ROUTE_ID", ROUTE_B_ID)
    secret = tmp_path / "password"
    secret.write_text(PASSWORD, encoding="utf-8")
    monkeypatch.setenv("B_ROUTE_PASSWORD_FILE", str(secret))
    found = shown(capsys, "-i", "60")
    assert set(found) == {row.name for row in settings_table()} - {"config"}
    assert found["port"] == ("/dev/ttyUSB1", "environment", "environment variable SERIAL_PORT")
    assert found["baudrate"] == ("57600", "dotenv", f"{Path.cwd()}/.env, SERIAL_RATE")
    assert found["format"] == ("csv", "file", f"{config}, key format")
    assert found["output"] == (["file"], "file", f"{config}, key output")
    assert found["interval"] == ("60", "flag", "--interval")
    assert found["mode"] == ("schedule", "default", "default")
    assert found["b_route_id"] == ("****", "environment", "environment (B_ROUTE_ID)")
    assert found["b_route_password"] == ("****", "credential", f"credential file {secret}")
    assert found["database"][0] == f"{Path.cwd()}/.local/state/hems-data-collector/hems.db"


def test_secrets_that_systemd_loads_are_known_as_such(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "hems_webhook_secret").write_text(SECRET, encoding="utf-8")
    (tmp_path / "b_route_id").write_text(ROUTE_B_ID, encoding="utf-8")
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    found = shown(capsys, "--port", "emulator:")
    assert found["webhook_secret"] == ("****", "credential", "credential of systemd")
    assert found["b_route_id"] == ("****", "credential", f"credential file {tmp_path}/b_route_id")


@pytest.mark.parametrize("form", [(), ("--json",), ("--toml",)])
def test_no_form_shows_a_secret(
    form: tuple[str, ...], config: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    write(config, f'b_route_id = "{ROUTE_B_ID}"\nb_route_password = "{PASSWORD}"\n{TWO_METERS}')
    monkeypatch.setenv("WEBHOOK_SECRET", SECRET)
    monkeypatch.setenv("WEBHOOK_HEADERS", "Authorization: Bearer abc123;;X-Key: zzz999")
    words = ("-o", "webhook", "--webhook-url", "https://me:mypassword@example.com/hooks/T0KENPATH?t=T0KENQUERY")
    assert main(["config", "show", *form, *words]) == 0
    out, err = capsys.readouterr()
    for secret in (
        ROUTE_B_ID,
        ROUTE_B_ID[-8:],
        PASSWORD,
        SECRET,
        "abc123",
        "zzz999",
        "mypassword",
        "MYSECRETWORD",
        "T0KEN",
    ):
        assert secret not in out + err
    assert "https://me:****@example.com/****" in out
    assert not any(line.startswith("webhook_url =") for line in out.splitlines()), (
        "no settings file with half an address"
    )


def test_bad_settings_are_shown_too_and_told_to_be_bad(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(config, 'port = "emulator:"\nschedule = "now and then"\n')
    assert main(["config", "show"]) == 3
    out, err = capsys.readouterr()
    assert "now and then" in out
    assert "schedule" in err


def test_the_table_names_the_files_and_each_meter(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(config, TWO_METERS)
    assert main(["config", "show"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[:2] == [f"TOML: {config}", ".env: none"]
    first = lines.index(f'{config}, [[meters]] "house"')
    annex = lines.index(f'{config}, [[meters]] "annex"')
    assert ["interval", "90", "config.toml"] in [line.split() for line in lines[first:annex]]
    assert ["mode", "interval", "config.toml,", "[[meters]]"] in [line.split() for line in lines[annex:]]


def test_the_toml_form_is_a_settings_file_with_the_same_meaning(
    config: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    text = 'output = ["file", "webhook"]\nformat = "csv"\nhalf_hours = true\ninterval = 90\nbaudrate = 57600\n'
    write(config, text + '[[meters]]\nname = "house"\nport = "emulator:"\n')
    monkeypatch.setenv("LOCAL_TIMEZONE", "Asia/Seoul")
    monkeypatch.delenv("HEMS_LANG")
    main(["config", "show", "--toml"])
    assert tomllib.loads(capsys.readouterr().out) == {
        **tomllib.loads(config.read_text(encoding="utf-8")),
        "local_timezone": "Asia/Seoul",
    }


@pytest.mark.parametrize("words", [(), ("list",), ("check", "--toml"), ("show", "--toml", "--json")])
def test_what_makes_no_sense_is_a_usage_error(words: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["config", *words]) == 2
    assert "hems-data-collector config" in capsys.readouterr().err
