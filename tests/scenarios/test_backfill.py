"""The ledger heals itself: 99 days of every kind of meter, register by register, whatever comes between."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random

import pytest

from hems_data_collector.clock import LoopClock
from hems_data_collector.collector import holes
from hems_data_collector.collector.backfill import Backfill
from hems_data_collector.collector.recorder import Recorder
from hems_data_collector.echonet import Esv, NoValue, WindowHistory
from hems_data_collector.emulator import Emulator, EmulatorSettings
from hems_data_collector.emulator.meter import Meter
from hems_data_collector.emulator.meter_clock import METER_ZONE
from hems_data_collector.errors import LinkError, MeterError
from hems_data_collector.link.session import SessionState
from hems_data_collector.link.wisun import WisunLink
from hems_data_collector.meter.client import MeterClient
from hems_data_collector.meter.reader import MeterReader
from hems_data_collector.readings import HALF_HOUR, HalfHourSource
from hems_data_collector.store import half_hours
from hems_data_collector.store.database import Database
from hems_data_collector.store.half_hours import Direction
from support.backfilling import START, House, house
from support.virtual_time import virtual

DAYS = 99
PER_DAY = 48
TODAY = 21
"""Half hours of 2026-01-15 from 00:00 to 10:00."""
ALL = DAYS * PER_DAY + TODAY
FULL_S = 640.0
"""Long enough for everything: a day takes six seconds."""
HOUR_S = 3600.0
SHORT_DAYS = 20
SHORT = SHORT_DAYS * PER_DAY + TODAY
SHORT_S = 140.0


@pytest.fixture
def short_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """A meter of which only 20 days are wanted, where 99 would prove nothing more."""
    monkeypatch.setattr(holes, "DAY_MAX", SHORT_DAYS)


@contextlib.contextmanager
def no_request_is_made(home: House) -> Iterator[None]:
    before = len(home.wire.requests)
    yield
    assert len(home.wire.requests) == before


def records(home: House) -> int:
    """Half-hour records in the log."""
    return int(home.database.run_sync(lambda conn: conn.execute("SELECT count(seq) FROM half_hours").fetchone()[0]))


def forget(home: House, start: datetime, end: datetime) -> None:
    """Make a hole of the slots from `start` until before `end`."""
    span = start.timestamp(), end.timestamp()
    home.database.run_sync(lambda conn: conn.execute("DELETE FROM half_hours WHERE at >= ? AND at < ?", span))


# --- everything the meter has ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("query", "hidden"),
    [
        ("digits=5", ()),
        ("history2=0", ()),
        ("export=0&history2=0&d3=none", ()),
        ("", (0x98, 0x97)),
        ("release=R&unit=03&digits=8", (0x98,)),
    ],
    ids=["solar that rolls over", "no history 2", "the least meter", "no clock", "release R without 98"],
)
@virtual
async def test_99_days_are_read_whole(query: str, hidden: tuple[int, ...], tmp_path: Path) -> None:
    with house(tmp_path, query, hidden=frozenset(hidden)) as home:
        await home.reader.introduce()
        await home.know_present()
        before = len(home.wire.requests)
        await home.run(FULL_S)
        assert home.stored() == home.truth()
        assert len(home.stored()) == ALL
        assert records(home) == ALL - 1
        assert home.backfill.progress() == (ALL, ALL)
        assert (len(home.wire.requests) - before) / (DAYS + 1) <= 2.2
        assert home.troubles == []
        assert home.progress == sorted(home.progress)
        assert not home.absences()
        assert {slot.at.astimezone(UTC).minute for slot in home.recorded} == {0, 30}
        with no_request_is_made(home):
            await home.run(600)


@virtual
async def test_it_begins_with_nothing_known_newest_first_and_gently(tmp_path: Path) -> None:
    with house(tmp_path) as home:
        await home.reader.introduce()
        await home.run(58)
        days = [slot.at.astimezone(METER_ZONE).date() for slot in home.recorded]
        assert days == sorted(days, reverse=True)
        assert home.newest_days_are_whole()
        assert 9 <= sum(r.esv is Esv.SET_C for r in home.wire.requests) <= 10  # a pair takes one second, and five pass
        done, expected = home.backfill.progress()
        assert expected == ALL
        assert done == len(home.stored()) > 8 * PER_DAY
        assert home.progress[0] == (TODAY, ALL)
        assert home.progress == sorted(home.progress)


@virtual
async def test_days_before_the_installation_are_settled_in_one_pass(tmp_path: Path) -> None:
    with house(tmp_path, "history2=0") as home:
        home.wire.meter._installed = datetime(2026, 1, 13, 14, 0)
        await home.reader.introduce()
        await home.know_present()
        await home.run(FULL_S)
        assert home.stored() == home.truth()
        assert len(home.stored()) == 20 + PER_DAY + TODAY
        assert len(home.absences()) == len(home.absences(Direction.EXPORT)) == ALL - len(home.stored())
        assert home.backfill.progress() == (ALL, ALL)
        assert home.wire.asked(0xE2) == DAYS + 1


@pytest.mark.usefixtures("short_memory")
@virtual
async def test_sparse_slots_are_asked_for_once_and_young_ones_once_more(tmp_path: Path) -> None:
    with house(tmp_path, "fault=sparse:4") as home:
        await home.reader.introduce()
        await home.know_present()
        await home.run(SHORT_S)
        recorded = home.truth() | {datetime(2026, 1, 15, 10, 0): home.wire.meter.fixed().registers}
        oldest = datetime(2025, 12, 26)
        assert home.stored() == {at: pair for at, pair in recorded.items() if at >= oldest}
        assert len(home.absences()) == SHORT - len(home.stored())
        with no_request_is_made(home):
            await home.run(HOUR_S)
        await home.clock.sleep(24 * HOUR_S)
        await home.know_present()
        home.wire.faults.remove("sparse")
        before = home.wire.asked(0xE2) + home.wire.asked(0xEC)
        await home.run(HOUR_S)
        truth = home.truth()
        healed = {at for at in truth if datetime(2026, 1, 14, 11, 30) <= at <= datetime(2026, 1, 16, 11, 0)}
        assert healed <= set(home.stored())
        assert not healed & home.absences()
        assert datetime(2026, 1, 13, 11, 30) in home.absences()
        assert home.wire.asked(0xE2) + home.wire.asked(0xEC) - before <= 6


@virtual
async def test_an_export_that_only_windows_tell_is_read_by_windows(tmp_path: Path) -> None:
    with house(tmp_path, hidden=frozenset({0xE4})) as home:
        await home.reader.introduce()
        await home.know_present()
        await home.run(100)
        assert home.wire.asked(0xE2) == 0
        assert home.newest_days_are_whole()
        assert len(home.stored()) > 150


@virtual
async def test_what_only_windows_could_tell_and_do_not_is_absent(tmp_path: Path) -> None:
    with house(tmp_path, "fault=no-data:0.2", hidden=frozenset({0xE4})) as home:
        await home.reader.introduce()
        await home.run(200)
        assert home.newest_days_are_whole()
        oldest = min(home.stored()) + timedelta(days=1)  # the last day may still be under way
        known = [at for at in home.stored() if at >= oldest]
        for direction in Direction:
            absent = {at for at in home.absences(direction) if at >= oldest}
            assert len(absent) == home.expected_since(oldest) - len(known) > 20


@pytest.mark.usefixtures("short_memory")
@virtual
async def test_beyond_the_reach_of_windows_the_day_has_the_last_word(tmp_path: Path) -> None:
    with house(tmp_path, "export=0") as home:
        await home.reader.introduce()
        await home.know_present()
        await home.run(SHORT_S)
        forget(home, START - timedelta(days=3), START - timedelta(days=3) + 3 * HALF_HOUR)
        home.wire.node._meter_table.read[0xEC] = short_of_memory  # type: ignore[index]
        home.wire.requests.clear()
        home.backfill.look_again()
        await home.run(100)
        assert [(r.esv, r.properties[0].epc) for r in home.wire.requests if r.esv is Esv.SET_C] == [
            (Esv.SET_C, 0xED),
            (Esv.SET_C, 0xE5),
        ]
        assert len(home.stored()) == SHORT
        assert home.absences() == set()


def short_of_memory(meter: Meter) -> WindowHistory:
    """A window of which nothing is known any more."""
    assert meter.window_2 is not None
    newest, count = meter.window_2
    return WindowHistory(newest=newest, registers=((NoValue.NO_DATA, NoValue.NO_DATA),) * count)


@pytest.mark.usefixtures("short_memory")
@virtual
async def test_a_slot_that_cannot_be_settled_is_put_aside_for_an_hour(tmp_path: Path) -> None:
    with house(tmp_path, "history2=0") as home:
        await home.reader.introduce()
        slot, profile = await home.reader.fixed(), home.reader.profile
        assert slot is not None
        assert profile is not None
        await home.store([replace(slot, export_raw=None, exponent=-3)], profile)  # its export never fits this scale
        home.conflicts_are_fine = True
        await home.run(SHORT_S)
        done, expected = home.backfill.progress()
        assert (done, expected) == (SHORT - 1, SHORT)
        with no_request_is_made(home):
            await home.run(400)
        before = home.wire.asked(0xE2)
        await home.run(2 * HOUR_S)
        assert home.wire.asked(0xE2) - before in (1, 2)


@virtual
async def test_an_export_history_that_is_refused_holds_no_record_back(tmp_path: Path) -> None:
    with house(tmp_path, "history2=0&fault=sna-partial:E4") as home:
        await home.reader.introduce()
        await home.know_present()
        await home.run(60)
        assert len(home.absences(Direction.EXPORT)) >= 5 * PER_DAY
        assert records(home) >= len(home.stored()) - 2
        assert home.wire.asked(0xE4) == 1


# --- midnight --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("query", "hidden", "seconds"),
    [
        ("fault=midnight", (), 200),
        ("fault=midnight&history2=0&export=0", (), 200),
        ("fault=midnight&history2=0", (0x97,), 200),
        ("", (), 300),
        ("history2=0", (0x97,), 300),
        ("history2=0", (0x97, 0x98), 1000),
    ],
    ids=["a jump", "a jump, import only", "a jump, 98 alone", "98 and 97", "98 alone", "EA alone"],
)
@pytest.mark.parametrize("start", ["23:57:40", "23:59:30"])
@virtual
async def test_midnight_never_misdates_a_day(
    query: str, hidden: tuple[int, ...], seconds: float, start: str, tmp_path: Path
) -> None:
    query = f"{query}&start=2026-01-15T{start}&notify_delay=240"
    with house(tmp_path, query, hidden=frozenset(hidden)) as home:
        await home.reader.introduce()
        await home.know_present()
        await home.run(seconds)
        assert len(home.stored()) > 5 * PER_DAY
        assert home.wrong() == {}
        assert home.absences() == set()


# --- interruptions ---------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("short_memory")
@virtual
async def test_an_end_at_any_moment_costs_no_more_than_the_answer_under_way(tmp_path: Path) -> None:
    rng = Random(3)
    with house(tmp_path, "history2=0") as home:
        await home.reader.introduce()
        await home.know_present()
        wire, ends = home.wire, 0
    wire.requests.clear()
    done, expected = 0, 1
    while done < expected:
        with house(tmp_path, wire=wire) as home:
            await home.reader.introduce()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(rng.uniform(10, 40)):
                    await home.run(SHORT_S)
            done, expected = home.backfill.progress()
            assert home.wrong() == {}
        ends += 1
    assert ends >= 5
    assert len(home.recorded) < 10 * PER_DAY
    assert wire.asked(0xE2) <= SHORT_DAYS + 1 + ends


@pytest.mark.usefixtures("short_memory")
@virtual
async def test_an_outage_is_refilled_by_the_fewest_requests(tmp_path: Path) -> None:
    with house(tmp_path) as home:
        await home.reader.introduce()
        await home.know_present()
        await home.run(SHORT_S)
        forget(home, START - 9 * HALF_HOUR, START - 6 * HALF_HOUR)
        home.wire.requests.clear()
        home.backfill.look_again()
        await home.run(20)
        assert [(r.esv, r.properties[0].epc) for r in home.wire.requests] == [(Esv.SET_C, 0xED), (Esv.GET, 0xEC)]
        assert len(home.stored()) == SHORT
        assert {slot.source for slot in home.recorded[-3:]} == {HalfHourSource.HISTORY_2}
        forget(home, START - timedelta(days=20), START - timedelta(hours=5))
        home.wire.requests.clear()
        home.backfill.look_again()
        await home.run(140)
        assert len(home.wire.requests) == 2 * 21
        assert len(home.stored()) == SHORT
        await home.clock.sleep(30 * HOUR_S)  # the machine was off
        await home.know_present()
        home.wire.requests.clear()
        await home.run(700)
        assert len(home.stored()) == SHORT + 60
        assert home.wrong() == {}
        assert len(home.wire.requests) <= 2 * 3 + 2


@pytest.mark.usefixtures("short_memory")
@virtual
async def test_an_outage_is_seen_without_any_reading_after_it(tmp_path: Path) -> None:
    with house(tmp_path) as home:
        await home.reader.introduce()
        await home.know_present()
        await home.run(SHORT_S)
        await home.clock.sleep(30 * HOUR_S)
    with house(tmp_path, wire=home.wire) as later:
        await later.reader.introduce()
        await later.run(100)
        assert len(later.stored()) == SHORT + 60
        assert later.wrong() == {}


@pytest.mark.usefixtures("short_memory")
@virtual
async def test_silence_is_borne_with_growing_patience(tmp_path: Path) -> None:
    with house(tmp_path) as home:
        await home.reader.introduce()
        await home.know_present()
        home.wire.lose = lambda request: any(p.epc in (0xE2, 0xEC) for p in request.properties)
        home.wire.requests.clear()
        await home.run(6 * HOUR_S)
        assert home.wire.asked(0xE2) + home.wire.asked(0xEC) < 40
        home.wire.lose = lambda _: False
        await home.know_present()
        await home.run(HOUR_S + 2 * SHORT_S)
        done, expected = home.backfill.progress()
        assert done == expected > SHORT + 10
        assert home.wrong() == {}


@pytest.mark.usefixtures("short_memory")
@virtual
async def test_a_full_disk_is_waited_for(tmp_path: Path) -> None:
    with house(tmp_path) as home:
        await home.reader.introduce()
        await home.know_present()
        home.disk_full = True
        home.wire.requests.clear()
        await home.run(HOUR_S)
        assert len(home.wire.requests) < 20
        home.disk_full = False
        await home.know_present()
        await home.run(HOUR_S)
        assert home.wrong() == {}
        assert len(home.stored()) >= SHORT


# --- what else can change --------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("short_memory")
@virtual
async def test_an_exchanged_meter_gets_a_ledger_of_its_own(tmp_path: Path) -> None:
    with house(tmp_path) as home:
        await home.reader.introduce()
        await home.know_present()
        await home.run(60)
        old, truth = home.key, home.truth()
        home.wire.meter.exchange()
        await home.run(SHORT_S)
        assert home.key != old
        assert home.stored(old).items() <= truth.items()
        assert home.stored() == {}
        await home.run(HOUR_S)
        await home.know_present()
        await home.run(SHORT_S)
        assert home.wrong() == {}
        assert len(home.stored()) >= 2


@virtual
async def test_a_new_unit_is_a_new_scale_and_no_conflict_with_what_is_there(tmp_path: Path) -> None:
    with house(tmp_path, "history2=0") as home:
        await home.reader.introduce()
        await home.know_present()
        await home.run(60)
        before = len(home.stored())
        assert home.reader.profile is not None
        home.reader.adopt(replace(home.reader.profile, exponent=-2))
        await home.run(30)
        far = timedelta(days=200)
        slots = home.database.run_sync(lambda conn: half_hours.slots(conn, home.key, START - far, START))
        assert {slot.exponent for slot in slots[-before + 1 :]} == {-1}
        assert {slot.exponent for slot in slots[: len(slots) - before]} == {-2}


@pytest.mark.parametrize("start", [datetime(1970, 1, 1, tzinfo=UTC), datetime(2031, 5, 5, 15, tzinfo=UTC)])
@virtual
async def test_a_wrong_clock_of_ours_changes_nothing(start: datetime, tmp_path: Path) -> None:
    with house(tmp_path, start=start) as home:
        await home.reader.introduce()
        await home.run(100)
        assert len(home.stored()) > 10 * PER_DAY
        assert home.newest_days_are_whole()


@virtual
async def test_a_slot_of_the_far_future_does_not_lead_astray(tmp_path: Path) -> None:
    with house(tmp_path) as home:
        await home.reader.introduce()
        slot = await home.reader.fixed()
        assert slot is not None
        await home.store([replace(slot, at=slot.at + timedelta(days=200))], home.reader.profile)
        await home.run(FULL_S)
        assert home.truth().items() <= home.stored().items()
        assert len(home.wire.requests) < 2.2 * (DAYS + 1) + 20
        with no_request_is_made(home):
            await home.run(600)


# --- over the radio --------------------------------------------------------------------------------------------------


@virtual
async def test_losses_and_lost_sessions_only_cost_time(tmp_path: Path) -> None:
    clock = LoopClock(START)
    settings = EmulatorSettings.from_query("fast=1&start=2026-01-15T10:10:00&fault=lost:0.05,duplicate,ev26:150,late:3")
    emulator = Emulator(settings, clock=clock)

    async def open_port() -> object:
        return emulator.open_port()

    link = WisunLink(
        open_port=open_port,  # type: ignore[arg-type]
        credentials=emulator.credentials,
        clock=clock,
        rng=Random(1),
    )
    client = MeterClient(link, clock=clock, rng=Random(1))
    link.on_datagram, link.on_down = client.receive, client.session_ended
    reader = MeterReader(client, clock=clock, zone=METER_ZONE, mac=None)
    link.on_joined = lambda _: reader.joined(link.peer)
    database = Database.open(tmp_path / "hems.db", clock=clock, synchronous="OFF")
    keeper = asyncio.create_task(link.keep())

    recorder = Recorder(database, clock=clock, zone=METER_ZONE, on_stored=lambda: None)
    backfill = Backfill(
        reader,
        database,
        clock=clock,
        zone=METER_ZONE,
        spacing_s=5,
        record=recorder.store,
        mark_absent=recorder.mark_absent,
    )
    troubles = 0
    try:
        while clock.monotonic() < 600:
            await link.wait_until(SessionState.UP)
            try:
                if reader.profile is None:
                    await reader.introduce()
                await clock.sleep(max(0.1, backfill.seconds_left() or 0.0))
                await backfill.step()
            except (LinkError, MeterError):
                troubles += 1
        assert reader.profile is not None
        key = reader.profile.identity.key
        slots = database.run_sync(
            lambda conn: half_hours.slots(conn, key, START - timedelta(days=100), START + timedelta(days=1))
        )
    finally:
        await link.close()
        keeper.cancel()
        database.close()
        emulator.close()
    assert troubles
    assert len(slots) > 20 * PER_DAY
    for slot in slots:
        local = slot.at.astimezone(METER_ZONE).replace(tzinfo=None)
        assert (slot.import_raw, slot.export_raw) == emulator.meter.slot(local)
