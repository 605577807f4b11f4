"""From what a program names as its meter to the link that reaches it."""

from __future__ import annotations

import os
from functools import cache, partial
from gettext import gettext as _
from random import Random
from typing import Final

from hems_data_collector.clock import Clock, SystemClock
from hems_data_collector.credentials import UNSET_ID, Credentials, checked_credentials, credential_text
from hems_data_collector.emulator import Emulator, EmulatorSettings
from hems_data_collector.errors import ConfigError
from hems_data_collector.link.replay import Replays
from hems_data_collector.link.replay_port import REPLAY_SCHEME
from hems_data_collector.link.transport import LinkFactory, Opener, Transport, open_transport
from hems_data_collector.link.wifi_port import WIFI_SCHEME
from hems_data_collector.meters import WISUN, wifi_links
from hems_data_collector.settings_values import EMULATOR_SCHEME, WITHOUT_CREDENTIALS
from hems_data_collector.settings_values import port as checked_port

_VARIABLES: Final = ("B_ROUTE_ID", "B_ROUTE_PASSWORD")


class Place:
    """A port with what opens it and who may come in there."""

    def __init__(
        self, port: str | Emulator, credentials: Credentials | None, opener: Opener | None, clock: Clock
    ) -> None:
        """Raises ConfigError for a port that cannot be one, and where id or password are missing."""
        if isinstance(port, str) and port.partition(":")[0] == EMULATOR_SCHEME:
            settings = EmulatorSettings.from_query(checked_port(port).partition("?")[2])
            port = Emulator(settings, clock=clock, credentials=credentials)
        if isinstance(port, Emulator):
            self.url = f"{EMULATOR_SCHEME}:"
            self.opener: Opener = opener or partial(_open_emulator, port)
            self.credentials = credentials or port.in_reach[0].credentials
        else:
            self.url = checked_port(port)
            self.opener = opener or (Replays(clock).open if self.scheme == REPLAY_SCHEME else open_transport)
            self.credentials = credentials or _from_environment(self.scheme)

    @property
    def scheme(self) -> str:
        """What the URL begins with; a device has none that means anything."""
        return self.url.partition(":")[0]

    def link_factory(self, clock: Clock) -> LinkFactory:
        """What makes a link over it."""
        if self.scheme != WIFI_SCHEME:
            return WISUN.make
        return _shared_wifi() if isinstance(clock, SystemClock) else wifi_links(clock, Random())


async def _open_emulator(emulator: Emulator, _url: str, baudrate: int) -> Transport:
    return emulator.open_port(lambda: baudrate)


@cache
def _shared_wifi() -> LinkFactory:
    """All meters of one program share one socket for each interface."""
    return wifi_links(SystemClock(), Random())


def _from_environment(scheme: str) -> Credentials:
    """Id and password from where the collector has them too; none are needed where no meter asks for them."""
    if scheme in WITHOUT_CREDENTIALS:
        return checked_credentials(UNSET_ID, UNSET_ID)
    texts = [credential_text(name, os.environ) for name in _VARIABLES]
    for name, text in zip(_VARIABLES, texts, strict=True):
        if text is None or text == UNSET_ID:
            raise ConfigError(
                _("{name} is not configured.").format(name=name),
                setting=name,
                cause=_("A real meter lets nobody in without the B-route id and password."),
                remedy=_("Give Meter.open the credentials, or put both into the environment."),
            )
    route_b_id, password = (text or "" for text in texts)
    return checked_credentials(route_b_id, password)
