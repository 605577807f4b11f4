"""How long things take: as measured on real modules and meters, or hardly at all (skstack-ip §6, §7.2)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from hems_data_collector.emulator.dice import Dice
from hems_data_collector.emulator.settings import EmulatorSettings

LOCAL_COMMAND_S: Final = 0.005
JOIN_TIMEOUT_S: Final = 38.0
"""The module repeats its first message for 2+4+8+8+8+8 s before it gives up (skstack-ip §2.5)."""
RETRANSMISSIONS_S: Final = (2.0, 4.0, 8.0, 8.0, 8.0, 8.0)
REFUSAL_S: Final = 5.0
TERM_TIMEOUT_S: Final = 6.0
LOCAL_SEND_SHARE: Final = 0.4
"""Part of a fixed round trip that passes before EVENT 21, as in the measurements (220 of 570 ms)."""
CHANNEL_UNIT_S: Final = 0.0096
"""Scan time per channel is this times 2^DURATION + 1 (skstack-ip §2.4)."""
SCAN_OVERHEAD_S: Final = 0.5
BIG_PROPERTIES: Final = frozenset({0xE2, 0xE4, 0xEC, 0xEE})
BIG_FACTOR: Final = 2.5
"""Histories take longer than single values (echonet-lite-meter §11, §12)."""


class Timing:
    """Draws every duration, in seconds on our clock; with `fast` they are 0 unless the settings fix them."""

    def __init__(self, settings: EmulatorSettings, dice: Dice) -> None:
        self._settings = settings
        self._dice = dice

    def _real(self, seconds: float) -> float:
        return 0.0 if self._settings.fast else seconds

    def local_command(self) -> float:
        """From a command line to its answer."""
        return self._real(LOCAL_COMMAND_S)

    def address_conversion(self) -> float:
        """SKLL64."""
        return self._real(self._dice.between("ll64", 0.005, 0.1))

    def scan_channel(self, duration: int) -> float:
        """One channel of a scan."""
        return self._real(CHANNEL_UNIT_S * (2**duration + 1))

    def scan_overhead(self) -> float:
        """What a scan takes beyond its channels."""
        return self._real(SCAN_OVERHEAD_S)

    def beacon_report(self) -> float:
        """From EVENT 20 to its EPANDESC."""
        return self._real(self._dice.between("beacon", 0.0, 0.7))

    def neighbour_solicitation(self) -> float:
        """NS and NA (skstack-ip §4.7)."""
        return self._real(self._dice.between("neighbour", 0.1, 1.0))

    def send(self) -> float:
        """SKSENDTO to EVENT 21."""
        if self._settings.rtt is not None:
            return self._settings.rtt * LOCAL_SEND_SHARE
        return self._real(self._dice.peaked("send", 0.115, 0.22, 0.345))

    def answer(self, epcs: Iterable[int]) -> float:
        """EVENT 21 to the meter's ERXUDP."""
        if self._settings.rtt is not None:
            return self._settings.rtt * (1 - LOCAL_SEND_SHARE)
        big = BIG_FACTOR if BIG_PROPERTIES.intersection(epcs) else 1.0
        return self._real(self._dice.peaked("answer", 0.225, 0.35, 0.465) * big)

    def join(self) -> float:
        """SKJOIN to EVENT 25."""
        if self._settings.join is not None:
            return self._settings.join
        return self._real(self._dice.between("join", 3.0, 10.0))

    def refusal(self) -> float:
        """SKJOIN with a wrong password to EVENT 24."""
        return self._real(REFUSAL_S)

    def retransmissions(self) -> tuple[float, ...]:
        """The waits of a join that nobody answers."""
        return tuple(self._real(seconds) for seconds in RETRANSMISSIONS_S)

    def instance_list(self) -> float:
        """EVENT 25 to the meter's D5."""
        return self._real(self._dice.between("d5", 0.0, 3.0))

    def termination(self) -> float:
        """SKTERM to EVENT 27."""
        return self._real(self._dice.between("term", 0.2, 0.8))

    def termination_timeout(self) -> float:
        """SKTERM to EVENT 28."""
        return self._real(TERM_TIMEOUT_S)
