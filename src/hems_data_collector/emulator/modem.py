"""The module's command loop: bytes in, commands executed one after the other (skstack-ip §1, §2)."""

from __future__ import annotations

import asyncio
from typing import Final

from hems_data_collector.emulator import lines
from hems_data_collector.emulator.board import Board
from hems_data_collector.emulator.commands import row_for
from hems_data_collector.emulator.core import EV_NEIGHBOUR_ADVERTISEMENT, Wiring
from hems_data_collector.emulator.refusal import ER_UNKNOWN, Refused
from hems_data_collector.emulator.tokenizer import BadLine, CommandLine, Hooks, Item, Tokenizer

WAKE_UP: Final = "EVENT C0"
"""Printed on waking up, without any address (skstack-ip §2.7)."""


class Modem(Board):
    """One module: bytes in by `feed`, bytes out by the `output` callback, the air by `radio`."""

    def __init__(self, wiring: Wiring) -> None:
        super().__init__(wiring)
        self._commands: asyncio.Queue[Item] = asyncio.Queue()
        self._worker: asyncio.Task[None] | None = None
        self._tokenizer = Tokenizer(
            has_side=self.has_side,
            hooks=Hooks(
                echo_on=lambda: self.registers.flag("SFE"),
                output=self.emit,
                half_echo=self._break_into_echo,
                bytes_to_lose=self._bytes_to_lose,
            ),
        )

    @property
    def in_data_mode(self) -> bool:
        """Waiting for data of SKSENDTO."""
        return self._tokenizer.in_data_mode

    def start(self) -> None:
        """Begin to execute commands; a second call does nothing."""
        if self._worker is None or self._worker.done():
            self._worker = self.tasks.spawn(self._work())

    def feed(self, data: bytes) -> None:
        """Take bytes from the host."""
        if self.muted or self.faults.get("stuck"):
            return
        if self.asleep:
            self.asleep = False
            self.emit(lines.line(WAKE_UP))
        for item in self._tokenizer.feed(data):
            self._commands.put_nowait(item)

    def power_cycle(self) -> None:
        """Plugged out and in again: also half-typed lines and running commands are gone."""
        self.reset()
        self._tokenizer.reset()
        while not self._commands.empty():
            self._commands.get_nowait()
        if self._worker is not None:
            self._worker.cancel()
            self._worker = None
        self.start()

    def _break_into_echo(self) -> None:
        if self.faults.strikes("glued-echo"):
            self.radio.announce_status()

    def _bytes_to_lose(self) -> int:
        fault = self.faults.get("hang-data")
        if fault is None:
            return 0
        self.faults.remove("hang-data")
        return int(fault.value)

    async def _work(self) -> None:
        """One command after the other; there is no queue in a real module, but bytes wait in its UART."""
        while True:
            item = await self._commands.get()
            await self.clock.sleep(self.timing.local_command())
            if self.faults.strikes("unsolicited"):
                self.event(EV_NEIGHBOUR_ADVERTISEMENT, self.radio.address)
                self.radio.announce_status()
            if isinstance(item, BadLine):
                self._fail(item.code)
            else:
                await self._execute(item)

    async def _execute(self, command: CommandLine) -> None:
        if self.hung and command.name != "SKRESET":
            return
        self.hung = False
        row = row_for(self, command.name)
        if row is None:
            self._fail(ER_UNKNOWN)
            return
        try:
            row.check(command, has_side=self.has_side)
            then = await row.run(self, command)
        except Refused as refusal:
            self._fail(refusal.code)
            return
        if row.says_ok:
            self.emit(b"OK\r\n")
        if then is not None:
            then()

    def _fail(self, code: int) -> None:
        self.emit(lines.line(f"FAIL ER{code:02d}"))
