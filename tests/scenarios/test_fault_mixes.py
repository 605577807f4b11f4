"""Faults in random mixes: when they end, fresh readings come within a bound, nothing was untrue, no half hour is lost.

HEMS_TEST_SEED plays one mix again; HEMS_TEST_MIXES says how many are drawn.
"""

from __future__ import annotations

import logging
import os
import secrets
from pathlib import Path

import pytest

from hems_data_collector.emulator import FAULTS
from support.mixes import NOT_OF_THE_LINK, POOL, draw, play

ONE = os.environ.get("HEMS_TEST_SEED")
FIRST = int(ONE) if ONE else secrets.randbits(31)
MIXES = 1 if ONE else int(os.environ.get("HEMS_TEST_MIXES", "60"))

IN_PIECES = ("asking in smaller groups", "The meter refuses property")
"""After these lines a reading comes from more than one answer, and what one of them lacks is absent."""


@pytest.mark.parametrize("number", range(MIXES))
def test_readings_come_back_after_a_random_mix(number: int, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    mix = draw(FIRST + number)
    print(f"{mix}\nto play it again: HEMS_TEST_SEED={mix.seed} pytest -s tests/scenarios/test_fault_mixes.py")
    with caplog.at_level(logging.INFO):
        outcome = play(mix, tmp_path)
    print(f"back after {outcome.back_s} s, bound {mix.bound:.0f} s; half hours whole after {outcome.whole_s} s")
    assert outcome.collected.code == 0
    assert outcome.back_s is not None, f"no fresh reading within {mix.bound:.0f} s"
    assert outcome.missing == {}
    outcome.told.check(outcome.collected, whole=not any(line in caplog.text for line in IN_PIECES))


def test_every_fault_of_the_link_may_be_drawn() -> None:
    drawn = {fault.partition(":")[0] for row in POOL for fault in row.faults}
    assert drawn | NOT_OF_THE_LINK == set(FAULTS)
    assert not drawn & NOT_OF_THE_LINK
    assert draw(1) == draw(1) != draw(2)
