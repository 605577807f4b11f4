"""The verb `replay`: send a stretch of time once more to one output."""

from __future__ import annotations

import argparse
from gettext import gettext as _

from hems_data_collector.cli import periods as words
from hems_data_collector.cli.arguments import Parser
from hems_data_collector.cli.messages import PROGRAM, say
from hems_data_collector.cli.stored import Stored, add_store_flags, collector_advice, editing, output_of
from hems_data_collector.errors import EXIT_OK
from hems_data_collector.language import N_
from hems_data_collector.store import outbox

HELP = N_("send stored records once more to one output")


def add_arguments(parser: Parser) -> None:
    """Which output, and of when."""
    parser.usage = _("{program} replay --output NAME --from TIME [--to TIME] [flags]").format(program=PROGRAM)
    parser.description = _(
        "Has the collector send what it has stored of a stretch of time once more to one output, before anything new.\n"
        "The records have the same keys as the first time. Records that the output has not got yet come in their turn\n"
        "and are not sent twice. The output file appends what is replayed."
    )
    parser.add_argument(
        "--output", "-o", dest="name", required=True, metavar="NAME", help=_("the output that gets them")
    )
    parser.add_argument(
        "--from", dest="first", type=words.when, required=True, metavar="TIME", help=_("from this day or time on")
    )
    parser.add_argument(
        "--to",
        dest="last",
        type=words.when,
        metavar="TIME",
        help=_("until the end of this day, or until this time (default: now)"),
    )
    add_store_flags(parser)
    parser.epilog = _(
        "--to counts a day or a month whole, by LOCAL_TIMEZONE. Times may be written as\n{forms}.\n\n"
        "examples:\n"
        "  {program} replay --output webhook --from yesterday --to yesterday\n"
        "  {program} replay --output gcloud --from 2026-01-15T10:30\n\n"
        "exit codes: 0 done (also where there is nothing to send), 2 usage, 3 settings or no such output,\n"
        "7 no database"
    ).format(program=PROGRAM, forms=words.FORMS)


def run(arguments: argparse.Namespace) -> int:
    """Note what is to be sent; returns the exit code, or raises the HemsError that carries it."""
    with editing(arguments) as stored:
        name = output_of(stored, arguments.name)
        first, last = words.span(arguments.first, arguments.last, zone=stored.settings.zone, now=stored.now)
        assert first is not None
        before = _waiting(stored, name)
        outbox.rewind(stored.conn, name, first, last or stored.now)
        count = _waiting(stored, name) - before
        database = stored.settings.database
    if count:
        say(
            _("{count} records go to {output} once more.").format(count=count, output=name) + collector_advice(database)
        )
    else:
        say(_("{output} has got nothing of that time, so nothing is sent once more.").format(output=name))
    return EXIT_OK


def _waiting(stored: Stored, name: str) -> int:
    return outbox.waiting(stored.conn, name)
