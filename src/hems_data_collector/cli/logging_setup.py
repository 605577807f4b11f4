"""The log: stderr, times in the zone of the meter, and no secret in any line.

Secrets are kept out where lines are made; the mask here, on the finished text with its traceback, is the second line of
defence.
"""

from __future__ import annotations

import logging
import os
import sys
import threading
from copy import copy
from datetime import datetime, tzinfo
from gettext import gettext as _
from typing import Final

from hems_data_collector.cli.messages import masked, say
from hems_data_collector.errors import unspaced
from hems_data_collector.meter_name import current_meter

log = logging.getLogger(__name__)

OWN_LOGGER: Final = "hems_data_collector"

_PRIORITIES: Final = ((logging.ERROR, 3), (logging.WARNING, 4), (logging.INFO, 6), (logging.NOTSET, 7))
"""From which level on a line has which syslog priority."""


class MaskedFormatter(logging.Formatter):
    """One masked text for each record; for the journal with its priority instead of the time."""

    def __init__(self, zone: tzinfo, *, debug: bool, journal: bool) -> None:
        stamp = "" if journal else "%(asctime)s %(levelname)-7s "
        text = stamp + ("%(name)s: " if debug else "") + "%(about)s%(message)s"
        super().__init__(text, defaults={"about": ""})
        self._zone = zone
        self._timespec = "milliseconds" if debug else "seconds"
        self._journal = journal

    def formatTime(self, record: logging.LogRecord, datefmt: str | None = None) -> str:
        """The record's time in the zone of the meter, with its offset."""
        moment = datetime.fromtimestamp(record.created, self._zone)
        return moment.isoformat(sep=" ", timespec=self._timespec)

    def format(self, record: logging.LogRecord) -> str:
        """The finished text, traceback included, without secrets."""
        text = masked(unspaced(super().format(translated(record))))
        if not self._journal:
            return text
        priority = next(number for level, number in _PRIORITIES if record.levelno >= level)
        return "\n".join(f"<{priority}>{line}" for line in text.splitlines() or [""])


def translated(record: logging.LogRecord) -> logging.LogRecord:
    """`record`, or one of our lines with its template in the language in use.

    What is below INFO stays as it is: `--debug` is for those who mend the program.
    """
    if record.levelno < logging.INFO or not record.msg or record.name.partition(".")[0] != OWN_LOGGER:
        return record
    template = _(record.msg)
    if template == record.msg:
        return record
    record = copy(record)
    record.msg = template
    return record


def name_meter(record: logging.LogRecord) -> bool:
    """Let a line about one of several meters begin with its name; as a filter, it lets everything through."""
    name = current_meter()
    if name is not None:
        record.about = f"{name}: "
    return True


class StderrHandler(logging.Handler):
    """Writes to what `sys.stderr` is at that moment, so that a progress display may stand in for it."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write one record; never raises."""
        try:
            text = self.format(record)
        except Exception:  # logging promises its callers that it never raises
            text = _("A log line of {name}, line {line}, could not be formatted.").format(
                name=record.name, line=record.lineno
            )
        if sys.stderr is None:
            return
        try:
            sys.stderr.write(text + "\n")
            sys.stderr.flush()
        except (OSError, ValueError):
            return  # stderr is closed: there is no place left to say so


def start_logging(zone: tzinfo, *, debug: bool) -> None:
    """Send the log of this process to stderr: INFO, with `debug` every line of the wire too.

    Other people's loggers are heard from WARNING on in either case: below that they print addresses, headers and bytes.
    """
    handler = StderrHandler()
    handler.addFilter(name_meter)
    handler.setFormatter(MaskedFormatter(zone, debug=debug, journal=_is_journal()))
    root = logging.getLogger()
    for old in root.handlers[:]:
        if isinstance(old, StderrHandler):
            root.removeHandler(old)
    root.addHandler(handler)
    root.setLevel(logging.WARNING)
    logging.getLogger(OWN_LOGGER).setLevel(logging.DEBUG if debug else logging.INFO)
    logging.captureWarnings(True)
    threading.excepthook = _log_thread_error


def _is_journal() -> bool:
    """True where stderr is the journal of systemd, which names its device and inode in JOURNAL_STREAM."""
    named = os.environ.get("JOURNAL_STREAM", "")
    try:
        status = os.fstat(2)
    except OSError:
        return False
    return named == f"{status.st_dev}:{status.st_ino}"


def _log_thread_error(failure: threading.ExceptHookArgs) -> None:
    """An exception that ended a thread of a client library: into the log, where it is masked."""
    thread = failure.thread.name if failure.thread else "?"
    if failure.exc_value is None:
        say(_("The thread {name} ended by {error}.").format(name=thread, error=failure.exc_type.__name__))
        return
    log.error("The thread %s ended by an error.", thread, exc_info=failure.exc_value)
