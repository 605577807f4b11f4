"""The verbs `replay` and `dead-letters`: what an output is to get once more, and what it is not."""

from __future__ import annotations

import json

import pytest

from hems_data_collector import cli
from hems_data_collector.errors import EXIT_CONFIG, EXIT_USAGE
from hems_data_collector.store import outbox
from support.ledgers import METER, opened, reading, slot
from support.stored_house import FILE, deliver, stored

pytestmark = pytest.mark.usefixtures("a_clock_that_stands")


def done(capsys: pytest.CaptureFixture[str], *argv: str, code: int = 0) -> tuple[str, str]:
    verb, *rest = argv
    assert cli.main([verb, "--database", str(FILE), *rest]) == code
    captured = capsys.readouterr()
    return captured.out, captured.err


def owed(output: str = "webhook") -> list[int]:
    """The numbers of the records that `output` gets next."""
    with opened(FILE) as database:
        return [seq for seq, _ in database.run_sync(lambda conn: outbox.batch(conn, output, 100, half_hours=True))]


@pytest.fixture
def all_delivered() -> None:
    """Ten readings, two half-hour records, all of them at the webhook."""
    stored([slot(0), slot(1), slot(2)], appended=[reading(number) for number in range(10)])
    deliver("webhook", 12)
    assert owed() == []


@pytest.mark.usefixtures("all_delivered")
def test_a_stretch_of_time_goes_out_once_more(capsys: pytest.CaptureFixture[str]) -> None:
    """The two half-hour records have the numbers 1 and 2."""
    argv = ("replay", "--output", "webhook", "--from", "2025-04-01T12:03", "--to", "2025-04-01T12:06")
    out, err = done(capsys, *argv)
    assert out == ""
    assert "3 records go to webhook once more. No collector is running: that happens when it starts." in err
    assert owed() == [6, 7, 8]


@pytest.mark.usefixtures("all_delivered")
def test_without_an_end_it_is_up_to_now(capsys: pytest.CaptureFixture[str]) -> None:
    assert "10 records go" in done(capsys, "replay", "-o", "webhook", "--from", "today")[1]


@pytest.mark.usefixtures("all_delivered")
def test_half_hours_are_replayed_where_the_collector_sends_them(capsys: pytest.CaptureFixture[str]) -> None:
    deliver("webhook", 12, half_hours=True)
    assert "12 records go" in done(capsys, "replay", "-o", "webhook", "--from", "today")[1]


@pytest.mark.usefixtures("all_delivered")
def test_nothing_of_that_time_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    argv = ("replay", "--output", "webhook", "--from", "2024-01", "--to", "2024-01")
    assert "webhook has got nothing of that time" in done(capsys, *argv)[1]
    assert owed() == []


def test_what_an_output_has_not_got_is_not_sent_twice(capsys: pytest.CaptureFixture[str]) -> None:
    stored(appended=[reading(number) for number in range(4)])
    deliver("webhook", 2)
    assert "2 records go" in done(capsys, "replay", "-o", "webhook", "--from", "today")[1]


@pytest.mark.usefixtures("all_delivered")
def test_beside_a_running_collector_there_is_nothing_more_to_do(capsys: pytest.CaptureFixture[str]) -> None:
    with opened(FILE):
        _out, err = done(capsys, "replay", "--output", "webhook", "--from", "today")
    assert "10 records go to webhook once more.\n" in err


@pytest.mark.usefixtures("all_delivered")
@pytest.mark.parametrize("verb", ["replay", "dead-letters"])
def test_an_output_that_is_not_known_gets_the_nearest_spelling(verb: str, capsys: pytest.CaptureFixture[str]) -> None:
    rest = ("--from", "today") if verb == "replay" else ("drop",)
    err = done(capsys, verb, "--output", "webhok", *rest, code=EXIT_CONFIG)[1]
    assert 'no output "webhok"' in err
    assert 'Did you mean "webhook"?' in err


def test_before_any_output_it_says_how_to_begin(capsys: pytest.CaptureFixture[str]) -> None:
    stored()
    err = done(capsys, "replay", "--output", "stdout", "--from", "today", code=EXIT_CONFIG)[1]
    assert "Start the collector with that output first." in err


@pytest.mark.parametrize("argv", [("--output", "webhook"), ("--from", "today"), ("-o", "webhook", "--from", "soon")])
def test_replay_needs_an_output_and_a_time(argv: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    done(capsys, "replay", *argv, code=EXIT_USAGE)


# --- dead letters -----------------------------------------------------------------------------------------------------


@pytest.fixture
def two_refused() -> None:
    """The webhook refused the readings 2 and 4 of five, the file refused the reading 3."""
    stored(appended=[reading(number) for number in range(5)])
    deliver("webhook", 3, refused=2)
    deliver("webhook", 5, refused=4)
    deliver("file", 5, refused=3)


def numbers(capsys: pytest.CaptureFixture[str], *argv: str) -> list[tuple[str, int]]:
    out, _err = done(capsys, "dead-letters", "list", "--json", *argv)
    return [(row["output"], row["seq"]) for row in map(json.loads, out.splitlines())]


@pytest.mark.usefixtures("two_refused")
def test_they_are_listed_with_what_the_far_end_said(capsys: pytest.CaptureFixture[str]) -> None:
    out, _err = done(capsys, "dead-letters")
    assert [" ".join(line.split()) for line in out.splitlines()][2] == (
        f"webhook 2 2025-04-01 14:10 3 {METER}/2025-04-01T03:01:00.123456+00:00 400 no such field"
    )
    assert numbers(capsys) == [("file", 3), ("webhook", 2), ("webhook", 4)]
    assert numbers(capsys, "--output", "webhook", "--seq", "4") == [("webhook", 4)]


@pytest.mark.usefixtures("two_refused")
def test_json_has_the_record_itself(capsys: pytest.CaptureFixture[str]) -> None:
    out, _err = done(capsys, "dead-letters", "--json", "--output", "file")
    letter = json.loads(out)
    assert letter["record"]["instant_power_w"] == 414
    assert (letter["tries"], letter["reason"]) == (3, "400 no such field")


@pytest.mark.usefixtures("two_refused")
def test_replay_sends_those_of_one_output(capsys: pytest.CaptureFixture[str]) -> None:
    err = done(capsys, "dead-letters", "replay", "--output", "webhook")[1]
    assert "2 records go to webhook once more." in err
    assert numbers(capsys) == [("file", 3)]
    assert owed() == [2]
    assert owed("file") == []


@pytest.mark.usefixtures("two_refused")
def test_drop_gives_up_only_what_was_named(capsys: pytest.CaptureFixture[str]) -> None:
    err = done(capsys, "dead-letters", "drop", "--output", "webhook", "--seq", "4")[1]
    assert "1 dead letters of webhook are dropped." in err
    assert numbers(capsys) == [("file", 3), ("webhook", 2)]
    assert owed() == []


@pytest.mark.usefixtures("two_refused")
def test_a_number_that_is_none_changes_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    argv = ("dead-letters", "drop", "--output", "webhook", "--seq", "2", "3")
    assert "there is no dead letter 3." in done(capsys, *argv, code=EXIT_CONFIG)[1]
    assert len(numbers(capsys)) == 3


@pytest.mark.usefixtures("two_refused")
@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (("drop",), "drop needs --output."),
        (("replay", "--seq", "2"), "replay needs --output."),
        (("list", "--seq", "x"), '"x" is no number of a record.'),
        (("list", "--seq", "9" * 30), "is no number of a record."),
        (("delete",), "invalid choice"),
    ],
)
def test_usage(argv: tuple[str, ...], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert message in done(capsys, "dead-letters", *argv, code=EXIT_USAGE)[1]
    assert len(numbers(capsys)) == 3


@pytest.mark.usefixtures("all_delivered")
def test_none_are_said_on_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    assert done(capsys, "dead-letters") == ("", "There are no dead letters.\n")
    assert "webhook has no dead letters." in done(capsys, "dead-letters", "drop", "--output", "webhook")[1]
