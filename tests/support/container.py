"""A small Debian 12 that boots with systemd in a second, forgets everything at its end, and has no network.

The tree comes from `tools/debian-tree` and is kept in `.cache/`; so are the wheels that pip inside finds.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Final, Self

ROOT: Final = Path(__file__).parents[2]
CACHE: Final = ROOT / ".cache"
PYTHON: Final = "3.11"
BOOT_S: Final = 60.0
END_S: Final = 20.0
LOOK_EVERY_S: Final = 0.2
CHECKOUT: Final = "/mnt/checkout"
WHEELS: Final = "/mnt/wheels"


def tree() -> Path:
    """The file system, made once."""
    return Path(_run(str(ROOT / "tools/debian-tree")).strip())


def wheels() -> Path:
    """What pip needs to install the program, downloaded once for each set of pins."""
    pins = ROOT / "requirements/run.txt"
    key = hashlib.sha256(pins.read_bytes()).hexdigest()[:12]
    folder, unfinished = CACHE / f"wheels-{PYTHON}-{key}", CACHE / "wheels.unfinished"
    if not folder.exists():
        shutil.rmtree(unfinished, ignore_errors=True)
        version = ("--python-version", PYTHON, "--only-binary", ":all:")
        _run(sys.executable, "-m", "pip", "download", "-q", *version, "-r", str(pins), "-d", str(unfinished))
        unfinished.rename(folder)
    return folder


def eventually(condition: Callable[[], object], limit_s: float) -> None:
    """Return as soon as `condition()` is true; TimeoutError after `limit_s`."""
    deadline = time.monotonic() + limit_s
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"still not so after {limit_s} s")
        time.sleep(LOOK_EVERY_S)


class Container:
    """One system; ends with the `with` block."""

    def __init__(self, *binds: str) -> None:
        """`binds` are paths of the host, each with its place inside behind a colon; they can be read only."""
        self._tree = tree()
        self._binds = (f"{ROOT}:{CHECKOUT}", f"{wheels()}:{WHEELS}", *binds)
        self._leader = 0

    def __enter__(self) -> Self:
        self._log = (CACHE / "container.log").open("wb")
        self._nspawn = subprocess.Popen(
            [
                *("systemd-nspawn", "--quiet", "--register=no", "--keep-unit", "--private-network"),
                *("--volatile=overlay", "--console=pipe", "--boot", f"--directory={self._tree}"),
                *(f"--machine=hems-{os.getpid()}", *(f"--bind-ro={bind}" for bind in self._binds)),
            ],
            stdin=subprocess.DEVNULL,
            stdout=self._log,
            stderr=subprocess.STDOUT,
        )
        try:
            eventually(self._is_up, limit_s=BOOT_S)
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._end()

    def run(
        self, *words: str, check: bool = True, environ: Mapping[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run a command inside as root, in an environment of its own."""
        variables = {
            "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
            "HOME": "/root",
            "LANG": "C.UTF-8",
            "PIP_NO_INDEX": "1",
            "PIP_FIND_LINKS": WHEELS,
            **(environ or {}),
        }
        done = subprocess.run(
            ["nsenter", f"--target={self._leader}", "--all", "--root", "--wd", *words],
            env=variables,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        assert not check or done.returncode == 0, done.stdout
        return done

    def _is_up(self) -> bool:
        assert self._nspawn.poll() is None, (CACHE / "container.log").read_text(errors="replace")
        children = Path(f"/proc/{self._nspawn.pid}/task/{self._nspawn.pid}/children").read_text().split()
        if not children:
            return False
        self._leader = int(children[0])
        return self.run("systemctl", "is-system-running", check=False).stdout.strip() in ("running", "degraded")

    def _end(self) -> None:
        self._nspawn.terminate()
        try:
            self._nspawn.wait(END_S)
        except subprocess.TimeoutExpired:
            self._nspawn.kill()
            self._nspawn.wait()
        self._log.close()


def _run(*words: str) -> str:
    """What the command prints."""
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-4000:]
    return done.stdout
