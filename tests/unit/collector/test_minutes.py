"""The minutes of a meter on a wire: gently, once, and never in the way."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from hems_data_collector.collector.minutes import Minutes
from hems_data_collector.echonet import Esv, Frame
from hems_data_collector.emulator.meter_clock import METER_ZONE
from hems_data_collector.errors import LinkError, MeterError, SessionLost
from hems_data_collector.meter.profile import MeterProfile
from hems_data_collector.readings import Minute
from support.backfilling import House, house
from support.virtual_time import run_virtual

HOUR_S = 3600.0
NOW = datetime(2026, 1, 15, 1, 10, tzinfo=UTC)
"""10:10 by the meter's clock."""


class Job:
    """The minutes of a house, what they stored, and what is in the store already."""

    def __init__(self, home: House) -> None:
        self.home = home
        self.stored: dict[tuple[str, datetime], Minute] = {}
        self.known: set[datetime] = set()
        self.recalled: list[tuple[str, datetime, datetime]] = []
        self.troubles: list[Exception] = []
        self.minutes = Minutes(home.reader, clock=home.clock, zone=METER_ZONE, recall=self._recall, record=self._record)

    async def _recall(self, meter: str, start: datetime, end: datetime) -> set[datetime]:
        self.recalled.append((meter, start, end))
        return {at for at in self.known if start <= at < end}

    def _record(self, told: object, profile: MeterProfile) -> None:
        for minute in told:  # type: ignore[attr-defined]
            assert minute.meter == profile.identity.key
            self.stored[minute.meter, minute.at] = minute

    async def run(self, seconds: float) -> None:
        """Give it air for `seconds`, whatever trouble it tells."""
        until = self.home.clock.monotonic() + seconds
        while True:
            if self.home.reader.profile is None:
                await self.home.reader.introduce()
            left = self.minutes.seconds_left()
            if left is None or self.home.clock.monotonic() + left > until:
                break
            await self.home.clock.sleep(left)
            try:
                await self.minutes.step()
            except (MeterError, LinkError) as error:
                self.troubles.append(error)
        await self.home.clock.sleep(until - self.home.clock.monotonic())

    def of(self, key: str | None = None) -> list[datetime]:
        """The minutes that were stored of a meter, in order."""
        return sorted(at for meter, at in self.stored if meter == (key or self.home.key))


def with_job(tmp_path: Path, scenario: Callable[[Job], object], query: str = "") -> None:
    """Run `scenario(job)` on an introduced meter of release R that has an export register."""

    async def run() -> None:
        with house(tmp_path, f"release=R&{query}") as home:
            await home.reader.introduce()
            home.wire.requests.clear()
            await scenario(Job(home))  # type: ignore[misc]

    run_virtual(run())


def requests(job: Job) -> list[tuple[Esv, tuple[int, ...]]]:
    return [(r.esv, tuple(p.epc for p in r.properties)) for r in job.home.wire.requests]


def spoken(numbers: range) -> list[datetime]:
    return [NOW + timedelta(minutes=number) for number in numbers]


def test_the_meters_time_then_the_store_then_ten_minutes_then_silence(tmp_path: Path) -> None:
    async def scenario(job: Job) -> None:
        assert job.minutes.wanted()
        await job.run(60)
        assert requests(job) == [
            (Esv.GET, (0xD0,)),
            (Esv.SET_C, (0xEF,)),
            (Esv.GET, (0xEE, 0xD0, 0x8D)),
        ]
        assert job.recalled == [(job.home.key, NOW - timedelta(hours=1), NOW + timedelta(minutes=1))]
        assert job.of() == spoken(range(-9, 1))
        assert job.minutes.seconds_left() == pytest.approx(480 - 60, abs=15)
        await job.run(HOUR_S)
        assert job.of() == spoken(range(-9, len(job.stored) - 9))
        assert 10 + 50 <= len(job.stored) <= 10 + 61
        assert len(requests(job)) <= 3 + 2 * 8

    with_job(tmp_path, scenario)


def test_what_is_stored_is_not_asked_for_again(tmp_path: Path) -> None:
    async def scenario(job: Job) -> None:
        job.known = {NOW - timedelta(minutes=number) for number in (*range(6), 12, 70)}
        await job.run(60)
        assert job.of() == [*spoken(range(-11, -5)), NOW]  # NOW came with the meter's time

    with_job(tmp_path, scenario)


def test_a_poll_that_brings_the_minute_saves_the_question(tmp_path: Path) -> None:
    async def scenario(job: Job) -> None:
        await job.run(60)
        profile = job.home.reader.profile
        assert profile is not None
        job.home.wire.requests.clear()
        for _ in range(60):
            poll = await job.home.reader.poll()
            assert poll.minute is not None
            job.minutes.told(poll.minute, profile)
            await job.run(59)
        assert job.home.wire.asked(0xEE) <= 1  # the minute between the two

    with_job(tmp_path, scenario, "export=0")


def test_silence_is_borne_with_growing_patience_until_the_next_session(tmp_path: Path) -> None:
    async def scenario(job: Job) -> None:
        await job.run(60)
        job.home.wire.lose = lambda request: any(p.epc == 0xEE for p in request.properties)
        job.home.wire.requests.clear()
        await job.run(6 * HOUR_S)
        assert 0 < job.home.wire.asked(0xEE) < 24
        left = job.minutes.seconds_left()
        assert left is not None
        assert left > 600
        job.home.wire.lose = lambda _: False
        job.home.reader.joined(job.home.wire.peer)
        assert job.minutes.wanted()
        await job.run(60)
        assert job.of()[-1] >= NOW + timedelta(hours=6)

    with_job(tmp_path, scenario)


def test_the_end_of_the_session_is_told_to_the_caller(tmp_path: Path) -> None:
    async def scenario(job: Job) -> None:
        job.home.wire.lose = lambda _: True
        with pytest.raises(SessionLost):
            await job.minutes.step()
        assert not job.minutes.wanted()

    with_job(tmp_path, scenario)


def test_an_old_window_that_is_refused_is_no_reason_to_ask_for_no_minutes(tmp_path: Path) -> None:
    async def scenario(job: Job) -> None:
        def only_ten(request: Frame) -> bool:
            if request.esv is Esv.SET_C:
                minute = request.properties[0].edt[5]
                now = job.home.wire.meter.clock.now()
                job.home.wire.node._meter_table.write[0xEF] = (  # type: ignore[index]
                    lambda meter, edt: (now.minute - minute) % 60 < 10 and write(meter, edt)
                )
            return False

        write = job.home.wire.node._meter_table.write[0xEF]
        job.known = {NOW - timedelta(minutes=40)}
        job.home.wire.lose = only_ten
        await job.run(HOUR_S)
        assert job.home.wire.asked(0xEE) >= 7
        assert job.of() == spoken(range(-9, len(job.stored) - 9))
        assert job.troubles == []

    with_job(tmp_path, scenario)


def test_an_exchanged_meter_has_minutes_of_its_own(tmp_path: Path) -> None:
    async def scenario(job: Job) -> None:
        await job.run(600)
        old = job.home.key
        job.home.wire.meter.exchange()
        exchanged = NOW + timedelta(seconds=job.home.clock.monotonic())
        await job.run(HOUR_S)
        assert job.home.key != old
        assert max(job.of(old)) <= exchanged < min(job.of())
        assert len(job.of()) >= 50

    with_job(tmp_path, scenario)


def test_a_meter_that_does_not_say_what_time_it_is_is_asked_ever_less_often(tmp_path: Path) -> None:
    async def scenario(job: Job) -> None:
        await job.run(6 * HOUR_S)
        assert job.stored == {}
        assert 1 < job.home.wire.asked(0xD0) < 15

    with_job(tmp_path, scenario, "fault=sna-partial:D0")


def test_a_meter_of_the_first_generation_is_left_alone(tmp_path: Path) -> None:
    async def run() -> None:
        with house(tmp_path) as home:
            job = Job(home)
            assert job.minutes.seconds_left() is None
            await home.reader.introduce()
            assert job.minutes.seconds_left() is None
            assert not job.minutes.wanted()

    run_virtual(run())
