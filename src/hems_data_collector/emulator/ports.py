"""The serial port in front of the module: an in-process transport that fragments, unplugs and opens again."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from gettext import gettext as _
from typing import Final, Protocol, TypeAlias

from hems_data_collector.emulator.faults import FaultBox
from hems_data_collector.errors import PortBusy, PortLost, PortNotFound

GARBAGE: Final = b"\xf8\x00\x9c"
"""What a UART reads at the wrong speed, more or less."""
BUFFER_LIMIT: Final = 1 << 20
"""Bytes that wait for a reader; more are dropped and counted, as a UART does."""


class Host(Protocol):
    """What a port needs from the device behind it."""

    def feed(self, data: bytes) -> None:
        """Take bytes from the host."""


Rate: TypeAlias = Callable[[], int | None]
"""The speed that the host has set, in bit/s; None where the port has no speed."""


class EmulatedPort:
    """An open port: `read`, `write` and `close` as the transports of the collector have them."""

    def __init__(self, socket: Socket, rate: Rate) -> None:
        self._socket = socket
        self.rate = rate
        self._chunks: deque[bytes] = deque()
        self._size = 0
        self._arrival = asyncio.Event()
        self._gone: str | None = None

    async def read(self) -> bytes:
        """The next bytes as they came; PortLost when the port is unplugged or closed."""
        while not self._chunks:
            self._check()
            self._arrival.clear()
            await self._arrival.wait()
        chunk = self._chunks.popleft()
        self._size -= len(chunk)
        return chunk

    async def write(self, data: bytes) -> None:
        """Hand bytes to the module; PortLost when the port is unplugged or closed."""
        self._check()
        if self._socket.understands(self.rate()):
            self._socket.feed(data)

    async def close(self) -> None:
        """Let go of the port; the module goes on, and may be opened again."""
        self._socket.closed(self)
        self.break_off(_("The port was closed."))

    def push(self, chunk: bytes) -> bool:
        """Queue bytes for the reader; False where they had to be dropped."""
        if self._size + len(chunk) > BUFFER_LIMIT:
            return False
        self._chunks.append(chunk)
        self._size += len(chunk)
        self._arrival.set()
        return True

    def break_off(self, why: str) -> None:
        """End the port; what it had received can still be read."""
        self._gone = self._gone or why
        self._arrival.set()

    def _check(self) -> None:
        if self._gone is not None:
            raise PortLost(
                self._gone,
                cause=_("The emulated stick was unplugged, or the program closed it."),
                remedy=_("Open it again."),
            )


class Socket:
    """Where the stick is plugged in: at most one open port, or nothing there at all."""

    def __init__(self, faults: FaultBox, baud: int | None) -> None:
        self._faults = faults
        self._baud = baud
        self._port: EmulatedPort | None = None
        self.device: Host | None = None
        self.plugged = True
        self.dropped_bytes = 0

    def understands(self, rate: int | None) -> bool:
        """Host and module have the same speed, or one of them has none."""
        return rate is None or self._baud is None or rate == self._baud

    def open(self, rate: Rate = lambda: None) -> EmulatedPort:
        """Open the port. Raises PortNotFound while unplugged, PortBusy while it is open already."""
        if not self.plugged:
            raise PortNotFound(
                _("The emulated stick is unplugged."),
                cause=_("The fault `unplug` is in force."),
                remedy=_("Wait a few seconds."),
            )
        if self._port is not None:
            raise PortBusy(
                _("The emulated port is already open."),
                cause=_("A serial port serves one program at a time."),
                remedy=_("Close the other one first."),
            )
        self._port = EmulatedPort(self, rate)
        return self._port

    @property
    def is_open(self) -> bool:
        """Somebody has the port open."""
        return self._port is not None

    @property
    def fragmenting(self) -> bool:
        """A fault cuts the output into pieces."""
        return bool(self._faults.get("chunk1") or self._faults.get("crlf-split"))

    def feed(self, data: bytes) -> None:
        """Pass bytes on to the device."""
        if self.device is not None:
            self.device.feed(data)

    def output(self, data: bytes) -> None:
        """Pass bytes from the device to the open port; without one they are lost, at another speed they are garbage."""
        if self._port is not None and not self.understands(self._port.rate()):
            data = GARBAGE * -(-len(data) // len(GARBAGE))
        for chunk in self._fragments(data):
            if self._port is None or not self._port.push(chunk):
                self.dropped_bytes += len(chunk)

    def closed(self, port: EmulatedPort) -> None:
        """The program closed `port`."""
        if self._port is port:
            self._port = None

    def unplug(self) -> None:
        """Pull the stick: the open port is lost."""
        self.plugged = False
        if self._port is not None:
            self._port.break_off(_("The port is gone."))
            self._port = None

    def _fragments(self, data: bytes) -> list[bytes]:
        """The pieces in which bytes arrive, by the faults in force."""
        if self._faults.get("chunk1"):
            return [data[at : at + 1] for at in range(len(data))]
        if self._faults.get("crlf-split"):
            return [piece for piece in _split_line_ends(data) if piece]
        return [data] if data else []


def _split_line_ends(data: bytes) -> list[bytes]:
    """Cut between every CR and the LF behind it."""
    pieces, start = [], 0
    while (at := data.find(b"\r\n", start)) >= 0:
        pieces.append(data[start : at + 1])
        start = at + 1
    return [*pieces, data[start:]]
