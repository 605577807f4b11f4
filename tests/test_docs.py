"""The documents say what the code does: tables, names, links and examples.

Every `sh` block is read; a line that begins with the program's name is an example and must be a command line that the
program takes. Examples on the fast emulator, and those of verbs without a radio, are run as printed.
"""

from __future__ import annotations

import ast
import itertools
import json
import os
import re
import shlex
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from tools import data_path, demo, doc_tables, recovery_tables
from tools.recovery_ja import LOGS_JA

from hems_data_collector import cli, errors
from hems_data_collector.cli.arguments import Parser, given
from hems_data_collector.config import load_settings
from hems_data_collector.diagnosis.kinds import KINDS
from hems_data_collector.emulator.settings import EmulatorSettings
from hems_data_collector.link.counters import LinkCounters
from hems_data_collector.meter.client import ClientCounters
from hems_data_collector.outputs import FORMATS, OUTPUTS
from hems_data_collector.readings import HALF_HOUR_KEYS, METER_KEY, RECORD_KEYS
from hems_data_collector.settings_table import environment_names, settings_table
from support.recoveries import RECOVERIES
from test_layers import LEVELS

ROOT = Path(__file__).parent.parent
DOCUMENTS = {str(path.relative_to(ROOT)): path.read_text(encoding="utf-8") for path in doc_tables.documents()}
ALL_TEXT = "\n".join(DOCUMENTS.values())
PROGRAM = "hems-data-collector"
FOLDERS = ("docs", "docs/ja")
"""The documents in English and in Japanese."""

SAMPLE_CREDENTIALS = {"B_ROUTE_ID": "00112233445566778899AABBCCDDEEFF", "B_ROUTE_PASSWORD": "0123456789AB"}
EXAMPLE_DEADLINE_S = 30.0
SHELL_END = re.compile(r"[|<&;]|[0-9]?>")
"""How a word begins that ends the words of a command in a shell."""

HURRIED = "import time; sleep = time.sleep; time.sleep = lambda seconds: sleep(min(seconds, 0.05))\n"
"""Before a Python example: momonga pauses for five seconds between its requests, which the emulator does not need."""


class Block(NamedTuple):
    """One fenced block: its language and its lines."""

    document: str
    language: str
    text: str


def blocks(language: str) -> Iterator[Block]:
    """Every fenced block in `language`, document by document."""
    for document, text in DOCUMENTS.items():
        for match in re.finditer(r"^```(\w+)\n(.*?)^```", text, re.MULTILINE | re.DOTALL):
            if match[1] == language:
                yield Block(document, match[1], match[2])


def examples() -> list[tuple[str, ...]]:
    """The words of every command line of the program in documents and demo, what follows in a pipe left out."""
    found = set()
    for text in (*(block.text for block in blocks("sh")), demo.NEXT):
        for line in text.splitlines():
            if line.strip().startswith(PROGRAM):
                words = shlex.split(line, comments=True)
                found.add(tuple(itertools.takewhile(lambda word: not SHELL_END.match(word), words[1:])))
    return sorted(found)


def verb_of(words: tuple[str, ...]) -> str:
    """The verb that a command line names or means."""
    return words[0] if words and words[0] in cli.VERBS else cli.DEFAULT_VERB


def parser_of(verb: str) -> Parser:
    """The program's own parser for `verb`."""
    parser = Parser(f"{PROGRAM} {verb}")
    cli.module_of(verb).add_arguments(parser)
    return parser


# --- tables -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("document", DOCUMENTS)
def test_generated_tables_are_up_to_date(document: str) -> None:
    assert doc_tables.written(DOCUMENTS[document]) == DOCUMENTS[document], "run: make docs"


def test_every_generated_table_is_shown_somewhere() -> None:
    assert doc_tables.used() == set(doc_tables.TABLES)


def test_the_pictures_are_up_to_date_and_show_every_output() -> None:
    assert {path: path.read_text(encoding="utf-8") for path in data_path.files()} == data_path.files(), "run: make docs"
    for picture in data_path.files().values():
        assert [name for name in OUTPUTS if f">{name}<" not in picture] == []


def test_a_table_that_fell_behind_is_noticed() -> None:
    stale = "<!-- table: formats -->\n| format |\n<!-- end -->\n"
    assert "`yaml`" in doc_tables.written(stale)


# --- names ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("verb", cli.VERBS)
@pytest.mark.parametrize("folder", FOLDERS)
def test_every_verb_and_its_flags_are_described(verb: str, folder: str) -> None:
    flags = [flag for action in parser_of(verb)._actions for flag in action.option_strings]
    named = DOCUMENTS[f"{folder}/cli.md"]
    described = named + DOCUMENTS[f"{folder}/configuration.md"] + DOCUMENTS["docs/emulator.md"]
    assert f"`{verb}`" in named
    assert [flag for flag in flags if f"`{flag}`" not in described and f"`{flag} " not in described] == []


@pytest.mark.parametrize("readme", ["README.md", "README_JP.md"])
def test_the_readmes_name_every_setting(readme: str) -> None:
    text = DOCUMENTS[readme]
    names = [name for row in settings_table() for name in (row.flag, row.environment) if name]
    assert [name for name in names if f"`{name}`" not in text] == []
    assert [key for key in RECORD_KEYS if f"`{key}`" not in text] == []


@pytest.mark.parametrize("folder", FOLDERS)
def test_every_variable_output_format_and_key_is_described(folder: str) -> None:
    pages = {name: DOCUMENTS[f"{folder}/{name}.md"] for name in ("configuration", "outputs", "record")}
    names = [*environment_names(), *OUTPUTS, *FORMATS, *RECORD_KEYS]
    assert [name for name in names if f"`{name}`" not in "".join(pages.values())] == []
    assert [name for name in OUTPUTS if f"## {name}\n" not in pages["outputs"]] == []
    assert [key for key in (*RECORD_KEYS, *HALF_HOUR_KEYS, METER_KEY) if f"| `{key}` |" not in pages["record"]] == []


@pytest.mark.parametrize("folder", FOLDERS)
def test_every_exit_code_is_described(folder: str) -> None:
    codes = {value for name, value in vars(errors).items() if name.startswith("EXIT_")} | {cli.EXIT_INTERRUPTED}
    rows = re.findall(r"^\| (\d+) \|", DOCUMENTS[f"{folder}/cli.md"], re.MULTILINE)
    assert {int(row) for row in rows} == codes


def test_the_architecture_shows_every_part_at_its_level() -> None:
    rows = dict(re.findall(r"^\| L(\d) \| (.*?) \|", DOCUMENTS["docs/architecture.md"], re.MULTILINE))
    parts = {part: level for part, level in LEVELS.items() if not part.startswith(("__", "settings_"))}
    assert [part for part, level in parts.items() if not re.search(rf"`{part}/?`", rows[str(level)])] == []
    assert "`settings_*`" in rows[str(LEVELS["settings_table"])]


def test_every_verb_of_make_is_described() -> None:
    verbs = re.findall(r"^([a-z]+):.*## ", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    assert {"demo", "test", "check", "bench"} < set(verbs)
    assert [verb for verb in verbs if verb != "help" and f"`make {verb}`" not in DOCUMENTS["CONTRIBUTING.md"]] == []


def texts_of_the_program() -> str:
    """Every string in the source, those in pieces put together, and what is filled in later left out."""
    found = []
    for path in (ROOT / "src").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                found.append(node.value)
            elif isinstance(node, ast.JoinedStr):
                found.append(
                    "".join(str(part.value) if isinstance(part, ast.Constant) else "{}" for part in node.values)
                )
    return "\n".join(found)


def test_the_quoted_log_messages_are_those_of_the_program() -> None:
    cells = re.findall(r"^\| ([^|]*) \|", DOCUMENTS["docs/troubleshooting.md"], re.MULTILINE)
    quoted = [quote for cell in cells for quote in re.findall(r"`([^`]+ [^`]+)`", cell)]
    texts = texts_of_the_program()
    assert len(quoted) > 30
    assert [quote for quote in quoted if quote not in texts] == []


@pytest.mark.parametrize(("document", "language"), [("docs/first-run.md", "en"), ("docs/ja/first-run.md", "ja")])
def test_what_doctor_prints_in_the_documents_is_what_it_can_print(document: str, language: str) -> None:
    _ = doc_tables.words(language)
    possible = [re.sub(r"\\\{\w+\\\}", ".+", re.escape(_(kind.what))) for kind in KINDS.values() if kind.what]
    (printed,) = [block.text for block in blocks("text") if block.document == document and "-49 dBm" in block.text]
    findings = [re.split(r"\s{2,}", line)[2] for line in printed.splitlines()]
    assert len(findings) == 9
    assert [line for line in findings if not any(re.fullmatch(pattern, line) for pattern in possible)] == []


@pytest.mark.parametrize("document", ["docs/recovery.md", "docs/ja/recovery.md"])
def test_every_recovery_and_every_counter_is_described(document: str) -> None:
    text = DOCUMENTS[document]
    names = {*LinkCounters().as_dict(), *ClientCounters().as_dict(), "malformed_values"}
    assert [name for name in names if f"`{name}`" not in text] == []
    lines = [row.log if document == "docs/recovery.md" else LOGS_JA[row.log] for row in RECOVERIES if row.log]
    assert [line for line in lines if f"`{line}`" not in text] == []


def test_what_was_measured_is_within_the_bounds() -> None:
    times = recovery_tables.measured()
    assert {row.name for row in RECOVERIES} == set(times), "run: python -m tools.recovery_tables"
    assert [row.name for row in RECOVERIES if times[row.name] > row.bound] == []


# --- links ------------------------------------------------------------------------------------------------------------


def anchors(text: str) -> set[str]:
    """The anchors that a renderer makes of the headings."""
    headings = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_relative_link_leads_somewhere(document: str) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", DOCUMENTS[document]):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, anchor = target.partition("#")
        linked = (ROOT / document).parent / path if path else ROOT / document
        assert linked.exists(), f"{document} links to {target}"
        if anchor:
            assert anchor in anchors(linked.read_text(encoding="utf-8")), f"{document} links to {target}"


def test_every_document_can_be_reached_from_the_readme() -> None:
    seen: set[Path] = set()
    waiting = [ROOT / "README.md"]
    while waiting:
        path = waiting.pop().resolve()
        if path in seen:
            continue
        seen.add(path)
        if path.is_dir():
            waiting.extend(path.glob("*.md"))
        else:
            targets = re.findall(r"\]\(([^):#\s]+)[^):]*\)", path.read_text(encoding="utf-8"))
            waiting.extend(path.parent / target for target in targets)
    assert [name for name in DOCUMENTS if (ROOT / name).resolve() not in seen] == []


# --- examples ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("words", examples(), ids=shlex.join)
def test_every_example_is_a_command_line_that_the_program_takes(
    words: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    verb = verb_of(words)
    rest = words[1:] if words and words[0] == verb else words
    if rest in (("--help",), ("--version",)):
        return
    try:
        arguments = parser_of(verb).parse(rest)
    except SystemExit:
        pytest.fail(capsys.readouterr().err)
    if verb in ("run", "read"):
        flags = given(arguments, settings_table())
        load_settings(flags, SAMPLE_CREDENTIALS, Path.cwd(), one_shot=verb == "read")


def test_every_emulator_address_in_the_documents_is_valid() -> None:
    queries = re.findall(r"emulator:\?([a-z][^\s'\"`|)]+)", ALL_TEXT)
    assert len(queries) > 3
    for query in queries:
        EmulatorSettings.from_query(query)


def test_the_settings_files_of_the_documents_are_taken(tmp_path: Path) -> None:
    alone, several = [block for block in blocks("toml") if block.document == "docs/configuration.md"]
    (tmp_path / "config.toml").write_text(alone.text, encoding="utf-8")
    settings = load_settings({"config": str(tmp_path / "config.toml")}, {}, tmp_path)
    assert settings.outputs == ("file", "webhook")
    for name, text in (("annex.id", SAMPLE_CREDENTIALS["B_ROUTE_ID"]), ("annex.password", "annex")):
        (tmp_path / name).write_text(text, encoding="utf-8")
    here = several.text.replace("/etc/hems-data-collector", str(tmp_path))
    (tmp_path / "config.toml").write_text(here, encoding="utf-8")
    settings = load_settings({"config": str(tmp_path / "config.toml")}, {}, tmp_path)
    assert [meter.name for meter in settings.meters] == ["house", "annex"]
    assert settings.notes == ()
    (tmp_path / "config.toml").unlink()

    dotenv = {block.text for block in blocks("ini")}
    assert len(dotenv) == 1
    (tmp_path / ".env").write_text(dotenv.pop(), encoding="utf-8")
    settings = load_settings({}, {}, tmp_path)
    assert settings.meters[0].credentials.configured
    assert settings.warnings == ()


def test_the_example_records_have_their_keys_in_order() -> None:
    records = [block for block in blocks("json") if '"timestamp"' in block.text]
    assert {block.document for block in records} >= {"README.md", "README_JP.md", "docs/record.md", "docs/ja/record.md"}
    for block in records:
        assert tuple(json.loads(block.text)) == RECORD_KEYS, block.document
    half_hours = [block for block in blocks("json") if '"half-hour"' in block.text]
    assert {block.document for block in half_hours} == {"docs/record.md", "docs/ja/record.md"}
    for block in half_hours:
        assert tuple(json.loads(block.text)) == HALF_HOUR_KEYS, block.document


def is_runnable(words: tuple[str, ...]) -> bool:
    """On the fast emulator, or a verb without a radio that ends by itself."""
    if verb_of(words) == "decode":
        return all(not Path(word).suffix for word in words)
    return any(word.startswith("emulator:") and "fast=1" in word for word in words)


@pytest.mark.parametrize("words", [words for words in examples() if is_runnable(words)], ids=shlex.join)
def test_examples_without_hardware_run_as_printed(words: tuple[str, ...]) -> None:
    program = subprocess.Popen(
        [Path(sys.executable).with_name(PROGRAM), *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, "NO_COLOR": "1"},
        text=True,
    )
    watchdog = threading.Timer(EXAMPLE_DEADLINE_S, program.kill)
    watchdog.start()
    try:
        assert program.stdout is not None
        first = program.stdout.readline()
        if verb_of(words) == "run":
            program.send_signal(signal.SIGTERM)
        _, log = program.communicate()
    finally:
        watchdog.cancel()
    assert program.returncode == 0, log
    assert first.strip(), log


@pytest.mark.parametrize("place", range(2))
def test_the_python_examples_run_as_printed(place: int, tmp_path: Path) -> None:
    example = [block.text for block in blocks("python") if block.document == "docs/emulator.md"][place]
    stick = tmp_path / "meter"
    emulator = subprocess.Popen(
        [Path(sys.executable).with_name(PROGRAM), "emulate", "--pty", stick, "--fast"],
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert emulator.stderr is not None
        assert "port:" in emulator.stderr.readline()
        done = subprocess.run(
            [sys.executable, "-c", HURRIED + example.replace("/tmp/meter", str(stick))],
            capture_output=True,
            timeout=EXAMPLE_DEADLINE_S,
            check=True,
            text=True,
        )
    finally:
        emulator.terminate()
        emulator.communicate()
    assert re.fullmatch(r"-?\d+ W\n|b'SKVER\\r\\n.*'\n", done.stdout)
    assert emulator.returncode == 0
