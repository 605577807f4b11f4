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
from hems_data_collector.emulator.joining import EV_JOIN_FAILED, EV_JOINED
from hems_data_collector.emulator.modem import Modem
from hems_data_collector.emulator.ports import EmulatedPort, Socket
from hems_data_collector.emulator.radio import Counters
from hems_data_collector.emulator.settings import EmulatorSettings, sample_credentials

REPLUG_S: Final = 5.0
"""How long an unplugged stick stays away."""
SELF_REJOIN_S: Final = 5.0
"""From EVENT 29 to what follows it."""


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
        self._socket = Socket(self._faults)
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

    def close(self) -> None:
        """Stop everything that runs in the background and lose the open port."""
        self._socket.unplug()
        super().close()
        for other in self.in_reach[1:]:
            other.close()

    def _power_on(self) -> None:
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
        await self._clock.sleep(fault.value if fault.kind.name != "ev32" else 0.0)

    async def _strike(self, fault: Fault) -> None:
        name, modem = fault.kind.name, self.modem
        if name == "unplug":
            await self._unplug()
        elif name.startswith("ev29-"):
            outcome = {"ev29-25": EV_JOINED, "ev29-24": EV_JOIN_FAILED, "ev29-nothing": None}[name]
            await modem.pana.expire(outcome, 0.0 if self.settings.fast else SELF_REJOIN_S)
        elif name in (actions := self._actions(fault)):
            actions[name]()
        else:
            await super()._strike(fault)

    def _actions(self, fault: Fault) -> Mapping[str, Callable[[], None]]:
        modem = self.modem
        return {
            "mute": self._mute,
            "reset": modem.reset,
            "ev26": modem.pana.peer_ends,
            "ev32": lambda: modem.air_time.restrict(fault.value),
            "silent-session": self._forget_session,
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
