"""Bytes in, bytes out: a port by device path or URL.

Devices and the URL schemes `socket:`, `rfc2217:` and `esphome:` are serial ports; further schemes are entered in the
table by whoever wires the program, so that this level never imports the emulator.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Protocol, TypeAlias


class Transport(Protocol):
    """An open port."""

    async def read(self) -> bytes:
        """At least one byte; raises PortLost when the port is gone."""

    async def write(self, data: bytes) -> None:
        """Hand `data` to the port; raises PortLost when the port is gone."""

    async def close(self) -> None:
        """Release the port; never raises."""


Opener: TypeAlias = Callable[[str, int], Awaitable[Transport]]

_SCHEMES: dict[str, Opener] = {}


def register_scheme(scheme: str, opener: Opener) -> None:
    """Open every port URL that begins with `scheme:` by `opener(url, baudrate)`."""
    _SCHEMES[scheme] = opener


async def open_transport(url: str, baudrate: int) -> Transport:
    """Open the port `url` (device path or URL) at `baudrate` bit/s, 8N1, no flow control (skstack-ip §1.1).

    Raises PortNotFound, PortBusy, PortDenied or PortError, each with cause and remedy.
    """
    opener = _SCHEMES.get(url.partition(":")[0])
    if opener is None:
        from hems_data_collector.link.serial_port import open_serial

        opener = open_serial
    return await opener(url, baudrate)
