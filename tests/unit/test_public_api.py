"""The library's surface: what it is, where it comes from, and that importing it costs nothing."""

from __future__ import annotations

import inspect
import subprocess
import sys
from pathlib import Path

import pytest

import hems_data_collector
from hems_data_collector import Meter, errors

NAMES = """
    Clock CommandRefused CommandTimeout ConfigError Credentials DecodeError Emulator EmulatorSettings HalfHourEnergy
    HemsError JoinRefused LinkError Meter MeterError MeterIdentity MeterNotFound MeterProfile ModemError
    ModemUnsupported NoAnswer NoValue Notification Notifications Pan PortBusy PortDenied PortError PortLost PortNotFound
    Progress PropertyError PropertyRefused Reading SendRestricted SessionLost Transport WifiPlace checked_credentials
    """.split()  # noqa: SIM905  # forty names read better without quotes

METER = {
    "open": "(port: str | Emulator, credentials: Credentials | None = None, *, baudrate: int = 115200,"
    " place: Pan | WifiPlace | None = None, zone: tzinfo = zoneinfo.ZoneInfo(key='Asia/Tokyo'),"
    " opener: Opener | None = None, clock: Clock | None = None, on_progress: OnProgress) -> Meter",
    "read": "(self, *, timeout_s: float = 120.0) -> Reading",
    "get": "(self, epc: int, *, timeout_s: float = 120.0) -> Value",
    "set": "(self, epc: int, value: Value, *, timeout_s: float = 120.0) -> None",
    "notifications": "(self) -> Notifications",
    "half_hours": "(self, start: datetime, end: datetime, *, timeout_s: float = 120.0) -> tuple[HalfHourEnergy, ...]",
    "day": "(self, day: date, *, timeout_s: float = 120.0) -> tuple[HalfHourEnergy, ...]",
    "profile": "property",
    "identity": "property",
    "place": "property",
    "connected": "property",
}

LIGHT = """
import sys, hems_data_collector
assert not [name for name in sys.modules if name.startswith("hems_data_collector.")], sys.modules
assert "asyncio" not in sys.modules
hems_data_collector.Reading
assert "hems_data_collector.library.meter" not in sys.modules
"""


def described(name: str) -> str:
    """The signature of a member of `Meter`, as a reader of the code sees it; defaults that are functions left out."""
    member = inspect.getattr_static(Meter, name)
    if isinstance(member, property):
        return "property"
    signature = inspect.signature(getattr(Meter, name))
    plain = [
        each.replace(default=inspect.Parameter.empty) if callable(each.default) else each
        for each in signature.parameters.values()
    ]
    return str(signature.replace(parameters=plain)).replace("'", "").replace("key=Asia/Tokyo", "key='Asia/Tokyo'")


def test_the_names_are_these() -> None:
    assert hems_data_collector.__all__ == NAMES
    assert set(NAMES) <= set(dir(hems_data_collector))


@pytest.mark.parametrize("name", NAMES)
def test_every_name_is_there_and_says_what_it_is(name: str) -> None:
    found = getattr(hems_data_collector, name)
    assert found.__name__ == name
    assert found.__doc__


def test_another_name_is_not_there() -> None:
    with pytest.raises(AttributeError, match="no attribute 'Metre'"):
        hems_data_collector.Metre  # type: ignore[attr-defined]  # noqa: B018


def test_the_meter_offers_this() -> None:
    assert {name: described(name) for name in vars(Meter) if not name.startswith("_")} == METER


def test_every_error_that_a_meter_may_raise_is_a_public_one() -> None:
    private = {"StoreError", "OutputError", "SendUnconfirmed", "LineError", "FrameError", "NotConfigured"}
    kinds = {
        name
        for name, kind in vars(errors).items()
        if isinstance(kind, type)
        and issubclass(kind, errors.HemsError)
        and not issubclass(kind, (errors.StoreError, errors.OutputError))
    }
    assert kinds - private <= set(NAMES)


def test_importing_the_package_imports_none_of_it() -> None:
    subprocess.run([sys.executable, "-c", LIGHT], check=True)


def test_the_package_says_that_it_is_typed() -> None:
    assert (Path(hems_data_collector.__file__).parent / "py.typed").exists()
