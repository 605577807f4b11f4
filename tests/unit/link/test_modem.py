"""The modem on an open port: one command at a time, absolute deadlines, and what a restart looks like."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from hems_data_collector import skstack
from hems_data_collector.clock import LoopClock
from hems_data_collector.errors import CommandRefused, CommandTimeout, PortError, PortLost
from hems_data_collector.link.counters import LinkCounters
from hems_data_collector.link.modem import COMMAND_TIMEOUT_S, QUIET_S, Modem
from hems_data_collector.skstack import Event, ModemEvent, Transmission
from support.virtual_time import virtual

METER = "FE80:0000:0000:0000:021C:6400:0000:0001"


class Wire:
    """A transport: `answer` makes what the modem prints to each write."""

    def __init__(self, answer: Callable[[bytes], bytes] = lambda _: b"") -> None:
        self.answer = answer
        self.written: list[bytes] = []
        self._printed: asyncio.Queue[bytes] = asyncio.Queue()

    def prints(self, data: bytes) -> None:
        self._printed.put_nowait(data)

    async def read(self) -> bytes:
        data = await self._printed.get()
        if not data:
            raise PortLost("It is gone.")
        return data

    async def write(self, data: bytes) -> None:
        self.written.append(data)
        if answer := self.answer(data):
            self.prints(answer)

    async def close(self) -> None:
        """Nothing to let go of."""


class Bench:
    def __init__(self, answer: Callable[[bytes], bytes] = lambda _: b"") -> None:
        self.wire = Wire(answer)
        self.events: list[ModemEvent] = []
        self.lost: list[PortError] = []
        self.counters = LinkCounters()
        self.modem = Modem(
            self.wire,
            clock=LoopClock(datetime(2026, 1, 15, tzinfo=UTC)),
            on_event=self.events.append,
            on_lost=self.lost.append,
            counters=self.counters,
        )


@virtual
async def test_chatter_never_extends_a_deadline() -> None:
    bench = Bench()

    async def chatter() -> None:
        while True:
            bench.wire.prints(f"EVENT 02 {METER}\r\n".encode())
            await asyncio.sleep(0.1)

    talking = asyncio.create_task(chatter())
    with pytest.raises(CommandTimeout, match="SKVER"):
        await bench.modem.execute(skstack.skver())
    assert asyncio.get_running_loop().time() == pytest.approx(COMMAND_TIMEOUT_S + QUIET_S)
    talking.cancel()
    assert len(bench.events) > 30


@virtual
async def test_a_late_answer_is_not_taken_for_that_of_the_next_command() -> None:
    bench = Bench()
    with pytest.raises(CommandTimeout):
        await bench.modem.execute(skstack.skver())
    bench.wire.prints(b"FAIL ER10\r\n")
    await asyncio.sleep(0.1)
    bench.wire.answer = lambda _: b"OK\r\n"
    assert (await bench.modem.execute(skstack.skreset())).ok


@virtual
async def test_the_empty_line_that_wakes_goes_out_after_a_timeout() -> None:
    bench = Bench()
    with pytest.raises(CommandTimeout):
        await bench.modem.execute(skstack.sksendto(skstack.SINGLE_STACK, METER, b"x" * 14), timeout_s=1)
    assert bench.wire.written[1] == b"\r\n" * 8


@virtual
async def test_a_lost_port_ends_the_command_under_way_and_every_later_one() -> None:
    bench = Bench()
    asyncio.get_running_loop().call_later(1, bench.wire.prints, b"")
    with pytest.raises(PortLost):
        await bench.modem.execute(skstack.skver())
    assert asyncio.get_running_loop().time() == pytest.approx(1)
    with pytest.raises(PortLost):
        await bench.modem.execute(skstack.skver())
    assert len(bench.lost) == 1


@virtual
async def test_an_echo_after_it_was_switched_off_is_a_sign() -> None:
    bench = Bench(lambda data: data + b"EVER 1.2.10\r\nOK\r\n" if data.startswith(b"SKVER") else b"OK\r\n")
    await bench.modem.execute(skstack.skver())
    assert not bench.modem.echo_is_back, "nobody has switched it off yet"
    bench.modem.expect_no_echo()
    await bench.modem.execute(skstack.skreset())
    assert not bench.modem.echo_is_back
    await bench.modem.execute(skstack.skver())
    assert bench.modem.echo_is_back
    bench.modem.ignore_echo()
    assert not bench.modem.echo_is_back


@virtual
async def test_a_refusal_says_why_and_leaves_the_modem_usable() -> None:
    bench = Bench(lambda data: b"FAIL ER10\r\n" if data.startswith(b"SKJOIN") else b"OK\r\n")
    with pytest.raises(CommandRefused, match="could not carry it out") as raised:
        await bench.modem.execute(skstack.skjoin(METER))
    assert raised.value.code == 10
    assert (await bench.modem.execute(skstack.skreset())).ok


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (f"EVENT 21 {METER} 00\r\n", Transmission.SENT),
        (f"EVENT 21 {METER} 01\r\n", Transmission.FAILED),
        (f"EVENT 21 {METER} 02\r\n", Transmission.UNCONFIRMED),
        (f"EVENT 21 {METER} 02\r\nEVENT 02 {METER}\r\nEVENT 21 {METER} 00\r\n", Transmission.SENT),
        (f"EVENT 21 {METER} 02\r\nEVENT 21 {METER} 01\r\n", Transmission.FAILED),
        ("", Transmission.UNCONFIRMED),
        ("EVENT 21 FE80:0000:0000:0000:021C:6400:0000:0002 01\r\n", Transmission.UNCONFIRMED),
    ],
)
@virtual
async def test_event_21_in_all_its_forms(lines: str, expected: Transmission) -> None:
    bench = Bench(lambda _: f"\r\n{lines}OK\r\n".encode())
    done = await bench.modem.execute(skstack.sksendto(skstack.SINGLE_STACK, METER, b"x" * 14))
    assert done.transmission is expected
    assert all(isinstance(event, Event) for event in bench.events)


@virtual
async def test_what_cannot_be_read_is_counted() -> None:
    bench = Bench()
    bench.wire.prints(b"ERXUDP torn\r\nEVENT ZZ\r\n\xff\xfe\r\n")
    await asyncio.sleep(1)
    assert bench.counters.undecodable_lines == 3


@pytest.mark.parametrize("size", [1, 3, 100])
@virtual
async def test_the_mark_of_j11_is_heard_in_whatever_pieces(size: int) -> None:
    bench = Bench()
    data = b"\x00\xd0\xf9" + bytes.fromhex("D0F9EE5D206B000403A80000")
    for at in range(0, len(data), size):
        assert not bench.modem.ear.heard or at > 5
        bench.wire.prints(data[at : at + size])
        await asyncio.sleep(0.01)
    assert bench.modem.ear.heard


@virtual
async def test_what_is_nearly_the_mark_of_j11_is_not() -> None:
    bench = Bench()
    bench.wire.prints(bytes.fromhex("D0F9EE") + b"EVER\r\n" + bytes.fromhex("5D"))
    await asyncio.sleep(1)
    assert not bench.modem.ear.heard
