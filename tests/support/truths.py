"""What was published, held against what the emulated meter really said."""

from __future__ import annotations

from typing import Any

import pytest

from support.collecting import Collected


def assert_each_is_true(collected: Collected) -> None:
    """The published values are those of an answer the meter gave, in its order, and no answer is published twice."""
    truths = iter(list(collected.emulator.truth))
    for record in collected.fields:
        record.pop("timestamp")
        for truth in truths:
            if is_of(record, truth):
                break
        else:
            pytest.fail(f"no answer of the meter fits {record}")


def is_of(record: dict[str, Any], truth: dict[str, Any]) -> bool:
    """All values agree, save that a recent half hour may not be known yet, or be the one before."""
    if all(record[key] == truth[key] for key in record):
        return True
    keys = [key for key in record if not key.startswith("recent_30min")]
    return (
        all(record[key] == truth[key] for key in keys)
        and record["recent_30min_timestamp"] != truth["recent_30min_timestamp"]
    )
