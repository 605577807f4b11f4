"""What can be wrong on the way to the meter, in words for its owner: what happened, its likely cause, what to do."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from gettext import gettext as _
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
from hems_data_collector.language import N_
from hems_data_collector.link.scan import scan_did_not_end
from hems_data_collector.link.session import SessionInput, SessionState


def air_time_used_up() -> SendRestricted:
    """EVENT 32 without 33 yet (skstack-ip §4.6)."""
    return SendRestricted(
        _("The modem has used up its legal air time of this hour."),
        cause=_("Too many retries or scans in a row."),
        remedy=_("Nothing: sending resumes by itself when the modem reports the release."),
    )


def not_joined_within(seconds: float) -> MeterNotFound:
    """A one-shot verb has used up its time."""
    return MeterNotFound(
        _("The meter could not be joined within {seconds:.0f} s.").format(seconds=seconds),
        cause=_("The radio link is weak, or the remembered place of the meter is out of date."),
        remedy=_("Move the stick nearer to the meter and try again."),
    )


def join_failed(*, meter_spoke: bool) -> LinkError:
    """EVENT 24: a refusal when the meter took part in the exchange, else it was not reached (skstack-ip §4.2)."""
    if meter_spoke:
        return JoinRefused(
            _("The meter refused the authentication."),
            cause=_("The B-route password is wrong, or the meter still holds an earlier session."),
            remedy=_("Compare B_ROUTE_PASSWORD with the notice of the power company; the collector tries again."),
        )
    return MeterNotFound(
        _("The meter did not answer the join."),
        cause=_("It is not on this channel and PAN any more, or the radio link is too weak."),
        remedy=_("Move the stick nearer to the meter; without fixed --meter-* settings it is looked for again."),
    )


def went_silent() -> SessionLost:
    """Neither a request nor the probe after it was answered (skstack-ip §7 row 17)."""
    return SessionLost(_("The meter stopped answering although no end of the session was reported."))


def modem_restarted() -> SessionLost:
    """The modem has forgotten channel and PAN (skstack-ip §1.3, §2.7)."""
    return SessionLost(_("The modem has restarted by itself and forgotten the session."))


def not_renewed() -> SessionLost:
    """EVENT 29 and nothing after it (skstack-ip §4.3)."""
    return SessionLost(_("The session's lifetime is over and was not renewed."))


def ended_by(happened: SessionInput) -> SessionLost:
    """What ended an established session (skstack-ip §3.1)."""
    return SessionLost(_(ENDINGS[happened]))


def _no_result() -> CommandTimeout:
    return CommandTimeout(_("The modem reported no result of the join."), cause=_("It hangs."))


def _opening_takes_too_long() -> CommandTimeout:
    return CommandTimeout(_("The port was opened, and nothing came of it."), cause=_("The modem hangs."))


def _reset_takes_too_long() -> CommandTimeout:
    return CommandTimeout(_("The modem does not come back from its reset."), cause=_("It hangs."))


def _still_busy() -> CommandTimeout:
    return CommandTimeout(
        _("The modem does not take a join."),
        cause=_("It hangs in an exchange of its own."),
        remedy=_("The collector resets it."),
    )


ENDINGS: Final[Mapping[SessionInput, str]] = {
    SessionInput.REFUSED: N_("The renewal of the session failed."),
    SessionInput.ENDED_BY_METER: N_("The meter ended the session."),
    SessionInput.TERM_DONE: N_("The modem ended the session."),
    SessionInput.LIFETIME_OVER: N_("The session's lifetime is over."),
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
