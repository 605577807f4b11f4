"""What is owed to an output: the log behind its cursor, what is replayed, what is set aside."""

from __future__ import annotations

import sqlite3
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from hems_data_collector.readings import HALF_HOUR_KEYS, METER_KEY, Record, published
from hems_data_collector.store import half_hours, meters, outbox, readings
from hems_data_collector.store.records import record_at
from support.ledgers import EXPORTING, FIRST, METER, PROFILE, RECENT, SLOT, reading, slot

NOW = datetime(2025, 4, 2, tzinfo=UTC)


def append(conn: sqlite3.Connection, *numbers: int) -> None:
    for number in numbers:
        readings.append(conn, reading(number), RECENT, PROFILE)


def batch(conn: sqlite3.Connection, limit: int = 100, *, half_hours: bool = True) -> dict[int, Record]:
    return dict(outbox.batch(conn, "file", limit, half_hours=half_hours))


def done(conn: sqlite3.Connection, seq: int, checkpoint: bytes | None = None, count: int = 1) -> None:
    outbox.acknowledge(conn, "file", seq, checkpoint=checkpoint, count=count, now=NOW)


def test_half_hours_wait_for_an_output_that_is_registered_for_them(conn: sqlite3.Connection) -> None:
    outbox.register(conn, ["file"], now=NOW, half_hours=False)
    half_hours.record(conn, [slot(0), slot(1), slot(2)], PROFILE, now=NOW)
    readings.append(conn, reading(0), None, PROFILE)
    assert [outbox.waiting(conn, "file", half_hours=each) for each in (None, False, True)] == [1, 1, 3]
    outbox.register(conn, ["file"], now=NOW, half_hours=True)
    assert outbox.waiting(conn, "file") == outbox.states(conn)[0].waiting == 3


def test_a_new_output_starts_at_the_present_and_gets_what_was_published(conn: sqlite3.Connection) -> None:
    append(conn, 0)
    outbox.register(conn, ["file"], now=NOW)
    append(conn, 1, 2)
    assert batch(conn) == {2: published(reading(1), RECENT), 3: published(reading(2), RECENT)}
    assert list(batch(conn, 1)) == [2]
    done(conn, 2, b"position")
    assert list(batch(conn)) == [3]
    assert outbox.checkpoint(conn, "file") == b"position"


def test_the_owner_s_name_of_the_meter_is_the_eleventh_key(conn: sqlite3.Connection) -> None:
    meters.know(conn, PROFILE, NOW, name="home")
    outbox.register(conn, ["file"], now=NOW)
    append(conn, 0)
    assert batch(conn) == {1: published(reading(), RECENT, meter_name="home")}


def test_the_owner_s_name_of_the_meter_is_the_last_key_of_a_half_hour(conn: sqlite3.Connection) -> None:
    meters.know(conn, PROFILE, NOW, name="home")
    outbox.register(conn, ["file"], now=NOW)
    half_hours.record(conn, [slot(0), slot(1)], PROFILE, now=NOW)
    (record,) = batch(conn).values()
    assert list(record.fields.items())[-1] == (METER_KEY, "home")


def test_half_hours_come_in_the_order_of_the_log_if_wanted(conn: sqlite3.Connection) -> None:
    outbox.register(conn, ["file"], now=NOW)
    append(conn, 0)
    half_hours.record(conn, [slot(0, export_raw=10), slot(1, export_raw=17)], EXPORTING, now=NOW)
    append(conn, 1)
    found = batch(conn)
    assert list(found) == [1, 2, 3]
    assert found[2] == Record(
        key=f"{METER}/2025-04-01T03:30:00+00:00/half-hour",
        kind="half-hour",
        meter=METER,
        fields={
            "kind": "half-hour",
            "meter_id": METER,
            "start": "2025-04-01T03:00:00+00:00",
            "end": "2025-04-01T03:30:00+00:00",
            "import_kwh": Decimal("0.2"),
            "export_kwh": Decimal("0.7"),
            "import_register_kwh": Decimal("6513.9"),
            "export_register_kwh": Decimal("1.7"),
            "source": "notification",
        },
    )
    assert tuple(found[2].fields) == HALF_HOUR_KEYS
    assert list(batch(conn, half_hours=False)) == [1, 3]
    assert list(batch(conn, 2)) == [1, 2]


def test_a_new_output_may_start_in_the_past(conn: sqlite3.Connection) -> None:
    append(conn, *range(200))
    outbox.register(conn, ["file"], now=NOW, since=FIRST + timedelta(minutes=150))
    assert next(iter(batch(conn))) == 151
    outbox.register(conn, ["file"], now=NOW, since=FIRST)
    assert next(iter(batch(conn))) == 151, "one that is known keeps its place"


def test_a_new_output_may_start_with_the_half_hours_of_the_past(conn: sqlite3.Connection) -> None:
    half_hours.record(conn, [slot(number) for number in range(10)], PROFILE, now=NOW)
    append(conn, 0, 1)
    outbox.register(conn, ["file"], now=NOW, since=slot(4).at)
    assert list(batch(conn)) == list(range(5, 12))


def test_half_hours_that_were_read_later_are_replayed_by_their_own_time(conn: sqlite3.Connection) -> None:
    outbox.register(conn, ["file"], now=NOW)
    half_hours.record(conn, [slot(0), slot(1)], PROFILE, now=NOW)
    append(conn, *range(1200, 3600))
    append(conn, 3600)
    append(conn, *range(2))
    done(conn, 2403, count=2403)
    assert outbox.rewind(conn, "file", SLOT, SLOT + timedelta(minutes=1)) == 2
    assert list(batch(conn)) == [1]
    done(conn, 1)
    assert [seq for seq, record in batch(conn).items() if record.kind == "reading"] == [2403]
    done(conn, 2403)
    assert list(batch(conn)) == [2404]


def test_an_output_that_is_removed_is_forgotten_after_30_days(conn: sqlite3.Connection) -> None:
    outbox.register(conn, ["file", "webhook"], now=NOW)
    append(conn, 0)
    outbox.register(conn, ["webhook"], now=NOW)
    outbox.register(conn, ["webhook"], now=NOW + timedelta(days=30))
    assert [(row.name, row.configured, row.waiting) for row in outbox.states(conn)] == [
        ("file", False, 1),
        ("webhook", True, 1),
    ]
    outbox.register(conn, ["webhook"], now=NOW + timedelta(days=30, seconds=1))
    assert [row.name for row in outbox.states(conn)] == ["webhook"]


def test_one_that_comes_back_in_time_keeps_its_place(conn: sqlite3.Connection) -> None:
    outbox.register(conn, ["file"], now=NOW)
    append(conn, 0)
    outbox.register(conn, [], now=NOW)
    outbox.register(conn, ["file"], now=NOW + timedelta(days=29))
    outbox.register(conn, ["file"], now=NOW + timedelta(days=90))
    assert list(batch(conn)) == [1]
    assert outbox.states(conn)[0].configured


def test_what_is_replayed_comes_first_and_only_what_was_there(conn: sqlite3.Connection) -> None:
    outbox.register(conn, ["file"], now=NOW)
    append(conn, *range(10))
    half_hours.record(conn, [slot(0), slot(1)], PROFILE, now=NOW)
    done(conn, 11, count=11)
    append(conn, 10)
    assert outbox.rewind(conn, "file", FIRST + timedelta(minutes=3), FIRST + timedelta(minutes=5)) == 2
    assert outbox.rewind(conn, "file", SLOT, SLOT + timedelta(minutes=1)) == 2, "a reading and the half hour from 3:00"
    assert outbox.waiting(conn, "file", half_hours=True) == 5
    assert list(batch(conn, 1)) == [4]
    done(conn, 4)
    assert list(batch(conn)) == [5]
    done(conn, 5)
    assert list(batch(conn)) == [1, 11]
    done(conn, 11, count=2)
    assert list(batch(conn)) == [12]
    done(conn, 12)
    assert batch(conn) == {}
    assert outbox.states(conn)[0].delivered == 11 + 5


def test_a_dead_letter_lets_the_line_move_and_can_be_sent_again_or_given_up(conn: sqlite3.Connection) -> None:
    outbox.register(conn, ["file"], now=NOW)
    append(conn, 0, 1, 2)
    for seq, record in list(batch(conn).items())[:2]:
        outbox.dead_letter(conn, "file", seq, key=record.key, reason="HTTP 422", tries=3, now=NOW)
    assert list(batch(conn)) == [3]
    done(conn, 3)
    letters = outbox.dead_letters(conn, "file")
    assert [(letter.seq, letter.reason, letter.tries) for letter in letters] == [(1, "HTTP 422", 3), (2, "HTTP 422", 3)]
    assert record_at(conn, 1) == published(reading(), RECENT)
    assert outbox.drop_dead_letters(conn, "file", [1]) == 1
    assert outbox.replay_dead_letters(conn, "file") == 1
    assert outbox.dead_letters(conn) == []
    assert list(batch(conn)) == [2]
    done(conn, 2)
    assert batch(conn) == {}


def test_replaying_an_output_that_is_not_there_is_an_error(conn: sqlite3.Connection) -> None:
    with pytest.raises(LookupError, match="no output webhook"):
        outbox.rewind(conn, "webhook", FIRST, NOW)


def test_an_output_that_a_new_file_does_not_know_gets_the_whole_of_it(conn: sqlite3.Connection) -> None:
    conn.execute("UPDATE log SET first = 1000")
    append(conn, 0, 1)
    assert list(batch(conn)) == [1000, 1001]
    done(conn, 1000)
    assert list(batch(conn)) == [1001]


def test_the_health_of_an_output_is_kept(conn: sqlite3.Connection) -> None:
    outbox.register(conn, ["file"], now=NOW)
    outbox.set_health(conn, "file", "paused", since=NOW, reason="HTTP 401")
    (row,) = outbox.states(conn)
    assert (row.health, row.since, row.reason, row.dead_letters, row.last_delivered) == (
        "paused",
        NOW,
        "HTTP 401",
        0,
        None,
    )


def test_an_acknowledgement_of_what_the_log_has_not_come_to_is_passed_over(conn: sqlite3.Connection) -> None:
    outbox.register(conn, ["file"], now=NOW)
    done(conn, 1000)
    append(conn, 0)
    assert list(batch(conn)) == [1]


def test_an_output_that_a_new_file_does_not_know_is_admitted_with_the_whole_log(conn: sqlite3.Connection) -> None:
    conn.execute("UPDATE log SET first = 1001")
    readings.append(conn, reading(0), None, PROFILE)
    for _ in range(2):
        outbox.admit(conn, "file", now=NOW, half_hours=True)
    (row,) = outbox.states(conn)
    assert (row.cursor, row.since, row.waiting, row.configured) == (1000, NOW, 1, True)
    outbox.acknowledge(conn, "file", 1001, checkpoint=None, count=1, now=NOW)
    outbox.admit(conn, "file", now=NOW, half_hours=True)
    assert outbox.cursor(conn, "file") == 1001
