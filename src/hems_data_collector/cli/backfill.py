"""The verb `backfill`: read now, at one go, what the meter remembers and the store lacks."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from gettext import gettext as _
from typing import TYPE_CHECKING, Final

from hems_data_collector.cli.arguments import Parser, add_settings
from hems_data_collector.cli.each_meter import add_meter_flag, for_each_meter, load_for_meters
from hems_data_collector.cli.messages import PROGRAM
from hems_data_collector.cli.progress import terminal_progress
from hems_data_collector.cli.run import prepare
from hems_data_collector.language import N_
from hems_data_collector.settings_table import CONFIG_SETTING, CORE_SETTINGS, READ_SETTINGS

if TYPE_CHECKING:
    from hems_data_collector.config import Settings

HELP = N_("read now what the meter remembers of the last 99 days and the store lacks")

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
    add_meter_flag(parser)
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
    """Fill the ledger of each meter; returns the exit code, or raises the HemsError that carries it."""
    from hems_data_collector.app import backfill_now

    settings = load_for_meters(arguments, _SETTINGS)
    prepare(settings)

    async def fill(one: Settings) -> None:
        with _shown() as on_slots:
            done, expected = await backfill_now(one, on_slots=on_slots, on_progress=terminal_progress())
        text = _("{done} of {expected} half hours that the meter may remember are settled.")
        name = one.meters[0].name
        print(("" if name is None else f"{name}: ") + text.format(done=done, expected=expected))

    return for_each_meter(settings, fill)


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
