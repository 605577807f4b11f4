"""What an error of SQLite means for the collector: wait for the disk, start a new file, or a bug of ours."""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, TypeVar

from hems_data_collector.errors import StoreDamaged, StoreUnavailable

log = logging.getLogger(__name__)
T = TypeVar("T")
Row = tuple[Any, ...]

_CAUSES: Final = MappingProxyType(
    {
        sqlite3.SQLITE_FULL: ("The disk is full.", "Make room on it."),
        sqlite3.SQLITE_READONLY: ("It cannot be written.", "Make the disk and the file writable for this user."),
        sqlite3.SQLITE_IOERR: ("The disk has errors or is full.", "Look at the system log and at `df`."),
        sqlite3.SQLITE_CANTOPEN: ("It cannot be opened.", "Make the folder and the file accessible for this user."),
        sqlite3.SQLITE_PERM: ("It cannot be opened.", "Make the folder and the file accessible for this user."),
        sqlite3.SQLITE_AUTH: ("It cannot be opened.", "Make the folder and the file accessible for this user."),
        sqlite3.SQLITE_BUSY: ("Another process writes to it.", "End that process; a copy or a check may take long."),
        sqlite3.SQLITE_LOCKED: ("Another process writes to it.", "End that process; a copy or a check may take long."),
        sqlite3.SQLITE_PROTOCOL: (
            "Another process writes to it.",
            "End that process; a copy or a check may take long.",
        ),
        sqlite3.SQLITE_NOMEM: ("There is no memory left.", "Stop other programs."),
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
        f"The database {path} is damaged ({error}).",
        remedy="`hems-data-collector check --salvage` brings back what is undamaged in it.",
    )


def explained(error: sqlite3.Error, path: Path) -> StoreUnavailable | None:
    """The error for the caller; None where it is a bug (wrong SQL, a broken constraint)."""
    code = primary_code(error)
    if code in _DAMAGED:
        return damaged(path, error)
    if code not in _CAUSES:
        return None
    cause, remedy = _CAUSES[code]
    return StoreUnavailable(f"The database {path} cannot be used ({error}).", cause=cause, remedy=remedy)


def sound_rows(rows: Iterable[Row], made: Callable[[Row], T]) -> Iterator[T]:
    """What `made` makes of each row; one whose values are impossible is left out and told.

    SQLite keeps no checksums: a flipped bit may stand in a file that is otherwise sound.
    """
    for row in rows:
        try:
            yield made(row)
        except (ArithmeticError, LookupError, TypeError, ValueError) as error:
            log.error("A row of the database makes no sense and is passed over (%r): %s", error, row)
