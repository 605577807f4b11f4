"""The output of docs/adding-an-output.md keeps the contract of all outputs, and runs in the program once registered."""

from __future__ import annotations

import asyncio
import inspect
import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from examples.outputs.lines import LinesOutput
from examples.outputs.lines_far_end import LinesServer

from contract import test_outputs as suite
from support import far_ends
from support.far_ends import FarEnd
from support.waiting import until

ROOT = Path(__file__).parent.parent.parent

ONE_FAR_END = {"far_end", "pausing", "asked"}
for _name, _test in vars(suite).items():
    if _name.startswith("test_") and ONE_FAR_END & set(inspect.signature(_test).parameters):
        globals()[_name] = _test

REGISTERED = """
import sys
from hems_data_collector import outputs
from examples.outputs.lines import LinesOutput
outputs.OUTPUTS = {**outputs.OUTPUTS, LinesOutput.name: LinesOutput}
from hems_data_collector.cli import main
sys.exit(main())
"""
"""What a line in outputs/__init__.py does."""


@pytest.fixture
def far_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FarEnd]:
    monkeypatch.setattr(far_ends, "OUTPUTS", {LinesOutput.name: LinesOutput})
    with LinesServer(tmp_path, monkeypatch).running() as running:
        yield running


@pytest.fixture
def pausing(far_end: FarEnd) -> FarEnd:
    return far_end


@pytest.fixture
def asked(far_end: FarEnd) -> FarEnd:
    return far_end


def test_the_suite_of_all_outputs_is_here() -> None:
    taken = [name for name in globals() if name.startswith("test_") and name in vars(suite)]
    assert len(taken) > 12


@pytest.mark.parametrize("address", ["localhost", ":7001", "localhost:0", "localhost:x", "localhost:65536"])
def test_an_address_that_is_none_is_refused_in_words(address: str) -> None:
    (setting,) = LinesOutput.settings
    with pytest.raises(ValueError, match="host:port"):
        setting.value(address)


async def test_registered_it_has_its_flag_and_gets_records(far_end: FarEnd, tmp_path: Path) -> None:
    server = far_end.texts()["lines_server"]
    words = ["--port", "emulator:?fast=1", "-o", "lines", "--lines-server", server, "--mode", "interval", "-i", "1"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "STATE_DIRECTORY": str(tmp_path)}
    program = await asyncio.create_subprocess_exec(
        sys.executable, "-c", REGISTERED, *words, stderr=asyncio.subprocess.DEVNULL, env=environment, cwd=tmp_path
    )
    await until(far_end.received)
    program.terminate()
    await program.wait()
    assert program.returncode == 0
    assert "instant_power_w" in json.loads(far_end.received()[0])


@pytest.mark.parametrize("name", ["lines.py", "lines_far_end.py"])
def test_the_document_shows_the_files_as_they_are(name: str) -> None:
    shown = (ROOT / "docs/adding-an-output.md").read_text(encoding="utf-8")
    assert f"```python\n{(ROOT / 'examples/outputs' / name).read_text(encoding='utf-8')}```" in shown
