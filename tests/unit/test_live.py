"""The live state by a socket beside the database: small, bounded, private, and never a reason not to collect."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import socket
import stat
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from hems_data_collector import live
from hems_data_collector.clock import SystemClock
from hems_data_collector.live import Endpoint, Sections, ask, ring_section
from hems_data_collector.store.ring import RingState

WHOLE: Mapping[str, Any] = {"ring": {"held": 3, "dropped": 0, "since": None, "reason": ""}}


@pytest.fixture
def database(tmp_path: Path) -> Path:
    return tmp_path / "hems.db"


def endpoint(database: Path, snapshot: live.Snapshot = lambda: WHOLE) -> Endpoint:
    return Endpoint(database, snapshot, SystemClock())


async def asked(database: Path) -> dict[str, Any] | None:
    return await asyncio.to_thread(ask, database)


@asynccontextmanager
async def talking(database: Path) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    reader, writer = await asyncio.open_unix_connection(f"{database}.live")
    yield reader, writer
    writer.close()
    with suppress(OSError):
        await writer.wait_closed()


async def test_each_request_gets_the_snapshot_of_its_moment(database: Path) -> None:
    sections, count = Sections(), iter(range(9))
    sections.add("ring", lambda: {"held": next(count)})
    sections.add("meters", lambda: [{"meter": "house"}])
    async with endpoint(database, sections.snapshot):
        assert await asked(database) == {"ring": {"held": 0}, "meters": [{"meter": "house"}]}
        async with talking(database) as (reader, writer):
            writer.write(b'{}\n{"more": 1}\n')
            for held in (1, 2):
                assert json.loads(await reader.readline())["ring"] == {"held": held}
    assert os.listdir(database.parent) == []
    assert await asked(database) is None


async def test_it_is_for_the_owner_alone(database: Path) -> None:
    before = os.umask(0)
    try:
        async with endpoint(database):
            assert stat.S_IMODE(os.stat(f"{database}.live").st_mode) == 0o600
    finally:
        os.umask(before)


async def test_a_folder_may_be_as_deep_as_it_likes(tmp_path: Path) -> None:
    folder = tmp_path.joinpath(*["a long name of a folder"] * 12)
    folder.mkdir(parents=True)
    assert len(str(folder)) > 200
    async with endpoint(folder / "hems.db"):
        assert await asked(folder / "hems.db") == WHOLE


async def test_the_socket_of_a_killed_process_is_replaced(database: Path) -> None:
    killed = socket.socket(socket.AF_UNIX)
    killed.bind(f"{database}.live")
    killed.close()
    assert await asked(database) is None
    async with endpoint(database):
        assert await asked(database) == WHOLE


@pytest.mark.parametrize("trouble", ["a file", "a long name", "no folder"])
async def test_where_it_cannot_be_there_the_log_says_so_once(
    tmp_path: Path, trouble: str, caplog: pytest.LogCaptureFixture
) -> None:
    path = {
        "a file": tmp_path / "hems.db",
        "a long name": tmp_path / ("x" * 120),
        "no folder": tmp_path / "gone" / "hems.db",
    }[trouble]
    if trouble == "a file":
        path.with_name("hems.db.live").touch()
    async with endpoint(path):
        assert await asked(path) is None
    assert [record.levelno for record in caplog.records] == [logging.WARNING]
    assert "`status` cannot ask this collector" in caplog.text
    assert os.listdir(tmp_path) == (["hems.db.live"] if trouble == "a file" else [])


@pytest.mark.parametrize("request_line", [b"\n", b"hello\n", b"[1]\n", b"\xff\n"])
async def test_what_is_no_request_gets_an_error_and_another_chance(database: Path, request_line: bytes) -> None:
    async with endpoint(database), talking(database) as (reader, writer):
        writer.write(request_line + b"{}\n")
        assert "error" in json.loads(await reader.readline())
        assert json.loads(await reader.readline()) == WHOLE


async def test_a_line_without_end_is_cut_off(database: Path, caplog: pytest.LogCaptureFixture) -> None:
    async with endpoint(database):
        async with talking(database) as (reader, writer):
            writer.write(b"x" * 5000)
            with suppress(ConnectionResetError):
                assert await reader.read() == b""
        assert await asked(database) == WHOLE
    assert caplog.messages == []


async def test_nobody_keeps_a_place_for_ever_and_too_many_are_sent_away(
    database: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "ASKED_S", 0.2)
    async with endpoint(database):
        silent = [await asyncio.open_unix_connection(f"{database}.live") for _ in range(live.ASKING)]
        assert await asked(database) is None
        for reader, writer in silent:
            with suppress(ConnectionResetError):
                assert await reader.read() == b""
            writer.close()
        assert await asked(database) == WHOLE


async def test_an_end_waits_for_nobody_who_is_still_connected(database: Path) -> None:
    async with asyncio.timeout(5):
        async with endpoint(database):
            reader, writer = await asyncio.open_unix_connection(f"{database}.live")
            writer.write(b"{}\n")
            assert json.loads(await reader.readline()) == WHOLE
        with suppress(ConnectionResetError):
            assert await reader.read() == b""
        writer.close()


async def test_a_bug_in_a_section_costs_the_answer_and_no_more(
    database: Path, caplog: pytest.LogCaptureFixture
) -> None:
    sections = Sections()
    sections.add("ring", lambda: 1 / 0)
    async with endpoint(database, sections.snapshot):
        assert await asked(database) is None
        assert "ZeroDivisionError" in caplog.text
        sections.add("ring", lambda: 1)
        assert await asked(database) == {"ring": 1}


@pytest.mark.parametrize(
    "answer", [b"", b"no JSON\n", b"[1]\n", b"{}", b"x" * (live.ANSWER_BYTES + 1) + b"\n"], ids=len
)
async def test_who_asks_gets_an_answer_soon_or_none(
    database: Path, answer: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "ANSWERED_S", 0.3)

    with socket.socket(socket.AF_UNIX) as another_program:
        another_program.bind(f"{database}.live")
        another_program.listen()
        asking = asyncio.create_task(asked(database))
        connection, _ = await asyncio.to_thread(another_program.accept)
        with connection, suppress(OSError):
            await asyncio.to_thread(connection.sendall, answer)
            begun = SystemClock().monotonic()
            assert await asking is None, "it neither goes on nor ends"
            assert SystemClock().monotonic() - begun < 0.9


def test_the_section_of_the_ring() -> None:
    since = datetime(2026, 1, 15, 1, 0, 20, tzinfo=UTC)
    assert ring_section(RingState(waiting=7, dropped=2, since=since, reason="The disk is full.")) == {
        "held": 7,
        "dropped": 2,
        "since": "2026-01-15T01:00:20+00:00",
        "reason": "The disk is full.",
    }
    assert ring_section(RingState(waiting=0, dropped=0, since=None, reason=""))["since"] is None
