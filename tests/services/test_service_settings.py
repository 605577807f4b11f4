"""The settings of the service: what is asked, what is written, and that no secret stands in the settings file."""

from __future__ import annotations

import os
import subprocess
import sys
import tomllib
from collections.abc import Mapping
from pathlib import Path

import pytest

from support import terminal

SCRIPT = Path(__file__).parents[2] / "packaging/service_settings.py"
ROUTE_B_ID, PASSWORD = "00112233445566778899AABBCCDDEEFF", "0123456789AB"
PAIR = {"B_ROUTE_ID": ROUTE_B_ID, "B_ROUTE_PASSWORD": PASSWORD}
STATE = "/var/lib/hems-data-collector"
LIMIT_S = 30.0


@pytest.fixture(autouse=True)
def no_language(monkeypatch: pytest.MonkeyPatch) -> None:
    """A language in the environment would be a setting among the others; English is that of the locale."""
    monkeypatch.delenv("HEMS_LANG")


def settings(*words: object, environ: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """Run the script where nobody can be asked."""
    return subprocess.run(
        [sys.executable, SCRIPT, *map(str, words)],
        env={**os.environ, **(environ or {})},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
    )


def ask(stage: Path, *words: object, environ: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    done = settings("ask", "--into", stage, *words, environ=environ)
    assert done.returncode == 0, done.stderr
    return done


def config(stage: Path) -> dict[str, object]:
    return tomllib.loads((stage / "config.toml").read_text(encoding="utf-8"))


def credential(stage: Path, name: str) -> str:
    return (stage / "credentials" / name).read_text(encoding="utf-8").strip()


# --- without questions ------------------------------------------------------------------------------------------------


def test_flags_and_variables_answer_everything(tmp_path: Path) -> None:
    ask(tmp_path / "s", "--yes", "--port", "/dev/ttyUSB1", "-o", "file", "webhook", "-f", "csv", environ=PAIR)
    assert config(tmp_path / "s") == {
        "port": "/dev/ttyUSB1",
        "output": ["file", "webhook"],
        "format": "csv",
        "file": f"{STATE}/hems_data.dat",
        "database": f"{STATE}/hems.db",
    }
    assert (credential(tmp_path / "s", "b_route_id"), credential(tmp_path / "s", "b_route_password")) == (
        ROUTE_B_ID,
        PASSWORD,
    )
    assert settings("check", tmp_path / "s").returncode == 0


def test_secrets_of_outputs_do_not_stand_in_the_settings_file(tmp_path: Path) -> None:
    secret = f"whsec_{'QUJD' * 10}"
    headers = "Authorization: Bearer abc123\nX-House: 7"
    environ = {**PAIR, "WEBHOOK_SECRET": secret, "WEBHOOK_HEADERS": headers}
    ask(tmp_path / "s", "--yes", "--port", "emulator:", "-o", "webhook", environ=environ)
    text = (tmp_path / "s/config.toml").read_text(encoding="utf-8")
    assert all(word not in text for word in (secret, "abc123", ROUTE_B_ID, PASSWORD))
    assert credential(tmp_path / "s", "webhook_secret") == secret
    assert credential(tmp_path / "s", "webhook_headers") == headers
    assert settings("check", tmp_path / "s").returncode == 0


def test_a_key_file_becomes_a_credential(tmp_path: Path) -> None:
    (tmp_path / "key.json").write_text("{}", encoding="utf-8")
    ask(
        tmp_path / "s",
        *("--yes", "--port", "emulator:", "-o", "gcloud", "--gcp-project", "my-project"),
        *("--gcp-credentials", tmp_path / "key.json"),
    )
    loaded = "/run/credentials/hems-data-collector.service/hems_gcp_credentials"
    assert config(tmp_path / "s")["gcp_credentials"] == loaded
    assert credential(tmp_path / "s", "gcp_credentials") == "{}"
    assert settings("extras", tmp_path / "s").stdout.split() == ["gcloud"]


def test_without_a_stick_the_emulator_needs_no_credentials(tmp_path: Path) -> None:
    ask(tmp_path / "s", "--yes", "--port", "emulator:?fast=1")
    assert credential(tmp_path / "s", "b_route_id") == "0" * 32
    assert settings("check", tmp_path / "s").returncode == 0


@pytest.mark.parametrize(
    ("words", "environ", "said"),
    [
        (("--port", "/dev/ttyUSB0"), {}, "B_ROUTE_ID is not known."),
        (("--port", "/dev/ttyUSB0"), {**PAIR, "B_ROUTE_ID": "0" * 32}, "not configured"),
        (("--port", "/dev/ttyUSB0"), {**PAIR, "B_ROUTE_ID": "1234"}, "B_ROUTE_ID has 4 characters"),
        (("--port", "emulater:"), PAIR, '--port: The scheme "emulater:" of the port is not known.'),
        (("--port", "emulator:", "-o", "fille"), {}, '--output: "fille" is not possible here.'),
        (("--port", "emulator:", "--local-timezone", "Asia/Tokio"), {}, 'Did you mean "Asia/Tokyo"?'),
        (("--port", "emulator:", "--webhook-url", "nowhere", "-o", "webhook"), {}, "--webhook-url"),
    ],
)
def test_a_bad_answer_is_named_and_nothing_is_written(
    words: tuple[str, ...], environ: dict[str, str], said: str, tmp_path: Path
) -> None:
    done = settings("ask", "--into", tmp_path / "s", "--yes", *words, environ=environ)
    assert done.returncode == 3
    assert said in done.stderr
    assert PASSWORD not in done.stderr
    assert not (tmp_path / "s").exists()


def test_what_only_the_program_can_know_is_checked_by_it(tmp_path: Path) -> None:
    ask(tmp_path / "s", "--yes", "--port", "emulator:", "--schedule", "every morning")
    done = settings("check", tmp_path / "s")
    assert done.returncode == 3
    assert "schedule" in done.stderr


# --- what is there already --------------------------------------------------------------------------------------------


def installed(folder: Path, text: str) -> Path:
    """Settings in force, with credentials beside them."""
    (folder / "credentials").mkdir(parents=True)
    (folder / "credentials/b_route_id").write_text(ROUTE_B_ID, encoding="utf-8")
    (folder / "credentials/b_route_password").write_text(PASSWORD, encoding="utf-8")
    (folder / "credentials/annex_id").write_text(ROUTE_B_ID, encoding="utf-8")
    (folder / "config.toml").write_text(text, encoding="utf-8")
    return folder / "config.toml"


OWN = """\
# my house
port = "/dev/ttyUSB0"   # the blue one
output = [
    "file",     # for the spreadsheet
]
file = "/srv/power.csv"
interval = 60
mode = "interval"
database = "/srv/hems.db"
half_hours = true
"""


def test_a_second_time_nothing_changes(tmp_path: Path) -> None:
    existing = installed(tmp_path / "etc", OWN)
    ask(tmp_path / "s", "--existing", existing, "--yes")
    assert (tmp_path / "s/config.toml").read_text(encoding="utf-8") == OWN
    kept = {path.name: path.read_text(encoding="utf-8").strip() for path in (tmp_path / "s/credentials").iterdir()}
    assert kept == {"b_route_id": ROUTE_B_ID, "b_route_password": PASSWORD, "annex_id": ROUTE_B_ID}


def test_only_what_changes_is_written_anew(tmp_path: Path) -> None:
    existing = installed(tmp_path / "etc", OWN)
    ask(tmp_path / "s", "--existing", existing, "--changes-only", "-o", "file", "webhook", "--interval", "90")
    text = (tmp_path / "s/config.toml").read_text(encoding="utf-8")
    assert text.startswith('# my house\nport = "/dev/ttyUSB0"   # the blue one\noutput = ["file", "webhook"]\n')
    assert {**config(tmp_path / "s"), "output": ["file"], "interval": 60} == tomllib.loads(OWN)
    assert settings("paths", tmp_path / "s").stdout.split() == ["/srv"]


def test_the_environment_of_an_update_changes_nothing(tmp_path: Path) -> None:
    existing = installed(tmp_path / "etc", OWN)
    ask(tmp_path / "s", "--existing", existing, "--changes-only", environ={"SERIAL_PORT": "/dev/ttyUSB9"})
    assert config(tmp_path / "s") == tomllib.loads(OWN)


def test_all_outputs_can_be_taken_away(tmp_path: Path) -> None:
    existing = installed(tmp_path / "etc", OWN)
    ask(tmp_path / "s", "--existing", existing, "--changes-only", "-o", "none")
    assert config(tmp_path / "s")["output"] == []


def test_the_table_of_each_meter_stays_as_it_is(tmp_path: Path) -> None:
    meters = (
        '\n[[meters]]\nname = "house"\nport = "emulator:"  # ours\n\n[[meters]]\nname = "annex"\nport = "emulator:"\n'
    )
    existing = installed(tmp_path / "etc", f'mode = "interval"\n{meters}')
    ask(tmp_path / "s", "--existing", existing, "--changes-only", "-o", "stdout")
    text = (tmp_path / "s/config.toml").read_text(encoding="utf-8")
    assert text.endswith(meters)
    assert text.startswith('mode = "interval"\noutput = ["stdout"]\n')


def test_a_whole_settings_file_is_taken_over_without_its_secrets(tmp_path: Path) -> None:
    own = tmp_path / "mine.toml"
    own.write_text(f'b_route_id = "{ROUTE_B_ID}"\nb_route_password = "{PASSWORD}"\n{OWN}', encoding="utf-8")
    ask(tmp_path / "s", "--config", own, "--yes")
    assert (tmp_path / "s/config.toml").read_text(encoding="utf-8") == OWN
    assert credential(tmp_path / "s", "b_route_password") == PASSWORD


def test_the_env_file_of_the_current_folder_counts(tmp_path: Path) -> None:
    lines = [f"{name}={text}" for name, text in {**PAIR, "SERIAL_PORT": "/dev/ttyACM0"}.items()]
    Path(".env").write_text("\n".join(lines), encoding="utf-8")
    ask(tmp_path / "s", "--yes")
    assert config(tmp_path / "s")["port"] == "/dev/ttyACM0"
    assert credential(tmp_path / "s", "b_route_id") == ROUTE_B_ID


# --- with questions ---------------------------------------------------------------------------------------------------


def answered(stage: Path, *answers: str, words: tuple[str, ...] = ()) -> tuple[int, str]:
    """Run the script on a terminal and type `answers`; the exit code and what the terminal shows."""
    return terminal.answered([sys.executable, SCRIPT, "ask", "--into", stage, *words], answers)


def test_every_question_is_asked_and_a_bad_answer_asked_for_again(tmp_path: Path) -> None:
    code, shown = answered(
        tmp_path / "s",
        *("/dev/ttyUSB7", "115201", "57600", "tooshort", ROUTE_B_ID, PASSWORD),
        *("file webhook", "csv", "", "https://example.com/power", "Authorization: Bearer abc123", "", ""),
    )
    assert code == 0, shown
    assert config(tmp_path / "s") == {
        "port": "/dev/ttyUSB7",
        "baudrate": 57600,
        "output": ["file", "webhook"],
        "format": "csv",
        "file": f"{STATE}/hems_data.dat",
        "webhook_url": "https://example.com/power",
        "database": f"{STATE}/hems.db",
    }
    assert credential(tmp_path / "s", "b_route_id") == ROUTE_B_ID
    assert credential(tmp_path / "s", "webhook_headers") == "Authorization: Bearer abc123"
    for secret in (ROUTE_B_ID, PASSWORD, "abc123"):
        assert secret not in shown
    assert "115201" in shown
    assert "B_ROUTE_ID has 8 characters" in shown


def test_a_question_answered_by_a_flag_is_not_asked(tmp_path: Path) -> None:
    code, shown = answered(tmp_path / "s", "none", "", words=("--port", "emulator:"))
    assert code == 0, shown
    assert "Port [" not in shown
    assert "Outputs [none]" in shown
    assert config(tmp_path / "s") == {"port": "emulator:", "output": [], "database": f"{STATE}/hems.db"}
