"""The verb `record`: what goes over the wire, without secrets, into a file that can be played again."""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
from gettext import gettext as _
from pathlib import Path
from typing import TYPE_CHECKING, Final, TextIO

from hems_data_collector.cli.arguments import Parser, add_settings, given
from hems_data_collector.cli.messages import PROGRAM, say
from hems_data_collector.cli.progress import terminal_progress
from hems_data_collector.cli.run import prepare
from hems_data_collector.errors import ConfigError
from hems_data_collector.language import N_, os_text
from hems_data_collector.settings_table import CONFIG_SETTING, CORE_SETTINGS, PLACE_SETTINGS, READ_SETTINGS
from hems_data_collector.settings_values import seconds

if TYPE_CHECKING:
    from hems_data_collector.config import Settings
    from hems_data_collector.readings import Record

HELP = N_("what goes over the wire, without secrets, into a file that --port replay:FILE plays again")

EXIT_TERMINATED: Final = 128 + signal.SIGTERM  # as shells have it

_SETTINGS: Final = tuple(
    row
    for row in (*CORE_SETTINGS, CONFIG_SETTING)
    if row.name in READ_SETTINGS - {"format"} and row.name not in PLACE_SETTINGS
)


def add_arguments(parser: Parser) -> None:
    """The file, how long, and the flags of the port."""
    parser.usage = _("{program} record FILE [flags]").format(program=PROGRAM)
    parser.description = _(
        "Reads the meter once, from the scan on, and writes every line of the modem in both directions to FILE, with\n"
        "times. The B-route id, the password and what is made from them become zeros, the numbers and addresses of\n"
        "the meter made-up ones. Look at the file before you pass it on: it is plain text."
    )
    parser.add_argument("path", metavar="FILE", type=Path, help=_("the transcript to be written"))
    parser.add_argument(
        "--seconds", metavar="N", type=_seconds, help=_("record for so long, with one reading a minute")
    )
    parser.add_argument(
        "--keep-identity", action="store_true", help=_("leave serial number and addresses of the meter as they are")
    )
    add_settings(parser, _SETTINGS)
    parser.add_help_flag()
    parser.epilog = _(
        "examples:\n"
        "  {program} record meter.txt                 one reading\n"
        "  {program} record meter.txt --seconds 3600  an hour, with what the meter says on its own\n"
        "  {program} read --port replay:meter.txt     the same reading on another desk, without stick and meter\n\n"
        "exit codes: 0 recorded, 2 usage, 3 settings or FILE, 4 port, 5 no meter found, 6 the meter refused us;\n"
        "what was recorded until then is in FILE"
    ).format(program=PROGRAM)


def run(arguments: argparse.Namespace) -> int:
    """Record; returns the exit code, or raises the HemsError that carries it."""
    from hems_data_collector.config import load_settings
    from hems_data_collector.recording import check_wire

    settings = load_settings(given(arguments, _SETTINGS), os.environ, Path.cwd(), one_shot=True)
    prepare(settings)
    check_wire(settings)
    with _created(arguments.path) as file:
        try:
            record, lines = asyncio.run(_record(settings, file, arguments.seconds, arguments.keep_identity))
        except asyncio.CancelledError:
            say(_("Ended by a signal; {path} holds what was recorded until then.").format(path=arguments.path))
            return EXIT_TERMINATED
    say(_("{lines} lines of the wire are in {path}.").format(lines=lines, path=arguments.path))
    if record is None:
        say(_("No reading came in that time; the reasons are in the log and in the file."))
    else:
        text = _("Power: {power} W. Play it with: {program} read --port replay:{path}")
        say(text.format(power=record.fields["instant_power_w"], program=PROGRAM, path=arguments.path))
    return 0


async def _record(
    settings: Settings, file: TextIO, duration: int | None, keep_identity: bool
) -> tuple[Record | None, int]:
    """SIGTERM ends it as Ctrl-C does, with the session closed and the file whole."""
    from hems_data_collector.clock import SystemClock
    from hems_data_collector.recording import record_wire

    progress = terminal_progress()
    task = asyncio.ensure_future(
        record_wire(
            settings,
            lambda line: print(line, file=file),
            seconds=duration,
            keep_identity=keep_identity,
            clock=SystemClock(),
            on_progress=progress or (lambda _: None),
        )
    )
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    try:
        return await task
    finally:
        if progress is not None:
            progress(None)


def _created(path: Path) -> TextIO:
    """The file, new; raises ConfigError where that cannot be."""
    try:
        return path.open("x", encoding="ascii", buffering=1)
    except FileExistsError:
        raise ConfigError(
            _("The file {path} exists already.").format(path=path),
            setting="path",
            cause=_("It may be an earlier recording, which is not overwritten."),
            remedy=_("Give another name, or remove it."),
        ) from None
    except OSError as error:
        raise ConfigError(
            _("The file {path} cannot be written: {reason}.").format(path=path, reason=os_text(error)),
            setting="path",
            cause=_("The folder is not there, or not yours, or the disk is full."),
            remedy=_("Give a file in a folder of yours."),
        ) from None


def _seconds(text: str) -> int:
    try:
        return seconds(text)
    except ConfigError as error:
        raise argparse.ArgumentTypeError(error.what) from None
