"""The examples of docs/library.md stand there as they are in examples/, and run."""

from __future__ import annotations

import csv
import io
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
FILES = sorted(ROOT.glob("examples/*.py"))
DEADLINE_S = 60.0


def run(name: str, *words: str, **environment: str) -> str:
    """What the example prints; it must end by itself and well."""
    done = subprocess.run(
        [sys.executable, "-W", "error", ROOT / "examples" / name, *words],
        capture_output=True,
        timeout=DEADLINE_S,
        text=True,
        env={**os.environ, **environment},
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return done.stdout


def test_read_once() -> None:
    assert re.search(
        r"-?\d+ W, \d+\.\d kWh drawn\n.*: 1\n.*InstallationLocation", run("read_once.py", "emulator:?fast=1")
    )


def test_watch() -> None:
    lines = run("watch.py", "emulator:?fast=1&speed=1800", "2").splitlines()
    assert len(lines) == 2
    assert all(re.fullmatch(r"\d\d:[03]0 to \d\d:[03]0 UTC: \d\.\d kWh", line) for line in lines)


def test_yesterday() -> None:
    rows = list(csv.DictReader(io.StringIO(run("yesterday.py", "emulator:?fast=1"))))
    assert len(rows) == 48
    assert all(re.fullmatch(r"\d\.\d", row["import_kwh"]) for row in rows)
    assert rows[0]["start"].endswith("T00:00:00+09:00")


def test_several_meters() -> None:
    printed = run("several_meters.py", "house=emulator:?fast=1", "annex=emulator:?fast=1&seed=2", ROUNDS="1")
    found = re.findall(r"^meter,name=(\w+),id=\S+ power_w=-?\d+,import_kwh=[\d.]+,\S+ \d{19}$", printed, re.MULTILINE)
    assert sorted(found) == ["annex", "house"]


def test_the_tests_of_ones_own_program() -> None:
    words = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "examples/test_my_program.py"]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, timeout=DEADLINE_S, text=True, check=False)
    assert "2 passed" in done.stdout, done.stdout


def test_the_tests_with_a_stick_run_and_stand_in_the_document() -> None:
    path = "examples/emulator/test_with_a_stick.py"
    text = (ROOT / path).read_text(encoding="utf-8")
    assert f"```python\n{text}```" in (ROOT / "docs/emulator.md").read_text(encoding="utf-8")
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    words = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", path]
    done = subprocess.run(
        words, cwd=ROOT, capture_output=True, timeout=DEADLINE_S, text=True, env=environment, check=False
    )
    assert "3 passed" in done.stdout, done.stdout


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_the_document_shows_it_as_it_is(path: Path) -> None:
    shown = re.findall(r"^```python\n(.*?)^```", (ROOT / "docs/library.md").read_text(encoding="utf-8"), re.M | re.S)
    assert path.read_text(encoding="utf-8") in shown


def test_there_is_a_test_for_each() -> None:
    own = Path(__file__).read_text(encoding="utf-8")
    assert [path.name for path in FILES if f"{path.name}" not in own] == []
