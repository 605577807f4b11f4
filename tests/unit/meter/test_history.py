"""Days and windows of the past: dated by the meter's own clock, checked against what was asked, in as few requests as
the meter stands."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta, timezone
from pathlib import Path

import pytest

from hems_data_collector.echonet import Esv, Frame, Property
from hems_data_collector.errors import MeterError, NoAnswer, PropertyRefused
from hems_data_collector.meter.history import AnotherMeter
from hems_data_collector.meter.interpret import Moment, day_told, moment_served, window_half_hours
from hems_data_collector.meter.profile import MeterProfile
from hems_data_collector.readings import HalfHourSource, MeterIdentity
from support.backfilling import House, house
from support.virtual_time import run_virtual

JST = timezone(timedelta(hours=9))
PROFILE = MeterProfile(identity=MeterIdentity(maker="000016", serial="A00B123456"), exponent=-1, digits=6)
DAY = date(2026, 1, 15)
MOMENT = Moment(
    today=DAY, now=datetime(2026, 1, 14, 22, 5, tzinfo=UTC), newest=datetime(2026, 1, 14, 22, 0, tzinfo=UTC)
)
NO_DATA = 0xFFFFFFFE


def day_edt(days_ago: int, first: list[int]) -> bytes:
    """E2 or E4 with `first` slots from 00:00 on, and no data behind them."""
    return days_ago.to_bytes(2) + b"".join(raw.to_bytes(4) for raw in first + [NO_DATA] * (48 - len(first)))


def at(text: str) -> datetime:
    """A time by the meter's clock, in UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=JST).astimezone(UTC)


# --- days (G65) ------------------------------------------------------------------------------------------------------

G65 = [126000 + 3 * i for i in range(5)] + [NO_DATA] + [126000 + 3 * i for i in range(6, 15)]


def test_a_day_has_both_directions_in_one_half_hour() -> None:
    values = {0xE2: day_edt(0, G65), 0xE4: day_edt(0, [40] * 15)}
    told = day_told(values, PROFILE, moment=MOMENT, days_ago=0, zone=JST)
    assert told.day == DAY
    assert len(told.half_hours) == 48
    assert told.half_hours[0].at == at("2026-01-15T00:00")
    assert (told.half_hours[14].import_raw, told.half_hours[14].export_raw) == (126042, 40)
    assert {slot.source for slot in told.half_hours} == {HalfHourSource.HISTORY_1}
    assert {(slot.exponent, slot.coefficient) for slot in told.half_hours} == {(-1, 1)}


def test_a_gap_is_absent_but_the_future_is_not() -> None:
    values = {0xE2: day_edt(0, G65), 0xE4: day_edt(0, [40] * 14)}
    told = day_told(values, PROFILE, moment=MOMENT, days_ago=0, zone=JST)
    assert told.no_import == (at("2026-01-15T02:30"),)
    assert told.no_export == (at("2026-01-15T07:00"),)


def test_a_day_of_another_number_is_not_told() -> None:
    values = {0xE2: day_edt(1, G65), 0xE4: day_edt(0, [40])}
    told = day_told(values, PROFILE, moment=MOMENT, days_ago=0, zone=JST)
    assert (told.import_told, told.export_told) == (False, True)
    assert told.no_import == ()
    assert told.half_hours[0].import_raw is None


def test_a_day_before_the_installation_is_absent_as_a_whole() -> None:
    told = day_told({0xE2: day_edt(99, [])}, PROFILE, moment=MOMENT, days_ago=99, zone=JST)
    assert told.day == DAY - timedelta(days=99)
    assert len(told.no_import) == len(told.no_export) == 48


def test_a_selector_that_was_never_set_tells_nothing() -> None:
    never = b"\x00\xff" + b"\xff\xff\xff\xfe" * 48
    assert not day_told({0xE2: never}, PROFILE, moment=MOMENT, days_ago=0, zone=JST).import_told


# --- the meter's clock -----------------------------------------------------------------------------------------------

D98 = bytes.fromhex("07EA0514")  # 2026-05-20
EA_1400 = bytes.fromhex("07EA05140E00000000FE68")
EA_2330 = bytes.fromhex("07EA0514171E000000FE68")
EA_2330_BEFORE = bytes.fromhex("07EA0513171E000000FE68")


@pytest.mark.parametrize(
    ("values", "today", "now", "newest"),
    [
        ({0x98: D98, 0x97: b"\x0e\x1a", 0xEA: EA_1400}, 20, "20T14:26", "20T14:00"),
        ({0x98: D98, 0x97: b"\x0e\x02"}, 20, "20T14:02", "20T13:30"),
        ({0x98: D98, 0xEA: EA_1400}, 20, "20T14:00", "20T14:00"),
        ({0xEA: EA_1400}, 20, "20T14:00", "20T14:00"),
        ({0x98: D98, 0x97: b"\x00\x02", 0xEA: EA_2330_BEFORE}, 20, "20T00:02", "19T23:30"),
        ({0x98: D98, 0xEA: EA_2330_BEFORE}, 20, "20T00:00", "19T23:30"),
        ({0x97: b"\x17\x39", 0xEA: EA_2330}, 20, "20T23:57", "20T23:30"),
        ({0x97: b"\x00\x02", 0xEA: EA_2330}, 21, "21T00:02", "20T23:30"),
    ],
    ids=[
        "all",
        "no EA, and a meter may be late",
        "no 97",
        "EA alone",
        "EA of yesterday",
        "EA of yesterday without 97",
        "97 and EA before midnight",
        "97 and EA after midnight",
    ],
)
def test_the_meters_clock_dates_an_answer(values: dict[int, bytes], today: int, now: str, newest: str) -> None:
    moment = moment_served(values, zone=JST)
    assert moment == Moment(today=date(2026, 5, today), now=at(f"2026-05-{now}"), newest=at(f"2026-05-{newest}"))


@pytest.mark.parametrize(
    "values",
    [
        {},
        {0xEA: EA_2330},
        {0x97: b"\x0e\x1a"},
        {0x98: D98, 0x97: b"\x17\x3b"},
        {0x98: D98, 0x97: b"\x00\x00"},
        {0x98: b"\x07\xea\x00\x00"},
    ],
    ids=["nothing", "EA of 23:30 may be yesterday's", "no date", "23:59", "00:00", "clock not set"],
)
def test_an_uncertain_date_is_none(values: dict[int, bytes]) -> None:
    assert moment_served(values, zone=JST) is None


def test_a_malformed_window_tells_nothing() -> None:
    assert window_half_hours(b"\x00", PROFILE, expected=datetime(2026, 1, 15, 7, 0), zone=JST) == ()


# --- requests --------------------------------------------------------------------------------------------------------


def with_house(
    tmp_path: Path, scenario: Callable[[House], object], query: str = "", hidden: tuple[int, ...] = ()
) -> None:
    """Run `scenario(home)` with an introduced meter and an empty list of requests."""

    async def run() -> None:
        with house(tmp_path, query, hidden=frozenset(hidden)) as home:
            await home.reader.introduce()
            home.wire.requests.clear()
            await scenario(home)  # type: ignore[misc]

    run_virtual(run())


def gets(home: House) -> list[tuple[int, ...]]:
    """The properties of each Get so far."""
    return [tuple(p.epc for p in r.properties) for r in home.wire.requests if r.esv is Esv.GET]


def test_a_day_is_one_selector_and_one_get_of_six(tmp_path: Path) -> None:
    async def scenario(home: House) -> None:
        told = await home.reader.day(3)
        assert told.day == date(2026, 1, 12)
        assert [r.esv for r in home.wire.requests] == [Esv.SET_C, Esv.GET]
        assert gets(home) == [(0x98, 0x97, 0xEA, 0x8D, 0xE2, 0xE4)]
        slot = told.half_hours[20]
        assert (slot.import_raw, slot.export_raw) == home.wire.meter.slot(datetime(2026, 1, 12, 10, 0))

    with_house(tmp_path, scenario)


def test_a_window_is_one_selector_and_one_get(tmp_path: Path) -> None:
    async def scenario(home: House) -> None:
        slots = await home.reader.window(at("2026-01-15T09:30"), 3)
        assert [slot.at for slot in slots] == [at(f"2026-01-15T{hour}") for hour in ("09:30", "09:00", "08:30")]
        assert gets(home) == [(0xEC, 0x8D)]
        assert {slot.source for slot in slots} == {HalfHourSource.HISTORY_2}

    with_house(tmp_path, scenario)


def test_a_meter_that_stands_only_three_at_once_is_asked_for_less_until_it_answers(tmp_path: Path) -> None:
    async def scenario(home: House) -> None:
        for _ in range(2):
            with pytest.raises(NoAnswer):
                await home.reader.day(1)
        told = await home.reader.day(1)
        assert (told.import_told, told.export_told) == (True, True)
        assert {len(group) for group in gets(home)[-9:]} == {1}

    with_house(tmp_path, scenario, "fault=opc-silent:3")


def test_an_answer_without_any_value_is_asked_for_in_pieces(tmp_path: Path) -> None:
    async def scenario(home: House) -> None:
        for _ in range(2):
            with pytest.raises(MeterError, match="at once"):
                await home.reader.day(1)
        assert (await home.reader.day(1)).day == date(2026, 1, 14)

    with_house(tmp_path, scenario, "fault=sna-empty")


def test_a_date_that_changes_between_single_answers_is_not_believed(tmp_path: Path) -> None:
    async def scenario(home: House) -> None:
        for _ in range(2):
            with pytest.raises(MeterError, match="at once"):
                await home.reader.day(1)

        def at_the_history(request: Frame) -> bool:
            if request.properties[0].epc == 0xE2:
                home.wire.meter.jump_past_midnight()
            return False

        home.wire.lose = at_the_history
        with pytest.raises(MeterError, match="dated"):
            await home.reader.day(1)

    with_house(tmp_path, scenario, "fault=sna-empty")


def test_an_export_history_that_is_refused_is_not_asked_for_again(tmp_path: Path) -> None:
    async def scenario(home: House) -> None:
        told = await home.reader.day(1)
        assert (told.import_told, told.export_told) == (True, False)
        assert not home.reader.histories.export_days
        await home.reader.day(2)
        assert home.wire.asked(0xE4) == 1
        home.reader.joined(home.wire.peer)
        assert home.reader.histories.export_days

    with_house(tmp_path, scenario, "fault=sna-partial:E4")


def test_a_shorter_memory_than_99_days_is_learned(tmp_path: Path) -> None:
    async def scenario(home: House) -> None:
        home.wire.node._meter_table.write[0xE5] = lambda meter, edt: edt[0] < 40  # type: ignore[index]
        with pytest.raises(PropertyRefused):
            await home.reader.day(40)
        assert home.reader.histories.days == 40

    with_house(tmp_path, scenario)


@pytest.mark.parametrize("by_day", [True, False])
@pytest.mark.parametrize("query", ["", "fault=opc-silent:1"])
def test_another_serial_number_ends_the_acquaintance(by_day: bool, query: str, tmp_path: Path) -> None:
    async def scenario(home: House) -> None:
        home.reader._history._pieces = 2 if query else 0
        home.wire.meter.exchange()
        with pytest.raises(AnotherMeter):
            await (home.reader.day(0) if by_day else home.reader.window(at("2026-01-15T09:30"), 3))
        assert home.reader.profile is None

    with_house(tmp_path, scenario, query)


def test_a_history_about_another_day_is_not_taken(tmp_path: Path) -> None:
    async def scenario(home: House) -> None:
        def another_controller(request: Frame) -> bool:
            if request.esv is Esv.GET:
                home.wire.meter.day_selector = 7
            return False

        home.wire.lose = another_controller
        with pytest.raises(MeterError, match="another day"):
            await home.reader.day(1)

    with_house(tmp_path, scenario)


def test_a_window_of_other_half_hours_is_not_taken(tmp_path: Path) -> None:
    async def scenario(home: House) -> None:
        def another_controller(request: Frame) -> bool:
            if request.esv is Esv.GET:
                home.wire.meter.window_2 = datetime(2026, 1, 15, 9, 30), 2
            return False

        home.wire.lose = another_controller
        for newest, count in ((at("2026-01-15T09:00"), 2), (at("2026-01-15T09:30"), 3)):
            with pytest.raises(MeterError, match="other half hours"):
                await home.reader.window(newest, count)

    with_house(tmp_path, scenario)


@pytest.mark.parametrize(("query", "asked"), [("", 0xEC), ("history2=0", 0xE2)])
def test_recent_history_leaves_out_what_is_not_recorded(query: str, asked: int, tmp_path: Path) -> None:
    async def scenario(home: House) -> None:
        slots = await home.reader.history(at("2026-01-15T01:00"), 4)
        expected = [at(text) for text in ("2026-01-15T00:00", "2026-01-14T22:00")]
        assert [slot.at for slot in await home.reader.history(at("2026-01-15T01:00"), 7)] == [*expected]
        assert [slot.at for slot in slots] == expected[:1]
        assert home.wire.asked(asked)

    with_house(tmp_path, scenario, f"fault=sparse:4&{query}")


def test_refused_windows_give_way_to_days(tmp_path: Path) -> None:
    async def scenario(home: House) -> None:
        home.wire.node._meter_table.write[0xED] = lambda meter, edt: False  # type: ignore[index]
        assert len(await home.reader.history(at("2026-01-15T09:30"), 4)) == 4
        assert not home.reader.histories.windows
        assert Property(0xED).epc not in {p.epc for r in home.wire.requests[1:] for p in r.properties}

    with_house(tmp_path, scenario)


# --- minutes ---------------------------------------------------------------------------------------------------------


def test_minutes_are_one_selector_and_one_get_with_the_meters_time(tmp_path: Path) -> None:
    async def scenario(home: House) -> None:
        told = await home.reader.minutes(at("2026-01-15T10:09"), 3)
        assert [(r.esv, [p.epc for p in r.properties]) for r in home.wire.requests] == [
            (Esv.SET_C, [0xEF]),
            (Esv.GET, [0xEE, 0xD0, 0x8D]),
        ]
        assert home.wire.requests[0].properties[0].edt.hex().upper() == "07EA010F0A0903"
        assert [each.at for each in told.minutes] == [at(f"2026-01-15T10:{minute}") for minute in ("09", "08", "07")]
        assert told.now == at("2026-01-15T10:10")
        for each, local in zip(told.minutes, (9, 8, 7), strict=True):
            assert (each.import_raw, each.export_raw) == home.wire.meter.minute(datetime(2026, 1, 15, 10, local))

    with_house(tmp_path, scenario, "release=R")


def test_without_d0_the_meters_clock_tells_the_time(tmp_path: Path) -> None:
    async def scenario(home: House) -> None:
        assert home.reader.histories.minutes
        assert await home.reader.minute_clock() == (None, at("2026-01-15T10:10"))
        told = await home.reader.minutes(at("2026-01-15T10:09"), 3)
        assert gets(home) == [(0x98, 0x97), (0xEE, 0x98, 0x97, 0x8D)]
        assert told.now == at("2026-01-15T10:10")

    with_house(tmp_path, scenario, "release=R", hidden=(0xD0,))


@pytest.mark.parametrize("hidden", [(0xEE,), (0xEF,), (0xD0, 0x98), (0xD0, 0x97)])
def test_a_meter_without_minutes_or_a_clock_is_not_asked_for_them(hidden: tuple[int, ...], tmp_path: Path) -> None:
    async def scenario(home: House) -> None:
        assert not home.reader.histories.minutes

    with_house(tmp_path, scenario, "release=R", hidden=hidden)


@pytest.mark.parametrize("refused", ["EE", "EF"])
def test_refused_minutes_are_not_asked_for_again_in_this_session(refused: str, tmp_path: Path) -> None:
    async def scenario(home: House) -> None:
        with pytest.raises(PropertyRefused):
            await home.reader.minutes(at("2026-01-15T09:30"), 3, is_old=True)
        assert home.reader.histories.minutes
        with pytest.raises(PropertyRefused):
            await home.reader.minutes(at("2026-01-15T10:09"), 3)
        assert not home.reader.histories.minutes
        home.reader.joined(home.wire.peer)
        assert home.reader.histories.minutes

    with_house(tmp_path, scenario, f"release=R&fault=sna-partial:{refused}")


def test_a_window_of_other_minutes_is_not_taken(tmp_path: Path) -> None:
    async def scenario(home: House) -> None:
        def another_controller(request: Frame) -> bool:
            if request.esv is Esv.GET:
                home.wire.meter.window_3 = datetime(2026, 1, 15, 10, 9), 2
            return False

        home.wire.lose = another_controller
        for newest, count in ((at("2026-01-15T10:08"), 2), (at("2026-01-15T10:09"), 3)):
            with pytest.raises(MeterError, match="other minutes"):
                await home.reader.minutes(newest, count)

    with_house(tmp_path, scenario, "release=R")


def test_minutes_of_another_meter_are_not_taken(tmp_path: Path) -> None:
    async def scenario(home: House) -> None:
        home.wire.meter.exchange()
        with pytest.raises(AnotherMeter):
            await home.reader.minutes(at("2026-01-15T10:09"), 3)
        assert home.reader.profile is None

    with_house(tmp_path, scenario, "release=R")


def test_a_meter_that_stands_one_at_a_time_tells_its_minutes_too(tmp_path: Path) -> None:
    async def scenario(home: House) -> None:
        for _ in range(2):
            with pytest.raises(NoAnswer):
                await home.reader.minutes(at("2026-01-15T10:09"), 3)
        told = await home.reader.minutes(at("2026-01-15T10:09"), 3)
        assert len(told.minutes) == 3
        assert gets(home)[-3:] == [(0xEE,), (0xD0,), (0x8D,)]

    with_house(tmp_path, scenario, "release=R&fault=opc-silent:1")
