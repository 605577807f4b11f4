"""What is remembered of a port comes back exactly; whatever happens to the disk, the collector goes on."""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from pathlib import Path

import pytest

from hems_data_collector.link.base import Pan
from hems_data_collector.store import half_hours
from hems_data_collector.store.database import Database
from hems_data_collector.store.ports import Ports, Remembered, adopt_state_file
from support.ledgers import EXPORTING, METER, PROFILE, SLOT, opened, slot

PAN = Pan(channel=0x21, pan_id=0x8888, address="FE80:0000:0000:0000:021D:1290:1234:5678", lqi=0xE1)
NOW = datetime(2025, 4, 2, tzinfo=UTC)
STATE = (
    b'{"format":1,"ports":{"/dev/ttyUSB0":{"pan":{"channel":33,"pan_id":34952,'
    b'"address":"FE80:0000:0000:0000:021D:1290:1234:5678","lqi":225},"terminated_at":"2025-04-01T03:00:00Z",'
    b'"profile":{"identity":{"maker":"000016","serial":"A00B123456","node_id":null,"mac":"001D129012345678"},'
    b'"get_map":[224,225,226,231,232,234],"set_map":[],"exponent":-1,"coefficient":1,"digits":6,"release":"",'
    b'"t_seen":true},"half_hours":[{"meter":"000016-A00B123456","at":"2025-04-01T03:00:00Z","import_raw":65137,'
    b'"export_raw":null,"coefficient":1,"exponent":-1,"source":"notification"}]}}}'
)
"""As a version without a database wrote it."""


def test_everything_remembered_comes_back(tmp_path: Path) -> None:
    with opened(tmp_path / "hems.db") as database:
        ports = Ports(database)
        ports.remember("/dev/ttyUSB0", pan=PAN)
        assert ports.remember("/dev/ttyUSB0", profile=EXPORTING) == Remembered(pan=PAN, profile=EXPORTING)
        ports.remember("/dev/ttyUSB1", terminated_at=SLOT)
    with opened(tmp_path / "hems.db") as database:
        again = Ports(database)
        assert again.recall("/dev/ttyUSB0") == Remembered(pan=PAN, profile=EXPORTING)
        assert again.recall("/dev/ttyUSB1") == Remembered(terminated_at=SLOT)
        assert again.recall("/dev/ttyUSB2") == Remembered()


def test_what_cannot_be_written_is_written_with_the_next_change(tmp_path: Path) -> None:
    folder = tmp_path / "disk"
    with opened(folder / "hems.db") as database:
        ports = Ports(database)
        folder.rename(tmp_path / "away")
        assert ports.remember("p", pan=PAN) == Remembered(pan=PAN)
        assert ports.recall("p") == Remembered(pan=PAN)
        (tmp_path / "away").rename(folder)
        ports.remember("q", terminated_at=SLOT)
        assert Ports(database).recall("p") == Remembered(pan=PAN)


def test_what_a_later_version_wrote_is_passed_over(database: Database) -> None:
    database.run_sync(lambda conn: conn.execute("INSERT INTO ports VALUES ('p', '{\"pan\": 7}')").rowcount)
    assert Ports(database).recall("p") == Remembered()


def test_the_state_file_of_an_earlier_version_is_taken_over_once(tmp_path: Path, database: Database) -> None:
    (tmp_path / "state.json").write_bytes(STATE)
    adopt_state_file(database, tmp_path, now=NOW)
    assert Ports(database).recall("/dev/ttyUSB0") == Remembered(pan=PAN, terminated_at=SLOT, profile=PROFILE)
    assert database.run_sync(lambda conn: half_hours.slots(conn, METER, SLOT, NOW)) == [slot(0)]
    assert not (tmp_path / "state.json").exists()
    adopt_state_file(database, tmp_path, now=NOW)


def test_what_the_database_knows_is_not_overwritten_by_a_state_file(tmp_path: Path, database: Database) -> None:
    Ports(database).remember("/dev/ttyUSB0", terminated_at=NOW)
    (tmp_path / "state.json").write_bytes(STATE)
    adopt_state_file(database, tmp_path, now=NOW)
    assert Ports(database).recall("/dev/ttyUSB0") == Remembered(terminated_at=NOW)


@pytest.mark.parametrize("damage", [b"", b"{", b'{"ports": 3}', b"\xff\xfe", b'{"ports": {"p": {"pan": {}}}}'])
def test_a_damaged_state_file_costs_one_line(
    tmp_path: Path, database: Database, damage: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "state.json").write_bytes(damage)
    with caplog.at_level(logging.WARNING):
        adopt_state_file(database, tmp_path, now=NOW)
    assert len(caplog.records) == 1
    assert Ports(database).recall("p") == Remembered()
