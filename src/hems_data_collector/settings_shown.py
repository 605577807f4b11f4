"""Every setting with its value and where that came from, for people to look at: secrets are never in it.

Values are shown as they were written, checked or not, so that a bad one can be found too.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from gettext import gettext as _
from pathlib import Path
from typing import Final

from hems_data_collector.config import default_database
from hems_data_collector.credentials import MASK, UNSET_ID, Masker, Secret
from hems_data_collector.errors import ConfigError
from hems_data_collector.language import language_named
from hems_data_collector.outputs.base import Setting
from hems_data_collector.settings_lookup import DEFAULT_SOURCE
from hems_data_collector.settings_meters import find_route_b
from hems_data_collector.settings_sources import FlagValue, Found, Origin, Sources, read_sources
from hems_data_collector.settings_table import (
    CONFIG_SETTING,
    CREDENTIAL_FILE_SETTINGS,
    CREDENTIAL_SETTINGS,
    LANGUAGE_SETTING,
    METER_SETTINGS,
    meter_toml_types,
    settings_table,
    toml_types,
)
from hems_data_collector.settings_values import secrets_of_url

_FILE_OF: Final = {row.name: file for row, file in zip(CREDENTIAL_SETTINGS, CREDENTIAL_FILE_SETTINGS, strict=True)}
_WEB_ADDRESS: Final = re.compile(r"(https?://[^/?#]*)[/?#]+[^/?#]", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """One setting."""

    row: Setting
    values: tuple[str, ...]
    """As texts, masked; none where it is unset."""
    source: str
    """For people."""
    origin: Origin

    @property
    def masked(self) -> bool:
        """The values are not the whole truth."""
        return any(MASK in text for text in self.values)


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownSettings:
    """All settings as the collector sees them."""

    toml_path: Path | None
    dotenv_path: Path | None
    general: tuple[Shown, ...]
    meters: tuple[tuple[str, tuple[Shown, ...]], ...]
    """For each `[[meters]]` its label and what counts for that meter."""


def shown_settings(
    flags: Mapping[str, FlagValue], environ: Mapping[str, str], cwd: Path, *, loaded: Collection[str] = ()
) -> ShownSettings:
    """Look every setting up; `loaded` names the variables that stand for credentials of systemd.

    Raises ConfigError where a file cannot be read at all.
    """
    sources = read_sources(flags, environ, cwd, toml_types(), meter_toml_types())
    rows = [row for row in settings_table() if row is not CONFIG_SETTING]
    general = tuple(_shown(sources, row, loaded) for row in rows)
    return ShownSettings(
        toml_path=sources.toml_path,
        dotenv_path=sources.dotenv_path if sources.dotenv else None,
        general=tuple(_with_database(each, sources, cwd) for each in general),
        meters=tuple((table.label, tuple(_of_meter(sources.of_meter(table), loaded))) for table in sources.meters),
    )


def toml_path(flags: Mapping[str, FlagValue], environ: Mapping[str, str], cwd: Path) -> Path | None:
    """The settings file in force; raises ConfigError as `shown_settings`."""
    return read_sources(flags, environ, cwd, toml_types(), meter_toml_types()).toml_path


def language_of(flags: Mapping[str, FlagValue], environ: Mapping[str, str], cwd: Path) -> str | None:
    """The language that the settings name, for those who talk about settings before they are known to be good.

    None where they name none, one without texts, or cannot be read.
    """
    try:
        found = read_sources(flags, environ, cwd, toml_types(), meter_toml_types()).find(LANGUAGE_SETTING)
    except ConfigError:  # told by whoever loads them
        return None
    return None if found is None else language_named(found.texts[-1])


def _of_meter(sources: Sources, loaded: Collection[str]) -> list[Shown]:
    files = [row.name for row in CREDENTIAL_FILE_SETTINGS]
    return [_shown(sources, row, loaded) for row in METER_SETTINGS if row.name not in files]


def _shown(sources: Sources, row: Setting, loaded: Collection[str]) -> Shown:
    is_credential = row.name in _FILE_OF
    found = find_route_b(sources, row, _FILE_OF[row.name]) if is_credential else sources.find(row)
    if found is None:
        default = () if row.default is None or is_credential else (row.default,)
        return Shown(row=row, values=default, source=_(DEFAULT_SOURCE), origin=Origin.DEFAULT)
    if row.environment in loaded and found.origin is Origin.ENVIRONMENT:
        source = _("credential of systemd")
        found = Found(texts=found.texts, source=source, origin=Origin.CREDENTIAL)
    texts = () if is_credential and found.texts[-1] == UNSET_ID else found.texts
    return Shown(row=row, values=masked(row, texts), source=found.source, origin=found.origin)


def masked(row: Setting, texts: tuple[str, ...]) -> tuple[str, ...]:
    """The values of one setting without what is secret in them."""
    if row.secret:
        return (MASK,) * len(texts)
    return tuple(_masked_path(Masker(Secret(part) for part in secrets_of_url(text))(text)) for text in texts)


def _masked_path(text: str) -> str:
    """A web address without what stands behind its host: for many services that alone lets a record in."""
    found = _WEB_ADDRESS.match(text)
    return text if found is None else f"{found[1]}/{MASK}"


def _with_database(each: Shown, sources: Sources, cwd: Path) -> Shown:
    """The place of the database where nothing names one depends on the environment."""
    if each.row.name != "database" or each.values:
        return each
    return replace(each, values=(str(default_database(sources.environ, cwd)),))
