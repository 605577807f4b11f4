"""What can be wrong on the way to the meter, in words for its owner: what happened, its likely cause, what to do."""

from __future__ import annotations

from hems_data_collector.errors import JoinRefused, LinkError, MeterNotFound, SendRestricted, SessionLost
from hems_data_collector.skstack import EventNumber


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


def not_renewed() -> SessionLost:
    """EVENT 29 and nothing after it (skstack-ip §4.3)."""
    return SessionLost("The session's lifetime is over and was not renewed.")


def ended_by(event: int) -> SessionLost:
    """The event that ended an established session (skstack-ip §3.1)."""
    return SessionLost(_ENDINGS.get(event, "The session ended."))


_ENDINGS: dict[int, str] = {
    EventNumber.JOIN_FAILED: "The renewal of the session failed.",
    EventNumber.PEER_ENDED_SESSION: "The meter ended the session.",
    EventNumber.SESSION_EXPIRED: "The session's lifetime is over.",
}
