"""Where the meter is, and when to stop believing it (skstack-ip §4.3, §7 row 3)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from hems_data_collector.link.base import Pan
from hems_data_collector.link.session import SessionInput

JOINS_WITHOUT_RESCAN: Final = 3  # a PAN that worked is tried this often before it is looked for anew


class Places:
    """The PAN to join: as its owner says (`fixed`), as remembered, or as the last scan found it."""

    def __init__(self, *, fixed: Pan | None, cached: Pan | None) -> None:
        self.pan = fixed or cached
        self._fixed = fixed is not None
        self._proven = self._fixed
        self._others: list[Pan] = []
        self._scanned = False
        self._failures = 0

    def found(self, pans: Sequence[Pan]) -> None:
        """A scan found these, the strongest first."""
        self.pan, *self._others = pans
        self._proven = self._scanned = True

    def joined(self) -> None:
        """The meter was where it was thought to be."""
        self._proven = True
        self._failures = 0
        self.new_try()

    def new_try(self) -> None:
        """What an earlier scan found is old news."""
        self._scanned = False
        self._others.clear()

    def after_failure(self, *, refused: bool, just_ended: bool) -> SessionInput:
        """What a failed join means. `refused`: somebody answered there; `just_ended`: we ended a session there a moment
        ago, which is reason enough for a refusal."""
        if self._others:
            self.pan = self._others.pop(0)
            return SessionInput.NEXT_PLACE
        if self._fixed or self._scanned or (refused and just_ended):
            return SessionInput.REFUSED
        self._failures += 1
        if refused and self._proven and self._failures < JOINS_WITHOUT_RESCAN:
            return SessionInput.REFUSED
        return SessionInput.NOT_HERE

    def forget(self) -> None:
        """The meter is somewhere else, or is another one now."""
        self.pan = None
        self._proven = False
        self._failures = 0
