"""One meter over Wi-SUN: open the modem, find the meter, join, keep the session, end it (skstack-ip §4).

`WisunLink.keep()` runs for ever and always comes back; `connect_once()` serves one-shot verbs and raises.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from datetime import datetime
from random import Random
from typing import Final

from hems_data_collector import skstack
from hems_data_collector.clock import Clock
from hems_data_collector.credentials import Credentials
from hems_data_collector.echonet import UDP_PORT
from hems_data_collector.errors import (
    CommandRefused,
    CommandTimeout,
    HemsError,
    JoinRefused,
    LinkError,
    MeterNotFound,
    PortError,
    SendUnconfirmed,
    SessionLost,
)
from hems_data_collector.link.base import Datagram, OnProgress, Pan, Progress
from hems_data_collector.link.counters import LinkCounters
from hems_data_collector.link.failures import (
    air_time_used_up,
    ended_by,
    join_failed,
    not_joined_within,
    not_renewed,
    went_silent,
)
from hems_data_collector.link.modem import SEND_TIMEOUT_S, Modem
from hems_data_collector.link.retry import AFTER_OWN_TERM_S, OWN_TERM_WINDOW_S, waits_for
from hems_data_collector.link.scan import Scanner, give_credentials, identify
from hems_data_collector.link.session import EVENT_INPUTS, SessionInput, SessionState, next_state
from hems_data_collector.link.transport import Transport
from hems_data_collector.skstack import Event, EventNumber, ModemEvent, PanDescription, RxUdp, Transmission

log = logging.getLogger(__name__)

JOIN_TIMEOUT_S: Final = 45.0  # the module gives up by itself after about 40 s (skstack-ip §2.5)
JOIN_USUALLY_S: Final = 10.0  # 3 to 10 s in the field (skstack-ip §6)
RENEWAL_TIMEOUT_S: Final = 60.0  # after EVENT 29 wait this long for 25 or 24 (skstack-ip §4.3)
TERM_COMMAND_TIMEOUT_S: Final = 1.0
TERM_TIMEOUT_S: Final = 3.0
JOINS_WITHOUT_RESCAN: Final = 3  # a PAN that worked is tried this often before it is looked for anew
ONE_SHOT_LIMIT_S: Final = 170.0  # one-shot verbs answer within 180 s (docs/cli.md)
ONE_SHOT_JOINS: Final = 2
REMIND_AFTER_S: Final = 1800.0  # the same trouble is told again after half an hour
PANA_PORT: Final = 716


class WisunLink:
    """The link to one meter through one stick; implements `link.base.Link`.

    `on_joined(pan)` is called after each successful join, `on_terminated(moment)` after our own SKTERM,
    `on_pan_failed()` when a remembered PAN has proved wrong: the caller keeps them across restarts.
    """

    def __init__(
        self,
        *,
        open_port: Callable[[], Awaitable[Transport]],
        credentials: Credentials,
        clock: Clock,
        rng: Random,
        fixed_pan: Pan | None = None,
        cached_pan: Pan | None = None,
        terminated_at: datetime | None = None,
        on_progress: OnProgress = lambda _: None,
    ) -> None:
        self.on_datagram: Callable[[Datagram], None] = lambda _: None
        self.on_down: Callable[[LinkError], None] = lambda _: None
        self.on_joined: Callable[[Pan], None] = lambda _: None
        self.on_pan_failed: Callable[[], None] = lambda: None
        self.on_terminated: Callable[[datetime], None] = lambda _: None
        self.counters = LinkCounters()
        self._open_port = open_port
        self._credentials = credentials
        self._clock = clock
        self._rng = rng
        self._fixed = fixed_pan is not None
        self._pan = fixed_pan or cached_pan
        self._proven = self._fixed
        self._join_failures = 0
        self._terminated_at = terminated_at
        self._on_progress = on_progress
        self._modem: Modem | None = None
        self._dialect = skstack.SINGLE_STACK
        self._scanner = Scanner(clock=clock, credentials=credentials, on_progress=on_progress)
        self._state = SessionState.DOWN
        self._changed = asyncio.Event()
        self._restricted = False
        self._pana_seen = False
        self._down_reason: HemsError | None = None
        self._renewal: asyncio.Task[None] | None = None
        self._doubted = False
        self._told: tuple[str, float] | None = None

    @property
    def peer(self) -> str | None:
        """The meter's MAC address, once known."""
        return None if self._pan is None else skstack.mac_of(self._pan.address)

    @property
    def state(self) -> SessionState:
        """Where the session stands."""
        return self._state

    async def wait_until(self, *states: SessionState) -> None:
        """Return as soon as the session is in one of `states`."""
        while self._state not in states:
            self._changed.clear()
            await self._changed.wait()

    # --- sending -------------------------------------------------------------------------------------------------

    async def send(self, payload: bytes) -> None:
        """Send one datagram to the meter; see `link.base.Link.send`."""
        if self._restricted:
            raise air_time_used_up()
        if self._state is SessionState.EXPIRED:
            await self.wait_until(SessionState.UP, SessionState.DOWN)
        if self._state is not SessionState.UP or self._modem is None or self._pan is None:
            raise self._no_session()
        command = skstack.sksendto(self._dialect, self._pan.address, payload)
        self.counters.sent(len(payload))
        try:
            done = await self._modem.execute(command, timeout_s=SEND_TIMEOUT_S)
        except CommandRefused as error:
            raise SendUnconfirmed(error.what, cause=error.cause, remedy=error.remedy) from error
        except CommandTimeout as error:
            await self._drop_modem(error)
            raise self._no_session() from error
        except PortError as error:
            raise self._no_session() from error
        if done.transmission is Transmission.FAILED:
            raise SendUnconfirmed("The meter's radio did not acknowledge the datagram.")

    async def probe_failed(self) -> None:
        """The meter stays silent: end the session, so that `keep` sets up the modem and joins again (§7 row 17)."""
        self._doubted = True  # a modem that restarted by itself is silent too, and has forgotten id and password
        self._step(SessionInput.SILENT, went_silent())

    def _no_session(self) -> SessionLost:
        reason = self._down_reason
        return SessionLost("There is no session with the meter." if reason is None else reason.what)

    # --- keeping -------------------------------------------------------------------------------------------------

    async def keep(self) -> None:
        """Set the session up and set it up again whenever it ends, for ever."""
        attempt = 0
        while True:
            try:
                await self._connect()
                attempt = 0
                await self.wait_until(SessionState.DOWN)
                raise self._down_reason or SessionLost("The session ended.")
            except HemsError as error:
                wait_s = self._wait_before(error, attempt)
                attempt += 1
                self._tell(error, wait_s)
                self._on_progress(None)
                if self._doubted or not isinstance(error, SessionLost):
                    await self._drop_modem(error)
                await self._clock.sleep(wait_s)

    def _wait_before(self, error: HemsError, attempt: int) -> float:
        if isinstance(error, JoinRefused) and self._just_terminated():
            self._terminated_at = None
            return AFTER_OWN_TERM_S
        return waits_for(error).before(attempt, self._rng)

    def _just_terminated(self) -> bool:
        if self._terminated_at is None:
            return False
        return 0 <= (self._clock.now() - self._terminated_at).total_seconds() <= OWN_TERM_WINDOW_S

    def _tell(self, error: HemsError, wait_s: float) -> None:
        now = self._clock.monotonic()
        if self._told is not None and self._told[0] == error.what and now - self._told[1] < REMIND_AFTER_S:
            log.debug("%s Next try in %.0f s.", error.what, wait_s)
            return
        self._told = (error.what, now)
        log.warning("%s Next try in %.0f s.", error, wait_s)

    async def connect_once(self) -> Pan:
        """One widening scan and two joins at most; raises what went wrong (docs/cli.md: within 180 s)."""
        try:
            async with asyncio.timeout(ONE_SHOT_LIMIT_S):
                for attempt in range(1, ONE_SHOT_JOINS + 1):
                    try:
                        return await self._connect()
                    except (JoinRefused, SessionLost):
                        if attempt == ONE_SHOT_JOINS:
                            raise
                        self._on_progress(
                            Progress(text="The meter refused us; trying again", expected_s=AFTER_OWN_TERM_S)
                        )
                        await self._clock.sleep(AFTER_OWN_TERM_S)
        except TimeoutError:
            pass
        raise not_joined_within(ONE_SHOT_LIMIT_S)

    async def _connect(self) -> Pan:
        modem = await self._ready_modem()
        if self._pan is not None:
            try:
                return await self._join(modem, self._pan)
            except (JoinRefused, MeterNotFound) as error:
                if not self._forget_pan(error):
                    raise
        pans, self._dialect = await self._scanner.scan(modem, self._dialect)
        self._proven = True
        for pan in pans[:-1]:
            try:
                return await self._join(modem, pan)
            except (JoinRefused, MeterNotFound) as error:
                log.info("%s There is another PAN with our id; trying that.", error.what)
        return await self._join(modem, pans[-1])

    def _forget_pan(self, error: HemsError) -> bool:
        """After a failed join: whether to look for the meter anew instead of trying the same place again."""
        if self._fixed or (isinstance(error, JoinRefused) and self._just_terminated()):
            return False
        self._join_failures += 1
        refused_at_a_known_place = isinstance(error, JoinRefused) and self._proven  # by a scan or an earlier join
        if refused_at_a_known_place and self._join_failures < JOINS_WITHOUT_RESCAN:
            return False
        log.info("The meter is not where it was; looking for it again.")
        self._pan = None
        self._proven = False
        self._join_failures = 0
        self.on_pan_failed()
        return True

    # --- the modem -----------------------------------------------------------------------------------------------

    async def _ready_modem(self) -> Modem:
        if self._modem is not None:
            return self._modem
        transport = await self._open_port()
        modem = Modem(transport, clock=self._clock, on_event=self._on_event, on_lost=self._on_port_lost)
        try:
            version, self._dialect = await identify(modem)
            await give_credentials(modem, self._credentials)
        except BaseException:
            await modem.close()
            raise
        log.info("Wi-SUN modem ready (firmware %s, %s).", version, self._dialect.name)
        self._restricted = False
        self._modem = modem
        return modem

    async def _drop_modem(self, reason: HemsError) -> None:
        self._step(SessionInput.MODEM_LOST, reason)
        self._doubted = False
        modem, self._modem = self._modem, None
        if modem is not None:
            await modem.close()

    def _on_port_lost(self, error: PortError) -> None:
        self._scanner.swept()
        self._step(SessionInput.MODEM_LOST, error)

    async def _join(self, modem: Modem, pan: Pan) -> Pan:
        self._on_progress(Progress(text="Joining the meter", expected_s=JOIN_USUALLY_S))
        self._pan = pan
        self._pana_seen = False
        self._down_reason = None
        await modem.execute(skstack.sksreg("S2", f"{pan.channel:02X}"))
        await modem.execute(skstack.sksreg("S3", f"{pan.pan_id:04X}"))
        try:
            await modem.execute(skstack.skaddnbr(pan.address, skstack.mac_of(pan.address)))
        except CommandRefused:
            log.debug("SKADDNBR is refused; the modem resolves the neighbour by itself")
        self._step(SessionInput.JOIN_SENT)
        try:
            await modem.execute(skstack.skjoin(pan.address))
            await self._clock.wait_for(self.wait_until(SessionState.UP, SessionState.DOWN), JOIN_TIMEOUT_S)
        except TimeoutError:
            self._step(SessionInput.JOIN_GIVEN_UP)
            raise CommandTimeout("The modem reported no result of the join.", cause="It hangs.") from None
        except HemsError:
            self._step(SessionInput.JOIN_GIVEN_UP)
            raise
        if self._state is not SessionState.UP:
            raise self._join_error()
        self._proven = True
        self._join_failures = 0
        self._told = None
        self._terminated_at = None
        self._on_progress(None)
        return pan

    def _join_error(self) -> HemsError:
        if isinstance(self._down_reason, PortError):
            return self._down_reason
        return join_failed(meter_spoke=self._pana_seen)

    # --- events --------------------------------------------------------------------------------------------------

    def _on_event(self, event: ModemEvent) -> None:
        match event:
            case RxUdp():
                self._on_udp(event)
            case PanDescription():
                self._scanner.beacon(event)
            case Event(number=EventNumber.SCAN_DONE):
                self._scanner.swept()
            case Event(number=EventNumber.SEND_LIMIT_REACHED):
                self._restricted = True
                log.warning("The modem has used up its legal air time; sending pauses until it reports the release.")
            case Event(number=EventNumber.SEND_LIMIT_RELEASED):
                self._restricted = False
                log.info("The modem may send again.")
            case Event(number=number) if number in EVENT_INPUTS:
                self._step(EVENT_INPUTS[number], ended_by(number))
            case _:
                pass

    def _on_udp(self, datagram: RxUdp) -> None:
        if datagram.remote_port == PANA_PORT:
            self._pana_seen = True
            return
        ours = (
            datagram.remote_port == datagram.local_port == UDP_PORT
            and datagram.secured
            and self._pan is not None
            and datagram.sender == self._pan.address
        )
        if not ours:
            self.counters.ignored += 1
            return
        self.counters.datagrams_received += 1
        if datagram.lqi is not None:
            self.counters.last_lqi, self.counters.last_rssi_dbm = datagram.lqi, float(skstack.rssi_dbm(datagram.lqi))
        self.on_datagram(Datagram(payload=datagram.payload, lqi=datagram.lqi))

    def _step(self, happened: SessionInput, reason: HemsError | None = None) -> None:
        before, self._state = self._state, next_state(self._state, happened)
        if self._state is before:
            return
        if self._renewal is not None:
            self._renewal.cancel()
            self._renewal = None
        if self._state is SessionState.EXPIRED:
            log.info("The session's lifetime is over; waiting for its renewal.")
            self._renewal = asyncio.create_task(self._await_renewal(), name="session-renewal")
        if self._state is SessionState.DOWN:
            self._down_reason = reason
            if before in (SessionState.UP, SessionState.EXPIRED):
                self.on_down(self._no_session())
        if self._state is SessionState.UP and before is SessionState.JOINING and self._pan is not None:
            log.info("Joined the meter (channel %02X, PAN %04X).", self._pan.channel, self._pan.pan_id)
            self.on_joined(self._pan)  # before anyone who waits for the session can use it
        self._changed.set()

    async def _await_renewal(self) -> None:
        await self._clock.sleep(RENEWAL_TIMEOUT_S)
        self._renewal = None
        self._step(SessionInput.NOT_RENEWED, not_renewed())

    async def close(self) -> None:
        """End the session in order (SKTERM, then at most 3 s for EVENT 27 or 28) and release the port; never raises."""
        modem = self._modem
        if modem is not None and self._state in (SessionState.UP, SessionState.EXPIRED):
            self._step(SessionInput.TERM_SENT)
            try:
                await modem.execute(skstack.skterm(), timeout_s=TERM_COMMAND_TIMEOUT_S)
                self.on_terminated(self._clock.now())
                await self._clock.wait_for(self.wait_until(SessionState.DOWN), TERM_TIMEOUT_S)
            except (HemsError, TimeoutError) as error:
                log.debug("ending the session: %s", error)
            else:
                log.info("Session with the meter ended.")
        if self._renewal is not None:
            self._renewal.cancel()
        self._modem = None
        if modem is not None:
            await modem.close()
