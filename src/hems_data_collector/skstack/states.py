"""The state machine of a conversation with a module, as one table: (state, input) -> (next state, action).

The module has no request identifier and takes one command at a time (skstack-ip §1.2). Every command ends with OK or
FAIL except SKLL64, which ends with its address line. The echo of a command comes at most once and is never required
(§1.3), hence a second state for each kind of command.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum, auto
from typing import Final, TypeAlias


class State(Enum):
    """What a final line would end, and whether an echo may still come."""

    IDLE = auto()
    STATUS = auto()
    """A command waits for OK or FAIL."""
    STATUS_ECHOED = auto()
    ADDRESS = auto()
    """SKLL64 waits for its address line or FAIL."""
    ADDRESS_ECHOED = auto()


class Input(Enum):
    """What can happen."""

    SEND = auto()
    SEND_FOR_ADDRESS = auto()
    ABANDON = auto()
    ECHO = auto()
    """A line that begins with the name of the pending command."""
    OK = auto()
    FAIL = auto()
    ADDRESS_LINE = auto()
    ANSWER = auto()
    """A data line that belongs to a command (EVER, EINFO, a table)."""
    EVENT = auto()
    """A line that may come at any time."""


class Action(Enum):
    """What is done about it."""

    START = auto()
    REFUSE = auto()
    """The caller broke the rule of one command at a time."""
    FORGET = auto()
    DROP = auto()
    EMIT = auto()
    COLLECT = auto()
    """Keep for the end of the command."""
    COMPLETE = auto()
    REJECT = auto()
    """Count and hand out as unparsed."""


S: TypeAlias = State
I: TypeAlias = Input  # noqa: E741  # one letter keeps the table a table
A: TypeAlias = Action

TRANSITIONS: Final[Mapping[tuple[State, Input], tuple[State, Action]]] = {
    (S.IDLE, I.SEND): (S.STATUS, A.START),
    (S.IDLE, I.SEND_FOR_ADDRESS): (S.ADDRESS, A.START),
    (S.IDLE, I.ABANDON): (S.IDLE, A.FORGET),
    (S.IDLE, I.ECHO): (S.IDLE, A.REJECT),
    (S.IDLE, I.OK): (S.IDLE, A.EMIT),
    (S.IDLE, I.FAIL): (S.IDLE, A.EMIT),
    (S.IDLE, I.ADDRESS_LINE): (S.IDLE, A.EMIT),
    (S.IDLE, I.ANSWER): (S.IDLE, A.EMIT),
    (S.IDLE, I.EVENT): (S.IDLE, A.EMIT),
    (S.STATUS, I.SEND): (S.STATUS, A.REFUSE),
    (S.STATUS, I.SEND_FOR_ADDRESS): (S.STATUS, A.REFUSE),
    (S.STATUS, I.ABANDON): (S.IDLE, A.FORGET),
    (S.STATUS, I.ECHO): (S.STATUS_ECHOED, A.DROP),
    (S.STATUS, I.OK): (S.IDLE, A.COMPLETE),
    (S.STATUS, I.FAIL): (S.IDLE, A.COMPLETE),
    (S.STATUS, I.ADDRESS_LINE): (S.STATUS, A.EMIT),
    (S.STATUS, I.ANSWER): (S.STATUS, A.COLLECT),
    (S.STATUS, I.EVENT): (S.STATUS, A.EMIT),
    (S.STATUS_ECHOED, I.SEND): (S.STATUS_ECHOED, A.REFUSE),
    (S.STATUS_ECHOED, I.SEND_FOR_ADDRESS): (S.STATUS_ECHOED, A.REFUSE),
    (S.STATUS_ECHOED, I.ABANDON): (S.IDLE, A.FORGET),
    (S.STATUS_ECHOED, I.ECHO): (S.STATUS_ECHOED, A.REJECT),
    (S.STATUS_ECHOED, I.OK): (S.IDLE, A.COMPLETE),
    (S.STATUS_ECHOED, I.FAIL): (S.IDLE, A.COMPLETE),
    (S.STATUS_ECHOED, I.ADDRESS_LINE): (S.STATUS_ECHOED, A.EMIT),
    (S.STATUS_ECHOED, I.ANSWER): (S.STATUS_ECHOED, A.COLLECT),
    (S.STATUS_ECHOED, I.EVENT): (S.STATUS_ECHOED, A.EMIT),
    (S.ADDRESS, I.SEND): (S.ADDRESS, A.REFUSE),
    (S.ADDRESS, I.SEND_FOR_ADDRESS): (S.ADDRESS, A.REFUSE),
    (S.ADDRESS, I.ABANDON): (S.IDLE, A.FORGET),
    (S.ADDRESS, I.ECHO): (S.ADDRESS_ECHOED, A.DROP),
    (S.ADDRESS, I.OK): (S.ADDRESS, A.EMIT),  # the late end of an abandoned command
    (S.ADDRESS, I.FAIL): (S.IDLE, A.COMPLETE),
    (S.ADDRESS, I.ADDRESS_LINE): (S.IDLE, A.COMPLETE),
    (S.ADDRESS, I.ANSWER): (S.ADDRESS, A.COLLECT),
    (S.ADDRESS, I.EVENT): (S.ADDRESS, A.EMIT),
    (S.ADDRESS_ECHOED, I.SEND): (S.ADDRESS_ECHOED, A.REFUSE),
    (S.ADDRESS_ECHOED, I.SEND_FOR_ADDRESS): (S.ADDRESS_ECHOED, A.REFUSE),
    (S.ADDRESS_ECHOED, I.ABANDON): (S.IDLE, A.FORGET),
    (S.ADDRESS_ECHOED, I.ECHO): (S.ADDRESS_ECHOED, A.REJECT),
    (S.ADDRESS_ECHOED, I.OK): (S.ADDRESS_ECHOED, A.EMIT),
    (S.ADDRESS_ECHOED, I.FAIL): (S.IDLE, A.COMPLETE),
    (S.ADDRESS_ECHOED, I.ADDRESS_LINE): (S.IDLE, A.COMPLETE),
    (S.ADDRESS_ECHOED, I.ANSWER): (S.ADDRESS_ECHOED, A.COLLECT),
    (S.ADDRESS_ECHOED, I.EVENT): (S.ADDRESS_ECHOED, A.EMIT),
}
