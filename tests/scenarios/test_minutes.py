"""One-minute registers of a meter of release R: every minute, exact, with few requests, whatever the radio does."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from hems_data_collector.config import Settings
from hems_data_collector.echonet import Esv, Frame
from hems_data_collector.emulator import Emulator
from hems_data_collector.emulator.house import seconds_since_epoch
from hems_data_collector.emulator.meter_clock import METER_ZONE
from hems_data_collector.emulator.node import Node
from hems_data_collector.store import minutes
from hems_data_collector.store.database import open_reader
from support.collecting import START, Collected, collect, settings_for

MINUTE = timedelta(minutes=1)
HOURS = 3
SECONDS = HOURS * 3600.0
FIRST = START.replace(second=0)
LAST = FIRST + timedelta(hours=HOURS)
LATEST_LAG = 9 * MINUTE
"""The newest minutes are asked for when the next portion is due."""
LOST_AT_S = 4000.0
Script = Callable[[Collected], Coroutine[Any, Any, None]]
Pairs = dict[datetime, tuple[int | None, int | None]]


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[Frame]:
    """Every request that reaches the meter."""
    frames: list[Frame] = []
    answer = Node.answer

    def noted(self: Node, datagram: bytes) -> Any:
        frames.append(Frame.decode(datagram))
        return answer(self, datagram)

    monkeypatch.setattr(Node, "answer", noted)
    return frames


def stored(settings: Settings) -> Pairs:
    """Every minute in the database."""
    conn = open_reader(settings.database)
    try:
        (key,) = conn.execute("SELECT key FROM meters").fetchone()
        found = minutes.between(conn, key, START - timedelta(days=9), START + timedelta(days=9))
        return {each.at: (each.import_raw, each.export_raw) for each in found}
    finally:
        conn.close()


def truth(emulator: Emulator, at: datetime) -> tuple[int | None, int | None]:
    """The registers at `at`, whatever the meter remembers."""
    local = at.astimezone(METER_ZONE).replace(tzinfo=None)
    return emulator.meter._registers(seconds_since_epoch(local))


def run(tmp_path: Path, query: str, script: Script | None = None, **flags: str) -> tuple[Collected, Pairs]:
    """The collector for three hours on a meter of release R, and what it stored: never anything but the truth."""
    settings = settings_for(tmp_path, f"release=R&unit=03&digits=8&loss=0&{query}", **flags)
    collected = collect(settings, SECONDS, script=script)
    assert collected.code == 0
    found = stored(settings)
    assert found == {at: truth(collected.emulator, at) for at in found}
    return collected, found


def missing(found: Pairs, first: datetime = FIRST) -> list[datetime]:
    """The minutes that are not in the store, but for the newest."""
    wanted = (first + number * MINUTE for number in range((LAST - LATEST_LAG - first) // MINUTE))
    return [at for at in wanted if at not in found]


def histories(asked: list[Frame]) -> int:
    """How many times a window of minutes was asked for."""
    return sum(frame.esv is Esv.GET and frame.properties[0].epc == 0xEE for frame in asked)


@pytest.mark.parametrize("export", [0, 1])
@pytest.mark.parametrize("interval", [60, 300, 1800])
def test_every_minute_is_in_the_store(interval: int, export: int, asked: list[Frame], tmp_path: Path) -> None:
    collected, found = run(tmp_path, f"export={export}&fault=short-minutes:10", interval=str(interval))
    assert missing(found) == []
    assert min(found) <= FIRST - 8 * MINUTE  # what the meter remembered at the start
    polls = [frame for frame in asked if len(frame.properties) > 3 and frame.properties[0].epc == 0xE0]
    assert len(polls) == len(collected.capture.records)
    others = len(asked) - len(polls)
    print(
        f"interval {interval} s, export {export}: {len(polls) / HOURS:.1f} polls and {others / HOURS:.1f} other"
        f" requests an hour, {histories(asked)} of them histories of minutes in {HOURS} hours"
    )
    assert histories(asked) <= (2 if interval == 60 and not export else HOURS * 60 / 8 + 2)
    assert others <= 2 * histories(asked) + HOURS * 4 + 10


def radio_lost(at_s: float, for_s: float) -> Script:
    async def script(collected: Collected) -> None:
        await asyncio.sleep(at_s)
        collected.emulator.inject(f"absent:{for_s}")

    return script


@pytest.mark.parametrize(
    ("interval", "export", "for_min"), [(60, 0, 4), (60, 0, 9), (60, 1, 9), (300, 0, 9), (300, 1, 4), (1800, 1, 9)]
)
def test_a_short_loss_of_the_radio_leaves_no_hole(
    interval: int, export: int, for_min: int, asked: list[Frame], tmp_path: Path
) -> None:
    _, found = run(tmp_path, f"export={export}", radio_lost(LOST_AT_S, for_min * 60), interval=str(interval))
    assert missing(found) == []
    assert histories(asked) <= HOURS * 60 / 8 + 2


@pytest.mark.parametrize("export", [0, 1])
def test_a_longer_loss_leaves_no_hole_where_the_meter_remembers(export: int, tmp_path: Path) -> None:
    _, found = run(tmp_path, f"export={export}", radio_lost(LOST_AT_S, 25 * 60))
    assert missing(found) == []


@pytest.mark.parametrize("export", [0, 1])
def test_what_the_meter_has_forgotten_is_missing_told_and_not_asked_for_again(
    export: int, asked: list[Frame], caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    caplog.set_level("INFO")
    query = f"export={export}&fault=short-minutes:10"
    _, found = run(tmp_path, query, radio_lost(LOST_AT_S, 25 * 60))
    gone = missing(found)
    assert gone == [gone[0] + number * MINUTE for number in range(len(gone))]
    lost_at = FIRST + timedelta(seconds=LOST_AT_S)
    assert lost_at - 8 * MINUTE <= gone[0] <= lost_at + MINUTE
    windows = [minutes_of(frame) for frame in selected(asked)]
    after = next(window for window in windows if window[0] > gone[-1])
    # The oldest minute that is asked for may be forgotten on the way, where the meter's minute ends just then.
    assert after[-1] in (gone[-1], gone[-1] + MINUTE), "the first window after the loss reached not as far as it could"
    assert len(after) >= 9  # D0 told the newest
    assert max(sum(at in window for window in windows) for at in gone) == 1
    known = len(gone) - (after[-1] == gone[-1])
    assert f"{known} one-minute registers from 2026-01-15 " in caplog.text


def selected(asked: list[Frame]) -> list[Frame]:
    """The requests that chose a window of minutes."""
    return [frame for frame in asked if frame.esv is Esv.SET_C and frame.properties[0].epc == 0xEF]


def minutes_of(frame: Frame) -> list[datetime]:
    """The minutes that a SetC of EF is about, newest first."""
    edt = frame.properties[0].edt
    newest = datetime(int.from_bytes(edt[:2], "big"), *edt[2:6], tzinfo=METER_ZONE).astimezone(UTC)
    return [newest - number * MINUTE for number in range(edt[6])]


def test_midnight_and_a_register_that_rolls_over(tmp_path: Path) -> None:
    query = "start=2026-01-15T22:30:20&export=1&fault=short-minutes:10,rollover:4000"
    settings = settings_for(tmp_path, f"release=R&unit=03&digits=8&loss=0&{query}", interval="300")
    collected = collect(settings, SECONDS, start=datetime(2026, 1, 15, 13, 30, 20, tzinfo=UTC))
    found = stored(settings)
    assert found == {at: truth(collected.emulator, at) for at in found}
    first = datetime(2026, 1, 15, 13, 30, tzinfo=UTC)
    assert {first + number * MINUTE for number in range(HOURS * 60 - 9)} <= set(found)
    imports = [found[at][0] or 0 for at in sorted(found)]
    assert min(imports) < 1000 < 90_000_000 < max(imports)


@pytest.mark.parametrize("year", [1970, 2031])
def test_our_own_clock_plays_no_part(year: int, tmp_path: Path) -> None:
    query = "release=R&unit=03&digits=8&loss=0&export=1&start=2026-01-15T10:00:20&fault=short-minutes:10"
    settings = settings_for(tmp_path, query, interval="300")
    collected = collect(settings, SECONDS, start=datetime(year, 1, 1, 0, 0, 40, tzinfo=UTC))
    found = stored(settings)
    assert found == {at: truth(collected.emulator, at) for at in found}
    assert missing(found) == []


def test_a_collector_that_was_off_reads_what_it_missed(tmp_path: Path) -> None:
    query = "release=R&unit=03&digits=8&loss=0&export=1"
    settings = settings_for(tmp_path, query, interval="300")
    collect(settings, 1800.0)
    later = START + timedelta(seconds=1800 + 1500)
    collected = collect(settings, 1800.0, start=later)
    found = stored(settings)
    assert found == {at: truth(collected.emulator, at) for at in found}
    wanted = {FIRST + number * MINUTE for number in range((later - FIRST) // MINUTE + 20)}
    assert wanted <= set(found)


@pytest.mark.parametrize("refused", ["EE", "EF"])
def test_refused_minutes_are_asked_for_once_in_a_session(refused: str, asked: list[Frame], tmp_path: Path) -> None:
    collected, found = run(tmp_path, f"export=1&fault=sna-partial:{refused},ev26:5400")
    assert collected.emulator.counters.sessions == 2
    assert len(selected(asked)) == 2
    assert len(found) <= 4  # from D0, when the meter's time was asked for
    assert len(collected.capture.records) >= HOURS * 60 - 3


def test_a_meter_that_recorded_nothing_is_asked_ever_less_often(asked: list[Frame], tmp_path: Path) -> None:
    _, found = run(tmp_path, "export=1&fault=no-minutes:1")
    assert found == {}
    assert histories(asked) <= 7


def test_minutes_that_the_meter_did_not_record_are_asked_for_once(asked: list[Frame], tmp_path: Path) -> None:
    collected, found = run(tmp_path, "export=1&fault=no-minutes:0.3")
    gone = missing(found)
    assert 30 <= len(gone) <= 80
    local = [at.astimezone(METER_ZONE).replace(tzinfo=None) for at in gone]
    assert all(collected.emulator.meter._strikes("no-minutes", seconds_since_epoch(at) // 60) for at in local)
    assert histories(asked) <= HOURS * 60 / 6
