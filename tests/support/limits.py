"""Troubles of the operating system, made to order and taken back."""

from __future__ import annotations

import contextlib
import os
import resource
import signal
from collections.abc import Iterator

NOBODY = 65_534


@contextlib.contextmanager
def file_size_limit(size: int) -> Iterator[None]:
    """A disk that takes no more than `size` bytes a file: a write comes back short, the next one fails (EFBIG)."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, before)


@contextlib.contextmanager
def without_root() -> Iterator[None]:
    """As a user without rights, where the tests run as root."""
    before = os.geteuid()
    if before == 0:
        os.seteuid(NOBODY)
    try:
        yield
    finally:
        if before == 0:
            os.seteuid(before)
