"""When the meter is asked who it is, and which registers make that doubtful."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from hems_data_collector.collector.same_meter import AGAIN_S, RETRY_S, SameMeter
from hems_data_collector.meter.reader import Poll
from hems_data_collector.readings import HalfHour, Reading
from support.backfilling import House, house
from support.ledgers import PROFILE, SLOT, reading, slot
from support.virtual_time import run_virtual

DAY_S = 86_400.0


def with_meter(tmp_path: Path, scenario: Callable[[House, SameMeter], object]) -> None:
    """Run `scenario(home, same)` on a meter that was got to know just now."""

    async def run() -> None:
        with house(tmp_path) as home:
            await home.reader.introduce()
            same = SameMeter(home.reader, clock=home.clock)
            same.introduced()
            await scenario(home, same)  # type: ignore[misc]

    run_virtual(run())


def poll(import_raw: int | None, half_hour: HalfHour | None = None, **changes: Any) -> Poll:
    found: Reading = reading(
        energy_import_raw=import_raw,
        energy_import_kwh=None if import_raw is None else Decimal(f"{import_raw}E-1"),
        **changes,
    )
    return Poll(reading=found, half_hour=half_hour, minute=None)


# --- asking ----------------------------------------------------------------------------------------------------------


def test_it_is_asked_in_every_session_and_twice_a_day(tmp_path: Path) -> None:
    async def scenario(home: House, same: SameMeter) -> None:
        assert not same.due()
        home.reader.joined(home.wire.peer)
        assert same.due()
        assert await same.check()
        assert not same.due()
        await home.clock.sleep(AGAIN_S - 10)
        assert not same.due()
        await home.clock.sleep(10)
        assert same.due()

    assert AGAIN_S <= DAY_S / 2
    with_meter(tmp_path, scenario)


def test_a_remembered_meter_is_asked_at_the_start(tmp_path: Path) -> None:
    async def scenario(home: House, same: SameMeter) -> None:
        assert SameMeter(home.reader, clock=home.clock).due()
        home.wire.meter.exchange()
        assert not await same.check()

    with_meter(tmp_path, scenario)


def test_a_try_without_an_answer_is_not_made_again_at_once(tmp_path: Path) -> None:
    async def scenario(home: House, same: SameMeter) -> None:
        home.reader.joined(home.wire.peer)
        home.wire.lose = lambda _: True
        with pytest.raises(Exception, match="answer"):
            await same.check()
        assert not same.due()
        await home.clock.sleep(RETRY_S)
        assert same.due()

    with_meter(tmp_path, scenario)


# --- doubting --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("old", "new", "after_s", "is_doubtful"),
    [
        (65139, 65139, 60, False),
        (65139, 65140, 60, False),
        (65139, 65138, 60, True),
        (65139, 0, 60, True),
        (999_999, 3, 60, False),
        (65139, 65139 + 300, 60, False),
        (65139, 65139 + 400, 60, True),
        (65139, 65139 + 14_000, DAY_S, False),
        (65139, 65139 + 15_000, DAY_S, True),
        (65139, None, 60, False),
        (None, 5, 60, False),
    ],
    ids=[
        *("still", "on", "back by one", "back to zero", "over the end", "60 kW for half an hour", "more"),
        *("60 kW for a day", "more than that", "no value", "no value before"),
    ],
)
def test_a_register_that_goes_back_or_jumps_is_doubtful(
    old: int | None, new: int | None, after_s: float, is_doubtful: bool, tmp_path: Path
) -> None:
    async def scenario(home: House, same: SameMeter) -> None:
        same.believe(poll(old))
        await home.clock.sleep(after_s)
        assert same.doubts(poll(new), None, PROFILE) is is_doubtful
        export = {"energy_export_raw": new, "energy_export_kwh": None}
        same.believe(poll(7, energy_export_raw=old))
        await home.clock.sleep(after_s)
        assert same.doubts(poll(7, **export), None, PROFILE) is is_doubtful

    with_meter(tmp_path, scenario)


def test_a_count_of_a_coarse_register_is_no_jump(tmp_path: Path) -> None:
    async def scenario(home: House, same: SameMeter) -> None:
        coarse = replace(PROFILE, exponent=3)
        same.believe(poll(65))
        assert not same.doubts(poll(66), None, coarse)
        assert same.doubts(poll(67), None, coarse)

    with_meter(tmp_path, scenario)


def test_at_the_start_the_last_half_hour_is_what_a_reading_follows(tmp_path: Path) -> None:
    async def scenario(home: House, same: SameMeter) -> None:
        later = SLOT + timedelta(minutes=30)
        assert not same.doubts(poll(65138, fixed_at=later), slot(), PROFILE)
        assert same.doubts(poll(12, fixed_at=later), slot(), PROFILE)
        assert not same.doubts(poll(12, fixed_at=later), slot(exponent=-2), PROFILE)
        assert not same.doubts(poll(12, fixed_at=None), slot(), PROFILE)
        assert not same.doubts(poll(12, fixed_at=later), None, PROFILE)

    with_meter(tmp_path, scenario)


def test_a_half_hour_follows_the_one_before_and_equals_itself(tmp_path: Path) -> None:
    async def scenario(home: House, same: SameMeter) -> None:
        for doubtful, known, told in (
            (False, slot(0), slot(0)),
            (False, slot(0), slot(1)),
            (False, slot(1), slot(0, 5)),
            (True, slot(0), slot(0, 5)),
            (True, slot(0), slot(1, 5)),
            (True, slot(0), slot(1, 65137 + 1000)),
            (False, slot(0), slot(1, None)),
            (False, slot(0), slot(0, None)),
            (True, slot(0, export_raw=9), slot(0, export_raw=8)),
        ):
            assert same.doubts_slot(told, known, PROFILE) is doubtful
            assert same.due() is doubtful
            same.introduced()
        assert not same.doubts_slot(slot(0, 5), None, PROFILE)
        assert same.doubts(poll(65137, slot(1, 5)), slot(0), PROFILE)

    with_meter(tmp_path, scenario)


def test_what_the_meter_confirmed_is_not_doubted_again(tmp_path: Path) -> None:
    async def scenario(home: House, same: SameMeter) -> None:
        same.believe(poll(65139))
        odd = slot(1, 5)
        assert same.doubts_slot(odd, slot(0), PROFILE)
        assert await same.check()
        assert not same.due()
        assert not same.doubts_slot(odd, slot(0), PROFILE)
        assert same.doubts(poll(12), None, PROFILE)
        same.believe(poll(12, slot(2, 7)))
        assert not same.doubts(poll(13, slot(2, 7)), slot(0), PROFILE)

    with_meter(tmp_path, scenario)
