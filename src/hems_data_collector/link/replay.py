"""A transcript as a port: plays the modem and the meter as they were recorded (docs/cli.md).

It follows the host loosely: each command gets what the next same one got, wherever that stands, and begins anew at the
end. Answers of the meter get the TID that the host has used, a beacon with our pairing id that of the host.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from gettext import gettext as _
from pathlib import Path
from typing import Final, TypeAlias

from hems_data_collector.clock import Clock
from hems_data_collector.credentials import PAIR_ID_LENGTH
from hems_data_collector.echonet import Esv, Frame, decode_datagram
from hems_data_collector.errors import DecodeError, LineError, PortError, PortLost, PortNotFound
from hems_data_collector.language import os_text
from hems_data_collector.link.replay_port import replay_path
from hems_data_collector.link.transport import Transport
from hems_data_collector.skstack.framing import CRLF, RXUDP_HEADER
from hems_data_collector.skstack.masking import SENDTO_HEADER
from hems_data_collector.skstack.transcript import Step, parse

log = logging.getLogger(__name__)

MAX_PAUSE_S: Final = 0.2  # waits of the radio are no part of the trouble; the order of the lines is kept
UNKNOWN_COMMAND: Final = b"FAIL ER04\r\n"
OWN_PAIR: Final = b"PairID:" + b"0" * PAIR_ID_LENGTH
_BY_NAME: Final = frozenset({b"SKSETPWD", b"SKSETRBID", b"SKSCAN"})
"""Commands whose arguments may be other ones: secrets, and a scan of another length."""
_PROBE: Final = b"SKVER"
_REPLIES: Final = frozenset({Esv.INFC_RES, Esv.SET_RES, Esv.GET_RES, Esv.GET_SNA, Esv.SET_C_SNA})
_TID: Final = slice(2, 4)

Key: TypeAlias = tuple[object, ...]


@dataclass(slots=True, kw_only=True)
class Exchange:
    """A command of the host, and what the modem printed until the next one."""

    key: Key
    tid: bytes | None = None
    lines: list[tuple[float, bytes]] = field(default_factory=list)
    """Each with the pause before it in seconds."""


class Tape:
    """A transcript and where in it the host is."""

    def __init__(self, name: str, steps: Sequence[Step]) -> None:
        self._name = name
        self._exchanges = [Exchange(key=())]
        at = 0.0
        for step in steps:
            if not step.sent:
                pause = min(MAX_PAUSE_S, max(0.0, step.at - at))
                self._exchanges[-1].lines.append((pause, step.data))
            elif step.data.strip(CRLF):
                key, tid = _key_of(step.data)
                self._exchanges.append(Exchange(key=key, tid=tid))
            at = step.at
        self._next = 1
        self._tids: dict[bytes, bytes] = {}
        self._pair = b""

    @property
    def opening(self) -> list[tuple[float, bytes]]:
        """What the modem printed before the first command."""
        return self._exchanges[0].lines

    def answer(self, wire: bytes) -> list[tuple[float, bytes]]:
        """What the modem prints when the host has written `wire`; raises PortLost where the transcript cannot know."""
        if not wire.strip(CRLF):
            return []
        key, tid = _key_of(wire)
        if key[0] == b"SKSETRBID":
            self._pair = wire.rstrip(CRLF)[-PAIR_ID_LENGTH:]
        found = self._find(key)
        if found is None:
            return self._without_recording(wire, key)
        if tid is not None and found.tid is not None:
            self._tids[found.tid] = tid
        return [(pause, self._fitted(line)) for pause, line in found.lines]

    def _find(self, key: Key) -> Exchange | None:
        """The next same command, else the same one from the beginning on.

        The first tries to find out whether a modem answers at all are passed over: they may have been at another speed.
        """
        order = (*range(self._next, len(self._exchanges)), *range(1, self._next))
        same: list[int] = [place for place in order if self._exchanges[place].key == key]
        if key[0] == _PROBE:
            same = [place for place in same if self._exchanges[place].lines] or same
        if not same:
            return None
        self._next = same[0] + 1
        return self._exchanges[same[0]]

    def _without_recording(self, wire: bytes, key: Key) -> list[tuple[float, bytes]]:
        sent = SENDTO_HEADER.match(wire)
        if sent is None:
            log.debug("the transcript has no %s", key[0])
            return [(0.0, UNKNOWN_COMMAND)]
        if len(key) > 1 and key[1] in _REPLIES:
            return [(0.0, b"OK\r\n")]
        raise PortLost(
            _("{name} holds no answer to this request of the program ({request}).").format(
                name=self._name, request=_request_text(key)
            ),
            cause=_("The recording ended earlier, or another version of the program made it."),
            remedy=_("Record again, longer, or play it with the version that recorded it."),
        )

    def _fitted(self, line: bytes) -> bytes:
        """`line` for this host: its pairing id and its TIDs."""
        if OWN_PAIR in line and len(self._pair) == PAIR_ID_LENGTH:
            return line.replace(OWN_PAIR, b"PairID:" + self._pair)
        header = RXUDP_HEADER.search(line)
        if header is None:
            return line
        data = line[header.end() :].removesuffix(CRLF)
        in_hex = len(data) == 2 * int(header[header.lastindex or 0], 16)
        try:
            payload = bytes.fromhex(data.decode("latin-1")) if in_hex else data
            frame = decode_datagram(payload)
        except (ValueError, DecodeError):
            return line
        tid = self._tids.get(payload[_TID])
        if tid is None or not isinstance(frame, Frame) or frame.esv in (Esv.INF, Esv.INFC):
            return line
        fitted = payload[: _TID.start] + tid + payload[_TID.stop :]
        return line[: header.end()] + (fitted.hex().upper().encode() if in_hex else fitted) + CRLF


class ReplayPort:
    """An open port; implements `link.transport.Transport`."""

    def __init__(self, tape: Tape, clock: Clock) -> None:
        self._tape = tape
        self._clock = clock
        self._lines = deque(tape.opening)
        self._arrival = asyncio.Event()
        self._lost: PortLost | None = None

    async def read(self) -> bytes:
        """The next line; PortLost once the host has asked for something that was not recorded."""
        while not self._lines:
            if self._lost is not None:
                raise self._lost
            self._arrival.clear()
            await self._arrival.wait()
        await self._clock.sleep(self._lines[0][0])
        return self._lines.popleft()[1]

    async def write(self, data: bytes) -> None:
        """Take a command; what was printed before it in the recording is printed at once."""
        self._lines = deque((0.0, line) for _, line in self._lines)
        try:
            self._lines += self._tape.answer(data)
        except PortLost as lost:
            self._lost = lost
        self._arrival.set()

    async def close(self) -> None:
        """Nothing to let go of."""


class Replays:
    """Opens ports `replay:FILE`; one that is opened again goes on where it was."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._tapes: dict[str, Tape] = {}

    async def open(self, url: str, baudrate: int) -> Transport:
        """Raises PortNotFound where there is no such file, PortError for one that is no whole transcript."""
        name = replay_path(url)
        if name not in self._tapes:
            self._tapes[name] = Tape(name, read_transcript(name))
        return ReplayPort(self._tapes[name], self._clock)


def read_transcript(name: str) -> tuple[Step, ...]:
    """The steps in the file `name`; errors as of `Replays.open`."""
    try:
        text = Path(name).expanduser().read_text(encoding="ascii")
        return parse(text.splitlines())
    except OSError as error:
        raise PortNotFound(
            _("The transcript {name} cannot be read: {reason}.").format(name=name, reason=os_text(error)),
            cause=_("The name is wrong, or the file is not yours to read."),
            remedy=_("Give the file that `record` has written: --port replay:FILE"),
        ) from error
    except (LineError, UnicodeDecodeError) as error:
        reason = error.what if isinstance(error, LineError) else _("it has characters that are not ASCII")
        raise PortError(
            _("The transcript {name} cannot be played: {reason}.").format(name=name, reason=reason),
            cause=_("It was cut or edited, or something else wrote it."),
            remedy=_("Ask for the file again; who edits one must correct the number in its last line too."),
        ) from None


def _key_of(wire: bytes) -> tuple[Key, bytes | None]:
    """What makes two commands the same, and the TID of a request."""
    sent = SENDTO_HEADER.match(wire)
    if sent is None:
        words: Key = tuple(wire.upper().split()) or (wire,)
        return (words[:1] if words[0] in _BY_NAME else words), None
    payload = wire[sent.end() :]
    try:
        frame = decode_datagram(payload)
    except DecodeError:
        return (b"SKSENDTO", payload), None
    if not isinstance(frame, Frame):
        return (b"SKSENDTO", payload), None
    return (b"SKSENDTO", frame.esv, frame.deoj, frame.properties), payload[_TID]


def _request_text(key: Key) -> str:
    if len(key) < 4 or not isinstance(key[1], Esv) or not isinstance(key[3], tuple):
        return _("no ECHONET Lite frame")
    return f"{key[1].name} {' '.join(f'{prop.epc:02X}' for prop in key[3])}"
