"""Every exception of the program, grouped by what the caller must do next.

Each error that a person may see carries three parts: what happened, the likely cause, what to do now.
The class says what the program does about it; `exit_code` is what a one-shot verb ends with.
"""

from __future__ import annotations

import re
from typing import ClassVar, Final

EXIT_OK: Final = 0
EXIT_UNDECODABLE: Final = 1
EXIT_NOT_RUNNING: Final = 1
"""The verbs that end with 1 mean different things by it."""
EXIT_USAGE: Final = 2
EXIT_CONFIG: Final = 3
EXIT_PORT: Final = 4
EXIT_NO_METER: Final = 5
EXIT_REFUSED: Final = 6
EXIT_STORE: Final = 7
EXIT_BUG: Final = 70

_KANA: Final = re.compile("[\u3041-\u30ff]")


def unspaced(text: str) -> str:
    """`text` without the spaces between sentences that Japanese does not have."""
    return text.replace("。 ", "。")


def sentence(text: str) -> str:
    """`text` with a full stop, of its own language, where it has none."""
    if text.endswith("。"):
        return text
    return text.rstrip(".") + ("。" if _KANA.search(text) else ".")


class HemsError(Exception):
    """Base of every error of this program: `what` happened, its likely `cause`, and the `remedy`."""

    exit_code: ClassVar[int] = EXIT_BUG

    def __init__(self, what: str, *, cause: str = "", remedy: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.cause = cause
        self.remedy = remedy

    def __str__(self) -> str:
        return unspaced(" ".join(part for part in (self.what, self.cause, self.remedy) if part))


class ConfigError(HemsError):
    """Fix the setting that it names."""

    exit_code = EXIT_CONFIG

    def __init__(self, what: str, *, setting: str = "", cause: str = "", remedy: str = "") -> None:
        super().__init__(what, cause=cause, remedy=remedy)
        self.setting = setting


class NotConfigured(ConfigError):
    """A setting that has no default has no value yet."""


class DecodeError(HemsError):
    """Drop this unit and count it; `raw` is the evidence."""

    exit_code = EXIT_UNDECODABLE

    def __init__(self, what: str, raw: bytes = b"") -> None:
        super().__init__(what)
        self.raw = raw


class LineError(DecodeError):
    """A line of the modem that no grammar rule fits."""


class FrameError(DecodeError):
    """A datagram that is not an ECHONET Lite frame."""


class PropertyError(DecodeError):
    """An EDT that its property does not allow; the other properties of the frame stay good."""

    def __init__(self, what: str, raw: bytes = b"", *, epc: int = 0) -> None:
        super().__init__(what, raw)
        self.epc = epc


class PortError(HemsError):
    """Reopen the port."""

    exit_code = EXIT_PORT


class PortNotFound(PortError):
    """No such device, or nothing listens at the address."""


class PortBusy(PortError):
    """Another program holds the port."""


class PortDenied(PortError):
    """The operating system refuses the port to this user."""


class PortLost(PortError):
    """The port was open and went away (unplugged, connection closed)."""


class ModemError(HemsError):
    """Reset the modem."""

    exit_code = EXIT_PORT


class CommandRefused(ModemError):
    """The modem answered FAIL; `code` is the decimal number behind ER (skstack-ip §2.0)."""

    def __init__(self, what: str, *, code: int, cause: str = "", remedy: str = "") -> None:
        super().__init__(what, cause=cause, remedy=remedy)
        self.code = code


class CommandTimeout(ModemError):
    """The modem did not end a command within its deadline."""


class ModemUnsupported(ModemError):
    """The modem speaks another protocol: tell its owner, and look again after a long wait."""


class LinkError(HemsError):
    """The way to the meter is broken; the subclass says how to mend it."""

    exit_code = EXIT_NO_METER


class MeterNotFound(LinkError):
    """Widen the scan, wait, scan again."""


class JoinRefused(LinkError):
    """Check id and password; wait long before the next try."""

    exit_code = EXIT_REFUSED


class SessionLost(LinkError):
    """Rejoin."""


class SendRestricted(LinkError):
    """The legal air time is used up; wait for its release (skstack-ip §4.6)."""


class SendUnconfirmed(LinkError):
    """The radio got no acknowledgement for the datagram (EVENT 21 with 01)."""


class MeterError(HemsError):
    """The meter itself."""

    exit_code = EXIT_NO_METER


class NoAnswer(MeterError):
    """Retry with a new TID."""


class PropertyRefused(MeterError):
    """Do not ask for `epc` again in this session."""

    def __init__(self, what: str, *, epc: int) -> None:
        super().__init__(what)
        self.epc = epc


class StoreError(HemsError):
    """The data directory cannot be used at start."""

    exit_code = EXIT_STORE


class StoreUnavailable(StoreError):
    """The disk fails while running: keep records in memory and go on."""


class StoreDamaged(StoreUnavailable):
    """The database was no longer sound and a new one was begun: try again."""


class OutputError(HemsError):
    """An output did not take a batch."""


class OutputUnavailable(OutputError):
    """Try again, after `retry_after_s` seconds where the far end named a time."""

    def __init__(self, what: str, *, retry_after_s: float | None = None, cause: str = "", remedy: str = "") -> None:
        super().__init__(what, cause=cause, remedy=remedy)
        self.retry_after_s = retry_after_s


class OutputPaused(OutputError):
    """The far end refuses us as a whole (401, 403, 404): stop sending, probe now and then."""


class OutputRejected(OutputError):
    """The far end refuses this record: set it aside and go on."""


class OutputClosed(OutputError):
    """The reader of this output went away for good (a closed pipe): switch the output off."""
