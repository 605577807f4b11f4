"""What the steps of one diagnosis share: the settings, what was found out so far, and what has to be let go of."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from random import Random
from typing import Any

from hems_data_collector.clock import Clock
from hems_data_collector.config import Settings
from hems_data_collector.diagnosis.finding import Finding
from hems_data_collector.link.base import OnProgress
from hems_data_collector.link.port import scheme_of
from hems_data_collector.link.survey import Heard, Survey
from hems_data_collector.meter_settings import MeterSettings
from hems_data_collector.meters import Meter


@dataclass(slots=True, kw_only=True)
class Around:
    """What is the same for every meter."""

    settings: Settings
    clock: Clock
    rng: Random
    on_progress: OnProgress
    credentials_problem: Finding | None = None
    """What is wrong with id or password, where the settings hold made-up ones in their place."""
    owner: str | None = None
    """The process that has the database, as a number or `unknown`."""
    live: Mapping[str, Any] | None = None
    """What the running collector says; None where none answers."""


@dataclass(slots=True, kw_only=True)
class Context:
    """One meter on its way from the port to a reading."""

    around: Around
    own: MeterSettings
    held: AsyncExitStack = field(default_factory=AsyncExitStack)
    """What is open; closed at the end, whatever happens."""
    asked: Mapping[str, Any] | None = None
    """What the running collector says of this meter, whose port it has."""
    survey: Survey | None = None
    places: tuple[Heard, ...] = ()
    """Where the scan has found the meter, or what takes itself for it; the strongest first."""
    place: Heard | None = None
    """Where it is."""
    meter: Meter | None = None

    @property
    def scheme(self) -> str:
        """The scheme of the port's URL, empty for a device."""
        return scheme_of(self.own.port)
