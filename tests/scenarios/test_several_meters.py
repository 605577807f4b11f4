"""Several meters in one collector: on sticks of their own, and in turns on one; the trouble of one is its own."""

from __future__ import annotations

import asyncio
import csv
import io
import itertools
import logging
from collections.abc import Callable, Coroutine, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from hems_data_collector import app
from hems_data_collector.clock import LoopClock
from hems_data_collector.collector import turns
from hems_data_collector.collector.poller import Poller
from hems_data_collector.config import Settings, load_settings
from hems_data_collector.credentials import Secret
from hems_data_collector.emulator import Emulator, EmulatorSettings
from hems_data_collector.emulator.meter import Meter
from hems_data_collector.emulator.meter_clock import METER_ZONE
from hems_data_collector.meter_name import current_meter
from hems_data_collector.outputs.formats import json_object
from hems_data_collector.readings import HALF_HOUR, HALF_HOUR_KEYS, METER_KEY, RECORD_KEYS
from hems_data_collector.store import half_hours, meters
from hems_data_collector.store.database import open_reader
from support import collecting
from support.collecting import START, CaptureOutput, QuickDatabase
from support.virtual_time import run_virtual

HOUR = 3600.0
START_UP = 5
"""Minutes until the last of three meters was found and the stick is at one round a minute."""
NAMES = ("house", "annex", "barn")


@dataclass
class Several:
    """A run of several meters."""

    capture: CaptureOutput
    emulators: Mapping[str, Emulator]
    """By port."""

    def of(self, name: str) -> list[dict[str, Any]]:
        """The readings of one meter."""
        return [dict(record.fields) for record in self.capture.records if record.fields.get(METER_KEY) == name]

    def times(self, name: str) -> list[float]:
        """When each of them came, on the loop's clock."""
        both = zip(self.capture.records, self.capture.times, strict=True)
        return [time for record, time in both if record.fields.get(METER_KEY) == name]


Script = Callable[[Several], Coroutine[Any, Any, None]]


def settings_of(tmp_path: Path, tables: Sequence[Mapping[str, object]], **general: object) -> Settings:
    """Settings from a file with these tables; by interval, with one output, the past left alone."""
    top = {"output": "stdout", "mode": "interval", "interval": 60, "backfill_spacing": 86_400} | general

    def line(key: str, value: object) -> str:
        return f"{key} = {value}" if isinstance(value, int) else f'{key} = "{value}"'

    text = [line(*item) for item in top.items()]
    for table in tables:
        text += ["[[meters]]", *(line(*item) for item in table.items())]
    (tmp_path / "config.toml").write_text("\n".join(text))
    environ = {"STATE_DIRECTORY": str(tmp_path / "state"), "HOME": str(tmp_path)}
    return load_settings({"config": str(tmp_path / "config.toml")}, environ, tmp_path)


def collect(settings: Settings, seconds: float, script: Script | None = None) -> Several:
    """Run the collector for `seconds` of virtual time; `script` may interfere."""
    capture = CaptureOutput()

    async def run() -> Several:
        clock, stop = LoopClock(START), asyncio.Event()
        for port in dict.fromkeys(meter.port for meter in settings.meters):
            pairs = [meter.credentials for meter in settings.meters if meter.port == port]
            chosen = EmulatorSettings.from_query(port.partition("?")[2])
            app._EMULATORS[port] = Emulator(chosen, clock=clock, credentials=pairs)
        several = Several(capture=capture, emulators=dict(app._EMULATORS))
        meddling = None if script is None else asyncio.create_task(script(several))
        asyncio.get_running_loop().call_later(seconds, stop.set)
        assert await app.run_collector(settings, stop=stop, clock=clock) == 0
        if meddling is not None:
            await meddling
        return several

    outputs, opened = app.OUTPUTS, app.Database
    captured = type("One", (CaptureOutput,), {"build": lambda *_, **__: capture})
    app.OUTPUTS = {**outputs, "stdout": captured}  # type: ignore[misc]
    app.Database = QuickDatabase  # type: ignore[misc]
    try:
        return run_virtual(run())
    finally:
        app.OUTPUTS, app.Database = outputs, opened  # type: ignore[misc]
        app._EMULATORS.clear()


def assert_true(readings: Sequence[Mapping[str, Any]], truths: Sequence[Mapping[str, Any]]) -> None:
    """Every reading is an answer of that meter, in its order; only its recent half hour may be another one."""
    left = iter(truths)
    for reading in readings:
        assert tuple(reading) == (*RECORD_KEYS, METER_KEY)
        told = [key for key in RECORD_KEYS if key != "timestamp" and not key.startswith("recent_30min")]
        found = next((truth for truth in left if all(reading[key] == truth[key] for key in told)), None)
        assert found is not None, reading
        if reading["recent_30min_timestamp"] == found["recent_30min_timestamp"]:
            assert reading["recent_30min_consumption_kwh"] == found["recent_30min_consumption_kwh"]


def minutes_of(several: Several, name: str) -> list[int]:
    """In which minutes of the run the readings of one meter came."""
    return [int(time // 60) for time in several.times(name)]


# --- a stick for each -------------------------------------------------------------------------------------------------


def sticks(tmp_path: Path, *queries: str) -> Settings:
    tables = [{"name": name, "port": f"emulator:?loss=0&{query}"} for name, query in zip(NAMES, queries, strict=True)]
    return settings_of(tmp_path, tables)


def test_a_wrong_password_and_a_stick_that_is_gone_touch_no_other_meter(tmp_path: Path) -> None:
    settings = sticks(tmp_path, "seed=1&password=SOMETHINGELSE", "seed=2", "seed=3")
    wrong, gone, _ = (meter.port for meter in settings.meters)

    async def meddle(several: Several) -> None:
        await asyncio.sleep(1800)
        stick = several.emulators[gone]
        stick._socket.unplug()
        stick.modem.power_cycle()
        await asyncio.sleep(HOUR)
        stick._socket.plugged = True

    several = collect(settings, 3 * HOUR, meddle)
    assert several.of("house") == []
    assert several.emulators[wrong].counters.sessions == 0
    times = several.times("barn")
    assert len(times) == 181  # one at once, then one a minute, two thirds of a minute after those of the first meter
    assert all(abs(later - earlier - 60) < 3 for earlier, later in itertools.pairwise(times[1:]))
    away = [time for time in several.times("annex") if 1810 < time < 1800 + HOUR]
    assert away == []
    assert 1800 + HOUR < min(time for time in several.times("annex") if time > 1810) < 1800 + HOUR + 60
    for name, port in (("annex", gone), ("barn", settings.meters[2].port)):
        assert_true(several.of(name), several.emulators[port].truth)


# --- one stick for all ------------------------------------------------------------------------------------------------


def on_one_stick(tmp_path: Path, count: int = 3, **general: object) -> Settings:
    """Meters that refuse a join within 10 s of the last session's end, as real ones do."""
    port = f"emulator:?loss=0&meters={count}"
    return settings_of(tmp_path, [{"name": name, "port": port} for name in NAMES[:count]], **general)


async def as_real_ones(several: Several) -> None:
    (emulator,) = several.emulators.values()
    emulator.inject("rejoin-refused:10")


def test_three_meters_take_turns_and_every_due_reading_is_had(tmp_path: Path) -> None:
    several = collect(on_one_stick(tmp_path), 2 * HOUR, as_real_ones)
    (emulator,) = several.emulators.values()
    for number, name in enumerate(NAMES):
        assert [minute for minute in minutes_of(several, name) if minute >= START_UP] == [*range(START_UP, 120)], name
        assert_true(several.of(name), emulator.in_reach[number].truth)
    assert len({record.meter for record in several.capture.records}) == 3
    assert emulator.counters.scans == 3


def test_no_meter_is_joined_before_it_would_let_us_in(tmp_path: Path) -> None:
    several = collect(on_one_stick(tmp_path, count=2, interval=10), 1200, as_real_ones)
    (emulator,) = several.emulators.values()
    assert emulator.counters.joins == emulator.counters.sessions > 80
    for name in NAMES[:2]:
        times = [time for time in several.times(name) if time > 60]
        assert max(later - earlier for earlier, later in itertools.pairwise(times)) < 40, "more often than they can"


def test_a_meter_that_is_away_costs_the_others_no_reading(tmp_path: Path) -> None:
    away, back = 1800.0, 2400.0

    async def meddle(several: Several) -> None:
        await as_real_ones(several)
        await asyncio.sleep(away)
        (emulator,) = several.emulators.values()
        emulator.in_reach[1].inject("absent")
        await asyncio.sleep(back - away)
        emulator.in_reach[1].clear("absent")

    several = collect(on_one_stick(tmp_path), HOUR, meddle)
    for name in ("house", "barn"):
        assert [minute for minute in minutes_of(several, name) if minute >= START_UP] == [*range(START_UP, 60)], name
    (emulator,) = several.emulators.values()
    for number, name in enumerate(NAMES):
        assert_true(several.of(name), emulator.in_reach[number].truth)
    times = several.times("annex")
    assert [time for time in times if away + 15 < time < back] == []
    assert min(time for time in times if time > back) < back + turns.LONGEST_PAUSE_S + 60
    settled = int(back // 60) + 7
    assert [minute for minute in minutes_of(several, "annex") if minute >= settled] == [*range(settled, 60)]


def test_a_meter_that_refuses_us_costs_the_others_no_reading(tmp_path: Path) -> None:
    settings = on_one_stick(tmp_path)
    wrong = replace(settings.meters[1].credentials, password=Secret("SOMETHINGELSE"))
    right = settings.meters[1].credentials

    async def meddle(several: Several) -> None:
        await as_real_ones(several)
        (emulator,) = several.emulators.values()
        emulator.in_reach[1].radio._credentials = right

    meters = (settings.meters[0], replace(settings.meters[1], credentials=wrong), settings.meters[2])
    several = collect(replace(settings, meters=meters), HOUR, meddle)
    assert several.of("annex") == []
    for name in ("house", "barn"):
        assert [minute for minute in minutes_of(several, name) if minute >= START_UP] == [*range(START_UP, 60)], name


def test_a_meter_that_is_joined_and_silent_costs_the_others_no_reading(tmp_path: Path) -> None:
    silent, back = 1800.0, 2700.0

    async def meddle(several: Several) -> None:
        await as_real_ones(several)
        await asyncio.sleep(silent)
        (emulator,) = several.emulators.values()
        emulator.in_reach[1].inject("lost:1")
        await asyncio.sleep(back - silent)
        emulator.in_reach[1].clear("lost")

    several = collect(on_one_stick(tmp_path), 1.5 * HOUR, meddle)
    for name in ("house", "barn"):
        assert [minute for minute in minutes_of(several, name) if minute >= START_UP] == [*range(START_UP, 90)], name
    times = several.times("annex")
    assert [time for time in times if silent + 15 < time < back] == []
    assert min(time for time in times if time > back) < back + turns.LONGEST_PAUSE_S + 60


def test_the_pause_of_the_air_time_is_that_of_the_whole_stick(tmp_path: Path) -> None:
    limited, free = 1800.0, 2700.0

    async def meddle(several: Several) -> None:
        await as_real_ones(several)
        await asyncio.sleep(limited)
        (emulator,) = several.emulators.values()
        emulator.inject(f"ev32:{free - limited:.0f}")

    several = collect(on_one_stick(tmp_path), HOUR, meddle)
    for name in NAMES:
        assert [time for time in several.times(name) if limited + 5 < time < free] == []
        assert min(time for time in several.times(name) if time > free) < free + 60, name


def test_a_shared_stick_that_is_gone_is_nobody_s_failure(tmp_path: Path) -> None:
    gone, back = 1800.0, 3000.0

    async def meddle(several: Several) -> None:
        (emulator,) = several.emulators.values()
        await asyncio.sleep(gone)
        emulator._socket.unplug()
        emulator.modem.power_cycle()
        await asyncio.sleep(back - gone)
        emulator._socket.plugged = True

    several = collect(on_one_stick(tmp_path), HOUR, meddle)
    for name in NAMES:
        assert [time for time in several.times(name) if gone + 1 < time < back] == []
        assert min(time for time in several.times(name) if time > back) < back + 45, name


def test_the_stick_stays_where_it_is_while_nobody_else_has_a_reading_due(tmp_path: Path) -> None:
    port = "emulator:?loss=0&meters=2"
    tables = [{"name": "house", "port": port}, {"name": "annex", "port": port, "interval": 3600}]
    several = collect(settings_of(tmp_path, tables), 3 * HOUR, as_real_ones)
    (emulator,) = several.emulators.values()
    assert len(several.of("annex")) == 3
    assert [minute for minute in minutes_of(several, "house") if minute >= START_UP] == [*range(START_UP, 180)]
    assert emulator.counters.joins == 3 + 2 * 2, "at the start, and there and back each hour"


def registered(meter: Meter, at: datetime) -> int | None:
    """What the meter itself has of a half hour."""
    return meter.register_at(at.astimezone(METER_ZONE).replace(tzinfo=None))[0]


def test_half_hours_of_a_meter_that_was_not_joined_are_healed(tmp_path: Path) -> None:
    settings = on_one_stick(tmp_path, backfill_spacing=5, interval=300)
    end = START + timedelta(hours=4)
    truths: list[dict[datetime, int | None]] = []

    async def meddle(several: Several) -> None:
        await as_real_ones(several)
        await asyncio.sleep(4 * HOUR + 60)  # a meter tells its past only while its clock runs
        (emulator,) = several.emulators.values()
        slots = [START.replace(minute=0, second=0) + n * HALF_HOUR for n in range(-90 * 48, 7)]
        truths.extend({at: registered(each.meter, at) for at in slots} for each in emulator.in_reach)

    collect(settings, 4 * HOUR, meddle)
    with closing(open_reader(settings.database)) as conn:
        stored = {each.name: each.key for each in meters.listed(conn)}
        for name, truth in zip(NAMES, truths, strict=True):
            known = half_hours.slots(conn, stored[name], START - timedelta(days=100), end)
            told = {slot.at: slot.import_raw for slot in known}
            assert {at: told.get(at) for at in truth} == truth, name


def test_a_bug_in_the_work_of_one_meter_is_raised(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def bug(self: Poller) -> None:
        await asyncio.sleep(100)
        raise ZeroDivisionError

    async def works(self: Poller) -> None:
        await asyncio.Event().wait()

    calls = iter([works, bug, works])
    monkeypatch.setattr(Poller, "run", lambda self: next(calls)(self))
    with pytest.raises(ZeroDivisionError):
        collect(on_one_stick(tmp_path), 1000)


# --- what is said and written -----------------------------------------------------------------------------------------


def test_every_line_about_a_meter_is_told_in_its_name(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    names: dict[str, set[str | None]] = {}

    def note(record: logging.LogRecord) -> bool:
        names.setdefault(record.name.removeprefix("hems_data_collector."), set()).add(current_meter())
        return True

    caplog.handler.addFilter(note)
    with caplog.at_level(logging.DEBUG, "hems_data_collector"):
        collect(on_one_stick(tmp_path, backfill_spacing=5), 600)
    about = {name: found for name, found in names.items() if name.startswith(("link.", "meter.", "collector.backfill"))}
    assert {"link.wisun", "link.modem", "meter.reader", "collector.backfill"} <= set(about)
    assert all(found <= set(NAMES) for found in about.values()), about
    assert names["link.modem"] == set(NAMES)


def test_a_quiet_hour_of_turns_is_quiet_in_the_log(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async def meddle(several: Several) -> None:
        await asyncio.sleep(600)
        caplog.clear()

    with caplog.at_level(logging.INFO, "hems_data_collector"):
        collect(on_one_stick(tmp_path), 600 + HOUR, meddle)
    told = [record.getMessage() for record in caplog.records]
    assert told[-1] == "Stopped."
    assert set(told) <= {"Session with the meter ended.", "Stopped."}


def test_a_meter_with_a_name_gives_the_same_records_with_one_key_more(tmp_path: Path) -> None:
    query = "fast=1&loss=0&seed=5"
    (tmp_path / "alone").mkdir()
    (tmp_path / "named").mkdir()
    alone = collecting.collect(collecting.settings_for(tmp_path / "alone", query), HOUR).capture.records
    tables = [{"name": "house", "port": f"emulator:?{query}"}]
    named = collect(settings_of(tmp_path / "named", tables), HOUR).capture.records
    assert len(alone) == 60
    for one, other in zip(alone, named, strict=True):
        assert tuple(one.fields) == RECORD_KEYS
        assert json_object(other) == json_object(one)[:-1] + b', "meter": "house"}'
        assert (one.key, one.kind, one.meter) == (other.key, other.kind, other.meter)


def test_files_in_csv_have_the_name_as_their_last_column(tmp_path: Path) -> None:
    one = [{"name": "house", "port": "emulator:?loss=0&seed=1"}, {"name": "annex", "port": "emulator:?loss=0&seed=2"}]
    top = {"output": "file", "file": str(tmp_path / "power.csv"), "format": "csv"}
    collect(settings_of(tmp_path, one, half_hours="true", interval=300, **top), 2 * HOUR)
    for file, keys in (("power.csv", RECORD_KEYS), ("power.half-hours.csv", HALF_HOUR_KEYS)):
        head, *rows = csv.reader(io.StringIO((tmp_path / file).read_text(), newline=""))
        assert tuple(head) == (*keys, METER_KEY)
        assert len(rows) > 6
        assert {row[-1] for row in rows} == {"house", "annex"}
