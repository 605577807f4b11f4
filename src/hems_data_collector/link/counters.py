"""What a link has done and seen since the program started."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Final

FRAME_OVERHEAD_BYTES: Final = 95  # headers of a datagram on the air, and the ACK: a Get of 14 bytes is 90-110 (§4.6)
RADIO_BITS_PER_S: Final = 100_000.0  # Wi-SUN for the B-route (skstack-ip §4.6)


def air_time_of(payload_bytes: int) -> float:
    """Seconds on the air for one datagram with that payload; an estimate (skstack-ip §4.6)."""
    return (payload_bytes + FRAME_OVERHEAD_BYTES) * 8 / RADIO_BITS_PER_S


@dataclass(slots=True, kw_only=True)
class LinkCounters:
    """Counts since the start, and the newest of what is measured. Only the link writes here."""

    joins: int = 0
    """Sessions that came up by a join of ours."""
    rejoins: int = 0
    """Those of them that followed an earlier session of this link."""
    scans: int = 0
    losses: int = 0
    """Sessions that ended without our wish."""
    retries: int = 0
    """Waits before another try to have the port, the meter or the session."""
    port_openings: int = 0
    resets: int = 0
    """SKRESET sent."""
    ignored: int = 0
    """Datagrams that were not for us: another port, another sender, not secured."""
    undecodable_lines: int = 0
    """Lines of the modem that no rule of the protocol fitted."""
    datagrams_sent: int = 0
    datagrams_received: int = 0
    send_restrictions: int = 0
    """How often the modem had used up its legal air time."""
    air_time_s: float = 0.0
    """What we have been on the air ourselves with datagrams, in seconds; an estimate."""
    last_lqi: int | None = None
    """Link quality of the newest datagram, or of the beacon, 0 to 255."""
    last_rssi_dbm: float | None = None
    restricted_until: datetime | None = None
    """While sending is restricted: when it is free again at the latest."""

    def sent(self, payload_bytes: int) -> None:
        """A datagram with that payload goes out."""
        self.datagrams_sent += 1
        self.air_time_s += air_time_of(payload_bytes)

    def as_dict(self) -> dict[str, Any]:
        """Every field by its name, for people and programs; times in ISO 8601."""
        values = asdict(self)
        until = self.restricted_until
        return values | {
            "air_time_s": round(self.air_time_s, 3),
            "restricted_until": None if until is None else until.isoformat(),
        }
