"""Bytes in, bytes out: a port by device path or URL; and which kind of link speaks over it.

Devices and the URL schemes `socket:`, `rfc2217:` and `esphome:` are serial ports with a Wi-SUN stick; further schemes
are entered in the two tables by whoever wires the program, so that this level never imports the emulator.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from random import Random
from typing import Protocol, TypeAlias

from hems_data_collector.clock import Clock
from hems_data_collector.credentials import Credentials
from hems_data_collector.link.base import MeterLink, OnProgress, Pan, WifiPlace
from hems_data_collector.link.restriction import Restriction
from hems_data_collector.link.usb import UsbIdentity


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


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkOrder:
    """Everything that a link to one meter may be made from; each kind takes what it needs."""

    port: str
    """A device path or URL."""
    opener: Opener = open_transport
    """What opens that port."""
    baudrate: int
    credentials: Credentials
    clock: Clock
    rng: Random
    fixed_pan: Pan | None = None
    """Where the meter is, as its owner says."""
    cached_pan: Pan | None = None
    """Where it was found last."""
    cached_wifi: WifiPlace | None = None
    """The same for a meter in the home network, and which one it was."""
    terminated_at: datetime | None = None
    """When we ended the last session in order."""
    rate: int | None = None
    """The baud rate at which a modem answered last."""
    stick: UsbIdentity | None = None
    """The USB stick that was behind the port last."""
    restriction: Restriction | None = None
    """The pause of the legal air time, one for each port."""
    on_pan_failed: Callable[[], None] = lambda: None
    """To be called when `cached_pan` has proved wrong."""
    on_learned: Callable[..., object] = lambda **_: None
    """To be called with `rate=` or `stick=` when another one was found."""
    on_progress: OnProgress = lambda _: None


LinkFactory: TypeAlias = Callable[[LinkOrder], MeterLink]


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkKind:
    """A way to reach meters."""

    make: LinkFactory
    one_at_a_time: bool
    """A port of this kind holds one session: several meters on it take turns."""


_LINKS: dict[str, LinkKind] = {}


def register_link(scheme: str, factory: LinkFactory, *, one_at_a_time: bool = False) -> None:
    """Reach the meters of every port URL that begins with `scheme:` by links that `factory` makes."""
    _LINKS[scheme] = LinkKind(make=factory, one_at_a_time=one_at_a_time)


def link_kind(url: str, default: LinkKind) -> LinkKind:
    """How the meters of the port `url` are reached; `default` where no kind is registered for its scheme."""
    return _LINKS.get(url.partition(":")[0], default)
