"""`doctor` on set-ups that are really broken: devices, programs in the way, databases, servers. The radio works."""

from __future__ import annotations

import asyncio
import fcntl
import grp
import json
import os
import re
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import grpc
import pytest
import trustme

from hems_data_collector import app
from hems_data_collector.clock import SystemClock
from hems_data_collector.diagnosis import Finding, State, diagnose, examine, settings
from hems_data_collector.store import outbox
from hems_data_collector.store.database import Database
from support.carriers import free_port
from support.mounts import TMPFS, fill, small_disk
from support.pubsub_servers import FakePubSub
from support.silent_port import WITHOUT_PRIVILEGES, silent_port
from support.web_server import Answer, WebServer, server_tls

PROGRAM = [sys.executable, "-m", "hems_data_collector"]
CREDENTIALS = {"B_ROUTE_ID": "00112233445566778899AABBCCDDEEFF", "B_ROUTE_PASSWORD": "0123456789AB"}
EMULATOR = "emulator:?fast=1"
NOWHERE = "/dev/ttyNOPE"
"""Where no time is spent on a modem."""

pytestmark = pytest.mark.services


@pytest.fixture(autouse=True)
def an_emulator_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(app, "_EMULATORS", {})


def environ_of(folder: Path, more: Mapping[str, str]) -> dict[str, str]:
    return {"STATE_DIRECTORY": str(folder / "state"), **CREDENTIALS, **more}


def diagnosed(
    folder: Path, *, port: str = NOWHERE, flags: Mapping[str, str] | None = None, **environ: str
) -> list[Finding]:
    """Every finding of these settings, in this process."""
    examined = examine({"port": port, **(flags or {})}, environ_of(folder, environ), folder)

    async def walk() -> list[Finding]:
        if examined.settings is None:
            return []
        walk = diagnose(examined.settings, credentials_problem=examined.credentials_problem)
        return [finding async for finding in walk]

    return [*examined.findings, *asyncio.run(walk())]


def by_key(findings: list[Finding], key: str) -> Finding:
    (found,) = [finding for finding in findings if finding.key == key]
    return found


def told(folder: Path, *words: str, prefix: list[str] | None = None, **environ: str) -> tuple[int, dict[str, Finding]]:
    """Exit code of `doctor --json` as a program of its own, and its findings by key."""
    done = subprocess.run(
        [*(prefix or []), *PROGRAM, "doctor", "--json", *words],
        cwd=folder,
        env=os.environ | environ_of(folder, environ),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert "Traceback" not in done.stderr
    for secret in CREDENTIALS.values():
        assert secret not in done.stdout + done.stderr
    found = json.loads(done.stdout)
    assert found["exit_code"] == done.returncode
    return done.returncode, {each["key"]: each for each in found["findings"]}


# --- port -------------------------------------------------------------------------------------------------------------


def test_a_port_that_is_not_there(tmp_path: Path) -> None:
    missing = by_key(diagnosed(tmp_path), "port-missing")
    assert missing.what == "There is no serial port /dev/ttyNOPE."
    assert "Plugged in now: " in missing.remedy
    assert missing.exit_code == 4


def test_a_path_with_colons_is_a_device_and_no_address(tmp_path: Path) -> None:
    port = "/dev/serial/by-path/platform-fd500000.pcie-pci-0000:01:00.0-usb-0:1.3:1.0-port0"
    assert by_key(diagnosed(tmp_path, port=port), "port-missing").exit_code == 4


def test_a_port_that_is_a_file(tmp_path: Path) -> None:
    found = by_key(diagnosed(tmp_path, port="/etc/hostname"), "port-not-serial")
    assert "is no serial port" in found.what


def test_a_network_port_where_nobody_listens(tmp_path: Path) -> None:
    found = by_key(diagnosed(tmp_path, port=f"socket://127.0.0.1:{free_port()}"), "port-unreachable")
    assert "cannot be reached" in found.what
    assert "ser2net" in found.remedy


@pytest.mark.parametrize(
    ("mode", "key", "remedy"),
    [
        (0o060, "port-denied", "sudo usermod -aG {group} root"),
        (0o000, "port-closed-to-all", "service-manager.sh install"),
    ],
)
def test_a_port_without_permission(mode: int, key: str, remedy: str, tmp_path: Path) -> None:
    if shutil.which("setpriv") is None or os.geteuid():
        pytest.skip("setpriv (package util-linux) and root are needed to give a device to a group")
    group = next(each for each in grp.getgrall() if each.gr_gid not in (0, *os.getgroups()))
    with silent_port(tmp_path / "stick") as port:
        os.chown(port, 0, group.gr_gid)
        os.chmod(port, mode)
        code, found = told(tmp_path, "--port", str(port), prefix=WITHOUT_PRIVILEGES)
    assert code == 4
    assert remedy.format(group=group.gr_name) in found[key]["remedy"]
    assert found["needs"]["state"] == "skipped"


def test_a_port_that_another_program_has(tmp_path: Path) -> None:
    with (
        silent_port(tmp_path / "stick") as port,
        port.open("rb", buffering=0) as device,
        subprocess.Popen(["sleep", "60"], stdin=device) as other,
    ):
        device.close()
        found = by_key(diagnosed(tmp_path, port=str(port)), "port-busy")
        other.terminate()
    assert f"sleep (process {other.pid})" in found.what
    assert "End that program" in found.remedy


def test_a_port_that_another_user_has_locked(tmp_path: Path) -> None:
    """What only opening tells: here the holder is this process, which is not looked for."""
    with silent_port(tmp_path / "stick") as port, port.open("rb", buffering=0) as device:
        fcntl.flock(device, fcntl.LOCK_EX)
        found = by_key(diagnosed(tmp_path, port=str(port)), "port-busy")
    assert "sudo fuser -v" in found.what


# --- settings ---------------------------------------------------------------------------------------------------------


def test_a_key_that_is_not_known(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text('prot = "/dev/ttyUSB0"\n')
    (found,) = diagnosed(tmp_path, flags={"config": str(tmp_path / "config.toml")})
    assert (found.key, found.exit_code) == ("settings-wrong", 3)
    assert found.remedy == 'Did you mean "port"?'


@pytest.mark.parametrize(
    ("given", "key", "remedy"),
    [
        ({"B_ROUTE_ID": "0" * 32}, "credentials-missing", "hems-data-collector setup"),
        ({"B_ROUTE_ID": ""}, "credentials-missing", "power company"),
        ({"B_ROUTE_PASSWORD": ""}, "credentials-missing", "B_ROUTE_PASSWORD"),
        ({"B_ROUTE_ID": CREDENTIALS["B_ROUTE_ID"][:-1]}, "credentials-malformed", "32 letters and digits"),
        ({"B_ROUTE_PASSWORD": "pass word"}, "credentials-malformed", "once more"),
    ],
)
def test_id_or_password_of_a_wrong_form(given: dict[str, str], key: str, remedy: str, tmp_path: Path) -> None:
    found = by_key(diagnosed(tmp_path, **given), key)
    assert remedy in found.remedy
    assert found.exit_code == 3


def test_a_misspelt_variable_is_a_warning(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("SERIAL_PROT=/dev/ttyUSB1\n")
    assert 'Did you mean "SERIAL_PORT"' in by_key(diagnosed(tmp_path), "settings-doubtful").what


def test_root_finds_the_secrets_of_the_service(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "credentials"
    folder.mkdir()
    for name, text in (("b_route_id", CREDENTIALS["B_ROUTE_ID"]), ("b_route_password", "Kx7Qp2Zt9LmW")):
        (folder / name).write_text(text)
    (folder / "webhook_headers").write_text("X-Key: hunter22")
    (tmp_path / "config.toml").write_text(f'port = "{NOWHERE}"\noutput = "webhook"\n')
    monkeypatch.setattr(settings, "SERVICE_CREDENTIALS", folder)
    monkeypatch.setattr(settings, "SYSTEM_CONFIG", tmp_path / "config.toml")
    examined = examine({"config": str(tmp_path / "config.toml")}, {"STATE_DIRECTORY": str(tmp_path)}, tmp_path)
    assert examined.credentials_problem is None
    assert examined.of_service
    assert examined.settings is not None
    (meter,) = examined.settings.meters
    assert meter.credentials.password.reveal() == "Kx7Qp2Zt9LmW"
    (header,) = examined.settings.output_values["webhook"]["webhook_headers"]
    assert header.reveal() == "X-Key: hunter22"
    (folder / "b_route_password").write_text("too long to be one of these passwords")
    examined = examine({"config": str(tmp_path / "config.toml")}, {"STATE_DIRECTORY": str(tmp_path)}, tmp_path)
    assert examined.credentials_problem is not None
    assert examined.of_service, "what is wrong with the password does not change whose settings they are"


def test_another_user_is_told_that_there_is_a_service(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings, "SYSTEM_CONFIG", tmp_path / "etc" / "config.toml")
    assert "settings-of-service" not in [each.key for each in diagnosed(tmp_path)]
    (tmp_path / "etc").mkdir()
    monkeypatch.setattr(os, "access", lambda path, mode: Path(path) != tmp_path / "etc")
    assert "sudo hems-data-collector doctor" in by_key(diagnosed(tmp_path), "settings-of-service").remedy


# --- database ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def database(tmp_path: Path) -> Path:
    """A sound one, where the collector has it."""
    (tmp_path / "state").mkdir()
    path = tmp_path / "state" / "hems.db"
    Database.open(path, clock=SystemClock()).close()
    return path


def test_a_sound_database(tmp_path: Path, database: Path) -> None:
    found = diagnosed(tmp_path)
    assert by_key(found, "store").state is State.OK
    assert by_key(found, "completeness-none").state is State.SKIPPED


def test_a_database_that_another_process_has(tmp_path: Path, database: Path) -> None:
    holding = (
        "import fcntl, sys; f = open(sys.argv[1], 'r+'); fcntl.flock(f, fcntl.LOCK_EX); f.write('4711'); f.flush()"
    )
    holding += "; print('held', flush=True); sys.stdin.read()"
    lock = database.with_name("hems.db.lock")
    with subprocess.Popen(
        [sys.executable, "-c", holding, lock], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "held\n"
        found = by_key(diagnosed(tmp_path), "store-held")
        other.communicate("")
    assert "4711" in found.what
    assert "--database" in found.remedy
    assert found.exit_code == 7


def test_a_database_that_a_tool_has_locked(tmp_path: Path, database: Path) -> None:
    with sqlite3.connect(database) as other:
        other.execute("PRAGMA locking_mode = EXCLUSIVE")
        other.execute("BEGIN EXCLUSIVE")
        found = by_key(diagnosed(tmp_path), "store-busy")
        other.rollback()
    other.close()
    assert "End that program" in found.remedy


@pytest.mark.parametrize("spoilt", [slice(0, 4096), slice(8192, 40_960)])
def test_a_database_that_is_damaged(spoilt: slice, tmp_path: Path, database: Path) -> None:
    content = bytearray(database.read_bytes())
    content[spoilt] = b"\xa5" * len(content[spoilt])
    database.write_bytes(content)
    found = by_key(diagnosed(tmp_path), "store-damaged")
    assert "check --salvage" in found.remedy
    assert database.read_bytes() == content, "a diagnosis mends nothing"


def test_a_damaged_file_that_waits_beside_a_sound_one(tmp_path: Path, database: Path) -> None:
    database.with_name("hems.db.damaged-20260115T000000Z").write_bytes(b"x")
    found = by_key(diagnosed(tmp_path), "store-aside")
    assert found.state is State.WARNING
    assert "check --salvage" in found.remedy


def test_a_folder_in_which_nothing_can_be_made(tmp_path: Path) -> None:
    found = by_key(diagnosed(tmp_path, flags={"database": "/proc/hems/hems.db"}), "store-denied")
    assert "--database" in found.remedy
    assert found.exit_code == 7


@pytest.mark.parametrize("_", TMPFS)
def test_a_disk_that_is_full(_: int, tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk") as disk:
        fill(disk)
        found = by_key(diagnosed(tmp_path, flags={"database": str(disk / "hems.db")}), "store-full")
    assert "df -h" in found.remedy


def test_a_database_in_a_folder_of_somebody_else(tmp_path: Path, database: Path) -> None:
    if shutil.which("setpriv") is None or os.geteuid():
        pytest.skip("setpriv (package util-linux) and root are needed to be somebody else")
    database.parent.chmod(0o700)
    os.chown(database.parent, 65534, 65534)
    words = ("--port", EMULATOR, "-o", "file", "--database", str(database))
    code, found = told(tmp_path, *words, prefix=WITHOUT_PRIVILEGES)
    assert code == 7
    assert found["store-denied"]["state"] == "failed"
    assert found["reading"]["state"] == "ok"


def test_another_program_s_database(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "other.db") as other:
        other.execute("CREATE TABLE t (x)")
    other.close()
    found = by_key(diagnosed(tmp_path, flags={"database": str(tmp_path / "other.db")}), "store-unusable")
    assert "another program" in found.what


def test_nothing_is_made_where_there_is_no_database(tmp_path: Path) -> None:
    assert by_key(diagnosed(tmp_path), "store-new").state is State.OK
    assert list(tmp_path.iterdir()) == []


# --- outputs ----------------------------------------------------------------------------------------------------------


def webhook(folder: Path, url: str, **environ: str) -> list[Finding]:
    return [
        each
        for each in diagnosed(folder, flags={"output": "webhook", "webhook_url": url}, **environ)
        if each.step == "outputs"
    ]


@pytest.fixture
def server() -> Iterator[WebServer]:
    with WebServer().running() as running:
        yield running


def test_a_web_server_that_answers_gets_no_record(tmp_path: Path, server: WebServer) -> None:
    server.answer = lambda _received: Answer(405)
    (found,) = webhook(tmp_path, server.url())
    assert found.key == "output"
    assert [(each.method, each.body) for each in server.requests] == [("HEAD", b"")]


@pytest.mark.parametrize(
    ("url", "cause"),
    [
        ("http://no-such-host.invalid/hook", "The name of the server is not known"),
        ("http://127.0.0.1:{port}/hook", "no server listens at this port"),
    ],
)
def test_a_web_server_that_is_not_there(url: str, cause: str, tmp_path: Path) -> None:
    (found,) = webhook(tmp_path, url.format(port=free_port()))
    assert (found.key, found.exit_code) == ("output-unreachable", 3)
    assert cause in found.cause
    assert "--webhook-url" in found.remedy


def test_a_web_server_that_refuses_us(tmp_path: Path, server: WebServer) -> None:
    server.answer = lambda _received: Answer(401)
    (found,) = webhook(tmp_path, server.url("/PATHKEY"), WEBHOOK_HEADERS="X-Key: hunter22")
    assert found.key == "output-refused"
    assert "answered 401" in found.what
    assert "--webhook-header" in found.remedy
    assert server.requests[0].headers["x-key"] == "hunter22"
    assert "hunter22" not in str(found.as_dict())
    assert "PATHKEY" not in str(found.as_dict())


def test_a_path_that_may_be_known_for_post_only(tmp_path: Path, server: WebServer) -> None:
    server.answer = lambda _received: Answer(404)
    (found,) = webhook(tmp_path, server.url())
    assert (found.key, found.state) == ("output-doubtful", State.WARNING)
    assert "says 404" in found.what


def test_a_certificate_that_nobody_vouches_for(tmp_path: Path) -> None:
    with WebServer(server_tls(trustme.CA())).running() as server:
        (found,) = webhook(tmp_path, server.url())
    assert found.key == "output-unreachable"
    assert "SSL_CERT_FILE" in found.remedy


def test_a_file_whose_folder_is_not_there(tmp_path: Path) -> None:
    flags = {"output": "file", "file": str(tmp_path / "gone" / "x.json")}
    found = by_key(diagnosed(tmp_path, flags=flags), "output-settings")
    assert found.cause == "The folder does not exist."
    assert "--file" in found.remedy


def test_pubsub_without_credentials(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_GCE_CHECK", "true")
    flags = {"output": "gcloud", "gcp_project": "my-project-id"}
    found = by_key(diagnosed(tmp_path, flags=flags), "output-settings")
    assert "No credentials for Google Cloud" in found.what
    assert "gcloud auth application-default login" in found.remedy


@pytest.mark.parametrize(
    ("topic", "refusal", "remedy"),
    [
        ("other", None, "gcloud pubsub topics create other"),
        ("hems-data", grpc.StatusCode.UNAUTHENTICATED, "Pub/Sub Publisher"),
    ],
)
def test_a_topic_that_cannot_be_used(topic: str, refusal: grpc.StatusCode | None, remedy: str, tmp_path: Path) -> None:
    with FakePubSub().running() as server:
        server.add_topic("projects/your-project-id/topics/hems-data")
        server.refuse(refusal)
        flags = {"output": "gcloud", "gcp_topic": topic, "gcp_emulator_host": server.address}
        found = by_key(diagnosed(tmp_path, flags=flags), "output-refused")
        assert server.publishes == 0
    assert remedy in found.remedy


@pytest.mark.parametrize(
    ("allowed", "key"), [(None, "output-refused"), (set(), "output-refused"), ({"pubsub.topics.publish"}, "output")]
)
def test_who_may_publish_need_not_be_allowed_to_look(allowed: set[str] | None, key: str, tmp_path: Path) -> None:
    with FakePubSub().running() as server:
        server.refuse(grpc.StatusCode.PERMISSION_DENIED)
        server.allowed = allowed
        flags = {"output": "gcloud", "gcp_emulator_host": server.address}
        assert by_key(diagnosed(tmp_path, flags=flags), key).step == "outputs"


def test_records_that_were_refused_are_told(tmp_path: Path, database: Path) -> None:
    now = SystemClock().now()
    opened = Database.open(database, clock=SystemClock())
    opened.run_sync(lambda conn: outbox.register(conn, ["file"], now=now))
    opened.run_sync(lambda conn: outbox.dead_letter(conn, "file", 1, key="k", reason="no", tries=3, now=now))
    opened.close()
    flags = {"output": "file", "file": str(tmp_path / "x.json")}
    found = by_key(diagnosed(tmp_path, flags=flags), "output-dead-letters")
    assert found.details["dead_letters"] == 1
    assert "dead-letters" in found.remedy


# --- a collector that runs --------------------------------------------------------------------------------------------


@contextmanager
def collector(folder: Path, port: str) -> Iterator[int]:
    """A collector in another process; gives its process number once it tells its state."""
    words = ["--port", port, "--mode", "interval", "-i", "1"]
    environ = os.environ | environ_of(folder, {})
    with subprocess.Popen([*PROGRAM, *words], env=environ, cwd=folder, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        until = re.compile("Joined the meter|Next try in|Trying again now")
        while not until.search(line := process.stderr.readline()):
            assert line, "the collector has ended"
        try:
            yield process.pid
        finally:
            process.terminate()
            process.communicate()


def test_a_collector_that_runs_is_asked_and_goes_on(tmp_path: Path) -> None:
    with collector(tmp_path, EMULATOR) as process:
        findings = diagnosed(tmp_path, port=EMULATOR)
    assert str(process) in by_key(findings, "port-collector").what
    assert by_key(findings, "collector").details["session"] == "up"
    assert by_key(findings, "store-collector").state is State.OK
    assert [finding.key for finding in findings if finding.state is State.FAILED] == []
    assert "modem" not in [finding.step for finding in findings]


def test_a_collector_that_does_not_get_in_tells_why(tmp_path: Path) -> None:
    port = f"{EMULATOR}&fault=absent"
    with collector(tmp_path, port):
        failed = by_key(diagnosed(tmp_path, port=port), "scan-nothing")
    assert failed.exit_code == 5
    assert "Compare B_ROUTE_ID" in failed.remedy
    assert failed.details["collector"] is True
