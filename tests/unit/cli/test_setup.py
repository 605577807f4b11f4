"""`setup`: what it asks, what it writes and what it leaves alone; tests/services has it on a real terminal."""

from __future__ import annotations

import getpass
import os
import shlex
import stat
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from hems_data_collector.cli import doctor, main, questions, setup
from hems_data_collector.link.plugged import Plugged

ROUTE_B_ID, PASSWORD = "00112233445566778899AABBCCDDEEFF", "0123456789AB"
PAIR = {"B_ROUTE_ID": ROUTE_B_ID, "B_ROUTE_PASSWORD": PASSWORD}
STICK = Plugged(path="/dev/ttyUSB0", by_id="/dev/serial/by-id/usb-A", vendor_id="0403", possible=("ROHM BP35C2",))
BOARD = Plugged(path="/dev/ttyS0", by_id=None)

Answering = Callable[..., list[str]]


@pytest.fixture
def config() -> Path:
    """Where the settings file of this user belongs."""
    return Path.cwd() / ".config/hems-data-collector/config.toml"


@pytest.fixture(autouse=True)
def machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """One stick and a port of the board; no language among the settings; nothing is tried."""
    monkeypatch.delenv("HEMS_LANG")
    monkeypatch.setattr(questions, "plugged_in", lambda: (STICK, BOARD))
    monkeypatch.setattr(doctor, "run", lambda arguments: 0)


@pytest.fixture
def person(monkeypatch: pytest.MonkeyPatch) -> Answering:
    """Gives answers to the questions, which are returned as they were asked; the last one is Ctrl-D."""

    def answers(*texts: str) -> list[str]:
        asked: list[str] = []
        left: Iterator[str] = iter(texts)

        def typed(question: str) -> str:
            asked.append(question)
            try:
                text = next(left)
            except StopIteration:
                raise EOFError from None
            if text == "^C":
                raise KeyboardInterrupt
            return text

        monkeypatch.setattr(setup, "terminal", lambda: True)
        monkeypatch.setattr("builtins.input", typed)
        monkeypatch.setattr(getpass, "getpass", typed)
        return asked

    return answers


def written(path: Path) -> dict[str, object]:
    return tomllib.loads(path.read_text(encoding="utf-8"))


def everything(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if not path.is_dir()]


# --- without questions ------------------------------------------------------------------------------------------------


def test_flags_and_variables_answer_everything(config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, text in {**PAIR, "WEBHOOK_SECRET": f"whsec_{'QUJD' * 10}", "PUBSUB_EMULATOR_HOST": "x:1"}.items():
        monkeypatch.setenv(name, text)
    words = ("--port", "/dev/ttyUSB1", "-o", "file", "webhook", "-f", "csv", "--file", "power.csv", "--half-hours")
    assert main(["setup", "--yes", *words]) == 0
    assert written(config) == {
        "output": ["file", "webhook"],
        "format": "csv",
        "port": "/dev/ttyUSB1",
        "half_hours": True,
        "file": f"{Path.cwd()}/power.csv",
        "webhook_secret": f"whsec_{'QUJD' * 10}",
        "b_route_id": ROUTE_B_ID,
        "b_route_password": PASSWORD,
    }


def test_only_its_owner_may_read_the_file(config: Path) -> None:
    assert main(["setup", "--yes", "--port", "emulator:"]) == 0
    assert stat.S_IMODE(config.stat().st_mode) == 0o600
    assert stat.S_IMODE(config.parent.stat().st_mode) == 0o700


def test_the_only_stick_is_taken_and_a_port_of_the_board_is_none(config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, text in PAIR.items():
        monkeypatch.setenv(name, text)
    assert main(["setup", "--yes"]) == 0
    assert written(config)["port"] == STICK.by_id


@pytest.mark.parametrize(
    ("words", "environ", "said"),
    [
        (("--port", "/dev/ttyUSB0"), {}, "B_ROUTE_ID is not known."),
        (("--port", "/dev/ttyUSB0"), {**PAIR, "B_ROUTE_ID": "1234"}, "B_ROUTE_ID has 4 characters"),
        (("--port", "emulater:"), PAIR, 'The scheme "emulater:" of the port is not known.'),
        (("--port", "emulator:", "--schedule", "every morning"), {}, "schedule"),
        (("--port", "emulator:", "-o", "gcloud"), {}, "your-project-id"),
        (("--port", "emulator:", "--config", "/dev/null/config.toml"), {}, "cannot be written"),
        (("--port", "emulator:", "--config", "/"), {}, "cannot be written"),
    ],
)
def test_a_bad_answer_is_named_and_nothing_is_written(
    words: tuple[str, ...],
    environ: dict[str, str],
    said: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    for name, text in environ.items():
        monkeypatch.setenv(name, text)
    assert main(["setup", "--yes", *words]) == 3
    out, err = capsys.readouterr()
    assert said in err
    assert PASSWORD not in out + err
    assert everything(Path.cwd()) == []


def test_where_nobody_can_be_asked_it_says_how_to_do_without(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["setup"]) == 3
    assert "--yes" in capsys.readouterr().err
    assert everything(Path.cwd()) == []


def test_what_it_wrote_is_tried_and_the_verdict_is_the_exit_code(
    config: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    tried: list[str] = []

    def run(arguments: object) -> int:
        tried.append(arguments.config)  # type: ignore[attr-defined]  # a Namespace
        return 5

    monkeypatch.setattr(doctor, "run", run)
    assert main(["setup", "--yes", "--port", "emulator:"]) == 5
    assert tried == [str(config)]
    assert "Start it" not in capsys.readouterr().out
    assert main(["setup", "--yes", "--no-test"]) == 0
    assert tried == [str(config)]


def test_a_number_that_stands_for_nothing_is_asked_for_again(
    config: Path, person: Answering, capsys: pytest.CaptureFixture[str]
) -> None:
    person("3", "0", "2", ROUTE_B_ID, PASSWORD, "", "", "")
    assert main(["setup", "--no-test"]) == 0
    assert written(config)["port"] == BOARD.path
    said = capsys.readouterr().err
    assert "Nothing in the list has the number 3." in said
    assert "Nothing in the list has the number 0." in said


# --- what is there already --------------------------------------------------------------------------------------------

OWN = """\
# my house
port = "emulator:"   # to try
output = ["file"]
file = "/srv/power.csv"
interval = 60
mode = "interval"
webhook_secret = "whsec_QUJDQUJDQUJDQUJDQUJDQUJDQUJDQUJD"
"""


def put(config: Path, text: str) -> None:
    config.parent.mkdir(parents=True, exist_ok=True)
    config.write_text(text, encoding="utf-8")


def test_a_second_time_nothing_changes(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    put(config, OWN)
    assert main(["setup", "--yes"]) == 0
    assert config.read_text(encoding="utf-8") == OWN
    assert everything(config.parent) == [config]
    assert "Unchanged" in capsys.readouterr().out


def test_each_change_keeps_a_copy_of_the_file_from_before(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    put(config, OWN)
    assert main(["setup", "--yes", "--interval", "90"]) == 0
    changed = OWN.replace("60", "90")
    assert config.read_text(encoding="utf-8") == changed
    assert main(["setup", "--yes", "--webhook-secret", f"whsec_{'QkJC' * 8}"]) == 0
    copies = [config.with_name(f"config.toml.old{number}") for number in (1, 2)]
    assert [copy.read_text(encoding="utf-8") for copy in copies] == [OWN, changed]
    assert {stat.S_IMODE(copy.stat().st_mode) for copy in copies} == {0o600}
    out = capsys.readouterr().out
    assert "interval: 60 -> 90" in out
    assert "webhook_secret: **** -> ****" in out
    assert "QkJC" not in out


def test_the_table_of_each_meter_stays_as_it_is(config: Path) -> None:
    meters = '\n[[meters]]\nname = "a"\nport = "emulator:"  # mine\n\n[[meters]]\nname = "b"\nport = "emulator:?x=1"\n'
    put(config, f'format = "csv"\n{meters.replace("?x=1", "?seed=1")}')
    assert main(["setup", "--yes", "-o", "stdout"]) == 0
    text = config.read_text(encoding="utf-8")
    assert text.endswith(meters.replace("?x=1", "?seed=1"))
    assert text.startswith('format = "csv"\noutput = ["stdout"]\n')


def test_a_file_that_cannot_be_read_is_left_alone(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    put(config, "port = /dev/ttyUSB0\n")
    assert main(["setup", "--yes", "--port", "emulator:"]) == 3
    assert str(config) in capsys.readouterr().err
    assert config.read_text(encoding="utf-8") == "port = /dev/ttyUSB0\n"


def test_what_is_stronger_than_the_file_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    Path(".env").write_text("SERIAL_PORT=/dev/ttyUSB9\n", encoding="utf-8")
    assert main(["setup", "--yes", "--port", "emulator:"]) == 0
    assert "SERIAL_PORT in the environment or in .env wins over port" in capsys.readouterr().err


def test_the_settings_of_the_service_are_for_its_installer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    service = tmp_path / "config.toml"
    service.touch()
    monkeypatch.setattr(setup, "SYSTEM_CONFIG", service)
    for words in ((), ("--config", str(service))):
        assert main(["setup", "--yes", "--port", "emulator:", *words]) == 3
        assert "service-manager.sh update --ask" in capsys.readouterr().err
    assert main(["setup", "--yes", "--port", "emulator:", "--config", "mine.toml"]) == 0
    assert written(Path("mine.toml"))["port"] == "emulator:"


def test_what_is_to_be_typed_next_can_be_typed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "my house.toml"
    assert main(["setup", "--yes", "--no-test", "--port", "emulator:", "--config", str(path)]) == 0
    *_, start, service = capsys.readouterr().out.splitlines()
    assert shlex.split(start)[-2:] == ["--config", str(path)]
    assert shlex.split(service)[-2:] == ["--config", str(path)]


# --- with questions ---------------------------------------------------------------------------------------------------


def test_every_question_is_asked_and_a_bad_answer_asked_for_again(
    config: Path, person: Answering, capsys: pytest.CaptureFixture[str]
) -> None:
    person(
        *("nowhere:", "1", "short", ROUTE_B_ID, PASSWORD, "always", "60", "file webhook", "csv", "x.dat"),
        *("https://example.com/power", "Authorization: Bearer abc123", "", "Asia/Tokio", "", "maybe", "no"),
    )
    assert main(["setup"]) == 0
    assert written(config) == {
        "output": ["file", "webhook"],
        "format": "csv",
        "port": STICK.by_id,
        "mode": "interval",
        "interval": 60,
        "file": f"{Path.cwd()}/x.dat",
        "webhook_url": "https://example.com/power",
        "webhook_headers": ["Authorization: Bearer abc123"],
        "b_route_id": ROUTE_B_ID,
        "b_route_password": PASSWORD,
    }
    out, err = capsys.readouterr()
    assert f"  1  {STICK.by_id}  -> {STICK.path}" in out
    for said in ("B_ROUTE_ID has 5 characters", '"always"', "Asia/Tokyo", '"maybe" is neither yes nor no'):
        assert said in err
    for secret in (ROUTE_B_ID, PASSWORD, "abc123"):
        assert secret not in out + err


def test_present_values_are_the_defaults(config: Path, person: Answering) -> None:
    put(config, OWN.replace('"emulator:"', '"/dev/ttyUSB4"') + f'b_route_id = "{ROUTE_B_ID}"\nbaudrate = 57600\n')
    os.environ["B_ROUTE_PASSWORD"] = PASSWORD
    try:
        asked = person(*[""] * 12)
        assert main(["setup"]) == 0
    finally:
        del os.environ["B_ROUTE_PASSWORD"]
    shown = [question.rpartition("[")[2].rstrip("]: ") for question in asked if question.endswith("]: ")]
    assert shown == ["/dev/ttyUSB4", "57600", "60", "file", "json", "/srv/power.csv", "Asia/Tokyo", "yes", "yes"]
    assert sum("empty keeps the one there is" in question for question in asked) == 2
    assert written(config)["b_route_password"] == PASSWORD


def test_a_stick_is_the_default_and_no_speed_is_asked_for(config: Path, person: Answering) -> None:
    asked = person("", ROUTE_B_ID, PASSWORD, "", "", "", "no")
    assert main(["setup"]) == 0
    assert set(written(config)) == {"port", "output", "b_route_id", "b_route_password"}
    assert asked[0] == f"Port [{STICK.by_id}]: "
    assert not any("Baud" in question for question in asked)


def test_an_answer_given_by_flag_is_not_asked_for(config: Path, person: Answering) -> None:
    asked = person("", "no")
    assert main(["setup", "--port", "emulator:", "-o", "none", "--schedule", "*/10 * * * *"]) == 0
    assert asked == ["Time zone of the meter [Asia/Tokyo]: ", "Try everything now? It takes a minute or two [yes]: "]
    assert written(config) == {"port": "emulator:", "output": [], "schedule": "*/10 * * * *"}


def test_a_schedule_takes_the_place_of_an_interval(config: Path, person: Answering) -> None:
    put(config, OWN)
    person("", "0 * * * *", "", "", "", "", "", "no")
    assert main(["setup"]) == 0
    found = written(config)
    assert (found["mode"], found["schedule"], found["interval"]) == ("schedule", "0 * * * *", 60)


def test_what_only_all_answers_together_show_is_asked_for_once_more(
    config: Path, person: Answering, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = person("emulator:", "", "gcloud", *("", "", "", "", ""), "", "", "", "my-project", *[""] * 4, "no")
    assert main(["setup"]) == 0
    assert asked.count("Outputs [gcloud]: ") == 1
    assert "your-project-id" in capsys.readouterr().err
    assert written(config)["gcp_project"] == "my-project"


def test_who_does_not_agree_keeps_the_file(config: Path, person: Answering) -> None:
    put(config, OWN)
    asked = person("", "90", *[""] * 4, "no")
    assert main(["setup"]) == 3
    assert asked[-1].startswith("Write it?")
    assert config.read_text(encoding="utf-8") == OWN
    assert everything(config.parent) == [config]


@pytest.mark.parametrize("answers", [(), ("emulator:",), ("emulator:", "", "file")])
@pytest.mark.parametrize(("end", "code"), [((), 3), (("^C",), 130)])
def test_whoever_goes_away_leaves_nothing_half_written(
    answers: tuple[str, ...], end: tuple[str, ...], code: int, person: Answering, capsys: pytest.CaptureFixture[str]
) -> None:
    person(*answers, *end)
    assert main(["setup"]) == code
    out, err = capsys.readouterr()
    assert "nothing was written" in out + err
    assert everything(Path.cwd()) == []


def test_a_full_disk_leaves_the_file_as_it_was(
    config: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    put(config, OWN)

    replace = os.replace

    def full(source: str, target: Path) -> None:
        if target.parent == config.parent:
            raise OSError(28, "No space left on device")
        replace(source, target)

    monkeypatch.setattr(os, "replace", full)
    assert main(["setup", "--yes", "--interval", "90"]) == 3
    assert "No space left on device" in capsys.readouterr().err
    assert config.read_text(encoding="utf-8") == OWN
    assert everything(config.parent) == [config]


def test_the_file_is_on_the_disk_before_it_takes_the_place_of_the_old_one(
    config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(config, OWN)
    steps: list[str] = []
    fsync, replace = os.fsync, os.replace

    def synced(descriptor: int) -> None:
        steps.append("fsync")
        fsync(descriptor)

    def replaced(source: str, target: Path) -> None:
        steps.append(target.name)
        replace(source, target)

    monkeypatch.setattr(os, "fsync", synced)
    monkeypatch.setattr(os, "replace", replaced)
    assert main(["setup", "--yes", "--interval", "90"]) == 0
    assert steps[-4:] == ["fsync", "config.toml.old1", "fsync", "config.toml"]
