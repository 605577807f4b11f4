"""Preparing the modem and looking for the meter: SKVER to SKSCAN (skstack-ip §4.1, steps 1-7)."""

from __future__ import annotations

import asyncio
import logging
from typing import Final

from hems_data_collector import skstack
from hems_data_collector.clock import Clock
from hems_data_collector.credentials import Credentials
from hems_data_collector.errors import CommandRefused, CommandTimeout, LinkError, MeterNotFound, ModemError
from hems_data_collector.link.base import OnProgress, Pan, Progress
from hems_data_collector.link.modem import WAKE_S, Modem
from hems_data_collector.skstack import DUAL_STACK, SINGLE_STACK, Dialect, Info, PanDescription, PayloadMode, Version

log = logging.getLogger(__name__)

PROBE_TIMEOUT_S: Final = 1.0
PROBE_TRIES: Final = 4  # the first often fails on residue in the modem's line buffer (skstack-ip §7 row 7)
SCAN_DURATIONS: Final = (6, 7, 8)  # 18, 35 and 69 s for all channels; the vendor advises 6 or more (skstack-ip §2.4)
SCAN_CHANNELS: Final = 28
SCAN_MARGIN_S: Final = 10.0
LATE_DESCRIPTION_S: Final = 0.5  # EPANDESC has been seen after EVENT 22 (skstack-ip §7 row 27)
_ER_ARGUMENT_COUNT: Final = 5
_PAYLOAD_MODES: Final = {"00": PayloadMode.BINARY, "01": PayloadMode.HEX}


def scan_seconds(duration: int) -> float:
    """How long a scan of all channels takes at most, in seconds (skstack-ip §2.4)."""
    return 0.01 * (2.0**duration + 1) * SCAN_CHANNELS


async def identify(modem: Modem) -> tuple[str, Dialect]:
    """Firmware version and dialect of the modem (skstack-ip §5.3); raises ModemError when none answers."""
    version = await _probe(modem)
    await modem.execute(skstack.skreset())
    await modem.execute(skstack.sksreg("SFE", "0"))
    info = next((a for a in (await modem.execute(skstack.skinfo())).answers if isinstance(a, Info)), None)
    dialect = SINGLE_STACK if info is None or info.side is None else DUAL_STACK
    await _learn_payload_mode(modem)
    if dialect is DUAL_STACK:
        try:
            await modem.execute(skstack.sksreg("SA2", "1"))
        except CommandRefused:
            log.debug("this modem does not tell the link quality of a datagram")
    return version, dialect


async def _probe(modem: Modem) -> str:
    for attempt in range(PROBE_TRIES):
        await modem.wake(quiet_s=WAKE_S if attempt else 0.0)  # residue costs the first try at most
        try:
            done = await modem.execute(skstack.skver(), timeout_s=PROBE_TIMEOUT_S)
        except (CommandTimeout, CommandRefused):
            continue
        for answer in done.answers:
            if isinstance(answer, Version):
                return answer.text
    raise ModemError(
        "No Wi-SUN modem answers on this port.",
        cause="It is another device, the baud rate is wrong, or the stick has J11 firmware, which speaks a binary"
        " protocol that is not supported.",
        remedy="Check --port and --baudrate; unplug the stick and plug it in again.",
    )


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


async def give_credentials(modem: Modem, credentials: Credentials) -> None:
    """Hand id and password to the modem; both are lost on SKRESET (skstack-ip §2.3)."""
    await modem.execute(skstack.sksetpwd(credentials.password.reveal()))
    await modem.execute(skstack.sksetrbid(credentials.route_b_id.reveal()))


class Scanner:
    """Active scans for the PAN whose pairing ID is ours; collects the beacons that the link passes on."""

    def __init__(self, *, clock: Clock, credentials: Credentials, on_progress: OnProgress) -> None:
        self._clock = clock
        self._pair_id = credentials.pair_id.reveal()
        self._on_progress = on_progress
        self._found: list[PanDescription] = []
        self._swept = asyncio.Event()
        self.lost: LinkError | None = None

    def beacon(self, description: PanDescription) -> None:
        """The modem described a PAN."""
        self._found.append(description)

    def swept(self) -> None:
        """EVENT 22: the sweep is over."""
        self._swept.set()

    async def scan(self, modem: Modem, dialect: Dialect) -> tuple[list[Pan], Dialect]:
        """Scan with widening duration; the PANs found, strongest first, and the dialect that the modem accepted.

        Raises MeterNotFound after the widest scan.
        """
        for duration in SCAN_DURATIONS:
            self._found.clear()
            self._swept.clear()
            expected_s = scan_seconds(duration)
            self._on_progress(Progress(text=f"Looking for the meter (scan {duration})", expected_s=expected_s))
            dialect = await self._start(modem, dialect, duration)
            try:
                await self._clock.wait_for(self._swept.wait(), expected_s + SCAN_MARGIN_S)
            except TimeoutError:
                raise CommandTimeout(
                    "The scan did not end in time.",
                    cause="The modem hangs.",
                    remedy="The collector resets it and scans again.",
                ) from None
            await self._clock.sleep(LATE_DESCRIPTION_S)
            modem.flush()
            if pans := self._ours():
                return pans, dialect
            log.info("Scan %d found no meter of ours.", duration)
        raise MeterNotFound(
            "No meter answered the scan.",
            cause="The B-route id is wrong (a meter only answers its own id), the B-route service is not active yet,"
            " or the meter is too far away.",
            remedy="Compare B_ROUTE_ID with the letter of the power company; move the stick nearer to the meter, for"
            " example on a USB extension cable.",
        )

    async def _start(self, modem: Modem, dialect: Dialect, duration: int) -> Dialect:
        try:
            await modem.execute(skstack.skscan(dialect, duration))
        except CommandRefused as error:
            if error.code != _ER_ARGUMENT_COUNT:
                raise
            dialect = SINGLE_STACK if dialect is DUAL_STACK else DUAL_STACK
            await modem.execute(skstack.skscan(dialect, duration))
        return dialect

    def _ours(self) -> list[Pan]:
        pans: dict[tuple[int, int, str], PanDescription] = {}
        for found in self._found:
            if found.pair_id is not None and found.pair_id.upper() != self._pair_id.upper():
                log.info("A PAN of another household on channel %02X is left alone.", found.channel)
                continue
            pans[found.channel, found.pan_id, found.mac] = found
        strongest_first = sorted(pans.values(), key=lambda pan: pan.lqi, reverse=True)
        return [
            Pan(channel=p.channel, pan_id=p.pan_id, address=skstack.link_local_of(p.mac), lqi=p.lqi)
            for p in strongest_first
        ]
