"""What this process holds at the moment, to see whether it grows."""

from __future__ import annotations

import asyncio
import gc
import os
import threading
import tracemalloc
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Footprint:
    """Open descriptors, threads and tasks of the running loop, and memory."""

    descriptors: int
    threads: int
    tasks: int
    resident_mib: float
    traced_mib: float | None
    """What Python objects take, where tracemalloc runs: blind to what the allocator keeps, so the one to compare."""

    @classmethod
    def now(cls) -> Footprint:
        """As it is after a garbage collection; with a running loop its tasks too."""
        gc.collect()
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
        return cls(
            descriptors=len(os.listdir("/proc/self/fd")) - 1,  # the folder itself
            threads=threading.active_count(),
            tasks=_tasks(),
            resident_mib=pages * os.sysconf("SC_PAGE_SIZE") / 2**20,
            traced_mib=tracemalloc.get_traced_memory()[0] / 2**20 if tracemalloc.is_tracing() else None,
        )

    def __str__(self) -> str:
        traced = "" if self.traced_mib is None else f", {self.traced_mib:.2f} MiB in objects"
        return (
            f"{self.descriptors} descriptors, {self.threads} threads, {self.tasks} tasks, "
            f"{self.resident_mib:.1f} MiB resident{traced}"
        )


def _tasks() -> int:
    try:
        return len(asyncio.all_tasks())
    except RuntimeError:
        return 0
