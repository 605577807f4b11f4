"""What bash, zsh and fish complete behind `hems-data-collector`: one script for each, and no start of Python per TAB.

shtab writes them from the program's own parsers; what a value may be, where argparse does not say, is told here.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import shtab
from tools.command_tree import tree

from hems_data_collector import cli
from hems_data_collector.cli.completion import SCRIPTS
from hems_data_collector.emulator.faults import FAULTS
from hems_data_collector.emulator.j11 import J11
from hems_data_collector.emulator.settings import Notify
from hems_data_collector.outputs import OUTPUTS
from hems_data_collector.skstack.dialects import MODULES

FUNCTIONS: Final = Path(__file__).with_name("completions")
"""What is written by hand: `ports.bash` and the like."""

_FUNCTIONS: Final = {"--port": "ports", "--local-timezone": "zones", "--wifi": "interfaces"}
_WORDS: Final[Mapping[str, tuple[str, ...]]] = {
    "--output": tuple(OUTPUTS),
    "--baudrate": ("115200", "57600", "38400", "19200", "9600"),
    "--module": (*MODULES, J11),
    "--fault": tuple(FAULTS),
    "--notify": tuple(notify.value for notify in Notify),
}
"""Values by flag: those of a function of `FUNCTIONS`, and those that are known beforehand."""
_ALTERNATIVES: Final = re.compile(r"\w(?:\|\w)+")
_NO_WORD: Final = re.compile(r"\W+")
_FILES: Final = re.compile(r"\b(?:FILE|PATH)\b")
_ZSH_VALUES: Final = re.compile(r"""(?m)^  (?:"\*")?["{*]*(?:-\w,)?--[\w-]+(?=\}?"?\[.*\]:)""")
"""A flag with a value in the script for zsh, which is told by `=` that it may also stand as --flag=value."""
_FIRST_CLAUSE: Final = re.compile(r"[;(]|, see ")


def _own(name: str) -> dict[str, Any]:
    """A completion by a function that is written by hand, for each shell in a file `NAME.SHELL`."""
    function = f"_hems_{name}"
    preamble = {shell: (FUNCTIONS / f"{name}.{shell}").read_text(encoding="utf-8") for shell in SCRIPTS}
    return {"bash": function, "zsh": function, "fish": f"({function})", "preamble": preamble}


def scripts() -> Mapping[str, str]:
    """Each script by the name of its shell."""
    root = tree()
    (verbs,) = (action for action in root._actions if isinstance(action, argparse._SubParsersAction))
    for verb, parser in {"": root, **verbs.choices}.items():
        parser.description = cli.module_of(verb or cli.DEFAULT_VERB).HELP
        for action in parser._actions:
            if action is not verbs:
                _teach(action)
    made = {shell: shtab.complete(root, shell) for shell in SCRIPTS}
    made["zsh"] = _ZSH_VALUES.sub(r"\g<0>=", made["zsh"])
    made["bash"] += "\n\n" + (FUNCTIONS / "rejoin.bash").read_text(encoding="utf-8")
    return {shell: _signed(text) for shell, text in made.items()}


def _teach(action: argparse.Action) -> None:
    """Say what the values of `action` may be, and its help in a few words."""
    if action.help:
        action.help = _FIRST_CLAUSE.split(action.help)[0].strip()
    if action.nargs == 0 or action.choices:
        return
    metavar = action.metavar if isinstance(action.metavar, str) else ""
    action.metavar = _NO_WORD.sub(" ", metavar).strip() or None  # a colon in it would end it in zsh
    flags = [flag for flag in action.option_strings if flag in _FUNCTIONS or flag in _WORDS]
    if flags and flags[0] in _FUNCTIONS:
        action.complete = _own(_FUNCTIONS[flags[0]])
    elif flags:
        action.choices = _WORDS[flags[0]]
    elif _ALTERNATIVES.fullmatch(metavar):
        action.choices = tuple(metavar.split("|"))
    elif metavar in ("TIME", "DAY"):
        action.choices = ("today", "yesterday")
    elif _FILES.search(metavar):
        action.complete = shtab.FILE


def _signed(text: str) -> str:
    """The script without shtab's remarks on where to put it, which our own documents say."""
    own = "# Written by tools/completions.py and shtab: make docs\n"
    text = re.sub(r"^# AUTOMATICALLY GENERATED.*\n(?:#.*\n)*", own, text, flags=re.MULTILINE)
    return "".join(f"{line.rstrip()}\n" for line in text.strip().splitlines())
