"""The house: power and energy agree to the watt-second, for any moment, seed and order of asking."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hems_data_collector.emulator.house import House

SUNNY = House(seed=1, export=True)
PLAIN = House(seed=2, export=False)
DAY = 86_400
moments = st.integers(-10 * 365 * DAY, 100 * 365 * DAY)


@given(at=moments, seconds=st.integers(1, 10))
@settings(max_examples=300, deadline=None)
def test_energy_is_power_times_time(at: int, seconds: int) -> None:
    at -= at % 10
    for house in (SUNNY, PLAIN):
        (drawn, fed), (drawn_later, fed_later) = house.energy_ws(at), house.energy_ws(at + seconds)
        power = house.power_w(at)
        assert house.power_w(at + seconds - 1) == power
        assert drawn_later - drawn == max(power, 0) * seconds
        assert fed_later - fed == max(-power, 0) * seconds


@given(at=moments, later=st.integers(0, 10 * DAY))
@settings(max_examples=300, deadline=None)
def test_registers_never_go_back(at: int, later: int) -> None:
    before, after = SUNNY.energy_ws(at), SUNNY.energy_ws(at + later)
    assert before[0] <= after[0]
    assert before[1] <= after[1]


def test_the_whole_of_a_day_is_the_sum_of_its_steps() -> None:
    total = [0, 0]
    for step in range(DAY // 10):
        power = SUNNY.power_w(step * 10)
        total[0] += max(power, 0) * 10
        total[1] += max(-power, 0) * 10
    begin, end = SUNNY.energy_ws(0), SUNNY.energy_ws(DAY)
    assert (end[0] - begin[0], end[1] - begin[1]) == tuple(total)


def test_a_household_draws_and_feeds_in_believable_amounts() -> None:
    drawn, fed = SUNNY.energy_ws(28 * DAY)
    assert 3 < drawn / 3.6e6 / 28 < 20
    assert 5 < fed / 3.6e6 / 28 < 30
    drawn, fed = PLAIN.energy_ws(28 * DAY)
    assert 5 < drawn / 3.6e6 / 28 < 20
    assert fed == 0
    powers = [PLAIN.power_w(at) for at in range(0, 28 * DAY, 60)]
    assert min(powers) > 50
    assert max(powers) < 6000


def test_the_roof_feeds_in_at_noon_and_never_at_night() -> None:
    noons = [SUNNY.power_w(day * DAY + DAY // 2) for day in range(28)]
    nights = [SUNNY.power_w(day * DAY + 3600) for day in range(28)]
    assert all(power < 0 for power in noons)
    assert all(power > 0 for power in nights)


def test_seeds_make_different_houses_and_the_same_seed_the_same() -> None:
    again, other = House(seed=1, export=True), House(seed=3, export=True)
    moment = 123_456_789
    assert again.energy_ws(moment) == SUNNY.energy_ws(moment)
    assert other.energy_ws(moment) != SUNNY.energy_ws(moment)


@pytest.mark.parametrize("wires", [2, 3])
def test_currents_have_the_sign_of_the_power(wires: int) -> None:
    for at in range(0, DAY, 600):
        r, t = SUNNY.currents_da(at, wires)
        assert (t is None) == (wires == 2)
        assert r * SUNNY.power_w(at) >= 0


def test_building_a_house_is_quick() -> None:
    started = time.process_time()
    House(seed=9, export=True)
    assert time.process_time() - started < 0.25  # 20 ms on the machine it was written on
