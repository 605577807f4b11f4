"""Half-hour records beside the readings: every one once to every output, also those from the meter's own memory."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any, TypeAlias

import pytest

from hems_data_collector import app
from hems_data_collector.clock import LoopClock
from hems_data_collector.config import Settings
from hems_data_collector.emulator.meter import Meter
from hems_data_collector.emulator.meter_clock import METER_ZONE
from hems_data_collector.outputs import FORMATS, Output, stdout
from hems_data_collector.outputs.file import FileOutput
from hems_data_collector.outputs.stdout import StdoutOutput
from hems_data_collector.readings import HALF_HOUR, HALF_HOUR_KEYS, HALF_HOUR_KIND, RECORD_KEYS, Record, iso_utc
from hems_data_collector.store import outbox
from hems_data_collector.store.database import open_editor
from support.collecting import START, CaptureOutput, emulated, settings_for
from support.virtual_time import run_virtual

DAYS = 99
RUNS_S = (200, 400, 6000)
"""The first two end while the meter's memory is being read; in the last, half hours come by themselves too."""

Energies: TypeAlias = dict[str, tuple[Decimal, Decimal | None]]
"""By the end of the half hour: import and export in kWh."""


@dataclass
class House:
    """A folder with the database and what the real outputs wrote, and what the other outputs got."""

    folder: Path
    descriptor: int
    got: dict[str, list[Record]] = field(default_factory=lambda: {"webhook": [], "gcloud": []})

    @property
    def printed(self) -> list[bytes]:
        """The lines of standard output."""
        return (self.folder / "stdout").read_bytes().splitlines(keepends=True)

    @property
    def file(self) -> bytes:
        """The readings' file."""
        return (self.folder / "power.dat").read_bytes()

    @property
    def beside(self) -> Path:
        """The half hours' file."""
        return self.folder / "power.half-hours.dat"

    def settings(self, query: str, **flags: Any) -> Settings:
        """All outputs, and the meter's past at the default pace."""
        chosen: dict[str, Any] = {
            "interval": "300",
            "backfill_spacing": "5",
            "output": ["stdout", "file", "webhook", "gcloud"],
            "file": str(self.folder / "power.dat"),
            "webhook_url": "https://example.com/",
            "gcp_project": "some-house",
        }
        return settings_for(self.folder, f"fast=1&loss=0&{query}", **(chosen | flags))

    def live(self, settings: Settings, *runs_s: float) -> Energies:
        """Run the collector for so many seconds, once after the other; returns what the meter knows at the end."""

        async def run() -> Energies:
            clock = LoopClock(START)
            with emulated(settings, clock) as (emulator, _):
                app.OUTPUTS = {"stdout": StdoutOutput, "file": FileOutput} | {  # type: ignore[misc]
                    name: _taker(name, records) for name, records in self.got.items()
                }
                for seconds in runs_s:
                    stop = asyncio.Event()
                    asyncio.get_running_loop().call_later(seconds, stop.set)
                    assert await app.run_collector(settings, stop=stop, clock=clock) == 0
                return remembered(emulator.meter)

        return run_virtual(run())


def _taker(called: str, records: list[Record]) -> type[Output]:
    class Taker(CaptureOutput):
        name = called
        batch_size = 100

        @classmethod
        def build(cls, *_: Any, **__: Any) -> Taker:
            return cls()

        async def deliver(self, batch: Sequence[Record], checkpoint: bytes | None) -> bytes | None:
            records.extend(batch)
            return checkpoint

    return Taker


@pytest.fixture
def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[House]:
    descriptor = os.open(tmp_path / "stdout", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    monkeypatch.setattr(stdout, "STDOUT_DESCRIPTOR", descriptor)
    yield House(folder=tmp_path, descriptor=descriptor)
    os.close(descriptor)


def in_the_log(settings: Settings, *, kind: str = HALF_HOUR_KIND) -> list[Record]:
    """The records of one kind that were ever stored, in order."""
    conn = open_editor(settings.database)
    try:
        conn.execute("BEGIN IMMEDIATE")
        found = outbox.batch(conn, "gets everything", 100_000, half_hours=True)
    finally:
        conn.close()
    return [record for _, record in found if record.kind == kind]


def remembered(meter: Meter) -> Energies:
    """What the meter itself knows."""
    found: Energies = {}
    for number in range((DAYS + 2) * 48):
        end = meter.newest_slot() - number * HALF_HOUR
        (drawn_before, fed_before), (drawn, fed) = meter.slot(end - HALF_HOUR), meter.slot(end)
        if drawn is not None and drawn_before is not None:
            export = None if fed is None or fed_before is None else Decimal(fed - fed_before) / 10
            found[iso_utc(end.replace(tzinfo=METER_ZONE))] = (Decimal(drawn - drawn_before) / 10, export)
    return found


@pytest.mark.parametrize("query", ["", "export=0"])
def test_every_half_hour_goes_once_to_every_output_backfilled_ones_too(house: House, query: str) -> None:
    settings = house.settings(query, half_hours="true")
    truth = house.live(settings, *RUNS_S)
    log = in_the_log(settings)
    lines = [FORMATS["json"].encode(record) for record in log]
    told = {str(record.fields["end"]): (record.fields["import_kwh"], record.fields["export_kwh"]) for record in log}
    assert told == {end: energies for end, energies in truth.items() if end <= max(told)}
    assert len(log) == len(told) > DAYS * 48
    assert len(truth) - len(told) <= 1  # the meter takes some minutes to tell the newest
    assert {record.fields["source"] for record in log} >= {"history-1", "notification"}
    assert house.beside.read_bytes() == b"".join(lines)
    assert [line for line in house.printed if b'"kind"' in line] == lines
    for got in house.got.values():
        assert [record for record in got if record.kind == HALF_HOUR_KIND] == log
    readings = [FORMATS["json"].encode(record) for record in in_the_log(settings, kind="reading")]
    assert house.file == b"".join(readings)
    assert [line for line in house.printed if b'"kind"' not in line] == readings
    assert all(tuple(record.fields) == HALF_HOUR_KEYS for record in log)


def test_half_hours_without_an_export_are_sent_when_the_meter_says_that_it_has_none(house: House) -> None:
    settings = house.settings("history2=0&fault=sna-partial:E4", half_hours="true")
    house.live(settings, 400)
    log = in_the_log(settings)
    assert len(log) > 5 * 48
    assert [line for line in house.printed if b'"kind"' in line] == [FORMATS["json"].encode(record) for record in log]
    assert house.got["webhook"][-1].fields["export_kwh"] is None


def test_csv_has_them_in_the_file_beside_only_and_says_so(house: House, caplog: pytest.LogCaptureFixture) -> None:
    settings = house.settings("", half_hours="true", format="csv")
    with caplog.at_level(logging.INFO):
        house.live(settings, 200, 400)
    csv, log = FORMATS["csv"], in_the_log(settings)
    assert len(log) > 5 * 48
    assert house.beside.read_bytes() == csv.header(HALF_HOUR_KEYS) + b"".join(map(csv.encode, log))
    readings = [csv.encode(record) for record in in_the_log(settings, kind="reading")]
    header = csv.header(RECORD_KEYS)
    assert house.file == header + b"".join(readings)
    assert [line for line in house.printed if line != header] == readings
    assert sum("half-hour records are left out" in message for message in caplog.messages) == 2  # once in each run


def test_they_are_off_by_default(house: House) -> None:
    settings = house.settings("")
    house.live(settings, 2000)
    assert len(in_the_log(settings)) > 20 * 48
    readings = [FORMATS["json"].encode(record) for record in in_the_log(settings, kind="reading")]
    assert len(readings) > 5
    assert not house.beside.exists()
    assert (house.file, house.printed) == (b"".join(readings), readings)
    for got in house.got.values():
        assert [FORMATS["json"].encode(record) for record in got] == readings
