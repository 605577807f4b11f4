"""The air between the modem and the meter: who can be heard, what gets through, and when (skstack-ip §4, §6)."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

from hems_data_collector.clock import Clock
from hems_data_collector.credentials import Credentials
from hems_data_collector.echonet import Esv, Frame, Property
from hems_data_collector.emulator.dice import Dice
from hems_data_collector.emulator.faults import FaultBox
from hems_data_collector.emulator.lines import ALL_NODES, Beacon, Datagram, link_local
from hems_data_collector.emulator.meter import Meter
from hems_data_collector.emulator.node import Answer, Node
from hems_data_collector.emulator.settings import DEFAULT_LOSS, EmulatorSettings, Notify
from hems_data_collector.emulator.tasks import Tasks
from hems_data_collector.emulator.timing import Timing
from hems_data_collector.emulator.truth import Truth

ECHONET_PORT: Final = 0x0E1A
TRUTH_LIMIT: Final = 100_000
INFC_TIMEOUT_S: Final = 20.0
"""How long the meter waits for an INFC_Res; the real time is unknown (echonet-lite-meter §2.3)."""
METER_LQI: Final = 0xCA
FOREIGN_MAC: Final = "ABCDEF0123456789"
FOREIGN_PAN: Final = 0x9999
FOREIGN_CHANNEL: Final = 0x21
HOUSEHOLD_MAC: Final = "001C6400030C12A4"
HOUSEHOLD_PAN: Final = 0x6393
HOUSEHOLD_PAIR_ID: Final = "0DDBA115"
MOVED_CHANNELS: Final = (0x2A, 0x38)
MOVED_PAN_BITS: Final = 0x0F0F
FORGED_POWER: Final = (9999).to_bytes(4, "big")
GARBAGE: Final = b"\xff\x00"


@dataclass(slots=True, kw_only=True)
class Counters:
    """What happened so far; tests and benchmarks read it."""

    sendto: int = 0
    """SKSENDTO commands taken with their data."""
    answers: int = 0
    """Answers of the meter that reached the modem, duplicates not counted."""
    notifications: int = 0
    """Half-hourly notifications sent."""
    unanswered_infc: int = 0
    """INFC for which no INFC_Res came in time."""
    joins: int = 0
    """SKJOIN commands accepted."""
    sessions: int = 0
    """Authentications that succeeded, re-authentications included."""
    scans: int = 0
    """SKSCAN commands accepted."""
    terminations: int = 0
    """SKTERM commands accepted."""
    flash_writes: int = 0
    """Commands that wear the module's flash: WOPT, WUART, SKSAVE, SKERASE."""
    dropped_bytes: int = 0
    """Output that no open port took."""


class Radio:
    """One meter within reach, its neighbours, and everything on its way to the modem."""

    def __init__(
        self,
        *,
        settings: EmulatorSettings,
        credentials: Credentials,
        node: Node,
        meter: Meter,
        faults: FaultBox,
        timing: Timing,
        clock: Clock,
        dice: Dice,
        tasks: Tasks,
    ) -> None:
        self._settings = settings
        self._credentials = credentials
        self._node = node
        self._meter = meter
        self._faults = faults
        self._timing = timing
        self._clock = clock
        self._dice = dice
        self._tasks = tasks
        self._loss = settings.loss if settings.loss is not None else 0.0 if settings.fast else DEFAULT_LOSS
        self._busy = False
        self.receive: Callable[[Datagram], None] = lambda datagram: None
        """Where datagrams for the modem go; the modem puts itself here."""
        self.counters = Counters()
        self.truth: deque[Truth] = deque(maxlen=TRUTH_LIMIT)
        self.mac = settings.mac
        self.channel = settings.channel
        self.pan_id = settings.pan_id
        self.session = False
        """The meter's side of the session."""
        self.quiet = False
        """The meter has stopped to notify."""
        self.terminated_at: float | None = None
        """When the last session was terminated, on our clock."""

    @property
    def address(self) -> str:
        """The meter's link-local address."""
        return link_local(self.mac)

    def move(self, mac: str | None = None) -> None:
        """The meter is on another channel and PAN from now on and knows no session; with `mac` it is another radio."""
        self.channel = MOVED_CHANNELS[self.channel == MOVED_CHANNELS[0]]
        self.pan_id ^= MOVED_PAN_BITS
        self.mac = mac or self.mac
        self.session = False

    @property
    def present(self) -> bool:
        """The meter is within reach."""
        return self._faults.get("absent") is None

    def reaches(self, *, channel: int, pan_id: int, address: str) -> bool:
        """Whether somebody answers at `address` with the radio tuned like this."""
        tuned = channel == self.channel and pan_id == self.pan_id
        return self.present and tuned and address == self.address

    def knows(self, route_b_id: str | None, password: str | None) -> bool:
        """Whether this is the pair that the meter was registered with."""
        expected = self._credentials
        return route_b_id == expected.route_b_id.reveal() and password == expected.password.reveal()

    @property
    def route_b_id(self) -> str:
        """The id that the meter tells in its first EAP message."""
        return self._credentials.route_b_id.reveal()

    def beacons(self, *, mode: int, duration: int, pairing_id: str) -> list[Beacon]:
        """The PANs that a scan of this kind reports, whatever its mask (skstack-ip §2.4)."""
        found: list[Beacon] = []
        pair = self._credentials.pair_id.reveal()
        if self._faults.get("foreign-pan"):
            found.append(_beacon(FOREIGN_CHANNEL, FOREIGN_PAN, FOREIGN_MAC, 0x8A, pair))
        if self._faults.get("household"):
            found.append(_beacon(self.channel, HOUSEHOLD_PAN, HOUSEHOLD_MAC, 0x4D, HOUSEHOLD_PAIR_ID))
        faint = self._faults.get("faint")
        if self.present and not (faint and duration < faint.value):
            lqi = METER_LQI if not faint else 0x2B
            found.append(_beacon(self.channel, self.pan_id, self.mac, lqi, pair))
        return [beacon for beacon in found if mode == 3 or beacon.pair_id == pairing_id]

    def lqi(self) -> int:
        """Link quality of the next datagram."""
        return METER_LQI - 6 + int(13 * self._dice.fraction("lqi"))

    def deliver(self, payload: bytes, *, port: int, secured: bool, asker: str | None = None) -> None:
        """Hand a datagram to the meter, which answers in its own time or stays silent (skstack-ip §7.3).

        The answer goes to `asker`, without one to the modem.
        """
        if not (self.present and self.session and secured and port == ECHONET_PORT):
            return
        if self._busy and not self._faults.get("overlap"):
            return
        answer = self._node.answer(payload)
        if answer is not None:
            self._busy = True
            self._tasks.spawn(self._send(answer, asker))

    def announce_instances(self) -> None:
        """Multicast the instance list (skstack-ip §4.5)."""
        if not self._faults.get("no-d5"):
            self._emit(self._node.instance_list_notification().encode(), destination=ALL_NODES)

    def announce_status(self) -> None:
        """Send an INF that nobody asked for."""
        self._emit(self._node.status_notification().encode())

    async def announce_half_hours(self) -> None:
        """Send EA and EB as each half hour becomes visible, for ever (echonet-lite-meter §4.4)."""
        while True:
            _, visible = self._meter.next_visible()
            await self._meter.clock.wait_until(visible)
            if not (self.session and self.present) or self.quiet or self._settings.notify is Notify.NONE:
                continue
            self.counters.notifications += 1
            if self._settings.notify is Notify.INF:
                self._emit(self._node.fixed_time_notification(Esv.INF).encode())
            else:
                self._tasks.spawn(self._confirmed(self._node.fixed_time_notification(Esv.INFC)))

    async def _confirmed(self, frame: Frame) -> None:
        """Send an INFC and wait for its INFC_Res, repeating it where the fault says so."""
        repeats = self._faults.get("infc-repeat")
        self._node.inform_responses.discard(frame.tid)
        for _ in range(1 + int(repeats.value if repeats else 0)):
            self._emit(frame.encode())
            await self._clock.sleep(INFC_TIMEOUT_S)
            if frame.tid in self._node.inform_responses:
                self._node.inform_responses.discard(frame.tid)
                return
        self.counters.unanswered_infc += 1

    async def _send(self, answer: Answer, asker: str | None) -> None:
        await self._clock.sleep(self._timing.answer(answer.epcs))
        self._busy = False
        if self._faults.strikes("lost") or self._dice.strikes("loss", self._loss):
            return
        if late := self._faults.strikes("late"):
            await self._clock.sleep(late.value)
        if not (self.session and self.present):
            return
        self._send_companions(answer.frame, asker)
        payload, intact = self._damaged(answer.frame)
        self._emit(payload, destination=asker)
        self.counters.answers += 1
        if intact and answer.truth is not None:
            self.truth.append(answer.truth)
        if self._faults.strikes("duplicate"):
            self._emit(payload, destination=asker)

    def _send_companions(self, frame: Frame, asker: str | None) -> None:
        """What faults put before an answer."""
        if self._faults.strikes("interleaved"):
            self._emit(self._node.fixed_time_copy(frame.tid).encode(), destination=asker)
        if self._faults.strikes("household"):
            self._emit(_other_power(frame).encode(), mac=HOUSEHOLD_MAC)
        if self._faults.strikes("forged"):
            self._emit(_other_power(frame).encode(), secured=False)

    def _damaged(self, frame: Frame) -> tuple[bytes, bool]:
        """The bytes of an answer after the faults, and whether they are as the meter meant them."""
        if self._faults.strikes("wrong-tid"):
            return replace(frame, tid=(frame.tid + 0x1111) & 0xFFFF).encode(), False
        payload = frame.encode()
        if self._faults.strikes("truncated"):
            return payload[:-3], False
        if self._faults.strikes("garbage"):
            return payload + GARBAGE, False
        return payload, True

    def _emit(
        self, payload: bytes, *, destination: str | None = None, mac: str | None = None, secured: bool = True
    ) -> None:
        sender = mac or self.mac
        self.receive(
            Datagram(
                sender=link_local(sender),
                destination=destination or "",
                port=ECHONET_PORT,
                mac=sender,
                secured=secured,
                payload=payload,
            )
        )


def _beacon(channel: int, pan_id: int, mac: str, lqi: int, pair_id: str) -> Beacon:
    return Beacon(channel=channel, pan_id=pan_id, mac=mac, lqi=lqi, pair_id=pair_id)


def _other_power(frame: Frame) -> Frame:
    """The same answer with a power that is not ours."""
    return replace(frame, properties=(Property(0xE7, FORGED_POWER),), set_properties=())
