"""The verbs `status` and `outputs`: what is there and how it goes, for people and for monitoring."""

from __future__ import annotations

import asyncio
import fcntl
import json
import os
from datetime import timedelta
from pathlib import Path
from typing import Any, NoReturn

import pytest

from hems_data_collector import cli
from hems_data_collector.cli import status
from hems_data_collector.cli import stored as store_of_verbs
from hems_data_collector.clock import SystemClock
from hems_data_collector.counting import meter_section
from hems_data_collector.errors import StoreDamaged, StoreUnavailable
from hems_data_collector.link.counters import LinkCounters
from hems_data_collector.link.session import SessionState
from hems_data_collector.live import Endpoint, ring_section
from hems_data_collector.meter.client import ClientCounters
from hems_data_collector.readings import HalfHourSource
from hems_data_collector.store import half_hours, minutes
from hems_data_collector.store.half_hours import Direction
from hems_data_collector.store.ring import RingState
from hems_data_collector.store.sizes import size_text
from support.counted_house import House
from support.ledgers import HALF, METER, PROFILE, SLOT, minute, opened, reading, slot
from support.stored_house import FILE, NOW, OTHER, deliver, stored

pytestmark = pytest.mark.usefixtures("a_clock_that_stands")


def shown(capsys: pytest.CaptureFixture[str], verb: str, *argv: str, code: int = 0) -> str:
    assert cli.main([verb, "--database", str(FILE), *argv]) == code
    return capsys.readouterr().out


def state(capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(shown(capsys, "status", "--json"))
    return found


def test_the_last_reading_has_its_age(capsys: pytest.CaptureFixture[str]) -> None:
    stored(appended=[reading(0), reading(129)])
    (meter,) = state(capsys)["meters"]
    assert meter["meter"] == METER
    assert meter["last_reading"] == {
        "timestamp": "2025-04-01T05:09:00.123456+00:00",
        "age_s": 60,
        "instant_power_w": 541,
        "cumulative_power_kwh": 6526.8,
    }


def test_completeness_is_a_number_for_today_the_month_and_all(capsys: pytest.CaptureFixture[str]) -> None:
    """The slots of April are those from midnight in Japan to 14:00, 29 of them; a day of March came before."""
    stored([slot(number) for number in range(-72, 5) if number != -3])
    (meter,) = state(capsys)["meters"]
    assert meter["half_hours"]["today"] == {"present": 28, "expected": 29, "absent": 0, "ratio": 0.9655}
    assert meter["half_hours"]["month"] == meter["half_hours"]["today"]
    assert meter["half_hours"]["total"]["present"] == 76
    remembered = 99 * 48
    assert meter["half_hours"]["total"]["expected"] in (remembered, remembered + 1)
    assert meter["backfill"]["settled"] == 76
    assert meter["backfill"]["expected"] in (remembered, remembered + 1)


def test_the_minutes_of_the_last_day_are_counted_where_there_are_any(capsys: pytest.CaptureFixture[str]) -> None:
    """It is 14:10 and the first minute was 12:00; ten minutes may still come."""
    stored([slot()])
    assert state(capsys)["meters"][0]["minutes"] is None
    assert "minutes" not in shown(capsys, "status")

    def record(*numbers: int) -> None:
        with opened(FILE) as database:
            database.run_sync(lambda conn: minutes.record(conn, map(minute, numbers), PROFILE, now=NOW))

    record(*(number for number in range(125) if number not in (7, 8)))
    assert state(capsys)["meters"][0]["minutes"] == {"present": 118, "expected": 120, "ratio": 0.9833}
    assert "118 of 120 (98.33 %)" in shown(capsys, "status")
    record(-2000)
    assert state(capsys)["meters"][0]["minutes"] == {"present": 118, "expected": 1440, "ratio": 0.0819}


def test_what_the_meter_never_recorded_is_settled_and_not_expected(capsys: pytest.CaptureFixture[str]) -> None:
    stored([slot(number) for number in range(-24, 5) if number != 2])
    with opened(FILE) as database:
        never = [SLOT + 2 * HALF]
        database.run_sync(lambda conn: half_hours.mark_absent(conn, METER, never, Direction.IMPORT, now=NOW))
    (meter,) = state(capsys)["meters"]
    assert meter["half_hours"]["today"] == {"present": 28, "expected": 28, "absent": 1, "ratio": 1.0}
    assert meter["backfill"]["settled"] == 29


def test_a_half_hour_is_not_missed_before_the_collector_could_have_asked(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    stored([slot(number) for number in range(-24, 5)])
    for waited, expected in ((9, 29), (10, 30)):
        now = SLOT + 5 * HALF + timedelta(minutes=waited)
        monkeypatch.setattr(store_of_verbs, "now", lambda now=now: now)
        assert state(capsys)["meters"][0]["half_hours"]["today"]["expected"] == expected


def test_it_tells_whether_a_collector_runs_and_which(capsys: pytest.CaptureFixture[str]) -> None:
    stored()
    assert state(capsys)["collector"] == {"running": False, "process": None}
    assert "not running" in shown(capsys, "status")
    with opened(FILE):
        assert state(capsys)["collector"] == {"running": True, "process": str(os.getpid())}
        assert f"running, process {os.getpid()}" in shown(capsys, "status")
    assert state(capsys)["collector"]["running"] is False


def test_another_look_at_the_same_time_is_no_collector(capsys: pytest.CaptureFixture[str]) -> None:
    stored()
    with FILE.with_name("hems.db.lock").open("rb") as file:
        fcntl.flock(file, fcntl.LOCK_SH)
        assert state(capsys)["collector"]["running"] is False


def test_looking_does_not_keep_a_collector_from_starting(capsys: pytest.CaptureFixture[str]) -> None:
    stored()
    state(capsys)
    with opened(FILE):
        pass


def test_the_text_says_it_in_words(capsys: pytest.CaptureFixture[str]) -> None:
    stored([slot(number) for number in range(-24, 5)], appended=[reading(0)])
    stored([slot(0, 99_999, source=HalfHourSource.HISTORY_1)], now=NOW)
    deliver("webhook", 1, problem="connection refused")
    text = [" ".join(line.split()) for line in shown(capsys, "status").splitlines()]
    assert "last reading 2025-04-01 12:00:00 (2 h 10 min ago, 412 W, 6513.9 kWh)" in text
    assert "half hours today 29 of 29 (100 %)" in text
    assert "in total 29 of 4753 (0.61 %)" in text or "in total 29 of 4752 (0.61 %)" in text
    assert "disagreements 1; see: hems-data-collector check" in text
    assert any(line.startswith("webhook retrying 2025-04-01 12:00 ") for line in text)
    assert any(line.startswith("database ") and "hems.db, " in line for line in text)


def test_before_the_first_meter_it_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    with opened(FILE):
        pass
    assert "none was read yet" in shown(capsys, "status")
    assert state(capsys)["meters"] == []


def test_several_meters_come_one_after_the_other(capsys: pytest.CaptureFixture[str]) -> None:
    stored(name="house", now=NOW)
    stored(profile=OTHER, name="barn")
    assert [meter["name"] for meter in state(capsys)["meters"]] == ["house", "barn"]
    assert f"house ({METER})" in shown(capsys, "status")


def test_a_file_that_was_set_aside_is_not_forgotten(capsys: pytest.CaptureFixture[str]) -> None:
    stored()
    for name in ("hems.db.damaged-20250401T030000Z", "hems.db.damaged-20250401T030000Z-wal"):
        FILE.with_name(name).touch()
    (named,) = state(capsys)["database"]["damaged_files"]
    assert named.endswith("hems.db.damaged-20250401T030000Z")
    assert "check --salvage" in shown(capsys, "status")


def test_a_file_with_brackets_in_its_name_has_its_own_files_set_aside(capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("h[1].db", "h1.db.damaged-1", "h[1].db.damaged-2"):
        with opened(Path(name)):
            pass
    assert cli.main(["status", "--database", "h[1].db", "--json"]) == 0
    found = [Path(file).name for file in json.loads(capsys.readouterr().out)["database"]["damaged_files"]]
    assert "h1.db.damaged-1" not in found
    assert "h[1].db.damaged-2" in found


def test_without_a_database_both_say_what_to_do(capsys: pytest.CaptureFixture[str]) -> None:
    for verb in ("status", "outputs"):
        assert shown(capsys, verb, code=7) == ""


@pytest.mark.usefixtures("terminal")
def test_a_terminal_gets_tables(capsys: pytest.CaptureFixture[str]) -> None:
    stored([slot(0)], appended=[reading(0)])
    deliver("webhook", 1)
    text = shown(capsys, "status")
    assert "last reading" in text
    assert "webhook" in text


# --- outputs ----------------------------------------------------------------------------------------------------------


def test_each_output_shows_what_it_got_and_what_waits(capsys: pytest.CaptureFixture[str]) -> None:
    stored(appended=[reading(number) for number in range(5)])
    deliver("webhook", 3, refused=2, problem="connection refused")
    row = json.loads(shown(capsys, "outputs", "--json"))
    assert row == {
        "name": "webhook",
        "configured": True,
        "health": "retrying",
        "since": "2025-04-01T03:00:00+00:00",
        "reason": "connection refused",
        "waiting": 2,
        "dead_letters": 1,
        "delivered": 2,
        "last_delivered": "2025-04-01T05:10:00+00:00",
    }
    text = [" ".join(line.split()) for line in shown(capsys, "outputs").splitlines()]
    assert text == [
        "output health since waiting dead letters delivered last delivery reason",
        "webhook retrying 2025-04-01 12:00 2 1 2 2025-04-01 14:10 connection refused",
    ]


def test_half_hour_records_wait_only_where_the_collector_sends_them(capsys: pytest.CaptureFixture[str]) -> None:
    stored([slot(0), slot(1), slot(2)], appended=[reading(0)])
    for sent, waiting in ((False, 1), (True, 3), (False, 1)):
        deliver("webhook", 0, half_hours=sent)
        assert json.loads(shown(capsys, "outputs", "--json"))["waiting"] == waiting
        assert state(capsys)["outputs"][0]["waiting"] == waiting


def test_an_output_that_is_gone_is_shown_as_removed(capsys: pytest.CaptureFixture[str]) -> None:
    stored(appended=[reading(0)])
    deliver("webhook", 1)
    deliver("file", 1)
    assert "webhook  removed" in shown(capsys, "outputs")


def test_no_output_is_said_on_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    stored()
    assert cli.main(["outputs", "--database", str(FILE)]) == 0
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "No output is known yet." in captured.err


def test_a_secret_in_a_reason_is_not_shown(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WEBHOOK_URL", "https://me:s3cr3t-word@example.org/hook")
    stored(appended=[reading(0)])
    deliver("webhook", 0, problem="https://me:s3cr3t-word@example.org/hook is down")
    for argv in (("outputs",), ("outputs", "--json"), ("status",), ("status", "--json")):
        assert "s3cr3t-word" not in shown(capsys, *argv)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 s"),
        (59, "59 s"),
        (60, "1 min"),
        (3605, "1 h"),
        (3660, "1 h 1 min"),
        (86_400 * 3 + 7200, "3 d 2 h"),
        (-5, "5 s ahead of this clock,"),
    ],
)
def test_ages_in_two_units(seconds: int, text: str) -> None:
    assert status.age_text(seconds) == text


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (999, "999 bytes"),
        (1500, "1.5 kB"),
        (999_499, "999 kB"),
        (999_500, "1 MB"),
        (3_400_000, "3.4 MB"),
        (4_000_000_000, "4 GB"),
    ],
)
def test_sizes(count: int, text: str) -> None:
    assert size_text(count) == text


# --- what only the running collector knows ----------------------------------------------------------------------------


def told(capsys: pytest.CaptureFixture[str], ring: RingState, *argv: str, code: int = 0) -> str:
    """What `status` shows beside a collector whose memory is in this state."""

    async def asked() -> str:
        async with Endpoint(FILE, lambda: {"ring": ring_section(ring), "more": [1]}, SystemClock()):
            return await asyncio.to_thread(shown, capsys, "status", *argv, code=code)

    with opened(FILE):
        return asyncio.run(asked())


def test_records_that_a_full_disk_keeps_in_memory_are_shown(capsys: pytest.CaptureFixture[str]) -> None:
    stored()
    full = RingState(waiting=37, dropped=2, since=SLOT, reason="The disk is full.")
    found = json.loads(told(capsys, full, "--json"))
    assert found["live"] == {
        "ring": {"held": 37, "dropped": 2, "since": "2025-04-01T03:00:00+00:00", "reason": "The disk is full."},
        "more": [1],
    }
    text = [" ".join(line.split()) for line in told(capsys, full).splitlines()]
    assert "not stored since 2025-04-01 12:00: 37 records held in memory, 2 dropped" in text
    assert "reason The disk is full." in text


def test_what_was_dropped_is_shown_after_the_disk_is_back_too(capsys: pytest.CaptureFixture[str]) -> None:
    stored()
    assert "not stored" not in told(capsys, RingState(waiting=0, dropped=0, since=None, reason=""))
    lost = " ".join(told(capsys, RingState(waiting=0, dropped=5, since=None, reason="")).split())
    assert "not stored 0 records held in memory, 5 dropped" in lost


def test_the_link_of_each_meter_is_told_in_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    stored()
    house = House(
        name="home",
        link_counters=LinkCounters(joins=3, losses=2, last_lqi=180, restricted_until=SLOT),
        request_counters=ClientCounters(requests=9, answers=8),
    )

    async def asked() -> str:
        async with Endpoint(FILE, lambda: {"meters": [meter_section(house)]}, SystemClock()):
            return await asyncio.to_thread(shown, capsys, "status")

    with opened(FILE):
        text = [" ".join(line.split()) for line in asyncio.run(asked()).splitlines()]
    assert "link of home joined, 9 requests, 8 answers, 3 joins, 2 sessions lost, link quality 180" in text
    assert "sending pauses the air time of this hour is used up; until 12:00:00 at the latest" in text


def test_every_state_of_a_session_has_words() -> None:
    assert set(status._SESSIONS) == {state.name.lower() for state in SessionState}


def test_without_an_answer_the_database_alone_tells(capsys: pytest.CaptureFixture[str]) -> None:
    stored(appended=[reading(0)])
    assert state(capsys)["live"] is None
    with opened(FILE):
        assert state(capsys)["live"] is None
        assert "412 W" in shown(capsys, "status")


def test_a_secret_in_the_live_state_is_not_shown(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WEBHOOK_URL", "https://me:s3cr3t-word@example.org/hook")
    stored()
    full = RingState(waiting=1, dropped=0, since=SLOT, reason="https://me:s3cr3t-word@example.org/hook")
    for argv in ((), ("--json",)):
        assert "s3cr3t-word" not in told(capsys, full, *argv)


@pytest.mark.parametrize("damaged", [True, False])
def test_where_the_database_cannot_be_read_the_collector_tells_what_it_knows(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, damaged: bool
) -> None:
    """A disk may be so full that not even a reader gets what it needs."""

    def unreadable(path: Path) -> NoReturn:
        raise (StoreDamaged if damaged else StoreUnavailable)("The database cannot be used (disk I/O error).")

    stored()
    monkeypatch.setattr(store_of_verbs, "open_reader", unreadable)
    full = RingState(waiting=37, dropped=0, since=SLOT, reason="The disk is full.")
    found = json.loads(told(capsys, full, "--json", code=7))
    assert (found["live"]["ring"]["held"], found["database"]["readable"], found["meters"]) == (37, False, [])
    text = " ".join(told(capsys, full, code=7).split())
    assert "not stored since 2025-04-01 12:00: 37 records held in memory" in text
    assert "none was read" not in text
    assert shown(capsys, "status", code=7) == "", "and where nobody answers there is nothing to show"
