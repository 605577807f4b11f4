"""SKSCAN: the sweep over the channels and what it reports (skstack-ip §2.4)."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Final

from hems_data_collector.emulator import lines
from hems_data_collector.emulator.core import Core
from hems_data_collector.emulator.dice import mix
from hems_data_collector.emulator.lines import Beacon

FIRST_CHANNEL: Final = 33
CHANNELS: Final = 28
ENERGY_DETECT: Final = 0
WITHOUT_PAIRING: Final = 3
LATE_BEACON_S: Final = 0.3
"""After EVENT 22, which one program waits half a second for (skstack-ip §2.4)."""
EV_ENERGY_SCAN_DONE, EV_BEACON, EV_SCAN_DONE = 0x1F, 0x20, 0x22


class Scanner:
    """At most one sweep at a time; a second SKSCAN is accepted and has no effect (skstack-ip §1.2)."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._sweep: asyncio.Task[None] | None = None

    @property
    def busy(self) -> bool:
        """A sweep is running."""
        return self._sweep is not None and not self._sweep.done()

    def start(self, *, mode: int, mask: int, duration: int) -> None:
        """Begin a sweep."""
        sweep = self._detect_energy if mode == ENERGY_DETECT else self._listen_for_beacons
        self._sweep = self._core.tasks.spawn(sweep(mode, mask, duration))

    def stop(self) -> None:
        """Break the sweep off without a word."""
        if self._sweep is not None:
            self._sweep.cancel()

    async def _listen_for_beacons(self, mode: int, mask: int, duration: int) -> None:
        core = self._core
        # No beacon request goes out while sending is restricted, so nobody answers.
        limited = core.air_time.restricted
        pairing_id = core.registers.values["S0A"]
        heard = () if limited else core.in_reach
        asked = {"mode": mode, "duration": duration}
        beacons = [beacon for radio in heard for beacon in radio.beacons(**asked, pairing_id=pairing_id)]
        late = core.faults.get("late-beacon")
        for channel in _channels(mask):
            await core.clock.sleep(core.timing.scan_channel(duration))
            for beacon in beacons:
                if beacon.channel == channel:
                    core.event(EV_BEACON, core.address)
                    if late:
                        continue
                    await core.clock.sleep(core.timing.beacon_report())
                    self._describe(beacon, mode)
        await core.clock.sleep(core.timing.scan_overhead())
        core.event(EV_SCAN_DONE, core.address)
        if late:
            await core.clock.sleep(LATE_BEACON_S)
            for beacon in beacons:
                self._describe(beacon, mode)

    def _describe(self, beacon: Beacon, mode: int) -> None:
        core = self._core
        core.emit(lines.epandesc(beacon, side=core.side, with_pair_id=mode != WITHOUT_PAIRING))

    async def _detect_energy(self, mode: int, mask: int, duration: int) -> None:
        core = self._core
        channels = list(_channels(mask))
        await core.clock.sleep(core.timing.scan_channel(duration) * len(channels) + core.timing.scan_overhead())
        core.event(EV_ENERGY_SCAN_DONE, core.address)
        levels = [(channel, 2 + mix(core.settings.seed, channel) % 16) for channel in channels]
        core.emit(lines.eedscan(levels, blank_line=not core.has_side))


def _channels(mask: int) -> Iterator[int]:
    """The channels in a mask, whose lowest bit is channel 33."""
    return (FIRST_CHANNEL + bit for bit in range(CHANNELS) if mask >> bit & 1)
