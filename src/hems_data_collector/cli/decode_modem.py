"""Lines of a modem for `decode`: what each one means, for people and for programs, and nothing secret in either."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from gettext import gettext as _
from typing import Any, Final

from hems_data_collector.cli.decode_input import Datagram, ModemLine
from hems_data_collector.cli.decode_texts import COMMANDS, FAILURES, MEANINGS, RESULTS, in_brackets
from hems_data_collector.errors import LineError
from hems_data_collector.language import N_
from hems_data_collector.skstack import (
    PANA_PORT,
    Address,
    AddressTable,
    AppVersion,
    DeviceTable,
    EnergyScan,
    Event,
    EventNumber,
    Fail,
    HandleTable,
    Info,
    KeyTable,
    LineEvent,
    NeighborTable,
    Ok,
    PanDescription,
    Pong,
    PortTable,
    Register,
    RxTcp,
    RxUdp,
    Tcp,
    Version,
    masked_line,
    rssi_dbm,
)
from hems_data_collector.skstack.blocks import OpenBlock
from hems_data_collector.skstack.framing import DataLine
from hems_data_collector.skstack.parse import address, glued_line, parse_data, parse_line

_PAIR_ID_ROW: Final = re.compile(r"\s*PairID\s*:.*")
_COMMAND: Final = re.compile(r"(SK[A-Z0-9]{2,}|[RW](?:OPT|UART))(?: .*)?\Z")
_PANA_HANDLE: Final = b"2"  # its source port is 02CC as delivered (skstack-ip §2.6)


@dataclass(frozen=True, slots=True, kw_only=True)
class ExplainedLine:
    """A line (or a block of lines) of the modem, with its meaning."""

    json: dict[str, Any]
    lines: list[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Carried:
    """A datagram on its way: what is known about its transport, and its payload where it may be shown."""

    sender: str
    json: dict[str, Any]
    head: str
    payload: bytes | None
    """None where there is nothing to decode: PANA, TCP, or data that the log left out."""


@dataclass(slots=True, kw_only=True)
class ModemReader:
    """Explains the lines of one capture in order; scan results and tables come out when they are complete."""

    faults: list[str] = field(default_factory=list)
    """Why a block could not be read; the caller takes them out."""
    _block: tuple[OpenBlock, ModemLine] | None = None
    """The open block and the line that began it."""
    _done: list[ExplainedLine] = field(default_factory=list)

    def read(self, line: ModemLine) -> list[ExplainedLine]:
        """What this line completes. Raises LineError where it is nothing that a modem prints or understands."""
        self._take(line)
        return self._taken()

    def end(self) -> list[ExplainedLine]:
        """The block that was still open."""
        self._close()
        return self._taken()

    def _taken(self) -> list[ExplainedLine]:
        done, self._done = self._done, []
        return done

    def _take(self, line: ModemLine) -> None:
        text = line.text.strip()
        if self._block and self._takes_row(self._block[0], line):
            return
        if opened := OpenBlock.opened_by(text):
            self._close()
            self._block = opened, line
        elif (line.certain and line.direction == ">") or _COMMAND.match(text):
            self._done.append(_command(text, line))
        else:
            self._take_event(text, line)

    def _takes_row(self, block: OpenBlock, line: ModemLine) -> bool:
        if block.header == "EPANDESC" and _PAIR_ID_ROW.fullmatch(line.text):
            return True  # the end of a Route-B id, whole or masked: not needed, never shown
        if not line.certain or line.direction == ">" or not block.takes(line.text):
            return False
        if block.complete:
            self._close()
        return True

    def _take_event(self, text: str, line: ModemLine) -> None:
        try:
            event = parse_line(text)
        except LineError:
            split = glued_line(text)
            if split is None:
                raise
            self._take(replace(line, text=split[1]))
            return
        if self._block and (isinstance(event, Ok | Fail) or self._block[0].whole):
            self._close()
        self._done.append(_explained(event, line))

    def _close(self) -> None:
        if self._block is None:
            return
        (block, line), self._block = self._block, None
        try:
            self._done.append(_explained(block.event(), line))
        except LineError as error:
            self.faults.append(error.what)


def carried(unit: Datagram) -> Carried:
    """What a line with data says about its transport. Raises LineError where a field of its header is none."""
    if unit.kind == "SKSENDTO":
        return _sent(unit)
    event = parse_data(
        DataLine(raw=b"", glued=b"", tcp=unit.kind == "ERXTCP", fields=unit.fields, payload=unit.data or b"")
    )
    size = int(unit.fields[-1] or b"0", 16)
    if isinstance(event, RxTcp):
        shown = {"line": "ERXTCP", "sender": event.sender, "length": size}
        head = _("ERXTCP from {sender}: {size} bytes of TCP data").format(sender=event.sender, size=size)
        return Carried(sender=event.sender, json=shown, head=_front(unit) + head, payload=None)
    assert isinstance(event, RxUdp)
    return _received(unit, event, size)


def _received(unit: Datagram, event: RxUdp, size: int) -> Carried:
    pana = PANA_PORT in (event.remote_port, event.local_port)
    shown = {
        "line": "ERXUDP",
        "sender": event.sender,
        "destination": event.destination,
        "remote_port": f"{event.remote_port:04X}",
        "local_port": f"{event.local_port:04X}",
        "secured": event.secured,
        "side": event.side,
        "lqi": event.lqi,
        "length": size,
    }
    notes = [_("encrypted") if event.secured else _("not encrypted")]
    if event.lqi is not None:
        notes.append(_signal(event.lqi))
    head = _("ERXUDP from {sender} ({notes})").format(sender=event.sender, notes=_(", ").join(notes))
    if pana:
        head += ": " + _("PANA, {size} bytes (not shown: it may hold the Route-B id)").format(size=size)
    return Carried(
        sender=event.sender,
        json=shown | {"content": "pana" if pana else None},
        head=_front(unit) + head,
        payload=None if pana else unit.data,
    )


def _sent(unit: Datagram) -> Carried:
    handle, destination, port, _security, side, length = (part or b"" for part in unit.fields)
    size, pana = int(length, 16), handle == _PANA_HANDLE or int(port, 16) == PANA_PORT
    where = address(destination.decode("ascii"))
    shown = {
        "line": "SKSENDTO",
        "destination": where,
        "port": port.decode("ascii").upper(),
        "side": int(side) if side else None,
        "length": size,
        "content": "pana" if pana else None,
    }
    head = _("SKSENDTO to {destination}").format(destination=where)
    if pana:
        head += ": " + _("PANA, {size} bytes (not shown: it may hold the Route-B id)").format(size=size)
    return Carried(sender="", json=shown, head=_front(unit) + head, payload=None if pana else unit.data)


def _front(unit: ModemLine | Datagram) -> str:
    """Time and direction, where the capture has them."""
    return "".join(f"{part} " for part in (unit.stamp, unit.direction) if part)


def _signal(lqi: int) -> str:
    return _("LQI {lqi} = {dbm} dBm").format(lqi=lqi, dbm=rssi_dbm(lqi))


def _command(text: str, line: ModemLine) -> ExplainedLine:
    masked = _masked(text)
    name = masked.split(" ", 1)[0]
    notes = [_(COMMANDS.get(name, N_("another command"))), *([_("echoed")] if line.direction == "<" else ())]
    return ExplainedLine(json={"line": name, "text": masked}, lines=[f"{_front(line)}{masked}  {in_brackets(*notes)}"])


def _explained(event: LineEvent, line: ModemLine) -> ExplainedLine:
    shown, text = _EVENTS[type(event)](event)
    first, *more = text.split("\n")
    return ExplainedLine(json=shown, lines=[_front(line) + first, *more])


def _event(event: Event) -> tuple[dict[str, Any], str]:
    known = event.number in EventNumber.__members__.values()
    parameter = None if event.parameter is None else f"{event.parameter:02X}"
    shown = {
        "line": "EVENT",
        "number": f"{event.number:02X}",
        "name": EventNumber(event.number).name.lower() if known else None,
        "address": event.address,
        "side": event.side,
        "parameter": parameter,
    }
    meaning = _(MEANINGS.get(event.number, N_("unknown event")))
    if event.number == EventNumber.UDP_SENT and event.parameter is not None:
        meaning += ": " + _(RESULTS.get(event.parameter, N_("unknown result {code}"))).format(code=parameter)
    where = f"  {event.address}" if event.address else ""
    return shown, f"EVENT {event.number:02X}  {meaning}{where}"


def _fail(event: Fail) -> tuple[dict[str, Any], str]:
    shown = {"line": "FAIL", "code": event.code, "text": _masked(event.text)}
    if event.code is None:
        return shown, "FAIL  " + _("the command was refused")
    return shown, f"FAIL ER{event.code:02}  " + _(FAILURES.get(event.code, N_("reserved code")))


def _ok(event: Ok) -> tuple[dict[str, Any], str]:
    text = _masked(event.text)
    return {"line": "OK", "text": text}, f"OK {text}".rstrip() + "  " + _("(the command was accepted)")


def _pan(event: PanDescription) -> tuple[dict[str, Any], str]:
    shown = {
        "line": "EPANDESC",
        "channel": f"{event.channel:02X}",
        "channel_page": f"{event.channel_page:02X}",
        "pan_id": f"{event.pan_id:04X}",
        "mac": event.mac,
        "lqi": event.lqi,
        "rssi_dbm": rssi_dbm(event.lqi),
        "side": event.side,
    }
    text = _("EPANDESC  a meter: channel {channel}, PAN {pan}, MAC {mac}, {signal}")
    return shown, text.format(channel=shown["channel"], pan=shown["pan_id"], mac=event.mac, signal=_signal(event.lqi))


def _energy(event: EnergyScan) -> tuple[dict[str, Any], str]:
    levels = {f"{channel:02X}": level for channel, level in event.levels.items()}
    listed = "  ".join(f"{channel}:{level}" for channel, level in levels.items())
    return {"line": "EEDSCAN", "levels": levels}, _("EEDSCAN  energy by channel:") + f"\n  {listed}"


def _info(event: Info) -> tuple[dict[str, Any], str]:
    shown = {
        "line": "EINFO",
        "address": event.address,
        "mac": event.mac,
        "channel": f"{event.channel:02X}",
        "pan_id": f"{event.pan_id:04X}",
        "dialect": None if event.dialect is None else event.dialect.name,
    }
    text = _("EINFO  the modem: {address}, MAC {mac}, channel {channel}, PAN {pan}, {dialect}")
    return shown, text.format(
        address=event.address,
        mac=event.mac,
        channel=shown["channel"],
        pan=shown["pan_id"],
        dialect=shown["dialect"] or "?",
    )


def _register(event: Register) -> tuple[dict[str, Any], str]:
    masked = masked_line(f"ESREG {event.value}".encode("latin-1"))  # S0A and S0B are part of a Route-B id
    value = masked.partition(" ")[2]
    return {"line": "ESREG", "value": value}, f"{masked}  " + _("(value of a register)")


def _tcp(event: Tcp) -> tuple[dict[str, Any], str]:
    shown = {"line": "ETCP", "status": event.status, "handle": event.handle, "address": event.address}
    return shown, _("ETCP  TCP connection {handle}: status {status}").format(handle=event.handle, status=event.status)


def _table(line: str, rows: list[str], title: str) -> tuple[dict[str, Any], str]:
    return {"line": line, "rows": rows}, "\n  ".join([f"{line}  {title}", *rows])


def _value(line: str, value: str, meaning: str) -> tuple[dict[str, Any], str]:
    return {"line": line, "value": value}, f"{line} {value}  {in_brackets(meaning)}"


_EVENTS: Final[Mapping[type, Callable[[Any], tuple[dict[str, Any], str]]]] = {
    Ok: _ok,
    Fail: _fail,
    Event: _event,
    PanDescription: _pan,
    EnergyScan: _energy,
    Info: _info,
    Register: _register,
    Tcp: _tcp,
    Version: lambda event: _value("EVER", event.text, _("firmware")),
    AppVersion: lambda event: _value("EAPPVER", event.text, _("application firmware")),
    Address: lambda event: (
        {"line": "address", "value": event.address},
        f"{event.address}  " + _("(answer of SKLL64)"),
    ),
    Pong: lambda event: _value("EPONG", event.address, _("echo reply")),
    AddressTable: lambda event: _table("EADDR", list(event.addresses), _("own addresses")),
    NeighborTable: lambda event: _table(
        "ENEIGHBOR", [f"{row.address} {row.mac} {row.short_address:04X}" for row in event.neighbors], _("neighbours")
    ),
    PortTable: lambda event: _table(
        "EPORT", [*(f"UDP {port}" for port in event.udp), *(f"TCP {port}" for port in event.tcp)], _("ports")
    ),
    HandleTable: lambda event: _table(
        "EHANDLE",
        [f"{row.handle} {row.address} {row.remote_port} {row.local_port}" for row in event.handles],
        _("TCP handles"),
    ),
    DeviceTable: lambda event: _table("ENBR", [_masked(row) for row in event.rows], _("device table")),
    KeyTable: lambda event: (
        {"line": "ESEC", "rows": len(event.rows)},
        "ESEC  " + _("{count} rows of the key table (not shown)").format(count=len(event.rows)),
    ),
}


def _masked(text: str) -> str:
    return masked_line(text.encode("latin-1"))
