"""The collector as systemd runs it, without systemd: a socket for its notifications, and signals."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from hems_data_collector.cli.run import with_loaded_secrets

PROGRAM = Path(sys.executable).with_name("hems-data-collector")
LIMIT_S = 30.0
GOOD = 'port = "emulator:?fast=1"\nmode = "interval"\ninterval = 1\noutput = ["file"]\nfile = "{file}"\n'


class Collector:
    """One process with a notification socket, as a unit of Type=notify has it."""

    def __init__(self, folder: Path) -> None:
        self.config = folder / "config.toml"
        self.folder = folder
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(str(folder / "notify"))
        self.socket.settimeout(LIMIT_S)
        self.write(GOOD.format(file=folder / "one.jsonl"))
        self.log = (folder / "log").open("w+")
        self.process = subprocess.Popen(
            [PROGRAM, "run", "--config", self.config],
            env={
                **os.environ,
                "NOTIFY_SOCKET": str(folder / "notify"),
                "WATCHDOG_USEC": "4000000",
                "STATE_DIRECTORY": str(folder / "state"),
            },
            stderr=self.log,
        )

    def write(self, text: str) -> None:
        """Make these the settings."""
        self.config.write_text(text, encoding="utf-8")

    def reload(self) -> None:
        """As `systemctl reload`."""
        self.process.send_signal(signal.SIGHUP)
        self.hears("RELOADING=1")

    def hears(self, word: str) -> str:
        """The first notification from now on that has `word`; TimeoutError where none comes."""
        deadline = time.monotonic() + LIMIT_S
        while time.monotonic() < deadline:
            if word in (told := self.socket.recv(4096).decode()):
                return told
        raise TimeoutError(word)

    def said(self) -> str:
        """The log."""
        return (self.folder / "log").read_text(encoding="utf-8")

    def end(self) -> int:
        """As `systemctl stop`; returns the exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(LIMIT_S)


@pytest.fixture
def collector(tmp_path: Path) -> Iterator[Collector]:
    made = Collector(tmp_path)
    yield made
    made.process.kill()
    made.process.wait()
    made.socket.close()
    made.log.close()


def test_it_is_ready_before_the_meter_is_joined_and_then_tells_of_it(collector: Collector) -> None:
    assert "last reading" not in collector.hears("READY=1")
    collector.hears("WATCHDOG=1")
    assert collector.hears("last reading").startswith("STATUS=Joined the meter; last reading ")
    collector.process.send_signal(signal.SIGTERM)
    collector.hears("STOPPING=1")
    assert collector.process.wait(LIMIT_S) == 0


def test_a_reload_begins_anew_in_the_same_process(collector: Collector) -> None:
    collector.hears("last reading")
    collector.write(GOOD.format(file=collector.folder / "two.jsonl"))
    collector.reload()
    assert "STOPPING" not in collector.hears("Ending the session")
    collector.hears("READY=1")
    collector.hears("last reading")
    assert collector.end() == 0
    assert (collector.folder / "two.jsonl").stat().st_size > 0


def test_bad_settings_are_named_and_the_run_goes_on(collector: Collector) -> None:
    collector.hears("last reading")
    collector.write('prot = "x"')
    collector.reload()
    collector.hears("READY=1")
    collector.hears("last reading")
    assert 'the key "prot" is not known' in collector.said()
    assert "goes on with the settings it has" in collector.said()
    assert collector.said().count("Collecting from") == 1
    assert collector.end() == 0


def test_settings_whose_outputs_cannot_be_opened_give_way_to_those_from_before(collector: Collector) -> None:
    collector.hears("last reading")
    collector.write(GOOD.format(file=collector.folder / "nowhere/x"))
    collector.reload()
    collector.hears("READY=1")
    collector.hears("last reading")
    assert "nowhere/x cannot be written" in collector.said()
    assert "goes on with the settings from before" in collector.said()
    assert collector.end() == 0


def test_the_end_comes_in_the_middle_of_a_reload_too(collector: Collector) -> None:
    collector.hears("last reading")
    collector.reload()
    collector.process.send_signal(signal.SIGTERM)
    assert collector.process.wait(LIMIT_S) == 0


def test_bad_settings_at_the_start_are_not_for_a_restart(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text("port = 7", encoding="utf-8")
    environ = {**os.environ, "NOTIFY_SOCKET": str(tmp_path / "nobody")}
    done = subprocess.run([PROGRAM, "run", "--config", tmp_path / "config.toml"], env=environ, capture_output=True)
    assert done.returncode == 3


def test_secrets_of_outputs_come_as_credentials_of_systemd(tmp_path: Path) -> None:
    (tmp_path / "hems_webhook_secret").write_text("whsec_x\n", encoding="utf-8")
    (tmp_path / "hems_webhook_headers").write_text("A: 1\nB: 2\n", encoding="utf-8")
    found = with_loaded_secrets({"CREDENTIALS_DIRECTORY": str(tmp_path), "WEBHOOK_SECRET": "whsec_y"})
    assert found["WEBHOOK_SECRET"] == "whsec_y"
    assert found["WEBHOOK_HEADERS"] == "A: 1\nB: 2"
