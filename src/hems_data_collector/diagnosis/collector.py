"""What the running collector says of a meter, whose port it has: its session, its radio, its last trouble."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from gettext import gettext as _
from typing import Any, Final

from hems_data_collector.diagnosis.context import Context
from hems_data_collector.diagnosis.finding import Finding
from hems_data_collector.diagnosis.kinds import found
from hems_data_collector.diagnosis.troubles import told_trouble
from hems_data_collector.link.quality import quality_of
from hems_data_collector.notify import session_text

_IN_SESSION: Final = frozenset({"up", "held", "expired"})


async def ask_collector(context: Context) -> AsyncGenerator[Finding, None]:
    """Its session with the meter, or why it has none."""
    assert context.asked is not None
    told = context.asked
    session, trouble = told["session"], told.get("trouble")
    if session in _IN_SESSION:
        yield _in_session(context, told)
    elif trouble is None:
        details = {"session": session}
        yield found("collector-busy", meter=context.own.name, session=session_text(session), details=details)
    else:
        yield told_trouble(trouble, meter=context.own.name, port=context.own.shown_port)


def _in_session(context: Context, told: Mapping[str, Any]) -> Finding:
    link, requests = told["link"], told["requests"]
    lqi = link["last_lqi"]
    quality = None if lqi is None else quality_of(lqi)
    dbm = link["last_rssi_dbm"]
    return found(
        "collector-weak" if quality is not None and quality.weak else "collector",
        meter=context.own.name,
        quality="" if quality is None else _(quality.word),
        lqi=lqi,
        dbm="?" if dbm is None else f"{dbm:.0f}",
        details={
            "meter": told["meter"],
            "session": told["session"],
            "lqi": lqi,
            "rssi_dbm": dbm,
            "joins": link["joins"],
            "losses": link["losses"],
            "requests": requests["requests"],
            "answers": requests["answers"],
        },
        private=_private(told["meter"]),
    )


def _private(key: str | None) -> tuple[str, ...]:
    """The part of a meter's key that no other meter has: the serial number behind the maker, or all of it."""
    return () if key is None else (key.rpartition("-")[2],)
