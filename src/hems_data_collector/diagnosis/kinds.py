"""Every finding that there is: its key, its texts and what `doctor` ends with. docs/troubleshooting.md has the table.

A text may have `{words}` that are filled in when it is shown; texts are translated there.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from gettext import gettext as _
from types import MappingProxyType
from typing import Final

from hems_data_collector.diagnosis.finding import Detail, Finding, State
from hems_data_collector.errors import EXIT_BUG, EXIT_CONFIG, EXIT_NO_METER, EXIT_PORT, EXIT_REFUSED, EXIT_STORE
from hems_data_collector.language import N_


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """One row: what can be found in one step."""

    key: str
    step: str
    state: State
    what: str
    cause: str = ""
    remedy: str = ""
    exit_code: int = 0


def found(
    key: str,
    *,
    meter: str | None = None,
    what: str = "",
    cause: str = "",
    remedy: str = "",
    step: str = "",
    exit_code: int | None = None,
    details: Mapping[str, Detail] | None = None,
    private: Iterable[str | None] = (),
    **words: object,
) -> Finding:
    """The finding `key` with its texts filled in by `words`; whatever else is given replaces what the row has."""
    kind = KINDS[key]
    return Finding(
        key=key,
        step=step or kind.step,
        state=kind.state,
        meter=meter,
        what=what or _filled(kind.what, words),
        cause=cause or _filled(kind.cause, words),
        remedy=remedy or _filled(kind.remedy, words),
        details=MappingProxyType(dict(details or {})),
        private=tuple(dict.fromkeys(text for text in private if text)),
        exit_code=kind.exit_code if exit_code is None else exit_code,
    )


class _Words(dict[str, object]):
    """What is filled in; a word that is not known must not keep a finding from being told."""

    def __missing__(self, name: str) -> str:
        return "?"


def _filled(text: str, words: Mapping[str, object]) -> str:
    return _(text).format_map(_Words(words)) if text else ""


def _ok(key: str, step: str, what: str) -> Kind:
    return Kind(key=key, step=step, state=State.OK, what=what)


def _warns(key: str, step: str, what: str, cause: str, remedy: str) -> Kind:
    return Kind(key=key, step=step, state=State.WARNING, what=what, cause=cause, remedy=remedy)


def _fails(key: str, step: str, code: int, what: str, cause: str, remedy: str) -> Kind:
    return Kind(key=key, step=step, state=State.FAILED, what=what, cause=cause, remedy=remedy, exit_code=code)


def _skips(key: str, step: str, what: str) -> Kind:
    return Kind(key=key, step=step, state=State.SKIPPED, what=what)


_NEARER: Final = N_(
    "Move the stick nearer to the meter, away from metal and from the computer: a metre of USB extension cable often"
    " helps more than anything else."
)
_REPLUG: Final = N_("Unplug the stick, wait ten seconds, plug it in again, and run this once more.")

_SETTINGS: Final = (
    _ok("settings", "settings", N_("The settings can be used. They come from: {sources}.")),
    _warns(
        "settings-of-service",
        "settings",
        N_("A collector is installed as a service here, and this user may not read its settings ({path})."),
        N_("What follows is about the settings of this user, which may be none."),
        N_("To look at the service, run: sudo hems-data-collector doctor"),
    ),
    _warns(
        "settings-doubtful",
        "settings",
        N_("Something in the settings is probably not meant as it stands: {warning}"),
        "",
        N_("Correct it, or leave it where it is meant."),
    ),
    _fails(
        "settings-wrong",
        "settings",
        EXIT_CONFIG,
        N_("The settings cannot be used: {reason}"),
        N_("A setting is misspelt, missing or of a wrong form."),
        N_("Correct the setting that is named."),
    ),
)

_PORT: Final = (
    _ok("port", "port", N_("The serial port {port} is there, and this user may use it.")),
    _ok("port-network", "port", N_("The port {port} is on another machine; it is tried next.")),
    _ok("port-built-in", "port", N_("The port {port} needs no device.")),
    _ok("port-wifi", "port", N_("The meter is looked for in the home network ({port}): no stick is needed.")),
    _ok("port-collector", "port", N_("The running collector (process {process}) has the port {port}: it is asked.")),
    _fails(
        "port-missing",
        "port",
        EXIT_PORT,
        N_("There is no serial port {port}."),
        N_("The stick is not plugged in, or it has another name."),
        N_("Plug the stick in, and give its name with --port or SERIAL_PORT. Plugged in now: {devices}."),
    ),
    _fails(
        "port-not-serial",
        "port",
        EXIT_PORT,
        N_("{port} is no serial port."),
        N_("It is a file, a folder or another device."),
        N_("Give the name of the stick with --port or SERIAL_PORT. Plugged in now: {devices}."),
    ),
    _fails(
        "port-denied",
        "port",
        EXIT_PORT,
        N_("This user may not use the serial port {port}."),
        N_("It belongs to the group {group}, and the user {user} is not in that group."),
        N_("Run: sudo usermod -aG {group} {user}, then log out and in again."),
    ),
    _fails(
        "port-denied-until-login",
        "port",
        EXIT_PORT,
        N_("This user may not use the serial port {port} yet."),
        N_("The user {user} is in the group {group}, but was not when this session began."),
        N_("Log out and in again, or restart the machine."),
    ),
    _fails(
        "port-closed-to-all",
        "port",
        EXIT_PORT,
        N_("Nobody but root may use the serial port {port}."),
        N_("The permissions of the device let no group in."),
        N_("Install the rule for the stick with service-manager.sh install, or unplug the stick and plug it in again."),
    ),
    _fails(
        "port-busy",
        "port",
        EXIT_PORT,
        N_("Another program has the port {port} open: {holder}."),
        N_("A modem serves one program at a time, and a meter one client."),
        N_(
            "End that program, then run this again. Where it is the service of this collector, leave it running and"
            " run: sudo hems-data-collector doctor"
        ),
    ),
    _fails(
        "port-unreachable",
        "port",
        EXIT_PORT,
        N_("The port {port} cannot be opened: {reason}"),
        N_("The address is wrong, or nothing listens there."),
        N_("Check the address, and that the server for the stick (ser2net for example) runs on the other machine."),
    ),
    _fails(
        "port-lost",
        "port",
        EXIT_PORT,
        N_("The port {port} went away while it was used."),
        N_("The stick was unplugged, its cable is loose, or its power is too weak."),
        N_("Plug it in firmly, without a hub or with one that has its own power, and run this again."),
    ),
)

_MODEM: Final = (
    _ok(
        "modem",
        "modem",
        N_("A Wi-SUN modem answers: {product}, firmware {version}, {dialect}, payloads in {payloads}, {rate} bit/s."),
    ),
    _warns(
        "modem-other-rate",
        "modem",
        N_("The modem answers at {rate} bit/s, not at {configured}, which is configured."),
        N_("The stick has been set to another speed."),
        N_("Set --baudrate {rate} (SERIAL_RATE): that saves the search at each start."),
    ),
    _fails(
        "modem-silent",
        "modem",
        EXIT_PORT,
        N_("No Wi-SUN modem answers on {port}, at any speed."),
        N_("It is another device, or the modem hangs."),
        N_(
            "Check with `hems-data-collector ports` that {port} is the Wi-SUN stick. If it is: unplug it, wait ten"
            " seconds, plug it in again."
        ),
    ),
    _fails(
        "modem-j11",
        "modem",
        EXIT_PORT,
        N_("This stick has J11 firmware, which is not supported."),
        N_("Sticks whose name ends in J11 speak a binary protocol instead of SKSTACK-IP."),
        N_("Use a stick with SKSTACK-IP: {products}."),
    ),
    _fails(
        "modem-trouble",
        "modem",
        EXIT_PORT,
        N_("The modem does not work as it should: {reason}"),
        N_("It hangs, or its power is too weak."),
        _REPLUG,
    ),
    _fails(
        "air-time",
        "modem",
        EXIT_NO_METER,
        N_("The modem has used up its legal air time of this hour, and may not send."),
        N_("Too many scans or retries in a row."),
        N_("Wait up to an hour with the stick plugged in: sending becomes free by itself."),
    ),
)

_CREDENTIALS: Final = (
    _ok("credentials", "credentials", N_("B-route id and password are there and well-formed.")),
    _skips("credentials-unneeded", "credentials", N_("This port needs no B-route id and password.")),
    _fails(
        "credentials-missing",
        "credentials",
        EXIT_CONFIG,
        N_("The B-route id or the password is not configured."),
        N_("A real meter lets nobody in without both; 32 zeros stand for none."),
        N_(
            "Apply for the B-route service at your power company if you have not yet. Then write both as"
            " B_ROUTE_ID=... and B_ROUTE_PASSWORD=... into the file .env of this folder, or run: hems-data-collector"
            " setup"
        ),
    ),
    _fails(
        "credentials-malformed",
        "credentials",
        EXIT_CONFIG,
        N_("The B-route id or the password cannot be right: {reason}"),
        N_("It was cut, or something else was pasted."),
        N_(
            "Copy the id (32 letters and digits) and the password (12) once more from the notices of the power company."
        ),
    ),
)

_SCAN: Final = (
    _ok(
        "scan",
        "scan",
        N_("The meter answers the scan: signal {quality} ({lqi} of 255, {dbm} dBm), channel {channel}."),
    ),
    _warns(
        "scan-weak",
        "scan",
        N_("The meter answers the scan, but its signal is {quality} ({lqi} of 255, {dbm} dBm)."),
        N_(
            "The stick is far from the meter, or walls and metal stand between them. Readings will be missing at times."
        ),
        _NEARER,
    ),
    _fails(
        "scan-nothing",
        "scan",
        EXIT_NO_METER,
        N_("No meter answers the scan."),
        N_(
            "The B-route id is wrong (a meter answers only its own), the B-route service has not begun yet, or the"
            " meter is too far away."
        ),
        N_(
            "Compare B_ROUTE_ID with the letter of the power company, letter by letter; ask whether the service has"
            " begun; move the stick nearer to the meter."
        ),
    ),
    _fails(
        "scan-foreign",
        "scan",
        EXIT_NO_METER,
        N_("Only meters of other households answer the scan ({count})."),
        N_(
            "The modem and its aerial work. Your own meter is too far away, or the B-route id is not that of your"
            " meter."
        ),
        N_(
            "Compare B_ROUTE_ID with the letter of the power company, letter by letter, then move the stick nearer to"
            " your meter."
        ),
    ),
    _warns(
        "scan-elsewhere",
        "scan",
        N_("The meter is on channel {channel} and PAN {pan}, not where the settings say ({configured})."),
        N_("The power company has changed the meter or its channel."),
        N_("Leave --meter-channel, --meter-panid and --meter-ipv6 out: then the collector finds the meter by itself."),
    ),
)

_JOIN: Final = (
    _ok("join", "join", N_("The meter has let us in.")),
    _ok("join-wifi", "join", N_("A meter answers in the home network, on the interface {interface}.")),
    _fails(
        "join-refused",
        "join",
        EXIT_REFUSED,
        N_("The meter refuses the B-route password."),
        N_("The password is wrong, or the meter still holds the session of another program."),
        N_(
            "Compare B_ROUTE_PASSWORD with the notice of the power company, letter by letter: 0 and O, 1 and I look"
            " alike. If it is right: end every other program that reads this meter, wait a minute, try again."
        ),
    ),
    _fails(
        "join-unreached",
        "join",
        EXIT_NO_METER,
        N_("The meter was heard, but does not answer the request to join."),
        N_("The radio link is too weak in one direction, or the meter is busy with another client."),
        _NEARER,
    ),
    _fails(
        "wifi-nothing",
        "join",
        EXIT_NO_METER,
        N_("No meter answers in the home network: {reason}"),
        N_("It is in another network, or the access point passes no multicast between its clients."),
        N_("Put this machine into the meter's network; switch off client isolation at the access point."),
    ),
)

_METER: Final = (
    _ok(
        "meter",
        "meter",
        N_("The meter tells who it is: {meter_key}, release {release}, {count} properties, {history}."),
    ),
    _warns(
        "meter-forgetful",
        "meter",
        N_("The meter ({meter_key}, release {release}) gives no history of half hours."),
        N_("Its list of properties has neither E2 nor EC."),
        N_("Nothing can be done about it: keep the collector running, because gaps cannot be filled afterwards."),
    ),
    _warns(
        "meter-old",
        "meter",
        N_("The meter ({meter_key}) follows release {release}, which is older than any known smart meter."),
        N_("It may be a test device, or its answer was damaged."),
        N_("If values are missing, report it: hems-data-collector doctor --report FILE"),
    ),
    _fails(
        "meter-unusable",
        "meter",
        EXIT_NO_METER,
        N_("The meter lacks what every smart meter must have: {reason}"),
        N_("A damaged answer, or something else than a smart meter for electricity."),
        N_("Run this again; if it stays so, report it: hems-data-collector doctor --report FILE"),
    ),
    _fails(
        "meter-silent",
        "meter",
        EXIT_NO_METER,
        N_("The meter let us in, but does not answer questions."),
        N_("The radio link is too weak, or the meter is busy with another client."),
        _NEARER,
    ),
    _warns(
        "meter-singly",
        "meter",
        N_("The meter answers single questions, but not several at once."),
        N_("Some meters are like that, or the radio link is weak and loses longer messages."),
        N_(
            "Nothing: the collector finds that out by itself and asks for less at once. Its first reading takes"
            " minutes."
        ),
    ),
    _ok("reading", "reading", N_("One reading: {values}.")),
    _warns(
        "reading-empty",
        "reading",
        N_("The meter answers, but has no values at the moment."),
        N_("It is starting up, or being worked on."),
        N_("Try again in a few minutes; if it stays so, ask the power company."),
    ),
    _ok("clock", "clock", N_("The clocks of the meter and of this machine agree.")),
    _skips("clock-untold", "clock", N_("The meter does not tell its time.")),
    _warns(
        "clock-off",
        "clock",
        N_("The clocks differ by {difference}: the meter has {told}, this machine {own}."),
        N_("The clock of this machine is not set by the network, or LOCAL_TIMEZONE is not the zone of the meter."),
        N_("Run: timedatectl. If it says that the system clock is not synchronized: sudo timedatectl set-ntp true"),
    ),
)

_COLLECTOR: Final = (
    _ok("collector", "join", N_("The running collector has a session with the meter.")),
    _warns(
        "collector-weak",
        "join",
        N_(
            "The running collector has a session with the meter, but its signal is {quality} ({lqi} of 255, {dbm} dBm)."
        ),
        N_(
            "The stick is far from the meter, or walls and metal stand between them. Readings will be missing at times."
        ),
        _NEARER,
    ),
    _warns(
        "collector-busy",
        "join",
        N_("The running collector has no session with the meter at the moment: {session}."),
        N_("It has just been started, or it is joining the meter again."),
        N_("Wait two minutes, then run this again."),
    ),
    _fails(
        "collector-mute",
        "port",
        EXIT_PORT,
        N_("The collector (process {process}) has the port {port}, but does not answer questions."),
        N_("It belongs to another user, who alone may ask it, or it hangs."),
        N_("Run this as root: sudo hems-data-collector doctor. To test the stick itself, stop the collector first."),
    ),
)

_STORE: Final = (
    _ok("store", "store", N_("The database {database} is sound: {size}, {room} free.")),
    _ok("store-new", "store", N_("There is no database yet: the collector will make {database} ({room} free).")),
    _ok(
        "store-collector",
        "store",
        N_("The running collector (process {process}) has the database: {size}, {room} free."),
    ),
    _warns(
        "store-low",
        "store",
        N_("Only {room} are free on the disk of the database {database}."),
        N_("The disk is nearly full. A year of readings, one a minute, takes up to 40 MB."),
        N_("Make room on it, or give the database another place with --database."),
    ),
    _warns(
        "store-aside",
        "store",
        N_("A damaged database was set aside, and its data is not back yet: {files}."),
        N_("The disk has lost data, by a power cut for example."),
        N_("Run: hems-data-collector check --salvage"),
    ),
    _fails(
        "store-memory",
        "store",
        EXIT_STORE,
        N_("The running collector (process {process}) cannot write its database: {reason}"),
        N_("The disk is full, read-only or broken. So far {held} records are kept in memory."),
        N_("Make room on the disk, or mend it, without restarting the collector: it then writes what it has kept."),
    ),
    _fails(
        "store-held",
        "store",
        EXIT_STORE,
        N_("Another process ({process}) has the database {database} and answers no questions."),
        N_("Another collector runs on the same database, or one hangs."),
        N_("End that process, or give this collector its own file with --database."),
    ),
    _fails(
        "store-busy",
        "store",
        EXIT_STORE,
        N_("Another program has locked the database {database}."),
        N_("A database tool has it open, or a copy is being made."),
        N_("End that program, then run this again."),
    ),
    _fails(
        "store-damaged",
        "store",
        EXIT_STORE,
        N_("The database {database} is damaged: {reason}"),
        N_("The disk has lost data, by a power cut or a worn-out card."),
        N_("Restart the collector, which sets the file aside, then run: hems-data-collector check --salvage"),
    ),
    _fails(
        "store-denied",
        "store",
        EXIT_STORE,
        N_("The database {database} cannot be written: {reason}"),
        N_("Its folder belongs to another user, or the disk is read-only."),
        N_("Make the folder writable for this user, or give another file with --database."),
    ),
    _fails(
        "store-full",
        "store",
        EXIT_STORE,
        N_("The disk of the database {database} is full."),
        N_("Something has filled it."),
        N_("Make room on it: df -h shows the disks. The collector goes on by itself then."),
    ),
    _fails(
        "store-unusable",
        "store",
        EXIT_STORE,
        N_("The database {database} cannot be used: {reason}"),
        N_("It is of another version, or of another program."),
        N_("Update the program, or give another file with --database."),
    ),
    _ok("completeness", "completeness", N_("The half hours are complete: {present} of {expected}.")),
    _skips("completeness-none", "completeness", N_("No half hours are stored yet.")),
    _warns(
        "half-hours-missing",
        "completeness",
        N_("{missing} of {expected} half hours are missing."),
        N_("The collector did not run, or could not reach the meter, and has not read the meter's memory yet."),
        N_(
            "Let the collector run: it reads what the meter remembers (99 days) in the background. To read it now, stop"
            " the collector and run: hems-data-collector backfill"
        ),
    ),
)

_OUTPUTS: Final = (
    _ok("output", "outputs", N_("Output {output}: {state}.")),
    _skips("output-none", "outputs", N_("No output is configured: each reading is one line in the log.")),
    _fails(
        "output-settings",
        "outputs",
        EXIT_CONFIG,
        N_("Output {output}: {reason}"),
        N_("A setting of this output is wrong, or what it needs is not installed."),
        N_("Correct the setting that is named."),
    ),
    _fails(
        "output-unreachable",
        "outputs",
        EXIT_CONFIG,
        N_("Output {output}: {reason}"),
        N_("The server or the network is down, or the address is wrong."),
        N_("Check the address and the network. Nothing is lost meanwhile: records wait in the database."),
    ),
    _fails(
        "output-refused",
        "outputs",
        EXIT_CONFIG,
        N_("Output {output}: {reason}"),
        N_("The far end does not let us in, or what was addressed does not exist."),
        N_("Correct address and credentials of this output. Nothing is lost meanwhile: records wait in the database."),
    ),
    _warns(
        "output-doubtful",
        "outputs",
        N_("Output {output}: {reason}"),
        N_("What was asked is no record: the answer to a record may be another one."),
        N_("Look with `hems-data-collector outputs` whether records arrive."),
    ),
    _warns(
        "output-behind",
        "outputs",
        N_("Output {output}: {waiting} records wait, the state is {health}. {reason}"),
        N_("The far end was down, or refused us."),
        N_(
            "Nothing is lost: the collector sends them as soon as it can. More is shown by: hems-data-collector outputs"
        ),
    ),
    _warns(
        "output-dead-letters",
        "outputs",
        N_("Output {output}: the far end has refused {count} records for good."),
        N_("It does not take their content."),
        N_("Look at them with: hems-data-collector dead-letters list"),
    ),
)

_ANY: Final = (
    _skips("needs", "any", N_("Not looked at: first mend what was found before.")),
    _fails(
        "late",
        "any",
        EXIT_BUG,
        N_("This took longer than {seconds} s and was given up."),
        N_("Something hangs, or is very slow."),
        N_("Run this again; if it stays so, report it: hems-data-collector doctor --report FILE"),
    ),
)

KINDS: Final[Mapping[str, Kind]] = MappingProxyType(
    {
        kind.key: kind
        for kind in (
            *_SETTINGS,
            *_PORT,
            *_MODEM,
            *_CREDENTIALS,
            *_SCAN,
            *_JOIN,
            *_METER,
            *_COLLECTOR,
            *_STORE,
            *_OUTPUTS,
            *_ANY,
        )
    }
)
"""Every finding by its key, in the order of a diagnosis."""
