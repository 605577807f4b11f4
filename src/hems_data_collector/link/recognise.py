"""From an open port to a modem that is ready: which one it is, SKRESET, id and password (skstack-ip §4.1)."""

from __future__ import annotations

import logging
from gettext import gettext as _
from typing import Final

from hems_data_collector import skstack
from hems_data_collector.clock import Clock
from hems_data_collector.credentials import Credentials
from hems_data_collector.errors import CommandRefused, CommandTimeout, ModemError, ModemUnsupported
from hems_data_collector.link.counters import LinkCounters
from hems_data_collector.link.modem import WAKE_S, Modem
from hems_data_collector.link.restriction import Restriction
from hems_data_collector.skstack import (
    DUAL_STACK,
    MODULES,
    SINGLE_STACK,
    Dialect,
    Info,
    PayloadMode,
    Register,
    Version,
)
from hems_data_collector.skstack.framing import CRLF, MAX_PAYLOAD

log = logging.getLogger(__name__)

PROBE_TIMEOUT_S: Final = 1.0
PROBE_TRIES: Final = 4  # the first often fails on residue in the modem's line buffer (skstack-ip §7 row 7)
FILLING_TRY: Final = 2  # the third
FILLER: Final = CRLF * (MAX_PAYLOAD // 2 + 1)  # as much as a data mode left open can wait for (skstack-ip §7 row 16)
TRIES_AT_OTHER_RATES: Final = 2
TRIES_AFTER_RESET: Final = 2
J11_ANSWER_S: Final = 1.0
SENDING_LIMITED: Final = "SFB"  # 1 while the air time is used up (skstack-ip §2.2)
ECHO: Final = "SFE"
_PAYLOAD_MODES: Final = {"00": PayloadMode.BINARY, "01": PayloadMode.HEX}


async def find_version(modem: Modem, tries: int = PROBE_TRIES) -> str | None:
    """The firmware version that SKVER tells; None when nothing sensible answers."""
    for attempt in range(tries):
        if attempt == FILLING_TRY:
            await modem.write_raw(FILLER)
        await modem.wake(quiet_s=WAKE_S if attempt else 0.0)  # residue costs the first try at most
        try:
            done = await modem.execute(skstack.skver(), timeout_s=PROBE_TIMEOUT_S)
        except (CommandTimeout, CommandRefused):
            continue
        for answer in done.answers:
            if isinstance(answer, Version):
                return answer.text
    return None


async def reset_blindly(modem: Modem) -> None:
    """SKRESET to a modem that may answer nothing else (skstack-ip §7 rows 16-18)."""
    await modem.wake()
    try:
        await modem.execute(skstack.skreset(), timeout_s=PROBE_TIMEOUT_S)
    except ModemError as error:
        log.debug("%s", error.what)


async def speaks_j11(modem: Modem, clock: Clock) -> bool:
    """Whether J11 firmware is behind the port: asked only when no text came at any rate."""
    if not modem.ear.heard:
        await modem.write_raw(skstack.j11.GET_VERSION)
        await clock.sleep(J11_ANSWER_S)
    return modem.ear.heard


def no_modem_answers() -> ModemError:
    """Neither SKSTACK nor J11."""
    return ModemError(
        _("No Wi-SUN modem answers on this port."),
        cause=_("It is another device, or the modem hangs."),
        remedy=_("Check --port; unplug the stick and plug it in again."),
    )


def is_j11() -> ModemUnsupported:
    """The stick is one of the J11 types."""
    supported = ", ".join(module.title for module in MODULES.values())
    return ModemUnsupported(
        _("This stick has J11 firmware, which is not supported."),
        cause=_("Sticks whose name ends in J11 speak a binary protocol instead of SKSTACK-IP."),
        remedy=_("Use a stick with SKSTACK-IP: {supported}.").format(supported=supported),
    )


async def make_ready(
    modem: Modem, credentials: Credentials, restriction: Restriction, counters: LinkCounters
) -> Dialect:
    """Reset the modem, learn its dialect, hand it id and password; both are lost on SKRESET (skstack-ip §2.3).

    A modem whose air time is used up is not reset, so that it can tell the release by EVENT 33.
    """
    if not await _limited(modem, restriction):
        await modem.execute(skstack.skreset())
        counters.resets += 1
    await modem.execute(skstack.sksreg(ECHO, "0"))
    info = next((a for a in (await modem.execute(skstack.skinfo())).answers if isinstance(a, Info)), None)
    dialect = SINGLE_STACK if info is None or info.side is None else DUAL_STACK
    await _learn_payload_mode(modem)
    if dialect is DUAL_STACK:
        try:
            await modem.execute(skstack.sksreg("SA2", "1"))
        except CommandRefused:
            log.debug("this modem does not tell the link quality of a datagram")
    await modem.execute(skstack.sksetpwd(credentials.password.reveal()))
    await modem.execute(skstack.sksetrbid(credentials.route_b_id.reveal()))
    modem.expect_no_echo()
    return dialect


async def register(modem: Modem, name: str) -> str | None:
    """What the modem says of a register; None where it has none of that name."""
    try:
        done = await modem.execute(skstack.sksreg(name))
    except CommandRefused:
        return None
    return next((answer.value for answer in done.answers if isinstance(answer, Register)), None)


async def _limited(modem: Modem, restriction: Restriction) -> bool:
    """Whether the modem says that it may not send; brings `restriction` up to date.

    A modem that still has the echo off as we left it has not been restarted: its "free" is then as good as EVENT 33.
    After the hour it is in any case.
    """
    limited = await register(modem, SENDING_LIMITED) == "1"
    if limited and not restriction.active:
        restriction.reach()
    elif not limited and restriction.active and (restriction.hour_is_over or await register(modem, ECHO) == "0"):
        restriction.release()
    return limited


async def _learn_payload_mode(modem: Modem) -> None:
    """Read, never write, the modem's option byte: writing it wears its flash out (skstack-ip §2.7)."""
    try:
        options = (await modem.execute(skstack.ropt(), timeout_s=PROBE_TIMEOUT_S)).text
    except CommandRefused:
        modem.expect_payloads(PayloadMode.HEX)  # sticks without ROPT always print hex (skstack-ip §5.3)
    except CommandTimeout:
        log.debug("no answer to ROPT; the payload form is learned from the first datagram")
    else:
        if options in _PAYLOAD_MODES:
            modem.expect_payloads(_PAYLOAD_MODES[options])
