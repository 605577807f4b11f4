"""The sums of the ledger over days, so that years are summed up in no time.

A day here goes from midnight to midnight in Japan, whose meters these are. Other days are summed up from half hours.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from typing import Final

from hems_data_collector.store.periods import Period
from hems_data_collector.store.times import SECOND_US, to_micros

DAY_S: Final = 86_400
MIDNIGHT_S: Final = 9 * 3600  # so much earlier than in Greenwich it is midnight in Japan

SUMS: Final = f"""
SELECT meter, day, scale, sum(import_used), sum(export_used), sum(used), sum(imports), sum(complete) FROM (
    SELECT meter, (at - 1 + {MIDNIGHT_S}) / {DAY_S} AS day, scale, import_used, export_used,
           import_used IS NOT NULL AS used, 0 AS imports, 0 AS complete
    FROM half_hours WHERE meter = :meter AND at > :start AND at <= :end
    UNION ALL
    SELECT meter, (at + {MIDNIGHT_S}) / {DAY_S}, scale, NULL, NULL, 0, import_raw IS NOT NULL,
           import_raw IS NOT NULL AND export_raw IS NOT NULL
    FROM half_hours WHERE meter = :meter AND at >= :start AND at < :end
) GROUP BY day, scale
"""
"""A half hour belongs to the day in which it begins, a register to the day in which it stands."""


def roll_up(conn: sqlite3.Connection, touched: Iterable[tuple[int, int]]) -> None:
    """Sum up anew the days of the half hours that end at these (meter, at)."""
    for meter, day in {
        (meter, (at + shift) // DAY_S) for meter, at in touched for shift in (MIDNIGHT_S - 1, MIDNIGHT_S)
    }:
        conn.execute("DELETE FROM ledger_days WHERE meter = ? AND day = ?", (meter, day))
        start = day * DAY_S - MIDNIGHT_S
        conn.execute(f"INSERT INTO ledger_days {SUMS}", {"meter": meter, "start": start, "end": start + DAY_S})


def days_of(period: Period) -> tuple[int, int] | None:
    """The first day of `period` and the one after its last; None where it is not made of such days."""
    first, rest = divmod(to_micros(period.start) // SECOND_US + MIDNIGHT_S, DAY_S)
    after, more = divmod(to_micros(period.end) // SECOND_US + MIDNIGHT_S, DAY_S)
    return None if rest or more or period.start.microsecond or period.end.microsecond else (first, after)
