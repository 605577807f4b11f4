"""From the text of one setting to its checked value; every refusal names cause and remedy.

The converters raise ConfigError without saying where the text came from; `config` adds that.
"""

from __future__ import annotations

import difflib
import re
import urllib.parse
from collections.abc import Callable, Collection
from datetime import datetime, timedelta
from gettext import gettext as _
from importlib.util import find_spec
from ipaddress import AddressValueError, IPv6Address
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from hems_data_collector.errors import ConfigError
from hems_data_collector.language import LANGUAGES, language_named
from hems_data_collector.link.replay_port import REPLAY_SCHEME, replay_path
from hems_data_collector.link.wifi_port import WIFI_SCHEME, WifiPort

EMULATOR_SCHEME: Final = "emulator"
PORT_SCHEMES: Final = ("socket", "rfc2217", "esphome", WIFI_SCHEME, EMULATOR_SCHEME, REPLAY_SCHEME)
WITHOUT_CREDENTIALS: Final = frozenset({EMULATOR_SCHEME, WIFI_SCHEME, REPLAY_SCHEME})
"""Ports whose meters ask for no B-route id and password of yours."""
SECRET_PORT_PARAMETERS: Final = frozenset({"id", "password", "key", "noise_psk"})
"""Query parameters of a port URL that no text may show: the emulator's pair, and those of ESPHome."""

BAUDRATES: Final = (2400, 4800, 9600, 19200, 38400, 57600, 115200, 230400, 460800, 921600)
"""What modems can be set to (skstack-ip §2, WUART), and the faster steps of network and USB bridges."""

CHANNEL_MIN: Final = 0x21
CHANNEL_MAX: Final = 0x3C
"""The channels of the 920 MHz B-route (skstack-ip §2, register S02)."""

DAYS_PER_YEAR: Final = 365.25
_AGE = re.compile(r"([0-9]{1,6})(d|y)?")
_YES: Final = ("true", "yes", "on", "1")
_NO: Final = ("false", "no", "off", "0")
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+):(?!\\)")  # two letters or more: `C:\` is a path
_CHANNEL = re.compile(r"(?:0x)?([0-9a-f]{1,2})", re.IGNORECASE)
_PAN_ID = re.compile(r"(?:0x)?([0-9a-f]{1,4})", re.IGNORECASE)
_NAME = re.compile(r"[A-Za-z0-9_-]{1,32}")
_MAC = re.compile(r"[0-9a-f]{16}", re.IGNORECASE)


def nearest(word: str, options: Collection[str], *, cutoff: float = 0.6) -> str | None:
    """The option that `word` was probably meant to be, whatever its case; None where nothing is near."""
    by_lower = {option.lower(): option for option in options}
    found = difflib.get_close_matches(word.lower(), by_lower, n=1, cutoff=cutoff)
    return by_lower[found[0]] if found else None


def did_you_mean(word: str, options: Collection[str]) -> str:
    """The nearest spelling as a sentence, or all options where nothing is near."""
    near = nearest(word, options)
    if near is not None:
        return _('Did you mean "{near}"?').format(near=near)
    return _("Possible are: {options}.").format(options=", ".join(options))


def one_of(options: Callable[[], Collection[str]]) -> Callable[[str], str]:
    """A converter that takes exactly one of the words that `options()` gives."""

    def convert(text: str) -> str:
        words = options()
        if text in words:
            return text
        raise ConfigError(
            _('"{text}" is not possible here.').format(text=text),
            cause=_("Possible are: {options}.").format(options=", ".join(words)),
            remedy=did_you_mean(text, words) if nearest(text, words) else _("Choose one of these."),
        )

    return convert


def port(text: str) -> str:
    """A device path, or a URL of one of `PORT_SCHEMES`."""
    if text in PORT_SCHEMES:
        raise ConfigError(
            _('"{text}" alone is no port.').format(text=text),
            cause=_("The colon after the scheme is missing."),
            remedy=_(
                'Write "emulator:" for the built-in emulator, "wifi:" for the home network, or "socket://host:port".'
            ),
        )
    match = _SCHEME.match(text)
    if match is None or text.startswith(("/", ".")):
        return text
    scheme = match[1].lower()
    if scheme not in PORT_SCHEMES:
        raise ConfigError(
            _('The scheme "{scheme}:" of the port is not known.').format(scheme=match[1]),
            cause=_("A port is a device path such as /dev/ttyUSB0, or a URL that begins with {schemes}.").format(
                schemes=", ".join(f"{known}:" for known in PORT_SCHEMES)
            ),
            remedy=did_you_mean(scheme, PORT_SCHEMES),
        )
    if scheme == WIFI_SCHEME:
        WifiPort.parse(text)
    elif scheme == REPLAY_SCHEME:
        _check_file(text)
    elif scheme != EMULATOR_SCHEME:
        _check_address(scheme, text)
    return scheme + text[len(scheme) :]


def _check_file(url: str) -> None:
    """A replayed port names a file; raises ConfigError."""
    if not replay_path(url):
        raise ConfigError(
            _("The port URL names no file."),
            cause=_("A replayed port is a transcript that the verb record has written."),
            remedy=_("Write it as replay:FILE, for example replay:meter.txt."),
        )


def _check_address(scheme: str, url: str) -> None:
    """Host and port number of a network port; raises ConfigError."""
    try:
        parts = urllib.parse.urlsplit(url)
        host, number = parts.hostname, parts.port
    except ValueError:
        host, number = None, None
    if not host or (number is None and scheme != "esphome"):
        raise ConfigError(
            _("The port URL has no host, or no valid port number."),
            cause=_("A network port needs both."),
            remedy=_("Write it as {scheme}://host:port, for example {scheme}://192.168.0.10:3333.").format(
                scheme=scheme
            ),
        )
    if scheme == "esphome" and find_spec("aioesphomeapi") is None:
        raise ConfigError(
            _("A port of ESPHome needs a package that is not installed."),
            cause=_("It is an extra, to keep the installation small."),
            remedy=_("Run: pip install 'hems-data-collector[esphome]'"),
        )


def baudrate(text: str) -> int:
    """One of `BAUDRATES`."""
    value = int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 0
    if value not in BAUDRATES:
        near = nearest(text, [str(rate) for rate in BAUDRATES])
        meant = _('Did you mean "{near}"?').format(near=near) if near else ""
        raise ConfigError(
            _('"{text}" is no speed of a serial port.').format(text=text),
            cause=_("Possible are: {options}.").format(options=", ".join(map(str, BAUDRATES))),
            remedy=meant or _("Use 115200, unless your stick was set to another speed."),
        )
    return value


def seconds(text: str) -> int:
    """A whole number of seconds, 1 or more."""
    value = int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 0
    if value < 1:
        raise ConfigError(
            _('"{text}" is no interval.').format(text=text),
            cause=_("An interval is a whole number of seconds, 1 or more."),
            remedy=_("Write 300 for every five minutes. A meter answers once in a second or two at best."),
        )
    return value


def retention(text: str) -> timedelta | None:
    """An age in days (`400d`, `400`) or years of 365.25 days (`2y`); None for `all`."""
    if text.lower() in ("all", "forever"):
        return None
    match = _AGE.fullmatch(text.lower())
    if match is None or int(match[1]) == 0:
        raise ConfigError(
            _('"{text}" is no age.').format(text=text),
            cause=_("An age is a number of days or years, 1 or more."),
            remedy=_("Write 400d for 400 days, 2y for two years, or all to keep every reading."),
        )
    return timedelta(days=int(match[1]) * (DAYS_PER_YEAR if match[2] == "y" else 1))


def moment(text: str) -> datetime:
    """A date or a date with time, ISO 8601; naive where no offset is given."""
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        raise ConfigError(
            _('"{text}" is no time.').format(text=text),
            cause=_("A time is written as a date, with hours and minutes if you like."),
            remedy=_("Write 2026-01-15 or 2026-01-15T18:30."),
        ) from None


def language(text: str) -> str:
    """One of the languages that there are texts in, in any spelling of a locale."""
    found = language_named(text)
    if found is None:
        raise ConfigError(
            _('There are no texts in the language "{text}".').format(text=text),
            cause=_("Possible are: {options}.").format(options=", ".join(LANGUAGES)),
            remedy=_("Choose one of these, or leave it out for the language of the locale."),
        )
    return found


def yes_or_no(text: str) -> bool:
    """`true`, `yes`, `on`, `1`, or their opposites."""
    word = text.lower()
    if word not in (*_YES, *_NO):
        raise ConfigError(
            _('"{text}" is neither true nor false.').format(text=text),
            cause=_("The setting is a switch."),
            remedy=_("Write true or false."),
        )
    return word in _YES


def meter_name(text: str) -> str:
    """What a meter may be called: it stands in records, in the log and on command lines."""
    if _NAME.fullmatch(text) is None:
        raise ConfigError(
            _('"{text}" is no name for a meter.').format(text=text),
            cause=_("A name has 1 to 32 letters (A to Z), digits, - and _, and no spaces."),
            remedy=_("Choose a short one, such as house or flat-2."),
        )
    return text


def meter_channel(text: str) -> int:
    """A hexadecimal channel number, with or without `0x`: 21 to 3C."""
    match = _CHANNEL.fullmatch(text)
    if match is None or not CHANNEL_MIN <= int(match[1], 16) <= CHANNEL_MAX:
        raise ConfigError(
            _('The channel "{text}" is outside 21 to 3C.').format(text=text),
            cause=_("The channel is a hexadecimal number, as the scan of the modem prints it."),
            remedy=_("Copy it from the log of a scan, or leave the three --meter- settings out: then a scan finds it."),
        )
    return int(match[1], 16)


def meter_pan_id(text: str) -> int:
    """A hexadecimal PAN id, with or without `0x`: 0000 to FFFF."""
    match = _PAN_ID.fullmatch(text)
    if match is None:
        raise ConfigError(
            _('"{text}" is no PAN id.').format(text=text),
            cause=_("A PAN id has four hexadecimal digits, 0000 to FFFF."),
            remedy=_("Copy it from the log of a scan, or leave the three --meter- settings out: then a scan finds it."),
        )
    return int(match[1], 16)


def meter_ipv6(text: str) -> str:
    """An IPv6 address in any spelling, as the modem writes it: 39 characters in upper case."""
    try:
        return IPv6Address(text.partition("%")[0]).packed.hex(":", 2).upper()  # `exploded` may end in an IPv4 address
    except AddressValueError:
        is_mac = _MAC.fullmatch(text) is not None
        raise ConfigError(
            _('"{text}" is no IPv6 address.').format(text=text),
            cause=_("It is the MAC address of the meter.") if is_mac else _("The address was cut or misspelt."),
            remedy=_("Give the link-local address in any spelling, such as fe80::21d:1290:1234:5678."),
        ) from None


def zone(text: str) -> ZoneInfo:
    """A time zone by its name in the IANA data base."""
    try:
        return ZoneInfo(text)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        names = available_timezones() - {"localtime"}
        by_city = {name.rpartition("/")[2]: name for name in sorted(names)}
        near = nearest(text, names, cutoff=0.75) or by_city.get(nearest(text, by_city, cutoff=0.85) or "")
        raise ConfigError(
            _('The time zone "{text}" is not known.').format(text=text),
            cause=_("Zones have names such as Asia/Tokyo; abbreviations and offsets are none."),
            remedy=_('Did you mean "{near}"?').format(near=near)
            if near
            else _("Leave it out for Asia/Tokyo, the zone of every Japanese meter."),
        ) from None


def secrets_of_url(url: str) -> tuple[str, ...]:
    """What must not be shown of a URL: the password before its host, and secret query parameters."""
    try:
        parts = urllib.parse.urlsplit(url)
        password = parts.password
    except ValueError:
        return ()
    pairs = urllib.parse.parse_qsl(parts.query)
    raw = [pair.partition("=") for pair in parts.query.split("&")]
    found = [value for key, value in pairs if key in SECRET_PORT_PARAMETERS]
    found += [value for key, _sign, value in raw if key in SECRET_PORT_PARAMETERS]
    return tuple(dict.fromkeys(text for text in (password, *found) if text))
