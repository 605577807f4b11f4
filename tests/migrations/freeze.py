"""Writes the database of this version into `tests/migrations`, once, before the next version changes the schema.

python -m tests.migrations.freeze
"""

from __future__ import annotations

import gzip
import sqlite3
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path

from hems_data_collector.link.base import Pan
from hems_data_collector.readings import HalfHourSource
from hems_data_collector.store import half_hours, migrations, outbox, readings
from hems_data_collector.store.half_hours import Direction
from hems_data_collector.store.ports import Remembered, remember

FOLDER = Path(__file__).parent
NOW = datetime(2025, 4, 2, tzinfo=UTC)
PAN = Pan(channel=0x21, pan_id=0x8888, address="FE80:0000:0000:0000:021D:1290:1234:5678", lqi=0xE1)
READINGS, SLOTS = 70, 12


def fill(conn: sqlite3.Connection) -> None:
    """Something in every table."""
    from support.ledgers import EXPORTING, METER, RECENT, SLOT, reading, slot

    outbox.register(conn, ["file", "webhook"], now=NOW)
    for number in range(READINGS):
        readings.append(conn, reading(number), RECENT if number % 2 else None, EXPORTING)
    half_hours.record(conn, [slot(number, export_raw=number) for number in range(SLOTS)], EXPORTING, now=NOW)
    half_hours.record(conn, [slot(1, 9, source=HalfHourSource.HISTORY_2)], EXPORTING, now=NOW)
    half_hours.mark_absent(conn, METER, [slot(-1).at], Direction.IMPORT, now=NOW)
    remember(conn, {"/dev/ttyUSB0": Remembered(pan=PAN, terminated_at=SLOT, profile=EXPORTING)})
    outbox.acknowledge(conn, "file", 60, checkpoint=b"position", count=60, now=NOW)
    outbox.rewind(conn, "file", reading(10).received_at, reading(20).received_at)
    outbox.dead_letter(conn, "webhook", 1, key="a key", reason="HTTP 422", tries=3, now=NOW)
    conn.execute("INSERT INTO minutes VALUES (1, 1743476460, 1, NULL, 1)")


def main() -> None:
    """Make the file of the newest version."""
    sys.path.insert(0, str(FOLDER.parent))
    from support.ledgers import opened

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "hems.db"
        with opened(path) as database:
            database.run_sync(fill)
        target = FOLDER / f"{max(migrations.steps()):04}.db.gz"
        target.write_bytes(gzip.compress(path.read_bytes(), mtime=0))
    print(f"{target}: {target.stat().st_size} bytes")


if __name__ == "__main__":
    main()
