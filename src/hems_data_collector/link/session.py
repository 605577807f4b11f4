"""The life of a session with the meter, as one table: (state, input) -> (next state, actions). PURE.

`machine.py` executes it: it keeps the state, arms the limit of each state, and has the actions done by their owner.
docs/link.md is drawn from it. What is not listed changes nothing: a late or foreign event is no reason to act.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Final, NamedTuple, TypeAlias

from hems_data_collector.skstack import EventNumber


class SessionState(Enum):
    """Where the session with the meter stands."""

    CLOSED = "not begun, or ended by us"
    PORTLESS = "no port; waits before it is opened again"
    OPENING = "the port is opened, the modem recognised and given id and password"
    DOUBTED = "the modem is open and not to be trusted; waits before it is reset"
    RESETTING = "SKRESET, and id and password anew, on the open port"
    DOWN = "the modem is ready; waits before the meter is tried again"
    SCANNING = "one sweep over the channels after the other"
    JOINING = "SKJOIN is sent, or about to be"
    BUSY = "SKJOIN was not taken: the modem ends an exchange of its own first"
    UP = "requests and answers"
    HELD = "a session, but the air time is used up: nothing is sent"
    BARRED = "no session, and the air time is used up: neither scan nor join"
    EXPIRED = "the lifetime is over and the modem may be renewing it: nothing is sent"
    ENDING = "SKTERM is sent"


class SessionInput(Enum):
    """What can happen to it."""

    START = "start"
    CLOSE = "close"
    TIME_UP = "limit"
    PLACE_KNOWN = "ready, place known"
    PLACE_UNKNOWN = "ready, place unknown"
    STILL_LIMITED = "ready, air time used up"
    PORT_LOST = "port lost"
    MODEM_FAILED = "modem fails"
    RESTARTED = "modem restarted"
    SWEPT = "EVENT 22"
    FOUND = "found"
    NOT_FOUND_YET = "not found yet"
    NOT_FOUND = "not found"
    JOIN_NOT_TAKEN = "ER10"
    AUTHENTICATED = "EVENT 25"
    REFUSED = "EVENT 24"
    NEXT_PLACE = "EVENT 24, another PAN left"
    NOT_HERE = "EVENT 24, place doubtful"
    ENDED_BY_METER = "EVENT 26"
    TERM_DONE = "EVENT 27, 28"
    LIFETIME_OVER = "EVENT 29"
    LIMIT_REACHED = "EVENT 32"
    LIMIT_RELEASED = "EVENT 33"
    SILENT = "probe silent"
    TERM_REFUSED = "SKTERM fails"


class Action(Enum):
    """What is done on the way from one state to the next; the first six are work that takes time."""

    OPEN = "open the port, recognise the modem"
    RESET = "reset the modem"
    SCAN = "begin with the shortest sweep"
    WIDEN = "begin the next longer sweep"
    COLLECT = "wait for late descriptions, judge what was found"
    JOIN = "tune, SKJOIN"
    ASK_LIMIT = "read register SFB"
    TERMINATE = "SKTERM"
    LET_GO = "close the port"
    FORGET_PLACE = "forget where the meter was"
    ANNOUNCE = "the session is up"
    LOSE = "the session is lost"
    RESTRICT = "note the time of release"
    RELEASE = "sending is free"


class Limit(NamedTuple):
    """How long a state lasts at most; `seconds` None: the link says it at the moment of entry."""

    seconds: float | None
    why: str


@dataclass(frozen=True, slots=True)
class Row:
    """What follows from an input."""

    state: SessionState
    actions: tuple[Action, ...] = ()


JOIN_LIMIT_S: Final = 45.0  # the module gives up by itself after about 40 s (skstack-ip §2.5)
RENEWAL_LIMIT_S: Final = 60.0  # after EVENT 29 wait this long for 25 or 24 (skstack-ip §4.3)
OPENING_LIMIT_S: Final = 90.0  # 15 s for a TCP peer, and every baud rate of skstack-ip §1.1
RESET_LIMIT_S: Final = 15.0  # a dozen local commands; a modem that needs longer hangs
ENDING_LIMIT_S: Final = 4.0  # 1 s for SKTERM, 3 s for EVENT 27 or 28; the program ends within 5 s

EVENT_INPUTS: Final[Mapping[int, SessionInput]] = {
    EventNumber.SCAN_DONE: SessionInput.SWEPT,
    EventNumber.JOIN_FAILED: SessionInput.REFUSED,
    EventNumber.JOINED: SessionInput.AUTHENTICATED,
    EventNumber.PEER_ENDED_SESSION: SessionInput.ENDED_BY_METER,
    EventNumber.TERMINATED: SessionInput.TERM_DONE,
    EventNumber.TERMINATE_TIMED_OUT: SessionInput.TERM_DONE,
    EventNumber.SESSION_EXPIRED: SessionInput.LIFETIME_OVER,
    EventNumber.SEND_LIMIT_REACHED: SessionInput.LIMIT_REACHED,
    EventNumber.SEND_LIMIT_RELEASED: SessionInput.LIMIT_RELEASED,
}
"""Every other number leaves the session alone (skstack-ip §3.1)."""

LIVE: Final = frozenset({SessionState.UP, SessionState.HELD, SessionState.EXPIRED})
"""A session that the meter holds, as far as we know."""

RESTING: Final = frozenset({SessionState.PORTLESS, SessionState.DOUBTED, SessionState.DOWN})
"""Where a failure waits for the next try, longer each time (retry.py)."""

S: TypeAlias = SessionState
I: TypeAlias = SessionInput  # noqa: E741  # one letter keeps the table a table
A: TypeAlias = Action

_RETRY: Final = Limit(None, "longer after each failure, five minutes at most")
_RELEASE: Final = Limit(None, "an hour from EVENT 32, then every five minutes")

LIMITS: Final[Mapping[SessionState, Limit]] = {
    S.PORTLESS: _RETRY,
    S.OPENING: Limit(OPENING_LIMIT_S, "slow network ports and every baud rate"),
    S.DOUBTED: _RETRY,
    S.RESETTING: Limit(RESET_LIMIT_S, "local commands take milliseconds"),
    S.DOWN: _RETRY,
    S.SCANNING: Limit(None, "the length of the sweep and 10 s"),
    S.JOINING: Limit(JOIN_LIMIT_S, "the module gives up after about 40 s"),
    S.BUSY: Limit(JOIN_LIMIT_S, "as long as an authentication can take"),
    S.HELD: _RELEASE,
    S.BARRED: _RELEASE,
    S.EXPIRED: Limit(RENEWAL_LIMIT_S, "for the module to renew the session by itself"),
    S.ENDING: Limit(ENDING_LIMIT_S, "for EVENT 27 or 28"),
}
"""A state without a row lasts until something happens. The end of a limit is the input TIME_UP; in DOWN it is what the
modem is ready for."""


def _row(state: SessionState, *actions: Action) -> Row:
    return Row(state, actions)


_NO_PORT: Final = _row(S.PORTLESS, A.LET_GO)
_LOST: Final = _row(S.PORTLESS, A.LOSE, A.LET_GO)
_END: Final = _row(S.CLOSED, A.LET_GO)
_TO_JOIN: Final = _row(S.JOINING, A.JOIN)
_TO_SCAN: Final = _row(S.SCANNING, A.SCAN)
_BAR: Final = _row(S.BARRED, A.RESTRICT)

TRANSITIONS: Final[Mapping[tuple[SessionState, SessionInput], Row]] = {
    (S.CLOSED, I.START): _row(S.OPENING, A.OPEN),
    # --- port and modem
    (S.PORTLESS, I.TIME_UP): _row(S.OPENING, A.OPEN),
    (S.PORTLESS, I.CLOSE): _END,
    (S.OPENING, I.PLACE_KNOWN): _TO_JOIN,
    (S.OPENING, I.PLACE_UNKNOWN): _TO_SCAN,
    (S.OPENING, I.STILL_LIMITED): _row(S.BARRED),
    (S.OPENING, I.PORT_LOST): _NO_PORT,
    (S.OPENING, I.MODEM_FAILED): _NO_PORT,
    (S.OPENING, I.TIME_UP): _NO_PORT,
    (S.OPENING, I.CLOSE): _END,
    (S.DOUBTED, I.TIME_UP): _row(S.RESETTING, A.RESET),
    (S.DOUBTED, I.PORT_LOST): _NO_PORT,
    (S.DOUBTED, I.CLOSE): _END,
    (S.RESETTING, I.PLACE_KNOWN): _TO_JOIN,
    (S.RESETTING, I.PLACE_UNKNOWN): _TO_SCAN,
    (S.RESETTING, I.STILL_LIMITED): _row(S.BARRED),
    (S.RESETTING, I.MODEM_FAILED): _row(S.OPENING, A.OPEN),  # SKRESET did not help: reopen, then wait (§7 row 18)
    (S.RESETTING, I.TIME_UP): _row(S.OPENING, A.OPEN),
    (S.RESETTING, I.PORT_LOST): _NO_PORT,
    (S.RESETTING, I.CLOSE): _END,
    # --- to the meter
    (S.DOWN, I.PLACE_KNOWN): _TO_JOIN,
    (S.DOWN, I.PLACE_UNKNOWN): _TO_SCAN,
    (S.DOWN, I.STILL_LIMITED): _row(S.BARRED),  # another meter's session on this port has used the air time up
    (S.DOWN, I.AUTHENTICATED): _row(S.UP, A.ANNOUNCE),  # the module has renewed the session after all
    (S.DOWN, I.LIMIT_REACHED): _BAR,
    (S.DOWN, I.PORT_LOST): _NO_PORT,
    (S.DOWN, I.CLOSE): _END,
    (S.SCANNING, I.SWEPT): _row(S.SCANNING, A.COLLECT),
    (S.SCANNING, I.FOUND): _TO_JOIN,
    (S.SCANNING, I.NOT_FOUND_YET): _row(S.SCANNING, A.WIDEN),
    (S.SCANNING, I.NOT_FOUND): _row(S.DOUBTED),  # a modem that has forgotten the id finds nothing either
    (S.SCANNING, I.MODEM_FAILED): _row(S.DOUBTED),
    (S.SCANNING, I.TIME_UP): _row(S.DOUBTED),
    (S.SCANNING, I.LIMIT_REACHED): _BAR,
    (S.SCANNING, I.PORT_LOST): _NO_PORT,
    (S.SCANNING, I.CLOSE): _END,
    (S.JOINING, I.AUTHENTICATED): _row(S.UP, A.ANNOUNCE),
    (S.JOINING, I.REFUSED): _row(S.DOUBTED),  # one that has forgotten the password is refused too
    (S.JOINING, I.NEXT_PLACE): _TO_JOIN,
    (S.JOINING, I.NOT_HERE): _row(S.SCANNING, A.FORGET_PLACE, A.SCAN),
    (S.JOINING, I.JOIN_NOT_TAKEN): _row(S.BUSY),
    (S.JOINING, I.MODEM_FAILED): _row(S.DOUBTED),
    (S.JOINING, I.TIME_UP): _row(S.DOUBTED),
    (S.JOINING, I.LIMIT_REACHED): _BAR,
    (S.JOINING, I.PORT_LOST): _NO_PORT,
    (S.JOINING, I.CLOSE): _END,
    (S.BUSY, I.AUTHENTICATED): _row(S.UP, A.ANNOUNCE),
    (S.BUSY, I.REFUSED): _TO_JOIN,
    (S.BUSY, I.TIME_UP): _row(S.DOUBTED),
    (S.BUSY, I.LIMIT_REACHED): _BAR,
    (S.BUSY, I.PORT_LOST): _NO_PORT,
    (S.BUSY, I.CLOSE): _END,
    # --- the session
    (S.UP, I.AUTHENTICATED): _row(S.UP),  # the module renews the session by itself at 80 % of its lifetime
    (S.UP, I.REFUSED): _row(S.DOWN, A.LOSE),
    (S.UP, I.ENDED_BY_METER): _row(S.DOWN, A.LOSE),
    (S.UP, I.TERM_DONE): _row(S.DOWN, A.LOSE),
    (S.UP, I.LIFETIME_OVER): _row(S.EXPIRED),
    (S.UP, I.SILENT): _row(S.DOUBTED, A.LOSE),  # a modem that restarted by itself is silent too
    (S.UP, I.RESTARTED): _row(S.DOUBTED, A.LOSE),
    (S.UP, I.MODEM_FAILED): _row(S.DOUBTED, A.LOSE),
    (S.UP, I.LIMIT_REACHED): _row(S.HELD, A.RESTRICT),
    (S.UP, I.PORT_LOST): _LOST,
    (S.UP, I.CLOSE): _row(S.ENDING, A.TERMINATE),
    (S.EXPIRED, I.AUTHENTICATED): _row(S.UP),
    (S.EXPIRED, I.REFUSED): _row(S.DOWN, A.LOSE),
    (S.EXPIRED, I.ENDED_BY_METER): _row(S.DOWN, A.LOSE),
    (S.EXPIRED, I.TERM_DONE): _row(S.DOWN, A.LOSE),
    (S.EXPIRED, I.TIME_UP): _row(S.DOWN, A.LOSE),
    (S.EXPIRED, I.MODEM_FAILED): _row(S.DOUBTED, A.LOSE),
    (S.EXPIRED, I.LIMIT_REACHED): _row(S.BARRED, A.LOSE, A.RESTRICT),
    (S.EXPIRED, I.PORT_LOST): _LOST,
    (S.EXPIRED, I.CLOSE): _row(S.ENDING, A.TERMINATE),
    # --- no sending: neither requests nor scan, join, replies or SKTERM (skstack-ip §4.6)
    (S.HELD, I.LIMIT_RELEASED): _row(S.UP, A.RELEASE),
    (S.HELD, I.TIME_UP): _row(S.HELD, A.ASK_LIMIT),
    (S.HELD, I.REFUSED): _row(S.BARRED, A.LOSE),
    (S.HELD, I.ENDED_BY_METER): _row(S.BARRED, A.LOSE),
    (S.HELD, I.TERM_DONE): _row(S.BARRED, A.LOSE),
    (S.HELD, I.LIFETIME_OVER): _row(S.BARRED, A.LOSE),
    (S.HELD, I.MODEM_FAILED): _row(S.DOUBTED, A.LOSE),
    (S.HELD, I.PORT_LOST): _LOST,
    (S.HELD, I.CLOSE): _END,
    (S.BARRED, I.LIMIT_RELEASED): _row(S.DOWN, A.RELEASE),
    (S.BARRED, I.TIME_UP): _row(S.BARRED, A.ASK_LIMIT),
    (S.BARRED, I.AUTHENTICATED): _row(S.HELD, A.ANNOUNCE),
    (S.BARRED, I.MODEM_FAILED): _row(S.DOUBTED),
    (S.BARRED, I.PORT_LOST): _NO_PORT,
    (S.BARRED, I.CLOSE): _END,
    # --- the end
    (S.ENDING, I.TERM_DONE): _END,
    (S.ENDING, I.TERM_REFUSED): _END,
    (S.ENDING, I.MODEM_FAILED): _END,
    (S.ENDING, I.TIME_UP): _END,
    (S.ENDING, I.PORT_LOST): _END,
}
