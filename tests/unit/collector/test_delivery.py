"""Each output on its own lane, on virtual time: order, backoff, pauses, refusals, bounds, and the end."""

from __future__ import annotations

import asyncio
import itertools
import logging
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from random import Random

import pytest

from hems_data_collector.clock import LoopClock
from hems_data_collector.collector.delivery import Delivery, Health, OutputState
from hems_data_collector.errors import (
    ConfigError,
    OutputClosed,
    OutputPaused,
    OutputRejected,
)
from hems_data_collector.outputs.base import Output
from hems_data_collector.readings import READING_KIND, Record
from support.records import half_hour, record, records
from support.scripted import Far, Highest, unavailable
from support.virtual_time import run_virtual

START = datetime(2025, 4, 1, 3, 0, tzinfo=UTC)
LOGGER = "hems_data_collector.collector"


def keys(count: int) -> list[str]:
    return [item.key for item in records(count)]


async def running(*outputs: Output, rng: Random | None = None, on_closed: Callable[[], None] | None = None) -> Delivery:
    delivery = Delivery(outputs, None, LoopClock(START), rng or Highest(), on_closed)
    await delivery.open()
    delivery.start()
    return delivery


def state(delivery: Delivery) -> OutputState:
    (only,) = delivery.states()
    return only


def test_every_output_gets_every_record_in_order_and_at_once() -> None:
    async def scenario() -> None:
        one, other = Far(name="one"), Far(name="other", batch_size=3)
        delivery = await running(one, other)
        for item in records(7):
            delivery.submit(item)
            await asyncio.sleep(0.5)
        assert one.taken == other.taken == [(0.5 * index, key) for index, key in enumerate(keys(7))]
        await delivery.close(1.0)
        assert (one.opened, one.closed, other.closed) == (1, 1, 1)

    run_virtual(scenario())


def test_a_hanging_and_a_failing_output_hold_up_no_other() -> None:
    async def scenario() -> None:
        hanging, failing, one, other = Far(name="a"), Far(name="b"), Far(name="c"), Far(name="d")
        hanging.always, failing.always = 1e9, unavailable()
        delivery = await running(hanging, failing, one, other)
        for item in records(100):
            delivery.submit(item)
            await asyncio.sleep(300.0)
        on_time = [(300.0 * index, key) for index, key in enumerate(keys(100))]
        assert (one.taken, other.taken) == (on_time, on_time)
        assert (hanging.taken, failing.taken) == ([], [])
        assert [(s.health, s.waiting, s.delivered) for s in delivery.states()] == [
            (Health.OK, 100, 0),
            (Health.RETRYING, 100, 0),
            (Health.OK, 0, 100),
            (Health.OK, 0, 100),
        ]
        before = asyncio.get_running_loop().time()
        await delivery.close(2.0)
        assert asyncio.get_running_loop().time() - before <= 3.0
        assert [output.closed for output in (hanging, failing, one, other)] == [1, 1, 1, 1]

    run_virtual(scenario())


def test_what_an_output_does_not_take_is_not_for_it() -> None:
    class ReadingsOnly(Far):
        def takes(self, kind: str) -> bool:
            return kind == READING_KIND

    async def scenario() -> None:
        one, other = ReadingsOnly(), Far(name="other")
        delivery = await running(one, other)
        for item in (record(0), half_hour(0), record(1), half_hour(1)):
            delivery.submit(item)
        await delivery.close(1.0)
        assert one.keys == keys(2)
        assert other.keys == [record(0).key, half_hour(0).key, record(1).key, half_hour(1).key]
        assert [(s.delivered, s.rejected, s.dropped) for s in delivery.states()] == [(2, 0, 0), (4, 0, 0)]

    run_virtual(scenario())


def test_records_given_before_the_start_are_delivered_in_batches() -> None:
    async def scenario() -> None:
        far = Far(batch_size=4)
        delivery = Delivery([far], None, LoopClock(START), Highest())
        for item in records(10):
            delivery.submit(item)
        delivery.start()
        await delivery.close(1.0)
        assert [batch for _, batch in far.calls] == [tuple(keys(10)[:4]), tuple(keys(10)[4:8]), tuple(keys(10)[8:])]

    run_virtual(scenario())


def test_what_deliver_returned_is_given_to_the_next_call_only_after_success() -> None:
    async def scenario() -> None:
        far = Far(None, unavailable(), None, None)
        delivery = await running(far)
        for item in records(3):
            delivery.submit(item)
        await asyncio.sleep(10)
        assert far.checkpoints == [None, b"1", b"1", b"2"]
        await delivery.close(1.0)

    run_virtual(scenario())


def test_retries_back_off_to_five_minutes_and_heal() -> None:
    async def scenario() -> None:
        far = Far(*[unavailable()] * 12)
        delivery = await running(far)
        delivery.submit(record())
        await asyncio.sleep(3000)
        times = [at for at, _ in far.calls]
        assert [after - before for before, after in itertools.pairwise(times)] == [
            1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 300.0, 300.0, 300.0,
        ]  # fmt: skip
        assert far.keys == keys(1)
        assert state(delivery).health is Health.OK
        await delivery.close(1.0)

    run_virtual(scenario())


def test_after_healing_the_backoff_begins_anew() -> None:
    async def scenario() -> None:
        far = Far(*[unavailable()] * 5, None, unavailable())
        delivery = await running(far)
        delivery.submit(record(0))
        await asyncio.sleep(100)
        delivery.submit(record(1))
        await asyncio.sleep(100)
        assert far.taken == [(31.0, keys(2)[0]), (101.0, keys(2)[1])]
        await delivery.close(1.0)

    run_virtual(scenario())


def test_waits_are_random_over_the_whole_range() -> None:
    async def first_wait(seed: int) -> float:
        far = Far(unavailable())
        delivery = await running(far, rng=Random(seed))
        delivery.submit(record())
        await asyncio.sleep(5)
        await delivery.close(0)
        return far.calls[1][0]

    waits = sorted(run_virtual(first_wait(seed)) for seed in range(200))
    assert 0.0 <= waits[0] < 0.05
    assert 0.95 < waits[-1] <= 1.0
    assert 0.4 < sum(waits) / len(waits) < 0.6


def test_a_month_of_failures_does_not_break_the_backoff() -> None:
    async def scenario() -> None:
        far = Far(*[unavailable()] * 9000)
        delivery = await running(far)
        delivery.submit(record())
        await asyncio.sleep(32 * 86_400)
        assert far.keys == keys(1)
        await delivery.close(0)

    run_virtual(scenario())


@pytest.mark.parametrize(("asked", "waited"), [(0.0, 1.0), (0.5, 1.0), (47.0, 47.0), (3600.0, 3600.0)])
def test_retry_after_is_honoured(asked: float, waited: float) -> None:
    async def scenario() -> None:
        far = Far(unavailable(asked))
        delivery = await running(far)
        delivery.submit(record())
        await asyncio.sleep(4000)
        assert far.taken == [(waited, keys(1)[0])]
        await delivery.close(0)

    run_virtual(scenario())


def test_a_new_record_does_not_cut_a_wait_short() -> None:
    async def scenario() -> None:
        far = Far(unavailable(60.0))
        delivery = await running(far)
        delivery.submit(record(0))
        await asyncio.sleep(10)
        delivery.submit(record(1))
        await asyncio.sleep(100)
        assert [at for at, _ in far.calls] == [0.0, 60.0, 60.0]
        await delivery.close(0)

    run_virtual(scenario())


def test_a_paused_output_is_probed_every_ten_minutes_with_its_oldest_record() -> None:
    async def scenario() -> None:
        far = Far(*[OutputPaused("It does not let us in.")] * 3)
        delivery = await running(far)
        for item in records(3):
            delivery.submit(item)
        await asyncio.sleep(1)
        assert (state(delivery).health, state(delivery).since, state(delivery).waiting) == (Health.PAUSED, START, 3)
        assert state(delivery).problem == "It does not let us in."
        await asyncio.sleep(3600)
        assert far.calls[:4] == [(600.0 * probe, (keys(1)[0],)) for probe in range(4)]
        assert far.keys == keys(3)
        assert (state(delivery).health, state(delivery).problem) == (Health.OK, "")
        await delivery.close(0)

    run_virtual(scenario())


def test_a_refused_record_is_set_aside_after_three_tries_and_the_line_moves_on(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def scenario() -> None:
        far = Far(*[OutputRejected("It answered 422.")] * 3)
        delivery = await running(far)
        for item in records(2):
            delivery.submit(item)
        await asyncio.sleep(10)
        assert [at for at, _ in far.calls] == [0.0, 1.0, 3.0, 3.0]
        assert far.keys == keys(2)[1:]
        assert (state(delivery).rejected, state(delivery).delivered, state(delivery).waiting) == (1, 1, 0)
        assert state(delivery).problem == ""
        await delivery.close(0)

    run_virtual(scenario())
    assert [(entry.levelname, entry.getMessage()) for entry in caplog.records] == [
        ("ERROR", f"far: record {keys(1)[0]} set aside after 3 tries: It answered 422.")
    ]


def test_two_refusals_are_no_reason_to_set_a_record_aside() -> None:
    async def scenario() -> None:
        far = Far(*[OutputRejected("Not now.")] * 2, None, *[OutputRejected("Not now.")] * 2)
        delivery = await running(far)
        for item in records(2):
            delivery.submit(item)
        await asyncio.sleep(10)
        assert far.keys == keys(2)
        await delivery.close(0)

    run_virtual(scenario())


def test_of_a_refused_batch_only_the_guilty_record_is_set_aside() -> None:
    async def refuse_third(batch: Sequence[Record]) -> None:
        if record(2) in batch:
            raise OutputRejected("One of them is bad.")

    async def scenario() -> None:
        far = Far(batch_size=4)
        far.always = refuse_third
        delivery = Delivery([far], None, LoopClock(START), Highest())
        for item in records(9):
            delivery.submit(item)
        delivery.start()
        await asyncio.sleep(60)
        assert far.keys == keys(2) + keys(9)[3:]
        assert [len(batch) for _, batch in far.calls] == [4, 1, 1, 1, 1, 1, 1, 4, 1]
        assert state(delivery).rejected == 1
        await delivery.close(0)

    run_virtual(scenario())


def test_a_bug_in_an_output_costs_one_record_and_no_other_output(caplog: pytest.LogCaptureFixture) -> None:
    async def scenario() -> None:
        broken, sound = Far(*[ZeroDivisionError("a bug")] * 3, name="broken"), Far(name="sound")
        delivery = await running(broken, sound)
        for item in records(2):
            delivery.submit(item)
        await asyncio.sleep(10)
        assert (broken.keys, sound.keys) == (keys(2)[1:], keys(2))
        await delivery.close(0)

    run_virtual(scenario())
    (entry,) = caplog.records
    assert entry.levelno == logging.ERROR
    assert entry.exc_info is not None
    assert entry.exc_info[0] is ZeroDivisionError


def test_a_full_queue_drops_the_oldest_and_says_so_once(caplog: pytest.LogCaptureFixture) -> None:
    async def scenario() -> None:
        far = Far(*[OutputPaused("Locked.")] * 1, queue_limit=5)
        delivery = await running(far)
        for item in records(12):
            delivery.submit(item)
            await asyncio.sleep(1)
        assert (state(delivery).waiting, state(delivery).dropped) == (5, 7)
        await asyncio.sleep(1000)
        assert far.keys == keys(12)[7:]
        assert (state(delivery).delivered, state(delivery).dropped, state(delivery).waiting) == (5, 7, 0)
        await delivery.close(0)

    caplog.set_level(logging.INFO, LOGGER)
    run_virtual(scenario())
    assert [(entry.levelname, entry.getMessage()) for entry in caplog.records] == [
        ("WARNING", "far: Locked. (paused, probing every 10 min)"),
        ("WARNING", "far: 5 records waiting and no room for more; the oldest are dropped"),
        ("INFO", "far: delivering again after 10 min, 4 records waiting"),
        ("INFO", "far: caught up; 7 records dropped meanwhile"),
    ]


def test_a_second_loss_is_said_again(caplog: pytest.LogCaptureFixture) -> None:
    async def scenario() -> None:
        far = Far(10.0, None, 10.0, queue_limit=1)
        delivery = await running(far)
        for batch in (records(3), records(7)[3:]):
            for item in batch:
                delivery.submit(item)
                await asyncio.sleep(0.01)
            await asyncio.sleep(100)
        assert state(delivery).dropped == 3
        await delivery.close(0)

    caplog.set_level(logging.INFO, LOGGER)
    run_virtual(scenario())
    assert caplog.messages == [
        "far: 2 records waiting and no room for more; the oldest are dropped",
        "far: caught up; 1 record dropped meanwhile",
        "far: 2 records waiting and no room for more; the oldest are dropped",
        "far: caught up; 2 records dropped meanwhile",
    ]


def test_a_record_in_flight_is_never_dropped() -> None:
    async def scenario() -> None:
        far = Far(100.0, queue_limit=3, batch_size=2)
        delivery = Delivery([far], None, LoopClock(START), Highest())
        for item in records(2):
            delivery.submit(item)
        delivery.start()
        await asyncio.sleep(1)
        for item in records(9)[2:]:
            delivery.submit(item)
        await asyncio.sleep(200)
        assert far.keys == keys(2) + keys(9)[6:]
        assert state(delivery).dropped == 4
        await delivery.close(0)

    run_virtual(scenario())


def test_refusals_of_a_dropped_record_are_not_counted_against_the_next() -> None:
    async def scenario() -> None:
        far = Far(*[OutputRejected("No.")] * 4, queue_limit=1)
        delivery = await running(far)
        delivery.submit(record(0))
        await asyncio.sleep(2.0)  # refused at 0 s and at 1 s, next try at 3 s
        delivery.submit(record(1))
        await asyncio.sleep(60)
        assert far.keys == [record(1).key]
        assert (state(delivery).rejected, state(delivery).dropped) == (0, 1)
        await delivery.close(0)

    run_virtual(scenario())


def test_one_warning_when_it_fails_one_line_when_it_heals(caplog: pytest.LogCaptureFixture) -> None:
    async def scenario() -> None:
        far = Far(*[unavailable(72.0)] * 10)
        delivery = await running(far)
        for item in records(35):
            delivery.submit(item)
        await asyncio.sleep(2000)
        delivery.submit(record(40))
        await asyncio.sleep(1)
        await delivery.close(0)

    caplog.set_level(logging.INFO, LOGGER)
    run_virtual(scenario())
    # 72 + 72 + 72 + 72 + 72 + 72 + 72 + 128 + 256 + 300 s
    assert [(entry.levelname, entry.getMessage()) for entry in caplog.records] == [
        ("WARNING", "far: It is down. (trying again until it works)"),
        ("INFO", "far: delivering again after 19 min, 34 records waiting"),
    ]


def test_a_second_failure_is_said_again(caplog: pytest.LogCaptureFixture) -> None:
    async def scenario() -> None:
        far = Far(unavailable(), None, unavailable())
        delivery = await running(far)
        for item in records(2):
            delivery.submit(item)
        await asyncio.sleep(60)
        await delivery.close(0)

    run_virtual(scenario())
    assert caplog.messages == ["far: It is down. (trying again until it works)"] * 2


def test_a_pause_after_retries_is_worth_a_second_warning_but_not_a_third(caplog: pytest.LogCaptureFixture) -> None:
    async def scenario() -> None:
        far = Far(*[unavailable(), OutputPaused("Locked.")] * 3)
        delivery = await running(far)
        delivery.submit(record())
        await asyncio.sleep(3600)
        await delivery.close(0)

    run_virtual(scenario())
    assert [entry.getMessage() for entry in caplog.records if entry.levelno == logging.WARNING] == [
        "far: It is down. (trying again until it works)",
        "far: Locked. (paused, probing every 10 min)",
    ]


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (1.0, "1 s"),
        (59.0, "59 s"),
        (60.0, "1 min"),
        (720.0, "12 min"),
        (3599.0, "59 min"),
        (3600.0, "1 h 0 min"),
        (11_100.0, "3 h 5 min"),
        (172_799.0, "47 h 59 min"),
        (172_800.0, "2 d 0 h"),
        (187_200.0, "2 d 4 h"),
    ],
)
def test_how_long_it_was_away(seconds: float, text: str, caplog: pytest.LogCaptureFixture) -> None:
    async def scenario() -> None:
        far = Far(unavailable(seconds))
        delivery = await running(far)
        await asyncio.sleep(5000)
        delivery.submit(record())
        await asyncio.sleep(seconds + 1)
        await delivery.close(0)

    caplog.set_level(logging.INFO, LOGGER)
    run_virtual(scenario())
    assert caplog.messages[-1] == f"far: delivering again after {text}, 0 records waiting"


def test_a_closed_output_is_off_and_the_others_go_on(caplog: pytest.LogCaptureFixture) -> None:
    closed: list[str] = []

    async def scenario() -> None:
        gone, other = Far(None, OutputClosed("The reader went away."), name="gone"), Far(name="other")
        delivery = await running(gone, other, on_closed=lambda: closed.append("all"))
        for item in records(3):
            delivery.submit(item)
            await asyncio.sleep(1)
        assert (gone.keys, other.keys, len(gone.calls)) == (keys(1), keys(3), 2)
        assert [(s.health, s.waiting) for s in delivery.states()] == [(Health.CLOSED, 0), (Health.OK, 0)]
        await delivery.close(1)

    caplog.set_level(logging.INFO, LOGGER)
    run_virtual(scenario())
    assert closed == []
    assert caplog.messages == ["gone: The reader went away. This output is off."]


def test_when_the_last_output_has_closed_the_program_is_told_once() -> None:
    closed: list[float] = []

    async def scenario() -> None:
        gone, later = Far(OutputClosed("Gone."), name="gone"), Far(None, OutputClosed("Gone."), name="later")
        loop = asyncio.get_running_loop()
        delivery = await running(gone, later, on_closed=lambda: closed.append(loop.time()))
        for item in records(4):
            delivery.submit(item)
            await asyncio.sleep(1)
        await delivery.close(1)

    run_virtual(scenario())
    assert closed == [1.0]


def test_the_end_waits_for_what_still_has_to_go_out() -> None:
    async def scenario() -> None:
        slow, quick = Far(name="slow"), Far(name="quick")
        slow.always = 0.25
        delivery = await running(slow, quick)
        for item in records(6):
            delivery.submit(item)
        await delivery.close(2.0)
        assert (slow.keys, quick.keys) == (keys(6), keys(6))
        assert asyncio.get_running_loop().time() == 1.5

    run_virtual(scenario())


def test_a_blip_at_the_end_is_retried_within_the_grace() -> None:
    async def scenario() -> None:
        far = Far(0.5, unavailable())
        delivery = await running(far)
        for item in records(2):
            delivery.submit(item)
        await asyncio.sleep(0.1)
        await delivery.close(2.0)
        assert far.keys == keys(2)

    run_virtual(scenario())


def test_retries_at_the_end_still_back_off() -> None:
    async def scenario() -> None:
        far = Far(0.5)
        far.always = unavailable()
        delivery = await running(far)
        for item in records(2):
            delivery.submit(item)
        await delivery.close(5.0)
        assert [at for at, _ in far.calls] == [0.0, 0.5, 1.5, 3.5]
        assert asyncio.get_running_loop().time() == 5.0

    run_virtual(scenario())


def test_an_output_that_was_failing_gets_one_last_try_and_no_more_time(caplog: pytest.LogCaptureFixture) -> None:
    async def scenario() -> None:
        dead, revived, paused = Far(name="dead"), Far(unavailable(500.0), name="revived"), Far(name="paused")
        dead.always, paused.always = unavailable(), OutputPaused("Locked.")
        delivery = await running(dead, revived, paused)
        for item in records(2):
            delivery.submit(item)
        await asyncio.sleep(100)
        tries = len(dead.calls)
        await delivery.close(5.0)
        assert asyncio.get_running_loop().time() == 100
        assert (len(dead.calls), len(paused.calls), revived.keys) == (tries + 1, 2, keys(2))

    run_virtual(scenario())
    assert caplog.messages[-2:] == [
        "dead: 2 records not delivered at the end",
        "paused: 2 records not delivered at the end",
    ]


def test_an_interrupted_output_unwinds_before_it_is_closed() -> None:
    story: list[str] = []

    async def unwind_slowly(_batch: Sequence[Record]) -> None:
        try:
            await asyncio.sleep(1e9)
        finally:
            await asyncio.sleep(0.25)
            story.append("unwound")

    class Noted(Far):
        async def close(self) -> None:
            story.append("closed")

    async def scenario() -> None:
        far = Noted(unwind_slowly)
        delivery = await running(far)
        delivery.submit(record())
        await delivery.close(2.0)
        assert asyncio.get_running_loop().time() == 2.25

    run_virtual(scenario())
    assert story == ["unwound", "closed"]


@pytest.mark.parametrize("stubborn", [False, True])
def test_the_end_is_bounded_whatever_an_output_does(stubborn: bool) -> None:
    released = asyncio.Event()

    async def hang(_batch: Sequence[Record]) -> None:
        while not released.is_set():
            try:
                await released.wait()
            except asyncio.CancelledError:
                if not stubborn:
                    raise

    class Hanging(Far):
        async def close(self) -> None:
            if stubborn:
                await hang(())
            await super().close()

    async def scenario() -> None:
        far, sound = Hanging(name="far"), Far(name="sound")
        far.always = hang
        delivery = await running(far, sound)
        for item in records(2):
            delivery.submit(item)
        await asyncio.sleep(1)
        await delivery.close(2.0)
        assert asyncio.get_running_loop().time() <= 4.0
        assert (sound.closed, sound.keys) == (1, keys(2))
        released.set()

    run_virtual(scenario())


def test_an_output_that_cannot_be_opened_stops_the_start() -> None:
    class Refusing(Far):
        async def open(self) -> None:
            raise ConfigError("No.", setting="--file")

    async def scenario() -> None:
        first, last = Far(name="first"), Far(name="last")
        delivery = Delivery([first, Refusing(), last], None, LoopClock(START), Highest())
        with pytest.raises(ConfigError, match="No"):
            await delivery.open()
        await delivery.close(0)
        assert (first.opened, last.opened, first.closed) == (1, 0, 1)

    run_virtual(scenario())


def test_an_output_that_fails_to_close_does_not_spoil_the_end(caplog: pytest.LogCaptureFixture) -> None:
    class Failing(Far):
        async def close(self) -> None:
            raise RuntimeError("a bug")

    async def scenario() -> None:
        failing, sound = Failing(name="failing"), Far(name="sound")
        delivery = await running(failing, sound)
        await delivery.close(1)
        assert sound.closed == 1

    run_virtual(scenario())
    assert caplog.messages == ["failing: closing failed"]


def test_without_outputs_there_is_nothing_to_do() -> None:
    async def scenario() -> None:
        delivery = await running()
        delivery.submit(record())
        await delivery.close(5)
        assert delivery.states() == ()

    run_virtual(scenario())
