"""A small disk of a test's own, where this user may mount one, and a way to fill it."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path


def mounting_works() -> bool:
    """Whether this user may mount: root outside of a locked-down container."""
    if os.geteuid() or not shutil.which("mount"):
        return False
    return (
        subprocess.run(["unshare", "-m", "mount", "-t", "tmpfs", "none", "/tmp"], capture_output=True).returncode == 0
    )


TMPFS = [1] if mounting_works() else []
"""For `parametrize`; `RLIMIT_FSIZE` and `max_page_count` stand in for a small disk elsewhere."""


@contextlib.contextmanager
def small_disk(folder: Path) -> Iterator[Path]:
    """One MiB of disk at `folder`."""
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "none", str(folder)], check=True)
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def fill(folder: Path) -> Path:
    """Take all the room there is; returns what to remove."""
    ballast = folder / "ballast"
    with contextlib.suppress(OSError), ballast.open("wb", buffering=0) as file:
        while True:
            file.write(bytes(4096))
    return ballast
