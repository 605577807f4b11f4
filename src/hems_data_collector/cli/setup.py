"""The verb `setup`: writes the settings file by questions, then tries everything with it.

What is known already (flags, environment, `.env`, the file that there is) is the default of each question.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Mapping
from dataclasses import dataclass
from gettext import gettext as _
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Final

from hems_data_collector import language
from hems_data_collector.cli.arguments import Parser, given
from hems_data_collector.cli.messages import PROGRAM, hide, say, show_error
from hems_data_collector.cli.questions import NONE, TRIES, BrokenOff, Person, Questions, Scope, terminal
from hems_data_collector.cli.run import add_run_flags
from hems_data_collector.errors import EXIT_OK, ConfigError
from hems_data_collector.language import N_
from hems_data_collector.outputs import OUTPUTS
from hems_data_collector.settings_file import ROWS, Values, merged, must_be_writable, of_environment, put, read, texts
from hems_data_collector.settings_sources import METERS, SYSTEM_CONFIG, home_of, own_config, read_dotenv
from hems_data_collector.settings_table import CREDENTIAL_SETTINGS, settings_table

if TYPE_CHECKING:
    from hems_data_collector.config import Settings

HELP = N_("write the settings by answering questions, and try them")

HEAD: Final = """\
# Settings of hems-data-collector, written by: hems-data-collector setup
# Every key stands in docs/configuration.md. Id and password are secrets: keep this file to yourself (chmod 600).
"""
PATIENCE: Final = 20
"""So many bad answers to one question end it: somebody sleeps on the keyboard."""
SERVICE_FOLDER: Final = Path("/var/lib/hems-data-collector")
"""Where the service may write (docs/service.md)."""
PATHS: Final = ("file", "gcp_credentials", "database")
"""Settings that name a file, which is to be the same one wherever the program is started."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Present:
    """The settings file as it was found."""

    path: Path
    text: str
    values: Values
    several_meters: bool


def add_arguments(parser: Parser) -> None:
    """`--yes`, `--no-test`, and the flags of the collector."""
    parser.usage = _("{program} setup [--yes] [--no-test] [flags of the collector]").format(program=PROGRAM)
    parser.description = _(
        "Asks where the stick is, for B-route id and password, where readings go and when to read; writes the\n"
        "settings file, for you alone to read, and tries everything with it as the verb doctor does. What a flag says\n"
        "is not asked; what the environment, .env or the present file says is the default. Run it again to change\n"
        "something: a copy of the file from before is kept. Ctrl-C ends it with nothing written."
    )
    parser.add_argument("--yes", action="store_true", help=_("ask nothing: flags, environment and defaults answer"))
    parser.add_argument("--no-test", action="store_true", help=_("write the file without trying it"))
    add_run_flags(parser)
    parser.epilog = _(
        "examples:\n"
        "  {program} setup\n"
        "  {program} setup --config house.toml                          another file than the usual one\n"
        "  {program} setup --yes --port emulator: -o file -f csv        no questions, no hardware\n\n"
        "Flags cannot give id and password: everybody on the machine can read a command line. With --yes they come\n"
        "from B_ROUTE_ID and B_ROUTE_PASSWORD, or from files that B_ROUTE_ID_FILE and B_ROUTE_PASSWORD_FILE name.\n\n"
        "exit codes: 0 written and tried, 2 usage, 3 bad settings or broken off, with nothing written; else that of\n"
        "the first failure of the trial, with the file written: 3 an output, 4 port or modem, 5 no meter found, 6 the\n"
        "meter refused id or password, 7 database"
    ).format(program=PROGRAM)


def run(arguments: argparse.Namespace) -> int:
    """Ask, write, try; returns the exit code, or raises the HemsError that carries it."""
    from hems_data_collector.settings_shown import language_of

    if not arguments.yes and not terminal():
        raise ConfigError(
            _("There is nobody to ask: this is no terminal."),
            remedy=_("Run it in a terminal, or with --yes and flags: {program} setup --help").format(program=PROGRAM),
        )
    flags = {
        name: (found,) if isinstance(found, str) else tuple(found)
        for name, found in given(arguments, settings_table()).items()
        if name != "config"
    }
    if flags.get("output") == (NONE,):
        flags["output"] = ()
    person = Person(there=not arguments.yes, tries=PATIENCE)
    path = _path(getattr(arguments, "config", None))
    must_be_writable(path)
    language.use(language_of({"config": str(path)}, os.environ, Path.cwd()))
    present = _present(path)
    if person.there:
        print(_("The settings go into {path}.").format(path=present.path))
        print(_("Enter takes what stands in [ ]; Ctrl-C ends this with nothing written.") + "\n")
    try:
        values = _settled(present, flags, person)
        _write(present, values, person)
    except KeyboardInterrupt:
        print("\n" + _("Broken off: nothing was written."))
        raise
    _warn_of_stronger(present, values)
    if arguments.no_test or not (arguments.yes or person.agrees(_("Try everything now? It takes a minute or two"))):
        _say_next(present.path, values)
        return EXIT_OK
    code = _tried(present.path)
    if code == EXIT_OK:
        _say_next(present.path, values)
    return code


# --- what is there already --------------------------------------------------------------------------------------------


def _path(named: str | None) -> Path:
    """The file to write; raises ConfigError for that of the service, which has an installer of its own."""
    named = named or os.environ.get("HEMS_CONFIG", "").strip() or read_dotenv(Path.cwd() / ".env").get("HEMS_CONFIG")
    path = Path.cwd() / Path(named).expanduser() if named else own_config(os.environ)
    if path == SYSTEM_CONFIG or (not named and not path.exists() and SYSTEM_CONFIG.exists()):
        raise ConfigError(
            _("The program is installed as a service, which has its settings in {path}.").format(path=SYSTEM_CONFIG),
            setting="config",
            cause=_("Its id and password stand in files of their own, and it has to be told of a change."),
            remedy=_("Change them with: sudo ./service-manager.sh update --ask. For other settings: --config FILE."),
        )
    return path


def _present(path: Path) -> Present:
    """What is there now; raises ConfigError for a file that cannot be read."""
    if not os.path.lexists(path):
        return Present(path=path, text="", values={}, several_meters=False)
    text, tree = read(path)
    values = {key: texts(value) for key, value in tree.items() if key in ROWS}
    return Present(path=path, text=text, values=values, several_meters=METERS in tree)


def variables() -> Values:
    """What the environment, and below it `.env`, says of settings; raises ConfigError."""
    return of_environment({**read_dotenv(Path.cwd() / ".env"), **os.environ})


# --- asking -----------------------------------------------------------------------------------------------------------


def _settled(present: Present, flags: Values, person: Person) -> Values:
    """Good values for the file; raises ConfigError. What only all of them together show is asked for once more."""
    known = present.values | variables() | flags
    scope = Scope(folder=home_of(os.environ), baudrate=False, when=True, extras_later=False)
    for left in reversed(range(TRIES)):
        questions = Questions(known, person, scope, given=flags, several_meters=present.several_meters)
        values = _of_use(questions.settle(), present, flags)
        try:
            _check(merged(present.text or HEAD, values))
        except ConfigError as error:
            if not left or not person.there:
                raise
            show_error(error)
            print("\n" + _("Once more, with your answers as defaults.") + "\n")
            known = questions.values
        else:
            return values
    raise AssertionError


def _of_use(values: Values, present: Present, flags: Values) -> Values:
    """Without what the environment says of outputs that are not chosen; files by their whole paths."""
    chosen = {row.name for name in values.get("output", ()) for row in OUTPUTS[name].settings}
    unused = {row.name for output in OUTPUTS.values() for row in output.settings} - chosen
    kept = {name: found for name, found in values.items() if name not in unused or name in {*present.values, *flags}}
    for name in PATHS:
        if name in kept and kept[name] != present.values.get(name):
            kept[name] = tuple(str(Path.cwd() / Path(text).expanduser()) for text in kept[name])
    return kept


def _check(text: str) -> None:
    """Have the program read `text` as its only settings; raises ConfigError."""
    import tempfile

    from hems_data_collector.app import build_output
    from hems_data_collector.clock import SystemClock

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "config.toml"
        put(path, text)
        try:
            settings = _loaded(path, Path(folder))
        except ConfigError as error:
            what = error.what.replace(f"{path}, ", "").replace(str(path), "config.toml")
            raise ConfigError(what, setting=error.setting, cause=error.cause, remedy=error.remedy) from error
    hide(settings.secrets)
    for name in settings.outputs:
        build_output(settings, name, SystemClock())


def _loaded(path: Path, cwd: Path) -> Settings:
    """The settings of a file alone, without environment and `.env`; raises ConfigError."""
    from hems_data_collector.config import load_settings

    ours = {row.environment for row in settings_table()} | {f"{row.environment}_FILE" for row in CREDENTIAL_SETTINGS}
    environ = {name: text for name, text in os.environ.items() if name not in ours and name != "CREDENTIALS_DIRECTORY"}
    return load_settings({"config": str(path)}, environ, cwd)


# --- writing ----------------------------------------------------------------------------------------------------------


def _write(present: Present, values: Values, person: Person) -> None:
    """Write the file, with a copy of the one before; raises ConfigError."""
    text = merged(present.text or HEAD, values)
    path = present.path
    if text == present.text:
        print(_("Unchanged: {path}").format(path=path))
        return
    if present.text:
        print(_("This changes in {path}:").format(path=path))
        for line in changes(present.values, values):
            print(f"  {line}")
        if person.there and not person.agrees(_("Write it? A copy of the file from before is kept")):
            raise BrokenOff(_("Nothing was written."), remedy=_("Begin again whenever you like."))
        copy = _copy_path(path)
        put(copy, present.text)
        print(_("The file from before: {path}").format(path=copy))
    put(path, text)
    print(_("Written: {path}").format(path=path))


def changes(before: Mapping[str, tuple[str, ...]], after: Mapping[str, tuple[str, ...]]) -> list[str]:
    """What becomes of each setting, one line each, without secrets."""

    def shown(name: str, found: tuple[str, ...] | None) -> str:
        from hems_data_collector.settings_shown import masked

        return _("nothing") if not found else ", ".join(masked(ROWS[name], found))

    names = [name for name in ROWS if before.get(name) != after.get(name)]
    return [f"{name}: {shown(name, before.get(name))} -> {shown(name, after.get(name))}" for name in names]


def _copy_path(path: Path) -> Path:
    """A name beside `path` that is not taken: each change keeps its own copy."""
    number = 1
    while os.path.lexists(copy := path.with_name(f"{path.name}.old{number}")):
        number += 1
    return copy


def _warn_of_stronger(present: Present, values: Values) -> None:
    """Say which variables win over what was just written."""
    for name, found in variables().items():
        if name in values and values[name] != found:
            say(
                _("Note: {variable} in the environment or in .env wins over {name} in {path}. Remove it there.").format(
                    variable=ROWS[name].environment, name=name, path=present.path
                )
            )


# --- trying -----------------------------------------------------------------------------------------------------------


def _tried(path: Path) -> int:
    """Have `doctor` go through all of it; its exit code."""
    from hems_data_collector.cli import doctor

    parser = Parser(f"{PROGRAM} doctor")
    doctor.add_arguments(parser)
    print()
    return int(doctor.run(parser.parse(["--config", str(path)])))


def _say_next(path: Path, values: Values) -> None:
    """How to go on: the collector as it is now, or as a service, which sees no home folder."""
    flags = "" if path == own_config(os.environ) else f" --config {quote(str(path))}"
    written = Path(values["file"][0]) if "file" in values.get("output", ()) else None
    of_service = f"./service-manager.sh install --config {quote(str(path))}"
    if written is not None and written.is_relative_to(home_of(os.environ)):
        of_service += f" --file {quote(str(SERVICE_FOLDER / written.name))}"
    print()
    print(_("Start it:              {command}").format(command=f"{PROGRAM}{flags}"))
    print(_("As a service, always:  {command}").format(command=of_service))
