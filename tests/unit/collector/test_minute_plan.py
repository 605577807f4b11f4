"""Which minutes are asked for, and when: literal minutes, seconds of a clock that the test holds."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from hems_data_collector.collector.minute_plan import CLOCK_KNOWN_S, Lost, MinutePlan, MinuteRequest

NOON = datetime(2026, 1, 15, 3, 0, tzinfo=UTC)


def at(number: int) -> datetime:
    """So many minutes after noon by the meter's clock."""
    return NOON + timedelta(minutes=number)


def begun(known: Iterable[int] = (), now: int = 0) -> MinutePlan:
    """A plan whose meter says at second 0 that it is `now`; these minutes are stored."""
    plan = MinutePlan()
    plan.tell_clock(at(now), 0.0)
    plan.begin([at(number) for number in known], at(now))
    return plan


def asked(plan: MinutePlan, monotonic_s: float) -> tuple[int, int, bool] | None:
    """From which minute to which, and whether it is old."""
    request = plan.request(monotonic_s)
    if request is None:
        return None
    newest = (request.newest - NOON) // timedelta(minutes=1)
    return newest - request.count + 1, newest, request.is_old


def test_the_meters_time_goes_on_by_whole_minutes_until_it_is_too_long_ago() -> None:
    plan = MinutePlan()
    assert plan.newest(0.0) is None
    plan.tell_clock(at(0), 100.0)
    assert [plan.newest(100.0 + late) for late in (0, 59.9, 60, 185)] == [at(0), at(0), at(1), at(3)]
    assert plan.newest(100.0 + CLOCK_KNOWN_S) == at(15)
    assert plan.newest(100.1 + CLOCK_KNOWN_S) is None


def test_nothing_is_asked_before_the_clock_and_the_store_are_known() -> None:
    plan = MinutePlan()
    assert (plan.request(0.0), plan.due_in(0.0), plan.begun) == (None, 0.0, False)
    plan.tell_clock(at(0), 0.0)
    assert (plan.request(0.0), plan.due_in(0.0), plan.begun) == (None, 0.0, False)


def test_at_first_everything_that_is_sure_is_asked_for() -> None:
    assert asked(begun(), 0.0) == (-9, 0, False)


def test_eight_minutes_come_with_one_answer() -> None:
    plan = begun(range(-9, 1))
    assert asked(plan, 479.0) is None
    assert plan.due_in(0.0) == 480.0
    assert plan.due_in(100.0) == 380.0
    assert asked(plan, 480.0) == (1, 8, False)
    assert plan.due_in(480.0) == 0.0


def test_what_polls_brought_is_left_out_at_both_ends() -> None:
    plan = begun([*range(-9, 1), 1, 2, 5, 8, 9, 10])
    assert asked(plan, 600.0) == (3, 7, False)


def test_polls_that_bring_everything_leave_nothing_to_ask() -> None:
    plan = begun(range(-9, 1))
    for number in range(1, 100):
        plan.tell_clock(at(number), number * 60.0)
        plan.settle([at(number)])
        assert plan.due_in(number * 60.0) == 480.0
    assert len(plan._settled) <= 60


def test_what_is_not_recorded_is_asked_for_once_unless_it_is_young() -> None:
    plan = begun(range(-9, 1))
    request = plan.request(480.0)
    assert request == MinuteRequest(newest=at(8), count=8, is_old=False)
    plan.answered(request, [at(1)], at(8))
    assert asked(plan, 480.0) is None
    assert asked(plan, 840.0) == (7, 14, False)
    assert plan.lost() is None


def test_after_a_loss_the_sure_ones_come_first_then_the_old_ones_backwards() -> None:
    plan = begun(range(-9, 1), now=24)
    assert asked(plan, 0.0) == (15, 24, False)
    plan.settle(at(number) for number in range(15, 25))
    assert asked(plan, 0.0) == (5, 14, True)
    plan.settle(at(number) for number in range(5, 15))
    assert asked(plan, 0.0) == (1, 4, True)


def test_an_old_window_without_data_says_how_far_the_meter_remembers() -> None:
    plan = begun(range(-9, 1), now=30)
    plan.settle(at(number) for number in range(21, 31))
    request = plan.request(0.0)
    assert request is not None
    plan.answered(request, [], at(30))
    assert (asked(plan, 0.0), plan.reaches_back) == (None, False)
    assert plan.lost() == Lost(count=20, first=at(1), last=at(20))
    assert plan.lost() is None


def test_an_old_window_with_some_data_leads_on() -> None:
    plan = begun(range(-9, 1), now=30)
    plan.settle(at(number) for number in range(21, 31))
    request = plan.request(0.0)
    assert request is not None
    plan.answered(request, [at(20), at(19)], at(30))
    assert asked(plan, 0.0) == (1, 10, True)
    assert plan.lost() == Lost(count=8, first=at(11), last=at(18))


def test_what_is_older_than_an_hour_is_given_up_unasked() -> None:
    plan = begun(range(-9, 1))
    plan.tell_clock(at(100), 6000.0)
    assert asked(plan, 6000.0) == (91, 100, False)
    assert plan.lost() == Lost(count=40, first=at(-9), last=at(40))
    plan.settle(at(number) for number in range(91, 101))
    assert asked(plan, 6000.0) == (81, 90, True)


def test_a_first_start_regrets_nothing() -> None:
    plan = begun()
    plan.tell_clock(at(100), 6000.0)
    assert plan.request(6000.0) is not None
    assert plan.lost() is None


def test_a_clock_that_is_set_back_begins_anew() -> None:
    plan = begun(range(-9, 1))
    plan.tell_clock(at(-5), 10.0)
    assert plan.begun
    plan.tell_clock(at(-600), 20.0)
    assert not plan.begun
    plan.begin([], at(-600))
    assert asked(plan, 20.0) == (-609, -600, False)
    plan.tell_clock(at(0), 30.0)
    assert asked(plan, 30.0) == (-9, 0, False)  # what was told of these minutes before is doubtful
