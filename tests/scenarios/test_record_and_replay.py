"""A recording holds no secret, and played again it gives the identical reading, by the program and by the library."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from hems_data_collector import Meter, PortError, PortNotFound, SessionLost, app
from hems_data_collector.clock import LoopClock
from hems_data_collector.config import Settings
from hems_data_collector.link.transport import open_transport
from hems_data_collector.readings import Record
from hems_data_collector.recording import record_wire
from hems_data_collector.skstack.dialects import MODULES
from hems_data_collector.skstack.framing import RXUDP_HEADER
from hems_data_collector.skstack.transcript import Step, parse
from support.collecting import START, emulated, settings_for
from support.virtual_time import run_virtual

ROUTE_B_ID = "0123AB456789CD0011223344DEADBEEF"
PASSWORD = "Kx7Qp2Zt9LmW"
SECRETS = {"B_ROUTE_ID": ROUTE_B_ID, "B_ROUTE_PASSWORD": PASSWORD}
SERIAL = "A00B123456"
MACS = ("001C640000000001", "001D129000000001")


def recorded(
    tmp_path: Path,
    query: str,
    *,
    environ: Mapping[str, str] = SECRETS,
    seconds: float | None = None,
    keep: bool = False,
) -> tuple[list[str], Record | None]:
    """The transcript of a reading on `emulator:?query`, and that reading."""
    settings = settings_for(tmp_path, query, environ=environ)
    lines: list[str] = []

    async def scenario() -> Record | None:
        clock = LoopClock(START)
        with emulated(settings, clock):
            record, count = await record_wire(
                settings, lines.append, seconds=seconds, keep_identity=keep, clock=clock, on_progress=lambda _: None
            )
        assert count == sum(line[0] in "<>" for line in lines)
        return record

    return lines, run_virtual(scenario())


def replay_settings(tmp_path: Path, lines: list[str], environ: Mapping[str, str]) -> Settings:
    file = tmp_path / "meter.txt"
    file.write_text("\n".join(lines) + "\n", encoding="ascii")
    return settings_for(tmp_path, "", environ=environ, port=f"replay:{file}")


def replayed(tmp_path: Path, lines: list[str], environ: Mapping[str, str] = {}) -> Record:
    """What `read` gives on the transcript, an hour later."""
    settings = replay_settings(tmp_path, lines, environ)
    return run_virtual(app.read_once(settings, LoopClock(START)))[2]


def values(record: Record | None) -> dict[str, Any]:
    assert record is not None
    fields = dict(record.fields)
    del fields["timestamp"]
    assert fields["recent_30min_consumption_kwh"] is not None
    return fields


def forms(text: str) -> set[bytes]:
    """Every form in which a secret may stand on a wire."""
    plain = {text.encode(), text.encode().hex().encode()}
    plain |= {bytes.fromhex(text)} if re.fullmatch(r"(?:[0-9A-F]{2})+", text) else set()
    return plain | {form.lower() for form in plain} | {form.upper() for form in plain}


def assert_without(lines: list[str], *texts: str) -> None:
    """None of `texts` stands in the file or in what it says, whole or beginning a line later."""
    file = "\n".join(lines).encode()
    wire = b"".join(step.data for step in parse(lines))
    joined = b"".join(line[2:].encode() for line in lines)
    for text in texts:
        for form in forms(text):
            assert form not in file, form
            assert form not in wire, form
            assert form not in joined, form


@pytest.mark.parametrize("module", sorted(MODULES))
def test_every_module_plays_the_reading_it_gave(module: str, tmp_path: Path) -> None:
    lines, record = recorded(tmp_path, f"module={module}&loss=0")
    assert values(replayed(tmp_path, lines)) == values(record)
    assert_without(lines, ROUTE_B_ID, PASSWORD, ROUTE_B_ID[-8:], SERIAL, *MACS)


@pytest.mark.parametrize(
    "query",
    [
        "module=bp35a1&hex=0&fault=payload-0d0a",
        "module=bp35c2&hex=1",
        "fault=glued-echo,chunk1",
        "fault=unsolicited",
        "fault=household,foreign-pan",
        "fault=late:0.5,duplicate",
        "wires=2&export=0&history2=0",
        "notify=infc",
        "release=R",
        "fault=late-beacon",
        "fault=lost:0.3&seed=3",
    ],
)
def test_payloads_and_troubles_of_every_kind_are_played_again(query: str, tmp_path: Path) -> None:
    lines, record = recorded(tmp_path, f"loss=0&{query}")
    assert values(replayed(tmp_path, lines)) == values(record)
    assert_without(lines, ROUTE_B_ID, PASSWORD, ROUTE_B_ID[-8:], SERIAL, *MACS)


@pytest.mark.parametrize("fault", ["cut-line:0.3", "half-line:0.3", "truncated:0.3", "reset:5", "hang-data:3"])
def test_no_secret_comes_through_a_torn_line(fault: str, tmp_path: Path) -> None:
    lines, _ = recorded(tmp_path, f"loss=0&notify=inf&fault={fault}", seconds=1800)
    assert_without(lines, ROUTE_B_ID, PASSWORD, ROUTE_B_ID[-8:], *MACS)


def test_pana_is_bytes_without_content_and_the_rest_can_still_be_read(tmp_path: Path) -> None:
    lines, _ = recorded(tmp_path, "module=bp35c2&loss=0")
    pana = [step.data.removesuffix(b"\r\n") for step in parse(lines) if b" 02CC 02CC " in step.data]
    headers = [RXUDP_HEADER.match(data) for data in pana]
    assert len(pana) > 1
    assert all(head and set(data[head.end() :]) == {0} for head, data in zip(headers, pana, strict=True))
    frames = [step.data for step in parse(lines) if b" 0E1A 0E1A " in step.data]
    assert any(b"000000000001" in data for data in frames), "a serial number of the same length"


def test_the_identity_is_kept_on_demand_and_the_secrets_never(tmp_path: Path) -> None:
    lines, record = recorded(tmp_path, "loss=0", keep=True)
    assert MACS[0] in "\n".join(lines)
    assert_without(lines, ROUTE_B_ID, PASSWORD, ROUTE_B_ID[-8:])
    again = replayed(tmp_path, lines)
    assert record is not None
    assert again.meter == record.meter == f"000016-{SERIAL}"
    assert values(again) == values(record)


def test_who_plays_it_may_have_an_id_of_his_own(tmp_path: Path) -> None:
    lines, record = recorded(tmp_path, "module=bp35c2&loss=0")
    other = {"B_ROUTE_ID": "F" * 32, "B_ROUTE_PASSWORD": "OTHERPASSWRD"}
    assert values(replayed(tmp_path, lines, other)) == values(record)


def test_the_made_up_pair_of_the_emulator_needs_no_id_at_all(tmp_path: Path) -> None:
    lines, record = recorded(tmp_path, "loss=0", environ={})
    assert values(replayed(tmp_path, lines)) == values(record)


def test_a_longer_recording_has_what_the_meter_says_on_its_own(tmp_path: Path) -> None:
    lines, record = recorded(tmp_path, "loss=0", seconds=3600)
    steps = parse(lines)
    assert steps[-1].at > 3600
    assert sum(b"s\x02\xea" in step.data.lower() or b"s\x02\xea" in step.data for step in steps) >= 1
    values(record)
    values(replayed(tmp_path, lines))


def test_a_meter_that_refuses_is_on_the_record_and_refuses_again(tmp_path: Path) -> None:
    settings = settings_for(tmp_path, f"loss=0&id={ROUTE_B_ID}&password=ANOTHERONE12", environ=SECRETS)
    lines: list[str] = []

    async def scenario() -> None:
        clock = LoopClock(START)
        with emulated(settings, clock):
            await record_wire(
                settings, lines.append, seconds=None, keep_identity=False, clock=clock, on_progress=lambda _: None
            )

    with pytest.raises(Exception, match="refused the authentication") as first:
        run_virtual(scenario())
    with pytest.raises(type(first.value), match="refused the authentication"):
        replayed(tmp_path, lines)


def test_the_library_plays_it_too(tmp_path: Path) -> None:
    lines, record = recorded(tmp_path, "loss=0")
    file = tmp_path / "meter.txt"
    file.write_text("\n".join(lines), encoding="ascii")

    async def scenario() -> None:
        async with Meter.open(f"replay:{file}", clock=LoopClock(START)) as meter:
            reading = await meter.read()
            assert reading.power_w == values(record)["instant_power_w"]
            again = await meter.read()
            assert again.power_w == reading.power_w, "at its end it begins anew"
            with pytest.raises(SessionLost):
                await meter.get(0x81, timeout_s=20)

    run_virtual(scenario())


# --- files that are not whole -----------------------------------------------------------------------------------------


GOOD = ["# hems-data-collector transcript 1", "# 0.000", r"> SKVER\r\n", r"< OK\r\n", "# end: 2 lines"]


def test_a_whole_file_is_taken() -> None:
    assert parse(GOOD) == (
        Step(at=0.0, sent=True, data=b"SKVER\r\n"),
        Step(at=0.0, sent=False, data=b"OK\r\n"),
    )


@pytest.mark.parametrize(
    ("lines", "reason"),
    [
        (GOOD[:-1], "its end is missing, after line 4"),
        (GOOD[:2] + GOOD[3:], "it has 1 lines of the wire, and its last line says 2"),
        ([*GOOD, "< OK"], "line 6 stands behind the end"),
        (GOOD[1:], "it does not begin with"),
        ([], "its end is missing, after line 0"),
        ([*GOOD[:3], r"< \q", GOOD[4]], r"line 4 has the unknown escape '\\\\q'"),
        ([*GOOD[:3], "OK", GOOD[4]], "line 4 begins neither"),
        ([*GOOD[:3], "< \x07", GOOD[4]], "line 4 has characters that are not printable ASCII"),
    ],
)
async def test_a_file_that_was_cut_or_edited_says_where(lines: list[str], reason: str, tmp_path: Path) -> None:
    file = tmp_path / "meter.txt"
    file.write_text("\n".join(lines), encoding="latin-1")
    app.register_ports(settings_for(tmp_path, ""), LoopClock(START))
    with pytest.raises(PortError, match=f"cannot be played: .*{reason}"):
        await open_transport(f"replay:{file}", 115_200)


async def test_a_file_that_is_not_there_is_a_port_that_is_not_there(tmp_path: Path) -> None:
    app.register_ports(settings_for(tmp_path, ""), LoopClock(START))
    with pytest.raises(PortNotFound, match="No such file"):
        await open_transport(f"replay:{tmp_path}/nothing", 115_200)


def test_a_request_that_was_not_recorded_is_named(tmp_path: Path) -> None:
    lines, _ = recorded(tmp_path, "loss=0&module=bp35c2")
    kept = [line for line in lines if r"b\x06\xE0" not in line]
    kept[-1] = f"# end: {len(kept) - sum(line.startswith('#') for line in kept)} lines"
    with pytest.raises(SessionLost, match=r"holds no answer to this request of the program \(GET E0 E7 E8 EA E3 EB\)"):
        replayed(tmp_path, kept)


# --- the verb ---------------------------------------------------------------------------------------------------------


def program(tmp_path: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "hems_data_collector", *words],
        capture_output=True,
        cwd=tmp_path,
        env={"PATH": "/usr/bin:/bin", "STATE_DIRECTORY": str(tmp_path / "state"), **SECRETS},
        text=True,
        timeout=60,
        check=False,
    )


def test_the_verb_writes_the_file_once_and_read_plays_it(tmp_path: Path) -> None:
    port = f"emulator:?fast=1&id={ROUTE_B_ID}&password={PASSWORD}"
    done = program(tmp_path, "record", "meter.txt", "--port", port)
    assert done.returncode == 0, done.stderr
    assert done.stdout == ""
    text = (tmp_path / "meter.txt").read_text(encoding="ascii")
    assert_without(text.splitlines(), ROUTE_B_ID, PASSWORD, ROUTE_B_ID[-8:], SERIAL)
    read = program(tmp_path, "read", "--port", "replay:meter.txt")
    assert read.returncode == 0, read.stderr
    power = json.loads(read.stdout)["instant_power_w"]
    assert f"Power: {power} W" in done.stderr

    again = program(tmp_path, "record", "meter.txt", "--port", port)
    assert again.returncode == 3
    assert "exists already" in again.stderr
    assert (tmp_path / "meter.txt").read_text(encoding="ascii") == text


def test_a_cut_file_ends_read_with_the_reason(tmp_path: Path) -> None:
    (tmp_path / "meter.txt").write_text("\n".join(GOOD[:-1]), encoding="ascii")
    done = program(tmp_path, "read", "--port", "replay:meter.txt")
    assert done.returncode == 4
    assert "its end is missing, after line 4" in done.stderr
    none = program(tmp_path, "read", "--port", "replay:")
    assert none.returncode == 3
    assert "names no file" in none.stderr


def test_a_signal_ends_it_with_a_whole_file(tmp_path: Path) -> None:
    words = ("record", "meter.txt", "--seconds", "600", "--port", "emulator:?fast=1")
    with subprocess.Popen(
        [sys.executable, "-m", "hems_data_collector", *words],
        cwd=tmp_path,
        env={"PATH": "/usr/bin:/bin", "STATE_DIRECTORY": str(tmp_path / "state")},
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            assert process.stderr is not None
            assert any("with history 2" in line for line in process.stderr)
            process.send_signal(signal.SIGTERM)
            _, log = process.communicate(timeout=30)
        finally:
            process.kill()
    assert process.returncode == 128 + signal.SIGTERM
    assert "meter.txt holds what was recorded until then" in log
    assert "Traceback" not in log
    assert any(step.data == b"SKTERM\r\n" for step in parse((tmp_path / "meter.txt").read_text().splitlines()))


def test_there_is_no_wire_in_the_home_network(tmp_path: Path) -> None:
    done = program(tmp_path, "record", "meter.txt", "--port", "wifi:lo")
    assert done.returncode == 3
    assert "no wire to record" in done.stderr
    assert not (tmp_path / "meter.txt").exists()
