"""A home network in memory: collectors and emulated meters on it exchange datagrams on virtual time."""

from __future__ import annotations

import asyncio
import errno
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hems_data_collector import app
from hems_data_collector.clock import Clock, LoopClock
from hems_data_collector.config import load_settings
from hems_data_collector.echonet import UDP_PORT
from hems_data_collector.emulator import EmulatorSettings
from hems_data_collector.emulator.wifi import ALL_NODES, WifiMeter
from hems_data_collector.errors import PortNotFound
from hems_data_collector.link import udp
from hems_data_collector.link.udp import Receive
from support.collecting import START, CaptureOutput, QuickDatabase
from support.virtual_time import run_virtual

FLIGHT_S = 0.003
"""One hop over an access point."""


@dataclass(frozen=True)
class Sent:
    """One datagram on the network."""

    at: float
    sender: str
    to: str
    payload: bytes


class Lan:
    """One network, which a machine reaches by each of the interfaces `names`; implements `link.udp.Network`."""

    def __init__(self, *names: str) -> None:
        self.names = names or ("wlan0",)
        self.up = True
        self.nodes: dict[str, Callable[[bytes, str, int], None]] = {}
        self.log: list[Sent] = []
        self.lose: Callable[[Sent], bool] = lambda sent: False
        self._machines = 0

    # --- collectors ----------------------------------------------------------------------------------------------

    def interfaces(self) -> tuple[str, ...]:
        return self.names if self.up else ()

    def open(self, interface: str, receive: Receive) -> LanEndpoint:
        if interface not in self.names or not self.up:
            raise PortNotFound(f"The network interface {interface} is down.", cause="It is.", remedy="Put it up.")
        self._machines += 1
        return LanEndpoint(self, f"fe80::c0:{self._machines:x}", receive)

    # --- meters --------------------------------------------------------------------------------------------------

    def join(self, meter: WifiMeter) -> None:
        """Put a meter on the network and start it."""
        place = meter.address
        self.nodes[place] = meter.receive

        async def move(address: str) -> None:
            nonlocal place
            del self.nodes[place]
            place = address
            self.nodes[place] = meter.receive

        meter.start(lambda payload, to: self.send(place, to, payload), move)

    def send(self, sender: str, to: str, payload: bytes, *, port: int = UDP_PORT) -> None:
        """Carry a datagram to one node or to all others."""
        loop = asyncio.get_running_loop()
        sent = Sent(loop.time(), sender, to, payload)
        self.log.append(sent)
        if not self.lose(sent):
            loop.call_later(FLIGHT_S, self._arrive, sent, port)

    def _arrive(self, sent: Sent, port: int) -> None:
        for address, receive in tuple(self.nodes.items()):
            if address == sent.to or (sent.to == ALL_NODES and address != sent.sender):
                receive(sent.payload, sent.sender, port)


class LanEndpoint:
    """Port 3610 of one machine."""

    def __init__(self, lan: Lan, address: str, receive: Receive) -> None:
        self._lan = lan
        self.address = address
        self._receive = receive
        self._lan.nodes[address] = self._arrived

    def _arrived(self, payload: bytes, sender: str, port: int) -> None:
        if self._lan.up:
            self._receive(payload, sender, port)

    def send(self, payload: bytes, address: str) -> None:
        if not self._lan.up:
            raise OSError(errno.ENETUNREACH, os.strerror(errno.ENETUNREACH))
        self._lan.send(self.address, address, payload)

    def usable(self) -> bool:
        return self._lan.up

    def close(self) -> None:
        self._lan.nodes.pop(self.address, None)


def wifi_meter(query: str, clock: Clock) -> WifiMeter:
    """A second-generation meter unless the query says otherwise."""
    return WifiMeter(EmulatorSettings.from_query(f"release=R&{query}"), clock=clock)


@dataclass
class Run:
    """One collector on the network, and what it gave."""

    lan: Lan
    meters: list[WifiMeter]
    capture: CaptureOutput
    code: int = -1

    @property
    def fields(self) -> list[dict[str, Any]]:
        """The fields of every record."""
        return [dict(record.fields) for record in self.capture.records]


@contextmanager
def wired(lan: Lan, capture: CaptureOutput) -> Iterator[None]:
    """Put the network and a capturing stdout into the wiring."""
    outputs, app.OUTPUTS = app.OUTPUTS, {"stdout": type("One", (CaptureOutput,), {"build": lambda *_, **__: capture})}  # type: ignore[misc]
    opened, app.Database = app.Database, QuickDatabase  # type: ignore[misc]
    network, udp.SystemNetwork = udp.SystemNetwork, lambda: lan  # type: ignore[misc, assignment]
    try:
        yield
    finally:
        app.OUTPUTS = outputs  # type: ignore[misc]
        app.Database = opened  # type: ignore[misc]
        udp.SystemNetwork = network  # type: ignore[misc]


def collect(
    tmp_path: Path,
    seconds: float,
    *queries: str,
    port: str = "wifi:",
    script: Any = None,
    interval: int = 60,
    toml: str | None = None,
) -> Run:
    """Run the collector on a network with one meter for each query, for `seconds` of virtual time.

    `script(run)` is a coroutine function that may interfere meanwhile. The settings file `toml` takes the place of
    `port`.
    """
    flags = {"mode": "interval", "interval": str(interval), "backfill_spacing": "86400"}
    if toml is None:
        flags["port"] = port
    else:
        flags["config"] = str(tmp_path / "config.toml")
        (tmp_path / "config.toml").write_text(toml, encoding="utf-8")
    settings = load_settings({**flags, "output": ["stdout"]}, {"STATE_DIRECTORY": str(tmp_path / "state")}, tmp_path)

    async def run() -> Run:
        clock = LoopClock(START)
        lan = Lan()
        done = Run(lan, [wifi_meter(query, clock) for query in queries], CaptureOutput())
        for meter in done.meters:
            lan.join(meter)
        stop = asyncio.Event()
        asyncio.get_running_loop().call_later(seconds, stop.set)
        with wired(lan, done.capture):
            meddling = None if script is None else asyncio.create_task(script(done))
            done.code = await app.run_collector(settings, stop=stop, clock=clock)
            if meddling is not None:
                await meddling
        return done

    return run_virtual(run())
