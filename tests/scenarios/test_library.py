"""`Meter` against the emulator on virtual time: what it reads is true, and a lost session is nobody's business."""

from __future__ import annotations

import asyncio
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import pairwise

import pytest

from hems_data_collector import (
    Emulator,
    EmulatorSettings,
    HalfHourEnergy,
    HemsError,
    JoinRefused,
    Meter,
    MeterError,
    NoAnswer,
    Notification,
    NoValue,
    Pan,
    PortNotFound,
    Progress,
    PropertyRefused,
    SessionLost,
    checked_credentials,
)
from hems_data_collector.clock import LoopClock
from hems_data_collector.emulator.meter_clock import METER_ZONE
from hems_data_collector.readings import published
from support.collecting import START
from support.virtual_time import virtual

HALF_HOUR = timedelta(minutes=30)


def installed(query: str = "", start: datetime = START) -> tuple[Emulator, LoopClock]:
    """An emulator and the clock it lives by."""
    clock = LoopClock(start)
    return Emulator(EmulatorSettings.from_query(f"loss=0&{query}"), clock=clock), clock


def register(emulator: Emulator, at: datetime) -> Decimal | None:
    """The import register that the meter latched at `at`, in kWh; its unit is 0.1 kWh."""
    counts = emulator.meter.register_at(at.astimezone(METER_ZONE).replace(tzinfo=None))[0]
    return None if counts is None else Decimal(counts).scaleb(-1)


def used(emulator: Emulator, end: datetime) -> Decimal | None:
    old, new = register(emulator, end - HALF_HOUR), register(emulator, end)
    return None if old is None or new is None else new - old


# --- now --------------------------------------------------------------------------------------------------------------


@virtual
async def test_a_reading_is_true_and_says_whose_it_is() -> None:
    emulator, clock = installed()
    async with Meter.open(emulator, clock=clock) as meter:
        assert meter.connected
        reading = await meter.read()
        assert meter.identity.key == reading.meter == "000016-A00B123456"
        assert meter.profile.digits == 6
    truth = emulator.truth[-1]
    told = published(reading, None).fields
    assert {key: told[key] for key in list(truth)[:6]} == {key: truth[key] for key in list(truth)[:6]}
    assert emulator.counters.terminations == 1
    assert not meter.connected


@virtual
async def test_the_place_of_one_meter_saves_the_scan_of_the_next() -> None:
    emulator, clock = installed()
    async with Meter.open(emulator, clock=clock) as meter:
        place = meter.place
    assert isinstance(place, Pan)
    scans = emulator.counters.scans
    async with Meter.open(emulator, place=place, clock=clock) as meter:
        await meter.read()
    assert emulator.counters.scans == scans


@virtual
async def test_single_properties_are_typed() -> None:
    emulator, clock = installed("unit=01&wires=2")
    async with Meter.open(emulator, clock=clock) as meter:
        power = await meter.get(0xE7)
        assert power == emulator.truth[-1]["instant_power_w"]
        serial, currents = [await meter.get(epc) for epc in (0x8D, 0xE8)]
        assert serial == "A00B123456"
        assert getattr(currents, "t_a", None) is NoValue.NO_DATA
        await meter.set(0xE5, 3)
        assert await meter.get(0xE5) == 3


@virtual
async def test_what_the_meter_or_the_standard_does_not_have_is_refused() -> None:
    emulator, clock = installed()
    async with Meter.open(emulator, clock=clock) as meter:
        with pytest.raises(PropertyRefused) as refused:
            await meter.get(0x84)
        assert refused.value.epc == 0x84
        with pytest.raises(PropertyRefused):
            await meter.set(0xE7, 5)
        sent = emulator.sendto_count
        with pytest.raises(ValueError, match="100"):
            await meter.set(0xE5, 100)
        with pytest.raises(ValueError, match="give its bytes"):
            await meter.set(0xF5, 1)
        assert emulator.sendto_count == sent


def test_a_meter_that_was_not_joined_is_not_known() -> None:
    with pytest.raises(HemsError, match="async with"):
        _ = Meter.open("emulator:?fast=1").identity


# --- notifications ----------------------------------------------------------------------------------------------------


@virtual
async def test_every_half_hour_comes_with_what_it_used() -> None:
    emulator, clock = installed()
    told: list[Notification] = []
    async with Meter.open(emulator, clock=clock) as meter:
        await meter.read()
        notifications = meter.notifications()
        async for notification in notifications:
            told.append(notification)
            if len(told) == 4:
                break
        await clock.sleep(1800)
    half_hours = [each.half_hour for each in told]
    ends = [START.replace(second=0) + i * HALF_HOUR for i in range(4)]
    assert [each and each.end for each in half_hours] == ends
    assert [each and each.import_kwh for each in half_hours] == [used(emulator, end) for end in ends]
    assert [each and each.import_register_kwh for each in half_hours] == [register(emulator, end) for end in ends]
    assert all(set(each.values) == {0xEA, 0xEB} for each in told)
    rest = [each async for each in notifications]
    assert len(rest) == 1, "what came before the end can still be had, and then it ends"


@virtual
async def test_without_a_reading_the_first_half_hour_has_only_its_register() -> None:
    emulator, clock = installed()
    async with Meter.open(emulator, clock=clock) as meter:
        first, second = [(await anext(notifications)).half_hour for notifications in [meter.notifications()] * 2]
    assert first is not None
    assert second is not None
    assert first.import_kwh is None
    assert first.import_register_kwh == register(emulator, first.end)
    assert second.import_kwh == used(emulator, second.end)


@virtual
async def test_a_session_that_is_only_dead_is_noticed_by_who_only_listens() -> None:
    emulator, clock = installed()
    async with Meter.open(emulator, clock=clock) as meter:
        notifications = meter.notifications()
        await anext(notifications)
        emulator.inject("silent-session:0")
        later = await anext(notifications)
        assert emulator.counters.joins == 2
    assert later.half_hour is not None
    assert later.half_hour.end == START.replace(second=0) + 2 * HALF_HOUR, "the one between fell into the silence"


# --- the past ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("query", ["history2=1", "history2=0"])
@pytest.mark.parametrize("hours", [3, 30])
def test_the_past_is_true_by_whatever_means_the_meter_has(query: str, hours: int) -> None:
    @virtual
    async def scenario() -> None:
        emulator, clock = installed(query)
        end = START - timedelta(hours=20)
        async with Meter.open(emulator, clock=clock) as meter:
            half_hours = await meter.half_hours(end - timedelta(hours=hours), end)
        assert_true(emulator, half_hours, hours * 2 - 1)  # neither end is a whole half hour

    scenario()


def assert_true(emulator: Emulator, half_hours: tuple[HalfHourEnergy, ...], count: int) -> None:
    assert len(half_hours) == count
    assert [each.import_kwh for each in half_hours] == [used(emulator, each.end) for each in half_hours]
    assert [each.import_register_kwh for each in half_hours] == [register(emulator, each.end) for each in half_hours]
    assert {new.end - old.end for old, new in pairwise(half_hours)} == {HALF_HOUR}
    assert None not in {each.import_kwh for each in half_hours} | {each.export_kwh for each in half_hours}


@virtual
async def test_a_day_is_48_half_hours_and_costs_few_requests() -> None:
    emulator, clock = installed()
    async with Meter.open(emulator, clock=clock) as meter:
        before = emulator.sendto_count
        half_hours = await meter.day(date(2026, 1, 14))
        assert emulator.sendto_count - before <= 4, "the day, and the midnight that ends it"
    assert_true(emulator, half_hours, 48)
    assert half_hours[0].start == datetime(2026, 1, 13, 15, tzinfo=UTC)


@virtual
async def test_today_ends_with_the_newest_half_hour_and_older_than_99_days_is_nothing() -> None:
    emulator, clock = installed()
    async with Meter.open(emulator, clock=clock) as meter:
        await clock.sleep(300)  # a meter may take that long to show a half hour
        assert_true(emulator, await meter.day(date(2026, 1, 15)), 20)
        before = emulator.sendto_count
        assert await meter.day(date(2025, 1, 15)) == ()
        assert emulator.sendto_count == before


@virtual
async def test_a_clock_of_ours_that_is_a_day_off_costs_nothing_but_a_question() -> None:
    for off in (-1, 1):
        clock = LoopClock(START)
        emulator = Emulator(
            EmulatorSettings.from_query(f"loss=0&history2=0&start={date(2026, 1, 15 - off)}T10:00"), clock=clock
        )
        async with Meter.open(emulator, clock=clock) as meter:
            assert_true(emulator, await meter.day(date(2026, 1, 12)), 48)


@virtual
async def test_a_meter_without_history_says_so() -> None:
    emulator, clock = installed("history2=0&fault=sna-partial:E2")
    async with Meter.open(emulator, clock=clock) as meter:
        with pytest.raises(MeterError):
            await meter.day(date(2026, 1, 14))
        with pytest.raises(ValueError, match="time zone"):
            await meter.half_hours(datetime(2026, 1, 14), datetime(2026, 1, 15))


# --- trouble ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("fault", ["ev26:0", "ev27:0", "reset:0", "unplug:0", "silent-session:0"])
def test_a_lost_session_is_set_up_again_and_the_reading_comes(fault: str) -> None:
    @virtual
    async def scenario() -> None:
        emulator, clock = installed()
        async with Meter.open(emulator, clock=clock) as meter:
            await meter.read()
            emulator.inject(fault)
            await clock.sleep(0.1)
            reading = await meter.read(timeout_s=300)
            assert reading.energy_import_kwh is not None
            assert emulator.counters.joins >= 2

    scenario()


@virtual
async def test_without_a_session_in_time_it_says_why() -> None:
    emulator, clock = installed()
    async with Meter.open(emulator, clock=clock) as meter:
        emulator.inject("absent")
        emulator.inject("ev27:0")
        await clock.sleep(0.1)
        began = clock.monotonic()
        with pytest.raises(SessionLost, match="no session with the meter for 20 s") as lost:
            await meter.read(timeout_s=20)
        assert clock.monotonic() - began == pytest.approx(20)
        assert lost.value.cause == "The modem ended the session."


@virtual
async def test_a_meter_that_stays_silent_is_no_answer() -> None:
    emulator, clock = installed()
    async with Meter.open(emulator, clock=clock) as meter:
        emulator.inject("lost:1")
        with pytest.raises(NoAnswer, match="did not answer"):
            await meter.read(timeout_s=30)


@virtual
async def test_who_is_not_let_in_raises_and_leaves_the_port_free() -> None:
    emulator, clock = installed()
    right = emulator.in_reach[0].credentials
    wrong = checked_credentials(right.route_b_id.reveal(), "NOTTHEONE123")
    with pytest.raises(JoinRefused):
        async with Meter.open(emulator, wrong, clock=clock):
            pytest.fail("nobody gets here")
    await emulator.open_port().close()


@virtual
async def test_tasks_take_turns() -> None:
    emulator, clock = installed("history2=0")
    async with Meter.open(emulator, clock=clock) as meter:
        day, reading, power, other = await asyncio.gather(
            meter.day(date(2026, 1, 14)), meter.read(), meter.get(0xE7), meter.day(date(2026, 1, 10))
        )
    assert_true(emulator, day, 48)
    assert_true(emulator, other, 48)
    assert reading.power_w is not None
    assert isinstance(power, int)


@virtual
async def test_steps_that_take_long_are_told() -> None:
    emulator, clock = installed()
    steps: list[Progress | None] = []
    async with Meter.open(emulator, clock=clock, on_progress=steps.append):
        pass
    assert steps[-1] is None
    assert any(step is not None and step.expected_s for step in steps)


# --- ports ------------------------------------------------------------------------------------------------------------


async def test_any_port_url_will_do() -> None:
    async with Meter.open("emulator:?fast=1&module=bp35c2&seed=5") as meter:
        assert (await meter.read()).energy_import_kwh is not None
    with pytest.raises(PortNotFound):
        async with Meter.open("/dev/does-not-exist", checked_credentials("0" * 31 + "1", "x" * 12)):
            pytest.fail("nobody gets here")


async def test_an_opener_of_ones_own_replaces_the_port() -> None:
    emulator = Emulator(EmulatorSettings(fast=True))
    asked: list[tuple[str, int]] = []

    async def opener(url: str, baudrate: int):  # type: ignore[no-untyped-def]
        asked.append((url, baudrate))
        return emulator.open_port()

    pair = emulator.in_reach[0].credentials
    async with Meter.open("/dev/ttyUSB9", pair, baudrate=57600, opener=opener) as meter:
        await meter.read()
    assert asked == [("/dev/ttyUSB9", 57600)]


def test_id_and_password_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("B_ROUTE_ID", raising=False)
    with pytest.raises(HemsError, match="B_ROUTE_ID is not configured"):
        Meter.open("/dev/ttyUSB9")
    monkeypatch.setenv("B_ROUTE_ID", "0123456789ABCDEF0123456789ABCDEF")
    monkeypatch.setenv("B_ROUTE_PASSWORD", "0123456789AB")
    assert not Meter.open("/dev/ttyUSB9").connected
