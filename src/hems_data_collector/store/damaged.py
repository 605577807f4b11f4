"""What a damaged database still tells: its pages' records, sorted by the table that they can only be of.

A record is believed when every value of it is possible; SQLite keeps no checksums, so more cannot be known. The shapes
follow the newest schema; a migration that changes a table here has to be followed here (a test compares them).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from hems_data_collector.store.pages import PageFile, Row, Value

Check = Callable[[Value], bool]
Values = tuple[Any, ...]

YEAR_2100_S: Final = 4_102_444_800
METERS_SINCE_S: Final = 1_262_304_000  # 2010-01-01; there were no smart meters before
SEQ_MAX: Final = 1 << 62
COUNT_MAX: Final = 99_999_999  # greatest register (echonet-lite-meter §5.3)
NUMBER_MAX: Final = 1 << 31
SUM_MAX: Final = 1 << 53


def _int(low: int, high: int, *, missing: bool = False) -> Check:
    return lambda value: low <= value <= high if isinstance(value, int) else missing and value is None


def _type(kind: type, *, missing: bool = False) -> Check:
    return lambda value: isinstance(value, kind) or (missing and value is None)


_OWN_NUMBER: Final = _type(type(None))  # an INTEGER PRIMARY KEY stands outside the record
_METER, _SCALE, _SEQ = _int(1, NUMBER_MAX), _int(1, NUMBER_MAX), _int(-SEQ_MAX, SEQ_MAX)
_MICROS, _MICROS_OR_NOT = _int(0, YEAR_2100_S * 1_000_000), _int(0, YEAR_2100_S * 1_000_000, missing=True)
_SLOT, _RAW, _RAW_OR_NOT = _int(METERS_SINCE_S, YEAR_2100_S), _int(0, COUNT_MAX), _int(0, COUNT_MAX, missing=True)
_RAW_OR_MINUS = _int(-1, COUNT_MAX)
_SECONDS_OR_NOT = _int(0, YEAR_2100_S, missing=True)
_WATTS_OR_NOT, _TENTHS_OR_NOT = _int(-NUMBER_MAX, NUMBER_MAX, missing=True), _int(-0x8000, 0x7FFF, missing=True)
_COUNT, _FLAG, _SOURCE, _KINDS = _int(0, SUM_MAX), _int(0, 1), _int(0, 3), _int(1, 3)
_TEXT, _TEXT_OR_NOT = _type(str), _type(str, missing=True)

SHAPES: Final = MappingProxyType(
    {
        "meters": (True, (_OWN_NUMBER, _TEXT, *(_TEXT_OR_NOT,) * 5, _FLAG, _MICROS, _MICROS)),
        "scales": (True, (_OWN_NUMBER, _int(-4, 4), _int(1, 999_999), _int(1, 8))),
        "ports": (True, (_TEXT, _type(bytes))),
        "log": (True, (_SEQ,)),
        "readings": (
            True,
            (
                *(_OWN_NUMBER, _METER, _MICROS, _WATTS_OR_NOT, _TENTHS_OR_NOT, _TENTHS_OR_NOT),
                *(_RAW_OR_NOT, _RAW_OR_NOT, _SECONDS_OR_NOT, _RAW_OR_NOT, _RAW_OR_NOT, _SCALE),
                *(_SECONDS_OR_NOT, _RAW_OR_NOT, _int(0, 255, missing=True), _int(0, 7)),
            ),
        ),
        "hours": (
            False,
            (
                *(_METER, _int(0, YEAR_2100_S // 3600), _SEQ, _SEQ, _MICROS, _COUNT, _COUNT),
                *(_int(-SUM_MAX, SUM_MAX), _WATTS_OR_NOT, _WATTS_OR_NOT),
            ),
        ),
        "half_hours": (
            False,
            (
                *(_METER, _SLOT, _RAW_OR_NOT, _RAW_OR_NOT, _SCALE, _SOURCE, _RAW_OR_NOT, _RAW_OR_NOT),
                _int(-SEQ_MAX, SEQ_MAX, missing=True),
            ),
        ),
        "conflicts": (False, (_METER, _SLOT, _SOURCE, _RAW_OR_MINUS, _RAW_OR_MINUS, _SCALE, _MICROS)),
        "absent": (False, (_METER, _SLOT, _FLAG, _MICROS)),
        "minutes": (False, (_METER, _SLOT, _RAW_OR_NOT, _RAW_OR_NOT, _SCALE)),
        "outputs": (
            False,
            (
                *(_TEXT, _SEQ, _type(bytes, missing=True), _TEXT, _MICROS, _TEXT, _COUNT),
                *(_MICROS_OR_NOT, _MICROS_OR_NOT, _KINDS),
            ),
        ),
        "replays": (True, (_OWN_NUMBER, _TEXT, _SEQ, _SEQ, _MICROS_OR_NOT, _MICROS_OR_NOT, _KINDS)),
        "dead_letters": (False, (_TEXT, _SEQ, _TEXT, _TEXT, _MICROS, _COUNT)),
    }
)
"""By table: whether its rows have a number of their own, and what each column may be."""
_OLDER: Final = (("outputs", (False, SHAPES["outputs"][1][:-1])),)
"""What rows of earlier versions look like, which stay as they are until they are written again."""
_ALL: Final = (*SHAPES.items(), *_OLDER)


def _holds(check: Check, value: Value) -> bool:
    return check(value)


_BY_SIZE: Final = MappingProxyType(
    {
        (numbered, size): tuple(
            (table, checks) for table, (own, checks) in _ALL if (own, len(checks)) == (numbered, size)
        )
        for numbered in (True, False)
        for size in {len(checks) for _, (_own, checks) in _ALL}
    }
)
_COUNTED: Final = frozenset(((True, len(SHAPES["readings"][1])), (False, len(SHAPES["half_hours"][1]))))
"""Sizes that no index has: what is of such a size and no row is damage."""
_LARGE: Final = frozenset(("readings", "half_hours", "minutes"))


@dataclass(slots=True)
class DamagedFile:
    """The small tables of a damaged file in memory, and a way through the large ones."""

    path: Path
    tables: dict[str, list[Row]] = field(default_factory=dict)
    first_seq: int | None = None
    last_seq: int | None = None
    """The least and the greatest number of a reading or half-hour record in it."""
    unreadable: int = 0
    """What stood in a readable page and was no sound row."""

    @classmethod
    def read(cls, path: Path) -> DamagedFile:
        """Look through the whole file once; raises OSError."""
        found = cls(path, {table: [] for table in SHAPES if table not in _LARGE})
        for table, row in found._sorted():
            if table in _LARGE:
                seq = row.rowid if table == "readings" else row.values[-1] if table == "half_hours" else None
                if isinstance(seq, int):
                    found.first_seq = seq if found.first_seq is None else min(found.first_seq, seq)
                    found.last_seq = seq if found.last_seq is None else max(found.last_seq, seq)
            elif table:
                found.tables[table].append(row)
            else:
                found.unreadable += 1
        return found

    def large(self, *tables: str) -> Iterator[tuple[str, Row]]:
        """The rows of large tables, in the order of the file; streams."""
        return ((table, row) for table, row in self._sorted() if table in tables)

    def _sorted(self) -> Iterator[tuple[str, Row]]:
        """Every record with its table; without one where it should have been a row."""
        for row in PageFile(self.path).rows():
            size = (row.rowid is not None, len(row.values))
            for table, checks in _BY_SIZE.get(size, ()):
                if all(map(_holds, checks, row.values)):
                    yield table, row
                    break
            else:
                if size in _COUNTED:
                    yield "", row
