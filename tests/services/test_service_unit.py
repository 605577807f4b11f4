"""The files of the service without a system to install them on: the unit, its rules, the shell script."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from hems_data_collector import errors

ROOT = Path(__file__).parents[2]
NAME = "hems-data-collector"
PACKAGING = ROOT / "packaging"
UNIT = PACKAGING / f"systemd/{NAME}.service"
MANAGER = ROOT / "service-manager.sh"
MOST_EXPOSED = 2.0
SCRIPTS = (
    "service-manager.sh",
    "tools/can-boot",
    "tools/debian-tree",
    "tools/find-python",
    "tools/make-venv",
    "tools/pin",
    ".ci/run",
)


def needs(program: str, package: str) -> str:
    """Where `program` is; a skip where it is not."""
    found = shutil.which(program)
    if found is None:
        pytest.skip(f"there is no {program} here; on Debian: sudo apt-get install {package}")
    return found


def setting(name: str) -> list[str]:
    """Every value that the unit gives to `name`."""
    return re.findall(rf"^{name}=(.*)$", UNIT.read_text(encoding="utf-8"), re.MULTILINE)


def test_the_unit_exposes_little() -> None:
    analyze = needs("systemd-analyze", "systemd")
    threshold = f"--threshold={round(MOST_EXPOSED * 10)}"
    done = subprocess.run(
        [analyze, "security", "--offline=true", "--no-pager", threshold, UNIT], capture_output=True, text=True
    )
    overall = done.stdout.strip().splitlines()[-1]
    print(overall)
    assert done.returncode == 0, done.stdout
    assert float(re.findall(r"[0-9]+\.[0-9]", overall)[0]) <= MOST_EXPOSED


def test_systemd_understands_every_line_of_the_unit(tmp_path: Path) -> None:
    analyze = needs("systemd-analyze", "systemd")
    text = re.sub(r"^ExecStart=\S+", "ExecStart=/bin/true", UNIT.read_text(encoding="utf-8"), flags=re.MULTILINE)
    (tmp_path / UNIT.name).write_text(text, encoding="utf-8")
    done = subprocess.run([analyze, "verify", "--man=no", tmp_path / UNIT.name], capture_output=True, text=True)
    assert [line for line in done.stderr.splitlines() if NAME in line] == []
    assert done.returncode == 0, done.stderr


def test_devices_are_allowed_by_class_so_that_a_stick_may_be_plugged_in_anew() -> None:
    assert setting("DeviceAllow") == [f"char-tty{kind} rw" for kind in ("USB", "ACM", "AMA", "S")]
    assert setting("DevicePolicy") == ["closed"]
    assert setting("PrivateDevices") == []


def test_a_restart_does_not_follow_what_stays_wrong() -> None:
    assert setting("RestartPreventExitStatus") == [f"{errors.EXIT_USAGE} {errors.EXIT_CONFIG}"]
    assert setting("Restart") == ["on-failure"]


def test_no_secret_can_get_into_the_environment_by_the_unit() -> None:
    assert setting("Environment") + setting("EnvironmentFile") + setting("PassEnvironment") == []
    loaded = [value.split(":")[0] for value in setting("LoadCredential")]
    assert loaded == ["b_route_id", "b_route_password", "hems"]


def test_the_unit_and_the_script_speak_of_the_same_places() -> None:
    script = MANAGER.read_text(encoding="utf-8")
    assert setting("StateDirectory") == setting("User") == [NAME]
    for place in ("/opt/$NAME", "/etc/$NAME", "/var/lib/$NAME"):
        assert place in script
    assert setting("ExecStart") == [f"/opt/{NAME}/current/bin/{NAME} run --config /etc/{NAME}/config.toml"]


def test_the_rule_names_the_stick_by_the_bridge_of_the_modules() -> None:
    (rule,) = (PACKAGING / "udev").glob("*.rules")
    text = rule.read_text(encoding="utf-8")
    assert 'ATTRS{idVendor}=="0403", ATTRS{idProduct}=="6015", SYMLINK+="hems-stick"' in text


@pytest.mark.parametrize("script", SCRIPTS)
def test_shellcheck_has_nothing_to_say(script: str) -> None:
    done = subprocess.run([needs("shellcheck", "shellcheck"), ROOT / script], capture_output=True, text=True)
    assert done.stdout == ""
    assert done.returncode == 0


@pytest.mark.parametrize(("words", "code"), [((), 2), (("remove",), 2), (("--help",), 0), (("install", "--help"), 0)])
def test_the_script_says_how_it_is_used(words: tuple[str, ...], code: int) -> None:
    done = subprocess.run([MANAGER, *words], capture_output=True, text=True)
    assert done.returncode == code
    shown = done.stdout if code == 0 else done.stderr
    assert shown.startswith("service-manager.sh install | update | status | uninstall")
