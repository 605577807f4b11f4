"""Records as JSON lines to a TCP server that answers each line: OK, NO with a reason, AWAY (not welcome) or LATER."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from gettext import gettext as _
from typing import Any, ClassVar, Final, Self

from hems_data_collector.clock import Clock
from hems_data_collector.errors import OutputPaused, OutputRejected, OutputUnavailable
from hems_data_collector.language import N_
from hems_data_collector.outputs.base import Output, Setting
from hems_data_collector.outputs.formats import Format, json_object
from hems_data_collector.readings import RECORD_KEYS, Record

ANSWER_LIMIT_S: Final = 10.0  # of a server in the same house; one that takes longer is as good as down
ARE_YOU_THERE: Final = b"?"


def server_address(text: str) -> tuple[str, int]:
    """Host and port of `HOST:PORT`; raises ValueError in words for a person."""
    host, _colon, port = text.rpartition(":")
    if not host or not port.isdecimal() or not 0 < int(port) < 65_536:
        raise ValueError(_("a server is written host:port, such as localhost:7001"))
    return host, int(port)


class LinesOutput(Output):
    """One connection, opened when it is needed; one line, one answer."""

    name: ClassVar[str] = "lines"
    help: ClassVar[str] = N_("a TCP server that takes JSON lines and answers each of them")
    settings: ClassVar[tuple[Setting, ...]] = (
        Setting(
            name="lines_server",
            flag="--lines-server",
            environment="LINES_SERVER",
            default="localhost:7001",
            help=N_("where the output 'lines' connects to"),
            metavar="HOST:PORT",
            convert=server_address,
        ),
    )

    def __init__(self, host: str, port: int, clock: Clock) -> None:
        self._host = host
        self._port = port
        self._clock = clock
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    @classmethod
    def build(
        cls,
        values: Mapping[str, Any],
        format: Format,
        *,
        clock: Clock,
        columns: Sequence[str] = RECORD_KEYS,
        half_hours: bool = False,
    ) -> Self:
        host, port = values["lines_server"]
        return cls(host, port, clock)

    async def check(self) -> str | None:
        self._judge(await self._answer_to(ARE_YOU_THERE))
        return None

    async def deliver(self, batch: Sequence[Record], checkpoint: bytes | None) -> bytes | None:
        for record in batch:
            self._judge(await self._answer_to(json_object(record)))
        return checkpoint

    async def close(self) -> None:
        if self._streams is not None:
            self._streams[1].close()
            self._streams = None

    async def _answer_to(self, line: bytes) -> str:
        """What the server answers; a connection on which something went wrong is not used again."""
        try:
            return await self._clock.wait_for(self._asked(line), ANSWER_LIMIT_S)
        except OSError as error:  # TimeoutError is one
            await self.close()
            raise OutputUnavailable(
                _("The server {host}:{port} did not answer.").format(host=self._host, port=self._port),
                cause=_("It or the network is down, or the address is wrong."),
                remedy=_("Start it, or correct --lines-server."),
            ) from error
        except asyncio.CancelledError:
            await self.close()
            raise

    async def _asked(self, line: bytes) -> str:
        if self._streams is None:
            self._streams = await asyncio.open_connection(self._host, self._port)
        reader, writer = self._streams
        writer.write(line + b"\n")
        await writer.drain()
        answer = await reader.readline()
        if not answer.endswith(b"\n"):
            raise ConnectionResetError("closed in the middle of an answer")
        return answer.decode(errors="replace").strip()

    def _judge(self, answer: str) -> None:
        """What the answer means for the record: nothing is raised where the server has it."""
        word, _space, reason = answer.partition(" ")
        if word == "NO":
            raise OutputRejected(_("The server does not take this record: {reason}.").format(reason=reason))
        if word == "AWAY":
            raise OutputPaused(
                _("The server sends us away."),
                cause=_("It does not know this machine."),
                remedy=_("Let this machine in at the server."),
            )
        if word != "OK":
            raise OutputUnavailable(
                _("The server answered {answer}.").format(answer=answer),
                cause=_("It is busy, or it is no server for these lines."),
                remedy=_("Look at the server; nothing is lost meanwhile."),
            )
