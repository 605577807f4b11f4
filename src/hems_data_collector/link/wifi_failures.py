"""What can be wrong on the way to a meter in the home network: what happened, its likely cause, what to do."""

from __future__ import annotations

from collections.abc import Sequence

from hems_data_collector.errors import MeterNotFound, PortLost, SendUnconfirmed
from hems_data_collector.link.wifi_port import WIFI_SCHEME


def interface_gone(interface: str) -> PortLost:
    """Down, unplugged, or without an address."""
    return PortLost(
        f"The network interface {interface} went down.",
        cause="Its network is gone, or it was switched off.",
        remedy="The collector uses it again by itself as soon as it is back.",
    )


def not_sent(error: OSError) -> SendUnconfirmed:
    """The interface is well, and yet the datagram could not go out."""
    return SendUnconfirmed(
        f"The datagram could not be sent: {error.strerror or error}.",
        cause="The network is overloaded for a moment, or a firewall on this machine forbids it.",
        remedy="The collector sends again; if it stays so, allow outgoing UDP port 3610.",
    )


def not_found(wanted: str | None, where: str, others: Sequence[str]) -> MeterNotFound:
    """A search in vain, for the meter with the number `wanted` (None: for any)."""
    nobody = f"No meter answered on {where}."
    if wanted is None or not others:
        return MeterNotFound(
            nobody if wanted is None else f"The meter {wanted} did not answer on {where}.",
            cause="It is in another network, or the access point passes no multicast between its clients.",
            remedy="Put this machine into the meter's network; switch off client isolation at the access point.",
        )
    return MeterNotFound(
        f"The meter {wanted} did not answer on {where}; these did: {', '.join(others)}.",
        cause="It is away, or another one hangs there now.",
        remedy=f"To read another one, name it: --port '{WIFI_SCHEME}:?meter=SERIAL'.",
    )


def chosen_of_several(names: Sequence[str]) -> str:
    """For the log: which of several meters is read where nobody chose, the first, and how to choose."""
    return (
        f"There are {len(names)} meters: {', '.join(names)}. Using {names[0]};"
        f" choose another with: --port '{WIFI_SCHEME}:?meter={names[-1]}'"
    )
