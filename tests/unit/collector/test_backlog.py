"""Records of the log take the form of the present configuration, whatever it was when they were made."""

from __future__ import annotations

import sqlite3
from datetime import UTC, datetime
from pathlib import Path

import pytest

from hems_data_collector.collector.backlog import StoredBacklog
from hems_data_collector.readings import METER_KEY, Record
from hems_data_collector.store import half_hours, meters, outbox, readings
from support.ledgers import METER, PROFILE, RECENT, opened, reading, slot

NOW = datetime(2025, 4, 2, tzinfo=UTC)


@pytest.mark.parametrize(
    ("stored_as", "named", "goes_out_as"),
    [("annex", True, "annex"), (None, True, METER), ("annex", False, None), (None, False, None)],
)
async def test_every_record_has_the_name_where_meters_have_names(
    stored_as: str | None, named: bool, goes_out_as: str | None, tmp_path: Path
) -> None:
    def fill(conn: sqlite3.Connection) -> None:
        outbox.register(conn, ["file"], now=NOW)
        meters.know(conn, PROFILE, NOW, name=stored_as)
        readings.append(conn, reading(), RECENT, PROFILE)
        half_hours.record(conn, [slot(0), slot(1)], PROFILE, now=NOW)

    with opened(tmp_path / "hems.db") as database:
        database.run_sync(fill)
        backlog = StoredBacklog(database, half_hours=True, named=named)
        portion = await backlog.turn("file", (), limit=10)
        ahead = await backlog.ahead("file", 0, limit=10)
    assert [name_in(record) for _, record in portion.records] == [goes_out_as] * 2
    assert ahead == portion.records


def name_in(record: Record) -> object:
    return record.fields.get(METER_KEY)
