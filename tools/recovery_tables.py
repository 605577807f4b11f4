"""Every fault of the way to the meter for the documents: what the collector does, how long it takes, what the log says.

The rows are those that tests/scenarios/test_link_recovery.py plays. `python -m tools.recovery_tables` plays them and
notes how long each took.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from tools.recovery_ja import LOGS_JA, RECOVERIES_JA

ROOT: Final = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT / "tests"))  # `make docs` runs without pytest, which sets it

from support.recoveries import RECOVERIES, Recovery  # noqa: E402

TIMES: Final = ROOT / "tools" / "recovery_times.json"
PLAYED: Final = "tests/scenarios/test_link_recovery.py"
_LINE: Final = re.compile(r"^\.?([a-z0-9-]+) at [\d.]+: back after ([\d.]+) s", re.MULTILINE)
HEADS: Final = {
    "en": ("when", "the collector", "at most", "measured", "log"),
    "ja": ("何が起きたか", "コレクターの動作", "上限", "実測", "ログ"),
}


def measured() -> Mapping[str, float]:
    """The longest of the plays of each row, seconds from the fault to a fresh reading."""
    times: dict[str, float] = json.loads(TIMES.read_text(encoding="utf-8"))
    return times


def recoveries(language: str) -> Sequence[Sequence[str]]:
    """Rows of: fault, what is done, bound, measured, line of the log; raises KeyError for a row without such texts."""
    times = measured()
    return [(*_texts(row, language), *_seconds(row, times[row.name]), _log(row, language)) for row in RECOVERIES]


def _texts(row: Recovery, language: str) -> tuple[str, str]:
    return (row.what, row.does) if language == "en" else RECOVERIES_JA[row.name]


def _seconds(row: Recovery, took: float) -> tuple[str, str]:
    return f"{row.bound:.0f} s", f"{took:.0f} s"


def _log(row: Recovery, language: str) -> str:
    if not row.log:
        return "–"
    return f"`{row.log if language == 'en' else LOGS_JA[row.log]}`"


def main() -> int:
    """Play every row and write how long it took."""
    command = [sys.executable, "-m", "pytest", "-q", "-s", PLAYED, "-k", "within_the_bound"]
    played = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    if played.returncode:
        print(played.stdout)
        return played.returncode
    times: dict[str, float] = {}
    for name, seconds in _LINE.findall(played.stdout):
        times[name] = max(times.get(name, 0.0), float(seconds))
    TIMES.write_text(json.dumps(times, indent=1) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
