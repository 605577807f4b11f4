"""The life of a PANA session as one table (skstack-ip §4.3). PURE."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum, auto
from typing import Final

from hems_data_collector.skstack import EventNumber


class SessionState(Enum):
    """Where the session with the meter stands."""

    DOWN = auto()
    JOINING = auto()
    UP = auto()
    EXPIRED = auto()
    """The lifetime ran out; the modem may be re-authenticating: send nothing, wait for 25 or 24."""
    ENDING = auto()


class SessionInput(Enum):
    """What can happen to it."""

    JOIN_SENT = auto()
    JOIN_GIVEN_UP = auto()
    AUTHENTICATED = auto()
    REFUSED = auto()
    ENDED_BY_METER = auto()
    LIFETIME_OVER = auto()
    NOT_RENEWED = auto()
    SILENT = auto()
    TERM_SENT = auto()
    TERM_DONE = auto()
    MODEM_LOST = auto()


EVENT_INPUTS: Final[Mapping[int, SessionInput]] = {
    EventNumber.JOINED: SessionInput.AUTHENTICATED,
    EventNumber.JOIN_FAILED: SessionInput.REFUSED,
    EventNumber.PEER_ENDED_SESSION: SessionInput.ENDED_BY_METER,
    EventNumber.TERMINATED: SessionInput.TERM_DONE,
    EventNumber.TERMINATE_TIMED_OUT: SessionInput.TERM_DONE,
    EventNumber.SESSION_EXPIRED: SessionInput.LIFETIME_OVER,
}
"""Events 24-29; every other number leaves the session alone."""

_S, _I = SessionState, SessionInput

TRANSITIONS: Final[Mapping[tuple[SessionState, SessionInput], SessionState]] = {
    (_S.DOWN, _I.JOIN_SENT): _S.JOINING,
    (_S.JOINING, _I.AUTHENTICATED): _S.UP,
    (_S.JOINING, _I.REFUSED): _S.DOWN,
    (_S.JOINING, _I.JOIN_GIVEN_UP): _S.DOWN,
    (_S.JOINING, _I.MODEM_LOST): _S.DOWN,
    (_S.UP, _I.AUTHENTICATED): _S.UP,  # the modem renews the session by itself at 80 % of its lifetime
    (_S.UP, _I.REFUSED): _S.DOWN,
    (_S.UP, _I.ENDED_BY_METER): _S.DOWN,
    (_S.UP, _I.TERM_DONE): _S.DOWN,
    (_S.UP, _I.LIFETIME_OVER): _S.EXPIRED,
    (_S.UP, _I.SILENT): _S.DOWN,
    (_S.UP, _I.TERM_SENT): _S.ENDING,
    (_S.UP, _I.MODEM_LOST): _S.DOWN,
    (_S.EXPIRED, _I.AUTHENTICATED): _S.UP,
    (_S.EXPIRED, _I.REFUSED): _S.DOWN,
    (_S.EXPIRED, _I.ENDED_BY_METER): _S.DOWN,
    (_S.EXPIRED, _I.NOT_RENEWED): _S.DOWN,
    (_S.EXPIRED, _I.TERM_SENT): _S.ENDING,
    (_S.EXPIRED, _I.MODEM_LOST): _S.DOWN,
    (_S.ENDING, _I.TERM_DONE): _S.DOWN,
    (_S.ENDING, _I.MODEM_LOST): _S.DOWN,
}
"""What is not listed changes nothing: a late or foreign event is no reason to act."""


def next_state(state: SessionState, happened: SessionInput) -> SessionState:
    """The state after `happened`; the same state where the table has no row."""
    return TRANSITIONS.get((state, happened), state)
