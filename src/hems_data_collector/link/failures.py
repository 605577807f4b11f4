"""What can be wrong on the way to the meter, in words for its owner: what happened, its likely cause, what to do."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from hems_data_collector.errors import (
    CommandTimeout,
    HemsError,
    JoinRefused,
    LinkError,
    MeterNotFound,
    SendRestricted,
    SessionLost,
)
from hems_data_collector.link.scan import scan_did_not_end
from hems_data_collector.link.session import SessionInput, SessionState


def air_time_used_up() -> SendRestricted:
    """EVENT 32 without 33 yet (skstack-ip §4.6)."""
    return SendRestricted(
        "The modem has used up its legal air time of this hour.",
        cause="Too many retries or scans in a row.",
        remedy="Nothing: sending resumes by itself when the modem reports the release.",
    )


def not_joined_within(seconds: float) -> MeterNotFound:
    """A one-shot verb has used up its time."""
    return MeterNotFound(
        f"The meter could not be joined within {seconds:.0f} s.",
        cause="The radio link is weak, or the remembered place of the meter is out of date.",
        remedy="Move the stick nearer to the meter and try again.",
    )


def join_failed(*, meter_spoke: bool) -> LinkError:
    """EVENT 24: a refusal when the meter took part in the exchange, else it was not reached (skstack-ip §4.2)."""
    if meter_spoke:
        return JoinRefused(
            "The meter refused the authentication.",
            cause="The B-route password is wrong, or the meter still holds an earlier session.",
            remedy="Compare B_ROUTE_PASSWORD with the notice of the power company; the collector tries again.",
        )
    return MeterNotFound(
        "The meter did not answer the join.",
        cause="It is not on this channel and PAN any more, or the radio link is too weak.",
        remedy="Move the stick nearer to the meter; without fixed --meter-* settings it is looked for again.",
    )


def went_silent() -> SessionLost:
    """Neither a request nor the probe after it was answered (skstack-ip §7 row 17)."""
    return SessionLost("The meter stopped answering although no end of the session was reported.")


def modem_restarted() -> SessionLost:
    """The modem has forgotten channel and PAN (skstack-ip §1.3, §2.7)."""
    return SessionLost("The modem has restarted by itself and forgotten the session.")


def not_renewed() -> SessionLost:
    """EVENT 29 and nothing after it (skstack-ip §4.3)."""
    return SessionLost("The session's lifetime is over and was not renewed.")


def ended_by(happened: SessionInput) -> SessionLost:
    """What ended an established session (skstack-ip §3.1)."""
    return SessionLost(ENDINGS[happened])


def _no_result() -> CommandTimeout:
    return CommandTimeout("The modem reported no result of the join.", cause="It hangs.")


def _opening_takes_too_long() -> CommandTimeout:
    return CommandTimeout("The port was opened, and nothing came of it.", cause="The modem hangs.")


def _reset_takes_too_long() -> CommandTimeout:
    return CommandTimeout("The modem does not come back from its reset.", cause="It hangs.")


def _still_busy() -> CommandTimeout:
    return CommandTimeout(
        "The modem does not take a join.",
        cause="It hangs in an exchange of its own.",
        remedy="The collector resets it.",
    )


ENDINGS: Final[Mapping[SessionInput, str]] = {
    SessionInput.REFUSED: "The renewal of the session failed.",
    SessionInput.ENDED_BY_METER: "The meter ended the session.",
    SessionInput.TERM_DONE: "The modem ended the session.",
    SessionInput.LIFETIME_OVER: "The session's lifetime is over.",
}
"""By the event that ended it."""

TOO_LONG: Final[Mapping[SessionState, Callable[[], HemsError]]] = {
    SessionState.OPENING: _opening_takes_too_long,
    SessionState.RESETTING: _reset_takes_too_long,
    SessionState.SCANNING: scan_did_not_end,
    SessionState.JOINING: _no_result,
    SessionState.BUSY: _still_busy,
    SessionState.EXPIRED: not_renewed,
}
"""What the end of a state's limit means."""
