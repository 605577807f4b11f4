"""The modem on an open port: one command in flight, every deadline absolute.

Thin I/O around `skstack.Connection`. Chatter of the modem never extends a deadline (skstack-ip §7, row 21).
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from gettext import gettext as _
from typing import Final

from hems_data_collector.clock import Clock
from hems_data_collector.errors import CommandRefused, CommandTimeout, PortError
from hems_data_collector.language import N_
from hems_data_collector.link.counters import LinkCounters
from hems_data_collector.link.transport import Transport
from hems_data_collector.skstack import Command, CommandDone, Connection, ModemEvent, PayloadMode
from hems_data_collector.skstack.j11 import J11Ear

log = logging.getLogger(__name__)

COMMAND_TIMEOUT_S: Final = 3.0  # local commands take 3-100 ms (skstack-ip §6)
WAKE_S: Final = 0.02  # what the modem may still print of a half-typed command
QUIET_S: Final = 0.5  # nothing more comes of what was begun: no late answer to an abandoned command, no rest of a line

_FAILURES: Final = {
    4: (N_("the modem does not know this command"), N_("Its firmware is another one than expected.")),
    5: (N_("the number of arguments is wrong"), N_("The modem speaks the other dialect.")),
    6: (N_("an argument is malformed or out of range"), N_("A value given by hand may be wrong.")),
    9: (N_("the modem lost characters on its serial line"), N_("The baud rate or the cable may be wrong.")),
    10: (
        N_("the modem accepted the command but could not carry it out"),
        N_("There may be no session, or it is busy."),
    ),
}


class Modem:
    """Sends commands and hands out what the modem says on its own.

    `on_event` receives every asynchronous event, in order, on the event loop; it must not block.
    `on_lost` is called once when the port goes away. `ear` listens for another firmware.
    """

    def __init__(
        self,
        transport: Transport,
        *,
        clock: Clock,
        on_event: Callable[[ModemEvent], None],
        on_lost: Callable[[PortError], None],
        counters: LinkCounters | None = None,
    ) -> None:
        self._transport = transport
        self._clock = clock
        self._on_event = on_event
        self._on_lost = on_lost
        self._counters = counters or LinkCounters()
        self._connection = Connection()
        self._echoes_before: int | None = None
        self.ear = J11Ear()
        self._turn = asyncio.Lock()
        self._pending: asyncio.Future[CommandDone] | None = None
        self._lost: PortError | None = None
        self._pump = asyncio.create_task(self._read_for_ever(), name="modem-reader")

    @property
    def echo_is_back(self) -> bool:
        """The modem echoes again although it was told not to: it has been restarted (skstack-ip §1.3)."""
        return self._echoes_before is not None and self._connection.echoes > self._echoes_before

    def expect_no_echo(self) -> None:
        """From now on an echo is a sign."""
        self._echoes_before = self._connection.echoes

    def ignore_echo(self) -> None:
        """This modem echoes for another reason than a restart."""
        self._echoes_before = None

    def expect_payloads(self, mode: PayloadMode) -> None:
        """How this modem prints received data (skstack-ip §1.5), where that is known."""
        self._connection.payload_mode = mode

    @property
    def payload_mode(self) -> PayloadMode | None:
        """How this modem prints received data, once that is known."""
        return self._connection.payload_mode

    async def execute(self, command: Command, *, timeout_s: float = COMMAND_TIMEOUT_S) -> CommandDone:
        """Send `command` and return its answer.

        Raises CommandRefused on FAIL, CommandTimeout after `timeout_s` seconds, PortLost when the port goes away.
        """
        async with self._turn:
            if self._lost is not None:
                raise self._lost
            pending: asyncio.Future[CommandDone] = asyncio.get_running_loop().create_future()
            self._pending = pending
            try:
                await self._transport.write(self._connection.send(command))
                self._trace()
                done = await self._clock.wait_for(pending, timeout_s)
            except TimeoutError:
                await self.wake(quiet_s=QUIET_S)
                raise CommandTimeout(
                    _("The modem did not answer {command} within {seconds:.0f} s.").format(
                        command=command.name, seconds=timeout_s
                    ),
                    cause=_("It hangs, it is no SKSTACK-IP modem, or the baud rate is wrong."),
                    remedy=_("The collector resets it; if that does not help, unplug the stick and plug it in again."),
                ) from None
            except asyncio.CancelledError:
                self._connection.abandon()
                raise
            finally:
                if pending.done() and not pending.cancelled():
                    pending.exception()  # looked at: the writing may have failed first, of the same cause
                self._pending = None
        if not done.ok:
            raise _refused(done)
        return done

    async def write_raw(self, data: bytes) -> None:
        """Write bytes that are no command; what comes back is not awaited."""
        await self._transport.write(data)

    def flush(self) -> None:
        """End a block that has no terminator line (EPANDESC, skstack-ip §3.3)."""
        self._connection.flush()
        self._deliver()

    async def wake(self, quiet_s: float = WAKE_S) -> None:
        """End a half-typed command or an open data mode in the modem, and let it fall quiet (skstack-ip §1.2, §7)."""
        await self._transport.write(self._connection.abandon())
        await self._clock.sleep(quiet_s)

    async def close(self) -> None:
        """Stop reading and release the port; never raises."""
        self._pump.cancel()
        await asyncio.gather(self._pump, return_exceptions=True)
        await self._transport.close()

    async def _read_for_ever(self) -> None:
        try:
            while True:
                before = self._connection.undecodable
                await self._read()
                self._counters.undecodable_lines += self._connection.undecodable - before
                self._deliver()
        except PortError as error:
            self._lost = error
            if self._pending is not None and not self._pending.done():
                self._pending.set_exception(error)
            self._on_lost(error)

    async def _read(self) -> None:
        """Take what comes; where a datagram has lost bytes, quiet ends the wait for them (skstack-ip §1.5)."""
        try:
            wait_s = QUIET_S if self._connection.cut_short else None
            data = await self._clock.wait_for(self._transport.read(), wait_s)
        except TimeoutError:
            self._connection.flush()
            return
        self.ear.listen(data)
        self._connection.receive_data(data)

    def _deliver(self) -> None:
        self._trace()
        while (event := self._connection.next_event()) is not None:
            if isinstance(event, CommandDone):
                if self._pending is not None and not self._pending.done():
                    self._pending.set_result(event)
            else:
                self._on_event(event)

    def _trace(self) -> None:
        """Every line of the wire, masked, for --debug."""
        if log.isEnabledFor(logging.DEBUG):
            for line in self._connection.take_lines():
                log.debug("%s", line)


def _refused(done: CommandDone) -> CommandRefused:
    code = done.failure.code if done.failure is not None and done.failure.code is not None else 0
    what, cause = _FAILURES.get(code, (N_("the modem refused it"), N_("It does not say why.")))
    return CommandRefused(
        _("{command} failed with ER{code:02d}: {reason}.").format(command=done.command.name, code=code, reason=_(what)),
        code=code,
        cause=_(cause),
        remedy=_("The collector tries again; with --debug every line of the modem is shown."),
    )
