"""One emulated installation: module, meter and house behind a port, with its faults, counters and truth.

emulator = Emulator(EmulatorSettings.from_query("module=bp35c2&fast=1"), clock=SystemClock())
port = emulator.open_port()
await port.write(b"SKVER\\r\\n")
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from hems_data_collector.clock import Clock
from hems_data_collector.credentials import Credentials
from hems_data_collector.emulator.core import Wiring
from hems_data_collector.emulator.faults import Begins, Fault
from hems_data_collector.emulator.installation import Installation
from hems_data_collector.emulator.j11 import J11, J11Device
from hems_data_collector.emulator.joining import (
    EV_ENDED_BY_PEER,
    EV_JOIN_FAILED,
    EV_JOINED,
    EV_TERMINATED,
    EV_TERMINATION_TIMEOUT,
)
from hems_data_collector.emulator.modem import Modem
from hems_data_collector.emulator.ports import EmulatedPort, Rate, Socket
from hems_data_collector.emulator.radio import Counters
from hems_data_collector.emulator.settings import EmulatorSettings, sample_credentials

REPLACEMENT_MAC: Final = "001C64000000BEEF"
REPLUG_S: Final = 5.0
"""How long an unplugged stick stays away."""
SELF_REJOIN_S: Final = 5.0
"""From EVENT 29 to what follows it."""
_AT_ONCE: Final = frozenset({"ev32", "ev32-only"})
"""Faults whose argument is how long they last, not when they begin."""
_OUTCOMES: Final[Mapping[str, int | None]] = {
    "ev29-25": EV_JOINED,
    "ev29-24": EV_JOIN_FAILED,
    "ev29-nothing": None,
    "reauth-25": EV_JOINED,
    "reauth-24": EV_JOIN_FAILED,
}
"""How the module's own exchange ends."""


class Emulator(Installation):
    """Behaves like a Wi-SUN stick with a smart meter in reach, or several, and misbehaves on demand.

    `credentials` are what the meter was registered with unless the settings name their own; without either it is the
    sample pair of skstack-ip. With several meters there may be a pair for each. What is said of one meter here is said
    of the first; each stands in `in_reach`. All waiting goes through `clock`. Nothing runs before the first
    `open_port`, which needs a running event loop.
    """

    def __init__(
        self,
        settings: EmulatorSettings,
        *,
        clock: Clock | None = None,
        credentials: Credentials | Sequence[Credentials] | None = None,
    ) -> None:
        pairs = (credentials,) if credentials is None or isinstance(credentials, Credentials) else tuple(credentials)
        super().__init__(settings, clock=clock, credentials=pairs[0] if pairs else None)
        self.in_reach: tuple[Installation, ...] = (
            self,
            *(
                Installation(
                    settings.of_meter(number),
                    clock=self._clock,
                    credentials=pairs[number] if number < len(pairs) else sample_credentials(number),
                )
                for number in range(1, settings.meters)
            ),
        )
        """The meters that the stick can hear; faults of the air and of a meter can be injected into each."""
        self._socket = Socket(self._faults, settings.baud)
        self._modem: Modem | None = None

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

    def open_port(self, rate: Rate = lambda: None) -> EmulatedPort:
        """Open the port; the module's state is what the last opening left (skstack-ip §7.3).

        `rate` tells the speed that the host has set, where the port has one. Raises PortNotFound while unplugged,
        PortBusy while open. Opening again heals the fault `mute`.
        """
        port = self._socket.open(rate)
        if self._socket.device is None:
            self._power_on()
        if self._modem is not None:
            self._modem.muted = False
            self._modem.start()
        return port

    def close(self) -> None:
        """Stop everything that runs in the background and lose the open port."""
        self._socket.unplug()
        super().close()
        for other in self.in_reach[1:]:
            other.close()

    def _power_on(self) -> None:
        if self.settings.module == J11:
            self._socket.device = J11Device(self._socket.output)
            return
        self._modem = Modem(
            Wiring(
                settings=self.settings,
                in_reach=tuple(each.radio for each in self.in_reach),
                faults=self._faults,
                timing=self._timing,
                clock=self._clock,
                tasks=self._tasks,
                output=self._socket.output,
            )
        )
        self._socket.device = self._modem
        for each in self.in_reach:
            each.begin()

    async def _moment_of(self, fault: Fault) -> None:
        if fault.kind.begins is Begins.WITH_SESSION:
            await self.modem.pana.established.wait()
        await self._clock.sleep(0.0 if fault.kind.name in _AT_ONCE else fault.value)

    async def _strike(self, fault: Fault) -> None:
        name, modem = fault.kind.name, self.modem
        if name == "unplug":
            await self._unplug()
        elif name.startswith("ev29-"):
            await modem.pana.expire(_OUTCOMES[name], 0.0 if self.settings.fast else SELF_REJOIN_S)
        elif name.startswith("reauth-"):
            await modem.pana.renew(_OUTCOMES[name] or EV_JOIN_FAILED)
        elif name in (actions := self._actions(fault)):
            actions[name]()
        else:
            await super()._strike(fault)

    def _actions(self, fault: Fault) -> Mapping[str, Callable[[], None]]:
        modem = self.modem
        return {
            "mute": self._mute,
            "hang": self._hang,
            "reset": modem.reset,
            "ev26": lambda: modem.pana.ends(EV_ENDED_BY_PEER),
            "ev27": lambda: modem.pana.ends(EV_TERMINATED),
            "ev28": lambda: modem.pana.ends(EV_TERMINATION_TIMEOUT),
            "ev32": lambda: modem.air_time.restrict(fault.value),
            "ev32-only": lambda: modem.air_time.restrict(fault.value, tell_release=False),
            "silent-session": self._forget_session,
            "no-notify": self._fall_quiet,
            "moved": self._radio.move,
            "replaced": self._replace,
        }

    def _mute(self) -> None:
        self.modem.muted = True

    def _hang(self) -> None:
        self.modem.hung = True

    def _fall_quiet(self) -> None:
        self._radio.quiet = True

    def _replace(self) -> None:
        self.meter.exchange()
        self._radio.move(mac=REPLACEMENT_MAC)

    def _forget_session(self) -> None:
        self._radio.session = False

    async def _unplug(self) -> None:
        self._socket.unplug()
        self.modem.power_cycle()
        await self._clock.sleep(REPLUG_S)
        self._socket.plugged = True
