"""The database: can it be written, is it sound, does anybody else have it; and what it holds of each meter."""

from __future__ import annotations

import errno
import os
import sqlite3
import tempfile
from collections.abc import AsyncGenerator, Iterator
from contextlib import closing
from datetime import datetime
from gettext import gettext as _
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from hems_data_collector.diagnosis.context import Around
from hems_data_collector.diagnosis.finding import Detail, Finding
from hems_data_collector.diagnosis.kinds import found
from hems_data_collector.errors import StoreDamaged, StoreError, sentence
from hems_data_collector.language import os_text
from hems_data_collector.outputs.blocking import BlockingCalls
from hems_data_collector.store import failures, half_hours, meters, migrations, summaries
from hems_data_collector.store.aside import unsalvaged
from hems_data_collector.store.database import is_sound
from hems_data_collector.store.lock import owner
from hems_data_collector.store.periods import Period
from hems_data_collector.store.sizes import bytes_of, size_text

TRIAL_BYTES: Final = 65_536
"""As much as a transaction of the collector needs at the least, its log included."""
LOW_BYTES: Final = 100_000_000
"""Less than a year of readings."""
_FULL: Final = frozenset((errno.ENOSPC, errno.EDQUOT, errno.EFBIG))


async def look_at_store(around: Around) -> AsyncGenerator[Finding, None]:
    """Everything about the file and its disk; nothing is written that stays."""
    calls = BlockingCalls("diagnosis-store")
    try:
        for finding in await calls.run(lambda: list(_store(around))):
            yield finding
    finally:
        calls.close()


def owner_of(path: Path) -> str | None:
    """The process that has the database, None where none has or this user may not see it."""
    try:
        return owner(path)
    except OSError:
        return None


def _store(around: Around) -> Iterator[Finding]:
    path = around.settings.database
    if (trouble := _ring(around)) is not None:
        yield trouble
    if around.owner is not None and around.live is None:
        yield found("store-held", process=around.owner, database=path)
    elif (trouble := _unwritable(path)) is not None:
        yield trouble
        return
    folder = _existing(path.parent)
    room = _free_bytes(folder)
    words: dict[str, Any] = {"database": path, "room": size_text(room), "process": around.owner}
    details: dict[str, Detail] = {"database": str(path), "free_bytes": room}
    if not path.exists() or not path.stat().st_size:
        yield found("store-new", details=details, **words)
    else:
        yield from _existing_file(around, path, words, details)
    if room < LOW_BYTES:
        yield found("store-low", details=details, **words)


def _existing_file(around: Around, path: Path, words: dict[str, Any], details: dict[str, Detail]) -> Iterator[Finding]:
    size = details["bytes"] = bytes_of(path)
    words["size"] = size_text(size)
    try:
        with closing(_reader(path)) as conn:
            version = migrations.check_version(conn)
            details["schema"] = version
            if version == max(migrations.steps()):
                if not is_sound(conn):
                    raise failures.damaged(path, sqlite3.DatabaseError(_("SQLite finds errors in it")))
                if aside := unsalvaged(conn, path):
                    yield found("store-aside", files=", ".join(map(str, aside)))
    except (sqlite3.Error, StoreError) as error:
        yield _unreadable(path, error)
    else:
        running = around.owner is not None and around.live is not None
        yield found("store-collector" if running else "store", details=details, **words)


def _unreadable(path: Path, error: sqlite3.Error | StoreError) -> Finding:
    """What it means that the file cannot be looked at."""
    code = failures.primary_code(error) if isinstance(error, sqlite3.Error) else 0
    if isinstance(error, StoreDamaged) or (isinstance(error, sqlite3.Error) and failures.is_damage(error)):
        key = "store-damaged"
    elif code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_PROTOCOL):
        key = "store-busy"
    else:
        key = "store-denied" if isinstance(error, sqlite3.Error) else "store-unusable"
    reason = error.what if isinstance(error, StoreError) else str(error)
    own = isinstance(error, StoreError) and key == "store-unusable"
    cause, remedy = (error.cause, error.remedy) if own and isinstance(error, StoreError) else ("", "")
    return found(key, cause=cause, remedy=remedy, database=path, reason=_sentence(reason))


def _ring(around: Around) -> Finding | None:
    """What a running collector keeps in memory because its disk does not take it."""
    ring = (around.live or {}).get("ring") or {}
    if ring.get("since") is None:
        return None
    return found("store-memory", held=ring["held"], reason=ring["reason"], process=around.owner)


def _unwritable(path: Path) -> Finding | None:
    """Why a collector of this user could not write the database; tried with a file that has no name."""
    try:
        if path.exists():
            with path.open("r+b"):
                pass
        with tempfile.TemporaryFile(dir=_existing(path.parent)) as trial:
            trial.write(bytes(TRIAL_BYTES))
            trial.flush()
            os.fsync(trial.fileno())
    except OSError as error:
        key = "store-full" if error.errno in _FULL else "store-denied"
        return found(key, database=path, reason=_sentence(os_text(error)), details={"database": str(path)})
    return None


def _existing(folder: Path) -> Path:
    """`folder`, or the nearest above it that is there: below it the collector makes the others."""
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    return folder


def _reader(path: Path) -> sqlite3.Connection:
    conn = sqlite3.connect(f"file:{quote(str(path))}?mode=ro", uri=True, isolation_level=None, timeout=1.0)
    conn.execute("PRAGMA query_only = ON")
    return conn


def _free_bytes(folder: Path) -> int:
    found_room = os.statvfs(folder)
    return found_room.f_bavail * found_room.f_frsize


def _sentence(reason: str) -> str:
    return sentence(f"{reason[:1].upper()}{reason[1:]}")


# --- how complete -----------------------------------------------------------------------------------------------------


async def look_at_completeness(around: Around) -> AsyncGenerator[Finding, None]:
    """How many half hours of the last 99 days are here, for each meter that was ever read."""
    calls, now = BlockingCalls("diagnosis-completeness"), around.clock.now()
    try:
        for finding in await calls.run(lambda: list(_completeness(around.settings.database, now))):
            yield finding
    finally:
        calls.close()


def _completeness(path: Path, now: datetime) -> Iterator[Finding]:
    nothing = True
    if path.exists() and path.stat().st_size:
        period = Period(now - summaries.REMEMBERED, now)
        with closing(_reader(path)) as conn:
            current = migrations.check_version(conn) == max(migrations.steps())
            for meter in meters.listed(conn) if current else ():
                if half_hours.oldest(conn, meter.key) is None:
                    continue
                nothing = False
                (part,) = summaries.completeness(conn, meter.key, [period], until=now - summaries.SETTLED_AFTER)
                yield found(
                    "completeness" if part.present >= part.expected else "half-hours-missing",
                    meter=meter.name,
                    present=part.present,
                    expected=part.expected,
                    missing=part.expected - part.present,
                    details={"present": part.present, "expected": part.expected, "absent": part.absent},
                )
    if nothing:
        yield found("completeness-none")
