"""Each kind of failure a hundred times on the link as a whole: the waits it says, and the time that passes."""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from itertools import pairwise
from random import Random

import pytest

from hems_data_collector.clock import LoopClock, SystemClock
from hems_data_collector.emulator import Emulator, EmulatorSettings
from hems_data_collector.errors import HemsError, PortBusy, PortDenied, PortError, PortLost, PortNotFound
from hems_data_collector.link.patience import Telling
from hems_data_collector.link.retry import CEILING_S, JITTER, WAITS
from hems_data_collector.link.session import SessionState
from hems_data_collector.link.transport import Transport
from hems_data_collector.link.wisun import WisunLink
from support.virtual_time import run_virtual

START = datetime(2026, 1, 15, tzinfo=UTC)
FAILURES = 100
_WAIT = re.compile(r"Next try in ([\d.]+) s\.|Trying again now\.")


def link_on(open_port: Callable[[], Awaitable[Transport]], emulator: Emulator) -> WisunLink:
    return WisunLink(open_port=open_port, credentials=emulator.credentials, clock=LoopClock(START), rng=Random(3))


async def fail_often(link: WisunLink, caplog: pytest.LogCaptureFixture) -> list[float]:
    """The waits that are told, after a hundred failures."""
    caplog.set_level(logging.DEBUG, "hems_data_collector.link.patience")
    keeping = asyncio.create_task(link.keep())
    while link.counters.retries < FAILURES:
        await asyncio.sleep(60)
        assert not keeping.done(), keeping.result()
    keeping.cancel()
    await asyncio.gather(keeping, return_exceptions=True)
    await link.close()
    return [float(found[1] or 0) for record in caplog.records if (found := _WAIT.search(record.message))]


def assert_they_grow(waits: list[float], ceiling_s: float) -> None:
    assert len(waits) >= FAILURES
    assert waits[0] <= waits[-1]
    assert max(waits) <= ceiling_s * (1 + JITTER) + 0.5 <= CEILING_S * (1 + JITTER) + 0.5
    assert min(waits[20:]) >= ceiling_s * (1 - JITTER) - 0.5
    assert all(after >= before * (1 - JITTER) / (1 + JITTER) - 1 for before, after in pairwise(waits))


@pytest.mark.parametrize("kind", [PortNotFound, PortBusy, PortDenied, PortLost, PortError])
def test_a_port_that_fails(kind: type[HemsError], caplog: pytest.LogCaptureFixture) -> None:
    opened: list[float] = []

    async def scenario() -> list[float]:
        async def refuse() -> Transport:
            opened.append(asyncio.get_running_loop().time())
            raise kind("It does not open.")

        return await fail_often(link_on(refuse, Emulator(EmulatorSettings())), caplog)

    waits = run_virtual(scenario())
    assert_they_grow(waits, WAITS[kind].ceiling_s)
    assert min(after - before for before, after in pairwise(opened)) >= WAITS[kind].first_s * (1 - JITTER)


@pytest.mark.parametrize(
    "query",
    [
        "fault=stuck:1e6",
        "fault=absent:0",
        "fault=join-24:255",
        "fault=er10-join:255",
        "password=BA9876543210",
        "module=j11",
    ],
    ids=["no modem", "no meter", "no answer to the join", "joins not taken", "wrong password", "J11"],
)
def test_a_modem_or_a_meter_that_fails(query: str, caplog: pytest.LogCaptureFixture) -> None:
    async def scenario() -> tuple[list[int], float]:
        clock = LoopClock(START)
        plain = Emulator(EmulatorSettings())
        emulator = Emulator(EmulatorSettings.from_query(query), clock=clock)

        async def open_port() -> Transport:
            return emulator.open_port()

        waits = await fail_often(link_on(open_port, plain), caplog)
        return waits, asyncio.get_running_loop().time()

    waits, took_s = run_virtual(scenario())
    print(f"{FAILURES} failures in {took_s / 3600:.1f} h: {waits[:12]}")
    assert max(waits) <= CEILING_S * (1 + JITTER) + 0.5
    assert waits[-1] >= CEILING_S * (1 - JITTER) - 0.5
    assert took_s > (FAILURES - 12) * CEILING_S * (1 - JITTER)


def test_the_link_can_be_closed_and_kept_again() -> None:
    """A stick that several meters share is left and taken again."""

    async def scenario() -> None:
        clock = LoopClock(START)
        emulator = Emulator(EmulatorSettings.from_query("fast=1"), clock=clock)

        async def open_port() -> Transport:
            return emulator.open_port()

        link = link_on(open_port, emulator)
        for visit in range(1, 4):
            await link.connect_once()
            assert link.state is SessionState.UP
            await link.close()
            assert link.state is SessionState.CLOSED
            assert emulator.counters.terminations == visit
        assert link.counters.joins == 3
        assert link.counters.losses == 0

    run_virtual(scenario())


def test_who_tries_once_is_told_by_the_error_alone(caplog: pytest.LogCaptureFixture) -> None:
    async def scenario() -> None:
        async def refuse() -> Transport:
            raise PortBusy("It does not open.")

        link = link_on(refuse, Emulator(EmulatorSettings()))
        with pytest.raises(PortBusy):
            await link.connect_once()
        assert not [record for record in caplog.records if record.levelno >= logging.WARNING]
        await link.close()
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(link.keep(), 20)
        assert [record.message for record in caplog.records if record.levelno >= logging.WARNING]
        await link.close()

    run_virtual(scenario())


@pytest.mark.parametrize(
    ("wait_s", "text"),
    [(0.4, "Trying again now."), (0.99, "Trying again now."), (1.0, "Next try in 1 s."), (59.7, "Next try in 60 s.")],
)
def test_a_moment_is_now(wait_s: float, text: str, caplog: pytest.LogCaptureFixture) -> None:
    Telling(SystemClock()).tell(PortLost("The port went away."), wait_s)
    assert [record.message for record in caplog.records] == [f"The port went away. {text}"]
