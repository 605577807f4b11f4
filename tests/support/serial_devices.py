"""A made-up /sys, /dev and /proc with serial devices."""

from __future__ import annotations

from pathlib import Path

from hems_data_collector.link.usb import UsbSerials


class Machine:
    """A tree as the kernel and udev make it."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.sys = root / "sys"
        self.dev = root / "dev"
        self.proc = root / "proc"
        (self.sys / "class/tty").mkdir(parents=True)
        self.dev.mkdir()
        self.serials = UsbSerials(sys=self.sys, dev=self.dev)

    def plug(
        self,
        name: str,
        *,
        serial: str | None = "DM00ABCD",
        by_id: bool = False,
        usb: tuple[str, str] = ("0403", "6015"),
        names: tuple[str, str] = ("FTDI", "FT230X Basic UART"),
    ) -> str:
        """A USB stick; the name to open it by."""
        device = self.sys / f"devices/usb1/1-{name}"
        tty = device / "1-1:1.0" / name
        (tty / "tty" / name).mkdir(parents=True)
        told = {"idVendor": usb[0], "idProduct": usb[1], "manufacturer": names[0], "product": names[1]}
        for attribute, value in {**told, **({} if serial is None else {"serial": serial})}.items():
            (device / attribute).write_text(f"{value}\n")
        (tty / "tty" / name / "device").symlink_to(tty)
        (self.sys / "class/tty" / name).symlink_to(tty / "tty" / name)
        (self.dev / name).touch()
        if by_id:
            link = self.dev / f"serial/by-id/usb-FTDI_FT230X_{serial}-if00-port0"
            link.parent.mkdir(parents=True, exist_ok=True)
            link.symlink_to(f"../../{name}")
            return str(link)
        return str(self.dev / name)

    def unplug(self, name: str) -> None:
        """Take it away again."""
        (self.sys / "class/tty" / name).unlink()
        (self.dev / name).unlink()

    def onboard(self, name: str, *, kind: str | None = None) -> str:
        """A port of the board itself, or a number without hardware (`kind` 0)."""
        tty = self.sys / f"devices/platform/uart/{name}"
        tty.mkdir(parents=True)
        if kind is not None:
            (tty / "type").write_text(f"{kind}\n")
        (tty / "device").symlink_to("..")
        (self.sys / "class/tty" / name).symlink_to(tty)
        (self.dev / name).touch()
        return str(self.dev / name)

    def process(self, pid: int, *words: str, opens: tuple[str, ...] = ()) -> None:
        """A process and the files that it has open."""
        folder = self.proc / str(pid)
        (folder / "fd").mkdir(parents=True)
        (folder / "cmdline").write_bytes(b"".join(word.encode() + b"\0" for word in words))
        (folder / "comm").write_text("kernel-thread\n")
        for number, path in enumerate(opens):
            (folder / "fd" / str(number)).symlink_to(path)
