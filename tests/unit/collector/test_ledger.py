"""Consumption only between adjacent registers, roll-over aware, and nothing overwritten (echonet-lite-meter §10)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from hems_data_collector.collector.ledger import KEPT, Ledger
from hems_data_collector.readings import HalfHour, HalfHourSource

MIDNIGHT = datetime(2026, 1, 15, 15, 0, tzinfo=UTC)  # 00:00 by the meter's clock


def slot(minutes: int, raw: int | None, *, exponent: int = -1, coefficient: int = 1, meter: str = "m") -> HalfHour:
    return HalfHour(
        meter=meter,
        at=MIDNIGHT + timedelta(minutes=minutes),
        import_raw=raw,
        export_raw=None,
        coefficient=coefficient,
        exponent=exponent,
        source=HalfHourSource.POLL,
    )


@pytest.mark.parametrize(
    ("first", "second", "kwh"),
    [
        (slot(0, 1000), slot(30, 1003), Decimal("0.3")),
        (slot(-30, 1000), slot(0, 1003), Decimal("0.3")),
        (slot(0, 999_998), slot(30, 3), Decimal("0.5")),
        (slot(0, 10, coefficient=3), slot(30, 12, coefficient=3), Decimal("0.6")),
        (slot(0, 7), slot(30, 7), Decimal("0.0")),
    ],
    ids=["plain", "across midnight", "roll-over", "coefficient", "nothing drawn"],
)
def test_consumption_of_a_half_hour(first: HalfHour, second: HalfHour, kwh: Decimal) -> None:
    recent = Ledger(digits=6, half_hours=[first, second]).recent(second.at)
    assert recent is not None
    assert (recent.end, recent.import_kwh) == (second.at, kwh)


@pytest.mark.parametrize(
    "pair",
    [
        (slot(0, 1000), slot(60, 1003)),
        (slot(0, 1000), slot(30, 500)),
        (slot(0, 1000), slot(30, 1001, exponent=-2)),
        (slot(0, 1000), slot(30, 1001, meter="other")),
        (slot(0, None), slot(30, 1001)),
    ],
    ids=["not adjacent", "impossible", "other unit", "other meter", "no data"],
)
def test_no_consumption_where_it_is_not_certain(pair: tuple[HalfHour, HalfHour]) -> None:
    assert Ledger(digits=6, half_hours=pair).recent(pair[1].at) is None


def test_the_half_hour_before_serves_while_the_newest_is_not_complete() -> None:
    ledger = Ledger(digits=6, half_hours=[slot(0, 1000), slot(30, 1003)])
    recent = ledger.recent(MIDNIGHT + timedelta(minutes=60))
    assert recent is not None
    assert recent.end == MIDNIGHT + timedelta(minutes=30)
    assert ledger.recent(MIDNIGHT + timedelta(minutes=90)) is None
    assert ledger.recent(None) is None


def test_a_second_value_for_a_slot_is_reported_and_not_taken() -> None:
    ledger = Ledger(digits=6, half_hours=[slot(0, 1000), slot(30, 1003)])
    assert ledger.record(slot(30, 1003)) is None
    assert ledger.record(slot(30, 1004)) == slot(30, 1003)
    recent = ledger.recent(MIDNIGHT + timedelta(minutes=30))
    assert recent is not None
    assert recent.import_kwh == Decimal("0.3")


def test_memory_is_bounded_and_the_newest_stay() -> None:
    ledger = Ledger(digits=6, half_hours=[slot(30 * i, i) for i in range(KEPT + 50)])
    assert len(ledger.tail(10_000)) == KEPT
    assert ledger.newest == MIDNIGHT + timedelta(minutes=30 * (KEPT + 49))
