"""The emulated meter at the far end of a wire without any radio, and the backfill that reads its past.

For what is about the meter and the store; what is about the radio takes the whole emulator.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from sqlite3 import Connection

from hems_data_collector.clock import LoopClock
from hems_data_collector.collector.backfill import Backfill
from hems_data_collector.echonet import Esv, Frame
from hems_data_collector.emulator.dice import Dice
from hems_data_collector.emulator.faults import FaultBox
from hems_data_collector.emulator.meter import DAY, Meter
from hems_data_collector.emulator.meter_clock import METER_ZONE, MeterClock
from hems_data_collector.emulator.node import Node
from hems_data_collector.emulator.settings import EmulatorSettings
from hems_data_collector.errors import HemsError, LinkError, MeterError, StoreUnavailable
from hems_data_collector.link.base import Datagram
from hems_data_collector.meter.client import MeterClient
from hems_data_collector.meter.profile import MeterProfile
from hems_data_collector.meter.reader import MeterReader
from hems_data_collector.readings import HALF_HOUR, HalfHour
from hems_data_collector.store import half_hours, meters
from hems_data_collector.store.database import Database
from hems_data_collector.store.half_hours import Direction

START = datetime(2026, 1, 15, 1, 10, tzinfo=UTC)
"""10:10 by the meter's clock; its newest half hour is 10:00."""
RTT_S = 0.5
SPACING_S = 5.0


class Wire:
    """A link to an emulated meter; `lose(request)` says which requests are not heard."""

    def __init__(self, clock: LoopClock, query: str = "", *, hidden: frozenset[int] = frozenset()) -> None:
        settings = EmulatorSettings.from_query(f"fast=1&start=2026-01-15T10:10:00&{query}")
        self.clock = clock
        self.faults = FaultBox(settings.faults, Dice(settings.seed))
        self.meter = Meter(settings, MeterClock(clock, start=settings.start, speed=settings.speed), self.faults)
        self.meter.begin()
        self.node = Node(self.meter, self.faults)
        for epc in hidden:
            for table in (self.node._meter_table.read, self.node._meter_table.write):
                table.pop(epc, None)  # type: ignore[attr-defined]
        self.on_datagram: Callable[[Datagram], None] = lambda _: None
        self.on_down: Callable[[LinkError], None] = lambda _: None
        self.peer = "001C640003CD76A4"
        self.requests: list[Frame] = []
        self.lose: Callable[[Frame], bool] = lambda _: False
        self.declared_dead = 0

    async def send(self, payload: bytes) -> None:
        request = Frame.decode(payload)
        self.requests.append(request)
        if self.lose(request):
            return
        answer = self.node.answer(payload)
        if answer is not None:
            frame = Datagram(payload=answer.frame.encode())
            asyncio.get_running_loop().call_later(RTT_S, lambda: self.on_datagram(frame))

    async def probe_failed(self) -> None:
        self.declared_dead += 1

    def asked(self, epc: int) -> int:
        """How many Gets were about `epc`."""
        return sum(r.esv is Esv.GET and any(p.epc == epc for p in r.properties) for r in self.requests)


@dataclass
class House:
    """A meter on a wire, its reader, a store, and the backfill between them."""

    wire: Wire
    clock: LoopClock
    database: Database
    reader: MeterReader
    backfill: Backfill
    recorded: list[HalfHour] = field(default_factory=list)
    troubles: list[HemsError] = field(default_factory=list)
    disk_full: bool = False
    conflicts_are_fine: bool = False
    progress: list[tuple[int, int]] = field(default_factory=list)

    @property
    def key(self) -> str:
        """The meter's name in the store."""
        assert self.reader.profile is not None
        return self.reader.profile.identity.key

    async def run(self, seconds: float) -> None:
        """Give the backfill air for `seconds`, whatever trouble it tells; get to know a meter that is not known."""
        until = self.clock.monotonic() + seconds
        while True:
            if self.reader.profile is None:
                await self.reader.introduce()
            left = self.backfill.seconds_left()
            if left is None or self.clock.monotonic() + left > until:
                break
            await self.clock.sleep(left)
            try:
                await self.backfill.step()
            except (MeterError, LinkError) as error:
                self.troubles.append(error)
        await self.clock.sleep(until - self.clock.monotonic())

    async def know_present(self) -> None:
        """As a poll does: the newest half hour is stored."""
        slot = await self.reader.fixed()
        assert slot is not None
        await self.store([slot], self.reader.profile)

    async def store(self, slots: Sequence[HalfHour], profile: MeterProfile | None) -> None:
        """Enter half hours as the recorder does."""
        assert profile is not None
        if self.disk_full:
            raise StoreUnavailable("The disk is full.")
        self.recorded += slots
        now = self.clock.now()
        recorded = await self.database.run(lambda conn: half_hours.record(conn, slots, profile, now=now))
        assert self.conflicts_are_fine or recorded.conflicts == ()

    async def mark_absent(self, absent: Mapping[Direction, Iterable[datetime]], profile: MeterProfile) -> None:
        """Enter what was never recorded, as the recorder does."""
        await mark_absent(self.database, absent, profile, now=self.clock.now())

    def stored(self, key: str | None = None) -> dict[datetime, tuple[int | None, int | None]]:
        """The whole ledger, by the meter's local time."""
        far = timedelta(days=400)
        key = self.key if key is None else key
        found = self.database.run_sync(lambda conn: half_hours.slots(conn, key, START - far, START + far))
        return {_local(slot.at): (slot.import_raw, slot.export_raw) for slot in found}

    def truth(self) -> dict[datetime, tuple[int | None, int | None]]:
        """What the meter has recorded of the last 99 days and today."""
        now = self.wire.meter.clock.now()
        at = now.replace(hour=0, minute=0, second=0, microsecond=0) - 99 * DAY
        found: dict[datetime, tuple[int | None, int | None]] = {}
        while at <= now:
            if (pair := self.wire.meter.slot(at)) != (None, None):
                found[at] = pair
            at += HALF_HOUR
        return found

    def wrong(self) -> dict[datetime, tuple[int | None, int | None]]:
        """What stands in the ledger and not in the meter, as far back as its memory goes."""
        truth, oldest = self.truth(), self.wire.meter.clock.now() - 99 * DAY
        return {at: pair for at, pair in self.stored().items() if at >= oldest and truth.get(at) != pair}

    def newest_days_are_whole(self) -> bool:
        """The ledger has everything from its oldest slot on, and nothing else."""
        stored = self.stored()
        return stored == {at: pair for at, pair in self.truth().items() if at >= min(stored)}

    def expected_since(self, oldest: datetime) -> int:
        """Slots from `oldest` to the newest that is stored."""
        return (max(self.stored()) - oldest) // HALF_HOUR + 1

    def absences(self, direction: Direction = Direction.IMPORT) -> set[datetime]:
        """The slots that are not asked for again, by the meter's local time."""
        far = timedelta(days=400)
        found = self.database.run_sync(
            lambda conn: half_hours.absent(conn, self.key, START - far, START + far, direction)
        )
        return {_local(at) for at in found}


@contextmanager
def house(
    path: Path,
    query: str = "",
    *,
    wire: Wire | None = None,
    hidden: frozenset[int] = frozenset(),
    start: datetime = START,
) -> Iterator[House]:
    """A house whose meter is not introduced yet; on a running loop. With `wire`, a new collector on an old meter."""
    wire = wire or Wire(LoopClock(start), query, hidden=hidden)
    clock = wire.clock
    client = MeterClient(wire, clock=clock, rng=Random(1))
    wire.on_datagram, wire.on_down = client.receive, client.session_ended
    reader = MeterReader(client, clock=clock, zone=METER_ZONE, mac=wire.peer)
    database = Database.open(path / "hems.db", clock=clock, synchronous="OFF")
    try:
        made: House
        backfill = Backfill(
            reader,
            database,
            clock=clock,
            zone=METER_ZONE,
            spacing_s=SPACING_S,
            record=lambda slots, profile: made.store(slots, profile),
            mark_absent=lambda absent, profile: made.mark_absent(absent, profile),
            on_progress=lambda done, expected: made.progress.append((done, expected)),
        )
        made = House(wire=wire, clock=clock, database=database, reader=reader, backfill=backfill)
        yield made
    finally:
        database.close()


async def mark_absent(
    database: Database, absent: Mapping[Direction, Iterable[datetime]], profile: MeterProfile, *, now: datetime
) -> None:
    """Enter what the meter never recorded."""

    def work(conn: Connection) -> None:
        meters.know(conn, profile, now)
        for direction, ats in absent.items():
            half_hours.mark_absent(conn, profile.identity.key, ats, direction, now=now)

    await database.run(work)


def _local(at: datetime) -> datetime:
    return at.astimezone(METER_ZONE).replace(tzinfo=None)
