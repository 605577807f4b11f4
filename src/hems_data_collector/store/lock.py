"""One process per database: a lock file beside it that names its owner."""

from __future__ import annotations

import contextlib
import fcntl
import os
from gettext import gettext as _
from pathlib import Path
from typing import Final

from hems_data_collector.clock import pause
from hems_data_collector.errors import StoreError

SUFFIX: Final = ".lock"
FILE_MODE: Final = 0o600
PID_BYTES: Final = 20
GLANCE_S: Final = 0.005  # a glance at the lock takes microseconds, unless the one who looks has to wait for its turn
GLANCES: Final = 2_000  # so long is nobody kept from his turn


class ProcessLock:
    """Held from `acquire` until `release` or the end of the process, however that comes."""

    def __init__(self, descriptor: int, path: Path) -> None:
        self._descriptor = descriptor
        self._path = path

    @classmethod
    def acquire(cls, database: Path) -> ProcessLock:
        """Lock `database`; raises StoreError naming the process that has it, OSError where no file can be made."""
        path = database.with_name(database.name + SUFFIX)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, FILE_MODE)
        try:
            _locked(descriptor)
        except BlockingIOError:
            owner = _named_in(descriptor)
            os.close(descriptor)
            raise StoreError(
                _("The database {database} is in use by process {owner}.").format(
                    database=database, owner=owner or _("unknown")
                ),
                cause=_("Another hems-data-collector is running on it."),
                remedy=_("Stop that one, or give this one its own file with --database."),
            ) from None
        except OSError:
            os.close(descriptor)
            raise
        with contextlib.suppress(OSError):  # a full disk must not keep the collector from starting
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, f"{os.getpid()}\n".encode("ascii"), 0)
        return cls(descriptor, path)

    @property
    def in_place(self) -> bool:
        """Whether the lock file is still where it was made: its folder is there and is the same."""
        try:
            there, mine = self._path.stat(), os.fstat(self._descriptor)
        except OSError:
            return False
        return (there.st_dev, there.st_ino) == (mine.st_dev, mine.st_ino)

    def release(self) -> None:
        """Let the next one in. The file stays: removing it would let two in."""
        os.close(self._descriptor)


def owner(database: Path) -> str | None:
    """The process that has `database` open for writing, as a number or `unknown`; None where none has.

    Raises OSError where the lock cannot be looked at.
    """
    try:
        descriptor = os.open(database.with_name(database.name + SUFFIX), os.O_RDONLY)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return _named_in(descriptor) or "unknown"
    finally:
        os.close(descriptor)
    return None


def _locked(descriptor: int) -> None:
    """Take the lock; raises BlockingIOError where another process keeps it.

    One that only looks at it (`owner`) is waited for: beside it the lock can be shared, beside a keeper it cannot.
    """
    for tries_left in reversed(range(GLANCES)):
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if not tries_left:
                raise
            fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
            fcntl.flock(descriptor, fcntl.LOCK_UN)
            pause(GLANCE_S)
        else:
            return


def _named_in(descriptor: int) -> str:
    return os.read(descriptor, PID_BYTES).decode("ascii", "replace").strip()
