"""A meter of which only the counts are of interest."""

from __future__ import annotations

from dataclasses import dataclass, field

from hems_data_collector.errors import HemsError
from hems_data_collector.link.counters import LinkCounters
from hems_data_collector.link.session import SessionState
from hems_data_collector.meter.client import ClientCounters


@dataclass
class House:
    """Whatever a test says of it."""

    name: str | None = None
    shown_port: str = "/dev/ttyUSB0"
    key: str | None = "000016-A1"
    session: SessionState = SessionState.UP
    trouble: HemsError | None = None
    link_counters: LinkCounters = field(default_factory=LinkCounters)
    request_counters: ClientCounters = field(default_factory=ClientCounters)
    malformed: int = 0
