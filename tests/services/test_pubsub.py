"""The Pub/Sub output over real gRPC: a small fake and Google's own server are held to the same behaviour."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import socket
import sys
import threading
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from random import Random
from typing import Any

import grpc
import pytest

from hems_data_collector.clock import SystemClock
from hems_data_collector.collector.delivery import Delivery, Health
from hems_data_collector.errors import OutputPaused, OutputRejected, OutputUnavailable
from hems_data_collector.outputs import gcloud
from hems_data_collector.outputs.formats import CSV, json_object
from hems_data_collector.outputs.gcloud import GcloudOutput
from support.pubsub_servers import FakePubSub, GooglePubSub, PubSubServer, built_pstest, why_not_buildable
from support.records import FIRST_AS_JSON, HALF_HOUR_AS_JSON, METER, half_hour, record, records
from support.waiting import until

pytestmark = pytest.mark.services
NUMBERS = itertools.count(1)


@pytest.fixture(scope="module")
def fake_server() -> Iterator[FakePubSub]:
    with FakePubSub().running() as server:
        yield server


@pytest.fixture(scope="module")
def google_server() -> Iterator[GooglePubSub]:
    if reason := why_not_buildable():
        pytest.skip(reason)
    with GooglePubSub.running(built_pstest()) as server:
        yield server


@pytest.fixture(params=["fake", "google"])
def server(request: pytest.FixtureRequest) -> Iterator[PubSubServer]:
    server: PubSubServer = request.getfixturevalue(f"{request.param}_server")
    yield server
    for kind in ("before", "after", "delay"):
        server.fault(kind, 0)


@pytest.fixture
def fake(fake_server: FakePubSub) -> Iterator[FakePubSub]:
    yield fake_server
    fake_server.refuse(None)
    fake_server.hang.set()


def new_topic() -> str:
    return f"hems-data-{next(NUMBERS)}"


def path(topic: str) -> str:
    return f"projects/your-project-id/topics/{topic}"


async def opened(address: str, topic: str, **values: Any) -> GcloudOutput:
    given = {"gcp_project": "your-project-id", "gcp_topic": topic, "gcp_emulator_host": address, **values}
    output = GcloudOutput.build(given, CSV, clock=SystemClock())
    await output.open()
    return output


async def test_a_message_is_the_json_record_with_key_meter_and_kind(server: PubSubServer) -> None:
    topic = new_topic()
    server.create(path(topic))
    output = await opened(server.address, topic)
    assert await output.deliver([record()], b"position") == b"position"
    await output.close()
    attributes = {"key": f"{METER}/2025-04-01T03:00:00.123456+00:00", "meter": METER, "kind": "reading"}
    assert server.messages(path(topic), 1) == [(FIRST_AS_JSON, attributes)]


async def test_a_half_hour_says_what_it_is(server: PubSubServer) -> None:
    topic = new_topic()
    server.create(path(topic))
    output = await opened(server.address, topic)
    await output.deliver([half_hour()], None)
    await output.close()
    attributes = {"key": f"{METER}/2025-04-01T03:00:00+00:00/half-hour", "meter": METER, "kind": "half-hour"}
    assert server.messages(path(topic), 1) == [(HALF_HOUR_AS_JSON, attributes)]


async def test_batches_arrive_whole_and_in_order(server: PubSubServer) -> None:
    topic = new_topic()
    server.create(path(topic))
    output = await opened(server.address, topic)
    sent = records(250)
    for begin in range(0, len(sent), output.batch_size):
        await output.deliver(sent[begin : begin + output.batch_size], None)
    await output.close()
    received = server.messages(path(topic), len(sent))
    assert [data for data, _ in received] == [json_object(item) for item in sent]
    assert [attributes["key"] for _, attributes in received] == [item.key for item in sent]


async def test_a_missing_topic_pauses_until_it_is_there(server: PubSubServer) -> None:
    topic = new_topic()
    output = await opened(server.address, topic)
    with pytest.raises(OutputPaused) as caught:
        await output.deliver([record()], None)
    assert f"projects/your-project-id/topics/{topic}" in caught.value.what
    assert f"gcloud pubsub topics create {topic}" in caught.value.remedy
    server.create(path(topic))
    await output.deliver([record()], None)
    await output.close()
    assert len(server.messages(path(topic), 1)) == 1


async def test_what_was_not_stored_is_tried_again_by_the_caller_only(server: PubSubServer) -> None:
    topic = new_topic()
    server.create(path(topic))
    output = await opened(server.address, topic)
    server.fault("before", 1)
    with pytest.raises(OutputUnavailable, match="injected before storing"):
        await output.deliver([record()], None)
    server.fault("before", 0)
    await output.deliver([record()], None)
    await output.close()
    assert len(server.messages(path(topic), 1)) == 1


async def test_a_lost_answer_means_twice_the_message_with_the_same_key(server: PubSubServer) -> None:
    topic = new_topic()
    server.create(path(topic))
    output = await opened(server.address, topic)
    server.fault("after", 1)
    with pytest.raises(OutputUnavailable, match="injected after storing"):
        await output.deliver([record()], None)
    server.fault("after", 0)
    await output.deliver([record()], None)
    await output.close()
    first, second = server.messages(path(topic), 2)
    assert first == second


async def test_a_slow_server_is_given_up_in_time(server: PubSubServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gcloud, "PUBLISH_TIMEOUT_S", 0.2)
    topic = new_topic()
    server.create(path(topic))
    output = await opened(server.address, topic)
    server.fault("delay", 1)
    begin = time.monotonic()
    with pytest.raises(OutputUnavailable, match=r"(?i)deadline exceeded"):
        await output.deliver([record()], None)
    assert time.monotonic() - begin < 1.0
    await output.close()


async def test_through_the_delivery_every_record_arrives_although_answers_get_lost(server: PubSubServer) -> None:
    topic = new_topic()
    server.create(path(topic))
    output = await opened(server.address, topic)
    server.fault("after", 1)
    delivery = Delivery([output], None, SystemClock(), Random(1))
    delivery.start()
    for item in records(150):
        delivery.submit(item)
    await until(lambda: delivery.states()[0].health is Health.RETRYING)
    server.fault("after", 0)
    await until(lambda: delivery.states()[0].waiting == 0)
    await delivery.close(1)
    received = [attributes["key"] for _, attributes in server.messages(path(topic), 151)]
    assert len(received) > 150
    assert list(dict.fromkeys(received)) == [item.key for item in records(150)]


async def test_nobody_there_is_unavailable_and_heals_with_the_next_try() -> None:
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{reserved.getsockname()[1]}"
    output = await opened(address, "hems-data")
    for _ in range(3):
        with pytest.raises(OutputUnavailable, match="Pub/Sub did not take a message"):
            await output.deliver([record()], None)
    with FakePubSub(address).running() as server:
        # Not over the wire: gRPC shares connections, and the test's own would heal ours.
        server.add_topic(path("hems-data"))
        await output.deliver([record()], None)
        assert [data for data, _ in server.stored(path("hems-data"))] == [FIRST_AS_JSON]
    await output.close()


@pytest.mark.parametrize(
    ("code", "error"),
    [
        (grpc.StatusCode.NOT_FOUND, OutputPaused),
        (grpc.StatusCode.PERMISSION_DENIED, OutputPaused),
        (grpc.StatusCode.UNAUTHENTICATED, OutputPaused),
        (grpc.StatusCode.FAILED_PRECONDITION, OutputPaused),
        (grpc.StatusCode.INVALID_ARGUMENT, OutputRejected),
        (grpc.StatusCode.UNAVAILABLE, OutputUnavailable),
        (grpc.StatusCode.RESOURCE_EXHAUSTED, OutputUnavailable),
        (grpc.StatusCode.DEADLINE_EXCEEDED, OutputUnavailable),
        (grpc.StatusCode.INTERNAL, OutputUnavailable),
        (grpc.StatusCode.ABORTED, OutputUnavailable),
        (grpc.StatusCode.CANCELLED, OutputUnavailable),
        (grpc.StatusCode.UNKNOWN, OutputUnavailable),
    ],
)
async def test_a_status_says_what_to_do_next(fake: FakePubSub, code: grpc.StatusCode, error: type[Exception]) -> None:
    topic = new_topic()
    fake.create(path(topic))
    output = await opened(fake.address, topic)
    fake.refuse(code, "the very words")
    before = fake.publishes
    with pytest.raises(error, match="the very words") as caught:
        await output.deliver([record()], None)
    assert caught.type is error
    assert fake.publishes == before + 1  # the client's own retries are off
    fake.refuse(None)
    await output.deliver([record()], None)
    await output.close()


async def test_a_time_named_by_the_server_is_passed_on(fake: FakePubSub) -> None:
    output = await opened(fake.address, new_topic())
    fake.refuse(grpc.StatusCode.RESOURCE_EXHAUSTED, "quota", retry_delay_s=42)
    with pytest.raises(OutputUnavailable) as caught:
        await output.deliver([record()], None)
    assert caught.value.retry_after_s == 42.0
    await output.close()


async def test_close_ends_a_call_that_hangs(fake: FakePubSub) -> None:
    others = set(threading.enumerate())
    output = await opened(fake.address, new_topic())
    fake.hang.clear()
    delivery = Delivery([output], None, SystemClock(), Random(1))
    delivery.start()
    delivery.submit(record())
    before = fake.publishes
    await until(lambda: fake.publishes > before)
    begin = time.monotonic()
    await delivery.close(0.1)
    assert time.monotonic() - begin < 1.5
    await until(lambda: "gcloud" not in {thread.name for thread in set(threading.enumerate()) - others}, limit_s=2)


async def test_a_hanging_server_does_not_hold_up_the_loop(fake: FakePubSub) -> None:
    output = await opened(fake.address, new_topic())
    fake.hang.clear()
    task = asyncio.create_task(output.deliver([record()], None))
    laps = 0
    begin = time.monotonic()
    while time.monotonic() - begin < 0.2:
        await asyncio.sleep(0)
        laps += 1
    assert laps > 100
    assert not task.done()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    await output.close()


PROGRAM = """
import asyncio, random, sys
sys.path.insert(0, sys.argv[1])
from support.records import record
from hems_data_collector.clock import SystemClock
from hems_data_collector.collector.delivery import Delivery
from hems_data_collector.outputs.formats import JSON
from hems_data_collector.outputs.gcloud import GcloudOutput

async def main():
    given = {"gcp_project": "your-project-id", "gcp_topic": "hems-data", "gcp_emulator_host": sys.argv[2]}
    delivery = Delivery([GcloudOutput.build(given, JSON, clock=SystemClock())], None, SystemClock(), random.Random(1))
    await delivery.open()
    delivery.start()
    delivery.submit(record())
    await asyncio.to_thread(sys.stdin.readline)
    await delivery.close(0.1)

asyncio.run(main())
"""
"""Publishes one record, and ends in good order when its standard input does."""


@contextlib.asynccontextmanager
async def program(address: str) -> AsyncIterator[asyncio.subprocess.Process]:
    piped = asyncio.subprocess.PIPE
    tests = str(Path(__file__).parents[1])
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", PROGRAM, tests, address, stdin=piped, stderr=piped
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def test_a_program_with_a_hanging_publish_ends_quietly(fake: FakePubSub) -> None:
    fake.hang.clear()
    before = fake.publishes
    async with program(fake.address) as process:
        await until(lambda: fake.publishes > before)
        _, errors = await asyncio.wait_for(process.communicate(b""), 10)
    assert errors.decode() == "gcloud: 1 record not delivered at the end\n"
    assert process.returncode == 0


def connections_to(port: int) -> int:
    """How many established connections of this machine lead to `port` (Linux: remote address, then state 01)."""
    rows = [line.split()[2:4] for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    return sum(remote.endswith(f":{port:04X}") and state == "01" for remote, state in rows)


async def test_grpc_prints_nothing_of_its_own() -> None:
    with FakePubSub().running() as server:
        server.add_topic(path("hems-data"))
        async with program(server.address) as process:
            await until(lambda: server.stored(path("hems-data")))
            server.stop()  # the client is told to go away
            await until(lambda: not connections_to(int(server.address.rpartition(":")[2])))
            _, errors = await asyncio.wait_for(process.communicate(b""), 10)
    assert (errors, process.returncode) == (b"", 0)
