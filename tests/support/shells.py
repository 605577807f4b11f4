"""Shells on a terminal: what a line becomes when TAB is pressed at its end and then Enter."""

from __future__ import annotations

import os
import pty
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from hems_data_collector.cli.completion import SCRIPTS

PROGRAM: Final = "hems-data-collector"
DEADLINE_S: Final = 30.0
_MARK: Final = "result:"
_FUNCTION: Final = f"{PROGRAM}() {{ printf '{_MARK}'; printf '<%s>' \"$@\"; echo; }}\n"

STARTS: Final[Mapping[str, tuple[Sequence[str], str]]] = {
    "bash": (("bash", "--norc", "--noprofile", "-i"), "PS1=; source {script}\n"),
    "zsh": (("zsh", "-f", "-i"), "PS1=; fpath=({folder} $fpath); autoload -Uz compinit; compinit -D -u\n"),
}
"""How a shell is started without anybody's own settings, and what it is told first."""


def completed(shell: str, lines: Sequence[str], folder: Path) -> list[list[str]]:
    """For each of `lines` the words behind the program's name after TAB, in `folder`."""
    assert shutil.which(shell), f"{shell} is missing: apt-get install {shell}"
    if shell == "fish":
        return [_by_fish(line, folder) for line in lines]
    command, start = STARTS[shell]
    typed = start.format(script=SCRIPTS[shell], folder=SCRIPTS[shell].parent) + _FUNCTION
    typed += "".join(f"{PROGRAM} {line}\t\n" for line in lines) + "exit\n"
    said = _on_terminal(command, typed, folder)
    results = [line.partition(_MARK)[2] for line in said.splitlines() if line.startswith(_MARK + "<")]
    return [result.removeprefix("<").removesuffix(">").split("><") for result in results]


def _on_terminal(command: Sequence[str], typed: str, folder: Path) -> str:
    """All that `command` prints on a terminal of its own while `typed` is typed."""
    outer, inner = pty.openpty()
    environ = {"PATH": os.environ["PATH"], "HOME": str(folder), "TERM": "dumb", "LANG": "C.UTF-8"}
    with subprocess.Popen(
        command, stdin=inner, stdout=inner, stderr=inner, cwd=folder, env=environ, start_new_session=True
    ) as process:
        os.close(inner)
        os.write(outer, typed.encode())
        said = bytearray()
        try:
            while part := os.read(outer, 65536):
                said += part
        except OSError:  # the shell has ended
            pass
        process.wait(DEADLINE_S)
    os.close(outer)
    return said.decode(errors="replace").replace("\r", "")


def _by_fish(line: str, folder: Path) -> list[str]:
    """The words of `line`, the last one as fish completes it; it stays where there are several candidates or none."""
    asked = f"source {SCRIPTS['fish']}; complete -C '{PROGRAM} {line}'"
    done = subprocess.run(
        ["fish", "--no-config", "-c", asked], cwd=folder, capture_output=True, text=True, timeout=DEADLINE_S, check=True
    )
    candidates = [row.partition("\t")[0] for row in done.stdout.splitlines()]
    words = line.split()
    return [*words[:-1], candidates[0]] if len(candidates) == 1 else words
