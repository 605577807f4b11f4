"""The stick: its port, the modem on it, and what it takes to have that modem ready."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from gettext import gettext as _
from typing import Final

from hems_data_collector.clock import Clock
from hems_data_collector.credentials import Credentials
from hems_data_collector.errors import ModemError, PortError, SessionLost
from hems_data_collector.link.counters import LinkCounters
from hems_data_collector.link.modem import Modem
from hems_data_collector.link.port import Port
from hems_data_collector.link.recognise import (
    PROBE_TRIES,
    TRIES_AFTER_RESET,
    TRIES_AT_OTHER_RATES,
    find_version,
    is_j11,
    make_ready,
    no_modem_answers,
    reset_blindly,
    speaks_j11,
)
from hems_data_collector.link.restriction import Restriction
from hems_data_collector.meter_name import news_level
from hems_data_collector.skstack import SINGLE_STACK, ModemEvent

log = logging.getLogger(__name__)

J11_RATE: Final = 115_200


class Stick:
    """At most one open modem. `on_event` and `on_lost` as of `Modem`."""

    def __init__(
        self,
        port: Port,
        *,
        credentials: Credentials,
        clock: Clock,
        restriction: Restriction,
        counters: LinkCounters,
        on_event: Callable[[ModemEvent], None],
        on_lost: Callable[[PortError], None],
    ) -> None:
        self._port = port
        self._credentials = credentials
        self._clock = clock
        self._restriction = restriction
        self._counters = counters
        self._on_event = on_event
        self._on_lost = on_lost
        self._modem: Modem | None = None
        self._closing: set[asyncio.Task[None]] = set()
        self.dialect = SINGLE_STACK
        self.version = ""
        """The firmware's, once open."""
        self.rate = 0
        """The baud rate at which it answers, once open; without meaning where the port has none."""

    @property
    def modem(self) -> Modem:
        """The open modem; raises SessionLost when there is none."""
        if self._modem is None:
            raise SessionLost(_("The port is not open."))
        return self._modem

    async def open(self) -> None:
        """Open the port, find the modem's baud rate and have it ready.

        Raises PortError, ModemUnsupported for J11 firmware, or ModemError when nothing sensible answers.
        """
        version, rate = await self._found()
        if version is None:
            raise await self._what_else_it_is()
        self.version, self.rate = version, rate
        await self._ready(self.modem)
        self._port.worked(rate)
        log.log(news_level(), "Wi-SUN modem ready (firmware %s, %s).", version, self.dialect.name)

    async def _found(self) -> tuple[str | None, int]:
        """The version that the modem tells, and the rate at which it does."""
        likely = self._port.rates[0]
        for rate in self._port.rates:
            modem = await self._opened(rate)
            version = await find_version(modem, PROBE_TRIES if rate == likely else TRIES_AT_OTHER_RATES)
            if version is not None or modem.ear.heard:
                return version, rate
        return await self._reset_blindly(await self._opened(likely)), likely

    async def _what_else_it_is(self) -> ModemError:
        if J11_RATE in self._port.rates[1:] and not self.modem.ear.heard:
            await self._opened(J11_RATE)
        return is_j11() if await speaks_j11(self.modem, self._clock) else no_modem_answers()

    async def reset(self) -> None:
        """SKRESET on the open port, whatever the modem answers, then as after opening."""
        modem = self.modem
        if await self._reset_blindly(modem) is None:
            raise no_modem_answers()
        await self._ready(modem)
        log.info("The modem was reset.")

    def let_go(self) -> None:
        """Close the port, without waiting for it."""
        modem, self._modem = self._modem, None
        if modem is not None:
            task = asyncio.create_task(modem.close(), name="modem-close")
            self._closing.add(task)
            task.add_done_callback(self._closing.discard)

    async def close(self) -> None:
        """Close the port; never raises."""
        self.let_go()
        await asyncio.gather(*self._closing, return_exceptions=True)

    async def _opened(self, rate: int) -> Modem:
        await self.close()
        transport = await self._port.open(rate)
        self._counters.port_openings += 1
        self._modem = Modem(
            transport, clock=self._clock, on_event=self._on_event, on_lost=self._on_lost, counters=self._counters
        )
        return self._modem

    async def _reset_blindly(self, modem: Modem) -> str | None:
        """The version of a modem that may hang. A pause of the legal air time is ours to keep, whatever it forgets."""
        await reset_blindly(modem)
        return await find_version(modem, TRIES_AFTER_RESET)

    async def _ready(self, modem: Modem) -> None:
        self.dialect = await make_ready(modem, self._credentials, self._restriction, self._counters)
