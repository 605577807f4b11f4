"""A damaged file out of the way: kept under another name, and never mistaken for the one that follows it."""

from __future__ import annotations

import contextlib
import glob
import shutil
import sqlite3
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from hems_data_collector.store.pages import WAL_SUFFIX, commits_behind

SHM_SUFFIX: Final = "-shm"
SIDE_FILES: Final = (WAL_SUFFIX, SHM_SUFFIX)
DAMAGED: Final = ".damaged-"
"""Stands between the name of a database and the moment at which it was set aside."""
FILE_MODE: Final = 0o600
COMMITS_OF_DAMAGE: Final = 2  # one may be the transaction that a power cut tore; each before it was on the disk
LEAST_BYTES_OF_A_ROW: Final = 16  # so a damaged file cannot have had more numbers than its size divided by this


def damaged_files(path: Path) -> list[Path]:
    """The damaged files that were set aside from `path`, oldest first."""
    names = path.parent.glob(f"{glob.escape(path.name)}{DAMAGED}*")
    return sorted(file for file in names if not file.name.endswith(SIDE_FILES))


def unsalvaged(conn: sqlite3.Connection, path: Path) -> list[Path]:
    """The damaged files beside the database `path`, open as `conn`, whose data is not in it yet, oldest first."""
    done = {name for (name,) in conn.execute("SELECT file FROM salvages WHERE finished_us IS NOT NULL")}
    return [file for file in damaged_files(path) if file.name not in done]


def first_number(path: Path, *, another: bool) -> int:
    """Where the log of a new file begins: above every number of the files before it, damaged or (`another`) gone.

    No file has more records than seconds that have passed since 1970, or since the file before it.
    """
    before = [file.stat() for file in damaged_files(path)]
    if not before and not another:
        return 1
    return max(int(path.stat().st_mtime), *(file.st_size // LEAST_BYTES_OF_A_ROW for file in before), 0) + 1


def set_aside(path: Path, now: datetime) -> Path:
    """Rename the file with its write-ahead log; returns the new name, which no other file has.

    Do it before the connection is closed: closing takes the log away.
    """
    aside = _free_name(path, now)
    for suffix in (WAL_SUFFIX, ""):
        with contextlib.suppress(FileNotFoundError):
            path.with_name(path.name + suffix).rename(aside.with_name(aside.name + suffix))
    path.with_name(path.name + SHM_SUFFIX).unlink(missing_ok=True)  # only an index of the log, made anew when needed
    return aside


def save_broken_log(path: Path, conn: sqlite3.Connection) -> Path | None:
    """Keep a copy of a write-ahead log of which SQLite has read the beginning only, although more was committed.

    SQLite takes what stands behind a damaged frame for the rest of an older log, and says nothing. `conn` has not
    written yet. Returns the name of the copy, a database file without pages; None where the log is sound. Raises
    sqlite3.Error, OSError.
    """
    wal = path.with_name(path.name + WAL_SUFFIX)
    if not wal.exists() or not wal.stat().st_size:
        return None
    frames = conn.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()[1]
    if commits_behind(wal, max(0, frames)) < COMMITS_OF_DAMAGE:
        return None
    aside = _free_name(path, datetime.fromtimestamp(wal.stat().st_mtime, UTC))
    shutil.copy(wal, aside.with_name(aside.name + WAL_SUFFIX))
    aside.touch(mode=FILE_MODE)
    return aside


def _free_name(path: Path, now: datetime) -> Path:
    stem = aside = path.with_name(f"{path.name}{DAMAGED}{now:%Y%m%dT%H%M%SZ}")
    number = 1
    while aside.exists():
        number += 1
        aside = stem.with_name(f"{stem.name}-{number}")
    return aside
