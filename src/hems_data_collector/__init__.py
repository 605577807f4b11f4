"""hems-data-collector: a Japanese smart meter, read over the B-route, and its readings put where you want them.

What stands in `__all__` is the library (docs/library.md); each name is imported when it is first used.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hems_data_collector.clock import Clock
    from hems_data_collector.credentials import Credentials, checked_credentials
    from hems_data_collector.echonet import NoValue
    from hems_data_collector.emulator import Emulator, EmulatorSettings
    from hems_data_collector.errors import (
        CommandRefused,
        CommandTimeout,
        ConfigError,
        DecodeError,
        HemsError,
        JoinRefused,
        LinkError,
        MeterError,
        MeterNotFound,
        ModemError,
        ModemUnsupported,
        NoAnswer,
        PortBusy,
        PortDenied,
        PortError,
        PortLost,
        PortNotFound,
        PropertyError,
        PropertyRefused,
        SendRestricted,
        SessionLost,
    )
    from hems_data_collector.library.meter import Meter
    from hems_data_collector.library.notifications import Notification, Notifications
    from hems_data_collector.link.base import Pan, Progress, WifiPlace
    from hems_data_collector.link.transport import Transport
    from hems_data_collector.meter.profile import MeterProfile
    from hems_data_collector.readings import HalfHourEnergy, MeterIdentity, Reading

__all__ = [
    "Clock",
    "CommandRefused",
    "CommandTimeout",
    "ConfigError",
    "Credentials",
    "DecodeError",
    "Emulator",
    "EmulatorSettings",
    "HalfHourEnergy",
    "HemsError",
    "JoinRefused",
    "LinkError",
    "Meter",
    "MeterError",
    "MeterIdentity",
    "MeterNotFound",
    "MeterProfile",
    "ModemError",
    "ModemUnsupported",
    "NoAnswer",
    "NoValue",
    "Notification",
    "Notifications",
    "Pan",
    "PortBusy",
    "PortDenied",
    "PortError",
    "PortLost",
    "PortNotFound",
    "Progress",
    "PropertyError",
    "PropertyRefused",
    "Reading",
    "SendRestricted",
    "SessionLost",
    "Transport",
    "WifiPlace",
    "checked_credentials",
]

_ERRORS = "errors"
_PLACES = {
    "Clock": "clock",
    "Credentials": "credentials",
    "Emulator": "emulator",
    "EmulatorSettings": "emulator",
    "HalfHourEnergy": "readings",
    "Meter": "library.meter",
    "MeterIdentity": "readings",
    "MeterProfile": "meter.profile",
    "NoValue": "echonet",
    "Notification": "library.notifications",
    "Notifications": "library.notifications",
    "Pan": "link.base",
    "Progress": "link.base",
    "Reading": "readings",
    "Transport": "link.transport",
    "WifiPlace": "link.base",
    "checked_credentials": "credentials",
}
"""Where each name comes from; what is not here is one of the errors."""

if not TYPE_CHECKING:  # a type checker must still see a misspelt name

    def __getattr__(name: str) -> object:
        if name not in __all__:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        value = getattr(import_module(f"{__name__}.{_PLACES.get(name, _ERRORS)}"), name)
        globals()[name] = value
        return value

    def __dir__() -> list[str]:
        return sorted({*globals(), *__all__})
