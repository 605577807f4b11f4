"""A modem whose lines lose bytes: what comes after is read, after half a second of quiet at the latest."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import pytest

from hems_data_collector.clock import LoopClock
from hems_data_collector.errors import PortLost
from hems_data_collector.link.counters import LinkCounters
from hems_data_collector.link.modem import Modem
from hems_data_collector.skstack import Event, ModemEvent, Unparsed, skver
from support.virtual_time import virtual

HEADER = (
    b"ERXUDP FE80:0000:0000:0000:021D:1290:1234:5678 FE80:0000:0000:0000:021D:1290:1234:ABCD 0E1A 0E1A "
    b"001D129012345678 1 "
)
FRAME = bytes.fromhex("1081000102880105FF017201E704000001F8")


class Port:
    """An open port: the test says what comes."""

    def __init__(self) -> None:
        self.coming: asyncio.Queue[bytes | None] = asyncio.Queue()
        self.broken = False

    async def read(self) -> bytes:
        data = await self.coming.get()
        if data is None:
            raise PortLost("The port went away.")
        return data

    async def write(self, data: bytes) -> None:
        if self.broken:
            self.coming.put_nowait(None)
            await asyncio.sleep(1)
            raise PortLost("The port went away.")

    async def close(self) -> None:
        """Nothing to let go of."""


def opened() -> tuple[Port, Modem, list[ModemEvent], LinkCounters]:
    port, events, counters = Port(), list[ModemEvent](), LinkCounters()
    clock = LoopClock(datetime(2026, 1, 15, tzinfo=UTC))
    modem = Modem(port, clock=clock, on_event=events.append, on_lost=lambda _: None, counters=counters)
    return port, modem, events, counters


@virtual
async def test_a_datagram_that_promises_more_than_comes_holds_nothing_up() -> None:
    """The length says 0x0212 instead of 0x0012: half a thousand bytes of the lines behind it would be its data."""
    port, modem, events, counters = opened()
    port.coming.put_nowait(HEADER + b"0212 " + FRAME + b"\r\n")
    await asyncio.sleep(0.6)
    assert [type(event) for event in events] == [Unparsed]
    assert counters.undecodable_lines == 1
    port.coming.put_nowait(b"EVENT 26 FE80::1\r\n")
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert isinstance(events[-1], Event)
    await modem.close()


@virtual
async def test_an_answer_behind_such_a_datagram_is_in_time() -> None:
    port, modem, _, _ = opened()
    asking = asyncio.create_task(modem.execute(skver()))
    await asyncio.sleep(0)
    port.coming.put_nowait(HEADER + b"0212 " + FRAME + b"\r\nEVER 1.2.10\r\nOK\r\n")
    assert (await asking).ok
    assert asyncio.get_running_loop().time() == pytest.approx(0.5)
    await modem.close()


@virtual
async def test_a_datagram_in_pieces_is_waited_for() -> None:
    """Data may hold the bytes of a line end; a pause of less than half a second is no end."""
    port, modem, events, _ = opened()
    frame = FRAME.replace(b"\x00\x00\x01\xf8", b"\x0d\x0a\x01\xf8")
    line = HEADER + b"0012 " + frame + b"\r\n"
    for piece in (line[:-4], line[-4:-3], line[-3:]):
        port.coming.put_nowait(piece)
        await asyncio.sleep(0.4)
    assert [getattr(event, "payload", None) for event in events] == [frame]
    await modem.close()


@virtual
async def test_a_port_that_goes_away_while_written_to_is_one_error(caplog: pytest.LogCaptureFixture) -> None:
    port, modem, _, _ = opened()
    port.broken = True
    with pytest.raises(PortLost):
        await modem.execute(skver())
    await modem.close()
    del port, modem
    assert not caplog.records  # asyncio complains of an exception that nobody looked at
