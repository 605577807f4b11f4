"""A fresh database for each test."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from hems_data_collector.store import migrations
from hems_data_collector.store.database import Database
from support.ledgers import opened


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    """A database file, without durability."""
    with opened(tmp_path / "hems.db") as made:
        yield made


@pytest.fixture
def conn() -> Iterator[sqlite3.Connection]:
    """The schema in memory."""
    made = sqlite3.connect(":memory:", isolation_level=None)
    migrations.migrate(made)
    made.execute("PRAGMA foreign_keys = ON")
    yield made
    made.close()
