"""The emulated meter as a node of a home network, datagram by datagram, against literal bytes."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import pytest

from hems_data_collector.clock import LoopClock
from hems_data_collector.echonet import Frame
from hems_data_collector.emulator import EmulatorSettings
from hems_data_collector.emulator.wifi import WifiMeter
from support.virtual_time import virtual

HERE = "fe80::c0:1"
THERE = "fe80::c0:2"
OWN_D5 = bytes.fromhex("108100010EF0010EF0017301D5040105FF01")  # echonet-lite-meter G03
INF_REQ_D5 = bytes.fromhex("1081000205FF010EF0016301D500")  # G04
GET_D6 = bytes.fromhex("1081000305FF010EF0016201D600")  # G05
D6 = bytes.fromhex("108100030EF00105FF017201D60401028801")  # G06
INFC_RES_OF = "05FF010288017A"


class Network:
    """What one meter sends, and where to."""

    def __init__(self, query: str) -> None:
        settings = EmulatorSettings.from_query(f"start=2026-01-15T10:29:00&loss=0&rtt=1&{query}")
        self.meter = WifiMeter(settings, clock=LoopClock(datetime(2026, 1, 15, 1, 29, tzinfo=UTC)))
        self.sent: list[tuple[str, bytes]] = []
        self.moved: list[str] = []

    async def move(self, address: str) -> None:
        self.moved.append(address)

    def start(self) -> WifiMeter:
        self.meter.start(lambda payload, to: self.sent.append((to, payload)), self.move)
        return self.meter


@virtual
async def test_it_announces_its_instances_to_all_when_it_starts() -> None:
    network = Network("")
    network.start()
    await asyncio.sleep(3.1)
    assert network.sent == [("ff02::1", bytes.fromhex("108100000EF0010EF0017301D50401028801"))]  # G01


@virtual
async def test_a_get_is_answered_to_the_one_who_asked() -> None:
    network = Network("fault=no-d5")
    network.start().receive(GET_D6, HERE, 3610)
    await asyncio.sleep(2)
    network.meter.receive(GET_D6, THERE, 3610)
    await asyncio.sleep(2)
    assert network.sent == [(HERE, D6), (THERE, D6)]


@virtual
async def test_what_a_node_asks_for_to_be_told_is_told_to_all() -> None:
    network = Network("fault=no-d5")
    network.start().receive(INF_REQ_D5, HERE, 3610)
    await asyncio.sleep(2)
    ((to, payload),) = network.sent
    assert to == "ff02::1"
    assert payload[2:4] == b"\x00\x02"
    assert payload[-8:] == bytes.fromhex("7301D50401028801")


@pytest.mark.parametrize(("payload", "port"), [(GET_D6, 3611), (GET_D6[:-1], 3610), (b"", 3610)])
def test_what_is_no_request_on_the_port_is_not_answered(payload: bytes, port: int) -> None:
    @virtual
    async def run() -> None:
        network = Network("fault=no-d5")
        network.start().receive(payload, HERE, port)
        await asyncio.sleep(2)
        assert network.sent == []

    run()


@virtual
async def test_half_hours_go_to_the_controllers_that_were_heard_last() -> None:
    network = Network("fault=no-d5&notify_delay=5")
    meter = network.start()
    for number in range(6):
        meter.receive(OWN_D5, f"fe80::c0:{number}", 3610)
    meter.receive(OWN_D5, "fe80::c0:3", 3610)
    await asyncio.sleep(66)
    assert [to for to, _ in network.sent] == ["fe80::c0:3", "fe80::c0:5", "fe80::c0:4", "fe80::c0:2"]
    (payload,) = {payload for _, payload in network.sent}
    assert payload[:14] == bytes.fromhex("1081000002880105FF017302EA0B")
    assert payload[14:21] == bytes.fromhex("07EA010F0A1E00")


@virtual
async def test_a_node_that_is_no_controller_gets_no_notification() -> None:
    network = Network("fault=no-d5&notify_delay=5")
    network.start().receive(bytes.fromhex("108100010EF0010EF0017301D50401028801"), HERE, 3610)
    await asyncio.sleep(66)
    assert network.sent == []


@virtual
async def test_an_infc_that_is_answered_counts_as_answered() -> None:
    network = Network("fault=no-d5&notify_delay=5&notify=infc")
    meter = network.start()
    meter.receive(OWN_D5, HERE, 3610)
    await asyncio.sleep(66)
    ((_, payload),) = network.sent
    frame = Frame.decode(payload)
    assert payload[10] == 0x74
    meter.receive(b"\x10\x81" + frame.tid.to_bytes(2, "big") + bytes.fromhex(INFC_RES_OF + "02EA00EB00"), HERE, 3610)
    await asyncio.sleep(30)
    assert meter.counters.unanswered_infc == 0


@virtual
async def test_absence_silences_everything_for_its_time() -> None:
    network = Network("fault=no-d5,absent:10")
    meter = network.start()
    meter.receive(GET_D6, HERE, 3610)
    await asyncio.sleep(11)
    assert network.sent == []
    meter.receive(GET_D6, HERE, 3610)
    await asyncio.sleep(2)
    assert network.sent == [(HERE, D6)]


@virtual
async def test_a_silent_meter_still_notifies() -> None:
    network = Network("fault=no-d5,silent&notify_delay=5")
    network.start().receive(GET_D6, HERE, 3610)
    await asyncio.sleep(66)
    ((to, payload),) = network.sent
    assert to == HERE
    assert payload[10] == 0x73


@virtual
async def test_a_change_of_address_is_followed_by_an_announcement() -> None:
    network = Network("fault=no-d5,address-change:10")
    meter = network.start()
    assert meter.address == "fe80::21c:6400:0:1"
    await asyncio.sleep(9)
    meter.clear("no-d5")
    await asyncio.sleep(5)
    assert network.moved == [meter.address]
    assert meter.address.startswith("fe80::")
    assert meter.address != "fe80::21c:6400:0:1"
    assert [to for to, _ in network.sent] == ["ff02::1"]


@virtual
async def test_the_number_of_its_node_bears_its_mac() -> None:
    network = Network("fault=no-d5&mac=001C6400AABBCCDD")
    network.start().receive(bytes.fromhex("1081000405FF010EF00162018300"), HERE, 3610)
    await asyncio.sleep(2)
    assert network.sent[0][1][14:] == bytes.fromhex("FE000016001C6400AABBCCDD0000000000")


@virtual
async def test_the_truth_of_each_answer_with_power_is_kept() -> None:
    network = Network("fault=no-d5,lost:0")
    meter = network.start()
    meter.receive(bytes.fromhex("1081000505FF010288016201E700"), HERE, 3610)
    await asyncio.sleep(2)
    assert int.from_bytes(network.sent[0][1][14:18], "big", signed=True) == meter.truth[-1]["instant_power_w"]
