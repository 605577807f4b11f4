"""The verb `dead-letters`: records that an output refused, to be looked at, sent once more, or given up."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from datetime import tzinfo
from gettext import gettext as _
from typing import Any, Final

import msgspec

from hems_data_collector.cli import tables
from hems_data_collector.cli.arguments import Parser
from hems_data_collector.cli.messages import PROGRAM, masked, say
from hems_data_collector.cli.stored import Stored, add_store_flags, collector_advice, editing, output_of, reading
from hems_data_collector.errors import EXIT_OK, ConfigError
from hems_data_collector.language import N_
from hems_data_collector.readings import iso_utc
from hems_data_collector.store import outbox
from hems_data_collector.store.outbox import DeadLetter
from hems_data_collector.store.records import record_at

HELP = N_("records that an output refused: list, replay or drop them")

LIST: Final = "list"
REPLAY: Final = "replay"
DROP: Final = "drop"


def add_arguments(parser: Parser) -> None:
    """What to do, and with which."""
    parser.usage = _("{program} dead-letters [list|replay|drop] [--output NAME] [--seq N ...] [flags]").format(
        program=PROGRAM
    )
    parser.description = _(
        "A record that an output refuses three times (400, 413, 422 and the like) is set aside, so that those behind\n"
        "it get through. Lists these records with what the far end said, sends them once more, or gives them up."
    )
    parser.add_argument(
        "action",
        nargs="?",
        choices=(LIST, REPLAY, DROP),
        default=LIST,
        help=_("list them, send them once more, or give them up for this output (default: list)"),
    )
    parser.add_argument(
        "--output", "-o", dest="name", metavar="NAME", help=_("those of this output; replay and drop need it")
    )
    parser.add_argument(
        "--seq",
        type=_number,
        nargs="+",
        action="extend",
        metavar="N",
        help=_("these only, by the number that list shows (default: all of the output)"),
    )
    parser.add_argument("--json", action="store_true", help=_("list one JSON object a line, with the record itself"))
    add_store_flags(parser)
    parser.set_defaults(fail=parser.error)
    parser.epilog = _(
        "examples:\n"
        "  {program} dead-letters\n"
        "  {program} dead-letters replay --output webhook           once the far end is mended\n"
        "  {program} dead-letters drop --output webhook --seq 17 18\n\n"
        "exit codes: 0 done, 2 usage, 3 settings, no such output or no such dead letter, 7 no database"
    ).format(program=PROGRAM)


def run(arguments: argparse.Namespace) -> int:
    """List or change; returns the exit code, or raises the HemsError that carries it."""
    if arguments.action == LIST:
        return _list(arguments)
    if arguments.name is None:
        arguments.fail(_("{action} needs --output.").format(action=arguments.action))
    with editing(arguments) as stored:
        name = output_of(stored, arguments.name)
        numbers = [letter.seq for letter in _chosen(stored, name, arguments.seq)]
        change = outbox.replay_dead_letters if arguments.action == REPLAY else outbox.drop_dead_letters
        count = change(stored.conn, name, numbers)
        database = stored.settings.database
    if not count:
        say(_("{output} has no dead letters.").format(output=name))
    elif arguments.action == REPLAY:
        text = _("{count} records go to {output} once more.").format(count=count, output=name)
        say(text + collector_advice(database))
    else:
        say(_("{count} dead letters of {output} are dropped.").format(count=count, output=name))
    return EXIT_OK


def _list(arguments: argparse.Namespace) -> int:
    with reading(arguments) as stored:
        name = None if arguments.name is None else output_of(stored, arguments.name)
        found = _chosen(stored, name, arguments.seq)
        if arguments.json:
            encode = msgspec.json.Encoder(decimal_format="number").encode
            for letter in found:
                sys.stdout.write(encode(_described(stored, letter)).decode("utf-8") + "\n")
        elif found:
            tables.show_table(*_rows(found, stored.settings.zone), right=(1, 3))
    if not found:
        say(_("There are no dead letters."))
    return EXIT_OK


def _chosen(stored: Stored, output: str | None, numbers: Sequence[int] | None) -> list[DeadLetter]:
    """The dead letters that are meant; raises ConfigError for a number that is none."""
    found = outbox.dead_letters(stored.conn, output)
    if numbers is None:
        return found
    missing = sorted(set(numbers) - {letter.seq for letter in found})
    if missing:
        raise ConfigError(
            _("--seq: there is no dead letter {numbers}.").format(numbers=", ".join(map(str, missing))),
            setting="seq",
            cause=_("It was sent or dropped before, or is of another output."),
            remedy=_("See: {program} dead-letters list").format(program=PROGRAM),
        )
    return [letter for letter in found if letter.seq in numbers]


def _described(stored: Stored, letter: DeadLetter) -> dict[str, Any]:
    record = record_at(stored.conn, letter.seq)
    return {
        "output": letter.output,
        "seq": letter.seq,
        "key": letter.key,
        "at": iso_utc(letter.at),
        "tries": letter.tries,
        "reason": masked(letter.reason),
        "record": None if record is None else dict(record.fields),
    }


def _rows(found: Sequence[DeadLetter], zone: tzinfo) -> tuple[list[str], list[list[str]]]:
    head = [_("output"), _("number"), _("set aside"), _("tries"), _("record"), _("reason")]
    return head, [
        [
            letter.output,
            str(letter.seq),
            f"{letter.at.astimezone(zone):%Y-%m-%d %H:%M}",
            str(letter.tries),
            letter.key,
            masked(letter.reason),
        ]
        for letter in found
    ]


def _number(text: str) -> int:
    if not text.isascii() or not text.isdigit() or len(text) > 18:
        raise argparse.ArgumentTypeError(_('"{text}" is no number of a record.').format(text=text))
    return int(text)
