"""What may be on a disk after the power went: legal states made from a recording (recorder.c).

Of each file everything before its last fsync is there; each later write or truncation is there, is not, or is torn:
each of its sectors of 512 bytes is there or not. A name that was made or removed since the folder's last fsync is as it
was at some moment since. This is harsher than any journaling file system.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Final, NamedTuple

SECTOR: Final = 512
NOT_KEPT: Final = ("-shm", ".lock")
"""Files that mean nothing after a restart."""
_HEAD: Final = struct.Struct("<cIQI")


class Entry(NamedTuple):
    """One thing that was asked of the disk."""

    operation: str
    file: int
    offset: int
    data: bytes


def entries(log: Path) -> Iterator[Entry]:
    """The recording, in order."""
    data, at = log.read_bytes(), 0
    while at < len(data):
        operation, file, offset, length = _HEAD.unpack_from(data, at)
        at += _HEAD.size
        yield Entry(operation.decode(), file, offset, data[at : at + length])
        at += length


@dataclass
class Content:
    """One file, whatever its name."""

    durable: bytearray = field(default_factory=bytearray)
    pending: list[Entry] = field(default_factory=list)

    def sync(self) -> None:
        """All of it is safe."""
        for entry in self.pending:
            _apply(self.durable, entry)
        self.pending.clear()

    def after_power_loss(self, rng: Random) -> bytes:
        """One of the contents that it may have then."""
        image = bytearray(self.durable)
        for entry in self.pending:
            fate = rng.randrange(3)
            if fate == 0:
                _apply(image, entry)
            elif fate == 1 and entry.operation == "W":
                for sector in _sectors(entry):
                    if rng.random() < 0.5:
                        _apply(image, sector)
        return bytes(image)


class Disk:
    """The folder as the recording goes on."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._paths: dict[int, Path] = {}
        self._names: dict[Path, list[Content | None]] = {}
        """For each name what it has meant since the folder was synced; the last is what it means now."""

    def take(self, entry: Entry) -> None:
        """The next entry."""
        if entry.operation in "OU":
            path = self._paths[entry.file] = Path(entry.data.decode())
            meanings = self._names.setdefault(path, [None])
            if entry.operation == "U":
                meanings.append(None)
            elif meanings[-1] is None:
                meanings.append(Content())
            return
        path = self._paths[entry.file]
        content = self._names[path][-1]
        if content is None:
            return  # still open, but without a name: nobody will find it
        if entry.operation != "F":
            content.pending.append(entry)
        elif path == self._folder:
            for meanings in self._names.values():
                del meanings[:-1]
        else:
            content.sync()

    def content(self, path: Path) -> bytes:
        """What the running program sees."""
        content = self._names.get(path, [None])[-1]
        if content is None:
            return b""
        image = bytearray(content.durable)
        for entry in content.pending:
            _apply(image, entry)
        return bytes(image)

    def unsynced(self, path: Path) -> bool:
        """Whether anything of `path` is not safe yet."""
        content = self._names.get(path, [None])[-1]
        return content is not None and bool(content.pending)

    def after_power_loss(self, rng: Random) -> dict[str, bytes]:
        """One of the legal states: contents by name."""
        state = {}
        for path, meanings in self._names.items():
            if path != self._folder and not path.name.endswith(NOT_KEPT):
                content = rng.choice(meanings)
                if content is not None:
                    state[path.name] = content.after_power_loss(rng)
        return state


def _apply(image: bytearray, entry: Entry) -> None:
    if len(image) < entry.offset:
        image.extend(bytes(entry.offset - len(image)))
    if entry.operation == "T":
        del image[entry.offset :]
    else:
        image[entry.offset : entry.offset + len(entry.data)] = entry.data


def _sectors(entry: Entry) -> Iterator[Entry]:
    """A write, cut where the sectors of the disk end."""
    at = 0
    while at < len(entry.data):
        end = at + SECTOR - (entry.offset + at) % SECTOR
        yield entry._replace(offset=entry.offset + at, data=entry.data[at:end])
        at = end
