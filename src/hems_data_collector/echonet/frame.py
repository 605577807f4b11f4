"""Frames of both formats, and which answer belongs to which request (echonet-lite-meter §1, §2).

A frame carries property bytes; what they mean is the business of `objects.decode_property`.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Final, NamedTuple

from hems_data_collector.echonet.codes import ALL_INSTANCES, ANSWERS, NODE_PROFILE, SET_GET_FAMILY, Eoj, Esv, eoj_of
from hems_data_collector.errors import FrameError

EHD1: Final = 0x10
"""First byte: ECHONET Lite (echonet-lite-meter §1.1)."""
FORMAT_1: Final = 0x81
"""Second byte: specified message, the only form meters use (echonet-lite-meter §1.1)."""
FORMAT_2: Final = 0x82
"""Second byte: arbitrary message (echonet-lite-meter §1.4)."""
TID_MAX: Final = 0xFFFF
EDT_MAX_LENGTH: Final = 255
"""PDC is one byte (echonet-lite-meter §1.1)."""
OPC_MAX: Final = 255

_HEADER = struct.Struct(">BBH3s3sBB")
_HEADER_LENGTH = 12
_FORMAT_2_HEADER = struct.Struct(">BBH")
_FORMAT_2_HEADER_LENGTH = 4
_ESV_OF: Mapping[int, Esv] = {int(esv): esv for esv in Esv}


class Property(NamedTuple):
    """One entry of a frame: `epc` and its `edt` (empty where PDC is 0).

    A tuple and not a dataclass, because a frame makes one per entry and a tuple costs two thirds of the time.
    """

    epc: int
    edt: bytes = b""


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """A frame of format 1, the specified message (echonet-lite-meter §1.1, §1.2).

    `properties` is the one list of a frame; with SetGet, its answer and its refusal it is the get list, and
    `set_properties` is the set list.
    """

    tid: int
    seoj: Eoj
    deoj: Eoj
    esv: Esv
    properties: tuple[Property, ...]
    set_properties: tuple[Property, ...] = ()

    @classmethod
    def decode(cls, data: bytes) -> Frame:
        """The frame in one whole datagram; nothing may follow its last entry.

        Raises FrameError, with a text of its own for each: too short, not ECHONET Lite, format 2, reserved service
        code, entry cut, EDT cut, trailing bytes.
        """
        if len(data) < _HEADER_LENGTH:
            raise _too_short(data)
        ehd1, ehd2, tid, seoj, deoj, code, count = _HEADER.unpack_from(data)
        if ehd1 != EHD1 or ehd2 != FORMAT_1:
            raise _wrong_header(data)
        esv = _ESV_OF.get(code)
        if esv is None:
            raise FrameError(f"Service code 0x{code:02X} is reserved.", data)
        set_properties: tuple[Property, ...] = ()
        properties, end = _properties(data, _HEADER_LENGTH, count)
        if esv in SET_GET_FAMILY:
            if end >= len(data):
                raise FrameError("The frame ends before the count of its get list.", data)
            set_properties = properties
            properties, end = _properties(data, end + 1, data[end])
        if end != len(data):
            raise FrameError(f"{len(data) - end} bytes follow the last property of the frame.", data)
        return cls(
            tid=tid,
            seoj=eoj_of(seoj),
            deoj=eoj_of(deoj),
            esv=esv,
            properties=properties,
            set_properties=set_properties,
        )

    def encode(self) -> bytes:
        """The bytes of the wire; a frame without entries (OPC 0) is legal here, though nobody should send one.

        Raises ValueError for numbers that do not fit their fields, more than 255 entries, an EDT above 255 bytes, or a
        set list on a service that has none.
        """
        if not 0 <= self.tid <= TID_MAX:
            raise ValueError(f"TID {self.tid} does not fit two bytes.")
        head = _HEADER.pack(
            EHD1,
            FORMAT_1,
            self.tid,
            self.seoj.to_bytes(),
            self.deoj.to_bytes(),
            self.esv,
            _count(self.set_properties if self.esv in SET_GET_FAMILY else self.properties),
        )
        if self.esv in SET_GET_FAMILY:
            get_count = bytes((_count(self.properties),))
            return b"".join((head, *_entries(self.set_properties), get_count, *_entries(self.properties)))
        if self.set_properties:
            raise ValueError(f"Service {self.esv.name} has no set list.")
        return b"".join((head, *_entries(self.properties)))


@dataclass(frozen=True, slots=True, kw_only=True)
class ArbitraryFrame:
    """A frame of format 2: free-form payload, not used on the B-route (echonet-lite-meter §1.4)."""

    tid: int
    payload: bytes

    @classmethod
    def decode(cls, data: bytes) -> ArbitraryFrame:
        """The frame in one whole datagram; raises FrameError for another format."""
        if len(data) < _FORMAT_2_HEADER_LENGTH:
            raise _too_short(data)
        ehd1, ehd2, tid = _FORMAT_2_HEADER.unpack_from(data)
        if ehd1 != EHD1 or ehd2 != FORMAT_2:
            raise _wrong_header(data)
        return cls(tid=tid, payload=bytes(data[_FORMAT_2_HEADER_LENGTH:]))

    def encode(self) -> bytes:
        """The bytes of the wire; raises ValueError for a TID beyond two bytes."""
        if not 0 <= self.tid <= TID_MAX:
            raise ValueError(f"TID {self.tid} does not fit two bytes.")
        return _FORMAT_2_HEADER.pack(EHD1, FORMAT_2, self.tid) + self.payload


def decode_datagram(data: bytes) -> Frame | ArbitraryFrame:
    """The frame of either format; raises FrameError (echonet-lite-meter §1)."""
    if len(data) >= _FORMAT_2_HEADER_LENGTH and data[0] == EHD1 and data[1] == FORMAT_2:
        return ArbitraryFrame.decode(data)
    return Frame.decode(data)


def is_answer(request: Frame, answer: Frame) -> bool:
    """Whether `answer` belongs to `request` (echonet-lite-meter §2.1); the caller checks the sender's address.

    The service code decides too, because meters number their notifications from the same space. The instance of the
    answer's DEOJ may differ from ours; a request to all instances (00) is answered by any one; what INF_REQ asks for
    comes as an announcement to every node, whose DEOJ is the node profile (G01, G04).
    """
    if answer.tid != request.tid or answer.esv not in ANSWERS.get(request.esv, ()):
        return False
    asked, source = request.deoj, answer.seoj
    if asked != source and (asked.instance != ALL_INSTANCES or asked.class_code != source.class_code):
        return False
    wanted = answer.deoj.class_code
    return wanted == request.seoj.class_code or (request.esv is Esv.INF_REQ and wanted == NODE_PROFILE.class_code)


def inform_response(frame: Frame) -> Frame:
    """The INFC_Res owed for an INFC: same TID and EPCs, objects swapped, no values (echonet-lite-meter §2.3).

    Raises ValueError for any other service. An INFC to all instances is answered from instance 01.
    """
    if frame.esv is not Esv.INFC:
        raise ValueError(f"Service {frame.esv.name} wants no INFC_Res.")
    source = frame.deoj if frame.deoj.instance != ALL_INSTANCES else replace(frame.deoj, instance=1)
    return Frame(
        tid=frame.tid,
        seoj=source,
        deoj=frame.seoj,
        esv=Esv.INFC_RES,
        properties=tuple(Property(entry.epc) for entry in frame.properties),
    )


def _properties(data: bytes, at: int, count: int) -> tuple[tuple[Property, ...], int]:
    """`count` entries from offset `at`, and the offset behind them; raises FrameError where they are cut."""
    entries: list[Property] = []
    size = len(data)
    for _ in range(count):
        start = at + 2
        if start > size:
            raise FrameError("The frame ends inside an entry's EPC and PDC.", data)
        at = start + data[start - 1]
        if at > size:
            raise FrameError(f"The frame ends inside the value of property 0x{data[start - 2]:02X}.", data)
        entries.append(Property(data[start - 2], data[start:at]))
    return tuple(entries), at


def _count(entries: tuple[Property, ...]) -> int:
    if len(entries) > OPC_MAX:
        raise ValueError(f"{len(entries)} entries do not fit a frame; {OPC_MAX} do.")
    return len(entries)


def _entries(entries: tuple[Property, ...]) -> Iterable[bytes]:
    for entry in entries:
        if not 0 <= entry.epc <= 0xFF:
            raise ValueError(f"EPC {entry.epc} does not fit one byte.")
        if len(entry.edt) > EDT_MAX_LENGTH:
            raise ValueError(
                f"The value of property 0x{entry.epc:02X} has {len(entry.edt)} bytes; {EDT_MAX_LENGTH} fit."
            )
        yield bytes((entry.epc, len(entry.edt)))
        yield entry.edt


def _too_short(data: bytes) -> FrameError:
    return FrameError(f"{len(data)} bytes are too short for an ECHONET Lite frame.", data)


def _wrong_header(data: bytes) -> FrameError:
    if data[0] != EHD1:
        return FrameError(f"The first byte is 0x{data[0]:02X}, not 0x10: not ECHONET Lite.", data)
    if data[1] == FORMAT_2:
        return FrameError("An arbitrary message (format 2), not a format-1 frame.", data)
    return FrameError(f"The second byte is 0x{data[1]:02X}: neither format 1 (0x81) nor format 2 (0x82).", data)
