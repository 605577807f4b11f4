"""The verb `scan`: which meters answer the stick, and how well they are heard."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from decimal import Decimal
from gettext import gettext as _
from typing import TYPE_CHECKING, Any, Final

import msgspec

from hems_data_collector.cli import tables
from hems_data_collector.cli.arguments import Parser, add_settings
from hems_data_collector.cli.each_meter import add_meter_flag, for_each_meter, load_for_meters
from hems_data_collector.cli.messages import PROGRAM, say
from hems_data_collector.cli.progress import terminal_progress
from hems_data_collector.cli.run import prepare
from hems_data_collector.errors import ConfigError, MeterNotFound
from hems_data_collector.language import N_
from hems_data_collector.settings_table import CONFIG_SETTING, CORE_SETTINGS, PLACE_SETTINGS, READ_SETTINGS

if TYPE_CHECKING:
    from hems_data_collector.config import Settings
    from hems_data_collector.link.survey import Heard
    from hems_data_collector.meter_settings import MeterSettings

HELP = N_("which meters answer the stick, and how strong their signal is")

_SETTINGS: Final = tuple(
    row
    for row in (*CORE_SETTINGS, CONFIG_SETTING)
    if row.name in READ_SETTINGS - {"format"} and row.name not in PLACE_SETTINGS
)


def add_arguments(parser: Parser) -> None:
    """`--json`, and the flags of the port."""
    parser.usage = _("{program} scan [--json] [flags]").format(program=PROGRAM)
    parser.description = _(
        "Looks for meters on all channels, up to three times with growing patience (18, 36 and 72 seconds), and shows\n"
        "what answers. Nothing is joined. A meter answers only to its own B-route id, so both id and password must be\n"
        "configured. Move the stick and run this again to find the best place for it."
    )
    parser.add_argument(
        "--json", action="store_true", help=_("one JSON object for each meter that answers, a line each")
    )
    add_settings(parser, _SETTINGS)
    add_meter_flag(parser)
    parser.add_help_flag()
    parser.epilog = _(
        "examples:\n"
        "  {program} scan\n"
        "  {program} scan --port 'emulator:?fast=1'   the same without hardware\n"
        "  {program} scan --json | jq .rssi_dbm\n\n"
        "exit codes: 0 your meter answers, 2 usage, 3 settings, 4 port, 5 it does not answer"
    ).format(program=PROGRAM)


def run(arguments: argparse.Namespace) -> int:
    """Scan for each meter and print; returns the exit code, or raises the HemsError that carries it."""
    settings = load_for_meters(arguments, _SETTINGS)
    prepare(settings)

    async def scan(one: Settings) -> None:
        (own,) = one.meters
        heard = await _heard(one, own)
        show = _show_json if arguments.json else _show_table
        show(heard, own)
        if not any(each.ours for each in heard):
            raise _not_found(heard)

    return for_each_meter(settings, scan)


async def _heard(settings: Settings, own: MeterSettings) -> Sequence[Heard]:
    from hems_data_collector.app import register_ports
    from hems_data_collector.clock import SystemClock
    from hems_data_collector.link.port import DevicePort
    from hems_data_collector.link.survey import Survey
    from hems_data_collector.link.transport import open_transport
    from hems_data_collector.link.wifi_port import WIFI_SCHEME

    if own.port.partition(":")[0] == WIFI_SCHEME:
        raise ConfigError(
            _("There is nothing to scan on this port."),
            setting="port",
            cause=_("A meter in the home network is found by asking all devices there, not by a scan of channels."),
            remedy=_("Run: {program} doctor --port {port}").format(program=PROGRAM, port=own.shown_port),
        )
    clock, progress = SystemClock(), terminal_progress() or (lambda _progress: None)
    register_ports(settings, clock)
    port = DevicePort(own.port, own.baudrate, opener=open_transport)
    async with Survey(port, credentials=own.credentials, clock=clock, on_progress=progress) as survey:
        await survey.recognise()
        return await survey.scan()


def _show_json(heard: Sequence[Heard], own: MeterSettings) -> None:
    for each in heard:
        sys.stdout.write(msgspec.json.encode(described(each, own)).decode("utf-8") + "\n")


def described(heard: Heard, own: MeterSettings) -> dict[str, Any]:
    """One answer as `--json` has it."""
    from hems_data_collector.link.quality import quality_of

    quality = quality_of(heard.lqi)
    return {
        "channel": f"{heard.channel:02X}",
        "pan_id": f"{heard.pan_id:04X}",
        "address": heard.mac,
        "ipv6": heard.address,
        "lqi": heard.lqi,
        "rssi_dbm": round(heard.rssi_dbm, 1),
        "bars": quality.bars,
        "signal": quality.word,
        "ours": heard.ours,
        "meter": own.name if heard.ours else None,
    }


def _show_table(heard: Sequence[Heard], own: MeterSettings) -> None:
    from hems_data_collector.link.quality import BARS, quality_of

    if not heard:
        return
    head = [_("channel"), _("PAN id"), _("address"), _("LQI"), _("strength"), _("signal"), "", _("whose")]
    rows = []
    for each in heard:
        quality = quality_of(each.lqi)
        rows.append(
            [
                f"{each.channel:02X}",
                f"{each.pan_id:04X}",
                each.mac,
                str(each.lqi),
                f"{each.rssi_dbm:.0f} dBm",
                tables.bar(Decimal(quality.bars), Decimal(BARS), BARS),
                _(quality.word),
                _whose(each, own),
            ]
        )
    tables.show_table(head, rows, right=(3, 4), whole=(2,))
    ours = next((each for each in heard if each.ours), None)
    if ours is not None and quality_of(ours.lqi).weak:
        say(_("The signal is weak: readings will be missing at times. Move the stick nearer to the meter."))


def _whose(heard: Heard, own: MeterSettings) -> str:
    if not heard.ours:
        return _("another household")
    return _("your meter") if own.name is None else own.name


def _not_found(heard: Sequence[Heard]) -> MeterNotFound:
    from hems_data_collector.link.scan import nothing_found

    if not heard:
        return nothing_found()
    return MeterNotFound(
        _("Your meter did not answer, only meters of other households."),
        cause=_("It is too far away, or B_ROUTE_ID is not the id of your meter."),
        remedy=_("Compare B_ROUTE_ID with the letter of the power company; move the stick nearer to your meter."),
    )
