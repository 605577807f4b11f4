"""A made-up stick: the single-stack dialect, data always in hex, no ROPT, WOPT and SKAPPVER."""

from __future__ import annotations

from typing import Final

from hems_data_collector.skstack.dialects.base import SINGLE_STACK, Module

EXAMPLE_EX1: Final = Module(
    name="example-ex1",
    title="Example EX-1",
    maker="Example",
    dialect=SINGLE_STACK,
    version="1.3.0",
    app_version=None,
    has_rohm_options=False,
    hex_payload_default=True,
    mac_prefix="0200005E",
    usb_id=(0x0403, 0x6015),
    assumed=frozenset({"usb_id"}),
)
