"""The house behind the meter: what it draws and feeds in at any second, as pure functions of time and seed.

All arithmetic is in integers: watts, and watt-seconds since `EPOCH`. Power is constant for ten seconds at a time; over
each block of five minutes the steps add up to the block's mean, so an energy is found without adding up the past. The
pattern of four weeks repeats. A block either draws or feeds in, so within a half hour both registers may move
(echonet-lite-meter §10.6).
"""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import lru_cache
from itertools import accumulate
from typing import Final

from hems_data_collector.emulator.dice import mix

EPOCH: Final = datetime(2020, 1, 1)
"""Moment at which both registers of every emulated meter stood at zero; meter-local."""

STEP_S: Final = 10
"""Seconds for which the power stays the same."""
BLOCK_S: Final = 300
_STEPS: Final = BLOCK_S // STEP_S
_HALF: Final = _STEPS // 2
_DAY_S: Final = 86_400
_BLOCKS_PER_DAY: Final = _DAY_S // BLOCK_S
_CYCLE_DAYS: Final = 28
_CYCLE_S: Final = _CYCLE_DAYS * _DAY_S

VOLTAGE_V: Final = 100
"""Between a live conductor and neutral (echonet-lite-meter §10.7)."""
_W_PER_TENTH_AMPERE: Final = VOLTAGE_V // 10

_HOURLY_LOAD_W: Final = (
    *(180, 160, 150, 150, 160, 220, 420, 520, 380, 300, 280, 320),
    *(360, 300, 280, 300, 360, 520, 680, 720, 640, 520, 380, 250),
)
_FRIDGE_W: Final = 70
_COOKING_W: Final = 1400
_KETTLE_W: Final = 1100
_SOLAR_PEAK_W: Final = 4200
_SOLAR_HALF_DAY_MIN: Final = 390  # sunrise to noon


class House:
    """Load and, with `export`, a solar roof. Times are whole seconds since `EPOCH` on the meter's clock."""

    def __init__(self, *, seed: int, export: bool) -> None:
        self._seed = seed
        self._export = export
        blocks = range(_CYCLE_DAYS * _BLOCKS_PER_DAY)
        self._net_w = [self._block_mean_w(block) for block in blocks]
        self._import_ws = [0, *accumulate(max(net, 0) * BLOCK_S for net in self._net_w)]
        self._export_ws = [0, *accumulate(max(-net, 0) * BLOCK_S for net in self._net_w)]

    def power_w(self, at: int) -> int:
        """Net power at second `at`: positive when drawing, negative when feeding in."""
        block, inside = divmod(at, BLOCK_S)
        net = self._net_w[block % len(self._net_w)]
        step = inside // STEP_S
        deviation = self._deviation(block, net, step % _HALF)
        return net + (deviation if step < _HALF else -deviation)

    def currents_da(self, at: int, wires: int) -> tuple[int, int | None]:
        """R and T in tenths of an ampere, with the sign of the power; T is None on a two-wire supply."""
        power = self.power_w(at)
        if wires == 2:
            return _tenths(power), None
        share = 35 + mix(self._seed ^ 0x5A, at // BLOCK_S) % 31
        on_r = power * share // 100
        return _tenths(on_r), _tenths(power - on_r)

    def energy_ws(self, at: int) -> tuple[int, int]:
        """Energy drawn and fed in from `EPOCH` to second `at`, in watt-seconds; negative before `EPOCH`."""
        cycles, rest = divmod(at, _CYCLE_S)
        index, inside = divmod(rest, BLOCK_S)
        drawn = cycles * self._import_ws[-1] + self._import_ws[index]
        fed = cycles * self._export_ws[-1] + self._export_ws[index]
        part = self._part_ws(at // BLOCK_S, self._net_w[index], inside) if inside else 0
        return drawn + max(part, 0), fed + max(-part, 0)

    def _part_ws(self, block: int, net: int, inside: int) -> int:
        step, seconds = divmod(inside, STEP_S)
        total = net * inside
        for number in range(step):
            total += self._signed(block, net, number) * STEP_S
        return total + self._signed(block, net, step) * seconds

    def _signed(self, block: int, net: int, step: int) -> int:
        deviation = self._deviation(block, net, step % _HALF)
        return deviation if step < _HALF else -deviation

    def _deviation(self, block: int, net: int, step: int) -> int:
        """How far one step lies from its block's mean: at most an eighth, so that it never changes the sign."""
        return abs(net) // 8 * (mix(self._seed, block * _HALF + step) % 9 - 4) // 4

    def _block_mean_w(self, block: int) -> int:
        day, of_day = divmod(block, _BLOCKS_PER_DAY)
        load = self._load_w(day, of_day, block)
        return load - self._solar_w(day, of_day, block) if self._export else load

    def _load_w(self, day: int, of_day: int, block: int) -> int:
        hour, twelfth = divmod(of_day, 12)
        here, there = _HOURLY_LOAD_W[hour], _HOURLY_LOAD_W[(hour + 1) % 24]
        load = (here * (12 - twelfth) + there * twelfth) // 12
        load = load * (80 + mix(self._seed ^ 0xA1, day) % 51) // 100
        if of_day % 6 < 3:
            load += _FRIDGE_W
        chance = mix(self._seed ^ 0xB2, block) % 100
        if hour in (7, 18, 19) and chance < 22:
            load += _COOKING_W
        elif hour >= 6 and chance >= 97:
            load += _KETTLE_W
        return load

    def _solar_w(self, day: int, of_day: int, block: int) -> int:
        from_noon = abs(of_day * 5 - 720)
        if from_noon >= _SOLAR_HALF_DAY_MIN:
            return 0
        clear = _SOLAR_PEAK_W * (_SOLAR_HALF_DAY_MIN**2 - from_noon**2) // _SOLAR_HALF_DAY_MIN**2
        weather = 35 + mix(self._seed ^ 0xC3, day) % 66
        if weather < 80:
            clear = clear * (70 + mix(self._seed ^ 0xD4, block) % 31) // 100
        return clear * weather // 100


@lru_cache(maxsize=8)
def house_of(seed: int, export: bool) -> House:
    """The house of a seed; it never changes, so everybody may share it."""
    return House(seed=seed, export=export)


def seconds_since_epoch(moment: datetime) -> int:
    """Whole seconds from `EPOCH` to a naive, meter-local `moment`."""
    return (moment - EPOCH) // timedelta(seconds=1)


def _tenths(power_w: int) -> int:
    magnitude = abs(power_w) // _W_PER_TENTH_AMPERE
    return magnitude if power_w >= 0 else -magnitude
