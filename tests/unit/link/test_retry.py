"""The waits between tries: each kind of failure a hundred times."""

from __future__ import annotations

from itertools import pairwise
from random import Random

import pytest

from hems_data_collector import errors
from hems_data_collector.link.retry import CEILING_S, JITTER, WAITS, Retries, waits_for

FIRST_S = {
    errors.PortNotFound: 1,
    errors.PortLost: 0.5,
    errors.PortBusy: 5,
    errors.PortDenied: 5,
    errors.CommandTimeout: 1,
    errors.ModemUnsupported: 60,
    errors.MeterNotFound: 60,
    errors.JoinRefused: 60,
    errors.SessionLost: 0.5,
    errors.NoAnswer: 5,
}


@pytest.mark.parametrize("kind", FIRST_S)
def test_a_hundred_failures_wait_longer_and_longer_up_to_the_ceiling(kind: type[errors.HemsError]) -> None:
    error = kind("x")
    for seed in range(20):
        retries = Retries(Random(seed))
        waits = [retries.wait_s(error) for _ in range(100)]
        ceiling = waits_for(error).ceiling_s
        assert waits[0] == pytest.approx(FIRST_S[kind], rel=JITTER)
        assert all(wait <= ceiling * (1 + JITTER) <= CEILING_S * (1 + JITTER) for wait in waits)
        assert all(later >= earlier * (1 - JITTER) / (1 + JITTER) for earlier, later in pairwise(waits))
        assert min(waits[20:]) >= ceiling * (1 - JITTER)
        assert len(set(waits)) == len(waits), "no jitter"


def test_each_kind_of_failure_is_counted_by_itself() -> None:
    retries = Retries(Random(1))
    for _ in range(10):
        retries.wait_s(errors.PortNotFound("x"))
    assert retries.wait_s(errors.SessionLost("x")) <= 0.5 * (1 + JITTER)


def test_success_makes_the_next_failure_a_first_one() -> None:
    retries = Retries(Random(1))
    for _ in range(10):
        retries.wait_s(errors.SessionLost("x"))
    retries.settled()
    assert retries.wait_s(errors.SessionLost("x")) <= 0.5 * (1 + JITTER)


def test_every_error_of_the_way_to_the_meter_has_a_row() -> None:
    for error in (errors.CommandRefused("x", code=4), errors.SendRestricted("x"), errors.PropertyRefused("x", epc=1)):
        assert waits_for(error).first_s > 0
    assert all(waits.first_s <= waits.ceiling_s <= CEILING_S for waits in WAITS.values())
