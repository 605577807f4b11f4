"""What makes the next start quick: where the meter of a port was found, its constants, our last goodbye; and until when
the law forbids to send.

Trouble with the disk is never raised: everything can be had again from the meter, and the modem keeps the law itself.
"""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import msgspec

from hems_data_collector.credentials import Secret
from hems_data_collector.errors import StoreUnavailable
from hems_data_collector.link.base import Pan, WifiPlace
from hems_data_collector.link.usb import UsbIdentity
from hems_data_collector.meter.profile import MeterProfile
from hems_data_collector.store.database import Database

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Remembered:
    """What is remembered of one port."""

    pan: Pan | None = None
    wifi: WifiPlace | None = None
    """Where the meter was in the home network, and which one it was."""
    terminated_at: datetime | None = None
    profile: MeterProfile | None = None
    rate: int | None = None
    """Baud rate at which the modem answered, where it is not the configured one."""
    stick: UsbIdentity | None = None
    restricted_until: datetime | None = None
    """When sending is free again at the latest (skstack-ip §4.6)."""


class Ports:
    """What is remembered of every port; a change is written at once, or with the next one where the disk fails."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._unwritten: dict[str, Remembered] = {}

    def recall(self, port: str) -> Remembered:
        """What is known of `port`; empty where nothing is."""
        if port in self._unwritten:
            return self._unwritten[port]
        try:
            return self._database.run_sync(lambda conn: recall(conn, port))
        except StoreUnavailable as error:
            log.debug("%s", error)
            return Remembered()

    def remember(self, port: str, **changes: Any) -> Remembered:
        """Replace the named fields of `Remembered` for `port`; returns the whole."""
        self._unwritten[port] = replace(self.recall(port), **changes)
        known = self._unwritten[port]
        try:
            self._database.run_sync(lambda conn: remember(conn, self._unwritten))
        except StoreUnavailable as error:
            log.debug("%s", error)
        else:
            self._unwritten.clear()
        return known


def recall(conn: sqlite3.Connection, port: str) -> Remembered:
    """What is stored of `port`; empty where nothing is, or nothing that this version understands."""
    row = conn.execute("SELECT remembered FROM ports WHERE port = ?", (port,)).fetchone()
    if row is None:
        return Remembered()
    try:
        return msgspec.json.decode(row[0], type=Remembered, dec_hook=_from_json)
    except (msgspec.MsgspecError, ValueError) as error:
        log.debug("What was remembered of a port cannot be read: %s", error)
        return Remembered()


def remember(conn: sqlite3.Connection, ports: Mapping[str, Remembered]) -> None:
    """Store `ports` in place of what was stored of them."""
    conn.executemany(
        "INSERT OR REPLACE INTO ports (port, remembered) VALUES (?, ?)",
        [(port, msgspec.json.encode(known, enc_hook=_to_json)) for port, known in ports.items()],
    )


def _to_json(value: object) -> str:
    """What JSON has no form for: a secret, which the file's mode keeps."""
    if isinstance(value, Secret):
        return value.reveal()
    raise NotImplementedError(type(value))


def _from_json(kind: type, value: object) -> object:
    if kind is Secret and isinstance(value, str):
        return Secret(value)
    raise NotImplementedError(kind)
