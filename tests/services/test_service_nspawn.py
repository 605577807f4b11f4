"""The service on a real system: installed, reloaded, updated, taken back and removed, in a Debian 12 that boots.

The tests of this file are one story and run in its order. Needs root, debootstrap and systemd-nspawn.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from support.container import CHECKOUT, Container, eventually

NAME = "hems-data-collector"
MANAGER = f"{CHECKOUT}/service-manager.sh"
SETTINGS = f"/etc/{NAME}/config.toml"
STATE = f"/var/lib/{NAME}"
WAIT_S = 40.0
EVERY_FIVE_SECONDS = "* * * * * */5"
FAST = "emulator:?fast=1"
ROUTE_B_ID, PASSWORD = "00112233445566778899AABBCCDDEEFF", "0123456789AB"

FILES = ("LICENSE", "README.md", "pyproject.toml", "service-manager.sh")
FOLDERS = ("packaging", "requirements", "src", "tools")
"""What an installation is made from."""
EVERYTHING = (
    r"find / -xdev \( -path /proc -o -path /sys -o -path /run -o -path /tmp -o -path /mnt -o -path /var/log"
    r" -o -path /var/tmp -o -path /root \) -prune -o -printf '%M %u:%g %p %l\n'"
    " | sort; sort /etc/passwd /etc/group; systemctl list-unit-files"
)
"""What a system consists of."""


@pytest.fixture(scope="module")
def system() -> Iterator[Container]:
    with Container() as booted:
        yield booted


@pytest.fixture(scope="module")
def before(system: Container) -> str:
    return everything(system)


def everything(system: Container) -> str:
    return system.run("sh", "-c", EVERYTHING).stdout


def shown(system: Container, name: str) -> str:
    return system.run("systemctl", "show", "--property", name, "--value", NAME).stdout.strip()


def collector(system: Container) -> dict[str, object]:
    """What the verb `status` has."""
    found: dict[str, object] = json.loads(system.run(NAME, "status", "--json").stdout)
    return found


def readings(system: Container) -> int:
    count = "import sqlite3; print(*sqlite3.connect('file:{}?mode=ro', uri=True).execute('{}').fetchone())"
    query = count.format(f"{STATE}/hems.db", "SELECT count(*) FROM readings")
    return int(system.run("python3", "-c", query).stdout)


def is_reading(system: Container) -> bool:
    return "last reading" in shown(system, "StatusText")


def checkout(system: Container, name: str, *changes: str) -> str:
    """A copy of the project with `changes`, each a shell command in it; returns its service-manager.sh."""
    system.run("mkdir", f"/root/{name}")
    system.run("cp", "-R", *(f"{CHECKOUT}/{part}" for part in (*FILES, *FOLDERS)), f"/root/{name}")
    for change in changes:
        system.run("sh", "-c", f"cd /root/{name} && {change}")
    return f"/root/{name}/service-manager.sh"


def test_an_installation_that_fails_leaves_nothing(system: Container, before: str) -> None:
    done = system.run(MANAGER, "install", "--yes", "--port", FAST, "-o", "file", "--file", "/nowhere/x", check=False)
    assert done.returncode == 1
    assert "there is no folder /nowhere" in done.stdout
    assert everything(system) == before


def test_it_is_installed_in_one_command_and_reads(system: Container, before: str) -> None:
    credentials = {"B_ROUTE_ID": ROUTE_B_ID, "B_ROUTE_PASSWORD": PASSWORD}
    flags = ("--yes", "--port", FAST, "--schedule", EVERY_FIVE_SECONDS, "-o", "file", "stdout", "--format", "csv")
    done = system.run(MANAGER, "install", *flags, environ=credentials)
    assert PASSWORD not in done.stdout
    assert shown(system, "ActiveState") == "active"
    assert system.run("systemctl", "is-enabled", NAME).stdout.strip() == "enabled"
    eventually(lambda: is_reading(system), limit_s=WAIT_S)
    assert shown(system, "StatusText").startswith("Joined the meter; last reading ")
    eventually(lambda: ",".join(("timestamp", "cumulative_power_kwh")) in written(system), limit_s=WAIT_S)


def written(system: Container) -> str:
    """What the output `file` has."""
    return system.run("cat", f"{STATE}/hems_data.dat", check=False).stdout


def test_everybody_gets_the_man_page_and_the_completions(system: Container) -> None:
    share = "/usr/local/share"
    shown = system.run("runuser", "-u", "nobody", "--", "head", "-n", "4", f"{share}/man/man1/{NAME}.1").stdout
    assert f".TH {NAME.upper()} 1".replace("-", r"\-") in shown
    assert "関連項目" in system.run("cat", f"{share}/man/ja/man1/{NAME}.1").stdout
    scripts = (
        f"bash-completion/completions/{NAME}",
        f"zsh/site-functions/_{NAME}",
        f"fish/vendor_completions.d/{NAME}.fish",
    )
    for script in scripts:
        assert "status" in system.run("runuser", "-u", "nobody", "--", "cat", f"{share}/{script}").stdout


def test_installing_again_changes_nothing(system: Container) -> None:
    process, files = shown(system, "MainPID"), everything(system)
    done = system.run(MANAGER, "install", "--yes")
    assert f"unchanged: {NAME} runs" in done.stdout
    assert {"created", "written", "linked", "added", "removed"} & set(done.stdout.split()) == set()
    assert shown(system, "MainPID") == process
    assert everything(system) == files


def test_the_secrets_are_where_only_root_and_the_service_see_them(system: Container) -> None:
    modes = system.run("stat", "-c", "%A %U:%G", f"/etc/{NAME}/credentials/b_route_id", SETTINGS, STATE).stdout
    assert modes.split("\n")[:3] == [
        "-rw------- root:root",
        f"-rw-r----- root:{NAME}",
        f"drwx------ {NAME}:{NAME}",
    ]
    loaded = system.run("ls", f"/run/credentials/{NAME}.service").stdout.split()
    assert loaded == ["b_route_id", "b_route_password", "hems_b_route_id", "hems_b_route_password"]
    places = (
        f"cat {SETTINGS} /etc/systemd/system/{NAME}.service /proc/*/cmdline /proc/{shown(system, 'MainPID')}/environ"
    )
    journal = f"journalctl -o export -u {NAME}"
    text = system.run("sh", "-c", f"{{ {places}; {journal}; }} 2>/dev/null | tr '\\0' '\\n'", check=False).stdout
    assert NAME in text
    for secret in (ROUTE_B_ID, PASSWORD):
        assert secret not in text
        assert secret.encode().hex().upper() not in text.upper()


def test_what_belongs_to_the_group_of_serial_devices_is_open_to_the_service(system: Container) -> None:
    system.run("sh", "-c", "echo here > /srv/stick; chown root:dialout /srv/stick; chmod 660 /srv/stick")
    probe = (
        f"sed -e 's#^ExecStart=.*#ExecStart=/bin/cat /srv/stick#' -e 's/^Type=.*/Type=oneshot/'"
        rf" -e '/^\(WatchdogSec\|Restart\)/d' /etc/systemd/system/{NAME}.service > /run/systemd/system/probe.service"
    )
    system.run("sh", "-c", probe)
    system.run("systemctl", "daemon-reload")
    system.run("systemctl", "start", "probe")
    system.run("rm", "/run/systemd/system/probe.service", "/srv/stick")
    system.run("systemctl", "daemon-reload")


def test_a_reload_takes_good_settings_and_refuses_bad_ones(system: Container) -> None:
    process = shown(system, "MainPID")
    change(system, 's/^format = .*/format = "yaml"/')
    eventually(lambda: "\n- timestamp:" in written(system) or "\ntimestamp:" in written(system), limit_s=WAIT_S)
    change(system, "s/^format = .*/fromat = 1/")
    assert "fromat" in system.run("journalctl", "-u", NAME, "-n", "5", "-o", "cat").stdout
    change(system, 's/^fromat = .*/format = "csv"\\nkeep_readings = "never"/')
    change(system, "/^keep_readings/d")
    assert shown(system, "MainPID") == process
    assert shown(system, "ActiveState") == "active"


def change(system: Container, expression: str) -> None:
    """Edit the settings, reload, and wait until that is over."""
    system.run("sed", "-i", expression, SETTINGS)
    system.run("systemctl", "reload", NAME)
    eventually(lambda: shown(system, "ActiveState") == "active", limit_s=WAIT_S)
    eventually(lambda: is_reading(system), limit_s=WAIT_S)


def test_a_collector_that_hangs_is_ended_and_started_again(system: Container) -> None:
    folder = f"/run/systemd/system/{NAME}.service.d"
    lines = "[Service]\\nWatchdogSec=3\\nTimeoutAbortSec=1\\nRestartSec=0\\n"
    system.run("sh", "-c", f"mkdir -p {folder} && printf '{lines}' > {folder}/short.conf")
    system.run("systemctl", "daemon-reload")
    system.run("systemctl", "restart", NAME)
    eventually(lambda: is_reading(system), limit_s=WAIT_S)
    assert shown(system, "NRestarts") == "0"
    system.run("sh", "-c", f"kill -STOP {shown(system, 'MainPID')}")
    eventually(lambda: shown(system, "NRestarts") == "1", limit_s=WAIT_S)
    eventually(lambda: is_reading(system), limit_s=WAIT_S)
    system.run("rm", "-r", folder)
    system.run("systemctl", "daemon-reload")


def test_an_update_keeps_settings_and_data_and_changes_outputs_on_request(system: Container) -> None:
    version, known = system.run("readlink", f"/opt/{NAME}/current").stdout, readings(system)
    newer = checkout(system, "newer", "echo '# newer' >> src/hems_data_collector/clock.py")
    done = system.run(newer, "update", "--output", "file")
    assert "Running: " in done.stdout
    settings = system.run("cat", SETTINGS).stdout
    assert 'output = ["file"]' in settings
    assert f'schedule = "{EVERY_FIVE_SECONDS}"' in settings
    assert system.run("readlink", f"/opt/{NAME}/current").stdout != version
    eventually(lambda: readings(system) > known, limit_s=WAIT_S)


def test_a_version_that_does_not_come_up_is_taken_back(system: Container) -> None:
    version, settings = system.run("readlink", f"/opt/{NAME}/current").stdout, system.run("cat", SETTINGS).stdout
    known = readings(system)
    broken = checkout(
        system,
        "broken",
        "echo 'CREATE TABLE future (x);' > src/hems_data_collector/store/schema/9999_future.sql",
        # It makes its own schema of the database, and stumbles only then.
        "sed -i 's/^    database = Database.open(.*/&; raise RuntimeError(\"broken\")/' src/hems_data_collector/app.py",
    )
    done = system.run(broken, "update", "--output", "stdout", check=False)
    assert done.returncode == 1, done.stdout
    assert "RuntimeError: broken" in done.stdout
    assert "The database is the one from before." in done.stdout
    assert "The version from before is running again." in done.stdout
    assert system.run("readlink", f"/opt/{NAME}/current").stdout == version
    assert system.run("cat", SETTINGS).stdout == settings
    assert "9999" not in system.run("ls", f"/opt/{NAME}/versions", STATE).stdout
    eventually(lambda: readings(system) > known, limit_s=WAIT_S)


def test_the_status_says_how_it_is_doing(system: Container) -> None:
    eventually(lambda: is_reading(system), limit_s=WAIT_S)
    done = system.run(MANAGER, "status")
    assert "active (running)" in done.stdout
    assert "Joined the meter; last reading" in done.stdout
    assert "half hours today" in done.stdout


def test_nothing_is_left_after_it_was_removed(system: Container, before: str) -> None:
    done = system.run(MANAGER, "uninstall", "--yes")
    assert f"The readings stay in {STATE}" in done.stdout
    assert system.run("ls", "-A", STATE).stdout.split()
    system.run(MANAGER, "uninstall", "--yes", "--delete-data")
    assert everything(system) == before
    assert "unchanged" in system.run(MANAGER, "uninstall", "--yes").stdout
