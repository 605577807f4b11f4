"""The ledger heals itself: 99 days of every kind of meter, register by register, whatever comes between."""

from __future__ import annotations

from pathlib import Path

import pytest

from support.backfilling import house
from support.virtual_time import virtual

DAYS = 99
PER_DAY = 48
TODAY = 21
"""Half hours of 2026-01-15 from 00:00 to 10:00."""
ALL = DAYS * PER_DAY + TODAY
FULL_S = 1000.0
"""Long enough for everything: a day takes six seconds."""


@pytest.mark.parametrize(
    ("query", "hidden"),
    [
        ("", ()),
        ("history2=0", ()),
        ("export=0", ()),
        ("export=0&history2=0&d3=none", ()),
        ("", (0x98,)),
        ("", (0x98, 0x97)),
        ("", (0x97,)),
        ("release=R&unit=03&digits=8", ()),
        ("digits=5", ()),
    ],
    ids=["solar", "no history 2", "no export", "bare", "no 98", "no clock", "no 97", "release R", "roll-over"],
)
@virtual
async def test_99_days_are_read_whole(query: str, hidden: tuple[int, ...], tmp_path: Path) -> None:
    with house(tmp_path, query, hidden=frozenset(hidden)) as home:
        await home.reader.introduce()
        await home.know_present()
        before = len(home.wire.requests)
        await home.run(FULL_S)
        assert home.stored() == home.truth()
        assert len(home.stored()) == ALL
        assert home.backfill.progress() == (ALL, ALL)
        assert (len(home.wire.requests) - before) / (DAYS + 1) <= 2.2
        assert not home.absences()
