"""The verb that is meant when there is none: run the collector until a signal ends it."""

from __future__ import annotations

import argparse
import asyncio
import faulthandler
import logging
import os
from collections.abc import Mapping
from gettext import gettext as _
from pathlib import Path
from typing import TYPE_CHECKING, Final

from hems_data_collector import language
from hems_data_collector.cli.arguments import Parser, add_settings, given
from hems_data_collector.cli.logging_setup import start_logging
from hems_data_collector.cli.messages import PROGRAM, hide
from hems_data_collector.credentials import credential_text
from hems_data_collector.language import N_
from hems_data_collector.settings_table import (
    CONFIG_SETTING,
    CORE_SETTINGS,
    CREDENTIAL_SETTINGS,
    LANGUAGE_SETTING,
    CoreSetting,
    output_settings,
    settings_table,
)

if TYPE_CHECKING:
    from hems_data_collector.config import Settings

HELP = N_("run the collector: read the meter again and again, and hand every reading to the outputs")

log = logging.getLogger(__name__)

_EXAMPLES: Final = (
    ("--port emulator: -o stdout -s '* * * * *'", N_("no hardware: a simulated meter, read every minute")),
    ("-o stdout", N_("the stick on /dev/ttyUSB0, every five minutes, as JSON")),
    ("-o file webhook --file power.csv -f csv", N_("two outputs at once")),
    ("--port socket://192.168.0.10:3333 --mode interval -i 60", N_("a stick on another machine, every minute")),
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
    general = add_run_flags(parser)
    general.add_argument("-v", "--version", action=_Version, nargs=0, help=_("show the version and end"))
    parser.epilog = _environment_help() + "\n\n" + _examples_help()


def add_run_flags(parser: Parser) -> argparse._ArgumentGroup:
    """The flag of every setting, in the groups of the help; returns the last of these."""
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
    return general


def run(arguments: argparse.Namespace) -> int:
    """Settle the settings, start the log, and collect; returns the exit code."""
    from hems_data_collector.cli.running import Running
    from hems_data_collector.config import load_settings
    from hems_data_collector.notify import Service

    def read() -> Settings:
        return load_settings(given(arguments, settings_table()), with_loaded_secrets(os.environ), Path.cwd())

    service = Service.from_environment(os.environ)
    if service.present:
        faulthandler.enable()  # the watchdog ends a collector that hangs by SIGABRT: where it hung is worth a few lines
    return asyncio.run(Running(service, read=read, prepare=prepare).run())


def with_loaded_secrets(environ: Mapping[str, str]) -> Mapping[str, str]:
    """The environment, and the secrets of outputs that systemd has loaded as `hems_webhook_secret` and the like."""
    rows = [row for row in output_settings() if row.secret and row.environment]
    loaded = {row.environment: credential_text(f"HEMS_{row.environment}", environ) for row in rows}
    return {**{name: text for name, text in loaded.items() if name and text}, **environ}


def prepare(settings: Settings) -> None:
    """What every verb with a radio does first: language, mask, log, notes on the settings, environment of libraries."""
    language.use(settings.language)
    hide(settings.secrets)
    start_logging(settings.zone, debug=settings.debug)
    os.environ.update(settings.library_environment)
    for text in settings.warnings:
        log.warning("%s", text)
    for text in settings.notes:
        log.info("%s", text)


def _environment_help() -> str:
    return _(
        "the B-route id and password (never on the command line; 32 zeros = not configured):\n{credentials}\n\n"
        "language:\n{language}\n\n"
        "Flags win over environment variables, these over the file .env of the current folder, that over the TOML\n"
        'file (keys such as meter_channel = "21"), that over the defaults.'
    ).format(credentials=_variables(*CREDENTIAL_SETTINGS), language=_variables(LANGUAGE_SETTING))


def _variables(*settings: CoreSetting) -> str:
    return "\n".join(f"  {setting.environment:<22}{_(setting.help)}" for setting in settings)


def _examples_help() -> str:
    return _("examples:") + "".join(f"\n  # {_(text)}\n  {PROGRAM} {flags}" for flags, text in _EXAMPLES)


class _Version(argparse.Action):
    """`--version`, reading the metadata of the package only when asked."""

    def __call__(self, parser: argparse.ArgumentParser, *_arguments: object) -> None:
        """Print and end."""
        from importlib.metadata import version

        print(f"{PROGRAM} {version(PROGRAM)}")
        parser.exit()
