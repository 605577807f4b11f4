"""The verb `config`: are the settings good, and where does each of them come from. Starts nothing."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
from collections.abc import Iterable, Iterator, Mapping
from gettext import gettext as _
from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec

from hems_data_collector import language
from hems_data_collector.cli import tables
from hems_data_collector.cli.arguments import Parser, given
from hems_data_collector.cli.messages import PROGRAM, hide, masked, say, show_error
from hems_data_collector.cli.run import add_run_flags, with_loaded_secrets
from hems_data_collector.errors import EXIT_OK, ConfigError
from hems_data_collector.language import N_
from hems_data_collector.settings_sources import SYSTEM_CONFIG, FlagValue, Origin
from hems_data_collector.settings_table import settings_table

if TYPE_CHECKING:
    from hems_data_collector.config import Settings
    from hems_data_collector.meter_settings import MeterSettings
    from hems_data_collector.settings_shown import Shown, ShownSettings

HELP = N_("check the settings without starting, or show each value and where it comes from")

CHECK: Final = "check"
SHOW: Final = "show"
NO_VALUE: Final = "–"


def add_arguments(parser: Parser) -> None:
    """What to do, and the flags of the collector."""
    parser.usage = _("{program} config check|show [--json] [flags of the collector]").format(program=PROGRAM)
    parser.description = _(
        "check: reads flags, environment, .env and the TOML file as the collector does, and says what is wrong with\n"
        "       them or with an output. Nothing is started, sent or written.\n"
        "show:  prints each setting with its value and where that comes from; secrets are shown as ****."
    )
    parser.add_argument("action", choices=(CHECK, SHOW), help=_("check them, or show them"))
    parser.add_argument("--json", action="store_true", help=_("one JSON object"))
    parser.add_argument(
        "--toml", action="store_true", help=_("with show: as a settings file, without the secrets and the defaults")
    )
    add_run_flags(parser)
    parser.set_defaults(fail=parser.error)
    parser.epilog = _(
        "examples:\n"
        "  {program} config check\n"
        "  {program} config check --config new.toml && mv new.toml config.toml\n"
        "  {program} config show\n"
        "  {program} config show --json | jq -r '.settings[] | select(.origin != \"default\").name'\n\n"
        "exit codes: 0 good or shown, 2 usage, 3 something is wrong (show prints all the same)"
    ).format(program=PROGRAM)


def run(arguments: argparse.Namespace) -> int:
    """Check or show; returns the exit code, or raises the HemsError that carries it."""
    if arguments.toml and (arguments.action == CHECK or arguments.json):
        arguments.fail(_("--toml goes with show alone."))
    from hems_data_collector.settings_shown import language_of, shown_settings

    flags = given(arguments, settings_table())
    environ = environment(flags)
    language.use(language_of(flags, environ, Path.cwd()))
    if arguments.action == CHECK:
        return _check(flags, environ, as_json=arguments.json)
    loaded = {name for name in environ if name not in os.environ}
    shown = shown_settings(flags, environ, Path.cwd(), loaded=loaded)
    if arguments.json:
        print(json.dumps(described(shown), ensure_ascii=False))
    elif arguments.toml:
        print("\n".join(toml_lines(shown)))
    else:
        _print(shown)
    return _verdict(flags, environ)


def environment(flags: Mapping[str, FlagValue]) -> Mapping[str, str]:
    """The variables as the collector sees them; for root and the settings of the service, as the service does."""
    from hems_data_collector.diagnosis.settings import with_service_credentials
    from hems_data_collector.settings_shown import toml_path

    environ = with_loaded_secrets(os.environ)
    is_service = toml_path(flags, environ, Path.cwd()) == SYSTEM_CONFIG
    return with_service_credentials(environ) if is_service else environ


# --- check ------------------------------------------------------------------------------------------------------------


def checked_settings(flags: Mapping[str, FlagValue], environ: Mapping[str, str]) -> Settings:
    """The settings that a collector would run with, its outputs' own checks included; raises ConfigError."""
    from hems_data_collector.config import load_settings

    settings = load_settings(flags, environ, Path.cwd())
    hide(settings.secrets)
    asyncio.run(_check_outputs(settings))
    return settings


async def _check_outputs(settings: Settings) -> None:
    from hems_data_collector.app import build_output
    from hems_data_collector.clock import SystemClock

    clock = SystemClock()
    for name in settings.outputs:
        output = build_output(settings, name, clock)
        try:
            await (output.check() if output.near else output.open())
        finally:
            await output.close()


def _check(flags: Mapping[str, FlagValue], environ: Mapping[str, str], *, as_json: bool) -> int:
    try:
        settings = checked_settings(flags, environ)
    except ConfigError as error:
        if not as_json:
            raise
        sys.stdout.write(_encoded({"ok": False, "error": _error(error), "warnings": [], "notes": []}))
        return error.exit_code
    if as_json:
        found = {"ok": True, "error": None, "warnings": settings.warnings, "notes": settings.notes}
        sys.stdout.write(_encoded(found))
        return EXIT_OK
    print(_("The settings are good."))
    for meter in settings.meters:
        print("  " + _of_meter(meter))
    outputs = ", ".join(settings.outputs) or _("none: each reading is a line in the log")
    print("  " + _("outputs: {outputs}").format(outputs=outputs))
    print("  " + _("database: {path}").format(path=settings.database))
    for text in (*settings.warnings, *settings.notes):
        say(_("Note: {text}").format(text=text))
    return EXIT_OK


def _of_meter(meter: MeterSettings) -> str:
    when = (
        _("schedule {cron}").format(cron=meter.schedule.expression)
        if meter.schedule is not None
        else _("every {seconds} s").format(seconds=meter.interval)
    )
    return _("meter: {name}port {port}, {when}").format(
        name="" if meter.name is None else f"{meter.name}, ", port=meter.shown_port, when=when
    )


def _error(error: ConfigError) -> dict[str, str]:
    parts = {"what": error.what, "cause": error.cause, "remedy": error.remedy, "setting": error.setting}
    return {name: masked(text) for name, text in parts.items()}


def _encoded(found: Mapping[str, object]) -> str:
    return msgspec.json.encode(found).decode("utf-8") + "\n"


# --- show -------------------------------------------------------------------------------------------------------------


def _print(shown: ShownSettings) -> None:
    for path, name in ((shown.toml_path, "TOML"), (shown.dotenv_path, ".env")):
        print(f"{name}: {path or _('none')}")
    print()
    head = [_("setting"), _("value"), _("from")]
    tables.show_table(head, [_row(each, shown.toml_path) for each in shown.general])
    for label, settings in shown.meters:
        print(f"\n{label}")
        tables.show_table(head, [_row(each, shown.toml_path, label) for each in settings])


def _row(each: Shown, path: Path | None, label: str | None = None) -> list[str]:
    """One line of the table; the key in the TOML file is the setting's own name and is left out."""
    source = each.source
    if each.origin is Origin.FILE and path is not None:
        own = label is not None and source.startswith(label)
        source = f"{path.name}, [[meters]]" if own else path.name
    return [each.row.name, ", ".join(each.values) or NO_VALUE, source]


def described(shown: ShownSettings) -> dict[str, object]:
    """Everything as `--json` has it."""
    return {
        "toml": None if shown.toml_path is None else str(shown.toml_path),
        "dotenv": None if shown.dotenv_path is None else str(shown.dotenv_path),
        "settings": [_described(each) for each in shown.general],
        "meters": [[_described(each) for each in settings] for _label, settings in shown.meters],
    }


def _described(each: Shown) -> dict[str, object]:
    several = each.row.repeatable
    value: object = list(each.values) if several else next(iter(each.values), None)
    return {
        "name": each.row.name,
        "value": value,
        "origin": each.origin.value,
        "source": each.source,
        "secret": each.row.secret,
        "flag": each.row.flag or None,
        "variable": each.row.environment,
    }


def toml_lines(shown: ShownSettings) -> Iterator[str]:
    """The settings that are not defaults as a TOML file; what holds a secret is a comment with its origin."""
    yield from _lines(shown.general)
    for label, settings in shown.meters:
        yield "\n[[meters]]"
        yield from _lines(each for each in settings if each.source.startswith(label))


def _lines(settings: Iterable[Shown]) -> Iterator[str]:
    from hems_data_collector.settings_file import line_of

    for each in settings:
        name = each.row.name
        if each.origin is Origin.DEFAULT or not each.values:
            continue
        if each.masked:
            yield f'# {name} = "{each.values[0]}"  # {each.source}'
        else:
            yield line_of(name, each.values)


def _verdict(flags: Mapping[str, FlagValue], environ: Mapping[str, str]) -> int:
    """What is wrong with what was shown, on stderr; the exit code."""
    from hems_data_collector.config import load_settings

    try:
        settings = load_settings(flags, environ, Path.cwd())
    except ConfigError as error:
        show_error(error)
        return error.exit_code
    for text in (*settings.warnings, *settings.notes):
        say(_("Note: {text}").format(text=text))
    return EXIT_OK
