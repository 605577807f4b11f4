"""PURE: when the next reading is due, by a cron expression or by a fixed interval.

Neither kind reads a clock: the caller says what time it is. A cron expression speaks of wall time in a zone; an
interval speaks of monotonic seconds and keeps its phase (docs/architecture.md).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, tzinfo
from math import floor
from types import MappingProxyType
from typing import Final

from cronsim import CronSim, CronSimError

from hems_data_collector.collector import schedule_texts

ALIASES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "@hourly": "0 * * * *",
        "@daily": "0 0 * * *",
        "@midnight": "0 0 * * *",
        "@weekly": "0 0 * * 0",
        "@monthly": "0 0 1 * *",
        "@yearly": "0 0 1 1 *",
        "@annually": "0 0 1 1 *",
    }
)
"""The aliases of cron; `@reboot` has no meaning for a program that keeps running."""

MAX_EXPRESSION_LENGTH: Final = 500  # characters: a list of all 60 minutes has 169; bounds what the parser is given
_SEARCH_START: Final = datetime(2024, 1, 1, tzinfo=UTC)  # a leap year: 29 February is found at once


class CronSchedule:
    """A cron expression in the wall time of `zone`: five fields, or six with the seconds last, or an alias.

    Daylight saving: a five-field expression with a fixed hour and minute runs once on the day of either change, at once
    after the gap where its time does not exist; one with `*` follows real time.
    """

    __slots__ = ("_cron", "expression", "zone")

    def __init__(self, expression: str, zone: tzinfo) -> None:
        """Raises ConfigError for an expression that cron cannot read, or one that never fires."""
        self.expression: Final = expression
        self.zone: Final = zone
        self._cron: Final = _seconds_first(expression)
        try:
            self.next_after(_SEARCH_START)
        except CronSimError as error:
            raise schedule_texts.bad_field(expression, _field_of(error)) from error
        except StopIteration:
            raise schedule_texts.never_fires(expression) from None

    @property
    def every_second(self) -> bool:
        """True where a sixth field `*` asks for all 60 seconds, mostly by one who wrote the seconds first."""
        fields = self._cron.split()
        return len(fields) == 6 and fields[0] == "*"

    def next_after(self, moment: datetime) -> datetime:
        """The first time strictly later than `moment` (timezone-aware), as UTC without microseconds."""
        runs = CronSim(self._cron, moment.astimezone(self.zone))
        while True:
            # In the hour that daylight saving repeats, cronsim names its first pass, which may be over.
            due = next(runs).astimezone(UTC)
            if due > moment:
                return due

    def __repr__(self) -> str:
        return f"CronSchedule({self.expression!r}, {self.zone!s})"


class IntervalSchedule:
    """Every `seconds`, counted from one origin: runs do not drift, and one that is late is skipped.

    `shift`, a share of the interval, moves all times: of many schedules with one origin each gets another, so that
    they are not all due in the same moment.
    """

    __slots__ = ("seconds", "shift")

    def __init__(self, seconds: int, *, shift: float = 0.0) -> None:
        """`seconds` >= 1, else ConfigError; 0 <= `shift` < 1."""
        if seconds < 1:
            raise schedule_texts.bad_interval(seconds)
        self.seconds: Final = seconds
        self.shift: Final = shift

    def next_after(self, origin: float, now: float) -> float:
        """The first of its times, counted from `origin`, that is strictly later than `now` (monotonic seconds)."""
        first = origin + self.shift * self.seconds
        steps = floor((now - first) / self.seconds) + 1
        due = first + steps * self.seconds
        return due if due > now else due + self.seconds  # the division may round down to `now` itself

    def __repr__(self) -> str:
        return f"IntervalSchedule({self.seconds})"


def _seconds_first(expression: str) -> str:
    """The expression as cronsim reads it: an alias resolved, and the sixth field moved to the front."""
    if len(expression) > MAX_EXPRESSION_LENGTH:
        raise schedule_texts.too_long(expression[:20], MAX_EXPRESSION_LENGTH)
    fields = expression.split()
    if len(fields) == 1 and fields[0].startswith("@"):
        return _resolved(fields[0])
    if len(fields) == 6:
        return " ".join([fields[-1], *fields[:-1]])
    if len(fields) != 5:
        raise schedule_texts.wrong_count(expression, len(fields))
    return " ".join(fields)


def _resolved(alias: str) -> str:
    known = ALIASES.get(alias.lower())
    if known is not None:
        return known
    if alias.lower() == "@reboot":
        raise schedule_texts.reboot()
    raise schedule_texts.unknown_alias(alias, ALIASES)


def _field_of(error: CronSimError) -> str:
    return str(error).removeprefix("Bad ")
