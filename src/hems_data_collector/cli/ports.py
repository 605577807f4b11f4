"""The verb `ports`: what serial devices are plugged in, which may be the Wi-SUN stick, and what to give as the port."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from gettext import gettext as _
from typing import TYPE_CHECKING

import msgspec

from hems_data_collector.cli import tables
from hems_data_collector.cli.arguments import Parser
from hems_data_collector.cli.messages import PROGRAM
from hems_data_collector.errors import EXIT_OK
from hems_data_collector.language import N_
from hems_data_collector.link.plugged import (
    Access,
    AccessState,
    Holder,
    Plugged,
    access,
    holders,
    likely_sticks,
    plugged_in,
)

if TYPE_CHECKING:
    from hems_data_collector.diagnosis.finding import Finding

HELP = N_("what is plugged in: serial devices, which may be the Wi-SUN stick, and what to write for --port")


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """One device and what stands in its way."""

    device: Plugged
    may: Access
    using: tuple[Holder, ...]

    @property
    def ours(self) -> bool:
        """A collector has it: that is no trouble."""
        return any(holder.command == PROGRAM for holder in self.using)


def add_arguments(parser: Parser) -> None:
    """`--json` alone."""
    parser.usage = _("{program} ports [--json]").format(program=PROGRAM)
    parser.description = _(
        "Lists the serial devices of this machine with the name that stays the same when they are plugged in again,\n"
        "says which of them is or may be the Wi-SUN stick, whether you may use it, and which program has it open.\n"
        "Opens none of them."
    )
    parser.add_argument("--json", action="store_true", help=_("one JSON object a line"))
    parser.add_help_flag()
    parser.epilog = _(
        "examples:\n"
        "  {program} ports\n"
        "  {program} ports --json | jq -r 'select(.stick or .possible != []).name'\n\n"
        "exit codes: 0 shown, whether or not anything is plugged in, 2 usage"
    ).format(program=PROGRAM)


def run(arguments: argparse.Namespace) -> int:
    """Print the devices; returns the exit code."""
    found = [Seen(device=each, may=access(each.path), using=holders(each.path)) for each in plugged_in()]
    if arguments.json:
        for seen in found:
            sys.stdout.write(msgspec.json.encode(described(seen)).decode("utf-8") + "\n")
        return EXIT_OK
    if found:
        tables.show_table([_("device"), _("what it is"), _("state")], [row_of(seen) for seen in found])
        if not tables.on_terminal():
            print()
    for text in advice(found):
        print(text)
    return EXIT_OK


def described(seen: Seen) -> dict[str, object]:
    """One device as `--json` has it."""
    each = seen.device
    return {
        "name": each.name,
        "path": each.path,
        "by_id": each.by_id,
        "vendor_id": each.vendor_id or None,
        "product_id": each.product_id or None,
        "serial_number": each.serial_number or None,
        "description": each.description,
        "stick": each.stick,
        "possible": list(each.possible),
        "supported": not each.unsupported,
        "access": seen.may.state.value,
        "group": seen.may.group,
        "held_by": [{"pid": holder.pid, "command": holder.command} for holder in seen.using],
    }


def row_of(seen: Seen) -> list[str]:
    """One device in the table for people."""
    if seen.may.state is not AccessState.OK:
        state = _("no permission")
    elif seen.using:
        who = ", ".join(
            _("{command} (process {pid})").format(command=each.command, pid=each.pid) for each in seen.using
        )
        state = _("in use by {who}").format(who=who)
    else:
        state = _("usable")
    return [seen.device.path, what_it_is(seen.device), state]


def what_it_is(each: Plugged) -> str:
    """A device in a few words, after what it says of itself."""
    if each.stick:
        return _("Wi-SUN stick {name}").format(name=each.stick)
    if each.unsupported:
        return _("{description}: J11 firmware, not supported").format(description=each.description)
    if each.possible:
        return _("{description}, perhaps a Wi-SUN stick").format(description=each.description)
    return each.description or (_("USB device") if each.vendor_id else _("port of this machine"))


def advice(found: Sequence[Seen]) -> list[str]:
    """What to do next, in lines: how to give the port, and how to remove what stands in the way."""
    sticks = likely_sticks(seen.device for seen in found)
    if not sticks:
        return _nothing_to_use(found)
    lines = [_("To use it, write:") if len(sticks) == 1 else _("To use one of them, write:")]
    lines += [f"  --port {each.name}" for each in sticks]
    lines.append(
        _('in the environment SERIAL_PORT=..., in config.toml port = "..."; or let setup ask: {command}').format(
            command=f"{PROGRAM} setup"
        )
    )
    if len(sticks) > 1:
        lines.append(_("Which is which: unplug one and run this again."))
    for seen in found:
        if seen.device in sticks and (finding := _trouble(seen)) is not None:
            lines += ["", finding.what, f"  {_('cause: ')} {finding.cause}", f"  {_('remedy:')} {finding.remedy}"]
    return lines


def _trouble(seen: Seen) -> Finding | None:
    from hems_data_collector.diagnosis.port import busy, closed  # brings the whole program along

    if seen.may.state is not AccessState.OK:
        return closed(seen.may, seen.device.name, None)
    return busy(seen.device.name, None, seen.using) if seen.using and not seen.ours else None


def _nothing_to_use(found: Sequence[Seen]) -> list[str]:
    lines = [_("None of these is a USB stick.") if found else _("No serial device is plugged in.")]
    if any(seen.device.unsupported for seen in found):
        lines = [_("The stick has J11 firmware, which is not supported: see docs/hardware.md for those that are.")]
    lines += [
        "",
        _(
            "If a stick is plugged in, try another USB port, without a hub. In a container or a virtual machine the\n"
            "device must be handed in (docker run --device ...). A module on the board of this machine has a path\n"
            "such as /dev/ttyAMA0 or /dev/ttyS0.\n\n"
            "Other ways to a meter:\n"
            "  --port socket://HOST:3333   a stick on another machine\n"
            "  --port wifi:                a meter in the home network\n"
            "  --port emulator:            no hardware: a simulated meter"
        ),
    ]
    return lines
