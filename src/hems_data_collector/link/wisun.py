"""One meter over Wi-SUN: sending, and the life of the session by its table (skstack-ip §4; docs/link.md).

`WisunLink.keep()` runs for ever and always comes back; `connect_once()` serves one-shot verbs and raises.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from datetime import datetime
from gettext import gettext as _
from random import Random
from typing import Final

from hems_data_collector import skstack
from hems_data_collector.clock import Clock
from hems_data_collector.credentials import Credentials
from hems_data_collector.echonet import UDP_PORT
from hems_data_collector.errors import HemsError, JoinRefused, LinkError, ModemError, PortError, SessionLost
from hems_data_collector.link import failures
from hems_data_collector.link.base import Datagram, OnProgress, Pan, Progress
from hems_data_collector.link.counters import LinkCounters, air_time_of
from hems_data_collector.link.machine import Machine, Work
from hems_data_collector.link.patience import Patience
from hems_data_collector.link.places import Places
from hems_data_collector.link.port import PlainPort, Port
from hems_data_collector.link.restriction import Restriction
from hems_data_collector.link.retry import AFTER_OWN_TERM_S
from hems_data_collector.link.scan import Scanner
from hems_data_collector.link.seeking import Seeking
from hems_data_collector.link.sending import Sender
from hems_data_collector.link.session import EVENT_INPUTS, LIVE, RESTING, Action, SessionInput, SessionState
from hems_data_collector.link.stick import Stick
from hems_data_collector.link.transport import Transport
from hems_data_collector.meter_name import news_level
from hems_data_collector.skstack import Event, ModemEvent, PanDescription, RxUdp

log = logging.getLogger(__name__)

ONE_SHOT_LIMIT_S: Final = 170.0  # one-shot verbs answer within 180 s (docs/cli.md)
ONE_SHOT_JOINS: Final = 2
PANA_PORT: Final = 716
PANA_REPLY_BYTES: Final = 60  # about what the modem sends back for each PANA message (skstack-ip §4.4)


class WisunLink:
    """The link to one meter through one stick; implements `link.base.MeterLink`.

    `on_joined(pan)` is called after each successful join, `on_terminated(moment)` after our own SKTERM,
    `on_pan_failed()` when a remembered PAN has proved wrong: the caller keeps them across restarts. `port` replaces
    `open_port` where more is known of the port than how to open it; links on the same port share one `restriction`.
    """

    def __init__(
        self,
        *,
        open_port: Callable[[], Awaitable[Transport]] | None = None,
        credentials: Credentials,
        clock: Clock,
        rng: Random,
        port: Port | None = None,
        fixed_pan: Pan | None = None,
        cached_pan: Pan | None = None,
        terminated_at: datetime | None = None,
        restriction: Restriction | None = None,
        on_progress: OnProgress = lambda _: None,
    ) -> None:
        if port is None:
            assert open_port is not None, "a link needs a port"
            port = PlainPort(open_port)
        self.on_datagram: Callable[[Datagram], None] = lambda _: None
        self.on_down: Callable[[LinkError], None] = lambda _: None
        self.on_joined: Callable[[Pan], None] = lambda _: None
        self.on_pan_failed: Callable[[], None] = lambda: None
        self.on_terminated: Callable[[datetime], None] = lambda _: None
        self.counters = LinkCounters()
        self._clock = clock
        self._on_progress = on_progress
        self._restriction = restriction or Restriction(clock)
        self._places = Places(fixed=fixed_pan, cached=cached_pan)
        self._scanner = Scanner(credentials)
        self._patience = Patience(clock, rng, ended_at=terminated_at)
        self._pana_seen = False
        self._stick = Stick(
            port,
            credentials=credentials,
            clock=clock,
            restriction=self._restriction,
            counters=self.counters,
            on_event=self._on_event,
            on_lost=self._failed,
        )
        self._seeking = Seeking(
            self._stick,
            self._places,
            self._scanner,
            clock=clock,
            restriction=self._restriction,
            counters=self.counters,
            on_progress=on_progress,
        )
        self._machine = Machine(
            clock=clock,
            perform=self._perform,
            entered=self._entered,
            limit_of=self._limit_of,
            over=self._over,
            failed=self._failed,
        )
        self._sender = Sender(
            self._machine,
            self._stick,
            self._places,
            self._seeking,
            restriction=self._restriction,
            patience=self._patience,
            counters=self.counters,
        )

    @property
    def peer(self) -> str | None:
        """The meter's MAC address, once known."""
        pan = self._places.pan
        return None if pan is None else skstack.mac_of(pan.address)

    @property
    def state(self) -> SessionState:
        """Where the session stands."""
        return self._machine.state

    @property
    def trouble(self) -> HemsError | None:
        """Why there is no session, as far as is known; None while there is one."""
        return self._patience.failure

    async def wait_until(self, *states: SessionState) -> None:
        """Return as soon as the session is in one of `states`."""
        await self._machine.wait_until(*states)

    # --- sending -------------------------------------------------------------------------------------------------

    async def send(self, payload: bytes) -> None:
        """Send one datagram to the meter; see `link.base.Link.send`."""
        await self._sender.send(payload)

    async def probe_failed(self) -> None:
        """The meter stays silent: end the session, so that the modem is reset and joins again (§7 row 17)."""
        self._patience.failure = failures.went_silent()
        self._machine.step(SessionInput.SILENT)

    # --- keeping -------------------------------------------------------------------------------------------------

    async def keep(self) -> None:
        """Set the session up and set it up again whenever it ends, for ever."""
        self._machine.step(SessionInput.START)
        await self._machine.run()

    async def connect_once(self) -> Pan:
        """One widening scan and two joins at most; raises what went wrong (docs/cli.md: within 180 s)."""
        self._patience.raising = True
        keeping = asyncio.create_task(self.keep(), name="connect-once")
        try:
            async with asyncio.timeout(ONE_SHOT_LIMIT_S):
                for joins_left in reversed(range(ONE_SHOT_JOINS)):
                    await self.wait_until(SessionState.UP, SessionState.BARRED, *RESTING)
                    if self.state is SessionState.UP:
                        assert self._places.pan is not None
                        return self._places.pan
                    error = self._patience.failure or failures.air_time_used_up()
                    if not (joins_left and isinstance(error, JoinRefused | SessionLost)):
                        raise error
                    self._on_progress(
                        Progress(text=_("The meter refused us; trying again"), expected_s=AFTER_OWN_TERM_S)
                    )
                    await self._clock.sleep(AFTER_OWN_TERM_S)
                    self._machine.step(self._over(self.state))
        except TimeoutError:
            pass
        finally:
            keeping.cancel()
            await asyncio.gather(keeping, return_exceptions=True)
            self._patience.raising = False
        raise failures.not_joined_within(ONE_SHOT_LIMIT_S)

    async def close(self) -> None:
        """End the session in order (SKTERM, then at most 3 s for EVENT 27 or 28) and release the port; never raises."""
        self._machine.step(SessionInput.CLOSE)
        await self.wait_until(SessionState.CLOSED)
        await self._stick.close()

    # --- the table's actions -------------------------------------------------------------------------------------

    def _perform(self, action: Action) -> Work | None:
        return _DO[action](self)

    def _scan(self) -> Work:
        self._scanner.begin()
        return self._seeking.sweep()

    def _join(self) -> Work:
        assert self._places.pan is not None
        self._pana_seen = False
        return self._seeking.join(self._places.pan)

    def _forget_place(self) -> None:
        log.info("The meter is not where it was; looking for it again.")
        self._places.forget()
        self.on_pan_failed()

    def _announce(self) -> None:
        pan = self._places.pan
        assert pan is not None
        self._places.joined()
        self._patience.up()
        self.counters.rejoins += self.counters.joins > 0
        self.counters.joins += 1
        if pan.lqi is not None:
            self._measured(pan.lqi)
        self._on_progress(None)
        log.log(news_level(), "Joined the meter (channel %02X, PAN %04X).", pan.channel, pan.pan_id)
        self.on_joined(pan)  # before anyone who waits for the session can use it

    def _lose(self) -> None:
        self.counters.losses += 1
        self._patience.lost()
        self.on_down(self._sender.no_session())

    def _restrict(self) -> None:
        self._restriction.reach()
        self.counters.send_restrictions += 1
        self.counters.restricted_until = self._restriction.until
        log.warning("The modem has used up its legal air time; nothing is sent until it reports the release.")

    def _release(self) -> None:
        self._restriction.release()
        self.counters.restricted_until = None
        log.info("The modem may send again.")

    def _ask_limit(self) -> Work:
        self._restriction.prolong()  # until the next question, if the modem still may not send
        return self._seeking.ask_limit()

    def _terminate(self) -> Work:
        self._patience.ended()
        self.on_terminated(self._clock.now())
        return self._seeking.terminate()

    def _let_go(self) -> None:
        self._stick.let_go()

    # --- states and their limits ---------------------------------------------------------------------------------

    def _entered(self, before: SessionState, after: SessionState) -> None:
        if after is SessionState.EXPIRED:
            log.info("The session's lifetime is over; waiting for its renewal.")
        elif after is SessionState.BARRED and before in (SessionState.OPENING, SessionState.RESETTING):
            self.counters.restricted_until = self._restriction.until
            log.info("Nothing may be sent until %s at the latest.", self._restriction.until)
        elif after is SessionState.CLOSED and before is SessionState.ENDING:
            log.log(news_level(), "Session with the meter ended.")
        if after in RESTING:
            self.counters.retries += 1
            self._on_progress(None)

    def _limit_of(self, state: SessionState) -> float:
        if state in RESTING:
            return self._patience.wait_s()
        return self._scanner.limit_s if state is SessionState.SCANNING else self._restriction.left_s

    def _over(self, state: SessionState) -> SessionInput:
        """The limit of `state` is over: what that means, and what is to be told of it."""
        if state in RESTING:
            self._places.new_try()
        if state is SessionState.DOWN:
            return self._seeking.ready_for()
        if state in failures.TOO_LONG:
            self._patience.failure = failures.TOO_LONG[state]()
        return SessionInput.TIME_UP

    def _failed(self, error: HemsError) -> None:
        """Port or modem fail, in some work or by themselves, or a scan found nothing."""
        self._patience.failure = error
        if isinstance(error, PortError):
            self._machine.step(SessionInput.PORT_LOST)
        elif isinstance(error, ModemError):
            self._machine.step(SessionInput.MODEM_FAILED)
        else:
            self._machine.step(SessionInput.NOT_FOUND)

    # --- events --------------------------------------------------------------------------------------------------

    def _on_event(self, event: ModemEvent) -> None:
        match event:
            case RxUdp():
                self._on_udp(event)
            case PanDescription():
                self._scanner.beacon(event)
            case Event(number=number) if number in EVENT_INPUTS:
                self._on_session_event(number)
            case _:
                pass

    def _on_session_event(self, number: int) -> None:
        happened = EVENT_INPUTS[number]
        if happened is SessionInput.REFUSED and self.state is SessionState.JOINING:
            self._patience.failure = failures.join_failed(meter_spoke=self._pana_seen)
            happened = self._places.after_failure(refused=self._pana_seen, just_ended=self._patience.just_ended)
            if happened is SessionInput.NEXT_PLACE:
                log.info("%s There is another PAN with our id; trying that.", self._patience.failure.what)
        elif self.state in LIVE and happened in failures.ENDINGS:
            self._patience.failure = failures.ended_by(happened)
        if not self._machine.step(happened):
            self._note_limit(happened)

    def _note_limit(self, happened: SessionInput) -> None:
        """The limit outlives every session, so it counts in every state."""
        if happened is SessionInput.LIMIT_REACHED:
            self._restrict()
        elif happened is SessionInput.LIMIT_RELEASED and self._restriction.active:
            self._release()

    def _on_udp(self, datagram: RxUdp) -> None:
        if datagram.remote_port == PANA_PORT:
            self._pana_seen = True
            self.counters.air_time_s += air_time_of(PANA_REPLY_BYTES)
            return
        ours = (
            datagram.remote_port == datagram.local_port == UDP_PORT
            and datagram.secured
            and self._places.pan is not None
            and datagram.sender == self._places.pan.address
        )
        if not ours:
            self.counters.ignored += 1
            return
        self.counters.datagrams_received += 1
        if datagram.lqi is not None:
            self._measured(datagram.lqi)
        self.on_datagram(Datagram(payload=datagram.payload, lqi=datagram.lqi))

    def _measured(self, lqi: int) -> None:
        self.counters.last_lqi, self.counters.last_rssi_dbm = lqi, float(skstack.rssi_dbm(lqi))


_DO: Final[dict[Action, Callable[[WisunLink], Work | None]]] = {
    Action.OPEN: lambda link: link._seeking.open(),
    Action.RESET: lambda link: link._seeking.reset(),
    Action.SCAN: WisunLink._scan,
    Action.WIDEN: lambda link: link._seeking.sweep(),
    Action.COLLECT: lambda link: link._seeking.collect(),
    Action.JOIN: WisunLink._join,
    Action.ASK_LIMIT: WisunLink._ask_limit,
    Action.TERMINATE: WisunLink._terminate,
    Action.LET_GO: WisunLink._let_go,
    Action.FORGET_PLACE: WisunLink._forget_place,
    Action.ANNOUNCE: WisunLink._announce,
    Action.LOSE: WisunLink._lose,
    Action.RESTRICT: WisunLink._restrict,
    Action.RELEASE: WisunLink._release,
}
"""What each action of the table is."""
