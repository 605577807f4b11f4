"""The stick and the air: which modem answers, are id and password well-formed, which meters answer a scan."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack
from dataclasses import replace
from gettext import gettext as _
from typing import Final

from hems_data_collector.diagnosis.context import Context
from hems_data_collector.diagnosis.finding import Finding
from hems_data_collector.diagnosis.kinds import found
from hems_data_collector.diagnosis.port import busy
from hems_data_collector.diagnosis.settings import MISSING
from hems_data_collector.diagnosis.troubles import trouble
from hems_data_collector.errors import HemsError, PortBusy
from hems_data_collector.language import N_
from hems_data_collector.link.plugged import holders
from hems_data_collector.link.port import DevicePort
from hems_data_collector.link.quality import quality_of
from hems_data_collector.link.survey import Heard, ModemFound, Survey
from hems_data_collector.link.transport import open_transport
from hems_data_collector.settings_values import WITHOUT_CREDENTIALS
from hems_data_collector.skstack import PayloadMode

_PAYLOADS: Final = {PayloadMode.BINARY: N_("binary"), PayloadMode.HEX: N_("hex"), None: N_("a form not known yet")}


def survey_of(context: Context) -> Survey:
    """A survey of the meter's port, still closed."""
    around, own = context.around, context.own
    port = DevicePort(own.port, own.baudrate, opener=open_transport)
    return Survey(port, credentials=own.credentials, clock=around.clock, on_progress=around.on_progress)


async def look_at_modem(context: Context) -> AsyncGenerator[Finding, None]:
    """Open the port, and see what answers."""
    context.survey = await context.held.enter_async_context(survey_of(context))
    try:
        modem = await context.survey.recognise()
    except HemsError as error:
        yield _trouble(context, error)
        return
    if context.survey.has_rate and modem.rate != context.own.baudrate:
        yield found(
            "modem-other-rate",
            meter=context.own.name,
            rate=modem.rate,
            configured=context.own.baudrate,
            details={"rate": modem.rate, "configured": context.own.baudrate},
        )
    yield _modem(context, modem)


def _modem(context: Context, modem: ModemFound) -> Finding:
    product = _(" or ").join(modem.products) or _("of a kind not known by name")
    return found(
        "modem",
        meter=context.own.name,
        product=product,
        version=modem.version,
        dialect=modem.dialect,
        payloads=_(_PAYLOADS[modem.payloads]),
        rate=modem.rate,
        details={
            "products": modem.products,
            "version": modem.version,
            "app_version": modem.app_version,
            "dialect": modem.dialect,
            "rate": modem.rate,
            "payloads": None if modem.payloads is None else modem.payloads.name.lower(),
        },
    )


async def look_at_credentials(context: Context) -> AsyncGenerator[Finding, None]:
    """Id and password, as far as their form tells: what is wrong with them, the collector refuses for every meter.

    None at all are missing only where a meter asks for them.
    """
    problem, unneeded = context.around.credentials_problem, context.scheme in WITHOUT_CREDENTIALS
    if problem is not None and not (unneeded and problem.key == MISSING):
        yield replace(problem, meter=context.own.name)
    elif unneeded:
        yield found("credentials-unneeded", meter=context.own.name)
    else:
        yield found("credentials", meter=context.own.name)


async def look_around(context: Context) -> AsyncGenerator[Finding, None]:
    """Scan for the meter, and let go of the port."""
    assert context.survey is not None
    try:
        heard = await context.survey.scan()
    except HemsError as error:
        yield _trouble(context, error)
        return
    finally:
        await context.held.aclose()
        context.held = AsyncExitStack()
    ours = [each for each in heard if each.ours]
    if not ours:
        key = "scan-foreign" if heard else "scan-nothing"
        yield found(key, meter=context.own.name, count=len(heard), details={"heard": len(heard)})
        return
    context.places = tuple(ours)
    yield _found(context, ours[0], len(heard))
    fixed = context.own.fixed_pan
    if fixed is not None and (fixed.channel, fixed.pan_id) not in [(each.channel, each.pan_id) for each in ours]:
        yield found(
            "scan-elsewhere",
            meter=context.own.name,
            channel=f"{ours[0].channel:02X}",
            pan=f"{ours[0].pan_id:04X}",
            configured=f"{fixed.channel:02X}, {fixed.pan_id:04X}",
        )


def _found(context: Context, place: Heard, heard: int) -> Finding:
    quality = quality_of(place.lqi)
    return found(
        "scan-weak" if quality.weak else "scan",
        meter=context.own.name,
        quality=_(quality.word),
        lqi=place.lqi,
        dbm=f"{place.rssi_dbm:.0f}",
        channel=f"{place.channel:02X}",
        details={
            "channel": f"{place.channel:02X}",
            "pan": f"{place.pan_id:04X}",
            "lqi": place.lqi,
            "rssi_dbm": round(place.rssi_dbm, 1),
            "bars": quality.bars,
            "heard": heard,
        },
    )


def _trouble(context: Context, error: HemsError) -> Finding:
    port = context.own.shown_port
    if isinstance(error, PortBusy):
        return busy(port, context.own.name, holders(context.own.port) if not context.scheme else ())
    return trouble(error, port=port, meter=context.own.name)
