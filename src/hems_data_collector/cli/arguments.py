"""From the table of settings to argparse, and back to the flags that were given."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterable, Sequence
from gettext import gettext as _
from typing import Any, Final, NoReturn

from hems_data_collector.cli.messages import PROGRAM, say
from hems_data_collector.cli.widths import wrapped
from hems_data_collector.errors import EXIT_USAGE
from hems_data_collector.outputs.base import Setting
from hems_data_collector.settings_sources import FlagValue
from hems_data_collector.settings_table import CoreSetting
from hems_data_collector.settings_values import nearest

HELP_COLUMN: Final = 26
"""Where the help of a flag begins."""


class Parser(argparse.ArgumentParser):
    """argparse with full flag names only, an exit code of our own, and the nearest spelling in its errors."""

    def __init__(self, prog: str, *, tail: Callable[[], str] | None = None) -> None:
        """`tail` gives text behind the help; it is asked only when the help is printed."""
        super().__init__(prog=prog, allow_abbrev=False, formatter_class=_Formatter, add_help=False)
        self._tail = tail
        self._flags: list[str] = []

    def add_help_flag(self, group: argparse._ArgumentGroup | None = None) -> None:
        """`-h` and `--help`, in `group` or with the flags of this parser."""
        (group or self).add_argument("-h", "--help", action="help", help=_("show this help and end"))

    def parse(self, argv: Sequence[str], verbs: Iterable[str] = ()) -> argparse.Namespace:
        """The arguments, or the end of the program with a usage error; `verbs` are words that had to stand first."""
        self._flags = [flag for action in self._actions for flag in action.option_strings]
        arguments, rest = self.parse_known_args(argv)
        late = next((word for word in (*rest, *getattr(arguments, "output", ())) if word in verbs), None)
        if late is not None:
            self.error(_("the verb must stand first: {program} {verb} ...").format(program=PROGRAM, verb=late))
        if rest:
            self.error(self._unknown(rest[0]))
        return arguments

    def error(self, message: str) -> NoReturn:
        """End the program as a usage error."""
        say(self.format_usage().rstrip())
        say(f"{self.prog}: {message}")
        say(_("For all flags: {program} --help").format(program=self.prog))
        sys.exit(EXIT_USAGE)

    def format_help(self) -> str:
        """The help, then what `tail` adds."""
        return super().format_help() + (self._tail() if self._tail else "")

    def _unknown(self, word: str) -> str:
        flag = word.partition("=")[0]
        if not flag.startswith("-"):
            return _('unexpected word "{word}"').format(word=word)
        near = nearest(flag, self._flags)
        hint = " " + _('Did you mean "{near}"?').format(near=near) if near else ""
        return _("unknown flag {flag}.").format(flag=flag) + hint


def add_settings(container: argparse._ActionsContainer, settings: Iterable[Setting]) -> None:
    """One flag for each setting; its default is left out of the result, so that weaker sources get their turn."""
    for setting in settings:
        names = [name for name in (getattr(setting, "short", None), setting.flag) if name]
        options: dict[str, Any] = {"dest": setting.name, "default": argparse.SUPPRESS, "help": help_of(setting)}
        if isinstance(setting, CoreSetting) and setting.switch:
            options |= {"action": "store_const", "const": "true"}
        elif isinstance(setting, CoreSetting) and setting.repeatable:
            options |= {"action": "extend", "nargs": "+", "metavar": setting.metavar}
        elif setting.repeatable:
            options |= {"action": "append", "metavar": setting.metavar}
        else:
            options |= {"metavar": setting.metavar}
        container.add_argument(*names, **options)


def given(arguments: argparse.Namespace, settings: Iterable[Setting]) -> dict[str, FlagValue]:
    """What the command line gave of `settings`, by `Setting.name`."""
    return {row.name: getattr(arguments, row.name) for row in settings if hasattr(arguments, row.name)}


def help_of(setting: Setting) -> str:
    """The help of one setting with its choices, its variable and its default, as argparse wants it."""
    text = _(setting.help)
    notes: list[str] = []
    if isinstance(setting, CoreSetting) and setting.choices:
        notes.append(_("of: {choices}").format(choices=", ".join(setting.choices)))
    if not (isinstance(setting, CoreSetting) and setting.switch):
        notes.append(_("default: {default}").format(default=setting.default or _("none")))
    if setting.environment:
        notes.append(_("variable: {name}").format(name=setting.environment))
    if notes:
        text = _("{help} ({notes})").format(help=text, notes=_("; ").join(notes))
    return text.replace("%", "%%")


class _Formatter(argparse.RawDescriptionHelpFormatter):
    """The help of argparse, with lines that end where those of Japanese may."""

    def __init__(self, prog: str) -> None:
        super().__init__(prog, max_help_position=HELP_COLUMN)

    def _split_lines(self, text: str, width: int) -> list[str]:
        return super()._split_lines(text, width) if text.isascii() else wrapped(text, width)
