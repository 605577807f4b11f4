"""One meter and its reader: what is asked for, when, and what is not asked for again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from hems_data_collector.echonet import Esv
from support.backfilling import House, house
from support.virtual_time import run_virtual

C0 = "00000016" + "0000" + "41303042313233343536"
"""Of the emulated meter."""


def with_house(
    tmp_path: Path, scenario: Callable[[House], object], query: str = "release=R", hidden: tuple[int, ...] = ()
) -> None:
    """Run `scenario(home)` with an introduced meter and an empty list of requests."""

    async def run() -> None:
        with house(tmp_path, query, hidden=frozenset(hidden)) as home:
            await home.reader.introduce()
            await scenario(home)  # type: ignore[misc]

    run_virtual(run())


def gets(home: House) -> list[tuple[int, ...]]:
    """The properties of each Get so far."""
    return [tuple(p.epc for p in r.properties) for r in home.wire.requests if r.esv is Esv.GET]


# --- the Route B identification number -------------------------------------------------------------------------------


def test_it_is_read_with_the_constants_and_is_no_identity(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async def scenario(home: House) -> None:
        assert gets(home)[1:] == [(0x8D, 0xD3, 0xD7, 0x98, 0x97, 0xC0)]
        profile = home.reader.profile
        assert profile is not None
        assert profile.route_b_number is not None
        assert profile.route_b_number.reveal() == C0
        assert profile.identity.key == "000016-A00B123456"
        assert C0[8:] not in repr(profile) + str(profile.identity)

    caplog.set_level("DEBUG")
    with_house(tmp_path, scenario)
    assert C0[12:] not in caplog.text


def test_a_meter_without_a_serial_number_is_not_known_by_it_either(tmp_path: Path) -> None:
    async def scenario(home: House) -> None:
        assert home.reader.profile is not None
        assert home.reader.profile.route_b_number is not None
        assert home.reader.profile.identity.key.startswith("FE000016")  # the node profile's 83

    with_house(tmp_path, scenario, hidden=(0x8D,))


def test_a_malformed_one_does_not_keep_the_meter_from_being_read(tmp_path: Path) -> None:
    async def scenario(home: House) -> None:
        table = home.wire.node._meter_table
        home.wire.node._meter_table = replace(table, specs={**table.specs, 0xC0: Anything()})  # type: ignore[dict-item]
        profile = await home.reader.introduce()
        assert profile.route_b_number is not None
        assert profile.route_b_number.reveal() == "FF00"

    class Anything:
        def encode(self, value: object) -> bytes:
            return b"\xff\x00"

    with_house(tmp_path, scenario)
