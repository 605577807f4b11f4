"""Emulated meters on a real network interface, for other programs: one address and one socket for each (Linux only)."""

from __future__ import annotations

import asyncio
import errno
import fcntl
import socket
import struct
from collections.abc import Callable, Sequence
from contextlib import suppress
from gettext import gettext as _
from pathlib import Path
from typing import Final

from hems_data_collector.clock import Clock, SystemClock
from hems_data_collector.emulator.radio import ECHONET_PORT
from hems_data_collector.emulator.wifi import ALL_NODES, WifiMeter
from hems_data_collector.errors import PortBusy, PortDenied, PortError, PortNotFound
from hems_data_collector.language import os_text

READ_SIZE: Final = 2048
ADDRESS_READY_S: Final = 5.0
"""A new address may not be used before its uniqueness was checked, which takes 1 to 2 s."""
POLL_S: Final = 0.1
_ADDRESSES: Final = Path("/proc/net/if_inet6")
_SIOCSIFADDR, _SIOCDIFADDR = 0x8916, 0x8936
_PREFIX_BITS: Final = 64
_LINK_LOCAL_SCOPE: Final = 0x20


async def serve_wifi(
    meters: Sequence[WifiMeter], interface: str | None, *, ready: Callable[[str, Sequence[str]], None] | None = None
) -> None:
    """Serve on `interface` (None: the only one that there is) until cancelled; several meters need root.

    Each meter gets a link-local address of its own where this user may add one, which root may; else the only meter
    uses the machine's own. `ready` is called with the interface and the addresses. Raises PortNotFound, PortBusy or
    PortDenied.
    """
    name, own = _place(interface)
    places = [_Place(meter, name, own, SystemClock()) for meter in meters]
    hall = None
    try:
        for place in places:
            await place.settle(may_share=len(places) == 1)
        hall = _bound(ALL_NODES, name)
        _listen(hall, [place.meter for place in places])
        if ready is not None:
            ready(name, [place.address for place in places])
        for place in places:
            place.meter.start(place.send, place.move)
        await asyncio.get_running_loop().create_future()
    finally:
        for place in places:
            place.meter.close()
            place.leave()
        if hall is not None:
            asyncio.get_running_loop().remove_reader(hall)
            hall.close()


class _Place:
    """One meter's address and socket."""

    def __init__(self, meter: WifiMeter, interface: str, own: str, clock: Clock) -> None:
        self.meter = meter
        self.address = own
        self._interface = interface
        self._clock = clock
        self._socket: socket.socket | None = None
        self._added: str | None = None

    async def settle(self, *, may_share: bool) -> None:
        """Take the meter's own address, or else stay at the machine's; raises PortError."""
        try:
            _change_address(_SIOCSIFADDR, self._interface, self.meter.address)
        except PermissionError as error:
            if not may_share:
                raise PortDenied(
                    _("This user may not add an address to {interface}.").format(interface=self._interface),
                    cause=_("Each meter needs an address of its own, and only root may add one."),
                    remedy=_("Run it with sudo, or serve one meter only."),
                ) from error
        except OSError as error:
            raise _cannot_serve(self._interface, error) from error
        else:
            self.address = self._added = self.meter.address
        self._socket = await self._open()
        _listen(self._socket, [self.meter])

    async def move(self, address: str) -> None:
        """Exchange the address for `address`; without the right to it the meter stays where it is."""
        if self._added is None:
            return
        self.leave()
        _change_address(_SIOCSIFADDR, self._interface, address)
        self.address = self._added = address
        self._socket = await self._open()
        _listen(self._socket, [self.meter])

    def send(self, payload: bytes, address: str) -> None:
        """Send one datagram, or lose it."""
        if self._socket is not None:
            with suppress(OSError):
                self._socket.sendto(payload, (address, ECHONET_PORT, 0, socket.if_nametoindex(self._interface)))

    def leave(self) -> None:
        """Close the socket and take the address away again."""
        if self._socket is not None:
            asyncio.get_running_loop().remove_reader(self._socket)
            self._socket.close()
            self._socket = None
        if self._added is not None:
            with suppress(OSError):
                _change_address(_SIOCDIFADDR, self._interface, self._added)
            self._added = None

    async def _open(self) -> socket.socket:
        until = self._clock.monotonic() + ADDRESS_READY_S
        while True:
            try:
                return _bound(self.address, self._interface)
            except PortNotFound:
                if self._clock.monotonic() >= until:
                    raise
            await self._clock.sleep(POLL_S)


def _place(interface: str | None) -> tuple[str, str]:
    """The interface to serve on and its link-local address; raises PortNotFound."""
    found: dict[str, str] = {}
    with suppress(OSError):
        for line in _ADDRESSES.read_text(encoding="ascii").splitlines():
            digits, _index, _prefix, scope, _flags, name = line.split()
            if int(scope, 16) == _LINK_LOCAL_SCOPE:
                found[name] = socket.inet_ntop(socket.AF_INET6, bytes.fromhex(digits))
    if interface is None and len(found) == 1:
        return found.popitem()
    if interface is not None and interface in found:
        return interface, found[interface]
    listed = ", ".join(sorted(found)) or "none"
    raise PortNotFound(
        _("There is no network interface {interface} with an IPv6 link-local address.").format(interface=interface)
        if interface is not None
        else _(
            "Which network interface shall the meter be on? These have an IPv6 link-local address: {listed}."
        ).format(listed=listed),
        cause=_("Those that have one are: {listed}.").format(listed=listed) if interface is not None else "",
        remedy=_("Name one of them; look with: ip -6 address show scope link"),
    )


def _bound(address: str, interface: str) -> socket.socket:
    """A socket on port 3610 of one address; raises PortError, PortNotFound while the address is not usable."""
    sock = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
    try:
        index = socket.if_nametoindex(interface)
        if address == ALL_NODES:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # a group is for everybody who listens
            group = socket.inet_pton(socket.AF_INET6, address) + struct.pack("@I", index)
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_JOIN_GROUP, group)
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_IF, index)
        sock.bind((address, ECHONET_PORT, 0, index))
    except OSError as error:
        sock.close()
        raise _cannot_serve(interface, error) from error
    return sock


def _listen(sock: socket.socket, meters: Sequence[WifiMeter]) -> None:
    """Hand each datagram to every one of `meters`."""

    def readable() -> None:
        try:
            payload, (address, port, _flow, _scope) = sock.recvfrom(READ_SIZE)
        except OSError:
            return  # none after all, or the interface went down
        for meter in meters:
            meter.receive(payload, address.partition("%")[0], port)

    asyncio.get_running_loop().add_reader(sock, readable)


def _change_address(request: int, interface: str, address: str) -> None:
    """Add an address to an interface, or remove it (netdevice(7), struct in6_ifreq); raises OSError."""
    with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as sock:
        index = socket.if_nametoindex(interface)
        fcntl.ioctl(
            sock, request, struct.pack("@16sIi", socket.inet_pton(socket.AF_INET6, address), _PREFIX_BITS, index)
        )


def _cannot_serve(interface: str, error: OSError) -> PortError:
    what = _("UDP port {echonet_port} cannot be opened on {interface}: {reason}.").format(
        echonet_port=ECHONET_PORT, interface=interface, reason=os_text(error)
    )
    if error.errno == errno.EADDRINUSE:
        return PortBusy(
            what,
            cause=_(
                "Another ECHONET Lite program holds it on this machine; a collector with --port wifi: does so too."
            ),
            remedy=_("End that program, or keep the two apart in network namespaces, see docs/emulator.md."),
        )
    if error.errno == errno.EEXIST:
        return PortBusy(
            _("The meter's address is taken on {interface}.").format(interface=interface),
            cause=_("Another emulated meter with the same MAC address serves there, or one ended in disorder."),
            remedy=_("Give another one with --mac, or remove the address with: sudo ip -6 address del"),
        )
    return PortNotFound(
        what,
        cause=_("The interface is down or went away."),
        remedy=_("Look with: ip -6 address show dev {interface}").format(interface=interface),
    )
