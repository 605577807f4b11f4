"""Every golden transcript, replayed in several cuts, gives exactly the values of `golden.CASES`."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator

import pytest

from hems_data_collector.skstack import Connection, ModemEvent
from support import transcripts
from unit.skstack.golden import CASES, Case

GOLDEN = transcripts.names("G[0-9][0-9]")
Cut = Callable[[bytes], Iterable[bytes]]


def as_recorded(data: bytes) -> Iterator[bytes]:
    yield data


def byte_by_byte(data: bytes) -> Iterator[bytes]:
    for byte in data:
        yield bytes((byte,))


def random_chunks(seed: int) -> Cut:
    def cut(data: bytes) -> Iterator[bytes]:
        rng, at = random.Random(seed), 0
        while at < len(data):
            size = rng.choice((1, 2, 3, 7, 20, 60, 200))
            yield data[at : at + size]
            at += size

    return cut


CUTS: dict[str, Cut] = {
    "as recorded": as_recorded,
    "byte by byte": byte_by_byte,
    **{f"random {seed}": random_chunks(seed) for seed in range(8)},
}


def drained(connection: Connection) -> list[ModemEvent]:
    events = []
    while (event := connection.next_event()) is not None:
        events.append(event)
    return events


def replay(name: str, case: Case, cut: Cut) -> tuple[Connection, list[ModemEvent]]:
    connection, commands = Connection(payload_mode=case.payload_mode), iter(case.commands)
    events: list[ModemEvent] = []
    for step in transcripts.load(name).steps:
        if step.sent:
            command = next(commands)
            written = connection.send(command) if command is not None else b""
            assert case.other_wire or written == step.data
        else:
            for chunk in cut(step.data):
                connection.receive_data(chunk)
                events += drained(connection)
    assert next(commands, None) is None
    return connection, events


def test_there_are_the_83_transcripts_of_the_specification() -> None:
    assert GOLDEN == tuple(f"G{number:02d}" for number in range(1, 84)) == tuple(CASES)


@pytest.mark.parametrize("cut", CUTS.values(), ids=CUTS)
@pytest.mark.parametrize("name", GOLDEN)
def test_a_transcript_gives_exactly_its_values(name: str, cut: Cut) -> None:
    case = CASES[name]
    connection, events = replay(name, case, cut)
    assert tuple(events) == case.events
    connection.flush()
    assert tuple(drained(connection)) == case.flushed
    assert not connection.busy
