"""Stretches of the calendar in the zone of the meter's clock. PURE."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from enum import StrEnum


@dataclass(frozen=True, slots=True)
class Period:
    """From `start` until before `end`, both UTC."""

    start: datetime
    end: datetime


class Step(StrEnum):
    """How long a period is."""

    HOUR = "hour"
    DAY = "day"
    MONTH = "month"
    YEAR = "year"


def periods(start: datetime, end: datetime, step: Step, zone: tzinfo) -> list[Period]:
    """The whole hours, days, months or years by `zone` that cover `start` until before `end`, in order."""
    found: list[Period] = []
    begin = _beginning(start, step, zone)
    while begin < end:
        following = _following(begin, step, zone)
        found.append(Period(begin, following))
        begin = following
    return found


def _beginning(moment: datetime, step: Step, zone: tzinfo) -> datetime:
    local = moment.astimezone(zone)
    if step is Step.HOUR:
        return local.replace(minute=0, second=0, microsecond=0).astimezone(UTC)
    first = local.date()
    if step is not Step.DAY:
        first = first.replace(day=1)
    if step is Step.YEAR:
        first = first.replace(month=1)
    return _midnight(first, zone)


def _following(begin: datetime, step: Step, zone: tzinfo) -> datetime:
    if step is Step.HOUR:
        return begin + timedelta(hours=1)
    first = begin.astimezone(zone).date()
    if step is Step.DAY:
        return _midnight(first + timedelta(days=1), zone)
    if step is Step.YEAR or first.month == 12:
        return _midnight(date(first.year + 1, 1, 1), zone)
    return _midnight(first.replace(month=first.month + 1), zone)


def _midnight(day: date, zone: tzinfo) -> datetime:
    return datetime.combine(day, time(), zone).astimezone(UTC)
