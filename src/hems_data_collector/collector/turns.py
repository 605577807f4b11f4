"""Who of several meters on one stick is visited next, and for how long. PURE.

A stick holds one session, and each change costs a join. A due reading goes first, the one that would be lost soonest;
background work has what is left of a visit; a meter that cannot be joined gets a slice that costs the others no
reading, ever more rarely. While nobody else wants anything the stick stays where it is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from math import inf
from typing import Final

REJOIN_AFTER_S: Final = 12.0  # a meter refuses a join for about 10 s after SKTERM (skstack-ip §4.1 step 13)
VISIT_COSTS_S: Final = 15.0  # open the port, join in 3 to 10 s, one reading, SKTERM (skstack-ip §6)
PATIENCE_S: Final = 45.0  # the module gives up a join after about 40 s (skstack-ip §2.5)
LONGEST_PATIENCE_S: Final = 180.0  # a join and a scan that widens to the end
ANSWERED_S: Final = 10.0  # an answer takes a second or two; what is not had by then may never come
READING_LIMIT_S: Final = 90.0  # a silent meter is noticed within 80 s, and then the session is lost anyway
WORK_BESIDE_S: Final = 10.0  # background work of one meter while a reading of another is due
WORK_S: Final = 120.0  # and while only background work waits elsewhere
FIRST_PAUSE_S: Final = 30.0
LONGEST_PAUSE_S: Final = 300.0  # no failure is left alone for longer than five minutes
STARVED_S: Final = 900.0  # so long a meter in trouble waits for a moment in which no other has a reading due


class Phase(Enum):
    """How far a visit is."""

    PORT = "the port or the modem is not ready: everybody's trouble"
    SEEKING = "the meter is looked for or joined"
    FAILED = "it was not found, or refused us"
    JOINED = "requests and answers"
    STOPPED = "the legal air time is used up: nothing may be sent"


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What one meter has to hope for."""

    due: bool
    """A reading is due."""
    next_due_s: float = inf
    """Seconds until the next one, which replaces one that is still due."""
    period_s: float = inf
    """Seconds between that one and the one after it."""
    ready_in_s: float = 0.0
    """Not to be visited sooner: it would refuse us, or it was not found lately."""
    unfinished: bool = False
    """Background work waits: it was never joined, or was left in the middle."""
    waited_s: float = inf
    """Since its last visit."""
    failures: int = 0
    """Visits in a row that brought nothing."""

    @property
    def lost_in_s(self) -> float:
        """Seconds until a reading of it is lost for lack of a visit."""
        return self.next_due_s if self.due else self.next_due_s + self.period_s


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """How it stands with the meter that has its turn."""

    phase: Phase
    phase_s: float
    """Seconds since this phase began."""
    due_s: float | None
    """For so long a reading of it is due and could have been had; None: none is due."""
    at_rest: bool
    """No request of it is under way."""
    has_work: bool
    """It has background work, now or in a moment."""
    generous: bool = False
    """It may be looked for as long as the others lose nothing, though they wait."""


def next_of(standings: Sequence[Standing]) -> int | None:
    """The number of the meter that should have the next turn; None where nobody wants one now."""
    ready = [number for number, standing in enumerate(standings) if standing.ready_in_s <= 0]
    return min(
        (number for number in ready if _wish(standings[number])), key=lambda n: _rank(standings[n]), default=None
    )


def _wish(standing: Standing) -> bool:
    return standing.due or standing.unfinished


def _rank(standing: Standing) -> tuple[bool, bool, float, float]:
    hopeless = standing.failures > 0 and standing.waited_s < STARVED_S
    return not standing.due, hopeless, standing.lost_in_s if standing.due else 0.0, -standing.waited_s


def slack_s(others: Sequence[Standing]) -> float:
    """How long the `others` can wait, one after the other, before one of them loses a reading."""
    waiting = [standing for standing in others if not standing.failures]
    return min((standing.lost_in_s for standing in waiting), default=inf) - VISIT_COSTS_S * len(waiting)


def is_over(visit: Visit, others: Sequence[Standing]) -> bool:
    """Whether the turn should go to one of the `others`, as soon as no request is under way."""
    number = next_of(others)
    if number is None or visit.phase in (Phase.PORT, Phase.STOPPED):
        return False
    if visit.phase is Phase.FAILED:
        return True
    if visit.phase is Phase.SEEKING:
        patient = visit.generous or not others[number].due
        return visit.phase_s >= PATIENCE_S and not (
            patient and slack_s(others) > 0 and visit.phase_s < LONGEST_PATIENCE_S
        )
    if visit.due_s is not None and visit.due_s < (READING_LIMIT_S if slack_s(others) > 0 else ANSWERED_S):
        return False
    if visit.at_rest and not visit.has_work:
        return True
    return visit.phase_s >= (WORK_BESIDE_S if others[number].due else WORK_S)


def looks_again_s(visit: Visit, others: Sequence[Standing]) -> float:
    """Seconds until `is_over` may say something else by the mere passing of time."""
    moments = [standing.ready_in_s for standing in others if standing.ready_in_s > 0]
    limits = {
        Phase.SEEKING: (PATIENCE_S, LONGEST_PATIENCE_S),
        Phase.JOINED: (WORK_BESIDE_S, WORK_S),
    }
    moments += [limit - visit.phase_s for limit in limits.get(visit.phase, ())]
    moments += [slack_s(others), *(limit - (visit.due_s or 0.0) for limit in (ANSWERED_S, READING_LIMIT_S))]
    return min((moment for moment in moments if moment > 0), default=inf)


def pause_s(failures: int) -> float:
    """How long a meter is left alone after so many visits in a row that brought nothing."""
    return min(FIRST_PAUSE_S * 2.0 ** min(failures - 1, 10), LONGEST_PAUSE_S)
