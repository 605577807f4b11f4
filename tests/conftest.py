"""What holds for every test: nothing of the developer's own set-up, and no silent skip where all parts are promised."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

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

settings.register_profile("house", deadline=None)  # a busy machine is no fault of the code
settings.load_profile("house")


@pytest.fixture(autouse=True)
def an_empty_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each test in an empty folder, without settings: no `.env`, no configuration file, no cached meter."""
    for name in list(os.environ):
        if name.startswith(OWN_VARIABLES):
            monkeypatch.delenv(name)
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("XDG_STATE_HOME", str(home / "state"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(home / "config"))
    monkeypatch.chdir(home)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[pytest.TestReport]:
    """With CI=true a skip is a failure: everything that a test can ask for is installed there."""
    report = yield
    if report.skipped and not hasattr(report, "wasxfail") and os.environ.get("CI") == "true":
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
        report.outcome = "failed"
        report.longrepr = f"{item.nodeid} was skipped, and with CI=true nothing may be: {reason}"
    return report
