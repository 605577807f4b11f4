"""The man page, from the parsers and tables that `--help` and the documents come from, in each language."""

from __future__ import annotations

import argparse
import itertools
import re
import tomllib
from collections.abc import Iterable, Iterator, Sequence
from gettext import gettext as _
from pathlib import Path
from typing import Final, NamedTuple

from tools import roff
from tools.command_tree import actions, tree
from tools.word_tables import CODES, Words, exit_codes

from hems_data_collector import cli, language
from hems_data_collector.cli.messages import PROGRAM
from hems_data_collector.settings_table import settings_table

PROJECT: Final = Path(__file__).parent.parent / "pyproject.toml"

TITLES: Final = {
    "name": Words("NAME", "名前"),
    "synopsis": Words("SYNOPSIS", "書式"),
    "description": Words("DESCRIPTION", "説明"),
    "options": Words("OPTIONS", "オプション"),
    "verbs": Words("VERBS", "サブコマンド"),
    "environment": Words("ENVIRONMENT", "環境変数"),
    "files": Words("FILES", "ファイル"),
    "exit": Words("EXIT STATUS", "終了ステータス"),
    "examples": Words("EXAMPLES", "使用例"),
    "see": Words("SEE ALSO", "関連項目"),
}
TAGLINE: Final = Words("reads a Japanese smart meter over the B-route", "スマートメーターをBルートで読み取る")
MANUAL: Final = Words("User Commands", "ユーザーコマンド")
AS_ABOVE: Final = Words("Also, as above: {flags}.", "上記のうち次のものも使えます: {flags}")

VARIABLES: Final = {
    "B_ROUTE_ID_FILE": Words("a file that holds the B-route id", "Bルート IDを書いたファイル"),
    "B_ROUTE_PASSWORD_FILE": Words("a file that holds the B-route password", "Bルートのパスワードを書いたファイル"),
    language.VARIABLE: Words(
        "the language of what people read, `en` or `ja`; else the locale decides (`LANG` and the like)",
        "表示の言語（`en` または `ja`）。なければロケール（`LANG` など）に従います",
    ),
    "NO_COLOR": Words("whatever its value: no colours", "値にかかわらず、色を使いません"),
}
"""Variables that are no setting."""

FILES: Final = {
    ".env": Words("settings as variables, of the current folder", "カレントフォルダーの設定（環境変数の形）"),
    f"$XDG_CONFIG_HOME/{PROGRAM}/config.toml": Words(
        f"settings in TOML; without the variable in `~/.config/{PROGRAM}`",
        f"TOML の設定。変数がなければ `~/.config/{PROGRAM}`",
    ),
    f"/etc/{PROGRAM}/config.toml": Words(
        "settings in TOML, where there are none of the user's own; those of the service",
        "TOML の設定（ユーザー自身の設定がないとき）。サービスの設定でもあります",
    ),
    f"/etc/{PROGRAM}/credentials/": Words(
        "B-route id and password of the service, for root alone",
        "サービスのBルート IDとパスワード（root だけが読めます）",
    ),
    "hems.db": Words(
        "readings and half hours; in `$STATE_DIRECTORY`, else in"
        f" `$XDG_STATE_HOME/{PROGRAM}`, else in `~/.local/state/{PROGRAM}`",
        f"計測値と30分値。`$STATE_DIRECTORY`、`$XDG_STATE_HOME/{PROGRAM}`、`~/.local/state/{PROGRAM}` の順に決まります",
    ),
    "hems.db.live": Words(
        "the socket beside it on which a running collector tells `status` how it is doing",
        "動いているコレクターの状態を `status` に伝えるソケット（データベースの隣）",
    ),
    "hems_data.dat": Words("what the output `file` writes, by default", "出力先 `file` の既定の書き込み先"),
    f"/var/lib/{PROGRAM}/": Words("database and output file of the service", "サービスのデータベースと出力ファイル"),
}


class Parts(NamedTuple):
    """What a help has behind its flags: paragraphs of prose, and listings with the line above each."""

    prose: Sequence[str]
    listings: Sequence[tuple[str, Sequence[str]]]


def page(code: str) -> str:
    """The man page in a language of the program: roff in UTF-8."""
    language.use(code)
    try:
        return roff.breakable("".join(_sections(tree(), language.LANGUAGES.index(code))))
    finally:
        language.use(language.ENGLISH)


def _sections(root: argparse.ArgumentParser, number: int) -> Iterator[str]:
    title = {name: roff.heading(words[number]) for name, words in TITLES.items()}
    version = tomllib.loads(PROJECT.read_text(encoding="utf-8"))["project"]["version"]
    yield '.\\" -*- coding: utf-8 -*-\n.\\" Written by tools/man_page.py: make docs\n'
    yield f'.TH {roff.escaped(PROGRAM.upper())} 1 "" "{roff.escaped(PROGRAM)} {version}" "{MANUAL[number]}"\n'
    yield ".nh\n.ad l\n"
    yield title["name"] + f"{roff.escaped(PROGRAM)} \\- {roff.escaped(TAGLINE[number])}\n"
    yield title["synopsis"] + _synopsis()
    yield title["description"] + _prose(root.description or "")
    yield title["options"] + "".join(_groups(root))
    yield title["verbs"] + "".join(_verbs(root, number))
    parts = _parts(root.epilog or "")
    yield title["environment"] + "".join(_prose(text) for text in parts.prose) + "".join(_variables(number))
    yield title["files"]
    yield from (roff.item(roff.bold(path), roff.marked(words[number])) for path, words in FILES.items())
    yield title["exit"]
    yield from (roff.item(roff.bold(str(exit)), roff.marked(CODES[exit][number])) for exit in exit_codes())
    yield title["examples"] + "".join(
        _listings(("", lines) for title, lines in parts.listings if title == _("examples:"))
    )
    yield title["see"] + "\\fBsystemctl\\fR(1), \\fBjournalctl\\fR(1)\n"


def _synopsis() -> str:
    name, rest = roff.bold(PROGRAM), " [\\fIARGUMENT\\fR ...]"
    return f"{name} [\\fIFLAG\\fR ...]\n.br\n{name} \\fIVERB\\fR{rest}\n"


def _groups(parser: argparse.ArgumentParser) -> Iterator[str]:
    for title, group in actions(parser):
        if not any(isinstance(action, argparse._SubParsersAction) for action in group):
            yield (roff.subheading(title) if title else "") + "".join(_option(parser, action) for action in group)


def _option(parser: argparse.ArgumentParser, action: argparse.Action) -> str:
    return roff.item(_tag(action), roff.escaped(roff.joined(_help(parser, action))))


def _help(parser: argparse.ArgumentParser, action: argparse.Action) -> str:
    return parser._get_formatter()._expand_help(action) if action.help else ""


def _tag(action: argparse.Action) -> str:
    """The names of a flag and what stands behind it."""
    names = ", ".join(roff.bold(flag) for flag in action.option_strings)
    if action.nargs == 0:
        return names
    value = roff.italic(_metavar(action))
    if action.nargs in ("+", "*") and action.option_strings:
        value += " ..."
    elif action.nargs == "?":
        value = f"[{value}]"
    return f"{names} {value}".strip()


def _metavar(action: argparse.Action) -> str:
    if isinstance(action.metavar, str):
        return action.metavar
    return "|".join(map(str, action.choices)) if action.choices else action.dest.upper()


def _verbs(root: argparse.ArgumentParser, number: int) -> Iterator[str]:
    (verbs,) = (action for action in root._actions if isinstance(action, argparse._SubParsersAction))
    above = {_signature(root, action) for action in root._actions}
    for verb, parser in verbs.choices.items():
        yield roff.subheading(verb)
        yield _prose(_(cli.module_of(verb).HELP) if verb == cli.DEFAULT_VERB else parser.description or "")
        if verb != cli.DEFAULT_VERB:
            yield from _verb(parser, above, number)


def _verb(parser: argparse.ArgumentParser, above: set[str], number: int) -> Iterator[str]:
    own = [action for _title, group in actions(parser) for action in group]
    known = [action for action in own if _signature(parser, action) in above and action.dest != "help"]
    yield from (_option(parser, action) for action in own if action not in known and action.dest != "help")
    if known:
        flags = ", ".join(roff.bold(action.option_strings[-1]) for action in known)
        yield ".PP\n" + roff.escaped(AS_ABOVE[number]).format(flags=flags) + "\n"
    parts = _parts(parser.epilog or "")
    yield from _listings(parts.listings)
    yield from (_prose(text) for text in parts.prose)


def _signature(parser: argparse.ArgumentParser, action: argparse.Action) -> str:
    return f"{action.option_strings} {_help(parser, action)}"


def _variables(number: int) -> Iterator[str]:
    for row in settings_table():
        if row.environment:
            yield roff.item(roff.bold(row.environment), roff.escaped(roff.joined(_(row.help))))
    yield from (roff.item(roff.bold(name), roff.marked(words[number])) for name, words in VARIABLES.items())


def _parts(text: str) -> Parts:
    """Take the text behind the flags apart: indented lines are listings, with the line before them as their title."""
    prose: list[str] = []
    listings: list[tuple[str, Sequence[str]]] = []
    for block in re.split(r"\n\s*\n", text.strip("\n")):
        lines = block.split("\n")
        for indented, run in itertools.groupby(lines, key=lambda line: line.startswith(" ")):
            if indented:
                listings.append((prose.pop() if prose and prose[-1].endswith(":") else "", list(run)))
            else:
                prose.append("\n".join(run))
    return Parts(prose, listings)


def _listings(parts: Iterable[tuple[str, Sequence[str]]]) -> Iterator[str]:
    for title, lines in parts:
        yield _prose(title) if title else ""
        margin = min(len(line) - len(line.lstrip()) for line in lines)
        yield roff.listing(line[margin:] for line in lines)


def _prose(text: str) -> str:
    return f".PP\n{roff.escaped(roff.joined(text))}\n"
