"""The serial module most drivers were written for; on a carrier board its USB bridge is the board's."""

from __future__ import annotations

from typing import Final

from hems_data_collector.skstack.dialects.base import SINGLE_STACK, Module

BP35A1: Final = Module(
    name="bp35a1",
    title="ROHM BP35A1",
    maker="ROHM",
    dialect=SINGLE_STACK,
    version="1.2.10",
    app_version="rev26e",
    has_rohm_options=True,
    hex_payload_default=False,
    mac_prefix="001D1290",
    usb_id=None,
)
