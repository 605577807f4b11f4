"""The Wi-Fi B-route over real sockets: the collector in one network namespace, emulated meters in another."""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from support import wifi_driver
from support.waiting import until

pytestmark = pytest.mark.services

PROGRAM = str(Path(sys.executable).with_name("hems-data-collector"))
TWO = ("seed=1&fast=1&release=R", "seed=2&fast=1&release=R&mac=001C640000000002")
SERIALS = ("A00B123456", "A00B123457")
PATIENCE_S = 40.0
_NUMBERS = itertools.count()


@dataclass
class Net:
    """Two namespaces with one cable between them: `here` with the interface `cable0`, `there` with `cable1`."""

    here: str
    there: str

    def ip(self, namespace: str, *words: str) -> str:
        """What `ip` says inside a namespace."""
        done = subprocess.run(["ip", "-n", namespace, *words], check=True, capture_output=True, text=True)
        return done.stdout

    def inside(self, namespace: str, *words: str) -> list[str]:
        """The words that run a program inside a namespace."""
        return ["ip", "netns", "exec", namespace, *words]


def settled(condition: Callable[[], object]) -> None:
    """Return as soon as `condition()` is true."""
    asyncio.run(until(condition, PATIENCE_S))


def ready(net: Net, namespace: str, interface: str) -> bool:
    """Whether an interface has a link-local address that can be used."""
    shown = net.ip(namespace, "-6", "address", "show", "dev", interface, "scope", "link")
    return "fe80::" in shown and "tentative" not in shown


@pytest.fixture
def net() -> Iterator[Net]:
    if shutil.which("ip") is None:
        pytest.skip("iproute2 is not installed: sudo apt-get install iproute2")
    name = f"hems{os.getpid()}-{next(_NUMBERS)}"
    net = Net(here=f"{name}a", there=f"{name}b")
    made = subprocess.run(["ip", "netns", "add", net.here], capture_output=True, text=True)
    if made.returncode != 0:
        pytest.skip(f"network namespaces need root: {made.stderr.strip()}")
    try:
        subprocess.run(["ip", "netns", "add", net.there], check=True)
        for namespace in (net.here, net.there):  # the check for duplicate addresses takes 1 to 2 s at each change
            quick = "echo 0 > /proc/sys/net/ipv6/conf/default/dad_transmits"
            subprocess.run(net.inside(namespace, "sh", "-c", quick), check=True)
        words = f"link add cable0 netns {net.here} type veth peer name cable1 netns {net.there}"
        subprocess.run(["ip", *words.split()], check=True)
        for namespace, interface in ((net.here, "cable0"), (net.there, "cable1")):
            net.ip(namespace, "link", "set", interface, "up")
        settled(lambda: ready(net, net.here, "cable0") and ready(net, net.there, "cable1"))
        yield net
    finally:
        for namespace in (net.here, net.there):
            subprocess.run(["ip", "netns", "delete", namespace], capture_output=True)


class Meters:
    """Emulated meters in the namespace `there`."""

    def __init__(self, net: Net, folder: Path, *queries: str) -> None:
        self._truth = folder / "truth.json"
        driver = [sys.executable, wifi_driver.__file__, "cable1", str(self._truth), *queries]
        self._process = subprocess.Popen(net.inside(net.there, *driver), stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        with self._process.stdout as told:
            self.addresses = told.readline().split()[1:]

    def end(self) -> list[list[dict[str, Any]]]:
        """What each of them said."""
        self._process.terminate()
        self._process.wait(PATIENCE_S)
        truth: list[list[dict[str, Any]]] = json.loads(self._truth.read_text(encoding="utf-8"))
        return truth


@pytest.fixture
def meters(net: Net, tmp_path: Path) -> Iterator[Callable[..., Meters]]:
    """Starts emulated meters, and ends them with the test."""
    started: list[Meters] = []

    def start(*queries: str) -> Meters:
        started.append(Meters(net, tmp_path, *queries))
        return started[-1]

    yield start
    for each in started:
        if each._process.poll() is None:
            each._process.kill()
            each._process.wait()


def read(net: Net, folder: Path, port: str, *before: str) -> subprocess.CompletedProcess[str]:
    """One reading by the verb, in the namespace `here`; `before` are words that run it."""
    words = net.inside(net.here, *before, PROGRAM, "read", "--port", port, "--format", "json")
    environ = {**os.environ, "STATE_DIRECTORY": str(folder / port.replace("/", "_"))}
    return subprocess.run(words, capture_output=True, text=True, env=environ, timeout=3 * PATIENCE_S)


def without_time(record: dict[str, Any]) -> dict[str, Any]:
    """What of a record is the meter's word."""
    return {key: value for key, value in record.items() if key != "timestamp"}


def records_in(path: Path) -> list[dict[str, Any]]:
    """The records that the file output has written."""
    if not path.exists():
        return []
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_each_of_two_meters_is_read_by_its_number(net: Net, meters: Callable[..., Meters], tmp_path: Path) -> None:
    running = meters(*TWO)
    assert running.addresses == ["fe80::21c:6400:0:1", "fe80::21c:6400:0:2"]
    done = [read(net, tmp_path, f"wifi:cable0?meter={serial}") for serial in SERIALS]
    assert [each.returncode for each in done] == [0, 0], done
    truth = running.end()
    for each, said in zip(done, truth, strict=True):
        assert [without_time(json.loads(each.stdout))] == said
    assert truth[0] != truth[1]


def test_the_collector_follows_a_meter_and_outlives_its_interface(
    net: Net, meters: Callable[..., Meters], tmp_path: Path
) -> None:
    """From a cold start over a change of address to an interface that was down: every record is true."""
    running = meters(f"{TWO[0]}&fault=address-change:12")
    out, log = tmp_path / "records.jsonl", tmp_path / "log"
    words = [PROGRAM, "--port", "wifi:", "-o", "file", "--file", str(out), "--mode", "interval", "--interval", "1"]
    environ = {**os.environ, "STATE_DIRECTORY": str(tmp_path / "state")}
    with log.open("w", encoding="utf-8") as stderr:
        collector = subprocess.Popen(net.inside(net.here, *words), stderr=stderr, env=environ)
    try:
        settled(lambda: len(records_in(out)) >= 3)
        settled(lambda: log.read_text(encoding="utf-8").count("Found the meter A00B123456") == 2)
        moved = len(records_in(out))
        settled(lambda: len(records_in(out)) >= moved + 3)
        net.ip(net.here, "link", "set", "cable0", "down")
        settled(lambda: "interface cable0" in log.read_text(encoding="utf-8"))
        down = len(records_in(out))
        net.ip(net.here, "link", "set", "cable0", "up")
        settled(lambda: len(records_in(out)) >= down + 3)
    finally:
        collector.send_signal(signal.SIGTERM)
        code = collector.wait(PATIENCE_S)
    assert code == 0, log.read_text(encoding="utf-8")
    (said,) = running.end()
    told = iter(said)
    assert all(without_time(record) in told for record in records_in(out)[1:])
    assert "fe80::21c:6400:0:1)" in log.read_text(encoding="utf-8")


def test_the_verb_emulate_serves_a_meter_that_can_be_read_by_an_ordinary_user(net: Net, tmp_path: Path) -> None:
    """A socket can be bound to an interface by everybody since Linux 5.7."""
    emulator = subprocess.Popen(
        net.inside(net.there, PROGRAM, "emulate", "--wifi", "--fast"), stderr=subprocess.PIPE, text=True
    )
    try:
        assert emulator.stderr is not None
        assert emulator.stderr.readline() == "meter: A00B123456 at fe80::21c:6400:0:1%cable1\n"
        without_rights = ["setpriv", "--bounding-set=-net_admin,-net_raw", "--inh-caps=-net_admin,-net_raw"]
        done = read(net, tmp_path, "wifi:cable0", *without_rights)
        assert done.returncode == 0, done.stderr
    finally:
        emulator.terminate()
        emulator.communicate(timeout=PATIENCE_S)
    assert emulator.returncode == 0
    assert "fe80::21c:6400:0:1" not in net.ip(net.there, "-6", "address", "show", "dev", "cable1")


@pytest.mark.parametrize("reuse", [False, True])
def test_a_port_that_another_program_has_is_busy(net: Net, reuse: bool, tmp_path: Path) -> None:
    other = (
        "import socket, sys; s = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM);"
        f"s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, {int(reuse)});"
        "s.bind(('::', 3610)); print('bound', flush=True); sys.stdin.read()"
    )
    words = net.inside(net.here, sys.executable, "-c", other)
    holder = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "bound\n"
        done = read(net, tmp_path, "wifi:cable0")
    finally:
        holder.communicate("")
    assert done.returncode == 4
    assert "UDP port 3610 is in use by another program." in done.stderr
    assert "ss -ulpn" in done.stderr


def test_a_program_that_uses_the_port_over_ipv4_does_not_disturb(
    net: Net, meters: Callable[..., Meters], tmp_path: Path
) -> None:
    meters(TWO[0])
    other = (
        "import socket, sys; s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM);"
        "s.bind(('', 3610)); print('bound', flush=True); sys.stdin.read()"
    )
    words = net.inside(net.here, sys.executable, "-c", other)
    holder = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "bound\n"
        assert read(net, tmp_path, "wifi:").returncode == 0
    finally:
        holder.communicate("")


@pytest.mark.parametrize(
    ("port", "before", "says"),
    [
        ("wifi:cable7", None, "There is no network interface cable7."),
        ("wifi:cable0", ("link", "set", "cable0", "down"), "The network interface cable0 is down."),
        ("wifi:cable0", ("-6", "address", "flush", "dev", "cable0"), "has no IPv6 link-local address."),
        ("wifi:lo", ("link", "set", "lo", "up"), "The network interface lo cannot reach a meter."),
        ("wifi:", ("link", "set", "cable0", "down"), "No network interface can carry ECHONET Lite."),
    ],
)
def test_an_interface_that_cannot_be_used_is_a_missing_port(
    net: Net, port: str, before: tuple[str, ...] | None, says: str, tmp_path: Path
) -> None:
    if before is not None:
        net.ip(net.here, *before)
    done = read(net, tmp_path, port)
    assert done.returncode == 4
    assert says in done.stderr
