"""Writes the tables of the documents that the code already holds: settings, outputs, modules, properties, faults.

A table stands between `<!-- table: NAME -->` and `<!-- end -->`; `NAME-ja` is the same in Japanese, with the texts of
the catalog. `make docs` writes all of them; the tests compare.
"""

from __future__ import annotations

import gettext
import re
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Final

from tools import link_tables, recovery_tables, word_tables

from hems_data_collector import cli
from hems_data_collector.diagnosis.finding import State
from hems_data_collector.diagnosis.kinds import KINDS
from hems_data_collector.echonet import NODE_PROFILE_PROPERTIES, SMART_METER, Access, PropertySpec
from hems_data_collector.emulator.faults import FAULTS
from hems_data_collector.emulator.settings import KEYS
from hems_data_collector.language import CATALOGS, DOMAIN, ENGLISH
from hems_data_collector.link.quality import SCALE
from hems_data_collector.outputs import FORMATS, OUTPUTS
from hems_data_collector.outputs.base import Setting
from hems_data_collector.settings_table import METER_SETTINGS, settings_table
from hems_data_collector.skstack import rssi_dbm
from hems_data_collector.skstack.dialects import MODULES

ROOT: Final = Path(__file__).parent.parent
_BLOCK: Final = re.compile(r"(<!-- table: ([a-z-]+) -->\n).*?(<!-- end -->)", re.DOTALL)

HEADS_JA: Final[Mapping[str, str]] = {
    "access": "アクセス",
    "at least": "下限",
    "bars": "表示",
    "what it is": "内容",
    "cause": "原因",
    "default": "既定値",
    "dialect": "方言",
    "environment": "環境変数",
    "exit code": "終了コード",
    "fault": "障害",
    "finding": "結果",
    "flag": "フラグ",
    "format": "書式",
    "key": "キー",
    "maker": "メーカー",
    "module": "モジュール",
    "output": "出力先",
    "payload as delivered": "出荷時のペイロード",
    "product": "製品",
    "signal": "電波",
    "LQI": "LQI",
    "TOML key": "TOML のキー",
    "value": "値",
    "verb": "サブコマンド",
    "what happens": "何が起きるか",
    "what is written": "書き出されるもの",
    "what it does": "内容",
    "what it says": "メッセージ",
    "what to do": "対処",
    "where records go": "レコードの行き先",
}
"""The words above the columns; what stands below them is in the catalog of the program."""
ZEROS: Final = {"en": "32 zeros", "ja": "0 が32個"}


def words(language: str) -> Callable[[str], str]:
    """From a text of the program to the same in `language`; raises KeyError where the catalog has none."""
    if language == ENGLISH:
        return lambda text: text
    catalog = gettext.translation(DOMAIN, CATALOGS, [language])

    def translated(text: str) -> str:
        found = catalog.gettext(text)
        if found == text:
            raise KeyError(f"no text in {language} for: {text}; see CONTRIBUTING.md")
        return found

    return translated


def markdown(head: Sequence[str], rows: Iterable[Sequence[str]], language: str = ENGLISH) -> str:
    """A table in Markdown, with a line end; raises KeyError for a head without a word in `language`."""
    heads = head if language == ENGLISH else [HEADS_JA[word] for word in head]
    lines = [heads, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |\n" for line in lines)


def code(text: str | None) -> str:
    """`text` as code, or a dash where there is none."""
    return f"`{text}`" if text else "–"


def settings(language: str) -> str:
    """Every setting with its four names."""
    head = ("flag", "environment", "TOML key", "default", "what it is")
    _ = words(language)
    rows = [
        (flags(row), code(row.environment), toml_key(row), default(row, language), _(row.help))
        for row in settings_table()
    ]
    return markdown(head, rows, language)


def meter_keys(language: str) -> str:
    """What a `[[meters]]` may hold."""
    _ = words(language)
    rows = [(code(row.name), first_clause(_(row.help))) for row in METER_SETTINGS]
    return markdown(("key", "what it is"), rows, language)


def first_clause(text: str) -> str:
    """`text` without what it says of the variables and files that hold the same, of one meter only."""
    return text.partition("; also")[0].partition("。B_ROUTE")[0]


def options(language: str) -> str:
    """The settings as the README shows them."""
    _ = words(language)
    rows = [(flags(row), code(row.environment), default(row, language), _(row.help)) for row in settings_table()]
    return markdown(("flag", "environment", "default", "what it is"), rows, language)


def verbs(language: str) -> str:
    """The words that may stand first."""
    _ = words(language)
    rows = [(code(verb), _(cli.module_of(verb).HELP)) for verb in cli.VERBS]
    return markdown(("verb", "what it does"), rows, language)


def flags(row: Setting) -> str:
    """The long flag and the short one."""
    short = getattr(row, "short", None)
    return ", ".join(code(flag) for flag in (row.flag, short) if flag) or "–"


def toml_key(row: Setting) -> str:
    """The key in the TOML file; `config` names that file and has none."""
    return "–" if row.name == "config" else code(row.name)


def default(row: Setting, language: str) -> str:
    """The default, or a dash; 32 zeros in words."""
    return ZEROS[language] if row.default == "0" * 32 else code(row.default)


def outputs(language: str) -> str:
    """The words of `--output`."""
    _ = words(language)
    rows = [(code(name), _(output.help)) for name, output in OUTPUTS.items()]
    return markdown(("output", "where records go"), rows, language)


def formats(language: str) -> str:
    """The words of `--format`."""
    _ = words(language)
    return markdown(
        ("format", "what is written"), [(code(name), _(form.help)) for name, form in FORMATS.items()], language
    )


def modules(language: str) -> str:
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
    return markdown(head, rows, language)


def emulator_keys(language: str) -> str:
    """The keys of `emulator:?key=value`."""
    _ = words(language)
    rows = [(code(name), key.metavar, _(key.help)) for name, key in KEYS.items()]
    return markdown(("key", "value", "what it is"), rows, language)


def emulator_faults(language: str) -> str:
    """The faults of `fault=`."""
    _ = words(language)
    rows = [(code(kind.usage), _(kind.help)) for kind in FAULTS.values()]
    return markdown(("fault", "what happens"), rows, language)


def _properties(rows: Mapping[int, PropertySpec]) -> str:
    head = ("EPC", "name", "名称", "access", "unit", "since")
    named = {Access.GET: "Get", Access.SET: "Set", Access.ANNO: "Anno"}
    return markdown(
        head,
        [
            (
                f"`{epc:02X}`",
                row.name,
                row.name_ja,
                " ".join(word for access, word in named.items() if access in row.access),
                row.unit or "–",
                row.release,
            )
            for epc, row in rows.items()
        ],
    )


def _worded(name: str, language: str) -> str:
    table = word_tables.TABLES[name if language == ENGLISH else f"{name}-{language}"]()
    return markdown(table.head, table.rows)


def signal(language: str) -> str:
    """What the strength of the radio means, as `scan` and `doctor` say it."""
    _ = words(language)
    rows = []
    for step in SCALE:
        least = min(lqi for lqi in range(256) if rssi_dbm(lqi) >= step.least_dbm)
        limit = f"{step.least_dbm:.0f} dBm" if least else "–"
        rows.append((_(step.word), "█" * step.bars, limit, str(least)))
    return markdown(("signal", "bars", "at least", "LQI"), rows, language)


def findings(language: str) -> str:
    """What `doctor` can find wrong or doubtful; what is filled in then stands as a word in capitals."""
    _ = words(language)

    def shown(text: str) -> str:
        return re.sub(r"\{(\w+)\}", lambda word: word[1].upper(), _(text)) if text else "–"

    head = ("finding", "what it says", "cause", "what to do", "exit code")
    rows = [
        (code(kind.key), shown(kind.what), shown(kind.cause), shown(kind.remedy), str(kind.exit_code or "–"))
        for kind in KINDS.values()
        if kind.state in (State.WARNING, State.FAILED)
    ]
    return markdown(head, rows, language)


TABLES: Final[Mapping[str, Callable[[str], str]]] = {
    "settings": settings,
    "meter-keys": meter_keys,
    "options": options,
    "verbs": verbs,
    "outputs": outputs,
    "formats": formats,
    "modules": modules,
    "signal": signal,
    "findings": findings,
    "emulator-keys": emulator_keys,
    "emulator-faults": emulator_faults,
    "meter-properties": lambda _: _properties(SMART_METER),
    "node-properties": lambda _: _properties(NODE_PROFILE_PROPERTIES),
    **{name: partial(_worded, name) for name in ("record-keys", "half-hour-keys", "meter-key", "exit-codes")},
    "recoveries": lambda language: markdown(recovery_tables.HEADS[language], recovery_tables.recoveries(language)),
    "session-diagram": lambda _: link_tables.diagram(),
    "session-states": lambda _: markdown(link_tables.HEADS["states"], link_tables.states()),
    "session-transitions": lambda _: markdown(link_tables.HEADS["transitions"], link_tables.transitions()),
}
"""Each gives its table in a language; those of the wire and of the session have one form for all."""


def table(name: str, language: str) -> str:
    """The table `name` in `language` (`en`, `ja`); raises KeyError where there is none, or a text is missing."""
    return TABLES[name](language)


def documents() -> list[Path]:
    """Every document of the repository."""
    return sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])


def named(block: str) -> tuple[str, str]:
    """The table and the language that the name of a block means: `verbs` is English, `verbs-ja` Japanese."""
    base = block.removesuffix("-ja")
    return base, ENGLISH if base == block else "ja"


def written(text: str) -> str:
    """`text` with the content of every table block as it should be; raises KeyError for an unknown table."""
    return _BLOCK.sub(lambda block: f"{block[1]}{table(*named(block[2]))}{block[3]}", text)


def used() -> set[str]:
    """The names of the tables that some document shows, in whatever language."""
    return {named(block[2])[0] for path in documents() for block in _BLOCK.finditer(path.read_text(encoding="utf-8"))}


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
