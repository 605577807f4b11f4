"""The port of a Wi-Fi meter as people write it: `wifi:[INTERFACE][?meter=SERIAL]`."""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass
from gettext import gettext as _
from typing import Final
from urllib.parse import unquote

from hems_data_collector.errors import ConfigError

WIFI_SCHEME: Final = "wifi"
_METER_KEY: Final = "meter"
_INTERFACE: Final = re.compile(r"[^\s/:%?]{1,15}")  # what Linux takes as the name of an interface


@dataclass(frozen=True, slots=True, kw_only=True)
class WifiPort:
    """On which network the meter is looked for, and which meter it is."""

    interface: str | None = None
    """None: every interface that can carry it."""
    meter: str | None = None
    """Serial number (8D) or node identification (83, in hex); None: the only one there is."""

    @classmethod
    def parse(cls, url: str) -> WifiPort:
        """The port that `wifi:...` names; raises ConfigError."""
        rest = url.partition(":")[2]
        name, _mark, query = rest.partition("?")
        if name.startswith("//"):
            raise ConfigError(
                _('"{url}" is no Wi-Fi port.').format(url=url),
                setting="port",
                cause=_("The name of a network interface follows the colon, without slashes."),
                remedy=_('Write "wifi:{name}".').format(name=name.strip("/") or "wlan0"),
            )
        if name and (_INTERFACE.fullmatch(name) is None or name in (".", "..")):
            raise ConfigError(
                _('"{name}" is no name of a network interface.').format(name=name),
                setting="port",
                cause=_("Such a name has 1 to 15 characters, without spaces, slashes and colons."),
                remedy=_('Look with: ip link, and write for example "wifi:wlan0"; "wifi:" alone uses all of them.'),
            )
        return cls(interface=name or None, meter=_meter_of(query))


def _meter_of(query: str) -> str | None:
    """The value of `meter=` in a query that has no other key; raises ConfigError."""
    meter: str | None = None
    for part in filter(None, query.split("&")):
        key, _sign, value = part.partition("=")
        if key != _METER_KEY:
            near = difflib.get_close_matches(key.lower(), [_METER_KEY], n=1)
            raise ConfigError(
                _('A Wi-Fi port has no setting "{key}".').format(key=key),
                setting="port",
                cause=_("Its only one is the serial number of the meter."),
                remedy=_('Did you mean "{near}"?').format(near=_METER_KEY)
                if near
                else _('Write "wifi:wlan0?meter=SERIAL", or leave everything behind the "?" out.'),
            )
        meter = unquote(value).strip()
        if not meter:
            raise ConfigError(
                _("The serial number of the meter is empty."),
                setting="port",
                cause=_('Nothing follows "meter=".'),
                remedy=_("Copy it from the log of a start without it, which lists the meters, or from the meter."),
            )
    return meter
