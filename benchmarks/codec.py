"""Decoding one frame, and importing the program."""

from __future__ import annotations

from collections.abc import Callable

from momonga.momonga import ENERGY_PARSERS, PARSER_MAP, Momonga
from momonga.momonga_echonet_data import EchonetProperty
from momonga.momonga_echonet_enum import EchonetPropertyCode

from benchmarks.measure import Measurement, python_seconds, seconds_per_call
from hems_data_collector.echonet import METER, decode_datagram, decode_property

G46 = bytes.fromhex("108106E102880105FF017206800130880142E70400000698E80400A00028E0040004F3FDE3040000000B")
"""Six properties as a meter answers a poll (echonet-lite-meter §13)."""
STANDARD_LIBRARY = "import argparse, asyncio, dataclasses, datetime, decimal, json, logging, pathlib, zoneinfo"


def measurements() -> list[Measurement]:
    """The rows of this file."""
    return [_decode(), _import()]


def _decode_ours() -> dict[int, object]:
    frame = decode_datagram(G46)
    return {prop.epc: decode_property(METER, prop.epc, prop.edt) for prop in frame.properties}  # type: ignore[union-attr]


def _decode() -> Measurement:
    theirs = _momonga_decoder()
    ours_s, theirs_s = seconds_per_call(_decode_ours), seconds_per_call(theirs)
    return Measurement(
        name="decoding a frame of six properties",
        ours=f"{ours_s * 1e6:.1f} µs",
        base=f"momonga {theirs_s * 1e6:.1f} µs",
        ratio=ours_s / theirs_s,
    )


def _momonga_decoder() -> Callable[[], dict[int, object]]:
    """The same work by momonga's own functions: check the frame, cut it, and parse every property."""
    asked = [EchonetProperty(EchonetPropertyCode(epc)) for epc in (0x80, 0x88, 0xE7, 0xE8, 0xE0, 0xE3)]

    def decode() -> dict[int, object]:
        values: dict[int, object] = {}
        for prop in Momonga._extract_response_payload(G46, 0x06E1, asked):
            parser = PARSER_MAP[prop.epc]
            values[prop.epc] = parser(prop.edt, 0.1, 1) if parser in ENERGY_PARSERS else parser(prop.edt)
        return values

    assert len(decode()) == len(_decode_ours()) == 6
    return decode


def _import() -> Measurement:
    ours_s = python_seconds("import hems_data_collector.app, hems_data_collector.cli")
    base_s = python_seconds(STANDARD_LIBRARY)
    return Measurement(
        name="importing the program",
        ours=f"{ours_s * 1e3:.0f} ms",
        base=f"the standard library's part {base_s * 1e3:.0f} ms",
        ratio=ours_s / base_s,
    )
