"""The meter as an instrument: registers, half-hourly latches, histories and selectors (echonet-lite-meter §6, §10).

Every value is a pure function of the meter's time, the house and the faults in force; only the selectors, the location
and the serial number are state. Energy is in raw counts of the register, None = no data.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, TypeAlias

from hems_data_collector.echonet import UNIT_EXPONENTS
from hems_data_collector.emulator.dice import mix
from hems_data_collector.emulator.faults import FaultBox
from hems_data_collector.emulator.house import house_of, seconds_since_epoch
from hems_data_collector.emulator.meter_clock import MeterClock
from hems_data_collector.emulator.settings import EmulatorSettings

HALF_HOUR: Final = timedelta(minutes=30)
HALF_HOUR_S: Final = 1800
DAY: Final = timedelta(days=1)
HISTORY_DAYS: Final = 100
"""Today and the 99 days before (echonet-lite-meter §6.3)."""
MINUTE_HISTORY: Final = timedelta(minutes=60)
"""How far back the one-minute history reaches; a Release R meter keeps ten minutes at least (§12)."""
NOTIFY_DELAY_MAX_S: Final = 120
"""A meter has five minutes for its notification (§4.4); ours takes at most two."""
WATT_SECONDS_PER_KWH: Final = 3_600_000
MIDNIGHT_MARGIN_S: Final = 5
"""How far past midnight the fault `midnight` jumps."""

Pair: TypeAlias = tuple[int | None, int | None]
"""Import and export register; None = no data, or no such register."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Live:
    """What the meter measures at one second."""

    power_w: int | None
    current_r_da: int | None
    """Tenths of an ampere."""
    current_t_da: int | None
    """None also on a two-wire supply."""
    registers: Pair


@dataclass(frozen=True, slots=True, kw_only=True)
class Fixed:
    """The newest half hour that the meter shows in EA and EB."""

    at: datetime
    registers: Pair


class Meter:
    """One installed meter; `now()` of its clock is the present of every question."""

    def __init__(self, settings: EmulatorSettings, clock: MeterClock, faults: FaultBox) -> None:
        self.settings = settings
        self.clock = clock
        self.faults = faults
        self.house = house_of(settings.seed, settings.export)
        self.serial = f"A00B{(123_455 + settings.seed) % 10**6:06d}"
        self.location = b"\x61"
        self.day_selector: int | None = None
        self.window_2: tuple[datetime, int] | None = None
        self.window_3: tuple[datetime, int] | None = None
        self._modulus = 10**settings.digits
        self._offsets = (0, 0)
        self._installed: datetime | None = None

    def begin(self) -> None:
        """Install the meter, 99 full days before its present; a second call does nothing."""
        if self._installed is not None:
            return
        now = self.clock.now()
        self._installed = _midnight(now) - (HISTORY_DAYS - 1) * DAY
        if fault := self.faults.get("rollover"):
            self.roll_over_at(now + timedelta(seconds=int(fault.value)))

    @property
    def installed(self) -> datetime:
        """Since when this meter has recorded."""
        self.begin()
        assert self._installed is not None
        return self._installed

    def live(self) -> Live:
        """Power, currents and registers now."""
        at = self.clock.seconds()
        if self._strikes("no-data-live", at):
            return Live(power_w=None, current_r_da=None, current_t_da=None, registers=(None, None))
        power = self.house.power_w(at)
        r, t = self.house.currents_da(at, self.settings.wires)
        if self.faults.get("payload-0d0a"):
            power, r, t = 0x0D0A, 0x4F4B, None if t is None else 0x0D0A
        return Live(power_w=power, current_r_da=r, current_t_da=t, registers=self._registers(at))

    def fixed(self) -> Fixed:
        """What EA and EB show: the newest half hour whose delay is over (echonet-lite-meter §4.4)."""
        at = self.newest_slot()
        return Fixed(at=at, registers=self.register_at(at))

    def newest_slot(self) -> datetime:
        """The time of the newest half hour that has become visible."""
        now = self.clock.now()
        slot = _half_hour(now)
        return slot if slot + self.notify_delay(slot) <= now else slot - HALF_HOUR

    def next_visible(self) -> tuple[datetime, datetime]:
        """The next half hour that will become visible, and when."""
        slot = self.newest_slot() + HALF_HOUR
        return slot, slot + self.notify_delay(slot)

    def notify_delay(self, slot: datetime) -> timedelta:
        """How long after its half hour a value becomes visible and is announced."""
        if self.settings.notify_delay is not None:
            return timedelta(seconds=self.settings.notify_delay)
        if self.settings.fast:
            return timedelta()
        return timedelta(seconds=mix(self.settings.seed ^ 0xDE, _slot_number(slot)) % (NOTIFY_DELAY_MAX_S + 1))

    def slot(self, at: datetime) -> Pair:
        """The history's registers at the half hour `at`; None where nothing is recorded."""
        every = self.faults.get("sparse")
        if every and _slot_number(at) % int(every.value):
            return None, None
        return self.register_at(at)

    def day(self, days_ago: int) -> tuple[Pair, ...]:
        """The 48 slots of a day, 00:00 first (echonet-lite-meter §6.3)."""
        start = _midnight(self.clock.now()) - days_ago * DAY
        return tuple(self.slot(start + number * HALF_HOUR) for number in range(48))

    def minute(self, at: datetime) -> Pair:
        """The registers at the full minute `at` (echonet-lite-meter §6.4)."""
        now = self.clock.now()
        short = self.faults.get("short-minutes")
        reach = MINUTE_HISTORY if short is None else timedelta(minutes=short.value)
        if not (max(self.installed, now - reach) <= at <= now) or self._strikes("no-minutes", _minute_number(at)):
            return None, None
        return self._registers(seconds_since_epoch(at))

    def roll_over_at(self, moment: datetime) -> None:
        """Shift both registers so that they stand at zero at `moment`."""
        imported, exported = self._counts(seconds_since_epoch(moment))
        self._offsets = (-imported, -exported)

    def exchange(self) -> None:
        """Hang another meter here: new serial number, registers at zero, no history, nothing selected."""
        now = self.clock.now()
        self.roll_over_at(now)
        self._installed = now
        self.serial = f"A00C{(654_320 + self.settings.seed) % 10**6:06d}"
        self.day_selector = self.window_2 = self.window_3 = None

    def jump_past_midnight(self) -> None:
        """Put the clock just behind the next midnight."""
        self.clock.jump_to(_midnight(self.clock.now()) + DAY + timedelta(seconds=MIDNIGHT_MARGIN_S))

    def register_at(self, at: datetime) -> Pair:
        """The registers latched at the half hour `at`, as EA and EB show them; None where none is kept."""
        oldest = max(self.installed, _midnight(self.clock.now()) - (HISTORY_DAYS - 1) * DAY)
        if not oldest <= at <= self.newest_slot() or self._strikes("no-data", _slot_number(at)):
            return None, None
        return self._registers(seconds_since_epoch(at))

    def _registers(self, at: int) -> Pair:
        imported, exported = self._counts(at)
        shown_import = (imported + self._offsets[0]) % self._modulus
        return shown_import, (exported + self._offsets[1]) % self._modulus if self.settings.export else None

    def _counts(self, at: int) -> tuple[int, int]:
        """Both energies in whole counts, before the registers roll over (echonet-lite-meter §5.3)."""
        exponent = UNIT_EXPONENTS[self.settings.unit]
        per_count = WATT_SECONDS_PER_KWH * (self.settings.coefficient or 1) * 10 ** max(exponent, 0)
        finer = 10 ** max(-exponent, 0)
        imported, exported = self.house.energy_ws(at)
        return imported * finer // per_count, exported * finer // per_count

    def _strikes(self, name: str, number: int) -> bool:
        fault = self.faults.get(name)
        return fault is not None and mix(self.settings.seed ^ len(name), number) % 10_000 < fault.value * 10_000


def _half_hour(moment: datetime) -> datetime:
    return moment.replace(minute=moment.minute // 30 * 30, second=0, microsecond=0)


def _midnight(moment: datetime) -> datetime:
    return moment.replace(hour=0, minute=0, second=0, microsecond=0)


def _minute_number(at: datetime) -> int:
    return seconds_since_epoch(at) // 60


def _slot_number(at: datetime) -> int:
    return seconds_since_epoch(at) // HALF_HOUR_S
