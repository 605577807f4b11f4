"""The whole collector and emulated second-generation meters on one home network, on virtual time."""

from __future__ import annotations

import asyncio
import itertools
import logging
from pathlib import Path
from random import Random
from typing import Any

import pytest

from hems_data_collector import app
from hems_data_collector.clock import Clock, LoopClock
from hems_data_collector.config import load_settings
from hems_data_collector.echonet import CONTROLLER, METER, Esv, Frame, Property
from hems_data_collector.emulator.wifi import ALL_NODES, WifiMeter
from hems_data_collector.errors import MeterNotFound, PortNotFound
from hems_data_collector.link.base import Datagram
from hems_data_collector.link.neighbours import OCCUPIED_S, Neighbours
from hems_data_collector.link.session import SessionState
from hems_data_collector.link.wifi import WifiLink
from hems_data_collector.link.wifi_port import WifiPort
from support import collecting
from support.collecting import START, CaptureOutput
from support.virtual_lan import Lan, Run, Sent, collect, wifi_meter, wired
from support.virtual_time import run_virtual

D5 = bytes.fromhex("108100000EF0010EF0017301D50401028801")
"""A meter's list of instances (echonet-lite-meter G01)."""
METERS = ("seed=1&loss=0", "seed=2&loss=0&mac=001C640000000002")
SERIALS = ("A00B123456", "A00B123457")


def without_time(fields: dict[str, Any]) -> dict[str, Any]:
    """What of a record is the meter's word."""
    return {key: value for key, value in fields.items() if key != "timestamp"}


def told(run: Run, meter: int = 0) -> list[dict[str, Any]]:
    """What a meter said, as a perfect reader would have published it."""
    return [dict(truth) for truth in run.meters[meter].truth]


def gaps(run: Run) -> list[float]:
    """Seconds between one record and the next."""
    return [after - before for before, after in itertools.pairwise(run.capture.times)]


def all_true(run: Run) -> bool:
    """Whether power and register of each record are those of an answer, in the order of the answers.

    After silences the collector asks for less at once, so a record may come from several answers.
    """
    answers = iter(told(run))
    registers = {truth["cumulative_power_kwh"] for truth in told(run)}
    powers = [fields["instant_power_w"] for fields in run.fields]
    in_order = all(any(truth["instant_power_w"] == power for truth in answers) for power in powers if power is not None)
    return in_order and {fields["cumulative_power_kwh"] for fields in run.fields} <= {*registers, None}


def multicasts(run: Run) -> list[Sent]:
    """What the collector asked everybody."""
    asked = (Esv.INF_REQ, Esv.GET)
    return [sent for sent in run.lan.log if sent.to == ALL_NODES and Frame.decode(sent.payload).esv in asked]


def test_readings_are_true_and_cost_one_round_trip_each(tmp_path: Path) -> None:
    run = collect(tmp_path, 2 * 3600, "loss=0", interval=300)
    assert run.code == 0
    assert len(run.fields) == 24
    assert [without_time(fields) for fields in run.fields][1:] == told(run)[1:]
    asked = [sent for sent in run.lan.log if 3700 < sent.at < 3700 + 3000 and sent.to == run.meters[0].address]
    frames = [Frame.decode(sent.payload) for sent in asked]
    assert sum(any(entry.epc in (0xE0, 0xE7) for entry in frame.properties) for frame in frames) == 10


def test_it_says_so_when_it_has_found_the_meter(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        run = collect(tmp_path, 60, "loss=0")
    assert "Found the meter A00B123456 on wlan0 (fe80::21c:6400:0:1)." in caplog.text
    announced = next(sent.payload.hex()[8:] for sent in run.lan.log if sent.to == ALL_NODES)
    assert announced == "0ef0010ef0017301d5040105ff01"  # echonet-lite-meter G03
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]


def test_a_warm_start_asks_nobody_else(tmp_path: Path) -> None:
    collect(tmp_path, 120, *METERS, port=f"wifi:?meter={SERIALS[1]}")
    run = collect(tmp_path, 120, *METERS, port=f"wifi:?meter={SERIALS[1]}")
    assert run.capture.times[0] < 3
    assert multicasts(run) == []


@pytest.mark.parametrize(
    "fault",
    ["lost:0.2", "duplicate", "late:5", "late:25", "garbage:0.2", "truncated:0.2", "wrong-tid:0.2", "interleaved"],
)
def test_what_goes_wrong_with_answers_makes_no_reading_wrong(fault: str, tmp_path: Path) -> None:
    run = collect(tmp_path, 3600, f"loss=0&fault={fault}")
    assert len(run.fields) > 20
    assert all_true(run)


def test_a_network_that_loses_a_datagram_in_twenty_both_ways(tmp_path: Path) -> None:
    async def lossy(run: Run) -> None:
        rng = Random(5)
        run.lan.lose = lambda sent: rng.random() < 0.05

    run = collect(tmp_path, 3 * 3600, "loss=0", script=lossy)
    assert len(run.fields) > 140
    assert all_true(run)


def test_a_meter_with_a_new_address_is_followed_at_once(tmp_path: Path) -> None:
    run = collect(tmp_path, 1800, "loss=0&fault=address-change:615")
    assert run.meters[0].address != "fe80::21c:6400:0:1"
    assert max(gaps(run)) < 62
    asked = [sent.to for sent in run.lan.log if sent.at > 700 and sent.sender.startswith("fe80::c0:")]
    assert set(asked) == {run.meters[0].address}


def test_a_new_address_whose_announcement_is_lost_is_found_after_the_silence(tmp_path: Path) -> None:
    async def deaf_for_announcements(run: Run) -> None:
        await asyncio.sleep(600)
        run.lan.lose = lambda sent: sent.at < 640 and sent.to == ALL_NODES

    run = collect(tmp_path, 1800, "loss=0&fault=address-change:615", script=deaf_for_announcements)
    assert max(gaps(run)) < 60 + 80 + 10  # the request, its probe, and a search
    assert run.capture.times[-1] > 1700


@pytest.mark.parametrize("fault", ["absent:1200", "silent:1200"])
def test_a_meter_that_was_away_for_twenty_minutes_is_read_within_a_minute_after(
    fault: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def away(run: Run) -> None:
        await asyncio.sleep(630)
        run.meters[0].inject(fault)

    with caplog.at_level(logging.WARNING):
        run = collect(tmp_path, 3600, "loss=0", script=away)
    assert max(gaps(run)) > 1200
    back = min(time for time in run.capture.times if time > 630)
    assert back < 630 + 1200 + 60  # asked every 20 s, answered at the latest 20 s later, and read at the next minute
    assert [without_time(fields) for fields in run.fields][1:] == told(run)[1:]
    assert sum("did not answer on wlan0" in record.message for record in caplog.records) == 1


def test_an_interface_that_was_down_for_five_minutes(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async def down(run: Run) -> None:
        await asyncio.sleep(630)
        run.lan.up = False
        await asyncio.sleep(300)
        run.lan.up = True

    with caplog.at_level(logging.WARNING):
        run = collect(tmp_path, 1800, "loss=0", script=down)
    back = min(time for time in run.capture.times if time > 630)
    assert 930 < back < 930 + 10
    assert "The network interface wlan0 went down." in caplog.text


def test_an_interface_that_goes_down_is_noticed_although_nothing_is_to_be_sent(tmp_path: Path) -> None:
    async def scenario() -> None:
        clock, lan = LoopClock(START), Lan()
        lan.join(wifi_meter("loss=0", clock))
        link = WifiLink(WifiPort(), neighbours=Neighbours(lan, clock=clock, rng=Random(1)), clock=clock, rng=Random(1))
        keeping = asyncio.create_task(link.keep())
        await link.wait_until(SessionState.UP)
        lan.up = False
        await clock.wait_for(link.wait_until(SessionState.DOWN), 11)
        lan.up = True
        await clock.wait_for(link.wait_until(SessionState.UP), 11)
        keeping.cancel()
        await link.close()

    run_virtual(scenario())


def test_an_interface_that_comes_late_is_waited_for(tmp_path: Path) -> None:
    async def late(run: Run) -> None:
        run.lan.up = False
        await asyncio.sleep(120)
        run.lan.up = True

    run = collect(tmp_path, 300, "loss=0", script=late, port="wifi:wlan0")
    assert run.capture.times[0] < 120 + 5 + 10


@pytest.mark.parametrize("notify", ["inf", "infc"])
def test_half_hours_come_by_notification_to_the_collector(notify: str, tmp_path: Path) -> None:
    run = collect(tmp_path, 2 * 3600, f"loss=0&notify={notify}", interval=7000)
    assert run.meters[0].counters.notifications == 4
    assert run.meters[0].counters.unanswered_infc == 0
    notified = [sent for sent in run.lan.log if sent.payload[10] in (Esv.INF, Esv.INFC) and sent.payload[12] == 0xEA]
    assert len(notified) == 4
    assert {sent.to for sent in notified} == {"fe80::c0:1"}


@pytest.mark.parametrize("number", [0, 1])
def test_with_two_meters_the_chosen_one_is_read(number: int, tmp_path: Path) -> None:
    run = collect(tmp_path, 900, *METERS, port=f"wifi:wlan0?meter={SERIALS[number]}")
    assert len(run.fields) == 15
    assert [without_time(fields) for fields in run.fields][1:] == told(run, number)[1:]
    assert told(run, 1 - number) == []


TWO_METERS = "".join(
    f'[[meters]]\nname = "{name}"\nport = "wifi:wlan0?meter={serial}"\n'
    for name, serial in zip(("house", "flat"), SERIALS, strict=True)
)


def test_one_collector_reads_both_over_one_socket(tmp_path: Path) -> None:
    run = collect(tmp_path, 890, *METERS, toml=TWO_METERS)
    assert {sent.sender for sent in run.lan.log if sent.sender.startswith("fe80::c0:")} == {"fe80::c0:1"}
    for number, name in enumerate(("house", "flat")):
        records = [without_time(fields) for fields in run.fields if fields["meter"] == name]
        assert len(records) == (15, 16)[number], "the second one's turn is half an interval later"
        assert records[1:] == [{**said, "meter": name} for said in told(run, number)[1:]]


def test_a_meter_that_is_away_costs_the_other_one_nothing(tmp_path: Path) -> None:
    async def away(run: Run) -> None:
        await asyncio.sleep(330)
        run.meters[0].inject("absent:1200")

    run = collect(tmp_path, 3600, *METERS, toml=TWO_METERS, script=away)
    times = {"house": [0.0], "flat": [0.0]}
    for record, time in zip(run.fields, run.capture.times, strict=True):
        times[str(record["meter"])].append(time)
    assert max(after - before for before, after in itertools.pairwise(times["flat"])) < 62
    assert min(time for time in times["house"] if time > 330) < 330 + 1200 + 65  # back within a minute, and asked


@pytest.mark.parametrize(("quiet", "waits_s"), [(False, 1.0), (True, OCCUPIED_S)])
def test_a_meter_is_asked_nothing_while_another_is_looked_for(quiet: bool, waits_s: float) -> None:
    async def scenario() -> tuple[list[float], bool, bool]:
        clock, lan = LoopClock(START), Lan()
        meter = wifi_meter(METERS[1], clock)
        lan.join(meter)
        shared = Neighbours(lan, clock=clock, rng=Random(1))
        away, there = (WifiLink(WifiPort(meter=one), neighbours=shared, clock=clock, rng=Random(1)) for one in SERIALS)
        shared.attach(away, "wlan0")
        await there.connect_once()
        await asyncio.sleep(10)
        lan.lose = lambda sent: quiet
        shared.search(away, by_get=True)
        asked_at = asyncio.get_running_loop().time()
        request = Frame(tid=1, seoj=CONTROLLER, deoj=METER, esv=Esv.GET, properties=(Property(0xE7, b""),))
        await there.send(request.encode())
        occupied = shared.asking(away)
        await asyncio.sleep(OCCUPIED_S + 1)
        await there.close()
        sent = [one.at - asked_at for one in lan.log if one.to == meter.address and one.at >= asked_at]
        return sent, occupied, shared.asking(away)

    sent, occupied, later = run_virtual(scenario())
    (waited,) = sent
    assert (OCCUPIED_S - 0.01 if quiet else 0.02) < waited < waits_s + 0.01
    assert occupied, "the search for the other one goes on when this one has answered"
    assert not later


def test_a_node_identification_chooses_too(tmp_path: Path) -> None:
    run = collect(tmp_path, 300, *METERS, port="wifi:?meter=fe000016001c6400000000020000000000")
    assert len(told(run, 1)) > 3
    assert told(run, 0) == []


def test_with_two_meters_and_no_choice_the_lowest_number_is_read_and_both_are_named(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        run = collect(tmp_path, 300, *reversed(METERS))
    assert len(told(run, 1)) > 3
    assert told(run, 0) == []
    (warning,) = [record.message for record in caplog.records]
    assert warning == (
        "There are 2 meters: A00B123456, A00B123457. Using A00B123456;"
        " choose another with: --port 'wifi:?meter=A00B123457'"
    )


def test_the_meter_that_was_read_before_stays_the_one(tmp_path: Path) -> None:
    collect(tmp_path, 300, METERS[1])
    run = collect(tmp_path, 300, *METERS)
    assert len(told(run, 1)) > 3
    assert told(run, 0) == []


def test_another_meter_is_not_read_instead_before_ours_was_away_for_an_hour(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    collect(tmp_path, 300, METERS[1])
    with caplog.at_level(logging.WARNING):
        run = collect(tmp_path, 2 * 3600, METERS[0])
    assert 3600 < run.capture.times[0] < 3600 + 400
    assert "The meter A00B123457 did not answer on wlan0; these did: A00B123456." in caplog.text


def test_datagrams_of_strangers_are_ignored_and_counted(tmp_path: Path) -> None:
    link: WifiLink
    forged = Frame(tid=1, seoj=METER, deoj=CONTROLLER, esv=Esv.INF, properties=(Property(0xE7, bytes(4)),)).encode()

    async def scenario() -> tuple[int, list[Datagram]]:
        nonlocal link
        clock, lan = LoopClock(START), Lan()
        meter = wifi_meter("loss=0&fault=no-d5", clock)
        lan.join(meter)
        link = WifiLink(WifiPort(), neighbours=Neighbours(lan, clock=clock, rng=Random(1)), clock=clock, rng=Random(1))
        heard: list[Datagram] = []
        link.on_datagram = heard.append
        await link.connect_once()
        await asyncio.sleep(10)
        before = link.counters.ignored
        lan.send("fe80::bad", "fe80::c0:1", forged)
        lan.send(meter.address, "fe80::c0:1", forged, port=3611)
        lan.send("2001:db8::1", "fe80::c0:1", forged)
        lan.send(meter.address, "fe80::c0:1", forged)
        await asyncio.sleep(1)
        await link.close()
        return link.counters.ignored - before, heard

    assert run_virtual(scenario()) == (3, [Datagram(payload=forged)])
    assert link.peer == "001C640000000001"


async def kept(lan: Lan, meter: WifiMeter, clock: Clock, seconds: float) -> WifiLink:
    """A link that was kept for so long, and then closed."""
    lan.join(meter)
    link = WifiLink(WifiPort(), neighbours=Neighbours(lan, clock=clock, rng=Random(1)), clock=clock, rng=Random(1))
    keeping = asyncio.create_task(link.keep())
    await asyncio.sleep(seconds)
    keeping.cancel()
    await link.close()
    return link


def test_a_meter_that_is_heard_on_two_interfaces_is_one_meter() -> None:
    async def scenario() -> WifiLink:
        clock, lan = LoopClock(START), Lan("eth0", "wlan0")
        meter = wifi_meter("loss=0", clock)
        asyncio.get_running_loop().call_later(60, lan.send, meter.address, ALL_NODES, D5)
        return await kept(lan, meter, clock, 120)

    link = run_virtual(scenario())
    assert (link.counters.joins, link.counters.losses) == (1, 0)


def test_a_meter_with_two_addresses_costs_one_change_and_no_more() -> None:
    async def scenario() -> WifiLink:
        clock, lan = LoopClock(START), Lan()
        meter = wifi_meter("loss=0", clock)
        second = "fe80::2"
        lan.nodes[second] = meter.receive
        carry = lan.send
        loop = asyncio.get_running_loop()

        def from_the_second(sender: str, to: str, payload: bytes, **how: Any) -> None:
            carry(second if sender == meter.address and loop.time() > 60 else sender, to, payload, **how)

        lan.send = from_the_second  # type: ignore[method-assign]
        for after, sender in ((61, second), (90, "first"), (120, second), (150, "first")):
            loop.call_later(after, carry, meter.address if sender == "first" else sender, ALL_NODES, D5)
        return await kept(lan, meter, clock, 200)

    link = run_virtual(scenario())
    assert (link.counters.joins, link.counters.rejoins, link.counters.losses) == (2, 1, 1)


def test_no_datagram_of_anybody_does_harm() -> None:
    rng = Random(20260115)
    frames = [D5, bytes.fromhex("108100030EF00105FF017201D60401028801"), bytes.fromhex("1081000102880105FF017201D1")]

    def mutated(number: int) -> bytes:
        """A frame with some of its bytes changed, cut or doubled; or no frame at all."""
        if number % 5 == 0:
            return rng.randbytes(rng.randrange(40))
        data = bytearray(rng.choice(frames))
        for _ in range(rng.randrange(4)):
            data[rng.randrange(len(data))] = rng.randrange(256)
        return bytes(data[: rng.randrange(len(data) + 1)] + data[: rng.randrange(4)])

    async def scenario() -> WifiLink:
        clock, lan = LoopClock(START), Lan()
        for number in range(3000):
            at, sender = number / 40, f"fe80::bad:{rng.randrange(40):x}"
            asyncio.get_running_loop().call_later(at, lan.send, sender, "fe80::c0:1", mutated(number))
        return await kept(lan, wifi_meter("loss=0", clock), clock, 120)

    link = run_virtual(scenario())
    assert (link.counters.joins, link.counters.losses) == (1, 0)
    assert link.counters.ignored > 2000


def test_two_links_share_one_socket(tmp_path: Path) -> None:
    async def scenario() -> None:
        clock, lan = LoopClock(START), Lan()
        for query in METERS:
            lan.join(wifi_meter(query, clock))
        shared = Neighbours(lan, clock=clock, rng=Random(1))
        links = [WifiLink(WifiPort(meter=serial), neighbours=shared, clock=clock, rng=Random(1)) for serial in SERIALS]
        heard: list[list[Datagram]] = [[], []]
        for link, place in zip(links, heard, strict=True):
            link.on_datagram = place.append
        keeping = [asyncio.create_task(link.keep()) for link in links]
        for link in links:
            await link.wait_until(SessionState.UP)
        assert [name for name in lan.nodes if name.startswith("fe80::c0:")] == ["fe80::c0:1"]
        for number, link in enumerate(links):
            request = Frame(tid=7, seoj=CONTROLLER, deoj=METER, esv=Esv.GET, properties=(Property(0x8D),))
            await asyncio.sleep(5)
            await link.send(request.encode())
            await asyncio.sleep(5)
            answer = Frame.decode(heard[number][-1].payload)
            assert answer.properties[0].edt.rstrip(b"\0").decode() == SERIALS[number]
        for task in keeping:
            task.cancel()
        await links[0].close()
        assert any(name.startswith("fe80::c0:") for name in lan.nodes)
        await links[1].close()
        assert not any(name.startswith("fe80::c0:") for name in lan.nodes)

    run_virtual(scenario())


def read_once(tmp_path: Path, port: str, *queries: str, up: bool = True) -> tuple[float, Any]:
    """One reading by the verb's own function, and how long it took."""
    settings = load_settings({"port": port}, {"STATE_DIRECTORY": str(tmp_path)}, tmp_path, one_shot=True)

    async def run() -> tuple[float, Any]:
        clock, lan = LoopClock(START), Lan()
        lan.up = up
        for query in queries:
            lan.join(wifi_meter(query, clock))
        with wired(lan, CaptureOutput()):
            try:
                _, _, record = await app.read_once(settings, clock)
            except (MeterNotFound, PortNotFound) as error:
                return asyncio.get_running_loop().time(), error
            return asyncio.get_running_loop().time(), record

    return run_virtual(run())


def test_a_single_reading_needs_no_credentials_and_has_all_ten_values(tmp_path: Path) -> None:
    seconds, record = read_once(tmp_path, "wifi:wlan0", "loss=0")
    assert seconds < 15
    assert None not in record.fields.values()


def test_a_single_reading_without_meter_ends_within_a_minute(tmp_path: Path) -> None:
    seconds, error = read_once(tmp_path, "wifi:")
    assert isinstance(error, MeterNotFound)
    assert error.exit_code == 5
    assert error.cause
    assert error.remedy
    assert seconds < 60


def test_a_single_reading_of_a_meter_that_is_not_there_names_the_others(tmp_path: Path) -> None:
    _, error = read_once(tmp_path, "wifi:?meter=A00B999999", *METERS)
    assert error.what == "The meter A00B999999 did not answer on wlan0; these did: A00B123456, A00B123457."


def test_a_single_reading_without_network_is_a_missing_port(tmp_path: Path) -> None:
    _, error = read_once(tmp_path, "wifi:", up=False)
    assert isinstance(error, PortNotFound)
    assert error.exit_code == 4


def test_both_radios_give_the_same_record_for_the_same_truth(tmp_path: Path) -> None:
    still = "release=R&loss=0&speed=0.001&start=2026-01-15T10:05:00&seed=7"
    stick = collecting.collect(collecting.settings_for(tmp_path / "stick", still), 300)
    wifi = collect(tmp_path / "wifi", 300, still)
    assert without_time(stick.fields[-1]) == without_time(wifi.fields[-1])
    assert None not in wifi.fields[-1].values()
    assert stick.capture.records[-1].meter == wifi.capture.records[-1].meter == "000016-A00B123462"
