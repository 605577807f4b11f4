"""The modules that are known, by name. A new one is a file here, a line in the registry, a transcript in tests/."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from hems_data_collector.skstack.dialects.base import (
    DUAL_STACK,
    HAN_SIDE,
    ROUTE_B_SIDE,
    SINGLE_STACK,
    Dialect,
    Module,
    other_dialect,
)
from hems_data_collector.skstack.dialects.bp35a1 import BP35A1
from hems_data_collector.skstack.dialects.bp35c0 import BP35C0
from hems_data_collector.skstack.dialects.bp35c2 import BP35C2
from hems_data_collector.skstack.dialects.mb_rl7023_dss import MB_RL7023_DSS
from hems_data_collector.skstack.dialects.rl7023_dss import RL7023_DSS
from hems_data_collector.skstack.dialects.rl7023_ips import RL7023_IPS
from hems_data_collector.skstack.dialects.rs_wsuha_p import RS_WSUHA_P
from hems_data_collector.skstack.dialects.wsr35a1 import WSR35A1

MODULES: Final[Mapping[str, Module]] = {
    module.name: module
    for module in (
        BP35A1,
        WSR35A1,
        RL7023_IPS,
        BP35C0,
        BP35C2,
        RS_WSUHA_P,
        RL7023_DSS,
        MB_RL7023_DSS,
    )
}

__all__ = [
    "DUAL_STACK",
    "HAN_SIDE",
    "MODULES",
    "ROUTE_B_SIDE",
    "SINGLE_STACK",
    "Dialect",
    "Module",
    "other_dialect",
]
