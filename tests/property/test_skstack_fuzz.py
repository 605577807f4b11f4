"""Whatever a module prints, nothing raises, and the lines after the damage are read again.

The seed is printed; set SKSTACK_FUZZ_SEED to run the same inputs again, HEMS_TEST_FUZZ for another number of them.
"""

from __future__ import annotations

import os
import random

from hems_data_collector.skstack import (
    DUAL_STACK,
    Command,
    CommandDone,
    Connection,
    Event,
    ModemEvent,
    PayloadMode,
    RxUdp,
    Unparsed,
    masked_line,
    ropt,
    skinfo,
    skll64,
    sksendto,
    sksetrbid,
    sktable,
    skver,
)
from hems_data_collector.skstack.framing import MAX_LINE
from support import transcripts

INPUTS = int(os.environ.get("HEMS_TEST_FUZZ") or 100_000)
CORPUS = tuple(
    line + b"\r\n" for name in transcripts.names() for line in transcripts.load(name).received.split(b"\r\n") if line
)
KEYWORDS = (b"ERXUDP ", b"ERXTCP ", b"EVENT ", b"EPANDESC\r\n", b"EEDSCAN\r\n", b"EADDR\r\n", b"ENBR\r\n", b"\r", b"\n")
METER = "FE80:0000:0000:0000:021C:6400:0000:0001"
COMMANDS: tuple[Command, ...] = (
    skver(),
    skinfo(),
    ropt(),
    skll64("001C640000000001"),
    sktable(0xE),
    sksetrbid("00112233445566778899AABBCCDDEEFF"),
    sksendto(DUAL_STACK, METER, b"\x10\x81"),
)
PROBES = b"\r\nEVENT 26 FE80::1\r\nEVENT 29 2001:DB8::2 0\r\n"
FIRST = Event(number=0x26, address="FE80:0000:0000:0000:0000:0000:0000:0001")
SECOND = Event(number=0x29, address="2001:0DB8:0000:0000:0000:0000:0000:0002", side=0)


def mutated(rng: random.Random, data: bytes) -> bytes:
    """One to three faults: a changed byte, a cut, a lost piece, a doubled piece, an insertion, a foreign tail."""
    for _ in range(rng.randint(1, 3)):
        at, kind = rng.randrange(len(data) + 1), rng.randrange(6)
        if kind == 0:
            data = data[:at] + bytes((rng.randrange(256),)) + data[at + 1 :]
        elif kind == 1:
            data = data[:at]
        elif kind == 2:
            data = data[:at] + data[at + rng.randrange(20) :]
        elif kind == 3:
            data = data[:at] + data[max(0, at - rng.randrange(40)) :]
        elif kind == 4:
            data = data[:at] + (rng.choice(KEYWORDS) if rng.random() < 0.5 else rng.randbytes(3)) + data[at:]
        else:
            other = rng.choice(CORPUS)
            data = data[:at] + other[rng.randrange(len(other)) :]
    return data


def one_input(rng: random.Random) -> bytes:
    if rng.random() < 0.1:
        return rng.randbytes(rng.randrange(80))
    return mutated(rng, b"".join(rng.choice(CORPUS) for _ in range(rng.randint(1, 3))))


def drained(connection: Connection) -> list[ModemEvent]:
    events: list[ModemEvent] = []
    while (event := connection.next_event()) is not None:
        events.append(event)
    return events


def exercise(rng: random.Random, connection: Connection, data: bytes) -> list[ModemEvent]:
    """Garbage while a command may be pending; everything that came out."""
    if rng.random() < 0.5:
        connection.send(rng.choice(COMMANDS))
    middle = rng.randrange(len(data) + 1)
    for chunk in (data[:middle], data[middle:]):
        connection.receive_data(chunk)
    if rng.random() < 0.5:
        connection.flush()
    events = drained(connection)
    connection.abandon()
    return events


def probed(connection: Connection) -> list[ModemEvent]:
    """Two sound lines; everything that came out."""
    connection.receive_data(PROBES)
    connection.flush()
    return drained(connection)


def test_damaged_inputs_raise_nothing_and_cost_at_most_one_more_line() -> None:
    seed = int(os.environ.get("SKSTACK_FUZZ_SEED") or random.SystemRandom().randrange(2**32))
    print(f"SKSTACK_FUZZ_SEED={seed}")
    rng, kinds, lost = random.Random(seed), set[type](), 0
    for number in range(INPUTS):
        if number % 10 == 0:
            connection, unparsed = Connection(payload_mode=rng.choice((None, *PayloadMode))), 0
        data = one_input(rng)
        events = exercise(rng, connection, data)
        events += probed(connection)
        if FIRST not in events or SECOND not in events:
            # A cut binary datagram whose length happens to end exactly behind a later line takes it for its data.
            lost += 1
            events += probed(connection)
        assert SECOND in events, (seed, number, data)
        unparsed += sum(isinstance(event, Unparsed) for event in events)
        assert connection.undecodable == unparsed
        assert len(connection._splitter._buffer) <= MAX_LINE
        kinds |= {type(event) for event in events}
        if number % 50 == 0:
            assert masked_line(data).isprintable()
            assert all(line.isprintable() for line in connection.take_lines())
    assert lost < INPUTS // 1000
    assert {Event, RxUdp, CommandDone, Unparsed} <= kinds  # the inputs were not all hopeless
