"""A database on a disk that is full when the test says so: it can be read, and a transaction that wrote fails."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from typing import ClassVar, TypeVar

from support.collecting import QuickDatabase

T = TypeVar("T")


class FullDisk(QuickDatabase):
    """As any database while there is room."""

    full: ClassVar[bool] = False

    def _transaction(self, work: Callable[[sqlite3.Connection], T]) -> T:
        def on_the_disk(conn: sqlite3.Connection) -> T:
            before = conn.total_changes
            result = work(conn)
            if self.full and conn.total_changes != before:
                error = sqlite3.OperationalError("database or disk is full")
                error.sqlite_errorcode = sqlite3.SQLITE_FULL
                raise error
            return result

        return super()._transaction(on_the_disk)
