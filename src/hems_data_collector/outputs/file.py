"""Records appended to one file, which survives rotation and never keeps half a record."""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Final, Self

from hems_data_collector.clock import Clock
from hems_data_collector.errors import ConfigError, OutputPaused, OutputRejected, OutputUnavailable
from hems_data_collector.outputs.base import Output, Setting
from hems_data_collector.outputs.blocking import BlockingCalls
from hems_data_collector.outputs.formats import Format
from hems_data_collector.readings import RECORD_KEYS, Record

FILE_MODE: Final = 0o640
"""Readable by the owner's group, not by everyone: consumption tells when nobody is at home."""

_NO_FOLDER: Final = ("The folder does not exist.", "Create it, or correct --file.")
_NO_PERMISSION: Final = (
    "This user may not write there.",
    "Correct the permissions of the file and its folder, or choose another place with --file.",
)
_FULL: Final = ("The disk, or this user's share of it, is full.", "Free some space.")
_CAUSES: Final[Mapping[int, tuple[str, str]]] = {
    errno.ENOENT: _NO_FOLDER,
    errno.ENOTDIR: _NO_FOLDER,
    errno.EACCES: _NO_PERMISSION,
    errno.EPERM: _NO_PERMISSION,
    errno.EROFS: ("The file system is mounted read-only.", "Remount it, or choose another place with --file."),
    errno.EISDIR: ("It is a folder.", "Name a file in it with --file."),
    errno.ENXIO: ("It is a pipe or a device.", "Use --output stdout and redirect it."),
    errno.ENOSPC: _FULL,
    errno.EDQUOT: _FULL,
    errno.EFBIG: ("The file has reached the largest size allowed.", "Rotate it, or raise the limit."),
}
_OTHER_CAUSE: Final = ("The disk or the system refused it.", "See the system log, or choose another place with --file.")


class ForeignHeader(OutputPaused):
    """The file begins with another header than our records need."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AppendedFile:
    """A file that is opened anew for every append, so that it may be renamed, truncated or deleted in between."""

    path: Path
    header: bytes
    """What the file begins with; empty where the format has none."""

    def check(self) -> None:
        """Create it if it is missing, and look at its header; raises OSError or ForeignHeader."""
        with self._opened() as descriptor:
            self._usable_size(descriptor)

    def append(self, data: bytes) -> None:
        """Append all of `data`, or nothing, down to the disk; raises OSError or ForeignHeader."""
        with self._opened() as descriptor:
            size = self._usable_size(descriptor)
            lead = self.header if size == 0 else b""
            if size > 0 and os.pread(descriptor, 1, size - 1) != b"\n":
                lead = b"\n"  # an earlier writer died in mid-line: our record gets a line of its own
            self._write_whole(descriptor, lead + data)
            if size == 0:
                self._sync_folder()

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
        """The size of the file, 0 after a header torn by a crash is removed; raises ForeignHeader."""
        size = os.fstat(descriptor).st_size
        expected = self.header.rstrip(b"\r\n")
        if size == 0 or not expected:
            return size
        found = os.pread(descriptor, len(expected) + 1, 0)
        if found[: len(expected)] == expected and found[len(expected) :] in (b"", b"\r", b"\n"):
            return size
        if size < len(self.header) and self.header.startswith(found):
            os.ftruncate(descriptor, 0)
            return 0
        raise ForeignHeader(
            f"The file {self.path} begins with another header than these records have.",
            cause="It was written in another format, by another program, or with other columns.",
            remedy="Move it away, or choose another place with --file.",
        )

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


class FileOutput(Output):
    """Appends to exactly the path given; a returned `deliver` means that the records are on the disk."""

    name: ClassVar[str] = "file"
    help: ClassVar[str] = "a file that is appended to; may be rotated at any time"
    settings: ClassVar[tuple[Setting, ...]] = (
        Setting(
            name="file",
            flag="--file",
            default="hems_data.dat",
            metavar="PATH",
            help="where the output 'file' writes",
        ),
    )
    batch_size: ClassVar[int] = 500

    def __init__(self, path: Path, format: Format, columns: Sequence[str]) -> None:
        self._format = format
        self._file = AppendedFile(path=path, header=format.header(columns))
        self._calls = BlockingCalls("file")

    @classmethod
    def build(
        cls, values: Mapping[str, Any], format: Format, *, clock: Clock, columns: Sequence[str] = RECORD_KEYS
    ) -> Self:
        path = str(values["file"])
        if not path or "\0" in path:
            raise ConfigError("--file names no file.", setting="--file", remedy="Give a path, or leave the flag out.")
        return cls(Path(path), format, columns)

    async def open(self) -> None:
        try:
            await self._calls.run(self._file.check)
        except OSError as error:
            cause, remedy = _CAUSES.get(error.errno or 0, _OTHER_CAUSE)
            raise ConfigError(self._refusal(error), setting="--file", cause=cause, remedy=remedy) from error
        except ForeignHeader as error:
            raise ConfigError(error.what, setting="--file", cause=error.cause, remedy=error.remedy) from error

    async def deliver(self, batch: Sequence[Record], checkpoint: bytes | None) -> bytes | None:
        if any(self._format.header(record.fields) != self._file.header for record in batch):
            raise OutputRejected("The record has other columns than the CSV header of the file.")
        try:
            await self._calls.run(self._file.append, b"".join(map(self._format.encode, batch)))
        except OSError as error:
            cause, remedy = _CAUSES.get(error.errno or 0, _OTHER_CAUSE)
            raise OutputUnavailable(self._refusal(error), cause=cause, remedy=remedy) from error
        return checkpoint

    async def close(self) -> None:
        self._calls.close()

    def _refusal(self, error: OSError) -> str:
        return f"The file {self._file.path} cannot be written: {os.strerror(error.errno or 0)}."
