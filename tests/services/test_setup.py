"""`setup` on a real terminal, down to the trial on the emulator; and broken off by Ctrl-C and Ctrl-D."""

from __future__ import annotations

import sys
import tomllib
from pathlib import Path

import pytest

from support.terminal import END_OF_INPUT, INTERRUPT, answered

ROUTE_B_ID, PASSWORD = "00112233445566778899AABBCCDDEEFF", "0123456789AB"
SETUP = (sys.executable, "-m", "hems_data_collector", "setup")


def home() -> list[str]:
    """Every file that is there."""
    return sorted(str(path.relative_to(Path.cwd())) for path in Path.cwd().rglob("*") if not path.is_dir())


def test_from_an_empty_home_to_settings_that_work() -> None:
    code, shown = answered(SETUP, ["emulator:?fast=1", "", "file", "csv", "", "", "yes"])
    assert code == 0, shown
    path = Path(".config/hems-data-collector/config.toml")
    found = tomllib.loads(path.read_text(encoding="utf-8"))
    assert (found["port"], found["output"], found["format"]) == ("emulator:?fast=1", ["file"], "csv")
    assert "Everything works." in shown
    assert shown.rstrip().endswith(
        f"./service-manager.sh install --config {path.absolute()} --file /var/lib/hems-data-collector/hems_data.dat"
    )
    assert str(path) in home()


def test_id_and_password_are_not_shown() -> None:
    code, shown = answered(SETUP, ["/dev/ttyUSB7", ROUTE_B_ID, PASSWORD, "", "none", "", "no"])
    assert code == 0, shown
    assert ROUTE_B_ID not in shown
    assert PASSWORD not in shown
    found = tomllib.loads(Path(".config/hems-data-collector/config.toml").read_text(encoding="utf-8"))
    assert (found["b_route_id"], found["b_route_password"]) == (ROUTE_B_ID, PASSWORD)


@pytest.mark.parametrize(("key", "code"), [(INTERRUPT, 130), (END_OF_INPUT, 3)])
@pytest.mark.parametrize("answers", [(), ("/dev/ttyUSB7", ROUTE_B_ID)], ids=["at-the-port", "at-the-password"])
def test_broken_off_it_has_written_nothing(answers: tuple[str, ...], key: str, code: int) -> None:
    ended, shown = answered(SETUP, [*answers, key])
    assert (ended, home()) == (code, []), shown
    assert "nothing was written" in shown
    assert "Traceback" not in shown
