"""Looking for the meter: active scans for the PAN whose pairing id is ours (skstack-ip §2.4)."""

from __future__ import annotations

import logging
from gettext import gettext as _
from typing import Final

from hems_data_collector import skstack
from hems_data_collector.credentials import Credentials
from hems_data_collector.errors import CommandTimeout, MeterNotFound
from hems_data_collector.link.base import Pan
from hems_data_collector.skstack import PanDescription

log = logging.getLogger(__name__)

SCAN_DURATIONS: Final = (6, 7, 8)  # 18, 35 and 69 s for all channels; the vendor advises 6 or more (skstack-ip §2.4)
SCAN_CHANNELS: Final = 28
SCAN_MARGIN_S: Final = 10.0
LATE_DESCRIPTION_S: Final = 0.5  # EPANDESC has been seen after EVENT 22 (skstack-ip §7 row 27)


def scan_seconds(duration: int) -> float:
    """How long a scan of all channels takes at most, in seconds (skstack-ip §2.4)."""
    return 0.01 * (2.0**duration + 1) * SCAN_CHANNELS


class Scanner:
    """Sweeps of growing length; collects the beacons that the link passes on."""

    def __init__(self, credentials: Credentials) -> None:
        self._pair_id = credentials.pair_id.reveal()
        self._found: list[PanDescription] = []
        self._sweep = 0

    @property
    def duration(self) -> int:
        """DURATION of the present sweep."""
        return SCAN_DURATIONS[self._sweep]

    @property
    def limit_s(self) -> float:
        """When the present sweep must be over."""
        return scan_seconds(self.duration) + SCAN_MARGIN_S

    def begin(self) -> None:
        """Start over with the shortest sweep."""
        self._sweep = 0
        self._found.clear()

    def widen(self) -> bool:
        """Go on to the next sweep; False when there is none."""
        if self._sweep + 1 == len(SCAN_DURATIONS):
            return False
        self._sweep += 1
        self._found.clear()
        return True

    def beacon(self, description: PanDescription) -> None:
        """The modem described a PAN."""
        self._found.append(description)

    def ours(self) -> list[Pan]:
        """The PANs with our pairing id, the strongest first."""
        pans: dict[tuple[int, int, str], PanDescription] = {}
        for found in self._found:
            if found.pair_id is not None and found.pair_id.upper() != self._pair_id.upper():
                log.info("A PAN of another household on channel %02X is left alone.", found.channel)
                continue
            pans[found.channel, found.pan_id, found.mac] = found
        strongest_first = sorted(pans.values(), key=lambda pan: pan.lqi, reverse=True)
        return [
            Pan(channel=p.channel, pan_id=p.pan_id, address=skstack.link_local_of(p.mac), lqi=p.lqi)
            for p in strongest_first
        ]


def scan_did_not_end() -> CommandTimeout:
    """No EVENT 22."""
    return CommandTimeout(
        _("The scan did not end in time."),
        cause=_("The modem hangs."),
        remedy=_("The collector resets it and scans again."),
    )


def nothing_found() -> MeterNotFound:
    """Not even the longest sweep found a PAN of ours."""
    return MeterNotFound(
        _("No meter answered the scan."),
        cause=_(
            "The B-route id is wrong (a meter only answers its own id), the B-route service is not active yet,"
            " or the meter is too far away."
        ),
        remedy=_(
            "Compare B_ROUTE_ID with the letter of the power company; move the stick nearer to the meter, for"
            " example on a USB extension cable."
        ),
    )
