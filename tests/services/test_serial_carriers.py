"""`open_transport` over every carrier of a serial port: a pty, raw TCP, ser2net, RFC 2217; the bytes are the same."""

from __future__ import annotations

import asyncio

import pytest

from hems_data_collector.link.transport import open_transport
from support.rfc2217_server import SET_BAUDRATE, SET_DATASIZE, Rfc2217Server

pytestmark = pytest.mark.services

EVERY_BYTE = bytes(range(256))


class Loopback:
    """A device that sends back what it gets."""

    def __init__(self) -> None:
        self._queue: asyncio.Queue[bytes] = asyncio.Queue()

    async def read(self) -> bytes:
        return await self._queue.get()

    async def write(self, data: bytes) -> None:
        self._queue.put_nowait(data)

    async def close(self) -> None:
        pass


async def exactly(transport, size: int) -> bytes:
    data = b""
    async with asyncio.timeout(10):
        while len(data) < size:
            data += await transport.read()
    return data


async def test_rfc2217_carries_every_byte_and_the_port_settings() -> None:
    async with Rfc2217Server(Loopback) as server:
        transport = await open_transport(server.url, 115200)
        await transport.write(EVERY_BYTE * 3)
        assert await exactly(transport, 3 * 256) == EVERY_BYTE * 3
        assert server.com_port.settings[SET_BAUDRATE] == (115200).to_bytes(4, "big")
        assert server.com_port.settings[SET_DATASIZE] == b"\x08"
        print(server.com_port.settings)
        await transport.close()
