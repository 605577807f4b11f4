"""Makes the catalogs below src/hems_data_collector/locale from the texts in the source.

    python -m tools.catalogs          takes new texts over, drops those that are gone, compiles
    python -m tools.catalogs missing  prints what has no translation yet

The texts are what stands in `_` and `N_`, in the tables whose makers `KEYWORDS` names, and the templates of log lines
from INFO on, which are looked up where lines are formatted (cli/logging_setup.py). Bash has its texts in single quotes
behind `say` and `text`, and reads them from a table beside the unit. What is committed is the catalog as people edit it
(.po), as gettext reads it (.mo), and that table.
"""

from __future__ import annotations

import ast
import io
import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

from hems_data_collector.language import CATALOGS, DOMAIN, ENGLISH, LANGUAGES

ROOT: Final = Path(__file__).parent.parent
KEYWORDS: Final[Mapping[str, tuple[int, ...]]] = {
    "_": (0,),
    "N_": (0,),
    "ngettext": (0, 1),
    "_kind": (1,),  # emulator/faults.py
    "_key": (3,),  # emulator/settings.py
}
"""Functions that take texts, with the places of these among the arguments."""
TOOLS: Final = ("argparse_texts.py", "demo.py")
LOGGERS: Final = frozenset({"log", "logger"})
LOG_LEVELS: Final = frozenset({"info", "warning", "error", "critical", "exception"})
SHELL: Final = ROOT / "service-manager.sh"
SHELL_TEXTS: Final = re.compile(r"\b(?:say|text) '([^']+)'|\bdid ([a-z]+) |\bword=([a-z]+)$", re.MULTILINE)
"""The words of `did` are in the first column of what the script prints."""
LINE_LENGTH: Final = 100
TRANSLATED: Final = tuple(language for language in LANGUAGES if language != ENGLISH)


def sources() -> list[Path]:
    """Every file with texts for people."""
    package = sorted((ROOT / "src" / "hems_data_collector").rglob("*.py"))
    return [*package, *sorted((ROOT / "packaging").glob("*.py")), *(ROOT / "tools" / name for name in TOOLS)]


def texts_of(tree: ast.AST) -> Iterator[str | tuple[str, ...]]:
    """The texts of one Python file; those with a plural form as a pair.

    From the syntax tree, not by Babel, which finds those inside an f-string or not, as the version of Python has it.
    """
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in KEYWORDS:
            arguments = [node.args[place] for place in KEYWORDS[node.func.id] if place < len(node.args)]
            found = [each.value for each in arguments if isinstance(each, ast.Constant) and isinstance(each.value, str)]
            if found:
                yield found[0] if len(found) == 1 else tuple(found)
    yield from (template for _, template in log_templates(tree) if template is not None)


def shell_texts() -> list[str]:
    """The texts of service-manager.sh, each once."""
    found = SHELL_TEXTS.findall(SHELL.read_text(encoding="utf-8"))
    return sorted({next(filter(None, texts)) for texts in found})


def log_templates(tree: ast.AST) -> Iterator[tuple[int, str | None]]:
    """Line and template of each call that logs at INFO or above: None where it is no constant, empty for `%s` alone."""
    for node in ast.walk(tree):
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)):
            continue
        if not (isinstance(node.func.value, ast.Name) and node.func.value.id in LOGGERS):
            continue
        if node.func.attr in LOG_LEVELS:
            template = node.args[0]
        elif node.func.attr == "log":
            template = node.args[1]
        else:
            continue
        if isinstance(template, ast.Constant) and isinstance(template.value, str):
            yield node.lineno, template.value if _says_something(template.value) else ""
        else:
            yield node.lineno, None


def _says_something(template: str) -> bool:
    """Whether there is more in it than what is put in."""
    return bool(re.sub(r"%[^a-zA-Z]*[a-zA-Z]", "", template).strip(" :"))


def template() -> Catalog:
    """Every text of the source, without translations."""
    found = Catalog(domain=DOMAIN, project=DOMAIN)
    for path in sources():
        place = (str(path.relative_to(ROOT)), 0)
        for text in texts_of(ast.parse(path.read_bytes())):
            if text:
                found.add(text, locations=[place])
    for text in shell_texts():
        found.add(text, locations=[(SHELL.name, 0)])
    return found


def file_of(language: str, ending: str) -> Path:
    """The catalog of a language, as people edit it (po) or as gettext reads it (mo)."""
    return CATALOGS / language / "LC_MESSAGES" / f"{DOMAIN}.{ending}"


def read(language: str) -> Catalog:
    """The catalog of a language as it is; an empty one where there is none."""
    path = file_of(language, "po")
    if not path.exists():
        return Catalog(locale=language, domain=DOMAIN, project=DOMAIN, fuzzy=False)
    with path.open("rb") as file:
        return read_po(file, locale=language, domain=DOMAIN)


def updated(catalog: Catalog) -> Catalog:
    """`catalog` with the texts of the source: new ones without a translation, and none that is gone."""
    catalog.update(template(), no_fuzzy_matching=True, update_header_comment=False, update_creation_date=False)
    catalog.obsolete.clear()
    return catalog


def files(language: str, catalog: Catalog) -> Mapping[Path, bytes]:
    """Every file that is made of a catalog, the same for the same texts."""
    po, mo = io.BytesIO(), io.BytesIO()
    write_po(po, catalog, width=LINE_LENGTH, sort_output=True, include_lineno=False)
    write_mo(mo, catalog)
    table = "".join(
        f"{_shell(text)}\t{_shell(str(catalog[text].string))}\n" for text in shell_texts() if catalog[text].string
    )
    return {
        file_of(language, "po"): po.getvalue(),
        file_of(language, "mo"): mo.getvalue(),
        ROOT / "packaging" / f"texts.{language}": table.encode("utf-8"),
    }


def _shell(text: str) -> str:
    """`text` in one line, as `printf %b` reads it."""
    return text.replace("\\", "\\\\").replace("\n", "\\n")


def missing(catalog: Catalog) -> list[str]:
    """The texts without a translation, or with one that nobody has looked at since the text changed."""
    return [str(message.id) for message in catalog if message.id and (not message.string or message.fuzzy)]


def main(words: list[str]) -> int:
    """Bring every catalog up to date, or print what it lacks."""
    for language in TRANSLATED:
        catalog = updated(read(language))
        if words != ["missing"]:
            for path, data in files(language, catalog).items():
                path.parent.mkdir(parents=True, exist_ok=True)
                if not path.exists() or path.read_bytes() != data:
                    path.write_bytes(data)
                    print(path.relative_to(ROOT))
        lacking = missing(catalog)
        for text in lacking:
            print(f"{language}: {text!r}")
        if lacking:
            print(f"{language}: {len(lacking)} of {len(catalog)} texts have no translation.")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
