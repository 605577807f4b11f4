"""The BP35C0 on a USB stick."""

from __future__ import annotations

from typing import Final

from hems_data_collector.skstack.dialects.base import DUAL_STACK, Module

BP35C2: Final = Module(
    name="bp35c2",
    title="ROHM BP35C2",
    maker="ROHM",
    dialect=DUAL_STACK,
    version="1.5.2",
    app_version="rev26e",
    has_rohm_options=True,
    hex_payload_default=False,
    mac_prefix="001D1291",
    usb_id=(0x0403, 0x6015),
    assumed=frozenset({"app_version", "usb_id"}),
)
