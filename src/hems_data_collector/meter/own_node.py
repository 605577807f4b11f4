"""What we answer when a meter asks us: the minimum controller node (echonet-lite-meter §7). PURE."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from hems_data_collector.echonet import CONTROLLER, NODE_PROFILE, Eoj, Esv, Frame, Property, encode_property_map

MAKER_CODE: Final = bytes.fromhex("FFFFFF")  # for experiments and for makers that are no member of the consortium

_NODE: Final[dict[int, bytes]] = {
    0x80: b"\x30",
    0x82: bytes.fromhex("010E0100"),  # version 1.14, format 1 only
    0x83: b"\xfe" + MAKER_CODE + bytes(13),
    0x8A: MAKER_CODE,
    0x9D: encode_property_map([0x80, 0xD5]),
    0x9E: encode_property_map([]),
    0xD3: bytes.fromhex("000001"),
    0xD4: bytes.fromhex("0002"),
    0xD5: b"\x01" + CONTROLLER.to_bytes(),
    0xD6: b"\x01" + CONTROLLER.to_bytes(),
    0xD7: b"\x01" + CONTROLLER.to_bytes()[:2],
}
_CONTROLLER: Final[dict[int, bytes]] = {
    0x80: b"\x30",
    0x81: b"\x00",
    0x82: bytes.fromhex("00005200"),  # Appendix release R
    0x88: b"\x42",
    0x8A: MAKER_CODE,
    0x9D: encode_property_map([0x80, 0x81, 0x88]),
    0x9E: encode_property_map([]),
}
_OBJECTS: Final[Mapping[Eoj, Mapping[int, bytes]]] = {
    eoj: own | {0x9F: encode_property_map([*own, 0x9F])}
    for eoj, own in ((NODE_PROFILE, _NODE), (CONTROLLER, _CONTROLLER))
}


def answer_for(request: Frame) -> Frame | None:
    """The answer to a Get or INF_REQ addressed to us; None where nothing is to be said (§2.2)."""
    values = _OBJECTS.get(request.deoj)
    services = {Esv.GET: (Esv.GET_RES, Esv.GET_SNA), Esv.INF_REQ: (Esv.INF, Esv.INF_SNA)}.get(request.esv)
    if values is None or services is None:
        return None
    properties = tuple(Property(epc=asked.epc, edt=values.get(asked.epc, b"")) for asked in request.properties)
    complete = all(prop.edt for prop in properties)
    return Frame(
        tid=request.tid,
        seoj=request.deoj,
        deoj=request.seoj,
        esv=services[0] if complete else services[1],
        properties=properties,
    )
