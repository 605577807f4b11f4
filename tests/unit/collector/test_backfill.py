"""When the backfill wants air, what it tells of itself, and what it does with trouble."""

from __future__ import annotations

from pathlib import Path

import pytest

from hems_data_collector.collector.backfill import LOOK_AGAIN_S, TROUBLE_S
from hems_data_collector.errors import NoAnswer
from support.backfilling import SPACING_S, house
from support.virtual_time import virtual


@virtual
async def test_a_meter_that_is_not_known_gets_no_request(tmp_path: Path) -> None:
    with house(tmp_path) as home:
        assert home.backfill.seconds_left() is None
        assert not home.backfill.wanted()
        assert home.backfill.progress() == (0, 0)
        await home.backfill.step()
        assert home.wire.requests == []


@virtual
async def test_a_meter_without_a_readable_past_gets_no_request(tmp_path: Path) -> None:
    with house(tmp_path, "history2=0", hidden=frozenset({0xE5})) as home:
        await home.reader.introduce()
        assert home.backfill.seconds_left() is None


@virtual
async def test_requests_keep_their_distance_from_the_end_of_the_one_before(tmp_path: Path) -> None:
    with house(tmp_path) as home:
        await home.reader.introduce()
        assert home.backfill.wanted()
        await home.backfill.step()
        assert not home.backfill.wanted()
        assert home.backfill.seconds_left() == SPACING_S


@virtual
async def test_a_whole_ledger_is_looked_at_now_and_then(tmp_path: Path) -> None:
    with house(tmp_path, "export=0") as home:
        home.wire.meter._installed = home.wire.meter.clock.now()
        await home.reader.introduce()
        await home.run(640)
        home.wire.requests.clear()
        left = home.backfill.seconds_left()
        assert left is not None
        assert 0 < left < LOOK_AGAIN_S
        home.backfill.look_again()
        assert home.backfill.wanted()
        await home.backfill.step()
        assert home.wire.requests == []
        assert home.backfill.seconds_left() == pytest.approx(LOOK_AGAIN_S)


@virtual
async def test_trouble_is_the_callers_and_patience_doubles_until_something_comes(tmp_path: Path) -> None:
    with house(tmp_path) as home:
        await home.reader.introduce()
        home.wire.lose = lambda request: any(prop.epc == 0xE2 for prop in request.properties)
        for patience_s in (TROUBLE_S, 2 * TROUBLE_S, 4 * TROUBLE_S):
            with pytest.raises(NoAnswer):
                await home.backfill.step()
            assert home.backfill.seconds_left() == patience_s
        home.wire.lose = lambda _: False
        await home.backfill.step()
        assert home.backfill.seconds_left() == SPACING_S
        assert home.stored()
        home.wire.lose = lambda request: any(prop.epc == 0xE2 for prop in request.properties)
        with pytest.raises(NoAnswer):
            await home.backfill.step()
        assert home.backfill.seconds_left() == TROUBLE_S
