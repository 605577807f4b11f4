"""Whatever comes out of the modem's port, from its bytes to a reading: nothing raises, and the next line is read.

Each input is a damaged answer of the meter, in what the module prints of it, while its request is waiting; then comes
the sound answer. The seed is printed; set WHOLE_PATH_FUZZ_SEED to run the same inputs again, and HEMS_TEST_FUZZ for
another number of them.
"""

from __future__ import annotations

import asyncio
import os
import random
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta, timezone
from random import Random

from frames.golden import GOLDEN, METER
from hems_data_collector.clock import LoopClock
from hems_data_collector.echonet import Esv
from hems_data_collector.errors import DecodeError, LinkError, PropertyError
from hems_data_collector.link.base import Datagram
from hems_data_collector.meter.client import MeterClient, Notification
from hems_data_collector.meter.interpret import (
    day_told,
    fixed_half_hour,
    has_t_phase,
    malformed,
    minute_served,
    minute_told,
    moment_served,
    reading_from,
    window_half_hours,
    window_minutes,
)
from hems_data_collector.meter.profile import MeterProfile, with_constants
from hems_data_collector.readings import HalfHourSource, MeterIdentity
from hems_data_collector.skstack import Connection, PayloadMode, RxUdp
from support.virtual_time import run_virtual

INPUTS = int(os.environ.get("HEMS_TEST_FUZZ") or 20_000)
START = datetime(2026, 1, 15, tzinfo=UTC)
TOKYO = timezone(timedelta(hours=9))
PROFILE = MeterProfile(identity=MeterIdentity(mac="001C640003CD76A4"), exponent=-1)
HEADER = b"ERXUDP FE80:0000:0000:0000:021C:6400:03CD:76A4 FE80:0000:0000:0000:021D:1290:1234:5678 0E1A 0E1A "
MAC_AND_SECURED = b"001C640003CD76A4 1 "
ANSWERS = tuple(golden for golden in GOLDEN if golden.seoj == METER and golden.esv in (Esv.GET_RES, Esv.GET_SNA))
TELLING = (0x00, 0x01, 0x7F, 0x80, 0xFE, 0xFF, 0x0D, 0x0A, 0x20)
"""Bytes at the edges of what the protocol means by them."""
EDGES = tuple(
    bytes.fromhex(text)
    for text in ("00010101000000", "07D001010000", "270F0C1F171E00", "00000000", "7FFFFFFE", "FFFFFFFE", "FFFFFFFF")
)
"""What a property may begin with at the ends of its range: the first moment a clock can show, a clock that was never
set, the last moment; registers and powers."""
TURNS = 3
"""Of the loop, until the client has asked again for an answer that came damaged."""
MISREAD_SHARE = 0.001
"""How often the sound line may be taken for the rest of a cut datagram until quiet shows that there is no more."""


class Wire:
    """A link that a test drives: keeps the newest request."""

    def __init__(self) -> None:
        self.peer: str | None = "001C640003CD76A4"
        self.request = b""

    def on_datagram(self, datagram: Datagram) -> None:
        """Not used: the test calls the client."""

    def on_down(self, error: LinkError) -> None:
        """Not used."""

    async def send(self, payload: bytes) -> None:
        if payload[10] == Esv.GET:
            self.request = payload

    async def probe_failed(self) -> None:
        raise AssertionError("the sound answer was not taken")


def line(payload: bytes, mode: PayloadMode) -> bytes:
    data = payload if mode is PayloadMode.BINARY else payload.hex().upper().encode("ascii")
    return HEADER + MAC_AND_SECURED + b"%04X " % len(payload) + data + b"\r\n"


def with_tid(frame: bytes, tid: bytes) -> bytes:
    return frame[:2] + tid + frame[4:]


def damaged(rng: Random, data: bytes, start: int) -> bytes:
    """One to three faults from `start` on: changed bytes, a cut, a lost or doubled piece, an insertion."""
    for _ in range(rng.randint(1, 3)):
        at, kind = rng.randrange(min(start, len(data)), len(data) + 1), rng.randrange(6)
        if kind <= 1:
            byte = rng.choice(TELLING) if kind else rng.randrange(256)
            data = data[:at] + bytes((byte,)) + data[at + 1 :]
        elif kind == 2:
            data = data[:at]
        elif kind == 3:
            data = data[:at] + data[at + rng.randrange(8) :]
        elif kind == 4:
            data = data[:at] + data[max(0, at - rng.randrange(8)) :]
        else:
            data = data[:at] + rng.randbytes(rng.randrange(4)) + data[at:]
    return data


def at_its_edges(rng: Random, frame: bytes) -> bytes:
    """The same frame with values at the ends of their ranges, whole as a frame."""
    at = 12
    while at + 1 < len(frame):
        size = frame[at + 1]
        if rng.random() < 0.5:
            edge = rng.choice(EDGES)[:size]
            frame = frame[: at + 2] + edge + frame[at + 2 + len(edge) :]
        at += 2 + size
    return frame


def one_input(rng: Random, sound: bytes, mode: PayloadMode) -> bytes:
    """What the module prints of a damaged answer: the damage is in its values, its properties, or the line."""
    kind = rng.random()
    if kind < 0.2:
        return line(at_its_edges(rng, sound), mode)
    if kind < 0.7:
        return line(damaged(rng, sound, 11), mode)
    return damaged(rng, line(sound, mode), 0)


def interpret(values: Mapping[int, bytes], rng: Random) -> None:
    """Everything that is ever made of an answer."""
    with suppress(PropertyError):
        with_constants(PROFILE, values)
    malformed(values)
    has_t_phase(values)
    reading_from(values, PROFILE, received_at=START, zone=TOKYO)
    fixed_half_hour(values, PROFILE, zone=TOKYO, source=HalfHourSource.POLL)
    if (moment := moment_served(values, zone=TOKYO)) is not None:
        told = day_told(values, PROFILE, moment=moment, days_ago=rng.randrange(100), zone=TOKYO)
        assert len(told.no_import) <= len(told.half_hours) >= len(told.no_export)
    minute_told(values, PROFILE, zone=TOKYO)
    minute_served(values, zone=TOKYO)
    for edt in values.values():
        window_minutes(edt, PROFILE, expected=datetime(2026, 1, 15, 19, 7), zone=TOKYO)
        window_half_hours(edt, PROFILE, expected=datetime(2026, 1, 15, 19), zone=TOKYO)


async def turned() -> None:
    for _ in range(TURNS):
        await asyncio.sleep(0)


class Path:
    """From the port to the client, and what came out on the way."""

    def __init__(self, rng: Random) -> None:
        self.rng = rng
        self.mode = rng.choice(tuple(PayloadMode))
        self.wire = Wire()
        self.connection = Connection(payload_mode=self.mode)
        self.client = MeterClient(self.wire, clock=LoopClock(START), rng=rng)
        self.client.on_notification = self._notified

    def _notified(self, notification: Notification) -> None:
        interpret(notification.values, self.rng)

    def feed(self, data: bytes) -> list[bytes]:
        """Bytes from the port; the payloads that came through."""
        self.connection.receive_data(data)
        return self._through()

    def quiet(self) -> list[bytes]:
        """Nothing from the port for half a second; the payloads that came through."""
        self.connection.flush()
        return self._through()

    def _through(self) -> list[bytes]:
        payloads = []
        while (event := self.connection.next_event()) is not None:
            if isinstance(event, RxUdp):
                payloads.append(event.payload)
                self.client.receive(Datagram(payload=event.payload, lqi=event.lqi))
        return payloads

    async def one(self) -> tuple[bool, bool]:
        """One request with a damaged answer before the sound one, in half of all cases with quiet in between.

        Whether the damaged one was taken for the answer, and whether the sound line came through without waiting for
        quiet; after quiet it always does.
        """
        golden = self.rng.choice(ANSWERS)
        asked = asyncio.create_task(self.client.get([epc for epc, _ in golden.properties]))  # noqa: RUF006 - awaited below
        await asyncio.sleep(0)
        sound = with_tid(golden.data, self.wire.request[2:4])
        data, quiet = one_input(self.rng, sound, self.mode), self.rng.random() < 0.5
        self.feed(data + b"\r\n")
        if quiet:
            self.quiet()
        await turned()
        taken = self._answered()
        at_once = sound in self.feed(line(sound, self.mode))
        assert at_once or not quiet, data
        if not at_once and sound not in self.quiet():
            taken = self._answered()
            assert sound in self.feed(line(sound, self.mode)), data
        await turned()
        if not asked.done():  # the damaged one has come to light with the sound one, and it has asked again
            self.feed(line(with_tid(golden.data, self.wire.request[2:4]), self.mode))
        answer = await asked
        interpret(answer.values, self.rng)
        assert taken or all(edt in sound for edt in answer.values.values()), data
        return taken, at_once

    def _answered(self) -> bool:
        pending = self.client._pending
        return pending is None or pending.answered.done()


async def fuzz(rng: Random) -> tuple[int, int]:
    """Run all inputs; how many damaged answers were taken, and how many sound lines came through a line late."""
    taken = late = 0
    for number in range(INPUTS):
        if number % 100 == 0:
            path = Path(rng)
        try:
            was_taken, at_once = await path.one()
        except DecodeError as error:
            raise AssertionError(f"a DecodeError reached the top at input {number}") from error
        taken += was_taken
        late += not at_once
    return taken, late


def test_a_damaged_answer_raises_nothing_and_the_next_line_is_read() -> None:
    seed = int(os.environ.get("WHOLE_PATH_FUZZ_SEED") or random.SystemRandom().randrange(2**32))
    print(f"WHOLE_PATH_FUZZ_SEED={seed}")

    taken, late = run_virtual(fuzz(Random(seed)))

    print(f"{INPUTS} inputs: {taken} damaged answers were still answers, {late} sound lines waited for quiet")
    assert taken > INPUTS // 20, "the inputs hardly ever reach the interpretation"
    assert late <= INPUTS * MISREAD_SHARE
