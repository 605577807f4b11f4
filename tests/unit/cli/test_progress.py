"""Long steps as lines on a terminal: one for each meter, all gone at the end."""

from __future__ import annotations

import sys

import pytest

from hems_data_collector.cli import progress
from hems_data_collector.link.base import Progress
from hems_data_collector.meter_name import about_meter

STEP = Progress(text="Joining the meter", expected_s=10.0)


@pytest.fixture
def bar(monkeypatch: pytest.MonkeyPatch) -> progress._Bar:
    monkeypatch.setenv("TERM", "dumb")
    return progress._Bar()


def lines(bar: progress._Bar) -> list[str]:
    return [task.description for task in bar._display.tasks]


def test_without_a_terminal_there_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: False)
    assert progress.terminal_progress() is None


def test_a_step_replaces_the_one_before_and_none_takes_it_away(bar: progress._Bar) -> None:
    bar.show(STEP)
    bar.show(Progress(text="Looking"))
    assert lines(bar) == ["Looking"]
    bar.show(None)
    assert lines(bar) == []


def test_each_of_several_meters_has_a_line_of_its_own(bar: progress._Bar) -> None:
    for name in ("house", "annex"):
        with about_meter(name):
            bar.show(STEP)
    assert lines(bar) == ["house: Joining the meter", "annex: Joining the meter"]
    with about_meter("house"):
        bar.show(None)
    assert lines(bar) == ["annex: Joining the meter"]


def test_at_the_end_nothing_is_left(bar: progress._Bar) -> None:
    for name in ("house", "annex"):
        with about_meter(name):
            bar.show(STEP)
    bar.show(None)
    assert lines(bar) == []
    assert not bar._display.live.is_started
