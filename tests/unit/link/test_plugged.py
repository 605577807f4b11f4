"""What is plugged in, which of it is a stick, who may open it and who has: on a made-up machine, and on this one."""

from __future__ import annotations

import grp
import os
import pwd
from pathlib import Path
from types import SimpleNamespace

import pytest

from hems_data_collector.link import plugged
from hems_data_collector.link.plugged import Access, AccessState, Holder, Plugged, access, holders, plugged_in
from support.serial_devices import Machine


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def listed(machine: Machine) -> tuple[Plugged, ...]:
    return plugged_in(sys=machine.sys, dev=machine.dev)


# --- what is there ----------------------------------------------------------------------------------------------------


def test_everything_that_a_stick_tells_is_told(machine: Machine) -> None:
    link = machine.plug("ttyUSB0", by_id=True)
    (found,) = listed(machine)
    assert found == Plugged(
        path=str(machine.dev / "ttyUSB0"),
        by_id=link,
        vendor_id="0403",
        product_id="6015",
        serial_number="DM00ABCD",
        description="FTDI FT230X Basic UART",
        possible=(
            "Tessera RL7023 Stick-D/IPS",
            "ROHM BP35C2",
            "Ratoc RS-WSUHA-P",
            "Tessera RL7023 Stick-D/DSS",
        ),
    )
    assert found.name == link


def test_without_a_lasting_name_the_path_is_the_name(machine: Machine) -> None:
    path = machine.plug("ttyACM0", serial=None)
    (found,) = listed(machine)
    assert (found.name, found.by_id, found.serial_number) == (path, None, "")


@pytest.mark.parametrize(
    ("names", "stick"),
    [
        (("ROHM", "BP35C2"), "ROHM BP35C2"),
        (("RATOC Systems, Ltd.", "RS-WSUHA-P"), "Ratoc RS-WSUHA-P"),
        (("Tessera", "RL7023 Stick-D/DSS"), "Tessera RL7023 Stick-D/DSS"),
        (("Tessera", "MB-RL7023-11/DSS"), "Tessera MB-RL7023-11/DSS"),
        (("JORJIN", "wsr35a1_00"), "JORJIN WSR35A1-00"),
        (("ROHM", "BP35C2-J11-T01"), None),
        (("FTDI", "FT230X Basic UART"), None),
        (("", ""), None),
    ],
)
def test_a_stick_is_known_by_its_type_in_the_descriptors(
    names: tuple[str, str], stick: str | None, machine: Machine
) -> None:
    machine.plug("ttyUSB0", names=names, usb=("1234", "5678"))
    (found,) = listed(machine)
    assert (found.stick, found.possible) == (stick, ())


def test_a_stick_with_j11_firmware_is_no_candidate_and_said_to_be_unsupported(machine: Machine) -> None:
    machine.plug("ttyUSB0", names=("RATOC Systems, Ltd.", "RS-WSUHA-J11"))
    (found,) = listed(machine)
    assert (found.stick, found.possible, found.unsupported) == (None, (), True)


def test_what_may_be_a_stick_comes_before_what_is_none(machine: Machine) -> None:
    machine.onboard("ttyAMA0")
    machine.plug("ttyACM0", usb=("2341", "0043"), names=("Arduino", "Uno"))
    machine.plug("ttyUSB0")
    machine.plug("ttyUSB1", names=("ROHM", "BP35C2"))
    assert [Path(each.path).name for each in listed(machine)] == ["ttyUSB1", "ttyUSB0", "ttyACM0", "ttyAMA0"]


def test_numbers_without_hardware_and_missing_devices_are_left_out(machine: Machine) -> None:
    machine.onboard("ttyS0", kind="4")
    machine.onboard("ttyS1", kind="0")
    machine.plug("ttyUSB0")
    (machine.dev / "ttyUSB0").unlink()
    (machine.sys / "class/tty/tty1").mkdir()
    (machine.dev / "tty1").touch()
    assert [Path(each.path).name for each in listed(machine)] == ["ttyS0"]


def test_where_the_kernel_tells_nothing_the_library_is_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import serialx

    port = serialx.SerialPortInfo(
        device="/dev/cu.usbserial-1",
        resolved_device="/dev/cu.usbserial-1",
        vid=0x0403,
        pid=0x6015,
        serial_number=None,
        manufacturer=None,
        product="BP35C2",
        bcd_device=None,
        interface_description=None,
        interface_num=None,
    )
    monkeypatch.setattr(serialx, "list_serial_ports", lambda: [port])
    (found,) = plugged_in(sys=tmp_path / "none", dev=tmp_path)
    assert (found.name, found.vendor_id, found.stick) == ("/dev/cu.usbserial-1", "0403", "ROHM BP35C2")


# --- who may ----------------------------------------------------------------------------------------------------------


def test_a_terminal_may_be_opened_and_other_things_are_no_ports(tmp_path: Path) -> None:
    mine, theirs = os.openpty()
    try:
        link = tmp_path / "stick"
        link.symlink_to(os.ttyname(theirs))
        assert access(str(link)) == Access(state=AccessState.OK)
    finally:
        os.close(mine)
        os.close(theirs)
    assert access(str(link)).state is AccessState.MISSING
    for other in ("/dev/null", str(tmp_path)):
        assert access(other).state is AccessState.NOT_SERIAL
    assert access("/dev/tty\0").state is AccessState.MISSING


class Stranger:
    """A terminal that may not be opened by this user, who has the groups `mine`."""

    def __init__(
        self, monkeypatch: pytest.MonkeyPatch, *, mode: int, member: bool, mine: tuple[int, ...] = (), gid: int = 20
    ) -> None:
        _mine, theirs = os.openpty()
        self.path = os.ttyname(theirs)
        own = pwd.getpwuid(os.getuid()).pw_name
        dialout = grp.struct_group(("dialout", "x", gid, [own] if member else []))
        real = os.stat(self.path)
        os.close(_mine)
        os.close(theirs)
        as_told = os.stat_result((real.st_mode & ~0o777 | mode, *real[1:5], gid, *real[6:]))
        system = SimpleNamespace(**vars(os))
        system.stat = lambda path: as_told
        system.access = lambda path, mode: mode == os.F_OK
        system.getgroups = lambda: list(mine)
        monkeypatch.setattr(plugged, "os", system)
        monkeypatch.setattr(plugged, "grp", SimpleNamespace(getgrgid=lambda gid: dialout))


@pytest.mark.parametrize(
    ("mode", "member", "mine", "expected"),
    [
        (0o660, False, (), Access(state=AccessState.DENIED, group="dialout")),
        (0o660, True, (), Access(state=AccessState.DENIED, group="dialout", joined=True)),
        (0o660, True, (20,), Access(state=AccessState.DENIED, group="dialout")),
        (0o600, True, (), Access(state=AccessState.DENIED)),
        (0o640, True, (), Access(state=AccessState.DENIED)),
    ],
)
def test_who_is_refused_learns_the_group_and_whether_to_log_in_again(
    mode: int, member: bool, mine: tuple[int, ...], expected: Access, monkeypatch: pytest.MonkeyPatch
) -> None:
    stranger = Stranger(monkeypatch, mode=mode, member=member, mine=mine)
    assert access(stranger.path) == expected


def test_nobody_is_sent_into_the_group_of_root(monkeypatch: pytest.MonkeyPatch) -> None:
    stranger = Stranger(monkeypatch, mode=0o660, member=False, gid=0)
    assert access(stranger.path) == Access(state=AccessState.DENIED)


# --- who has it open --------------------------------------------------------------------------------------------------


def test_every_process_that_has_it_open_is_named_without_its_arguments(machine: Machine) -> None:
    path = machine.plug("ttyUSB0", by_id=True)
    device = str(machine.dev / "ttyUSB0")
    machine.process(70, "/usr/bin/screen", path, opens=("/dev/null", device))
    machine.process(9, "/usr/sbin/ModemManager", "--debug", opens=(device,))
    machine.process(
        80, "/opt/bin/python3", "/opt/bin/hems-data-collector", "--webhook-secret", "whsec_A", opens=(device,)
    )
    machine.process(81, "python3.11", "-m", "momonga", opens=(device,))
    machine.process(82, "python3", "-c", "secret", opens=(device,))
    machine.process(83, opens=(device,))
    machine.process(84, "/usr/bin/cat", opens=("/dev/null",))
    machine.process(os.getpid(), "python3", opens=(device,))
    (machine.proc / "self").mkdir()
    assert holders(path, proc=machine.proc) == (
        Holder(pid=9, command="ModemManager"),
        Holder(pid=70, command="screen"),
        Holder(pid=80, command="hems-data-collector"),
        Holder(pid=81, command="momonga"),
        Holder(pid=82, command="python3"),
        Holder(pid=83, command="kernel-thread"),
    )


def test_without_a_list_of_processes_nobody_is_named(tmp_path: Path) -> None:
    assert holders("/dev/ttyUSB0", proc=tmp_path / "none") == ()
