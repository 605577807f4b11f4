"""Speed, firmware and name of a stick on real terminals."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from random import Random

import pytest

from hems_data_collector.app import read_once
from hems_data_collector.clock import SystemClock
from hems_data_collector.config import Settings, load_settings
from hems_data_collector.emulator import SAMPLE_PASSWORD, SAMPLE_ROUTE_B_ID, Emulator, EmulatorSettings
from hems_data_collector.emulator.servers import serve_pty
from hems_data_collector.errors import ModemUnsupported
from hems_data_collector.link.port import DevicePort
from hems_data_collector.link.session import SessionState
from hems_data_collector.link.transport import open_transport
from hems_data_collector.link.usb import UsbSerials
from hems_data_collector.link.wisun import WisunLink
from support.hasty_clock import HastyClock

pytestmark = pytest.mark.services

PATIENCE_S = 60.0
SPEED = 4.0
CREDENTIALS = {"B_ROUTE_ID": SAMPLE_ROUTE_B_ID, "B_ROUTE_PASSWORD": SAMPLE_PASSWORD}


@asynccontextmanager
async def plugged_in(emulator: Emulator, path: Path) -> AsyncIterator[None]:
    """Serve on a pseudo terminal that `path` leads to."""
    ready = asyncio.Event()
    task = asyncio.create_task(serve_pty(emulator, str(path), ready=lambda _: ready.set()))
    try:
        await asyncio.wait_for(ready.wait(), PATIENCE_S)
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


def settings_for(path: Path, folder: Path) -> Settings:
    return load_settings({"port": str(path)}, {**CREDENTIALS, "XDG_STATE_HOME": str(folder)}, folder, one_shot=True)


async def test_another_speed_is_found_on_a_terminal(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    stick = tmp_path / "stick"
    async with plugged_in(Emulator(EmulatorSettings.from_query("fast=1&baud=9600")), stick):
        async with asyncio.timeout(PATIENCE_S):
            reading, _, _ = await read_once(settings_for(stick, tmp_path), HastyClock(SPEED))
    assert reading.power_w is not None
    assert "The modem answers at 9600 bit/s" in caplog.text


async def test_j11_is_recognised_on_a_terminal(tmp_path: Path) -> None:
    stick = tmp_path / "stick"
    async with plugged_in(Emulator(EmulatorSettings.from_query("module=j11")), stick):
        async with asyncio.timeout(PATIENCE_S):
            with pytest.raises(ModemUnsupported, match="J11"):
                await read_once(settings_for(stick, tmp_path), HastyClock(SPEED))


class Kernel:
    """What /sys would say of a stick on a terminal."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self.dev = root / "dev"
        self.dev.mkdir()
        (root / "sys/class/tty").mkdir(parents=True)
        self.serials = UsbSerials(sys=root / "sys", dev=self.dev)

    def appear(self, path: Path) -> None:
        terminal = path.resolve()
        shutil.rmtree(self._root / "sys")
        usb = self._root / "sys/devices" / terminal.name
        (usb / "port").mkdir(parents=True)
        for name, text in (("serial", "DM00ABCD"), ("idVendor", "0403"), ("idProduct", "6015")):
            (usb / name).write_text(text)
        tty = self._root / "sys/class/tty" / terminal.name
        tty.mkdir(parents=True)
        (tty / "device").symlink_to(usb / "port")
        if not (self.dev / terminal.name).exists():
            (self.dev / terminal.name).symlink_to(terminal)


async def test_a_stick_that_comes_back_under_another_name_is_joined_again(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    kernel = Kernel(tmp_path)
    first, second = kernel.dev / "ttyUSB0", kernel.dev / "ttyUSB1"
    emulator = Emulator(EmulatorSettings.from_query("fast=1"))
    port = DevicePort(str(first), 115_200, opener=open_transport, serials=kernel.serials)
    link = WisunLink(port=port, credentials=emulator.credentials, clock=SystemClock(), rng=Random(1))
    keeping = asyncio.create_task(link.keep())
    async with asyncio.timeout(PATIENCE_S):
        async with plugged_in(emulator, first):
            kernel.appear(first)
            await link.wait_until(SessionState.UP)
        await link.wait_until(SessionState.PORTLESS)
        again = Emulator(EmulatorSettings.from_query("fast=1"))
        async with plugged_in(again, second):
            kernel.appear(second)
            await link.wait_until(SessionState.UP)
            keeping.cancel()
            await asyncio.gather(keeping, return_exceptions=True)
            await link.close()
    assert link.counters.rejoins == 1
    assert caplog.text.count("the same stick (USB serial number DM00ABCD) is at") == 1
