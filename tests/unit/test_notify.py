"""What systemd hears of the collector, on real sockets and on virtual time."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from hems_data_collector.clock import LoopClock
from hems_data_collector.link.session import SessionState
from hems_data_collector.notify import Notifier, Service
from hems_data_collector.readings import Reading, Record
from hems_data_collector.supervision import GRACE_S, IDLE_S
from support.virtual_time import virtual

TOKYO = ZoneInfo("Asia/Tokyo")
START = datetime(2026, 1, 15, 1, 0, tzinfo=UTC)
WATCHDOG_S = 120.0


class Ear:
    """The side of systemd: a socket, and what came to it."""

    def __init__(self, address: str) -> None:
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(address)
        self._socket.setblocking(False)

    def heard(self) -> list[str]:
        """The datagrams since the last call."""
        found = []
        while True:
            try:
                found.append(self._socket.recv(4096).decode())
            except BlockingIOError:
                return found

    def close(self) -> None:
        self._socket.close()


@pytest.fixture
def ear(tmp_path: Path) -> Iterator[Ear]:
    found = Ear(str(tmp_path / "notify"))
    yield found
    found.close()


@pytest.fixture
def environ(ear: Ear, tmp_path: Path) -> dict[str, str]:
    return {"NOTIFY_SOCKET": str(tmp_path / "notify"), "WATCHDOG_USEC": str(int(WATCHDOG_S * 1e6))}


def reading(power_w: int | None) -> Reading:
    return Reading(
        meter="m",
        received_at=START,
        power_w=power_w,
        current_r_a=None,
        current_t_a=None,
        two_wire=False,
        energy_import_kwh=None,
        energy_export_kwh=None,
        fixed_at=None,
        fixed_import_kwh=None,
        fixed_export_kwh=None,
        energy_import_raw=None,
        energy_export_raw=None,
    )


def no_record(_reading: Reading, _record: Record) -> None:
    """Where readings go in these tests."""


RECORD = Record(kind="reading", key="m/1", meter="m", fields={})


class Link:
    """Where a session stands."""

    def __init__(self, state: SessionState) -> None:
        self.state = state


# --- sockets ----------------------------------------------------------------------------------------------------------


def test_a_socket_by_path_hears_one_datagram(ear: Ear, tmp_path: Path) -> None:
    Notifier(str(tmp_path / "notify")).send("READY=1", "STATUS=Looking for the meter")
    assert ear.heard() == ["READY=1\nSTATUS=Looking for the meter"]


def test_a_socket_in_the_abstract_namespace_is_found() -> None:
    name = f"hems-test-{os.getpid()}"
    there = Ear(f"\0{name}")
    try:
        Notifier(f"@{name}").send("READY=1")
        assert there.heard() == ["READY=1"]
    finally:
        there.close()


def test_a_socket_that_is_gone_hurts_nobody(tmp_path: Path) -> None:
    Notifier(str(tmp_path / "nobody")).send("READY=1")


@pytest.mark.parametrize("named", [None, "", "vsock:2:1234"])
def test_without_a_socket_nothing_is_sent_or_watched(named: str | None) -> None:
    service = Service.from_environment({} if named is None else {"NOTIFY_SOCKET": named})
    clock = LoopClock(START)
    assert service.begin(TOKYO, clock) is clock
    assert not service.present
    service.ready()
    asyncio.run(service.run())


def test_the_watchdog_of_another_process_is_not_fed(ear: Ear, environ: dict[str, str]) -> None:
    clock = LoopClock(START)
    mine = Service.from_environment({**environ, "WATCHDOG_PID": str(os.getpid())}, clock=clock)
    another = Service.from_environment({**environ, "WATCHDOG_PID": "1"}, clock=clock)
    assert mine.begin(TOKYO, clock) is not clock
    assert another.begin(TOKYO, clock) is clock


# --- what it says -----------------------------------------------------------------------------------------------------


@virtual
async def test_the_status_line_follows_the_session_and_the_readings(ear: Ear, environ: dict[str, str]) -> None:
    clock = LoopClock(START)
    service = Service.from_environment({"NOTIFY_SOCKET": environ["NOTIFY_SOCKET"]}, clock=clock)
    service.begin(TOKYO, clock)
    link = Link(SessionState.SCANNING)
    publish = service.follow(None, link, no_record)
    service.ready()
    assert ear.heard() == ["READY=1\nSTATUS=Looking for the meter"]

    running = asyncio.create_task(service.run())
    await clock.sleep(20)
    assert ear.heard() == ["STATUS=Looking for the meter"]
    link.state = SessionState.UP
    await clock.sleep(20)
    publish(reading(612), RECORD)
    publish(reading(612), RECORD)
    assert ear.heard() == ["STATUS=Joined the meter", "STATUS=Joined the meter; last reading 612 W at 10:00"]
    link.state = SessionState.HELD
    publish(reading(None), RECORD)
    service.stopping()
    running.cancel()
    assert ear.heard() == [
        "STATUS=Joined the meter, air time used up, waiting for its release; last reading at 10:00",
        "STOPPING=1\nSTATUS=Ending the session and sending what is left",
    ]


def test_several_meters_stand_by_name_in_one_line(ear: Ear, environ: dict[str, str]) -> None:
    service = Service.from_environment({"NOTIFY_SOCKET": environ["NOTIFY_SOCKET"]})
    service.begin(TOKYO, LoopClock(START))
    house = service.follow("house", Link(SessionState.UP), no_record)
    service.follow("annex", Link(SessionState.PORTLESS), no_record)
    house(reading(-40), RECORD)
    assert ear.heard() == ["STATUS=House: joined the meter; last reading -40 W at 10:00; annex: waiting for the port"]


@pytest.mark.parametrize(("listening", "looked_at"), [(True, 20), (False, 0)])
def test_a_reading_of_one_of_a_thousand_meters_costs_no_look_at_all_of_them(
    ear: Ear, environ: dict[str, str], listening: bool, looked_at: int
) -> None:
    looks: list[int] = []

    class Watched:
        @property
        def state(self) -> SessionState:
            looks.append(1)
            return SessionState.UP

    service = Service.from_environment({"NOTIFY_SOCKET": environ["NOTIFY_SOCKET"]} if listening else {})
    service.begin(TOKYO, LoopClock(START))
    published = [service.follow(f"meter-{number}", Watched(), no_record) for number in range(1000)]
    published[999](reading(1), RECORD)
    assert len(looks) <= looked_at
    assert len(ear.heard()) == listening


def test_a_reload_is_between_reloading_and_ready(ear: Ear, environ: dict[str, str]) -> None:
    clock = LoopClock(START)
    service = Service.from_environment({"NOTIFY_SOCKET": environ["NOTIFY_SOCKET"]}, clock=clock)

    async def reload() -> None:
        service.reloading()
        service.stopping()
        service.begin(TOKYO, clock)
        assert not service.is_ready
        service.ready()

    asyncio.run(reload())
    reloading, ending, ready = ear.heard()
    assert ending == "STATUS=Ending the session and sending what is left"
    assert reloading.startswith("RELOADING=1\nMONOTONIC_USEC=")
    assert ready == "READY=1\nSTATUS=Starting"
    assert service.is_ready


# --- the watchdog -----------------------------------------------------------------------------------------------------


async def fed_in(seconds: float, service: Service, clock: LoopClock, ear: Ear) -> int:
    """How often the watchdog is fed in so many seconds from now."""
    ear.heard()
    running = asyncio.create_task(service.run())
    end, fed = clock.monotonic() + seconds, 0
    while (left_s := end - clock.monotonic()) > 0:
        await clock.sleep(min(left_s, 10))  # the queue of a socket is short
        fed += ear.heard().count("WATCHDOG=1")
    running.cancel()
    return fed


@virtual
async def test_a_quiet_collector_feeds_the_watchdog_in_time(ear: Ear, environ: dict[str, str]) -> None:
    clock = LoopClock(START)
    service = Service.from_environment(environ, clock=clock)
    watched = service.begin(TOKYO, clock)
    backing_off = asyncio.create_task(watched.sleep(300))
    until_morning = asyncio.create_task(watched.sleep(86_400))
    for_ever = asyncio.create_task(watched.wait_for(asyncio.Event().wait(), None))
    service.expect("poller", lambda: False)
    assert await fed_in(3600, service, clock, ear) >= 3600 / (WATCHDOG_S / 2)
    assert backing_off.done()
    for task in (until_morning, for_ever):
        task.cancel()


@virtual
async def test_a_task_past_its_own_deadline_stops_the_feeding(
    ear: Ear, environ: dict[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    clock = LoopClock(START)
    service = Service.from_environment(environ, clock=clock)
    watched = service.begin(TOKYO, clock)
    released = asyncio.Event()

    async def hang() -> None:
        while not released.is_set():
            try:
                await released.wait()
            except asyncio.CancelledError:
                continue  # the bug: it does not let itself be ended

    stuck = asyncio.create_task(watched.wait_for(hang(), 10), name="poller")
    assert await fed_in(10 + GRACE_S + 5, service, clock, ear) > 0
    assert await fed_in(WATCHDOG_S, service, clock, ear) == 0
    assert [record.message for record in caplog.records if record.levelname == "ERROR"] == [
        "Past their deadline: poller. The watchdog is fed no more."
    ]
    released.set()
    await stuck
    assert await fed_in(WATCHDOG_S, service, clock, ear) > 0


@virtual
async def test_a_due_reading_that_nobody_tries_stops_the_feeding(ear: Ear, environ: dict[str, str]) -> None:
    clock = LoopClock(START)
    service = Service.from_environment(environ, clock=clock)
    service.begin(TOKYO, clock)
    due = True
    service.expect("poller", lambda: due)
    assert await fed_in(IDLE_S - 10, service, clock, ear) > 0
    await fed_in(30, service, clock, ear)
    assert await fed_in(WATCHDOG_S, service, clock, ear) == 0
    due = False
    assert await fed_in(WATCHDOG_S, service, clock, ear) > 0


@virtual
async def test_a_due_reading_that_is_tried_again_and_again_is_progress(ear: Ear, environ: dict[str, str]) -> None:
    clock = LoopClock(START)
    service = Service.from_environment(environ, clock=clock)
    watched = service.begin(TOKYO, clock)
    service.expect("poller", lambda: True)

    async def poll() -> None:
        while True:
            await watched.sleep(5)
            await asyncio.sleep(60)  # a wait that nobody notes

    poller = asyncio.create_task(poll(), name="poller")
    assert await fed_in(3 * IDLE_S, service, clock, ear) >= 3 * IDLE_S / (WATCHDOG_S / 2)
    poller.cancel()
