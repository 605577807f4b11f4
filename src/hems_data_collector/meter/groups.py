"""Which properties a poll asks for together, for meters that cannot stand many at once (docs/architecture.md). PURE."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

FULL_GROUP_AGAIN_S: Final = 86_400.0  # the full group is tried again once a day


class PropertyGroups:
    """All properties in one request while the meter answers it; else halves, then singles."""

    def __init__(self, epcs: Sequence[int]) -> None:
        self._epcs = tuple(epcs)
        self._parts = 1
        self._shrunk_at: float | None = None

    def renew(self, epcs: Sequence[int]) -> None:
        """Ask for `epcs` again, in groups of the size that the meter has been seen to stand."""
        self._epcs = tuple(epcs)

    def current(self, now: float) -> tuple[tuple[int, ...], ...]:
        """The requests of one poll; `now` is monotonic seconds."""
        if self._shrunk_at is not None and now - self._shrunk_at >= FULL_GROUP_AGAIN_S:
            self._parts, self._shrunk_at = 1, None
        size = max(1, -(-len(self._epcs) // self._parts))
        return tuple(self._epcs[at : at + size] for at in range(0, len(self._epcs), size))

    def shrink(self, now: float) -> bool:
        """Ask in smaller groups from now on; False when they are singles already."""
        if self._parts >= len(self._epcs):
            return False
        self._parts = 2 if self._parts == 1 else len(self._epcs)
        self._shrunk_at = now
        return True

    def drop(self, epc: int) -> None:
        """The meter refused `epc`: do not ask for it again in this session."""
        self._epcs = tuple(other for other in self._epcs if other != epc)
