"""One reading, or some time with the first meter, while everything on the wire is written down (docs/cli.md)."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import replace
from gettext import gettext as _
from random import Random
from typing import Final

from hems_data_collector.app import register_ports
from hems_data_collector.clock import Clock
from hems_data_collector.collector.poller import read_now
from hems_data_collector.config import Settings
from hems_data_collector.errors import ConfigError, LinkError, MeterError
from hems_data_collector.link.anonymous import Anonymizer
from hems_data_collector.link.base import OnProgress
from hems_data_collector.link.recording import Recording
from hems_data_collector.link.session import SessionState
from hems_data_collector.link.transport import open_transport
from hems_data_collector.link.wifi_port import WIFI_SCHEME
from hems_data_collector.meters import Meter, put_together
from hems_data_collector.readings import Record, published

log = logging.getLogger(__name__)

EVERY_S: Final = 60.0  # between two readings of a longer recording


def check_wire(settings: Settings) -> None:
    """Raise ConfigError where there is none."""
    if settings.meters[0].port.partition(":")[0] == WIFI_SCHEME:
        raise ConfigError(
            _("There is no wire to record on this port."),
            setting="port",
            cause=_("A meter in the home network has no stick in front of it."),
            remedy=_("Record its packets with tcpdump: UDP port 3610."),
        )


async def record_wire(
    settings: Settings,
    write: Callable[[str], None],
    *,
    seconds: float | None,
    keep_identity: bool,
    clock: Clock,
    on_progress: OnProgress,
) -> tuple[Record | None, int]:
    """A cold start and one reading, or readings for `seconds`; `write` takes each line of the transcript.

    Returns the last reading, None where none came, and the number of lines of the wire. Raises what went wrong with a
    single reading, with the transcript whole; in a longer time nothing that can heal ends it.
    """
    own = settings.meters[0]
    register_ports(settings, clock)
    recording = Recording(write, Anonymizer(own.credentials, keep_identity=keep_identity), clock=clock)
    recording.remark(f"recorded at {clock.now().isoformat(timespec='seconds')}")
    recording.remark("the meter's numbers and addresses are " + ("its own" if keep_identity else "made up"))
    cold = replace(settings, meters=(replace(own, fixed_pan=None),))  # a replay needs the scan
    (meter,) = put_together(
        cold, None, clock=clock, rng=Random(), on_progress=on_progress, opener=recording.over(open_transport)
    )
    try:
        record = await (_once(meter) if seconds is None else _watch(meter, seconds, clock))
    finally:
        await meter.close()
        recording.end()
    return record, recording.lines


async def _once(meter: Meter) -> Record:
    await meter.link.connect_once()
    return await _read(meter)


async def _read(meter: Meter) -> Record:
    await meter.introduce()
    return published(*await read_now(meter.reader))


async def _watch(meter: Meter, seconds: float, clock: Clock) -> Record | None:
    """Read again and again, whatever goes wrong meanwhile: that is what the recording is for."""
    until = clock.monotonic() + seconds
    keeping = asyncio.create_task(meter.link.keep(), name="record-link")
    record = None
    try:
        while (left := until - clock.monotonic()) > 0:
            try:
                await clock.wait_for(meter.link.wait_until(SessionState.UP), left)
                record = await _read(meter)
            except TimeoutError:
                break
            except (LinkError, MeterError) as error:
                log.warning("%s", error)
            await clock.sleep(min(EVERY_S, until - clock.monotonic()))
    finally:
        keeping.cancel()
        await asyncio.gather(keeping, return_exceptions=True)
    return record
