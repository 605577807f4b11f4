"""One row per property: its name, who may do what with it, and how its EDT is read and written."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import KW_ONLY, dataclass
from enum import Flag
from types import MappingProxyType
from typing import Any, Final

from hems_data_collector.echonet.edt import Codec
from hems_data_collector.errors import PropertyError


class Access(Flag):
    """What the standard lets a controller do with a property; the meter's own maps decide (echonet-lite-meter §6.1)."""

    GET = 1
    SET = 2
    ANNO = 4


NOTHING: Final = Access(0)


@dataclass(frozen=True, slots=True)
class PropertySpec:
    """A row of a class's property table."""

    epc: int
    name: str
    name_ja: str
    access: Access
    codec: Codec[Any]
    _: KW_ONLY
    unit: str | None = None
    """Unit of the decoded value; of energy, once scaled by `EnergyScale`."""
    is_energy: bool = False
    """Raw counts in it become kWh by D3 and E1 (echonet-lite-meter §5.3)."""
    release: str = "A"
    """Appendix release that introduced it in this class."""
    required: Access = NOTHING
    """What every object that claims Release R must offer."""
    other_sizes_raw: bool = False
    """An EDT of another length belongs to the pre-F drafts and stays bytes (echonet-lite-meter §6.1, D0)."""

    def decode(self, edt: bytes) -> Any:
        """The value in `edt`; raises PropertyError, carrying EPC and bytes."""
        if len(edt) not in self.codec.sizes:
            if self.other_sizes_raw and edt:
                return bytes(edt)
            raise PropertyError(f"Property {self.epc:02X} cannot have {len(edt)} bytes.", edt, epc=self.epc)
        try:
            return self.codec.decode(edt)
        except PropertyError as error:
            raise PropertyError(f"Property {self.epc:02X}: {error.what}", edt, epc=self.epc) from None

    def encode(self, value: Any) -> bytes:
        """The EDT that `decode` turns into `value`; raises ValueError where the property cannot hold it."""
        edt = bytes(self.codec.encode(value))
        if len(edt) not in self.codec.sizes:
            raise ValueError(f"Property {self.epc:02X} cannot have {len(edt)} bytes.")
        return edt


def table(*groups: Iterable[PropertySpec]) -> Mapping[int, PropertySpec]:
    """Rows by EPC, ascending; a later group replaces rows of an earlier one."""
    rows = {row.epc: row for group in groups for row in group}
    return MappingProxyType(dict(sorted(rows.items())))
