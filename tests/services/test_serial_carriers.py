"""`open_transport` over every carrier of a serial port: a pty, raw TCP, Debian's ser2net, RFC 2217.

Behind each carrier stands either a device that sends back what it gets, to see every byte arrive, or the emulated
stick, to take one reading with the whole collector.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from pathlib import Path
from random import Random
from typing import Any, TypeAlias

import pytest

from hems_data_collector.app import read_once
from hems_data_collector.config import load_settings
from hems_data_collector.emulator import (
    SAMPLE_PASSWORD,
    SAMPLE_ROUTE_B_ID,
    Emulator,
    EmulatorSettings,
    serve_pty,
    serve_tcp,
)
from hems_data_collector.errors import PortBusy, PortLost, PortNotFound
from hems_data_collector.link import serial_port
from hems_data_collector.link.transport import Transport, open_transport
from support.rfc2217_server import SET_BAUDRATE, SET_CONTROL, SET_DATASIZE, SET_PARITY, SET_STOPSIZE, Rfc2217Server

pytestmark = pytest.mark.services

BAUDRATE = 115_200
PATIENCE_S = 10.0
CREDENTIALS = {"B_ROUTE_ID": SAMPLE_ROUTE_B_ID, "B_ROUTE_PASSWORD": SAMPLE_PASSWORD}


class Loopback:
    """An open port that sends back what it gets."""

    def __init__(self) -> None:
        self._queue: asyncio.Queue[bytes] = asyncio.Queue()

    async def read(self) -> bytes:
        return await self._queue.get()

    async def write(self, data: bytes) -> None:
        self._queue.put_nowait(data)

    async def close(self) -> None:
        """Nothing to let go of."""


class LoopbackStick:
    """What the servers need of an emulator, with a loopback as its port."""

    plugged = True
    fragmenting = False

    def open_port(self) -> Loopback:
        return Loopback()

    def close(self) -> None:
        """Nothing to stop."""


Device: TypeAlias = Any
Carrier: TypeAlias = Callable[[Device, Path], AbstractAsyncContextManager[str]]


@asynccontextmanager
async def served(serve: Callable[[Callable[[str], None]], Any]) -> AsyncIterator[str]:
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
async def pty(device: Device, folder: Path) -> AsyncIterator[str]:
    async with served(lambda ready: serve_pty(device, str(folder / "stick"), ready=ready)) as path:
        yield path


@asynccontextmanager
async def tcp(device: Device, folder: Path) -> AsyncIterator[str]:
    async with served(lambda ready: serve_tcp(device, "127.0.0.1", 0, ready=ready)) as address:
        yield f"socket://{address}"


@asynccontextmanager
async def ser2net(device: Device, folder: Path) -> AsyncIterator[str]:
    """Debian's ser2net, raw, in front of the pty."""
    program = shutil.which("ser2net", path=f"{os.environ['PATH']}:/usr/sbin")
    if program is None:
        pytest.skip("ser2net is not installed: sudo apt-get install ser2net")
    async with pty(device, folder) as path:
        port = free_port()
        configuration = folder / "ser2net.yaml"
        accepter, connector = f"tcp,127.0.0.1,{port}", f"serialdev,{path},{BAUDRATE}n81,local"
        configuration.write_text(f"connection: &stick\n  accepter: {accepter}\n  connector: {connector}\n")
        process = await asyncio.create_subprocess_exec(
            program, "-n", "-c", str(configuration), "-P", str(folder / "pid")
        )
        try:
            await listening(port)
            yield f"socket://127.0.0.1:{port}"
        finally:
            process.terminate()
            await process.wait()


@asynccontextmanager
async def rfc2217(device: Device, folder: Path) -> AsyncIterator[str]:
    async with Rfc2217Server(device.open_port) as server:
        yield server.url


CARRIERS: dict[str, Carrier] = {"pty": pty, "tcp": tcp, "ser2net": ser2net, "rfc2217": rfc2217}


@pytest.fixture(params=CARRIERS)
def carrier(request: pytest.FixtureRequest) -> Carrier:
    return CARRIERS[request.param]


def free_port() -> int:
    """A TCP port that nobody uses at the moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


async def listening(port: int) -> None:
    """Return as soon as somebody listens at `port`."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            with suppress(ConnectionRefusedError):
                _, writer = await asyncio.open_connection("127.0.0.1", port)
                writer.close()
                await writer.wait_closed()
                return
            await asyncio.sleep(0.02)  # there is no event for a server of another process


async def ask_version(transport: Transport) -> bytes:
    """What the stick says to SKVER, echo included."""
    await transport.write(b"SKVER\r\n")
    data = b""
    async with asyncio.timeout(PATIENCE_S):
        while not data.endswith(b"OK\r\n"):
            data += await transport.read()
    return data


async def exactly(transport: Transport, size: int) -> bytes:
    """The next `size` bytes."""
    data = b""
    async with asyncio.timeout(PATIENCE_S):
        while len(data) < size:
            data += await transport.read()
    return data


async def test_every_byte_arrives_as_it_was_sent(carrier: Carrier, tmp_path: Path) -> None:
    sent = [Random(size).randbytes(size) for size in (1, 7, 700, 1400)] + [
        bytes(range(256)),
        b"\r\n\x11\x13\xff\xff\x00",
    ]
    async with carrier(LoopbackStick(), tmp_path) as url:
        transport = await open_transport(url, BAUDRATE)
        try:
            for data in sent:
                await transport.write(data)
                assert await exactly(transport, len(data)) == data
        finally:
            await transport.close()


async def test_a_port_that_was_closed_can_be_opened_again(carrier: Carrier, tmp_path: Path) -> None:
    async with carrier(Emulator(EmulatorSettings.from_query("fast=1")), tmp_path) as url:
        for _ in range(3):
            transport = await open_transport(url, BAUDRATE)
            assert await ask_version(transport) == b"SKVER\r\nEVER 1.2.10\r\nOK\r\n"
            await transport.close()


@pytest.mark.parametrize("module", ["bp35a1", "rl7023-dss"])
async def test_the_collector_reads_the_meter(carrier: Carrier, module: str, tmp_path: Path) -> None:
    emulator = Emulator(EmulatorSettings.from_query(f"module={module}&fast=1&unit=02"))
    async with carrier(emulator, tmp_path) as url:
        environ = {**CREDENTIALS, "XDG_STATE_HOME": str(tmp_path)}
        settings = load_settings({"port": url}, environ, tmp_path, one_shot=True)
        async with asyncio.timeout(PATIENCE_S):
            _, _, record = await read_once(settings)
    truth = emulator.truth[-1]
    assert {key: record.fields[key] for key in truth if not key.startswith("recent")} == {
        key: value for key, value in truth.items() if not key.startswith("recent")
    }
    assert record.fields["instant_power_w"] is not None
    assert emulator.counters.terminations == 1


async def test_an_unplugged_stick_is_a_lost_port(carrier: Carrier, tmp_path: Path) -> None:
    emulator = Emulator(EmulatorSettings.from_query("fast=1"))
    async with carrier(emulator, tmp_path) as url:
        transport = await open_transport(url, BAUDRATE)
        await ask_version(transport)
        emulator.inject("unplug:0")
        with pytest.raises(PortLost, match="went away"):
            async with asyncio.timeout(PATIENCE_S):
                await transport.read()
        with pytest.raises(PortLost):
            await transport.write(b"SKVER\r\n")
        await transport.close()


async def test_rfc2217_sets_the_port_to_8n1_without_flow_control() -> None:
    async with Rfc2217Server(Loopback) as server:
        transport = await open_transport(server.url, 57_600)
        await transport.close()
        settings = server.com_port.settings
    assert settings[SET_BAUDRATE] == (57_600).to_bytes(4, "big")
    assert (settings[SET_DATASIZE], settings[SET_PARITY], settings[SET_STOPSIZE]) == (b"\x08", b"\x01", b"\x01")
    assert settings[SET_CONTROL] == b"\x01"


async def test_a_server_that_drops_the_connection_is_a_lost_port() -> None:
    async with Rfc2217Server(Loopback) as server:
        transport = await open_transport(server.url, BAUDRATE)
        server.drop()
        with pytest.raises(PortLost):
            await asyncio.wait_for(transport.read(), PATIENCE_S)
        await transport.close()


async def test_a_device_that_another_program_holds_is_busy(tmp_path: Path) -> None:
    async with pty(LoopbackStick(), tmp_path) as path:
        first = await open_transport(path, BAUDRATE)
        with pytest.raises(PortBusy):
            await open_transport(path, BAUDRATE)
        await first.close()


@pytest.mark.parametrize("scheme", ["socket", "rfc2217"])
async def test_nobody_listening_is_no_port(scheme: str) -> None:
    with pytest.raises(PortNotFound, match="cannot be reached"):
        await open_transport(f"{scheme}://127.0.0.1:{free_port()}", BAUDRATE)


async def test_a_server_without_rfc2217_is_no_port(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serial_port, "CONNECT_TIMEOUT_S", 0.5)
    async with tcp(LoopbackStick(), Path()) as url:
        with pytest.raises(PortNotFound):
            await open_transport(url.replace("socket:", "rfc2217:"), BAUDRATE)
