"""Which finding an error is, by its class; its own words say more than the row's where they name what was met."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from hems_data_collector import errors
from hems_data_collector.diagnosis.finding import Finding
from hems_data_collector.diagnosis.kinds import found
from hems_data_collector.skstack import MODULES

_OF_CLASS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "PortNotFound": "port-unreachable",
        "PortBusy": "port-busy",
        "PortDenied": "port-denied",
        "PortLost": "port-lost",
        "PortError": "port-unreachable",
        "ModemUnsupported": "modem-j11",
        "CommandRefused": "modem-trouble",
        "CommandTimeout": "modem-trouble",
        "ModemError": "modem-silent",
        "MeterNotFound": "scan-nothing",
        "JoinRefused": "join-refused",
        "SendRestricted": "air-time",
        "SessionLost": "meter-silent",
        "NoAnswer": "meter-silent",
        "MeterError": "meter-unusable",
        "HemsError": "join-unreached",
    }
)
"""Every class that can come from a link or a meter; a subclass that is not here counts as the class above it."""
_WITH_REASON: Final = frozenset({"port-denied", "port-unreachable", "modem-trouble", "meter-unusable"})
"""Findings that are of many kinds: what the error itself says is better than the row."""


def key_of(error: errors.HemsError) -> str:
    """The key of the finding that `error` is."""
    return next(_OF_CLASS[kind.__name__] for kind in type(error).__mro__ if kind.__name__ in _OF_CLASS)


def trouble(error: errors.HemsError, *, port: str, meter: str | None, key: str = "", holder: str = "?") -> Finding:
    """The finding that `error` is, or `key`."""
    key = key or key_of(error)
    own = key in _WITH_REASON
    return found(
        key,
        meter=meter,
        what=error.what if own else "",
        cause=error.cause if own else "",
        remedy=error.remedy if own else "",
        details={"error": type(error).__name__},
        reason=error.what,
        port=port,
        holder=holder,
        products=", ".join(module.title for module in MODULES.values()),
    )


def told_trouble(told: Mapping[str, str], *, meter: str | None, port: str) -> Finding:
    """The same of an error that a running collector tells: the name of its class and its three parts."""
    key = _OF_CLASS.get(told["kind"], "join-unreached")
    return found(
        key,
        meter=meter,
        what=told["what"],
        cause=told["cause"],
        remedy=told["remedy"],
        details={"error": told["kind"], "collector": True},
        reason=told["what"],
        port=port,
        holder="?",
        products="",
    )
