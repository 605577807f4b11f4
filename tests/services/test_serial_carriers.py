"""`open_transport` over every carrier of a serial port: a pty, raw TCP, Debian's ser2net and socat, RFC 2217.

Behind each carrier stands either a device that sends back what it gets, to see every byte arrive, or the emulated
stick, to take one reading with the whole collector.
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from random import Random

import pytest

from hems_data_collector.app import read_once
from hems_data_collector.config import load_settings
from hems_data_collector.emulator import SAMPLE_PASSWORD, SAMPLE_ROUTE_B_ID, Emulator, EmulatorSettings
from hems_data_collector.errors import PortBusy, PortLost, PortNotFound
from hems_data_collector.link import serial_port
from hems_data_collector.link.transport import Transport, open_transport
from support.carriers import BAUDRATE, CARRIERS, PATIENCE_S, Making, free_port, pty, tcp
from support.rfc2217_server import SET_BAUDRATE, SET_CONTROL, SET_DATASIZE, SET_PARITY, SET_STOPSIZE, Rfc2217Server

pytestmark = pytest.mark.services

CREDENTIALS = {"B_ROUTE_ID": SAMPLE_ROUTE_B_ID, "B_ROUTE_PASSWORD": SAMPLE_PASSWORD}


class Loopback:
    """An open port that sends back what it gets."""

    def __init__(self) -> None:
        self._queue: asyncio.Queue[bytes] = asyncio.Queue()

    async def read(self) -> bytes:
        data = await self._queue.get()
        if not data:
            raise PortLost("The port is gone.")
        return data

    async def write(self, data: bytes) -> None:
        self._queue.put_nowait(data)

    def break_off(self, why: str) -> None:
        self._queue.put_nowait(b"")

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


@pytest.fixture(params=CARRIERS)
def carrier(request: pytest.FixtureRequest) -> Making:
    return CARRIERS[request.param]


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


async def test_every_byte_arrives_as_it_was_sent(carrier: Making, tmp_path: Path) -> None:
    sent = [Random(size).randbytes(size) for size in (1, 7, 700, 1400)] + [
        bytes(range(256)),
        b"\r\n\x11\x13\xff\xff\x00",
    ]
    async with carrier(LoopbackStick(), tmp_path) as served:
        transport = await open_transport(served.url, BAUDRATE)
        try:
            for data in sent:
                await transport.write(data)
                assert await exactly(transport, len(data)) == data
        finally:
            await transport.close()


async def test_a_port_that_was_closed_can_be_opened_again(carrier: Making, tmp_path: Path) -> None:
    async with carrier(Emulator(EmulatorSettings.from_query("fast=1")), tmp_path) as served:
        for _ in range(3):
            transport = await open_transport(served.url, BAUDRATE)
            assert await ask_version(transport) == b"SKVER\r\nEVER 1.2.10\r\nOK\r\n"
            await transport.close()


@pytest.mark.parametrize("module", ["bp35a1", "rl7023-dss"])
async def test_the_collector_reads_the_meter(carrier: Making, module: str, tmp_path: Path) -> None:
    emulator = Emulator(EmulatorSettings.from_query(f"module={module}&fast=1&unit=02"))
    async with carrier(emulator, tmp_path) as served:
        environ = {**CREDENTIALS, "XDG_STATE_HOME": str(tmp_path)}
        settings = load_settings({"port": served.url}, environ, tmp_path, one_shot=True)
        async with asyncio.timeout(PATIENCE_S):
            _, _, record = await read_once(settings)
    truth = emulator.truth[-1]
    assert {key: record.fields[key] for key in truth if not key.startswith("recent")} == {
        key: value for key, value in truth.items() if not key.startswith("recent")
    }
    assert record.fields["instant_power_w"] is not None
    assert emulator.counters.terminations == 1


async def test_an_unplugged_stick_is_a_lost_port(carrier: Making, tmp_path: Path) -> None:
    emulator = Emulator(EmulatorSettings.from_query("fast=1"))
    async with carrier(emulator, tmp_path) as served:
        transport = await open_transport(served.url, BAUDRATE)
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
    async with pty(LoopbackStick(), tmp_path) as served:
        first = await open_transport(served.url, BAUDRATE)
        with pytest.raises(PortBusy):
            await open_transport(served.url, BAUDRATE)
        await first.close()


@pytest.mark.parametrize("scheme", ["socket", "rfc2217"])
async def test_nobody_listening_is_no_port(scheme: str) -> None:
    with pytest.raises(PortNotFound, match="cannot be reached"):
        await open_transport(f"{scheme}://127.0.0.1:{free_port()}", BAUDRATE)


async def test_a_server_without_rfc2217_is_no_port(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serial_port, "CONNECT_TIMEOUT_S", 0.5)
    async with tcp(LoopbackStick(), Path()) as served:
        with pytest.raises(PortNotFound):
            await open_transport(served.url.replace("socket:", "rfc2217:"), BAUDRATE)
