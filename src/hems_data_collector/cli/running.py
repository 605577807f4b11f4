"""The runs of the collector in one process: until a signal ends it, and anew with other settings after a reload."""

from __future__ import annotations

import asyncio
import logging
import signal
from collections.abc import Callable
from typing import TYPE_CHECKING

from hems_data_collector.cli.progress import terminal_progress
from hems_data_collector.errors import HemsError
from hems_data_collector.notify import Service

if TYPE_CHECKING:
    from hems_data_collector.config import Settings

log = logging.getLogger(__name__)


class Running:
    """One process of the collector.

    The first SIGINT or SIGTERM ends it in order, the second at once, a third by the system. SIGHUP does the same,
    except in a service of systemd: there it reloads. The settings are read and checked while the collector goes on, and
    it begins anew only with good ones; where their outputs or store cannot be used, those from before come back.
    """

    def __init__(self, service: Service, *, read: Callable[[], Settings], prepare: Callable[[Settings], None]) -> None:
        """`read` gives the settings of the moment, or raises ConfigError; `prepare` is called before each run."""
        self._settings = read()
        self._service = service
        self._read = read
        self._prepare = prepare
        self._before: Settings | None = None
        self._next: Settings | None = None
        self._stop = asyncio.Event()
        self._collector: asyncio.Future[int] | None = None
        self._killed_by: signal.Signals | None = None

    async def run(self) -> int:
        """Collect until the collector ends by itself or a signal asks for it; returns the exit code."""
        heard = self._hear()
        try:
            while True:
                try:
                    code = await self._collect()
                except HemsError as error:
                    if self._before is None or self._service.is_ready:
                        raise
                    log.error("%s", error)
                    log.warning("The collector goes on with the settings from before.")
                    self._settings, self._before = self._before, None
                    continue
                if self._next is None:
                    return code
                self._before, self._settings, self._next = self._settings, self._next, None
        except asyncio.CancelledError:
            if self._killed_by is None:
                raise
            return 128 + self._killed_by
        finally:
            for number in heard:
                asyncio.get_running_loop().remove_signal_handler(number)

    async def _collect(self) -> int:
        """One run; returns its exit code."""
        from hems_data_collector.app import run_collector
        from hems_data_collector.live import Endpoint

        self._prepare(self._settings)
        self._stop.clear()
        progress = terminal_progress()
        self._collector = asyncio.ensure_future(
            run_collector(
                self._settings, stop=self._stop, on_progress=progress, endpoint=Endpoint, service=self._service
            )
        )
        try:
            return await self._collector
        finally:
            if progress is not None:
                progress(None)

    def _hear(self) -> list[signal.Signals]:
        loop = asyncio.get_running_loop()
        heard = [signal.SIGINT, signal.SIGTERM]
        if self._service.present:
            loop.add_signal_handler(signal.SIGHUP, self._reload)
        elif signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # as nohup leaves it
            heard.append(signal.SIGHUP)

        def on_signal(number: signal.Signals) -> None:
            if not self._stop.is_set():
                log.info("%s: ending in order. Once more ends at once.", number.name)
                self._stop.set()
            elif self._next is not None:
                self._next = None  # it was ending to begin anew
            else:
                log.warning("%s again: ending at once.", number.name)
                self._killed_by = number
                for each in heard:
                    loop.remove_signal_handler(each)
                    signal.signal(each, signal.SIG_DFL)
                if self._collector is not None:
                    self._collector.cancel()

        for number in heard:
            loop.add_signal_handler(number, on_signal, number)
        return heard

    def _reload(self) -> None:
        if self._stop.is_set():
            return
        self._service.reloading()
        try:
            self._next = self._read()
        except HemsError as error:
            log.error("%s", error)
            log.warning("The collector goes on with the settings it has.")
            self._service.ready()
            return
        log.info("SIGHUP: beginning anew with the settings of this moment.")
        self._stop.set()
