"""The files for Docker, without Docker: linters, and whatever in them is about the program."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from hems_data_collector import cli
from hems_data_collector.cli.arguments import Parser
from hems_data_collector.settings_table import environment_names

ROOT = Path(__file__).parent.parent
BIN = Path(sys.executable).parent
STATE = "/var/lib/hems-data-collector"
DEADLINE_S = 60.0


@pytest.fixture(scope="module")
def dockerfile() -> list[str]:
    """Every instruction on one line."""
    text = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    lines = re.sub(r"\\\n", " ", text).splitlines()
    return [line for line in lines if line and not line.startswith("#")]


@pytest.fixture(scope="module")
def collector() -> dict[str, Any]:
    service: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text(encoding="utf-8"))["services"][
        "collector"
    ]
    return service


def complaints(*command: str) -> str:
    if not (BIN / command[0]).exists():
        pytest.skip(f"{command[0]} is missing: make dist installs it, where it runs on this kind of machine")
    done = subprocess.run(
        [BIN / command[0], *command[1:]], cwd=ROOT, capture_output=True, text=True, timeout=DEADLINE_S, check=False
    )
    return done.stdout + done.stderr if done.returncode else ""


def instructions(dockerfile: list[str], name: str) -> list[str]:
    return [line.removeprefix(name).strip() for line in dockerfile if line.startswith(f"{name} ")]


def takes(words: list[str]) -> bool:
    """Whether the program takes this command line."""
    parser = Parser("test")
    cli.module_of(words[0]).add_arguments(parser)
    parser.parse(words[1:])
    return words[0] in cli.VERBS


def test_hadolint_has_no_complaint() -> None:
    assert complaints("hadolint", "Dockerfile") == ""


def test_compose_would_take_the_file_and_notice_a_slip(tmp_path: Path) -> None:
    check = ("check-jsonschema", "--builtin-schema", "vendor.compose-spec")
    assert complaints(*check, "compose.yaml") == ""
    slip = tmp_path / "compose.yaml"
    slip.write_text((ROOT / "compose.yaml").read_text(encoding="utf-8").replace("restart:", "restrat:"), "utf-8")
    assert "restrat" in complaints(*check, str(slip))


def test_what_is_copied_is_there_and_nothing_else_is_sent(dockerfile: list[str]) -> None:
    copied = {
        name for line in instructions(dockerfile, "COPY") if "--from" not in line for name in shlex.split(line)[:-1]
    }
    lines = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    assert next(line for line in lines if not line.startswith("#")) == "*"
    assert {line[1:] for line in lines if line.startswith("!")} == copied
    assert [name for name in copied if not (ROOT / name).exists()] == []


def test_the_commands_of_the_image_are_command_lines_of_the_program(
    dockerfile: list[str], collector: dict[str, Any]
) -> None:
    (check,) = instructions(dockerfile, "HEALTHCHECK")
    words = json.loads(check.partition("CMD ")[2])
    assert json.loads(instructions(dockerfile, "ENTRYPOINT")[0]) == [words[0]] == ["hems-data-collector"]
    assert takes(words[1:])
    assert takes(json.loads(instructions(dockerfile, "CMD")[0]))
    assert takes(collector["command"])


def test_the_program_runs_as_a_user_who_owns_the_volume_and_may_open_sticks(dockerfile: list[str]) -> None:
    (user,), (volume,) = instructions(dockerfile, "USER"), instructions(dockerfile, "VOLUME")
    assert user != "0"
    assert volume == STATE
    (making,) = (line for line in instructions(dockerfile, "RUN") if "useradd" in line)
    assert f"--uid {user} " in making
    assert "--groups dialout" in making
    assert f"-o hems -g hems {STATE}" in making
    assert f"STATE_DIRECTORY={STATE}" in instructions(dockerfile, "ENV")[0]


def test_compose_gives_the_program_what_it_reads(collector: dict[str, Any]) -> None:
    environment = collector["environment"]
    assert set(environment) <= set(environment_names())
    (device,) = collector["devices"]
    assert device.partition(":")[2] == environment["SERIAL_PORT"]
    assert device.startswith("/dev/serial/by-id/")
    secrets = {f"/run/secrets/{name}" for name in collector["secrets"]}
    assert {environment["B_ROUTE_ID_FILE"], environment["B_ROUTE_PASSWORD_FILE"]} == secrets
    assert any(volume.endswith(f":{STATE}") for volume in collector["volumes"])
    assert collector["restart"] == "unless-stopped"
