"""Decode after encode is the identity, for frames and for every property of every class."""

from __future__ import annotations

from datetime import datetime, time
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hems_data_collector.echonet import (
    CLASSES,
    ArbitraryFrame,
    Currents,
    DayHistory,
    EnergyScale,
    EnergyUnit,
    Eoj,
    Esv,
    FaultStatus,
    FixedTimeEnergy,
    Frame,
    InstallationLocation,
    ManufacturerFault,
    MinuteEnergy,
    NodeVersion,
    NoValue,
    OperatingTime,
    OperationStatus,
    PowerSaving,
    Property,
    PropertyMap,
    RemoteControl,
    RouteBIdentification,
    StandardVersion,
    TimeUnit,
    WindowHistory,
    WindowSelector,
    decode_datagram,
    decode_property,
    decode_property_map,
    encode_property_map,
    register_delta,
)
from hems_data_collector.echonet.energy import UNIT_EXPONENTS
from hems_data_collector.errors import PropertyError

SOME = settings(
    deadline=None, max_examples=40
)  # of each of the 180 tests by property; deadlines fail on a busy machine
MANY = settings(deadline=None)


def whole(low: int, high: int, *states: NoValue) -> st.SearchStrategy[Any]:
    return st.integers(low, high) | st.sampled_from(states) if states else st.integers(low, high)


NEVER, NOT_SET, NO_DATA = NoValue.NEVER_SET, NoValue.NOT_SET, NoValue.NO_DATA
OVER, UNDER = NoValue.OVERFLOW, NoValue.UNDERFLOW

registers = whole(0, 99_999_999, NO_DATA)
moments = st.datetimes(datetime(1, 1, 1), datetime(9999, 12, 31, 23, 59, 59)).map(
    lambda moment: moment.replace(microsecond=0)
) | st.sampled_from((NEVER, NOT_SET))
minutes = moments.map(lambda moment: moment if isinstance(moment, NoValue) else moment.replace(second=0))
half_hours = minutes.map(lambda m: m if isinstance(m, NoValue) else m.replace(minute=m.minute // 30 * 30))
amperes = st.integers(-32767, 32765).map(lambda tenths: Decimal(tenths) / 10) | st.sampled_from((NO_DATA, OVER, UNDER))
texts = st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), max_size=12).map(lambda text: text.rstrip(" "))
dates = st.dates() | st.sampled_from((NEVER, NOT_SET))
times = st.times().map(lambda moment: time(moment.hour, moment.minute)) | st.just(NEVER)
bytes_ = st.integers(0, 255)
eojs = st.builds(Eoj, bytes_, bytes_, bytes_)
maps = st.frozensets(st.integers(0x80, 0xFF)).map(lambda epcs: PropertyMap(epcs=epcs, declared=len(epcs)))
locations = (
    (st.integers(0x08, 0xFE)).map(lambda code: InstallationLocation(code=code))
    | st.binary(min_size=16, max_size=16).map(lambda position: InstallationLocation(code=1, position=position))
    | st.sampled_from((NOT_SET, NoValue.NOT_FIXED))
)
identifications = (st.binary(min_size=16, max_size=16) | st.binary(min_size=8, max_size=8)).map(
    lambda rest: b"\xfe" + rest
) | st.just(NOT_SET)


def windows(moment: st.SearchStrategy[Any], most: int) -> st.SearchStrategy[Any]:
    pairs = st.lists(st.tuples(registers, registers), min_size=1, max_size=most).map(tuple)
    return st.builds(WindowHistory, newest=moment, registers=pairs)


def selectors(moment: st.SearchStrategy[Any], most: int) -> st.SearchStrategy[Any]:
    return st.builds(WindowSelector, newest=moment, count=st.integers(1, most))


days = st.builds(
    DayHistory,
    day=whole(0, 99, NEVER),
    registers=st.lists(registers, min_size=48, max_size=48).map(tuple),
)
fixed = st.builds(FixedTimeEnergy, at=moments, raw=registers)

SUPERCLASS: dict[int, st.SearchStrategy[Any]] = {
    0x80: st.sampled_from(OperationStatus),
    0x81: locations,
    0x82: st.builds(StandardVersion, release=st.sampled_from("ABCDEFGHIJKLMNOPQRSTUVWXYZ"), revision=bytes_),
    0x83: identifications,
    0x84: whole(0, 0xFFFD, OVER, UNDER),
    0x85: st.integers(0, 0xFFFF_FFFD).map(lambda count: Decimal(count) / 1000) | st.sampled_from((OVER, UNDER)),
    0x86: st.builds(ManufacturerFault, size=bytes_, maker=st.integers(0, 0xFFFFFF), code=st.binary(max_size=251))
    | st.builds(ManufacturerFault, size=bytes_, maker=st.none(), code=st.just(b"")),
    0x87: st.integers(0, 100),
    0x88: st.sampled_from(FaultStatus),
    0x89: st.integers(1, 0xFFFF).filter(lambda code: code != 0x03FF)
    | st.sampled_from((NoValue.NO_FAULT, NoValue.UNCLASSIFIED)),
    0x8A: st.integers(0, 0xFFFFFF),
    0x8B: st.binary(min_size=3, max_size=3),
    0x8C: texts,
    0x8D: texts,
    0x8E: dates,
    0x8F: st.sampled_from(PowerSaving),
    0x93: st.sampled_from(RemoteControl),
    0x97: times,
    0x98: dates,
    0x99: st.integers(0, 0xFFFF),
    0x9A: st.builds(OperatingTime, unit=st.sampled_from(TimeUnit), count=st.integers(0, 0xFFFFFFFF)),
    0x9D: maps,
    0x9E: maps,
    0x9F: maps,
}
VALUES: dict[int, dict[int, st.SearchStrategy[Any]]] = {
    0x05FF: SUPERCLASS,
    0x0288: SUPERCLASS
    | {
        0xC0: st.builds(RouteBIdentification, maker=st.integers(0, 0xFFFFFF), free=st.binary(min_size=12, max_size=12)),
        0xD0: st.builds(MinuteEnergy, at=moments, import_raw=registers, export_raw=registers),
        0xD3: st.integers(1, 999_999),
        0xD7: st.integers(1, 8),
        0xE0: registers,
        0xE1: st.sampled_from(sorted(UNIT_EXPONENTS)).map(
            lambda code: EnergyUnit(code=code, exponent=UNIT_EXPONENTS[code])
        ),
        0xE2: days,
        0xE3: registers,
        0xE4: days,
        0xE5: whole(0, 99, NEVER),
        0xE7: whole(-0x7FFFFFFF, 0x7FFFFFFD, NO_DATA, OVER, UNDER),
        0xE8: st.builds(Currents, r_a=amperes, t_a=amperes),
        0xEA: fixed,
        0xEB: fixed,
        0xEC: windows(half_hours, 12),
        0xED: selectors(half_hours, 12),
        0xEE: windows(minutes, 10),
        0xEF: selectors(minutes, 10),
    },
    0x0EF0: {epc: SUPERCLASS[epc] for epc in (0x80, 0x83, 0x88, 0x89, 0x8A, 0x8B, 0x8C, 0x8D, 0x8E, 0x9D, 0x9E, 0x9F)}
    | {
        0x82: st.builds(NodeVersion, major=bytes_, minor=bytes_, formats=bytes_),
        0xBF: st.binary(min_size=2, max_size=2),
        0xD3: st.integers(0, 0xFFFFFF),
        0xD4: st.integers(0, 0xFFFF),
        0xD5: st.lists(eojs, max_size=84).map(tuple),
        0xD6: st.lists(eojs, max_size=84).map(tuple),
        0xD7: st.lists(st.integers(0, 0xFFFF), max_size=8).map(tuple),
    },
}
EACH_PROPERTY = pytest.mark.parametrize(
    ("class_code", "epc"),
    [(class_code, epc) for class_code, rows in VALUES.items() for epc in rows],
    ids=lambda number: f"{number:02X}",
)


def test_every_property_of_every_class_is_covered() -> None:
    assert {code: set(rows) for code, rows in VALUES.items()} == {code: set(rows) for code, rows in CLASSES.items()}


@EACH_PROPERTY
def test_value_survives_encoding_and_decoding(class_code: int, epc: int) -> None:
    row, eoj = CLASSES[class_code][epc], Eoj(class_code >> 8, class_code & 0xFF, 1)

    @SOME
    @given(VALUES[class_code][epc])
    def check(value: Any) -> None:
        edt = row.encode(value)
        assert len(edt) in row.codec.sizes
        assert decode_property(eoj, epc, edt) == value

    check()


@EACH_PROPERTY
def test_any_bytes_are_a_value_or_a_property_error(class_code: int, epc: int) -> None:
    row, eoj = CLASSES[class_code][epc], Eoj(class_code >> 8, class_code & 0xFF, 1)
    sizes = [size for size in range(1, 256) if size in row.codec.sizes]

    @SOME
    @given(st.sampled_from(sizes).flatmap(lambda size: st.binary(min_size=size, max_size=size)) | st.binary())
    def check(edt: bytes) -> None:
        try:
            value = decode_property(eoj, epc, edt)
        except PropertyError as error:
            evidence = (error.epc, error.raw)
        else:
            evidence = (epc, edt)
            if isinstance(value, PropertyMap):
                value = PropertyMap(epcs=value.epcs, declared=len(value.epcs))  # a wrong count is not written again
            if not isinstance(value, bytes):
                assert decode_property(eoj, epc, row.encode(value)) == value
        assert evidence == (epc, edt)

    check()


entries = st.lists(st.builds(Property, bytes_, st.binary(max_size=40)), max_size=9).map(tuple)
SET_GET = (Esv.SET_GET, Esv.SET_GET_RES, Esv.SET_GET_SNA)


@st.composite
def frames(draw: st.DrawFn) -> Frame:
    esv = draw(st.sampled_from(Esv))
    return Frame(
        tid=draw(st.integers(0, 0xFFFF)),
        seoj=draw(eojs),
        deoj=draw(eojs),
        esv=esv,
        properties=draw(entries),
        set_properties=draw(entries) if esv in SET_GET else (),
    )


@MANY
@given(frames())
def test_frame_survives_encoding_and_decoding(frame: Frame) -> None:
    assert decode_datagram(frame.encode()) == frame


@MANY
@given(st.integers(0, 0xFFFF), st.binary(max_size=300))
def test_arbitrary_frame_survives_encoding_and_decoding(tid: int, payload: bytes) -> None:
    frame = ArbitraryFrame(tid=tid, payload=payload)

    assert decode_datagram(frame.encode()) == frame


@MANY
@given(st.frozensets(st.integers(0x80, 0xFF)))
def test_property_map_survives_both_forms(epcs: frozenset[int]) -> None:
    edt = encode_property_map(epcs)

    assert decode_property_map(edt) == PropertyMap(epcs=epcs, declared=len(epcs))
    assert len(edt) == (1 + len(epcs) if len(epcs) < 16 else 17)


@MANY
@given(st.integers(1, 8), st.data())
def test_register_delta_undoes_counting_on(digits: int, data: st.DataObject) -> None:
    size = 10**digits
    old, delta = data.draw(st.integers(0, size - 1)), data.draw(st.integers(0, size - 1))

    assert register_delta(old, (old + delta) % size, digits) == delta


@MANY
@given(st.integers(0, 99_999_999), st.integers(1, 999_999), st.integers(-4, 4))
def test_energy_is_the_exact_fraction(raw: int, coefficient: int, exponent: int) -> None:
    kwh = EnergyScale(exponent=exponent, coefficient=coefficient).kwh(raw)

    numerator, denominator = kwh.as_integer_ratio()
    assert numerator * 10**4 == raw * coefficient * 10 ** (exponent + 4) * denominator
    assert "E" not in str(kwh)
