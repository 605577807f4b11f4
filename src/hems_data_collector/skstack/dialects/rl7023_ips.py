"""USB stick, Route-B only. Every log shows data in hex; four of five sources use the short SKSCAN (§2.4)."""

from __future__ import annotations

from typing import Final

from hems_data_collector.skstack.dialects.base import SINGLE_STACK, Module

RL7023_IPS: Final = Module(
    name="rl7023-ips",
    title="Tessera RL7023 Stick-D/IPS",
    maker="Tessera",
    dialect=SINGLE_STACK,
    version="1.2.10",
    app_version="rev26e",
    has_rohm_options=False,
    hex_payload_default=True,
    mac_prefix="100723FFFEA0",
    usb_id=(0x0403, 0x6015),
    assumed=frozenset({"app_version", "has_rohm_options", "version"}),
)
