"""One emulated meter with its house, whatever radio it is read over: its faults, counters and truth."""

from __future__ import annotations

from collections import deque
from typing import Final

from hems_data_collector.clock import Clock, SystemClock
from hems_data_collector.credentials import Credentials, Secret, checked_credentials
from hems_data_collector.emulator.dice import Dice
from hems_data_collector.emulator.faults import Begins, Fault, FaultBox, parse_fault
from hems_data_collector.emulator.meter import Meter
from hems_data_collector.emulator.meter_clock import MeterClock
from hems_data_collector.emulator.node import Node
from hems_data_collector.emulator.radio import Counters, Radio
from hems_data_collector.emulator.settings import SAMPLE_PASSWORD, SAMPLE_ROUTE_B_ID, EmulatorSettings
from hems_data_collector.emulator.tasks import Tasks
from hems_data_collector.emulator.timing import Timing
from hems_data_collector.emulator.truth import Truth

_PASSING: Final = frozenset({"absent", "silent", "stuck"})
"""Faults whose argument is how long they last (0: for ever)."""


class Installation:
    """What `Emulator` (behind a Wi-SUN stick) and `WifiMeter` (in the home network) have in common."""

    def __init__(
        self, settings: EmulatorSettings, *, clock: Clock | None = None, credentials: Credentials | None = None
    ) -> None:
        self.settings = settings
        self.credentials = _expected(settings, credentials)
        self._clock = clock or SystemClock()
        self._dice = Dice(settings.seed)
        self._faults = FaultBox(settings.faults, self._dice)
        self._tasks = Tasks()
        meter_clock = MeterClock(self._clock, start=settings.start, speed=settings.speed)
        self.meter = Meter(settings, meter_clock, self._faults)
        self._timing = Timing(settings, self._dice)
        self._radio = Radio(
            settings=settings,
            credentials=self.credentials,
            node=Node(self.meter, self._faults),
            meter=self.meter,
            faults=self._faults,
            timing=self._timing,
            clock=self._clock,
            dice=self._dice,
            tasks=self._tasks,
        )
        self._begun = False

    @property
    def counters(self) -> Counters:
        """What happened so far."""
        return self._radio.counters

    @property
    def truth(self) -> deque[Truth]:
        """What a perfect reader would have published, one entry per delivered answer with power E7."""
        return self._radio.truth

    def inject(self, fault: str | Fault, *, times: int | None = None) -> None:
        """Put a fault in force now, as `name` or `name:argument`; with `times` for that many occasions only.

        Faults that begin after some seconds count from now. Raises ConfigError for an unknown name.
        """
        parsed = parse_fault(fault) if isinstance(fault, str) else fault
        self._faults.add(parsed, times)
        if self._begun:
            self._begin(parsed)

    def clear(self, name: str) -> None:
        """Take a fault out of force; one that has happened stays happened."""
        self._faults.remove(name)

    def close(self) -> None:
        """Stop everything that runs in the background."""
        self._tasks.cancel()

    @property
    def radio(self) -> Radio:
        """The air around the meter."""
        return self._radio

    def begin(self) -> None:
        """Install the meter and start what runs in the background; needs a running event loop."""
        self.meter.begin()
        self._start()

    def _start(self) -> None:
        """Let the faults of the settings count from now."""
        self._begun = True
        for fault in self._faults.in_force():
            self._begin(fault)

    def _begin(self, fault: Fault) -> None:
        """Start the timer of a fault that has one."""
        if fault.kind.begins is not Begins.IN_FORCE:
            self._tasks.spawn(self._strike_later(fault))
        elif fault.kind.name in _PASSING and fault.value:
            self._tasks.spawn(self._pass(fault))

    async def _pass(self, fault: Fault) -> None:
        await self._clock.sleep(fault.value)
        if self._faults.get(fault.kind.name) is fault:
            self._faults.remove(fault.kind.name)

    async def _strike_later(self, fault: Fault) -> None:
        """Wait for the fault's moment and let it happen, unless it was cleared meanwhile."""
        await self._moment_of(fault)
        if self._faults.get(fault.kind.name) is fault:
            self._faults.remove(fault.kind.name)
            await self._strike(fault)

    async def _moment_of(self, fault: Fault) -> None:
        await self._clock.sleep(fault.value)

    async def _strike(self, fault: Fault) -> None:
        """Let a fault happen; one that needs what is not here does nothing."""
        if fault.kind.name == "exchange":
            self.meter.exchange()


def _expected(settings: EmulatorSettings, credentials: Credentials | None) -> Credentials:
    """The pair the meter was registered with: the settings' own, else the given one, else the sample."""
    base = credentials or Credentials(route_b_id=Secret(SAMPLE_ROUTE_B_ID), password=Secret(SAMPLE_PASSWORD))
    if settings.route_b_id is None and settings.password is None:
        return base
    route_b_id = base.route_b_id if settings.route_b_id is None else settings.route_b_id
    password = base.password if settings.password is None else settings.password
    return checked_credentials(route_b_id.reveal(), password.reveal())
