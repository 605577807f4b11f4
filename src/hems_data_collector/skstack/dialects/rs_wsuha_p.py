"""A BP35C2 inside; one in the field answered RUART with 80 (flow control on)."""

from __future__ import annotations

from typing import Final

from hems_data_collector.skstack.dialects.base import DUAL_STACK, Module

RS_WSUHA_P: Final = Module(
    name="rs-wsuha-p",
    title="Ratoc RS-WSUHA-P",
    maker="Ratoc",
    dialect=DUAL_STACK,
    version="1.5.2",
    app_version="rev26e",
    has_rohm_options=True,
    hex_payload_default=False,
    mac_prefix="001D1291",
    usb_id=(0x0403, 0x6015),
    assumed=frozenset({"app_version"}),
)
