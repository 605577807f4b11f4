"""How large a database is."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from hems_data_collector.store.aside import SIDE_FILES

ROUNDED_UP: Final = 999.5
"""From here on three digits are those of the next unit."""


def bytes_of(path: Path) -> int:
    """What the database and its side files take on the disk; 0 for what is not there."""
    return sum(_size(path.with_name(path.name + suffix)) for suffix in ("", *SIDE_FILES))


def size_text(count: int) -> str:
    """Bytes as people say them: `3.4 MB`."""
    size = float(count)
    for unit in ("bytes", "kB", "MB"):
        if size < ROUNDED_UP:
            return f"{size:.3g} {unit}" if unit != "bytes" else f"{count} {unit}"
        size /= 1000
    return f"{size:.3g} GB"


def _size(file: Path) -> int:
    try:
        return file.stat().st_size
    except OSError:
        return 0
