"""What was published, held against what the emulated meter really said."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

import pytest

from hems_data_collector.emulator import Emulator, Truth
from hems_data_collector.emulator.node import Answer
from hems_data_collector.emulator.truth import truth_of
from hems_data_collector.readings import Record
from support.collecting import Collected

HALF: Final = ("recent_30min_timestamp", "recent_30min_consumption_kwh")


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


@dataclass(slots=True, kw_only=True)
class Told:
    """What the meter would have said at each moment at which something was asked of it."""

    start: datetime
    truths: list[tuple[float, Truth]] = field(default_factory=list)
    """By the loop's time."""

    def listen(self, emulator: Emulator) -> None:
        """Note it from now on."""
        node = emulator._radio._node
        answer = node.answer

        def answered(datagram: bytes) -> Answer | None:
            self.truths.append((asyncio.get_running_loop().time(), truth_of(emulator.meter)))
            return answer(datagram)

        node.answer = answered  # type: ignore[method-assign]

    def check(self, collected: Collected, *, whole: bool) -> None:
        """Each record was told since the one before it, by one answer; unless `whole`, each value by some answer or
        it is absent. Its stamp is of that time too, and its half hour is one that the meter knows so.
        """
        halves = {truth[HALF[0]]: truth[HALF[1]] for _, truth in self.truths}
        before = 0.0
        for at, record in zip(collected.capture.times, collected.capture.records, strict=True):
            since = [truth for moment, truth in self.truths if before <= moment <= at]
            values = {key: value for key, value in record.fields.items() if key != "timestamp"}
            recent = [values.pop(key) for key in HALF]
            if not whole:
                values = {key: value for key, value in values.items() if value is not None}
            told_at_once = any(values.items() <= truth.items() for truth in since)
            told = not whole and all(any(truth[key] == value for truth in since) for key, value in values.items())
            assert told_at_once or told, f"the meter never said {values}"
            assert recent[1] == halves.get(recent[0], recent[1])
            stamped_s = (_stamp(record) - self.start).total_seconds()
            assert before - 0.01 < stamped_s < at + 0.01, "a stamp of another time"
            assert not whole or at - stamped_s < 1, "an old reading"
            before = at


def _stamp(record: Record) -> datetime:
    return datetime.fromisoformat(str(record.fields["timestamp"]))
