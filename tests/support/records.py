"""Published records as literals, for tests of formats, outputs and delivery."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

from hems_data_collector.readings import FieldValue, Record

METER = "000016-A1B2C3"
FIRST = datetime(2025, 4, 1, 3, 0, 0, 123456, tzinfo=UTC)


def record(number: int = 0, **changes: FieldValue) -> Record:
    """The `number`-th record of one meter, five minutes apart; `changes` replace or add fields."""
    stamp = (FIRST + timedelta(minutes=5 * number)).isoformat(timespec="microseconds")
    fields: dict[str, FieldValue] = {
        "timestamp": stamp,
        "cumulative_power_kwh": Decimal("6513.9"),
        "instant_power_w": 412 + number,
        "current_a": Decimal("4.0"),
        "current_r_a": Decimal("2.0"),
        "current_t_a": Decimal("2.0"),
        "historical_timestamp": "2025-04-01T03:00:00+00:00",
        "historical_cumulative_power_kwh": Decimal("6513.7"),
        "recent_30min_timestamp": "2025-04-01T03:00:00+00:00",
        "recent_30min_consumption_kwh": Decimal("0.2"),
    }
    return Record(key=f"{METER}/{stamp}", kind="reading", meter=METER, fields=fields | changes)


def records(count: int) -> tuple[Record, ...]:
    """The first `count` of them."""
    return tuple(record(number) for number in range(count))


FIRST_AS_JSON = (
    b'{"timestamp": "2025-04-01T03:00:00.123456+00:00", "cumulative_power_kwh": 6513.9, "instant_power_w": 412,'
    b' "current_a": 4.0, "current_r_a": 2.0, "current_t_a": 2.0, "historical_timestamp": "2025-04-01T03:00:00+00:00",'
    b' "historical_cumulative_power_kwh": 6513.7, "recent_30min_timestamp": "2025-04-01T03:00:00+00:00",'
    b' "recent_30min_consumption_kwh": 0.2}'
)
"""`record(0)` as it stands in DESIGN §6.1, written by hand."""

CSV_HEADER = (
    b"timestamp,cumulative_power_kwh,instant_power_w,current_a,current_r_a,current_t_a,historical_timestamp,"
    b"historical_cumulative_power_kwh,recent_30min_timestamp,recent_30min_consumption_kwh\r\n"
)
FIRST_AS_CSV = (
    b"2025-04-01T03:00:00.123456+00:00,6513.9,412,4.0,2.0,2.0,2025-04-01T03:00:00+00:00,6513.7,"
    b"2025-04-01T03:00:00+00:00,0.2\r\n"
)
