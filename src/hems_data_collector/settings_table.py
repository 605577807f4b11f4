"""The one table of settings: flags, environment names, TOML keys, defaults, help and checks all come from here.

An output brings its own rows; this file has those of the program itself (docs/configuration.md).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from hems_data_collector.credentials import UNSET_ID
from hems_data_collector.language import N_, VARIABLE
from hems_data_collector.outputs import OUTPUTS
from hems_data_collector.outputs.base import Setting
from hems_data_collector.outputs.formats import FORMATS
from hems_data_collector.settings_values import (
    baudrate,
    language,
    meter_channel,
    meter_ipv6,
    meter_name,
    meter_pan_id,
    moment,
    one_of,
    port,
    retention,
    seconds,
    yes_or_no,
    zone,
)

MODES: Final = ("schedule", "interval")


@dataclass(frozen=True, slots=True, kw_only=True)
class CoreSetting(Setting):
    """A setting of the program itself, with what only some of those have."""

    short: str | None = None
    """The one-letter flag."""
    switch: bool = False
    """The flag stands alone, without a value."""
    toml: Any = str
    """The type in TOML."""
    choices: tuple[str, ...] = ()


CORE_SETTINGS: Final[tuple[CoreSetting, ...]] = (
    CoreSetting(
        name="output",
        flag="--output",
        short="-o",
        help=N_("where readings go, one or more; may be given again; without it each reading is one line in the log"),
        metavar="NAME",
        repeatable=True,
        toml=str | list[str],
        choices=tuple(OUTPUTS),
        convert=one_of(lambda: tuple(OUTPUTS)),
    ),
    CoreSetting(
        name="format",
        flag="--format",
        short="-f",
        default="json",
        help=N_("how the outputs stdout and file write; webhook and gcloud always send JSON"),
        metavar="FORMAT",
        choices=tuple(FORMATS),
        convert=one_of(lambda: tuple(FORMATS)),
    ),
    CoreSetting(
        name="port",
        flag="--port",
        environment="SERIAL_PORT",
        default="/dev/ttyUSB0",
        help=N_(
            "the Wi-SUN stick: a device path, socket://HOST:PORT, rfc2217://HOST:PORT, esphome://HOST, or emulator:;"
            " or wifi:[INTERFACE] for a meter in the home network, or replay:FILE for a recording"
        ),
        metavar="PORT",
        convert=port,
    ),
    CoreSetting(
        name="baudrate",
        flag="--baudrate",
        environment="SERIAL_RATE",
        default="115200",
        help=N_("speed of the serial port in bit/s"),
        metavar="RATE",
        toml=int | str,
        convert=baudrate,
    ),
    CoreSetting(
        name="meter_channel",
        flag="--meter-channel",
        help=N_("radio channel of the meter, hexadecimal 21 to 3C; with the next two the scan is left out"),
        metavar="HEX",
        convert=meter_channel,
    ),
    CoreSetting(
        name="meter_panid",
        flag="--meter-panid",
        help=N_("PAN id of the meter, hexadecimal 0000 to FFFF"),
        metavar="HEX",
        convert=meter_pan_id,
    ),
    CoreSetting(
        name="meter_ipv6",
        flag="--meter-ipv6",
        help=N_("IPv6 address of the meter"),
        metavar="ADDRESS",
        convert=meter_ipv6,
    ),
    CoreSetting(
        name="mode",
        flag="--mode",
        default="schedule",
        help=N_("when to read: by a cron expression, or at a fixed interval"),
        metavar="MODE",
        choices=MODES,
        convert=one_of(lambda: MODES),
    ),
    CoreSetting(
        name="schedule",
        flag="--schedule",
        short="-s",
        default="*/5 * * * *",
        help=N_(
            "cron expression for the mode schedule: minute hour day month weekday, and at the end seconds if you like;"
            " or @hourly, @daily, @weekly, @monthly, @yearly"
        ),
        metavar="CRON",
    ),
    CoreSetting(
        name="interval",
        flag="--interval",
        short="-i",
        default="300",
        help=N_("seconds from one reading to the next for the mode interval"),
        metavar="SECONDS",
        toml=int | str,
        convert=seconds,
    ),
    CoreSetting(
        name="local_timezone",
        flag="--local-timezone",
        environment="LOCAL_TIMEZONE",
        default="Asia/Tokyo",
        help=N_("time zone of the meter's clock, of cron expressions and of the times in the log"),
        metavar="ZONE",
        convert=zone,
    ),
    CoreSetting(
        name="database",
        flag="--database",
        environment="HEMS_DATABASE",
        help=N_(
            "where readings and half hours are kept; else hems.db in $STATE_DIRECTORY,"
            " else in $XDG_STATE_HOME/hems-data-collector, else in ~/.local/state/hems-data-collector"
        ),
        metavar="PATH",
    ),
    CoreSetting(
        name="keep_readings",
        flag="--keep-readings",
        environment="HEMS_KEEP_READINGS",
        default="2y",
        help=N_(
            "how long readings and minutes are kept: days as 400d, years as 2y, or all; half hours are kept for ever"
        ),
        metavar="AGE",
        toml=int | str,
        convert=retention,
    ),
    CoreSetting(
        name="half_hours",
        flag="--half-hours",
        environment="HALF_HOURS",
        default="false",
        help=N_("also send a record for each half hour, those read from the meter's history included"),
        switch=True,
        toml=bool | str,
        convert=yes_or_no,
    ),
    CoreSetting(
        name="deliver_from",
        flag="--from",
        environment="HEMS_FROM",
        help=N_(
            "a new output begins with what was stored at this time, such as 2026-01-15, instead of with the present"
        ),
        metavar="TIME",
        convert=moment,
    ),
    CoreSetting(
        name="backfill_spacing",
        flag="--backfill-spacing",
        environment="HEMS_BACKFILL_SPACING",
        default="5",
        help=N_("seconds between two requests for the meter's history, which is read in the background"),
        metavar="SECONDS",
        toml=int | str,
        convert=seconds,
    ),
    CoreSetting(
        name="debug", flag="--debug", help=N_("log every line of the wire, without secrets"), switch=True, toml=bool
    ),
)
"""The settings of the program itself, in the order of the help."""

CONFIG_SETTING: Final = CoreSetting(
    name="config",
    flag="--config",
    environment="HEMS_CONFIG",
    help=N_(
        "settings file in TOML; else $XDG_CONFIG_HOME/hems-data-collector/config.toml,"
        " else /etc/hems-data-collector/config.toml"
    ),
    metavar="FILE",
)
"""Names the TOML file, so it cannot stand in it."""

LANGUAGE_SETTING: Final = CoreSetting(
    name="language",
    flag="",
    environment=VARIABLE,
    help=N_("language of messages and log, en or ja; else that of the locale (LANG and the like)"),
    convert=language,
)
"""Without a flag: the help itself is in this language."""

CREDENTIAL_SETTINGS: Final = (
    CoreSetting(
        name="b_route_id",
        flag="",
        environment="B_ROUTE_ID",
        default=UNSET_ID,
        help=N_("B-route id, 32 characters; also B_ROUTE_ID_FILE or the systemd credential b_route_id"),
        secret=True,
    ),
    CoreSetting(
        name="b_route_password",
        flag="",
        environment="B_ROUTE_PASSWORD",
        default=UNSET_ID,
        help=N_("B-route password; also B_ROUTE_PASSWORD_FILE or the systemd credential b_route_password"),
        secret=True,
    ),
)
"""Without flags, because everybody on the machine can read a command line."""

NAME_SETTING: Final = CoreSetting(
    name="name",
    flag="",
    help=N_("what the meter is called in records, in the log and on the command line: 1 to 32 letters, digits, - or _"),
    convert=meter_name,
)
"""Only in `[[meters]]`, and there in each."""

CREDENTIAL_FILE_SETTINGS: Final = (
    CoreSetting(name="b_route_id_file", flag="", help=N_("a file that holds the B-route id of this meter")),
    CoreSetting(name="b_route_password_file", flag="", help=N_("a file that holds the B-route password of this meter")),
)
"""In the order of `CREDENTIAL_SETTINGS`; only in `[[meters]]`."""

PLACE_SETTINGS: Final = ("meter_channel", "meter_panid", "meter_ipv6")
"""Where the meter is: all three or none, and of one meter only."""

METER_SETTINGS: Final = (
    NAME_SETTING,
    *(row for row in CORE_SETTINGS if row.name in ("port", "baudrate", "mode", "schedule", "interval")),
    *CREDENTIAL_SETTINGS,
    *CREDENTIAL_FILE_SETTINGS,
    *(row for row in CORE_SETTINGS if row.name in PLACE_SETTINGS),
)
"""What a `[[meters]]` may hold."""

READ_SETTINGS: Final = frozenset(
    {"format", "port", "baudrate", "meter_channel", "meter_panid", "meter_ipv6", "local_timezone", "debug", "config"}
)
"""What a one-shot reading needs."""


def output_settings() -> tuple[Setting, ...]:
    """The settings of all registered outputs; one that two outputs share comes once."""
    return tuple({setting.name: setting for output in OUTPUTS.values() for setting in output.settings}.values())


def settings_table() -> tuple[Setting, ...]:
    """Every setting there is, in the order of the help."""
    return (*CORE_SETTINGS, *output_settings(), CONFIG_SETTING, LANGUAGE_SETTING, *CREDENTIAL_SETTINGS)


def toml_types() -> Mapping[str, Any]:
    """The keys of the TOML file, each with the type that msgspec checks."""
    return {setting.name: _toml_type(setting) for setting in settings_table() if setting is not CONFIG_SETTING}


def meter_toml_types() -> Mapping[str, Any]:
    """The keys of a `[[meters]]` in the TOML file, each with its type."""
    return {setting.name: _toml_type(setting) for setting in METER_SETTINGS}


def environment_names() -> tuple[str, ...]:
    """Every variable that the program reads, those for files with a credential included."""
    names = [setting.environment for setting in settings_table() if setting.environment]
    return (*names, *(f"{setting.environment}_FILE" for setting in CREDENTIAL_SETTINGS))


def _toml_type(setting: Setting) -> Any:
    if isinstance(setting, CoreSetting):
        return setting.toml
    return str | list[str] if setting.repeatable else str | int | float
