"""What every link is made of: where the meter is, what arrives from it, and what a link promises."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol, TypeAlias

from hems_data_collector.errors import HemsError, LinkError
from hems_data_collector.link.counters import LinkCounters
from hems_data_collector.link.session import SessionState


@dataclass(frozen=True, slots=True, kw_only=True)
class Pan:
    """Where a meter is found: channel 33-60, PAN ID and the meter's full link-local address (skstack-ip §3.3)."""

    channel: int
    pan_id: int
    address: str
    lqi: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class WifiPlace:
    """Where a meter is found on a network, and which one it is by its own words."""

    interface: str
    address: str
    """Its IPv6 link-local address, without zone."""
    serial: str | None = None
    """Serial number, property 8D."""
    node_id: str | None = None
    """Identification number of the node profile, property 83, upper-case hex."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Datagram:
    """One UDP payload from the meter, with the link quality of its frame where the modem tells it (0-255)."""

    payload: bytes
    lqi: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """A long step has begun: its name for people, and how long it should take (None = not known)."""

    text: str
    expected_s: float | None = None


OnProgress: TypeAlias = Callable[[Progress | None], None]
"""Called with each long step as it begins, and with None when nothing long is going on."""


class Link(Protocol):
    """Datagrams to and from one meter; `MeterClient` knows no more than this.

    While the link is up, `on_datagram` gets what the meter sends; `on_down` is called when the session ends.
    """

    on_datagram: Callable[[Datagram], None]
    on_down: Callable[[LinkError], None]

    @property
    def peer(self) -> str | None:
        """The meter's MAC address, 16 upper-case hex digits, once known."""

    async def send(self, payload: bytes) -> None:
        """Send one datagram to the meter.

        Raises SessionLost without a session, SendRestricted while the air time is used up, SendUnconfirmed when the
        radio got no acknowledgement.
        """

    async def probe_failed(self) -> None:
        """The meter stays silent although the session looks alive: end it, so that it is set up anew."""


class MeterLink(Link, Protocol):
    """A link as the wiring sees it, whatever radio it uses: it is kept for ever, or set up once.

    `on_joined` is called with the meter's place after each join and before anybody can use the session, `on_terminated`
    with the moment after we ended it in order.
    """

    on_joined: Callable[[Any], None]
    on_terminated: Callable[[datetime], None]
    counters: LinkCounters

    @property
    def state(self) -> SessionState:
        """Where the session stands."""

    @property
    def trouble(self) -> HemsError | None:
        """Why there is no session, as far as is known; None while there is one."""

    async def keep(self) -> None:
        """Set the session up and set it up again whenever it ends, for ever."""

    async def connect_once(self) -> Any:
        """Set the session up within 180 s and return the meter's place, or raise what went wrong."""

    async def wait_until(self, *states: SessionState) -> None:
        """Return as soon as the session is in one of `states`."""

    async def close(self) -> None:
        """End the session in order and let go of everything; never raises."""
