"""What systemd hears of the collector: that it is ready, what it is doing, that it is getting on (sd_notify(3)).

Where the environment has no NOTIFY_SOCKET, nothing is sent and nothing is watched.
"""

from __future__ import annotations

import logging
import os
import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import tzinfo
from gettext import gettext as _
from typing import Final, Protocol, TypeAlias

from hems_data_collector.clock import Clock, SystemClock
from hems_data_collector.language import N_
from hems_data_collector.link.session import SessionState
from hems_data_collector.readings import Reading, Record
from hems_data_collector.supervision import Progress, WatchedClock

log = logging.getLogger(__name__)

LOOK_EVERY_S: Final = 2.0  # how soon a change of state is told
FEEDS_PER_PERIOD: Final = 4  # systemd wants two at least
SEND_TIMEOUT_S: Final = 0.5  # READY is worth a moment of waiting while the queue of systemd is full
MAX_STATUS: Final = 400  # characters of a status line

_STATES: Final[Mapping[str, str]] = {
    "PORTLESS": N_("waiting for the port"),
    "OPENING": N_("opening the port"),
    "DOUBTED": N_("no session with the meter, waiting to reset the modem and try again"),
    "RESETTING": N_("resetting the modem"),
    "DOWN": N_("no session with the meter, waiting for the next try"),
    "SCANNING": N_("looking for the meter"),
    "JOINING": N_("joining the meter"),
    "BUSY": N_("joining the meter"),
    "UP": N_("joined the meter"),
    "HELD": N_("joined the meter, air time used up, waiting for its release"),
    "BARRED": N_("air time used up, waiting for its release"),
    "EXPIRED": N_("waiting for the session to be renewed"),
    "ENDING": N_("ending the session"),
}
"""The states of a session in words for the owner; what is not here is `starting`."""


def session_text(state: str) -> str:
    """A state of a session by its name, in words."""
    return _(_STATES.get(state.upper(), N_("starting")))


Publish: TypeAlias = Callable[[Reading, Record], None]


class Stateful(Protocol):
    """A link, as far as it matters here."""

    @property
    def state(self) -> SessionState:
        """Where the session stands."""


class Notifier:
    """Sends to the socket of systemd; every loss is borne in silence."""

    def __init__(self, address: str) -> None:
        """`address` is a path, or a name in the abstract namespace with `@` in front."""
        self._address = "\0" + address[1:] if address.startswith("@") else address

    def send(self, *assignments: str) -> None:
        """Send lines such as `READY=1` as one datagram."""
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sender:
                sender.settimeout(SEND_TIMEOUT_S)
                sender.sendto("\n".join(assignments).encode("utf-8"), self._address)
        except OSError as error:
            log.debug("systemd was not told %s: %s", assignments[0], error)


@dataclass(slots=True)
class _Followed:
    """One meter, as the status line has it."""

    name: str | None
    link: Stateful
    last: Reading | None = None

    def text(self, zone: tzinfo) -> str:
        said = session_text(self.link.state.name)
        if self.last is not None:
            at = f"{self.last.received_at.astimezone(zone):%H:%M}"
            watts = "" if self.last.power_w is None else f" {self.last.power_w} W"
            said = _("{state}; last reading{watts} at {time}").format(state=said, watts=watts, time=at)
        return said if self.name is None else f"{self.name}: {said}"


class Service:
    """The collector as systemd sees it, through all runs of one process."""

    def __init__(
        self, notifier: Notifier | None = None, *, watchdog_s: float | None = None, clock: Clock | None = None
    ) -> None:
        self._notifier = notifier
        self._watchdog_s = watchdog_s if notifier is not None else None
        self._own_clock = clock or SystemClock()
        self._progress = Progress(self._own_clock)
        self._meters: list[_Followed] = []
        self._zone: tzinfo | None = None
        self._told = ""
        self._hungry = False
        self._reloads = False
        self.is_ready = False
        """Since `ready`, until the next run begins."""

    @classmethod
    def from_environment(cls, environ: Mapping[str, str], *, clock: Clock | None = None) -> Service:
        """As systemd started this process, or silent."""
        address = environ.get("NOTIFY_SOCKET", "")
        if address[:1] not in ("/", "@"):
            return cls(clock=clock)
        watched = environ.get("WATCHDOG_PID", str(os.getpid())) == str(os.getpid())
        period = environ.get("WATCHDOG_USEC", "")
        watchdog_s = int(period) / 1e6 if watched and period.isdecimal() and int(period) else None
        return cls(Notifier(address), watchdog_s=watchdog_s, clock=clock)

    @property
    def present(self) -> bool:
        """Whether systemd listens."""
        return self._notifier is not None

    # --- what the wiring says ------------------------------------------------------------------------------------

    def begin(self, zone: tzinfo, clock: Clock | None) -> Clock:
        """A run begins; returns the clock for everything in it, which is watched where systemd wants that."""
        self._zone, self.is_ready, self._told = zone, False, ""
        self._meters.clear()
        self._own_clock = clock or self._own_clock
        if self._watchdog_s is None:
            return self._own_clock
        self._progress = Progress(self._own_clock)
        return WatchedClock(self._own_clock, self._progress)

    def follow(self, name: str | None, link: Stateful, publish: Publish) -> Publish:
        """Tell of the meter `name` what its link does, and its readings; returns what to publish them with."""
        followed = _Followed(name, link)
        self._meters.append(followed)

        def noted(reading: Reading, record: Record) -> None:
            followed.last = reading
            publish(reading, record)
            self._tell()

        return noted

    def expect(self, task: str, needed: Callable[[], bool]) -> None:
        """While `needed()` holds, for example a reading is due and the session up, `task` has to be at it."""
        self._progress.expect(task, needed)

    def ready(self) -> None:
        """Settings, store and outputs are up; the meter may still be away."""
        self.is_ready, self._reloads = True, False
        self._send("READY=1", self._status())

    def reloading(self) -> None:
        """New settings were asked for; `ready` ends this, whatever became of them."""
        self._reloads = True
        self._send("RELOADING=1", f"MONOTONIC_USEC={int(self._own_clock.monotonic() * 1e6)}")

    def stopping(self) -> None:
        """The end of a run has begun; of the service too, unless it reloads."""
        status = f"STATUS={_('Ending the session and sending what is left')}"
        self._send(*(() if self._reloads else ("STOPPING=1",)), status)

    async def run(self) -> None:
        """Tell what changes, and feed the watchdog while everybody gets on; for ever."""
        every_s = LOOK_EVERY_S
        if self._watchdog_s is not None:
            every_s = min(every_s, self._watchdog_s / FEEDS_PER_PERIOD)
        while self.present:
            self._tell()
            if self._watchdog_s is not None:
                self._feed()
            await self._own_clock.sleep(every_s)

    # --- inside --------------------------------------------------------------------------------------------------

    def _feed(self) -> None:
        late = self._progress.late()
        if not late:
            self._send("WATCHDOG=1")
        elif not self._hungry:
            log.error("Past their deadline: %s. The watchdog is fed no more.", ", ".join(late))
        self._hungry = bool(late)

    def _tell(self) -> None:
        if self._notifier is None:
            return
        line = self._status()
        if line != self._told:
            self._told = line
            self._send(line)

    def _status(self) -> str:
        text = ""
        for followed in self._meters:
            if self._zone is None or len(text) > MAX_STATUS:  # of a thousand meters nobody sees the others
                break
            text += ("; " if text else "") + followed.text(self._zone)
        text = text or _("starting")
        return f"STATUS={text[:1].upper()}{text[1:MAX_STATUS]}"

    def _send(self, *assignments: str) -> None:
        if self._notifier is not None:
            self._notifier.send(*assignments)
