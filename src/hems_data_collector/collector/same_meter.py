"""Whether the meter that answers is still the one that is known: when to ask it, and what makes that doubtful.

An exchanged meter may answer behind the same radio address: its values must not be entered under the old one's name.
"""

from __future__ import annotations

from typing import Final

from hems_data_collector.clock import Clock
from hems_data_collector.echonet import plausible_delta, register_delta
from hems_data_collector.meter.profile import MeterProfile
from hems_data_collector.meter.reader import MeterReader, Poll
from hems_data_collector.readings import HALF_HOUR, HalfHour, Reading

AGAIN_S: Final = 43_200.0  # half a day, so that no day passes without having asked
RETRY_S: Final = 600.0  # after a try that brought no answer
SLACK_S: Final = HALF_HOUR.total_seconds()  # registers may go on in steps, and EA is known late


class SameMeter:
    """What is known of the identity of the meter that `reader` reads.

    It is asked in every session, twice a day, and when a register goes back or farther than a household can move it.
    """

    def __init__(self, reader: MeterReader, *, clock: Clock) -> None:
        self._reader = reader
        self._clock = clock
        self._confirmed: tuple[int, float] | None = None
        self._tried_at: float | None = None
        self._last: tuple[Reading, float] | None = None
        self._doubted: HalfHour | None = None
        self._cleared: HalfHour | None = None

    # --- asking --------------------------------------------------------------------------------------------------

    def due(self) -> bool:
        """Whether to ask in the next free air time."""
        now = self._clock.monotonic()
        if self._tried_at is not None and now - self._tried_at < RETRY_S:
            return False
        if self._confirmed is None or self._doubted is not None:
            return True
        session, confirmed_at = self._confirmed
        return session != self._reader.sessions or now - confirmed_at >= AGAIN_S

    async def check(self) -> bool:
        """Ask it; False when it is another meter, or its registers have another scale. Raises as the reader does."""
        self._tried_at = self._clock.monotonic()
        if not await self._reader.verify():
            return False
        self._cleared, self._doubted = self._doubted, None
        self._confirm()
        return True

    def introduced(self) -> None:
        """The meter was got to know just now."""
        self._last = self._doubted = self._cleared = None
        self._confirm()

    def _confirm(self) -> None:
        self._confirmed = self._reader.sessions, self._clock.monotonic()
        self._tried_at = None

    # --- doubting ------------------------------------------------------------------------------------------------

    def doubts(self, poll: Poll, newest: HalfHour | None, profile: MeterProfile) -> bool:
        """Whether `poll` may be another meter's; `newest` is the last half hour that is known of this one."""
        reading = poll.reading
        if self._last is not None:
            before, at_s = self._last
            old, elapsed_s = (before.energy_import_raw, before.energy_export_raw), self._clock.monotonic() - at_s
        elif newest is not None and reading.fixed_at is not None and _has_scale(newest, profile):
            old = newest.import_raw, newest.export_raw
            elapsed_s = (reading.fixed_at - newest.at + HALF_HOUR).total_seconds()
        else:
            old, elapsed_s = (None, None), 0.0
        new = reading.energy_import_raw, reading.energy_export_raw
        if not all(_follows(*pair, elapsed_s, profile) for pair in zip(old, new, strict=True)):
            return True
        return poll.half_hour is not None and self._jumps(poll.half_hour, newest, profile)

    def doubts_slot(self, slot: HalfHour, newest: HalfHour | None, profile: MeterProfile) -> bool:
        """Whether a half hour alone may be another meter's; the meter is then asked as soon as there is air."""
        if not self._jumps(slot, newest, profile):
            return False
        self._doubted, self._tried_at = slot, None
        return True

    def believe(self, poll: Poll) -> None:
        """`poll` is this meter's."""
        self._last = poll.reading, self._clock.monotonic()
        if poll.half_hour is not None:
            self._cleared = poll.half_hour

    def _jumps(self, slot: HalfHour, newest: HalfHour | None, profile: MeterProfile) -> bool:
        if newest is None or slot.at < newest.at or not _has_scale(newest, profile) or _same(slot, self._cleared):
            return False
        pairs = (newest.import_raw, slot.import_raw), (newest.export_raw, slot.export_raw)
        if slot.at == newest.at:
            return any(old != new for old, new in pairs if old is not None and new is not None)
        elapsed_s = (slot.at - newest.at).total_seconds()
        return not all(_follows(*pair, elapsed_s, profile) for pair in pairs)


def _follows(old: int | None, new: int | None, elapsed_s: float, profile: MeterProfile) -> bool:
    """Whether a register can have gone from `old` to `new`, over its end included (echonet-lite-meter §10.2)."""
    if old is None or new is None:
        return True
    counts = register_delta(old, new, profile.digits)
    whole_counts = max(0, counts - 1)  # a count may have been nearly full before
    return plausible_delta(profile.scale.kwh(whole_counts), elapsed_s + SLACK_S)


def _has_scale(slot: HalfHour, profile: MeterProfile) -> bool:
    return (slot.exponent, slot.coefficient) == (profile.exponent, profile.coefficient)


def _same(slot: HalfHour, other: HalfHour | None) -> bool:
    return other is not None and (slot.at, slot.import_raw, slot.export_raw) == (
        other.at,
        other.import_raw,
        other.export_raw,
    )
