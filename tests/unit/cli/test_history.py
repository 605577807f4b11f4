"""The verb `history`: half hours for people and for programs."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace
from decimal import Decimal

import pytest

from hems_data_collector import cli
from support.ledgers import EXPORTING, slot
from support.stored_house import FILE, NOW, OTHER, stored

HEADER = "start,end,import_kwh,export_kwh,import_register_kwh,export_register_kwh,source"
OLD = replace(OTHER, exponent=-2)


pytestmark = pytest.mark.usefixtures("a_clock_that_stands")


def history(capsys: pytest.CaptureFixture[str], *argv: str, code: int = 0) -> tuple[str, str]:
    assert cli.main(["history", "--database", str(FILE), *argv]) == code
    captured = capsys.readouterr()
    return captured.out, captured.err


def lines(text: str) -> list[str]:
    return text.replace("\r\n", "\n").splitlines()


def test_a_pipe_gets_the_half_hours_of_today_in_utc(capsys: pytest.CaptureFixture[str]) -> None:
    stored([slot(-30), slot(-29), slot(0), slot(1), slot(3, export_raw=12)])
    out, err = history(capsys)
    assert lines(out) == [
        HEADER,
        "2025-04-01T02:30:00+00:00,2025-04-01T03:00:00+00:00,,,6513.7,,notification",
        "2025-04-01T03:00:00+00:00,2025-04-01T03:30:00+00:00,0.2,,6513.9,,notification",
        "2025-04-01T04:00:00+00:00,2025-04-01T04:30:00+00:00,,,6514.3,1.2,notification",
    ]
    assert err == ""


def test_json_is_one_object_a_line_with_exact_numbers(capsys: pytest.CaptureFixture[str]) -> None:
    stored([slot(0, 65137, 10), slot(1, 65139, 11)], profile=EXPORTING)
    out, _err = history(capsys, "--format", "json")
    assert json.loads(lines(out)[1], parse_float=Decimal) == {
        "start": "2025-04-01T03:00:00+00:00",
        "end": "2025-04-01T03:30:00+00:00",
        "import_kwh": Decimal("0.2"),
        "export_kwh": Decimal("0.1"),
        "import_register_kwh": Decimal("6513.9"),
        "export_register_kwh": Decimal("1.1"),
        "source": "notification",
    }


def ends(out: str) -> list[str]:
    return [row["end"][5:16] for row in csv.DictReader(io.StringIO(out))]


@pytest.mark.parametrize(
    ("argv", "expected"),
    [
        (("--all",), ["03-31T14:30", "03-31T15:00", "03-31T15:30", "04-01T03:00", "04-01T15:00", "04-01T15:30"]),
        ((), ["03-31T15:30", "04-01T03:00", "04-01T15:00"]),
        (("--day", "yesterday"), ["03-31T14:30", "03-31T15:00"]),
        (("--day", "2025-04-02"), ["04-01T15:30"]),
        (("--month", "2025-03"), ["03-31T14:30", "03-31T15:00"]),
        (("--from", "2025-04-01T12:00"), ["04-01T15:00", "04-01T15:30"]),
        (("--from", "2025-04-01", "--to", "2025-04-01"), ["03-31T15:30", "04-01T03:00", "04-01T15:00"]),
        (("--to", "2025-03"), ["03-31T14:30", "03-31T15:00"]),
        (("--from", "2025-04-01T11:30", "--to", "2025-04-01T11:30:00.5"), ["04-01T03:00"]),
        (("--from", "2025-04-01T11:30:00.5", "--to", "2025-04-01T12:00"), []),
    ],
)
def test_a_half_hour_belongs_to_when_it_begins_by_the_meters_clock(
    argv: tuple[str, ...], expected: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    stored([slot(number) for number in (-25, -24, -23, 0, 24, 25)])
    out, err = history(capsys, *argv)
    assert ends(out) == expected
    assert bool(err) == (not expected)


def test_nothing_is_said_on_stderr_and_is_no_error(capsys: pytest.CaptureFixture[str]) -> None:
    stored()
    out, err = history(capsys)
    assert lines(out) == [HEADER]
    assert "No half hour is known yet." in err
    stored([slot(0), slot(1)])
    out, err = history(capsys, "--day", "2024-01-01")
    assert lines(out) == [HEADER]
    assert "from 2024-01-01 00:00 to 2024-01-02 00:00. There are some from 2025-04-01 12:00 to 2025-04-01 12:30" in err


def test_an_exchanged_meter_goes_on_as_the_new_one(capsys: pytest.CaptureFixture[str]) -> None:
    stored([slot(0), slot(1)], now=NOW)
    stored(
        [slot(-3, 10, meter=OLD.identity.key, exponent=-2), slot(-2, 14, meter=OLD.identity.key, exponent=-2)],
        profile=OLD,
    )
    out, _err = history(capsys)
    assert [row["import_kwh"] for row in csv.DictReader(io.StringIO(out))] == ["", "0.04", "", "0.2"]
    assert ends(history(capsys, "--meter", OLD.identity.key)[0]) == ["04-01T01:30", "04-01T02:00"]


def test_of_several_named_meters_one_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    stored([slot(0)], name="house", now=NOW)
    stored([slot(1, meter=OTHER.identity.key)], profile=OTHER, name="barn")
    _out, err = history(capsys, code=3)
    assert "There are several meters: barn, house." in err
    assert "--meter barn" in err
    assert ends(history(capsys, "--meter", "house")[0]) == ["04-01T03:00"]
    assert ends(history(capsys, "--meter", "barn")[0]) == ["04-01T03:30"]
    _out, err = history(capsys, "--meter", "hause", code=3)
    assert 'Did you mean "house"?' in err


@pytest.mark.usefixtures("terminal")
def test_a_day_on_a_terminal_is_a_table_with_bars_and_its_holes(capsys: pytest.CaptureFixture[str]) -> None:
    stored([slot(0, 100), slot(1, 108), slot(2, 112), slot(4, 120)])
    rows = [line.strip() for line in lines(history(capsys, "--from", "2025-04-01T12:00", "--to", "today")[0])]
    body = [line for line in rows if line and "─" not in line]
    assert [" ".join(line.split()) for line in body] == [
        "drawn kWh",
        "04-01 12:00 0.8 ████████████████████████",
        "04-01 12:30 0.4 ████████████",
        "04-01 13:00 - not known",
        "04-01 13:30 - not known",
        "total 1.2 2 of 4",
    ]


@pytest.mark.usefixtures("terminal")
def test_what_was_fed_in_has_its_own_column(capsys: pytest.CaptureFixture[str]) -> None:
    stored([slot(0, 100, 50), slot(1, 104, 51), slot(2, 104, 55)], profile=EXPORTING)
    out, _err = history(capsys, "--from", "2025-04-01T12:00", "--to", "2025-04-01T13:00")
    text = [" ".join(line.split()) for line in lines(out)]
    assert "drawn kWh fed in kWh" in text
    assert "04-01 12:00 0.4 ████████████ 0.1 ███" in text
    assert "04-01 12:30 0.0 0.4 ████████████" in text
    assert "total 0.4 0.5 2 of 2" in text


@pytest.mark.usefixtures("terminal")
def test_a_narrow_terminal_gets_short_bars_instead_of_broken_ones(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    stored([slot(0, 100), slot(1, 108), slot(2, 112)])
    out, _err = history(capsys, "--from", "2025-04-01T12:00", "--to", "2025-04-01T13:00")
    text = [" ".join(line.split()) for line in lines(out)]
    assert "04-01 12:00 0.8 ████" in text
    assert "04-01 12:30 0.4 ██" in text


@pytest.mark.usefixtures("terminal")
def test_longer_stretches_are_shown_by_day_month_and_year(capsys: pytest.CaptureFixture[str]) -> None:
    stored([slot(number) for number in range(-48, 5)])
    month = [" ".join(line.split()) for line in lines(history(capsys, "--from", "2025-03-30")[0])]
    assert [line for line in month if line.startswith(("2025-", "total"))] == [
        "2025-03-30 Sun - 0 of 48",
        f"2025-03-31 Mon 4.8 {20 * '█'}▋ 24 of 48",
        f"2025-04-01 Tue 5.6 {24 * '█'}",
        "total 10.4 52 of 124",
    ]
    assert "2025-03 4.8 " in " ".join(history(capsys, "--from", "2025-01", "--to", "today")[0].split())
    assert f"total 10.4 52 of {(59 + 31) * 48 + 28 + 365 * 48 * 9 + 3 * 48}" in " ".join(
        history(capsys, "--from", "2016", "--to", "today")[0].split()
    )


@pytest.mark.usefixtures("terminal")
def test_a_format_that_is_asked_for_is_given_on_a_terminal_too(capsys: pytest.CaptureFixture[str]) -> None:
    stored([slot(0), slot(1)])
    assert lines(history(capsys, "-f", "csv")[0])[0] == HEADER


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (("--day", "today", "--all"), "--day and --all do not go together."),
        (("--month", "2025-01", "--to", "today"), "--month and --from/--to do not go together."),
        (("--day", "2025-01"), '"2025-01" is no day.'),
        (("--from", "tomorow"), "Possible are: 2026-01-15"),
        (("--format", "yaml"), "invalid choice"),
    ],
)
def test_a_wrong_time_is_a_usage_error(argv: tuple[str, ...], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    stored()
    assert message in history(capsys, *argv, code=2)[1]


def test_without_a_database_it_says_what_to_do(capsys: pytest.CaptureFixture[str]) -> None:
    out, err = history(capsys, code=7)
    assert out == ""
    assert "There is no database" in err
    assert "--database" in err


def test_a_damaged_database_is_told_from_a_bug(capsys: pytest.CaptureFixture[str]) -> None:
    stored([slot(number) for number in range(400)])
    content = bytearray(FILE.read_bytes())
    content[8192:] = b"\xff" * (len(content) - 8192)
    FILE.write_bytes(content)
    assert "is damaged" in history(capsys, "--all", code=7)[1]


def test_it_reads_beside_a_running_collector(capsys: pytest.CaptureFixture[str]) -> None:
    from support.ledgers import opened

    stored([slot(0), slot(1)])
    with opened(FILE):
        assert len(lines(history(capsys)[0])) == 3


@pytest.mark.usefixtures("terminal")
def test_a_meter_whose_clock_is_ahead_hides_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    stored([slot(4), slot(5)])
    assert "04-01 14:00 0.2" in " ".join(history(capsys, "--from", "2025-04-01T14:00", "--to", "today")[0].split())


@pytest.mark.usefixtures("terminal")
def test_days_to_come_are_not_in_the_table(capsys: pytest.CaptureFixture[str]) -> None:
    stored([slot(0), slot(1)])
    out, _err = history(capsys, "--month", "2025-04")
    assert "2025-04-01 Tue" in out
    assert "2025-04-02" not in out


@pytest.mark.usefixtures("terminal")
def test_the_half_hour_before_the_first_register_is_not_expected(capsys: pytest.CaptureFixture[str]) -> None:
    stored([slot(number) for number in range(-400, 4)])
    assert "total 80.6 403 of 403" in " ".join(history(capsys, "--all")[0].split())
    assert history(capsys, "--all", "-f", "csv")[0].count("\n") == 1 + 404
