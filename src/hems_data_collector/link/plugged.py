"""What serial devices are plugged in, which of them is a Wi-SUN stick, who may open it, and who has it open.

Nothing is opened for that: opening wakes some devices, and is refused for those in use.
"""

from __future__ import annotations

import grp
import os
import pwd
import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final

from hems_data_collector.link.usb import UsbSerials
from hems_data_collector.skstack import MODULES

DEV: Final = Path("/dev")
SYS: Final = Path("/sys")
PROC: Final = Path("/proc")
ROOT: Final = 0
"""The group that nobody should be put into for a serial port."""
J11: Final = "J11"
"""What the names of sticks with the other, binary firmware end in (skstack-ip §5.1)."""
_INTERPRETERS: Final = ("python", "node", "perl", "ruby")


@dataclass(frozen=True, slots=True, kw_only=True)
class Plugged:
    """One serial device with hardware behind it. Texts that the device does not tell are empty."""

    path: str
    """`/dev/ttyUSB0`: what it is called until it is plugged in again."""
    by_id: str | None
    """The name below `/dev/serial/by-id` that stays the same; None where the system keeps none."""
    vendor_id: str = ""
    """USB vendor, four hexadecimal digits; empty for a port of the board itself."""
    product_id: str = ""
    serial_number: str = ""
    description: str = ""
    """The maker's and the device's own name, as its USB descriptors have them."""
    stick: str | None = None
    """The Wi-SUN stick that the description names; None where it names none."""
    possible: tuple[str, ...] = ()
    """The Wi-SUN sticks with the same USB bridge, which other devices have too: only asking the modem tells."""

    @property
    def name(self) -> str:
        """What to give as the port."""
        return self.by_id or self.path

    @property
    def unsupported(self) -> bool:
        """The description names a stick with J11 firmware, which speaks another protocol."""
        return J11 in self.description.upper()


class AccessState(StrEnum):
    """Whether this user may open a port."""

    OK = "ok"
    MISSING = "missing"
    """There is nothing of that name."""
    DENIED = "denied"
    NOT_SERIAL = "not-serial"
    """A file, a folder or another kind of device."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """What stands between this user and a port."""

    state: AccessState
    group: str | None = None
    """With DENIED: the group that may open it; None where its permissions leave no group in but that of root."""
    joined: bool = False
    """With DENIED: the user is in that group, but has to log in again before it counts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Holder:
    """A process that has a port open."""

    pid: int
    command: str
    """The name of the program; its arguments may hold secrets and are left out."""


def plugged_in(*, sys: Path = SYS, dev: Path = DEV) -> tuple[Plugged, ...]:
    """Every serial device: those that name a Wi-SUN stick first, then those that may be one, then the rest by name."""
    serials = UsbSerials(sys=sys, dev=dev)
    found = _on_linux(serials) if serials.tells else _elsewhere()
    return tuple(sorted(found, key=lambda each: (each.stick is None, not each.possible, not each.vendor_id, each.path)))


def likely_sticks(found: Iterable[Plugged]) -> list[Plugged]:
    """Which of them to offer: those that name a Wi-SUN stick, else those that may be one, else any USB device."""
    usable = [each for each in found if each.vendor_id and not each.unsupported]
    named = [each for each in usable if each.stick]
    return named or [each for each in usable if each.possible] or usable


def access(path: str, *, sys: Path = SYS) -> Access:
    """Whether this user may read and write the device `path`; follows links. A device may refuse when opened still."""
    try:
        found = os.stat(path)
    except PermissionError:
        return Access(state=AccessState.DENIED)
    except (OSError, ValueError):
        return Access(state=AccessState.MISSING)
    if not _is_serial(path, found, UsbSerials(sys=sys)):
        return Access(state=AccessState.NOT_SERIAL)
    if os.access(path, os.R_OK | os.W_OK):
        return Access(state=AccessState.OK)
    both = stat.S_IRGRP | stat.S_IWGRP
    if found.st_mode & both != both or found.st_gid == ROOT:
        return Access(state=AccessState.DENIED)
    group = _group(found.st_gid)
    return Access(state=AccessState.DENIED, group=group.gr_name if group else None, joined=_has_joined(group))


def holders(path: str, *, proc: Path = PROC) -> tuple[Holder, ...]:
    """The other processes that have `path` open, as far as this user may see: root sees all of them."""
    target = os.path.realpath(path)
    own = os.getpid()
    processes = sorted(int(name) for name in _names(proc) if name.isdecimal())
    return tuple(
        Holder(pid=pid, command=_command(proc / str(pid)))
        for pid in processes
        if pid != own and target in _open_files(proc / str(pid) / "fd")
    )


# --- what is there ----------------------------------------------------------------------------------------------------


def _on_linux(serials: UsbSerials) -> Iterator[Plugged]:
    for device, told in serials.hardware():
        lasting = serials.lasting_name(device)
        yield _plugged(
            path=str(device),
            by_id=str(lasting) if lasting else None,
            vendor_id=told.get("idVendor", ""),
            product_id=told.get("idProduct", ""),
            serial_number=told.get("serial", ""),
            names=(told.get("manufacturer", ""), told.get("product", "")),
        )


def _elsewhere() -> Iterator[Plugged]:
    """Systems without the `/sys` of Linux."""
    from serialx import list_serial_ports

    for port in list_serial_ports():
        yield _plugged(
            path=port.device,
            by_id=None,
            vendor_id="" if port.vid is None else f"{port.vid:04x}",
            product_id="" if port.pid is None else f"{port.pid:04x}",
            serial_number=port.serial_number or "",
            names=(port.manufacturer or "", port.product or ""),
        )


def _plugged(
    *, path: str, by_id: str | None, vendor_id: str, product_id: str, serial_number: str, names: Iterable[str]
) -> Plugged:
    description = " ".join(name for name in names if name)
    stick = _named_stick(description)
    same = [module.title for module in MODULES.values() if _usb_id(module.usb_id) == (vendor_id, product_id)]
    return Plugged(
        path=path,
        by_id=by_id,
        vendor_id=vendor_id,
        product_id=product_id,
        serial_number=serial_number,
        description=description,
        stick=stick,
        possible=() if stick or J11 in description.upper() else tuple(same),
    )


def _usb_id(pair: tuple[int, int] | None) -> tuple[str, str] | None:
    return None if pair is None else (f"{pair[0]:04x}", f"{pair[1]:04x}")


def _named_stick(description: str) -> str | None:
    """The module whose type is a part of `description`, whatever stands between its letters."""
    told = _letters(description)
    if J11 in told:
        return None
    titles = [module.title for module in MODULES.values()]
    return next((title for title in titles if _letters(title.partition(" ")[2]) in told), None)


def _letters(text: str) -> str:
    return "".join(char for char in text.upper() if char.isalnum())


# --- who may, and who does --------------------------------------------------------------------------------------------


def _is_serial(path: str, found: os.stat_result, serials: UsbSerials) -> bool:
    """A terminal to the kernel, pseudo terminals included; elsewhere than on Linux any character device."""
    if not stat.S_ISCHR(found.st_mode):
        return False
    return not serials.tells or serials.knows(path) or os.path.realpath(path).startswith("/dev/pts/")


def _group(gid: int) -> grp.struct_group | None:
    try:
        return grp.getgrgid(gid)
    except KeyError:
        return None


def _has_joined(group: grp.struct_group | None) -> bool:
    """Whether the list of groups has this user already, which this process, being older, does not know."""
    if group is None or group.gr_gid in os.getgroups():
        return False
    try:
        return pwd.getpwuid(os.getuid()).pw_name in group.gr_mem
    except KeyError:
        return False


def _names(folder: Path) -> list[str]:
    try:
        return os.listdir(folder)
    except OSError:  # no /proc here, another user's process, or one that has just ended
        return []


def _open_files(folder: Path) -> Iterator[str]:
    for name in _names(folder):
        try:
            yield os.readlink(folder / name)
        except OSError:
            continue


def _command(process: Path) -> str:
    """The program of a process without its arguments; for an interpreter its script."""
    try:
        words = (process / "cmdline").read_bytes().decode("utf-8", "replace").split("\0")
        name = os.path.basename(words[0]) or (process / "comm").read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return "?"
    if name.startswith(_INTERPRETERS) and len(words) > 1:
        script = words[2] if words[1] == "-m" and len(words) > 2 else words[1]
        return os.path.basename(script) if script and not script.startswith("-") else name
    return name
