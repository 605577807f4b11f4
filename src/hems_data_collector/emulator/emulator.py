"""One emulated installation: module, meter and house behind a port, with its faults, counters and truth.

emulator = Emulator(EmulatorSettings.from_query("module=bp35c2&fast=1"), clock=SystemClock())
port = emulator.open_port()
await port.write(b"SKVER\\r\\n")
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from typing import Final

from hems_data_collector.clock import Clock, SystemClock
from hems_data_collector.credentials import Credentials, Secret, checked_credentials
from hems_data_collector.emulator.core import Wiring
from hems_data_collector.emulator.dice import Dice
from hems_data_collector.emulator.faults import Begins, Fault, FaultBox, parse_fault
from hems_data_collector.emulator.joining import EV_JOIN_FAILED, EV_JOINED
from hems_data_collector.emulator.meter import Meter
from hems_data_collector.emulator.meter_clock import MeterClock
from hems_data_collector.emulator.modem import Modem
from hems_data_collector.emulator.node import Node
from hems_data_collector.emulator.ports import EmulatedPort, Socket
from hems_data_collector.emulator.radio import Counters, Radio
from hems_data_collector.emulator.settings import SAMPLE_PASSWORD, SAMPLE_ROUTE_B_ID, EmulatorSettings
from hems_data_collector.emulator.tasks import Tasks
from hems_data_collector.emulator.timing import Timing
from hems_data_collector.emulator.truth import Truth

REPLUG_S: Final = 5.0
"""How long an unplugged stick stays away."""
SELF_REJOIN_S: Final = 5.0
"""From EVENT 29 to what follows it."""


class Emulator:
    """Behaves like a Wi-SUN stick with a smart meter in reach, and misbehaves on demand.

    `credentials` are what the meter was registered with unless the settings name their own; without either it is the
    sample pair of skstack-ip. All waiting goes through `clock`. Nothing runs before the first `open_port`, which needs
    a running event loop.
    """

    def __init__(
        self, settings: EmulatorSettings, *, clock: Clock | None = None, credentials: Credentials | None = None
    ) -> None:
        self.settings = settings
        self.credentials = _expected(settings, credentials)
        self._clock = clock or SystemClock()
        self._dice = Dice(settings.seed)
        self._faults = FaultBox(settings.faults, self._dice)
        self._tasks = Tasks()
        self._socket = Socket(self._faults)
        self._modem: Modem | None = None
        meter_clock = MeterClock(self._clock, start=settings.start, speed=settings.speed)
        self.meter = Meter(settings, meter_clock, self._faults)
        timing = Timing(settings, self._dice)
        self._radio = Radio(
            settings=settings,
            credentials=self.credentials,
            node=Node(self.meter, self._faults),
            meter=self.meter,
            faults=self._faults,
            timing=timing,
            clock=self._clock,
            dice=self._dice,
            tasks=self._tasks,
        )
        self._timing = timing

    @property
    def counters(self) -> Counters:
        """What happened so far."""
        self._radio.counters.dropped_bytes = self._socket.dropped_bytes
        return self._radio.counters

    @property
    def sendto_count(self) -> int:
        """SKSENDTO commands so far."""
        return self._radio.counters.sendto

    @property
    def truth(self) -> deque[Truth]:
        """What a perfect reader would have published, one entry per delivered answer with power E7."""
        return self._radio.truth

    @property
    def modem(self) -> Modem:
        """The module; it exists once a port has been opened."""
        assert self._modem is not None, "open a port first"
        return self._modem

    @property
    def plugged(self) -> bool:
        """The stick is there (see the fault `unplug`)."""
        return self._socket.plugged

    @property
    def fragmenting(self) -> bool:
        """Output comes in pieces that must stay apart (see the faults `chunk1` and `crlf-split`)."""
        return self._socket.fragmenting

    def open_port(self) -> EmulatedPort:
        """Open the port; the module's state is what the last opening left (skstack-ip §7.3).

        Raises PortNotFound while unplugged, PortBusy while open. Opening again heals the fault `mute`.
        """
        port = self._socket.open()
        if self._modem is None:
            self._power_on()
        modem = self.modem
        modem.muted = False
        modem.start()
        return port

    def inject(self, fault: str | Fault, *, times: int | None = None) -> None:
        """Put a fault in force now, as `name` or `name:argument`; with `times` for that many occasions only.

        Faults that begin after some seconds count from now. Raises ConfigError for an unknown name.
        """
        parsed = parse_fault(fault) if isinstance(fault, str) else fault
        self._faults.add(parsed, times)
        if self._modem is not None:
            self._begin(parsed)

    def clear(self, name: str) -> None:
        """Take a fault out of force; one that has happened stays happened."""
        self._faults.remove(name)

    def close(self) -> None:
        """Stop everything that runs in the background and lose the open port."""
        self._socket.unplug()
        self._tasks.cancel()

    def _power_on(self) -> None:
        self.meter.begin()
        self._modem = Modem(
            Wiring(
                settings=self.settings,
                radio=self._radio,
                faults=self._faults,
                timing=self._timing,
                clock=self._clock,
                tasks=self._tasks,
                output=self._socket.output,
            )
        )
        self._socket.device = self._modem
        for fault in self._faults.in_force():
            self._begin(fault)

    def _begin(self, fault: Fault) -> None:
        """Start the timer of a fault that has one."""
        if fault.kind.begins is Begins.IN_FORCE:
            if fault.kind.name == "absent" and fault.value:
                self._tasks.spawn(self._end_absence(fault.value))
            return
        self._tasks.spawn(self._strike_later(fault))

    async def _end_absence(self, seconds: float) -> None:
        await self._clock.sleep(seconds)
        self._faults.remove("absent")

    async def _strike_later(self, fault: Fault) -> None:
        """Wait for the fault's moment and let it happen, unless it was cleared meanwhile."""
        name, modem = fault.kind.name, self.modem
        wait = fault.value if name != "ev32" else 0.0
        if fault.kind.begins is Begins.WITH_SESSION:
            await modem.pana.established.wait()
        await self._clock.sleep(wait)
        if self._faults.get(name) is not fault:
            return
        self._faults.remove(name)
        if name == "unplug":
            await self._unplug()
        elif name.startswith("ev29-"):
            outcome = {"ev29-25": EV_JOINED, "ev29-24": EV_JOIN_FAILED, "ev29-nothing": None}[name]
            await modem.pana.expire(outcome, 0.0 if self.settings.fast else SELF_REJOIN_S)
        else:
            self._actions(fault)[name]()

    def _actions(self, fault: Fault) -> Mapping[str, Callable[[], None]]:
        modem = self.modem
        return {
            "mute": self._mute,
            "reset": modem.reset,
            "ev26": modem.pana.peer_ends,
            "ev32": lambda: modem.air_time.restrict(fault.value),
            "silent-session": self._forget_session,
            "exchange": self.meter.exchange,
        }

    def _mute(self) -> None:
        self.modem.muted = True

    def _forget_session(self) -> None:
        self._radio.session = False

    async def _unplug(self) -> None:
        self._socket.unplug()
        self.modem.power_cycle()
        await self._clock.sleep(REPLUG_S)
        self._socket.plugged = True


def _expected(settings: EmulatorSettings, credentials: Credentials | None) -> Credentials:
    """The pair the meter was registered with: the settings' own, else the given one, else the sample."""
    base = credentials or Credentials(route_b_id=Secret(SAMPLE_ROUTE_B_ID), password=Secret(SAMPLE_PASSWORD))
    if settings.route_b_id is None and settings.password is None:
        return base
    route_b_id = base.route_b_id if settings.route_b_id is None else settings.route_b_id
    password = base.password if settings.password is None else settings.password
    return checked_credentials(route_b_id.reveal(), password.reveal())
