"""Writes down what goes over a port, both ways, with times and without secrets (docs/cli.md)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from hems_data_collector.clock import Clock
from hems_data_collector.link.anonymous import Anonymizer
from hems_data_collector.link.transport import Opener, Transport
from hems_data_collector.skstack.framing import CRLF, LineSplitter
from hems_data_collector.skstack.transcript import FIRST_LINE, Step, end_line, step_line, time_line

NEW_TIME_S: Final = 0.01  # what follows sooner than that has the same time


class Recording:
    """One transcript in the making; `write` takes each line of it, without its end."""

    def __init__(self, write: Callable[[str], None], anonymizer: Anonymizer, *, clock: Clock) -> None:
        self._write = write
        self._anonymizer = anonymizer
        self._clock = clock
        self._begun = self._at = clock.monotonic()
        self.lines = 0
        write(FIRST_LINE)

    def remark(self, text: str) -> None:
        """A line for people."""
        self._write(f"# {text}")

    def over(self, opener: Opener) -> Opener:
        """`opener`, with everything that goes over its ports written down."""

        async def opened(url: str, baudrate: int) -> Transport:
            transport = await opener(url, baudrate)
            self.remark(f"the port was opened at {baudrate} bit/s")
            return RecordedPort(transport, self)

        return opened

    def end(self) -> None:
        """The last line, without which a transcript is not whole."""
        self._write(end_line(self.lines))

    def sent(self, data: bytes) -> None:
        """The host wrote a command."""
        self._step(sent=True, data=self._anonymizer.sent(data))

    def received(self, splitter: LineSplitter, *, give_up: bool = False) -> None:
        """Whatever lines are complete by now."""
        while True:
            end = b"\r" if splitter.cr_ends_line else CRLF
            piece = splitter.next_piece(give_up=give_up)
            if piece is None:
                return
            if piece.raw.strip():  # blank lines are everywhere and mean nothing (skstack-ip §1.4)
                self._step(sent=False, data=self._anonymizer.received(piece) + end)

    def _step(self, *, sent: bool, data: bytes) -> None:
        now = self._clock.monotonic()
        if self.lines == 0 or now - self._at >= NEW_TIME_S:
            self._at = now
            self._write(time_line(now - self._begun))
        self._write(step_line(Step(at=now, sent=sent, data=data)))
        self.lines += 1


class RecordedPort:
    """An open port; implements `link.transport.Transport`."""

    def __init__(self, transport: Transport, recording: Recording) -> None:
        self._transport = transport
        self._recording = recording
        self._splitter = LineSplitter()

    async def read(self) -> bytes:
        """As the port behind it."""
        data = await self._transport.read()
        self._splitter.feed(data)
        self._recording.received(self._splitter)
        return data

    async def write(self, data: bytes) -> None:
        """As the port behind it."""
        if self._splitter.cut_short:
            self._recording.received(self._splitter, give_up=True)
        self._recording.sent(data)
        if data.strip(CRLF):  # the answer to a ROHM command ends with CR alone, as the command does (§1.2)
            self._splitter.cr_ends_line = data.endswith(b"\r") and not data.startswith(b"SKSENDTO")
        await self._transport.write(data)

    async def close(self) -> None:
        """As the port behind it; what came without an end is written down as a line."""
        self._splitter.feed(CRLF)
        self._recording.received(self._splitter, give_up=True)
        await self._transport.close()
