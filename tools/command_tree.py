"""The whole command line as one tree of argparse, from the parsers that `--help` shows: for man page and completion.

The program itself never makes it: it imports the one verb that is asked for.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from gettext import gettext as _
from typing import Final

from hems_data_collector import cli
from hems_data_collector.cli.arguments import Parser
from hems_data_collector.cli.messages import PROGRAM
from hems_data_collector.settings_table import CoreSetting, settings_table

_CHOICES: Final = {row.name: row.choices for row in settings_table() if isinstance(row, CoreSetting) and row.choices}
"""What the program checks by itself, with a message of its own, and argparse does not know."""


def parser_of(verb: str) -> Parser:
    """The program's own parser for `verb`."""
    parser = Parser(PROGRAM if verb == cli.DEFAULT_VERB else f"{PROGRAM} {verb}")
    cli.module_of(verb).add_arguments(parser)
    return parser


def tree() -> Parser:
    """The collector's own flags, and below them every verb with its flags."""
    root = parser_of(cli.DEFAULT_VERB)
    verbs = root.add_subparsers(metavar="VERB", parser_class=_plain)
    for verb in cli.VERBS:
        module = cli.module_of(verb)
        parser = verbs.add_parser(verb, help=_(module.HELP))
        module.add_arguments(parser)
    for parser in (root, *verbs.choices.values()):
        for action in parser._actions:
            if action.choices is None and action.dest in _CHOICES:
                action.choices = _CHOICES[action.dest]
    return root


def _plain(*, prog: str, **_of_newer_pythons: object) -> Parser:
    return Parser(prog)


def actions(parser: argparse.ArgumentParser) -> Iterator[tuple[str, Sequence[argparse.Action]]]:
    """The groups of the help with something in them: title and actions; argparse's own groups have the title ""."""
    own = (parser._positionals, parser._optionals)
    for group in parser._action_groups:
        shown = [action for action in group._group_actions if action.help != argparse.SUPPRESS]
        if shown:
            yield "" if group in own else group.title or "", shown
