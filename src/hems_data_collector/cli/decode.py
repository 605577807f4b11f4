"""The verb `decode`: hex frames or a captured serial log in, meaning out; offline, without credentials."""

from __future__ import annotations

import argparse
import errno
import re
import sys
from collections.abc import Callable
from gettext import gettext as _
from pathlib import Path
from typing import Any, BinaryIO, Final, TypeAlias

import msgspec

from hems_data_collector.cli.arguments import Parser
from hems_data_collector.cli.decode_frames import FrameReader
from hems_data_collector.cli.decode_input import (
    CaptureReader,
    Datagram,
    HexFrame,
    ModemLine,
    Unit,
    hex_bytes,
)
from hems_data_collector.cli.decode_modem import ExplainedLine, ModemReader, carried
from hems_data_collector.cli.messages import PROGRAM, say
from hems_data_collector.echonet import ArbitraryFrame, decode_datagram
from hems_data_collector.errors import EXIT_OK, EXIT_UNDECODABLE, FrameError, LineError
from hems_data_collector.language import N_, os_text

Printer: TypeAlias = Callable[[dict[str, Any], list[str]], None]
"""Takes one thing twice: for `--json`, and as lines for people."""

HELP = N_("what frames and captured serial lines say, offline")

_STDIN: Final = "-"
_CHUNK: Final = 65_536  # bytes
_BYTE: Final = re.compile(r"[0-9A-Fa-f]{2}")


def add_arguments(parser: Parser) -> None:
    """`--json` and the inputs."""
    parser.usage = _("{program} decode [--json] [HEX...|FILE|-]").format(program=PROGRAM)
    parser.description = _(
        "Reads ECHONET Lite frames as hex digits, or what a Wi-SUN modem printed: a raw serial capture, a log with\n"
        "times and arrows in front of its lines, or the --debug log of this program. Prints what they mean. Energy is\n"
        "in kWh once the input has shown the meter's unit (E1); before, it is the raw count. Times are by the meter's\n"
        "clock. Ids, passwords and PANA messages are never printed."
    )
    parser.add_argument(
        "inputs",
        nargs="*",
        metavar="HEX|FILE|-",
        help=_("frames in hex, names of files, or - for standard input (the default)"),
    )
    parser.add_argument("--json", action="store_true", help=_("one JSON object a line"))
    parser.add_help_flag()
    parser.epilog = _(
        "examples:\n"
        "  {program} decode 1081000102880105FF017201E70400000263\n"
        "  {program} --port emulator: --debug 2>&1 | {program} decode\n"
        "  {program} decode --json capture.log | jq .properties\n\n"
        "exit codes: 0 everything decoded, 1 something could not be decoded (the rest was), 2 usage"
    ).format(program=PROGRAM)


def run(arguments: argparse.Namespace) -> int:
    """Decode every input; returns 1 where something could not be decoded or nothing was there, else 0."""
    decoder = Decoder(as_json=arguments.json)
    for number, word in enumerate(_joined(arguments.inputs) or [_STDIN], start=1):
        decoder.read_word(number, word)
    return decoder.finish()


def _joined(words: list[str]) -> list[str]:
    """A frame that was given byte by byte, `10 81 00 ...`, as one word."""
    return ["".join(words)] if len(words) > 1 and all(_BYTE.fullmatch(word) for word in words) else words


class Decoder:
    """Prints what its inputs say; energy units found in one are known in those that follow."""

    def __init__(self, *, as_json: bool) -> None:
        self._frames = FrameReader()
        self._modem = ModemReader()
        self._print: Printer = _json_printer() if as_json else _text_printer()
        self._decoded = 0
        self._undecodable = 0

    def read_word(self, number: int, word: str) -> None:
        """One word of the command line: hex, the name of a file, a line of a modem, or `-`."""
        where = _("argument {number}").format(number=number)
        try:
            data = hex_bytes(word)
        except ValueError as error:
            self._complain(where, str(error))
            return
        if data is not None:
            self._take(HexFrame(line=0, data=data), where)
        elif word == _STDIN:
            self._read_stdin()
        else:
            self._read_file(word, where)

    def finish(self) -> int:
        """The exit code, once everything was read."""
        if not self._decoded and not self._undecodable:
            self._complain(_("the input"), _("it holds no frame and no line of a modem"))
        return EXIT_UNDECODABLE if self._undecodable else EXIT_OK

    def _read_stdin(self) -> None:
        if sys.stdin is None:
            self._complain(_("standard input"), _("it is closed"))
            return
        if sys.stdin.isatty():
            say(_("Reading frames and lines from the terminal; Ctrl-D ends."))
        self._read_stream(sys.stdin.buffer, _("standard input"))

    def _read_file(self, name: str, where: str) -> None:
        try:
            with Path(name).open("rb") as stream:
                self._read_stream(stream, name)
        except FileNotFoundError:
            self._read_text(name, where)
        except OSError as error:
            if error.errno == errno.ENAMETOOLONG:
                self._read_text(name, where)
            elif error.errno in (errno.EPIPE, errno.ENOSPC):
                raise  # it is standard output that takes no more
            else:
                self._complain(where, _("the file cannot be read: {reason}").format(reason=os_text(error)))

    def _read_text(self, text: str, where: str) -> None:
        """A word that is no file: perhaps a line of a modem."""
        reader = CaptureReader()
        for unit in (*reader.feed(text.encode("utf-8", "surrogateescape")), *reader.end()):
            self._take(unit, where)
        self._end_block(where)

    def _read_stream(self, stream: BinaryIO, name: str) -> None:
        reader = CaptureReader()
        while chunk := stream.read1(_CHUNK):  # type: ignore[attr-defined]  # BufferedIOBase has it, BinaryIO does not
            for unit in reader.feed(chunk):
                self._take(unit, _place(name, unit))
            sys.stdout.flush()  # somebody may be watching a log that grows
        for unit in reader.end():
            self._take(unit, _place(name, unit))
        self._end_block(name)

    def _take(self, unit: Unit, where: str) -> None:
        if isinstance(unit, HexFrame):
            self._take_payload(unit.data, where, head=unit.stamp)
        elif isinstance(unit, Datagram):
            self._take_datagram(unit, where)
        elif isinstance(unit, ModemLine):
            self._take_line(unit, where)
        else:
            self._complain(where, unit.cause)

    def _take_line(self, line: ModemLine, where: str) -> None:
        try:
            explained = self._modem.read(line)
        except LineError:
            if line.certain:  # else it is the talk of a log around the modem's lines
                self._complain(where, _("neither a frame in hex nor a line that a modem prints"))
            return
        self._show(explained)
        self._complain_of_block(where)

    def _end_block(self, where: str) -> None:
        self._show(self._modem.end())
        self._complain_of_block(where)

    def _complain_of_block(self, where: str) -> None:
        for fault in self._modem.faults:
            self._complain(where, fault)
        self._modem.faults.clear()

    def _show(self, explained: list[ExplainedLine]) -> None:
        for item in explained:
            self._print(item.json, item.lines)
            self._decoded += 1

    def _take_datagram(self, unit: Datagram, where: str) -> None:
        try:
            transport = carried(unit)
        except LineError as error:
            self._complain(where, error.what)
            return
        if transport.payload is None:
            self._print(transport.json, [transport.head])
            self._decoded += 1
        elif not self._take_payload(transport.payload, where, sender=transport.sender, head=transport.head):
            self._print(transport.json, [transport.head])

    def _take_payload(self, data: bytes, where: str, *, sender: str = "", head: str = "") -> bool:
        """Print the frame in a datagram, `head` above it; False where it is none, which has been said."""
        try:
            frame = decode_datagram(data)
        except FrameError as error:
            self._complain(where, error.what)
            return False
        self._decoded += 1
        if isinstance(frame, ArbitraryFrame):
            shown = {"tid": f"{frame.tid:04X}", "payload": frame.payload.hex().upper()}
            self._print(shown, _under(head, [_("arbitrary message (format 2)  TID {tid}  {payload}").format(**shown)]))
            return True
        explained = self._frames.explain(frame, sender=sender)
        self._print(explained.json(), _under(head, explained.lines()))
        for fault in explained.faults:
            self._complain(where, fault)
        return True

    def _complain(self, where: str, cause: str) -> None:
        self._undecodable += 1
        sys.stdout.flush()  # so that the complaint stands behind what came before it
        say(f"{PROGRAM} decode: {where}: {cause}")


def _place(name: str, unit: Unit) -> str:
    return _("{name}, line {number}").format(name=name, number=unit.line)


def _under(head: str, lines: list[str]) -> list[str]:
    return [head, *(f"  {line}" for line in lines)] if head else lines


def _json_printer() -> Printer:
    encode = msgspec.json.Encoder(decimal_format="number").encode

    def show(value: dict[str, Any], lines: list[str]) -> None:
        sys.stdout.write(encode(value).decode("utf-8") + "\n")

    return show


def _text_printer() -> Printer:
    if not sys.stdout.isatty():
        return lambda value, lines: print("\n".join(lines))
    from rich.console import Console
    from rich.text import Text

    console = Console()

    def show(value: dict[str, Any], lines: list[str]) -> None:
        first, *more = lines
        console.print(Text("\n").join([Text(first, style="bold"), *map(Text, more)]), soft_wrap=True)

    return show
