"""Requests to one meter and what it sends on its own (echonet-lite-meter §2, §4).

One request at a time, a new TID for every transmission, the AIF timers, INFC answered, late answers recognised.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from gettext import gettext as _
from random import Random
from typing import Final

from hems_data_collector.clock import Clock
from hems_data_collector.echonet import (
    CONTROLLER,
    METER,
    Eoj,
    Esv,
    Frame,
    Property,
    decode_datagram,
    inform_response,
    is_answer,
)
from hems_data_collector.errors import (
    DecodeError,
    HemsError,
    LinkError,
    NoAnswer,
    PropertyRefused,
    SendUnconfirmed,
    SessionLost,
)
from hems_data_collector.link.base import Datagram, Link
from hems_data_collector.meter.own_node import answer_for

log = logging.getLogger(__name__)

TIMER_1_S: Final = 20.0  # AIF §2.4.2: one property, none of the large ones
TIMER_2_S: Final = 60.0  # several properties, or one of the large ones
LARGE_EPCS: Final = frozenset({0xE2, 0xE4, 0xEC, 0xEE})
MAX_PROPERTIES: Final = 6  # AIF 1.01 §2.4.4: what every meter must accept in one request
SEND_TRIES: Final = 3
SEND_SPACING_S: Final = 3.0  # after an unacknowledged transmission
REPLY_PATIENCE_S: Final = 5.0  # an answer takes less than a second; an INFC waits for its response longer than this
REMEMBERED_TIDS: Final = 32
FIXED_EPC: Final = 0xEA
NOTIFICATION_GRACE: Final = timedelta(minutes=5, seconds=10)  # a meter has five minutes to notify (§4.4)
POWER_EPC: Final = 0xE7
TID: Final = slice(2, 4)  # where it stands in a frame (§2)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What came back: good values, what the meter says it does not have, and when it came."""

    values: Mapping[int, bytes]
    refused: frozenset[int]
    received_at: datetime
    lqi: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Notification:
    """What the meter sent without being asked (INF or INFC)."""

    source: Eoj
    values: Mapping[int, bytes]
    received_at: datetime


@dataclass(slots=True, kw_only=True)
class ClientCounters:
    """Counts since the start."""

    requests: int = 0
    """Transmissions of a request; each has a TID of its own."""
    answers: int = 0
    retries: int = 0
    """Requests that were repeated: after a silence, or after a transmission without acknowledgement."""
    no_answers: int = 0
    """Requests that their timer ended."""
    late_answers: int = 0
    """Answers to requests that had been given up."""
    undecodable: int = 0
    """Datagrams of the meter that are no frame."""
    notifications: int = 0

    def as_dict(self) -> dict[str, int]:
        """Every count by its name."""
        return asdict(self)


@dataclass(slots=True, kw_only=True)
class _Pending:
    requests: list[Frame]
    answered: asyncio.Future[tuple[Frame, Datagram, datetime] | None]
    """The answer, or None for one that cannot be decoded, told at most once."""
    damaged: bool = False


class MeterClient:
    """Gets and sets properties over a link; install it with `link.on_datagram = client.receive` and
    `link.on_down = client.session_ended`."""

    def __init__(self, link: Link, *, clock: Clock, rng: Random) -> None:
        self._link = link
        self._clock = clock
        self._tid = rng.randrange(0x10000)
        self._turn = asyncio.Lock()
        self._pending: _Pending | None = None
        self._past_tids: list[int] = []
        self._replies: set[asyncio.Task[None]] = set()
        self._heard_at: datetime | None = None
        self._notifies = False
        self.on_notification: Callable[[Notification], None] = lambda _: None
        self.counters = ClientCounters()

    @property
    def late_answers(self) -> int:
        """Answers to requests that had been given up."""
        return self.counters.late_answers

    @property
    def undecodable(self) -> int:
        """Datagrams of the meter that are no frame."""
        return self.counters.undecodable

    # --- asking --------------------------------------------------------------------------------------------------

    async def get(self, epcs: Sequence[int], *, eoj: Eoj = METER) -> Answer:
        """Get up to six properties, patiently: a silence is followed by a probe of E7 alone and one more try.

        Raises NoAnswer when the meter answers the probe but not this; SessionLost when it answers nothing (the link
        then sets the session up anew); other LinkErrors of the link.
        """
        properties = tuple(Property(epc=epc) for epc in epcs)
        earlier: list[Frame] = []
        try:
            return self._answer_of(await self._exchange(eoj, Esv.GET, properties, earlier))
        except NoAnswer:
            if tuple(epcs) == (POWER_EPC,):
                await self._silent()
            await self.probe()
        return self._answer_of(await self._exchange(eoj, Esv.GET, properties, earlier))

    async def set(self, epc: int, edt: bytes) -> None:
        """SetC one property; raises PropertyRefused when the meter refuses the value, else as `get`."""
        properties = (Property(epc=epc, edt=edt),)
        earlier: list[Frame] = []
        try:
            frame, *_rest = await self._exchange(METER, Esv.SET_C, properties, earlier)
        except NoAnswer:
            await self.probe()
            frame, *_rest = await self._exchange(METER, Esv.SET_C, properties, earlier)
        if frame.esv is not Esv.SET_RES:
            raise PropertyRefused(_("The meter refused to set property {epc:02X}.").format(epc=epc), epc=epc)

    @property
    def overdue(self) -> bool:
        """The meter, which announced a half hour in this session, has left one out and said nothing since.

        That is a reason to `probe`; a meter that never announces anything gives none.
        """
        now = self._clock.now()
        slot = now.replace(minute=now.minute // 30 * 30, second=0, microsecond=0)
        silent = self._heard_at is None or self._heard_at < slot
        return self._notifies and silent and now >= slot + NOTIFICATION_GRACE

    async def probe(self) -> None:
        """Ask for the power alone; SessionLost when the meter does not answer even that, else as `get`."""
        try:
            await self._exchange(METER, Esv.GET, (Property(epc=POWER_EPC),), [])
        except NoAnswer:
            await self._silent()

    async def _silent(self) -> None:
        await self._link.probe_failed()
        raise SessionLost(_("The meter does not answer any more."))

    async def _exchange(
        self, deoj: Eoj, esv: Esv, properties: tuple[Property, ...], earlier: list[Frame]
    ) -> tuple[Frame, Datagram, datetime]:
        """Send and wait; `earlier` are the same request's former transmissions, whose late answer is as good."""
        large = any(prop.epc in LARGE_EPCS for prop in properties)
        timer_s = TIMER_2_S if large or len(properties) > 1 else TIMER_1_S
        async with self._turn:
            pending = _Pending(
                requests=[] if large else list(earlier),  # a late E2 may belong to another day (§10.5)
                answered=asyncio.get_running_loop().create_future(),
            )
            self._pending = pending
            try:
                await self._send(pending, earlier, deoj, esv, properties)
                answer = await self._clock.wait_for(pending.answered, timer_s)
                if answer is None:  # it has answered, so that asking again is no haste
                    pending.answered = asyncio.get_running_loop().create_future()
                    await self._send(pending, earlier, deoj, esv, properties)
                    answer = await self._clock.wait_for(pending.answered, timer_s)
                assert answer is not None  # it is told once
            except TimeoutError:
                self.counters.no_answers += 1
                names = " ".join(f"{prop.epc:02X}" for prop in properties)
                raise NoAnswer(
                    _("The meter did not answer within {seconds:.0f} s (properties {names}).").format(
                        seconds=timer_s, names=names
                    )
                ) from None
            finally:
                self._pending = None
                if pending.answered.done() and not pending.answered.cancelled():
                    pending.answered.exception()  # looked at: the sending may have failed first, of the same cause
        self.counters.answers += 1
        return answer

    async def _send(
        self, pending: _Pending, earlier: list[Frame], deoj: Eoj, esv: Esv, properties: tuple[Property, ...]
    ) -> None:
        for attempt in range(1, SEND_TRIES + 1):
            request = Frame(tid=self._next_tid(), seoj=CONTROLLER, deoj=deoj, esv=esv, properties=properties)
            self.counters.requests += 1
            self.counters.retries += bool(earlier)
            pending.requests.append(request)
            earlier.append(request)
            try:
                await self._link.send(request.encode())
            except SendUnconfirmed:
                if attempt == SEND_TRIES:
                    raise NoAnswer(_("The meter's radio did not acknowledge the request.")) from None
                await self._clock.sleep(SEND_SPACING_S)
                if pending.answered.done():
                    return
            else:
                return

    def _next_tid(self) -> int:
        self._tid = (self._tid + 1) & 0xFFFF
        self._past_tids.append(self._tid)
        del self._past_tids[:-REMEMBERED_TIDS]
        return self._tid

    def _answer_of(self, exchange: tuple[Frame, Datagram, datetime]) -> Answer:
        frame, datagram, received_at = exchange
        values = {prop.epc: prop.edt for prop in frame.properties if prop.edt}
        refused = frozenset(prop.epc for prop in frame.properties if not prop.edt)
        return Answer(values=values, refused=refused, received_at=received_at, lqi=datagram.lqi)

    # --- listening -----------------------------------------------------------------------------------------------

    def receive(self, datagram: Datagram) -> None:
        """One datagram from the meter; never raises."""
        received_at = self._heard_at = self._clock.now()
        try:
            frame = decode_datagram(datagram.payload)
        except DecodeError as error:
            self.counters.undecodable += 1
            log.debug("a datagram cannot be decoded: %s", error.what)
            self._damaged(datagram.payload)
            return
        if not isinstance(frame, Frame):
            return
        if frame.esv in (Esv.INF, Esv.INFC) and not self._is_awaited(frame):
            self._notified(frame, received_at)
        elif self._is_awaited(frame):
            assert self._pending is not None
            self._pending.answered.set_result((frame, datagram, received_at))
        elif frame.tid in self._past_tids:
            self.counters.late_answers += 1
        elif (reply := answer_for(frame)) is not None:
            self._reply(reply)

    def _is_awaited(self, frame: Frame) -> bool:
        pending = self._pending
        if pending is None or pending.answered.done():
            return False
        return any(is_answer(request, frame) for request in pending.requests)

    def _damaged(self, payload: bytes) -> None:
        """Nothing can be read of it, but the TID tells whose answer it was: that one is asked for again, once."""
        pending = self._pending
        if pending is None or pending.damaged or pending.answered.done():
            return
        if any(request.tid.to_bytes(2) == payload[TID] for request in pending.requests):
            pending.damaged = True
            pending.answered.set_result(None)

    def _notified(self, frame: Frame, received_at: datetime) -> None:
        self.counters.notifications += 1
        if frame.esv is Esv.INFC:
            self._reply(inform_response(frame))
        values = {prop.epc: prop.edt for prop in frame.properties if prop.edt}
        self._notifies = self._notifies or FIXED_EPC in values
        self.on_notification(Notification(source=frame.seoj, values=values, received_at=received_at))

    def _reply(self, frame: Frame) -> None:
        task = asyncio.create_task(self._send_reply(frame), name="echonet-reply")
        self._replies.add(task)
        task.add_done_callback(self._replies.discard)

    async def _send_reply(self, frame: Frame) -> None:
        """Send it when no request is outstanding, for a meter serves one thing at a time; but not too late for it."""
        try:
            await self._clock.wait_for(self._turn.acquire(), REPLY_PATIENCE_S)
            free = True
        except TimeoutError:
            free = False
        try:
            await self._link.send(frame.encode())
        except HemsError as error:
            log.debug("the reply to the meter could not be sent: %s", error.what)
        finally:
            if free:
                self._turn.release()

    def session_ended(self, error: LinkError) -> None:
        """The session is over: what is outstanding will not be answered."""
        self._notifies = False
        if self._pending is not None and not self._pending.answered.done():
            self._pending.answered.set_exception(error)
