"""The questions of the installation. The program's own table of settings says what is a good answer."""

from __future__ import annotations

import getpass
import glob
import os
import sys
from collections.abc import Callable, Iterable, Sequence
from importlib.metadata import metadata
from typing import Final

from service_files import ROWS, STATE, Values

from hems_data_collector.cli.messages import show_error
from hems_data_collector.credentials import UNSET_ID, checked_credentials
from hems_data_collector.errors import ConfigError
from hems_data_collector.outputs import OUTPUTS
from hems_data_collector.outputs.base import Setting
from hems_data_collector.settings_table import CREDENTIAL_SETTINGS

EMULATOR: Final = "emulator:"
NONE: Final = "none"
TRIES: Final = 3


class Person:
    """Somebody at a terminal, or nobody."""

    def __init__(self, *, there: bool) -> None:
        self.there = there

    def asked(
        self, question: str, default: str | None, check: Callable[[str], tuple[str, ...]], *, hidden: bool = False
    ) -> tuple[str, ...]:
        """A good answer; raises ConfigError after three bad ones."""
        for left in reversed(range(TRIES)):
            try:
                return check(self._typed(question, default, hidden=hidden))
            except ConfigError as error:
                if not left:
                    raise
                show_error(error)
        raise AssertionError

    def _typed(self, question: str, default: str | None, *, hidden: bool) -> str:
        """What was typed, or the default; a hidden answer is not shown, and its default is an empty text."""
        try:
            if hidden:
                return getpass.getpass(f"{question} (not shown): ").strip()
            return input(f"{question} [{default or NONE}]: ").strip() or default or ""
        except EOFError:
            raise ConfigError("The questions were broken off.", remedy="Begin again, or use --yes and flags.") from None


class Questions:
    """Settles every value: what was given by flag is taken, the rest asked for where a person is there."""

    def __init__(
        self, known: Values, person: Person, *, given: Iterable[str] = (), several_meters: bool = False
    ) -> None:
        self.values = dict(known)
        self._person = person
        self._given = frozenset(given)
        self._several_meters = several_meters
        """Port and credentials stand in `[[meters]]`, which only an editor changes."""

    def settle(self) -> Values:
        """All values, each of them a good one; raises ConfigError."""
        if not self._several_meters:
            self._port()
            if self.values["port"][0].startswith("/"):
                self._one("baudrate", "Baud rate")
            for row, words in zip(CREDENTIAL_SETTINGS, ("B-route id, 32 characters", "B-route password"), strict=True):
                self._credential(row, words)
        self._outputs()
        self._one("local_timezone", "Time zone of the meter")
        for name, found in self.values.items():
            checked(ROWS[name], found)
        return self.values

    def _asks(self, name: str) -> bool:
        return self._person.there and name not in self._given

    def _port(self) -> None:
        found = plugged_in()
        if self._asks("port"):
            self._show_ports(found)
            default = self.values.get("port", tuple(found[:1]) or (ROWS["port"].default or "",))[0]
            self.values["port"] = self._person.asked(
                "Port", default, lambda text: checked(ROWS["port"], (_path(text, found),))
            )
        elif "port" not in self.values:
            if len(found) != 1:
                raise ConfigError(
                    "The port is not known.",
                    setting="port",
                    cause=f"Plugged in are {', '.join(found)}." if found else "No serial device is plugged in.",
                    remedy="Give it: --port /dev/serial/by-id/... or, to try without a stick, --port emulator:",
                )
            self.values["port"] = (found[0],)

    def _show_ports(self, found: Sequence[str]) -> None:
        print("Serial devices:" if found else "No serial device is plugged in.")
        for number, path in enumerate(found, start=1):
            print(f"  {number}  {path}" + (f"  -> {os.path.realpath(path)}" if os.path.islink(path) else ""))
        print(
            "Type a number, a path, an address such as socket://192.168.0.10:3333, or emulator: to try without a stick."
        )

    def _one(self, name: str, question: str) -> None:
        row = ROWS[name]
        if self._asks(name):
            known = self.values.get(name)
            found = self._person.asked(
                question,
                known[0] if known else row.default,
                lambda text: checked(row, () if text in ("", NONE) else row.split(text)),
            )
            if found and (known or found != (row.default,)):
                self.values[name] = found
            elif not found:
                self.values.pop(name, None)

    def _credential(self, row: Setting, words: str) -> None:
        name, known = row.name, self.values.get(row.name)
        if self.values["port"][0].startswith(EMULATOR):
            if known is not None:
                self.values[name] = (credential(name, known[0]),)
        elif self._person.there:
            kept = "; empty keeps the one there is" if known else ""
            self.values[name] = self._person.asked(
                words + kept, None, lambda text: known if known and not text else (credential(name, text),), hidden=True
            )
        elif known is None:
            raise ConfigError(
                f"{row.environment} is not known.",
                setting=name,
                cause="A real meter lets nobody in without the B-route id and password.",
                remedy=f"Set {row.environment}, or {row.environment}_FILE to a file that holds it.",
            )
        else:
            self.values[name] = (credential(name, known[0]),)

    def _outputs(self) -> None:
        row = ROWS["output"]
        if self._asks("output"):
            print("Outputs:")
            for name, output in OUTPUTS.items():
                print(f"  {name:<10}{output.help}")
            print("One or several, with spaces between; with none each reading is a line in the journal.")
            default = " ".join(self.values.get("output", ())) or NONE
            self.values["output"] = self._person.asked(
                "Outputs",
                default,
                lambda text: checked(row, () if text == NONE else tuple(dict.fromkeys(text.split()))),
            )
        chosen = checked(row, self.values.get("output", ()))
        if "file" in chosen:
            self.values.setdefault("file", (str(STATE / (ROWS["file"].default or "")),))
        if {"stdout", "file"} & set(chosen):
            self._one("format", "Format: json, yaml or csv")
        for name in chosen:
            for each in OUTPUTS[name].settings:
                if each.secret and self._asks(each.name):
                    self._secret(each)
                else:
                    self._one(each.name, f"{each.help[:1].upper()}{each.help[1:]}")

    def _secret(self, row: Setting) -> None:
        known = self.values.get(row.name, ())
        kept = "; empty keeps the one there is" if known else "; empty: none"
        found = self._person.asked(
            row.help + kept, None, lambda text: checked(row, row.split(text)) if text else known, hidden=True
        )
        if found:
            self.values[row.name] = found


def plugged_in() -> list[str]:
    """Serial devices by the name that stays the same, those without one by their path."""
    named = sorted(glob.glob("/dev/serial/by-id/*"))
    behind = {os.path.realpath(path) for path in named}
    paths = [path for kind in ("USB", "ACM", "AMA") for path in sorted(glob.glob(f"/dev/tty{kind}*"))]
    return [*named, *(path for path in paths if path not in behind)]


def checked(row: Setting, values: Sequence[str]) -> tuple[str, ...]:
    """`values`, each of them a good one; raises ConfigError."""
    for text in values:
        label = row.flag or row.environment
        try:
            row.value(text)
        except ConfigError as error:
            if row.name == "port" and text.partition(":")[0] in extras_offered():
                continue  # what is missing is installed after the questions
            raise ConfigError(
                f"{label}: {error.what}", setting=row.name, cause=error.cause, remedy=error.remedy
            ) from error
        except ValueError as error:
            raise ConfigError(f"{label}: {str(error).rstrip('.')}.", setting=row.name, cause=row.help) from error
    return tuple(values)


def credential(name: str, text: str) -> str:
    """Id or password, good in form; raises ConfigError, which never shows it."""
    if text == UNSET_ID:
        raise ConfigError(
            f"{name.upper()} is 32 zeros, which mean that it is not configured.",
            setting=name,
            remedy="Copy it from the letter of your power company.",
        )
    pair = (text, "x") if name == "b_route_id" else ("x" * 32, text)
    good = checked_credentials(*pair)
    return (good.route_b_id if name == "b_route_id" else good.password).reveal()


def extras_offered() -> frozenset[str]:
    """The extras of the program; each has the name of the output or the port scheme that needs it."""
    return frozenset(metadata("hems-data-collector").get_all("Provides-Extra") or ())


def terminal() -> bool:
    """Whether somebody can be asked."""
    return sys.stdin is not None and sys.stdin.isatty()


def _path(text: str, found: Sequence[str]) -> str:
    """What was typed, or what stands behind its number."""
    number = int(text) if text.isdecimal() and len(text) < 4 else 0
    return found[number - 1] if 1 <= number <= len(found) else text
