"""The verb `export`: all that is stored, exact, in order, and whole or not at all."""

from __future__ import annotations

import csv
import io
import json
import sys
import tracemalloc
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pyarrow.parquet
import pytest

from hems_data_collector import cli
from hems_data_collector.cli import export
from hems_data_collector.meter.profile import MeterProfile
from hems_data_collector.readings import HALF_HOUR_KEYS, RECORD_KEYS, Minute, published
from hems_data_collector.store import minutes, readings
from support.ledgers import EXPORTING, METER, PROFILE, RECENT, minute, opened, reading, slot
from support.stored_house import FILE, NOW, OTHER, stored

pytestmark = pytest.mark.usefixtures("a_clock_that_stands")


def exported(capfdbinary: pytest.CaptureFixture[bytes], *argv: str, code: int = 0) -> tuple[str, str]:
    assert cli.main(["export", "--database", str(FILE), *argv]) == code
    captured = capfdbinary.readouterr()
    return captured.out.decode(), captured.err.decode()


def rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text, newline="")))


def test_readings_come_with_the_ten_keys_as_they_were_published(capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    stored()
    with opened(FILE) as database:
        database.run_sync(lambda conn: readings.append(conn, reading(), RECENT, PROFILE))
    out, err = exported(capfdbinary)
    assert out == (
        "timestamp,cumulative_power_kwh,instant_power_w,current_a,current_r_a,current_t_a,historical_timestamp,"
        "historical_cumulative_power_kwh,recent_30min_timestamp,recent_30min_consumption_kwh\r\n"
        "2025-04-01T03:00:00.123456+00:00,6513.9,412,3.5,2.0,1.5,2025-04-01T03:00:00+00:00,6513.7,"
        "2025-04-01T03:00:00+00:00,0.2\r\n"
    )
    assert err == ""


def test_json_is_byte_for_byte_what_the_outputs_write(capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    from hems_data_collector.outputs import FORMATS

    wanted = [reading(0), reading(1, power_w=None), reading(2, power_w=-5)]
    stored(appended=wanted)
    out, _err = exported(capfdbinary, "readings", "-f", "json")
    assert out.encode() == b"".join(FORMATS["json"].encode(published(each, None)) for each in wanted)


def test_half_hours_have_the_keys_of_their_record(capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    stored([slot(0, 65137, 1), slot(1, 65139, 2)], profile=EXPORTING)
    out, _err = exported(capfdbinary, "half-hours", "--from", "2025-04-01T12:00")
    assert tuple(rows(out)[0]) == HALF_HOUR_KEYS
    assert list(rows(out)[0].values()) == [
        "half-hour",
        METER,
        "2025-04-01T03:00:00+00:00",
        "2025-04-01T03:30:00+00:00",
        "0.2",
        "0.1",
        "6513.9",
        "0.2",
        "notification",
    ]


def store_minutes(*told: Minute, profile: MeterProfile = PROFILE) -> None:
    with opened(FILE) as database:
        database.run_sync(lambda conn: minutes.record(conn, told, profile, now=NOW))


def test_minutes_are_registers_at_their_time(capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    stored()
    store_minutes(minute(2), minute(0, 65137, 7), minute(1, None, 8), minute(3))
    out, err = exported(capfdbinary, "minutes", "--to", "2025-04-01T12:03")
    assert out == (
        "at,import_register_kwh,export_register_kwh\r\n"
        "2025-04-01T03:00:00+00:00,6513.7,0.7\r\n"
        "2025-04-01T03:01:00+00:00,,0.8\r\n"
        "2025-04-01T03:02:00+00:00,6513.9,\r\n"
    )
    assert err == ""
    out, err = exported(capfdbinary, "minutes", "--from", "2026")
    assert (rows(out), "0 minutes written" in err) == ([], True)


def test_minutes_of_meters_with_names_are_told_apart(capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    stored(name="house")
    stored(profile=OTHER, name="barn")
    store_minutes(minute(0), minute(2))
    store_minutes(minute(1, meter=OTHER.identity.key), profile=OTHER)
    out, _err = exported(capfdbinary, "minutes")
    assert [row["meter"] for row in rows(out)] == ["house", "barn", "house"]


def test_minutes_are_json_and_parquet_too(capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    stored()
    store_minutes(minute(0), minute(1))
    out, _err = exported(capfdbinary, "minutes", "-f", "json")
    assert out.splitlines()[0] == (
        '{"at": "2025-04-01T03:00:00+00:00", "import_register_kwh": 6513.7, "export_register_kwh": null}'
    )
    exported(capfdbinary, "minutes", "--file", "minutes.parquet")
    table = pyarrow.parquet.read_table("minutes.parquet")
    assert table.column("at").to_pylist()[1] == datetime(2025, 4, 1, 3, 1, tzinfo=UTC)
    assert table.column("import_register_kwh").to_pylist() == [Decimal("6513.7000"), Decimal("6513.8000")]


def test_from_and_to_cut_by_the_time_of_receipt(capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    stored(appended=[reading(number) for number in range(4)])
    out, _err = exported(capfdbinary, "--from", "2025-04-01T12:01", "--to", "2025-04-01T12:03")
    assert [row["instant_power_w"] for row in rows(out)] == ["413", "414"]
    assert len(rows(exported(capfdbinary, "--to", "2025-04-01")[0])) == 4
    out, err = exported(capfdbinary, "--from", "2025-04-02")
    assert rows(out) == []
    assert "0 readings written to standard output." in err


def test_meters_that_have_names_are_told_apart_and_merged_in_time(capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    stored(appended=[reading(0), reading(2)], name="house", now=NOW)
    other = OTHER.identity.key
    stored(appended=[reading(1, meter=other), reading(3, meter=other)], profile=OTHER, name="barn")
    out, _err = exported(capfdbinary)
    assert tuple(rows(out)[0]) == (*RECORD_KEYS, "meter")
    assert [row["meter"] for row in rows(out)] == ["house", "barn", "house", "barn"]
    out, _err = exported(capfdbinary, "--meter", "barn")
    assert tuple(rows(out)[0]) == (*RECORD_KEYS, "meter")
    assert [(row["instant_power_w"], row["meter"]) for row in rows(out)] == [("413", "barn"), ("415", "barn")]


def test_half_hours_of_meters_with_names_are_told_apart(capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    stored([slot(0), slot(1)], name="house", now=NOW)
    other = OTHER.identity.key
    stored([slot(1, meter=other), slot(2, meter=other)], profile=OTHER, name="barn")
    out, _err = exported(capfdbinary, "half-hours", "--from", "2025-04-01T12:00")
    assert tuple(rows(out)[0]) == (*HALF_HOUR_KEYS, "meter")
    assert [row["meter"] for row in rows(out) if row["import_kwh"]] == ["house", "barn"]


def test_an_exchanged_meter_needs_no_eleventh_key(capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    stored(appended=[reading(1)], now=NOW)
    stored(appended=[reading(0, meter=OTHER.identity.key)], profile=OTHER)
    out, _err = exported(capfdbinary)
    assert tuple(rows(out)[0]) == RECORD_KEYS
    assert [row["instant_power_w"] for row in rows(out)] == ["412", "413"]


def test_a_file_appears_when_it_is_complete(capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    stored(appended=[reading(0)])
    Path("all.json").write_text("before")
    out, err = exported(capfdbinary, "--file", "all.json")
    assert out == ""
    assert "1 readings written to all.json." in err
    assert json.loads(Path("all.json").read_text())["instant_power_w"] == 412
    assert not Path("all.json.part").exists()


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), KeyboardInterrupt()])
def test_a_file_that_fails_leaves_what_was_there(
    error: BaseException, monkeypatch: pytest.MonkeyPatch, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    def fails(*_arguments: object) -> int:
        raise error

    stored(appended=[reading(0)])
    Path("all.csv").write_text("before")
    monkeypatch.setattr(export, "_write", fails)
    _out, err = exported(capfdbinary, "--file", "all.csv", code=3 if isinstance(error, OSError) else 130)
    assert ("No space left on device" in err) == isinstance(error, OSError)
    assert [path.name for path in Path().glob("all*")] == ["all.csv"]
    assert Path("all.csv").read_text() == "before"


def test_a_folder_that_is_missing_is_a_setting_to_correct(capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    stored()
    assert "--file: nowhere/all.csv cannot be written" in exported(capfdbinary, "--file", "nowhere/all.csv", code=3)[1]


def test_parquet_holds_exact_numbers_and_moments(capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    stored(appended=[reading(0), reading(1, power_w=None, current_t_a=None)])
    exported(capfdbinary, "--file", "all.parquet")
    table = pyarrow.parquet.read_table("all.parquet")
    assert tuple(table.column_names) == RECORD_KEYS
    first, second = table.to_pylist()
    assert first["timestamp"] == datetime(2025, 4, 1, 3, 0, 0, 123456, tzinfo=UTC)
    assert first["cumulative_power_kwh"] == Decimal("6513.9")
    assert (first["instant_power_w"], second["instant_power_w"]) == (412, None)
    assert (first["current_a"], second["current_a"]) == (Decimal("3.5"), None)


def test_the_largest_register_and_the_smallest_unit_fit_into_parquet(
    capfdbinary: pytest.CaptureFixture[bytes],
) -> None:
    huge = replace(OTHER, exponent=4, coefficient=999_999, digits=8)
    tiny = replace(PROFILE, exponent=-4)
    stored([slot(0, 99_999_999, meter=huge.identity.key, exponent=4, coefficient=999_999)], profile=huge)
    stored([slot(0, 1, exponent=-4)], profile=tiny)
    exported(capfdbinary, "half-hours", "--file", "all.parquet")
    found = {row["import_register_kwh"] for row in pyarrow.parquet.read_table("all.parquet").to_pylist()}
    assert found == {Decimal(99_999_999 * 999_999 * 10_000), Decimal("0.0001")}


def test_parquet_goes_through_a_pipe_and_not_to_a_terminal(
    capfdbinary: pytest.CaptureFixture[bytes], request: pytest.FixtureRequest
) -> None:
    stored([slot(0), slot(1)])
    assert cli.main(["export", "--database", str(FILE), "half-hours", "-f", "parquet"]) == 0
    table = pyarrow.parquet.read_table(io.BytesIO(capfdbinary.readouterr().out))
    assert table.column("end").to_pylist()[1] == datetime(2025, 4, 1, 3, 30, tzinfo=UTC)
    request.getfixturevalue("terminal")
    assert "not for a terminal" in exported(capfdbinary, "-f", "parquet", code=3)[1]


def test_parquet_without_its_extra_says_how_to_get_it(
    capfdbinary: pytest.CaptureFixture[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    stored()
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    err = exported(capfdbinary, "-f", "parquet", code=3)[1]
    assert "pip install 'hems-data-collector[parquet]'" in err


def test_other_formats_do_not_import_pyarrow(capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    import subprocess

    stored(appended=[reading(0)])
    code = (
        "import sys; from hems_data_collector import cli; code = cli.main(sys.argv[1:]);"
        "sys.exit(code or ('pyarrow' in sys.modules) * 99)"
    )
    done = subprocess.run([sys.executable, "-c", code, "export", "--database", str(FILE)], capture_output=True)
    assert done.returncode == 0
    assert done.stdout.count(b"\n") == 2


def test_memory_does_not_grow_with_the_number_of_readings(tmp_path: Path) -> None:
    def peak(count: int) -> int:
        file = tmp_path / f"{count}.db"
        with opened(file) as database:

            def fill(conn: object) -> None:
                for number in range(count):
                    readings.append(conn, reading(number), None, PROFILE)  # type: ignore[arg-type]

            database.run_sync(fill)
        tracemalloc.start()
        assert cli.main(["export", "--database", str(file), "--file", str(tmp_path / "out.csv")]) == 0
        most = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return most

    peak(1)  # imports
    small, large = peak(500), peak(4_000)
    assert large < 1.2 * small


def test_progress_is_shown_on_a_terminal(
    capfdbinary: pytest.CaptureFixture[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    stored(appended=[reading(number) for number in range(3)])
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("FORCE_COLOR", "1")
    _out, err = exported(capfdbinary, "--file", "all.csv")
    assert "3/3" in err
