"""What holds for every test: nothing of the developer's own set-up, and no silent skip where all parts are promised."""

from __future__ import annotations

import itertools
import logging
import os
import signal
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import TypeVar

import pytest
from hypothesis import settings

OWN_VARIABLES = (
    "B_ROUTE_",
    "SERIAL_",
    "LOCAL_TIMEZONE",
    "HEMS_",
    "GCP_",
    "GOOGLE_",
    "PUBSUB_",
    "WEBHOOK_",
    "STATE_DIRECTORY",
    "CREDENTIALS_DIRECTORY",
    "XDG_",
)
"""Beginnings of the environment variables that the program reads."""

Report = TypeVar("Report", pytest.TestReport, pytest.CollectReport)

settings.register_profile("house", deadline=None)  # a busy machine is no fault of the code
settings.load_profile("house")


@pytest.fixture(scope="session")
def homes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Fresh folders, one after the other, outside the tests' own `tmp_path`."""
    parent = tmp_path_factory.mktemp("homes")
    return (parent / str(number) for number in itertools.count())


@pytest.fixture(autouse=True)
def an_empty_home(homes: Iterator[Path], monkeypatch: pytest.MonkeyPatch) -> None:
    """Each test in an empty folder, without settings: no `.env`, no configuration file, no cached meter."""
    for name in list(os.environ):
        if name.startswith(OWN_VARIABLES):
            monkeypatch.delenv(name)
    home = next(homes)
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("HEMS_LANG", "en")  # for the programs that tests start
    monkeypatch.setenv("LANGUAGE", "C")  # for what runs in this process; what the program sets is undone
    monkeypatch.chdir(home)


@pytest.fixture(autouse=True)
def log_levels_as_found() -> Iterator[None]:
    """The program quietens the loggers of its client libraries for the life of the process; a test undoes it."""
    before = log_levels()
    yield
    for name, level in log_levels().items():
        if level != before.get(name, logging.NOTSET):
            logging.getLogger(name).setLevel(before.get(name, logging.NOTSET))


def log_levels() -> dict[str, int]:
    """The level of every logger that exists by now."""
    found = logging.root.manager.loggerDict.items()
    return {name: logger.level for name, logger in found if isinstance(logger, logging.Logger)}


def pytest_configure() -> None:
    """Programs started by a test must hear SIGHUP even where the suite itself runs under nohup."""
    if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
        signal.signal(signal.SIGHUP, lambda *_: None)  # a handler is not inherited, ignoring is


def refuse_skip(report: Report, name: str) -> Report:
    """With CI=true a skip is a failure: everything that a test can ask for is installed there."""
    if report.skipped and not hasattr(report, "wasxfail") and os.environ.get("CI") == "true":
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr
        report.outcome = "failed"
        report.longrepr = f"{name} was skipped, and with CI=true nothing may be: {reason}"
    return report


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    return refuse_skip((yield), item.nodeid)


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(
    collector: pytest.Collector,
) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    return refuse_skip((yield), collector.nodeid)
