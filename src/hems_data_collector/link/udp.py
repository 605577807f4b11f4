"""UDP port 3610 on a network interface, IPv6 link-local, as ECHONET Lite uses it (echonet-lite-meter §1.3).

The socket is bound to its interface and not shared: with SO_REUSEADDR a second program could bind the same port, and
Linux would hand each unicast answer to one of the two only, without a word. It takes IPv6 alone (IPV6_V6ONLY), so a
program that speaks ECHONET Lite over IPv4 may run beside it. Linux only.
"""

from __future__ import annotations

import asyncio
import errno
import fcntl
import logging
import socket
import struct
from collections.abc import Callable
from gettext import gettext as _
from pathlib import Path
from typing import Final, Protocol, TypeAlias

from hems_data_collector.echonet import UDP_PORT
from hems_data_collector.errors import PortBusy, PortError, PortNotFound
from hems_data_collector.language import os_text

log = logging.getLogger(__name__)

ALL_NODES: Final = "ff02::1"
READ_SIZE: Final = 2048  # more than an ECHONET Lite datagram can have on IPv6's minimum MTU (§1.3)
READS_AT_ONCE: Final = 64  # so that a flood leaves the rest of the program its turn
INTERFACE_ERRORS: Final = frozenset(
    (errno.ENETUNREACH, errno.ENETDOWN, errno.ENODEV, errno.ENXIO, errno.EADDRNOTAVAIL, errno.EBADF)
)
"""Errors of a transmission that say: this interface is down, gone, or without an address."""

Receive: TypeAlias = Callable[[bytes, str, int], None]
"""Takes payload, the sender's address without zone, and the sender's port."""

_ADDRESSES: Final = Path("/proc/net/if_inet6")
_SIOCGIFFLAGS: Final = 0x8913
_UP, _LOOPBACK, _RUNNING, _MULTICAST = 0x1, 0x8, 0x40, 0x1000
_LINK_LOCAL_SCOPE: Final = 0x20
_UNUSABLE_ADDRESS: Final = 0x40 | 0x08
"""Tentative (its uniqueness is still being checked), or found to be a duplicate."""


class Endpoint(Protocol):
    """UDP port 3610 on one interface."""

    def send(self, payload: bytes, address: str) -> None:
        """Send to port 3610 of `address`; raises OSError."""

    def usable(self) -> bool:
        """False once the interface is down or another one than at the opening."""

    def close(self) -> None:
        """Let go of the port; never raises."""


class Network(Protocol):
    """The interfaces of this machine."""

    def interfaces(self) -> tuple[str, ...]:
        """Those that are up, can multicast and have a link-local address; the loopback is none of them."""

    def open(self, interface: str, receive: Receive) -> Endpoint:
        """Open port 3610 on `interface`, joined to the all-nodes group, and hand each datagram to `receive`.

        Raises PortNotFound where the interface cannot be used, PortBusy where another program has the port.
        """


class SystemNetwork:
    """The real ones; `open` needs the running event loop."""

    def interfaces(self) -> tuple[str, ...]:
        """See `Network.interfaces`."""
        names = (name for _, name in socket.if_nameindex())
        return tuple(name for name in names if _trouble_with(name) is None)

    def open(self, interface: str, receive: Receive) -> Endpoint:
        """See `Network.open`."""
        trouble = _trouble_with(interface)
        if trouble is not None:
            raise trouble
        sock: socket.socket | None = None
        try:
            sock = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
            index = socket.if_nametoindex(interface)
            _bind(sock, interface, index)
        except OSError as error:
            if sock is not None:
                sock.close()
            raise _cannot_open(interface, error) from error
        return _SocketEndpoint(sock, interface, index, receive)


class _SocketEndpoint:
    def __init__(self, sock: socket.socket, interface: str, index: int, receive: Receive) -> None:
        self._socket = sock
        self._interface = interface
        self._index = index
        self._receive = receive
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(sock, self._readable)

    def send(self, payload: bytes, address: str) -> None:
        self._socket.sendto(payload, (address, UDP_PORT, 0, self._index))

    def usable(self) -> bool:
        try:
            same = socket.if_nametoindex(self._interface) == self._index
        except OSError:
            return False
        return same and _trouble_with(self._interface) is None

    def close(self) -> None:
        self._loop.remove_reader(self._socket)
        self._socket.close()

    def _readable(self) -> None:
        for _read in range(READS_AT_ONCE):
            if self._socket.fileno() < 0:
                return  # closed by what the datagram before it brought about
            try:
                payload, (address, port, _flow, scope) = self._socket.recvfrom(READ_SIZE)
            except BlockingIOError:
                return
            except OSError as error:
                log.debug("receiving on %s: %s", self._interface, error)
                return
            if scope in (0, self._index):  # 0: not from this link, which the receiver sees by the address
                self._receive(payload, address.partition("%")[0], port)


def _bind(sock: socket.socket, interface: str, index: int) -> None:
    """Bind to [::]:3610 on one interface and join ff02::1 there; raises OSError."""
    sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, interface.encode())
    except PermissionError:  # Linux before 5.7: one interface works all the same, several at once do not
        log.debug("this system lets only root bind a socket to an interface")
    sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_IF, index)
    sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_HOPS, 1)
    sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_LOOP, 0)  # our own questions are none to us
    sock.bind(("::", UDP_PORT))
    group = socket.inet_pton(socket.AF_INET6, ALL_NODES) + struct.pack("@I", index)
    sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_JOIN_GROUP, group)


def _trouble_with(interface: str) -> PortNotFound | None:
    """Why `interface` cannot carry ECHONET Lite; None where it can."""
    flags = _flags_of(interface)
    if flags is None:
        return no_interface(interface, tuple(name for _index, name in socket.if_nameindex()))
    if not flags & _UP or not flags & _RUNNING:
        return PortNotFound(
            _("The network interface {interface} is down.").format(interface=interface),
            cause=_("It is switched off, or not connected to its network."),
            remedy=_("Look with: ip link show {interface}; for Wi-Fi also: rfkill list.").format(interface=interface),
        )
    if flags & _LOOPBACK or not flags & _MULTICAST:
        return PortNotFound(
            _("The network interface {interface} cannot reach a meter.").format(interface=interface),
            cause=_("It knows no multicast."),
            remedy=_('Choose the one of the home network, for example "wifi:wlan0".'),
        )
    if not _has_link_local(interface):
        return PortNotFound(
            _("The network interface {interface} has no IPv6 link-local address.").format(interface=interface),
            cause=_("IPv6 is switched off there, or the interface came up just now."),
            remedy=_("Run: sudo sysctl net.ipv6.conf.{interface}.disable_ipv6=0").format(interface=interface),
        )
    return None


def _flags_of(interface: str) -> int | None:
    """The flags of an interface (netdevice(7)); None where there is no such interface."""
    with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as sock:
        request = struct.pack("16sh14x", interface.encode()[:15], 0)
        try:
            answer = fcntl.ioctl(sock, _SIOCGIFFLAGS, request)
        except OSError:
            return None
    return int(struct.unpack_from("H", answer, 16)[0])


def _has_link_local(interface: str) -> bool:
    try:
        lines = _ADDRESSES.read_text(encoding="ascii").splitlines()
    except OSError:
        return False  # a kernel without IPv6
    for line in lines:
        _address, _index, _prefix, scope, flags, name = line.split()
        if name == interface and int(scope, 16) == _LINK_LOCAL_SCOPE and not int(flags, 16) & _UNUSABLE_ADDRESS:
            return True
    return False


def no_interface(interface: str | None, present: tuple[str, ...]) -> PortNotFound:
    """The interface that was asked for is not here, or (None) no interface can be used."""
    if interface is None:
        return PortNotFound(
            _("No network interface can carry ECHONET Lite."),
            cause=_("This machine is in no network, or IPv6 is switched off."),
            remedy=_("Connect it to the network of the meter; look with: ip -6 address show scope link."),
        )
    return PortNotFound(
        _("There is no network interface {interface}.").format(interface=interface),
        cause=_("It is misspelt, or its adapter is not plugged in."),
        remedy=_("This machine has: {names}. Give one of them, or none with --port wifi:").format(
            names=", ".join(present) or _("none")
        ),
    )


def _cannot_open(interface: str, error: OSError) -> PortError:
    if error.errno == errno.EADDRINUSE:
        return PortBusy(
            _("UDP port {port} is in use by another program.").format(port=UDP_PORT),
            cause=_("Another ECHONET Lite program or another collector runs on this machine."),
            remedy=_("Find it with: sudo ss -ulpn 'sport = :{port}', and stop it.").format(port=UDP_PORT),
        )
    if error.errno == errno.EAFNOSUPPORT:
        return PortError(
            _("This machine has no IPv6."),
            cause=_("The kernel was started without it."),
            remedy=_("Start it without ipv6.disable=1."),
        )
    return PortNotFound(
        _("UDP port {port} cannot be opened on {interface}: {reason}.").format(
            port=UDP_PORT, interface=interface, reason=os_text(error)
        ),
        cause=_("The interface went away at this moment, or this user may not use the network."),
        remedy=_("Look with: ip link show {interface}").format(interface=interface),
    )
