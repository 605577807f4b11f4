"""A serial port on which nobody answers, and how to be a user who may not open everything."""

from __future__ import annotations

import os
import pty
import tty
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

WITHOUT_PRIVILEGES = ["setpriv", "--bounding-set=-all", "--inh-caps=-all"]
"""Root may open everything; without its capabilities it may open what anybody may."""


@contextmanager
def silent_port(path: Path) -> Iterator[Path]:
    """`path` leads to a pseudo terminal without a modem."""
    master, slave = pty.openpty()
    tty.setraw(slave)
    path.symlink_to(os.ttyname(slave))
    try:
        yield path
    finally:
        os.close(slave)
        os.close(master)
