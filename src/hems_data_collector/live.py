"""What only the running collector knows, for whoever asks on this machine: a Unix socket beside the database.

A request is one line with a JSON object, `{}` for now; the answer is one line too, the snapshot of that moment: an
object of named sections. They say what no database can, for a start how many records a full disk keeps in memory.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import logging
import os
import socket
import stat
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractAsyncContextManager
from gettext import gettext as _
from pathlib import Path
from typing import Any, Final, Self, TypeAlias

import msgspec

from hems_data_collector.clock import Clock, SystemClock
from hems_data_collector.language import os_text
from hems_data_collector.readings import iso_utc
from hems_data_collector.store.ring import RingState

log = logging.getLogger(__name__)

Snapshot: TypeAlias = Callable[[], Mapping[str, Any]]
OpenEndpoint: TypeAlias = Callable[[Path, Snapshot, Clock], AbstractAsyncContextManager[object]]
"""Answers with snapshots for as long as it is entered, beside the database; never raises."""

SUFFIX: Final = ".live"
SOCKET_MODE: Final = 0o600
DESCRIPTORS: Final = Path("/proc/self/fd")  # by it a folder has a short name: one of a socket has 108 bytes
REQUEST_BYTES: Final = 1024
ANSWER_BYTES: Final = 1 << 20
ASKING: Final = 8  # at once; more are sent away
ASKED_S: Final = 10.0  # from its first byte to its last, so that nobody keeps a place for ever
ANSWERED_S: Final = 2.0  # how long one who asks waits


class Sections:
    """The one place where a snapshot is put together: `add` a name and what tells its section."""

    def __init__(self) -> None:
        self._tellers: dict[str, Callable[[], object]] = {}

    def add(self, name: str, tell: Callable[[], object]) -> None:
        """From now on the snapshot has the section `name`: what `tell` returns, of types that JSON has, no secrets."""
        self._tellers[name] = tell

    def snapshot(self) -> dict[str, Any]:
        """All sections as they are now."""
        return {name: tell() for name, tell in self._tellers.items()}


def ring_section(state: RingState) -> dict[str, Any]:
    """What the disk does not take, for the section `ring`; `since` is null while the disk works."""
    return {
        "held": state.waiting,
        "dropped": state.dropped,
        "since": None if state.since is None else iso_utc(state.since),
        "reason": state.reason,
    }


def nobody_asks(database: Path, snapshot: Snapshot, clock: Clock) -> AbstractAsyncContextManager[object]:
    """No endpoint, as where there are no real sockets."""
    return contextlib.nullcontext()


class Endpoint:
    """The socket and those who ask. The lock on `database` is held: what stands in its place is of a dead process."""

    def __init__(self, database: Path, snapshot: Snapshot, clock: Clock) -> None:
        self._path = _socket_of(database)
        self._snapshot = snapshot
        self._clock = clock
        self._server: asyncio.Server | None = None
        self._asking: dict[asyncio.StreamWriter, asyncio.Task[Any] | None] = {}

    async def __aenter__(self) -> Self:
        """Begin to answer; where that is not possible, say so in the log."""
        try:
            listening = _bound(self._path)
            self._server = await asyncio.start_unix_server(self._asked, sock=listening, limit=REQUEST_BYTES)
        except OSError as error:
            log.warning("`status` cannot ask this collector: %s: %s.", self._path, os_text(error))
        return self

    async def __aexit__(self, *_: object) -> None:
        """Answer nobody any more."""
        if self._server is None:
            return
        self._server.close()
        for writer in self._asking:
            writer.transport.abort()
        if tasks := [task for task in self._asking.values() if task is not None]:
            await asyncio.wait(tasks)
        with contextlib.suppress(OSError):
            self._path.unlink()

    async def _asked(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if len(self._asking) >= ASKING:
            writer.transport.abort()
            return
        self._asking[writer] = asyncio.current_task()
        try:
            await self._clock.wait_for(self._answers(reader, writer), ASKED_S)
        except (OSError, ValueError) as error:  # it went away, took too long, or its line has no end
            log.debug("one who asked for the live state: %s", error)
            writer.transport.abort()
        except Exception:  # the edge of a task: a bug in a section must not end more than the answer
            log.exception("The live state cannot be told.")
            writer.transport.abort()
        finally:
            del self._asking[writer]
            writer.close()

    async def _answers(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while request := await reader.readline():
            try:
                msgspec.json.decode(request, type=dict[str, Any])
            except msgspec.MsgspecError:
                answer: Mapping[str, Any] = {"error": "A request is a JSON object in one line."}
            else:
                answer = self._snapshot()
            writer.write(msgspec.json.encode(answer) + b"\n")
            await writer.drain()


def ask(database: Path) -> dict[str, Any] | None:
    """A snapshot of the collector that has `database`; None where none answers within ANSWERED_S."""
    clock = SystemClock()
    ends_at = clock.monotonic() + ANSWERED_S
    answer = bytearray()
    try:
        with _address(_socket_of(database)) as address, socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as asking:
            asking.settimeout(ANSWERED_S)
            asking.connect(address)
            asking.sendall(b"{}\n")
            while not answer.endswith(b"\n"):
                asking.settimeout(ends_at - clock.monotonic())
                part = asking.recv(ANSWER_BYTES)
                if not part or len(answer) + len(part) > ANSWER_BYTES:
                    return None
                answer += part
        return msgspec.json.decode(answer, type=dict[str, Any])
    except (OSError, ValueError, msgspec.MsgspecError) as error:
        log.debug("no live state: %s", error)
        return None


def _socket_of(database: Path) -> Path:
    path = database.expanduser().absolute()
    return path.with_name(path.name + SUFFIX)


def _bound(path: Path) -> socket.socket:
    """A socket of this name for its owner alone; raises OSError."""
    with contextlib.suppress(FileNotFoundError):
        if not stat.S_ISSOCK(path.lstat().st_mode):
            raise FileExistsError(errno.EEXIST, _("there is a file of this name that is no socket"))
        path.unlink()
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        os.fchmod(listening.fileno(), SOCKET_MODE)  # before it has a name: nobody else ever gets in
        with _address(path) as address:
            listening.bind(address)
    except BaseException:
        listening.close()
        raise
    return listening


@contextlib.contextmanager
def _address(path: Path) -> Iterator[str]:
    """The name of a socket for the system, short however deep its folder is; raises OSError."""
    if not DESCRIPTORS.is_dir():
        yield str(path)
        return
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield str(DESCRIPTORS / str(folder) / path.name)
    finally:
        os.close(folder)
