"""The verb `check`: soundness, holes, disagreements, and what a damaged file gives back."""

from __future__ import annotations

import json
import shutil
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from hems_data_collector import cli
from hems_data_collector.cli import check_texts
from hems_data_collector.cli import stored as store_of_verbs
from hems_data_collector.readings import HalfHourSource
from hems_data_collector.store.aside import damaged_files
from support.ledgers import HALF, METER, SLOT, opened, reading, slot
from support.stored_house import FILE, deliver, stored

pytestmark = pytest.mark.usefixtures("a_clock_that_stands")

ASIDE = FILE.with_name("hems.db.damaged-20250401T030000Z")


def checked(capsys: pytest.CaptureFixture[str], *argv: str, code: int = 0) -> str:
    assert cli.main(["check", "--database", str(FILE), *argv]) == code
    return capsys.readouterr().out


def report(capsys: pytest.CaptureFixture[str], *argv: str, code: int = 0) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(checked(capsys, "--json", *argv, code=code))
    return found


def spoil(file: Path, first: int = 8192) -> None:
    """Overwrite everything from the byte `first` on."""
    content = bytearray(file.read_bytes())
    content[first:] = b"\xa5" * (len(content) - first)
    file.write_bytes(content)


def put_aside(count: int = 3) -> None:
    """A database with `count` readings under the name of a damaged one, and a new one in its place."""
    stored([slot(0), slot(1)], appended=[reading(number) for number in range(count)])
    shutil.move(FILE, ASIDE)
    stored()


def test_a_sound_database_ends_with_0(capsys: pytest.CaptureFixture[str]) -> None:
    stored([slot(number) for number in range(-4900, 5)], appended=[reading(0)])
    found = report(capsys)
    assert found["sound"] is True
    assert (found["problems"], found["conflicts"]) == ([], [])
    assert (found["readings"], found["half_hours"]) == (1, 4905)
    assert {month["ratio"] for month in found["completeness"]} == {1.0}
    text = checked(capsys)
    assert "The database is sound: 1 readings, 4905 half hours, " in text
    assert "No half hour is missing." in text


def test_what_is_missing_is_told_by_month_and_is_no_damage(capsys: pytest.CaptureFixture[str]) -> None:
    stored([slot(number) for number in range(-4900, 5) if number not in (-3, -1480, -1479)])
    rows = [line.split() for line in checked(capsys).splitlines() if line.startswith(METER)]
    assert rows == [[METER, "2025-03", "2", "1488"], [METER, "2025-04", "1", "29"]]


def test_the_newest_half_hour_has_time_to_come(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    stored([slot(number) for number in range(-4900, 5)])
    for minutes, missing in ((29, False), (31, True)):
        now = SLOT + 4 * HALF + timedelta(minutes=minutes + 10)
        monkeypatch.setattr(store_of_verbs, "now", lambda now=now: now)
        assert ("missing" in checked(capsys).replace("No half hour is missing.", "")) is missing


def test_what_was_told_twice_is_listed_with_both_values(capsys: pytest.CaptureFixture[str]) -> None:
    stored([slot(0), slot(1)])
    stored([slot(1, 99_999, source=HalfHourSource.HISTORY_1)])
    assert report(capsys)["conflicts"] == [
        {
            "meter": METER,
            "at": "2025-04-01T03:30:00+00:00",
            "known": {"source": "notification", "import_register_kwh": 6513.9, "export_register_kwh": None},
            "told": {"source": "history-1", "import_register_kwh": 9999.9, "export_register_kwh": None},
        }
    ]
    text = " ".join(checked(capsys).split())
    assert f"{METER} 2025-04-01 12:30 6513.9 kWh (notification) 9999.9 kWh (history-1)" in text


def test_of_many_disagreements_the_text_shows_some(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(check_texts, "SHOWN", 2)
    stored([slot(number) for number in range(5)])
    stored([slot(number, 99_999, source=HalfHourSource.HISTORY_2) for number in range(5)])
    text = checked(capsys)
    assert "and 3 more; --json shows all" in text
    assert text.count("(history-2)") == 2
    assert len(report(capsys)["conflicts"]) == 5


def test_damage_ends_with_1_and_says_what_to_do(capsys: pytest.CaptureFixture[str]) -> None:
    stored([slot(number) for number in range(400)], appended=[reading(number) for number in range(100)])
    spoil(FILE, first=5 * 4096)
    found = report(capsys, code=1)
    assert found["sound"] is False
    assert found["problems"]
    assert "Restart the collector" in checked(capsys, code=1)


SPOILT = {
    "its whole": lambda good: b"\xa5" * len(good),
    "its end": lambda good: good[:2000],
    "all but its beginning": lambda good: good[:10],
    "its mark": lambda good: bytes(100) + good[100:],
    "its page size": lambda good: good[:16] + b"\3\3" + good[18:],
    "its version": lambda good: good[:60] + bytes(4) + good[64:],
    "its version, in another way": lambda good: good[:60] + b"\xff" * 4 + good[64:],
    "its tables": lambda good: good[:100] + b"\xa5" * 3996 + good[4096:],
    "the name of a table": lambda good: good.replace(b"CREATE TABLE readings", b"CREATE TABLX readings"),
}


@pytest.mark.parametrize("lost", SPOILT)
def test_a_file_that_is_no_database_any_more_is_damage_too(capsys: pytest.CaptureFixture[str], lost: str) -> None:
    stored([slot(number) for number in range(400)])
    FILE.write_bytes(SPOILT[lost](FILE.read_bytes()))
    found = report(capsys, code=1)
    assert found["sound"] is False
    assert len(found["problems"]) == 1
    assert "damaged (" in found["problems"][0]
    text = checked(capsys, code=1)
    assert text.startswith("The database is damaged:\n")
    assert "Restart the collector, so that it sets the file aside" in text
    with opened(FILE):
        pass
    assert report(capsys)["sound"] is True
    assert len(damaged_files(FILE)) == 1


def test_an_empty_file_is_no_database_yet(capsys: pytest.CaptureFixture[str]) -> None:
    FILE.touch()
    assert cli.main(["check", "--database", str(FILE)]) == 7
    assert "hems.db is empty." in capsys.readouterr().err


def test_without_a_database_there_is_nothing_to_check(capsys: pytest.CaptureFixture[str]) -> None:
    assert checked(capsys, code=7) == ""


def test_a_file_that_was_set_aside_gives_back_what_it_has(capsys: pytest.CaptureFixture[str]) -> None:
    put_aside()
    found = report(capsys, "--salvage")
    assert (found["readings"], found["half_hours"], found["sound"]) == (3, 2, True)
    (each,) = found["salvaged"]
    assert each["file"].endswith(ASIDE.name)
    assert (each["readings"], each["half_hours"], each["already_there"]) == (3, 2, 0)


def test_what_was_brought_back_is_not_offered_again(capsys: pytest.CaptureFixture[str]) -> None:
    put_aside()
    assert f"Brought back from {FILE.absolute().with_name(ASIDE.name)}:" in checked(capsys, "--salvage")
    assert cli.main(["check", "--database", str(FILE), "--salvage"]) == 0
    captured = capsys.readouterr()
    assert "Brought back" not in captured.out
    assert "No damaged file waits" in captured.err
    assert cli.main(["status", "--database", str(FILE), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["database"]["damaged_files"] == []


def test_a_named_file_is_read_once_more_without_duplicates(capsys: pytest.CaptureFixture[str]) -> None:
    put_aside()
    for known in (0, 5):
        found = report(capsys, "--salvage", str(ASIDE))
        assert (found["readings"], found["salvaged"][0]["already_there"]) == (3, known)


def test_salvage_works_beside_a_running_collector(capsys: pytest.CaptureFixture[str]) -> None:
    put_aside()
    with opened(FILE):
        assert report(capsys, "--salvage")["readings"] == 3


def test_outputs_whose_place_is_lost_are_named(capsys: pytest.CaptureFixture[str]) -> None:
    put_aside()
    deliver("webhook", 0)
    assert "How far webhook had got is lost" in checked(capsys, "--salvage")


def test_a_file_that_cannot_be_salvaged_is_a_setting_to_correct(capsys: pytest.CaptureFixture[str]) -> None:
    stored()
    for file, message in (("gone.db", "there is no such file"), (str(FILE), "is the database in use")):
        assert cli.main(["check", "--database", str(FILE), "--salvage", file]) == 3
        assert message in capsys.readouterr().err


def test_the_steps_are_shown_on_a_terminal(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:

    put_aside()
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm")
    assert cli.main(["check", "--database", str(FILE), "--salvage"]) == 0
    assert "looking at:" in capsys.readouterr().err
