"""Whose turn it is on a shared stick, and when a turn is over: numbers in, decisions out."""

from __future__ import annotations

from dataclasses import replace
from math import inf
from typing import Any

import pytest

from hems_data_collector.collector import turns
from hems_data_collector.collector.turns import Phase, Standing, Visit

CONTENT = Standing(due=False, next_due_s=300.0, period_s=300.0, waited_s=60.0)
DUE = Standing(due=True, next_due_s=50.0, period_s=60.0, waited_s=60.0)
UNFINISHED = replace(CONTENT, unfinished=True)


def visit(phase: Phase = Phase.JOINED, **changes: Any) -> Visit:
    """A visit that has just had its reading and has nothing more to do."""
    return Visit(
        **({"phase": phase, "phase_s": 2.0, "due_s": None, "at_rest": True, "has_work": False} | changes)  # type: ignore[arg-type]
    )


# --- who is next ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("standings", "expected"),
    [
        ([], None),
        ([CONTENT, CONTENT], None),
        ([CONTENT, DUE], 1),
        ([UNFINISHED, DUE], 1),
        ([CONTENT, UNFINISHED], 1),
        # the reading that is lost first
        ([DUE, replace(DUE, next_due_s=49.0)], 1),
        # else who has waited longest
        ([DUE, replace(DUE, waited_s=61.0)], 1),
        ([UNFINISHED, replace(UNFINISHED, waited_s=61.0)], 1),
        ([UNFINISHED, replace(UNFINISHED, waited_s=inf)], 1),
        # not before it would let us in again
        ([replace(DUE, ready_in_s=0.1), UNFINISHED], 1),
        ([replace(DUE, ready_in_s=0.1)], None),
        # a meter in trouble comes after those that are not
        ([replace(DUE, failures=1, next_due_s=1.0), DUE], 1),
        ([replace(DUE, failures=1), UNFINISHED], 0),
        # but not for ever
        ([replace(DUE, failures=9, next_due_s=1.0, waited_s=turns.STARVED_S), DUE], 0),
    ],
)
def test_who_has_the_next_turn(standings: list[Standing], expected: int | None) -> None:
    assert turns.next_of(standings) == expected


def test_a_reading_that_is_not_due_yet_is_lost_a_period_later() -> None:
    assert (DUE.lost_in_s, CONTENT.lost_in_s) == (50.0, 600.0)


# --- when a turn is over ----------------------------------------------------------------------------------------------

FAR = replace(DUE, next_due_s=1000.0)
LATER = replace(CONTENT, ready_in_s=5.0, due=True)


@pytest.mark.parametrize("phase", Phase)
@pytest.mark.parametrize("others", [[], [CONTENT], [CONTENT, LATER]])
def test_while_nobody_else_wants_a_turn_the_stick_stays(phase: Phase, others: list[Standing]) -> None:
    assert not turns.is_over(visit(phase, phase_s=1e6, due_s=1e6), others)


@pytest.mark.parametrize("phase", [Phase.PORT, Phase.STOPPED])
def test_what_is_everybody_s_trouble_is_no_reason_to_change(phase: Phase) -> None:
    assert not turns.is_over(visit(phase, phase_s=1e6), [DUE, UNFINISHED])


@pytest.mark.parametrize(
    ("one", "other", "over"),
    [
        (visit(), DUE, True),
        (visit(), UNFINISHED, True),
        # its own reading first, but not for ever
        (visit(due_s=0.0), DUE, False),
        (visit(due_s=89.9, phase_s=89.9), FAR, False),
        (visit(due_s=90.0, phase_s=90.0), FAR, True),
        # and never so long that another is lost: 15 s for each of the others
        (visit(due_s=20.0, phase_s=20.0), replace(DUE, next_due_s=30.1), False),
        (visit(due_s=20.0, phase_s=20.0), replace(DUE, next_due_s=30.0), True),
        (visit(due_s=9.9, phase_s=9.9), replace(DUE, next_due_s=0.0), False),
        # a reading that has become due at the end of a long stay counts from then
        (visit(due_s=0.0, phase_s=300.0), DUE, False),
        # background work has a little time beside a due reading, more beside other background work
        (visit(has_work=True), DUE, False),
        (visit(has_work=True, phase_s=10.0), DUE, True),
        (visit(has_work=True, phase_s=10.0), UNFINISHED, False),
        (visit(has_work=True, phase_s=120.0), UNFINISHED, True),
        (visit(at_rest=False), DUE, False),
        (visit(at_rest=False, phase_s=10.0), DUE, True),
    ],
)
def test_how_long_a_meter_that_is_joined_keeps_its_turn(one: Visit, other: Standing, over: bool) -> None:
    assert turns.is_over(one, [CONTENT, other]) is over


def test_a_meter_that_was_not_found_gives_way_at_once() -> None:
    assert turns.is_over(visit(Phase.FAILED, phase_s=0.0), [UNFINISHED])


def seeking(phase_s: float, *, generous: bool = False) -> Visit:
    return visit(Phase.SEEKING, phase_s=phase_s, generous=generous)


@pytest.mark.parametrize(
    ("one", "other", "over"),
    [
        # one join at least
        (seeking(44.9), replace(DUE, next_due_s=0.0), False),
        # while a reading waits, every second time only
        (seeking(45.0), FAR, True),
        (seeking(45.0, generous=True), FAR, False),
        # but never so long that one is lost: 15 s for each of the others
        (seeking(45.0, generous=True), replace(DUE, next_due_s=30.1), False),
        (seeking(45.0, generous=True), replace(DUE, next_due_s=30.0), True),
        (seeking(179.0, generous=True), FAR, False),
        (seeking(180.0, generous=True), FAR, True),
        # while nobody has a reading due there is time
        (seeking(100.0), UNFINISHED, False),
        (seeking(180.0), UNFINISHED, True),
    ],
)
def test_how_long_a_meter_is_looked_for(one: Visit, other: Standing, over: bool) -> None:
    assert turns.is_over(one, [CONTENT, other]) is over


def test_meters_that_are_in_trouble_themselves_limit_nobody() -> None:
    assert turns.slack_s([replace(DUE, failures=1), CONTENT]) == 600.0 - 15.0
    assert turns.slack_s([]) == inf


@pytest.mark.parametrize(
    ("one", "others"),
    [
        (visit(), []),
        (visit(), [LATER]),
        (visit(has_work=True, phase_s=3.0), [DUE]),
        (visit(has_work=True, phase_s=3.0), [UNFINISHED]),
        (visit(due_s=3.0, phase_s=3.0), [DUE]),
        (seeking(3.0), [DUE]),
        (seeking(3.0, generous=True), [DUE]),
        (seeking(50.0), [UNFINISHED]),
    ],
)
def test_a_turn_does_not_end_between_two_looks_at_it(one: Visit, others: list[Standing]) -> None:
    """Whatever ends it by the mere passing of time is looked for at that moment."""

    def later(seconds: float) -> bool:
        due_s = None if one.due_s is None else one.due_s + seconds
        then = [
            replace(other, next_due_s=other.next_due_s - seconds, ready_in_s=other.ready_in_s - seconds)
            for other in others
        ]
        return turns.is_over(replace(one, phase_s=one.phase_s + seconds, due_s=due_s), then)

    looks = turns.looks_again_s(one, others)
    assert looks > 0
    steps = [step / 10 for step in range(int(min(looks, 400.0) * 10))]
    assert not any(later(step) for step in steps if step < looks)


def test_pauses_grow_to_five_minutes() -> None:
    assert [turns.pause_s(failures) for failures in (1, 2, 3, 4, 5, 50)] == [30, 60, 120, 240, 300, 300]
