"""Whether a database is sound: by SQLite's own measure, and by what must be true of our rows."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from gettext import gettext as _
from types import MappingProxyType
from typing import Final

from hems_data_collector.echonet.energy import DIGITS_MAX
from hems_data_collector.language import N_
from hems_data_collector.store.failures import is_damage
from hems_data_collector.store.ledger_days import SUMS as LEDGER_SUMS
from hems_data_collector.store.times import HALF_HOUR_S, HOUR_US

ALWAYS_S: Final = 1 << 40  # seconds from 1970, farther than any time goes
PROBLEMS_MAX: Final = 100  # SQLite stops there; more would tell nobody more

_TWICE: Final = "SELECT count(*) FROM readings JOIN half_hours USING (seq) WHERE seq IS NOT NULL"
_UNSUMMED: Final = f"""
SELECT count(*) FROM readings AS r LEFT JOIN hours AS h ON h.meter = r.meter AND h.hour = r.received_us / {HOUR_US}
WHERE h.hour IS NULL OR r.seq NOT BETWEEN h.first_seq AND h.last_seq
"""
_PAIRS: Final = f"""
FROM half_hours AS new JOIN half_hours AS old ON old.meter = new.meter AND old.at = new.at - {HALF_HOUR_S}
"""
_WRONG_USE: Final = f"""
SELECT count(*) {_PAIRS} JOIN scales ON scales.id = new.scale WHERE digits = :digits AND (
    (new.import_used IS NOT NULL AND (new.import_raw - old.import_raw + :range) % :range IS NOT new.import_used)
    OR (new.export_used IS NOT NULL AND (new.export_raw - old.export_raw + :range) % :range IS NOT new.export_used))
"""
_WRONG_DAYS: Final = f"""
WITH counted AS ({LEDGER_SUMS}), kept AS (SELECT * FROM ledger_days WHERE meter = :meter)
SELECT (SELECT count(*) FROM (SELECT * FROM counted EXCEPT SELECT * FROM kept))
     + (SELECT count(*) FROM (SELECT * FROM kept EXCEPT SELECT * FROM counted))
"""
_UNPUBLISHED: Final = f"""
SELECT count(*) {_PAIRS} JOIN meters ON meters.id = new.meter
WHERE new.seq IS NULL AND new.import_raw IS NOT NULL AND old.import_raw IS NOT NULL
AND (NOT exports OR (new.export_raw IS NOT NULL AND old.export_raw IS NOT NULL))
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckReport:
    """What a check found."""

    problems: tuple[str, ...]
    """Empty where the database is sound."""
    readings: int
    half_hours: int
    """Registers of the ledger."""
    conflicts: int
    """Slots of which two sources say different things: no damage, but worth a look."""
    bytes: int


def check(conn: sqlite3.Connection, on_step: Callable[[str], None] = lambda _: None) -> CheckReport:
    """Look at everything; `on_step` is told what is looked at. Takes seconds for years of readings.

    Damage is a problem, not an error; raises sqlite3.Error where the file cannot be read at all (no access, locked).
    """
    problems: list[str] = []
    for step, rule in _RULES.items():
        on_step(step)
        try:
            problems += rule(conn)
        except sqlite3.DatabaseError as error:
            if not is_damage(error):
                raise
            problems.append(f"{_(step)}: {error}")
    sizes = dict.fromkeys(_SIZES, 0)
    on_step(N_("sizes"))
    for size, sql in _SIZES.items():
        try:
            sizes[size] = _count(conn, sql)
        except sqlite3.DatabaseError as error:
            if not is_damage(error):
                raise
    return CheckReport(problems=tuple(problems), **sizes)


def _integrity(conn: sqlite3.Connection) -> Iterator[str]:
    for (text,) in conn.execute(f"PRAGMA integrity_check({PROBLEMS_MAX})"):
        if text != "ok":
            yield text


def _references(conn: sqlite3.Connection) -> Iterator[str]:
    for table, row, parent, _key in conn.execute("PRAGMA foreign_key_check").fetchmany(PROBLEMS_MAX):
        yield _("a row of {table} ({row}) names a row of {parent} that is not there").format(
            table=table, row=row, parent=parent
        )


def _log(conn: sqlite3.Connection) -> Iterator[str]:
    if found := _count(conn, _TWICE):
        yield _("{found} numbers of the log are given twice").format(found=found)


def _sums(conn: sqlite3.Connection) -> Iterator[str]:
    if found := _count(conn, _UNSUMMED):
        yield _("{found} readings are missing in the sum of their hour").format(found=found)


def _half_hours(conn: sqlite3.Connection) -> Iterator[str]:
    wrong = 0
    for digits in range(1, DIGITS_MAX + 1):
        wrong += conn.execute(_WRONG_USE, {"digits": digits, "range": 10**digits}).fetchone()[0]
    if wrong:
        yield _("{wrong} half hours are not the difference of their registers").format(wrong=wrong)
    days = 0
    for (meter,) in conn.execute("SELECT id FROM meters").fetchall():
        days += conn.execute(_WRONG_DAYS, {"meter": meter, "start": -ALWAYS_S, "end": ALWAYS_S}).fetchone()[0]
    if days:
        yield _("{days} sums of days are not those of their half hours").format(days=days)
    if found := _count(conn, _UNPUBLISHED):
        yield _("{found} complete half hours are not in the log").format(found=found)


_RULES: Final = MappingProxyType(
    {
        N_("the file"): _integrity,
        N_("references"): _references,
        N_("the log"): _log,
        N_("sums"): _sums,
        N_("half hours"): _half_hours,
    }
)
_SIZES: Final = MappingProxyType(
    {
        "readings": "SELECT count(*) FROM readings",
        "half_hours": "SELECT count(*) FROM half_hours",
        "conflicts": "SELECT count(*) FROM (SELECT DISTINCT meter, at FROM conflicts)",
        "bytes": "SELECT page_count * page_size FROM pragma_page_count, pragma_page_size",
    }
)


def _count(conn: sqlite3.Connection, sql: str) -> int:
    return int(conn.execute(sql).fetchone()[0])
