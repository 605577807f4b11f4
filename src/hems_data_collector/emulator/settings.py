"""What an emulated modem, meter and house can be told: one frozen object, read from a URL query or from flags.

The same table of keys serves `emulator:?module=bp35c2&wires=2` and the flags of the `emulate` verb.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, replace
from datetime import datetime
from enum import Enum
from gettext import gettext as _
from types import MappingProxyType
from typing import Any, Final
from urllib.parse import unquote

from hems_data_collector.credentials import Credentials, Secret
from hems_data_collector.echonet.energy import COEFFICIENT_MAX, DIGITS_MAX, UNIT_EXPONENTS
from hems_data_collector.emulator.faults import Fault, parse_fault
from hems_data_collector.emulator.j11 import J11
from hems_data_collector.errors import ConfigError
from hems_data_collector.skstack.dialects import MODULES

SAMPLE_ROUTE_B_ID: Final = "00112233445566778899AABBCCDDEEFF"
SAMPLE_PASSWORD: Final = "0123456789AB"
"""The made-up pair of skstack-ip (its preface); what the emulator expects when nobody says otherwise."""

METERS_MAX: Final = 9
"""As many as a radio may hear; the last digit of their addresses tells them apart."""
SESSION_LIFETIME_S: Final = 86_400
"""What the meter grants in every capture (skstack-ip §4.3)."""
CHANNEL_MIN: Final = 0x21
CHANNEL_MAX: Final = 0x3C
PAN_ID_MAX: Final = 0xFFFE
SEED_STEP: Final = 1_000
"""From the house of one meter to that of the next, so that `seed=2` is no neighbour of `seed=1`."""
DEFAULT_LOSS: Final = 0.01
"""Share of lost answers with realistic timings (skstack-ip §7.2)."""


class Notify(Enum):
    """How the meter announces its half-hourly registers (echonet-lite-meter §4.4)."""

    INF = "inf"
    INFC = "infc"
    NONE = "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class EmulatorSettings:
    """Everything about one emulated installation; the defaults are a BP35A1 and a first-generation meter with solar."""

    module: str = "bp35a1"
    wires: int = 3
    export: bool = True
    unit: int = 0x01
    """Code of property E1."""
    coefficient: int | None = 1
    """Property D3; None: the meter has none."""
    digits: int = 6
    """Property D7."""
    release: str = "F"
    history2: bool = True
    echo: bool = True
    hex: bool | None = None
    """Payloads in hex (WOPT 01); None: as the module is delivered."""
    baud: int | None = None
    """Speed of the module's UART, bit/s; None: whatever the host has set."""
    fast: bool = False
    speed: float = 1.0
    """Seconds on the meter's clock per second of ours."""
    start: datetime | None = None
    """Meter-local time at the start, naive; None: Japan's time now."""
    seed: int = 1
    route_b_id: Secret | None = None
    password: Secret | None = None
    mac: str = "001C640000000001"
    """The meter's MAC address."""
    channel: int = 0x33
    pan_id: int = 0x12A4
    meters: int = 1
    """How many meters are within reach; each has its own id, house, serial number, address and channel."""
    faults: tuple[Fault, ...] = ()
    notify: Notify = Notify.INF
    notify_delay: float | None = None
    """Seconds on the meter's clock from a half hour to its notification; None: 0 to 120, or 0 with `fast`."""
    loss: float | None = None
    """Probability that an answer is lost; None: 0.01, or 0 with `fast`."""
    rtt: float | None = None
    """Seconds from a request to its answer; None: as measured on real ones."""
    join: float | None = None
    """Seconds from SKJOIN to EVENT 25; None: 3 to 10."""
    lifetime: float = SESSION_LIFETIME_S
    """Seconds for which a session is granted."""

    def __post_init__(self) -> None:
        module = MODULES.get(self.module)
        if self.module == J11:
            return
        if module is None:
            raise _error(
                _("There is no module {module!r}.").format(module=self.module),
                setting="module",
                cause=_("It is misspelt, or nobody has described it yet."),
                remedy=_("Choose one of {names}.").format(names=", ".join((*MODULES, J11))),
            )
        if self.hex is not None and not module.has_rohm_options and self.hex != module.hex_payload_default:
            raise _error(
                _("The module {module} has no WOPT and cannot change how it prints payloads.").format(
                    module=self.module
                ),
                setting="hex",
                cause=_("It always prints hex.") if module.hex_payload_default else _("It always prints binary."),
                remedy=_("Leave `hex` out, or choose a module with WOPT such as bp35a1."),
            )

    def of_meter(self, number: int) -> EmulatorSettings:
        """The same with what is different about meter `number`, from 0: all faults strike the first one only."""
        if number == 0:
            return self
        channels = CHANNEL_MAX - CHANNEL_MIN + 1
        return replace(
            self,
            seed=self.seed + number * SEED_STEP,
            route_b_id=None,
            password=None,
            mac=f"{(int(self.mac, 16) + number) % (1 << 64):016X}",
            channel=CHANNEL_MIN + (self.channel - CHANNEL_MIN + number) % channels,
            pan_id=(self.pan_id + number) % (PAN_ID_MAX + 1),
            faults=(),
        )

    @classmethod
    def from_query(cls, query: str) -> EmulatorSettings:
        """Settings from the query of a port URL, `module=bp35c2&wires=2&fault=late:25,duplicate`.

        Raises ConfigError, with the nearest spelling, for an unknown key or a bad value. A key given twice counts
        with its last value, except `fault`, which adds up.
        """
        texts: dict[str, str] = {}
        for part in filter(None, query.lstrip("?").split("&")):
            name, _, value = part.partition("=")
            text = unquote(value)
            texts[name] = f"{texts[name]},{text}" if name == "fault" and name in texts else text
        return cls.from_texts(texts)

    @classmethod
    def from_texts(cls, texts: Mapping[str, str]) -> EmulatorSettings:
        """Settings from texts by key; raises ConfigError as `from_query` does."""
        return cls(**{KEYS[name].field: KEYS[name].value(text) for name, text in _known(texts).items()})


def sample_credentials(number: int) -> Credentials:
    """The made-up pair of meter `number` on one emulator, from 0; the first one is that of skstack-ip."""
    route_b_id = SAMPLE_ROUTE_B_ID if number == 0 else f"{SAMPLE_ROUTE_B_ID[:-1]}{number:X}"
    return Credentials(route_b_id=Secret(route_b_id), password=Secret(SAMPLE_PASSWORD))


def _known(texts: Mapping[str, str]) -> Mapping[str, str]:
    for name in texts:
        if name not in KEYS:
            close = difflib.get_close_matches(name, KEYS, n=1)
            raise _error(
                _("The emulator has no setting {name!r}.").format(name=name),
                setting=name,
                cause=_("It is misspelt."),
                remedy=_("Did you mean {near!r}?").format(near=close[0])
                if close
                else _("Its settings are {names}.").format(names=", ".join(KEYS)),
            )
    return texts


def _error(what: str, *, setting: str, cause: str, remedy: str) -> ConfigError:
    return ConfigError(what, setting=setting, cause=cause, remedy=remedy)


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """One setting as people write it. `convert` raises ValueError with the reason."""

    name: str
    field: str
    convert: Callable[[str], Any]
    metavar: str
    help: str
    secret: bool = False

    def value(self, text: str) -> Any:
        """The value of `text`; ConfigError with the reason, never repeating a secret."""
        try:
            return self.convert(text)
        except ValueError as error:
            shown = "****" if self.secret else repr(text)
            raise _error(
                _("The emulator setting {name} cannot be {shown}.").format(name=self.name, shown=shown),
                setting=self.name,
                cause=_("It takes {metavar}: {help}.").format(metavar=self.metavar, help=_(self.help)),
                remedy=str(error),
            ) from error


def _one_of(choices: Mapping[str, Any], *, upper: bool = False) -> Callable[[str], Any]:
    def convert(text: str) -> Any:
        spelling = text.upper() if upper else text.lower()
        if spelling in choices:
            return choices[spelling]
        close = difflib.get_close_matches(spelling, choices, n=1)
        raise ValueError(
            _("Did you mean {near!r}?").format(near=close[0])
            if close
            else _("Choose one of {names}.").format(names=", ".join(choices))
        )

    return convert


def _whole(low: int, high: int, base: int = 10) -> Callable[[str], int]:
    def convert(text: str) -> int:
        try:
            number = int(text, base)
        except ValueError:
            number = low - 1
        if not low <= number <= high:
            bounds = (
                _("{low:X} to {high:X} in hex").format(low=low, high=high)
                if base == 16
                else _("{low} to {high}").format(low=low, high=high)
            )
            raise ValueError(_("Give a whole number from {bounds}.").format(bounds=bounds))
        return number

    return convert


def _real(low: float, high: float) -> Callable[[str], float]:
    def convert(text: str) -> float:
        try:
            number = float(text)
        except ValueError:
            number = low - 1
        if not low <= number <= high:
            raise ValueError(_("Give a number from {low:g} to {high:g}.").format(low=low, high=high))
        return number

    return convert


def _coefficient(text: str) -> int | None:
    return None if text.lower() == "none" else _whole(1, COEFFICIENT_MAX)(text)


def _start(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(_("Give date and time as 2026-01-15T07:00:00.")) from None
    if moment.tzinfo is not None:
        raise ValueError(_("The meter's clock has no zone: leave the offset out."))
    if not 1000 <= moment.year <= 9000:
        raise ValueError(_("Give a year from 1000 to 9000."))
    return moment


def _mac(text: str) -> str:
    try:
        if len(bytes.fromhex(text)) != 8:
            raise ValueError
    except ValueError:
        raise ValueError(_("Give 16 hex digits.")) from None
    return text.upper()


def _faults(text: str) -> tuple[Fault, ...]:
    return tuple(parse_fault(part) for part in text.split(",") if part.strip())


_YES_NO: Final = MappingProxyType({"1": True, "0": False, "yes": True, "no": False, "": True})
_flag = _one_of(_YES_NO)
_UNITS: Final = MappingProxyType({f"{code:02X}": code for code in UNIT_EXPONENTS})
_NOTIFY: Final = MappingProxyType({kind.value: kind for kind in Notify})
_ZERO_ONE: Final = "0|1"


def _key(
    name: str, convert: Callable[[str], Any], metavar: str, text: str, *, field: str = "", secret: bool = False
) -> Key:
    return Key(name=name, field=field or name, convert=convert, metavar=metavar, help=text, secret=secret)


KEYS: Final[Mapping[str, Key]] = MappingProxyType(
    {
        key.name: key
        for key in (
            _key(
                "module",
                _one_of({name: name for name in (*MODULES, J11)}),
                "NAME",
                "Wi-SUN module: bp35a1, wsr35a1, rl7023-ips, bp35c0, bp35c2, rs-wsuha-p, rl7023-dss, mb-rl7023-dss"
                " (default bp35a1); j11 speaks another, binary protocol",
            ),
            _key("wires", _whole(2, 3), "2|3", "wires of the supply; on two there is no T current (default 3)"),
            _key("export", _flag, _ZERO_ONE, "solar roof and reverse registers (default 1)"),
            _key(
                "unit",
                _one_of(_UNITS, upper=True),
                "CODE",
                "property E1, one of 00 to 04 and 0A to 0D (default 01: 0.1 kWh)",
            ),
            _key(
                "d3",
                _coefficient,
                "NUMBER|none",
                "coefficient, property D3, 1 to 999999 (default 1)",
                field="coefficient",
            ),
            _key("digits", _whole(1, DIGITS_MAX), "1..8", "digits of the registers, property D7 (default 6)"),
            _key(
                "release",
                _one_of({"F": "F", "R": "R"}, upper=True),
                "F|R",
                "release of the standard that the meter follows (default F)",
            ),
            _key("history2", _flag, _ZERO_ONE, "the meter has history 2, properties EC and ED (default 1)"),
            _key("echo", _flag, _ZERO_ONE, "the module echoes commands from the start (default 1)"),
            _key("hex", _flag, _ZERO_ONE, "payloads in hex (default: as the module is delivered)"),
            _key(
                "baud", _whole(2400, 115200), "BIT/S", "speed of the module's UART; others read garbage (default: any)"
            ),
            _key("fast", _flag, _ZERO_ONE, "no waiting: scan, join and answers take no time (default 0)"),
            _key("speed", _real(0.001, 1e6), "FACTOR", "the meter's clock runs that many times faster (default 1)"),
            _key("start", _start, "DATETIME", "the meter's time at the start (default: Japan's time now)"),
            _key("seed", _whole(0, 2**63 - 1), "NUMBER", "another number is another house and other luck (default 1)"),
            _key("id", Secret, "ID", "B-route id to expect, 32 characters", field="route_b_id", secret=True),
            _key("password", Secret, "PASSWORD", "B-route password to expect", secret=True),
            _key("mac", _mac, "MAC", "MAC address of the meter (default 001C640000000001)"),
            _key(
                "channel",
                _whole(CHANNEL_MIN, CHANNEL_MAX, 16),
                "21..3C",
                "radio channel of the meter, in hex (default 33)",
            ),
            _key(
                "panid", _whole(0, PAN_ID_MAX, 16), "HEX", "PAN ID of the meter, in hex (default 12A4)", field="pan_id"
            ),
            _key("meters", _whole(1, METERS_MAX), "1..9", "meters within reach, each with its own id (default 1)"),
            _key("fault", _faults, "NAME[:ARG],...", "faults, see below", field="faults"),
            _key(
                "notify",
                _one_of(_NOTIFY),
                "inf, infc or none",
                "half-hourly notification (default inf)",
            ),
            _key("notify_delay", _real(0, 300), "SECONDS", "from the half hour to its notification (default 0 to 120)"),
            _key("loss", _real(0, 1), "0..1", "probability that an answer is lost (default 0.01, with fast 0)"),
            _key("rtt", _real(0, 3600), "SECONDS", "fixed time from request to answer (default 0.34 to 0.81)"),
            _key("join", _real(0, 3600), "SECONDS", "fixed time from SKJOIN to EVENT 25 (default 3 to 10)"),
            _key("lifetime", _real(1, 1e9), "SECONDS", "lifetime of a session (default 86400)"),
        )
    }
)
"""Every key in the order of the help text."""

assert {key.field for key in KEYS.values()} == {field.name for field in fields(EmulatorSettings)}
