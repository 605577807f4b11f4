"""Writes the tables of the documents that the code already holds: settings, outputs, modules, properties, faults.

A table stands between `<!-- table: NAME -->` and `<!-- end -->`. `make docs` writes all of them; the tests compare.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Final

from hems_data_collector.echonet import NODE_PROFILE_PROPERTIES, SMART_METER, Access, PropertySpec
from hems_data_collector.emulator.faults import FAULTS
from hems_data_collector.emulator.settings import KEYS
from hems_data_collector.outputs import FORMATS, OUTPUTS
from hems_data_collector.outputs.base import Setting
from hems_data_collector.settings_table import settings_table
from hems_data_collector.skstack.dialects import MODULES

ROOT: Final = Path(__file__).parent.parent
_BLOCK: Final = re.compile(r"(<!-- table: ([a-z-]+) -->\n).*?(<!-- end -->)", re.DOTALL)


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table in Markdown, with a line end."""
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |\n" for line in lines)


def code(text: str | None) -> str:
    """`text` as code, or a dash where there is none."""
    return f"`{text}`" if text else "–"


def settings() -> str:
    """Every setting with its four names."""
    head = ("flag", "environment", "TOML key", "default", "what it is")
    rows = [(flags(row), code(row.environment), toml_key(row), default(row), row.help) for row in settings_table()]
    return table(head, rows)


def options() -> str:
    """The settings as the README shows them."""
    head = ("flag", "environment", "default", "what it is")
    return table(head, [(flags(row), code(row.environment), default(row), row.help) for row in settings_table()])


def flags(row: Setting) -> str:
    """The long flag and the short one."""
    short = getattr(row, "short", None)
    return ", ".join(code(flag) for flag in (row.flag, short) if flag) or "–"


def toml_key(row: Setting) -> str:
    """The key in the TOML file; `config` names that file and has none."""
    return "–" if row.name == "config" else code(row.name)


def default(row: Setting) -> str:
    """The default, or a dash; 32 zeros in words."""
    return "32 zeros" if row.default == "0" * 32 else code(row.default)


def outputs() -> str:
    """The words of `--output`."""
    return table(("output", "where records go"), [(code(name), output.help) for name, output in OUTPUTS.items()])


def formats() -> str:
    """The words of `--format`."""
    return table(("format", "what is written"), [(code(name), form.help) for name, form in FORMATS.items()])


def modules() -> str:
    """The Wi-SUN modules that the program knows by name."""
    head = ("module", "product", "maker", "dialect", "payload as delivered")
    rows = [
        (
            code(name),
            module.title,
            module.maker,
            module.dialect.name,
            "hex" if module.hex_payload_default else "binary",
        )
        for name, module in MODULES.items()
    ]
    return table(head, rows)


def emulator_keys() -> str:
    """The keys of `emulator:?key=value`."""
    return table(("key", "value", "what it is"), [(code(name), key.metavar, key.help) for name, key in KEYS.items()])


def emulator_faults() -> str:
    """The faults of `fault=`."""
    return table(("fault", "what happens"), [(code(kind.usage), kind.help) for kind in FAULTS.values()])


def _properties(rows: Mapping[int, PropertySpec]) -> str:
    head = ("EPC", "name", "名称", "access", "unit", "since")
    words = {Access.GET: "Get", Access.SET: "Set", Access.ANNO: "Anno"}
    return table(
        head,
        [
            (
                f"`{epc:02X}`",
                row.name,
                row.name_ja,
                " ".join(word for access, word in words.items() if access in row.access),
                row.unit or "–",
                row.release,
            )
            for epc, row in rows.items()
        ],
    )


TABLES: Final[Mapping[str, Callable[[], str]]] = {
    "settings": settings,
    "options": options,
    "outputs": outputs,
    "formats": formats,
    "modules": modules,
    "emulator-keys": emulator_keys,
    "emulator-faults": emulator_faults,
    "meter-properties": lambda: _properties(SMART_METER),
    "node-properties": lambda: _properties(NODE_PROFILE_PROPERTIES),
}


def documents() -> list[Path]:
    """Every document of the repository."""
    return sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])


def written(text: str) -> str:
    """`text` with the content of every table block as it should be; raises KeyError for an unknown table."""
    return _BLOCK.sub(lambda block: f"{block[1]}{TABLES[block[2]]()}{block[3]}", text)


def used() -> set[str]:
    """The names of the tables that some document shows."""
    return {block[2] for path in documents() for block in _BLOCK.finditer(path.read_text(encoding="utf-8"))}


def main() -> int:
    """Write every table anew, and name the documents that changed."""
    for path in documents():
        before = path.read_text(encoding="utf-8")
        after = written(before)
        if after != before:
            path.write_text(after, encoding="utf-8")
            print(path.relative_to(ROOT))
    return 0


if __name__ == "__main__":
    sys.exit(main())
