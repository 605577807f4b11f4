"""The settings: can they be used; and where only id or password are wrong, made-up ones for the rest of the walk."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from gettext import gettext as _
from pathlib import Path
from types import MappingProxyType
from typing import Final

from hems_data_collector.config import Settings, load_settings
from hems_data_collector.credentials import UNSET_ID, credential_text
from hems_data_collector.diagnosis.finding import Finding
from hems_data_collector.diagnosis.kinds import found
from hems_data_collector.errors import ConfigError, NotConfigured
from hems_data_collector.settings_lookup import DEFAULT_SOURCE
from hems_data_collector.settings_shown import toml_path
from hems_data_collector.settings_sources import SYSTEM_CONFIG, FlagValue
from hems_data_collector.settings_table import CREDENTIAL_SETTINGS, output_settings

_NAMES: Final = frozenset(name for row in CREDENTIAL_SETTINGS for name in (row.name, row.environment))
_STAND_INS: Final = MappingProxyType({row.environment or "": "1" * len(UNSET_ID) for row in CREDENTIAL_SETTINGS})
"""Well-formed, and nobody's: they are never sent to a meter."""
MISSING: Final = "credentials-missing"
_FILE: Final = re.compile(r"(?<=toml)(?:, |、)|(?<=\.env)(?:, |、| \()")
"""Between a settings file and the name in it, in either language: the file is named once."""
SERVICE_CREDENTIALS: Final = SYSTEM_CONFIG.parent / "credentials"
"""Where the service keeps its secrets, for root only (docs/service.md)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Examined:
    """What became of the settings."""

    settings: Settings | None
    """None where they cannot be used at all."""
    findings: tuple[Finding, ...]
    credentials_problem: Finding | None = None
    """Id or password are wrong: `settings` hold made-up ones in their place."""

    of_service: bool = False
    """They are those of the installed service: its outputs write relative to the folder of its database."""

    def of_meter(self, name: str) -> Examined:
        """The same for the meter called `name` alone; raises ConfigError where there is none."""
        return self if self.settings is None else replace(self, settings=self.settings.of_meter(name))


def examine(flags: Mapping[str, FlagValue], environ: Mapping[str, str], cwd: Path) -> Examined:
    """Load the settings as the collector does, and say what is wrong with them."""
    of_service = False
    try:
        of_service = toml_path(flags, environ, cwd) == SYSTEM_CONFIG
        environ = with_service_credentials(environ) if of_service else environ
        settings = load_settings(flags, environ, cwd)
    except ConfigError as error:
        return replace(_mended(error, flags, environ, cwd), of_service=of_service)
    return Examined(settings=settings, findings=tuple(_told(settings)), of_service=of_service)


def with_service_credentials(environ: Mapping[str, str]) -> Mapping[str, str]:
    """`environ`, and for root what systemd gives the installed service, where nothing else says id and password."""
    folder = SERVICE_CREDENTIALS
    try:
        if "CREDENTIALS_DIRECTORY" in environ or not any(folder.iterdir()):
            return environ
    except OSError:  # not installed, or not root
        return environ
    loaded = {"CREDENTIALS_DIRECTORY": str(folder)}
    for row in output_settings():
        if row.secret and row.environment and row.environment not in environ:
            text = credential_text(row.environment, loaded)
            loaded |= {row.environment: text} if text else {}
    return {**loaded, **environ}


def _mended(error: ConfigError, flags: Mapping[str, FlagValue], environ: Mapping[str, str], cwd: Path) -> Examined:
    """The settings with made-up credentials, where these are all that is wrong."""
    wrong = found("settings-wrong", reason=error.what, cause=error.cause, remedy=error.remedy)
    if error.setting not in _NAMES:
        return Examined(settings=None, findings=(wrong,))
    hidden = {name: text for name, text in environ.items() if not name.startswith("B_ROUTE_")}
    try:
        settings = load_settings(flags, {**hidden, **_STAND_INS}, cwd)
    except ConfigError:  # a meter's own table, which counts before the environment
        return Examined(settings=None, findings=(wrong,))
    missing = isinstance(error, NotConfigured)
    key = MISSING if missing else "credentials-malformed"
    problem = found(key, reason=error.what, cause="" if missing else error.cause)
    told = tuple(_told(settings, made_up=_NAMES))
    return Examined(settings=settings, findings=told, credentials_problem=problem)


def _told(settings: Settings, *, made_up: frozenset[str | None] = frozenset()) -> Iterator[Finding]:
    """Where the settings come from, and what is probably not meant."""
    found_in = (source for name, source in settings.sources.items() if name not in made_up)
    places = (_FILE.split(source)[0] for source in found_in if source != DEFAULT_SOURCE)
    sources = _(", ").join(dict.fromkeys(places))
    yield found("settings", sources=sources or _("the defaults"), details={"outputs": settings.outputs})
    if SYSTEM_CONFIG.parent.is_dir() and not os.access(SYSTEM_CONFIG.parent, os.R_OK | os.X_OK):
        yield found("settings-of-service", path=SYSTEM_CONFIG)
    for warning in settings.warnings:
        yield found("settings-doubtful", warning=warning)
