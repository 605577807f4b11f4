"""The verb `doctor`: from the cable to the last output, what works, what does not, why, and what to do."""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import signal
import sys
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import aclosing, contextmanager, suppress
from dataclasses import dataclass
from gettext import gettext as _
from pathlib import Path
from typing import TYPE_CHECKING, Final, TextIO

import msgspec

from hems_data_collector import language
from hems_data_collector.cli.arguments import Parser, add_settings, given
from hems_data_collector.cli.each_meter import add_meter_flag
from hems_data_collector.cli.logging_setup import OWN_LOGGER, MaskedFormatter, start_logging
from hems_data_collector.cli.messages import PROGRAM, hide, masked, say
from hems_data_collector.cli.progress import terminal_progress
from hems_data_collector.cli.run import with_loaded_secrets
from hems_data_collector.errors import EXIT_OK, ConfigError
from hems_data_collector.language import N_, os_text
from hems_data_collector.settings_sources import FlagValue
from hems_data_collector.settings_table import CONFIG_SETTING, CORE_SETTINGS, output_settings, settings_table

if TYPE_CHECKING:
    from hems_data_collector.config import Settings
    from hems_data_collector.diagnosis import Examined, Finding

HELP = N_("something does not work: finds out what, from the cable to the last output, and says what to do")

LOG_LINES: Final = 200
"""So many of the last lines of the log are in a report."""
EXIT_TERMINATED: Final = 128 + signal.SIGTERM  # as shells have it


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What the settings are made from: that of the start, whatever the diagnosis changes on its way."""

    flags: Mapping[str, FlagValue]
    environ: Mapping[str, str]
    cwd: Path


def add_arguments(parser: Parser) -> None:
    """`--json`, `--report`, and every flag of the collector."""
    parser.usage = _("{program} doctor [--json] [--report FILE] [flags]").format(program=PROGRAM)
    parser.description = _(
        "Tries everything that the collector needs, one thing after the other: settings, port, id and password,\n"
        "modem, scan, join, the meter and its clock, one reading, the database, each output. Says of each whether\n"
        "it works, and if not, why and what to do. Takes a minute with everything well, up to ten otherwise. No\n"
        "record is sent, nothing is changed. A collector that is running goes on: it is asked how it is doing."
    )
    parser.add_argument("--json", action="store_true", help=_("one JSON object at the end"))
    parser.add_argument(
        "--report",
        type=Path,
        metavar="FILE",
        help=_("write all of it to FILE too, with versions, settings and log but no secrets, to show it to others"),
    )
    add_meter_flag(parser)
    settings = parser.add_argument_group(_("the settings of the collector"))
    add_settings(settings, [*CORE_SETTINGS, *output_settings(), CONFIG_SETTING])
    parser.add_help_flag()
    parser.epilog = _(
        "examples:\n"
        "  {program} doctor\n"
        "  sudo {program} doctor                             the settings of the installed service\n"
        "  {program} doctor --report trouble.md\n"
        "  {program} doctor --port 'emulator:?fast=1'        what it looks like when all is well\n\n"
        "exit codes: 0 no failure (there may be warnings), 2 usage; else that of the first failure: 3 settings or an\n"
        "output, 4 port or modem, 5 no meter found, 6 the meter refused the password, 7 database"
    ).format(program=PROGRAM)


def run(arguments: argparse.Namespace) -> int:
    """Walk, print, report; returns the exit code of the first failure."""
    from hems_data_collector.diagnosis import examine
    from hems_data_collector.settings_shown import language_of

    asked = Asked(flags=given(arguments, settings_table()), environ=with_loaded_secrets(os.environ), cwd=Path.cwd())
    language.use(language_of(asked.flags, asked.environ, asked.cwd))
    examined = examine(asked.flags, asked.environ, asked.cwd)
    if arguments.meter is not None:
        examined = examined.of_meter(arguments.meter)
    report = None if arguments.report is None else _opened(arguments.report)
    if examined.of_service and examined.settings is not None:
        with suppress(OSError):
            os.chdir(examined.settings.database.parent)  # where the service runs: its paths are relative to that
    findings: list[Finding] = []
    with _log_kept(examined.settings) as kept:
        try:
            asyncio.run(_walk(examined, findings, as_json=arguments.json))
        except asyncio.CancelledError:
            return EXIT_TERMINATED
        finally:
            if report is not None:
                with report:
                    report.write(_reported(asked, findings, examined, kept))
    code = next((finding.exit_code for finding in findings if finding.exit_code), EXIT_OK)
    if arguments.json:
        told = {"exit_code": code, "findings": [finding.as_dict() for finding in findings]}
        sys.stdout.write(masked(msgspec.json.encode(told).decode("utf-8")) + "\n")
    if report is not None:
        say(_("The report is in {path}. Look at it before you pass it on: it is plain text.").format(path=report.name))
    return code


async def _walk(examined: Examined, findings: list[Finding], *, as_json: bool) -> None:
    """Collect `findings` and show each as it comes. SIGTERM ends it as Ctrl-C does, with the session closed."""
    from hems_data_collector.cli.doctor_texts import Shown
    from hems_data_collector.diagnosis import diagnose

    task = asyncio.current_task()
    assert task is not None  # asyncio.run has made it
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    shown = None if as_json else Shown()

    def tell(finding: Finding) -> None:
        findings.append(finding)
        if shown is not None:
            shown.show(finding)

    progress = terminal_progress() or (lambda _progress: None)
    try:
        for finding in examined.findings:
            tell(finding)
        if examined.settings is not None:
            walk = diagnose(examined.settings, on_progress=progress, credentials_problem=examined.credentials_problem)
            async with aclosing(walk) as found:
                async for finding in found:
                    tell(finding)
    finally:
        progress(None)
    if shown is not None:
        shown.end(findings)


def _reported(asked: Asked, findings: Sequence[Finding], examined: Examined, kept: LastLines) -> str:
    """The text of the report."""
    from hems_data_collector.cli.doctor_report import report_of
    from hems_data_collector.diagnosis.settings import with_service_credentials
    from hems_data_collector.settings_shown import shown_settings

    environ = with_service_credentials(asked.environ) if examined.of_service else asked.environ
    loaded = environ.keys() - os.environ.keys()
    try:
        shown = shown_settings(asked.flags, environ, asked.cwd, loaded=loaded)
    except ConfigError:
        shown = None
    return report_of(findings, examined.settings, shown, kept.lines)


class LastLines(logging.Handler):
    """Keeps the last lines of the log, without secrets."""

    def __init__(self) -> None:
        super().__init__(logging.INFO)
        self.lines: deque[str] = deque(maxlen=LOG_LINES)

    def emit(self, record: logging.LogRecord) -> None:
        """Keep one."""
        self.lines.append(self.format(record))


@contextmanager
def _log_kept(settings: Settings | None) -> Iterator[LastLines]:
    """Mask, and keep the log instead of showing it; `--debug` asks for both."""
    from datetime import UTC

    debug = settings is not None and settings.debug
    kept = LastLines()
    kept.setFormatter(MaskedFormatter(UTC if settings is None else settings.zone, debug=False, journal=False))
    if settings is not None:
        hide(settings.secrets)
        os.environ.update(settings.library_environment)
        if debug:
            start_logging(settings.zone, debug=True)
    own, root, silence = logging.getLogger(OWN_LOGGER), logging.getLogger(), logging.NullHandler()
    own.setLevel(logging.DEBUG if debug else logging.INFO)
    own.addHandler(kept)
    root.addHandler(silence)  # without any handler Python itself writes warnings to stderr
    try:
        yield kept
    finally:
        own.removeHandler(kept)
        root.removeHandler(silence)


def _opened(path: Path) -> TextIO:
    try:
        return path.open("x", encoding="utf-8")
    except OSError as error:
        raise ConfigError(
            _("The report {path} cannot be written: {reason}.").format(path=path, reason=os_text(error)),
            setting="report",
            cause=_("There is a file of that name, or the folder is not yours."),
            remedy=_("Give another name."),
        ) from None
