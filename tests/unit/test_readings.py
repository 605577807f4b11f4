"""The published record and the name of a meter in it."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

from hems_data_collector.readings import (
    HALF_HOUR_KEYS,
    METER_KEY,
    HalfHourEnergy,
    HalfHourSource,
    as_named,
    published_half_hour,
)
from support import records

ENERGY = HalfHourEnergy(
    meter=records.METER,
    end=datetime(2025, 4, 1, 3, 0, tzinfo=UTC),
    import_kwh=Decimal("0.2"),
    export_kwh=None,
    import_register_kwh=Decimal("6513.7"),
    export_register_kwh=None,
    source=HalfHourSource.NOTIFICATION,
)


def test_a_half_hour_has_exactly_its_keys() -> None:
    assert published_half_hour(ENERGY) == records.half_hour()


def test_the_name_of_a_meter_stands_at_the_end_of_a_half_hour() -> None:
    record = published_half_hour(ENERGY, meter_name="annex")
    assert tuple(record.fields) == (*HALF_HOUR_KEYS, METER_KEY)
    assert record.fields[METER_KEY] == "annex"
    assert record.key == records.half_hour().key


def test_a_record_that_was_made_without_names_goes_by_the_identity_of_its_meter() -> None:
    record = as_named(records.record(), named=True)
    assert list(record.fields.items()) == [*records.record().fields.items(), (METER_KEY, records.METER)]
    assert record.key == records.record().key


def test_a_record_that_was_made_with_names_goes_without_where_there_are_none() -> None:
    assert as_named(records.record(meter="annex"), named=False) == records.record()


def test_a_record_of_the_right_form_is_left_as_it_is() -> None:
    named, nameless = records.record(meter="annex"), records.record()
    assert as_named(named, named=True) is named
    assert as_named(nameless, named=False) is nameless
