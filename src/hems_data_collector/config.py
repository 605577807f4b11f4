"""The settings of the program as one frozen tree, checked before anything starts.

Flags win over the environment (the real one over `.env`), that over TOML, that over the defaults
(docs/configuration.md); the rows stand in `settings_table`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from gettext import gettext as _
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final
from zoneinfo import ZoneInfo

from hems_data_collector.collector.schedule import CronSchedule
from hems_data_collector.credentials import UNSET_ID, Credentials, Secret, checked_credentials, credential_text
from hems_data_collector.errors import ConfigError
from hems_data_collector.outputs import OUTPUTS
from hems_data_collector.outputs.base import Setting
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
    MODES,
    environment_names,
    output_settings,
    settings_table,
    toml_types,
)
from hems_data_collector.settings_values import EMULATOR_SCHEME, secrets_of_url
from hems_data_collector.store.database import FILE_NAME

DEFAULT_SOURCE: Final = "default"
_CORE: Final[Mapping[str, Setting]] = MappingProxyType({setting.name: setting for setting in CORE_SETTINGS})
_JAPAN_OFFSET: Final = timedelta(hours=9)
_OFFSET_SAMPLES: Final = (datetime(2025, 1, 1), datetime(2025, 7, 1))  # one of the two is daylight saving time


@dataclass(frozen=True, slots=True, kw_only=True)
class FixedPan:
    """Where the meter is, told by the user instead of a scan."""

    channel: int
    pan_id: int
    ipv6: str
    """As the modem writes it: 39 characters in upper case."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Everything that was decided before anything started."""

    port: str
    """A device path, or a URL with its scheme in lower case."""
    baudrate: int
    credentials: Credentials
    fixed_pan: FixedPan | None
    outputs: tuple[str, ...]
    """Each once, in the order given; empty means log only."""
    output_values: Mapping[str, Mapping[str, Any]] = field(repr=False)
    """For each name in `outputs` what its `build` receives."""
    format: str
    mode: str
    schedule: CronSchedule | None
    """None in the mode `interval`, and for a one-shot reading."""
    interval: int
    """Seconds; of use in the mode `interval` only."""
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
    library_environment: Mapping[str, str] = field(repr=False)
    """Variables of `.env` that are none of ours: client libraries look for theirs in the real environment."""
    sources: Mapping[str, str] = field(repr=False)

    def source_of(self, name: str) -> str:
        """Where the value of a setting came from: `--port`, `environment variable SERIAL_PORT`, ..., `default`."""
        return self.sources.get(name, DEFAULT_SOURCE)


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreSettings:
    """What is needed to look into the store: no port, no credentials, no outputs."""

    database: Path
    zone: ZoneInfo
    secrets: tuple[Secret, ...]


def load_settings(
    flags: Mapping[str, FlagValue], environ: Mapping[str, str], cwd: Path, *, one_shot: bool = False
) -> Settings:
    """Settle every setting; `flags` holds what the command line gave, by `Setting.name`.

    `one_shot` is for a single reading: outputs and schedule are neither used nor checked. A setting of a mode or an
    output that is not in use is not checked either. Raises ConfigError, naming setting, source and remedy.
    """
    sources = read_sources(flags, environ, cwd, toml_types())
    values = _Values(sources)
    outputs: tuple[str, ...] = () if one_shot else tuple(dict.fromkeys(values.many(_CORE["output"])))
    mode: str = MODES[0] if one_shot else values.one(_CORE["mode"])
    unused = {"output", "mode", *_unused_core(mode, one_shot)}
    core = {name: values.one(setting) for name, setting in _CORE.items() if name not in unused}
    schedule = _schedule(values, core["schedule"], core["local_timezone"]) if "schedule" in core else None
    output_values = {name: values.of_output(name) for name in outputs}
    _check_emulator(values, core["port"])
    credentials = _credentials(values, core["port"])
    state_directory = _state_directory(sources.environ, cwd)
    return Settings(
        port=core["port"],
        baudrate=core["baudrate"],
        credentials=credentials,
        fixed_pan=_fixed_pan(core),
        outputs=outputs,
        output_values=MappingProxyType(output_values),
        format=core["format"],
        mode=mode,
        schedule=schedule,
        interval=core.get("interval") or int(_CORE["interval"].default or 0),
        zone=core["local_timezone"],
        debug=core["debug"] == "true",
        state_directory=state_directory,
        database=_database(core["database"], state_directory, cwd),
        keep_readings=core["keep_readings"],
        half_hours=core["half_hours"],
        deliver_from=_aware(core["deliver_from"], core["local_timezone"]),
        backfill_spacing=core["backfill_spacing"],
        secrets=(*credentials.secrets(), *_other_secrets(sources)),
        notes=() if one_shot else _notes(sources, mode, outputs),
        warnings=_warnings(sources, core, schedule),
        library_environment=_library_environment(sources),
        sources=MappingProxyType(values.origins),
    )


def load_store_settings(flags: Mapping[str, FlagValue], environ: Mapping[str, str], cwd: Path) -> StoreSettings:
    """Settle only what a verb on the stored data needs; raises ConfigError, naming setting, source and remedy."""
    sources = read_sources(flags, environ, cwd, toml_types())
    values = _Values(sources)
    database, zone = (values.one(_CORE[name]) for name in ("database", "local_timezone"))
    return StoreSettings(
        database=_database(database, _state_directory(sources.environ, cwd) if database is None else cwd, cwd),
        zone=zone,
        secrets=_other_secrets(sources),
    )


class _Values:
    """Looks a setting up, checks it, and remembers where it came from."""

    def __init__(self, sources: Sources) -> None:
        self.sources = sources
        self.origins: dict[str, str] = {}

    def many(self, setting: Setting) -> tuple[Any, ...]:
        """All values of `setting`; the default where no source has it, nothing where there is none."""
        found = self.sources.find(setting)
        if found is None:
            self.origins[setting.name] = DEFAULT_SOURCE
            return () if setting.default is None else (setting.value(setting.default),)
        self.origins[setting.name] = found.source
        return tuple(self._checked(setting, text) for text in found.texts)

    def one(self, setting: Setting) -> Any:
        """The value of a setting that is not repeatable, None where it is unset."""
        values = self.many(setting)
        return values[-1] if values else None

    def of_output(self, name: str) -> Mapping[str, Any]:
        """What the output `name` is built from."""
        rows = OUTPUTS[name].settings
        return MappingProxyType({row.name: self.many(row) if row.repeatable else self.one(row) for row in rows})

    def refusal(self, setting: Setting, error: ConfigError) -> ConfigError:
        """The same error, with the source of the setting in front."""
        what = f"{self.origins[setting.name]}: {error.what}"
        return ConfigError(what, setting=setting.name, cause=error.cause, remedy=error.remedy)

    def _checked(self, setting: Setting, text: str) -> object:
        try:
            return setting.value(text)
        except ConfigError as error:
            raise self.refusal(setting, error) from error
        except ValueError as error:
            raise ConfigError(
                f"{self.origins[setting.name]}: {str(error).rstrip('.')}.",
                setting=setting.name,
                cause=_("{flag} is: {help}.").format(flag=setting.flag or setting.environment, help=_(setting.help)),
                remedy=_("Correct it, or leave it out; the default is: {default}.").format(
                    default=setting.default or _("none")
                ),
            ) from error


def _unused_core(mode: str, one_shot: bool) -> set[str]:
    if one_shot:
        return {"schedule", "interval"}
    return {"interval"} if mode == "schedule" else {"schedule"}


def _schedule(values: _Values, expression: str, zone: ZoneInfo) -> CronSchedule:
    try:
        return CronSchedule(expression, zone)
    except ConfigError as error:
        raise values.refusal(_CORE["schedule"], error) from error


def _check_emulator(values: _Values, port: str) -> None:
    """Refuse a query of `emulator:` that the emulator does not know; raises ConfigError."""
    scheme, _colon, rest = port.partition(":")
    if scheme != EMULATOR_SCHEME:
        return
    from hems_data_collector.emulator.settings import EmulatorSettings

    try:
        EmulatorSettings.from_query(rest.partition("?")[2])
    except ConfigError as error:
        raise values.refusal(_CORE["port"], error) from error


def _fixed_pan(core: Mapping[str, Any]) -> FixedPan | None:
    channel, pan_id, ipv6 = core["meter_channel"], core["meter_panid"], core["meter_ipv6"]
    if channel is None or pan_id is None or ipv6 is None:
        return None
    return FixedPan(channel=channel, pan_id=pan_id, ipv6=ipv6)


def _credentials(values: _Values, port: str) -> Credentials:
    """Id and password, checked in form; both must be there for a real port. Raises ConfigError."""
    texts = [_credential(values, setting) for setting in CREDENTIAL_SETTINGS]
    if not port.startswith(f"{EMULATOR_SCHEME}:"):
        for setting, text in zip(CREDENTIAL_SETTINGS, texts, strict=True):
            if text == UNSET_ID:
                raise _not_configured(setting)
    try:
        return checked_credentials(*texts)
    except ConfigError as error:
        raise values.refusal(next(s for s in CREDENTIAL_SETTINGS if s.environment == error.setting), error) from error


def _credential(values: _Values, setting: Setting) -> str:
    """Variable, file or systemd credential, of the real environment before those of `.env`; then TOML."""
    name, sources = setting.environment or "", values.sources
    for environ, place in ((sources.environ, _("environment")), (sources.dotenv, str(sources.dotenv_path))):
        if text := credential_text(name, environ):
            values.origins[setting.name] = f"{place} ({name})"
            return text
    if found := sources.find(setting):
        values.origins[setting.name] = found.source
        return found.texts[-1]
    values.origins[setting.name] = DEFAULT_SOURCE
    return UNSET_ID


def _not_configured(setting: Setting) -> ConfigError:
    return ConfigError(
        _("{name} is not configured.").format(name=setting.environment),
        setting=setting.name,
        cause=_("A real meter lets nobody in without the B-route id and password."),
        remedy=_(
            "Put both as B_ROUTE_ID=... and B_ROUTE_PASSWORD=... into the file .env of this folder, or into the"
            " environment. To try the program without a meter, add: --port emulator:"
        ),
    )


def _aware(moment: datetime | None, zone: ZoneInfo) -> datetime | None:
    return moment if moment is None or moment.tzinfo is not None else moment.replace(tzinfo=zone)


def _state_directory(environ: Mapping[str, str], cwd: Path) -> Path:
    if listed := environ.get("STATE_DIRECTORY"):
        return cwd / listed.split(":")[0]  # systemd gives several as a list
    return xdg_directory(environ, "XDG_STATE_HOME", ".local/state")


def _database(given: str | None, state_directory: Path, cwd: Path) -> Path:
    return state_directory / FILE_NAME if given is None else cwd / Path(given).expanduser()


def _other_secrets(sources: Sources) -> tuple[Secret, ...]:
    """Secret settings, in use or not, with the bare token of a header; and what a URL should not show."""
    texts: list[str] = []
    for setting in settings_table():
        if setting in CREDENTIAL_SETTINGS or (found := sources.find(setting)) is None:
            continue
        for text in found.texts:
            texts += [text, *_header_secrets(text)] if setting.secret else secrets_of_url(text)
    return tuple(Secret(text) for text in dict.fromkeys(texts))


def _header_secrets(text: str) -> tuple[str, ...]:
    """Of `Authorization: Bearer abc` also `Bearer abc` and `abc`, which may be logged alone."""
    _name, colon, value = text.partition(":")
    return (value.strip(), *value.split()[-1:]) if colon else ()


def _notes(sources: Sources, mode: str, outputs: tuple[str, ...]) -> tuple[str, ...]:
    """One sentence on the flags that have no effect; none where there are none."""
    used = {row.name for name in outputs for row in OUTPUTS[name].settings}
    reasons = {name: _("the mode is {mode}").format(mode=mode) for name in _unused_core(mode, False)}
    reasons |= {
        row.name: _("no -o {output}").format(output=name)
        for name, output in OUTPUTS.items()
        for row in output.settings
        if row.name not in used
    }
    if not outputs:
        reasons["format"] = _("no output is chosen")
    rows = [row for row in (*CORE_SETTINGS, *output_settings()) if row.name in reasons and row.name in sources.flags]
    if not rows:
        return ()
    listed = ", ".join(f"{row.flag} ({reasons[row.name]})" for row in rows)
    return (_("Accepted but without effect: {flags}.").format(flags=listed),)


def _warnings(sources: Sources, core: Mapping[str, Any], schedule: CronSchedule | None) -> tuple[str, ...]:
    found = list(misspelt_variables(sources, environment_names()))
    pan = {_CORE[name].flag: core[name] for name in ("meter_channel", "meter_panid", "meter_ipv6")}
    missing = [flag for flag, value in pan.items() if value is None]
    if 0 < len(missing) < len(pan):
        found.append(
            _("A scan looks for the meter: it is left out only with all three, and {flags} is missing.").format(
                flags=_(" and ").join(missing)
            )
        )
    zone: ZoneInfo = core["local_timezone"]
    if any(zone.utcoffset(moment) != _JAPAN_OFFSET for moment in _OFFSET_SAMPLES):
        found.append(
            _("The time zone {zone} is not that of Japan (+09:00): a Japanese meter's clock will be misread.").format(
                zone=zone.key
            )
        )
    if schedule is not None and schedule.every_second:
        found.append(_("The schedule asks for every second: its sixth field, the last one, gives the seconds."))
    path = sources.toml_path
    if path and readable_by_others(path) and any(row.name in sources.toml for row in settings_table() if row.secret):
        found.append(_("{path} holds a secret and others may read it. Run: chmod 600 {path}").format(path=path))
    return tuple(found)


def _library_environment(sources: Sources) -> Mapping[str, str]:
    ours = {*environment_names(), *sources.environ}
    return MappingProxyType({name: text for name, text in sources.dotenv.items() if name not in ours})
