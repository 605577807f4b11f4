"""`read` and `backfill` with several meters: one after the other, and what fails for one is no end."""

from __future__ import annotations

import asyncio
import csv
import io
import json
import os
import signal
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import pytest

from hems_data_collector import cli
from hems_data_collector.config import Settings
from hems_data_collector.errors import HemsError, JoinRefused, NoAnswer, StoreError
from hems_data_collector.readings import METER_KEY, RECORD_KEYS, published
from support.ledgers import RECENT, reading

FAILURES: dict[str | None, HemsError] = {}


@pytest.fixture(autouse=True)
def app(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """An app that reads at once; `FAILURES` says for which meter it fails."""
    fake = ModuleType("hems_data_collector.app")

    async def read_once(settings: Settings, *_: object, **__: object) -> object:
        (meter,) = settings.meters
        if meter.name in FAILURES:
            raise FAILURES[meter.name]
        one = replace(reading(), power_w=len(meter.name or ""))
        return one, RECENT, published(one, RECENT, meter_name=meter.name)

    async def backfill_now(settings: Settings, *, on_slots: Callable[[int, int], None], **_: object) -> tuple[int, int]:
        (meter,) = settings.meters
        if meter.name in FAILURES:
            raise FAILURES[meter.name]
        return 1, len(meter.name or "")

    fake.read_once, fake.backfill_now = read_once, backfill_now  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "hems_data_collector.app", fake)
    FAILURES.clear()
    return fake


@pytest.fixture(autouse=True)
def config(tmp_path: Path) -> None:
    port = 'port = "emulator:?meters=3"'
    tables = [f'[[meters]]\nname = "{name}"\n{port}\n' for name in ("house", "annex", "barns")]
    Path("config.toml").write_text("".join(tables))


def verb(capsys: pytest.CaptureFixture[str], *argv: str) -> tuple[int, str, str]:
    code = cli.main([*argv, "--config", "config.toml"])
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def test_each_meter_gives_a_record_in_the_order_of_the_settings(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _err = verb(capsys, "read")
    records = [json.loads(line) for line in out.splitlines()]
    assert code == 0
    assert [record[METER_KEY] for record in records] == ["house", "annex", "barns"]
    assert tuple(records[0]) == (*RECORD_KEYS, METER_KEY)


def test_csv_has_one_header(capsys: pytest.CaptureFixture[str]) -> None:
    header, *rows = csv.reader(io.StringIO(verb(capsys, "read", "-f", "csv")[1]))
    assert header == [*RECORD_KEYS, METER_KEY]
    assert [row[-1] for row in rows] == ["house", "annex", "barns"]


def test_one_of_them_can_be_taken(capsys: pytest.CaptureFixture[str]) -> None:
    _code, out, _err = verb(capsys, "read", "--meter", "annex")
    assert [json.loads(line)[METER_KEY] for line in out.splitlines()] == ["annex"]
    assert verb(capsys, "backfill", "--meter", "annex")[1].splitlines() == [
        "annex: 1 of 5 half hours that the meter may remember are settled."
    ]


@pytest.mark.parametrize("name", ["read", "backfill"])
def test_a_name_that_is_not_there_is_an_error_of_settings(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = verb(capsys, name, "--meter", "anex")
    assert (code, out) == (3, "")
    assert 'there is no meter called "anex"' in err
    assert 'Did you mean "annex"?' in err


def test_each_meter_is_filled(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _err = verb(capsys, "backfill")
    assert code == 0
    assert [line.partition(":")[0] for line in out.splitlines()] == ["house", "annex", "barns"]


@pytest.mark.parametrize("name", ["read", "backfill"])
def test_what_fails_for_one_is_shown_and_the_others_have_their_turn(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    FAILURES["house"] = JoinRefused("It refused.", cause="Wrong password.", remedy="Check it.")
    FAILURES["barns"] = NoAnswer("It is silent.")
    code, out, err = verb(capsys, name)
    assert code == 6, "that of the first failure"
    assert len(out.splitlines()) == 1
    assert "annex" in out
    assert "house: It refused. Wrong password. Check it." in err
    assert "barns: It is silent." in err


def test_a_store_that_cannot_be_used_fails_all_at_once(capsys: pytest.CaptureFixture[str]) -> None:
    FAILURES["house"] = StoreError("A collector is running.")
    code, out, err = verb(capsys, "backfill")
    assert (code, out) == (7, "")
    assert "house:" not in err


def test_sigterm_ends_the_whole_row(app: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    begun: list[str | None] = []

    async def read_once(settings: Settings, *_: object, **__: object) -> object:
        begun.append(settings.meters[0].name)
        os.kill(os.getpid(), signal.SIGTERM)
        return await asyncio.Event().wait()

    app.read_once = read_once  # type: ignore[attr-defined]
    assert verb(capsys, "read")[0] == 128 + signal.SIGTERM
    assert begun == ["house"]


@pytest.mark.usefixtures("app")
def test_on_a_terminal_each_table_bears_the_name(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    monkeypatch.setenv("TERM", "dumb")
    _code, out, _err = verb(capsys, "read")
    assert out.count("Power now") == 3
    assert out.index("house") < out.index("annex") < out.index("barns")
