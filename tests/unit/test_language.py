"""Which language people are spoken to in, and that argparse still says what the catalog knows."""

from __future__ import annotations

import argparse
import ast
import errno
import gettext
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from tools import argparse_texts

from hems_data_collector import language
from hems_data_collector.errors import sentence

TEXT = "reason"
IN_JAPANESE = "理由"


@pytest.fixture(autouse=True)
def no_language(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Nothing in the environment says a language; what the test takes is forgotten."""
    for name in ("HEMS_LANG", "LANGUAGE", "LC_ALL", "LC_MESSAGES", "LANG"):
        monkeypatch.setenv(name, "")  # so that what `bind` sets is undone
        monkeypatch.delenv(name)
    yield
    language._Bound.language = language.ENGLISH


def bound(monkeypatch: pytest.MonkeyPatch, **variables: str) -> str:
    """A text, looked up in the language that these variables mean."""
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    language.bind()
    return gettext.gettext(TEXT)


@pytest.mark.parametrize(
    ("word", "meant"),
    [("ja", "ja"), ("JA", "ja"), ("ja_JP.UTF-8", "ja"), (" ja ", "ja"), ("en-GB", "en"), ("C", None), ("jam", None)],
)
def test_a_language_is_named_as_locales_name_it(word: str, meant: str | None) -> None:
    assert language.language_named(word) == meant


@pytest.mark.parametrize("variable", ["HEMS_LANG", "LANGUAGE", "LC_ALL", "LC_MESSAGES", "LANG"])
def test_each_variable_alone_brings_japanese(monkeypatch: pytest.MonkeyPatch, variable: str) -> None:
    assert bound(monkeypatch, **{variable: "ja_JP.UTF-8"}) == IN_JAPANESE
    assert language.in_use() == "ja"


def test_without_any_variable_it_is_english(monkeypatch: pytest.MonkeyPatch) -> None:
    assert bound(monkeypatch) == TEXT
    assert language.in_use() == "en"


def test_our_own_variable_wins_over_the_locale(monkeypatch: pytest.MonkeyPatch) -> None:
    assert bound(monkeypatch, HEMS_LANG="en", LC_ALL="ja_JP.UTF-8", LANGUAGE="ja") == TEXT
    assert bound(monkeypatch, HEMS_LANG="ja", LC_ALL="en_US.UTF-8", LANGUAGE="en") == IN_JAPANESE


def test_the_first_variable_of_the_locale_that_is_set_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    assert bound(monkeypatch, LC_ALL="C.UTF-8", LANG="ja_JP.UTF-8") == TEXT


def test_of_a_list_the_first_language_with_texts_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    assert bound(monkeypatch, LANGUAGE="fr:ja:en") == IN_JAPANESE


def test_a_word_that_is_no_language_is_handed_back_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEMS_LANG", "francais")
    monkeypatch.setenv("LANG", "ja_JP.UTF-8")
    assert language.bind() == "francais"
    assert language.bind() is None
    assert gettext.gettext(TEXT) == IN_JAPANESE
    assert "HEMS_LANG" not in os.environ


def test_what_the_settings_name_is_taken_and_given_back(monkeypatch: pytest.MonkeyPatch) -> None:
    assert bound(monkeypatch, LANG="ja_JP.UTF-8") == IN_JAPANESE
    language.use("en")
    assert gettext.gettext(TEXT) == TEXT
    language.use(None)
    assert gettext.gettext(TEXT) == IN_JAPANESE


def test_english_looks_for_no_file(monkeypatch: pytest.MonkeyPatch) -> None:
    bound(monkeypatch, HEMS_LANG="en")
    monkeypatch.setattr(os.path, "exists", lambda path: pytest.fail(f"looked for {path}"))
    assert gettext.gettext(TEXT) == TEXT


def test_the_reason_of_a_connection_that_was_refused_is_in_the_language_too(monkeypatch: pytest.MonkeyPatch) -> None:
    refused = ConnectionRefusedError(errno.ECONNREFUSED, "Connect call failed ('127.0.0.1', 9)")
    assert language.os_text(refused) == "Connection refused"
    bound(monkeypatch, HEMS_LANG="ja")
    assert language.os_text(refused) == gettext.gettext("Connection refused") != "Connection refused"


def test_a_sentence_ends_with_the_full_stop_of_its_language() -> None:
    assert [sentence(text) for text in ("it broke", "It broke.", "Brüche", "壊れた", "壊れました。")] == [
        "it broke.", "It broke.", "Brüche.", "壊れた。", "壊れました。"
    ]  # fmt: skip


def test_the_texts_of_argparse_are_those_of_this_python() -> None:
    source = ast.parse(Path(argparse.__file__).read_text(encoding="utf-8"))
    said = {node.value for node in ast.walk(source) if isinstance(node, ast.Constant) and isinstance(node.value, str)}
    assert [text for text in argparse_texts.TEXTS if text not in said] == []
