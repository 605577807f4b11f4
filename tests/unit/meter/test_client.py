"""Requests, answers and notifications over a link that a test drives by hand, on virtual time."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Callable
from datetime import UTC, datetime
from random import Random

import pytest

from hems_data_collector.clock import LoopClock
from hems_data_collector.errors import LinkError, NoAnswer, PropertyRefused, SendUnconfirmed, SessionLost
from hems_data_collector.link.base import Datagram
from hems_data_collector.meter.client import MeterClient, Notification
from support.virtual_time import virtual

START = datetime(2026, 1, 15, tzinfo=UTC)


class FakeLink:
    """Keeps what is sent; `reply` makes the meter's answer to each request, or None for silence."""

    def __init__(self, reply: Callable[[bytes], bytes | None] = lambda _: None) -> None:
        self.on_datagram: Callable[[Datagram], None] = lambda _: None
        self.on_down: Callable[[LinkError], None] = lambda _: None
        self.peer = "001C640003CD76A4"
        self.sent: list[bytes] = []
        self.unconfirmed = 0
        self.declared_dead = 0
        self.reply = reply

    async def send(self, payload: bytes) -> None:
        self.sent.append(payload)
        if self.unconfirmed:
            self.unconfirmed -= 1
            raise SendUnconfirmed("no acknowledgement")
        if (answer := self.reply(payload)) is not None:
            asyncio.get_running_loop().call_later(0.5, self.on_datagram, Datagram(payload=answer))

    async def probe_failed(self) -> None:
        self.declared_dead += 1


def connected(link: FakeLink) -> MeterClient:
    client = MeterClient(link, clock=LoopClock(START), rng=Random(1))
    link.on_datagram, link.on_down = client.receive, client.session_ended
    return client


def answer_to(request: bytes, tail: str) -> bytes:
    """The meter's frame for `request`: its TID, and ESV, OPC and entries from `tail`."""
    return bytes.fromhex("1081") + request[2:4] + bytes.fromhex("02880105FF01" + tail)


@virtual
async def test_a_get_costs_one_datagram_and_returns_its_values() -> None:
    link = FakeLink(lambda request: answer_to(request, "7202E7040000029CE80400280028"))
    answer = await connected(link).get([0xE7, 0xE8])
    assert answer.values == {0xE7: bytes.fromhex("0000029C"), 0xE8: bytes.fromhex("00280028")}
    assert [sent[4:] for sent in link.sent] == [bytes.fromhex("05FF010288016202E700E800")]


@virtual
async def test_a_session_that_ends_while_the_request_is_sent_is_one_error(caplog: pytest.LogCaptureFixture) -> None:
    link = FakeLink()

    async def send(payload: bytes) -> None:
        link.on_down(SessionLost("The port went away."))
        raise SessionLost("The port went away.")

    link.send = send  # type: ignore[method-assign]
    with pytest.raises(SessionLost):
        await connected(link).get([0xE7])
    gc.collect()
    assert not caplog.records  # asyncio complains of an exception that nobody looked at


@virtual
async def test_a_damaged_answer_is_asked_for_again_at_once() -> None:
    def reply(request: bytes) -> bytes:
        return answer_to(request, "7201E7040000029C" if len(link.sent) == 2 else "7201E70400")

    link = FakeLink(reply)
    answer = await connected(link).get([0xE7])
    assert answer.values == {0xE7: bytes.fromhex("0000029C")}
    assert asyncio.get_running_loop().time() == pytest.approx(0.5 + 0.5)
    assert len({sent[2:4] for sent in link.sent}) == 2


@virtual
async def test_answers_that_are_always_damaged_are_a_silence_in_the_end() -> None:
    """Asking again and again would be a loop without a pause."""
    link = FakeLink(lambda request: answer_to(request, "7201E70400"))
    with pytest.raises(SessionLost):
        await connected(link).get([0xE7])
    assert asyncio.get_running_loop().time() == pytest.approx(0.5 + 20)
    assert len(link.sent) == 2


@virtual
async def test_the_damaged_answer_of_another_request_is_nobodys() -> None:
    link = FakeLink(lambda request: answer_to(b"1081FFFF" + request, "7201E70400"))
    with pytest.raises(SessionLost):
        await connected(link).get([0xE7])
    assert asyncio.get_running_loop().time() == pytest.approx(20)


@virtual
async def test_good_values_of_a_partial_refusal_are_kept() -> None:
    link = FakeLink(lambda request: answer_to(request, "5204E704000003A1E80400460028E0040000B9D7E300"))
    answer = await connected(link).get([0xE7, 0xE8, 0xE0, 0xE3])
    assert answer.values[0xE0] == bytes.fromhex("0000B9D7")
    assert answer.refused == {0xE3}


@virtual
async def test_a_silent_group_is_probed_and_asked_once_more_with_a_new_tid() -> None:
    def reply(request: bytes) -> bytes | None:
        if request[11] == 1:  # the probe
            return answer_to(request, "7201E704000003E8")
        return answer_to(request, "7202E7040000029CE80400280028") if len(link.sent) == 3 else None

    link = FakeLink(reply)
    client = connected(link)
    started = asyncio.get_running_loop().time()
    answer = await client.get([0xE7, 0xE8])
    assert answer.values[0xE7] == bytes.fromhex("0000029C")
    assert asyncio.get_running_loop().time() - started == pytest.approx(60 + 0.5 + 0.5)
    assert len({sent[2:4] for sent in link.sent}) == 3


@virtual
async def test_silence_of_group_and_probe_ends_the_session_within_80_seconds() -> None:
    link = FakeLink()
    started = asyncio.get_running_loop().time()
    with pytest.raises(SessionLost):
        await connected(link).get([0xE0, 0xE7])
    assert asyncio.get_running_loop().time() - started == pytest.approx(80)
    assert link.declared_dead == 1


@virtual
async def test_a_meter_that_answers_the_probe_but_never_the_group_raises_no_answer() -> None:
    link = FakeLink(lambda r: answer_to(r, "7201E704000003E8") if r[11] == 1 else None)
    with pytest.raises(NoAnswer, match="E0 E7"):
        await connected(link).get([0xE0, 0xE7])
    assert link.declared_dead == 0


@virtual
async def test_a_late_answer_to_the_first_try_serves_the_second() -> None:
    loop = asyncio.get_running_loop()
    first: list[bytes] = []

    def reply(request: bytes) -> bytes | None:
        if request[11] == 1:
            return answer_to(request, "7201E704000003E8")
        if first:
            late = answer_to(first[0], "7202E7040000029CE80400280028")
            loop.call_later(1, link.on_datagram, Datagram(payload=late))
        first.append(request)
        return None

    link = FakeLink(reply)
    assert (await connected(link).get([0xE7, 0xE8])).values[0xE7] == bytes.fromhex("0000029C")


@virtual
async def test_a_late_answer_of_an_earlier_request_is_not_taken_for_this_one() -> None:
    link = FakeLink(lambda request: answer_to(request, "7201E70400000001"))
    client = connected(link)
    await client.get([0xE7])
    link.reply = lambda _: answer_to(link.sent[0], "7201E704000000FF") if len(link.sent) == 2 else None
    with pytest.raises(SessionLost):
        await client.get([0xE7])
    assert client.late_answers == 1


@virtual
async def test_a_notification_with_the_tid_of_the_request_is_not_its_answer() -> None:
    def reply(request: bytes) -> bytes:
        inf = answer_to(request, "7301EA0B07EA010F0700000001EC5A")
        link.on_datagram(Datagram(payload=inf))
        return answer_to(request, "7201E70400000263")

    link = FakeLink(reply)
    client = connected(link)
    heard: list[Notification] = []
    client.on_notification = heard.append
    assert (await client.get([0xE7])).values == {0xE7: bytes.fromhex("00000263")}
    assert [set(each.values) for each in heard] == [{0xEA}]


@virtual
async def test_infc_is_answered_with_the_same_tid_and_properties() -> None:
    link = FakeLink()
    client = connected(link)
    g52 = "1081029F02880105FF017402EA0B07E501121200000000FBD2EB0B07E5011212000000000009"
    client.receive(Datagram(payload=bytes.fromhex(g52)))
    await asyncio.sleep(0)
    assert link.sent == [bytes.fromhex("1081029F05FF010288017A02EA00EB00")]


@pytest.mark.parametrize(("answers_after", "replies_after"), [(2.0, 2.0), (30.0, 5.0)])
@virtual
async def test_a_reply_waits_for_the_answer_under_way_but_not_for_long(
    answers_after: float, replies_after: float
) -> None:
    loop = asyncio.get_running_loop()

    def reply(request: bytes) -> None:
        if request[11] != 0x7A and len(link.sent) == 1:
            inf = bytes.fromhex("1081029F02880105FF017402EA0B07E501121200000000FBD2EB0B07E5011212000000000009")
            link.on_datagram(Datagram(payload=inf))
            answer = answer_to(request, "7202E7040000029CE80400280028")
            loop.call_later(answers_after, link.on_datagram, Datagram(payload=answer))
        else:
            replied.append(loop.time())

    replied: list[float] = []
    link = FakeLink(reply)
    await connected(link).get([0xE7, 0xE8])
    await asyncio.sleep(1)
    assert replied == [pytest.approx(replies_after)]


@virtual
async def test_an_unacknowledged_transmission_is_repeated_after_three_seconds() -> None:
    link = FakeLink(lambda request: answer_to(request, "7201E70400000263"))
    link.unconfirmed = 2
    started = asyncio.get_running_loop().time()
    await connected(link).get([0xE7])
    assert asyncio.get_running_loop().time() - started == pytest.approx(6.5)
    assert len({sent[2:4] for sent in link.sent}) == 3


@virtual
async def test_the_end_of_the_session_ends_the_wait_at_once() -> None:
    link = FakeLink()
    client = connected(link)
    asyncio.get_running_loop().call_later(2, link.on_down, SessionLost("gone"))
    with pytest.raises(SessionLost, match="gone"):
        await client.get([0xE7])
    assert asyncio.get_running_loop().time() == pytest.approx(2)


@virtual
async def test_a_refused_set_is_an_error_that_names_the_property() -> None:
    link = FakeLink(lambda request: answer_to(request, "5101E50164"))
    with pytest.raises(PropertyRefused) as raised:
        await connected(link).set(0xE5, b"\x64")
    assert raised.value.epc == 0xE5


@virtual
async def test_garbage_from_the_meter_is_counted_and_changes_nothing() -> None:
    link = FakeLink(lambda request: answer_to(request, "7201E70400000263"))
    client = connected(link)
    client.receive(Datagram(payload=bytes.fromhex("1081000102880105FF017201E0")))
    assert client.undecodable == 1
    assert (await client.get([0xE7])).values == {0xE7: bytes.fromhex("00000263")}


@virtual
async def test_a_get_from_the_meter_to_our_controller_is_answered() -> None:
    link = FakeLink()
    connected(link).receive(Datagram(payload=bytes.fromhex("1081004202880105FF0162028200C100")))
    await asyncio.sleep(0)
    assert link.sent == [bytes.fromhex("1081004205FF010288015202820400005200C100")]


NOTIFIED = "7301EA0B07EA010F0700000001EC5A"


def notify(link: FakeLink) -> None:
    link.on_datagram(Datagram(payload=answer_to(bytes(12), NOTIFIED)))


@virtual
async def test_a_half_hour_that_is_left_out_is_a_suspicion_once_the_meter_has_announced_one() -> None:
    link = FakeLink()
    client = connected(link)
    await asyncio.sleep(3 * 3600)
    assert not client.overdue, "it never announced any"
    notify(link)
    assert not client.overdue
    await asyncio.sleep(1800 + 309)
    assert not client.overdue, "it has five minutes"
    await asyncio.sleep(2)
    assert client.overdue


@virtual
async def test_whatever_the_meter_says_lifts_the_suspicion() -> None:
    link = FakeLink(lambda request: answer_to(request, "7201E704000003E8"))
    client = connected(link)
    notify(link)
    await asyncio.sleep(1800 + 311)
    await client.probe()
    assert not client.overdue
    assert len(link.sent) == 1
    await asyncio.sleep(1800)
    assert client.overdue


@virtual
async def test_a_suspicion_does_not_outlive_the_session() -> None:
    link = FakeLink()
    client = connected(link)
    notify(link)
    await asyncio.sleep(1800 + 311)
    link.on_down(SessionLost("gone"))
    assert not client.overdue


@virtual
async def test_a_suspicion_that_proves_right_ends_the_session_within_20_seconds() -> None:
    link = FakeLink()
    client = connected(link)
    started = asyncio.get_running_loop().time()
    with pytest.raises(SessionLost):
        await client.probe()
    assert asyncio.get_running_loop().time() - started == pytest.approx(20)
    assert link.declared_dead == 1


@virtual
async def test_what_was_asked_and_answered_is_counted() -> None:
    link = FakeLink(lambda request: answer_to(request, "7201E704000003E8") if request[11] == 1 else None)
    client = connected(link)
    link.unconfirmed = 1
    await client.get([0xE7])
    with pytest.raises(NoAnswer):
        await client.get([0xE0, 0xE7])
    notify(link)
    counters = client.counters.as_dict()
    assert counters == {
        "requests": 5, "answers": 2, "retries": 2, "no_answers": 2, "late_answers": 0, "undecodable": 0,
        "notifications": 1,
    }  # fmt: skip
