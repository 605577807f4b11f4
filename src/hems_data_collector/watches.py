"""Meters that are read by the clock: each with its schedule and its poller, those on one stick in turns."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Sequence
from typing import Any

from hems_data_collector.clock import Clock
from hems_data_collector.collector.backfill import Backfill
from hems_data_collector.collector.minutes import Minutes
from hems_data_collector.collector.poller import Poller
from hems_data_collector.collector.recorder import Recorder
from hems_data_collector.collector.schedule import IntervalSchedule
from hems_data_collector.collector.shared_stick import Gate, SharedStick, Turn
from hems_data_collector.collector.ticker import Ticker
from hems_data_collector.config import Settings
from hems_data_collector.link.session import SessionState
from hems_data_collector.meter_name import for_meter
from hems_data_collector.meters import Meter
from hems_data_collector.notify import Service
from hems_data_collector.readings import Reading, Record
from hems_data_collector.store.database import Database
from hems_data_collector.supervision import named

Publish = Callable[[Reading, Record], None]


class Watch:
    """A meter that is read whenever its schedule says so, and its past in the time between."""

    def __init__(
        self,
        meter: Meter,
        database: Database,
        recorder: Recorder,
        settings: Settings,
        *,
        clock: Clock,
        publish: Publish,
        service: Service,
        shares: bool = False,
        shift: float = 0.0,
    ) -> None:
        """`shares`: other meters are on the same stick. `shift` is as in `IntervalSchedule`."""
        self.meter = meter
        self.ticker = Ticker(meter.own.schedule or IntervalSchedule(meter.own.interval, shift=shift), clock=clock)
        self.gate = Gate(meter.link) if shares else None
        self.poller = Poller(
            meter.reader,
            self.ticker,
            clock=clock,
            zone=settings.zone,
            wait_until_up=self._up if self.gate is None else self.gate.passed,
            recorder=recorder,
            publish=service.follow(meter.name, meter.link, publish),
            recall=recorder.recall,
            minutes=Minutes(
                meter.reader, clock=clock, zone=settings.zone, recall=recorder.recall_minutes, record=recorder.minutes
            ),
            backfill=backfill_of(meter, database, recorder, settings, clock=clock),
            meter_name=meter.name,
        )
        meter.client.on_notification = self.poller.notified
        self.poller.on_profile = meter.remember_profile
        self.task = "poller" if meter.name is None else f"poller of {meter.name}"
        if not shares:
            service.expect(self.task, lambda: self.ticker.due.is_set() and meter.link.state is SessionState.UP)

    async def _up(self) -> None:
        await self.meter.link.wait_until(SessionState.UP)

    def work(self) -> list[Coroutine[Any, Any, None]]:
        """What goes on for ever, each to be a task of its own; the link of one that shares a stick is kept by that."""
        each = [self.ticker.run(), named(self.task, self.poller.run())]
        if self.gate is None:
            each.append(self.meter.link.keep())
        return [for_meter(self.meter.name, work) for work in each]


def watch_all(
    meters: Sequence[Meter],
    database: Database,
    recorder: Recorder,
    settings: Settings,
    *,
    clock: Clock,
    publish: Publish,
    service: Service,
) -> list[Coroutine[Any, Any, None]]:
    """Everything that goes on for ever so that `meters` are read, each to be a task of its own."""
    work: list[Coroutine[Any, Any, None]] = []
    on_port: dict[str, list[Meter]] = {}
    for meter in meters:
        on_port.setdefault(meter.own.port, []).append(meter)
    for number, together in enumerate(on_port.values()):
        shares = len(together) > 1 and together[0].takes_turns
        watches = [
            Watch(
                meter,
                database,
                recorder,
                settings,
                clock=clock,
                publish=publish,
                service=service,
                shares=shares,
                shift=number / len(on_port),  # or else a thousand sticks would be asked in one moment
            )
            for meter in together
        ]
        work += [each for watch in watches for each in watch.work()]
        if shares:
            work.append(SharedStick([_turn(watch, clock) for watch in watches], clock=clock).run())
    return work


def _turn(watch: Watch, clock: Clock) -> Turn:
    assert watch.gate is not None
    meter = watch.meter
    return Turn(meter.name, meter.link, watch.gate, watch.ticker, watch.poller, clock=clock)


def backfill_of(
    meter: Meter,
    database: Database,
    recorder: Recorder,
    settings: Settings,
    *,
    clock: Clock,
    on_slots: Callable[[int, int], None] = lambda done, expected: None,
) -> Backfill:
    """What fills the ledger of `meter`."""
    return Backfill(
        meter.reader,
        database,
        clock=clock,
        zone=settings.zone,
        spacing_s=settings.backfill_spacing,
        record=recorder.store,
        mark_absent=recorder.mark_absent,
        on_progress=on_slots,
    )
