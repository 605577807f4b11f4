"""USB stick; ROPT, WOPT and SKAPPVER do not exist (FAIL ER04), data is always hex."""

from __future__ import annotations

from typing import Final

from hems_data_collector.skstack.dialects.base import DUAL_STACK, Module

RL7023_DSS: Final = Module(
    name="rl7023-dss",
    title="Tessera RL7023 Stick-D/DSS",
    maker="Tessera",
    dialect=DUAL_STACK,
    version="1.5.2",
    app_version=None,
    has_rohm_options=False,
    hex_payload_default=True,
    mac_prefix="100723FFFEA0",
    usb_id=(0x0403, 0x6015),
    assumed=frozenset({"mac_prefix", "usb_id", "version"}),
)
