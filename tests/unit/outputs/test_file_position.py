"""Each record in the file once, whenever the program is killed: what the next start cuts off, and what not."""

from __future__ import annotations

import logging
import os
from collections.abc import Sequence
from pathlib import Path
from random import Random

import pytest

from hems_data_collector.clock import SystemClock
from hems_data_collector.errors import OutputUnavailable
from hems_data_collector.outputs.appended import HASHED_BYTES
from hems_data_collector.outputs.file import FileOutput
from hems_data_collector.outputs.formats import CSV, JSON, YAML, Format
from hems_data_collector.readings import HALF_HOUR_KEYS, HALF_HOUR_KIND, READING_KIND, RECORD_KEYS, Record
from support.limits import file_size_limit
from support.records import CSV_HEADER, half_hour, record, records

PENDING = records(8)


async def run(
    path: Path,
    checkpoint: bytes | None,
    pending: Sequence[Record] = PENDING,
    *,
    deliver: int = 0,
    format: Format = JSON,
) -> tuple[bytes | None, bytes | None]:
    """One run of the program: the checkpoint before and after the first `deliver` records of `pending`."""
    out = FileOutput.build({"file": str(path)}, format, clock=SystemClock(), columns=RECORD_KEYS)
    await out.open()
    before = after = await out.prepare(checkpoint, pending)
    if deliver:
        after = await out.deliver(pending[:deliver], before)
    await out.close()
    return before, after


def lines(items: Sequence[Record], format: Format = JSON) -> bytes:
    return b"".join(map(format.encode, items))


@pytest.mark.parametrize("format", [JSON, YAML, CSV])
async def test_killed_anywhere_in_a_write_the_next_run_writes_each_record_once(tmp_path: Path, format: Format) -> None:
    path = tmp_path / "f"
    begun, _ = await run(path, None, format=format)
    _, done = await run(path, begun, deliver=3, format=format)
    at_three = path.read_bytes()
    await run(path, done, PENDING[3:], deliver=2, format=format)
    whole = path.read_bytes()
    header = CSV_HEADER if format is CSV else b""
    assert whole == header + lines(PENDING[:5], format)
    for checkpoint, behind, pending in ((begun, b"", PENDING), (done, at_three, PENDING[3:])):
        ends = [offset + 1 for offset in range(len(whole)) if whole[offset : offset + 1] == b"\n"]
        ends = ends[:: len(ends) // 4]
        lengths = {*range(len(behind), len(whole), 97), *ends, *(end - 1 for end in ends), *(end + 1 for end in ends)}
        for length in sorted(length for length in lengths if len(behind) <= length <= len(whole)):
            with path.open("r+b") as file:  # the same file, as an interrupted write left it
                file.truncate(0)
                file.write(whole[:length])
            await run(path, checkpoint, pending, deliver=len(pending), format=format)
            assert path.read_bytes() == header + lines(PENDING, format)


async def test_kills_one_after_the_other_at_random(tmp_path: Path) -> None:
    path, rng = tmp_path / "f", Random(7)
    everything = records(60)
    checkpoint, acknowledged = None, 0
    while acknowledged < len(everything):
        pending = everything[acknowledged:]
        checkpoint, after = await run(path, checkpoint, pending, deliver=rng.randint(1, 9))
        if rng.random() < 0.5:
            known = path.stat().st_size
            acknowledged = path.read_bytes()[:known].count(b"\n")
            checkpoint = after
        elif rng.random() < 0.5:
            os.truncate(path, rng.randint(lines(everything[:acknowledged]).__len__(), path.stat().st_size))
    assert path.read_bytes() == lines(everything)


async def test_what_was_acknowledged_is_left_and_nothing_is_said(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "f"
    _, done = await run(path, None, deliver=5)
    caplog.set_level(logging.INFO)
    assert await run(path, done, PENDING[5:]) == (done, done)
    assert (path.read_bytes(), caplog.messages) == (lines(PENDING[:5]), [])


async def test_what_is_cut_is_said(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "f"
    begun, _ = await run(path, None)
    await run(path, begun, deliver=2)
    caplog.set_level(logging.INFO)
    await run(path, begun)
    size = len(lines(PENDING[:2]))
    assert caplog.messages == [f"file: {size} unacknowledged bytes removed from {path}"]


@pytest.mark.parametrize(
    "tail",
    [
        b"another program\n",
        lines(PENDING[:2]) + b"another program\n",
        lines(PENDING[:2])[:-1] + b"?",
        lines(PENDING[1:3]),
        lines(records(9)),
    ],
    ids=["foreign", "ours-then-foreign", "almost-ours", "ours-but-not-next", "more-than-pending"],
)
async def test_a_tail_that_is_not_ours_is_never_cut(tmp_path: Path, tail: bytes) -> None:
    path = tmp_path / "f"
    _, done = await run(path, None, [record(20)], deliver=1)
    with path.open("ab") as file:
        file.write(tail)
    before = path.read_bytes()
    moved, _ = await run(path, done)
    assert path.read_bytes() == before
    assert moved != done
    await run(path, moved, deliver=8)
    line_end = b"" if tail.endswith(b"\n") else b"\n"
    assert path.read_bytes() == before + line_end + lines(PENDING)


async def test_a_tail_with_sectors_that_a_power_cut_kept_from_the_disk_is_cut(tmp_path: Path) -> None:
    path = tmp_path / "f"
    _, done = await run(path, None, [record(20)], deliver=1)
    begin = path.stat().st_size
    tail = lines(PENDING[:3])
    with path.open("r+b") as file:
        file.seek(begin)
        file.write(tail[: 512 - begin] + bytes(512) + tail[1024 - begin :])
    assert begin < 512
    await run(path, done, deliver=8)
    assert path.read_bytes() == lines([record(20)]) + lines(PENDING)


@pytest.mark.parametrize("sector", [0, 512])
async def test_a_csv_whose_first_write_lost_a_sector_to_a_power_cut_begins_anew(tmp_path: Path, sector: int) -> None:
    path = tmp_path / "f"
    begun, _ = await run(path, None, format=CSV)
    await run(path, begun, deliver=8, format=CSV)
    whole = path.read_bytes()
    assert len(whole) > sector + 512
    with path.open("r+b") as file:
        file.seek(sector)
        file.write(bytes(512))
    await run(path, begun, deliver=8, format=CSV)
    assert path.read_bytes() == whole


async def test_a_changed_beginning_is_another_file(tmp_path: Path) -> None:
    path = tmp_path / "f"
    _, done = await run(path, None, [record(20)], deliver=1)
    await run(path, done, deliver=2)
    content = bytearray(path.read_bytes())
    content[3] ^= 1
    with path.open("r+b") as file:
        file.write(content)
    await run(path, done)
    assert path.read_bytes() == bytes(content)


async def test_only_the_last_bytes_tell_whether_it_is_the_same_file(tmp_path: Path) -> None:
    path = tmp_path / "f"
    path.write_bytes(b"x" * HASHED_BYTES * 2 + b"\n")
    begun, _ = await run(path, None)
    await run(path, begun, deliver=2)
    with path.open("r+b") as file:
        file.write(b"y")
    await run(path, begun)
    assert path.stat().st_size == 2 * HASHED_BYTES + 1


async def test_a_copy_in_its_place_is_not_cut(tmp_path: Path) -> None:
    path = tmp_path / "f"
    _, done = await run(path, None, [record(20)], deliver=1)
    await run(path, done, deliver=2)
    content = path.read_bytes()
    path.rename(tmp_path / "old")
    path.write_bytes(content)
    await run(path, done)
    assert (path.read_bytes(), (tmp_path / "old").read_bytes()) == (content, content)


@pytest.mark.parametrize("how", ["renamed", "truncated", "deleted"])
async def test_after_rotation_the_next_kill_costs_nothing_either(tmp_path: Path, how: str) -> None:
    path = tmp_path / "f"
    _, done = await run(path, None, deliver=2)
    if how == "renamed":
        path.rename(tmp_path / "f.1")
    elif how == "truncated":
        os.truncate(path, 0)
    else:
        path.unlink()
    moved, _ = await run(path, done, PENDING[2:], deliver=3)
    await run(path, moved, PENDING[2:], deliver=6)
    assert path.read_bytes() == lines(PENDING[2:])
    if how == "renamed":
        assert (tmp_path / "f.1").read_bytes() == lines(PENDING[:2])


async def test_another_writer_s_half_line_gets_a_line_end_once(tmp_path: Path) -> None:
    path = tmp_path / "f"
    path.write_bytes(b"half a line")
    begun, _ = await run(path, None)
    await run(path, begun, deliver=3)
    await run(path, begun, deliver=8)
    assert path.read_bytes() == b"half a line\n" + lines(PENDING)


async def test_a_failed_write_is_undone_before_the_next_try(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "f"
    out = FileOutput.build({"file": str(path)}, JSON, clock=SystemClock())
    checkpoint = await out.prepare(None, PENDING)
    with monkeypatch.context() as patch:
        patch.setattr(os, "ftruncate", lambda *_: None)  # a write that cannot be taken back at once
        with file_size_limit(300), pytest.raises(OutputUnavailable):
            await out.deliver(PENDING, checkpoint)
    assert path.stat().st_size == 300
    checkpoint = await out.prepare(checkpoint, PENDING)
    await out.deliver(PENDING, checkpoint)
    assert path.read_bytes() == lines(PENDING)
    await out.close()


@pytest.mark.parametrize("checkpoint", [b"position", b"{}", b'{"reading": 1}', b"\xff"])
async def test_a_checkpoint_that_is_none_is_like_no_checkpoint(tmp_path: Path, checkpoint: bytes) -> None:
    path = tmp_path / "f"
    await run(path, checkpoint, deliver=8)
    assert path.read_bytes() == lines(PENDING)


@pytest.mark.parametrize("format", [JSON, CSV])
async def test_half_hours_have_a_file_of_their_own_and_both_are_exact(tmp_path: Path, format: Format) -> None:
    path, beside = tmp_path / "data.x.dat", tmp_path / "data.x.half-hours.dat"
    readings, halves = list(records(3)), [half_hour(number) for number in range(3)]
    pending = [readings[0], halves[0], halves[1], readings[1], halves[2], readings[2]]
    begun, _ = await run(path, None, pending, format=format)
    await run(path, begun, pending, deliver=4, format=format)
    for keep_readings, keep_halves in ((1.0, 1.0), (1.0, 0.4), (0.3, 0.0)):
        os.truncate(path, int(path.stat().st_size * keep_readings))
        os.truncate(beside, int(beside.stat().st_size * keep_halves))
        await run(path, begun, pending, deliver=6, format=format)
        assert path.read_bytes() == format.header(RECORD_KEYS) + lines(readings, format)
        assert beside.read_bytes() == format.header(HALF_HOUR_KEYS) + lines(halves, format)


@pytest.mark.parametrize("format", [JSON, YAML, CSV])
@pytest.mark.parametrize("seed", range(3))
async def test_kills_at_random_tear_either_file_and_both_are_exact(tmp_path: Path, format: Format, seed: int) -> None:
    rng = Random(seed)
    paths = {READING_KIND: tmp_path / "f", HALF_HOUR_KIND: tmp_path / "f.half-hours"}
    everything = sorted([*records(60), *(half_hour(number) for number in range(60))], key=lambda _: rng.random())
    checkpoint, acknowledged = None, 0
    while acknowledged < len(everything):
        pending = everything[acknowledged:]
        sizes = {kind: path.stat().st_size if path.exists() else 0 for kind, path in paths.items()}
        count = rng.randint(1, 12)
        checkpoint, after = await run(paths[READING_KIND], checkpoint, pending, deliver=count, format=format)
        if rng.random() < 0.5:
            checkpoint, acknowledged = after, acknowledged + min(count, len(pending))
            continue
        for kind, path in paths.items():  # the first may be whole and the second not begun, or either torn
            known = min(sizes[kind], len(content(everything[:acknowledged], kind, format)))
            if path.exists() and rng.random() < 0.7:
                os.truncate(path, rng.randint(known, path.stat().st_size))
    for kind, path in paths.items():
        assert path.read_bytes() == content(everything, kind, format)


def content(items: Sequence[Record], kind: str, format: Format) -> bytes:
    """The file of one kind when it has what there is of it in `items`."""
    mine = lines([item for item in items if item.kind == kind], format)
    return format.header(HALF_HOUR_KEYS if kind == HALF_HOUR_KIND else RECORD_KEYS) + mine if mine else b""


async def test_a_checkpoint_of_one_file_is_understood_when_half_hours_come_too(tmp_path: Path) -> None:
    path, beside = tmp_path / "f", tmp_path / "f.half-hours"
    beside.write_bytes(b"from before\n")
    _, one_file = await run(path, None, deliver=2)
    assert one_file is not None
    assert b"half-hour" not in one_file
    pending = [half_hour(0), PENDING[2], half_hour(1), PENDING[3]]
    await run(path, one_file, pending[1::2], deliver=2)  # killed before anything else
    begun, _ = await run(path, one_file, pending, deliver=4)  # and once more
    await run(path, begun, pending, deliver=4)
    assert path.read_bytes() == lines(PENDING[:4])
    assert beside.read_bytes() == b"from before\n" + lines([half_hour(0), half_hour(1)])


async def test_the_place_of_one_kind_is_kept_while_the_other_is_delivered(tmp_path: Path) -> None:
    pending = [half_hour(0), *records(3)]
    _, done = await run(tmp_path / "f", None, pending, deliver=1)
    _, done = await run(tmp_path / "f", done, pending[1:], deliver=3)
    assert await run(tmp_path / "f", done, [half_hour(1)]) == (done, done)


async def test_without_half_hours_there_is_no_second_file(tmp_path: Path) -> None:
    await run(tmp_path / "f", None, deliver=8)
    assert os.listdir(tmp_path) == ["f"]


async def test_a_folder_that_is_gone_is_trouble_not_loss(tmp_path: Path) -> None:
    path = tmp_path / "folder" / "f"
    path.parent.mkdir()
    out = FileOutput.build({"file": str(path)}, JSON, clock=SystemClock())
    checkpoint = await out.prepare(None, PENDING)
    path.unlink()
    path.parent.rmdir()
    with pytest.raises(OutputUnavailable, match="No such file"):
        await out.prepare(checkpoint, PENDING)
    await out.close()
