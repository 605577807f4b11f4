"""The whole collector on a disk that is full: what waits, what goes out, and where a new output begins."""

from __future__ import annotations

import asyncio
import gc
import logging
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from hems_data_collector.store import outbox
from hems_data_collector.store.database import open_reader
from support import collecting
from support.collecting import START, Collected, collect, settings_for
from support.full_disk import FullDisk

MINUTES = 10


@pytest.fixture(autouse=True)
def a_disk_with_room(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(collecting, "QuickDatabase", FullDisk)
    yield
    FullDisk.full = False


@pytest.mark.parametrize("known_before", [False, True])
def test_a_new_output_begins_when_it_was_first_configured_though_the_disk_was_full(
    tmp_path: Path, known_before: bool
) -> None:
    before = settings_for(tmp_path, "fast=1", output=["stdout"] if known_before else [], half_hours="true")
    collect(before, MINUTES * 60)

    async def make_room(collected: Collected) -> None:
        await asyncio.sleep(MINUTES * 60)
        assert collected.capture.records == [], "nothing goes out before it is stored"
        FullDisk.full = False

    FullDisk.full = True
    settings = settings_for(tmp_path, "fast=1", half_hours="true")
    start = START + timedelta(hours=1)
    collected = collect(settings, 2 * MINUTES * 60, start=start, script=make_room)
    stamps = [str(fields["timestamp"]) for fields in collected.fields if "timestamp" in fields]
    assert len(stamps) == 2 * MINUTES
    assert min(stamps) >= start.isoformat()
    conn = open_reader(settings.database)
    (row,) = outbox.states(conn)
    assert (row.name, row.waiting, row.configured) == ("stdout", 0, True)
    assert conn.execute("SELECT kinds FROM outputs").fetchone() == (outbox.READINGS | outbox.HALF_HOURS,)
    conn.close()


def test_an_end_while_the_disk_is_full_says_what_is_lost_and_nothing_else(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    settings = settings_for(tmp_path, "fast=1")
    collect(settings, 60)
    caplog.clear()
    FullDisk.full = True
    collect(settings, MINUTES * 60, start=START + timedelta(hours=1))
    gc.collect()
    errors = [record.message for record in caplog.records if record.levelno >= logging.WARNING]
    assert len(errors) == 2, errors
    assert "Records are kept in memory until it works again" in errors[0]
    assert "records could not be stored before the end and are lost" in errors[1]
