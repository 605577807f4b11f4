"""The verb `completion`: the script by which bash, zsh or fish completes verbs, flags and values."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping
from gettext import gettext as _
from pathlib import Path
from typing import Final

from hems_data_collector.cli.arguments import Parser
from hems_data_collector.cli.messages import PROGRAM
from hems_data_collector.errors import EXIT_OK
from hems_data_collector.language import N_

HELP = N_("what makes bash, zsh or fish complete this program's verbs, flags and values by TAB")

SHARE: Final = Path(__file__).parents[1] / "share"
"""What a wheel brings to share/ of its environment: scripts and man pages, written by `make docs`."""
SCRIPTS: Final[Mapping[str, Path]] = {
    "bash": SHARE / "completions" / PROGRAM,
    "zsh": SHARE / "completions" / f"_{PROGRAM}",
    "fish": SHARE / "completions" / f"{PROGRAM}.fish",
}
"""The script of each shell, under the name by which that shell looks for it."""


def add_arguments(parser: Parser) -> None:
    """The shell."""
    parser.usage = _("{program} completion bash|zsh|fish").format(program=PROGRAM)
    parser.description = _(
        "Prints the script by which a shell completes the words behind this program when TAB is pressed. The service\n"
        "brings the scripts along; with pipx, uv or pip write the one of your shell to where it looks for them."
    )
    parser.add_argument("shell", choices=tuple(SCRIPTS), help=_("the shell that reads it"))
    parser.add_help_flag()
    parser.epilog = _(
        "examples:\n"
        "  # bash, with the package bash-completion; in a new shell\n"
        "  {program} completion bash > ~/.local/share/bash-completion/completions/{program}\n"
        "  # bash, in ~/.bashrc\n"
        '  eval "$({program} completion bash)"\n'
        "  # zsh, in ~/.zshrc behind compinit\n"
        '  eval "$({program} completion zsh)"\n'
        "  # fish\n"
        "  {program} completion fish > ~/.config/fish/completions/{program}.fish\n\n"
        "exit codes: 0 printed, 2 usage"
    ).format(program=PROGRAM)


def run(arguments: argparse.Namespace) -> int:
    """Print the script; returns the exit code."""
    sys.stdout.write(SCRIPTS[arguments.shell].read_text(encoding="utf-8"))
    return EXIT_OK
