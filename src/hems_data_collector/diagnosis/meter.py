"""The meter: does it let us in, what does it support, what time is it there, and one reading."""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections.abc import AsyncGenerator
from contextlib import closing
from dataclasses import replace
from datetime import datetime, timedelta
from gettext import gettext as _
from typing import Any, Final

from hems_data_collector.app import one_line
from hems_data_collector.collector.poller import read_now
from hems_data_collector.diagnosis.context import Context
from hems_data_collector.diagnosis.finding import Detail, Finding
from hems_data_collector.diagnosis.kinds import found
from hems_data_collector.diagnosis.troubles import key_of, trouble
from hems_data_collector.errors import HemsError, JoinRefused, LinkError, MeterNotFound, NoAnswer, StoreError
from hems_data_collector.link.base import Pan, WifiPlace
from hems_data_collector.link.wifi_port import WIFI_SCHEME
from hems_data_collector.meter.profile import MeterProfile
from hems_data_collector.meter.reader import MeterReader
from hems_data_collector.meter_settings import FixedPan
from hems_data_collector.meters import Meter, put_together
from hems_data_collector.readings import published
from hems_data_collector.store import ports
from hems_data_collector.store.database import open_editor, transaction

CLOCKS_AGREE: Final = timedelta(minutes=2)
"""The meter tells full minutes, and an answer takes seconds (echonet-lite-meter §10.1)."""
OLDEST_RELEASE: Final = "F"
"""The first one with smart meters (echonet-lite-meter §9)."""
TELLS_HISTORY: Final = frozenset({0xE2, 0xEC})


async def join(context: Context) -> AsyncGenerator[Finding, None]:
    """A session with the meter, where the scan has found it: at the next place where nobody answers at the first."""
    failed: list[HemsError] = []
    for place in context.places or (None,):
        context.place = place
        meter = _meter(context)
        try:
            joined = await meter.link.connect_once()
        except HemsError as error:
            failed.append(error)
            await meter.close()
            continue
        except BaseException:
            await meter.close()
            raise
        context.meter = meter
        context.held.push_async_callback(meter.close)
        yield _joined(context, joined)
        return
    yield _not_joined(context, failed[0])


def _joined(context: Context, place: object) -> Finding:
    if not isinstance(place, WifiPlace):
        return found("join", meter=context.own.name)
    private = (place.address, place.serial, place.node_id)
    return found("join-wifi", meter=context.own.name, interface=place.interface, private=private)


def _meter(context: Context) -> Meter:
    """The meter put together as the collector does it, except that it is known where it is."""
    around, own, place = context.around, context.own, context.place
    if place is not None:
        own = replace(own, fixed_pan=FixedPan(channel=place.channel, pan_id=place.pan_id, ipv6=place.address))
    settings = replace(around.settings, meters=(own,))
    (meter,) = put_together(settings, None, clock=around.clock, rng=around.rng, on_progress=around.on_progress)
    meter.link.on_terminated = lambda moment: _remember(context, terminated_at=moment)
    return meter


def _not_joined(context: Context, error: HemsError) -> Finding:
    if context.scheme == WIFI_SCHEME and isinstance(error, LinkError):
        return found("wifi-nothing", meter=context.own.name, cause=error.cause, remedy=error.remedy, reason=error.what)
    key = "join-unreached" if isinstance(error, LinkError) and not isinstance(error, JoinRefused) else ""
    key = "air-time" if key_of(error) == "air-time" else key
    return trouble(error, port=context.own.shown_port, meter=context.own.name, key=key)


def _remember(context: Context, terminated_at: datetime) -> None:
    """What the next start of the collector can use: where the meter is, and when it was last said goodbye to.

    Only in a database that is there and sound: a diagnosis makes none.
    """
    path, own, place = context.around.settings.database, context.own, context.place
    if not os.path.exists(path) or context.around.owner is not None:
        return
    changes: dict[str, Any] = {"terminated_at": terminated_at}
    if place is not None:
        changes["pan"] = Pan(channel=place.channel, pan_id=place.pan_id, address=place.address, lqi=place.lqi)
    with contextlib.suppress(StoreError, sqlite3.Error), closing(open_editor(path)) as conn, transaction(conn):
        ports.remember(conn, {own.place: replace(ports.recall(conn, own.place), **changes)})


async def introduce(context: Context) -> AsyncGenerator[Finding, None]:
    """What the meter says of itself."""
    try:
        profile = await _reader(context).introduce()
    except HemsError as error:
        yield _unheard(context, error)
        return
    yield _described(context, profile)


def _described(context: Context, profile: MeterProfile) -> Finding:
    identity, release = profile.identity, profile.release or "?"
    key = "meter"
    if not TELLS_HISTORY & profile.get_map:
        key = "meter-forgetful"
    elif profile.release and profile.release < OLDEST_RELEASE:
        key = "meter-old"
    return found(
        key,
        meter=context.own.name,
        meter_key=identity.key,
        release=release,
        count=len(profile.get_map),
        history=_history(profile),
        details={
            "meter": identity.key,
            "maker": identity.maker,
            "release": release,
            "properties": tuple(f"{epc:02X}" for epc in sorted(profile.get_map)),
            "settable": tuple(f"{epc:02X}" for epc in sorted(profile.set_map)),
            "unit_kwh": str(profile.scale.kwh(1)),
            "digits": profile.digits,
        },
        private=(identity.serial, identity.node_id, identity.mac),
    )


def _history(profile: MeterProfile) -> str:
    if profile.has_history_3:
        return _("with a history of half hours and of minutes")
    if profile.has_history_2:
        return _("with a history of half hours")
    return _("with a history of half hours, a day at a time")


async def look_at_clock(context: Context) -> AsyncGenerator[Finding, None]:
    """How far the meter's clock and that of this machine are apart."""
    reader, around = _reader(context), context.around
    assert reader.profile is not None
    if not reader.profile.minute_clock:
        yield found("clock-untold", meter=context.own.name)
        return
    try:
        _minute, told = await reader.minute_clock()
    except HemsError:  # not these properties, or not now: whether it answers at all, a reading has shown
        told = None
    if told is None:
        yield found("clock-untold", meter=context.own.name)
        return
    zone = around.settings.zone
    now = around.clock.now()
    apart = told - now.replace(second=0, microsecond=0)
    details: dict[str, Detail] = {
        "difference_s": int(apart.total_seconds()),
        "meter": told.isoformat(),
        "own": now.isoformat(),
    }
    yield found(
        "clock" if abs(apart) <= CLOCKS_AGREE else "clock-off",
        meter=context.own.name,
        difference=_span(abs(apart)),
        told=f"{told.astimezone(zone):%Y-%m-%d %H:%M}",
        own=f"{now.astimezone(zone):%Y-%m-%d %H:%M}",
        details=details,
    )


async def read(context: Context) -> AsyncGenerator[Finding, None]:
    """One reading, and goodbye."""
    try:
        reading, recent = await read_now(_reader(context))
    except NoAnswer:  # of all at once; it has answered a single question since (MeterClient.get)
        yield found("meter-singly", meter=context.own.name)
        return
    except HemsError as error:
        yield _unheard(context, error)
        return
    if reading.power_w is None and reading.energy_import_kwh is None:
        yield found("reading-empty", meter=context.own.name)
        return
    yield found("reading", meter=context.own.name, values=one_line(reading, published(reading, recent)))


def _reader(context: Context) -> MeterReader:
    assert context.meter is not None
    return context.meter.reader


def _unheard(context: Context, error: HemsError) -> Finding:
    """What it means that the meter let us in and now this."""
    key = "meter-silent" if isinstance(error, LinkError) and not isinstance(error, MeterNotFound) else ""
    key = "air-time" if key_of(error) == "air-time" else key
    return trouble(error, port=context.own.shown_port, meter=context.own.name, key=key)


def _span(apart: timedelta) -> str:
    minutes = int(apart.total_seconds()) // 60
    days, hours = minutes // 1440, minutes // 60 % 24
    if days:
        return _("{days} days and {hours} hours").format(days=days, hours=hours)
    if minutes >= 60:
        return _("{hours} hours and {minutes} minutes").format(hours=hours, minutes=minutes % 60)
    return _("{minutes} minutes").format(minutes=minutes)
