"""What a diagnosis tells: one finding after the other, each with what was seen, its likely cause and what to do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import TypeAlias

Detail: TypeAlias = str | int | float | bool | tuple[str, ...] | None


class State(StrEnum):
    """How a finding is meant."""

    OK = "ok"
    WARNING = "warning"
    """It works, and something is worth a look."""
    FAILED = "failed"
    """It cannot work like that."""
    SKIPPED = "skipped"
    """Not looked at; `what` says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that was found out."""

    key: str
    """Names it for programs: a row of `kinds.KINDS`."""
    step: str
    """What was looked at: `port`, `modem`, `scan`, ..., `outputs`."""
    state: State
    meter: str | None = None
    """The meter that this is about, where meters have names."""
    what: str
    cause: str = ""
    remedy: str = ""
    details: Mapping[str, Detail] = field(default_factory=lambda: MappingProxyType({}))
    """For programs, by name."""
    private: tuple[str, ...] = ()
    """Texts in all this that tell one meter or stick from another: a report shows made-up ones in their place."""
    exit_code: int = 0
    """What `doctor` ends with where this is the first failure (errors.py)."""

    @property
    def blocks(self) -> bool:
        """What comes behind it cannot be looked at."""
        return self.state in (State.FAILED, State.SKIPPED)

    def as_dict(self) -> dict[str, object]:
        """For JSON."""
        return {
            "key": self.key,
            "step": self.step,
            "state": self.state.value,
            "meter": self.meter,
            "what": self.what,
            "cause": self.cause,
            "remedy": self.remedy,
            "details": dict(self.details),
        }
