"""A person at a terminal: types an answer to each question of a program."""

from __future__ import annotations

import os
import pty
import select
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence

ENDINGS = ("]: ", "(not shown): ", "（表示されません）: ")
"""How a question ends."""
INTERRUPT, END_OF_INPUT = "\x03", "\x04"
"""Ctrl-C and Ctrl-D, in place of an answer."""
LIMIT_S = 30.0


def answered(
    words: Sequence[object], answers: Sequence[str], *, environ: Mapping[str, str] | None = None
) -> tuple[int, str]:
    """Run a program on a terminal of its own and type `answers`; the exit code and what the terminal shows.

    The program may ask for more than there are answers: it then waits until it is killed, which fails the test.
    """
    mine, theirs = pty.openpty()
    process = subprocess.Popen(
        [str(word) for word in words],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env={**os.environ, **(environ or {})},
        start_new_session=True,
        preexec_fn=_take_terminal,
    )
    os.close(theirs)
    shown, left, deadline = "", list(answers), time.monotonic() + LIMIT_S
    seen, pressed = 0, ""
    try:
        while time.monotonic() < deadline:
            if not select.select([mine], [], [], 0.1)[0]:
                if pressed == INTERRUPT:  # Python may have missed it between showing the question and waiting
                    os.write(mine, INTERRUPT.encode())
                continue
            try:
                shown += os.read(mine, 4096).decode("utf-8", "replace")
            except OSError:
                break  # the other end is closed
            asked = sum(shown.count(ending) for ending in ENDINGS)
            if asked > seen and left:
                seen = asked
                pressed = left.pop(0)
                os.write(mine, (pressed if pressed in (INTERRUPT, END_OF_INPUT) else f"{pressed}\n").encode())
        os.close(mine)
        return process.wait(max(1.0, deadline - time.monotonic())), shown
    finally:
        process.kill()
        process.wait()


def _take_terminal() -> None:
    """In the child: make its standard input the terminal that Ctrl-C comes from, and hear that.

    A suite that runs in the background ignores it, and so would its children.
    """
    import fcntl
    import termios

    signal.signal(signal.SIGINT, signal.SIG_DFL)
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)
