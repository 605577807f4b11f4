"""Running until a signal: in order at the first, at once at the second; and what is prepared before."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

DRIVER = """
import asyncio, os, sys, types

async def run_collector(settings, *, stop, **others):
    print("ready", os.environ.get("LIBRARY_SETTING"), flush=True)
    await stop.wait()
    if "stubborn" in settings.meters[0].port:
        print("stopping", flush=True)
        await asyncio.sleep(3600)
    return 0

app = types.ModuleType("hems_data_collector.app")
app.run_collector = run_collector
sys.modules["hems_data_collector.app"] = app
from hems_data_collector.cli import main
sys.exit(main(sys.argv[1:]))
"""


@contextmanager
def collector(*argv: str, **options: object) -> Iterator[subprocess.Popen[str]]:
    """The program with a collector that only waits, once that waits."""
    process = subprocess.Popen(
        [sys.executable, "-c", DRIVER, *argv],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **options,  # type: ignore[call-overload]
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline().startswith("ready")
        yield process
    finally:
        process.kill()
        process.communicate()


def ended(process: subprocess.Popen[str]) -> tuple[int, str]:
    _out, err = process.communicate(timeout=30)
    return process.returncode, err


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_the_first_signal_ends_in_order(number: signal.Signals) -> None:
    with collector("--port", "emulator:") as process:
        process.send_signal(number)
        code, err = ended(process)
    assert code == 0
    assert f"{number.name}: ending in order." in err
    assert "Traceback" not in err


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_second_ends_at_once(number: signal.Signals) -> None:
    with collector("--port", "/dev/stubborn", env=with_credentials()) as process:
        process.send_signal(number)
        assert process.stdout is not None
        assert process.stdout.readline() == "stopping\n"
        process.send_signal(number)
        code, err = ended(process)
    assert code == 128 + number
    assert "ending at once" in err
    assert "Traceback" not in err


def test_nohup_is_respected() -> None:
    with collector("--port", "emulator:", preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN)) as process:
        process.send_signal(signal.SIGHUP)
        process.send_signal(signal.SIGTERM)
        code, err = ended(process)
    assert code == 0
    assert "SIGHUP" not in err


def with_credentials() -> dict[str, str]:
    return {**os.environ, "B_ROUTE_ID": "00112233445566778899AABBCCDDEEFF", "B_ROUTE_PASSWORD": "0123456789AB"}


def test_notes_warnings_and_the_environment_of_libraries_come_first() -> None:
    with open(".env", "w", encoding="utf-8") as file:
        file.write("LIBRARY_SETTING=/ca.pem\nSERIAL_PROT=x\n")
    process = subprocess.run(
        [sys.executable, "-c", DRIVER.replace("await stop.wait()", "return 0"), "--port", "emulator:", "-f", "csv"],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert process.stdout == "ready /ca.pem\n"
    assert "WARNING" in process.stderr
    assert 'Did you mean "SERIAL_PORT"?' in process.stderr
    assert "INFO    Accepted but without effect: --format (no output is chosen)." in process.stderr
