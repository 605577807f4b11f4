"""Exit codes, and errors for people: what, likely cause, remedy, and never a traceback."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from hems_data_collector import cli, errors
from hems_data_collector.cli import messages
from hems_data_collector.credentials import Secret

ROUTE_B_ID = "00112233445566778899AABBCCDDEEFF"
PASSWORD = "0123456789AB"


def verb_that(action: object, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the verb `read` do `action()`."""
    fake = ModuleType("read")
    fake.add_arguments = lambda parser: parser.add_argument("--debug", action="store_true")  # type: ignore[attr-defined]
    fake.run = lambda arguments: action()  # type: ignore[attr-defined, operator]
    monkeypatch.setitem(sys.modules, "hems_data_collector.cli.read", fake)


def raising(error: BaseException) -> object:
    def action() -> int:
        raise error

    return action


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (errors.ConfigError("bad"), 3),
        (errors.PortDenied("bad"), 4),
        (errors.CommandTimeout("bad"), 4),
        (errors.MeterNotFound("bad"), 5),
        (errors.NoAnswer("bad"), 5),
        (errors.JoinRefused("bad"), 6),
        (errors.StoreError("bad"), 7),
        (errors.FrameError("bad"), 1),
        (RuntimeError("bad"), 70),
        (AssertionError("bad"), 70),
        (OSError(2, "bad"), 70),
        (KeyboardInterrupt(), 130),
        (BrokenPipeError(), 0),
        (SystemExit(), 0),
        (SystemExit(9), 9),
    ],
)
def test_each_error_ends_with_its_code_and_without_traceback(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], error: BaseException, code: int
) -> None:
    monkeypatch.setattr(cli, "_forget_stdout", lambda: None)  # it would take pytest's own standard output
    verb_that(raising(error), monkeypatch)
    assert cli.main(["read"]) == code
    text = capsys.readouterr().err
    assert "Traceback" not in text
    assert ("bad" in text) == (code not in (0, 9, 130))


def test_an_error_is_one_line_in_a_pipe_and_three_on_a_terminal(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    error = errors.ConfigError("It broke.", cause="It was old.", remedy="Buy a new one.")
    messages.show_error(error)
    assert capsys.readouterr().err == "hems-data-collector: It broke. It was old. Buy a new one.\n"
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    messages.show_error(error)
    assert capsys.readouterr().err == (
        "hems-data-collector: It broke.\n  cause:  It was old.\n  remedy: Buy a new one.\n"
    )
    messages.show_error(errors.ConfigError("It broke."))
    assert capsys.readouterr().err == "hems-data-collector: It broke.\n"


def test_errors_and_bugs_are_masked(capsys: pytest.CaptureFixture[str]) -> None:
    messages.hide([Secret(PASSWORD)])
    messages.show_error(errors.PortNotFound(f"No port emulator:?password={PASSWORD}", cause=PASSWORD.encode().hex()))
    messages.show_bug(RuntimeError(PASSWORD), debug=True)
    text = capsys.readouterr().err
    assert PASSWORD not in text
    assert PASSWORD.encode().hex() not in text
    assert "****" in text


def test_a_bug_is_one_line_and_its_traceback_only_with_debug(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    verb_that(raising(ZeroDivisionError("two\nlines")), monkeypatch)
    assert cli.main(["read"]) == 70
    assert capsys.readouterr().err == (
        "hems-data-collector: a bug in the program: ZeroDivisionError: two lines."
        " Please run the same command with --debug, and report what it prints.\n"
    )
    assert cli.main(["read", "--debug"]) == 70
    text = capsys.readouterr().err
    assert text.startswith("Traceback")
    assert "report it with the lines above" in text


def test_a_stderr_that_is_gone_is_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    verb_that(raising(errors.ConfigError("bad")), monkeypatch)
    monkeypatch.setattr(sys, "stderr", None)
    assert cli.main(["read"]) == 3


# ---------------------------------------------------------------- the real program, from outside


def program(
    *argv: str, environ: dict[str, str] | None = None, stdout: int = subprocess.PIPE
) -> subprocess.CompletedProcess[str]:
    """Run the program to its end in the current, empty folder."""
    return subprocess.run(
        [sys.executable, "-m", "hems_data_collector", *argv],
        stdout=stdout,
        stderr=subprocess.PIPE,
        text=True,
        timeout=60,
        env={**os.environ, "B_ROUTE_ID": ROUTE_B_ID, "B_ROUTE_PASSWORD": PASSWORD, **(environ or {})},
        check=False,
    )


@pytest.mark.parametrize(
    ("argv", "environ", "part"),
    [
        (["--schedule", "61 * * * *"], {}, "--schedule"),
        (["-s", "@nightly"], {}, "--schedule"),
        (["--mode", "interval", "-i", "0"], {}, "--interval"),
        (["--local-timezone", "Asia/Tokio"], {}, 'Did you mean "Asia/Tokyo"?'),
        ([], {"LOCAL_TIMEZONE": "Nowhere"}, "environment variable LOCAL_TIMEZONE"),
        (["--meter-channel", "20"], {}, "outside 21 to 3C"),
        (["--meter-channel", "3D"], {}, "outside 21 to 3C"),
        (["--meter-panid", "XYZ"], {}, "--meter-panid"),
        (["--meter-ipv6", "fe80"], {}, "--meter-ipv6"),
        (["--port", "sokcet://h:1"], {}, 'Did you mean "socket"?'),
        (["--baudrate", "1"], {}, "--baudrate"),
        (["--mode", "sometimes"], {}, "--mode"),
        (["--format", "xml"], {}, "--format"),
        (["-o", "sdtout"], {}, 'Did you mean "stdout"?'),
        (["-o", "webhook", "--webhook-url", "ftp://x"], {}, "--webhook-url"),
        (["--config", "gone.toml"], {}, "gone.toml"),
        ([], {"B_ROUTE_ID": "0" * 32}, "B_ROUTE_ID is not configured"),
        ([], {"B_ROUTE_ID": "too short"}, "a B-route id has exactly 32"),
        ([], {"B_ROUTE_PASSWORD": ""}, "B_ROUTE_PASSWORD is not configured"),
        (["read", "--port", "nowhere://x"], {}, "--port"),
    ],
)
def test_a_bad_setting_ends_with_3(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    argv: list[str],
    environ: dict[str, str],
    part: str,
) -> None:
    for name, text in {"B_ROUTE_ID": ROUTE_B_ID, "B_ROUTE_PASSWORD": PASSWORD, **environ}.items():
        monkeypatch.setenv(name, text)
    assert cli.main(argv) == 3
    captured = capsys.readouterr()
    assert captured.out == ""
    assert part in captured.err
    assert "Traceback" not in captured.err
    assert len(captured.err.splitlines()) == 1


def test_the_module_is_the_program() -> None:
    done = program("--version")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("hems-data-collector ")


@pytest.mark.parametrize(
    ("argv", "code"), [(["--port", "nowhere:x"], 3), (["--prot", "x"], 2), (["raed"], 2), (["--schedule", "* *"], 3)]
)
def test_exit_codes_from_outside(argv: list[str], code: int) -> None:
    done = program(*argv)
    assert done.returncode == code
    assert done.stdout == ""
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_a_reader_that_went_away_is_no_error(unbuffered: str) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    try:
        done = program("--version", stdout=writing, environ={"PYTHONUNBUFFERED": unbuffered})
    finally:
        os.close(writing)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_a_full_disk_behind_stdout_is_named(unbuffered: str) -> None:
    with Path("/dev/full").open("w") as full:
        done = program("--version", stdout=full.fileno(), environ={"PYTHONUNBUFFERED": unbuffered})
    assert done.returncode == 3
    assert "Standard output cannot be written: No space left on device." in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    "words",
    [("read", "--format", "json"), ("read",), ("--output", "stdout", "--schedule", "* * * * * *"), ("ports",)],
)
def test_standard_output_that_is_closed_belongs_to_nobody(words: tuple[str, ...], tmp_path: Path) -> None:
    port = () if words == ("ports",) else ("--port", "emulator:?fast=1")
    done = subprocess.run(
        ["sh", "-c", 'exec "$@" >&-', "sh", sys.executable, "-m", "hems_data_collector", *words, *port],
        env=os.environ | {"STATE_DIRECTORY": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    assert "bug" not in done.stderr


HEAVY = ("httpx", "rich", "google", "grpc", "yaml", "serialx", "asyncio.windows_events")


@pytest.mark.parametrize("argv", [["--version"], ["run", "--prot"]])
def test_what_is_not_needed_is_not_imported(argv: list[str]) -> None:
    script = (
        "import sys; from hems_data_collector.cli import main; code = main(sys.argv[1:]);"
        f"print([name for name in {HEAVY!r} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", script, *argv], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.splitlines()[-1] == "[]"
