"""One file that is only appended to: whole records, down to the disk, and a position that survives a kill."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from gettext import gettext as _
from pathlib import Path
from typing import Final

from hems_data_collector.errors import OutputPaused

FILE_MODE: Final = 0o640
"""Readable by the owner's group, not by everyone: consumption tells when nobody is at home."""

HASHED_BYTES: Final = 4096
"""So much before a position tells whether the file is still the same."""

TRIAL_BYTES: Final = 4096
"""As much as a few records: whether there is room for them."""

TORN_BYTES: Final = 1 << 20
"""No first write is longer: a longer file of nothing but NUL is not what a power cut left of ours."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Position:
    """A length of one file, and what stands before it."""

    device: int
    inode: int
    length: int
    sha256: str
    """Of the last HASHED_BYTES before `length`."""

    @classmethod
    def of(cls, descriptor: int, length: int | None = None) -> Position:
        """The position at `length`, which is the end if it is not given; raises OSError."""
        status = os.fstat(descriptor)
        end = status.st_size if length is None else length
        before = min(end, HASHED_BYTES)
        digest = hashlib.sha256(os.pread(descriptor, before, end - before)).hexdigest()
        return cls(device=status.st_dev, inode=status.st_ino, length=end, sha256=digest)


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What `AppendedFile.look` saw."""

    position: Position
    """The present end."""
    surplus: int = 0
    """By so many bytes the file is longer than it was known to be."""
    lead: bytes = b""
    """What we would have written there before the first record of these."""


class ForeignHeader(OutputPaused):
    """The file begins with another header than our records need."""


class TornHeader(ForeignHeader):
    """The file begins with what a power cut left of our header, and something stands behind it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AppendedFile:
    """A file that is opened anew for every append, so that it may be renamed, truncated or deleted in between."""

    path: Path
    header: bytes
    """What the file begins with; empty where the format has none."""

    def check(self) -> None:
        """Create it if it is missing, and look at its header; raises OSError or ForeignHeader.

        A torn header passes: what stands behind it may be ours too, and `cut` can tell.
        """
        with self._opened() as descriptor, contextlib.suppress(TornHeader):
            self._usable_size(descriptor)

    def try_out(self) -> None:
        """As `check`, and whether there is room, without leaving a trace; raises OSError or ForeignHeader."""
        import tempfile  # brings much along that no run of the collector needs

        try:
            descriptor = os.open(self.path, os.O_RDWR | os.O_APPEND | os.O_CLOEXEC)
        except FileNotFoundError:
            with tempfile.TemporaryFile(dir=self.path.parent) as trial:
                self._write_whole(trial.fileno(), bytes(TRIAL_BYTES))
            return
        try:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise OSError(errno.ENXIO, os.strerror(errno.ENXIO))
            self._has_header(descriptor, os.fstat(descriptor).st_size)
            if os.fstatvfs(descriptor).f_bavail == 0:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        finally:
            os.close(descriptor)

    def append(self, data: bytes) -> Position:
        """Append all of `data`, or nothing, down to the disk; raises OSError or ForeignHeader."""
        with self._opened() as descriptor:
            size = self._usable_size(descriptor)
            self._write_whole(descriptor, self._lead(descriptor, size) + data)
            if size == 0:
                self._sync_folder()
            return Position.of(descriptor)

    def look(self, known: Position | None) -> Found:
        """Where the file is now, and how much stands behind `known`; raises OSError."""
        with self._opened() as descriptor:
            now = Position.of(descriptor)
            if known is None or now.length <= known.length:
                return Found(position=now)
            return Found(position=now, surplus=now.length - known.length, lead=self._lead(descriptor, known.length))

    def cut(self, known: Position, surplus: bytes) -> bool:
        """Remove what stands behind `known` if it is the same file and that is `surplus`; raises OSError.

        A power cut may have left holes in it, which read as NUL.
        """
        with self._opened() as descriptor:
            behind = os.pread(descriptor, len(surplus) + 1, known.length)
            ours = _with_holes(surplus, behind) and Position.of(descriptor, known.length) == known
            if ours:
                os.ftruncate(descriptor, known.length)  # a power cut may bring it back: then it is found again
            return ours

    def _lead(self, descriptor: int, size: int) -> bytes:
        """What comes before the next record in a file of `size` bytes."""
        if size == 0:
            return self.header
        # Where an earlier writer died in mid-line, our record gets a line of its own.
        return b"" if os.pread(descriptor, 1, size - 1) == b"\n" else b"\n"

    @contextlib.contextmanager
    def _opened(self) -> Iterator[int]:
        descriptor = os.open(self.path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, FILE_MODE)
        try:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise OSError(errno.ENXIO, os.strerror(errno.ENXIO))
            yield descriptor
        finally:
            os.close(descriptor)

    def _usable_size(self, descriptor: int) -> int:
        """The size of the file, 0 after what a crash left of its first write is removed.

        Raises ForeignHeader, and TornHeader where only `cut` can tell whether it may be removed.
        """
        size = os.fstat(descriptor).st_size
        if self._has_header(descriptor, size):
            return size
        if size > len(self.header) and not _only_holes(descriptor, size):
            raise TornHeader(
                _("The file {path} begins with a header that is torn.").format(path=self.path),
                cause=_("A power cut kept its beginning from the disk, and its end is not what comes next."),
                remedy=_("Move it away, or choose another place with --file."),
            )
        os.ftruncate(descriptor, 0)
        return 0

    def _has_header(self, descriptor: int, size: int) -> bool:
        """Whether a file of `size` bytes has our header, or needs none; False for what a crash left of its first write.

        Raises ForeignHeader.
        """
        expected = self.header.rstrip(b"\r\n")
        if size == 0 or not expected:
            return True
        found = os.pread(descriptor, len(self.header), 0)
        end = found[len(expected) :]
        if found[: len(expected)] == expected and b"\0" not in end and end[:1] in (b"", b"\r", b"\n"):
            return True
        if not _with_holes(self.header[: len(found)], found):
            raise ForeignHeader(
                _("The file {path} begins with another header than these records have.").format(path=self.path),
                cause=_("It was written in another format, by another program, or with other columns."),
                remedy=_("Move it away, or choose another place with --file."),
            )
        return False

    @staticmethod
    def _write_whole(descriptor: int, data: bytes) -> None:
        before = os.fstat(descriptor).st_size
        done = 0
        try:
            while done < len(data):
                done += os.write(descriptor, data[done:])
            os.fsync(descriptor)
        except OSError:
            with contextlib.suppress(OSError):
                if os.fstat(descriptor).st_size == before + done:  # nobody else has written since
                    os.ftruncate(descriptor, before)
            raise

    def _sync_folder(self) -> None:
        """Make the name of a new file durable too, where the file system can."""
        with contextlib.suppress(OSError):
            folder = os.open(self.path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)


def _with_holes(data: bytes, found: bytes) -> bool:
    """Whether `found` is `data`, apart from bytes that never reached the disk."""
    return len(found) == len(data) and all(byte in (0, own) for byte, own in zip(found, data, strict=True))


def _only_holes(descriptor: int, size: int) -> bool:
    """Whether nothing of the file has reached the disk but its length."""
    return size <= TORN_BYTES and not os.pread(descriptor, size, 0).strip(b"\0")
