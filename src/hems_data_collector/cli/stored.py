"""What the verbs on the stored data share: their flags, the open database, the choice of a meter."""

from __future__ import annotations

import argparse
import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import datetime
from gettext import gettext as _
from pathlib import Path
from typing import TYPE_CHECKING, Final

from hems_data_collector import language
from hems_data_collector.cli.arguments import Parser, add_settings, given
from hems_data_collector.cli.messages import hide
from hems_data_collector.clock import SystemClock
from hems_data_collector.errors import ConfigError
from hems_data_collector.settings_table import CONFIG_SETTING, CORE_SETTINGS
from hems_data_collector.settings_values import did_you_mean
from hems_data_collector.store import failures, meters, outbox
from hems_data_collector.store.database import open_editor, open_reader, transaction
from hems_data_collector.store.lock import owner

if TYPE_CHECKING:
    from hems_data_collector.config import StoreSettings

STORE_SETTINGS: Final = (
    *(row for row in CORE_SETTINGS if row.name in ("database", "local_timezone")),
    CONFIG_SETTING,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """An open database, with the settings that matter for it."""

    conn: sqlite3.Connection
    settings: StoreSettings
    now: datetime


def add_store_flags(parser: Parser) -> None:
    """`--database` and its companions."""
    add_settings(parser, STORE_SETTINGS)
    parser.add_argument("--debug", action="store_true", help=_("show where in the program a bug is"))
    parser.add_help_flag()


def settings_of(arguments: argparse.Namespace) -> StoreSettings:
    """The settings; raises ConfigError. No text that follows shows their secrets."""
    from hems_data_collector.config import load_store_settings

    settings = load_store_settings(given(arguments, STORE_SETTINGS), os.environ, Path.cwd())
    language.use(settings.language)
    hide(settings.secrets)
    return settings


@contextmanager
def reading(arguments: argparse.Namespace) -> Iterator[Stored]:
    """The database for reading, also beside a running collector. Raises ConfigError, StoreError."""
    with _opened(arguments, open_reader) as stored:
        yield stored


@contextmanager
def editing(arguments: argparse.Namespace) -> Iterator[Stored]:
    """The database for one small change, done when the block ends without an error. Raises ConfigError, StoreError."""
    with _opened(arguments, open_editor) as stored, transaction(stored.conn):
        yield stored


def meters_of(stored: Stored, wanted: str | None) -> list[meters.StoredMeter]:
    """The meters that `--meter` means: by key or by the owner's name; the one seen last first.

    Without it those with the name of the one seen last: after an exchange the old meter goes on as the new one. Raises
    ConfigError for a meter that is not known, and where there are several names to choose from.
    """
    known = meters.listed(stored.conn)
    if wanted is None:
        names = sorted({meter.name for meter in known if meter.name})
        if len(names) > 1:
            raise ConfigError(
                _("There are several meters: {names}.").format(names=", ".join(names)),
                setting="meter",
                cause=_("This is about one of them."),
                remedy=_("Say which one: --meter {name}").format(name=names[0]),
            )
        return [meter for meter in known if meter.name == known[0].name]
    found = [meter for meter in known if wanted in (meter.key, meter.name)]
    if not found:
        words = [word for meter in known for word in (meter.name, meter.key) if word]
        raise ConfigError(
            _("--meter: nothing is stored of the meter {meter}.").format(meter=wanted),
            setting="meter",
            cause=_("The name is misspelt, or that meter was never read."),
            remedy=did_you_mean(wanted, words) if words else _("Start the collector first."),
        )
    return found


def output_of(stored: Stored, wanted: str) -> str:
    """The output that `--output` means; raises ConfigError where nothing is known of it."""
    known = [row.name for row in outbox.states(stored.conn, half_hours=False)]
    if wanted in known:
        return wanted
    raise ConfigError(
        _('--output: the collector has no output "{name}".').format(name=wanted),
        setting="output",
        cause=_("Records are kept for the outputs that the collector ran with; stdout gets each record once, at once."),
        remedy=did_you_mean(wanted, known) if known else _("Start the collector with that output first."),
    )


def collector_advice(database: Path) -> str:
    """What to do so that something happens, where no collector is running; else nothing."""
    try:
        running = owner(database) is not None
    except OSError:
        return ""
    return "" if running else " " + _("No collector is running: that happens when it starts.")


def now() -> datetime:
    """The wall clock."""
    return SystemClock().now()


@contextmanager
def _opened(arguments: argparse.Namespace, opener: Callable[[Path], sqlite3.Connection]) -> Iterator[Stored]:
    settings = settings_of(arguments)
    with failures.translated(settings.database), closing(opener(settings.database)) as conn:
        yield Stored(conn=conn, settings=settings, now=now())
