"""What differs between modules: how a command carries the side (skstack-ip, the two dialects) and the facts of §5.1."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

ROUTE_B_SIDE: Final = 0
HAN_SIDE: Final = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialect:
    """One of the two command dialects: with or without the one-character side (skstack-ip §1.4, §2.4)."""

    name: str
    has_side: bool

    def scan_arguments(self, *, mode: int, mask: int, duration: int, side: int) -> tuple[str, ...]:
        """The arguments of SKSCAN (§2.4)."""
        arguments = (f"{mode:X}", f"{mask:08X}", f"{duration:X}")
        return (*arguments, f"{side:X}") if self.has_side else arguments

    def send_arguments(
        self, *, handle: int, address: str, port: int, security: int, side: int, size: int
    ) -> tuple[str, ...]:
        """The arguments of SKSENDTO up to DATALEN (§1.4)."""
        sides = (f"{side:X}",) if self.has_side else ()
        return (f"{handle:X}", address, f"{port:04X}", f"{security:X}", *sides, f"{size:04X}")


SINGLE_STACK: Final = Dialect(name="single-stack", has_side=False)
DUAL_STACK: Final = Dialect(name="dual-stack", has_side=True)


def other_dialect(dialect: Dialect) -> Dialect:
    """What to try after SKSCAN or SKSENDTO was answered FAIL ER05 (§2.0, §5.3)."""
    return SINGLE_STACK if dialect.has_side else DUAL_STACK


@dataclass(frozen=True, slots=True, kw_only=True)
class Module:
    """The facts of one module (skstack-ip §5.1); they are for the emulator, the docs and hints, never for reception."""

    name: str
    title: str
    maker: str
    dialect: Dialect
    version: str
    """What SKVER answers behind EVER."""
    app_version: str | None
    """What SKAPPVER answers behind EAPPVER; None: `FAIL ER04`."""
    has_rohm_options: bool
    """ROPT, WOPT, RUART and WUART exist; otherwise they are answered `FAIL ER04`."""
    hex_payload_default: bool
    """The data field of ERXUDP is printed in hex as delivered (§1.5)."""
    mac_prefix: str
    """The first 8 or 12 hex digits of the module's own MAC."""
    usb_id: tuple[int, int] | None
    """USB vendor and product of the bridge; it never identifies the module (§5.3)."""
    echo_default: bool = True
    assumed: frozenset[str] = frozenset()
    """Names of the fields above that no source states for this module."""
