"""Records as a Parquet file, through pyarrow (extra `[parquet]`): exact decimals, timestamps in UTC."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from itertools import islice
from typing import Any, BinaryIO, Final

from hems_data_collector.readings import Record

ROWS_PER_GROUP: Final = 20_000  # some megabytes in memory, and large enough to be read fast
ENERGY_DIGITS: Final = (28, 4)  # counts of 8 digits x a coefficient of 6 x 10^4 at most, 10^-4 at least (§5.3)
CURRENT_DIGITS: Final = (7, 1)


def write_parquet(stream: BinaryIO, columns: Sequence[str], records: Iterator[Record]) -> int:
    """Write all records to `stream`, a group of rows at a time; returns how many."""
    import pyarrow
    import pyarrow.parquet

    schema = pyarrow.schema([(name, _type(pyarrow, name)) for name in columns])
    readers = [_reader(name) for name in columns]
    count = 0
    with pyarrow.parquet.ParquetWriter(stream, schema, compression="zstd") as writer:
        while group := list(islice(records, ROWS_PER_GROUP)):
            arrays = [
                pyarrow.array([read(record.fields[name]) for record in group], type=schema.field(name).type)
                for name, read in zip(columns, readers, strict=True)
            ]
            writer.write_table(pyarrow.table(arrays, schema=schema))
            count += len(group)
    return count


def _is_time(name: str) -> bool:
    return name.endswith("timestamp") or name in ("start", "end", "at")


def _type(pyarrow: Any, name: str) -> Any:
    if _is_time(name):
        return pyarrow.timestamp("us", tz="UTC")
    if name.endswith("_kwh"):
        return pyarrow.decimal128(*ENERGY_DIGITS)
    if name.startswith("current_"):
        return pyarrow.decimal128(*CURRENT_DIGITS)
    return pyarrow.int32() if name.endswith("_w") else pyarrow.string()


def _reader(name: str) -> Callable[[Any], Any]:
    """From the value of a published field to what pyarrow takes."""
    if _is_time(name):
        return lambda value: None if value is None else datetime.fromisoformat(value)
    return lambda value: value
