"""The conversation with one module, without I/O and without time: bytes in, events out, one command at a time.

    data = connection.send(skver())        # bytes to write
    connection.receive_data(received)      # bytes that were read, in any chunks
    while (event := connection.next_event()) is not None: ...

`next_event` returns None when more bytes are needed. Whatever the module prints, nothing raises: what no rule fits
comes out as `Unparsed` and is counted. Deadlines are the caller's: `abandon` after one, `flush` after half a second of
quiet.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, cast

from hems_data_collector.credentials import MASK
from hems_data_collector.errors import LineError
from hems_data_collector.skstack.addresses import full_ipv6
from hems_data_collector.skstack.blocks import OpenBlock
from hems_data_collector.skstack.commands import Command, Ending
from hems_data_collector.skstack.events import (
    Address,
    AddressTable,
    Answer,
    AppVersion,
    CommandDone,
    DeviceTable,
    Event,
    EventNumber,
    Fail,
    HandleTable,
    Info,
    KeyTable,
    LineEvent,
    ModemEvent,
    NeighborTable,
    Ok,
    PortTable,
    Register,
    Transmission,
    Unparsed,
    Version,
)
from hems_data_collector.skstack.framing import CRLF, DataLine, Line, LineSplitter, PayloadMode, Piece
from hems_data_collector.skstack.masking import masked_line
from hems_data_collector.skstack.parse import glued_line, parse_data, parse_line
from hems_data_collector.skstack.states import TRANSITIONS, Action, Input, State

_MAX_KEPT_LINES: Final = 200  # lines for the debug log that nobody has taken yet

_INPUTS: Final[Mapping[type[LineEvent], Input]] = {
    Ok: Input.OK,
    Fail: Input.FAIL,
    Address: Input.ADDRESS_LINE,
    **dict.fromkeys(
        (
            Version,
            AppVersion,
            Info,
            Register,
            AddressTable,
            NeighborTable,
            PortTable,
            HandleTable,
            DeviceTable,
            KeyTable,
        ),
        Input.ANSWER,
    ),
}
"""How an event moves the state machine; all others are `Input.EVENT`."""

_RESULTS: Final[Mapping[int | None, Transmission]] = {0x00: Transmission.SENT, 0x01: Transmission.FAILED}
"""EVENT 21 parameters (skstack-ip §3.2); 02 and whatever else comes confirm nothing."""


@dataclass(slots=True, kw_only=True)
class _Pending:
    """The command in flight and what it has brought so far."""

    command: Command
    destination: str | None
    answers: list[Answer] = field(default_factory=list)
    transmission: Transmission = Transmission.UNCONFIRMED


class Connection:
    """One module's side of the wire; see the module's docstring.

    `payload_mode` may be given when it is known (from ROPT); otherwise the first datagram shows it.
    """

    def __init__(self, *, payload_mode: PayloadMode | None = None) -> None:
        self._splitter = LineSplitter(payload_mode)
        self._state = State.IDLE
        self._pending: _Pending | None = None
        self._block: OpenBlock | None = None
        self._events: deque[ModemEvent] = deque()
        self._lines: deque[tuple[str, bytes | Command]] = deque(maxlen=_MAX_KEPT_LINES)
        self._undecodable = 0
        self._echoes = 0

    @property
    def busy(self) -> bool:
        """A command is in flight: `send` must wait for its `CommandDone`."""
        return self._state is not State.IDLE

    @property
    def state(self) -> State:
        """The present state of the table."""
        return self._state

    @property
    def pending(self) -> Command | None:
        """The command in flight."""
        return self._pending.command if self._pending else None

    @property
    def payload_mode(self) -> PayloadMode | None:
        """How received data is printed; None until known."""
        return self._splitter.payload_mode

    @payload_mode.setter
    def payload_mode(self, mode: PayloadMode | None) -> None:
        self._splitter.payload_mode = mode

    @property
    def cut_short(self) -> bool:
        """A datagram waits for data behind the end of its line: after half a second of quiet it wants a `flush`."""
        return self._splitter.cut_short

    @property
    def undecodable(self) -> int:
        """How many lines or blocks no rule fitted since the connection was made."""
        return self._undecodable

    @property
    def echoes(self) -> int:
        """How many commands the module has echoed; one more after SFE 0 means that it was restarted (§1.3)."""
        return self._echoes

    def send(self, command: Command) -> bytes:
        """Begin a command; returns the bytes to write. RuntimeError while another one is in flight."""
        if self._step(Input.SEND if command.final is Ending.STATUS else Input.SEND_FOR_ADDRESS) is Action.REFUSE:
            raise RuntimeError(f"{command.masked} must wait for the end of {self._pending and self._pending.command}")
        self._pending = _Pending(command=command, destination=_canonical(command.destination))
        self._splitter.cr_ends_line = command.rohm  # until the next command: the answer may come late
        self._lines.append((">", command))
        return command.wire

    def receive_data(self, data: bytes) -> None:
        """Take bytes that the module printed, in any chunks; never raises."""
        self._splitter.feed(data)
        self._take_pieces(give_up=False)

    def next_event(self) -> ModemEvent | None:
        """The next event in the order of the wire; None when more bytes are needed."""
        return self._events.popleft() if self._events else None

    def flush(self) -> None:
        """To be called when the module was quiet for about half a second.

        Ends an open scan result, which has no end mark, and gives up the rest of a datagram that was cut short.
        """
        self._take_pieces(give_up=True)
        self._close_block()

    def abandon(self) -> bytes:
        """Forget the command in flight (its deadline has passed); returns the bytes to write.

        A module that did not get all data of an SKSENDTO swallows whatever comes next (skstack-ip §1.4). Empty lines
        are data there and harmless elsewhere, so they bring it back whether or not it was cut. A late OK or FAIL comes
        out as an event of its own: drain until quiet before the next command.
        """
        self._close_block()
        self._step(Input.ABANDON)
        data = self._pending.command.data if self._pending else None
        self._pending = None
        return CRLF * (1 if data is None else 1 + (len(data) + 1) // len(CRLF))

    def take_lines(self) -> list[str]:
        """The lines of both directions since the last call (200 at most), masked, `> ` and `< ` in front: for a log."""
        lines = [
            f"{direction} {line.masked if isinstance(line, Command) else masked_line(line)}"
            for direction, line in self._lines
        ]
        self._lines.clear()
        return lines

    def _step(self, happened: Input) -> Action:
        self._state, action = TRANSITIONS[self._state, happened]
        return action

    def _take_pieces(self, *, give_up: bool) -> None:
        while (piece := self._splitter.next_piece(give_up=give_up)) is not None:
            self._take(piece)

    def _take(self, piece: Piece) -> None:
        if not piece.raw.strip():
            return  # blank lines are everywhere and mean nothing (skstack-ip §1.4)
        self._lines.append(("<", piece.raw))
        try:
            if isinstance(piece, Line):
                *late, text = piece.raw.decode("latin-1").strip("\r").split("\r")
                if late:  # a CR-only answer that came after its command was given up (skstack-ip §1.2)
                    self._reject(piece.raw)
                self._take_text(text)
            elif isinstance(piece, DataLine):
                self._take_echo(piece.glued.decode("latin-1"))
                self._take_event(parse_data(piece))
            else:
                self._reject(piece.raw)
        except LineError:
            self._reject(piece.raw)

    def _take_text(self, text: str) -> None:
        """One line of text; LineError when no rule fits."""
        if (rest := self._take_echo(text)) is not None:
            if rest:
                self._take_text(rest)
            return
        if self._block and self._block.takes(text):
            if self._block.complete:
                self._close_block()
            return
        if opened := OpenBlock.opened_by(text):
            self._close_block()
            self._block = opened
            return
        try:
            event = parse_line(text)
        except LineError:
            if (split := glued_line(text)) is None:
                raise
            self._take_text(split[1])
        else:
            self._take_event(event)

    def _take_echo(self, text: str) -> str | None:
        """Drop the echo of the pending command, once; returns the event glued to it, None when it is no echo."""
        if self._pending is None or not text.startswith(self._pending.command.name):
            return None
        if TRANSITIONS[self._state, Input.ECHO][1] is not Action.DROP:
            return None
        self._step(Input.ECHO)
        self._echoes += 1
        if text.rstrip(" ") == self._pending.command.text.rstrip(" "):
            return ""
        split = glued_line(text)
        return split[1] if split else ""

    def _take_event(self, event: LineEvent) -> None:
        happened = _INPUTS.get(type(event), Input.EVENT)
        if self._block and (happened in (Input.OK, Input.FAIL) or self._block.whole):
            self._close_block()
        self._note_transmission(event)
        action = self._step(happened)
        if action is Action.COLLECT and self._pending:
            self._pending.answers.append(cast(Answer, event))
        elif action is Action.COMPLETE and self._pending:
            self._complete(self._pending, event)
        else:
            self._events.append(event)

    def _note_transmission(self, event: LineEvent) -> None:
        # The last EVENT 21 for our destination counts; those of PANA or of other peers are not ours (§3.1, §3.2).
        if not isinstance(event, Event) or event.number != EventNumber.UDP_SENT or self._pending is None:
            return
        if event.address == self._pending.destination:
            self._pending.transmission = _RESULTS.get(event.parameter, Transmission.UNCONFIRMED)

    def _complete(self, pending: _Pending, final: LineEvent) -> None:
        self._pending = None
        failure = final if isinstance(final, Fail) else None
        answers = [*pending.answers, final] if isinstance(final, Address) else pending.answers
        self._events.append(
            CommandDone(
                command=pending.command,
                ok=failure is None,
                failure=failure,
                answers=tuple(answers),
                transmission=pending.transmission if pending.destination and failure is None else None,
                text=final.text if isinstance(final, Ok) else "",
            )
        )

    def _close_block(self) -> None:
        block, self._block = self._block, None
        if block is None:
            return
        try:
            event = block.event()
        except LineError:
            self._reject(block.raw)
        else:
            self._take_event(event)

    def _reject(self, raw: bytes) -> None:
        self._undecodable += 1
        if self._pending and self._pending.command.secret:
            # A torn echo of a credential is not recognisable as one.
            raw = MASK.encode("ascii")
            if self._lines:
                self._lines[-1] = ("<", raw)
        self._events.append(Unparsed(raw=raw))


def _canonical(address: str | None) -> str | None:
    try:
        return full_ipv6(address) if address else None
    except ValueError:
        return address
