"""The command line sets up logging for a whole process; each test gets that process back as it was."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Iterator

import pytest

from hems_data_collector.cli import messages, stored, tables
from hems_data_collector.cli.logging_setup import OWN_LOGGER, StderrHandler
from support.stored_house import NOW


@pytest.fixture(autouse=True)
def the_process_as_it_was() -> Iterator[None]:
    loggers = {name: logging.getLogger(name).level for name in ("", OWN_LOGGER)}
    hook, environ = threading.excepthook, dict(os.environ)
    yield
    logging.captureWarnings(False)
    for name, level in loggers.items():
        logging.getLogger(name).setLevel(level)
    root = logging.getLogger()
    for handler in root.handlers[:]:
        if isinstance(handler, StderrHandler):
            root.removeHandler(handler)
    threading.excepthook = hook
    messages.hide(())
    for name in set(os.environ) - set(environ):
        del os.environ[name]


@pytest.fixture
def a_clock_that_stands(monkeypatch: pytest.MonkeyPatch) -> None:
    """For the verbs on stored data it is `NOW`."""
    monkeypatch.setattr(stored, "now", lambda: NOW)


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """Standard output is a terminal of 100 columns."""
    monkeypatch.setattr(tables, "on_terminal", lambda: True)
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.setenv("TERM", "dumb")
