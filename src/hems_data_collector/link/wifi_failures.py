"""What can be wrong on the way to a meter in the home network: what happened, its likely cause, what to do."""

from __future__ import annotations

from collections.abc import Sequence
from gettext import gettext as _

from hems_data_collector.errors import MeterNotFound, PortLost, SendUnconfirmed
from hems_data_collector.language import os_text
from hems_data_collector.link.wifi_port import WIFI_SCHEME


def interface_gone(interface: str) -> PortLost:
    """Down, unplugged, or without an address."""
    return PortLost(
        _("The network interface {interface} went down.").format(interface=interface),
        cause=_("Its network is gone, or it was switched off."),
        remedy=_("The collector uses it again by itself as soon as it is back."),
    )


def not_sent(error: OSError) -> SendUnconfirmed:
    """The interface is well, and yet the datagram could not go out."""
    return SendUnconfirmed(
        _("The datagram could not be sent: {reason}.").format(reason=os_text(error)),
        cause=_("The network is overloaded for a moment, or a firewall on this machine forbids it."),
        remedy=_("The collector sends again; if it stays so, allow outgoing UDP port 3610."),
    )


def not_found(wanted: str | None, where: str, others: Sequence[str]) -> MeterNotFound:
    """A search in vain, for the meter with the number `wanted` (None: for any)."""
    nobody = _("No meter answered on {where}.").format(where=where)
    if wanted is None or not others:
        return MeterNotFound(
            nobody
            if wanted is None
            else _("The meter {wanted} did not answer on {where}.").format(wanted=wanted, where=where),
            cause=_("It is in another network, or the access point passes no multicast between its clients."),
            remedy=_("Put this machine into the meter's network; switch off client isolation at the access point."),
        )
    return MeterNotFound(
        _("The meter {wanted} did not answer on {where}; these did: {names}.").format(
            wanted=wanted, where=where, names=", ".join(others)
        ),
        cause=_("It is away, or another one hangs there now."),
        remedy=_("To read another one, name it: --port '{scheme}:?meter=SERIAL'.").format(scheme=WIFI_SCHEME),
    )


def chosen_of_several(names: Sequence[str]) -> str:
    """For the log: which of several meters is read where nobody chose, the first, and how to choose."""
    return _(
        "There are {count} meters: {names}. Using {first}; choose another with: --port '{scheme}:?meter={other}'"
    ).format(count=len(names), names=", ".join(names), first=names[0], scheme=WIFI_SCHEME, other=names[-1])
