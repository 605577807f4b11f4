"""The emulator for other programs: behind a pseudo terminal, or behind a TCP port that carries raw serial bytes."""

from __future__ import annotations

import asyncio
import errno
import os
import select
import termios
import tty
from collections.abc import Callable, Coroutine
from contextlib import suppress
from gettext import gettext as _
from pathlib import Path
from typing import Any, Final

from hems_data_collector.clock import Clock, SystemClock
from hems_data_collector.emulator.emulator import Emulator
from hems_data_collector.emulator.ports import EmulatedPort
from hems_data_collector.errors import PortBusy, PortDenied, PortError, PortLost, PortNotFound
from hems_data_collector.language import os_text

READ_SIZE: Final = 4096
CLIENT_POLL_S: Final = 0.02
"""How often a pseudo terminal without a program on it is looked at; there is no event for an opening."""
_OUTPUT_SPEED: Final = 5
"""Place of the speed in the settings of a terminal (termios.tcgetattr)."""
_SPEEDS: Final = {getattr(termios, f"B{rate}"): rate for rate in (2400, 4800, 9600, 19200, 38400, 57600, 115200)}
FRAGMENT_GAP_S: Final = 0.0002
"""Pause between fragments, so that a program reads them apart (twice the time of one byte at 115200 bit/s)."""


async def serve_pty(emulator: Emulator, path: str, *, ready: Callable[[str], None] | None = None) -> None:
    """Serve on a pseudo terminal that the symbolic link `path` leads to, until cancelled; removes the link.

    Programs may close and open it as often as they like. `ready` is called with `path` once it can be opened. Raises
    PortBusy where `path` is something else already, PortDenied or PortNotFound where it cannot be made.
    """
    link = Path(path)
    _check_free(link)
    clock = SystemClock()
    try:
        while True:
            terminal = _PseudoTerminal(emulator, clock)
            try:
                _point(link, terminal.name)
                if ready is not None:
                    ready(path)
                    ready = None
                await terminal.serve()
            finally:
                _remove(link, terminal.name)
                terminal.close()
            while not emulator.plugged:
                await clock.sleep(CLIENT_POLL_S)
    finally:
        emulator.close()


async def serve_tcp(emulator: Emulator, host: str, port: int, *, ready: Callable[[str], None] | None = None) -> None:
    """Serve raw bytes on a TCP port, one program at a time, until cancelled.

    `ready` is called with `host:port` once it listens (with the real port where 0 was asked for). Raises PortBusy,
    PortDenied or PortNotFound where it cannot listen.
    """
    server = _TcpServer(emulator, SystemClock())
    try:
        listener = await asyncio.start_server(server.serve, host, port)
    except OSError as error:
        raise _cannot_listen(error, host, port) from error
    try:
        if ready is not None:
            ready(f"{host}:{listener.sockets[0].getsockname()[1]}")
        await asyncio.get_running_loop().create_future()
    finally:
        listener.close()
        await server.close()
        emulator.close()


class _PseudoTerminal:
    """One pseudo terminal; it lives until the stick is unplugged."""

    def __init__(self, emulator: Emulator, clock: Clock) -> None:
        self._emulator = emulator
        self._clock = clock
        self._master, slave = os.openpty()
        self.name = os.ttyname(slave)
        os.set_blocking(self._master, False)
        os.close(slave)
        self._prepare()

    def close(self) -> None:
        """Give the terminal back; a program on it sees its port vanish."""
        os.close(self._master)

    async def serve(self) -> None:
        """Serve one program after the other; returns when the stick is unplugged."""
        while True:
            while not self._somebody_there():
                await self._clock.sleep(CLIENT_POLL_S)
                if not self._emulator.plugged:
                    return
            try:
                port = self._emulator.open_port()
            except PortNotFound:
                return
            port.rate = self._rate
            try:
                await _either(self._inward(port), self._outward(port))
            finally:
                await port.close()
            if not self._emulator.plugged:
                return
            self._prepare()

    def _rate(self) -> int | None:
        """The speed that the program on the terminal has set; both ends share the settings."""
        return _SPEEDS.get(termios.tcgetattr(self._master)[_OUTPUT_SPEED])

    def _prepare(self) -> None:
        """Make the terminal raw and empty, as a serial port is for the next program."""
        slave = os.open(self.name, os.O_RDWR | os.O_NOCTTY)
        try:
            tty.setraw(slave)
            termios.tcflush(slave, termios.TCIFLUSH)  # not what the next program may have written already
        finally:
            os.close(slave)

    def _somebody_there(self) -> bool:
        poll = select.poll()
        poll.register(self._master, select.POLLIN)
        events = poll.poll(0)
        return not events or bool(events[0][1] & select.POLLIN)

    async def _inward(self, port: EmulatedPort) -> None:
        """From the program to the module; ends when the program closes."""
        while data := await self._read():
            await port.write(data)

    async def _outward(self, port: EmulatedPort) -> None:
        while True:
            await self._write(await port.read())
            if self._emulator.fragmenting:
                await self._clock.sleep(FRAGMENT_GAP_S)

    async def _read(self) -> bytes:
        while True:
            try:
                return os.read(self._master, READ_SIZE)
            except BlockingIOError:
                await self._wait(reading=True)
            except OSError as error:
                if error.errno != errno.EIO:
                    raise
                return b""

    async def _write(self, data: bytes) -> None:
        while data:
            try:
                data = data[os.write(self._master, data) :]
            except BlockingIOError:
                await self._wait(reading=False)

    async def _wait(self, *, reading: bool) -> None:
        loop, ready = asyncio.get_running_loop(), asyncio.Event()
        add, remove = (loop.add_reader, loop.remove_reader) if reading else (loop.add_writer, loop.remove_writer)
        add(self._master, ready.set)
        try:
            await ready.wait()
        finally:
            remove(self._master)


class _TcpServer:
    """Connections to one emulator; a second one at the same time is turned away."""

    def __init__(self, emulator: Emulator, clock: Clock) -> None:
        self._emulator = emulator
        self._clock = clock
        self._connections: set[asyncio.Task[None]] = set()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection until either side ends it."""
        task = asyncio.current_task()
        assert task is not None  # asyncio runs this for each connection
        self._connections.add(task)
        try:
            await self._serve(reader, writer)
        finally:
            self._connections.discard(task)
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()

    async def close(self) -> None:
        """End every connection."""
        connections = tuple(self._connections)
        for connection in connections:
            connection.cancel()
        await asyncio.gather(*connections, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            port = self._emulator.open_port()
        except PortError:
            return
        try:
            await _either(self._inward(reader, port), self._outward(port, writer))
        except asyncio.CancelledError:
            writer.transport.abort()  # nobody may be reading what is still unsent
            raise
        finally:
            await port.close()

    async def _inward(self, reader: asyncio.StreamReader, port: EmulatedPort) -> None:
        while data := await reader.read(READ_SIZE):
            await port.write(data)

    async def _outward(self, port: EmulatedPort, writer: asyncio.StreamWriter) -> None:
        while True:
            writer.write(await port.read())
            await writer.drain()
            if self._emulator.fragmenting:
                await self._clock.sleep(FRAGMENT_GAP_S)


async def _either(*works: Coroutine[Any, Any, None]) -> None:
    """Run both until one ends; a lost port or connection is an end, not an error."""
    tasks = [asyncio.ensure_future(work) for work in works]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        for outcome in await asyncio.gather(*tasks, return_exceptions=True):
            if isinstance(outcome, Exception) and not isinstance(outcome, PortLost | ConnectionError):
                raise outcome


def _check_free(link: Path) -> None:
    """Refuse a path that is anything but a dead link of an earlier emulator."""
    if link.is_symlink() and not link.exists() and os.readlink(link).startswith("/dev/"):
        return
    if link.is_symlink() or link.exists():
        raise PortBusy(
            _("{link} exists already.").format(link=link),
            cause=_("Another emulator serves there, or it is something else."),
            remedy=_("Choose another path, or remove it."),
        )


def _point(link: Path, target: str) -> None:
    """Let `link` lead to `target`, replacing a dead link in one step."""
    draft = link.with_name(f"{link.name}.{os.getpid()}")
    try:
        draft.symlink_to(target)
        draft.replace(link)
    except OSError as error:
        draft.unlink(missing_ok=True)
        kind = PortDenied if isinstance(error, PermissionError) else PortNotFound
        raise kind(
            _("The port {link} cannot be made: {reason}.").format(link=link, reason=os_text(error)),
            cause=_("This user may not write in {parent}.").format(parent=link.parent)
            if kind is PortDenied
            else _("{parent} is no folder.").format(parent=link.parent),
            remedy=_("Choose a path in a folder of your own, such as /tmp/meter."),
        ) from error


def _remove(link: Path, target: str) -> None:
    """Remove the link if it is still ours."""
    if link.is_symlink() and os.readlink(link) == target:
        link.unlink()


def _cannot_listen(error: OSError, host: str, port: int) -> PortError:
    what = _("Cannot listen on {host}:{port}: {reason}.").format(host=host, port=port, reason=os_text(error))
    if error.errno == errno.EADDRINUSE:
        return PortBusy(
            what, cause=_("Another program listens there."), remedy=_("End that program, or choose another port.")
        )
    if isinstance(error, PermissionError):
        return PortDenied(what, cause=_("Ports below 1024 need privileges."), remedy=_("Choose a port from 1024 up."))
    return PortNotFound(
        what, cause=_("This machine has no such address."), remedy=_("Use 127.0.0.1, or 0.0.0.0 for every network.")
    )
