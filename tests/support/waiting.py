"""Waiting for something real to happen, no longer than it takes."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

POLL_S = 0.005


async def until(condition: Callable[[], object], limit_s: float = 10.0) -> None:
    """Return as soon as `condition()` is true; TimeoutError after `limit_s`."""
    deadline = time.monotonic() + limit_s
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"still not so after {limit_s} s")
        await asyncio.sleep(POLL_S)
