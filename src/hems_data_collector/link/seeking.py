"""The work between an open modem and a session: scanning, joining, asking for the limit, ending (skstack-ip §4.1)."""

from __future__ import annotations

import logging
from gettext import gettext as _
from typing import Final

from hems_data_collector import skstack
from hems_data_collector.clock import Clock
from hems_data_collector.errors import CommandRefused, ModemError
from hems_data_collector.link.base import OnProgress, Pan, Progress
from hems_data_collector.link.counters import LinkCounters
from hems_data_collector.link.modem import Modem
from hems_data_collector.link.places import Places
from hems_data_collector.link.recognise import SENDING_LIMITED, register
from hems_data_collector.link.restriction import Restriction
from hems_data_collector.link.scan import LATE_DESCRIPTION_S, Scanner, nothing_found, scan_seconds
from hems_data_collector.link.session import SessionInput
from hems_data_collector.link.stick import Stick
from hems_data_collector.skstack import Info, other_dialect

log = logging.getLogger(__name__)

JOIN_USUALLY_S: Final = 10.0  # 3 to 10 s in the field (skstack-ip §6)
TERM_COMMAND_TIMEOUT_S: Final = 1.0
ER_ARGUMENT_COUNT, ER_NOT_EXECUTED = 5, 10  # skstack-ip §2.0


class Seeking:
    """Each method is the work of one action of the table and returns what came of it, None where an event will tell."""

    def __init__(
        self,
        stick: Stick,
        places: Places,
        scanner: Scanner,
        *,
        clock: Clock,
        restriction: Restriction,
        counters: LinkCounters,
        on_progress: OnProgress,
    ) -> None:
        self._stick = stick
        self._places = places
        self._scanner = scanner
        self._clock = clock
        self._restriction = restriction
        self._counters = counters
        self._on_progress = on_progress

    def ready_for(self) -> SessionInput:
        """What a modem that is ready can be used for."""
        if self._restriction.active:
            return SessionInput.STILL_LIMITED
        return SessionInput.PLACE_UNKNOWN if self._places.pan is None else SessionInput.PLACE_KNOWN

    async def open(self) -> SessionInput:
        """Open the port."""
        await self._stick.open()
        return self.ready_for()

    async def reset(self) -> SessionInput:
        """Reset the modem on the open port."""
        await self._stick.reset()
        return self.ready_for()

    async def sweep(self) -> None:
        """Start the present sweep; EVENT 22 ends it."""
        duration = self._scanner.duration
        self._on_progress(
            Progress(
                text=_("Looking for the meter (scan {duration})").format(duration=duration),
                expected_s=scan_seconds(duration),
            )
        )
        self._counters.scans += 1
        modem = self._stick.modem
        try:
            await modem.execute(skstack.skscan(self._stick.dialect, duration))
        except CommandRefused as error:
            if error.code != ER_ARGUMENT_COUNT:
                raise
            self._stick.dialect = other_dialect(self._stick.dialect)
            await modem.execute(skstack.skscan(self._stick.dialect, duration))
        _still_the_same(modem)

    async def collect(self) -> SessionInput:
        """What the sweep has found; raises MeterNotFound after the longest one."""
        await self._clock.sleep(LATE_DESCRIPTION_S)
        self._stick.modem.flush()
        if pans := self._scanner.ours():
            self._places.found(pans)
            return SessionInput.FOUND
        log.info("Scan %d found no meter of ours.", self._scanner.duration)
        if self._scanner.widen():
            return SessionInput.NOT_FOUND_YET
        raise nothing_found()

    async def join(self, pan: Pan) -> SessionInput | None:
        """Tune to the place of the meter and start the authentication; EVENT 25 or 24 ends it."""
        self._on_progress(Progress(text=_("Joining the meter"), expected_s=JOIN_USUALLY_S))
        modem = self._stick.modem
        await modem.execute(skstack.sksreg("S2", f"{pan.channel:02X}"))
        _still_the_same(modem)
        await modem.execute(skstack.sksreg("S3", f"{pan.pan_id:04X}"))
        try:
            await modem.execute(skstack.skaddnbr(pan.address, skstack.mac_of(pan.address)))
        except CommandRefused:
            log.debug("SKADDNBR is refused; the modem resolves the neighbour by itself")
        try:
            await modem.execute(skstack.skjoin(pan.address))
        except CommandRefused as error:
            if error.code != ER_NOT_EXECUTED:
                raise
            log.info("The modem does not take the join yet; waiting for what it is at.")
            return SessionInput.JOIN_NOT_TAKEN
        return None

    async def is_still_tuned(self, pan: Pan) -> bool:
        """Whether the modem still has channel and PAN as we set them; False: it has been restarted."""
        done = await self._stick.modem.execute(skstack.skinfo())
        info = next((answer for answer in done.answers if isinstance(answer, Info)), None)
        return info is None or (info.channel, info.pan_id) == (pan.channel, pan.pan_id)

    async def ask_limit(self) -> SessionInput | None:
        """Whether sending is free although no EVENT 33 came."""
        if await register(self._stick.modem, SENDING_LIMITED) == "1":
            return None
        return SessionInput.LIMIT_RELEASED

    async def terminate(self) -> SessionInput | None:
        """SKTERM; EVENT 27 or 28 ends it."""
        try:
            await self._stick.modem.execute(skstack.skterm(), timeout_s=TERM_COMMAND_TIMEOUT_S)
        except ModemError as error:
            log.debug("ending the session: %s", error)
            return SessionInput.TERM_REFUSED
        return None


def _still_the_same(modem: Modem) -> None:
    """Raises ModemError when the modem has been restarted since it was set up: it has forgotten id and password."""
    if modem.echo_is_back:
        raise ModemError(
            _("The modem has restarted by itself and forgotten the id."),
            cause=_("Its power is weak, or its USB port was reset."),
            remedy=_("The collector sets it up anew; if it happens often, try another USB port or cable."),
        )
