"""Random mixes of faults: what a seed draws, and a run of the collector through it and out of it again."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Final

import pytest

from hems_data_collector import app
from hems_data_collector.clock import LoopClock
from hems_data_collector.collector import poller
from hems_data_collector.config import Settings
from hems_data_collector.emulator import FAULTS, Emulator
from hems_data_collector.emulator.meter_clock import METER_ZONE
from hems_data_collector.link.retry import CEILING_S, JITTER
from hems_data_collector.readings import HALF_HOUR
from hems_data_collector.skstack.dialects import MODULES
from hems_data_collector.store import half_hours, meters
from hems_data_collector.store.database import open_reader
from support.collecting import Collected, emulated, settings_for
from support.recoveries import HOUR, INTERVAL, JOIN, RECOVERIES, ROUND_TRIP, SLACK, Recovery
from support.recovering import Running
from support.truths import Told
from support.virtual_time import run_virtual

FAULTS_MIN: Final = 2
FAULTS_MAX: Final = 5
FIRST_DAY: Final = datetime(2026, 1, 15, tzinfo=UTC)
TROUBLED_S: Final = 600.0
"""From the start of the collector to the end of the last fault: they also strike while it looks for the meter."""
INTERVALS: Final = (10, 30, 60)
LEDGER_S: Final = 7200.0
"""After that the half hours are whole: an hour and a fifth is the longest rest of the backfill after failures."""
LOOK_S: Final = 60.0


def _other(name: str, *faults: str, waits: float = 2 * (60 + ROUND_TRIP)) -> Recovery:
    """A fault that has no row of its own because readings go on, or come back when an answer does."""
    return Recovery(
        name=name, what=FAULTS[name].help, faults=faults or (name,), does="", log="", noticed=INTERVAL, waits=waits
    )


OTHERS: Final = (
    *map(_other, ("chunk1", "crlf-split", "glued-echo", "unsolicited", "er04-ropt", "no-session-er10", "overlap")),
    *map(_other, ("household", "foreign-pan", "faint", "rejoin-refused", "sna-partial", "sna-empty", "sna-short")),
    *map(_other, ("opc-silent", "opc-sna", "no-data-live", "payload-0d0a", "setget", "no-minutes", "late-beacon")),
    _other("late-ropt"),
    _other("er05", "er05:2"),
    _other("garbage", "garbage:0.5"),
    _other("truncated", "truncated:0.5"),
    _other("infc-repeat", "infc-repeat:3"),
    _other("no-notify", "no-notify:0"),
)  # fmt: skip
"""Faults of the emulator that have no row in RECOVERIES."""
NOT_OF_THE_LINK: Final = frozenset(
    {"silent", "address-change", "exchange", "sparse", "no-data", "short-minutes", "midnight", "rollover"}
)
"""Wi-Fi alone, and what the meter measures and remembers: other tests play them."""
POOL: Final = (*RECOVERIES, *OTHERS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Mix:
    """What one seed says."""

    seed: int
    query: str
    interval: int
    start: datetime
    strikes: tuple[tuple[float, Recovery], ...]
    """When each fault strikes, in seconds from the start."""

    @property
    def bound(self) -> float:
        """Seconds from the end of the faults to a fresh reading, at most.

        The longest of them may just have begun, the waits have grown to their ceiling, and the next reading is due an
        interval later. Another fault may swallow EVENT 33, and then the modem is asked after an hour.
        """
        longest = max(row.bound for _, row in self.strikes)
        if any(fault.startswith("ev32") for _, row in self.strikes for fault in row.faults):
            longest = max(longest, HOUR)
        return longest + CEILING_S * (1 + JITTER) + self.interval + JOIN + ROUND_TRIP + SLACK

    def __str__(self) -> str:
        strikes = ", ".join(f"{row.name} at {at:.0f} s" for at, row in self.strikes)
        return f"{self.query}, every {self.interval} s from {self.start:%H:%M:%S} UTC: {strikes}"


def draw(seed: int) -> Mix:
    """The mix of a seed, always the same."""
    rng = Random(seed)
    rows = rng.sample(POOL, rng.randint(FAULTS_MIN, FAULTS_MAX))
    times = sorted(rng.uniform(0, TROUBLED_S) for _ in rows)
    query = {
        "module": rng.choice(list(MODULES)),
        "wires": rng.choice("23"),
        "release": rng.choice("FR"),
        "notify": rng.choice(("inf", "infc", "none")),
        "export": rng.choice("01"),
        "seed": str(rng.randint(1, 1000)),
    }
    return Mix(
        seed=seed,
        query="&".join(f"{key}={value}" for key, value in query.items()),
        interval=rng.choice(INTERVALS),
        start=FIRST_DAY + timedelta(seconds=rng.randrange(86_400)),
        strikes=tuple(zip(times, rows, strict=True)),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of a mix; the times are seconds after the last fault ended."""

    collected: Collected
    told: Told
    back_s: float | None
    """Until a fresh reading came; None where it did not within the bound."""
    whole_s: float | None
    """Until the store had every half hour since the start."""
    missing: dict[datetime, object]
    """Half hours that the store lacks at the end, or tells otherwise."""


def play(mix: Mix, folder: Path) -> Outcome:
    """Run the collector through the mix."""
    settings = settings_for(folder, mix.query, interval=str(mix.interval), backfill_spacing="5")
    with _same_luck(mix.seed):
        return run_virtual(_play(mix, settings))


async def _play(mix: Mix, settings: Settings) -> Outcome:
    clock, stop = LoopClock(mix.start), asyncio.Event()
    with emulated(settings, clock) as (emulator, capture):
        collected, told = Collected(capture=capture, emulator=emulator), Told(start=mix.start)
        told.listen(emulator)
        task = asyncio.create_task(app.run_collector(settings, stop=stop, clock=clock))
        for at, row in mix.strikes:
            await clock.sleep(at - clock.monotonic())
            for fault in row.faults:
                emulator.inject(fault, times=row.times)
        await clock.sleep(TROUBLED_S - clock.monotonic())
        for name in FAULTS:
            emulator.clear(name)
        try:
            back_s = await Running(capture=capture, clock=clock, task=task).fresh(mix.bound)
        except TimeoutError:
            back_s = None
        whole_s, missing = await _ledger(mix, settings, emulator, clock)
        stop.set()
        collected.code = await task
    return Outcome(collected=collected, told=told, back_s=back_s, whole_s=whole_s, missing=missing)


async def _ledger(
    mix: Mix, settings: Settings, emulator: Emulator, clock: LoopClock
) -> tuple[float | None, dict[datetime, object]]:
    healed_at = mix.start + timedelta(seconds=TROUBLED_S)
    while (missing := _missing(mix, settings, emulator)) and clock.monotonic() < TROUBLED_S + mix.bound + LEDGER_S:
        await clock.sleep(LOOK_S)
    return None if missing else (clock.now() - healed_at).total_seconds(), missing


def _missing(mix: Mix, settings: Settings, emulator: Emulator) -> dict[datetime, object]:
    """The registers since the start that the meter remembers and the store has not, or has otherwise."""
    meter = emulator.meter
    at = max(meter.installed, mix.start.astimezone(METER_ZONE).replace(tzinfo=None) - HALF_HOUR)
    at = at.replace(minute=at.minute // 30 * 30, second=0, microsecond=0)
    newest = meter.newest_slot() - HALF_HOUR  # the newest one may be on its way
    expected = {}
    while (at := at + HALF_HOUR) <= newest:
        expected[at.replace(tzinfo=METER_ZONE).astimezone(UTC)] = meter.register_at(at)
    conn = open_reader(settings.database)
    try:
        key = next((each.key for each in meters.listed(conn) if each.key.endswith(meter.serial)), None)
        if key is None:
            return dict(expected) or {mix.start: "the meter is not known"}
        found = half_hours.slots(conn, key, mix.start - HALF_HOUR, mix.start + timedelta(days=2))
    finally:
        conn.close()
    stored = {slot.at: (slot.import_raw, slot.export_raw) for slot in found}
    return {at: (pair, stored.get(at)) for at, pair in expected.items() if stored.get(at) != pair}


@contextmanager
def _same_luck(seed: int) -> Iterator[None]:
    """The collector's own dice too come from the seed, so that a mix can be played again."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(app, "Random", lambda: Random(seed))
        patch.setattr(poller, "Random", lambda: Random(seed))
        yield
