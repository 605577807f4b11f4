"""A serial port on the network by RFC 2217, as far as clients use it: options, port settings, masks, purge, data.

ser2net on a pty does not answer the modem-state request that clients wait for, because a pty has no modem lines; this
server answers it with "CTS, DSR and carrier are on". Telnet codes are those of RFC 854 and RFC 2217 §3.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Final, Protocol

from hems_data_collector.errors import PortError, PortLost

SE, SB, WILL, WONT, DO, DONT, IAC = 240, 250, 251, 252, 253, 254, 255
BINARY, SUPPRESS_GO_AHEAD, COM_PORT = 0, 3, 44
ACCEPTED: Final = frozenset((BINARY, SUPPRESS_GO_AHEAD, COM_PORT))

SET_BAUDRATE, SET_DATASIZE, SET_PARITY, SET_STOPSIZE, SET_CONTROL = 1, 2, 3, 4, 5
NOTIFY_MODEMSTATE, SET_MODEMSTATE_MASK = 7, 11
ANSWER: Final = 100
"""Added to the code of a request in the answer (RFC 2217 §3)."""
MODEM_STATE: Final = 0x80 | 0x20 | 0x10
"""Carrier, DSR and CTS on, nothing changed since."""


ACCEPTING_TURNS: Final = 5
"""Of the loop, until a connection that was accepted has its task."""


class SerialEnd(Protocol):
    """The device behind the server."""

    async def read(self) -> bytes:
        """At least one byte; PortLost ends the connection."""

    async def write(self, data: bytes) -> None:
        """Bytes from the client."""

    async def close(self) -> None:
        """The client has gone."""


class ComPort:
    """The telnet side of one connection, without I/O."""

    def __init__(self) -> None:
        self.settings: dict[int, bytes] = {}
        """The last value the client set, by request code."""
        self._state = self._data
        self._verb = 0
        self._block = bytearray()
        self._serial = bytearray()
        self._replies = bytearray()

    def receive(self, data: bytes) -> tuple[bytes, bytes]:
        """Bytes from the client; returns what goes to the device and what goes back to the client."""
        for byte in data:
            self._state = self._state(byte)
        serial, replies = bytes(self._serial), bytes(self._replies)
        self._serial.clear()
        self._replies.clear()
        return serial, replies

    def _data(self, byte: int) -> Callable[[int], Callable]:
        if byte == IAC:
            return self._command
        self._serial.append(byte)
        return self._data

    def _command(self, byte: int) -> Callable[[int], Callable]:
        if byte == IAC:
            self._serial.append(IAC)
        elif byte in (WILL, WONT, DO, DONT):
            self._verb = byte
            return self._option
        elif byte == SB:
            self._block.clear()
            return self._inside
        return self._data

    def _option(self, byte: int) -> Callable[[int], Callable]:
        if self._verb == WILL:
            self._replies += bytes((IAC, DO if byte in ACCEPTED else DONT, byte))
        elif self._verb == DO:
            self._replies += bytes((IAC, WILL if byte in ACCEPTED else WONT, byte))
        return self._data

    def _inside(self, byte: int) -> Callable[[int], Callable]:
        if byte == IAC:
            return self._inside_escape
        self._block.append(byte)
        return self._inside

    def _inside_escape(self, byte: int) -> Callable[[int], Callable]:
        if byte == IAC:
            self._block.append(IAC)
            return self._inside
        if byte == SE and len(self._block) >= 2 and self._block[0] == COM_PORT:
            self._request(self._block[1], bytes(self._block[2:]))
        return self._data

    def _request(self, code: int, value: bytes) -> None:
        if any(value):  # zero asks for the value in force (RFC 2217 §3)
            self.settings[code] = value
        self._answer(code, value if any(value) else self.settings.get(code, value))
        if code == SET_MODEMSTATE_MASK:
            self._answer(NOTIFY_MODEMSTATE, bytes((MODEM_STATE,)))

    def _answer(self, code: int, value: bytes) -> None:
        self._replies += bytes((IAC, SB, COM_PORT, code + ANSWER)) + escaped(value) + bytes((IAC, SE))


def escaped(data: bytes) -> bytes:
    """`data` with every 0xFF doubled, so that it is not read as a command."""
    return data.replace(b"\xff", b"\xff\xff")


class Rfc2217Server:
    """Serves one device at a time: `async with Rfc2217Server(open_device) as server`, then connect to `server.url`."""

    def __init__(self, open_device: Callable[[], SerialEnd], port: int = 0) -> None:
        self._open_device = open_device
        self._port = port
        self._server: asyncio.Server | None = None
        self._connections: set[asyncio.Task[None]] = set()
        self.com_port = ComPort()
        """What the newest client has set."""

    @property
    def url(self) -> str:
        """Where a client finds the port."""
        assert self._server is not None
        return f"rfc2217://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    async def __aenter__(self) -> Rfc2217Server:
        self._server = await asyncio.start_server(self._connected, "127.0.0.1", self._port)
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        for _ in range(ACCEPTING_TURNS):
            await asyncio.sleep(0)
        self.drop()
        await asyncio.gather(*self._connections, return_exceptions=True)
        await self._server.wait_closed()

    def drop(self) -> None:
        """Cut every connection, as a server that restarts does."""
        for task in self._connections:
            task.cancel()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._connections.add(task)
        try:
            await self._serve(reader, writer)
        finally:
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()
            self._connections.discard(task)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            device = self._open_device()
        except PortError:
            return  # another client has it still
        self.com_port = ComPort()
        ways = [
            asyncio.ensure_future(way) for way in (self._inward(reader, writer, device), self._outward(device, writer))
        ]
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        except asyncio.CancelledError:
            pass  # dropped: asyncio would report a cancelled connection as an error
        finally:
            for way in ways:
                way.cancel()
            for outcome in await asyncio.gather(*ways, return_exceptions=True):
                if isinstance(outcome, Exception) and not isinstance(outcome, PortLost | ConnectionError):
                    raise outcome
            await device.close()

    async def _inward(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, device: SerialEnd) -> None:
        while data := await reader.read(4096):
            serial, replies = self.com_port.receive(data)
            writer.write(replies)
            if serial:
                await device.write(serial)

    @staticmethod
    async def _outward(device: SerialEnd, writer: asyncio.StreamWriter) -> None:
        while True:
            writer.write(escaped(await device.read()))
            await writer.drain()
