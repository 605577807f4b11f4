"""Records appended to a file, which survives rotation and never keeps half a record, or one twice."""

from __future__ import annotations

import contextlib
import errno
import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from gettext import gettext as _
from pathlib import Path
from typing import Any, ClassVar, Final, ParamSpec, Self, TypeVar

import msgspec

from hems_data_collector.clock import Clock
from hems_data_collector.errors import ConfigError, OutputRejected, OutputUnavailable
from hems_data_collector.language import N_, os_text
from hems_data_collector.outputs.appended import AppendedFile, ForeignHeader, Found, Position
from hems_data_collector.outputs.base import Output, Setting
from hems_data_collector.outputs.blocking import BlockingCalls
from hems_data_collector.outputs.formats import Format
from hems_data_collector.readings import HALF_HOUR_KEYS, HALF_HOUR_KIND, METER_KEY, READING_KIND, RECORD_KEYS, Record

logger = logging.getLogger(__name__)
T = TypeVar("T")
P = ParamSpec("P")

_NO_FOLDER: Final = (N_("The folder does not exist."), N_("Create it, or correct --file."))
_NO_PERMISSION: Final = (
    N_("This user may not write there."),
    N_("Correct the permissions of the file and its folder, or choose another place with --file."),
)
_FULL: Final = (N_("The disk, or this user's share of it, is full."), N_("Free some space."))
_CAUSES: Final[Mapping[int, tuple[str, str]]] = {
    errno.ENOENT: _NO_FOLDER,
    errno.ENOTDIR: _NO_FOLDER,
    errno.EACCES: _NO_PERMISSION,
    errno.EPERM: _NO_PERMISSION,
    errno.EROFS: (N_("The file system is mounted read-only."), N_("Remount it, or choose another place with --file.")),
    errno.EISDIR: (N_("It is a folder."), N_("Name a file in it with --file.")),
    errno.ENXIO: (N_("It is a pipe or a device."), N_("Use --output stdout and redirect it.")),
    errno.ENOSPC: _FULL,
    errno.EDQUOT: _FULL,
    errno.EFBIG: (N_("The file has reached the largest size allowed."), N_("Rotate it, or raise the limit.")),
}
_OTHER_CAUSE: Final = (
    N_("The disk or the system refused it."),
    N_("See the system log, or choose another place with --file."),
)


class FileOutput(Output):
    """Appends to exactly the path given; a returned `deliver` means that the records are on the disk.

    Half-hour records go to a file of their own beside it. The checkpoint says how far each file is, so that `prepare`
    can remove what was written before a kill without being acknowledged: each record is there exactly once.
    """

    name: ClassVar[str] = "file"
    help: ClassVar[str] = N_("a file that is appended to; may be rotated at any time")
    settings: ClassVar[tuple[Setting, ...]] = (
        Setting(
            name="file",
            flag="--file",
            default="hems_data.dat",
            metavar="PATH",
            help=N_("where the output 'file' writes"),
        ),
    )
    batch_size: ClassVar[int] = 500
    near: ClassVar[bool] = True

    def __init__(self, path: Path, format: Format, columns: Sequence[str], *, half_hours: bool) -> None:
        self._format = format
        self._checked = (READING_KIND, HALF_HOUR_KIND) if half_hours else (READING_KIND,)
        of_half_hours = (*HALF_HOUR_KEYS, METER_KEY) if METER_KEY in columns else HALF_HOUR_KEYS
        self._files = {
            READING_KIND: AppendedFile(path=path, header=format.header(columns)),
            HALF_HOUR_KIND: AppendedFile(path=half_hours_path(path), header=format.header(of_half_hours)),
        }
        self._calls = BlockingCalls("file")

    @classmethod
    def build(
        cls,
        values: Mapping[str, Any],
        format: Format,
        *,
        clock: Clock,
        columns: Sequence[str] = RECORD_KEYS,
        half_hours: bool = False,
    ) -> Self:
        path = str(values["file"])
        if not path or "\0" in path:
            raise ConfigError(
                _("--file names no file."), setting="--file", remedy=_("Give a path, or leave the flag out.")
            )
        return cls(Path(path), format, columns, half_hours=half_hours)

    async def open(self) -> None:
        for kind in self._checked:
            await self._check(self._files[kind], AppendedFile.check)

    async def check(self) -> str | None:
        for kind in self._checked:
            await self._check(self._files[kind], AppendedFile.try_out)
        return None

    async def _check(self, file: AppendedFile, look: Callable[[AppendedFile], None]) -> None:
        """Raises ConfigError for a file that cannot take our records, as `look` finds."""
        try:
            await self._calls.run(look, file)
        except OSError as error:
            cause, remedy = _CAUSES.get(error.errno or 0, _OTHER_CAUSE)
            raise ConfigError(_refusal(file, error), setting="--file", cause=_(cause), remedy=_(remedy)) from error
        except ForeignHeader as error:
            raise ConfigError(error.what, setting="--file", cause=error.cause, remedy=error.remedy) from error

    async def prepare(self, checkpoint: bytes | None, pending: Iterable[Record]) -> bytes | None:
        """Cut off what we wrote without its acknowledgement being kept; anything else in the file is left alone."""
        positions = _positions(checkpoint)
        by_kind: dict[str, list[Record]] = {}
        for record in pending:
            by_kind.setdefault(record.kind, []).append(record)
        for kind, records in by_kind.items():
            file = self._file(kind)
            known = positions.get(kind)
            found = await self._run(file, file.look, known)
            positions[kind] = found.position
            if known is not None and found.surplus:
                ours = self._beginning(found, records)
                if await self._run(file, file.cut, known, ours):
                    logger.info("file: %d unacknowledged bytes removed from %s", found.surplus, file.path)
                    positions[kind] = known
        return msgspec.json.encode(positions)

    async def deliver(self, batch: Sequence[Record], checkpoint: bytes | None) -> bytes | None:
        by_kind: dict[str, list[bytes]] = {}
        for record in batch:
            if self._format.header(record.fields) != self._file(record.kind).header:
                raise OutputRejected(_("The record has other columns than the CSV header of the file."))
            by_kind.setdefault(record.kind, []).append(self._format.encode(record))
        positions = _positions(checkpoint)
        for kind, lines in by_kind.items():
            file = self._file(kind)
            positions[kind] = await self._run(file, file.append, b"".join(lines))
        return msgspec.json.encode(positions)

    async def close(self) -> None:
        self._calls.close()

    def _file(self, kind: str) -> AppendedFile:
        return self._files[HALF_HOUR_KIND if kind == HALF_HOUR_KIND else READING_KIND]

    async def _run(self, file: AppendedFile, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """`call` on the thread; raises OutputUnavailable."""
        try:
            return await self._calls.run(call, *args, **kwargs)
        except OSError as error:
            cause, remedy = _CAUSES.get(error.errno or 0, _OTHER_CAUSE)
            raise OutputUnavailable(_refusal(file, error), cause=_(cause), remedy=_(remedy)) from error

    def _beginning(self, found: Found, records: Iterable[Record]) -> bytes:
        """`records` as they would stand in the file, no more bytes than there is surplus."""
        data = bytearray(found.lead)
        for record in records:
            if len(data) >= found.surplus:
                break
            data += self._format.encode(record)
        return bytes(data[: found.surplus])


def half_hours_path(path: Path) -> Path:
    """Where half-hour records go beside `path`: `data.csv` has its own in `data.half-hours.csv`."""
    return path.parent / f"{path.stem}.half-hours{path.suffix}"


def _positions(checkpoint: bytes | None) -> dict[str, Position]:
    """The position of each file by the kind of its records; empty where `checkpoint` is no such thing."""
    if checkpoint is not None:
        with contextlib.suppress(msgspec.MsgspecError):
            return msgspec.json.decode(checkpoint, type=dict[str, Position])
    return {}


def _refusal(file: AppendedFile, error: OSError) -> str:
    return _("The file {file} cannot be written: {reason}.").format(file=file.path, reason=os_text(error))
