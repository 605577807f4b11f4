"""The verb `read`: a table for people, a record for programs."""

from __future__ import annotations

import asyncio
import csv
import io
import json
import sys
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from types import ModuleType
from zoneinfo import ZoneInfo

import pytest

from hems_data_collector import cli
from hems_data_collector.cli import read
from hems_data_collector.cli.read import table_rows
from hems_data_collector.errors import JoinRefused
from hems_data_collector.readings import RECORD_KEYS, Consumption, Reading, published

TOKYO = ZoneInfo("Asia/Tokyo")
READING = Reading(
    meter="000016-12345",
    received_at=datetime(2025, 6, 15, 2, 31, 7, tzinfo=UTC),
    power_w=612,
    current_r_a=Decimal("3.0"),
    current_t_a=Decimal("2.2"),
    two_wire=False,
    energy_import_kwh=Decimal("6513.9"),
    energy_export_kwh=Decimal("0.0000001"),
    fixed_at=datetime(2025, 6, 15, 2, 30, tzinfo=UTC),
    fixed_import_kwh=Decimal("6513.8"),
    fixed_export_kwh=None,
    energy_import_raw=65139,
    energy_export_raw=1,
    lqi=120,
)
RECENT = Consumption(end=datetime(2025, 6, 15, 2, 30, tzinfo=UTC), import_kwh=Decimal("0.4"))


def test_the_table_is_in_words_and_units_people_know() -> None:
    assert table_rows(READING, RECENT, TOKYO) == [
        ("Time", "2025-06-15 11:31:07", "JST"),
        ("Meter", "000016-12345", ""),
        ("Power now", "612", "W, drawn from the grid"),
        ("Current, phase R", "3.0", "A"),
        ("Current, phase T", "2.2", "A"),
        ("Current, both", "5.2", "A"),
        ("Meter reading, drawn", "6513.9", "kWh"),
        ("Meter reading, fed in", "0.0000001", "kWh"),
        ("Meter reading at 11:30", "6513.8", "kWh"),
        ("Drawn in 11:00-11:30", "0.4", "kWh"),
        ("Radio link quality", "120", "of 255"),
    ]


def test_feeding_in_is_said_in_words_and_missing_values_are_left_out() -> None:
    sunny = replace(
        READING,
        power_w=-1500,
        two_wire=True,
        current_t_a=None,
        energy_import_kwh=None,
        energy_export_kwh=None,
        fixed_at=None,
        lqi=None,
    )
    assert table_rows(sunny, None, TOKYO)[2:] == [
        ("Power now", "1500", "W, fed into the grid"),
        ("Current, phase R", "3.0", "A"),
    ]
    assert ("Power now", "no data", "") in table_rows(replace(READING, power_w=None), RECENT, TOKYO)


@pytest.fixture
def app(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """An app whose one reading is `READING`."""
    fake = ModuleType("hems_data_collector.app")

    async def read_once(settings: object, clock: object = None, on_progress: object = None) -> object:
        return READING, RECENT, published(READING, RECENT)

    fake.read_once = read_once  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "hems_data_collector.app", fake)
    return fake


def read_verb(capsys: pytest.CaptureFixture[str], *argv: str) -> tuple[int, str]:
    code = cli.main(["read", "--port", "emulator:", *argv])
    return code, capsys.readouterr().out


@pytest.mark.usefixtures("app")
def test_a_pipe_gets_the_record(capsys: pytest.CaptureFixture[str]) -> None:
    code, out = read_verb(capsys)
    assert code == 0
    assert out.count("\n") == 1
    record = json.loads(out, parse_float=Decimal)
    assert list(record) == list(RECORD_KEYS)
    assert record["cumulative_power_kwh"] == Decimal("6513.9")


@pytest.mark.usefixtures("app")
def test_csv_comes_with_its_header(capsys: pytest.CaptureFixture[str]) -> None:
    _code, out = read_verb(capsys, "-f", "csv")
    header, row = csv.reader(io.StringIO(out))
    assert header == list(RECORD_KEYS)
    assert row[2] == "612"


@pytest.mark.usefixtures("app")
def test_the_format_may_come_from_the_settings_file(capsys: pytest.CaptureFixture[str]) -> None:
    with open("config.toml", "w", encoding="utf-8") as file:
        file.write('format = "yaml"\n')
    assert "instant_power_w: 612\n" in read_verb(capsys, "--config", "config.toml")[1]


@pytest.mark.usefixtures("app")
def test_a_terminal_gets_a_table_unless_a_format_is_asked_for(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.setenv("TERM", "dumb")
    out = read_verb(capsys)[1]
    assert "Power now" in out
    assert "612" in out
    assert "W, drawn from the grid" in out
    assert json.loads(read_verb(capsys, "-f", "json")[1])["instant_power_w"] == 612


def test_an_error_of_the_app_is_the_exit_code(app: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    async def read_once(*_arguments: object, **_options: object) -> object:
        raise JoinRefused("The meter refused.", cause="Wrong password.", remedy="Check it.")

    app.read_once = read_once  # type: ignore[attr-defined]
    assert cli.main(["read", "--port", "emulator:"]) == 6
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "The meter refused. Wrong password. Check it." in captured.err


def test_a_reading_that_never_ends_is_given_up(
    app: ModuleType, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def read_once(*_arguments: object, **_options: object) -> object:
        return await asyncio.Event().wait()

    app.read_once = read_once  # type: ignore[attr-defined]
    monkeypatch.setattr(read, "DEADLINE_S", 0.01)
    assert cli.main(["read", "--port", "emulator:"]) == 5
    assert "No reading within" in capsys.readouterr().err


def test_flags_of_outputs_are_not_taken(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["read", "-o", "stdout"]) == 2
    assert cli.main(["read", "--interval", "5"]) == 2
    assert "unknown flag" in capsys.readouterr().err
