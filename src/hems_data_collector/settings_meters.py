"""The meters that are to be read: one from the general settings, or each `[[meters]]` of the TOML file.

A meter has what its own table says, and the general settings for the rest (docs/configuration.md).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from gettext import gettext as _
from pathlib import Path
from types import MappingProxyType
from typing import Final
from zoneinfo import ZoneInfo

from hems_data_collector.collector.schedule import CronSchedule
from hems_data_collector.credentials import (
    UNSET_ID,
    Credentials,
    checked_credentials,
    find_credential,
    read_credential,
)
from hems_data_collector.errors import ConfigError, NotConfigured
from hems_data_collector.meter_settings import FixedPan, MeterSettings
from hems_data_collector.outputs.base import Setting
from hems_data_collector.settings_lookup import DEFAULT_SOURCE, Values
from hems_data_collector.settings_ports import check_ports
from hems_data_collector.settings_sources import METERS, Found, Origin, Sources, Table
from hems_data_collector.settings_table import (
    CORE_SETTINGS,
    CREDENTIAL_FILE_SETTINGS,
    CREDENTIAL_SETTINGS,
    MODES,
    NAME_SETTING,
    PLACE_SETTINGS,
)
from hems_data_collector.settings_values import EMULATOR_SCHEME, WITHOUT_CREDENTIALS

_CORE: Final[Mapping[str, Setting]] = MappingProxyType({setting.name: setting for setting in CORE_SETTINGS})
_OF_MODE: Final[Mapping[str, str]] = MappingProxyType({"schedule": "interval", "interval": "schedule"})
"""For each mode the setting of the other one."""


def settle_meters(values: Values, zone: ZoneInfo, *, one_shot: bool) -> tuple[MeterSettings, ...]:
    """Every meter, checked; a schedule is neither used nor checked for a `one_shot` reading. Raises ConfigError."""
    tables = values.sources.meters
    if not tables:
        return (_meter(values, None, zone, one_shot=one_shot),)
    names = _names(values.sources)
    found = [
        _meter(Values(values.sources.of_meter(table)), name, zone, one_shot=one_shot)
        for name, table in zip(names, tables, strict=True)
    ]
    meters = _with_samples(found, tables)
    check_ports(meters, values.sources)
    return meters


def unused_settings(mode: str, *, one_shot: bool) -> set[str]:
    """The names of those settings about time that have no effect."""
    return {"schedule", "interval"} if one_shot else {_OF_MODE[mode]}


def notes_of_meters(sources: Sources, meters: Sequence[MeterSettings]) -> Iterator[str]:
    """Every flag about meters that has no effect, and every such key of a `[[meters]]`, each with the reason."""
    modes = {meter.mode for meter in meters}
    for row in CORE_SETTINGS:
        if row.name not in sources.flags:
            continue
        if row.name in _OF_MODE and row.name not in modes:
            yield f"{row.flag} ({_('the mode is {mode}').format(mode=meters[0].mode)})"
        elif sources.meters and row.name in PLACE_SETTINGS:
            yield f"{row.flag} ({_('each meter has a place of its own')})"
        elif sources.meters and all(row.name in table.texts for table in sources.meters):
            yield f"{row.flag} ({_('each meter has its own')})"
    for meter, table in zip(meters, sources.meters, strict=False):
        other = _OF_MODE[meter.mode]
        if other in table.texts:
            where = _('{name} of [[{section}]] "{meter}"').format(name=other, section=METERS, meter=meter.name)
            yield f"{where} ({_('the mode is {mode}').format(mode=meter.mode)})"


def warnings_of_meters(sources: Sources, meters: Sequence[MeterSettings]) -> Iterator[str]:
    """What is probably not meant as it stands."""
    for number, meter in enumerate(meters):
        if sources.meters:
            table = sources.meters[number]
            shown = {name: name for name in PLACE_SETTINGS}
            missing = [name for name in PLACE_SETTINGS if name not in table.texts]
            where = f"{table.label}: "
        else:
            shown = {name: _CORE[name].flag for name in PLACE_SETTINGS}
            missing = [name for name in PLACE_SETTINGS if sources.find(_CORE[name]) is None]
            where = ""
        if 0 < len(missing) < len(PLACE_SETTINGS):
            flags = _(" and ").join(shown[name] for name in missing)
            yield where + _(
                "A scan looks for the meter: it is left out only with all three, and {flags} is missing."
            ).format(flags=flags)
        if meter.schedule is not None and meter.schedule.every_second:
            yield where + _("The schedule asks for every second: its sixth field, the last one, gives the seconds.")


# --- one meter --------------------------------------------------------------------------------------------------------


def _meter(values: Values, name: str | None, zone: ZoneInfo, *, one_shot: bool) -> MeterSettings:
    mode: str = MODES[0] if one_shot else values.one(_CORE["mode"])
    unused = unused_settings(mode, one_shot=one_shot)
    port = values.one(_CORE["port"])
    baudrate = values.one(_CORE["baudrate"])
    place = _place(values)
    interval = int(_CORE["interval"].default or 0) if "interval" in unused else values.one(_CORE["interval"])
    schedule = None if "schedule" in unused else _schedule(values, zone)
    _check_emulator(values, port)
    return MeterSettings(
        name=name,
        port=port,
        baudrate=baudrate,
        credentials=_credentials(values, port),
        fixed_pan=place,
        mode=mode,
        schedule=schedule,
        interval=interval,
    )


def _schedule(values: Values, zone: ZoneInfo) -> CronSchedule:
    expression = values.one(_CORE["schedule"])
    try:
        return CronSchedule(expression, zone)
    except ConfigError as error:
        raise values.refusal(_CORE["schedule"], error) from error


def _check_emulator(values: Values, port: str) -> None:
    """Refuse a query of `emulator:` that the emulator does not know; raises ConfigError."""
    scheme, _colon, rest = port.partition(":")
    if scheme != EMULATOR_SCHEME:
        return
    from hems_data_collector.emulator.settings import EmulatorSettings

    try:
        EmulatorSettings.from_query(rest.partition("?")[2])
    except ConfigError as error:
        raise values.refusal(_CORE["port"], error) from error


def _place(values: Values) -> FixedPan | None:
    """Where the meter is; one of several has that from its own table only, as no two are in one place."""
    own = values.sources.own
    rows = [_CORE[name] for name in PLACE_SETTINGS if own is None or name in own.texts]
    told = {row.name: values.one(row) for row in rows}
    channel, pan_id, ipv6 = (told.get(name) for name in PLACE_SETTINGS)
    if channel is None or pan_id is None or ipv6 is None:
        return None
    return FixedPan(channel=channel, pan_id=pan_id, ipv6=ipv6)


# --- id and password --------------------------------------------------------------------------------------------------


def _credentials(values: Values, port: str) -> Credentials:
    """Id and password, checked in form; both must be there where a meter asks for them. Raises ConfigError."""
    own = values.sources.own
    texts = [_credential(values, *rows) for rows in zip(CREDENTIAL_SETTINGS, CREDENTIAL_FILE_SETTINGS, strict=True)]
    if port.partition(":")[0] not in WITHOUT_CREDENTIALS:
        for setting, text in zip(CREDENTIAL_SETTINGS, texts, strict=True):
            if text == UNSET_ID:
                raise _not_configured(setting) if own is None else _not_configured_for(own, setting)
    try:
        return checked_credentials(*texts)
    except ConfigError as error:
        raise values.refusal(next(s for s in CREDENTIAL_SETTINGS if s.environment == error.setting), error) from error


def _credential(values: Values, setting: Setting, file_setting: Setting) -> str:
    found = find_route_b(values.sources, setting, file_setting)
    values.origins[setting.name] = found.source if found else DEFAULT_SOURCE
    return found.texts[-1] if found else UNSET_ID


def find_route_b(sources: Sources, setting: Setting, file_setting: Setting) -> Found | None:
    """Id or password: the meter's own table; then variable, file or systemd credential, of the real environment before
    those of `.env`; then the top of the TOML file. Raises ConfigError for a file that cannot be read."""
    name = setting.environment or ""
    if sources.own is not None and file_setting.name in sources.own.texts and setting.name not in sources.own.texts:
        source = _("{table}, key {name}").format(table=sources.own.label, name=file_setting.name)
        path = Path(sources.own.texts[file_setting.name][-1]).expanduser()
        return Found(texts=(read_credential(path, source),), source=source, origin=Origin.CREDENTIAL)
    if sources.own is None or setting.name not in sources.own.texts:
        places = (
            (sources.environ, _("environment"), Origin.ENVIRONMENT),
            (sources.dotenv, str(sources.dotenv_path), Origin.DOTENV),
        )
        for environ, place, origin in places:
            text, secret_file = find_credential(name, environ) or ("", None)
            if text and secret_file is None:
                return Found(texts=(text,), source=f"{place} ({name})", origin=origin)
            if text:
                source = _("credential file {path}").format(path=secret_file)
                return Found(texts=(text,), source=source, origin=Origin.CREDENTIAL)
    return sources.find(setting)


def _not_configured(setting: Setting) -> NotConfigured:
    return NotConfigured(
        _("{name} is not configured.").format(name=setting.environment),
        setting=setting.name,
        cause=_("A real meter lets nobody in without the B-route id and password."),
        remedy=_(
            "Run: hems-data-collector setup, or put both as B_ROUTE_ID=... and B_ROUTE_PASSWORD=... into the file .env"
            " of this folder. To try the program without a meter, add: --port emulator:"
        ),
    )


def _not_configured_for(table: Table, setting: Setting) -> NotConfigured:
    return NotConfigured(
        _("{table}: {name} is not configured.").format(table=table.label, name=setting.name),
        setting=setting.name,
        cause=_("A real meter lets nobody in without the B-route id and password, and each meter has its own."),
        remedy=_("Write {name} or {name}_file below that [[{section}]].").format(name=setting.name, section=METERS),
    )


# --- several ----------------------------------------------------------------------------------------------------------


def _names(sources: Sources) -> list[str]:
    """The names in order; raises ConfigError where one is missing, bad, or there twice."""
    names: list[str] = []
    for table in sources.meters:
        values = Values(sources.of_meter(table))
        if (name := values.one(NAME_SETTING)) is None:
            raise ConfigError(
                _("{table}: the name is missing.").format(table=table.label),
                setting=NAME_SETTING.name,
                cause=_("Records and the log tell several meters apart by their names."),
                remedy=_('Write name = "..." below each [[{section}]].').format(section=METERS),
            )
        if name.lower() in (other.lower() for other in names):
            raise ConfigError(
                _('{path}: two meters are called "{name}".').format(path=sources.toml_path, name=name),
                setting=NAME_SETTING.name,
                cause=_("A name stands for one meter; capital letters make no difference."),
                remedy=_("Give each [[{section}]] a name of its own.").format(section=METERS),
            )
        names.append(name)
    return names


def _with_samples(meters: Sequence[MeterSettings], tables: Sequence[Table]) -> tuple[MeterSettings, ...]:
    """With a made-up id and password for each meter on the emulator that has none of its own."""
    if not any(meter.emulated for meter in meters):
        return tuple(meters)
    from hems_data_collector.emulator.settings import sample_credentials

    found: list[MeterSettings] = []
    own = {row.name for row in (*CREDENTIAL_SETTINGS, *CREDENTIAL_FILE_SETTINGS)}
    for meter, table in zip(meters, tables, strict=True):
        number = sum(other.port == meter.port for other in found)
        made_up = meter.emulated and not own & table.texts.keys()
        found.append(replace(meter, credentials=sample_credentials(number)) if made_up else meter)
    return tuple(found)
