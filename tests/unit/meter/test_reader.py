"""One meter and its reader: what is asked for, when, and what is not asked for again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from hems_data_collector.echonet import Esv
from hems_data_collector.errors import NoAnswer
from support.backfilling import House, house
from support.virtual_time import run_virtual

DAY_S = 86_400.0
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


# --- polls -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("query", "polled"),
    [
        ("release=R&export=0", (0xE0, 0xE7, 0xE8, 0xEA, 0xD0)),
        ("release=R", (0xE0, 0xE7, 0xE8, 0xEA, 0xE3, 0xEB)),
        ("export=0", (0xE0, 0xE7, 0xE8, 0xEA)),
        ("", (0xE0, 0xE7, 0xE8, 0xEA, 0xE3, 0xEB)),
    ],
    ids=["R", "R with export", "F", "F with export"],
)
def test_a_poll_is_one_request_and_has_the_minute_where_there_is_room(
    query: str, polled: tuple[int, ...], tmp_path: Path
) -> None:
    async def scenario(home: House) -> None:
        home.wire.requests.clear()
        poll = await home.reader.poll()
        assert gets(home) == [polled]
        if 0xD0 not in polled:
            assert poll.minute is None
            return
        assert poll.minute is not None
        assert poll.minute.at == datetime(2026, 1, 15, 1, 10, tzinfo=UTC)
        assert (poll.minute.import_raw, None) == home.wire.meter.minute(datetime(2026, 1, 15, 10, 10))

    with_house(tmp_path, scenario, query)


@pytest.mark.parametrize("epc", [0xE3, 0xD0])
def test_a_refused_property_is_not_asked_for_again_in_this_session(epc: int, tmp_path: Path) -> None:
    query = f"release=R&fault=sna-partial:{epc:02X}" + ("&export=0" if epc == 0xD0 else "")

    async def scenario(home: House) -> None:
        for _ in range(3):
            assert (await home.reader.poll()).reading.power_w is not None
        assert home.wire.asked(epc) == 1
        home.reader.joined(home.wire.peer)
        await home.reader.poll()
        assert home.wire.asked(epc) == 2

    with_house(tmp_path, scenario, query)


def test_the_full_group_is_tried_again_once_a_day(tmp_path: Path) -> None:
    async def scenario(home: House) -> None:
        home.wire.requests.clear()
        with pytest.raises(NoAnswer):
            await home.reader.poll()
        assert [len(group) for group in gets(home)] == [6, 1, 6]  # two silences, and an answer to E7 between them
        home.wire.faults.remove("opc-silent")
        home.wire.requests.clear()
        await home.reader.poll()
        await home.clock.sleep(DAY_S - 300)
        home.reader.joined(home.wire.peer)  # a new session is no reason
        await home.reader.poll()
        assert [len(group) for group in gets(home)] == [3, 3, 3, 3]
        await home.clock.sleep(300)
        home.wire.requests.clear()
        await home.reader.poll()
        assert [len(group) for group in gets(home)] == [6]

    with_house(tmp_path, scenario, "fault=opc-silent:3")


# --- is it still the same meter --------------------------------------------------------------------------------------


def test_the_same_meter_is_told_by_one_request(tmp_path: Path) -> None:
    async def scenario(home: House) -> None:
        home.wire.requests.clear()
        assert await home.reader.verify()
        assert gets(home) == [(0x8D, 0xD3, 0xE1)]
        home.wire.meter.exchange()
        assert not await home.reader.verify()

    with_house(tmp_path, scenario)


def test_a_meter_without_a_serial_number_is_told_by_its_node(tmp_path: Path) -> None:
    async def scenario(home: House) -> None:
        assert await home.reader.verify()
        home.wire.lose = lambda request: request.properties[0].epc == 0x83
        assert await home.reader.verify()
        home.wire.lose = lambda _: False
        home.wire.meter.settings = replace(home.wire.meter.settings, mac="001C640000000002")
        assert not await home.reader.verify()

    with_house(tmp_path, scenario, hidden=(0x8D,))
