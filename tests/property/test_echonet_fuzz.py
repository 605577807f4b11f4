"""Garbage gives a value or a `DecodeError`, never anything else (CONTRIBUTING.md).

The seed is printed; set ECHONET_FUZZ_SEED to run the same inputs again, HEMS_TEST_FUZZ for another number of them.
"""

from __future__ import annotations

import os
import random
from collections.abc import Iterator
from contextlib import suppress

from hypothesis import given, settings
from hypothesis import strategies as st

from frames.golden import GOLDEN
from hems_data_collector.echonet import Frame, decode_datagram, decode_property
from hems_data_collector.errors import DecodeError

INPUTS = int(os.environ.get("HEMS_TEST_FUZZ") or 100_000)
CORPUS = tuple(golden.data for golden in GOLDEN)


def read_everything(data: bytes) -> int:
    """Decode a datagram and all its values as both objects; the number of good values. Only DecodeError is caught."""
    try:
        frame = decode_datagram(data)
    except DecodeError:
        return 0
    good = 0
    if isinstance(frame, Frame):
        for entry in frame.properties + frame.set_properties:
            for eoj in (frame.seoj, frame.deoj):
                with suppress(DecodeError):
                    decode_property(eoj, entry.epc, entry.edt)
                    good += 1
        assert frame.encode() == data
    return good


def mutated(rng: random.Random, data: bytes) -> bytes:
    """One to three faults: a changed byte, a cut, a doubled piece, an insertion, a foreign tail."""
    for _ in range(rng.randint(1, 3)):
        at = rng.randrange(len(data) + 1)
        kind = rng.randrange(5)
        if kind == 0 and at < len(data):
            data = data[:at] + bytes((rng.randrange(256),)) + data[at + 1 :]
        elif kind == 1:
            data = data[:at]
        elif kind == 2:
            data = data[:at] + data[max(0, at - rng.randrange(8)) :]
        elif kind == 3:
            data = data[:at] + rng.randbytes(rng.randrange(4)) + data[at:]
        else:
            other = rng.choice(CORPUS)
            data = data[:at] + other[rng.randrange(len(other)) :]
    return data


def inputs(rng: random.Random, count: int) -> Iterator[bytes]:
    """Mutated golden frames, golden headers before random entries, and plain noise."""
    for number in range(count):
        kind = number % 4
        if kind == 3:
            yield rng.randbytes(rng.randrange(64))
        elif kind == 2:
            golden = rng.choice(CORPUS)
            size = rng.choice((1, 2, 3, 4, 7, 11, 12, 15, 16, 17, 23, 87, 103, 194))
            edt = rng.randbytes(size)
            yield golden[:11] + bytes((1, rng.randrange(0x80, 0x100), size)) + edt
        else:
            yield mutated(rng, rng.choice(CORPUS))


def test_random_and_mutated_inputs_give_values_or_decode_errors() -> None:
    seed = int(os.environ.get("ECHONET_FUZZ_SEED") or random.SystemRandom().randrange(2**32))
    print(f"ECHONET_FUZZ_SEED={seed}")
    rng = random.Random(seed)

    good = sum(map(read_everything, inputs(rng, INPUTS)))

    assert good > INPUTS // 20, "the inputs hardly ever reach the property decoders"


@settings(deadline=None)
@given(st.binary(max_size=300))
def test_any_bytes_are_a_frame_or_a_decode_error(data: bytes) -> None:
    read_everything(data)


@settings(deadline=None)
@given(st.sampled_from(CORPUS), st.data())
def test_any_two_changed_bytes_are_survived(frame: bytes, data: st.DataObject) -> None:
    changed = bytearray(frame)
    for _ in range(2):
        changed[data.draw(st.integers(0, len(frame) - 1))] = data.draw(st.integers(0, 255))
    read_everything(bytes(changed))
