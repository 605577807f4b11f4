"""The schema of the database: numbered SQL files, applied in order, each in one transaction."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from functools import cache
from gettext import gettext as _
from importlib.resources import files
from types import MappingProxyType
from typing import Final

from hems_data_collector.errors import StoreDamaged, StoreError

APPLICATION_ID: Final = 0x48454D53
"""`HEMS` in the header of the file: whose database it is."""


@cache
def steps() -> Mapping[int, str]:
    """The SQL of every schema version, in order; version N is made from N - 1."""
    folder = files("hems_data_collector.store") / "schema"
    found = {int(file.name[:4]): file.read_text("utf-8") for file in folder.iterdir() if file.name.endswith(".sql")}
    return MappingProxyType(dict(sorted(found.items())))


def check_version(conn: sqlite3.Connection, newest: int | None = None) -> int:
    """The schema version of an open database, 0 for an empty file.

    Raises StoreError for a newer one (`newest` is what this program knows) and for another program's database, and
    StoreDamaged where it has our mark and no version, which are written together.
    """
    newest = max(steps()) if newest is None else newest
    version = int(conn.execute("PRAGMA user_version").fetchone()[0])
    owner = int(conn.execute("PRAGMA application_id").fetchone()[0])
    if owner != APPLICATION_ID and (version or conn.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]):
        raise StoreError(
            _("The database is another program's."),
            cause=_("It has tables, but not the mark of hems-data-collector."),
            remedy=_("Give another file with --database."),
        )
    if owner == APPLICATION_ID and version < 1:
        raise StoreDamaged(
            _("The database is damaged (schema version {version}).").format(version=version),
            remedy=_("`hems-data-collector check --salvage` brings back what is undamaged in it."),
        )
    if version > newest:
        raise StoreError(
            _("The database has schema version {version}; this program knows versions up to {newest}.").format(
                version=version, newest=newest
            ),
            cause=_("A newer version of hems-data-collector has used it."),
            remedy=_("Update hems-data-collector, or give another file with --database."),
        )
    return version


def migrate(conn: sqlite3.Connection, known: Mapping[int, str] | None = None) -> int:
    """Bring the database to the newest of the `known` versions; returns the one it had, 0 for an empty file.

    Raises as `check_version`. A step that fails leaves the version before it untouched.
    """
    known = steps() if known is None else known
    version = check_version(conn, max(known))
    for number, sql in known.items():
        if number <= version:
            continue
        try:
            conn.executescript(
                f"BEGIN IMMEDIATE; PRAGMA application_id = {APPLICATION_ID};\n{sql}\n;"
                f"PRAGMA user_version = {number}; COMMIT;"
            )
        finally:
            if conn.in_transaction:
                conn.rollback()
    return version


def columns(conn: sqlite3.Connection) -> dict[str, tuple[str, ...]]:
    """The names of the columns of every table."""
    tables = [name for (name,) in conn.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()]
    return {
        table: tuple(name for (name,) in conn.execute("SELECT name FROM pragma_table_info(?) ORDER BY cid", (table,)))
        for table in tables
        if not table.startswith("sqlite_")
    }


@cache
def expected_columns() -> Mapping[str, tuple[str, ...]]:
    """As `columns`, of a sound database of the newest version."""
    conn = sqlite3.connect(":memory:", isolation_level=None)
    try:
        migrate(conn)
        return MappingProxyType(columns(conn))
    finally:
        conn.close()
