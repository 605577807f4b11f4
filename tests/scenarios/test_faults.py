"""Every fault of the emulator, one by one: readings come back, each is true, and nothing else is published."""

from __future__ import annotations

from pathlib import Path

import pytest

from hems_data_collector.emulator.faults import FAULTS
from support.collecting import collect, settings_for
from support.truths import assert_each_is_true

INTERVAL_S = 60
SECONDS = 1800.0

HARMLESS = {
    "chunk1": 1, "crlf-split": 1, "glued-echo": 1, "unsolicited": 1, "er04-ropt": 1, "er05": 1, "no-session-er10": 1,
    "ev21-02only": 1, "ev21-02-00": 1, "ev21-missing": 1, "household": 1, "forged": 1, "duplicate": 1,
    "interleaved": 1, "overlap": 1, "no-d5": 1, "sna-partial": 1, "opc-sna": 1, "payload-0d0a": 1, "infc-repeat": 1,
    "setget": 1, "reauth-25:300": 1, "no-notify:300": 1, "late-ropt:0.5": 1, "late-beacon": 1,
    "midnight": 1, "sparse": 1, "no-minutes": 1, "short-minutes": 1, "no-data": 1, "no-data-live": 1,
    "rollover:600": 1,
}  # fmt: skip
"""Faults that cost no reading: as many as without them."""

COSTLY = {
    "er10-send": 0.8, "hang-data": 0.8, "cut-line": 0.5, "mute:300": 0.7, "reset:300": 0.8, "unplug:300": 0.8,
    "ev21-01": 0.9, "absent:120": 0.7, "faint": 0.9, "foreign-pan": 0.9, "join-24:1": 0.8, "join-24:3": 0.5,
    "silent-session:300": 0.8, "ev26:300": 0.9, "ev29-25:300": 0.9, "ev29-24:300": 0.8, "ev29-nothing:300": 0.8,
    "ev32:300": 0.7, "lost:0.1": 0.6, "late:25": 0.9, "wrong-tid:0.1": 0.6, "truncated:0.1": 0.6, "garbage:0.1": 0.6,
    "sna-empty": 0.7, "sna-short": 0.7, "opc-silent:1": 0.5, "opc-silent:3": 0.7, "exchange:300": 0.9,
    "rejoin-refused": 1, "er10-join:1": 0.9, "half-line:0.1": 0.6, "hang:300": 0.8, "stuck:120": 0.8, "ev27:300": 0.9,
    "ev28:300": 0.9, "reauth-24:300": 0.9, "late-ropt": 0.9, "moved:300": 0.8, "replaced:300": 0.8,
}  # fmt: skip
"""Faults that cost time, and the share of readings that must still come."""

ELSEWHERE = {"ev32-only", *(name for name, kind in FAULTS.items() if kind.help.startswith("over Wi-Fi"))}
"""Played by test_link_recovery.py, for it lasts longer than a run here, and by test_wifi_virtual.py."""


@pytest.mark.parametrize("fault", HARMLESS)
def test_a_harmless_fault_costs_no_reading(fault: str, tmp_path: Path) -> None:
    collected = collect(settings_for(tmp_path, f"fast=1&loss=0&fault={fault}"), SECONDS)
    assert collected.code == 0
    assert len(collected.capture.records) >= SECONDS / INTERVAL_S - 2
    assert_each_is_true(collected)


@pytest.mark.parametrize("fault", COSTLY)
def test_readings_come_back_after_a_fault(fault: str, tmp_path: Path) -> None:
    collected = collect(settings_for(tmp_path, f"fast=1&loss=0&fault={fault}"), SECONDS)
    assert collected.code == 0
    assert len(collected.capture.records) >= COSTLY[fault] * SECONDS / INTERVAL_S
    assert collected.capture.times[-1] > SECONDS - 3 * INTERVAL_S, "the collector had not come back at the end"
    assert_each_is_true(collected)


def test_every_fault_of_the_emulator_is_played() -> None:
    assert {fault.partition(":")[0] for fault in (*HARMLESS, *COSTLY)} | ELSEWHERE == set(FAULTS)
