"""Draining a backlog from the store, beside the bare clients; and what another output feels of it."""

from __future__ import annotations

import asyncio
import contextlib
import multiprocessing
import sqlite3
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path
from random import Random
from typing import Any

from benchmarks.measure import Measurement
from hems_data_collector.clock import SystemClock
from hems_data_collector.collector.backlog import StoredBacklog
from hems_data_collector.collector.delivery import Delivery
from hems_data_collector.meter.profile import MeterProfile
from hems_data_collector.outputs import FORMATS, Output
from hems_data_collector.outputs.endpoint import Endpoint
from hems_data_collector.outputs.formats import json_object
from hems_data_collector.outputs.gcloud import GcloudOutput
from hems_data_collector.outputs.webhook import WebhookOutput
from hems_data_collector.readings import Consumption, MeterIdentity, Reading, Record
from hems_data_collector.store import outbox, readings
from hems_data_collector.store.database import Database

POSTS = 3000
MESSAGES = 10_000
ROUNDS = 9
FAR_S = 0.02
"""What a far end takes to answer, where one output's drain is to be felt by another: there is none without a way."""
BACKLOG = 200_000
TURNS, READINGS, PAUSE_S = 4, 40, 0.05
"""A new reading twenty times a second: no meter is as quick, and each of them may hold up the drain."""
POLL_S = 0.005
"""How often it is looked whether all is done: what is measured takes a few tenths of a second."""
TOPIC = "projects/your-project-id/topics/hems-data"
CLOCK = SystemClock()
PROFILE = MeterProfile(
    identity=MeterIdentity(maker="000016", serial="A00B123456"),
    get_map=frozenset({0xE0, 0xE1, 0xE7, 0xE8, 0xEA}),
    exponent=-1,
    digits=6,
    t_seen=True,
)
START = datetime(2025, 4, 1, 3, tzinfo=UTC)


def measurements() -> list[Measurement]:
    """The rows of this file."""
    return asyncio.run(_measured())


async def _measured() -> list[Measurement]:
    with _server(_serve_web) as web, _server(_serve_pubsub) as pubsub:
        rows = [
            await _drain("webhook", POSTS, lambda: _webhook(web), lambda records: _bare_posts(web, records), "httpx"),
            await _drain(
                "Pub/Sub",
                MESSAGES,
                lambda: _gcloud(pubsub),
                lambda records: _bare_publishes(pubsub, records),
                "Google's client",
            ),
        ]
    with _server(_serve_web, FAR_S) as web, _server(_serve_pubsub, FAR_S) as pubsub:
        return [*rows, await _neighbour(web, pubsub)]


async def _drain(
    what: str,
    count: int,
    output: Callable[[], Output],
    bare: Callable[[Sequence[Record]], Awaitable[float]],
    client: str,
) -> Measurement:
    """Records a second from the store, acknowledged on disk, against the client alone from memory; taken in turns."""
    ours, base = [], []
    with _stored(count) as database:
        records = [record for _, record in database.run_sync(lambda c: outbox.batch(c, "all", count, half_hours=False))]
        for _ in range(ROUNDS):
            base.append(await bare(records))
            ours.append(await _drained(database, output(), count))
    ours_s, base_s = statistics.median(ours), statistics.median(base)
    return Measurement(
        name=f"draining {count} records to {what}",
        ours=f"{count / ours_s:.0f} /s",
        base=f"{client} alone {count / base_s:.0f} /s",
        ratio=base_s / ours_s,
        target=0.70,
        more_is_better=True,
    )


async def _neighbour(web: str, pubsub: str) -> Measurement:
    """From storing a reading to its POST having been acknowledged, while another output drains and while none does.

    Taken in turns, on one database. That the other does drain all the time shows in what it gets rid of.
    """
    quiet: list[float] = []
    busy: list[float] = []
    drained = 0
    with _stored(BACKLOG) as database:
        for turn in range(TURNS):
            quiet += (await _latencies(database, [_webhook(web)], 2 * turn))[0]
            waits, count = await _latencies(database, [_webhook(web), _gcloud(pubsub)], 2 * turn + 1)
            busy += waits
            drained += count
    quiet_s, busy_s = statistics.median(quiet), statistics.median(busy)
    pace = drained / (sum(busy) + PAUSE_S * len(busy))
    return Measurement(
        name="a new reading to the webhook while Pub/Sub drains",
        ours=f"{busy_s * 1e3:.1f} ms (at {pace:.0f} /s)",
        base=f"while nothing drains {quiet_s * 1e3:.1f} ms",
        ratio=busy_s / quiet_s,
        target=1.20,
    )


async def _latencies(database: Database, outputs: Sequence[Output], turn: int) -> tuple[list[float], int]:
    """What so many readings took to the webhook, the first of `outputs`; and what went to the other meanwhile."""
    arrived = _arrivals(outputs[0])
    names = [output.name for output in outputs]
    database.run_sync(lambda conn: conn.execute("DELETE FROM outputs"))
    database.run_sync(lambda conn: outbox.register(conn, names[:1], now=CLOCK.now()))
    database.run_sync(lambda conn: outbox.register(conn, names, now=CLOCK.now(), since=START))
    delivery = Delivery(outputs, StoredBacklog(database, half_hours=False), CLOCK, Random(1))
    await delivery.open()
    delivery.start()
    waits = []
    for number in range(turn * READINGS, (turn + 1) * READINGS):
        await asyncio.sleep(PAUSE_S)
        arrived.clear()
        begun = time.perf_counter()
        await database.run(lambda conn, number=number: _append(conn, BACKLOG + number, 1))  # type: ignore[misc]
        delivery.wake()
        await arrived.wait()
        waits.append(time.perf_counter() - begun)
    drained = sum(state.delivered for state in delivery.states()[1:])
    assert drained < BACKLOG, "it must have drained all the time"
    await delivery.close(1)
    return waits, drained


def _arrivals(output: Output) -> asyncio.Event:
    """Set whenever `output` has delivered something."""
    arrived = asyncio.Event()
    post = output.deliver

    async def deliver(batch: Sequence[Record], checkpoint: bytes | None) -> bytes | None:
        checkpoint = await post(batch, checkpoint)
        arrived.set()
        return checkpoint

    output.deliver = deliver  # type: ignore[method-assign]
    return arrived


async def _drained(database: Database, output: Output, count: int) -> float:
    """Seconds until `output` has everything and the store knows it."""
    name = output.name
    database.run_sync(lambda conn: conn.execute("DELETE FROM outputs"))
    database.run_sync(lambda conn: outbox.register(conn, [name], now=CLOCK.now(), since=START))
    delivery = Delivery([output], StoredBacklog(database, half_hours=False), CLOCK, Random(1))
    await delivery.open()
    begun = time.perf_counter()
    delivery.start()
    while delivery.states()[0].delivered < count:  # noqa: ASYNC110 - asking the store all the time would slow it
        await asyncio.sleep(POLL_S)
    while await database.run(lambda conn: outbox.waiting(conn, name, half_hours=False)):  # noqa: ASYNC110
        await asyncio.sleep(POLL_S)
    seconds = time.perf_counter() - begun
    await delivery.close(1)
    return seconds


def _webhook(url: str) -> WebhookOutput:
    values = {"webhook_url": Endpoint.parse(url), "webhook_headers": (), "webhook_secret": None}
    return WebhookOutput.build(values, FORMATS["json"], clock=CLOCK)


def _gcloud(host: str) -> GcloudOutput:
    values = {"gcp_project": "your-project-id", "gcp_topic": "hems-data", "gcp_emulator_host": host}
    return GcloudOutput.build(values, FORMATS["json"], clock=CLOCK)


async def _bare_posts(url: str, records: Sequence[Record]) -> float:
    import httpx

    async with httpx.AsyncClient() as client:
        begun = time.perf_counter()
        for record in records:
            headers = {"content-type": "application/json"}
            (await client.post(url, content=json_object(record), headers=headers)).raise_for_status()
        return time.perf_counter() - begun


async def _bare_publishes(host: str, records: Sequence[Record]) -> float:
    import grpc
    from google.pubsub_v1.services.publisher import PublisherClient
    from google.pubsub_v1.services.publisher.transports import PublisherGrpcTransport

    size = GcloudOutput.batch_size
    with grpc.insecure_channel(host) as channel:
        client = PublisherClient(transport=PublisherGrpcTransport(channel=channel))

        def publish() -> float:
            begun = time.perf_counter()
            for first in range(0, len(records), size):
                batch = records[first : first + size]
                messages = [{"data": json_object(record), "attributes": {"key": record.key}} for record in batch]
                client.publish(request={"topic": TOPIC, "messages": messages}, retry=None)
            return time.perf_counter() - begun

        return await asyncio.to_thread(publish)


@contextlib.contextmanager
def _stored(count: int) -> Iterator[Database]:
    """A database with so many readings, each commit of it durable."""
    with tempfile.TemporaryDirectory() as name:
        database = Database.open(Path(name) / "hems.db", clock=CLOCK)
        try:
            for first in range(0, count, 10_000):
                size = min(10_000, count - first)
                database.run_sync(lambda conn, first=first, size=size: _append(conn, first, size))  # type: ignore[misc]
            yield database
        finally:
            database.close()


def _append(conn: sqlite3.Connection, first: int, count: int) -> None:
    for number in range(first, first + count):
        at = START + timedelta(minutes=number % 5_000_000, microseconds=number // 5_000_000)
        reading = Reading(
            meter=PROFILE.identity.key,
            received_at=at,
            power_w=400 + number % 977,
            current_r_a=Decimal("2.0"),
            current_t_a=Decimal("1.5"),
            two_wire=False,
            energy_import_kwh=Decimal(f"{65139 + number}E-1"),
            energy_export_kwh=None,
            fixed_at=START,
            fixed_import_kwh=Decimal("6513.7"),
            fixed_export_kwh=None,
            energy_import_raw=65139 + number,
            energy_export_raw=None,
        )
        readings.append(conn, reading, Consumption(end=START, import_kwh=Decimal("0.2")), PROFILE)


@contextlib.contextmanager
def _server(serve: Callable[[Connection, float], None], delay_s: float = 0.0) -> Iterator[str]:
    """`serve` in a process of its own, whose address it sends; it ends with the block."""
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe()
    process = context.Process(target=serve, args=(there, delay_s), daemon=True)
    process.start()
    try:
        yield here.recv()
    finally:
        process.kill()
        process.join()


def _serve_web(pipe: Connection, delay_s: float) -> None:
    """The least of an HTTP server: reads a POST, answers 204, keeps the connection."""

    async def serve() -> None:
        server = await asyncio.start_server(partial(_answer, delay_s=delay_s), "127.0.0.1", 0)
        pipe.send(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/hook")
        await server.serve_forever()

    asyncio.run(serve())


async def _answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, delay_s: float) -> None:
    with contextlib.suppress(asyncio.IncompleteReadError, OSError):
        while True:
            head = (await reader.readuntil(b"\r\n\r\n")).lower()
            await reader.readexactly(int(head.partition(b"content-length:")[2].split(b"\r\n")[0]))
            if delay_s:
                await asyncio.sleep(delay_s)
            writer.write(b"HTTP/1.1 204 No Content\r\n\r\n")
    writer.close()


def _serve_pubsub(pipe: Connection, delay_s: float) -> None:
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))
    from support.pubsub_servers import FakePubSub

    server: Any = FakePubSub()
    server.add_topic(TOPIC)
    server.fault("delay", delay_s)
    with server.running():
        pipe.send(server.address)
        pipe.recv()


if __name__ == "__main__":
    from benchmarks.measure import table

    print(table(measurements()))
