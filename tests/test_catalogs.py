"""Everything that people read is in the catalogs: nothing is missing there, nothing is left over, nothing is unmarked.

The second half of this file proves, on one line of code each, that every rule about the source can fail.
"""

from __future__ import annotations

import ast
import gettext
import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog, Message
from tools import catalogs

from hems_data_collector import errors
from hems_data_collector.cli.messages import PROGRAM
from hems_data_collector.language import ENGLISH, LANGUAGES

SOURCE = catalogs.ROOT / "src" / "hems_data_collector"
JAPANESE = re.compile(r"[ぁ-ヿ一-鿿]")
FIELD = re.compile(r"\{[a-z_0-9]*(?:![rs])?(?::[^{}]*)?\}|%(?:\([a-z_]+\))?[-0-9.]*[a-zA-Z%]")
DEADLINE_S = 30.0

NO_TEXTS = ("echonet", "skstack")
"""Below these errors are for those who know the standards, in their English words (docs/decisions/0013)."""
UNTRANSLATED = frozenset({"DecodeError", "LineError", "FrameError", "PropertyError"})
ERRORS = frozenset(name for name, kind in vars(errors).items() if isinstance(kind, type)) - UNTRANSLATED
PARTS = frozenset({"what", "cause", "remedy"})
SHOWN = frozenset({"help", "description", "epilog", "usage", "title"})


@cache
def catalog(language: str) -> Catalog:
    """The catalog as it is."""
    return catalogs.read(language)


def messages(language: str) -> list[Message]:
    """Every text of a catalog."""
    return [message for message in catalog(language) if message.id]


def texts(message: Message) -> tuple[list[str], list[str]]:
    """The English forms and the translated ones."""
    english = [message.id] if isinstance(message.id, str) else list(message.id)
    translated = [message.string] if isinstance(message.string, str) else list(message.string)
    return english, translated


# --- the catalogs -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("language", catalogs.TRANSLATED)
def test_the_catalog_has_the_texts_of_the_source(language: str) -> None:
    there = {message.id for message in messages(language)}
    wanted = {message.id for message in catalogs.template() if message.id}
    assert (wanted - there, there - wanted) == (set(), set()), "run: make catalogs"


@pytest.mark.parametrize("language", catalogs.TRANSLATED)
def test_every_text_is_translated(language: str) -> None:
    assert catalogs.missing(catalog(language)) == []


@pytest.mark.parametrize("language", catalogs.TRANSLATED)
def test_a_translation_has_the_fields_of_its_text(language: str) -> None:
    wrong = []
    for message in messages(language):
        english, translated = texts(message)
        wanted = FIELD.findall(english[-1])
        for text in translated:
            found = FIELD.findall(text)
            by_place = [field for field in wanted if field[0] == "%" and field[1] != "("]
            in_order = [field for field in found if field[0] == "%" and field[1] != "("]
            if sorted(found) != sorted(wanted) or by_place != in_order:
                wrong.append((english[0], text))
    assert wrong == []


@pytest.mark.parametrize("language", catalogs.TRANSLATED)
def test_a_translation_begins_and_ends_with_the_lines_of_its_text(language: str) -> None:
    def ends(text: str) -> tuple[bool, bool]:
        return text.startswith("\n"), text.endswith("\n")

    pairs = [texts(message) for message in messages(language)]
    assert [english[0] for english, translated in pairs if ends(english[0]) != ends(translated[0])] == []


@pytest.mark.parametrize("language", catalogs.TRANSLATED)
def test_every_file_of_a_catalog_is_made_of_it(language: str) -> None:
    made = catalogs.files(language, catalog(language))
    stale = [path.name for path, data in made.items() if path.suffix != ".mo" and path.read_bytes() != data]
    assert stale == [], "run: make catalogs"
    with catalogs.file_of(language, "mo").open("rb") as file:
        compiled = gettext.GNUTranslations(file)
    for message in messages(language):
        english, translated = texts(message)
        assert compiled.gettext(english[0]) == translated[0] or compiled.ngettext(*english, 2) == translated[0]


def test_every_language_but_english_has_a_catalog() -> None:
    assert {path.name for path in (SOURCE / "locale").iterdir()} == set(LANGUAGES) - {ENGLISH}


# --- the program in each language -------------------------------------------------------------------------------------


def told(language: str, *words: str, until: str = "") -> str:
    """What a command line prints, on either stream; with `until`, it is ended by SIGTERM at a line that matches."""
    command = [sys.executable, "-m", "hems_data_collector", *words]
    environment = {**os.environ, "HEMS_LANG": language, "PYTHONUTF8": "1"}
    environment.pop("LANGUAGE", None)
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, encoding="utf-8"
    ) as program:
        watchdog = threading.Timer(DEADLINE_S, program.kill)
        watchdog.start()
        assert program.stdout is not None
        said = ""
        for line in program.stdout:
            said += line
            if until and re.search(until, line):
                program.send_signal(signal.SIGTERM)
                until = ""
        watchdog.cancel()
    assert 0 <= program.returncode < errors.EXIT_BUG, said
    return said


@pytest.mark.parametrize(
    ("words", "english", "japanese"),
    [
        (("--help",), "where readings go", "使い方: "),
        (("read", "--prt", "x"), 'Did you mean "--port"?', 'もしかして "--port" ですか?'),
        (("status",), "There is no database", "がありません。コレクターがまだ動いたことがない"),
        (("--port", "socket:"), "The port URL has no host", "ポートの URL にホストがない"),
        (("history", "--meter"), "argument --meter: expected one argument", "引数 --meter: 引数が1つ必要です"),
    ],
)
def test_people_are_spoken_to_in_their_language(words: tuple[str, ...], english: str, japanese: str) -> None:
    said = told("ja", *words)
    assert japanese in said
    assert english not in said
    said = told("en", *words)
    assert not JAPANESE.search(said)
    assert english in said


def test_a_run_speaks_the_language_in_its_log_and_afterwards(tmp_path: Path) -> None:
    database = ("--database", str(tmp_path / "hems.db"))
    run = ("--port", "emulator:?fast=1", "--mode", "interval", "-i", "60", *database)
    said = told("ja", *run, until=r"\d W, .* kWh")
    assert "メーターに接続しました（チャネル 33、PAN 12A4）。" in said
    assert "停止しました。" in said
    shown = told("ja", "status", *database)
    assert "コレクター" in shown
    assert "最後の計測" in shown
    said = told("en", *run, until=r"\d W, .* kWh")
    assert "Joined the meter (channel 33, PAN 12A4)." in said
    assert not JAPANESE.search(said + told("en", "status", *database))


def test_a_terminal_without_japanese_characters_gets_their_numbers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONIOENCODING", "ascii")
    said = told("ja", "read", "--help")
    assert "\\u4f7f\\u3044\\u65b9" in said
    assert not JAPANESE.search(said)


def test_a_language_without_texts_is_told_once() -> None:
    said = told("fr", "status")
    assert said.count("HEMS_LANG") == 1
    assert f'{PROGRAM}: HEMS_LANG="fr" names no language with texts here. Possible are: en, ja.' in said


def test_the_settings_file_names_the_language_of_the_log(tmp_path: Path) -> None:
    settings = tmp_path / "config.toml"
    settings.write_text('language = "ja"\n', encoding="utf-8")
    database = tmp_path / "hems.db"
    run = ("--config", str(settings), "--port", "emulator:?fast=1", "--database", str(database))
    assert "停止しました。" in told("", *run, until="メーターに接続しました")


@pytest.mark.parametrize(("language", "words"), [("ja", "すべてを削除"), ("en", "removes everything")])
def test_the_service_manager_speaks_it_too(language: str, words: str) -> None:
    for variables in ({"HEMS_LANG": language, "LANG": "C.UTF-8"}, {"LANG": f"{language}_XX.UTF-8"}):
        environment = {"PATH": os.environ["PATH"], **variables}
        shown = subprocess.check_output([catalogs.SHELL, "--help"], env=environment, encoding="utf-8")
        assert words in shown


# --- nothing is unmarked ----------------------------------------------------------------------------------------------


def is_text(node: ast.expr | None) -> bool:
    """Whether this is a text with words in it, written down on the spot."""
    if isinstance(node, ast.IfExp):
        return is_text(node.body) or is_text(node.orelse)
    parts = node.values if isinstance(node, ast.JoinedStr) else [node]
    found = [part.value for part in parts if isinstance(part, ast.Constant) and isinstance(part.value, str)]
    return any(re.search("[A-Za-z]{2}", text) for text in found)


def name_of(call: ast.Call) -> str:
    """The last word of what is called."""
    return call.func.id if isinstance(call.func, ast.Name) else getattr(call.func, "attr", "")


def unmarked(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Texts for people that no catalog can have: of errors, of argparse, and templates of the log that are made up."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            given = {word.arg: word.value for word in node.keywords}
            if name_of(node) in ERRORS:
                first = [("what", node.args[0])] if node.args else []
                for part, value in [*first, *given.items()]:
                    if part in PARTS and is_text(value):
                        yield node.lineno, f"{part} of an error is in no catalog"
            if name_of(node) in ("add_argument", "add_argument_group", "ArgumentParser", "Setting", "CoreSetting"):
                shown = [value for word, value in given.items() if word in SHOWN]
                if any(is_text(value) for value in [*shown, *(node.args[:1] if "group" in name_of(node) else [])]):
                    yield node.lineno, "a text of the help is in no catalog"
        elif isinstance(node, ast.Assign) and getattr(node.targets[0], "attr", "") in SHOWN and is_text(node.value):
            yield node.lineno, "a text of the help is in no catalog"
    yield from (
        (line, "the template of a log line is no constant")
        for line, template in catalogs.log_templates(tree)
        if template is None
    )


def too_early(tree: ast.AST, *, inside: bool = False) -> Iterator[tuple[int, str]]:
    """Texts that are looked up when the module is imported, before the settings can name a language."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.Call) and name_of(node) == "_" and not inside:
            yield node.lineno, "looked up at import; mark it with N_ and look it up where it is shown"
        within = inside or isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
        yield from too_early(node, inside=within)


def shadowed(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Functions that look a text up and use the name `_` for something else too: there it is no function."""
    for function in ast.walk(tree):
        if not isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            continue
        arguments = function.args
        taken = {each.arg for each in (*arguments.args, *arguments.kwonlyargs, *arguments.posonlyargs)}
        taken |= {each.arg for each in (arguments.vararg, arguments.kwarg) if each is not None}
        body = list(ast.walk(function))
        taken |= {node.id for node in body if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
        if "_" in taken and any(isinstance(node, ast.Call) and name_of(node) == "_" for node in body):
            yield function.lineno, "uses _ for something else than texts"


def found_in(source: str) -> list[str]:
    """Everything that is wrong with a file, one line each."""
    tree = ast.parse(source)
    return [f"{line}: {what}" for rule in (unmarked, too_early, shadowed) for line, what in rule(tree)]


def test_no_text_for_people_is_unmarked() -> None:
    found: dict[str, list[str]] = {}
    for path in catalogs.sources():
        name = str(path.relative_to(catalogs.ROOT))
        below = path.relative_to(SOURCE).parts[0] if path.is_relative_to(SOURCE) else ""
        if below not in NO_TEXTS and below != "errors.py" and path.parent.name != "tools":
            found[name] = found_in(path.read_text(encoding="utf-8"))
    assert {name: faults for name, faults in found.items() if faults} == {}
    assert len(found) > 20, "the rules above were checked on next to nothing"


BAD: Mapping[str, str] = {
    "an error": 'raise PortLost("The port went away.")',
    "an error in a made-up sentence": 'raise errors.PortLost(f"The port {url} went away.", cause=N_("x"))',
    "the cause of an error": 'raise PortLost(N_("x"), cause="It was unplugged." if gone else "")',
    "the help of a flag": 'parser.add_argument("--json", help="one JSON object")',
    "the title of a group": 'parser.add_argument_group("where readings go")',
    "the help of a setting": 'CoreSetting(name="port", flag="--port", help="the stick")',
    "a description": 'parser.description = "Reads the meter."',
    "a log line": 'log.info(f"Joined {meter}.")',
    "a log line with a level": "log.log(level, text)",
    "a table": 'TABLE = {1: _("one")}',
    "a loop": 'def f():\n    for _ in range(3):\n        raise PortLost(_("x"))',
    "an argument": 'def f(_):\n    return _("x")',
}


@pytest.mark.parametrize("case", BAD)
def test_each_rule_can_fail(case: str) -> None:
    assert len(found_in(BAD[case])) == 1, found_in(BAD[case])


def test_what_is_allowed_is_not_reported() -> None:
    good = """
TABLE = {1: N_("one")}
def f(code):
    log.debug(f"line {code}")
    log.info("Joined %s.", code)
    log.warning("%s", code)
    raise FrameError(f"The byte is {code}.")
def g(error):
    raise ConfigError(error.what, setting="port", cause="", remedy=_("Correct it."))
"""
    assert found_in(good) == []
