"""The port of one stick across replugs and unknown speeds: which device to open, and at which baud rates."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Final, Protocol

from hems_data_collector.link.transport import Opener, Transport
from hems_data_collector.link.usb import UsbIdentity, UsbSerials

log = logging.getLogger(__name__)

RATES: Final = (115_200, 2_400, 4_800, 9_600, 19_200, 38_400, 57_600)  # as WUART numbers them (skstack-ip §2.7)
_SCHEMES_WITH_A_RATE: Final = frozenset({"rfc2217", "emulator"})


def scheme_of(port: str) -> str:
    """What a port URL begins with; empty for a device, whose path may have colons (`/dev/serial/by-path/...`)."""
    scheme, colon, _rest = port.partition(":")
    return scheme if colon and not port.startswith(("/", ".")) else ""


class Port(Protocol):
    """What the modem is reached through."""

    @property
    def rates(self) -> tuple[int, ...]:
        """The baud rates worth a try, in order; never empty."""

    async def open(self, rate: int) -> Transport:
        """Open it; errors as `open_transport`."""

    def worked(self, rate: int) -> None:
        """A modem answered at that rate."""


class PlainPort:
    """A port of which nothing is known but how to open it."""

    rates: tuple[int, ...] = (0,)

    def __init__(self, open_port: Callable[[], Awaitable[Transport]]) -> None:
        self._open = open_port

    async def open(self, rate: int) -> Transport:
        """Open it."""
        return await self._open()

    def worked(self, rate: int) -> None:
        """Nothing to learn."""


class DevicePort:
    """A device path or URL.

    A USB stick is recognised by its serial number where the configured path is gone. `rate` and `stick` are what an
    earlier run has learned; `on_learned(rate=...)` and `on_learned(stick=...)` keep it for the next.
    """

    def __init__(
        self,
        url: str,
        baudrate: int,
        *,
        opener: Opener,
        rate: int | None = None,
        stick: UsbIdentity | None = None,
        serials: UsbSerials | None = None,
        on_learned: Callable[..., Any] = lambda **_: None,
    ) -> None:
        self._url = url
        self._baudrate = baudrate
        self._opener = opener
        self._rate = rate
        self._stick = stick
        self._serials = serials or UsbSerials()
        self._on_learned = on_learned
        self._told: tuple[str | None, int | None] = (None, None)
        scheme = scheme_of(url)
        self._is_device = not scheme
        self._has_rate = self._is_device or scheme in _SCHEMES_WITH_A_RATE

    @property
    def rates(self) -> tuple[int, ...]:
        """What worked last, what is configured, then every rate a modem can be set to."""
        if not self._has_rate:
            return (self._baudrate,)
        first = (self._baudrate,) if self._rate is None else (self._rate, self._baudrate)
        return tuple(dict.fromkeys((*first, *RATES)))

    async def open(self, rate: int) -> Transport:
        """Open the configured path, or the same stick under its new name."""
        path = self._path()
        transport = await self._opener(path, rate)
        stick = self._serials.identity_of(path) if self._is_device else None
        if stick is not None and stick != self._stick:
            self._stick = stick
            self._on_learned(stick=stick)
        return transport

    def worked(self, rate: int) -> None:
        """Begin with that rate next time, and tell its owner which setting saves the search."""
        if rate != self._baudrate and self._told[1] != rate:
            log.warning(
                "The modem answers at %d bit/s, not at the configured %d. Set --baudrate %d (SERIAL_RATE) to save the"
                " search.",
                rate,
                self._baudrate,
                rate,
            )
        self._told = (self._told[0], rate)
        if rate != (self._rate or self._baudrate):
            self._rate = rate
            self._on_learned(rate=rate)

    def _path(self) -> str:
        if not self._is_device or self._stick is None or Path(self._url).exists():
            self._told = (None, self._told[1])
            return self._url
        path = self._serials.path_of(self._stick)
        if path is None:
            return self._url
        if self._told[0] != path:
            log.warning(
                "%s is gone; the same stick (USB serial number %s) is at %s now.", self._url, self._stick.serial, path
            )
        self._told = (path, self._told[1])
        return path
