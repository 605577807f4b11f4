"""What a user can get wrong: each gives cause and remedy in the right exit code, without a traceback (docs/cli.md)."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from support.silent_port import WITHOUT_PRIVILEGES, silent_port

PROGRAM = [sys.executable, "-m", "hems_data_collector"]
CREDENTIALS = {"B_ROUTE_ID": "00112233445566778899AABBCCDDEEFF", "B_ROUTE_PASSWORD": "0123456789AB"}

pytestmark = pytest.mark.services


def run(tmp_path: Path, *arguments: str, prefix: list[str] | None = None, **environ: str) -> tuple[int, str]:
    """Exit code and standard error of one run in a folder of its own."""
    done = subprocess.run(
        [*(prefix or []), *PROGRAM, *arguments],
        cwd=tmp_path,
        env=os.environ | CREDENTIALS | {"STATE_DIRECTORY": str(tmp_path / "state")} | environ,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert "Traceback" not in done.stderr
    for secret in CREDENTIALS.values():
        assert secret not in done.stdout + done.stderr
    return done.returncode, done.stderr


@contextmanager
def emulator(path: Path, *flags: str) -> Iterator[Path]:
    """The emulator in another process, on a pseudo terminal."""
    with subprocess.Popen(
        [*PROGRAM, "emulate", "--fast", "--pty", str(path), *flags],
        env=os.environ | CREDENTIALS,
        stdout=subprocess.DEVNULL,
    ) as process:
        while not path.exists():
            assert process.poll() is None
            time.sleep(0.02)
        yield path
        process.terminate()


@pytest.mark.parametrize(
    ("arguments", "environ", "code", "says"),
    [
        (["read", "--port", "/dev/ttyNOPE"], {}, 4, "hems-data-collector ports"),
        (["read", "--port", "/etc/hostname"], {}, 4, "not a serial device"),
        (["read", "--port", "socket://127.0.0.1:1"], {}, 4, "ser2net"),
        (["read", "--port", "socket://no-such-host.invalid:3333"], {}, 4, "host"),
        (["--port", "emulator:", "-s", "61 * * * *"], {}, 3, "minute (0-59)"),
        (["--port", "emulator:", "-o", "webhook", "--webhook-url", "ftp://x"], {}, 3, "--webhook-url"),
        (["--port", "emulator:"], {"LOCAL_TIMEZONE": "Asia/Tokio"}, 3, "Asia/Tokyo"),
        (["--meter-channel", "3D"], {}, 3, "21 to 3C"),
        (["--port", "emulator:?modul=bp35a1"], {}, 3, "module"),
        (["--port", "emulator:", "-o", "file", "--file", "/nope/x"], {}, 3, "--file"),
        (["--port", "emulator:", "-o", "file", "--file", "."], {}, 3, "--file"),
        (["--port", "emulator:", "-o", "gcloud"], {}, 3, "GCP_PROJECT_ID"),
        (["--port", "/dev/ttyUSB0"], {"B_ROUTE_ID": "0" * 32}, 3, "B_ROUTE_ID"),
        (["--port", "/dev/ttyUSB0"], {"B_ROUTE_ID": "123"}, 3, "32"),
        (["--no-such-flag"], {}, 2, "--no-such-flag"),
        (["reed"], {}, 2, "read"),
        (["decode", "10810001028801"], {}, 1, "short"),
    ],
)
def test_a_mistake_is_explained(
    arguments: list[str], environ: dict[str, str], code: int, says: str, tmp_path: Path
) -> None:
    got, text = run(tmp_path, *arguments, **environ)
    assert got == code, text
    assert says in text


def test_a_port_without_permission_says_which_group_to_join(tmp_path: Path) -> None:
    if shutil.which("setpriv") is None:
        pytest.skip("setpriv (package util-linux) is not there to drop the privileges of root")
    with silent_port(tmp_path / "stick") as port:
        os.chmod(port, 0o000)
        got, text = run(tmp_path, "read", "--port", str(port), prefix=WITHOUT_PRIVILEGES)
    assert got == 4, text
    assert "dialout" in text


def test_a_file_without_permission_is_refused_at_start(tmp_path: Path) -> None:
    if shutil.which("setpriv") is None:
        pytest.skip("setpriv (package util-linux) is not there to drop the privileges of root")
    target = tmp_path / "readings.json"
    target.touch(mode=0o400)
    arguments = ["--port", "emulator:", "-o", "file", "--file", str(target)]
    got, text = run(tmp_path, *arguments, prefix=WITHOUT_PRIVILEGES)
    assert got == 3, text
    assert "--file" in text


def test_a_device_that_is_no_modem_is_named_as_such(tmp_path: Path) -> None:
    with silent_port(tmp_path / "stick") as port:
        got, text = run(tmp_path, "read", "--port", str(port))
    assert got == 4, text
    assert "No Wi-SUN modem answers on this port." in text


def test_a_busy_port_is_told_from_a_missing_one(tmp_path: Path) -> None:
    with emulator(tmp_path / "stick") as port:
        first = [*PROGRAM, "--port", str(port), "--mode", "interval", "-i", "1", "-o", "stdout"]
        environ = os.environ | CREDENTIALS | {"STATE_DIRECTORY": str(tmp_path / "state")}
        with subprocess.Popen(first, env=environ, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as collector:
            assert collector.stdout is not None
            collector.stdout.readline()
            got, text = run(tmp_path, "read", "--port", str(port))
            collector.terminate()
            assert collector.wait(5) == 0
    assert got == 4, text
    assert "in use" in text


def test_a_wrong_id_finds_no_meter_and_a_wrong_password_is_refused(tmp_path: Path) -> None:
    with emulator(tmp_path / "stick") as port:
        got, text = run(tmp_path, "read", "--port", str(port), B_ROUTE_PASSWORD="BA9876543210")
        assert got == 6, text
        assert "B_ROUTE_PASSWORD" in text
        got, text = run(
            tmp_path / "..", "read", "--port", str(port), B_ROUTE_ID="F" * 32, STATE_DIRECTORY=str(tmp_path)
        )
        assert got == 5, text
        assert "B_ROUTE_ID" in text


def test_a_missing_extra_names_the_command_that_installs_it(tmp_path: Path) -> None:
    (tmp_path / "google").mkdir()
    (tmp_path / "google" / "__init__.py").write_text("")
    arguments = ["--port", "emulator:", "-o", "gcloud", "--gcp-project", "some-project"]
    got, text = run(tmp_path, *arguments, PYTHONPATH=str(tmp_path), PUBSUB_EMULATOR_HOST="127.0.0.1:1")
    assert got == 3, text
    assert "[gcloud]" in text


def test_the_daemon_waits_for_a_port_and_takes_it_when_it_comes(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as reserved:
        port = reserved.getsockname()[1]
    arguments = ["--port", f"socket://127.0.0.1:{port}", "--mode", "interval", "-i", "1", "-o", "stdout"]
    environ = os.environ | CREDENTIALS | {"STATE_DIRECTORY": str(tmp_path / "state")}
    with subprocess.Popen(
        [*PROGRAM, *arguments], env=environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as collector:
        assert collector.stderr is not None
        assert collector.stdout is not None
        while b"cannot be reached" not in collector.stderr.readline():
            assert collector.poll() is None
        serving = [*PROGRAM, "emulate", "--fast", "--tcp", str(port)]
        with subprocess.Popen(serving, env=environ, stdout=subprocess.DEVNULL) as served:
            assert b"instant_power_w" in collector.stdout.readline()
            collector.terminate()
            assert collector.wait(5) == 0
            served.terminate()
