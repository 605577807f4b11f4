"""Which USB stick stands behind a serial device, and where the same stick is after a replug (skstack-ip §7 row 19)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_UP: Final = 6  # levels from a tty to its USB device at most: tty, port, interface, device, and hubs of odd drivers
NO_UART: Final = "0"
"""What `type` says of a port that the driver keeps a number for without any hardware (PORT_UNKNOWN of Linux)."""

DESCRIPTORS: Final = ("idVendor", "idProduct", "serial", "manufacturer", "product")


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
                return str(self.lasting_name(device) or device)
        return None

    def lasting_name(self, device: Path) -> Path | None:
        """The name below `/dev/serial/by-id` that leads to `device`; None where the system keeps none."""
        target = device.resolve()
        links = self._listed(self._dev / "serial" / "by-id")
        return next((link for link in links if link.resolve() == target), None)

    def hardware(self) -> Iterator[tuple[Path, dict[str, str]]]:
        """Every serial device with hardware behind it, by name, and what its USB descriptors say (see `described`)."""
        for tty in self._listed(self._ttys):
            device = self._dev / tty.name
            is_phantom = text_of(tty / "type") == NO_UART
            if (tty / "device").exists() and not is_phantom and device.exists():
                yield device, described(tty)

    def knows(self, path: str) -> bool:
        """Whether the kernel counts the device `path` among the terminals, which is what a serial port is to it."""
        return (self._ttys / Path(path).resolve().name).exists()

    @property
    def tells(self) -> bool:
        """Whether this system says anything about its serial devices in the way of Linux."""
        return self._ttys.is_dir()

    @staticmethod
    def _listed(folder: Path) -> list[Path]:
        try:
            return sorted(folder.iterdir())
        except OSError:
            return []

    @staticmethod
    def _identity(tty: Path) -> UsbIdentity | None:
        found = described(tty)
        if not found.get("serial"):
            return None
        return UsbIdentity(serial=found["serial"], vendor=found["idVendor"], product=found["idProduct"])


def described(tty: Path) -> dict[str, str]:
    """The descriptors of the USB device behind a folder of `/sys/class/tty`; nothing where there is none."""
    try:
        place = (tty / "device").resolve(strict=True)
    except OSError:
        return {}
    for folder in [place, *place.parents][:_UP]:
        if (folder / "idVendor").exists():
            return {name: text_of(folder / name) for name in DESCRIPTORS}
    return {}


def text_of(path: Path) -> str:
    """The text of a file of the kernel; empty where it cannot be read."""
    try:
        return path.read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return ""
