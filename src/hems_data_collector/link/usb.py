"""Which USB stick stands behind a serial device, and where the same stick is after a replug (skstack-ip §7 row 19)."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

_UP: Final = 6  # levels from a tty to its USB device at most: tty, port, interface, device, and hubs of odd drivers


@dataclass(frozen=True, slots=True, kw_only=True)
class UsbIdentity:
    """What the stick says of itself; vendor and product are those of its bridge chip, so the serial number decides."""

    serial: str
    vendor: str
    product: str


class UsbSerials:
    """The serial devices of this machine; `sys` and `dev` are parameters for tests."""

    def __init__(self, *, sys: Path = Path("/sys"), dev: Path = Path("/dev")) -> None:
        self._ttys = sys / "class" / "tty"
        self._dev = dev

    def identity_of(self, path: str) -> UsbIdentity | None:
        """The stick behind a device path or a link to it; None when it is no USB stick with a serial number."""
        try:
            name = Path(path).resolve(strict=True).name
        except OSError:
            return None
        return self._identity(self._ttys / name)

    def path_of(self, stick: UsbIdentity) -> str | None:
        """Where `stick` is now: by its lasting name where the system keeps one, else the device itself."""
        for tty in self._listed(self._ttys):
            if self._identity(tty) == stick and (device := self._dev / tty.name).exists():
                return str(self._lasting_name(device) or device)
        return None

    def _lasting_name(self, device: Path) -> Path | None:
        target = device.resolve()
        links = self._listed(self._dev / "serial" / "by-id")
        return next((link for link in links if link.resolve() == target), None)

    @staticmethod
    def _listed(folder: Path) -> list[Path]:
        try:
            return sorted(folder.iterdir())
        except OSError:
            return []

    @staticmethod
    def _identity(tty: Path) -> UsbIdentity | None:
        try:
            place = (tty / "device").resolve(strict=True)
        except OSError:
            return None
        for folder in [place, *place.parents][:_UP]:
            if (folder / "idVendor").exists():
                serial, vendor, product = (_text(folder / name) for name in ("serial", "idVendor", "idProduct"))
                return UsbIdentity(serial=serial, vendor=vendor, product=product) if serial else None
        return None


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return ""
