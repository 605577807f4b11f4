"""Same firmware family as the BP35A1; no log of one is known."""

from __future__ import annotations

from typing import Final

from hems_data_collector.skstack.dialects.base import SINGLE_STACK, Module

WSR35A1: Final = Module(
    name="wsr35a1",
    title="JORJIN WSR35A1-00",
    maker="JORJIN",
    dialect=SINGLE_STACK,
    version="1.2.10",
    app_version="rev26e",
    has_rohm_options=True,
    hex_payload_default=False,
    mac_prefix="001D1290",
    usb_id=None,
    assumed=frozenset({"app_version", "has_rohm_options", "hex_payload_default", "mac_prefix", "version"}),
)
