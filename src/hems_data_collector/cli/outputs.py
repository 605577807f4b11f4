"""The verb `outputs`: what each output has got, what waits for it, and how it is doing."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from datetime import datetime, tzinfo
from gettext import gettext as _
from typing import Any

import msgspec

from hems_data_collector.cli import tables
from hems_data_collector.cli.arguments import Parser
from hems_data_collector.cli.messages import PROGRAM, masked, say
from hems_data_collector.cli.stored import Stored, add_store_flags, reading
from hems_data_collector.errors import EXIT_OK
from hems_data_collector.language import N_
from hems_data_collector.readings import iso_utc
from hems_data_collector.store import outbox

HELP = N_("state of each output: health, waiting records, dead letters")


def add_arguments(parser: Parser) -> None:
    """`--json` and where the database is."""
    parser.usage = _("{program} outputs [--json] [flags]").format(program=PROGRAM)
    parser.description = _(
        "Shows each output that the collector has run with: since when it works or fails and why, how many records\n"
        "wait for it, and how many it refused (dead letters). Nothing ever waits for stdout, so it is not shown."
    )
    parser.add_argument("--json", action="store_true", help=_("one JSON object a line"))
    add_store_flags(parser)
    parser.epilog = _(
        "health:\n"
        "  ok        the last try worked\n"
        "  retrying  it fails and is tried again until it works; nothing is lost\n"
        "  paused    the far end refuses us (401, 403, 404); tried every 10 minutes\n"
        "  removed   not configured any more; forgotten after 30 days\n\n"
        "examples:\n"
        "  {program} outputs\n"
        "  {program} outputs --json | jq 'select(.waiting > 0).name'\n\n"
        "exit codes: 0 shown, 2 usage, 3 settings, 7 no database"
    ).format(program=PROGRAM)


def run(arguments: argparse.Namespace) -> int:
    """Print the outputs; returns the exit code, or raises the HemsError that carries it."""
    with reading(arguments) as stored:
        found = described(stored)
        zone = stored.settings.zone
    if arguments.json:
        for each in found:
            sys.stdout.write(msgspec.json.encode(each).decode("utf-8") + "\n")
    elif found:
        tables.show_table(*output_rows(found, zone), right=(3, 4, 5))
    if not found:
        say(
            _("No output is known yet. Start the collector with -o, for example: {program} -o file").format(
                program=PROGRAM
            )
        )
    return EXIT_OK


def described(stored: Stored) -> list[dict[str, Any]]:
    """Every output as `--json` has it."""
    return [
        {
            "name": row.name,
            "configured": row.configured,
            "health": row.health,
            "since": iso_utc(row.since),
            "reason": masked(row.reason),
            "waiting": row.waiting,
            "dead_letters": row.dead_letters,
            "delivered": row.delivered,
            "last_delivered": None if row.last_delivered is None else iso_utc(row.last_delivered),
        }
        for row in outbox.states(stored.conn)
    ]


def output_rows(found: Sequence[dict[str, Any]], zone: tzinfo) -> tuple[list[str], list[list[str]]]:
    """Head and rows of the table for people."""
    head = [
        _("output"),
        _("health"),
        _("since"),
        _("waiting"),
        _("dead letters"),
        _("delivered"),
        _("last delivery"),
        _("reason"),
    ]
    rows = [
        [
            each["name"],
            each["health"] if each["configured"] else _("removed"),
            _stamp(each["since"], zone),
            str(each["waiting"]),
            str(each["dead_letters"]),
            str(each["delivered"]),
            _stamp(each["last_delivered"], zone),
            each["reason"],
        ]
        for each in found
    ]
    if not any(row[-1] for row in rows):
        return head[:-1], [row[:-1] for row in rows]
    return head, rows


def _stamp(text: str | None, zone: tzinfo) -> str:
    return _("never") if text is None else f"{datetime.fromisoformat(text).astimezone(zone):%Y-%m-%d %H:%M}"
