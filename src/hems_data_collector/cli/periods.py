"""Times as people write them: a day, a month, a year, or a moment, on the clock of the meter."""

from __future__ import annotations

import argparse
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from gettext import gettext as _
from types import MappingProxyType
from typing import Final

from hems_data_collector.store.periods import Period, Step, periods

FORMS: Final = "2026-01-15, 2026-01, 2026, 2026-01-15T10:30, 2026-01-15T10:30+09:00, today, yesterday"
"""Examples of everything that `when` takes."""

EARLIEST_YEAR: Final = 1970
LATEST_YEAR: Final = 2999  # far enough, and every sum with it stays a date
NOW: Final = "now"
_DAYS_AGO: Final = MappingProxyType({"today": 0, "yesterday": 1})
_CALENDAR: Final = re.compile(r"([0-9]{4})(?:-([0-9]{1,2}))?(?:-([0-9]{1,2}))?")
_STEPS: Final = (Step.YEAR, Step.MONTH, Step.DAY)


@dataclass(frozen=True, slots=True, kw_only=True)
class When:
    """What a person wrote, before the zone is known."""

    step: Step | None
    """How long it lasts; None for a moment."""
    moment: datetime | None = None
    """By the clock of the meter where it has no zone; None where it depends on the present."""
    days_ago: int = 0

    def period(self, zone: tzinfo, now: datetime) -> Period:
        """The whole day, month or year by `zone`; for a moment a period without length."""
        if self.moment is None:
            local = now.astimezone(zone) - timedelta(days=self.days_ago)
        else:
            local = self.moment if self.moment.tzinfo else self.moment.replace(tzinfo=zone)
        start = local.astimezone(UTC)
        if self.step is None:
            return Period(start, start)
        return periods(start, start + timedelta(microseconds=1), self.step, zone)[0]


def when(text: str) -> When:
    """Read one of `FORMS`; raises ArgumentTypeError with what is possible."""
    word = text.strip().lower().replace("/", "-")
    if word == NOW:
        return When(step=None)
    if word in _DAYS_AGO:
        return When(step=Step.DAY, days_ago=_DAYS_AGO[word])
    try:
        found = _calendar(word) or When(step=None, moment=datetime.fromisoformat(word.upper()))
    except ValueError:
        found = None
    if found is None or found.moment is None or not EARLIEST_YEAR <= found.moment.year <= LATEST_YEAR:
        raise argparse.ArgumentTypeError(
            _('"{text}" is no date or time. Possible are: {forms}.').format(text=text, forms=FORMS)
        )
    return found


def day(text: str) -> When:
    """As `when`, a day only."""
    return _only(Step.DAY, text, _('"{text}" is no day. Write 2026-01-15, today or yesterday.'))


def month(text: str) -> When:
    """As `when`, a month only."""
    return _only(Step.MONTH, text, _('"{text}" is no month. Write 2026-01.'))


def span(
    first: When | None, last: When | None, *, zone: tzinfo, now: datetime
) -> tuple[datetime | None, datetime | None]:
    """From the start of `first` until before the end of `last`: a day or a month counts whole. None is open."""
    return (
        None if first is None else first.period(zone, now).start,
        None if last is None else last.period(zone, now).end,
    )


def _calendar(word: str) -> When | None:
    match = _CALENDAR.fullmatch(word)
    if match is None:
        return None
    numbers = [int(digits) for digits in match.groups() if digits]
    year, month_, day_ = (*numbers, 1, 1)[:3]
    return When(step=_STEPS[len(numbers) - 1], moment=datetime(year, month_, day_))


def _only(step: Step, text: str, message: str) -> When:
    try:
        found = when(text)
    except argparse.ArgumentTypeError:
        found = None
    if found is None or found.step is not step:
        raise argparse.ArgumentTypeError(message.format(text=text))
    return found
