"""Whose work it is goes with the work: into tasks, through the writing task of the store, and no farther."""

from __future__ import annotations

import asyncio

import pytest

from hems_data_collector.meter_name import about_meter, current_meter, for_meter, still_about_meter


async def name_in_a_task() -> str | None:
    return await asyncio.create_task(name_later())


async def name_later() -> str | None:
    await asyncio.sleep(0)
    return current_meter()


async def test_the_name_goes_into_the_tasks_that_begin_there_and_no_farther() -> None:
    names = await asyncio.gather(for_meter("a", name_in_a_task()), name_in_a_task(), for_meter("b", name_in_a_task()))
    assert names == ["a", None, "b"]
    assert current_meter() is None


async def test_the_name_is_gone_after_a_failure() -> None:
    async def fail() -> None:
        raise ValueError(current_meter())

    with pytest.raises(ValueError, match="a"):
        await for_meter("a", fail())
    assert current_meter() is None


def test_what_is_told_later_is_told_in_the_same_name() -> None:
    told: list[tuple[int, str | None]] = []
    with about_meter("a"):
        then = still_about_meter(lambda number: told.append((number, current_meter())))
    with about_meter("b"):
        then(1)
        assert current_meter() == "b"
    assert told == [(1, "a")]
