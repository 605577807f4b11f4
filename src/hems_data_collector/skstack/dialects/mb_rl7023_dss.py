"""Board module of a surplus gateway; behaves like the stick as far as its one driver shows."""

from __future__ import annotations

from typing import Final

from hems_data_collector.skstack.dialects.base import DUAL_STACK, Module

MB_RL7023_DSS: Final = Module(
    name="mb-rl7023-dss",
    title="Tessera MB-RL7023-11/DSS",
    maker="Tessera",
    dialect=DUAL_STACK,
    version="1.5.2",
    app_version=None,
    has_rohm_options=False,
    hex_payload_default=True,
    mac_prefix="100723FFFEA0",
    usb_id=None,
    assumed=frozenset({"app_version", "has_rohm_options", "mac_prefix", "version"}),
)
