"""The settings of the service, for service-manager.sh, which runs this with the Python of the installed program.

    service_settings.py ask --into STAGE [--existing CONFIG] [--config FILE] [--yes] [--changes-only] [FLAGS]
    service_settings.py check | extras | paths | schema STAGE

`ask` writes into the folder STAGE what belongs below /etc/hems-data-collector. FLAGS are those of the program. A value
comes from its flag, the environment, `.env` of the current folder, the FILE, the CONFIG that exists, in this order;
with --changes-only neither environment nor `.env` count, secrets excepted, and nothing is asked. `check` has the
program check STAGE, `extras` names the extras that it needs, `paths` the folders elsewhere that the service writes to,
`schema` the database, its schema version, and the one that this program would make of it.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import sqlite3
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

from service_files import DATABASE, LOADED, STATE, kept_secrets, write

from hems_data_collector import language
from hems_data_collector.cli.arguments import Parser, add_settings, given
from hems_data_collector.cli.messages import show_error
from hems_data_collector.cli.questions import NONE, Person, Questions, Scope, extras_offered, terminal
from hems_data_collector.config import load_settings
from hems_data_collector.errors import EXIT_OK, HemsError
from hems_data_collector.settings_file import ROWS, SECRETS, Values, of_environment, read, texts
from hems_data_collector.settings_sources import read_dotenv
from hems_data_collector.settings_table import CORE_SETTINGS, CREDENTIAL_SETTINGS, output_settings
from hems_data_collector.store.migrations import steps

SCOPE: Final = Scope(folder=STATE, baudrate=True, when=False, extras_later=True)


def ask(options: argparse.Namespace, flags: Values) -> None:
    """Settle everything and write it; raises ConfigError."""
    text = ""
    tree: dict[str, Any] = {}
    known: Values = {}
    for path in (options.existing, options.config):
        if path is not None:
            text, tree = read(path)
            known |= {key: texts(value) for key, value in tree.items() if key in ROWS}
            known |= kept_secrets(path.parent / "credentials")
    environ = dict(os.environ)
    if not options.changes_only:
        environ = {**read_dotenv(Path.cwd() / ".env"), **environ}
    variables = of_environment(environ)
    known |= {name: found for name, found in variables.items() if not options.changes_only or name in SECRETS}
    known |= flags
    if known.get("output") == (NONE,):
        known["output"] = ()
    person = Person(there=terminal() and not options.yes and not options.changes_only)
    values = Questions(known, person, SCOPE, given=flags, several_meters="meters" in tree).settle()
    write(options.into, text, values, options.existing)


def check(stage: Path) -> None:
    """Have the program check what was written, as the service will see it; raises ConfigError."""
    text, _tree = read(stage / "config.toml")
    folder = stage / "credentials"
    environ = {"CREDENTIALS_DIRECTORY": str(folder), "HOME": "/", "STATE_DIRECTORY": str(STATE)}
    for row in ROWS.values():
        if row.secret and row not in CREDENTIAL_SETTINGS and row.environment and (folder / row.name).is_file():
            environ[row.environment] = (folder / row.name).read_text(encoding="utf-8").strip()
    with tempfile.TemporaryDirectory(dir=stage) as empty:
        seen = Path(empty) / "config.toml"
        seen.write_text(text.replace(LOADED, f"{folder}/"), encoding="utf-8")
        seen.chmod(0o600)
        settings = load_settings({"config": str(seen)}, environ, Path(empty))
    for warning in settings.warnings:
        print(warning, file=sys.stderr)


def extras(stage: Path) -> Iterator[str]:
    """The extras that the outputs and ports of `stage` need."""
    _text, tree = read(stage / "config.toml")
    ports = [tree.get("port", ""), *(meter.get("port", "") for meter in tree.get("meters", []))]
    wanted = {*texts(tree.get("output", [])), *(str(port).partition(":")[0] for port in ports)}
    yield from sorted(wanted & extras_offered())


def paths(stage: Path) -> Iterator[str]:
    """The folders outside the state directory that the service of `stage` has to write to."""
    _text, tree = read(stage / "config.toml")
    named = [tree.get("database", "")]
    if "file" in texts(tree.get("output", [])):
        named.append(tree.get("file", ""))
    folders = {(STATE / str(path)).parent for path in named if path}
    yield from sorted(str(folder) for folder in folders if not folder.is_relative_to(STATE))


def schema(stage: Path) -> Iterator[str]:
    """The database of `stage`, its schema version (0 where there is none), and the newest that is known here."""
    _text, tree = read(stage / "config.toml")
    path = STATE / str(tree.get("database", DATABASE))
    version = 0
    address = f"{path.absolute().as_uri()}?mode=ro"
    # A damaged file is the affair of the program itself.
    with contextlib.suppress(sqlite3.Error), contextlib.closing(sqlite3.connect(address, uri=True)) as conn:
        version = int(conn.execute("PRAGMA user_version").fetchone()[0])
    yield from (str(path), str(version), str(max(steps())))


LISTS = {"extras": extras, "paths": paths, "schema": schema}


def main(argv: Sequence[str]) -> int:
    """Run one verb; returns the exit code, or raises the HemsError that carries it."""
    if argv[0] == "check":
        check(Path(argv[1]))
    elif argv[0] in LISTS:
        for line in LISTS[argv[0]](Path(argv[1])):
            print(line)
    else:
        parser = Parser("service-manager.sh")
        parser.add_argument("--into", type=Path, required=True)
        for flag in ("--existing", "--config"):
            parser.add_argument(flag, type=Path)
        for flag in ("--yes", "--changes-only"):
            parser.add_argument(flag, action="store_true")
        add_settings(parser, CORE_SETTINGS)
        add_settings(parser, output_settings())
        options = parser.parse(argv[1:])
        flags = given(options, ROWS.values())
        ask(options, {name: (found,) if isinstance(found, str) else tuple(found) for name, found in flags.items()})
    return EXIT_OK


if __name__ == "__main__":
    language.bind()
    try:
        sys.exit(main(sys.argv[1:]))
    except HemsError as problem:
        show_error(problem)
        sys.exit(problem.exit_code)
    except KeyboardInterrupt:
        sys.exit(130)
