"""A damaged file out of the way: kept under another name, and never mistaken for the one that follows it."""

from __future__ import annotations

import contextlib
import glob
from datetime import datetime
from pathlib import Path
from typing import Final

SIDE_FILES: Final = ("-wal", "-shm")
DAMAGED: Final = ".damaged-"
"""Stands between the name of a database and the moment at which it was set aside."""
LEAST_BYTES_OF_A_ROW: Final = 16  # so a damaged file cannot have had more numbers than its size divided by this


def damaged_files(path: Path) -> list[Path]:
    """The damaged files that were set aside from `path`, oldest first."""
    names = path.parent.glob(f"{glob.escape(path.name)}{DAMAGED}*")
    return sorted(file for file in names if not file.name.endswith(SIDE_FILES))


def first_number(path: Path, *, another: bool) -> int:
    """Where the log of a new file begins: above every number of the files before it, damaged or (`another`) gone.

    No file has more records than seconds that have passed since 1970, or since the file before it.
    """
    before = [file.stat() for file in damaged_files(path)]
    if not before and not another:
        return 1
    return max(int(path.stat().st_mtime), *(file.st_size // LEAST_BYTES_OF_A_ROW for file in before), 0) + 1


def set_aside(path: Path, now: datetime) -> Path:
    """Rename the file with its side files; returns the new name, which no other file has."""
    stem = aside = path.with_name(f"{path.name}{DAMAGED}{now:%Y%m%dT%H%M%SZ}")
    number = 1
    while aside.exists():
        number += 1
        aside = stem.with_name(f"{stem.name}-{number}")
    for suffix in (*SIDE_FILES, ""):
        with contextlib.suppress(FileNotFoundError):
            path.with_name(path.name + suffix).rename(aside.with_name(aside.name + suffix))
    return aside
