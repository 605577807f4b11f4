"""Ten years of one-minute readings: how large they are, how fast they are asked, and what a durable append costs."""

from __future__ import annotations

import sqlite3
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from benchmarks.measure import Measurement
from hems_data_collector.clock import SystemClock
from hems_data_collector.meter.profile import MeterProfile
from hems_data_collector.readings import Consumption, MeterIdentity, Reading
from hems_data_collector.store import ledger_days, meters, readings, summaries
from hems_data_collector.store.database import Database, open_reader
from hems_data_collector.store.periods import Period, Step, periods
from hems_data_collector.store.times import HALF_HOUR_S, HOUR_US

ZONE = ZoneInfo("Asia/Tokyo")
START = datetime(2015, 12, 31, 15, tzinfo=UTC)
MINUTES = 5_260_000
END = START + timedelta(minutes=MINUTES)
MIB_MAX = 400
TARGETS_MS = {"a day": 10.0, "a year": 15.0, "ten years": 60.0}
ROUNDS = 100
APPENDS = 300
APPEND_SHARE = 0.5
PROFILE = MeterProfile(
    identity=MeterIdentity(maker="000016", serial="A00B123456"),
    get_map=frozenset({0xE0, 0xE2, 0xE3, 0xE4, 0xE7, 0xE8, 0xEA, 0xEB}),
    set_map=frozenset({0xE5}),
    exponent=-2,
    digits=6,
    t_seen=True,
)
METER = PROFILE.identity.key

READINGS = f"""
INSERT INTO readings (seq, {readings.COLUMNS})
WITH RECURSIVE minute (n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM minute WHERE n < :minutes - 1)
SELECT n + 1 + n / 30, 1, :start_us + n * 60000000 + 123456 + n % 100000, 300 + n * 7919 % 4000 - n % 97 * 40,
       n % 300, n % 280, 100000 + n / 9 % 900000, 20000 + n / 21 % 900000,
       (:start_us / 1000000 + n * 60) / 1800 * 1800, 100000 + n / 270 * 30 % 900000, 20000 + n / 630 * 30 % 900000,
       1, (:start_us / 1000000 + n * 60) / 1800 * 1800, n % 80, 180 + n % 60, 0
FROM minute
"""
"""Rows as they are appended minute after minute, with the number of a half-hour record every 30 of them."""
HOURS = f"""
INSERT INTO hours (meter, hour, first_seq, last_seq, newest_us, readings, powers, power_sum, power_min, power_max)
SELECT meter, received_us / {HOUR_US}, min(seq), max(seq), max(received_us), count(*), count(power_w), sum(power_w),
       min(power_w), max(power_w)
FROM readings GROUP BY meter, received_us / {HOUR_US}
"""
HALF_HOURS = f"""
INSERT INTO half_hours (meter, at, import_raw, export_raw, scale, source, import_used, export_used, seq)
WITH RECURSIVE slot (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM slot WHERE n < :minutes / 30 - 1)
SELECT 1, :start_us / 1000000 + n * {HALF_HOUR_S}, 100000 + n * 30 % 900000, 20000 + n * 7 % 900000, 1, 0, n % 120,
       n % 40, n * 31
FROM slot
"""


def measurements() -> list[Measurement]:
    """The rows of this file."""
    with tempfile.TemporaryDirectory(prefix="hems-bench-") as folder:
        path = Path(folder) / "hems.db"
        with _opened(path) as database:
            database.run_sync(lambda conn: meters.know(conn, PROFILE, START))
            database.run_sync(_fill)
        rows = [_size(path)]
        reader = open_reader(path)
        try:
            rows += [_query(reader, name) for name in TARGETS_MS]
        finally:
            reader.close()
        rows.append(_appends(Path(folder)))
    return rows


@contextmanager
def _opened(path: Path) -> Iterator[Database]:
    database = Database.open(path, clock=SystemClock())
    try:
        yield database
    finally:
        database.close()


def _fill(conn: sqlite3.Connection) -> None:
    values = {"minutes": MINUTES, "start_us": (START - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)}
    meters.scale_number(conn, exponent=PROFILE.exponent, coefficient=PROFILE.coefficient, digits=PROFILE.digits)
    conn.execute(READINGS, values)
    conn.execute(HOURS)
    conn.execute(HALF_HOURS, values)
    always = {"meter": 1, "start": 0, "end": 1 << 40}
    conn.execute(f"INSERT INTO ledger_days {ledger_days.SUMS}", always)


def _size(path: Path) -> Measurement:
    mib = path.stat().st_size / 1e6
    return Measurement(
        name=f"size of {MINUTES / 1e6:.2f} million readings and their half hours",
        ours=f"{mib:.0f} MB",
        base=f"{MIB_MAX} MB",
        ratio=mib / MIB_MAX,
        target=1.0,
    )


def _query(reader: sqlite3.Connection, name: str) -> Measurement:
    """The slowest of power, energy and completeness over a stretch: a day by hours, a year by days, ten by months."""
    step, days = {"a day": (Step.HOUR, 1), "a year": (Step.DAY, 365), "ten years": (Step.MONTH, 3652)}[name]

    def stretch(number: int) -> list[Period]:
        begin = START + timedelta(days=number * 33 % max(1, 3652 - days))
        return periods(begin, min(begin + timedelta(days=days), END), step, ZONE)

    ms = {
        "power": _p95_ms(lambda number: summaries.power(reader, METER, stretch(number))[0].readings),
        "energy": _p95_ms(lambda number: summaries.energy(reader, METER, stretch(number))[-1].half_hours),
        "completeness": _p95_ms(
            lambda number: summaries.completeness(reader, METER, stretch(number), until=END)[-1].present
        ),
    }
    slowest = max(ms, key=lambda kind: ms[kind])
    return Measurement(
        name=f"query of {name} among them, p95",
        ours=f"{ms[slowest]:.1f} ms ({slowest})",
        base=f"{TARGETS_MS[name]:.0f} ms",
        ratio=ms[slowest] / TARGETS_MS[name],
        target=1.0,
    )


def _p95_ms(query: Callable[[int], int]) -> float:
    spent: list[float] = []
    query(0)
    for number in range(ROUNDS):
        begun = time.perf_counter()
        found = query(number)
        spent.append(time.perf_counter() - begun)
        assert found > 0, "the query looked at nothing"
    return statistics.quantiles(spent, n=20)[-1] * 1e3


def _appends(folder: Path) -> Measurement:
    """One reading in one durable transaction, against a bare INSERT of the same values, in turns."""
    raw = sqlite3.connect(folder / "raw.db", isolation_level=None)
    raw.execute("PRAGMA journal_mode = WAL")
    raw.execute("PRAGMA synchronous = FULL")
    raw.execute("CREATE TABLE readings (a, b, c, d, e, f, g, h, i, j, k, l, m, n, o)")
    insert = f"INSERT INTO readings VALUES (?{', ?' * 14})"
    ours_s, raw_s = [], []
    with _opened(folder / "append.db") as database:
        for number in range(APPENDS):
            reading, recent = _reading(number)
            begun = time.perf_counter()
            database.run_sync(lambda conn, it=(reading, recent): readings.append(conn, *it, PROFILE))
            ours_s.append(time.perf_counter() - begun)
            row = readings.row_of(reading, recent, PROFILE.scale, meter=1, scale=1)
            begun = time.perf_counter()
            raw.execute("BEGIN IMMEDIATE")
            raw.execute(insert, row)
            raw.execute("COMMIT")
            raw_s.append(time.perf_counter() - begun)
    raw.close()
    ours, base = APPENDS / sum(ours_s), APPENDS / sum(raw_s)
    return Measurement(
        name="a durable append",
        ours=f"{ours:.0f}/s",
        base=f"raw SQLite {base:.0f}/s",
        ratio=base / ours,
        target=1 / APPEND_SHARE,
    )


def _reading(number: int) -> tuple[Reading, Consumption]:
    scale = PROFILE.scale
    at = START + timedelta(minutes=number)
    slot = at - (at - START) % timedelta(minutes=30)
    reading = Reading(
        meter=METER,
        received_at=at,
        power_w=number,
        current_r_a=None,
        current_t_a=None,
        two_wire=False,
        energy_import_kwh=scale.kwh(100000 + number),
        energy_export_kwh=scale.kwh(20000 + number),
        fixed_at=slot,
        fixed_import_kwh=scale.kwh(100000),
        fixed_export_kwh=scale.kwh(20000),
        energy_import_raw=100000 + number,
        energy_export_raw=20000 + number,
        lqi=200,
    )
    return reading, Consumption(end=slot, import_kwh=scale.kwh(30))


if __name__ == "__main__":
    from benchmarks.measure import table

    print(table(measurements()))
