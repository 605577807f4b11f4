"""The verb `backfill`: read now, at one go, what the meter remembers and the store lacks."""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from gettext import gettext as _
from pathlib import Path
from typing import TYPE_CHECKING, Final

from hems_data_collector.cli.arguments import Parser, add_settings, given
from hems_data_collector.cli.messages import PROGRAM
from hems_data_collector.cli.progress import terminal_progress
from hems_data_collector.cli.run import prepare
from hems_data_collector.settings_table import CONFIG_SETTING, CORE_SETTINGS, READ_SETTINGS

if TYPE_CHECKING:
    from hems_data_collector.config import Settings

HELP = _("read now what the meter remembers of the last 99 days and the store lacks")

_NAMES: Final = (READ_SETTINGS | {"database", "backfill_spacing"}) - {"format"}
_SETTINGS: Final = tuple(row for row in (*CORE_SETTINGS, CONFIG_SETTING) if row.name in _NAMES)


def add_arguments(parser: Parser) -> None:
    """The flags of port, meter and database."""
    parser.usage = _("{program} backfill [flags]").format(program=PROGRAM)
    parser.description = _(
        "Joins the meter and reads every half hour that it remembers and the store lacks, newest first. A running\n"
        "collector does the same by itself, in its free time; then this verb is not needed, and not possible."
    )
    add_settings(parser, _SETTINGS)
    parser.add_help_flag()
    parser.epilog = _(
        "examples:\n"
        "  {program} backfill                                 about ten minutes for all 99 days\n"
        "  {program} backfill --backfill-spacing 1            quicker, with less air for others\n"
        "  {program} backfill --port 'emulator:?fast=1'       the same without hardware\n\n"
        "exit codes: 0 done, 2 usage, 3 settings, 4 port, 5 no meter found, 6 the meter refused id or password,\n"
        "7 the database cannot be used, or a collector is running"
    ).format(program=PROGRAM)


def run(arguments: argparse.Namespace) -> int:
    """Fill the ledger; returns the exit code, or raises the HemsError that carries it."""
    from hems_data_collector.config import load_settings

    settings = load_settings(given(arguments, _SETTINGS), os.environ, Path.cwd(), one_shot=True)
    prepare(settings)
    with _shown() as on_slots:
        done, expected = asyncio.run(_fill(settings, on_slots))
    print(
        _("{done} of {expected} half hours that the meter may remember are settled.").format(
            done=done, expected=expected
        )
    )
    return 0


async def _fill(settings: Settings, on_slots: Callable[[int, int], None]) -> tuple[int, int]:
    """Until the ledger has everything; SIGTERM ends it as Ctrl-C does, with the session closed."""
    from hems_data_collector.app import backfill_now

    task = asyncio.ensure_future(backfill_now(settings, on_slots=on_slots, on_progress=terminal_progress()))
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    return await task


@contextmanager
def _shown() -> Iterator[Callable[[int, int], None]]:
    """A bar on a terminal; elsewhere the log says when it begins and ends."""
    if not sys.stderr.isatty():
        yield lambda done, expected: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True, redirect_stdout=False) as display:
        bar = display.add_task(_("half hours"), total=None, visible=False)
        yield lambda done, expected: display.update(bar, completed=done, total=expected, visible=True)
