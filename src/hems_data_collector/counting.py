"""What was counted of each meter, for `status` and once a day for the log (docs/recovery.md)."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta, tzinfo
from gettext import gettext as _
from typing import Any, Final, Protocol

from hems_data_collector.clock import Clock
from hems_data_collector.errors import HemsError
from hems_data_collector.language import N_
from hems_data_collector.link.counters import LinkCounters
from hems_data_collector.link.session import SessionState
from hems_data_collector.meter.client import ClientCounters
from hems_data_collector.meter_name import about_meter

log = logging.getLogger(__name__)

LOOK_AGAIN_S: Final = 3600.0  # the clock may have been set meanwhile
_SETTLE: Final = timedelta(seconds=1)  # so that midnight is over for certain when it is told


class Counted(Protocol):
    """A meter whose work is counted."""

    @property
    def name(self) -> str | None:
        """What its owner calls it."""

    @property
    def shown_port(self) -> str:
        """Its port without secrets."""

    @property
    def key(self) -> str | None:
        """Who it is, once known."""

    @property
    def session(self) -> SessionState:
        """Where its session stands."""

    @property
    def trouble(self) -> HemsError | None:
        """Why it has no session, as far as is known."""

    @property
    def link_counters(self) -> LinkCounters:
        """What its link has done."""

    @property
    def request_counters(self) -> ClientCounters:
        """What was asked of it."""

    @property
    def malformed(self) -> int:
        """Values that could not be decoded, in answers that could."""


def meter_section(meter: Counted) -> dict[str, Any]:
    """What `status --json` says of one meter of a running collector, in `live.meters`."""
    return {
        "name": meter.name,
        "port": meter.shown_port,
        "meter": meter.key,
        "session": meter.session.name.lower(),
        "trouble": None if meter.trouble is None else _told(meter.trouble),
        "link": meter.link_counters.as_dict(),
        "requests": meter.request_counters.as_dict() | {"malformed_values": meter.malformed},
    }


def _told(trouble: HemsError) -> dict[str, str]:
    """An error with its class, which is its meaning for programs."""
    return {
        "kind": type(trouble).__name__,
        "what": trouble.what,
        "cause": trouble.cause,
        "remedy": trouble.remedy,
    }


@dataclass(slots=True, kw_only=True)
class _Told:
    """What was counted of a meter when it was last told."""

    at: datetime
    counts: Mapping[str, float]


class DailySummary:
    """At midnight, one line for each meter with what was counted since the last one."""

    def __init__(self, meters: Iterable[Counted], *, clock: Clock, zone: tzinfo) -> None:
        self._meters = tuple(meters)
        self._clock = clock
        self._zone = zone
        now = clock.now()
        self._last = [_Told(at=now, counts=_counts(meter)) for meter in self._meters]

    async def run(self) -> None:
        """Go on for ever."""
        day = self._today()
        while True:
            await self._clock.sleep(min(LOOK_AGAIN_S, self._seconds_to_midnight()))
            if self._today() != day:
                day = self._today()
                self._tell()

    def _tell(self) -> None:
        now = self._clock.now()
        for number, meter in enumerate(self._meters):
            before, counts = self._last[number], _counts(meter)
            grown = {name: count - before.counts[name] for name, count in counts.items()}
            with about_meter(meter.name):
                log.info("%s", _line(before.at.astimezone(self._zone), grown, meter.link_counters))
            self._last[number] = _Told(at=now, counts=counts)

    def _today(self) -> date:
        return self._clock.now().astimezone(self._zone).date()

    def _seconds_to_midnight(self) -> float:
        local = self._clock.now().astimezone(self._zone)
        midnight = datetime.combine(local.date() + timedelta(days=1), datetime.min.time(), self._zone)
        return (midnight + _SETTLE - local).total_seconds()


_TEXTS: Final[tuple[tuple[str, str, str], ...]] = (
    ("requests", N_("{count} request"), N_("{count} requests")),
    ("answers", N_("{count} answer"), N_("{count} answers")),
    ("retries", N_("{count} asked again"), N_("{count} asked again")),
    ("late_answers", N_("{count} answer late"), N_("{count} answers late")),
    ("decode_errors", N_("{count} damaged"), N_("{count} damaged")),
    ("joins", N_("{count} join"), N_("{count} joins")),
    ("losses", N_("{count} session lost"), N_("{count} sessions lost")),
    ("scans", N_("{count} scan"), N_("{count} scans")),
    ("send_restrictions", N_("{count} pause for air time"), N_("{count} pauses for air time")),
)
_ALWAYS: Final = frozenset({"requests", "answers"})
"""The others are told where they are not zero: a quiet day is a short line."""


def _line(since: datetime, grown: Mapping[str, float], link: LinkCounters) -> str:
    parts = [
        _(one if grown[name] == 1 else many).format(count=f"{grown[name]:.0f}")
        for name, one, many in _TEXTS
        if grown[name] or name in _ALWAYS
    ]
    parts.append(_("{seconds:.1f} s on the air").format(seconds=grown["air_time_s"]))
    if link.last_lqi is not None:
        parts.append(_("link quality {lqi}").format(lqi=link.last_lqi))
    if link.last_rssi_dbm is not None:
        parts.append(f"{link.last_rssi_dbm:.0f} dBm")
    return _("Since {time}: {counts}.").format(time=f"{since:%Y-%m-%d %H:%M}", counts=_(", ").join(parts))


_COUNTS: Final[Mapping[str, Callable[[Counted], float]]] = {
    "requests": lambda meter: meter.request_counters.requests,
    "answers": lambda meter: meter.request_counters.answers,
    "retries": lambda meter: meter.request_counters.retries,
    "late_answers": lambda meter: meter.request_counters.late_answers,
    "decode_errors": lambda meter: (
        meter.request_counters.undecodable + meter.malformed + meter.link_counters.undecodable_lines
    ),
    "joins": lambda meter: meter.link_counters.joins,
    "losses": lambda meter: meter.link_counters.losses,
    "scans": lambda meter: meter.link_counters.scans,
    "send_restrictions": lambda meter: meter.link_counters.send_restrictions,
    "air_time_s": lambda meter: meter.link_counters.air_time_s,
}


def _counts(meter: Counted) -> dict[str, float]:
    return {name: count(meter) for name, count in _COUNTS.items()}
