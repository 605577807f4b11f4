"""One measured number, and how to take it."""

from __future__ import annotations

import gc
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurement:
    """A row of the table: `ratio` is what counts, `ours` and `base` are what it was made of."""

    name: str
    ours: str
    base: str
    ratio: float
    target: float | None = None
    more_is_better: bool = False
    """Whether the ratio is to be at least the target, not at most."""

    @property
    def verdict(self) -> str:
        """Whether the target is met; empty where there is none."""
        if self.target is None:
            return ""
        missed_by = self.target - self.ratio if self.more_is_better else self.ratio - self.target
        return "met" if missed_by <= 1e-9 else "MISSED"

    @property
    def wanted(self) -> str:
        """The target with its direction; empty where there is none."""
        return "" if self.target is None else f"{'≥' if self.more_is_better else '≤'} {self.target:.2f}"


def seconds_per_call(function: Callable[[], object], *, rounds: int = 7, budget_s: float = 0.2) -> float:
    """The median over `rounds` of the mean time of one call, garbage collection off."""
    count, spent = 1, 0.0
    while spent < budget_s / 4:
        count *= 2
        spent = _timed(function, count)
    gc.disable()
    try:
        return statistics.median(_timed(function, count) / count for _ in range(rounds))
    finally:
        gc.enable()


def _timed(function: Callable[[], object], count: int) -> float:
    begun = time.perf_counter()
    for _ in range(count):
        function()
    return time.perf_counter() - begun


def python_seconds(code: str, *, rounds: int = 7) -> float:
    """Wall time of a fresh interpreter that runs `code`: the median of `rounds`, the first run not counted."""

    def once() -> float:
        begun = time.perf_counter()
        subprocess.run([sys.executable, "-c", code], check=True)
        return time.perf_counter() - begun

    once()
    return statistics.median(once() for _ in range(rounds))


def cpu_seconds(pid: int) -> float:
    """CPU time that a process has used so far, user and system."""
    with open(f"/proc/{pid}/stat", encoding="ascii") as file:
        fields = file.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def resident_mib(pid: int) -> float:
    """Resident memory of a process in MiB."""
    with open(f"/proc/{pid}/status", encoding="ascii") as file:
        line = next(line for line in file if line.startswith("VmRSS:"))
    return int(line.split()[1]) / 1024


def table(measurements: Sequence[Measurement]) -> str:
    """A Markdown table of all of them."""
    rows = [("measured", "ours", "compared with", "ratio", "target", "")]
    rows += [(m.name, m.ours, m.base, f"{m.ratio:.2f}", m.wanted, m.verdict) for m in measurements]
    widths = [max(len(row[column]) for row in rows) for column in range(6)]
    lines = [
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + " |" for row in rows
    ]
    lines.insert(1, "|" + "|".join("-" * (width + 2) for width in widths) + "|")
    return "\n".join(lines)
