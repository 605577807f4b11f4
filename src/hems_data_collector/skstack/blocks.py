"""Answers of several lines: scan results and tables (skstack-ip §3.3, §3.8). None has an end mark of its own."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from hems_data_collector.errors import LineError
from hems_data_collector.skstack.events import (
    AddressTable,
    DeviceTable,
    EnergyScan,
    HandleTable,
    KeyTable,
    LineEvent,
    Neighbor,
    NeighborTable,
    PanDescription,
    PortTable,
    TcpHandle,
)
from hems_data_collector.skstack.parse import ADDRESS, address

_MAX_ROWS: Final = 64  # far above every table of §3.8; bounds what a broken module can make us keep
_UDP_HANDLES: Final = 6

_PAN_FIELDS: Final[Mapping[str, re.Pattern[str]]] = {
    "Channel": re.compile(r"[0-9A-Fa-f]{2}"),
    "Channel Page": re.compile(r"[0-9A-Fa-f]{2}"),
    "Pan ID": re.compile(r"[0-9A-Fa-f]{4}"),
    "Addr": re.compile(r"[0-9A-Fa-f]{16}"),
    "LQI": re.compile(r"[0-9A-Fa-f]{2}"),
    "Side": re.compile(r"[0-9]"),
    "PairID": re.compile(r"[\x21-\x7e]{8}"),
}
_PAN_REQUIRED: Final = frozenset({"Channel", "Channel Page", "Pan ID", "Addr", "LQI"})

_PAN_ROW: Final = re.compile(r" *([A-Za-z][A-Za-z0-9 ]*?) *: *([^:]*?) *")
_ENERGY_ROW: Final = re.compile(r"[0-9A-Fa-f]{2} [0-9A-Fa-f]{2}(?: [0-9A-Fa-f]{2} [0-9A-Fa-f]{2})* *")
_ADDRESS_ROW: Final = re.compile(rf" *{ADDRESS} *")
_NEIGHBOR_ROW: Final = re.compile(rf" *{ADDRESS} ([0-9A-Fa-f]{{16}}) ([0-9A-Fa-f]{{4}}) *")
_PORT_ROW: Final = re.compile(r" *([0-9]{1,5}) *")
_HANDLE_ROW: Final = re.compile(rf" *([0-9A-Fa-f]{{1,2}}) {ADDRESS} ([0-9A-Fa-f]{{4}}) ([0-9A-Fa-f]{{4}}) *")
_FREE_ROW: Final = re.compile(r"(?!(?:OK|FAIL|EVENT|EPONG|ETCP|EPANDESC|EEDSCAN)(?: |\Z)).*")

Rows = Sequence[re.Match[str]]


def _pan_fields(rows: Rows) -> dict[str, str]:
    return {row[1]: row[2] for row in rows}


def _pan_is_whole(rows: Rows) -> bool:
    return _pan_fields(rows).keys() >= _PAN_REQUIRED


def _pan(rows: Rows) -> PanDescription:
    fields = _pan_fields(rows)
    for key, form in _PAN_FIELDS.items():
        if not form.fullmatch(fields.get(key, "")) and (key in fields or key in _PAN_REQUIRED):
            raise LineError(f"EPANDESC with a bad or missing {key}")
    return PanDescription(
        channel=int(fields["Channel"], 16),
        channel_page=int(fields["Channel Page"], 16),
        pan_id=int(fields["Pan ID"], 16),
        mac=fields["Addr"].upper(),
        lqi=int(fields["LQI"], 16),
        side=int(fields["Side"]) if "Side" in fields else None,
        pair_id=fields.get("PairID"),
    )


def _energy(rows: Rows) -> EnergyScan:
    if not rows:
        raise LineError("EEDSCAN without its levels")
    numbers = [int(word, 16) for word in rows[0][0].split()]
    return EnergyScan(levels=dict(zip(numbers[::2], numbers[1::2], strict=True)))


def _neighbor(row: re.Match[str]) -> Neighbor:
    return Neighbor(address=address(row[1]), mac=row[2].upper(), short_address=int(row[3], 16))


def _handle(row: re.Match[str]) -> TcpHandle:
    return TcpHandle(
        handle=int(row[1], 16), address=address(row[2]), remote_port=int(row[3], 16), local_port=int(row[4], 16)
    )


def _ports(rows: Rows) -> PortTable:
    ports = tuple(int(row[1]) for row in rows)
    return PortTable(udp=ports[:_UDP_HANDLES], tcp=ports[_UDP_HANDLES:])


@dataclass(frozen=True, slots=True, kw_only=True)
class BlockKind:
    """How the rows of one header line look, when it may end, and what becomes of it."""

    row: re.Pattern[str]
    finish: Callable[[Rows], LineEvent]
    whole: Callable[[Rows], bool]
    """From here on an asynchronous line ends the block; before, the block stays open across it."""
    single: bool = False
    """One row is all."""


def _never(rows: Rows) -> bool:
    return False


BLOCKS: Final[Mapping[str, BlockKind]] = {
    "EPANDESC": BlockKind(row=_PAN_ROW, finish=_pan, whole=_pan_is_whole),
    "EEDSCAN": BlockKind(row=_ENERGY_ROW, finish=_energy, whole=_never, single=True),
    "EADDR": BlockKind(
        row=_ADDRESS_ROW,
        finish=lambda rows: AddressTable(addresses=tuple(address(row[1]) for row in rows)),
        whole=_never,
    ),
    "ENEIGHBOR": BlockKind(
        row=_NEIGHBOR_ROW,
        finish=lambda rows: NeighborTable(neighbors=tuple(_neighbor(row) for row in rows)),
        whole=_never,
    ),
    "EPORT": BlockKind(row=_PORT_ROW, finish=_ports, whole=_never),
    "EHANDLE": BlockKind(
        row=_HANDLE_ROW, finish=lambda rows: HandleTable(handles=tuple(_handle(row) for row in rows)), whole=_never
    ),
    "ENBR": BlockKind(row=_FREE_ROW, finish=lambda rows: DeviceTable(rows=tuple(row[0] for row in rows)), whole=_never),
    "ESEC": BlockKind(row=_FREE_ROW, finish=lambda rows: KeyTable(rows=tuple(row[0] for row in rows)), whole=_never),
}


@dataclass(slots=True, kw_only=True)
class OpenBlock:
    """A block whose rows are being collected."""

    header: str
    kind: BlockKind
    rows: list[re.Match[str]] = field(default_factory=list)

    @classmethod
    def opened_by(cls, text: str) -> OpenBlock | None:
        """The block that this line begins, if it is a header."""
        header = text.rstrip(" ")
        kind = BLOCKS.get(header)
        return None if kind is None else cls(header=header, kind=kind)

    def takes(self, text: str) -> bool:
        """Keep `text` as the next row; False when it is none."""
        row = self.kind.row.fullmatch(text)
        if row is None or len(self.rows) >= _MAX_ROWS:
            return False
        self.rows.append(row)
        return True

    @property
    def whole(self) -> bool:
        """Nothing required is missing, so that the next asynchronous line ends it."""
        return self.kind.whole(self.rows)

    @property
    def complete(self) -> bool:
        """No further row can come."""
        return self.kind.single and bool(self.rows)

    def event(self) -> LineEvent:
        """What the rows mean; LineError when something is missing or malformed."""
        return self.kind.finish(self.rows)

    @property
    def raw(self) -> bytes:
        """The block as it came, for evidence."""
        return "\r\n".join((self.header, *(row[0] for row in self.rows))).encode("latin-1")
