"""Readings, half hours and profiles for tests of the store, as a meter gives them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from hems_data_collector.clock import SystemClock
from hems_data_collector.meter.profile import MeterProfile
from hems_data_collector.readings import Consumption, HalfHour, HalfHourSource, MeterIdentity, Minute, Reading
from hems_data_collector.store.database import Database

PROFILE = MeterProfile(
    identity=MeterIdentity(maker="000016", serial="A00B123456", mac="001D129012345678"),
    get_map=frozenset({0xE0, 0xE1, 0xE2, 0xE7, 0xE8, 0xEA}),
    exponent=-1,
    digits=6,
    t_seen=True,
)
"""Import only, tenths of a kWh, six digits."""
EXPORTING = MeterProfile(
    identity=MeterIdentity(maker="000016", serial="A00B123456", mac="001D129012345678"),
    get_map=frozenset({0xE0, 0xE1, 0xE2, 0xE3, 0xE4, 0xE7, 0xE8, 0xEA, 0xEB, 0xEC}),
    set_map=frozenset({0xE5, 0xED}),
    exponent=-1,
    digits=6,
    t_seen=True,
)
METER = PROFILE.identity.key
SLOT = datetime(2025, 4, 1, 3, 0, tzinfo=UTC)
FIRST = datetime(2025, 4, 1, 3, 0, 0, 123456, tzinfo=UTC)
HALF = timedelta(minutes=30)
RECENT = Consumption(end=SLOT, import_kwh=Decimal("0.2"))


def reading(number: int = 0, **changes: Any) -> Reading:
    """The `number`-th reading of the meter, one minute apart, 65139 counts and one more each minute."""
    values: dict[str, Any] = {
        "meter": METER,
        "received_at": FIRST + timedelta(minutes=number),
        "power_w": 412 + number,
        "current_r_a": Decimal("2.0"),
        "current_t_a": Decimal("1.5"),
        "two_wire": False,
        "energy_import_kwh": Decimal(f"{65139 + number}E-1"),
        "energy_export_kwh": None,
        "fixed_at": SLOT,
        "fixed_import_kwh": Decimal("6513.7"),
        "fixed_export_kwh": None,
        "energy_import_raw": 65139 + number,
        "energy_export_raw": None,
        "lqi": 225,
    }
    return Reading(**(values | changes))


def slot(
    number: int = 0,
    import_raw: int | None = -1,
    export_raw: int | None = None,
    source: HalfHourSource = HalfHourSource.NOTIFICATION,
    **changes: Any,
) -> HalfHour:
    """The register `number` half hours after `SLOT`: 65137 counts and two more each half hour, unless told."""
    values: dict[str, Any] = {
        "meter": METER,
        "at": SLOT + number * HALF,
        "import_raw": 65137 + 2 * number if import_raw == -1 else import_raw,
        "export_raw": export_raw,
        "coefficient": 1,
        "exponent": -1,
        "source": source,
    }
    return HalfHour(**(values | changes))


def minute(number: int = 0, import_raw: int | None = -1, export_raw: int | None = None, **changes: Any) -> Minute:
    """The register `number` minutes after `SLOT`: 65137 counts and one more each minute, unless told."""
    values: dict[str, Any] = {
        "meter": METER,
        "at": SLOT + number * timedelta(minutes=1),
        "import_raw": 65137 + number if import_raw == -1 else import_raw,
        "export_raw": export_raw,
        "coefficient": 1,
        "exponent": -1,
    }
    return Minute(**(values | changes))


@contextmanager
def opened(path: Path, **options: Any) -> Iterator[Database]:
    """A database that is closed again; without durability unless told, for speed."""
    database = Database.open(path, **({"clock": SystemClock(), "synchronous": "OFF"} | options))
    try:
        yield database
    finally:
        database.close()
