"""How a record is written: JSON Lines, a stream of YAML documents, CSV by RFC 4180.

In every format numbers are exact and never in exponent form, text is UTF-8 and kept as it is, and a missing value is
`null` (JSON, YAML) or an empty field (CSV). One encoded record ends with the line end of its format, so that a stream
is the plain concatenation of its records.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import cache, lru_cache
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from hems_data_collector.language import N_
from hems_data_collector.readings import FieldValue, Record

if TYPE_CHECKING:
    import yaml

CSV_LINE_END: Final = "\r\n"
"""RFC 4180 §2.1, on every line, the last one too."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Format:
    """One way to write records."""

    name: str
    """The word of `--format`."""
    help: str
    content_type: str
    encode: Callable[[Record], bytes]
    """One record, with its line end."""
    header: Callable[[Iterable[str]], bytes]
    """What a stream of records with these keys begins with, with its line end; empty but for CSV."""


def _exact(number: Decimal) -> str:
    """`number` to its last digit, without an exponent; raises ValueError for NaN and infinity."""
    if not number.is_finite():
        raise ValueError(f"not a number that can be published: {number}")
    text = str(number)  # what `format` makes in twice the time, but for an exponent
    return format(number, "f") if "E" in text else text


_json = json.JSONEncoder(ensure_ascii=False).encode  # json.dumps would make an encoder for each value


_JSON_TEXT: Final[Mapping[type, Callable[[Any], str]]] = {Decimal: _exact, int: str}
"""What JSON has no exact word for, or str() is quicker at; `_json` does the rest."""


@lru_cache(maxsize=64)
def _json_frame(keys: tuple[str, ...]) -> str:
    """An object with these keys and a `%s` for each value: records of one kind all look the same."""
    return "{" + ", ".join(f"{_json(key)}: ".replace("%", "%%") + "%s" for key in keys) + "}"


def json_object(record: Record) -> bytes:
    """The record as one JSON object without a line end: what webhook and Pub/Sub send."""
    fields = record.fields
    text = _json_frame(tuple(fields)) % tuple([_JSON_TEXT.get(type(value), _json)(value) for value in fields.values()])
    # A lone surrogate (a file name or argument that was no UTF-8) becomes its JSON escape instead of an error.
    return text.encode("utf-8", "backslashreplace")


def _json_line(record: Record) -> bytes:
    return json_object(record) + b"\n"


@cache
def _yaml_dumper() -> type[yaml.SafeDumper]:
    """A SafeDumper that knows Decimal; PyYAML is imported only when YAML is asked for."""
    import yaml

    class RecordDumper(yaml.SafeDumper):
        """YAML's own rules quote whatever would read back as something else, ISO timestamps among it."""

        def represent_exact(self, number: Decimal) -> yaml.ScalarNode:
            text = _exact(number)
            return self.represent_scalar(f"tag:yaml.org,2002:{'float' if '.' in text else 'int'}", text)

        def represent_text(self, text: str) -> yaml.ScalarNode:
            # Unquoted or in single quotes PyYAML folds exotic line breaks (U+0085) to spaces.
            style = None if text.isprintable() else '"'
            return self.represent_scalar("tag:yaml.org,2002:str", text, style=style)

    RecordDumper.add_representer(Decimal, RecordDumper.represent_exact)
    RecordDumper.add_representer(str, RecordDumper.represent_text)
    return RecordDumper


def _yaml_document(record: Record) -> bytes:
    import yaml

    text = yaml.dump(
        dict(record.fields),
        Dumper=_yaml_dumper(),
        sort_keys=False,
        allow_unicode=True,
        explicit_start=True,
        width=float("inf"),
    )
    return str(text).encode("utf-8", "backslashreplace")


def _csv_line(values: Iterable[str]) -> bytes:
    line = io.StringIO(newline="")
    csv.writer(line, lineterminator=CSV_LINE_END).writerow(values)
    return line.getvalue().encode("utf-8", "backslashreplace")


def _csv_value(value: FieldValue) -> str:
    if value is None:
        return ""
    return _exact(value) if isinstance(value, Decimal) else str(value)


def _csv_record(record: Record) -> bytes:
    return _csv_line(_csv_value(value) for value in record.fields.values())


def _no_header(_keys: Iterable[str]) -> bytes:
    return b""


JSON: Final = Format(
    name="json",
    help=N_("JSON Lines: one object a line"),
    content_type="application/json",
    encode=_json_line,
    header=_no_header,
)
YAML: Final = Format(
    name="yaml",
    help=N_("a stream of YAML documents"),
    content_type="application/yaml",
    encode=_yaml_document,
    header=_no_header,
)
CSV: Final = Format(
    name="csv",
    help=N_("CSV by RFC 4180 with one header line"),
    content_type="text/csv",
    encode=_csv_record,
    header=_csv_line,
)

FORMATS: Final[Mapping[str, Format]] = MappingProxyType({form.name: form for form in (JSON, YAML, CSV)})
