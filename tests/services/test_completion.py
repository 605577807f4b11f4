"""TAB in real shells: verbs, flags and values of the program are completed, without the program being started."""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from tools.command_tree import tree

from hems_data_collector import cli
from hems_data_collector.cli.completion import SCRIPTS
from support.shells import PROGRAM, completed

pytestmark = pytest.mark.services

LINES = {
    "st": ["status"],
    "dead-let": ["dead-letters"],
    "--webhook-u": ["--webhook-url"],
    "status --js": ["status", "--json"],
    "--port emulator: --deb": ["--port", "emulator:", "--debug"],
    "-o web": ["-o", "webhook"],
    "-o stdout --format js": ["-o", "stdout", "--format", "json"],
    "--mode int": ["--mode", "interval"],
    "replay --output web": ["replay", "--output", "webhook"],
    "export half": ["export", "half-hours"],
    "dead-letters rep": ["dead-letters", "replay"],
    "completion fi": ["completion", "fish"],
    "emulate --module bp35a": ["emulate", "--module", "bp35a1"],
    "emulate --fault ev29-not": ["emulate", "--fault", "ev29-nothing"],
    "history --day yes": ["history", "--day", "yesterday"],
    "--local-timezone Asia/Tok": ["--local-timezone", "Asia/Tokyo"],
    "--port emu": ["--port", "emulator:"],
    "--port=emu": ["--port=emulator:"],
    "--port replay:mete": ["--port", "replay:meter.txt"],
    "record mete": ["record", "meter.txt"],
    "--file wo": ["--file", "words with spaces"],
    "nonsen": ["nonsen"],
}
"""What is typed before TAB, and the words that the program gets."""


@pytest.mark.parametrize("shell", SCRIPTS)
def test_what_is_begun_is_completed(shell: str, tmp_path: Path) -> None:
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is missing: apt-get install {shell}")
    (tmp_path / "meter.txt").touch()
    (tmp_path / "words with spaces").touch()
    found = completed(shell, list(LINES), tmp_path)
    assert dict(zip(LINES, found, strict=True)) == LINES


def test_every_flag_of_every_verb_is_offered() -> None:
    (verbs,) = (action for action in tree()._actions if isinstance(action, argparse._SubParsersAction))
    expected = {
        verb: {flag for action in parser._actions for flag in action.option_strings}
        for verb, parser in verbs.choices.items()
    }
    ask = (
        f'for verb in "$@"; do COMP_WORDS=({PROGRAM} "$verb" -) COMP_CWORD=2 COMP_LINE="{PROGRAM} $verb -"; '
        '_hems_data_collector; echo "${COMPREPLY[@]}"; done'
    )
    done = subprocess.run(
        ["bash", "-c", f"source {SCRIPTS['bash']}; {ask}", "bash", *cli.VERBS],
        capture_output=True,
        text=True,
        check=True,
    )
    assert dict(zip(cli.VERBS, (set(line.split()) for line in done.stdout.splitlines()), strict=True)) == expected


@pytest.mark.parametrize("shell", SCRIPTS)
def test_the_verb_prints_the_script(shell: str) -> None:
    program = Path(sys.executable).with_name(PROGRAM)
    done = subprocess.run([program, "completion", shell], capture_output=True, text=True, check=True)
    assert done.stdout == SCRIPTS[shell].read_text(encoding="utf-8")


def test_the_script_for_bash_has_no_complaint_of_shellcheck() -> None:
    if shutil.which("shellcheck") is None:
        pytest.skip("shellcheck is missing: apt-get install shellcheck")
    own = sorted((Path(__file__).parents[2] / "tools" / "completions").glob("*.bash"))
    assert len(own) > 2
    done = subprocess.run(["shellcheck", "--shell=bash", *own], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "")
