"""The verb `emulate`: a smart meter for any program, behind a modem on a port, or in the home network."""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
from collections.abc import Coroutine, Sequence
from gettext import gettext as _
from typing import Any, Final

from hems_data_collector.cli.arguments import HELP_COLUMN, Parser
from hems_data_collector.cli.messages import PROGRAM, hide, say
from hems_data_collector.cli.widths import wrapped
from hems_data_collector.credentials import Secret, checked_credentials, credential_text
from hems_data_collector.emulator import (
    FAULTS,
    KEYS,
    SAMPLE_PASSWORD,
    SAMPLE_ROUTE_B_ID,
    Emulator,
    EmulatorSettings,
    serve_pty,
    serve_tcp,
)
from hems_data_collector.emulator.wifi import WifiMeter
from hems_data_collector.emulator.wifi_server import serve_wifi
from hems_data_collector.errors import EXIT_OK
from hems_data_collector.language import N_

HELP = N_("a modem and a smart meter for other programs, without hardware")

DEFAULT_HOST: Final = "127.0.0.1"
_SWITCH: Final = "fast"
"""The one key that needs no value as a flag."""
_WIFI_RELEASE: Final = "R"
"""The second generation, the first that knows Wi-Fi (echonet-lite-meter §9)."""


def add_arguments(parser: Parser) -> None:
    """Where to serve, then one flag for each key of the emulator's settings."""
    parser.usage = _("{program} emulate (--pty PATH | --tcp [HOST:]PORT | --wifi [INTERFACE]) [flags]").format(
        program=PROGRAM
    )
    parser.description = _(
        "Behaves like a Wi-SUN stick with a smart meter in reach, until Ctrl-C. Open it as a serial port, scan, join\n"
        "with the id and the password, and ask. The collector takes the same settings: --port 'emulator:?KEY=VALUE'.\n"
        "With --wifi it is a meter of the second generation in the home network, which needs neither stick nor id."
    )
    place = parser.add_mutually_exclusive_group(required=True)
    place.add_argument("--pty", metavar="PATH", help=_("serve on a pseudo terminal, with PATH leading to it"))
    place.add_argument(
        "--tcp",
        metavar="[HOST:]PORT",
        type=_address,
        help=_("serve raw bytes on a TCP port of {host}, or of HOST").format(host=DEFAULT_HOST),
    )
    place.add_argument(
        "--wifi",
        metavar="INTERFACE",
        nargs="?",
        const="",
        help=_("serve on a network interface, without INTERFACE on the only one; root gives the meter its own address"),
    )
    for name, key in KEYS.items():
        options: dict[str, Any] = {"dest": f"key_{name}", "default": argparse.SUPPRESS}
        if name == _SWITCH:
            options |= {"action": "store_const", "const": "1"}
        else:
            options |= {"metavar": key.metavar, "action": "append"}
        parser.add_argument(_flag(name), help=_(key.help).replace("%", "%%"), **options)
    parser.add_help_flag()
    parser.epilog = _epilog()


def run(arguments: argparse.Namespace) -> int:
    """Serve until a signal; returns the exit code, or raises the HemsError that carries it."""
    if arguments.wifi is not None:
        return _run_wifi(arguments.wifi, EmulatorSettings.from_texts({"release": _WIFI_RELEASE} | _texts(arguments)))
    settings = EmulatorSettings.from_texts(_texts(arguments))
    credentials = checked_credentials(
        _credential(settings.route_b_id, "B_ROUTE_ID", SAMPLE_ROUTE_B_ID),
        _credential(settings.password, "B_ROUTE_PASSWORD", SAMPLE_PASSWORD),
    )
    # A made-up id is shown on purpose: whoever connects needs it. What the environment holds may be a real one.
    own = settings.route_b_id is None and credential_text("B_ROUTE_ID", os.environ) is not None
    if own:
        hide(credentials.secrets())
    elif credentials.password != credentials.route_b_id:
        hide((credentials.password,))
    emulator = Emulator(settings, credentials=credentials)

    def ready(place: str) -> None:
        say(_("port: {place}").format(place=place))
        for each in emulator.in_reach:
            text = _("that of B_ROUTE_ID") if own and each is emulator else each.credentials.route_b_id.reveal()
            say(_("B-route id: {id}").format(id=text))
        say(_("module: {module}; end with Ctrl-C").format(module=settings.module))

    if arguments.pty is not None:
        return asyncio.run(_until_signalled(serve_pty(emulator, arguments.pty, ready=ready)))
    host, port = arguments.tcp
    return asyncio.run(_until_signalled(serve_tcp(emulator, host, port, ready=ready)))


def _run_wifi(interface: str, settings: EmulatorSettings) -> int:
    meters = [WifiMeter(settings.of_meter(number)) for number in range(settings.meters)]

    def ready(name: str, addresses: Sequence[str]) -> None:
        for each, address in zip(meters, addresses, strict=True):
            say(
                _("meter: {serial} at {address}%{interface}").format(
                    serial=each.meter.serial, address=address, interface=name
                )
            )
        say(_("read it from another machine with --port wifi: and end it with Ctrl-C"))

    return asyncio.run(_until_signalled(serve_wifi(meters, interface or None, ready=ready)))


async def _until_signalled(service: Coroutine[Any, Any, None]) -> int:
    """Serve until SIGINT or SIGTERM, which is the proper end."""
    task = asyncio.ensure_future(service)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, task.cancel)
    try:
        await task
    except asyncio.CancelledError:
        return EXIT_OK
    return EXIT_OK


def _flag(name: str) -> str:
    return f"--{name.replace('_', '-')}"


def _texts(arguments: argparse.Namespace) -> dict[str, str]:
    """The given flags as texts by key; `--fault` adds up, of the others the last one counts."""
    texts: dict[str, str] = {}
    for name in KEYS:
        given = getattr(arguments, f"key_{name}", None)
        if given is not None:
            texts[name] = given if isinstance(given, str) else ",".join(given) if name == "fault" else given[-1]
    return texts


def _credential(given: Secret | None, variable: str, sample: str) -> str:
    """From its flag, else from the environment, else of the sample pair."""
    return credential_text(variable, os.environ) or sample if given is None else given.reveal()


def _address(text: str) -> tuple[str, int]:
    host, _colon, port = text.rpartition(":")
    if not port.isdecimal() or not 0 <= int(port) <= 65535:
        raise argparse.ArgumentTypeError(
            _('"{text}" is no TCP port. Give 0 to 65535, with HOST: before it for another address.').format(text=text)
        )
    return host.strip("[]") or DEFAULT_HOST, int(port)


def _epilog() -> str:
    rows = []
    for kind in FAULTS.values():
        lines = wrapped(_(kind.help), 96 - HELP_COLUMN)
        rows.append(f"  {kind.usage:<{HELP_COLUMN - 2}}{lines[0]}")
        rows += [" " * HELP_COLUMN + more for more in lines[1:]]
    examples = _(
        "\n\nexamples:\n"
        "  {program} emulate --pty /tmp/meter --module bp35c2      then open /tmp/meter as a serial port\n"
        "  {program} emulate --tcp 7000 --fast --fault lost:0.3    then open socket://127.0.0.1:7000\n"
        "  {program} emulate --wifi eth0 --meters 2                then --port wifi: on another machine\n\n"
        "exit codes: 0 ended by a signal, 2 usage, 3 settings, 4 the port cannot be made"
    ).format(program=PROGRAM)
    return (
        _("faults (arguments: p probability, s seconds, n number, epc property code):\n") + "\n".join(rows) + examples
    )
