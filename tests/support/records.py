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


def half_hour(number: int = 0) -> Record:
    """The `number`-th half-hour record of the same meter, which ends that many half hours after 03:00."""
    end = FIRST.replace(microsecond=0) + timedelta(minutes=30 * number)
    fields: dict[str, FieldValue] = {
        "kind": "half-hour",
        "meter_id": METER,
        "start": (end - timedelta(minutes=30)).isoformat(),
        "end": end.isoformat(),
        "import_kwh": Decimal("0.2"),
        "export_kwh": None,
        "import_register_kwh": Decimal("6513.7"),
        "export_register_kwh": None,
        "source": "notification",
    }
    return Record(key=f"{METER}/{end.isoformat()}/half-hour", kind="half-hour", meter=METER, fields=fields)


FIRST_AS_JSON = (
    b'{"timestamp": "2025-04-01T03:00:00.123456+00:00", "cumulative_power_kwh": 6513.9, "instant_power_w": 412,'
    b' "current_a": 4.0, "current_r_a": 2.0, "current_t_a": 2.0, "historical_timestamp": "2025-04-01T03:00:00+00:00",'
    b' "historical_cumulative_power_kwh": 6513.7, "recent_30min_timestamp": "2025-04-01T03:00:00+00:00",'
    b' "recent_30min_consumption_kwh": 0.2}'
)
"""`record(0)` as it stands in docs/record.md, written by hand."""

CSV_HEADER = (
    b"timestamp,cumulative_power_kwh,instant_power_w,current_a,current_r_a,current_t_a,historical_timestamp,"
    b"historical_cumulative_power_kwh,recent_30min_timestamp,recent_30min_consumption_kwh\r\n"
)
FIRST_AS_CSV = (
    b"2025-04-01T03:00:00.123456+00:00,6513.9,412,4.0,2.0,2.0,2025-04-01T03:00:00+00:00,6513.7,"
    b"2025-04-01T03:00:00+00:00,0.2\r\n"
)

HALF_HOUR_AS_JSON = (
    b'{"kind": "half-hour", "meter_id": "000016-A1B2C3", "start": "2025-04-01T02:30:00+00:00",'
    b' "end": "2025-04-01T03:00:00+00:00", "import_kwh": 0.2, "export_kwh": null, "import_register_kwh": 6513.7,'
    b' "export_register_kwh": null, "source": "notification"}'
)
"""`half_hour(0)`, written by hand."""

HALF_HOUR_CSV_HEADER = (
    b"kind,meter_id,start,end,import_kwh,export_kwh,import_register_kwh,export_register_kwh,source\r\n"
)
HALF_HOUR_AS_CSV = (
    b"half-hour,000016-A1B2C3,2025-04-01T02:30:00+00:00,2025-04-01T03:00:00+00:00,0.2,,6513.7,,notification\r\n"
)
