"""Where the text of a setting comes from: flags over the environment (with `.env` below it) over a TOML file.

Every text found remembers its source in words that a person can look up.
"""

from __future__ import annotations

import io
import os
import stat
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from gettext import gettext as _
from pathlib import Path
from typing import Any, Final, TypeAlias

import msgspec
from dotenv.parser import parse_stream

from hems_data_collector.errors import ConfigError
from hems_data_collector.language import os_text
from hems_data_collector.outputs.base import Setting
from hems_data_collector.settings_values import nearest

APPLICATION: Final = "hems-data-collector"
SYSTEM_CONFIG: Final = Path("/etc") / APPLICATION / "config.toml"
MAX_FILE_BYTES: Final = 1 << 20  # a settings file has a few kilobytes; anything else is the wrong file
METERS: Final = "meters"
"""The key of the TOML file under which each meter has a table of its own: `[[meters]]`."""

FlagValue: TypeAlias = str | Sequence[str]


class Origin(StrEnum):
    """The kinds of places where a setting may stand, for programs; `Found.source` is for people."""

    FLAG = "flag"
    ENVIRONMENT = "environment"
    DOTENV = "dotenv"
    FILE = "file"
    """The TOML file."""
    CREDENTIAL = "credential"
    """A file of its own that holds a secret, one of systemd included."""
    DEFAULT = "default"


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """The texts of one setting (several only where it is repeatable) and where they were found."""

    texts: tuple[str, ...]
    source: str
    origin: Origin


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Table:
    """One `[[meters]]` of the TOML file."""

    label: str
    """In words that a person can look up: `config.toml, [[meters]] "annex"`."""
    texts: Mapping[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Sources:
    """All places where settings may stand; empty variables are left out already."""

    flags: Mapping[str, FlagValue]
    """By `Setting.name`, only what was given; a switch has the text `true`."""
    environ: Mapping[str, str]
    dotenv: Mapping[str, str]
    dotenv_path: Path
    toml: Mapping[str, tuple[str, ...]]
    toml_path: Path | None
    meters: tuple[Table, ...] = ()
    own: Table | None = None
    """What is looked up is about the meter of this table, which then counts first."""

    def of_meter(self, table: Table) -> Sources:
        """The same places as one meter sees them."""
        return replace(self, own=table)

    def find(self, setting: Setting) -> Found | None:
        """The texts of `setting` from the strongest source that has it."""
        if self.own is not None and setting.name in self.own.texts:
            source = _("{table}, key {name}").format(table=self.own.label, name=setting.name)
            return Found(texts=self.own.texts[setting.name], source=source, origin=Origin.FILE)
        if setting.name in self.flags:
            given = self.flags[setting.name]
            texts = (given,) if isinstance(given, str) else tuple(given)
            return Found(texts=texts, source=setting.flag, origin=Origin.FLAG)
        if setting.environment and setting.environment in self.environ:
            text = self.environ[setting.environment]
            source = _("environment variable {name}").format(name=setting.environment)
            return Found(texts=setting.split(text), source=source, origin=Origin.ENVIRONMENT)
        if setting.environment and setting.environment in self.dotenv:
            source = _("{path}, {name}").format(path=self.dotenv_path, name=setting.environment)
            texts = setting.split(self.dotenv[setting.environment])
            return Found(texts=texts, source=source, origin=Origin.DOTENV)
        if setting.name in self.toml:
            source = _("{path}, key {name}").format(path=self.toml_path, name=setting.name)
            return Found(texts=self.toml[setting.name], source=source, origin=Origin.FILE)
        return None


def read_sources(
    flags: Mapping[str, FlagValue],
    environ: Mapping[str, str],
    cwd: Path,
    table: Mapping[str, Any],
    meter_table: Mapping[str, Any],
) -> Sources:
    """Read `.env` and the TOML file. `table` gives every key of the latter with its type, `meter_table` those of a
    `[[meters]]` in it. Raises ConfigError."""
    own = _filled(environ)
    dotenv_path = cwd / ".env"
    dotenv = _filled(read_dotenv(dotenv_path))
    toml_path = _config_path(flags, own, dotenv, cwd)
    tree = _read_toml(toml_path) if toml_path else {}
    meters = _meters(tree.pop(METERS, []), meter_table, table, str(toml_path))
    top = {**table, METERS: list}
    toml = _texts(tree, top, str(toml_path), _("Remove it, or see --help for all settings."))
    return Sources(
        flags=flags,
        environ=own,
        dotenv=dotenv,
        dotenv_path=dotenv_path,
        toml=toml,
        toml_path=toml_path,
        meters=meters,
    )


def misspelt_variables(sources: Sources, known: Sequence[str]) -> tuple[str, ...]:
    """One sentence for each name in `.env` that is nearly, but not quite, one of ours."""
    pairs = ((name, nearest(name, known, cutoff=0.87)) for name in sources.dotenv if name not in known)
    return tuple(
        _('{path}: "{name}" is no setting. Did you mean "{near}"?').format(
            path=sources.dotenv_path, name=name, near=near
        )
        for name, near in pairs
        if near and not name.startswith(near)
    )


def readable_by_others(path: Path) -> bool:
    """True where the group or everybody may read the file."""
    return bool(path.stat().st_mode & (stat.S_IRGRP | stat.S_IROTH))


def home_of(environ: Mapping[str, str]) -> Path:
    """The home directory of this user; raises ConfigError where there is none."""
    if home := environ.get("HOME"):
        return Path(home)
    try:
        return Path.home()
    except RuntimeError:
        raise ConfigError(
            _("The home directory of this user is not known."),
            setting="HOME",
            cause=_("HOME is not set, and the user has no entry in the password file."),
            remedy=_("Set HOME, or STATE_DIRECTORY and XDG_CONFIG_HOME."),
        ) from None


def xdg_directory(environ: Mapping[str, str], variable: str, fallback: str) -> Path:
    """The folder of this program below an XDG base directory; a relative one counts as unset, as its standard says."""
    base = Path(environ.get(variable, ""))
    return (base if base.is_absolute() else home_of(environ) / fallback) / APPLICATION


def own_config(environ: Mapping[str, str]) -> Path:
    """The settings file of this user, whether or not there is one; raises ConfigError where there is no home."""
    return xdg_directory(environ, "XDG_CONFIG_HOME", ".config") / "config.toml"


def _filled(variables: Mapping[str, str]) -> dict[str, str]:
    """Without the empty ones, which count as unset."""
    return {name: text.strip() for name, text in variables.items() if text.strip()}


def _config_path(
    flags: Mapping[str, FlagValue], environ: Mapping[str, str], dotenv: Mapping[str, str], cwd: Path
) -> Path | None:
    """The file that was named, which must exist, or the first of the usual ones that does."""
    if isinstance(named := flags.get("config"), str):
        return _existing(cwd / Path(named).expanduser(), "--config")
    if named := environ.get("HEMS_CONFIG", dotenv.get("HEMS_CONFIG")):
        return _existing(cwd / Path(named).expanduser(), "HEMS_CONFIG")
    usual = (own_config(environ), SYSTEM_CONFIG)
    return next((path for path in usual if os.path.isfile(path)), None)  # Path.is_file raises in a closed folder


def _existing(path: Path, label: str) -> Path:
    if not path.exists():
        raise ConfigError(
            _("{label}: there is no file {path}.").format(label=label, path=path),
            setting="config",
            cause=_("The path is wrong, or the file was not made yet."),
            remedy=_("Correct the path, or leave {label} out.").format(label=label),
        )
    return path


def _read_text(path: Path) -> str:
    try:
        with path.open("rb") as file:
            data = file.read(MAX_FILE_BYTES + 1)
        if len(data) > MAX_FILE_BYTES:
            raise OSError(_("larger than {count} bytes").format(count=MAX_FILE_BYTES))
        return data.decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        reason = _("it is not UTF-8 text") if isinstance(error, UnicodeDecodeError) else os_text(error)
        raise ConfigError(
            _("The settings file {path} cannot be read: {reason}.").format(path=path, reason=reason),
            setting=str(path),
            cause=_("Its permissions, its owner or its content is wrong."),
            remedy=_("Make it a text file that this user may read: chmod 600, owned by this user."),
        ) from error


def read_dotenv(path: Path) -> dict[str, str]:
    """The lines `NAME=value` of `.env`, taken as they stand: a `$` in a password is a `$`. Raises ConfigError."""
    if not os.path.isfile(path):  # a closed folder, or a virtual environment of that name, is no settings file
        return {}
    variables: dict[str, str] = {}
    for binding in parse_stream(io.StringIO(_read_text(path))):
        if binding.error:
            raise ConfigError(
                _("{path}, line {line}: not of the form NAME=value.").format(path=path, line=binding.original.line),
                setting=str(path),
                cause=_("The line is cut, or a quote in it is not closed."),
                remedy=_("Write one NAME=value a line; put a value with spaces or # into quotes."),
            )
        if binding.key is not None and binding.value is not None:
            variables[binding.key] = binding.value
    return variables


def _read_toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(_read_text(path))
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(
            _("{path} is not valid TOML: {reason}.").format(path=path, reason=str(error)),
            setting=str(path),
            cause=_("Mostly a text without quotes, or a bracket that is not closed."),
            remedy=_('Write lines such as: port = "/dev/ttyUSB0"'),
        ) from error


def _meters(found: object, keys: Mapping[str, Any], general: Mapping[str, Any], path: str) -> tuple[Table, ...]:
    """Every `[[meters]]`; raises ConfigError for what is none, and as `_texts`."""
    if not isinstance(found, list) or not all(isinstance(tree, dict) for tree in found):
        raise ConfigError(
            _("{path}: [{name}] is no list of tables.").format(path=path, name=METERS),
            setting=METERS,
            cause=_("It has one pair of brackets, or stands as a key."),
            remedy=_("Write [[{name}]], in double brackets, above the settings of each meter.").format(name=METERS),
        )
    tables = []
    for number, tree in enumerate(found, start=1):
        name = tree.get("name")
        shown = f'"{name}"' if isinstance(name, str) else _("number {number}").format(number=number)
        label = f"{path}, [[{METERS}]] {shown}"
        misplaced = next((key for key in tree if key not in keys and key in general), None)
        if misplaced is not None:
            raise ConfigError(
                _('{table}: "{name}" is no setting of a single meter.').format(table=label, name=misplaced),
                setting=misplaced,
                cause=_("In TOML every line below [[{section}]] belongs to that meter.").format(section=METERS),
                remedy=_("Move it up, above the first [[{section}]].").format(section=METERS),
            )
        possible = _("Possible are: {options}.").format(options=", ".join(keys))
        tables.append(Table(label=label, texts=_texts(tree, keys, label, possible)))
    return tuple(tables)


def _texts(tree: Mapping[str, Any], table: Mapping[str, Any], where: str, advice: str) -> dict[str, tuple[str, ...]]:
    """Every key as texts; raises ConfigError for a key that is not known or of a wrong type.

    `where` says where they stand, `advice` what to do about a key without a near spelling.
    """
    found: dict[str, tuple[str, ...]] = {}
    for key, value in tree.items():
        if key not in table:
            raise _unknown_key(key, value, table, where, advice)
        try:
            checked = msgspec.convert(value, type=table[key], strict=True)
        except msgspec.ValidationError as error:
            raise ConfigError(
                _("{where}, key {name}: wrong type: {reason}.").format(where=where, name=key, reason=str(error)),
                setting=key,
                cause=_("TOML tells texts, numbers and lists apart; hexadecimal numbers here are texts."),
                remedy=_('Put texts into quotes: {name} = "..."').format(name=key),
            ) from error
        if isinstance(checked, list):
            found[key] = tuple(checked)
        else:
            text = str(checked).lower() if isinstance(checked, bool) else str(checked).strip()
            found[key] = (text,)
    return {key: texts for key, texts in found.items() if texts != ("",)}


def _unknown_key(key: str, value: object, table: Mapping[str, Any], where: str, advice: str) -> ConfigError:
    near = nearest(key, table)
    remedy = _('Did you mean "{near}"?').format(near=near) if near else advice
    if not isinstance(value, dict):
        return ConfigError(
            _('{where}: the key "{name}" is not known.').format(where=where, name=key),
            setting=key,
            cause=_("It is misspelt, or belongs to another version."),
            remedy=remedy,
        )
    meant = next((flat for name in value for flat in (f"{key}_{name}", name) if flat in table), None)
    return ConfigError(
        _("{where}: the section [{name}] is not known.").format(where=where, name=key),
        setting=key,
        cause=_("Settings stand at the top of the file, without sections; only meters have some: [[{name}]].").format(
            name=METERS
        ),
        remedy=_("Write {name} = ... above the first section.").format(name=meant) if meant else remedy,
    )
