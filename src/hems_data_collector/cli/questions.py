"""The questions that `setup` and the installation of the service ask. The table of settings says what a good answer is.

What was given by flag is taken, the rest is asked for where a person is there; what is known already is the default.
"""

from __future__ import annotations

import getpass
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from gettext import gettext as _
from importlib.metadata import metadata
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

from hems_data_collector.cli.messages import PROGRAM, show_error
from hems_data_collector.cli.ports import what_it_is
from hems_data_collector.collector.schedule import CronSchedule
from hems_data_collector.credentials import UNSET_ID, checked_credentials
from hems_data_collector.errors import ConfigError, sentence
from hems_data_collector.link.plugged import Plugged, likely_sticks, plugged_in
from hems_data_collector.outputs import OUTPUTS
from hems_data_collector.outputs.base import Setting
from hems_data_collector.settings_file import ROWS, Values
from hems_data_collector.settings_table import CREDENTIAL_SETTINGS, MODES
from hems_data_collector.settings_values import WITHOUT_CREDENTIALS

NONE: Final = "none"
"""What to type for no output, and for nothing where something is the default."""
TRIES: Final = 3
WHEN: Final = ("mode", "schedule", "interval")


class BrokenOff(ConfigError):
    """The person has gone: nothing more is to be asked."""


class Person:
    """Somebody at a terminal, or nobody."""

    def __init__(self, *, there: bool, tries: int = TRIES) -> None:
        self.there = there
        self._tries = tries

    def asked(
        self, question: str, default: str | None, check: Callable[[str], tuple[str, ...]], *, hidden: bool = False
    ) -> tuple[str, ...]:
        """A good answer; raises ConfigError after too many bad ones."""
        for left in reversed(range(self._tries)):
            try:
                return check(self._typed(question, default, hidden=hidden))
            except BrokenOff:
                raise
            except ConfigError as error:
                if not left:
                    raise
                show_error(error)
        raise AssertionError

    def agrees(self, question: str) -> bool:
        """Yes or no; yes where nothing is typed."""
        return self.asked(question, _("yes"), _yes_or_no) == (_("yes"),)

    def _typed(self, question: str, default: str | None, *, hidden: bool) -> str:
        """What was typed, or the default; a hidden answer is not shown, and its default is an empty text."""
        try:
            if hidden:
                return getpass.getpass(_("{question} (not shown): ").format(question=question)).strip()
            return input(f"{question} [{default or NONE}]: ").strip() or default or ""
        except EOFError:
            print()
            raise BrokenOff(
                _("The questions were broken off, and nothing was written."),
                remedy=_("Begin again, or use --yes and flags."),
            ) from None
        except UnicodeDecodeError:
            raise ConfigError(_("What was typed is not UTF-8 text."), remedy=_("Type it again.")) from None


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """What differs between those who ask."""

    folder: Path
    """Where the output `file` writes unless told otherwise."""
    baudrate: bool
    """Ask for the speed of a device even where nobody has set one: the collector finds it by itself."""
    when: bool
    """Ask when to read."""
    extras_later: bool
    """A port or an output whose extra is missing is a good answer: it is installed after the questions."""


class Questions:
    """Settles every value."""

    def __init__(
        self, known: Values, person: Person, scope: Scope, *, given: Iterable[str] = (), several_meters: bool = False
    ) -> None:
        self.values = dict(known)
        self._person = person
        self._scope = scope
        self._given = frozenset(given)
        self._several_meters = several_meters
        """Port and credentials stand in `[[meters]]`, which only an editor changes."""

    def settle(self) -> Values:
        """All values, each of them a good one; raises ConfigError."""
        if not self._several_meters:
            self._port()
            if self.values["port"][0].startswith("/") and (self._scope.baudrate or "baudrate" in self.values):
                self._one("baudrate", _("Baud rate"))
            words = (_("B-route id, 32 characters"), _("B-route password"))
            for row, question in zip(CREDENTIAL_SETTINGS, words, strict=True):
                self._credential(row, question)
        if self._scope.when and not self._several_meters:
            self._when()
        self._outputs()
        self._one("local_timezone", _("Time zone of the meter"))
        for name, found in self.values.items():
            self._checked(ROWS[name], found)
        return self.values

    def _asks(self, name: str) -> bool:
        return self._person.there and name not in self._given

    def _checked(self, row: Setting, values: Sequence[str]) -> tuple[str, ...]:
        return checked(row, values, extras_later=self._scope.extras_later)

    def _port(self) -> None:
        found = plugged_in()
        likely = [each.name for each in likely_sticks(found)]
        if self._asks("port"):
            self._show_ports(found)
            default = self.values.get("port", (*likely, ROWS["port"].default or ""))[0]
            self.values["port"] = self._person.asked(
                _("Port"), default, lambda text: self._checked(ROWS["port"], (_path(text, found),))
            )
        elif "port" not in self.values:
            if len(likely) != 1:
                raise ConfigError(
                    _("The port is not known."),
                    setting="port",
                    cause=_("Plugged in are {ports}.").format(ports=", ".join(likely))
                    if likely
                    else _("No USB serial device is plugged in."),
                    remedy=_("Give it: --port /dev/serial/by-id/... or, to try without a stick, --port emulator:"),
                )
            self.values["port"] = (likely[0],)

    def _show_ports(self, found: Sequence[Plugged]) -> None:
        print(_("Serial devices:") if found else _("No serial device is plugged in."))
        for number, each in enumerate(found, start=1):
            behind = f"  -> {each.path}" if each.by_id else ""
            print(f"  {number}  {each.name}{behind}  {what_it_is(each)}")
        print(
            _(
                "Type a number, a path, an address such as socket://192.168.0.10:3333, wifi: for a meter in the home"
                " network, or emulator: to try without a stick."
            )
        )

    def _one(self, name: str, question: str) -> None:
        row = ROWS[name]
        if self._asks(name):
            known = self.values.get(name)
            found = self._person.asked(
                question,
                known[0] if known else row.default,
                lambda text: self._checked(row, () if text in ("", NONE) else row.split(text)),
            )
            if found and (known or found != (row.default,)):
                self.values[name] = found
            elif not found:
                self.values.pop(name, None)

    def _credential(self, row: Setting, words: str) -> None:
        name, known = row.name, self.values.get(row.name)
        if self.values["port"][0].partition(":")[0] in WITHOUT_CREDENTIALS:
            if known is not None:
                self.values[name] = (credential(name, known[0]),)
        elif self._asks(name):
            question = _("{words}; empty keeps the one there is").format(words=words) if known else words
            self.values[name] = self._person.asked(
                question,
                None,
                lambda text: known if known and not text else (credential(name, text),),
                hidden=True,
            )
        elif known is None:
            raise ConfigError(
                _("{name} is not known.").format(name=row.environment),
                setting=name,
                cause=_("A real meter lets nobody in without the B-route id and password."),
                remedy=_("Set {name}, or {name}_FILE to a file that holds it.").format(name=row.environment),
            )
        else:
            self.values[name] = (credential(name, known[0]),)

    def _when(self) -> None:
        """Mode, schedule and interval by one question."""
        if not all(self._asks(name) for name in WHEN):
            return
        by_schedule, by_interval = MODES
        mode = self.values.get("mode", (by_schedule,))[0]
        known = self.values.get(mode, (ROWS[mode].default or "",))[0]
        zone = ZoneInfo(ROWS["local_timezone"].default or "")
        (text,) = self._person.asked(
            _("When to read: every so many seconds, such as 60, or a schedule, such as */5 * * * *"),
            known,
            lambda answer: self._checked(ROWS[by_interval], (answer,)) if answer.isdecimal() else _cron(answer, zone),
        )
        chosen = by_interval if text.isdecimal() else by_schedule
        if chosen != mode or "mode" in self.values:
            self.values["mode"] = (chosen,)
        if chosen in self.values or text != ROWS[chosen].default:
            self.values[chosen] = (text,)

    def _outputs(self) -> None:
        row = ROWS["output"]
        if self._asks("output"):
            print("\n" + _("Outputs:"))
            for name, output in OUTPUTS.items():
                print(f"  {name:<10}{_(output.help)}")
            print(_("One or several, with spaces between; with none each reading is a line in the log."))
            default = " ".join(self.values.get("output", ())) or NONE
            self.values["output"] = self._person.asked(
                _("Outputs"),
                default,
                lambda text: self._checked(
                    row, () if text == NONE else tuple(dict.fromkeys(text.replace(",", " ").split()))
                ),
            )
        chosen = self._checked(row, self.values.get("output", ()))
        if "file" in chosen:
            self.values.setdefault("file", (str(self._scope.folder / (ROWS["file"].default or "")),))
        if {"stdout", "file"} & set(chosen):
            self._one("format", _("Format: json, yaml or csv"))
        for name in chosen:
            for each in OUTPUTS[name].settings:
                if each.secret and self._asks(each.name):
                    self._secret(each)
                else:
                    self._one(each.name, _capitalized(_(each.help)))

    def _secret(self, row: Setting) -> None:
        known = self.values.get(row.name, ())
        words = _("{words}; empty keeps the one there is") if known else _("{words}; empty: none")
        found = self._person.asked(
            words.format(words=_capitalized(_(row.help))),
            None,
            lambda text: self._checked(row, row.split(text)) if text else known,
            hidden=True,
        )
        if found:
            self.values[row.name] = found


def checked(row: Setting, values: Sequence[str], *, extras_later: bool = False) -> tuple[str, ...]:
    """`values`, each of them a good one; raises ConfigError."""
    for text in values:
        label = row.flag or row.environment
        try:
            row.value(text)
        except ConfigError as error:
            if extras_later and row.name == "port" and text.partition(":")[0] in extras_offered():
                continue
            raise ConfigError(
                f"{label}: {error.what}", setting=row.name, cause=error.cause, remedy=error.remedy
            ) from error
        except ValueError as error:
            raise ConfigError(f"{label}: {sentence(str(error))}", setting=row.name, cause=_(row.help)) from error
    return tuple(values)


def credential(name: str, text: str) -> str:
    """Id or password, good in form; raises ConfigError, which never shows it."""
    if text == UNSET_ID:
        raise ConfigError(
            _("{name} is 32 zeros, which mean that it is not configured.").format(name=name.upper()),
            setting=name,
            remedy=_("Copy it from the letter of your power company."),
        )
    pair = (text, "x") if name == "b_route_id" else ("x" * len(UNSET_ID), text)
    good = checked_credentials(*pair)
    return (good.route_b_id if name == "b_route_id" else good.password).reveal()


def extras_offered() -> frozenset[str]:
    """The extras of the program; each has the name of the output or the port scheme that needs it."""
    return frozenset(metadata(PROGRAM).get_all("Provides-Extra") or ())


def terminal() -> bool:
    """Whether somebody can be asked."""
    return sys.stdin is not None and sys.stdin.isatty()


def _yes_or_no(text: str) -> tuple[str, ...]:
    if text.lower() in ("y", "yes", _("yes")):
        return (_("yes"),)
    if text.lower() in ("n", "no", _("no")):
        return (_("no"),)
    raise ConfigError(_('"{text}" is neither yes nor no.').format(text=text), remedy=_("Type yes or no."))


def _cron(text: str, zone: ZoneInfo) -> tuple[str, ...]:
    CronSchedule(text, zone)
    return (text,)


def _capitalized(text: str) -> str:
    """A help text as a question; Japanese ones may begin with the name of an output."""
    return text[:1].upper() + text[1:] if text.isascii() else text


def _path(text: str, found: Sequence[Plugged]) -> str:
    """What was typed, or what stands behind its number; raises ConfigError where nothing does."""
    if not text.isdecimal():
        return text
    if 1 <= int(text[:9]) <= len(found):
        return found[int(text[:9]) - 1].name
    raise ConfigError(
        _("Nothing in the list has the number {number}.").format(number=text),
        setting="port",
        remedy=_("Type a number of the list, a path, or an address."),
    )
