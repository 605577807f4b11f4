"""The emulator behind a real pseudo terminal and a real TCP port, and the verb `emulate` as a process."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import subprocess
import sys
import termios
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any

import pytest
import serial

from hems_data_collector.emulator import Emulator, EmulatorSettings, serve_pty, serve_tcp
from hems_data_collector.errors import PortBusy, PortDenied, PortNotFound
from support.limits import without_root

PROGRAM = Path(sys.executable).with_name("hems-data-collector")
ANSWER = b"SKVER\r\nEVER 1.2.10\r\nOK\r\n"


@contextlib.asynccontextmanager
async def serving(serve: Callable[[Callable[[str], None]], Coroutine[Any, Any, None]]) -> AsyncIterator[str]:
    """A server in the background; yields where it can be reached."""
    place: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    service = asyncio.ensure_future(serve(place.set_result))
    await asyncio.wait((place, service), timeout=5, return_when=asyncio.FIRST_COMPLETED)
    if service.done():
        service.result()
    try:
        yield place.result()
    finally:
        service.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await service


def fast(query: str = "") -> Emulator:
    return Emulator(EmulatorSettings.from_query(f"fast=1&{query}"))


def say(path: str, words: bytes, expected: bytes) -> bytes:
    """Open the port like any program, write, and read as much as is expected."""
    with serial.Serial(path, 115200, timeout=3) as port:
        port.write(words)
        return port.read(len(expected))


# --- pseudo terminal --------------------------------------------------------------------------------------------------


async def test_programs_may_open_and_close_a_pty_as_they_like(tmp_path: Path) -> None:
    path = str(tmp_path / "meter")
    emulator = fast()
    async with serving(lambda ready: serve_pty(emulator, path, ready=ready)) as place:
        assert place == path
        for _ in range(3):
            assert await asyncio.to_thread(say, path, b"SKVER\r\n", ANSWER) == ANSWER
        assert await asyncio.to_thread(say, path, b"SKSREG SFE 0\r\n", b"SKSREG SFE 0\r\nOK\r\n")
        assert await asyncio.to_thread(say, path, b"SKVER\r\n", ANSWER[7:]) == ANSWER[7:], "its state was kept"
    assert os.listdir(tmp_path) == []


async def test_a_pty_is_raw_and_carries_every_byte(tmp_path: Path) -> None:
    path = str(tmp_path / "meter")
    words = b"\x03\x04\x11\x13\x1a\x7f\xff\r\n"

    def plain() -> bytes:
        """Without setting the terminal up, as `cat` would."""
        port = os.open(path, os.O_RDWR | os.O_NOCTTY)
        try:
            assert not termios.tcgetattr(port)[3] & (termios.ECHO | termios.ICANON)
            os.write(port, words)
            heard = b""
            while not heard.endswith(b"FAIL ER04\r\n"):
                heard += os.read(port, 100)
            return heard
        finally:
            os.close(port)

    async with serving(lambda ready: serve_pty(fast(), path, ready=ready)):
        assert await asyncio.wait_for(asyncio.to_thread(plain), 5) == words + b"FAIL ER04\r\n"


async def test_what_nobody_read_is_not_left_for_the_next_program(tmp_path: Path) -> None:
    path = str(tmp_path / "meter")

    def leave_unread() -> None:
        with serial.Serial(path, 115200, timeout=3) as port:
            port.write(b"SKVER\r\n")
            port.read(1)

    def first_bytes() -> bytes:
        port = os.open(path, os.O_RDWR | os.O_NOCTTY)
        try:
            os.write(port, b"SKAPPVER\r\n")
            return os.read(port, 1)
        finally:
            os.close(port)

    async with serving(lambda ready: serve_pty(fast("echo=0"), path, ready=ready)):
        await asyncio.to_thread(leave_unread)
        await asyncio.sleep(0.1)
        assert await asyncio.wait_for(asyncio.to_thread(first_bytes), 5) == b"E"


async def test_an_unplugged_pty_comes_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hems_data_collector.emulator.emulator.REPLUG_S", 0.1)
    path, emulator = str(tmp_path / "meter"), fast()

    def wait_for_the_end() -> None:
        with serial.Serial(path, 115200, timeout=3) as port:
            port.write(b"SKVER\r\n")
            assert port.read(len(ANSWER)) == ANSWER
            loop.call_soon_threadsafe(emulator.inject, "unplug:0")
            with pytest.raises(serial.SerialException):
                port.read(1)

    async with serving(lambda ready: serve_pty(emulator, path, ready=ready)):
        loop = asyncio.get_running_loop()
        await asyncio.wait_for(asyncio.to_thread(wait_for_the_end), 10)
        await asyncio.to_thread(wait_for, Path(path))
        assert await asyncio.to_thread(say, path, b"SKVER\r\n", ANSWER) == ANSWER


async def test_fragments_stay_apart_on_a_pty(tmp_path: Path) -> None:
    path = str(tmp_path / "meter")

    def largest_read() -> int:
        port = os.open(path, os.O_RDWR | os.O_NOCTTY)
        try:
            os.write(port, b"SKVER\r\n")
            sizes, heard = [], b""
            while not heard.endswith(ANSWER):
                data = os.read(port, 100)
                sizes.append(len(data))
                heard += data
            return sorted(sizes)[len(sizes) // 2]
        finally:
            os.close(port)

    async with serving(lambda ready: serve_pty(fast("fault=chunk1"), path, ready=ready)):
        assert await asyncio.wait_for(asyncio.to_thread(largest_read), 5) == 1


async def test_a_path_that_is_taken_is_refused(tmp_path: Path) -> None:
    taken = tmp_path / "taken"
    taken.write_text("mine")
    with pytest.raises(PortBusy, match="exists already") as refusal:
        await serve_pty(fast(), str(taken))
    assert refusal.value.remedy
    assert taken.read_text() == "mine"
    async with serving(lambda ready: serve_pty(fast(), str(tmp_path / "meter"), ready=ready)) as path:
        with pytest.raises(PortBusy):
            await serve_pty(fast(), path)
        assert await asyncio.to_thread(say, path, b"SKVER\r\n", ANSWER) == ANSWER


async def test_a_dead_link_of_an_earlier_emulator_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "meter"
    path.symlink_to("/dev/pts/999999")
    async with serving(lambda ready: serve_pty(fast(), str(path), ready=ready)):
        assert await asyncio.to_thread(say, str(path), b"SKVER\r\n", ANSWER) == ANSWER


async def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(PortNotFound, match="cannot be made"):
        await serve_pty(fast(), str(tmp_path / "nowhere" / "meter"))


async def test_a_folder_of_others_is_refused() -> None:
    with without_root(), pytest.raises(PortDenied, match="cannot be made"):
        await serve_pty(fast(), "/etc/hems-meter-test")


# --- TCP --------------------------------------------------------------------------------------------------------------


async def exchange(place: str, words: bytes, expected: bytes) -> bytes:
    host, _, port = place.rpartition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    try:
        writer.write(words)
        return await asyncio.wait_for(reader.readexactly(len(expected)), 5)
    finally:
        writer.close()
        await writer.wait_closed()


async def test_a_tcp_port_serves_one_program_after_the_other() -> None:
    emulator = fast()
    async with serving(lambda ready: serve_tcp(emulator, "127.0.0.1", 0, ready=ready)) as place:
        assert not place.endswith(":0")
        for _ in range(3):
            assert await exchange(place, b"SKVER\r\n", ANSWER) == ANSWER
            await asyncio.sleep(0.05)


async def test_a_second_connection_is_turned_away() -> None:
    async with serving(lambda ready: serve_tcp(fast(), "127.0.0.1", 0, ready=ready)) as place:
        host, _, port = place.rpartition(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(b"SKVER\r\n")
        assert await asyncio.wait_for(reader.readexactly(len(ANSWER)), 5) == ANSWER
        with pytest.raises((asyncio.IncompleteReadError, ConnectionError)):
            await exchange(place, b"SKVER\r\n", ANSWER)
        writer.write(b"SKVER\r\n")
        assert await asyncio.wait_for(reader.readexactly(len(ANSWER)), 5) == ANSWER
        writer.close()
        await writer.wait_closed()


async def test_a_tcp_port_in_use_is_refused() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        with pytest.raises(PortBusy, match="Cannot listen") as refusal:
            await serve_tcp(fast(), "127.0.0.1", other.getsockname()[1])
        assert refusal.value.remedy
    with pytest.raises(PortNotFound):
        await serve_tcp(fast(), "192.0.2.1", 0)


# --- the verb ---------------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def emulate(*words: str, **environment: str) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [PROGRAM, "emulate", *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={"PATH": os.environ["PATH"], **environment},
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def wait_for(path: Path) -> None:
    deadline = time.monotonic() + 10
    while not os.path.lexists(path):
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_verb_serves_until_a_signal_and_cleans_up(tmp_path: Path, number: signal.Signals) -> None:
    path = tmp_path / "meter"
    with emulate("--pty", str(path), "--module", "bp35c2", "--fast", "--password", "secretsecret") as process:
        wait_for(path)
        answer = b"SKVER\r\nEVER 1.5.2\r\nOK\r\n"
        assert say(str(path), b"SKVER\r\n", answer) == answer
        process.send_signal(number)
        out, err = process.communicate(timeout=10)
    assert process.returncode == 0
    assert out == ""
    assert f"port: {path}" in err
    assert "B-route id: 00112233445566778899AABBCCDDEEFF" in err
    assert "secretsecret" not in err
    assert not os.path.lexists(path)


def test_the_verb_takes_id_and_password_from_the_environment_and_shows_neither(tmp_path: Path) -> None:
    path, route_b_id = tmp_path / "meter", "ABCDEFABCDEFABCDEFABCDEFABCDEFAB"
    words = ("--pty", str(path), "--fast", "--meters", "2")
    with emulate(*words, B_ROUTE_ID=route_b_id, B_ROUTE_PASSWORD="hiddenhidden") as process:
        wait_for(path)
        with serial.Serial(str(path), 115200, timeout=3) as port:
            port.write(f"SKSREG SFE 0\r\nSKSETPWD C hiddenhidden\r\nSKSETRBID {route_b_id}\r\n".encode())
            port.write(b"SKSREG S2 33\r\nSKSREG S3 12A4\r\nSKJOIN FE80:0000:0000:0000:021C:6400:0000:0001\r\n")
            assert b"EVENT 25" in port.read_until(b"EVENT 25")
        process.terminate()
        _, err = process.communicate(timeout=10)
    assert process.returncode == 0
    assert "B-route id: that of B_ROUTE_ID\n" in err
    assert "B-route id: 00112233445566778899AABBCCDDEEF1\n" in err
    assert route_b_id[-8:] not in err
    assert "hiddenhidden" not in err


def test_the_verb_serves_on_tcp() -> None:
    with emulate("--tcp", "0", "--fast", "--fault", "er05", "--fault", "duplicate") as process:
        assert process.stderr is not None
        place = process.stderr.readline().strip().removeprefix("port: ")
        host, _, port = place.rpartition(":")
        with socket.create_connection((host, int(port)), timeout=5) as connection:
            connection.sendall(b"SKSCAN 2 FFFFFFFF 6\r\n")
            expected = b"SKSCAN 2 FFFFFFFF 6\r\nFAIL ER05\r\n"
            heard = b""
            while len(heard) < len(expected):
                heard += connection.recv(100)
            assert heard == expected
        process.terminate()
        process.communicate(timeout=10)
    assert process.returncode == 0


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        ((), 2, "--pty --tcp"),
        (("--pty", "x", "--tcp", "1"), 2, "not allowed with"),
        (("--tcp", "70000"), 2, "no TCP port"),
        (("--tcp", "abc"), 2, "no TCP port"),
        (("--pty", "x", "--modul", "bp35c2"), 2, "--module"),
        (("--pty", "x", "--module", "bp35c3"), 3, "bp35c2"),
        (("--pty", "x", "--fault", "lots"), 3, "'lost'"),
        (("--pty", "x", "--id", "short"), 3, "32"),
        (("--pty", "/nowhere/meter"), 4, "/nowhere"),
        (("--pty", "/dev/null"), 4, "exists already"),
    ],
)
def test_mistakes_end_with_their_exit_code_and_a_remedy(words: tuple[str, ...], code: int, said: str) -> None:
    with emulate(*words) as process:
        out, err = process.communicate(timeout=10)
    assert (process.returncode, out) == (code, "")
    assert said in err
    assert "Traceback" not in err


def test_the_help_lists_every_setting_and_fault() -> None:
    from hems_data_collector.emulator import FAULTS, KEYS

    with emulate("--help") as process:
        out, _ = process.communicate(timeout=10)
    assert process.returncode == 0
    assert [name for name in KEYS if f"--{name.replace('_', '-')}" not in out] == []
    assert [kind.usage for kind in FAULTS.values() if f"\n  {kind.usage} " not in out] == []
