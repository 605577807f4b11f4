"""Shells on a terminal: what a line becomes when TAB is pressed at its end and then Enter."""

from __future__ import annotations

import os
import pty
import re
import select
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final, Self

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
    with _Terminal(command, folder) as terminal:
        terminal.type(start.format(script=SCRIPTS[shell], folder=SCRIPTS[shell].parent) + _FUNCTION)
        terminal.type(f"{PROGRAM} ready\n")
        terminal.result()
        results = []
        for line in lines:
            terminal.type(f"{PROGRAM} {line}\t\n")
            results.append(terminal.result())
    return results


class _Terminal:
    """A shell on a terminal of its own, in `folder`; ends with the `with` block."""

    def __init__(self, command: Sequence[str], folder: Path) -> None:
        self._outer, inner = pty.openpty()
        environ = {"PATH": os.environ["PATH"], "HOME": str(folder), "TERM": "dumb", "LANG": "C.UTF-8"}
        self._process = subprocess.Popen(
            command, stdin=inner, stdout=inner, stderr=inner, cwd=folder, env=environ, start_new_session=True
        )
        os.close(inner)
        self._unread = ""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()
        os.close(self._outer)

    def type(self, text: str) -> None:
        """Press these keys."""
        os.write(self._outer, text.encode())

    def result(self) -> list[str]:
        """The words of the next command that was run; TimeoutError where none comes."""
        while (found := re.search(rf"^{_MARK}<(.*)>\n", self._unread, re.MULTILINE)) is None:
            if not select.select([self._outer], [], [], DEADLINE_S)[0]:
                raise TimeoutError(self._unread)
            self._unread += os.read(self._outer, 65536).decode(errors="replace").replace("\r", "")
        self._unread = self._unread[found.end() :]
        return found[1].split("><")


def _by_fish(line: str, folder: Path) -> list[str]:
    """The words of `line`, the last one as fish completes it; it stays where there are several candidates or none."""
    asked = f"source {SCRIPTS['fish']}; complete -C '{PROGRAM} {line}'"
    done = subprocess.run(
        ["fish", "--no-config", "-c", asked], cwd=folder, capture_output=True, text=True, timeout=DEADLINE_S, check=True
    )
    candidates = [row.partition("\t")[0] for row in done.stdout.splitlines()]
    words = line.split()
    return [*words[:-1], candidates[0]] if len(candidates) == 1 else words
