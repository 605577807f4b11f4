"""What the meter says without being asked, for programs: typed, and as an asynchronous iterator."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Self

from hems_data_collector.readings import HalfHourEnergy

KEPT: Final = 256  # five days of half hours for a program that does not look; then the oldest are dropped


@dataclass(frozen=True, slots=True, kw_only=True)
class Notification:
    """One notification of the meter."""

    received_at: datetime
    """When it came, by our clock."""
    half_hour: HalfHourEnergy | None
    """The half hour that it announces; its registers are those at its end. What was used since the one before is None
    where that one is not known. None altogether: the notification is about something else."""
    values: Mapping[int, object]
    """Every property in it by its EPC, decoded (docs/properties.md)."""


class Notifications:
    """An asynchronous iterator over what comes from now on, until the meter is closed."""

    def __init__(self) -> None:
        self._waiting: deque[Notification] = deque(maxlen=KEPT)
        self._arrival = asyncio.Event()
        self._closed = False

    def put(self, notification: Notification) -> None:
        """One more."""
        self._waiting.append(notification)
        self._arrival.set()

    def close(self) -> None:
        """No more come; what has come can still be had."""
        self._closed = True
        self._arrival.set()

    def __aiter__(self) -> Self:
        """The iterator itself."""
        return self

    async def __anext__(self) -> Notification:
        """The next one, or the end when the meter is closed."""
        while not self._waiting:
            if self._closed:
                raise StopAsyncIteration
            self._arrival.clear()
            await self._arrival.wait()
        return self._waiting.popleft()
