"""The packages that users install: built twice the same, whole, and running after pipx and uv have installed them."""

from __future__ import annotations

import hashlib
import io
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from pathlib import Path

import pytest
from packaging.metadata import Metadata

from hems_data_collector.cli.completion import SCRIPTS
from hems_data_collector.readings import RECORD_KEYS

pytestmark = pytest.mark.services

ROOT = Path(__file__).parents[2]
BIN = Path(sys.executable).parent
PROGRAM = "hems-data-collector"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
STEM = f"hems_data_collector-{PROJECT['version']}"
INFO = f"{STEM}.dist-info"
DEADLINE_S = 120.0
EPOCH = "1767225600"  # any moment will do
LATER = 1893456000.0

SHARED = (
    f"man/man1/{PROGRAM}.1",
    f"man/ja/man1/{PROGRAM}.1",
    f"bash-completion/completions/{PROGRAM}",
    f"zsh/site-functions/_{PROGRAM}",
    f"fish/vendor_completions.d/{PROGRAM}.fish",
)
"""What an environment has in share/ once the wheel is installed."""


def in_git() -> list[str]:
    """Every file of the project, with those that are new."""
    listed = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if listed.returncode:
        pytest.skip("this folder is no clone of the repository")
    return [name for name in listed.stdout.splitlines() if (ROOT / name).is_file()]


def clone(folder: Path, *, private: bool) -> Path:
    """The project in `folder`, as strictly kept as under umask 077, or as another machine would have it."""
    for name in in_git():
        source, target = ROOT / name, folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, target)
        runs = os.access(source, os.X_OK)
        target.chmod((0o700 if runs else 0o600) if private else (0o775 if runs else 0o664))
        os.utime(target, (LATER, LATER) if private else None)
    return folder


def build(folder: Path, *words: str) -> dict[str, bytes]:
    """Name and content of the packages made in `folder`."""
    command = [BIN / "python", "-m", "build", "--no-isolation", *words, "--outdir", folder / "dist", folder]
    environ = {**os.environ, "SOURCE_DATE_EPOCH": EPOCH}
    done = subprocess.run(
        command, cwd=folder.parent, env=environ, capture_output=True, text=True, timeout=DEADLINE_S, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return {path.name: path.read_bytes() for path in (folder / "dist").iterdir()}


@pytest.fixture(scope="module")
def there(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return clone(tmp_path_factory.mktemp("a place with a long name") / "clone", private=True)


@pytest.fixture(scope="module")
def packages(there: Path) -> dict[str, bytes]:
    """Both packages: the sdist, and the wheel that was made from the sdist."""
    return build(there)


@pytest.fixture(scope="module")
def wheel(packages: dict[str, bytes], tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    (name,) = (name for name in packages if name.endswith(".whl"))
    path = tmp_path_factory.mktemp("wheel") / name
    path.write_bytes(packages[name])
    return zipfile.ZipFile(path)


def sums(packages: dict[str, bytes]) -> dict[str, str]:
    return {name: hashlib.sha256(data).hexdigest() for name, data in packages.items()}


def test_two_builds_are_the_same_bytes(packages: dict[str, bytes], tmp_path: Path) -> None:
    here = clone(tmp_path / "b", private=False)
    assert sums(build(here)) == sums(packages)
    shutil.rmtree(here / "dist")
    direct = sums(build(here, "--wheel"))  # as pip, pipx and uv build it
    assert direct == {name: code for name, code in sums(packages).items() if name.endswith(".whl")}


def test_the_sdist_has_everything_of_git_and_what_the_service_is_installed_from(packages: dict[str, bytes]) -> None:
    (name,) = (name for name in packages if name.endswith(".tar.gz"))
    with tarfile.open(fileobj=io.BytesIO(packages[name])) as archive:
        members = {member.name.partition("/")[2]: member for member in archive}
    assert set(in_git()) - set(members) == {".ci/run"}
    assert set(members) - set(in_git()) == {"PKG-INFO"}
    manager = (ROOT / "service-manager.sh").read_text(encoding="utf-8")
    used = {path.rstrip("/") for path in re.findall(r'\$here/([\w./-]+)"', manager)}
    assert {"src", "tools/find-python", "requirements/run.txt"} < used
    assert [path for path in used if not any(f"{name}/".startswith(f"{path}/") for name in members)] == []
    assert members["service-manager.sh"].mode == 0o755
    assert {(member.uid, member.gid, member.uname, member.mtime) for member in members.values()} == {
        (0, 0, "", int(EPOCH))
    }


def test_the_wheel_has_the_program_with_all_that_it_reads(wheel: zipfile.ZipFile) -> None:
    inside = set(wheel.namelist())
    package = {name.removeprefix("src/") for name in in_git() if name.startswith("src/")}
    left_out = {name for name in package if name.endswith(".po") or "/share/man/" in name}
    assert package - left_out <= inside
    assert inside & left_out == set()
    assert "hems_data_collector/py.typed" in inside
    assert any(name.endswith("0001_initial.sql") for name in inside)
    assert any(name.endswith(".mo") for name in inside)
    data = f"{STEM}.data/data/share"
    assert {name for name in inside if name.startswith(data)} == {f"{data}/{path}" for path in SHARED}
    other = package | {f"{data}/{path}" for path in SHARED}
    assert {name.partition("/")[0] for name in inside - other} == {
        f"hems_data_collector-{PROJECT['version']}.dist-info"
    }


def test_the_metadata_is_valid_and_says_what_pyproject_says(wheel: zipfile.ZipFile) -> None:
    metadata = Metadata.from_email(wheel.read(f"{INFO}/METADATA"), validate=True)
    assert (metadata.name, str(metadata.version)) == (PROGRAM, PROJECT["version"])
    assert (metadata.license_expression, metadata.license_files) == ("MIT", ["LICENSE"])
    assert metadata.description_content_type == "text/markdown"
    assert set(metadata.provides_extra or []) == set(PROJECT["optional-dependencies"])
    assert wheel.read(f"{INFO}/licenses/LICENSE") == (ROOT / "LICENSE").read_bytes()
    assert f"{PROGRAM} = hems_data_collector.cli:main" in wheel.read(f"{INFO}/entry_points.txt").decode()


def installed(command: list[str | Path], folder: Path, environ: dict[str, str]) -> Path:
    """Install the project in `folder` as a user does; the program that is there then, tried on the emulator."""
    done = subprocess.run(
        command,
        cwd=folder,
        env={**os.environ, **environ},
        capture_output=True,
        text=True,
        timeout=DEADLINE_S,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    program = Path(environ["BINARIES"]) / PROGRAM
    assert said(program, "--version") == f"{PROGRAM} {PROJECT['version']}\n"
    record = json.loads(said(program, "read", "--port", "emulator:?fast=1", "--format", "json"))
    assert tuple(record) == RECORD_KEYS
    assert said(program, "completion", "bash") == SCRIPTS["bash"].read_text(encoding="utf-8")
    return program


def said(program: Path, *words: str) -> str:
    return subprocess.run([program, *words], capture_output=True, text=True, timeout=DEADLINE_S, check=True).stdout


def test_uv_installs_it_from_the_checkout(there: Path, tmp_path: Path) -> None:
    environ = {"UV_TOOL_DIR": str(tmp_path / "tools"), "UV_TOOL_BIN_DIR": str(tmp_path), "BINARIES": str(tmp_path)}
    program = installed([BIN / "uv", "tool", "install", "--python", BIN / "python", "."], there, environ)
    share = program.resolve().parents[1] / "share"
    assert [path for path in SHARED if not (share / path).is_file()] == []
    assert not (there / "build").exists()


def test_pipx_installs_it_from_the_checkout_with_its_man_page(there: Path, tmp_path: Path) -> None:
    names = {"PIPX_HOME": "home", "PIPX_BIN_DIR": "bin", "PIPX_MAN_DIR": "man", "BINARIES": "bin"}
    environ = {name: str(tmp_path / folder) for name, folder in names.items()}
    installed([BIN / "pipx", "install", "--backend", "pip", "--python", BIN / "python", "."], there, environ)
    assert (tmp_path / "man" / "man1" / f"{PROGRAM}.1").is_file()
