"""What is settled for one meter: how it is reached, and when it is read."""

from __future__ import annotations

from dataclasses import dataclass

from hems_data_collector.collector.schedule import CronSchedule
from hems_data_collector.credentials import Credentials, Masker, Secret
from hems_data_collector.settings_values import EMULATOR_SCHEME, secrets_of_url


@dataclass(frozen=True, slots=True, kw_only=True)
class FixedPan:
    """Where the meter is, told by the user instead of a scan."""

    channel: int
    pan_id: int
    ipv6: str
    """As the modem writes it: 39 characters in upper case."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MeterSettings:
    """How one meter is reached, and when it is read."""

    name: str | None
    """None: the only meter, from the general settings."""
    port: str
    """A device path, or a URL with its scheme in lower case."""
    baudrate: int
    credentials: Credentials
    fixed_pan: FixedPan | None
    mode: str
    schedule: CronSchedule | None
    """None in the mode `interval`, and for a one-shot reading."""
    interval: int
    """Seconds; of use in the mode `interval` only."""

    @property
    def shown_port(self) -> str:
        """The port without the secrets that a URL may hold."""
        return Masker(Secret(text) for text in secrets_of_url(self.port))(self.port)

    @property
    def emulated(self) -> bool:
        """Whether it is a meter of the built-in emulator."""
        return self.port.startswith(f"{EMULATOR_SCHEME}:")

    @property
    def place(self) -> str:
        """By what the store knows where this meter is: its port, and among several meters its name."""
        return self.shown_port if self.name is None else f"{self.shown_port}#{self.name}"
