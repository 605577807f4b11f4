"""One datagram to the meter, and what its fate says about modem and session (skstack-ip §3.2, §7)."""

from __future__ import annotations

import logging
from gettext import gettext as _
from typing import Final

from hems_data_collector import skstack
from hems_data_collector.errors import (
    CommandRefused,
    CommandTimeout,
    ModemError,
    PortError,
    SendUnconfirmed,
    SessionLost,
)
from hems_data_collector.link import failures
from hems_data_collector.link.base import Pan
from hems_data_collector.link.counters import LinkCounters
from hems_data_collector.link.machine import Machine
from hems_data_collector.link.patience import Patience
from hems_data_collector.link.places import Places
from hems_data_collector.link.restriction import Restriction
from hems_data_collector.link.seeking import ER_NOT_EXECUTED, Seeking
from hems_data_collector.link.session import SessionInput, SessionState
from hems_data_collector.link.stick import Stick
from hems_data_collector.skstack import Transmission

log = logging.getLogger(__name__)

SEND_TIMEOUT_S: Final = 15.0  # SKSENDTO ends after EVENT 21; neighbour resolution and retries take seconds
_NOT_EXPIRED: Final = tuple(state for state in SessionState if state is not SessionState.EXPIRED)


class Sender:
    """Sends while the session is up."""

    def __init__(
        self,
        machine: Machine,
        stick: Stick,
        places: Places,
        seeking: Seeking,
        *,
        restriction: Restriction,
        patience: Patience,
        counters: LinkCounters,
    ) -> None:
        self._machine = machine
        self._stick = stick
        self._places = places
        self._seeking = seeking
        self._restriction = restriction
        self._patience = patience
        self._counters = counters

    async def send(self, payload: bytes) -> None:
        """Send one datagram to the meter; errors as of `link.base.Link.send`."""
        await self._machine.wait_until(*_NOT_EXPIRED)
        if self._restriction.active:
            raise failures.air_time_used_up()
        pan = self._places.pan
        if self._machine.state is not SessionState.UP or pan is None:
            raise self.no_session()
        modem = self._stick.modem
        command = skstack.sksendto(self._stick.dialect, pan.address, payload)
        self._counters.sent(len(payload))
        try:
            done = await modem.execute(command, timeout_s=SEND_TIMEOUT_S)
        except CommandRefused as error:
            await self._check(pan, suspicious=error.code == ER_NOT_EXECUTED)
            raise SendUnconfirmed(error.what, cause=error.cause, remedy=error.remedy) from error
        except CommandTimeout as error:
            self._patience.failure = error
            self._machine.step(SessionInput.MODEM_FAILED)
            raise self.no_session() from error
        except PortError as error:
            raise self.no_session() from error
        failed = done.transmission is Transmission.FAILED
        await self._check(pan, suspicious=failed or modem.echo_is_back)
        if failed:
            raise SendUnconfirmed(_("The meter's radio did not acknowledge the datagram."))

    def no_session(self) -> SessionLost:
        """Why nothing can be sent."""
        reason = self._patience.failure
        return SessionLost(_("There is no session with the meter.") if reason is None else reason.what)

    async def _check(self, pan: Pan, *, suspicious: bool) -> None:
        """Whether the modem has been restarted behind our back, at each sign of it: then SessionLost at once."""
        if not suspicious:
            return
        try:
            tuned = await self._seeking.is_still_tuned(pan)
        except (ModemError, PortError) as error:
            log.debug("%s", error.what)
            return
        if tuned:
            self._stick.modem.ignore_echo()
            return
        self._patience.failure = failures.modem_restarted()
        self._machine.step(SessionInput.RESTARTED)
        raise self.no_session()
