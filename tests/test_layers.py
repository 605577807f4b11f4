"""The arrows between the parts: imports only go down, pure code does no I/O, and one file reads the time.

Everything is read from the syntax tree, so an import inside a function or under TYPE_CHECKING counts like any other.
The second half of this file proves, on small trees with one fault each, that every rule can fail.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import pytest

SOURCE = Path(__file__).parent.parent / "src"
PACKAGE = "hems_data_collector"

LEVELS: Mapping[str, int] = {
    "errors": 0,
    "language": 0,
    "clock": 0,
    "credentials": 0,
    "readings": 0,
    "meter_name": 0,
    "echonet": 1,
    "skstack": 1,
    "link": 2,
    "meter": 3,
    "store": 4,
    "outputs": 4,
    "collector": 5,
    "settings_values": 6,
    "settings_sources": 6,
    "settings_table": 6,
    "settings_file": 6,
    "settings_lookup": 6,
    "settings_meters": 6,
    "meter_settings": 6,
    "settings_ports": 6,
    "config": 6,
    "settings_shown": 6,
    "meters": 6,
    "watches": 6,
    "supervision": 6,
    "notify": 6,
    "live": 6,
    "counting": 6,
    "app": 6,
    "recording": 6,
    "diagnosis": 7,
    "cli": 8,
    "library": 8,
    "__init__": 9,
    "__main__": 9,
}
"""Level of each file or folder that stands directly in the package."""

EMULATOR = "emulator"
EMULATOR_MAY_IMPORT_UP_TO = 1
EMULATOR_IS_IMPORTED_FROM = 6
"""The other role of the same protocols: it sees L0 and L1, and only the wiring sees it."""

PURE = (
    "echonet",
    "skstack",
    "meter.interpret",
    "collector.schedule",
    "collector.turns",
    "collector.ledger",
    "collector.holes",
    "collector.minute_plan",
)
"""Folders and files that turn arguments into values and nothing else."""

IMPURE_IMPORTS = frozenset(
    """
    asyncio concurrent gettext glob httpx io logging multiprocessing os pathlib queue random sched secrets select
    selectors serial serialx shutil signal socket sqlite3 ssl subprocess sys tempfile threading time urllib
    """.split()  # noqa: SIM905  # thirty names read better without quotes
)
IMPURE_CALLS = frozenset(("open", "print", "input", "breakpoint", "exec", "eval"))

TIME_READER = "clock"
READS_TIME = frozenset(("now", "utcnow", "today"))


class Import(NamedTuple):
    """One imported module of this package (`target`, dotted, without the package name) and where it is imported."""

    target: str
    line: int


def modules(source: Path) -> dict[str, Path]:
    """Dotted name without the package name, to file; a folder has the name of the folder, the package is `__init__`."""
    root = source / PACKAGE
    found: dict[str, Path] = {}
    for path in sorted(root.rglob("*.py")):
        parts = path.relative_to(root).with_suffix("").parts
        if len(parts) > 1 and parts[-1] == "__init__":
            parts = parts[:-1]
        found[".".join(parts)] = path
    return found


def own_imports(name: str, tree: ast.AST, known: Mapping[str, Path]) -> Iterator[Import]:
    """What module `name` imports from this package; `from package import module` counts as that module."""
    folder = name if known[name].name == "__init__.py" else name.rpartition(".")[0]
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                if alias.name.split(".")[0] == PACKAGE:
                    yield Import(alias.name[len(PACKAGE) + 1 :] or "__init__", node.lineno)
        elif isinstance(node, ast.ImportFrom):
            base = absolute(folder if folder != "__init__" else "", node)
            if base is None:
                continue
            for alias in node.names:
                inner = f"{base}.{alias.name}".lstrip(".")
                yield Import(inner if inner in known else base or "__init__", node.lineno)


def absolute(folder: str, node: ast.ImportFrom) -> str | None:
    """The module a `from` import names, without the package name; None for other packages."""
    if node.level == 0:
        head, _, rest = (node.module or "").partition(".")
        return rest if head == PACKAGE else None
    parts = folder.split(".") if folder else []
    parts = parts[: len(parts) - (node.level - 1)]
    return ".".join([*parts, *((node.module or "").split(".") if node.module else [])])


def top(name: str) -> str:
    """The file or folder directly in the package."""
    return name.split(".")[0]


def wrong_arrow(importer: str, target: str) -> str | None:
    """Why `importer` may not import `target`, or None."""
    here, there = top(importer), top(target)
    if here == there:
        return None
    if there == EMULATOR:
        allowed = LEVELS[here] >= EMULATOR_IS_IMPORTED_FROM
        return None if allowed else "only the wiring may import the emulator"
    if here == EMULATOR:
        return None if LEVELS[there] <= EMULATOR_MAY_IMPORT_UP_TO else "the emulator may import L0 and L1 only"
    if LEVELS[there] > LEVELS[here]:
        return f"L{LEVELS[here]} may not import L{LEVELS[there]}"
    own_folder = "." not in importer and "." not in target
    if LEVELS[there] == LEVELS[here] and not (own_folder and is_file(here) and is_file(there)):
        return f"{here} and {there} stand beside each other"
    return None


def is_file(top_name: str) -> bool:
    """True for the names of LEVELS that are single files; they share the package's own folder."""
    return LEVELS[top_name] in (0, 6) or top_name in ("__init__", "__main__")


def impurities(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """What a pure file must not have: modules and calls that reach the outside."""
    for node in ast.walk(tree):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            whole = [f"{PACKAGE}.{alias.name}" for alias in node.names if node.module == PACKAGE]
            names = whole or [node.module or ""]
        for name in names:
            if name.split(".")[0] in IMPURE_IMPORTS or name == f"{PACKAGE}.{TIME_READER}":
                yield node.lineno, f"pure code imports {name}"
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in IMPURE_CALLS:
            yield node.lineno, f"pure code calls {node.func.id}()"


def time_reads(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Reading a clock or sleeping: import of `time`, datetime.now and its like, asyncio.sleep."""
    bound: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                bound[alias.asname or alias.name.split(".")[0]] = alias.name
                if alias.name == "time":
                    yield node.lineno, "imports time"
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            if node.module == "time":
                yield node.lineno, "imports time"
            for alias in node.names:
                bound[alias.asname or alias.name] = f"{node.module}.{alias.name}"
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute | ast.Name) and isinstance(node.ctx, ast.Load):
            called = dotted(node, bound)
            module, _, last = called.rpartition(".")
            if called == "asyncio.sleep" or (last in READS_TIME and module in ("datetime.datetime", "datetime.date")):
                yield node.lineno, f"uses {called}"


def dotted(node: ast.expr, bound: Mapping[str, str]) -> str:
    """The full name behind a name or a chain of attributes, aliases resolved; empty where it is something else."""
    if isinstance(node, ast.Name):
        return bound.get(node.id, "")
    if isinstance(node, ast.Attribute):
        base = dotted(node.value, bound)
        return f"{base}.{node.attr}" if base else ""
    return ""


def cycles(graph: Mapping[str, set[str]]) -> Iterator[list[str]]:
    """Each group of modules that import each other in a ring (Tarjan), sorted."""
    index: dict[str, int] = {}
    low: dict[str, int] = {}
    stack: list[str] = []

    def visit(node: str) -> Iterator[list[str]]:
        index[node] = low[node] = len(index)
        stack.append(node)
        for following in sorted(graph[node]):
            if following not in index:
                yield from visit(following)
                low[node] = min(low[node], low[following])
            elif following in stack:
                low[node] = min(low[node], index[following])
        if low[node] == index[node]:
            group = stack[stack.index(node) :]
            del stack[stack.index(node) :]
            if len(group) > 1 or node in graph[node]:
                yield sorted(group)

    for node in sorted(graph):
        if node not in index:
            yield from visit(node)


def violations(source: Path) -> list[str]:
    """Every broken rule below `source`, one line each; nothing when the tree is as it should be."""
    known = modules(source)
    graph: dict[str, set[str]] = {name: set() for name in known}
    found: list[str] = []
    for name, path in known.items():
        if top(name) not in LEVELS and top(name) != EMULATOR:
            found.append(f"{name}: stands on no level")
            continue
        tree = ast.parse(path.read_text(encoding="utf-8"), str(path))
        for target, line in own_imports(name, tree, known):
            if target not in known:
                found.append(f"{name}:{line}: imports {target}, which is not there")
                continue
            graph[name].add(target)
            if reason := wrong_arrow(name, target):
                found.append(f"{name}:{line}: imports {target}: {reason}")
        if any(name == pure or name.startswith(f"{pure}.") for pure in PURE):
            found.extend(f"{name}:{line}: {what}" for line, what in impurities(tree))
        if name != TIME_READER:
            found.extend(f"{name}:{line}: {what}; only {TIME_READER}.py may" for line, what in time_reads(tree))
    found.extend("cycle: " + " -> ".join(group) for group in cycles(graph))
    return found


def test_the_tree_keeps_every_rule() -> None:
    assert violations(SOURCE) == []


def test_every_part_of_the_map_is_where_it_should_be() -> None:
    known = modules(SOURCE)
    assert {name for name in PURE if name not in known} == set()
    assert len(known) > 20, "the rules above were checked on next to nothing"


def tree_of(folder: Path, files: Mapping[str, str]) -> Path:
    """A small source tree; every folder gets its `__init__.py`."""
    for name, text in {"__init__.py": "", **files}.items():
        path = folder / PACKAGE / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        init = path.parent / "__init__.py"
        if not init.exists():
            init.write_text("", encoding="utf-8")
    return folder


BAD = {
    "up": ({"errors.py": "import hems_data_collector.link.modem", "link/modem.py": ""}, "L0 may not import L2"),
    "below config": (
        {"outputs/file.py": "from hems_data_collector.config import Settings", "config.py": ""},
        "L4 may not import L6",
    ),
    "hidden in a function": (
        {"meter/client.py": "def f():\n    from hems_data_collector import app", "app.py": ""},
        "L3 may not import L6",
    ),
    "relative": (
        {"link/modem.py": "from ..collector import poller", "collector/poller.py": ""},
        "L2 may not import L5",
    ),
    "echonet and skstack": (
        {"echonet/frame.py": "from hems_data_collector.skstack import events", "skstack/events.py": ""},
        "echonet and skstack stand beside each other",
    ),
    "store and outputs": (
        {"store/outbox.py": "from hems_data_collector.outputs.base import Output", "outputs/base.py": ""},
        "store and outputs stand beside each other",
    ),
    "link and emulator": (
        {"link/transport.py": "from hems_data_collector import emulator", "emulator/port.py": ""},
        "only the wiring may import the emulator",
    ),
    "emulator and link": (
        {"emulator/port.py": "from hems_data_collector.link import transport", "link/transport.py": ""},
        "the emulator may import L0 and L1 only",
    ),
    "cycle inside a folder": (
        {
            "link/a.py": "from hems_data_collector.link import b",
            "link/b.py": "from hems_data_collector.link.c import C",
            "link/c.py": "import typing\nif typing.TYPE_CHECKING:\n    from hems_data_collector.link.a import A",
        },
        "cycle: link.a -> link.b -> link.c",
    ),
    "nowhere": ({"helpers.py": ""}, "helpers: stands on no level"),
    "not there": ({"app.py": "import hems_data_collector.gone"}, "imports gone, which is not there"),
    "asyncio in a codec": ({"echonet/frame.py": "import asyncio"}, "pure code imports asyncio"),
    "serial in a codec": ({"skstack/parse.py": "from serialx.common import X"}, "pure code imports serialx.common"),
    "logging in a codec": ({"skstack/dialects/x.py": "import logging.handlers"}, "pure code imports logging.handlers"),
    "environment in a pure file": ({"meter/interpret.py": "from os import environ"}, "pure code imports os"),
    "clock in a pure file": (
        {"collector/schedule.py": "from hems_data_collector.clock import Clock", "clock.py": ""},
        "pure code imports hems_data_collector.clock",
    ),
    "file in a pure file": ({"collector/ledger.py": "def f():\n    return open('x')"}, "pure code calls open()"),
    "time": ({"link/modem.py": "import time"}, "imports time"),
    "from time": ({"link/modem.py": "from time import monotonic"}, "imports time"),
    "now": ({"app.py": "from datetime import datetime\nx = datetime.now()"}, "uses datetime.datetime.now"),
    "now by alias": ({"app.py": "import datetime as dt\nx = dt.datetime.utcnow"}, "uses datetime.datetime.utcnow"),
    "today": ({"app.py": "from datetime import date as d\nx = d.today()"}, "uses datetime.date.today"),
    "sleep": ({"app.py": "import asyncio\nasync def f():\n    await asyncio.sleep(1)"}, "uses asyncio.sleep"),
    "sleep by name": ({"app.py": "from asyncio import sleep as nap\nx = nap"}, "uses asyncio.sleep"),
}


@pytest.mark.parametrize("case", BAD)
def test_each_rule_can_fail(case: str, tmp_path: Path) -> None:
    files, expected = BAD[case]
    found = violations(tree_of(tmp_path, files))
    assert len(found) == 1, found
    assert expected in found[0]


def test_what_is_allowed_is_not_reported(tmp_path: Path) -> None:
    good = {
        "errors.py": "",
        "credentials.py": "from hems_data_collector.errors import ConfigError",
        "clock.py": "import asyncio, time\nfrom datetime import datetime\nasync def f():\n    await asyncio.sleep(1)",
        "echonet/codes.py": "from datetime import date, datetime, time",
        "echonet/frame.py": "from hems_data_collector.echonet.codes import Esv\nfrom . import codes",
        "emulator/meter.py": "from hems_data_collector import clock\nfrom hems_data_collector.echonet import frame",
        "link/modem.py": "def f(clock):\n    return clock.now(), clock.sleep(1)",
        "config.py": "",
        "app.py": "from hems_data_collector import config, emulator\nfrom hems_data_collector.link.modem import f",
        "cli/run.py": "from hems_data_collector.app import App",
    }
    assert violations(tree_of(tmp_path, good)) == []
