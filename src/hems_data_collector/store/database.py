"""The one database file of a collector: opened, locked, migrated, written by one thread, and mended when it breaks."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import sqlite3
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from gettext import gettext as _
from pathlib import Path
from typing import Final, TypeVar
from urllib.parse import quote

from hems_data_collector.clock import Clock
from hems_data_collector.errors import StoreDamaged, StoreError, StoreUnavailable, sentence
from hems_data_collector.language import os_text
from hems_data_collector.store import failures, migrations
from hems_data_collector.store.aside import SIDE_FILES, first_number, save_broken_log, set_aside
from hems_data_collector.store.lock import ProcessLock

log = logging.getLogger(__name__)
T = TypeVar("T")

FILE_NAME: Final = "hems.db"
FILE_MODE: Final = 0o600
DIRECTORY_MODE: Final = 0o700
BUSY_TIMEOUT_S: Final = 5.0  # a verb that writes beside the collector is done much sooner
STATEMENTS: Final = 256  # more than the program has, so that none is parsed twice
RENEWAL_INTERVAL_S: Final = 60.0  # a disk that spoils every new file must not fill up with spoilt files


class Database:
    """One writer connection, used by one thread of its own; `run` is the only way to it."""

    def __init__(self, path: Path, *, clock: Clock, lock: ProcessLock, synchronous: str) -> None:
        """Use `Database.open`."""
        self.path = path
        self._clock = clock
        self._lock = lock
        self._synchronous = synchronous
        self._executor = ThreadPoolExecutor(max_workers=1, thread_name_prefix="store")
        self._conn: sqlite3.Connection | None = None
        self._closed = False
        self._spoilt: sqlite3.Connection | None = None
        self._inode: tuple[int, int] | None = None
        self._renewed_at: float | None = None

    @classmethod
    def open(cls, path: Path, *, clock: Clock, synchronous: str = "FULL") -> Database:
        """Open `path` for this process alone, made (0600 in 0700) and migrated as needed.

        A damaged file is set aside and a new one begun. Where the disk of an existing file is full or has errors, `run`
        raises StoreUnavailable until that is over.
        Raises StoreError where the file is in use, another program's, of a newer version, or cannot be made.
        `synchronous` other than FULL gives up durability; it is there so that a test of durability can fail.
        """
        path = path.expanduser().absolute()
        try:
            _make_folder(path.parent)
            lock = ProcessLock.acquire(path)
        except OSError as error:
            raise _cannot_be_used(path, error) from error
        database = cls(path, clock=clock, lock=lock, synchronous=synchronous)
        try:
            try:
                database._executor.submit(database._begin).result()
            except StoreDamaged as error:
                database._renewed_at = clock.monotonic()
                database._executor.submit(database._renew, error, clock.now()).result()
        except BaseException:
            database.close()
            raise
        return database

    async def run(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """The result of `work` in one transaction, durable when this returns; all or nothing.

        Raises StoreUnavailable (nothing was written; try again later), StoreDamaged (the same, and a new file was
        begun), and whatever `work` raises. What was handed over is done even where the caller is cancelled.
        After `close` it raises StoreUnavailable: at a hurried end an output may still be at its last request.
        """
        if self._closed:
            raise StoreUnavailable(_("The database is closed."))
        loop = asyncio.get_running_loop()
        done = loop.run_in_executor(self._executor, self._transaction, work)
        done.add_done_callback(_noted)
        try:
            return await asyncio.shield(done)
        except StoreDamaged as error:
            if self._may_renew():
                await loop.run_in_executor(self._executor, self._renew, error, self._clock.now())
            raise

    def run_sync(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """As `run`, for callers without an event loop; it waits for the work before it."""
        try:
            return self._executor.submit(self._transaction, work).result()
        except StoreDamaged as error:
            if self._may_renew():
                self._executor.submit(self._renew, error, self._clock.now()).result()
            raise

    def close(self) -> None:
        """End the work that waits, close the file, give the lock back."""
        self._closed = True
        self._executor.submit(self._disconnect).result()
        self._executor.shutdown()
        self._lock.release()

    def _may_renew(self) -> bool:
        now = self._clock.monotonic()
        if self._renewed_at is not None and now - self._renewed_at < RENEWAL_INTERVAL_S:
            return False
        self._renewed_at = now
        return True

    # --- on the thread of the database ---------------------------------------------------------------------------

    def _transaction(self, work: Callable[[sqlite3.Connection], T]) -> T:
        try:
            conn = self._connected()
            with transaction(conn):
                return work(conn)
        except sqlite3.Error as error:
            told = self._after(error) or self._damage_behind(error)
            if told is None:
                raise
            raise told from error
        except (ArithmeticError, LookupError, TypeError, ValueError) as error:
            if (told := self._damage_behind(error)) is not None:
                raise told from error
            raise

    def _begin(self) -> None:
        """The first connection, with everything that only the start may refuse."""
        try:
            self._conn = self._connect()
        except sqlite3.Error as error:
            told = failures.explained(error, self.path)
            if isinstance(told, StoreDamaged):
                raise told from error
            if not failures.may_pass(error) or not self.path.stat().st_size:
                raise _cannot_be_used(self.path, error) from error
            log.warning("%s", told)
        except OSError as error:
            raise _cannot_be_used(self.path, error) from error

    def _connected(self) -> sqlite3.Connection:
        """The connection, made anew where the file is not the one that was opened; raises StoreUnavailable."""
        if self._conn is not None and self._inode != _inode(self.path):
            log.error("The database %s was moved away or replaced while in use.", self.path)
            self._disconnect()
        if self._conn is None:
            if not self._lock.in_place:
                raise StoreUnavailable(
                    _("The folder of the database {path} is gone.").format(path=self.path),
                    cause=_("Its disk is not mounted, or the folder was removed."),
                    remedy=_("Mount the disk again; after a removal restart hems-data-collector."),
                )
            try:
                self._conn = self._connect()
            except OSError as error:
                raise StoreUnavailable(str(_cannot_be_used(self.path, error))) from error
        return self._conn

    def _connect(self) -> sqlite3.Connection:
        """A connection to a sound database of this version; raises sqlite3.Error, OSError, StoreError."""
        with contextlib.suppress(FileExistsError):
            os.close(os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_EXCL, FILE_MODE))
        inode = _inode(self.path)
        conn = _connection(self.path, "rw")
        try:
            if (kept := save_broken_log(self.path, conn)) is not None:
                log.error(
                    "The write-ahead log of the database %s is damaged; it is kept as %s. `hems-data-collector check"
                    " --salvage` brings back what is undamaged in it.",
                    self.path,
                    kept,
                )
            if conn.execute("PRAGMA journal_mode = WAL").fetchone()[0] != "wal":
                raise _cannot_be_used(self.path, OSError(_("its file system has no shared memory; use a local disk")))
            conn.execute(f"PRAGMA synchronous = {self._synchronous}")
            if migrations.migrate(conn) == 0:
                conn.execute("UPDATE log SET first = ?", (first_number(self.path, another=self._inode is not None),))
            _probe(conn, self.path)
        except BaseException as error:
            damage = isinstance(error, StoreDamaged) or (isinstance(error, sqlite3.Error) and failures.is_damage(error))
            if damage and self._spoilt is None:
                self._spoilt = conn  # closing it would take its write-ahead log away
            else:
                conn.close()
            raise
        self._inode = inode
        return conn

    def _disconnect(self) -> None:
        for conn in (self._conn, self._spoilt):
            if conn is not None:
                with contextlib.suppress(sqlite3.Error):
                    conn.close()
        self._conn = self._spoilt = None

    def _after(self, error: sqlite3.Error) -> StoreUnavailable | None:
        """What the caller of failed work is told; None where it is a bug."""
        if failures.needs_reopening(error):
            self._disconnect()
        return failures.explained(error, self.path)

    def _damage_behind(self, error: Exception) -> StoreDamaged | None:
        """Whether what looks like a bug comes from values that no sound file can have."""
        try:
            if self._conn is None or is_sound(self._conn):
                return None
        except sqlite3.Error as trouble:
            if not failures.is_damage(trouble):
                return None
        return failures.damaged(self.path, error)

    def _renew(self, error: StoreDamaged, now: datetime) -> None:
        """Set the damaged file aside and begin a new one; a disk that does not even take that is left for later."""
        with contextlib.suppress(sqlite3.Error, OSError):
            aside = set_aside(self.path, now)
            self._disconnect()
            log.error("%s It is kept as %s and a new one is begun. %s", error.what, aside, error.remedy)
            self._conn = self._connect()


def _noted(done: asyncio.Future[T]) -> None:
    """Whoever asked may be gone: asyncio is not to call that a failure nobody looked at."""
    if not done.cancelled():
        done.exception()


def open_reader(path: Path) -> sqlite3.Connection:
    """A read-only connection, also while a collector writes; close it after use. Raises StoreError."""
    return _opened(path, "ro")


def open_editor(path: Path) -> sqlite3.Connection:
    """A connection for the small changes of a verb (each in a `transaction`), also while a collector runs.

    Raises StoreError.
    """
    return _opened(path, "rw")


@contextlib.contextmanager
def transaction(conn: sqlite3.Connection) -> Iterator[None]:
    """All that is done inside, or nothing; waits for a collector that writes just now."""
    conn.execute("BEGIN IMMEDIATE")
    try:
        yield
        conn.execute("COMMIT")
    finally:
        if conn.in_transaction:
            with contextlib.suppress(sqlite3.Error):
                conn.rollback()


def _opened(path: Path, mode: str) -> sqlite3.Connection:
    path = path.expanduser().absolute()
    try:
        conn = _connection(path, "ro&immutable=1" if mode == "ro" and _stands_still(path) else mode)
        try:
            version = migrations.check_version(conn)
            if not version:
                raise StoreError(
                    _("The database {path} is empty.").format(path=path),
                    cause=_("The collector was stopped before it began, or something has emptied the file."),
                    remedy=_("Start the collector."),
                )
            if version < max(migrations.steps()):
                raise StoreError(
                    _("The database {path} is of an older version.").format(path=path),
                    cause=_("The collector of this version has not run on it yet."),
                    remedy=_("Start the collector once."),
                )
            _check_schema(conn, path)
        except BaseException:
            conn.close()
            raise
    except sqlite3.Error as error:
        if not path.exists():
            raise StoreError(
                _("There is no database {path}.").format(path=path),
                cause=_("The collector has not run yet, or keeps its data elsewhere."),
                remedy=_(
                    "Give the collector's --database, and run this as the collector's user; for an installed service"
                    " put sudo before the command."
                ),
            ) from error
        raise failures.explained(error, path) or error from error
    return conn


def _stands_still(path: Path) -> bool:
    """Whether nobody can write the file: SQLite then needs no side files, which could not be made."""
    wal = path.with_name(path.name + SIDE_FILES[0])
    return not os.access(path.parent, os.W_OK) and not (wal.exists() and wal.stat().st_size)


def _connection(path: Path, mode: str) -> sqlite3.Connection:
    conn = sqlite3.connect(
        f"file:{quote(str(path))}?mode={mode}",
        uri=True,
        isolation_level=None,
        timeout=BUSY_TIMEOUT_S,
        cached_statements=STATEMENTS,
    )
    conn.text_factory = _text
    conn.execute("PRAGMA foreign_keys = ON")
    return conn


def _text(stored: bytes) -> str:
    return stored.decode("utf-8", "replace")  # a damaged letter must not stop the reading of a whole table


def is_sound(conn: sqlite3.Connection) -> bool:
    """Whether SQLite finds nothing wrong with the file; looks at the whole of it. Raises sqlite3.Error."""
    return (
        migrations.columns(conn) == migrations.expected_columns()
        and conn.execute("PRAGMA quick_check(1)").fetchone()[0] == "ok"
        and conn.execute("PRAGMA foreign_key_check").fetchone() is None
    )


def _probe(conn: sqlite3.Connection, path: Path) -> None:
    """Touch what the collector will touch first; raises sqlite3.Error or StoreDamaged where that is damaged."""
    conn.execute("BEGIN IMMEDIATE")
    conn.execute("ROLLBACK")
    _check_schema(conn, path)
    for table in migrations.expected_columns():
        conn.execute(f"SELECT * FROM {table} LIMIT 1").fetchall()
    conn.execute("SELECT max(seq) FROM readings").fetchall()
    conn.execute("SELECT max(seq) FROM half_hours WHERE seq IS NOT NULL").fetchall()


def _check_schema(conn: sqlite3.Connection, path: Path) -> None:
    """Raise StoreDamaged where a table of this version is not what it should be: its definition is in the file."""
    if migrations.columns(conn) != migrations.expected_columns():
        raise failures.damaged(path, sqlite3.DatabaseError(_("the definitions of its tables are spoilt")))


def _make_folder(folder: Path) -> None:
    """The folder and what is missing above it, for the owner alone."""
    if not folder.is_dir():
        _make_folder(folder.parent)
        folder.mkdir(mode=DIRECTORY_MODE, exist_ok=True)


def _inode(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _cannot_be_used(path: Path, error: Exception) -> StoreError:
    reason = os_text(error) if isinstance(error, OSError) else str(error)
    return StoreError(
        _("The database {path} cannot be used.").format(path=path),
        cause=sentence(f"{reason[:1].upper()}{reason[1:]}"),
        remedy=_("Make its folder writable for this user, or give another file with --database."),
    )
