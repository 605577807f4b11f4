"""What was counted of each meter: for `status`, and one line a day in the log."""

from __future__ import annotations

import asyncio
import logging
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from hems_data_collector.clock import LoopClock
from hems_data_collector.counting import DailySummary, meter_section
from hems_data_collector.link.counters import LinkCounters
from hems_data_collector.meter.client import ClientCounters
from support.counted_house import House
from support.virtual_time import run_virtual

TOKYO = ZoneInfo("Asia/Tokyo")
EVENING = datetime(2026, 1, 15, 12, 0, tzinfo=UTC)
"""21:00 in Japan."""
DAY_S = 86_400.0


def test_status_has_every_count_of_a_meter() -> None:
    house = House(
        name="home",
        link_counters=LinkCounters(joins=3, rejoins=2, last_lqi=180, restricted_until=EVENING),
        request_counters=ClientCounters(requests=9, answers=8),
        malformed=1,
    )
    section = meter_section(house)
    assert {name: section[name] for name in ("name", "port", "meter", "session")} == {
        "name": "home",
        "port": "/dev/ttyUSB0",
        "meter": "000016-A1",
        "session": "up",
    }
    assert (section["link"]["joins"], section["link"]["rejoins"], section["link"]["last_lqi"]) == (3, 2, 180)
    assert section["link"]["restricted_until"] == "2026-01-15T12:00:00+00:00"
    assert (section["requests"]["requests"], section["requests"]["answers"]) == (9, 8)
    assert section["requests"]["malformed_values"] == 1


def lines(caplog: pytest.LogCaptureFixture, house: House, *days: ClientCounters) -> list[str]:
    """The summaries of so many days, on each of which `house` does what is given."""

    async def live() -> None:
        summary = asyncio.create_task(DailySummary([house], clock=LoopClock(EVENING), zone=TOKYO).run())
        for day in days:
            house.request_counters = day
            await asyncio.sleep(DAY_S)
        summary.cancel()

    with caplog.at_level(logging.INFO, logger="hems_data_collector.counting"):
        run_virtual(live())
    return [record.getMessage() for record in caplog.records]


def test_each_midnight_has_one_line_with_the_counts_of_that_day_alone(caplog: pytest.LogCaptureFixture) -> None:
    house = House(link_counters=LinkCounters(joins=1, air_time_s=1.25, last_lqi=180))
    told = lines(
        caplog,
        house,
        ClientCounters(requests=180, answers=179, retries=1, late_answers=1),
        ClientCounters(requests=1620, answers=1619, retries=1, late_answers=1),
    )
    assert told == [
        "Since 2026-01-15 21:00: 180 requests, 179 answers, 1 asked again, 1 answer late, 0.0 s on the air,"
        " link quality 180.",
        "Since 2026-01-16 00:00: 1440 requests, 1440 answers, 0.0 s on the air, link quality 180.",
    ]


def test_trouble_is_counted_in_the_line(caplog: pytest.LogCaptureFixture) -> None:
    house = House()

    async def live() -> None:
        summary = asyncio.create_task(DailySummary([house], clock=LoopClock(EVENING), zone=TOKYO).run())
        await asyncio.sleep(60)
        house.link_counters = LinkCounters(
            joins=2, losses=1, scans=3, send_restrictions=1, undecodable_lines=2, air_time_s=4.26, last_rssi_dbm=-71.5
        )
        house.request_counters = ClientCounters(undecodable=1)
        house.malformed = 1
        await asyncio.sleep(DAY_S / 2)
        summary.cancel()

    with caplog.at_level(logging.INFO, logger="hems_data_collector.counting"):
        run_virtual(live())
    assert [record.getMessage() for record in caplog.records] == [
        "Since 2026-01-15 21:00: 0 requests, 0 answers, 4 damaged, 2 joins, 1 session lost, 3 scans,"
        " 1 pause for air time, 4.3 s on the air, -72 dBm."
    ]
