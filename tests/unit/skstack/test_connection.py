"""The rules of the conversation: one command at a time, echo, interleaving, EVENT 21, giving up."""

from __future__ import annotations

import pytest

from hems_data_collector.skstack import (
    DUAL_STACK,
    SINGLE_STACK,
    Address,
    Command,
    CommandDone,
    Connection,
    Event,
    Fail,
    ModemEvent,
    Ok,
    PayloadMode,
    Pong,
    RxUdp,
    State,
    Transmission,
    Unparsed,
    Version,
    ropt,
    skinfo,
    skll64,
    skping,
    sksend,
    sksendto,
    sksetpwd,
    sksetrbid,
    skver,
)
from hems_data_collector.skstack.states import TRANSITIONS, Action, Input

METER = "FE80:0000:0000:0000:021C:6400:0000:0001"
OTHER = "FE80:0000:0000:0000:021C:6400:0000:0002"
RBID = "00112233445566778899AABBCCDDEEFF"
SEND = sksendto(DUAL_STACK, METER, b"\x10\x81")
EVENT_29 = Event(number=0x29, address=METER)
LINE_29 = f"EVENT 29 {METER}\r\n".encode()


def feed(connection: Connection, data: bytes) -> list[ModemEvent]:
    connection.receive_data(data)
    events = []
    while (event := connection.next_event()) is not None:
        events.append(event)
    return events


def done(*answers: Version, text: str = "") -> CommandDone:
    return CommandDone(command=skver(), ok=True, answers=answers, text=text)


def test_the_table_answers_every_input_in_every_state() -> None:
    assert set(TRANSITIONS) == {(state, happened) for state in State for happened in Input}


def test_every_state_can_be_reached_and_left() -> None:
    reached = {after for (before, _), (after, _) in TRANSITIONS.items() if after is not before}
    left = {before for (before, _), (after, _) in TRANSITIONS.items() if after is not before}
    assert reached == left == set(State)


def test_the_table_drops_one_echo_and_refuses_a_second_command() -> None:
    for (state, happened), (after, action) in TRANSITIONS.items():
        if happened is Input.ECHO:
            assert (action is Action.DROP) == (state in (State.STATUS, State.ADDRESS))
        if happened in (Input.SEND, Input.SEND_FOR_ADDRESS) and state is not State.IDLE:
            assert (after, action) == (state, Action.REFUSE)


def test_a_second_command_is_refused_and_changes_nothing() -> None:
    connection = Connection()
    connection.send(skver())
    with pytest.raises(RuntimeError, match="SKINFO must wait"):
        connection.send(skinfo())
    assert connection.pending == skver()
    assert feed(connection, b"EVER 1.2.10\r\nOK\r\n") == [done(Version(text="1.2.10"))]
    assert connection.send(skinfo()) == b"SKINFO\r\n"


def test_the_error_of_a_second_command_holds_no_secret() -> None:
    connection = Connection()
    connection.send(sksetrbid(RBID))
    with pytest.raises(RuntimeError) as caught:
        connection.send(sksetpwd("0123456789AB"))
    assert RBID not in str(caught.value)
    assert "0123456789AB" not in str(caught.value)


def test_busy_lasts_from_send_to_the_final_line() -> None:
    connection = Connection()
    assert not connection.busy
    assert connection.state is State.IDLE
    connection.send(skver())
    assert connection.busy
    assert connection.state is State.STATUS
    feed(connection, b"SKVER\r\nEVER 1\r\n")
    assert connection.busy
    assert connection.state is State.STATUS_ECHOED
    feed(connection, b"OK\r\n")
    assert not connection.busy
    assert connection.pending is None


@pytest.mark.parametrize("echo", [b"", b"SKVER\r\n", b"SKVER \r\n", b"\r\n", b"\r\nSKVER\r\n", b"SKVERsomething\r\n"])
def test_an_echo_is_dropped_and_never_required(echo: bytes) -> None:
    connection = Connection()
    connection.send(skver())
    assert feed(connection, echo + b"EVER 1\r\nOK\r\n") == [done(Version(text="1"))]


def test_an_echo_is_dropped_only_once() -> None:
    connection = Connection()
    connection.send(skver())
    assert feed(connection, b"SKVER\r\nSKVER\r\nEVER 1\r\nOK\r\n") == [
        Unparsed(raw=b"SKVER"),
        done(Version(text="1")),
    ]
    assert connection.undecodable == 1


def test_an_echo_of_another_command_is_not_ours() -> None:
    connection = Connection()
    connection.send(skver())
    assert feed(connection, b"SKINFO\r\nSKVER\r\nEVER 1\r\nOK\r\n")[0] == Unparsed(raw=b"SKINFO")


def test_an_event_before_the_echo_does_not_hide_the_echo() -> None:
    connection = Connection()
    connection.send(skver())
    assert feed(connection, LINE_29 + b"SKVER\r\n" + LINE_29 + b"EVER 1\r\n" + LINE_29 + b"OK\r\n") == [
        EVENT_29,
        EVENT_29,
        EVENT_29,
        done(Version(text="1")),
    ]


@pytest.mark.parametrize("typed", [b"SK", b"SKVER", b"\x00SKVER"])
def test_an_event_glued_to_the_echo_is_not_lost(typed: bytes) -> None:
    connection = Connection()
    connection.send(skver())
    events = feed(connection, typed + LINE_29 + b"EVER 1\r\nOK\r\n")
    assert events == [EVENT_29, done(Version(text="1"))]


def test_a_datagram_glued_to_the_echo_counts_as_the_echo() -> None:
    connection = Connection()
    connection.send(SEND)
    line = f"SKSENDTOERXUDP {METER} {OTHER} 0E1A 0E1A 001C640000000001 1 0 0002 1081\r\n".encode()
    (datagram,) = feed(connection, line)
    assert isinstance(datagram, RxUdp)
    assert datagram.payload == b"\x10\x81"
    assert connection.state is State.STATUS_ECHOED


def test_a_pan_header_glued_to_the_echo_opens_the_block() -> None:
    connection = Connection()
    connection.send(skver())
    rows = b"  Channel:33\r\n  Channel Page:09\r\n  Pan ID:12A4\r\n  Addr:001C6400030C12A4\r\n  LQI:CA\r\n"
    events = feed(connection, b"SKVEREPANDESC\r\n" + rows + b"EVER 1\r\nOK\r\n")
    assert [type(event).__name__ for event in events] == ["PanDescription", "CommandDone"]


@pytest.mark.parametrize(
    ("parameters", "transmission"),
    [
        ([], Transmission.UNCONFIRMED),
        (["00"], Transmission.SENT),
        (["01"], Transmission.FAILED),
        (["02"], Transmission.UNCONFIRMED),
        (["02", "00"], Transmission.SENT),
        (["00", "01"], Transmission.FAILED),
        (["00", "02"], Transmission.UNCONFIRMED),
        (["7F"], Transmission.UNCONFIRMED),
    ],
)
def test_the_last_event_21_before_ok_counts(parameters: list[str], transmission: Transmission) -> None:
    connection = Connection()
    connection.send(SEND)
    lines = "".join(f"EVENT 21 {METER} 0 {parameter}\r\n" for parameter in parameters)
    *_, last = feed(connection, lines.encode() + b"OK\r\n")
    assert last == CommandDone(command=SEND, ok=True, transmission=transmission)


def test_event_21_of_another_destination_does_not_count() -> None:
    connection = Connection()
    connection.send(SEND)
    *_, last = feed(connection, f"EVENT 21 {OTHER} 0 00\r\nOK\r\n".encode())
    assert last == CommandDone(command=SEND, ok=True, transmission=Transmission.UNCONFIRMED)


def test_event_21_after_ok_belongs_to_nobody() -> None:
    connection = Connection()
    connection.send(SEND)
    first, second = feed(connection, f"OK\r\nEVENT 21 {METER} 0 01\r\n".encode())
    assert first == CommandDone(command=SEND, ok=True, transmission=Transmission.UNCONFIRMED)
    assert second == Event(number=0x21, address=METER, side=0, parameter=1)


def test_a_refused_sksendto_transmitted_nothing() -> None:
    connection = Connection()
    connection.send(SEND)
    *_, last = feed(connection, f"EVENT 21 {METER} 0 00\r\nFAIL ER10\r\n".encode())
    assert last == CommandDone(command=SEND, ok=False, failure=Fail(code=10))


def test_only_sksendto_has_a_transmission() -> None:
    connection = Connection()
    connection.send(sksend(1, b"x"))
    *_, last = feed(connection, f"EVENT 21 {METER} 0 00\r\nOK\r\n".encode())
    assert last == CommandDone(command=sksend(1, b"x"), ok=True)


def test_skll64_waits_for_its_address_past_a_stale_ok() -> None:
    command, connection = skll64("001C640000000001"), Connection()
    connection.send(command)
    assert feed(connection, b"OK\r\n") == [Ok()]
    assert feed(connection, METER.encode() + b"\r\n") == [
        CommandDone(command=command, ok=True, answers=(Address(address=METER),))
    ]


def test_skll64_may_be_refused() -> None:
    command, connection = skll64("001C640000000001"), Connection()
    connection.send(command)
    assert feed(connection, b"SKLL64 001C640000000001\r\nFAIL ER06\r\n") == [
        CommandDone(command=command, ok=False, failure=Fail(code=6))
    ]


def test_a_bare_address_does_not_answer_another_command() -> None:
    connection = Connection()
    connection.send(skver())
    assert feed(connection, METER.encode() + b"\r\n") == [Address(address=METER)]
    assert connection.busy


def test_without_a_command_every_line_comes_out_by_itself() -> None:
    connection = Connection()
    assert feed(connection, b"OK\r\nFAIL ER04\r\nEVER 1\r\nSKVER\r\n") == [
        Ok(),
        Fail(code=4),
        Version(text="1"),
        Unparsed(raw=b"SKVER"),
    ]


def test_a_pong_is_an_event_of_its_own() -> None:
    connection = Connection()
    connection.send(skping(METER))
    assert feed(connection, f"OK\r\nEPONG {METER}\r\n".encode()) == [
        CommandDone(command=skping(METER), ok=True),
        Pong(address=METER),
    ]


@pytest.mark.parametrize("end", [b"\r", b"\r\n"])
def test_a_product_command_takes_either_line_end(end: bytes) -> None:
    connection = Connection()
    connection.send(ropt())
    assert feed(connection, b"FAIL ER04" + end)[:1] == [CommandDone(command=ropt(), ok=False, failure=Fail(code=4))]
    connection.send(skver())
    assert feed(connection, b"SKVER\r\nEVER 1\r\nOK\r\n") == [done(Version(text="1"))]
    assert connection.undecodable == 0


def test_an_event_in_front_of_a_cr_only_answer_is_read() -> None:
    connection = Connection()
    connection.send(ropt())
    assert feed(connection, LINE_29 + b"OK 01\r") == [EVENT_29, CommandDone(command=ropt(), ok=True, text="01")]


def test_a_late_cr_only_answer_comes_out_without_waiting_for_more() -> None:
    connection = Connection()
    connection.send(ropt())
    connection.abandon()
    assert feed(connection, b"OK 01\r") == [Ok(text="01")]


def test_after_another_command_cr_alone_ends_no_line() -> None:
    connection = Connection()
    connection.send(ropt())
    connection.abandon()
    connection.send(skver())
    assert feed(connection, b"OK\r") == []
    assert feed(connection, b"\n") == [done()]


def test_a_late_cr_only_answer_does_not_end_the_next_command() -> None:
    connection = Connection()
    connection.send(ropt())
    connection.abandon()
    connection.send(skver())
    events = feed(connection, b"OK 01\rSKVER\r\nEVER 1\r\nOK\r\n")
    assert events == [Unparsed(raw=b"OK 01\rSKVER"), done(Version(text="1"))]


def test_abandoning_returns_to_idle_with_an_empty_line() -> None:
    connection = Connection()
    connection.send(skver())
    assert connection.abandon() == b"\r\n"
    assert not connection.busy
    assert connection.send(skinfo()) == b"SKINFO\r\n"


@pytest.mark.parametrize("size", [1, 2, 14, 1231, 1232])
def test_abandoning_a_datagram_fills_what_the_module_still_waits_for(size: int) -> None:
    connection = Connection()
    connection.send(sksendto(SINGLE_STACK, METER, b"x" * size))
    filler = connection.abandon()
    assert set(filler) == set(b"\r\n")
    assert len(filler) >= size + 2
    assert filler.endswith(b"\r\n")


def test_after_abandoning_a_late_end_is_an_event() -> None:
    connection = Connection()
    connection.send(skver())
    connection.abandon()
    assert feed(connection, b"EVER 1\r\nOK\r\n") == [Version(text="1"), Ok()]


def test_abandoning_in_the_middle_of_a_table_leaves_no_block_open() -> None:
    connection = Connection()
    connection.receive_data(b"ENBR\r\nrow\r\n")
    connection.abandon()
    assert feed(connection, b"hello\r\n")[-1] == Unparsed(raw=b"hello")


def test_bytes_that_came_before_a_command_do_not_answer_it() -> None:
    connection = Connection()
    connection.receive_data(b"OK\r\n")
    connection.send(skver())
    assert connection.next_event() == Ok()
    assert connection.busy


def test_flush_gives_up_the_rest_of_a_cut_datagram() -> None:
    connection = Connection(payload_mode=PayloadMode.BINARY)
    connection.send(skver())
    head = f"ERXUDP {METER} {OTHER} 0E1A 0E1A 001C640000000001 1 0 0100 ".encode()
    assert feed(connection, head + b"\x10\x81\r\nEVER 1\r\nOK\r\n") == []
    connection.flush()
    assert connection.next_event() == Unparsed(raw=head + b"\x10\x81")
    assert connection.next_event() == done(Version(text="1"))


def test_flush_leaves_an_unfinished_line_alone() -> None:
    connection = Connection()
    connection.receive_data(b"EVER")
    connection.flush()
    assert connection.next_event() is None
    assert feed(connection, b" 1\r\n") == [Version(text="1")]


def test_the_payload_mode_can_be_told() -> None:
    connection = Connection()
    assert connection.payload_mode is None
    connection.payload_mode = PayloadMode.HEX
    head = f"ERXUDP {METER} {OTHER} 0E1A 0E1A 001C640000000001 1 0 0002 ".encode()
    assert feed(connection, head + b"10\r\n") == [Unparsed(raw=head + b"10")]


def test_both_directions_are_kept_masked_for_the_log() -> None:
    connection = Connection()
    connection.send(sksetpwd("0123456789AB"))
    connection.receive_data(b"SKSETPWD C 0123456789AB\r\n\r\nOK\r\n")
    assert connection.take_lines() == ["> SKSETPWD ****", "< SKSETPWD ****", "< OK"]
    assert connection.take_lines() == []


@pytest.mark.parametrize("command", [sksetpwd("0123456789AB"), sksetrbid(RBID)], ids=["password", "id"])
def test_a_torn_echo_of_a_secret_shows_nowhere(command: Command) -> None:
    secret, echo = command.arguments[-1], command.wire
    pieces = {secret[at : at + 4] for at in range(len(secret) - 3)}
    for cut in range(1, len(echo) - 2):
        connection = Connection()
        connection.send(command)
        events = feed(connection, echo[:cut] + LINE_29 + echo[cut:] + b"OK\r\n")
        assert EVENT_29 in events
        assert not connection.busy
        shown = "\n".join((*connection.take_lines(), *map(repr, events), *map(str, events)))
        assert not [piece for piece in pieces if piece in shown.replace(METER, "")]


def test_nobody_has_to_take_the_lines() -> None:
    connection = Connection()
    for _ in range(1000):
        connection.receive_data(LINE_29)
    assert len(connection.take_lines()) == 200
