"""What is remembered of a port comes back exactly; whatever happens to the disk, the collector goes on."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from hems_data_collector.credentials import Secret
from hems_data_collector.link.base import Pan, WifiPlace
from hems_data_collector.store.database import Database
from hems_data_collector.store.ports import Ports, Remembered, remember
from support.ledgers import EXPORTING, SLOT, opened

PAN = Pan(channel=0x21, pan_id=0x8888, address="FE80:0000:0000:0000:021D:1290:1234:5678", lqi=0xE1)
WIFI = WifiPlace(interface="wlan0", address="fe80::1", serial="A00B123456", node_id="FE000016" + "00" * 13)
NOW = datetime(2025, 4, 2, tzinfo=UTC)
"""As a version without a database wrote it."""


def test_everything_remembered_comes_back(tmp_path: Path) -> None:
    with opened(tmp_path / "hems.db") as database:
        ports = Ports(database)
        ports.remember("/dev/ttyUSB0", pan=PAN)
        assert ports.remember("/dev/ttyUSB0", profile=EXPORTING) == Remembered(pan=PAN, profile=EXPORTING)
        ports.remember("/dev/ttyUSB1", terminated_at=SLOT)
        ports.remember("wifi:", wifi=WIFI)
    with opened(tmp_path / "hems.db") as database:
        again = Ports(database)
        assert again.recall("/dev/ttyUSB0") == Remembered(pan=PAN, profile=EXPORTING)
        assert again.recall("/dev/ttyUSB1") == Remembered(terminated_at=SLOT)
        assert again.recall("wifi:") == Remembered(wifi=WIFI)
        assert again.recall("/dev/ttyUSB2") == Remembered()


def test_a_secret_of_the_meter_comes_back_and_shows_nowhere_else(database: Database) -> None:
    ports = Ports(database)
    profile = replace(EXPORTING, route_b_number=Secret("0000001600000000"))
    assert "00000016" not in repr(ports.remember("p", profile=profile))
    known = Ports(database).recall("p").profile
    assert known == profile
    assert known.route_b_number is not None
    assert known.route_b_number.reveal() == "0000001600000000"


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


def test_what_was_written_is_read_from_the_database_again(database: Database) -> None:
    ports = Ports(database)
    ports.remember("p", pan=PAN)
    database.run_sync(lambda conn: remember(conn, {"p": Remembered(terminated_at=SLOT)}))
    assert ports.recall("p") == Remembered(terminated_at=SLOT)


def test_what_a_later_version_wrote_is_passed_over(database: Database) -> None:
    database.run_sync(lambda conn: conn.execute("INSERT INTO ports VALUES ('p', '{\"pan\": 7}')").rowcount)
    assert Ports(database).recall("p") == Remembered()
