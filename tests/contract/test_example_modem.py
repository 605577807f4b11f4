"""The module of docs/adding-a-modem.md passes what every module has to pass, and the emulator plays it."""

from __future__ import annotations

from pathlib import Path

import pytest
from examples.modems.example_ex1 import EXAMPLE_EX1

from hems_data_collector import Emulator, EmulatorSettings, Meter
from hems_data_collector.skstack import MODULES
from support import transcripts
from unit.skstack import test_dialects as suite

ROOT = Path(__file__).parent.parent.parent
FOLDER = ROOT / "examples" / "modems"


@pytest.fixture(autouse=True)
def registered(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a line in skstack/dialects/__init__.py does."""
    monkeypatch.setitem(MODULES, EXAMPLE_EX1.name, EXAMPLE_EX1)  # type: ignore[arg-type]


def test_the_transcript_shows_what_the_file_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transcripts, "FOLDER", FOLDER)
    suite.test_a_module_answers_as_its_file_says(EXAMPLE_EX1)
    suite.test_the_side_appears_on_dual_stack_modules_only(EXAMPLE_EX1)
    suite.test_a_module_is_filed_under_its_name_and_assumes_only_fields_it_has()


async def test_the_emulator_plays_it_and_the_collector_reads_it() -> None:
    emulator = Emulator(EmulatorSettings(module="example-ex1", fast=True))
    async with Meter.open(emulator) as meter:
        assert (await meter.read()).power_w is not None


def test_the_document_shows_the_files_as_they_are() -> None:
    shown = (ROOT / "docs/adding-a-modem.md").read_text(encoding="utf-8")
    assert f"```python\n{(FOLDER / 'example_ex1.py').read_text(encoding='utf-8')}```" in shown
    beginning = (FOLDER / "module-example-ex1.txt").read_text(encoding="ascii").split("> ROPT")[0]
    assert f"```text\n{beginning}" in shown
