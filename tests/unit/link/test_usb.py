"""Which USB stick is behind a device, on a made-up /sys and /dev."""

from __future__ import annotations

from pathlib import Path

import pytest

from hems_data_collector.link.port import DevicePort
from hems_data_collector.link.transport import Transport
from hems_data_collector.link.usb import UsbIdentity
from support.serial_devices import Machine

STICK = UsbIdentity(serial="DM00ABCD", vendor="0403", product="6015")


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def test_a_stick_is_known_by_its_serial_number(machine: Machine) -> None:
    assert machine.serials.identity_of(machine.plug("ttyUSB0")) == STICK


def test_a_link_by_id_leads_to_the_same_stick(machine: Machine) -> None:
    assert machine.serials.identity_of(machine.plug("ttyUSB0", by_id=True)) == STICK


@pytest.mark.parametrize("serial", [None, ""])
def test_without_a_serial_number_nothing_is_claimed(machine: Machine, serial: str | None) -> None:
    assert machine.serials.identity_of(machine.plug("ttyUSB0", serial=serial)) is None


def test_a_port_of_the_board_and_a_missing_one_are_no_sticks(machine: Machine) -> None:
    assert machine.serials.identity_of(machine.onboard("ttyAMA0")) is None
    assert machine.serials.identity_of(str(machine.dev / "ttyUSB9")) is None


def test_the_stick_is_found_under_its_new_name(machine: Machine) -> None:
    machine.plug("ttyUSB0")
    machine.unplug("ttyUSB0")
    machine.onboard("ttyAMA0")
    machine.plug("ttyUSB1", serial="DM00FFFF")
    assert machine.serials.path_of(STICK) is None
    new = machine.plug("ttyUSB2")
    assert machine.serials.path_of(STICK) == new


def test_the_lasting_name_is_preferred(machine: Machine) -> None:
    link = machine.plug("ttyUSB1", by_id=True)
    assert machine.serials.path_of(STICK) == link


class Opened:
    """Notes what is opened."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, int]] = []
        self.learned: list[dict[str, object]] = []

    async def __call__(self, url: str, baudrate: int) -> Transport:
        self.calls.append((url, baudrate))
        return None  # type: ignore[return-value]  # nobody uses it

    def learn(self, **what: object) -> None:
        self.learned.append(what)


def port_on(machine: Machine, url: str, opened: Opened, **known: object) -> DevicePort:
    return DevicePort(url, 115_200, opener=opened, serials=machine.serials, on_learned=opened.learn, **known)  # type: ignore[arg-type]


async def test_a_replugged_stick_is_opened_under_its_new_name_and_the_log_says_so_once(
    machine: Machine, caplog: pytest.LogCaptureFixture
) -> None:
    opened, old = Opened(), machine.plug("ttyUSB0")
    port = port_on(machine, old, opened)
    await port.open(115_200)
    assert opened.learned == [{"stick": STICK}]
    machine.unplug("ttyUSB0")
    await port.open(115_200)
    new = machine.plug("ttyUSB1")
    await port.open(115_200)
    await port.open(115_200)
    assert [url for url, _ in opened.calls] == [old, old, new, new]
    assert caplog.text.count("the same stick (USB serial number DM00ABCD)") == 1
    assert opened.learned == [{"stick": STICK}]


async def test_what_an_earlier_run_learned_serves_the_first_opening(machine: Machine) -> None:
    opened, new = Opened(), machine.plug("ttyUSB1")
    await port_on(machine, str(machine.dev / "ttyUSB0"), opened, stick=STICK).open(115_200)
    assert opened.calls == [(new, 115_200)]


async def test_the_configured_path_is_opened_whenever_it_is_there(machine: Machine) -> None:
    opened = Opened()
    other = machine.plug("ttyUSB0", serial="DM00FFFF")
    machine.plug("ttyUSB1")
    await port_on(machine, other, opened, stick=STICK).open(115_200)
    assert opened.calls == [(other, 115_200)]
    assert opened.learned[0]["stick"] != STICK


async def test_a_url_is_opened_as_it_stands(machine: Machine) -> None:
    opened = Opened()
    machine.plug("ttyUSB1")
    await port_on(machine, "socket://host:3333", opened, stick=STICK).open(115_200)
    assert opened.calls == [("socket://host:3333", 115_200)]
    assert opened.learned == []


@pytest.mark.parametrize(
    ("url", "rate", "expected"),
    [
        ("/dev/ttyUSB0", None, (38_400, 115_200, 2_400, 4_800, 9_600, 19_200, 57_600)),
        ("/dev/serial/by-path/pci-0000:00:14.0-usb-0:1", 9_600, (9_600, 38_400, 115_200, 2_400, 4_800, 19_200, 57_600)),
        ("rfc2217://host:1", None, (38_400, 115_200, 2_400, 4_800, 9_600, 19_200, 57_600)),
        ("/dev/ttyUSB0", 9_600, (9_600, 38_400, 115_200, 2_400, 4_800, 19_200, 57_600)),
        ("socket://host:1", None, (38_400,)),
        ("esphome://host", 9_600, (38_400,)),
    ],
)
def test_only_where_the_speed_can_be_chosen_others_are_tried(
    machine: Machine, url: str, rate: int | None, expected: tuple[int, ...]
) -> None:
    assert DevicePort(url, 38_400, opener=Opened(), rate=rate, serials=machine.serials).rates == expected


def test_another_speed_is_told_once_and_remembered(machine: Machine, caplog: pytest.LogCaptureFixture) -> None:
    opened = Opened()
    port = port_on(machine, "/dev/ttyUSB0", opened)
    port.worked(9_600)
    port.worked(9_600)
    assert caplog.text.count("Set --baudrate 9600 (SERIAL_RATE)") == 1
    assert opened.learned == [{"rate": 9_600}]
    assert port.rates[0] == 9_600
    port.worked(115_200)
    assert opened.learned[-1] == {"rate": 115_200}
