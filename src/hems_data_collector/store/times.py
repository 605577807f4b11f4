"""Times as the integers of the database: microseconds, seconds and hours since 1970-01-01 UTC. PURE."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND: Final = timedelta(microseconds=1)
HALF_HOUR_S: Final = 1800
HOUR_US: Final = 3_600_000_000
SECOND_US: Final = 1_000_000


def to_micros(moment: datetime) -> int:
    """Microseconds since 1970; raises TypeError for a `moment` without a zone."""
    return (moment - EPOCH) // MICROSECOND


def from_micros(micros: int) -> datetime:
    """The reverse of `to_micros`, in UTC."""
    return EPOCH + timedelta(microseconds=micros)


def to_seconds(moment: datetime) -> int:
    """Whole seconds since 1970; raises ValueError where `moment` has a fraction, TypeError where it has no zone."""
    seconds, rest = divmod(to_micros(moment), SECOND_US)
    if rest:
        raise ValueError(f"{moment} is no whole second.")
    return seconds


def from_seconds(seconds: int) -> datetime:
    """The reverse of `to_seconds`, in UTC."""
    return EPOCH + timedelta(seconds=seconds)
