"""Tables and bars, on terminals and in pipes."""

from __future__ import annotations

import io
import sys
from decimal import Decimal

import pytest

from hems_data_collector.cli import tables


@pytest.mark.parametrize(
    ("value", "expected"),
    [("10", "████"), ("5", "██"), ("3.75", "█▌"), ("0.001", "▏"), ("0", ""), ("-1", "")],
)
def test_a_bar_is_as_long_as_its_value(value: str, expected: str) -> None:
    assert tables.bar(Decimal(value), Decimal(10), 4) == expected


def test_a_terminal_without_blocks_gets_plain_bars(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(io.BytesIO(), encoding="ascii"))
    assert tables.bar(Decimal(5), Decimal(10), 4) == "##"
    assert tables.bar(Decimal("0.001"), Decimal(10), 4) == "#"


def test_nothing_is_no_bar() -> None:
    assert tables.bar(Decimal(0), Decimal(0), 4) == ""


def test_a_pipe_gets_aligned_columns(capsys: pytest.CaptureFixture[str]) -> None:
    tables.show_table(("name", "count"), [("電力", "7"), ("x", "1234567")], right=(1,))
    assert capsys.readouterr().out == "name    count\n電力        7\nx     1234567\n"


@pytest.mark.usefixtures("terminal")
def test_a_column_that_must_stay_whole_does_on_a_narrow_terminal(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "30")
    tables.show_table(("a", "b"), [("001C640000000001", "very far away indeed")], whole=(0,))
    out = capsys.readouterr().out
    assert "001C640000000001" in out
    assert max(map(len, out.splitlines())) <= 30


@pytest.mark.usefixtures("terminal")
def test_a_terminal_gets_a_drawn_table_with_the_text_as_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    tables.show_table(("", ""), [("[bold]", "x")])
    assert "[bold]" in capsys.readouterr().out
