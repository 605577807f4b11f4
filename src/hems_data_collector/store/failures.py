"""What an error of SQLite means for the collector: wait for the disk, start a new file, or a bug of ours."""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from gettext import gettext as _
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, TypeVar

from hems_data_collector.errors import StoreDamaged, StoreUnavailable
from hems_data_collector.language import N_

log = logging.getLogger(__name__)
T = TypeVar("T")
Row = tuple[Any, ...]

_CAUSES: Final = MappingProxyType(
    {
        sqlite3.SQLITE_FULL: (N_("The disk is full."), N_("Make room on it.")),
        sqlite3.SQLITE_READONLY: (
            N_("It cannot be written."),
            N_("Make the disk and the file writable for this user."),
        ),
        sqlite3.SQLITE_IOERR: (N_("The disk has errors or is full."), N_("Look at the system log and at `df`.")),
        sqlite3.SQLITE_CANTOPEN: (
            N_("It cannot be opened."),
            N_("Make the folder and the file accessible for this user."),
        ),
        sqlite3.SQLITE_PERM: (N_("It cannot be opened."), N_("Make the folder and the file accessible for this user.")),
        sqlite3.SQLITE_AUTH: (N_("It cannot be opened."), N_("Make the folder and the file accessible for this user.")),
        sqlite3.SQLITE_BUSY: (
            N_("Another process writes to it."),
            N_("End that process; a copy or a check may take long."),
        ),
        sqlite3.SQLITE_LOCKED: (
            N_("Another process writes to it."),
            N_("End that process; a copy or a check may take long."),
        ),
        sqlite3.SQLITE_PROTOCOL: (
            N_("Another process writes to it."),
            N_("End that process; a copy or a check may take long."),
        ),
        sqlite3.SQLITE_NOMEM: (N_("There is no memory left."), N_("Stop other programs.")),
    }
)
_DAMAGED: Final = frozenset((sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB))
_STALE: Final = frozenset(
    (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM, sqlite3.SQLITE_AUTH)
)


def primary_code(error: sqlite3.Error) -> int:
    """SQLite's primary result code; 0 for an error of the Python module itself."""
    return int(getattr(error, "sqlite_errorcode", 0)) & 0xFF


def is_damage(error: sqlite3.Error) -> bool:
    """Whether the file is no sound database."""
    return primary_code(error) in _DAMAGED


def may_pass(error: sqlite3.Error) -> bool:
    """Whether it is the disk's trouble of the moment; a full one shows as either."""
    return primary_code(error) in (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR)


def needs_reopening(error: sqlite3.Error) -> bool:
    """Whether the open file itself may be the trouble: a disk that was away, or mounted otherwise."""
    return primary_code(error) in _STALE


@contextmanager
def translated(path: Path) -> Iterator[None]:
    """Raise what is no bug as StoreUnavailable, for verbs that read or change `path` themselves."""
    try:
        yield
    except sqlite3.Error as error:
        raise explained(error, path) or error from error


def damaged(path: Path, error: Exception) -> StoreDamaged:
    """What is told of a file that is no sound database, as `error` shows."""
    return StoreDamaged(
        _("The database {path} is damaged ({error}).").format(path=path, error=error),
        remedy=_("`hems-data-collector check --salvage` brings back what is undamaged in it."),
    )


def explained(error: sqlite3.Error, path: Path) -> StoreUnavailable | None:
    """The error for the caller; None where it is a bug (wrong SQL, a broken constraint)."""
    code = primary_code(error)
    if code in _DAMAGED:
        return damaged(path, error)
    if code not in _CAUSES:
        return None
    cause, remedy = _CAUSES[code]
    return StoreUnavailable(
        _("The database {path} cannot be used ({error}).").format(path=path, error=error),
        cause=_(cause),
        remedy=_(remedy),
    )


def sound_rows(rows: Iterable[Row], made: Callable[[Row], T]) -> Iterator[T]:
    """What `made` makes of each row; one whose values are impossible is left out and told.

    SQLite keeps no checksums: a flipped bit may stand in a file that is otherwise sound.
    """
    for row in rows:
        try:
            yield made(row)
        except (ArithmeticError, LookupError, TypeError, ValueError) as error:
            log.error("A row of the database makes no sense and is passed over (%r): %s", error, row)
