"""Serial ports by serialx: devices, `socket:`, `rfc2217:` and `esphome:` URLs.

Imported only when such a port is opened: the emulator needs none of it.
"""

from __future__ import annotations

import asyncio
import errno
import logging
import socket
from collections import deque
from gettext import gettext as _
from typing import Final

from serialx import SerialException, create_serial_connection

from hems_data_collector.errors import PortBusy, PortDenied, PortError, PortLost, PortNotFound
from hems_data_collector.language import os_text

log = logging.getLogger(__name__)

CONNECT_TIMEOUT_S: Final = 15.0  # a TCP peer that does not answer by then is not there
CLOSE_TIMEOUT_S: Final = 0.3  # a port that is gone may never confirm its closing
MAX_BUFFERED_BYTES: Final = 1 << 20  # nobody reads: drop the oldest, the framing resynchronises


class SerialTransport(asyncio.Protocol):
    """One serialx connection."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._received: deque[bytes] = deque()
        self._size = 0
        self._arrival = asyncio.Event()
        self._lost: Exception | bool = False
        self._transport: asyncio.WriteTransport | None = None
        self._writable = asyncio.Event()
        self._writable.set()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """asyncio calls this once the port is open."""
        assert isinstance(transport, asyncio.WriteTransport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """asyncio calls this for every chunk."""
        self._received.append(bytes(data))
        self._size += len(data)
        while self._size > MAX_BUFFERED_BYTES:
            self._size -= len(self._received.popleft())
        self._arrival.set()

    def connection_lost(self, exc: Exception | None) -> None:
        """asyncio calls this once the port is gone."""
        self._lost = exc or True
        self._arrival.set()
        self._writable.set()

    def pause_writing(self) -> None:
        """asyncio calls this while the port takes no more."""
        self._writable.clear()

    def resume_writing(self) -> None:
        """asyncio calls this when the port takes bytes again."""
        self._writable.set()

    async def read(self) -> bytes:
        """At least one byte; raises PortLost when the port is gone."""
        while not self._received:
            if self._lost:
                raise self._gone()
            self._arrival.clear()
            await self._arrival.wait()
        data = b"".join(self._received)
        self._received.clear()
        self._size = 0
        return data

    async def write(self, data: bytes) -> None:
        """Hand `data` to the port; raises PortLost when the port is gone."""
        await self._writable.wait()
        if self._lost or self._transport is None:
            raise self._gone()
        try:
            self._transport.write(data)
        except (OSError, SerialException) as error:
            raise self._gone() from error

    async def close(self) -> None:
        """Release the port; never raises."""
        transport, self._transport = self._transport, None
        if transport is None:
            return
        try:
            async with asyncio.timeout(CLOSE_TIMEOUT_S):
                transport.close()
                wait_closed = getattr(transport, "wait_closed", None)
                if wait_closed is not None:
                    await wait_closed()
        except (OSError, SerialException, TimeoutError) as error:
            log.debug("closing %s: %s", self._url, error)

    def _gone(self) -> PortLost:
        return PortLost(
            _("The port {url} went away.").format(url=self._url),
            cause=_("The stick was unplugged, or the far end of the network port closed the connection."),
            remedy=_("Plug it in again; the collector reopens the port by itself."),
        )


async def open_serial(url: str, baudrate: int) -> SerialTransport:
    """Open `url` at `baudrate` bit/s, 8N1, without flow control; errors as `link.transport.open_transport`."""
    protocol = SerialTransport(url)
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(CONNECT_TIMEOUT_S):
            await create_serial_connection(loop, lambda: protocol, url, baudrate=baudrate)
    except TimeoutError as error:
        raise _not_found(url, _("no answer within {seconds:.0f} s").format(seconds=CONNECT_TIMEOUT_S)) from error
    except socket.gaierror as error:
        raise _not_found(url, _("the host name is not known")) from error
    except OSError as error:
        raise _port_error(url, error) from error
    except ImportError as error:
        raise PortError(
            _("The port {url} needs a package that is not installed.").format(url=url),
            cause=str(error),
            remedy=_("Install it with: pip install 'hems-data-collector[esphome]'"),
        ) from error
    except (SerialException, ValueError) as error:
        raise _not_found(url, str(error)) from error
    except Exception as error:
        if type(error).__module__ == "termios":  # termios.error is no OSError: the path is a file, not a terminal
            raise _not_found(url, _("it is not a serial device")) from error
        raise
    return protocol


def _port_error(url: str, error: OSError) -> PortError:
    if error.errno in (errno.EACCES, errno.EPERM):
        return PortDenied(
            _("The port {url} may not be opened: permission denied.").format(url=url),
            cause=_("This user is not in the group that owns serial ports (dialout on Debian and Raspberry Pi OS)."),
            remedy=_('Run: sudo usermod -aG dialout "$USER", then log out and in again.'),
        )
    if error.errno in (errno.EBUSY, errno.EAGAIN):
        return PortBusy(
            _("The port {url} is in use by another program.").format(url=url),
            cause=_("Another collector, a terminal program or ModemManager holds it."),
            remedy=_("Find the program with: fuser -v {url}, and stop it. The meter serves one client only.").format(
                url=url
            ),
        )
    if error.errno == errno.ENOTTY:
        return _not_found(url, _("it is not a serial device"))
    return _not_found(url, os_text(error))


def _not_found(url: str, reason: str) -> PortNotFound:
    if "://" in url:
        return PortNotFound(
            _("The port {url} cannot be reached: {reason}.").format(url=url, reason=reason),
            cause=_("The address is wrong, or the server on the far end is not running."),
            remedy=_("Check host and port number, and that the server (ser2net for example) runs there."),
        )
    return PortNotFound(
        _("There is no usable serial port {url}: {reason}.").format(url=url, reason=reason),
        cause=_("The stick is not plugged in, or it has another name."),
        remedy=_(
            "See what is plugged in with: hems-data-collector ports, and give its name with --port or SERIAL_PORT."
        ),
    )
