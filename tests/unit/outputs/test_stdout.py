"""Records on a descriptor: one write each, never half a one, and a full pipe is nobody else's trouble."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from hems_data_collector.errors import OutputClosed, OutputRejected, OutputUnavailable
from hems_data_collector.outputs.formats import CSV, JSON, YAML, Format
from hems_data_collector.outputs.stdout import StdoutOutput
from hems_data_collector.readings import HALF_HOUR_KIND, READING_KIND, RECORD_KEYS
from support.limits import file_size_limit
from support.records import (
    CSV_HEADER,
    FIRST_AS_CSV,
    FIRST_AS_JSON,
    HALF_HOUR_AS_JSON,
    half_hour,
    record,
    records,
)


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    reader, writer = os.pipe()
    yield reader, writer
    for descriptor in (reader, writer):
        with contextlib.suppress(OSError):
            os.close(descriptor)


def output(descriptor: int, format: Format = JSON, *, half_hours: bool = False) -> StdoutOutput:
    return StdoutOutput(format, RECORD_KEYS, descriptor, half_hours=half_hours)


async def test_each_record_is_one_write(pipe: tuple[int, int]) -> None:
    reader, writer = pipe
    out = output(writer)
    assert await out.deliver([record(0)], None) is None
    assert os.read(reader, 65_536) == FIRST_AS_JSON + b"\n"
    await out.deliver([record(1)], None)
    assert os.read(reader, 65_536) == JSON.encode(record(1))
    await out.close()


async def test_csv_begins_with_one_header(pipe: tuple[int, int]) -> None:
    reader, writer = pipe
    out = output(writer, CSV)
    await out.deliver([record(0)], None)
    await out.deliver([record(1)], None)
    assert os.read(reader, 65_536) == CSV_HEADER + FIRST_AS_CSV + CSV.encode(record(1))
    await out.close()


async def test_csv_refuses_a_record_with_other_columns(pipe: tuple[int, int]) -> None:
    out = output(pipe[1], CSV)
    with pytest.raises(OutputRejected, match="columns"):
        await out.deliver([record(0, meter="home")], None)
    await output(pipe[1], YAML).deliver([record(0, meter="home")], None)
    await out.close()


async def test_half_hours_stand_in_the_same_stream_and_tell_their_kind(pipe: tuple[int, int]) -> None:
    out = output(pipe[1], half_hours=True)
    await out.open()
    await out.deliver([record(0), half_hour(0), record(1)], None)
    lines = [FIRST_AS_JSON + b"\n", HALF_HOUR_AS_JSON + b"\n", JSON.encode(record(1))]
    assert os.read(pipe[0], 65_536) == b"".join(lines)
    await output(pipe[1], YAML, half_hours=True).deliver([half_hour(0)], None)
    assert os.read(pipe[0], 65_536).startswith(b"---\nkind: half-hour\nmeter_id: 000016-A1B2C3\n")
    await out.close()


@pytest.mark.parametrize("format", [JSON, YAML, CSV])
@pytest.mark.parametrize("half_hours", [False, True])
async def test_only_csv_takes_no_half_hours_and_says_so_once_at_start(
    pipe: tuple[int, int], caplog: pytest.LogCaptureFixture, format: Format, half_hours: bool
) -> None:
    caplog.set_level(logging.INFO)
    out = output(pipe[1], format, half_hours=half_hours)
    await out.open()
    assert out.takes(READING_KIND)
    assert out.takes(HALF_HOUR_KIND) == (format is not CSV)
    said = [message for message in caplog.messages if message.startswith("stdout: half-hour records are left out")]
    assert len(said) == (format is CSV and half_hours)
    await out.close()


async def test_a_reader_that_went_away_closes_the_output(pipe: tuple[int, int]) -> None:
    os.close(pipe[0])
    out = output(pipe[1])
    with pytest.raises(OutputClosed, match="reader of standard output"):
        await out.deliver([record(0)], None)
    await out.close()


async def test_a_closed_descriptor_closes_the_output(pipe: tuple[int, int]) -> None:
    os.close(pipe[1])
    out = output(pipe[1])
    with pytest.raises(OutputClosed):
        await out.deliver([record(0)], None)
    await out.close()


async def test_a_reader_that_does_not_read_holds_up_only_this_output(pipe: tuple[int, int]) -> None:
    reader, writer = pipe
    os.set_blocking(writer, False)
    with contextlib.suppress(BlockingIOError):
        while True:
            os.write(writer, b"x" * 4096)
    os.set_blocking(writer, True)
    out = output(writer)
    stuck = asyncio.create_task(out.deliver([record(0)], None))
    await asyncio.sleep(0.02)  # real: a thread is at work
    assert not stuck.done()
    filling = b""
    while not filling.endswith(FIRST_AS_JSON + b"\n"):
        filling += os.read(reader, 65_536)
        await asyncio.sleep(0)
    await stuck
    assert filling.rstrip(b"\n").lstrip(b"x") == FIRST_AS_JSON
    await out.close()


@pytest.mark.parametrize("room", [0, 10, len(CSV_HEADER), len(CSV_HEADER) + 10, len(CSV_HEADER + FIRST_AS_CSV) - 1])
async def test_a_torn_record_is_completed_and_not_repeated(tmp_path: Path, room: int) -> None:
    path = tmp_path / "redirected"
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT)
    out = output(descriptor, CSV)
    with file_size_limit(room), pytest.raises(OutputUnavailable, match="Standard output cannot be written"):
        await out.deliver([record(0)], None)
    assert path.stat().st_size == room
    await out.deliver([record(0)], None)
    await out.deliver([record(1)], None)
    assert path.read_bytes() == CSV_HEADER + FIRST_AS_CSV + CSV.encode(record(1))
    await out.close()
    os.close(descriptor)


async def test_a_torn_record_is_completed_even_if_it_was_dropped_meanwhile(tmp_path: Path) -> None:
    path = tmp_path / "redirected"
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT)
    out = output(descriptor)
    with file_size_limit(20), pytest.raises(OutputUnavailable):
        await out.deliver([record(0)], None)
    await out.deliver([record(5)], None)
    assert path.read_bytes() == b"".join(map(JSON.encode, (record(0), record(5))))
    await out.close()
    os.close(descriptor)


async def test_a_full_disk_is_unavailable(tmp_path: Path) -> None:
    descriptor = os.open("/dev/full", os.O_WRONLY)
    out = output(descriptor)
    with pytest.raises(OutputUnavailable, match="No space left"):
        await out.deliver(records(1), None)
    await out.close()
    os.close(descriptor)
