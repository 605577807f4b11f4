"""What is remembered comes back exactly; whatever happens to the file, the collector goes on."""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from pathlib import Path

import pytest

from hems_data_collector.link.base import Pan
from hems_data_collector.meter.profile import MeterProfile
from hems_data_collector.readings import HalfHour, HalfHourSource, MeterIdentity
from hems_data_collector.store.state_file import Remembered, StateFile

PAN = Pan(channel=0x21, pan_id=0x8888, address="FE80:0000:0000:0000:021D:1290:1234:5678", lqi=0xE1)
PROFILE = MeterProfile(
    identity=MeterIdentity(maker="000016", serial="A00B123456"),
    get_map=frozenset({0xE0, 0xE7}),
    exponent=-1,
    t_seen=True,
)
SLOT = HalfHour(
    meter="000016-A00B123456",
    at=datetime(2026, 1, 14, 22, 0, tzinfo=UTC),
    import_raw=126042,
    export_raw=None,
    coefficient=1,
    exponent=-1,
    source=HalfHourSource.NOTIFICATION,
)


def test_everything_remembered_comes_back(tmp_path: Path) -> None:
    state = StateFile(tmp_path / "new" / "folder")
    state.remember("/dev/ttyUSB0", pan=PAN)
    state.remember("/dev/ttyUSB0", profile=PROFILE, half_hours=(SLOT,))
    state.remember("/dev/ttyUSB1", terminated_at=SLOT.at)
    again = StateFile(tmp_path / "new" / "folder")
    assert again.recall("/dev/ttyUSB0") == Remembered(pan=PAN, profile=PROFILE, half_hours=(SLOT,))
    assert again.recall("/dev/ttyUSB1") == Remembered(terminated_at=SLOT.at)
    assert again.recall("/dev/ttyUSB2") == Remembered()


def test_only_the_owner_may_read_it(tmp_path: Path) -> None:
    StateFile(tmp_path / "state").remember("p", pan=PAN)
    assert (tmp_path / "state").stat().st_mode & 0o777 == 0o700
    assert (tmp_path / "state" / "state.json").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("damage", [b"", b"{", b'{"ports": 3}', b"\xff\xfe", b'{"ports": {"p": {"pan": {}}}}'])
def test_a_damaged_file_costs_nothing_but_one_line(
    tmp_path: Path, damage: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "state.json").write_bytes(damage)
    state = StateFile(tmp_path)
    with caplog.at_level(logging.WARNING):
        assert state.recall("p") == Remembered()
        assert state.remember("p", pan=PAN).pan == PAN
    assert len(caplog.records) == 1
    assert StateFile(tmp_path).recall("p").pan == PAN


def test_a_folder_that_cannot_be_made_is_told_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "file").write_text("")
    state = StateFile(tmp_path / "file" / "state")
    with caplog.at_level(logging.WARNING):
        assert state.remember("p", pan=PAN).pan == PAN
        assert state.remember("p", terminated_at=SLOT.at) == Remembered(pan=PAN, terminated_at=SLOT.at)
    assert len(caplog.records) == 1
    assert str(tmp_path / "file" / "state") in caplog.text


def test_a_later_format_is_not_misread(tmp_path: Path) -> None:
    (tmp_path / "state.json").write_bytes(b'{"format": 99, "ports": {"p": {}}}')
    assert StateFile(tmp_path).recall("p") == Remembered()
