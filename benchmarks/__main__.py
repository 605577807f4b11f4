"""Run every benchmark, print the table, and write it into docs/performance.md."""

from __future__ import annotations

import os
import platform
from pathlib import Path

from benchmarks import codec, collector, drain, many, store
from benchmarks.measure import table

PAGE = Path(__file__).resolve().parent.parent / "docs" / "performance.md"
TEXT = """# Performance

Measured by `make bench` on {day} ({machine}, {cores} cores, Python {python}).
Every row is a ratio within one run; where time on the radio matters, against the built-in emulator with a round trip of
{round_trip} s and a join of {join} s. A ratio carries over to other machines, a time does not.

{table}

- The first three rows have targets: a warm start that adds at most a tenth to what the radio takes, a reading that does
  the same, and one round trip for a whole record.
- momonga is an independent Python client; it asks for the same six properties once a second from the same emulator in
  another process. Decoding checks more here than there: ranges, special values and every length.
- The import of the program is compared with that of the standard library's modules that it uses.
- The store holds ten years of one-minute readings of a meter with export, and every half hour. Its size and queries
  are compared with what we allow: a day is summed up by hours, a year by days, ten years by months, and of power,
  energy and completeness the slowest counts. A durable append is one reading in one transaction on the disk.
- A thousand emulated sticks stand in two processes of their own; one collector, with its store and a file as output,
  reads each over TCP every {interval} s, and meanwhile asks each for its past once in {past} s. In time is what came in
  its own {interval} s; the seconds behind it are those within which 99 of 100 came, of which the round trip is
  {far_round_trip} s.
- A drain is a backlog that goes out through the whole of the delivery, beside the bare client in the same run.
"""


def main() -> None:
    """Measure, print, write."""
    parts = (collector, codec, store, many, drain)
    rows = table([row for part in parts for row in part.measurements()])
    print(rows)
    PAGE.write_text(
        TEXT.format(
            day=collector.measured_at(),
            machine=platform.machine(),
            cores=os.cpu_count(),
            python=platform.python_version(),
            round_trip=collector.ROUND_TRIP_S,
            join=collector.JOIN_S,
            interval=many.INTERVAL_S,
            past=many.PAST_S,
            far_round_trip=many.ROUND_TRIP_S,
            table=rows,
        ),
        encoding="utf-8",
    )


if __name__ == "__main__":
    main()
