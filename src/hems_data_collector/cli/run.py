"""The verb that is meant when there is none: run the collector until a signal ends it."""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import signal
from gettext import gettext as _
from pathlib import Path
from typing import TYPE_CHECKING, Final

from hems_data_collector.cli.arguments import Parser, add_settings, given
from hems_data_collector.cli.logging_setup import start_logging
from hems_data_collector.cli.messages import PROGRAM, hide
from hems_data_collector.cli.progress import terminal_progress
from hems_data_collector.settings_table import (
    CONFIG_SETTING,
    CORE_SETTINGS,
    CREDENTIAL_SETTINGS,
    output_settings,
    settings_table,
)

if TYPE_CHECKING:
    from hems_data_collector.config import Settings

HELP = _("run the collector: read the meter again and again, and hand every reading to the outputs")

log = logging.getLogger(__name__)

_EXAMPLES: Final = (
    ("--port emulator: -o stdout -s '* * * * *'", _("no hardware: a simulated meter, read every minute")),
    ("-o stdout", _("the stick on /dev/ttyUSB0, every five minutes, as JSON")),
    ("-o file webhook --file power.csv -f csv", _("two outputs at once")),
    ("--port socket://192.168.0.10:3333 --mode interval -i 60", _("a stick on another machine, every minute")),
)


def add_arguments(parser: Parser) -> None:
    """Every flag of the collector, in the groups of the help."""
    parser.usage = _("{program} [flags]          run the collector\n       {program} VERB [...]").format(
        program=PROGRAM
    )
    parser.description = _(
        "Reads a Japanese smart meter over the B-route and puts every reading where you want it.\n"
        "Without a verb it runs until Ctrl-C; readings go to the outputs, the log goes to stderr."
    )
    core = {setting.name: setting for setting in CORE_SETTINGS}
    output = parser.add_argument_group(_("where readings go"))
    add_settings(output, [core["output"], core["format"], *output_settings()])
    meter = parser.add_argument_group(_("the stick and the meter"))
    add_settings(meter, [core[name] for name in ("port", "baudrate", "meter_channel", "meter_panid", "meter_ipv6")])
    when = parser.add_argument_group(_("when to read"))
    add_settings(when, [core[name] for name in ("mode", "schedule", "interval", "local_timezone")])
    kept = parser.add_argument_group(_("what is kept"))
    add_settings(
        kept, [core[name] for name in ("database", "keep_readings", "half_hours", "deliver_from", "backfill_spacing")]
    )
    general = parser.add_argument_group(_("general"))
    add_settings(general, [CONFIG_SETTING, core["debug"]])
    parser.add_help_flag(general)
    general.add_argument("-v", "--version", action=_Version, nargs=0, help=_("show the version and end"))
    parser.epilog = _environment_help() + "\n\n" + _examples_help()


def run(arguments: argparse.Namespace) -> int:
    """Settle the settings, start the log, and collect; returns the exit code."""
    from hems_data_collector.config import load_settings

    settings = load_settings(given(arguments, settings_table()), os.environ, Path.cwd())
    prepare(settings)
    return asyncio.run(_until_signalled(settings))


def prepare(settings: Settings) -> None:
    """What every verb with a radio does first: mask, log, notes on the settings, the environment of libraries."""
    hide(settings.secrets)
    start_logging(settings.zone, debug=settings.debug)
    os.environ.update(settings.library_environment)
    for text in settings.warnings:
        log.warning("%s", text)
    for text in settings.notes:
        log.info("%s", text)


async def _until_signalled(settings: Settings) -> int:
    """Collect until the collector ends by itself or a signal asks for it."""
    from hems_data_collector.app import run_collector
    from hems_data_collector.live import Endpoint

    stop = asyncio.Event()
    progress = terminal_progress()
    collector = asyncio.ensure_future(run_collector(settings, stop=stop, on_progress=progress, endpoint=Endpoint))
    ending = _handle_signals(stop, collector)
    try:
        return await collector
    except asyncio.CancelledError:
        if not ending:
            raise
        return 128 + ending[0]
    finally:
        if progress is not None:
            progress(None)


def _handle_signals(stop: asyncio.Event, collector: asyncio.Future[int]) -> list[int]:
    """The first signal ends in order, the second at once, a third by the system; returns where the second is noted."""
    loop = asyncio.get_running_loop()
    ending: list[int] = []
    heard = [signal.SIGINT, signal.SIGTERM]
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # as nohup leaves it
        heard.append(signal.SIGHUP)

    def on_signal(number: signal.Signals) -> None:
        if not stop.is_set():
            log.info(_("%s: ending in order. Once more ends at once."), number.name)
            stop.set()
            return
        log.warning(_("%s again: ending at once."), number.name)
        ending.append(int(number))
        for each in heard:
            loop.remove_signal_handler(each)
            signal.signal(each, signal.SIG_DFL)
        collector.cancel()

    for number in heard:
        loop.add_signal_handler(number, on_signal, number)
    return ending


def _environment_help() -> str:
    rows = "\n".join(f"  {setting.environment:<22}{_(setting.help)}" for setting in CREDENTIAL_SETTINGS)
    return _(
        "the B-route id and password (never on the command line; 32 zeros = not configured):\n{rows}\n\n"
        "Flags win over environment variables, these over the file .env of the current folder, that over the TOML\n"
        'file (keys such as meter_channel = "21"), that over the defaults.'
    ).format(rows=rows)


def _examples_help() -> str:
    return _("examples:") + "".join(f"\n  # {text}\n  {PROGRAM} {flags}" for flags, text in _EXAMPLES)


class _Version(argparse.Action):
    """`--version`, reading the metadata of the package only when asked."""

    def __call__(self, parser: argparse.ArgumentParser, *_arguments: object) -> None:
        """Print and end."""
        from importlib.metadata import version

        print(f"{PROGRAM} {version(PROGRAM)}")
        parser.exit()
