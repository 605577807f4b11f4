"""PURE: when the next reading is due, by a cron expression or by a fixed interval.

Neither kind reads a clock: the caller says what time it is. A cron expression speaks of wall time in a zone; an
interval speaks of monotonic seconds and keeps its phase (docs/architecture.md).
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from datetime import UTC, datetime, tzinfo
from math import floor
from types import MappingProxyType
from typing import Final

from cronsim import CronSim, CronSimError

from hems_data_collector.errors import ConfigError

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
_SETTING: Final = "schedule"
_FIELDS_HELP: Final = (
    "Write five fields: minute (0-59) hour (0-23) day (1-31) month (1-12) weekday (0-7 or SUN-SAT),"
    ' as in "*/5 * * * *"; a sixth field at the end gives the seconds (0-59).'
)
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
            raise _refused(expression, f"has a field that cron cannot read ({_field_of(error)}).") from error
        except StopIteration:
            raise _refused(expression, "never fires: no day is like that.") from None

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
            raise ConfigError(
                f"An interval of {seconds} seconds is not possible.",
                setting="interval",
                cause="Zero and negative intervals have no next time.",
                remedy="Give a whole number of seconds, 1 or more.",
            )
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
        raise _refused(expression[:20] + "...", f"is longer than {MAX_EXPRESSION_LENGTH} characters.")
    fields = expression.split()
    if len(fields) == 1 and fields[0].startswith("@"):
        return _resolved(fields[0])
    if len(fields) == 6:
        return " ".join([fields[-1], *fields[:-1]])
    if len(fields) != 5:
        raise _refused(expression, f"has {len(fields)} field{'' if len(fields) == 1 else 's'} instead of five or six.")
    return " ".join(fields)


def _resolved(alias: str) -> str:
    known = ALIASES.get(alias.lower())
    if known is not None:
        return known
    if alias.lower() == "@reboot":
        raise ConfigError(
            'The schedule "@reboot" cannot be used.',
            setting=_SETTING,
            cause="The collector keeps running; it has no single moment to read at.",
            remedy='For one reading now, run "hems-data-collector read"; for many, use "@hourly" or "*/5 * * * *".',
        )
    near = difflib.get_close_matches(alias.lower(), ALIASES, n=1)
    hint = f' Did you mean "{near[0]}"?' if near else ""
    raise ConfigError(
        f'The schedule "{alias}" is no known alias.',
        setting=_SETTING,
        cause=f"Known are {', '.join(ALIASES)}.",
        remedy=f"Use one of these or five cron fields.{hint}",
    )


def _field_of(error: CronSimError) -> str:
    return str(error).removeprefix("Bad ")


def _refused(expression: str, fault: str) -> ConfigError:
    return ConfigError(
        f'The schedule "{expression}" {fault}',
        setting=_SETTING,
        cause="A field is missing, misspelt or out of its range.",
        remedy=_FIELDS_HELP,
    )
