"""The node profile, class 0x0EF0: one row per property (echonet-lite-meter §7)."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from hems_data_collector.echonet.codes import Eoj
from hems_data_collector.echonet.edt import DATE, Codec, ascii_text, choice, integer, octets
from hems_data_collector.echonet.property_map import PROPERTY_MAP
from hems_data_collector.echonet.spec import Access, PropertySpec, table
from hems_data_collector.echonet.superclass import (
    FAULT_DESCRIPTION,
    GET,
    GET_ANNO,
    GET_SET,
    IDENTIFICATION,
    MAKER,
    FaultStatus,
    OperationStatus,
)
from hems_data_collector.errors import PropertyError

INSTANCES_MAX: Final = 84
"""Objects in D5 and D6 (echonet-lite-meter §7)."""
CLASSES_MAX: Final = 8
"""Classes in D7 (echonet-lite-meter §7)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeVersion:
    """82 of the node profile: version of ECHONET Lite and the message formats it speaks."""

    major: int
    minor: int
    formats: int
    """Bit 0: format 1; bit 1: format 2."""


def _decode_version(edt: bytes) -> NodeVersion:
    if edt[3]:
        raise PropertyError("The last byte of a node's version is 00.", edt)
    return NodeVersion(major=edt[0], minor=edt[1], formats=edt[2])


def _encode_version(value: NodeVersion) -> bytes:
    return bytes((value.major, value.minor, value.formats, 0))


NODE_VERSION: Final = Codec(sizes=(4,), decode=_decode_version, encode=_encode_version)
"""82; `01 0E 01 00` is version 1.14, format 1 only (echonet-lite-meter §7)."""


def _counted(edt: bytes, size: int) -> bytes:
    """What follows the count byte; raises PropertyError where it is not `count` items of `size` bytes."""
    if len(edt) != 1 + size * edt[0]:
        raise PropertyError(f"A list of {edt[0]} does not fit {len(edt)} bytes.", edt)
    return edt[1:]


def _decode_instances(edt: bytes) -> tuple[Eoj, ...]:
    body = _counted(edt, 3)
    return tuple(Eoj.from_bytes(body[at : at + 3]) for at in range(0, len(body), 3))


def _encode_instances(value: tuple[Eoj, ...]) -> bytes:
    if len(value) > INSTANCES_MAX:
        raise ValueError(f"{len(value)} objects; a list holds {INSTANCES_MAX}.")
    return bytes((len(value),)) + b"".join(eoj.to_bytes() for eoj in value)


def _decode_classes(edt: bytes) -> tuple[int, ...]:
    body = _counted(edt, 2)
    return struct.unpack(f">{len(body) // 2}H", body)


def _encode_classes(value: tuple[int, ...]) -> bytes:
    if len(value) > CLASSES_MAX or not all(0 <= code <= 0xFFFF for code in value):
        raise ValueError(f"A list holds {CLASSES_MAX} class codes of two bytes.")
    return bytes((len(value),)) + struct.pack(f">{len(value)}H", *value)


INSTANCE_LIST: Final = Codec(
    sizes=range(1, 2 + 3 * INSTANCES_MAX, 3), decode=_decode_instances, encode=_encode_instances
)
"""D5, D6: the objects of the node without its profile (echonet-lite-meter §7)."""
CLASS_LIST: Final = Codec(sizes=range(1, 2 + 2 * CLASSES_MAX, 2), decode=_decode_classes, encode=_encode_classes)
"""D7: class codes (group and class as one number) without the node profile (echonet-lite-meter §7)."""
INSTANCE_COUNT: Final = integer(3, 0, 0xFF_FFFF)
CLASS_COUNT: Final = integer(2, 0, 0xFFFF)

_ROWS: Final = (
    PropertySpec(0x80, "Operating status", "動作状態", GET_ANNO, choice(OperationStatus), required=GET_ANNO),
    PropertySpec(0x82, "Version information", "Version情報", GET, NODE_VERSION, required=GET),
    PropertySpec(0x83, "Identification number", "識別番号", GET, IDENTIFICATION, required=GET),
    PropertySpec(0x88, "Fault status", "異常発生状態", GET, choice(FaultStatus)),
    PropertySpec(0x89, "Fault description", "異常内容", GET, FAULT_DESCRIPTION),
    PropertySpec(0x8A, "Manufacturer code", "メーカコード", GET, MAKER, required=GET),
    PropertySpec(0x8B, "Business facility code", "事業場コード", GET, octets(3)),
    PropertySpec(0x8C, "Product code", "商品コード", GET, ascii_text(12)),
    PropertySpec(0x8D, "Production number (serial)", "製造番号", GET, ascii_text(12)),
    PropertySpec(0x8E, "Production date", "製造年月日", GET, DATE),
    PropertySpec(
        0x9D,
        "Status change announcement property map",
        "状変アナウンスプロパティマップ",
        GET,
        PROPERTY_MAP,
        required=GET,
    ),
    PropertySpec(0x9E, "Set property map", "Setプロパティマップ", GET, PROPERTY_MAP, required=GET),
    PropertySpec(0x9F, "Get property map", "Getプロパティマップ", GET, PROPERTY_MAP, required=GET),
    PropertySpec(0xBF, "Unique identifier data", "個体識別情報", GET_SET, octets(2)),
    PropertySpec(0xD3, "Number of self-node instances", "自ノードインスタンス数", GET, INSTANCE_COUNT, required=GET),
    PropertySpec(0xD4, "Number of self-node classes", "自ノードクラス数", GET, CLASS_COUNT, required=GET),
    PropertySpec(
        0xD5, "Instance list notification", "インスタンスリスト通知", GET_ANNO, INSTANCE_LIST, required=Access.ANNO
    ),
    PropertySpec(0xD6, "Self-node instance list S", "自ノードインスタンスリストS", GET, INSTANCE_LIST, required=GET),
    PropertySpec(0xD7, "Self-node class list S", "自ノードクラスリストS", GET, CLASS_LIST, required=GET),
)

NODE_PROFILE_PROPERTIES: Final[Mapping[int, PropertySpec]] = table(_ROWS)
"""Every property of a node profile by EPC (echonet-lite-meter §7)."""
