"""The life of a session, row by row (skstack-ip §4.3-§4.6), and that the table leaves nothing open."""

from __future__ import annotations

import pytest

from hems_data_collector.link.session import (
    EVENT_INPUTS,
    LIMITS,
    LIVE,
    RESTING,
    TRANSITIONS,
    Action,
    SessionInput,
    SessionState,
)

UP, DOWN, EXPIRED, HELD, BARRED = (
    SessionState.UP,
    SessionState.DOWN,
    SessionState.EXPIRED,
    SessionState.HELD,
    SessionState.BARRED,
)
JOINING, ENDING = SessionState.JOINING, SessionState.ENDING
WORK = {Action.OPEN, Action.RESET, Action.SCAN, Action.WIDEN, Action.COLLECT, Action.JOIN, Action.TERMINATE}


def after(state: SessionState, happened: SessionInput) -> SessionState:
    row = TRANSITIONS.get((state, happened))
    return state if row is None else row.state


@pytest.mark.parametrize(
    ("state", "event", "expected"),
    [
        (JOINING, 0x25, UP),
        (JOINING, 0x24, SessionState.DOUBTED),
        (UP, 0x25, UP),
        (UP, 0x24, DOWN),
        (UP, 0x26, DOWN),
        (UP, 0x27, DOWN),
        (UP, 0x28, DOWN),
        (UP, 0x29, EXPIRED),
        (UP, 0x32, HELD),
        (HELD, 0x33, UP),
        (HELD, 0x25, HELD),
        (HELD, 0x24, BARRED),
        (HELD, 0x26, BARRED),
        (HELD, 0x29, BARRED),
        (EXPIRED, 0x25, UP),
        (EXPIRED, 0x24, DOWN),
        (EXPIRED, 0x32, BARRED),
        (SessionState.BUSY, 0x25, UP),
        (SessionState.BUSY, 0x24, JOINING),
        (SessionState.SCANNING, 0x32, BARRED),
        (JOINING, 0x32, BARRED),
        (BARRED, 0x33, DOWN),
        (BARRED, 0x25, HELD),
        (ENDING, 0x27, SessionState.CLOSED),
        (ENDING, 0x28, SessionState.CLOSED),
        (DOWN, 0x25, UP),
        (DOWN, 0x29, DOWN),
        (JOINING, 0x26, JOINING),
        (JOINING, 0x29, JOINING),
        (JOINING, 0x28, JOINING),
        (SessionState.SCANNING, 0x24, SessionState.SCANNING),
        (SessionState.CLOSED, 0x25, SessionState.CLOSED),
    ],
)
def test_an_event_moves_the_session(state: SessionState, event: int, expected: SessionState) -> None:
    assert after(state, EVENT_INPUTS[event]) is expected


@pytest.mark.parametrize("number", [0x01, 0x02, 0x1F, 0x20, 0x21, 0xC0, 0x7E])
def test_other_events_are_not_about_the_session(number: int) -> None:
    assert number not in EVENT_INPUTS


@pytest.mark.parametrize("state", [state for state in SessionState if state not in (UP, SessionState.CLOSED)])
def test_no_state_but_a_session_lasts_for_ever(state: SessionState) -> None:
    assert state in LIMITS
    over = SessionInput.PLACE_KNOWN if state is DOWN else SessionInput.TIME_UP
    row = TRANSITIONS[state, over]
    assert row.state is not state or row.actions == (Action.ASK_LIMIT,)


@pytest.mark.parametrize("state", [state for state in SessionState if state is not SessionState.CLOSED])
def test_every_state_leads_back_to_a_session(state: SessionState) -> None:
    reached = {state}
    while True:
        further = {row.state for (before, happened), row in TRANSITIONS.items() if before in reached and
                   happened is not SessionInput.CLOSE} - reached  # fmt: skip
        if not further:
            break
        reached |= further
    assert UP in reached or state is ENDING


@pytest.mark.parametrize("state", SessionState)
def test_a_lost_port_and_a_wish_to_close_are_heard_wherever_they_matter(state: SessionState) -> None:
    if state not in (SessionState.CLOSED, ENDING):
        assert (state, SessionInput.CLOSE) in TRANSITIONS
    if state not in (SessionState.CLOSED, SessionState.PORTLESS):
        row = TRANSITIONS[state, SessionInput.PORT_LOST]
        assert Action.LET_GO in row.actions
        assert (Action.LOSE in row.actions) == (state in LIVE)


def test_leaving_a_session_is_told_and_nothing_else_is() -> None:
    for (before, happened), row in TRANSITIONS.items():
        if happened is SessionInput.CLOSE:
            continue
        lost = before in LIVE and row.state not in LIVE
        assert (Action.LOSE in row.actions) == lost, (before, happened)
        up = before not in LIVE and row.state in LIVE
        assert (Action.ANNOUNCE in row.actions) == up, (before, happened)


def test_every_way_into_a_working_state_begins_its_work_and_only_one() -> None:
    for (before, happened), row in TRANSITIONS.items():
        assert sum(action in WORK for action in row.actions) <= 1, (before, happened)
    for state in (SessionState.OPENING, SessionState.RESETTING, SessionState.SCANNING, JOINING, ENDING):
        for (before, happened), row in TRANSITIONS.items():
            if row.state is state:
                assert WORK & set(row.actions), (before, happened)


def test_while_the_air_time_is_used_up_nothing_is_begun_that_sends() -> None:
    sending = {Action.SCAN, Action.WIDEN, Action.JOIN, Action.TERMINATE}
    for (before, _), row in TRANSITIONS.items():
        if before in (HELD, BARRED):
            assert not sending & set(row.actions)
        if Action.RESTRICT in row.actions:
            assert row.state in (HELD, BARRED)


def test_failures_wait_before_the_next_try() -> None:
    for (before, happened), row in TRANSITIONS.items():
        if happened in (SessionInput.REFUSED, SessionInput.NOT_FOUND, SessionInput.SILENT, SessionInput.RESTARTED):
            assert row.state in (*RESTING, BARRED, JOINING), (before, happened)
