"""From object and EPC to meaning: the same EPC means other things in other classes (echonet-lite-meter §8)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, time
from decimal import Decimal
from types import MappingProxyType
from typing import Final, TypeAlias, cast

from hems_data_collector.echonet.codes import CONTROLLER, METER, NODE_PROFILE, Eoj
from hems_data_collector.echonet.edt import (
    Currents,
    DayHistory,
    FixedTimeEnergy,
    MinuteEnergy,
    NoValue,
    WindowHistory,
    WindowSelector,
)
from hems_data_collector.echonet.energy import EnergyUnit
from hems_data_collector.echonet.node_profile import NODE_PROFILE_PROPERTIES, NodeVersion
from hems_data_collector.echonet.property_map import PropertyMap
from hems_data_collector.echonet.smart_meter import SMART_METER, RouteBIdentification
from hems_data_collector.echonet.spec import PropertySpec
from hems_data_collector.echonet.superclass import (
    DEVICE_PROPERTIES,
    InstallationLocation,
    ManufacturerFault,
    OperatingTime,
    StandardVersion,
)
from hems_data_collector.errors import PropertyError

Value: TypeAlias = (
    int
    | str
    | bytes
    | Decimal
    | date
    | datetime
    | time
    | NoValue
    | PropertyMap
    | EnergyUnit
    | Currents
    | FixedTimeEnergy
    | MinuteEnergy
    | DayHistory
    | WindowSelector
    | WindowHistory
    | StandardVersion
    | NodeVersion
    | InstallationLocation
    | ManufacturerFault
    | OperatingTime
    | RouteBIdentification
    | tuple[Eoj, ...]
    | tuple[int, ...]
)
"""What `decode_property` gives; narrow it with `isinstance`. `bytes` also stands for a property nobody has defined."""

CLASSES: Final[Mapping[int, Mapping[int, PropertySpec]]] = MappingProxyType(
    {
        METER.class_code: SMART_METER,
        CONTROLLER.class_code: DEVICE_PROPERTIES,
        NODE_PROFILE.class_code: NODE_PROFILE_PROPERTIES,
    }
)
"""Property tables by class code, whatever the instance."""

_ROWS: Final = {class_code: dict(rows) for class_code, rows in CLASSES.items()}  # plain dicts: half the time of proxies


def spec_for(eoj: Eoj, epc: int) -> PropertySpec | None:
    """The row of a property, or None where class or EPC are unknown."""
    rows = _ROWS.get(eoj.group << 8 | eoj.cls)
    return None if rows is None else rows.get(epc)


def decode_property(eoj: Eoj, epc: int, edt: bytes) -> Value:
    """What `edt` says in class `eoj`; the bytes themselves where class or EPC are unknown.

    Raises PropertyError, with EPC and bytes, for an EDT that the property does not allow, an empty one included.
    """
    if not edt:
        raise PropertyError(f"Property {epc:02X} has no value.", edt, epc=epc)
    rows = _ROWS.get(eoj.group << 8 | eoj.cls)
    row = None if rows is None else rows.get(epc)
    return edt if row is None else cast(Value, row.decode(edt))
