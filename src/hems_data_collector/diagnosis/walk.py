"""The walk from the cable to the last output: which step comes after which, what each needs, how long it may take."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from gettext import gettext as _
from random import Random
from typing import Final, Generic, TypeVar

from hems_data_collector.app import register_ports
from hems_data_collector.clock import Clock, SystemClock
from hems_data_collector.config import Settings
from hems_data_collector.diagnosis.collector import ask_collector
from hems_data_collector.diagnosis.context import Around, Context
from hems_data_collector.diagnosis.finding import Finding, State
from hems_data_collector.diagnosis.kinds import found
from hems_data_collector.diagnosis.meter import introduce, join, look_at_clock, read
from hems_data_collector.diagnosis.outputs import look_at_outputs
from hems_data_collector.diagnosis.port import look_at_port
from hems_data_collector.diagnosis.stick import look_around, look_at_credentials, look_at_modem
from hems_data_collector.diagnosis.store import look_at_completeness, look_at_store, owner_of
from hems_data_collector.errors import EXIT_CONFIG, EXIT_NO_METER, EXIT_PORT, EXIT_STORE
from hems_data_collector.language import N_
from hems_data_collector.link.base import OnProgress, Progress
from hems_data_collector.link.wifi_port import WIFI_SCHEME
from hems_data_collector.live import ask
from hems_data_collector.meter_name import about_meter
from hems_data_collector.meter_settings import MeterSettings

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Step(Generic[T]):
    """One step; `look` tells what it finds."""

    name: str
    doing: str
    """What it does, while it lasts; to be translated where it is shown."""
    look: Callable[[T], AsyncGenerator[Finding, None]]
    needs: tuple[str, ...] = ()
    """Steps without which this one cannot be done."""
    limit_s: float
    """More than its own deadlines come to: whatever hangs, the walk goes on."""
    code: int
    """What a step that takes longer counts as (errors.py)."""


OF_METER: Final[tuple[Step[Context], ...]] = (
    Step(name="port", doing=N_("Looking at the port"), look=look_at_port, limit_s=10.0, code=EXIT_PORT),
    Step(
        name="credentials",
        doing=N_("Looking at id and password"),
        look=look_at_credentials,
        limit_s=10.0,
        code=EXIT_CONFIG,
    ),
    Step(
        name="modem", doing=N_("Asking the modem"), look=look_at_modem, needs=("port",), limit_s=120.0, code=EXIT_PORT
    ),
    Step(
        name="scan",
        doing=N_("Looking for the meter"),
        look=look_around,
        needs=("modem", "credentials"),
        limit_s=180.0,
        code=EXIT_NO_METER,
    ),
    Step(
        name="join", doing=N_("Joining the meter"), look=join, needs=("port", "scan"), limit_s=180.0, code=EXIT_NO_METER
    ),
    Step(
        name="meter",
        doing=N_("Asking the meter who it is"),
        look=introduce,
        needs=("join",),
        limit_s=300.0,
        code=EXIT_NO_METER,
    ),
    Step(name="reading", doing=N_("Reading the meter"), look=read, needs=("meter",), limit_s=300.0, code=EXIT_NO_METER),
    Step(
        name="clock",
        doing=N_("Asking the meter for its time"),
        look=look_at_clock,
        needs=("meter",),
        limit_s=180.0,
        code=EXIT_NO_METER,
    ),
)
"""From the port to a reading and the time there, for each meter."""

OF_WIFI: Final = tuple(step for step in OF_METER if step.name not in ("modem", "scan"))
"""The same where there is no stick."""

OF_COLLECTOR: Final[tuple[Step[Context], ...]] = (
    Step(name="join", doing=N_("Joining the meter"), look=ask_collector, limit_s=10.0, code=EXIT_NO_METER),
)
"""Instead of all that, where a running collector has the port."""

OF_ALL: Final[tuple[Step[Around], ...]] = (
    Step(name="store", doing=N_("Looking at the database"), look=look_at_store, limit_s=120.0, code=EXIT_STORE),
    Step(
        name="completeness",
        doing=N_("Counting half hours"),
        look=look_at_completeness,
        needs=("store",),
        limit_s=60.0,
        code=EXIT_STORE,
    ),
    Step(name="outputs", doing=N_("Asking the outputs"), look=look_at_outputs, limit_s=300.0, code=EXIT_CONFIG),
)
"""What is there once for all meters."""


async def diagnose(
    settings: Settings,
    *,
    clock: Clock | None = None,
    rng: Random | None = None,
    on_progress: OnProgress = lambda _progress: None,
    credentials_problem: Finding | None = None,
) -> AsyncGenerator[Finding, None]:
    """Every finding, one after the other, as soon as it is known: for each meter, then for what all share.

    Joins each meter once, unless a running collector has its port, which is asked then. Writes nothing that stays but
    where the meter was found, into a database that is there. `credentials_problem` is told in its place, and nothing is
    tried that needs id and password. Wrap it in `contextlib.aclosing` where it may be left early.
    """
    clock = clock or SystemClock()
    register_ports(settings, clock)
    process = owner_of(settings.database)
    around = Around(
        settings=settings,
        clock=clock,
        rng=rng or Random(),
        on_progress=on_progress,
        credentials_problem=credentials_problem,
        owner=process,
        live=None if process is None else ask(settings.database),
    )
    for own in settings.meters:
        with about_meter(own.name):
            async with aclosing(_of_meter(around, own)) as findings:
                async for finding in findings:
                    yield finding
    async with aclosing(_walked(OF_ALL, around, around, None)) as findings:
        async for finding in findings:
            yield finding


async def _of_meter(around: Around, own: MeterSettings) -> AsyncGenerator[Finding, None]:
    """From the port of one meter to a reading."""
    context = Context(around=around, own=own)
    port, *further = OF_WIFI if context.scheme == WIFI_SCHEME else OF_METER
    try:
        before: set[str] = set()
        async with aclosing(_walked((port,), context, around, own.name, before)) as findings:
            async for finding in findings:
                yield finding
        steps = OF_COLLECTOR if context.asked is not None else further
        async with aclosing(_walked(steps, context, around, own.name, before)) as findings:
            async for finding in findings:
                yield finding
    finally:
        around.on_progress(None)
        await context.held.aclose()


async def _walked(
    steps: Sequence[Step[T]], about: T, around: Around, meter: str | None, missing: set[str] | None = None
) -> AsyncGenerator[Finding, None]:
    """The findings of `steps` in order; `missing` are the steps that have failed, and grows."""
    missing = set() if missing is None else missing
    names = {step.name for step in steps} | missing
    for step in steps:
        if any(need in missing for need in step.needs if need in names):
            missing.add(step.name)
            yield found("needs", meter=meter, step=step.name)
            continue
        async with aclosing(_limited(step, about, around, meter)) as findings:
            async for finding in findings:
                if finding.state is State.FAILED:
                    missing.add(step.name)
                yield finding


async def _limited(step: Step[T], about: T, around: Around, meter: str | None) -> AsyncGenerator[Finding, None]:
    """What one step finds within its time."""
    clock, doing = around.clock, Progress(text=_(step.doing))
    ends_at = clock.monotonic() + step.limit_s
    async with aclosing(step.look(about)) as findings:
        while True:
            around.on_progress(doing)
            try:
                finding = await clock.wait_for(anext(findings), max(0.0, ends_at - clock.monotonic()))
            except StopAsyncIteration:
                return
            except TimeoutError:
                yield found("late", meter=meter, step=step.name, seconds=f"{step.limit_s:.0f}", exit_code=step.code)
                return
            finally:
                around.on_progress(None)
            yield finding
