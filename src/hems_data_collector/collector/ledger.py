"""Half hours in memory, and the consumption between two of them (echonet-lite-meter §10.2, §10.3). PURE."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final

from hems_data_collector.echonet import EnergyScale, plausible_delta, register_delta
from hems_data_collector.readings import HALF_HOUR, Consumption, HalfHour

KEPT: Final = 200  # four days: more than any window that a poll looks back


class Ledger:
    """Registers by meter time. What stands in it is not overwritten by another value: `record` reports it."""

    def __init__(self, *, digits: int, half_hours: Iterable[HalfHour] = ()) -> None:
        self._digits = digits
        self._slots: dict[datetime, HalfHour] = {}
        for slot in half_hours:
            self.record(slot)

    def record(self, slot: HalfHour) -> HalfHour | None:
        """Enter `slot`; returns the slot already there if it says something else, which then stays."""
        known = self._slots.get(slot.at)
        if slot.import_raw is None or (known is not None and known.import_raw == slot.import_raw):
            return None
        if known is not None:
            return known
        self._slots[slot.at] = slot
        while len(self._slots) > KEPT:
            del self._slots[min(self._slots)]
        return None

    def has(self, at: datetime) -> bool:
        """Whether the register at `at` is known."""
        return at in self._slots

    @property
    def newest(self) -> datetime | None:
        """The newest instant whose register is known."""
        return max(self._slots, default=None)

    @property
    def newest_slot(self) -> HalfHour | None:
        """The slot of `newest`."""
        return self._slots[max(self._slots)] if self._slots else None

    def tail(self, count: int) -> tuple[HalfHour, ...]:
        """The newest `count` slots, oldest first."""
        return tuple(self._slots[at] for at in sorted(self._slots)[-count:])

    def recent(self, fixed_at: datetime | None) -> Consumption | None:
        """The newest complete half hour that ends at EA's slot or the one before; None where neither is complete."""
        if fixed_at is None:
            return None
        for end in (fixed_at, fixed_at - HALF_HOUR):
            if (consumed := self.consumption(end)) is not None:
                return consumed
        return None

    def consumption(self, end: datetime) -> Consumption | None:
        """register(end) - register(end - 30 min), roll-over aware; None where it is not known or not possible.

        A difference that no household can draw is a discontinuity (an exchanged meter, a corrupt value), not a
        consumption (§10.2).
        """
        new, old = self._slots.get(end), self._slots.get(end - HALF_HOUR)
        if new is None or old is None or new.import_raw is None or old.import_raw is None:
            return None
        if (new.meter, new.exponent, new.coefficient) != (old.meter, old.exponent, old.coefficient):
            return None
        scale = EnergyScale(exponent=new.exponent, coefficient=new.coefficient)
        import_kwh: Decimal = scale.kwh(register_delta(old.import_raw, new.import_raw, self._digits))
        if not plausible_delta(import_kwh, HALF_HOUR / timedelta(seconds=1)):
            return None
        return Consumption(end=end, import_kwh=import_kwh)
