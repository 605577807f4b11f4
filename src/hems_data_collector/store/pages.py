"""Rows straight from the pages of a database file, for files that SQLite itself will not read any more.

Every page is looked at on its own (https://www.sqlite.org/fileformat2.html): what is lost with a damaged page is that
page, not what hangs below it. Pages of the write-ahead log go before those of the file, as far as they are sound and
committed.
"""

from __future__ import annotations

import os
import struct
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Final

Value = int | float | str | bytes | None

DEFAULT_PAGE_BYTES: Final = 4096  # what SQLite has made since 2016; for files whose header is lost
PAGE_SIZES: Final = frozenset(1 << power for power in range(9, 17))
HEADER_BYTES: Final = 100
MAGIC: Final = b"SQLite format 3\0"
MAX_COLUMNS: Final = 64  # more than any of our tables has; a greater number is no record

INDEX_INTERIOR, INDEX_LEAF, TABLE_LEAF = 0x02, 0x0A, 0x0D
_FIRST_CELL: Final = {INDEX_INTERIOR: 12, INDEX_LEAF: 8, TABLE_LEAF: 8}

WAL_SUFFIX: Final = "-wal"
WAL_MAGIC: Final = 0x377F0682
_WAL_HEADER: Final = struct.Struct(">8I")
_FRAME_HEADER: Final = struct.Struct(">6I")
_INTEGER_BYTES: Final = (0, 1, 2, 3, 4, 6, 8)
_CONSTANTS: Final = {0: None, 8: 0, 9: 1}
_REAL: Final = struct.Struct(">d")


@dataclass(frozen=True, slots=True)
class Row:
    """One record: `rowid` where it is of a table with such, None where it is of an index or a table without."""

    rowid: int | None
    values: tuple[Any, ...]
    """Each a `Value`."""


class PageFile:
    """A database file with its write-ahead log, read only."""

    def __init__(self, path: Path) -> None:
        """Raises OSError where `path` cannot be read."""
        self._path = path
        self.broken_cells = 0
        """What stood in a page of rows and was no record."""
        with path.open("rb") as file:
            header = file.read(HEADER_BYTES)
        self._newer: dict[int, int] = {}
        self._wal = path.with_name(path.name + WAL_SUFFIX)
        wal_page_bytes = self._read_wal()
        self.page_bytes = wal_page_bytes or _page_bytes(header) or DEFAULT_PAGE_BYTES

    def rows(self) -> Iterator[Row]:
        """Every record of every page that can be read."""
        for number, page in self._pages():
            yield from self._records(page, HEADER_BYTES if number == 1 else 0)

    def _pages(self) -> Iterator[tuple[int, bytes]]:
        newer = dict(self._newer)
        number = 0
        with self._path.open("rb") as file:
            while page := file.read(self.page_bytes):
                number += 1
                offset = newer.pop(number, None)
                yield number, page if offset is None else self._wal_page(offset)
        for number, offset in newer.items():
            yield number, self._wal_page(offset)

    def _wal_page(self, offset: int) -> bytes:
        with self._wal.open("rb") as file:
            file.seek(offset)
            return file.read(self.page_bytes)

    def _read_wal(self) -> int | None:
        """Note where the newest committed version of each page stands; returns the log's page size."""
        try:
            with self._wal.open("rb") as file:
                return self._read_frames(file)
        except FileNotFoundError:
            return None

    def _read_frames(self, file: BinaryIO) -> int | None:
        log = _log_header(file)
        if log is None:
            return None
        page_bytes, salts, before, order = log
        pending: dict[int, int] = {}
        while len(frame := file.read(_FRAME_HEADER.size + page_bytes)) == _FRAME_HEADER.size + page_bytes:
            number, committed, salt1, salt2, sum1, sum2 = _FRAME_HEADER.unpack_from(frame)
            # Each sum goes on from the one before it, so a damaged frame does not hide more than the one behind it.
            sound = _sums(frame[:8] + frame[_FRAME_HEADER.size :], before, order) == (sum1, sum2)
            before = (sum1, sum2)
            if (salt1, salt2) != salts or not sound:
                continue
            pending[number] = file.tell() - page_bytes
            if committed:
                self._newer |= pending
                pending = {}
        return page_bytes

    def _records(self, page: bytes, start: int) -> Iterator[Row]:
        kind = page[start] if len(page) > start else 0
        first_cell = _FIRST_CELL.get(kind)
        if first_cell is None or len(page) < start + first_cell:
            return
        count = int.from_bytes(page[start + 3 : start + 5], "big")
        pointers = start + first_cell
        if pointers + 2 * count > len(page):
            count = (len(page) - pointers) // 2
        for at in range(pointers, pointers + 2 * count, 2):
            cell = int.from_bytes(page[at : at + 2], "big")
            row = _cell(page, cell, kind)
            if row is None:
                self.broken_cells += 1
            else:
                yield row


def commits_behind(wal: Path, frames: int) -> int:
    """How many commits of the same log stand behind its first `frames` frames; raises OSError."""
    with wal.open("rb") as file:
        log = _log_header(file)
        if log is None:
            return 0
        page_bytes, salts, _, _ = log
        found = 0
        file.seek(_WAL_HEADER.size + frames * (_FRAME_HEADER.size + page_bytes))
        while len(header := file.read(_FRAME_HEADER.size)) == _FRAME_HEADER.size:
            _, committed, *rest = _FRAME_HEADER.unpack(header)
            found += bool(committed) and tuple(rest[:2]) == salts
            file.seek(page_bytes, os.SEEK_CUR)
    return found


def _log_header(file: BinaryIO) -> tuple[int, tuple[int, int], tuple[int, int], str] | None:
    """Page size, salts, first sums and byte order of the sums; where the header is spoilt, by the first frame.

    The sums are then not known, so the first frame will not be believed, but all behind the next one.
    """
    header = file.read(_WAL_HEADER.size)
    frame = file.read(_FRAME_HEADER.size)
    file.seek(_WAL_HEADER.size)
    if len(frame) < _FRAME_HEADER.size:
        return None
    magic, _, page_bytes, _, *numbers = _WAL_HEADER.unpack(header)
    salts, sums = (numbers[0], numbers[1]), (numbers[2], numbers[3])
    order = ">" if magic & 1 else "<"
    if magic & ~1 == WAL_MAGIC and page_bytes in PAGE_SIZES and _sums(header[:24], (0, 0), order) == sums:
        return page_bytes, salts, sums, order
    _, _, *salt, _, _ = _FRAME_HEADER.unpack(frame)
    return DEFAULT_PAGE_BYTES, (salt[0], salt[1]), (0, 0), "<" if sys.byteorder == "little" else ">"


def _cell(page: bytes, at: int, kind: int) -> Row | None:
    """The record of one cell; None where there is none that stands in this page as a whole."""
    try:
        at += 4 if kind == INDEX_INTERIOR else 0
        size, at = _varint(page, at)
        rowid = None
        if kind == TABLE_LEAF:
            rowid, at = _varint(page, at)
        end = at + size
        if end > len(page):
            return None
        values = _record(page, at, end)
    except (IndexError, UnicodeDecodeError, struct.error):
        return None
    return None if values is None else Row(rowid, values)


def _record(page: bytes, start: int, end: int) -> tuple[Value, ...] | None:
    size, at = _varint(page, start)
    body = head_end = start + size
    kinds: Sequence[int] = page[at:head_end]
    if max(kinds, default=0) >= 0x80:
        kinds = []
        while at < head_end <= end:
            kind, at = _varint(page, at)
            kinds.append(kind)
        if at != head_end:
            return None
    if len(kinds) > MAX_COLUMNS:
        return None
    values: list[Value] = []
    for kind in kinds:
        if 1 <= kind <= 6:
            after = body + _INTEGER_BYTES[kind]
            values.append(int.from_bytes(page[body:after], "big", signed=True))
            body = after
        elif kind in _CONSTANTS:
            values.append(_CONSTANTS[kind])
        elif kind >= 12:
            after = body + (kind - 12) // 2
            values.append(page[body:after].decode() if kind % 2 else page[body:after])
            body = after
        elif kind == 7:
            values.append(_REAL.unpack_from(page, body)[0])
            body += 8
        else:
            return None
    return tuple(values) if body == end and head_end <= end else None


def _varint(data: bytes, at: int) -> tuple[int, int]:
    """A variable-length integer and where the next thing begins; raises IndexError at the end of `data`."""
    byte = data[at]
    if byte < 0x80:
        return byte, at + 1
    value = 0
    for position in range(8):
        byte = data[at + position]
        value = value << 7 | byte & 0x7F
        if byte < 0x80:
            return value, at + position + 1
    value = value << 8 | data[at + 8]
    return value - (1 << 64) if value >> 63 else value, at + 9


def _sums(data: bytes, before: tuple[int, int], order: str) -> tuple[int, int]:
    one, two = before
    words = iter(struct.unpack(f"{order}{len(data) // 4}I", data))
    for word in words:
        one = one + word + two & 0xFFFFFFFF
        two = two + next(words) + one & 0xFFFFFFFF
    return one, two


def _page_bytes(header: bytes) -> int | None:
    size = int.from_bytes(header[16:18], "big")
    size = 65536 if size == 1 else size
    return size if header.startswith(MAGIC) and size in PAGE_SIZES else None
