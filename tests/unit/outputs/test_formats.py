"""Records as JSON Lines, YAML documents and CSV, to the last byte."""

from __future__ import annotations

import csv
import io
import json
import subprocess
import sys
from decimal import Decimal

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from hems_data_collector.outputs import FORMATS
from hems_data_collector.outputs.formats import CSV, JSON, YAML, json_object
from hems_data_collector.readings import Record
from support.records import CSV_HEADER, FIRST_AS_CSV, FIRST_AS_JSON, record

NOTHING = dict.fromkeys(record().fields)

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
NUMBERS = st.integers(-(10**12), 10**12) | st.decimals(
    allow_nan=False, allow_infinity=False, min_value=Decimal("-1e9"), max_value=Decimal("1e9"), places=6
)
FIELDS = st.dictionaries(TEXTS.filter(bool), NUMBERS | TEXTS | st.none(), min_size=1, max_size=5)


def of(fields: dict[str, object]) -> Record:
    return Record(key="k", kind="reading", meter="m", fields=fields)  # type: ignore[arg-type]


def test_every_word_of_format_is_registered() -> None:
    assert list(FORMATS) == ["json", "yaml", "csv"]
    assert all(FORMATS[name].name == name for name in FORMATS)


def test_json_is_one_object_on_one_line() -> None:
    assert JSON.encode(record()) == FIRST_AS_JSON + b"\n"
    assert json_object(record()) == FIRST_AS_JSON
    assert JSON.header(record().fields) == b""


def test_yaml_is_one_document_and_its_times_are_text() -> None:
    assert YAML.encode(record()).decode() == (
        "---\n"
        "timestamp: '2025-04-01T03:00:00.123456+00:00'\n"
        "cumulative_power_kwh: 6513.9\n"
        "instant_power_w: 412\n"
        "current_a: 4.0\n"
        "current_r_a: 2.0\n"
        "current_t_a: 2.0\n"
        "historical_timestamp: '2025-04-01T03:00:00+00:00'\n"
        "historical_cumulative_power_kwh: 6513.7\n"
        "recent_30min_timestamp: '2025-04-01T03:00:00+00:00'\n"
        "recent_30min_consumption_kwh: 0.2\n"
    )


def test_yaml_records_make_a_stream_of_documents() -> None:
    stream = b"".join(YAML.encode(record(number)) for number in range(3))
    assert [document["instant_power_w"] for document in yaml.safe_load_all(stream)] == [412, 413, 414]


def test_csv_has_one_header_and_crlf() -> None:
    assert CSV.header(record().fields) == CSV_HEADER
    assert CSV.encode(record()) == FIRST_AS_CSV


def test_a_missing_value_is_null_or_an_empty_field() -> None:
    assert json.loads(JSON.encode(of(NOTHING))) == NOTHING
    assert yaml.safe_load(YAML.encode(of(NOTHING))) == NOTHING
    assert CSV.encode(of(NOTHING)) == b",,,,,,,,,\r\n"


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (Decimal("6513.9"), "6513.9"),
        (Decimal("6513.90"), "6513.90"),
        (Decimal("1E+3"), "1000"),
        (Decimal("1E-7"), "0.0000001"),
        (Decimal("99999999.9999"), "99999999.9999"),
        (Decimal("-0.1"), "-0.1"),
        (Decimal("0"), "0"),
        (-1500, "-1500"),
    ],
)
def test_numbers_are_exact_and_without_exponent(number: Decimal | int, text: str) -> None:
    assert JSON.encode(of({"x": number})) == f'{{"x": {text}}}\n'.encode()
    assert YAML.encode(of({"x": number})) == f"---\nx: {text}\n".encode()
    assert CSV.encode(of({"x": number})) == f"{text}\r\n".encode()


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity"])
def test_what_is_no_number_is_never_written(name: str, number: str) -> None:
    with pytest.raises(ValueError, match="not a number"):
        FORMATS[name].encode(of({"x": Decimal(number)}))


def test_text_is_kept_as_it_is() -> None:
    home = of({"meter": "実家 é", "timestamp": "t"})
    assert JSON.encode(home) == '{"meter": "実家 é", "timestamp": "t"}\n'.encode()
    assert YAML.encode(home) == "---\nmeter: 実家 é\ntimestamp: t\n".encode()
    assert CSV.encode(home) == "実家 é,t\r\n".encode()


def test_a_key_of_json_may_look_like_a_place_for_a_value() -> None:
    assert JSON.encode(of({"100%": 1, "%s": "%d", "{}": None})) == b'{"100%": 1, "%s": "%d", "{}": null}\n'


def test_csv_quotes_what_would_break_a_row() -> None:
    assert CSV.encode(of({"a": 'x,"y"', "b": "line\nbreak"})) == b'"x,""y""","line\nbreak"\r\n'


@pytest.mark.parametrize("text", ["no", "null", "~", "12", "1:30", "2025-04-01", "0x10", "", "- a", "a: b", "#", "1e3"])
def test_yaml_text_that_looks_like_something_else_stays_text(text: str) -> None:
    assert yaml.safe_load(YAML.encode(of({"x": text}))) == {"x": text}


def test_a_long_text_stays_on_one_line_of_yaml() -> None:
    assert YAML.encode(of({"x": "word " * 100 + "end"})).count(b"\n") == 2


def test_bytes_that_were_no_text_do_not_stop_a_record() -> None:
    torn = of({"meter": "a\udc80"})
    assert JSON.encode(torn) == b'{"meter": "a\\udc80"}\n'
    assert yaml.safe_load(YAML.encode(torn)) == {"meter": "a\udc80"}
    assert CSV.encode(torn) == b"a\\udc80\r\n"


@given(FIELDS)
def test_json_reads_back_equal(fields: dict[str, object]) -> None:
    line = JSON.encode(of(fields))
    assert line.count(b"\n") == 1
    assert list(json.loads(line, parse_float=Decimal).items()) == list(fields.items())


@given(FIELDS)
def test_yaml_reads_back_equal(fields: dict[str, object]) -> None:
    read = yaml.safe_load(YAML.encode(of(fields)))
    as_float = {key: float(value) if isinstance(value, Decimal) else value for key, value in fields.items()}
    assert list(read.items()) == list(as_float.items())


@given(FIELDS)
def test_csv_reads_back_equal(fields: dict[str, object]) -> None:
    text = (CSV.header(fields) + CSV.encode(of(fields))).decode()
    header, row = csv.reader(io.StringIO(text, newline=""))
    assert header == list(fields)
    assert row == ["" if value is None else f"{value:f}" if isinstance(value, Decimal) else str(value)
                   for value in fields.values()]  # fmt: skip


def test_no_format_and_no_client_is_imported_before_it_is_used() -> None:
    program = (
        "import sys, hems_data_collector.outputs;"
        "print([name for name in ('yaml', 'httpx', 'google.auth', 'google.pubsub_v1', 'grpc') if name in sys.modules])"
    )
    assert subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout == "[]\n"
