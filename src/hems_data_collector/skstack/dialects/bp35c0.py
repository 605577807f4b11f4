"""Module with Route-B and HAN; early ones carry the MAC prefix 001D1290."""

from __future__ import annotations

from typing import Final

from hems_data_collector.skstack.dialects.base import DUAL_STACK, Module

BP35C0: Final = Module(
    name="bp35c0",
    title="ROHM BP35C0",
    maker="ROHM",
    dialect=DUAL_STACK,
    version="1.5.2",
    app_version="rev26e",
    has_rohm_options=True,
    hex_payload_default=False,
    mac_prefix="001D1291",
    usb_id=None,
    assumed=frozenset({"app_version"}),
)
