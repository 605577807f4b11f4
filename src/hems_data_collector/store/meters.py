"""Meters and the scales of their registers, as rows that the other tables name by number."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from datetime import datetime

from hems_data_collector.echonet import EnergyScale
from hems_data_collector.meter.profile import MeterProfile
from hems_data_collector.readings import MeterIdentity
from hems_data_collector.store.times import from_micros, to_micros


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredMeter:
    """One meter that has ever been read; an exchanged one is another meter."""

    key: str
    identity: MeterIdentity
    name: str | None
    """What its owner calls it, where several meters are configured."""
    exports: bool
    """Its half hours have an export register too."""
    first_seen: datetime
    last_seen: datetime


@dataclass(frozen=True, slots=True)
class Scale:
    """A row of `scales`: what one count is worth, and the width of the registers in decimal digits."""

    id: int
    energy: EnergyScale
    digits: int


def exports(profile: MeterProfile) -> bool:
    """Whether the meter measures export and tells the past of it (E4, or EC): only then a half hour waits for it."""
    measures = bool({0xE3, 0xEB} & profile.get_map)
    return measures and (profile.has_history_2 or (profile.has_history_1 and 0xE4 in profile.get_map))


def know(conn: sqlite3.Connection, profile: MeterProfile, now: datetime, *, name: str | None = None) -> int:
    """Enter or renew the meter of `profile`, seen at `now`; returns its number."""
    identity = profile.identity
    known = conn.execute("SELECT id FROM meters WHERE key = ?", (identity.key,)).fetchone()
    if known is None:
        cursor = conn.execute(
            "INSERT INTO meters (key, maker, serial, node_id, mac, name, exports, first_seen_us, last_seen_us)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                identity.key,
                identity.maker,
                identity.serial,
                identity.node_id,
                identity.mac,
                name,
                exports(profile),
                to_micros(now),
                to_micros(now),
            ),
        )
        return int(cursor.lastrowid or 0)
    conn.execute(
        "UPDATE meters SET maker = coalesce(?, maker), serial = coalesce(?, serial), node_id = coalesce(?, node_id),"
        " mac = coalesce(?, mac), name = ?, exports = ?, last_seen_us = max(last_seen_us, ?) WHERE id = ?",
        (
            identity.maker,
            identity.serial,
            identity.node_id,
            identity.mac,
            name,
            exports(profile),
            to_micros(now),
            known[0],
        ),
    )
    return int(known[0])


def number(conn: sqlite3.Connection, key: str) -> int | None:
    """The number of the meter `key`; None where nothing was ever stored of it."""
    row = conn.execute("SELECT id FROM meters WHERE key = ?", (key,)).fetchone()
    return None if row is None else int(row[0])


def listed(conn: sqlite3.Connection) -> list[StoredMeter]:
    """Every meter, the one seen last first."""
    rows = conn.execute(
        "SELECT key, maker, serial, node_id, mac, name, exports, first_seen_us, last_seen_us FROM meters"
        " ORDER BY last_seen_us DESC, id DESC"
    )
    return [
        StoredMeter(
            key=key,
            identity=MeterIdentity(maker=maker, serial=serial, node_id=node_id, mac=mac),
            name=name,
            exports=bool(has_export),
            first_seen=from_micros(first_us),
            last_seen=from_micros(last_us),
        )
        for key, maker, serial, node_id, mac, name, has_export, first_us, last_us in rows
    ]


def scale_number(conn: sqlite3.Connection, *, exponent: int, coefficient: int, digits: int) -> int:
    """The number of this scale, entered where it is new."""
    values = (exponent, coefficient, digits)
    row = conn.execute("SELECT id FROM scales WHERE exponent = ? AND coefficient = ? AND digits = ?", values).fetchone()
    if row is not None:
        return int(row[0])
    return int(
        conn.execute("INSERT INTO scales (exponent, coefficient, digits) VALUES (?, ?, ?)", values).lastrowid or 0
    )


def scales(conn: sqlite3.Connection) -> dict[int, Scale]:
    """Every scale by its number: a handful."""
    return {
        row: Scale(row, EnergyScale(exponent=exponent, coefficient=coefficient), digits)
        for row, exponent, coefficient, digits in conn.execute("SELECT id, exponent, coefficient, digits FROM scales")
    }


def keys(conn: sqlite3.Connection) -> dict[int, tuple[str, str | None]]:
    """The key and the owner's name of every meter by its number."""
    return {row: (key, name) for row, key, name in conn.execute("SELECT id, key, name FROM meters")}
