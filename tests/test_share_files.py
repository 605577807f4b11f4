"""The man page and the completions say what the program takes today, and man(1) has nothing to complain of."""

from __future__ import annotations

import argparse
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from tools import man_page, roff, share_files
from tools.command_tree import tree

from hems_data_collector import cli, errors
from hems_data_collector.cli.completion import SHARE
from hems_data_collector.settings_table import environment_names

LINT_DEADLINE_S = 30.0


@pytest.fixture(scope="module")
def made() -> dict[Path, str]:
    return dict(share_files.files())


def typed(page: str) -> str:
    """The page as a reader sees its words: fonts and escapes taken away."""
    plain = re.sub(r"\\f[BIR]|\\:|\\&", "", page)
    return plain.replace(r"\-", "-").replace(r"\(aq", "'").replace(r"\e", "\\")


def test_every_file_is_as_it_would_be_written_today(made: dict[Path, str]) -> None:
    stale = [path.name for path, text in made.items() if not path.exists() or path.read_text("utf-8") != text]
    assert stale == [], "run: make docs"


def test_there_is_no_file_that_nobody_writes(made: dict[Path, str]) -> None:
    assert {path for path in SHARE.rglob("*") if path.is_file()} == set(made)


@pytest.mark.parametrize("language", share_files.PAGES)
def test_the_page_names_every_verb_flag_variable_and_exit_code(language: str, made: dict[Path, str]) -> None:
    page = typed(made[share_files.PAGES[language]])
    (verbs,) = (action for action in tree()._actions if isinstance(action, argparse._SubParsersAction))
    flags = {flag for parser in verbs.choices.values() for action in parser._actions for flag in action.option_strings}
    assert [verb for verb in cli.VERBS if f'.SS "{verb}"\n' not in page] == []
    assert [flag for flag in flags if flag not in page] == []
    assert [name for name in environment_names() if f".TP\n{name}\n" not in page] == []
    codes = {value for name, value in vars(errors).items() if name.startswith("EXIT_")}
    assert [code for code in codes if f".TP\n{code}\n" not in page] == []


@pytest.mark.parametrize("language", share_files.PAGES)
def test_groff_and_man_have_no_complaint(language: str, made: dict[Path, str], tmp_path: Path) -> None:
    page = tmp_path / "page.1"
    page.write_text(made[share_files.PAGES[language]], encoding="utf-8")
    environ = {"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8", "MANWIDTH": "80"}
    for command in (
        ["groff", "-man", "-Tutf8", "-Kutf8", "-ww", "-z", str(page)],
        ["man", "--warnings", "-E", "UTF-8", "-P", "cat", "-l", str(page)],
    ):
        if shutil.which(command[0]) is None:
            pytest.skip(f"{command[0]} is missing: apt-get install man-db")
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, text=True, env=environ, timeout=LINT_DEADLINE_S
        )
        assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("language", share_files.PAGES)
def test_apropos_reads_the_line_of_the_name(language: str, made: dict[Path, str], tmp_path: Path) -> None:
    if shutil.which("lexgrog") is None:
        pytest.skip("lexgrog is missing: apt-get install man-db")
    page = tmp_path / "page.1"
    page.write_text(made[share_files.PAGES[language]], encoding="utf-8")
    done = subprocess.run(
        ["lexgrog", "-E", "UTF-8", page], capture_output=True, text=True, env={"LC_ALL": "C.UTF-8"}, check=True
    )
    tagline = man_page.TAGLINE[list(share_files.PAGES).index(language)]
    assert done.stdout == f'{page}: "hems-data-collector - {tagline}"\n'


def test_the_pages_differ_in_language_only(made: dict[Path, str]) -> None:
    pages = [typed(made[path]) for path in share_files.PAGES.values()]
    tags = [re.findall(r"^\.TP\n(-.*|[A-Z_]+|\d+)$", page, re.MULTILINE) for page in pages]
    assert tags[0] == tags[1]
    assert pages[0] != pages[1]


def test_what_is_special_to_roff_is_printed_as_it_is() -> None:
    assert roff.escaped(".profile\n'a' -x \\n ~ ^ `b`") == (
        "\\&.profile\n\\&\\(aqa\\(aq \\-x \\en \\(ti \\(ha \\(gab\\(ga"
    )


def test_lines_may_end_between_japanese_characters_where_japanese_lets_them() -> None:
    assert roff.breakable("「値」です。") == "「値」\\:で\\:す。"
    assert roff.breakable("値: 1（秒）") == "値: 1\\:（秒）"
    assert roff.joined("値を\n読む and\nwrite") == "値を読む and write"
