"""Every module of the registry against the transcript that shows it."""

from __future__ import annotations

import pytest

from hems_data_collector.skstack import (
    DUAL_STACK,
    MODULES,
    SINGLE_STACK,
    AppVersion,
    Command,
    CommandDone,
    Connection,
    Event,
    Fail,
    Info,
    Module,
    PanDescription,
    PayloadMode,
    RxUdp,
    Transmission,
    Version,
    other_dialect,
    ropt,
    skappver,
    skinfo,
    skjoin,
    skll64,
    skscan,
    sksendto,
    sksetpwd,
    sksetrbid,
    sksreg,
    skterm,
    skver,
)
from support import transcripts

METER = "FE80:0000:0000:0000:021C:6400:0000:0001"
MAC = "001C640000000001"
E7_1000_W = bytes.fromhex("1081000102880105FF017201E704000003E8")


def session(module: Module) -> list[Command]:
    """What our side types, from the first command to the last."""
    return [
        skver(),
        skappver(),
        skinfo(),
        ropt(),
        sksetpwd("0123456789AB"),
        sksetrbid("00112233445566778899AABBCCDDEEFF"),
        skscan(module.dialect, 6),
        sksreg("S2", "33"),
        sksreg("S3", "8888"),
        skll64(MAC),
        skjoin(METER),
        sksendto(module.dialect, METER, bytes.fromhex("1081000105FF010288016201E700")),
        skterm(),
    ]


def replay(module: Module) -> tuple[Connection, list[object]]:
    connection, events, commands = Connection(), [], iter(session(module))
    for step in transcripts.load(f"module-{module.name}").steps:
        if step.sent:
            assert connection.send(next(commands)) == step.data
        for byte in b"" if step.sent else step.data:
            connection.receive_data(bytes((byte,)))
            while (event := connection.next_event()) is not None:
                events.append(event)
    assert next(commands, None) is None
    return connection, events


def test_every_module_has_a_transcript_and_every_transcript_a_module() -> None:
    assert {f"module-{name}" for name in MODULES} == set(transcripts.names("module-*"))
    assert list(MODULES) == [
        "bp35a1",
        "wsr35a1",
        "rl7023-ips",
        "bp35c0",
        "bp35c2",
        "rs-wsuha-p",
        "rl7023-dss",
        "mb-rl7023-dss",
    ]


@pytest.mark.parametrize("module", MODULES.values(), ids=MODULES)
def test_a_module_answers_as_its_file_says(module: Module) -> None:
    connection, events = replay(module)
    done = {event.command.name: event for event in events if isinstance(event, CommandDone)}
    assert done["SKVER"].answers == (Version(text=module.version),)
    if module.app_version is None:
        assert done["SKAPPVER"].failure == Fail(code=4)
    else:
        assert done["SKAPPVER"].answers == (AppVersion(text=module.app_version),)
    (info,) = done["SKINFO"].answers
    assert isinstance(info, Info)
    assert info.dialect is module.dialect
    assert info.mac.startswith(module.mac_prefix)
    assert done["ROPT"].ok is module.has_rohm_options
    assert done["SKSENDTO"].transmission is Transmission.SENT
    assert connection.payload_mode is (PayloadMode.HEX if module.hex_payload_default else PayloadMode.BINARY)
    assert connection.undecodable == 0


@pytest.mark.parametrize("module", MODULES.values(), ids=MODULES)
def test_the_side_appears_on_dual_stack_modules_only(module: Module) -> None:
    _, events = replay(module)
    side = 0 if module.dialect.has_side else None
    asynchronous = [event for event in events if isinstance(event, Event | RxUdp | PanDescription)]
    assert [type(event).__name__ for event in asynchronous] == [
        *("Event", "PanDescription", "Event"),
        *("Event", "Event", "RxUdp", "Event", "Event", "RxUdp"),
        *("Event", "RxUdp", "Event", "Event"),
    ]
    assert {event.side for event in asynchronous} == {side}
    assert [event.payload for event in events if isinstance(event, RxUdp)][-1] == E7_1000_W


def test_a_module_is_filed_under_its_name_and_assumes_only_fields_it_has() -> None:
    for name, module in MODULES.items():
        assert name == module.name
        assert module.assumed <= set(Module.__slots__)
        assert len(module.mac_prefix) in (8, 12)


def test_the_other_dialect_is_the_other_one() -> None:
    assert other_dialect(SINGLE_STACK) is DUAL_STACK
    assert other_dialect(DUAL_STACK) is SINGLE_STACK
