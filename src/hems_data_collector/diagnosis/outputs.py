"""Each output: would its far end take a record, and has it got what is stored."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncGenerator
from contextlib import closing, suppress
from gettext import gettext as _
from typing import Final

from hems_data_collector.app import build_output
from hems_data_collector.diagnosis.context import Around
from hems_data_collector.diagnosis.finding import Detail, Finding
from hems_data_collector.diagnosis.kinds import found
from hems_data_collector.errors import ConfigError, HemsError, OutputUnavailable, StoreError
from hems_data_collector.outputs.blocking import BlockingCalls
from hems_data_collector.store import outbox
from hems_data_collector.store.database import open_reader

ASKED_S: Final = 30.0  # an output's own deadlines are shorter; this is for one whose far end drips
HEALTHY: Final = "ok"


async def look_at_outputs(around: Around) -> AsyncGenerator[Finding, None]:
    """One output after the other, in the order configured."""
    settings = around.settings
    if not settings.outputs:
        yield found("output-none")
        return
    for name in settings.outputs:
        yield await _asked(around, name)
    async for finding in _delivered(around):
        yield finding


async def _asked(around: Around, name: str) -> Finding:
    """What the far end of one output says."""
    details: dict[str, Detail] = {"output": name}
    try:
        output = build_output(around.settings, name, around.clock)
        try:
            doubt = await around.clock.wait_for(output.check(), ASKED_S)
        finally:
            await output.close()
    except TimeoutError:
        return found("output-unreachable", output=name, reason=_("it does not answer in time"), details=details)
    except HemsError as error:
        key = "output-settings" if isinstance(error, ConfigError) else "output-refused"
        key = "output-unreachable" if isinstance(error, OutputUnavailable) else key
        return found(key, output=name, reason=error.what, cause=error.cause, remedy=error.remedy, details=details)
    if doubt is not None:
        return found("output-doubtful", output=name, reason=doubt, details=details)
    return found("output", output=name, state=_("records can go there"), details=details)


async def _delivered(around: Around) -> AsyncGenerator[Finding, None]:
    """What the database says of the outputs that are configured."""
    calls = BlockingCalls("diagnosis-outputs")
    try:
        rows = await calls.run(_rows, around)
    finally:
        calls.close()
    for row in rows:
        details: dict[str, Detail] = {
            "output": row.name,
            "waiting": row.waiting,
            "dead_letters": row.dead_letters,
            "health": row.health,
        }
        if row.waiting and row.health != HEALTHY:
            yield found(
                "output-behind",
                output=row.name,
                waiting=row.waiting,
                health=row.health,
                reason=row.reason,
                details=details,
            )
        if row.dead_letters:
            yield found("output-dead-letters", output=row.name, count=row.dead_letters, details=details)


def _rows(around: Around) -> list[outbox.OutputRow]:
    with suppress(StoreError, sqlite3.Error, OSError), closing(open_reader(around.settings.database)) as conn:
        return [row for row in outbox.states(conn) if row.configured and row.name in around.settings.outputs]
    return []
