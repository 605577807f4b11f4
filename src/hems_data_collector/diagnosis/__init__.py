"""From the cable to the last output: what works, what does not, why, and what to do (docs/cli.md, `doctor`)."""

from __future__ import annotations

from hems_data_collector.diagnosis.finding import Finding, State
from hems_data_collector.diagnosis.kinds import KINDS, Kind
from hems_data_collector.diagnosis.settings import Examined, examine
from hems_data_collector.diagnosis.walk import diagnose

__all__ = ["KINDS", "Examined", "Finding", "Kind", "State", "diagnose", "examine"]
