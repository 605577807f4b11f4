"""Flags from the table, verbs before flags, and what a usage error says."""

from __future__ import annotations

import sys
from types import ModuleType

import pytest

from hems_data_collector import cli
from hems_data_collector.cli import run as run_verb
from hems_data_collector.cli.arguments import Parser, given, help_of
from hems_data_collector.outputs import OUTPUTS
from hems_data_collector.settings_table import CREDENTIAL_SETTINGS, LANGUAGE_SETTING, settings_table


@pytest.fixture(autouse=True)
def verbs_that_need_nothing(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, object]]:
    """The verbs with work of their own, replaced: what they were called with."""
    calls: list[tuple[str, object]] = []
    for verb in cli.VERBS:
        fake = ModuleType(verb)
        fake.HELP = f"help of {verb}"  # type: ignore[attr-defined]
        fake.add_arguments = lambda parser: parser.add_argument("--word")  # type: ignore[attr-defined]
        fake.run = lambda arguments, verb=verb: calls.append((verb, arguments)) or 0  # type: ignore[attr-defined]
        if verb == "run":
            fake.add_arguments = run_verb.add_arguments  # type: ignore[attr-defined]
        monkeypatch.setitem(sys.modules, f"hems_data_collector.cli.{verb.replace('-', '_')}", fake)
    return calls


def parsed(*argv: str) -> dict[str, object]:
    parser = Parser("hems-data-collector")
    run_verb.add_arguments(parser)
    return dict(given(parser.parse(argv), settings_table()))


def test_only_what_was_given_is_there() -> None:
    assert parsed() == {}
    assert parsed("--port", "x", "-i", "5") == {"port": "x", "interval": "5"}


@pytest.mark.parametrize(
    ("short", "long", "text"),
    [("-o", "--output", "file"), ("-f", "--format", "csv"), ("-s", "--schedule", "@hourly"), ("-i", "--interval", "9")],
)
def test_short_forms(short: str, long: str, text: str) -> None:
    assert parsed(short, text) == parsed(long, text) != {}


def test_every_setting_but_credentials_and_language_has_a_flag() -> None:
    for row in settings_table():
        if row in (*CREDENTIAL_SETTINGS, LANGUAGE_SETTING):
            continue
        switch = getattr(row, "switch", False)
        expected: object = "true" if switch else ["x"] if row.repeatable else "x"
        assert parsed(row.flag, *([] if switch else ["x"])) == {row.name: expected}


def test_outputs_take_several_values_and_may_be_repeated() -> None:
    assert parsed("-o", "stdout", "file", "--format", "csv", "-o", "webhook") == {
        "output": ["stdout", "file", "webhook"],
        "format": "csv",
    }


def help_text(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, *argv: str) -> str:
    monkeypatch.setenv("COLUMNS", "500")
    assert cli.main([*argv, "--help"]) == 0
    return capsys.readouterr().out


def test_the_help_shows_every_flag_with_its_default_then_the_verbs(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    text = help_text(capsys, monkeypatch)
    position = 0
    for row in settings_table():
        if row.flag:
            assert row.flag in text
            assert help_of(row).replace("%%", "%") in text
            assert f"default: {row.default or 'none'}" in text or getattr(row, "switch", False)
            position = max(position, text.index(row.flag))
        if row.environment:
            assert row.environment in text
    for flag in ("-h, --help", "-v, --version", "-o ", "-f ", "-s ", "-i "):
        assert flag in text
    for verb in cli.VERBS:
        assert f"  {verb:<14}help of {verb}\n" in text
        assert text.index(f"help of {verb}") > position
    for name in OUTPUTS:
        assert name in text


def test_run_is_the_verb_that_is_meant(
    verbs_that_need_nothing: list[tuple[str, object]],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert cli.main(["--debug"]) == 0
    assert cli.main(["run", "--debug"]) == 0
    assert cli.main(["read", "--word", "x"]) == 0
    assert [verb for verb, _arguments in verbs_that_need_nothing] == ["run", "run", "read"]
    assert help_text(capsys, monkeypatch) == help_text(capsys, monkeypatch, "run")


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["raed"], 'unknown verb "raed". Did you mean "read"?'),
        (["zzz"], 'unknown verb "zzz". Possible are: run, setup, ports, config, read, '),
        (["dead_letters"], 'unknown verb "dead_letters". Did you mean "dead-letters"?'),
        ([""], 'unknown verb "".'),
        (["--debug", "read"], "the verb must stand first: hems-data-collector read ..."),
        (["-o", "stdout", "read"], "the verb must stand first: hems-data-collector read ..."),
        (["run", "decode"], "the verb must stand first: hems-data-collector decode ..."),
        (["--prot", "x"], 'unknown flag --prot. Did you mean "--port"?'),
        (["--web-hook-url=x"], 'unknown flag --web-hook-url. Did you mean "--webhook-url"?'),
        (["--qqqqqqqqq"], "unknown flag --qqqqqqqqq.\n"),
        (["--webhook"], "unknown flag --webhook."),  # no abbreviations: a later flag would change their meaning
        (["--port"], "argument --port: expected one argument"),
        (["-o"], "argument -o/--output: expected at least one argument"),
        (["--debug=yes"], "argument --debug: ignored explicit argument 'yes'"),
        (["--port", "x", "y"], 'unexpected word "y"'),
    ],
)
def test_usage_errors_end_with_2_and_a_hint(capsys: pytest.CaptureFixture[str], argv: list[str], message: str) -> None:
    assert cli.main(argv) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert message in captured.err
    assert "--help" in captured.err


def test_a_verb_has_its_own_usage(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["read", "--wrod", "x"]) == 2
    assert 'hems-data-collector read: unknown flag --wrod. Did you mean "--word"?' in capsys.readouterr().err


@pytest.mark.parametrize("flag", ["-v", "--version"])
def test_version(capsys: pytest.CaptureFixture[str], flag: str) -> None:
    assert cli.main([flag]) == 0
    name, version = capsys.readouterr().out.split()
    assert name == "hems-data-collector"
    assert version[0].isdigit()


def test_percent_signs_survive_the_help() -> None:
    (topic,) = (row for row in settings_table() if row.name == "schedule")
    assert "%" not in help_of(topic).replace("%%", "")
