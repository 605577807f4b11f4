"""Whatever a meter can say comes back exactly, and whatever happens in between, each record goes out once."""

from __future__ import annotations

import sqlite3
import struct
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from hypothesis import given, settings
from hypothesis import strategies as st

from hems_data_collector.echonet import register_delta
from hems_data_collector.meter.interpret import reading_from
from hems_data_collector.meter.profile import MeterProfile
from hems_data_collector.readings import Consumption, HalfHour, HalfHourSource, published
from hems_data_collector.store import half_hours, migrations, outbox, readings, retention, summaries
from hems_data_collector.store.check import check
from hems_data_collector.store.damaged import SHAPES
from hems_data_collector.store.periods import Period
from hems_data_collector.store.records import record_at
from support.ledgers import EXPORTING, FIRST, HALF, METER, PROFILE, SLOT, reading, slot

NOW = datetime(2026, 1, 1, tzinfo=UTC)
NO_DATA = 0xFFFFFFFE


@contextmanager
def memory() -> Iterator[sqlite3.Connection]:
    conn = sqlite3.connect(":memory:", isolation_level=None)
    try:
        migrations.migrate(conn)
        conn.execute("PRAGMA foreign_keys = ON")
        yield conn
    finally:
        conn.close()


registers = st.one_of(st.just(NO_DATA), st.integers(0, 99_999_999))
currents = st.one_of(st.sampled_from((0x7FFE, 0x7FFF, -0x8000, 0, -1)), st.integers(-0x7FFF, 0x7FFD))
fixed_times = st.datetimes(datetime(2012, 1, 1), datetime(2099, 12, 31)).map(lambda at: at.replace(microsecond=0))
moments = st.datetimes(datetime(1970, 1, 1), datetime(2099, 12, 31), timezones=st.just(UTC))
profiles = st.builds(
    replace,
    st.just(PROFILE),
    exponent=st.sampled_from((0, -1, -2, -3, -4, 1, 2, 3, 4)),
    coefficient=st.one_of(st.just(1), st.integers(1, 999_999)),
    digits=st.integers(1, 8),
    t_seen=st.booleans(),
)


def fixed(at: datetime, raw: int) -> bytes:
    return struct.pack(">H5BI", at.year, at.month, at.day, at.hour, at.minute, at.second, raw)


properties = st.fixed_dictionaries(
    {},
    optional={
        0xE0: registers.map(lambda raw: struct.pack(">I", raw)),
        0xE3: registers.map(lambda raw: struct.pack(">I", raw)),
        0xE7: st.integers(-0x80000000, 0x7FFFFFFF).map(lambda watts: struct.pack(">i", watts)),
        0xE8: st.tuples(currents, currents).map(lambda pair: struct.pack(">hh", *pair)),
        0xEA: st.builds(fixed, fixed_times, registers),
        0xEB: st.builds(fixed, fixed_times, registers),
    },
)


@given(properties, profiles, moments, st.none() | st.integers(0, 255), st.none() | st.integers(0, 99_999_999))
@settings(max_examples=300)
def test_every_reading_and_its_record_come_back_exactly(
    values: dict[int, bytes], profile: MeterProfile, at: datetime, lqi: int | None, used: int | None
) -> None:
    made = reading_from(values, profile, received_at=at, zone=ZoneInfo("Asia/Tokyo"), lqi=lqi)
    recent = None if used is None else Consumption(end=SLOT, import_kwh=profile.scale.kwh(used))
    with memory() as conn:
        outbox.register(conn, ["file"], now=NOW)
        seq = readings.append(conn, made, recent, profile)
        (stored,) = readings.between(conn, METER, at, at + timedelta(microseconds=1))
        assert (stored.seq, stored.reading, stored.recent) == (seq, made, recent)
        ((sent, record),) = outbox.batch(conn, "file", 10, half_hours=True)
        assert sent == seq
        live = published(made, recent)
        assert record == live
        assert list(map(repr, record.fields.values())) == list(map(repr, live.fields.values()))
        row = conn.execute("SELECT * FROM readings").fetchone()
        checks = SHAPES["readings"][1]
        assert all(check(value) for check, value in zip(checks, (None, *row[1:]), strict=True))


slots_told = st.lists(
    st.tuples(st.integers(0, 11), st.sampled_from(list(HalfHourSource)), st.booleans(), st.booleans()), max_size=40
)


@given(slots_told, st.booleans(), st.integers(2, 6))
@settings(max_examples=200)
def test_the_ledger_is_the_same_in_whatever_order_it_was_told(
    told: list[tuple[int, HalfHourSource, bool, bool]], exports: bool, digits: int
) -> None:
    profile = replace(EXPORTING if exports else PROFILE, digits=digits)
    modulus = 10**digits
    imports = [(modulus - 20 + 5 * number) % modulus for number in range(12)]
    exported = [(3 * number) % modulus for number in range(12)]
    known: list[tuple[set[int], set[int]]] = [(set(), set()) for _ in range(12)]
    completed: list[int] = []
    with memory() as conn:
        for number, source, has_import, has_export in told:
            item = slot(
                number,
                imports[number] if has_import else None,
                exported[number] if has_export else None,
                source,
            )
            result = half_hours.record(conn, [item], profile, now=NOW)
            assert result.conflicts == ()
            completed += result.completed
            known[number][0].update([imports[number]] if has_import else [])
            known[number][1].update([exported[number]] if has_export else [])
        both = [bool(one) and (bool(other) or not exports) for one, other in known]
        expected = [number for number in range(1, 12) if both[number] and both[number - 1]]
        ends = [seq for (seq,) in conn.execute("SELECT seq FROM half_hours WHERE seq IS NOT NULL ORDER BY seq")]
        assert completed == ends == list(range(1, len(expected) + 1))
        found = {item.end: item for item in half_hours.energies(conn, METER, SLOT, SLOT + 11 * HALF)}
        for number in range(12):
            item = found.get(SLOT + number * HALF)
            if item is None:
                assert not any(known[number])
                continue
            possible = bool(number and known[number][0] and known[number - 1][0])
            used = register_delta(imports[number - 1], imports[number], digits) if possible else None
            assert item.import_kwh == (None if used is None else profile.scale.kwh(used))
        assert check(conn).problems == ()
        period = Period(SLOT - HALF, SLOT + 12 * HALF)
        (whole,) = summaries.completeness(conn, METER, [period], until=SLOT + 11 * HALF)
        assert whole.present == sum(both)


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 400), st.integers(0, 400)), max_size=12))
@settings(max_examples=150)
def test_of_disagreeing_sources_the_first_stays_and_all_are_kept(told: list[tuple[int, int, int]]) -> None:
    first: dict[int, HalfHour] = {}
    others: set[HalfHour] = set()
    with memory() as conn:
        for number, import_raw, export_raw in told:
            item = slot(number, import_raw, export_raw)
            half_hours.record(conn, [item], PROFILE, now=NOW)
            if first.setdefault(number, item) != item:
                others.add(item)
        kept = half_hours.slots(conn, METER, SLOT, SLOT + 3 * HALF)
        assert {item.at: item for item in kept} == {item.at: item for item in first.values()}
        assert Counter(found.told for found in half_hours.conflicts(conn, METER)) == Counter(others)
        assert check(conn).problems == ()


steps = st.lists(
    st.one_of(
        st.tuples(st.just("append"), st.integers(1, 5)),
        st.tuples(st.just("record"), st.integers(0, 30)),
        st.tuples(st.just("deliver"), st.integers(1, 6)),
        st.tuples(st.just("refuse"), st.just(1)),
        st.tuples(st.just("prune"), st.integers(0, 3)),
        st.tuples(st.just("again"), st.just(0)),
    ),
    max_size=40,
)


@given(steps)
@settings(max_examples=200)
def test_each_record_goes_out_once_and_in_order(plan: list[tuple[str, int]]) -> None:
    got: list[str] = []
    owed: list[str] = []
    sent: list[int] = []
    number = 0
    with memory() as conn:
        outbox.register(conn, ["file"], now=NOW)
        half_hours.record(conn, [slot(1000)], PROFILE, now=NOW)  # it is late by the meter's clock, so readings may go
        for step, size in [*plan, ("again", 0), ("deliver", 1000)]:
            if step == "append":
                for _ in range(size):
                    readings.append(conn, reading(number), None, PROFILE)
                    owed.append(published(reading(number), None).key)
                    number += 1
            elif step == "record":
                for seq in half_hours.record(conn, [slot(size)], PROFILE, now=NOW).completed:
                    record = record_at(conn, seq)
                    assert record is not None
                    owed.append(record.key)
            elif step == "deliver":
                batch = outbox.batch(conn, "file", size, half_hours=True)
                got += [record.key for _, record in batch]
                sent += [seq for seq, _ in batch]
                if batch:
                    outbox.acknowledge(conn, "file", batch[-1][0], checkpoint=None, count=len(batch), now=NOW)
            elif step == "refuse":
                for seq, record in outbox.batch(conn, "file", 1, half_hours=True):
                    outbox.dead_letter(conn, "file", seq, key=record.key, reason="no", tries=3, now=NOW)
                    owed.remove(record.key)
                    owed.append(record.key)
            elif step == "prune":
                retention.prune(conn, keep=timedelta(0), now=FIRST + timedelta(minutes=number), limit=size + 1)
            else:
                dead = [letter.key for letter in outbox.dead_letters(conn, "file")]
                outbox.replay_dead_letters(conn, "file")
                while dead:
                    ((seq, record),) = outbox.batch(conn, "file", 1, half_hours=True)
                    outbox.acknowledge(conn, "file", seq, checkpoint=None, count=1, now=NOW)
                    got.append(record.key)
                    dead.remove(record.key)
        assert sorted(got) == sorted(owed)
        assert len(set(got)) == len(got)
        assert sent == sorted(sent)
        assert outbox.waiting(conn, "file", half_hours=True) == 0
