"""Everything that can go wrong on demand: one row per fault, and which of them strike now.

A fault is written `name` or `name:argument` (`lost:0.2`, `late:25`). Chance comes from the seed.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Enum
from gettext import gettext as _
from types import MappingProxyType
from typing import Final

from hems_data_collector.emulator.dice import Dice
from hems_data_collector.errors import ConfigError


class Argument(Enum):
    """What the argument of a fault means, with its name in help texts."""

    PROBABILITY = "p"
    """0 to 1: how often it strikes."""
    SECONDS = "s"
    """Seconds on our clock."""
    COUNT = "n"
    """A whole number, at least 1."""
    EPC = "epc"
    """A property code, two hex digits."""


class Begins(Enum):
    """When a fault begins to act."""

    IN_FORCE = "as soon as it is in force"
    AFTER_SECONDS = "so many seconds after it is in force, once"
    WITH_SESSION = "so many seconds after the next session is up, or from now where one is up, once"


@dataclass(frozen=True, slots=True, kw_only=True)
class FaultKind:
    """One row of the table."""

    name: str
    help: str
    argument: Argument | None = None
    default: float = 1.0
    begins: Begins = Begins.IN_FORCE

    @property
    def usage(self) -> str:
        """`late[:s]`."""
        return self.name if self.argument is None else f"{self.name}[:{self.argument.value}]"


_P, _S, _N = Argument.PROBABILITY, Argument.SECONDS, Argument.COUNT


_AFTER, _SESSION = Begins.AFTER_SECONDS, Begins.WITH_SESSION


def _kind(
    name: str,
    text: str,
    argument: Argument | None = None,
    default: float = 1.0,
    begins: Begins = Begins.IN_FORCE,
) -> FaultKind:
    return FaultKind(name=name, help=text, argument=argument, default=default, begins=begins)


_TABLE: Final = (
    # The serial line and the module's own conduct (skstack-ip §1, §7.1)
    _kind("chunk1", "output comes one byte at a time"),
    _kind("crlf-split", "CR and LF come in different reads"),
    _kind("glued-echo", "a notification breaks into the half echo of each SKSENDTO"),
    _kind("unsolicited", "an EVENT and an ERXUDP line come between the echo and the answer of every command"),
    _kind("er04-ropt", "ROPT, WOPT, RUART, WUART and SKAPPVER are unknown commands; payloads are in hex"),
    _kind("er05", "the next n SKSCAN are refused with ER05, whatever their form", _N, 1),
    _kind("er10-send", "SKSENDTO is refused with ER10 with probability p", _P, 0.2),
    _kind("no-session-er10", "SKSENDTO with SEC=1 and no session is refused with ER10 instead of EVENT 21 with 01"),
    _kind("er10-join", "the next n SKJOIN are refused with ER10, whatever the module is at", _N, 1),
    _kind("hang-data", "the next SKSENDTO loses n bytes on the way, so the module keeps waiting for data", _N, 3),
    _kind("cut-line", "an ERXUDP line loses its last bytes, so DATALEN is wrong, with probability p", _P, 0.2),
    _kind("half-line", "an ERXUDP line breaks off and the next line follows at once, with probability p", _P, 0.2),
    _kind("late-ropt", "the answer to ROPT comes s seconds late, with CR alone", _S, 2),
    _kind("hang", "after s seconds the module answers nothing but SKRESET, which heals it", _S, 60, _AFTER),
    _kind("stuck", "the module is silent for s seconds, whatever one does", _S, 120),
    _kind("mute", "after s seconds the module is silent until the port is opened again", _S, 60, _AFTER),
    _kind("reset", "after s seconds the module resets: echo on, id, password and session lost", _S, 60, _AFTER),
    _kind(
        "unplug",
        "after s seconds the port is gone; 5 s later it is back, freshly powered",
        _S,
        60,
        _AFTER,
    ),
    # The radio (skstack-ip §2.5, §3.2, §4)
    _kind("ev21-02only", "SKSENDTO reports only EVENT 21 with 02"),
    _kind("ev21-02-00", "SKSENDTO reports EVENT 21 with 02, then 00"),
    _kind("ev21-01", "SKSENDTO fails with EVENT 21 01 with probability p; the meter hears nothing", _P, 0.2),
    _kind("ev21-missing", "SKSENDTO reports no EVENT 21"),
    _kind("absent", "the meter is out of reach, for s seconds (0: for ever)", _S, 0),
    _kind("faint", "scans hear the meter only with a duration of n or more", _N, 7),
    _kind("late-beacon", "scans describe a PAN only after EVENT 22"),
    _kind("foreign-pan", "each scan reports another PAN first; joining it fails"),
    _kind("household", "another household's meter is heard too, with the TIDs of our requests"),
    _kind("forged", "before each answer comes an unsecured datagram with the same TID and another power"),
    _kind("join-24", "the next n joins end in EVENT 24", _N, 1),
    _kind("rejoin-refused", "a join within s seconds of SKTERM ends in EVENT 24", _S, 10),
    _kind("silent-session", "after s seconds the meter forgets the session; no event tells", _S, 60, _SESSION),
    _kind("ev26", "after s seconds the meter ends the session with EVENT 26", _S, 60, _SESSION),
    _kind("ev27", "after s seconds the module ends the session by itself with EVENT 27", _S, 60, _SESSION),
    _kind("ev28", "after s seconds the module ends the session by itself with EVENT 28", _S, 60, _SESSION),
    _kind("reauth-25", "after s seconds the module renews the session by itself: EVENT 25", _S, 60, _SESSION),
    _kind("reauth-24", "after s seconds the module fails to renew the session: EVENT 24", _S, 60, _SESSION),
    _kind("ev29-25", "after s seconds EVENT 29, then the module joins again by itself: EVENT 25", _S, 60, _SESSION),
    _kind("ev29-24", "after s seconds EVENT 29, then EVENT 24", _S, 60, _SESSION),
    _kind("ev29-nothing", "after s seconds EVENT 29 and nothing more", _S, 60, _SESSION),
    _kind("ev32", "the air time is used up at once: EVENT 32, and EVENT 33 after s seconds", _S, 60, _AFTER),
    _kind("ev32-only", "as ev32, but no EVENT 33 tells that sending is free again", _S, 60, _AFTER),
    # The home network (echonet-lite-meter §9)
    _kind("silent", "over Wi-Fi, the meter answers nothing for s seconds (0: for ever), but still notifies", _S, 0),
    _kind("address-change", "over Wi-Fi, after s seconds the meter has another link-local address", _S, 60, _AFTER),
    # What becomes of requests and answers (echonet-lite-meter §12)
    _kind("lost", "an answer is lost with probability p", _P, 0.2),
    _kind("late", "answers come s seconds later than usual", _S, 25),
    _kind("duplicate", "every answer comes twice"),
    _kind("wrong-tid", "an answer bears a wrong TID with probability p", _P, 0.2),
    _kind("truncated", "an answer's frame is cut with probability p", _P, 0.2),
    _kind("garbage", "an answer's frame has bytes behind its end with probability p", _P, 0.2),
    _kind("interleaved", "before each answer comes a notification with the same TID"),
    _kind("overlap", "a second request before the first answer is answered too, instead of dropped"),
    # The meter (echonet-lite-meter §2, §10, §12)
    _kind("no-d5", "the meter sends no instance list after joining"),
    _kind("sna-partial", "the meter refuses property epc although its map lists it", Argument.EPC, 0xE3),
    _kind("sna-empty", "requests for several properties get an SNA without any value"),
    _kind("sna-short", "an SNA holds only the first n entries of the request", _N, 2),
    _kind("opc-silent", "requests for more than n properties get no answer", _N, 1),
    _kind("opc-sna", "requests beyond the limit of 6 (release R: 7) get an empty SNA instead of silence"),
    _kind("no-data", "half-hourly registers are missing (FFFFFFFE) with probability p", _P, 0.1),
    _kind("no-data-live", "live registers, power and currents have no value with probability p", _P, 0.2),
    _kind("sparse", "the histories hold only one slot in n", _N, 4),
    _kind("no-minutes", "one-minute registers are missing (FFFFFFFE) with probability p", _P, 0.1),
    _kind("short-minutes", "the one-minute history reaches back n minutes only, instead of an hour", _N, 10),
    _kind("midnight", "when E5 has been set, the clock jumps just past midnight, once"),
    _kind("rollover", "the registers stand at zero s seconds after the start, at their end before", _S, 600),
    _kind("no-notify", "after s seconds the meter notifies no half hours any more", _S, 60, _SESSION),
    _kind("moved", "after s seconds the meter is on another channel and PAN and knows no session", _S, 60, _AFTER),
    _kind("replaced", "after s seconds another meter with another radio stands in its place", _S, 60, _AFTER),
    _kind("exchange", "after s seconds another meter hangs there: new serial, registers at zero", _S, 60, _AFTER),
    _kind("payload-0d0a", "values that put 0D 0A and the text OK into binary payloads"),
    _kind("infc-repeat", "an INFC without its answer is repeated up to n times, 20 s apart", _N, 2),
    _kind("setget", "the meter supports SetGet and INF_REQ on its own object instead of staying silent"),
)

FAULTS: Final[Mapping[str, FaultKind]] = MappingProxyType({kind.name: kind for kind in _TABLE})
"""Every fault by its name, in the order of the help text."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """A fault that somebody asked for; `value` is its argument or the default."""

    kind: FaultKind
    value: float


def parse_fault(text: str) -> Fault:
    """The fault that `text` names (`late:25`); ConfigError for an unknown name or a bad argument."""
    name, colon, argument = text.strip().partition(":")
    kind = FAULTS.get(name)
    if kind is None:
        close = difflib.get_close_matches(name, FAULTS, n=1)
        raise _error(
            _("There is no fault {name!r}.").format(name=name),
            _("Did you mean {near!r}?").format(near=close[0]) if close else _("`emulate --help` lists every fault."),
        )
    if not colon:
        return Fault(kind=kind, value=kind.default)
    if kind.argument is None:
        raise _error(
            _("The fault {name!r} takes no argument, but {text!r} gives one.").format(name=name, text=text.strip()),
            _("Write {name!r}.").format(name=name),
        )
    return Fault(kind=kind, value=_argument(kind, kind.argument, argument))


def _argument(kind: FaultKind, argument: Argument, text: str) -> float:
    try:
        value = float(int(text, 16) if argument is Argument.EPC else float(text))
    except ValueError:
        value = -1.0
    valid = {
        Argument.PROBABILITY: 0 <= value <= 1,
        Argument.SECONDS: 0 <= value < 1e9,
        Argument.COUNT: 1 <= value <= 255 and value == int(value),
        Argument.EPC: 0x80 <= value <= 0xFF,
    }
    meaning = {
        Argument.PROBABILITY: _("a probability from 0 to 1"),
        Argument.SECONDS: _("a number of seconds"),
        Argument.COUNT: _("a whole number from 1 to 255"),
        Argument.EPC: _("a property code from 80 to FF"),
    }
    if not valid[argument]:
        raise _error(
            _("{text!r} is no argument for the fault {usage}.").format(text=text, usage=kind.usage),
            _("Give {kind}.").format(kind=meaning[argument]),
        )
    return value


def _error(what: str, remedy: str) -> ConfigError:
    return ConfigError(what, setting="fault", cause=_("A misspelt fault in the emulator's settings."), remedy=remedy)


class FaultBox:
    """The faults in force, and whether each strikes at an occasion."""

    def __init__(self, faults: Iterable[Fault], dice: Dice) -> None:
        self._dice = dice
        self._active: dict[str, Fault] = {}
        self._left: dict[str, int] = {}
        for fault in faults:
            self.add(fault)

    def add(self, fault: Fault, times: int | None = None) -> None:
        """Put `fault` in force; with `times` it strikes on exactly that many occasions and is gone."""
        name = fault.kind.name
        self._active[name] = fault
        self._left.pop(name, None)
        if times is not None:
            self._left[name] = times
        elif name in _COUNTED:
            self._left[name] = int(fault.value)

    def remove(self, name: str) -> None:
        """Take a fault out of force; nothing happens when it was not."""
        self._active.pop(name, None)
        self._left.pop(name, None)

    def get(self, name: str) -> Fault | None:
        """The fault if it is in force; this is no occasion and uses nothing up."""
        return self._active.get(name)

    def in_force(self) -> tuple[Fault, ...]:
        """Every fault in force."""
        return tuple(self._active.values())

    def strikes(self, name: str) -> Fault | None:
        """The fault if it strikes on this occasion: by its probability, or by the occasions it has left."""
        fault = self._active.get(name)
        if fault is None:
            return None
        if name in self._left:
            self._left[name] -= 1
            if self._left[name] <= 0:
                self.remove(name)
            return fault
        if fault.kind.argument is Argument.PROBABILITY and not self._dice.strikes(f"fault {name}", fault.value):
            return None
        return fault


_COUNTED: Final = frozenset({"er05", "er10-join", "join-24"})
"""Faults whose argument is the number of occasions on which they strike."""
