"""A small file in the state directory: what makes the next start quick (DESIGN §7).

Per port: where the meter was found, its constants, its last registers, and when we last ended a session. Everything in
it can be had again from the meter, so a lost, damaged or unwritable file costs time only.
"""

from __future__ import annotations

import logging
import os
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import msgspec

from hems_data_collector.link.base import Pan
from hems_data_collector.meter.profile import MeterProfile
from hems_data_collector.readings import HalfHour

log = logging.getLogger(__name__)

FILE_NAME: Final = "state.json"
FORMAT: Final = 1
DIRECTORY_MODE: Final = 0o700
FILE_MODE: Final = 0o600
MAX_HALF_HOURS: Final = 96  # two days; older registers cannot make a recent half hour
MAX_FILE_BYTES: Final = 4 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Remembered:
    """What is remembered of one port."""

    pan: Pan | None = None
    terminated_at: datetime | None = None
    profile: MeterProfile | None = None
    half_hours: tuple[HalfHour, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Content:
    format: int = FORMAT
    ports: dict[str, Remembered] = field(default_factory=dict)


class StateFile:
    """The file of one state directory; every change is written at once, atomically.

    Trouble with it is logged once and never raised.
    """

    def __init__(self, directory: Path) -> None:
        self._path = directory / FILE_NAME
        self._own: dict[str, Remembered] = {}  # what this process knows better than a file that cannot be written
        self._told = False

    def recall(self, port: str) -> Remembered:
        """What is known of `port`; empty where nothing is."""
        return self._read().ports.get(port, Remembered())

    def remember(self, port: str, **changes: Any) -> Remembered:
        """Replace the named fields of `Remembered` for `port`; returns the whole."""
        on_disk = self._read().ports
        self._own[port] = replace(self._own.get(port) or on_disk.get(port, Remembered()), **changes)
        self._write(msgspec.json.encode(_Content(ports=on_disk | self._own)))
        return self._own[port]

    def _read(self) -> _Content:
        try:
            if self._path.stat().st_size > MAX_FILE_BYTES:
                raise ValueError("it is far too large")
            content = msgspec.json.decode(self._path.read_bytes(), type=_Content)
        except FileNotFoundError:
            return _Content()
        except (OSError, ValueError, msgspec.MsgspecError) as error:
            self._tell("cannot be read and is made anew", error)
            return _Content()
        return content if content.format == FORMAT else _Content()

    def _write(self, data: bytes) -> None:
        temporary = self._path.with_suffix(f".{os.getpid()}.tmp")
        try:
            self._path.parent.mkdir(mode=DIRECTORY_MODE, parents=True, exist_ok=True)
            descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, FILE_MODE)
            with os.fdopen(descriptor, "wb") as file:
                file.write(data)
            temporary.replace(self._path)
        except OSError as error:
            self._tell("cannot be written; the next start will take longer", error)

    def _tell(self, what: str, error: Exception) -> None:
        if not self._told:
            self._told = True
            log.warning("The state file %s %s (%s).", self._path, what, error)
