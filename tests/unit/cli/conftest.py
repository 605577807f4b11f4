"""The command line sets up logging for a whole process; each test gets that process back as it was."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Iterator

import pytest

from hems_data_collector.cli import messages
from hems_data_collector.cli.logging_setup import OWN_LOGGER, StderrHandler


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
