"""Every carrier of a serial port in front of a device: pty, raw TCP, Debian's ser2net and socat, RFC 2217.

A carrier is an async context manager factory: `async with CARRIERS[name](device, folder) as carrier`. It can be
stopped and started again at the same address, as a server that is restarted or a cable that is pulled.
"""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import signal
import socket
from asyncio.subprocess import Process
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path
from typing import Any, TypeAlias

import pytest

from hems_data_collector.emulator import serve_pty, serve_tcp
from support.rfc2217_server import Rfc2217Server
from support.waiting import until

BAUDRATE = 115_200
PATIENCE_S = 10.0

Device: TypeAlias = Any
"""What the servers need of an emulator."""
Started: TypeAlias = Callable[[], AbstractAsyncContextManager[object]]


class Carrier:
    """A served port: `url` leads to it; `stop` takes it away and `start` brings it back."""

    def __init__(self, url: str, begin: Started) -> None:
        self.url = url
        self._begin = begin
        self._running = AsyncExitStack()
        self._server: object = None

    async def start(self) -> None:
        """Serve; returns when the port can be opened."""
        self._server = await self._running.enter_async_context(self._begin())

    def tell(self, number: signal.Signals) -> None:
        """Send a signal to the server, where that is a process of its own."""
        assert isinstance(self._server, Process)
        os.killpg(self._server.pid, number)

    async def stop(self) -> None:
        """Be gone, without a word to whoever has the port open."""
        await self._running.aclose()


Making: TypeAlias = Callable[[Device, Path], AbstractAsyncContextManager[Carrier]]


@asynccontextmanager
async def _carrier(url: str, begin: Started) -> AsyncIterator[Carrier]:
    carrier = Carrier(url, begin)
    await carrier.start()
    try:
        yield carrier
    finally:
        await carrier.stop()


@asynccontextmanager
async def _served(serve: Callable[[Callable[[str], None]], Awaitable[None]]) -> AsyncIterator[str]:
    """Run a server of the emulator; gives the place that it names when it is ready."""
    place: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    task = asyncio.ensure_future(serve(place.set_result))
    try:
        yield await asyncio.wait_for(place, PATIENCE_S)
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


@asynccontextmanager
async def _program(*command: str, ready: Callable[[], Awaitable[object]]) -> AsyncIterator[Process]:
    """Run a server, and what it forks, until it is killed."""
    process = await asyncio.create_subprocess_exec(*command, start_new_session=True)
    try:
        await ready()
        yield process
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        await process.wait()


class _Lasting:
    """A device that outlives the server in front of it: the stick keeps its power and its session."""

    def __init__(self, device: Device) -> None:
        self._device = device
        self._port: Any = None

    @property
    def plugged(self) -> bool:
        return bool(self._device.plugged)

    @property
    def fragmenting(self) -> bool:
        return bool(self._device.fragmenting)

    def open_port(self) -> Any:
        self._port = self._device.open_port()
        return self._port

    def close(self) -> None:
        """End the connection, not the device."""
        if self._port is not None:
            self._port.break_off("The server has ended.")


def _pty(device: Device, path: Path) -> AbstractAsyncContextManager[str]:
    return _served(lambda ready: serve_pty(device, str(path), ready=ready))


def pty(device: Device, folder: Path) -> AbstractAsyncContextManager[Carrier]:
    """A symbolic link to a pseudo terminal, as `/dev/serial/by-id` has them."""
    path = folder / "stick"
    return _carrier(str(path), lambda: _pty(_Lasting(device), path))


def tcp(device: Device, folder: Path) -> AbstractAsyncContextManager[Carrier]:
    """Raw bytes on a TCP port."""
    port = free_port()
    return _carrier(
        f"socket://127.0.0.1:{port}",
        lambda: _served(lambda ready: serve_tcp(_Lasting(device), "127.0.0.1", port, ready=ready)),
    )


@asynccontextmanager
async def ser2net(device: Device, folder: Path) -> AsyncIterator[Carrier]:
    """Debian's ser2net, raw, in front of the pty."""
    program, port, configuration = _found("ser2net"), free_port(), folder / "ser2net.yaml"
    path = folder / "behind"
    accepter, connector = f"tcp,127.0.0.1,{port}", f"serialdev,{path},{BAUDRATE}n81,local"
    configuration.write_text(f"connection: &stick\n  accepter: {accepter}\n  connector: {connector}\n")
    command = (program, "-n", "-c", str(configuration), "-P", str(folder / "pid"))
    async with (
        _pty(device, path),
        _carrier(f"socket://127.0.0.1:{port}", lambda: _program(*command, ready=lambda: listening(port))) as carrier,
    ):
        yield carrier


@asynccontextmanager
async def socat_tcp(device: Device, folder: Path) -> AsyncIterator[Carrier]:
    """socat with a TCP port in front of the pty."""
    program, port, path = _found("socat"), free_port(), folder / "behind"
    # One client at a time, and its end at once: otherwise the child of an earlier one reads what is for the next.
    accepting = f"TCP-LISTEN:{port},bind=127.0.0.1,reuseaddr,fork,max-children=1"
    command = (program, "-t0", accepting, f"FILE:{path},raw,echo=0")
    async with (
        _pty(device, path),
        _carrier(f"socket://127.0.0.1:{port}", lambda: _program(*command, ready=lambda: listening(port))) as carrier,
    ):
        yield carrier


@asynccontextmanager
async def socat_pty(device: Device, folder: Path) -> AsyncIterator[Carrier]:
    """socat with a pseudo terminal in front of a TCP port: a remote stick under a local name."""
    program, path = _found("socat"), folder / "stick"
    async with _served(lambda ready: serve_tcp(device, "127.0.0.1", 0, ready=ready)) as address:
        command = (program, "-t0", f"PTY,link={path},raw,echo=0,ignoreeof", f"TCP:{address}")
        async with _carrier(str(path), lambda: _program(*command, ready=lambda: until(path.exists))) as carrier:
            yield carrier


@asynccontextmanager
async def rfc2217(device: Device, folder: Path) -> AsyncIterator[Carrier]:
    """A server that speaks RFC 2217."""
    port = free_port()
    async with _carrier(f"rfc2217://127.0.0.1:{port}", lambda: Rfc2217Server(device.open_port, port)) as carrier:
        yield carrier


CARRIERS: dict[str, Making] = {
    "pty": pty,
    "tcp": tcp,
    "ser2net": ser2net,
    "socat-tcp": socat_tcp,
    "socat-pty": socat_pty,
    "rfc2217": rfc2217,
}


def free_port() -> int:
    """A TCP port that nobody uses at the moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


async def listening(port: int) -> None:
    """Return as soon as somebody listens at `port`; without a connection, which a server of one client would serve."""
    entry = re.compile(rf":{port:04X} [0-9A-F]+:0000 0A ")  # local address, remote address, the state LISTEN
    await until(lambda: entry.search(Path("/proc/net/tcp").read_text(encoding="ascii")), PATIENCE_S)


def _found(name: str) -> str:
    program = shutil.which(name, path=f"{os.environ['PATH']}:/usr/sbin")
    if program is None:
        pytest.skip(f"{name} is not installed: sudo apt-get install {name}")
    return program
