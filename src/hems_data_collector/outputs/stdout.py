"""Records on standard output, one `write` each, for a terminal or the next program of a pipe."""

from __future__ import annotations

import contextlib
import errno
import logging
import os
import sys
from collections.abc import Mapping, Sequence
from gettext import gettext as _
from typing import Any, ClassVar, Final, Self

from hems_data_collector.clock import Clock
from hems_data_collector.errors import OutputClosed, OutputRejected, OutputUnavailable
from hems_data_collector.language import N_, os_text
from hems_data_collector.outputs.base import Output
from hems_data_collector.outputs.blocking import BlockingCalls
from hems_data_collector.outputs.formats import Format
from hems_data_collector.readings import HALF_HOUR_KIND, RECORD_KEYS, Record

logger = logging.getLogger(__name__)

STDOUT_DESCRIPTOR: Final = 1
_READER_GONE: Final = frozenset({errno.EPIPE, errno.EBADF, errno.ECONNRESET})


class StdoutOutput(Output):
    """Writes to the descriptor itself, on a thread: a reader that stops reading holds up nothing but this output."""

    name: ClassVar[str] = "stdout"
    help: ClassVar[str] = N_("standard output, for a terminal or a pipe")
    backlog: ClassVar[bool] = False

    def __init__(self, format: Format, columns: Sequence[str], descriptor: int, *, half_hours: bool = False) -> None:
        self._format = format
        self._header = format.header(columns)
        self._half_hours = half_hours
        self._descriptor = descriptor
        self._headed = False
        self._torn: tuple[str, bytes] | None = None
        """The key of a record that was written in part, and what is missing of it."""
        self._calls = BlockingCalls("stdout")

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
        return cls(format, columns, STDOUT_DESCRIPTOR, half_hours=half_hours)

    async def open(self) -> None:
        if sys.stdout is not None:
            with contextlib.suppress(OSError, ValueError):
                sys.stdout.flush()  # what was printed before comes before
        if self._half_hours and not self.takes(HALF_HOUR_KIND):
            logger.info(
                "stdout: half-hour records are left out, because one CSV has columns of one kind;"
                " --format json or yaml has both, --output file has a file for each"
            )

    def takes(self, kind: str) -> bool:
        return not (self._header and kind == HALF_HOUR_KIND)

    async def deliver(self, batch: Sequence[Record], checkpoint: bytes | None) -> bytes | None:
        for record in batch:
            if self._format.header(record.fields) != self._header:
                raise OutputRejected(_("The record has other columns than the CSV header already written."))
            data = self._format.encode(record)
            await self._calls.run(self._write, record.key, data)
        return checkpoint

    async def close(self) -> None:
        self._calls.close()

    def _write(self, key: str, data: bytes) -> None:
        """Write one record whole, or remember how far it came; runs on the thread."""
        torn_key, rest = self._torn or ("", b"")
        if torn_key == key:
            data = b""
        data = rest + (b"" if self._headed else self._header) + data
        done = 0
        try:
            while done < len(data):
                done += os.write(self._descriptor, data[done:])
        except OSError as error:
            if done:
                self._headed = True
                self._torn = (key, data[done:])
            if error.errno in _READER_GONE:
                raise OutputClosed(_("The reader of standard output went away.")) from error
            raise OutputUnavailable(
                _("Standard output cannot be written: {reason}.").format(reason=os_text(error)),
                cause=_("It leads to a file on a full or failing disk."),
                remedy=_("Free some space."),
            ) from error
        self._headed = True
        self._torn = None
