"""A host on the emulator's port, on virtual time: say something, and see every byte that comes within some seconds."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime
from typing import Any

from hems_data_collector.clock import LoopClock
from hems_data_collector.emulator import EmulatedPort, Emulator, EmulatorSettings
from support.virtual_time import run_virtual

METER = "FE80:0000:0000:0000:021C:6400:0000:0001"
METER_MAC = "001C640000000001"
SINGLE = "FE80:0000:0000:0000:021D:1290:0000:0574"
DUAL = "FE80:0000:0000:0000:021D:1291:0000:0574"
NOON_UTC = datetime(2026, 1, 15, 3, 0, tzinfo=UTC)
"""Noon on the meter's clock."""
GET_POWER = "1081000105FF010288016201E700"


class Bench:
    """One emulator with its port open."""

    def __init__(self, query: str, start: datetime = NOON_UTC) -> None:
        self.emulator = Emulator(EmulatorSettings.from_query(query), clock=LoopClock(start))
        self.port: EmulatedPort = self.emulator.open_port()
        dual = self.emulator.settings.module != "j11" and self.emulator.modem.has_side
        self.side = " 0" if dual else ""

    async def hear(self, seconds: float) -> bytes:
        """Everything that the module prints in that time."""
        heard = b""
        try:
            async with asyncio.timeout(seconds):
                while True:
                    heard += await self.port.read()
        except TimeoutError:
            return heard

    async def hear_until(self, moment: float) -> bytes:
        """Everything that the module prints until that many seconds after the loop began."""
        return await self.hear(moment - asyncio.get_running_loop().time())

    async def say(self, data: str | bytes, seconds: float = 0.1) -> bytes:
        """Send bytes (text: one line with CR LF), and hear what comes in that time."""
        await self.port.write(data if isinstance(data, bytes) else data.encode() + b"\r\n")
        return await self.hear(seconds)

    async def prepare(self, password: str = "0123456789AB", echo: bool = False) -> None:
        """Echo off (unless wanted), credentials, channel and PAN."""
        lines = [] if echo else ["SKSREG SFE 0"]
        lines += [f"SKSETPWD C {password}", "SKSETRBID 00112233445566778899AABBCCDDEEFF"]
        for line in (*lines, "SKSREG S2 33", "SKSREG S3 12A4"):
            assert (await self.say(line)).endswith(b"OK\r\n")

    async def join(self, *, echo: bool = False) -> bytes:
        """Prepare and join; what was heard from SKJOIN to the instance list."""
        await self.prepare(echo=echo)
        heard = await self.say(f"SKJOIN {METER}", 15)
        assert b"EVENT 25" in heard
        return heard

    def header(self, size: int, *, sec: int = 1, address: str = METER, port: str = "0E1A") -> bytes:
        """The header of SKSENDTO in the module's dialect."""
        return f"SKSENDTO 1 {address} {port} {sec}{self.side} {size:04X} ".encode()

    async def request(self, frame: str, seconds: float = 5.0, **header: Any) -> bytes:
        """Send a datagram given in hex; what was heard."""
        data = bytes.fromhex(frame)
        return await self.say(self.header(len(data), **header) + data, seconds)


def on_bench(
    query: str = "", start: datetime = NOON_UTC
) -> Callable[[Callable[[Bench], Coroutine[Any, Any, None]]], Callable[[], None]]:
    """Turn `async def test(bench)` into a test on virtual time with an emulator of these settings.

    Losses are off unless the query has them, so that a test sees every answer.
    """

    def decorate(test: Callable[[Bench], Coroutine[Any, Any, None]]) -> Callable[[], None]:
        def run() -> None:
            async def scenario() -> None:
                await test(Bench(query if "loss=" in query else f"loss=0&{query}", start))

            run_virtual(scenario(), limit_s=1e7)

        run.__name__, run.__doc__, run.__module__ = test.__name__, test.__doc__, test.__module__
        return run

    return decorate
