"""The collector on the built-in emulator: a handful of readings, then what to try next.

Runs in an empty folder with a state directory of its own, so that nobody's settings or cached meter are touched.
"""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import sys
import tempfile
import threading
from gettext import gettext as _
from pathlib import Path

from hems_data_collector import language
from hems_data_collector.language import N_
from hems_data_collector.settings_table import environment_names

READINGS = 5
DEADLINE_S = 90.0  # the slowest machine needs a few seconds to start; whatever takes longer is broken

PROGRAM = "hems-data-collector"
ARGUMENTS = ["--port", "emulator:?fast=1&speed=60&unit=02", "--output", "stdout", "--schedule", "* * * * * */2"]

NEXT = N_("""
That was an emulated Wi-SUN stick, with an emulated meter whose clock runs 60 times as fast.
A first reading may lack its half hour (null): the history is read in the pause after it. What to try next:

  source .venv/bin/activate          # makes the command hems-data-collector available in this shell
  hems-data-collector read --port 'emulator:?fast=1'               # one reading as a table
  hems-data-collector --port emulator: -o stdout -s '* * * * * */10'   # with the timing of real radio
  hems-data-collector --port 'emulator:?fast=1&fault=chunk1,duplicate' -o stdout --debug -s '* * * * * */5'
  hems-data-collector --help

With a stick and a meter: README.md, "With real hardware". The tests: make test
""")


def environment(home: Path) -> dict[str, str]:
    """This environment without any setting of the collector but the language, at home in `home`."""
    own = {*environment_names(), "STATE_DIRECTORY", "CREDENTIALS_DIRECTORY"} - {language.VARIABLE}
    kept = {name: value for name, value in os.environ.items() if name not in own}
    return {**kept, "XDG_STATE_HOME": str(home / "state"), "XDG_CONFIG_HOME": str(home / "config")}


def show(home: Path) -> int:
    """Run the collector until it has given its readings; its exit code, or 1 where readings are missing."""
    program = Path(sys.executable).with_name(PROGRAM)
    collector = subprocess.Popen(
        [program, *ARGUMENTS], cwd=home, env=environment(home), stdout=subprocess.PIPE, text=True
    )
    watchdog = threading.Timer(DEADLINE_S, collector.kill)
    watchdog.start()
    seen = 0
    try:
        assert collector.stdout is not None
        for line in collector.stdout:
            print(line, end="", flush=True)
            seen += 1
            if seen == READINGS:
                collector.send_signal(signal.SIGTERM)
        code = collector.wait()
    except KeyboardInterrupt:
        return collector.wait()  # the terminal has sent it the same signal
    finally:
        watchdog.cancel()
    return code if seen >= READINGS or code else 1


def main() -> int:
    """Show the command, its readings, and what to try next."""
    language.bind()
    print(f"$ {shlex.join([PROGRAM, *ARGUMENTS])}", flush=True)
    with tempfile.TemporaryDirectory() as home:
        code = show(Path(home))
    if code:
        print(_("The demo failed: exit code {code}.").format(code=code), file=sys.stderr)
        return 1
    print(_(NEXT), end="")
    return 0


if __name__ == "__main__":
    sys.exit(main())
