"""What every poll says again goes to the store once: many meters have no time for more."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from hems_data_collector.collector.recorder import Recorder
from hems_data_collector.meter.profile import MeterProfile
from hems_data_collector.readings import HalfHour
from support.collecting import collect, settings_for


def test_the_half_hour_of_each_poll_is_stored_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stored: list[HalfHour] = []
    half_hours = Recorder.half_hours

    def noted(self: Recorder, slots: Sequence[HalfHour], profile: MeterProfile) -> Any:
        stored.extend(slots)
        return half_hours(self, slots, profile)

    monkeypatch.setattr(Recorder, "half_hours", noted)
    collected = collect(settings_for(tmp_path, "fast=1&notify=none", interval="10"), 3600)
    assert len(collected.capture.records) > 350
    assert 2 < len(stored) < 20  # three of the polls, and what the history told
