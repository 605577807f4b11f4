"""The energy of half hours from two registers each, and the meter's past by whatever means it has."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime, time, timedelta, tzinfo
from decimal import Decimal
from functools import partial
from gettext import gettext as _
from typing import Final, Protocol, TypeVar

from hems_data_collector.echonet import DAY_MAX, HISTORY_2_MAX, EnergyScale, plausible_delta, register_delta
from hems_data_collector.errors import MeterError, NoAnswer
from hems_data_collector.meter.history import AnotherMeter
from hems_data_collector.meter.reader import MeterReader
from hems_data_collector.readings import HALF_HOUR, HalfHour, HalfHourEnergy

T = TypeVar("T")

FEW: Final = 2 * HISTORY_2_MAX
"""So many half hours cost less by two windows (EC) than by a day of 48 (E2)."""
HALF_HOUR_S: Final = HALF_HOUR / timedelta(seconds=1)


class Ask(Protocol):
    """Runs one request, and runs it again as an answer or the session gets lost."""

    async def __call__(self, request: Callable[[], Awaitable[T]]) -> T:
        """The result of `request`."""


def energy_of(old: HalfHour | None, new: HalfHour, digits: int) -> HalfHourEnergy:
    """What the half hour used whose registers at its end are `new`; `old` are those before it, None = not known."""
    scale = EnergyScale(exponent=new.exponent, coefficient=new.coefficient)
    same = old is not None and (old.meter, old.exponent, old.coefficient) == (new.meter, new.exponent, new.coefficient)
    before = old if same and old is not None and old.at == new.at - HALF_HOUR else None
    return HalfHourEnergy(
        meter=new.meter,
        end=new.at,
        import_kwh=_used(None if before is None else before.import_raw, new.import_raw, scale, digits),
        export_kwh=_used(None if before is None else before.export_raw, new.export_raw, scale, digits),
        import_register_kwh=None if new.import_raw is None else scale.kwh(new.import_raw),
        export_register_kwh=None if new.export_raw is None else scale.kwh(new.export_raw),
        source=new.source,
    )


def _used(old: int | None, new: int | None, scale: EnergyScale, digits: int) -> Decimal | None:
    """None where a register is not known, or no household can use as much (echonet-lite-meter §10.2)."""
    if old is None or new is None:
        return None
    used: Decimal = scale.kwh(register_delta(old, new, digits))
    return used if plausible_delta(used, HALF_HOUR_S) else None


def energies(
    registers: Mapping[datetime, HalfHour], first: datetime, last: datetime, digits: int
) -> Iterator[HalfHourEnergy]:
    """The half hours that lie between the instants `first` and `last`, oldest first; those without a register at their
    end are left out."""
    end = first + HALF_HOUR
    while end <= last:
        new = registers.get(end)
        if new is not None and not (new.import_raw is None and new.export_raw is None):
            yield energy_of(registers.get(end - HALF_HOUR), new, digits)
        end += HALF_HOUR


def slot_before(moment: datetime) -> datetime:
    """The last instant hh:00 or hh:30 that is not after `moment`, in UTC; no zone of a meter has other half hours."""
    moment = moment.astimezone(UTC)
    return moment.replace(minute=moment.minute // 30 * 30, second=0, microsecond=0)


class Past:
    """Registers of one meter's past, read with `ask`; `now` is the time by our clock."""

    def __init__(self, reader: MeterReader, *, zone: tzinfo, now: datetime, ask: Ask) -> None:
        self._reader = reader
        self._zone = zone
        self._now = now
        self._today = now.astimezone(zone).date()
        self._ask = ask
        self.found: dict[datetime, HalfHour] = {}
        """By their instant, those included that the meter has never recorded."""

    async def read(self, first: datetime, last: datetime) -> None:
        """Fill `found` from the instant `first` to `last`, the newest first, as far as any meter can know of them.

        Raises MeterError where the meter has no history, or none that it can tell now; else as `MeterClient.get`.
        """
        oldest = datetime.combine(self._today - timedelta(days=DAY_MAX), time(), self._zone).astimezone(UTC)
        first, last = max(first, oldest), min(last, slot_before(self._now))
        histories = self._reader.histories
        means = [self._by_days] * bool(histories.days) + [self._by_windows] * histories.windows
        if (last - first) / HALF_HOUR < FEW:
            means.reverse()
        trouble = MeterError(_("The meter has no readable history."))
        for mean in means:
            try:
                await mean(first, last)
            except (NoAnswer, AnotherMeter):
                raise
            except MeterError as error:
                trouble = error
            else:
                return
        raise trouble

    async def _by_windows(self, first: datetime, last: datetime) -> None:
        newest = last
        while newest >= first:
            count = min(HISTORY_2_MAX, (newest - first) // HALF_HOUR + 1)
            wanted = [newest - i * HALF_HOUR for i in range(count)]
            if any(at not in self.found for at in wanted):
                self._add(await self._ask(partial(self._reader.window, newest, count)))
            newest -= count * HALF_HOUR

    async def _by_days(self, first: datetime, last: datetime) -> None:
        """Whole days, counted back from the meter's today, which its first answer tells."""
        day, corrected = last.astimezone(self._zone).date(), False
        while day >= first.astimezone(self._zone).date():
            days_ago = max(0, (self._today - day).days)
            if days_ago >= self._reader.histories.days:
                return
            told = await self._ask(partial(self._reader.day, days_ago))
            self._today = told.day + timedelta(days=days_ago)
            self._add(slot for slot in told.half_hours if slot.at <= told.moment.newest)
            if told.day != day and self._today >= day and not corrected:
                corrected = True  # its calendar is not ours; once is enough to know by how much
                continue
            day = min(day, told.day) - timedelta(days=1)

    def _add(self, slots: Iterable[HalfHour]) -> None:
        for slot in slots:
            self.found.setdefault(slot.at, slot)
