"""For every module, wiring, export, unit and coefficient: collected records equal the emulator's truth."""

from __future__ import annotations

from itertools import product
from pathlib import Path

import pytest

from hems_data_collector.readings import RECORD_KEYS
from hems_data_collector.skstack.dialects import MODULES
from support.collecting import Collected, collect, settings_for

UNITS = ("00", "01", "02", "03", "04", "0A", "0B", "0C", "0D")
POLLS = 3
SECONDS = 2 * 900 + 300.0


def assert_true(collected: Collected) -> None:
    """Every record has the ten keys and equals the truth of its answer; only the first may lack history."""
    records, truths = collected.fields, list(collected.emulator.truth)
    assert len(records) == len(truths) >= POLLS
    for number, (record, truth) in enumerate(zip(records, truths, strict=True)):
        assert tuple(record) == RECORD_KEYS
        assert record.pop("timestamp").endswith("+00:00")
        if number == 0 and record["recent_30min_timestamp"] is None:
            record.pop("recent_30min_timestamp"), record.pop("recent_30min_consumption_kwh")
            truth = {key: truth[key] for key in record}
        assert record == truth
    assert records[-1]["historical_timestamp"] != records[0]["historical_timestamp"], "no half hour passed"


@pytest.mark.parametrize("module", sorted(MODULES))
def test_collected_records_equal_the_truth(module: str, tmp_path: Path) -> None:
    for wires, export, unit, d3 in product((2, 3), (0, 1), UNITS, ("none", "1", "3")):
        query = f"module={module}&wires={wires}&export={export}&unit={unit}&d3={d3}&loss=0"
        folder = tmp_path / f"{wires}{export}{unit}{d3}"
        collected = collect(settings_for(folder, query, interval="900"), SECONDS)
        assert collected.code == 0
        assert_true(collected)


@pytest.mark.parametrize("module", ["bp35a1", "bp35c2"])
@pytest.mark.parametrize("hex_payloads", [0, 1])
@pytest.mark.parametrize("arrival", ["chunk1", "crlf-split", "glued-echo"])
def test_both_dialects_binary_and_hex_with_bytes_arriving_one_at_a_time(
    module: str, hex_payloads: int, arrival: str, tmp_path: Path
) -> None:
    query = f"module={module}&hex={hex_payloads}&loss=0&fault={arrival}"
    collected = collect(settings_for(tmp_path, query, interval="900"), SECONDS)
    assert collected.code == 0
    assert collected.emulator.counters.flash_writes == 0
    assert_true(collected)
