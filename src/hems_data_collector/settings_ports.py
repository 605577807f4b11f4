"""Whether several meters can share the ports that they are given."""

from __future__ import annotations

import os.path
from collections.abc import Mapping, Sequence
from gettext import gettext as _
from itertools import combinations
from typing import Any

from hems_data_collector.errors import ConfigError
from hems_data_collector.link.wifi_port import WIFI_SCHEME
from hems_data_collector.meter_settings import MeterSettings
from hems_data_collector.settings_sources import METERS, Sources
from hems_data_collector.settings_values import WITHOUT_CREDENTIALS


def check_ports(meters: Sequence[MeterSettings], sources: Sources) -> None:
    """Meters that share a port must be able to; raises ConfigError."""
    for one, other in combinations(meters, 2):
        _check_paths(one, other, sources)
        if one.port != other.port:
            continue
        shared: Mapping[str, Any] = {
            "path": sources.toml_path,
            "one": one.name,
            "other": other.name,
            "port": one.shown_port,
        }
        if one.port.startswith(f"{WIFI_SCHEME}:"):
            raise ConfigError(
                _('{path}: the meters "{one}" and "{other}" have the same port {port}.').format(**shared),
                setting="port",
                cause=_("In the home network a port stands for one meter."),
                remedy=_("Give each its own serial number: wifi:?meter=SERIAL"),
            )
        if one.baudrate != other.baudrate:
            raise ConfigError(
                _('{path}: the meters "{one}" and "{other}" share the port {port} at different speeds.').format(
                    **shared
                ),
                setting="baudrate",
                cause=_("One stick has one speed: {one} or {other}.").format(one=one.baudrate, other=other.baudrate),
                remedy=_("Give both the same baudrate, or each meter a stick of its own."),
            )
        same_id = one.credentials.route_b_id == other.credentials.route_b_id
        if same_id and one.port.partition(":")[0] not in WITHOUT_CREDENTIALS:
            raise ConfigError(
                _('{path}: the meters "{one}" and "{other}" have the same B-route id on the port {port}.').format(
                    **shared
                ),
                setting="b_route_id",
                cause=_("Each meter has an id of its own; two names for one id would be one meter, read twice."),
                remedy=_("Give each [[{section}]] the b_route_id from its own letter.").format(section=METERS),
            )
    _check_emulated(meters)


def _check_paths(one: MeterSettings, other: MeterSettings, sources: Sources) -> None:
    """Two paths to one stick would keep each other out; raises ConfigError where that can be seen now."""
    if one.port == other.port or not (one.port.startswith("/") and other.port.startswith("/")):
        return
    device = os.path.realpath(one.port)
    if device == os.path.realpath(other.port):
        raise ConfigError(
            _('{path}: the ports {port} and {second} of the meters "{one}" and "{other}" are one stick.').format(
                path=sources.toml_path, port=one.port, second=other.port, one=one.name, other=other.name
            ),
            setting="port",
            cause=_("Both paths lead to {device}.").format(device=device),
            remedy=_("Write the same path for both, then they take turns; or give each meter a stick of its own."),
        )


def _check_emulated(meters: Sequence[MeterSettings]) -> None:
    """An emulator must have as many meters as there are on it; raises ConfigError."""
    for port in dict.fromkeys(meter.port for meter in meters if meter.emulated):
        from hems_data_collector.emulator.settings import EmulatorSettings

        there = EmulatorSettings.from_query(port.partition("?")[2]).meters
        wanted = sum(meter.port == port for meter in meters)
        if wanted > there:
            query = "&" if "?" in port else "?"
            shown = next(meter.shown_port for meter in meters if meter.port == port)
            raise ConfigError(
                _("The port {port} has too few meters: {there}, where {wanted} are configured.").format(
                    port=shown, there=there, wanted=wanted
                ),
                setting="port",
                cause=_("An emulator has one meter unless it is told how many."),
                remedy=_("Write {port}{query}meters={wanted}, or give each meter an emulator of its own.").format(
                    port=shown, query=query, wanted=wanted
                ),
            )
