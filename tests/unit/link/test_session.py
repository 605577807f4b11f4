"""The life of a session, row by row (skstack-ip §4.3), and the waits between tries."""

from __future__ import annotations

from random import Random

import pytest

from hems_data_collector.errors import CommandTimeout, JoinRefused, MeterNotFound, PortNotFound, SessionLost
from hems_data_collector.link.retry import CEILING_S, JITTER, waits_for
from hems_data_collector.link.session import EVENT_INPUTS, SessionInput, SessionState, next_state

UP, DOWN, EXPIRED = SessionState.UP, SessionState.DOWN, SessionState.EXPIRED


@pytest.mark.parametrize(
    ("state", "event", "after"),
    [
        (SessionState.JOINING, 0x25, UP),
        (SessionState.JOINING, 0x24, DOWN),
        (UP, 0x25, UP),
        (UP, 0x24, DOWN),
        (UP, 0x26, DOWN),
        (UP, 0x29, EXPIRED),
        (EXPIRED, 0x25, UP),
        (EXPIRED, 0x24, DOWN),
        (SessionState.ENDING, 0x27, DOWN),
        (SessionState.ENDING, 0x28, DOWN),
        (DOWN, 0x25, DOWN),
        (DOWN, 0x29, DOWN),
        (SessionState.JOINING, 0x29, SessionState.JOINING),
    ],
)
def test_an_event_moves_the_session(state: SessionState, event: int, after: SessionState) -> None:
    assert next_state(state, EVENT_INPUTS[event]) is after


def test_an_expired_session_that_is_not_renewed_is_down() -> None:
    assert next_state(EXPIRED, SessionInput.NOT_RENEWED) is DOWN


@pytest.mark.parametrize("state", [s for s in SessionState if s is not DOWN])
def test_a_lost_modem_ends_every_session(state: SessionState) -> None:
    assert next_state(state, SessionInput.MODEM_LOST) is DOWN


@pytest.mark.parametrize("number", [0x01, 0x02, 0x1F, 0x20, 0x21, 0x22, 0x32, 0x33, 0xC0, 0x7E])
def test_other_events_are_not_about_the_session(number: int) -> None:
    assert number not in EVENT_INPUTS


@pytest.mark.parametrize(
    ("error", "first_s"),
    [
        (PortNotFound("x"), 1),
        (CommandTimeout("x"), 2),
        (MeterNotFound("x"), 60),
        (JoinRefused("x"), 60),
        (SessionLost("x"), 0.5),
    ],
)
def test_waits_grow_and_never_pass_five_minutes(error: PortNotFound, first_s: float) -> None:
    rng = Random(7)
    waits = [waits_for(error).before(attempt, rng) for attempt in range(40)]
    assert waits[0] == pytest.approx(first_s, rel=JITTER)
    assert max(waits) <= CEILING_S * (1 + JITTER)
    assert waits[30] > waits[0]
