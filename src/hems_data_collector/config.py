"""The settings of the program as one frozen tree, checked before anything starts.

Flags win over the environment (the real one over `.env`), that over TOML, that over the defaults
(docs/configuration.md); the rows stand in `settings_table`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from gettext import gettext as _
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final
from zoneinfo import ZoneInfo

from hems_data_collector.credentials import Secret
from hems_data_collector.errors import ConfigError
from hems_data_collector.meter_settings import MeterSettings
from hems_data_collector.outputs import OUTPUTS
from hems_data_collector.outputs.base import Setting
from hems_data_collector.settings_lookup import DEFAULT_SOURCE, Values
from hems_data_collector.settings_meters import notes_of_meters, settle_meters, warnings_of_meters
from hems_data_collector.settings_sources import (
    FlagValue,
    Sources,
    misspelt_variables,
    read_sources,
    readable_by_others,
    xdg_directory,
)
from hems_data_collector.settings_table import (
    CORE_SETTINGS,
    CREDENTIAL_SETTINGS,
    LANGUAGE_SETTING,
    METER_SETTINGS,
    environment_names,
    meter_toml_types,
    output_settings,
    settings_table,
    toml_types,
)
from hems_data_collector.settings_values import did_you_mean, secrets_of_url
from hems_data_collector.store.database import FILE_NAME

__all__ = ["Settings", "StoreSettings", "load_settings", "load_store_settings"]

_CORE: Final[Mapping[str, Setting]] = MappingProxyType({setting.name: setting for setting in CORE_SETTINGS})
_GENERAL: Final = tuple(
    name for name in _CORE if name != "output" and name not in {setting.name for setting in METER_SETTINGS}
)
"""What no meter may have for itself."""
_JAPAN_OFFSET: Final = timedelta(hours=9)
_OFFSET_SAMPLES: Final = (datetime(2025, 1, 1), datetime(2025, 7, 1))  # one of the two is daylight saving time


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Everything that was decided before anything started."""

    meters: tuple[MeterSettings, ...]
    """In the order given, at least one; the only one may have no name."""
    outputs: tuple[str, ...]
    """Each once, in the order given; empty means log only."""
    output_values: Mapping[str, Mapping[str, Any]] = field(repr=False)
    """For each name in `outputs` what its `build` receives."""
    format: str
    zone: ZoneInfo
    debug: bool
    state_directory: Path
    database: Path
    keep_readings: timedelta | None
    """None: for ever."""
    half_hours: bool
    """A record for each half hour goes out beside the readings."""
    deliver_from: datetime | None
    """Timezone-aware; where a new output begins, None: at the present."""
    backfill_spacing: int
    """Seconds."""
    secrets: tuple[Secret, ...]
    """Everything that no text may show."""
    notes: tuple[str, ...]
    """For the log at INFO."""
    warnings: tuple[str, ...]
    """For the log at WARNING."""
    language: str | None
    """Of LANGUAGES; None: the one of the environment."""
    library_environment: Mapping[str, str] = field(repr=False)
    """Variables of `.env` that are none of ours: client libraries look for theirs in the real environment."""
    sources: Mapping[str, str] = field(repr=False)

    @property
    def named(self) -> bool:
        """Whether meters have names, which then stand in every record."""
        return self.meters[0].name is not None

    def of_meter(self, name: str) -> Settings:
        """The same for the meter called `name` alone; raises ConfigError where there is none."""
        found = tuple(meter for meter in self.meters if meter.name is not None and meter.name.lower() == name.lower())
        if found:
            return replace(self, meters=found)
        names = [meter.name for meter in self.meters if meter.name is not None]
        raise ConfigError(
            _('--meter: there is no meter called "{name}".').format(name=name),
            setting="meter",
            cause=_("The name is misspelt.") if names else _("No [[meters]] gives a meter a name."),
            remedy=did_you_mean(name, names) if names else _("Leave --meter out: there is one meter."),
        )

    def source_of(self, name: str) -> str:
        """Where the value of a setting came from: `--port`, `environment variable SERIAL_PORT`, ..., `default`."""
        return self.sources.get(name, DEFAULT_SOURCE)


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreSettings:
    """What is needed to look into the store: no port, no credentials, no outputs."""

    database: Path
    zone: ZoneInfo
    secrets: tuple[Secret, ...]
    language: str | None


def load_settings(
    flags: Mapping[str, FlagValue], environ: Mapping[str, str], cwd: Path, *, one_shot: bool = False
) -> Settings:
    """Settle every setting; `flags` holds what the command line gave, by `Setting.name`.

    `one_shot` is for a single reading: outputs and schedule are neither used nor checked. A setting of a mode or an
    output that is not in use is not checked either. Raises ConfigError, naming setting, source and remedy.
    """
    sources = read_sources(flags, environ, cwd, toml_types(), meter_toml_types())
    values = Values(sources)
    outputs: tuple[str, ...] = () if one_shot else tuple(dict.fromkeys(values.many(_CORE["output"])))
    core = {name: values.one(_CORE[name]) for name in _GENERAL}
    output_values = {name: values.of_output(name) for name in outputs}
    meters = settle_meters(values, core["local_timezone"], one_shot=one_shot)
    state_directory = _state_directory(sources.environ, cwd)
    ids = (secret for meter in meters for secret in meter.credentials.secrets())
    return Settings(
        meters=meters,
        outputs=outputs,
        output_values=MappingProxyType(output_values),
        format=core["format"],
        zone=core["local_timezone"],
        debug=core["debug"] == "true",
        state_directory=state_directory,
        database=_database(core["database"], state_directory, cwd),
        keep_readings=core["keep_readings"],
        half_hours=core["half_hours"],
        deliver_from=_aware(core["deliver_from"], core["local_timezone"]),
        backfill_spacing=core["backfill_spacing"],
        secrets=tuple(dict.fromkeys((*ids, *_other_secrets(sources)))),
        notes=() if one_shot else _notes(sources, meters, outputs),
        warnings=_warnings(sources, core["local_timezone"], meters),
        language=values.one(LANGUAGE_SETTING),
        library_environment=_library_environment(sources),
        sources=MappingProxyType(values.origins),
    )


def load_store_settings(flags: Mapping[str, FlagValue], environ: Mapping[str, str], cwd: Path) -> StoreSettings:
    """Settle only what a verb on the stored data needs; raises ConfigError, naming setting, source and remedy."""
    sources = read_sources(flags, environ, cwd, toml_types(), meter_toml_types())
    values = Values(sources)
    database, zone = (values.one(_CORE[name]) for name in ("database", "local_timezone"))
    return StoreSettings(
        database=_database(database, _state_directory(sources.environ, cwd) if database is None else cwd, cwd),
        zone=zone,
        secrets=_other_secrets(sources),
        language=values.one(LANGUAGE_SETTING),
    )


def _aware(moment: datetime | None, zone: ZoneInfo) -> datetime | None:
    return moment if moment is None or moment.tzinfo is not None else moment.replace(tzinfo=zone)


def _state_directory(environ: Mapping[str, str], cwd: Path) -> Path:
    if listed := environ.get("STATE_DIRECTORY"):
        return cwd / listed.split(":")[0]  # systemd gives several as a list
    return xdg_directory(environ, "XDG_STATE_HOME", ".local/state")


def default_database(environ: Mapping[str, str], cwd: Path) -> Path:
    """Where the database is unless a setting says otherwise."""
    return _state_directory(environ, cwd) / FILE_NAME


def _database(given: str | None, state_directory: Path, cwd: Path) -> Path:
    return state_directory / FILE_NAME if given is None else cwd / Path(given).expanduser()


def _other_secrets(sources: Sources) -> tuple[Secret, ...]:
    """Secret settings, in use or not, with the bare token of a header; and what a URL should not show."""
    rows = [row for row in settings_table() if row not in CREDENTIAL_SETTINGS]
    found = [(row, given.texts) for row in rows if (given := sources.find(row)) is not None]
    for table in sources.meters:
        found += [(row, table.texts[row.name]) for row in METER_SETTINGS if row in rows and row.name in table.texts]
    texts: list[str] = []
    for setting, given_texts in found:
        for text in given_texts:
            texts += [text, *_header_secrets(text)] if setting.secret else secrets_of_url(text)
    return tuple(Secret(text) for text in dict.fromkeys(texts))


def _header_secrets(text: str) -> tuple[str, ...]:
    """Of `Authorization: Bearer abc` also `Bearer abc` and `abc`, which may be logged alone."""
    _name, colon, value = text.partition(":")
    return (value.strip(), *value.split()[-1:]) if colon else ()


def _notes(sources: Sources, meters: Sequence[MeterSettings], outputs: tuple[str, ...]) -> tuple[str, ...]:
    """One sentence on what has no effect; none where everything has."""
    used = {row.name for name in outputs for row in OUTPUTS[name].settings}
    reasons = {
        row.name: _("no -o {output}").format(output=name)
        for name, output in OUTPUTS.items()
        for row in output.settings
        if row.name not in used
    }
    if not outputs:
        reasons["format"] = _("no output is chosen")
    rows = [row for row in (*CORE_SETTINGS, *output_settings()) if row.name in reasons and row.name in sources.flags]
    listed = [*notes_of_meters(sources, meters), *(f"{row.flag} ({reasons[row.name]})" for row in rows)]
    return (_("Accepted but without effect: {flags}.").format(flags=", ".join(listed)),) if listed else ()


def _warnings(sources: Sources, zone: ZoneInfo, meters: Sequence[MeterSettings]) -> tuple[str, ...]:
    found = [*misspelt_variables(sources, environment_names()), *warnings_of_meters(sources, meters)]
    if any(zone.utcoffset(moment) != _JAPAN_OFFSET for moment in _OFFSET_SAMPLES):
        found.append(
            _("The time zone {zone} is not that of Japan (+09:00): a Japanese meter's clock will be misread.").format(
                zone=zone.key
            )
        )
    path = sources.toml_path
    keys = {*sources.toml, *(key for table in sources.meters for key in table.texts)}
    if path and readable_by_others(path) and any(row.name in keys for row in settings_table() if row.secret):
        found.append(_("{path} holds a secret and others may read it. Run: chmod 600 {path}").format(path=path))
    return tuple(found)


def _library_environment(sources: Sources) -> Mapping[str, str]:
    ours = {*environment_names(), *sources.environ}
    return MappingProxyType({name: text for name, text in sources.dotenv.items() if name not in ours})
