"""Records in a file: appended whole or not at all, through rotation, full disks and earlier crashes."""

from __future__ import annotations

import os
import shutil
import stat
from dataclasses import replace
from pathlib import Path

import pytest

from hems_data_collector.clock import SystemClock
from hems_data_collector.errors import ConfigError, OutputPaused, OutputRejected, OutputUnavailable
from hems_data_collector.outputs.file import FileOutput, half_hours_path
from hems_data_collector.outputs.formats import CSV, JSON, YAML, Format
from hems_data_collector.readings import METER_KEY, RECORD_KEYS
from support.limits import file_size_limit, without_root
from support.records import (
    CSV_HEADER,
    FIRST_AS_CSV,
    FIRST_AS_JSON,
    HALF_HOUR_AS_CSV,
    HALF_HOUR_CSV_HEADER,
    half_hour,
    record,
    records,
)

LINE = FIRST_AS_JSON + b"\n"


def output(
    path: Path | str, format: Format = JSON, columns: tuple[str, ...] = RECORD_KEYS, *, half_hours: bool = False
) -> FileOutput:
    return FileOutput.build({"file": str(path)}, format, clock=SystemClock(), columns=columns, half_hours=half_hours)


async def put(path: Path, *numbers: int, format: Format = JSON) -> None:
    out = output(path, format)
    await out.open()
    for number in numbers:
        await out.deliver([record(number)], None)
    await out.close()


async def test_it_is_exactly_the_path_given_and_others_cannot_read_it(tmp_path: Path) -> None:
    path = tmp_path / "my data.txt"
    await put(path, 0)
    assert path.read_bytes() == LINE
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert os.listdir(tmp_path) == ["my data.txt"]


async def test_the_mode_of_an_existing_file_stays(tmp_path: Path) -> None:
    path = tmp_path / "f"
    path.touch(0o600)
    await put(path, 0)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


async def test_it_appends_across_runs(tmp_path: Path) -> None:
    path = tmp_path / "f"
    await put(path, 0, 1)
    await put(path, 2)
    assert path.read_bytes() == b"".join(map(JSON.encode, records(3)))


async def test_a_batch_is_appended_in_order(tmp_path: Path) -> None:
    out = output(tmp_path / "f", YAML)
    await out.deliver(records(5), None)
    assert (tmp_path / "f").read_bytes() == b"".join(map(YAML.encode, records(5)))
    await out.close()


async def test_csv_has_one_header_across_runs(tmp_path: Path) -> None:
    path = tmp_path / "f"
    await put(path, 0, format=CSV)
    await put(path, 1, format=CSV)
    assert path.read_bytes() == CSV_HEADER + FIRST_AS_CSV + CSV.encode(record(1))


async def test_the_header_comes_with_the_first_record_not_before(tmp_path: Path) -> None:
    path = tmp_path / "f"
    await put(path, format=CSV)
    assert path.read_bytes() == b""


async def test_a_header_with_another_line_end_is_the_same_header(tmp_path: Path) -> None:
    path = tmp_path / "f"
    path.write_bytes(CSV_HEADER.replace(b"\r\n", b"\n"))
    await put(path, 0, format=CSV)
    assert path.read_bytes() == CSV_HEADER.replace(b"\r\n", b"\n") + FIRST_AS_CSV


@pytest.mark.parametrize(
    "content",
    [
        LINE,
        b"time,power\r\n",
        CSV_HEADER.replace(b"\r\n", b",meter\r\n"),
        CSV_HEADER[:-20] + b"\r\n",
        b"\n" + CSV_HEADER,
    ],
)
async def test_appending_csv_to_something_else_is_refused_at_start(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "f"
    path.write_bytes(content)
    with pytest.raises(ConfigError) as caught:
        await output(path, CSV).open()
    assert caught.value.setting == "--file"
    assert caught.value.what == f"The file {path} begins with another header than these records have."
    assert caught.value.cause
    assert "Move it away" in caught.value.remedy
    assert path.read_bytes() == content


async def test_a_header_torn_by_a_crash_is_written_anew(tmp_path: Path) -> None:
    path = tmp_path / "f"
    path.write_bytes(CSV_HEADER[:17])
    await put(path, 0, format=CSV)
    assert path.read_bytes() == CSV_HEADER + FIRST_AS_CSV


@pytest.mark.parametrize(
    "left",
    [
        bytes(1),
        bytes(len(CSV_HEADER) - 1),
        bytes(len(CSV_HEADER)),
        bytes(len(CSV_HEADER) + 700),
        CSV_HEADER[:20] + bytes(30),
        CSV_HEADER[:20] + bytes(len(CSV_HEADER) - 20),
        CSV_HEADER[:-1] + bytes(1),
        bytes(20) + CSV_HEADER[20:],
    ],
    ids=len,
)
async def test_a_header_of_which_a_power_cut_left_holes_is_written_anew(tmp_path: Path, left: bytes) -> None:
    path = tmp_path / "f"
    path.write_bytes(left)
    await put(path, 0, format=CSV)
    assert path.read_bytes() == CSV_HEADER + FIRST_AS_CSV


@pytest.mark.parametrize("size", [len(CSV_HEADER) + 1, (1 << 20) + 1])
async def test_what_stands_behind_a_torn_header_is_not_removed_without_knowing_whose_it_is(
    tmp_path: Path, size: int
) -> None:
    path = tmp_path / "f"
    with path.open("wb") as file:
        file.truncate(size - 1)
        file.seek(size - 1)
        file.write(b"x" if size < 1000 else b"\0")
    before = path.read_bytes()
    with pytest.raises(OutputPaused, match="header that is torn"):
        await put(path, 0, format=CSV)
    assert path.read_bytes() == before


async def test_with_several_meters_the_header_has_the_column_meter(tmp_path: Path) -> None:
    out = output(tmp_path / "f", CSV, (*RECORD_KEYS, METER_KEY))
    await out.deliver([record(0, meter="home")], None)
    assert (tmp_path / "f").read_bytes().startswith(CSV_HEADER.replace(b"\r\n", b",meter\r\n2025"))
    with pytest.raises(OutputRejected, match="columns"):
        await out.deliver([record(1)], None)
    await out.close()


async def test_a_renamed_file_is_left_alone_and_a_new_one_begun(tmp_path: Path) -> None:
    path, old = tmp_path / "f", tmp_path / "f.1"
    out = output(path, CSV)
    await out.deliver([record(0)], None)
    path.rename(old)
    await out.deliver([record(1)], None)
    assert old.read_bytes() == CSV_HEADER + FIRST_AS_CSV
    assert path.read_bytes() == CSV_HEADER + CSV.encode(record(1))
    await out.close()


async def test_a_file_that_logrotate_made_anew_is_used(tmp_path: Path) -> None:
    path = tmp_path / "f"
    out = output(path)
    await out.deliver([record(0)], None)
    path.rename(tmp_path / "f.1")
    path.touch(0o600)
    inode = path.stat().st_ino
    await out.deliver([record(1)], None)
    assert (path.stat().st_ino, path.read_bytes()) == (inode, JSON.encode(record(1)))
    await out.close()


async def test_a_file_truncated_by_copytruncate_begins_anew(tmp_path: Path) -> None:
    path = tmp_path / "f"
    out = output(path, CSV)
    await out.deliver([record(0)], None)
    os.truncate(path, 0)
    await out.deliver([record(1)], None)
    assert path.read_bytes() == CSV_HEADER + CSV.encode(record(1))
    await out.close()


async def test_a_deleted_folder_heals_when_it_is_back(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    out = output(folder / "f")
    await out.open()
    shutil.rmtree(folder)
    with pytest.raises(OutputUnavailable, match="No such file") as caught:
        await out.deliver([record(0)], None)
    assert (caught.value.cause, caught.value.remedy) == (
        "The folder does not exist.",
        "Create it, or correct --file.",
    )
    folder.mkdir()
    await out.deliver([record(0)], None)
    assert (folder / "f").read_bytes() == LINE
    await out.close()


async def test_another_header_while_running_pauses_the_output(tmp_path: Path) -> None:
    path = tmp_path / "f"
    out = output(path, CSV)
    await out.open()
    path.write_bytes(b"foreign\n")
    with pytest.raises(OutputPaused, match="another header"):
        await out.deliver([record(0)], None)
    assert path.read_bytes() == b"foreign\n"
    await out.close()


@pytest.mark.parametrize("extra", [0, 1, 100, 2 * len(LINE) - 1])
async def test_a_torn_batch_leaves_nothing_behind(tmp_path: Path, extra: int) -> None:
    path = tmp_path / "f"
    out = output(path)
    await out.deliver([record(0)], None)
    with file_size_limit(len(LINE) + extra), pytest.raises(OutputUnavailable, match="File too large") as caught:
        await out.deliver([record(1), record(2)], None)
    assert caught.value.remedy
    assert path.read_bytes() == LINE
    await out.deliver([record(1), record(2)], None)
    assert path.read_bytes() == b"".join(map(JSON.encode, records(3)))
    await out.close()


async def test_a_torn_first_record_of_csv_leaves_an_empty_file(tmp_path: Path) -> None:
    path = tmp_path / "f"
    out = output(path, CSV)
    with file_size_limit(len(CSV_HEADER) + 5), pytest.raises(OutputUnavailable):
        await out.deliver([record(0)], None)
    assert path.read_bytes() == b""
    await out.deliver([record(0)], None)
    assert path.read_bytes() == CSV_HEADER + FIRST_AS_CSV
    await out.close()


async def test_what_another_program_wrote_meanwhile_is_not_cut_off(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "f"
    out = output(path)
    await out.deliver([record(0)], None)

    def failing_sync(_descriptor: int) -> None:
        with path.open("ab") as other:
            other.write(b"another program\n")
        raise OSError(5, "Input/output error")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", failing_sync)
        with pytest.raises(OutputUnavailable, match="Input/output error"):
            await out.deliver([record(1)], None)
    assert path.read_bytes() == LINE + JSON.encode(record(1)) + b"another program\n"
    await out.close()


async def test_a_record_is_on_the_disk_before_it_is_acknowledged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, synced = tmp_path / "f", []
    sync = os.fsync

    def watched(descriptor: int) -> None:
        status = os.fstat(descriptor)
        synced.append((stat.S_ISREG(status.st_mode), status.st_size))
        sync(descriptor)

    monkeypatch.setattr(os, "fsync", watched)
    out = output(path)
    await out.open()
    await out.deliver([record(0)], None)
    size = len(LINE)
    assert synced[0] == (True, size)
    assert [regular for regular, _ in synced] == [True, False]  # a new name is synced with its folder
    await out.deliver([record(1)], None)
    assert synced[2:] == [(True, size + len(JSON.encode(record(1))))]
    await out.close()


async def test_a_half_line_of_an_earlier_crash_does_not_spoil_the_next_record(tmp_path: Path) -> None:
    path = tmp_path / "f"
    path.write_bytes(LINE + LINE[:30])
    await put(path, 1)
    assert path.read_bytes() == LINE + LINE[:30] + b"\n" + JSON.encode(record(1))


@pytest.mark.parametrize(
    ("name", "cause", "remedy"),
    [
        ("missing/f", "The folder does not exist.", "Create it"),
        ("plain/f", "The folder does not exist.", "Create it"),
        ("folder", "It is a folder.", "Name a file in it"),
        ("/", "It is a folder.", "Name a file in it"),
        ("fifo", "It is a pipe or a device.", "Use --output stdout"),
        ("/dev/null", "It is a pipe or a device.", "Use --output stdout"),
    ],
)
async def test_a_file_that_cannot_be_is_refused_at_start(tmp_path: Path, name: str, cause: str, remedy: str) -> None:
    (tmp_path / "plain").touch()
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "fifo")
    with pytest.raises(ConfigError) as caught:
        await output(tmp_path / name).open()
    assert caught.value.what.startswith(f"The file {tmp_path / name} cannot be written: ")
    assert (caught.value.setting, caught.value.cause) == ("--file", cause)
    assert remedy in caught.value.remedy


async def test_a_file_without_permission_is_refused_at_start(tmp_path: Path) -> None:
    os.chmod(tmp_path, 0o755)
    tmp_path.joinpath("f").touch(0o400)
    with without_root(), pytest.raises(ConfigError) as caught:
        await output(tmp_path / "f").open()
    assert caught.value.what == f"The file {tmp_path / 'f'} cannot be written: Permission denied."
    assert caught.value.cause == "This user may not write there."
    assert "--file" in caught.value.remedy


async def test_a_pipe_with_a_reader_is_refused_too(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    reader = os.open(tmp_path / "fifo", os.O_RDONLY | os.O_NONBLOCK)
    with pytest.raises(ConfigError, match="pipe or a device"):
        await output(tmp_path / "fifo").open()
    os.close(reader)


@pytest.mark.parametrize("name", ["", "a\0b"])
def test_no_file_name_is_refused(name: str) -> None:
    with pytest.raises(ConfigError, match="--file names no file"):
        output(name)


# --- half hours ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "beside"),
    [
        ("power.csv", "power.half-hours.csv"),
        ("/var/lib/a.b/power.2026.json", "/var/lib/a.b/power.2026.half-hours.json"),
        ("power", "power.half-hours"),
        (".power", ".power.half-hours"),
        ("../power.csv", "../power.half-hours.csv"),
    ],
)
def test_half_hours_go_to_a_file_beside(path: str, beside: str) -> None:
    assert half_hours_path(Path(path)) == Path(beside)


async def test_half_hours_have_their_own_header_and_mode(tmp_path: Path) -> None:
    out = output(tmp_path / "f.csv", CSV, half_hours=True)
    await out.open()
    await out.deliver([record(0), half_hour(0)], None)
    beside = tmp_path / "f.half-hours.csv"
    assert (tmp_path / "f.csv").read_bytes() == CSV_HEADER + FIRST_AS_CSV
    assert beside.read_bytes() == HALF_HOUR_CSV_HEADER + HALF_HOUR_AS_CSV
    assert stat.S_IMODE(beside.stat().st_mode) == 0o640
    await out.close()


async def test_each_file_is_rotated_by_itself(tmp_path: Path) -> None:
    path, beside = tmp_path / "f", tmp_path / "f.half-hours"
    out = output(path, CSV, half_hours=True)
    await out.deliver([record(0), half_hour(0)], None)
    beside.rename(tmp_path / "old")
    await out.deliver([half_hour(1), record(1)], None)
    assert path.read_bytes() == CSV_HEADER + FIRST_AS_CSV + CSV.encode(record(1))
    assert beside.read_bytes() == HALF_HOUR_CSV_HEADER + CSV.encode(half_hour(1))
    assert (tmp_path / "old").read_bytes() == HALF_HOUR_CSV_HEADER + HALF_HOUR_AS_CSV
    await out.close()


async def test_the_second_file_is_checked_at_start_only_where_half_hours_come(tmp_path: Path) -> None:
    path, beside = tmp_path / "f.csv", tmp_path / "f.half-hours.csv"
    beside.write_bytes(CSV_HEADER)
    await output(path, CSV).open()
    with pytest.raises(ConfigError) as caught:
        await output(path, CSV, half_hours=True).open()
    assert caught.value.what == f"The file {beside} begins with another header than these records have."
    assert (caught.value.setting, beside.read_bytes()) == ("--file", CSV_HEADER)
    beside.unlink()
    await output(path, CSV).open()
    assert not beside.exists()
    beside.mkdir()
    with pytest.raises(ConfigError, match="cannot be written") as caught:
        await output(path, CSV, half_hours=True).open()
    assert str(beside) in caught.value.what


async def test_trouble_with_the_second_file_stops_both_and_nothing_is_twice(tmp_path: Path) -> None:
    path, beside = tmp_path / "f", tmp_path / "f.half-hours"
    out, batch = output(path, half_hours=True), [record(0), half_hour(0), record(1)]
    checkpoint = await out.prepare(None, batch)
    beside.unlink()
    beside.mkdir()
    with pytest.raises(OutputUnavailable, match="half-hours"):
        await out.deliver(batch, checkpoint)
    for _ in range(2):
        with pytest.raises(OutputUnavailable, match="half-hours"):
            await out.prepare(checkpoint, batch)
    beside.rmdir()
    checkpoint = await out.prepare(checkpoint, batch)
    await out.deliver(batch, checkpoint)
    assert path.read_bytes() == b"".join(map(JSON.encode, records(2)))
    assert beside.read_bytes() == JSON.encode(half_hour(0))
    await out.close()


async def test_with_named_meters_the_name_is_the_last_column_of_both_files(tmp_path: Path) -> None:
    out = output(tmp_path / "f.csv", CSV, (*RECORD_KEYS, METER_KEY), half_hours=True)
    await out.open()
    named = half_hour(0)
    named = replace(named, fields={**named.fields, METER_KEY: "annex"})
    await out.deliver([record(0, meter="annex"), named], None)
    await out.close()
    assert (tmp_path / "f.csv").read_bytes() == with_last(CSV_HEADER, b"meter") + with_last(FIRST_AS_CSV, b"annex")
    header, line = with_last(HALF_HOUR_CSV_HEADER, b"meter"), with_last(HALF_HOUR_AS_CSV, b"annex")
    assert half_hours_path(tmp_path / "f.csv").read_bytes() == header + line


def with_last(line: bytes, field: bytes) -> bytes:
    """A line of CSV with one field more."""
    return line.removesuffix(b"\r\n") + b"," + field + b"\r\n"


async def test_a_check_leaves_what_a_power_cut_left(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_bytes(bytes(len(CSV_HEADER)))
    out = output(path, CSV)
    assert await out.check() is None
    await out.close()
    assert path.read_bytes() == bytes(len(CSV_HEADER))


async def test_a_check_finds_a_foreign_file_and_a_folder_that_is_not_there(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_bytes(b"another,header\r\n")
    for path, cause in ((tmp_path / "x.csv", "another program"), (tmp_path / "gone" / "x.csv", "does not exist")):
        out = output(path, CSV)
        with pytest.raises(ConfigError) as caught:
            await out.check()
        await out.close()
        assert cause in caught.value.cause
