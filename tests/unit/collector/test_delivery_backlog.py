"""Outputs that read the store's log, on virtual time: cursors, groups, health across restarts, a store that fails."""

from __future__ import annotations

import asyncio
import json
import logging
import sqlite3
from collections.abc import Callable, Coroutine, Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, ClassVar

import pytest

from hems_data_collector.clock import LoopClock
from hems_data_collector.collector.backlog import News, Place, Portion, StoredBacklog
from hems_data_collector.collector.delivery import Delivery, Health
from hems_data_collector.collector.line import AHEAD, GROUP, LOOK_INTERVAL_S, PIECE
from hems_data_collector.errors import OutputClosed, OutputPaused, OutputRejected, StoreUnavailable
from hems_data_collector.outputs.base import Output
from hems_data_collector.outputs.file import FileOutput, half_hours_path
from hems_data_collector.outputs.formats import JSON
from hems_data_collector.readings import Record, published
from hems_data_collector.store import half_hours, outbox, readings
from hems_data_collector.store.database import Database
from support.ledgers import PROFILE, RECENT, opened, reading, slot
from support.scripted import Far, Highest, unavailable
from support.virtual_time import run_virtual

START = datetime(2025, 4, 1, 3, 0, tzinfo=UTC)
LOGGER = "hems_data_collector.collector"


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    """A database that knows the output `far`."""
    with opened(tmp_path / "hems.db") as made:
        made.run_sync(lambda conn: outbox.register(conn, ["far"], now=START))
        yield made


class Watched(StoredBacklog):
    """The backlog, with a note of every transaction; it can be broken."""

    def __init__(self, database: Database, half_hours: bool = True) -> None:
        super().__init__(database, half_hours)
        self.turns: list[tuple[float, tuple[News, ...], int]] = []
        self.broken = False
        self.hold: asyncio.Event | None = None

    async def place(self, output: str) -> Place:
        self._refuse()
        return await super().place(output)

    async def turn(self, output: str, news: Sequence[News], *, limit: int, count: bool = False) -> Portion:
        self.turns.append((asyncio.get_running_loop().time(), tuple(news), limit))
        self._refuse()
        portion = await super().turn(output, news, limit=limit, count=count)
        if self.hold is not None:
            await self.hold.wait()
        return portion

    async def ahead(self, output: str, seq: int | None, *, limit: int) -> Sequence[tuple[int, Record]]:
        self._refuse()
        return await super().ahead(output, seq, limit=limit)

    def _refuse(self) -> None:
        if self.broken:
            raise StoreUnavailable("The disk is full.")


def append(database: Database, *numbers: int) -> None:
    def work(conn: sqlite3.Connection) -> None:
        for number in numbers:
            readings.append(conn, reading(number), RECENT, PROFILE)

    database.run_sync(work)


def keys(numbers: Iterable[int]) -> list[str]:
    return [published(reading(number), RECENT).key for number in numbers]


def row(database: Database, name: str = "far") -> outbox.OutputRow:
    (found,) = (item for item in database.run_sync(outbox.states) if item.name == name)
    return found


async def running(backlog: Watched, *outputs: Output, on_closed: Callable[[], None] | None = None) -> Delivery:
    delivery = Delivery(outputs, backlog, LoopClock(START), Highest(), on_closed)
    await delivery.open()
    delivery.start()
    return delivery


def run(scenario: Coroutine[Any, Any, None]) -> None:
    run_virtual(scenario)


def test_what_is_stored_goes_out_at_once_and_the_cursor_follows(database: Database) -> None:
    async def scenario() -> None:
        far = Far()
        delivery = await running(Watched(database), far)
        for number in range(3):
            await asyncio.sleep(60)
            append(database, number)
            delivery.wake()
            await asyncio.sleep(0.5)
            assert row(database).cursor == number + 1
            assert (row(database).checkpoint, row(database).delivered) == (str(number + 1).encode(), number + 1)
        assert far.taken == [(t, key) for t, key in zip((60.0, 120.5, 181.0), keys(range(3)), strict=True)]
        await delivery.close(1)

    run(scenario())


def test_a_restart_goes_on_behind_the_cursor_with_the_checkpoint(database: Database) -> None:
    async def scenario() -> None:
        append(database, 0, 1)
        first = Far()
        delivery = await running(Watched(database), first)
        await asyncio.sleep(1)
        await delivery.close(1)
        append(database, 2)
        second = Far()
        delivery = await running(Watched(database), second)
        await asyncio.sleep(1)
        assert (first.keys, second.keys, second.checkpoints) == (keys((0, 1)), keys([2]), [b"2"])
        await delivery.close(1)

    run(scenario())


def test_only_outputs_without_a_backlog_get_what_is_submitted(database: Database) -> None:
    class Live(Far):
        backlog: ClassVar[bool] = False

    async def scenario() -> None:
        append(database, 0)
        live, far = Live(name="live"), Far()
        delivery = await running(Watched(database), live, far)
        delivery.submit(published(reading(7), RECENT))
        await asyncio.sleep(1)
        assert (live.keys, far.keys) == (keys([7]), keys([0]))
        assert [item.name for item in database.run_sync(outbox.states)] == ["far"]
        await delivery.close(1)

    run(scenario())


def test_without_half_hours_only_readings_go_out(database: Database) -> None:
    async def scenario() -> None:
        database.run_sync(lambda conn: half_hours.record(conn, [slot(0), slot(1)], PROFILE, now=START))
        append(database, 0)
        without, with_them = Far(), Far()
        delivery = await running(Watched(database, half_hours=False), without)
        await asyncio.sleep(1)
        await delivery.close(1)
        database.run_sync(lambda conn: outbox.rewind(conn, "far", START, START + timedelta(days=1)))
        delivery = await running(Watched(database), with_them)
        await asyncio.sleep(1)
        await delivery.close(1)
        assert without.keys == keys([0])
        assert len(with_them.keys) == 2
        assert with_them.keys[0].endswith("/half-hour")

    run(scenario())


def test_a_backlog_drains_in_order_in_batches_with_one_commit_a_group(database: Database) -> None:
    count = 2 * GROUP + 130

    async def scenario() -> None:
        append(database, *range(count))
        far, backlog = Far(batch_size=100), Watched(database)
        delivery = await running(backlog, far)
        await asyncio.sleep(1)
        assert far.keys == keys(range(count))
        assert [len(batch) for _, batch in far.calls] == [100] * (count // 100) + [30]
        told = [item.count for _, news, _ in backlog.turns for item in news]  # type: ignore[union-attr]
        assert sum(told) == row(database).delivered == count
        assert len(told) == 3
        assert max(told) <= GROUP
        assert row(database).cursor == count
        await delivery.close(1)

    run(scenario())


@pytest.mark.parametrize(("commit_s", "seconds"), [(0.008, 0.20), (0.02, 0.20), (0.065, 0.305)])
def test_a_group_is_stored_while_the_next_batch_goes_out(database: Database, commit_s: float, seconds: float) -> None:
    class Slow(Watched):
        async def turn(self, output: str, news: Sequence[News], *, limit: int, count: bool = False) -> Portion:
            portion = await super().turn(output, news, limit=limit, count=count)
            await asyncio.sleep(commit_s if news else 0)
            return portion

    async def scenario() -> None:
        append(database, *range(2 * GROUP))
        far, backlog = Far(batch_size=100), Slow(database)
        far.always = 0.01
        delivery = await running(backlog, far)
        await asyncio.sleep(1)
        assert far.keys == keys(range(2 * GROUP))
        assert far.taken[-1][0] == pytest.approx(seconds)
        told = [item.count for _, news, _ in backlog.turns for item in news]  # type: ignore[union-attr]
        assert sum(told) == 2 * GROUP
        assert len(told) <= 4
        assert (row(database).cursor, row(database).delivered) == (2 * GROUP, 2 * GROUP)
        await delivery.close(1)

    run(scenario())


def test_no_more_than_a_group_and_a_batch_goes_out_while_the_store_fails(database: Database) -> None:
    async def scenario() -> None:
        append(database, *range(3 * GROUP))
        far, backlog = Far(batch_size=100), Watched(database)
        far.always = 0.01
        delivery = await running(backlog, far)
        await asyncio.sleep(0.035)
        backlog.broken = True
        await asyncio.sleep(60)
        assert len(far.keys) == GROUP
        assert (row(database).cursor, row(database).delivered) == (0, 0)
        backlog.broken = False
        await asyncio.sleep(60)
        assert far.keys == keys(range(3 * GROUP))
        assert (row(database).cursor, row(database).delivered) == (3 * GROUP, 3 * GROUP)
        await delivery.close(1)

    run(scenario())


def test_a_slow_drain_is_acknowledged_every_second(database: Database) -> None:
    async def scenario() -> None:
        append(database, *range(40))
        far, backlog = Far(), Watched(database)
        far.always = 0.25
        delivery = await running(backlog, far)
        await asyncio.sleep(5.1)
        assert [at for at, news, _ in backlog.turns if news] == [1.25, 2.5, 3.75, 5.0]
        assert row(database).cursor == 20
        await delivery.close(0)

    run(scenario())


def test_only_the_next_records_are_in_memory(database: Database) -> None:
    class Counting(Far):
        async def prepare(self, checkpoint: bytes | None, pending: Iterable[Record]) -> bytes | None:
            self.pending = [*getattr(self, "pending", []), len(list(pending))]
            return checkpoint

    async def scenario() -> None:
        append(database, *range(3 * GROUP))
        far = Counting()
        far.always = 0.01
        delivery = await running(Watched(database), far)
        await asyncio.sleep(20)
        assert far.pending[0] == GROUP + PIECE, "as much as a kill can have left unacknowledged"
        assert max(far.pending) == GROUP + PIECE
        assert max(far.pending[GROUP:]) <= AHEAD + PIECE
        await delivery.close(0)

    run(scenario())


def test_what_went_out_is_acknowledged_before_every_wait(database: Database) -> None:
    async def scenario() -> None:
        append(database, *range(5))
        far = Far(None, None, unavailable(3600.0))
        delivery = await running(Watched(database), far)
        await asyncio.sleep(1)
        assert (row(database).cursor, row(database).checkpoint) == (2, b"2")
        assert [(state.health, state.waiting) for state in delivery.states()] == [(Health.RETRYING, 3)]
        append(database, *range(5, 9))
        delivery.wake()
        await asyncio.sleep(3600)
        assert far.keys == keys(range(9))
        await delivery.close(1)

    run(scenario())


def test_its_health_is_stored_when_it_changes_and_kept_across_a_restart(
    database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    async def scenario() -> None:
        append(database, 0)
        far, backlog = Far(unavailable(), unavailable()), Watched(database)
        far.always = OutputPaused("Locked.")
        delivery = await running(backlog, far)
        await asyncio.sleep(2)
        assert (row(database).health, row(database).since, row(database).reason) == ("retrying", START, "It is down.")
        await asyncio.sleep(98)
        paused = (row(database).health, row(database).since, row(database).reason)
        assert paused == ("paused", START + timedelta(seconds=3), "Locked.")
        assert sum(len(news) for _, news, _ in backlog.turns) == 2
        await delivery.close(0)
        far = Far(OutputPaused("Locked."))
        clock = LoopClock(START + timedelta(hours=5))
        delivery = Delivery([far], Watched(database), clock, Highest())
        delivery.start()
        await asyncio.sleep(1)
        assert (row(database).health, row(database).since) == paused[:2]
        assert [(state.health, state.since) for state in delivery.states()] == [(Health.PAUSED, paused[1])]
        await asyncio.sleep(600)
        assert (row(database).health, row(database).reason) == ("ok", "")
        assert far.keys == keys([0])
        await delivery.close(0)

    caplog.set_level(logging.INFO, LOGGER)
    run(scenario())
    assert caplog.messages[-1] == "far: delivering again after 5 h 9 min, 0 records waiting"


def test_a_paused_output_is_probed_with_its_oldest_record(database: Database) -> None:
    async def scenario() -> None:
        append(database, *range(50))
        far = Far(*[OutputPaused("Locked.")] * 3)
        delivery = await running(Watched(database), far)
        await asyncio.sleep(1900)
        assert far.calls[:4] == [(600.0 * probe, tuple(keys([0]))) for probe in range(4)]
        assert far.keys == keys(range(50))
        await delivery.close(0)

    run(scenario())


def test_a_refused_record_becomes_a_dead_letter_and_the_line_moves_on(database: Database) -> None:
    async def refuse_third(batch: Sequence[Record]) -> None:
        if keys([2])[0] in [item.key for item in batch]:
            raise OutputRejected("It answered 422.")

    async def scenario() -> None:
        append(database, *range(9))
        far = Far(batch_size=4)
        far.always = refuse_third
        delivery = await running(Watched(database), far)
        await asyncio.sleep(60)
        assert far.keys == keys([0, 1, *range(3, 9)])
        (letter,) = database.run_sync(outbox.dead_letters)
        assert (letter.output, letter.seq, letter.key, letter.reason, letter.tries, letter.at) == (
            "far", 3, keys([2])[0], "It answered 422.", 3, START + timedelta(seconds=3),
        )  # fmt: skip
        assert (row(database).cursor, row(database).delivered, row(database).dead_letters) == (9, 8, 1)
        database.run_sync(lambda conn: outbox.replay_dead_letters(conn, "far"))
        far.always = None
        await asyncio.sleep(LOOK_INTERVAL_S)
        assert far.keys[-1] == keys([2])[0]
        assert row(database).waiting == 0
        await delivery.close(0)

    run(scenario())


def test_a_replay_asked_for_by_another_process_is_seen_within_seconds(database: Database) -> None:
    async def scenario() -> None:
        append(database, *range(9))
        far = Far()
        delivery = await running(Watched(database), far)
        await asyncio.sleep(100)
        begin, end = (reading(number).received_at for number in (3, 6))
        assert database.run_sync(lambda conn: outbox.rewind(conn, "far", begin, end)) == 3
        await asyncio.sleep(LOOK_INTERVAL_S)
        assert far.keys == keys([*range(9), 3, 4, 5])
        await delivery.close(0)

    run(scenario())


@pytest.mark.parametrize("from_the_start", [True, False])
def test_a_store_that_cannot_be_read_is_asked_again_within_five_seconds(
    database: Database, from_the_start: bool
) -> None:
    async def scenario() -> None:
        far, backlog = Far(), Watched(database)
        backlog.broken = from_the_start
        delivery = await running(backlog, far)
        await asyncio.sleep(1)
        backlog.broken = True
        append(database, 0)
        delivery.wake()
        await asyncio.sleep(1000)
        assert far.calls == []
        backlog.broken = False
        await asyncio.sleep(5.0)
        assert far.keys == keys([0])
        await delivery.close(0)

    run(scenario())


def test_what_the_store_could_not_note_is_not_sent_again_but_noted_later(database: Database) -> None:
    async def scenario() -> None:
        append(database, *range(3))
        backlog = Watched(database)

        async def break_the_store(_batch: Sequence[Record]) -> None:
            backlog.broken = True

        far = Far(break_the_store)
        delivery = await running(backlog, far)
        await asyncio.sleep(100)
        assert (far.keys, row(database).cursor) == (keys(range(3)), 0)
        append(database, 3)
        delivery.wake()
        backlog.broken = False
        await asyncio.sleep(5)
        assert far.keys == keys(range(4))
        assert (row(database).cursor, row(database).delivered, row(database).checkpoint) == (4, 4, b"4")
        await delivery.close(0)

    run(scenario())


def test_a_store_that_stays_away_does_not_hold_up_the_end(database: Database, caplog: pytest.LogCaptureFixture) -> None:
    async def scenario() -> None:
        append(database, *range(3))
        far, backlog = Far(), Watched(database)
        far.always = 1.0
        delivery = await running(backlog, far)
        await asyncio.sleep(0.5)
        backlog.broken = True
        await delivery.close(60)
        assert asyncio.get_running_loop().time() == 3.0
        assert far.keys == keys(range(3))

    run(scenario())
    assert caplog.messages == ["far: the store could not note that 3 records went out; they go out again"]


def test_an_end_in_the_middle_of_a_commit_tells_the_store_nothing_twice(database: Database) -> None:
    async def scenario() -> None:
        append(database, *range(4))
        backlog = Watched(database)

        async def hold_the_next_commit(_batch: Sequence[Record]) -> None:
            backlog.hold = asyncio.Event()

        far = Far(None, None, None, hold_the_next_commit)
        delivery = await running(backlog, far)
        await asyncio.sleep(1)
        assert row(database).cursor == 4
        database.run_sync(lambda conn: outbox.rewind(conn, "far", reading(0).received_at, reading(4).received_at))
        assert backlog.hold is not None
        asyncio.get_running_loop().call_later(0.6, backlog.hold.set)
        await delivery.close(0.25)
        assert [len(news) for _, news, _ in backlog.turns if news] == [1]
        assert (row(database).delivered, row(database).waiting) == (4, 4), "the replay must not be taken for done"

    run(scenario())


def test_a_long_replay_ends_where_it_was_asked_to(database: Database) -> None:
    async def scenario() -> None:
        append(database, *range(3 * GROUP))
        far = Far(batch_size=50)
        delivery = await running(Watched(database), far)
        await asyncio.sleep(1)
        await delivery.close(1)
        begin, end = (reading(number).received_at for number in (10, 2 * GROUP))
        database.run_sync(lambda conn: outbox.rewind(conn, "far", begin, end))
        append(database, 3 * GROUP)
        again = Far(batch_size=50)
        delivery = await running(Watched(database), again)
        await asyncio.sleep(1)
        await delivery.close(1)
        assert again.keys == keys([*range(10, 2 * GROUP), 3 * GROUP])
        assert row(database).waiting == 0

    run(scenario())


def test_a_drain_goes_on_where_it_was_when_the_store_failed_meanwhile(database: Database) -> None:
    async def scenario() -> None:
        append(database, *range(3 * GROUP))
        backlog = Watched(database)
        far = Far(batch_size=50)
        far.always = 0.01
        delivery = await running(backlog, far)
        for _ in range(20):
            await asyncio.sleep(0.1)
            backlog.broken = not backlog.broken
        backlog.broken = False
        await asyncio.sleep(60)
        assert far.keys == keys(range(3 * GROUP))
        assert (row(database).waiting, row(database).delivered) == (0, 3 * GROUP)
        await delivery.close(1)

    run(scenario())


def test_of_changes_while_the_store_is_away_only_the_last_is_told(database: Database) -> None:
    async def scenario() -> None:
        append(database, 0)
        backlog = Watched(database)

        async def break_the_store(_batch: Sequence[Record]) -> None:
            backlog.broken = True
            raise OutputPaused("Locked.")

        far = Far(break_the_store, unavailable(), OutputPaused("Locked again."))
        far.always = OutputPaused("Locked again.")
        delivery = await running(backlog, far)
        await asyncio.sleep(1300)
        backlog.broken = False
        await delivery.close(0)
        assert max(len(news) for _, news, _ in backlog.turns) == 1
        assert (row(database).health, row(database).reason) == ("paused", "Locked again.")

    run(scenario())


def test_the_end_sends_what_is_left_but_not_a_backlog(database: Database, caplog: pytest.LogCaptureFixture) -> None:
    async def scenario() -> None:
        append(database, *range(20))
        far = Far()
        far.always = 0.01
        delivery = await running(Watched(database), far)
        await asyncio.sleep(0.055)
        await delivery.close(2.0)
        assert (far.keys, row(database).cursor) == (keys(range(20)), 20)
        append(database, *range(20, 20 + 2 * GROUP))
        delivery = await running(Watched(database), far)
        await asyncio.sleep(0.055)
        begin = asyncio.get_running_loop().time()
        await delivery.close(2.0)
        assert asyncio.get_running_loop().time() - begin < 0.01
        assert (far.keys, row(database).cursor) == (keys(range(26)), 26)

    caplog.set_level(logging.INFO, LOGGER)
    run(scenario())
    assert caplog.messages == [f"far: {2 * GROUP - 6} records kept for the next start"]


def test_an_output_that_hangs_at_the_end_keeps_what_it_took_before(database: Database) -> None:
    async def scenario() -> None:
        append(database, *range(9))
        far = Far(None, None, 1e9)
        delivery = await running(Watched(database), far)
        await asyncio.sleep(0.5)
        await delivery.close(1)
        assert (row(database).cursor, row(database).checkpoint) == (2, b"2")

    run(scenario())


class Moving(Far):
    """An output that finds itself at another place at times."""

    def __init__(self, *places: bytes | None) -> None:
        super().__init__()
        self.places = list(places)
        self.pending: list[list[str]] = []

    async def prepare(self, checkpoint: bytes | None, pending: Iterable[Record]) -> bytes | None:
        self.pending.append([item.key for item in pending])
        return (self.places.pop(0) if self.places else None) or checkpoint


def test_another_place_is_stored_before_anything_goes_out(database: Database) -> None:
    async def scenario() -> None:
        append(database, *range(3))
        seen: list[bytes | None] = []

        async def look(_batch: Sequence[Record]) -> None:
            seen.append(row(database).checkpoint)

        far = Moving(b"here", None, b"there")
        far.always = look
        delivery = await running(Watched(database), far)
        await asyncio.sleep(1)
        assert far.checkpoints == [b"here", b"1", b"there"]
        assert seen == [b"here", b"here", b"there"]
        assert far.pending == [keys(range(3)), keys([1, 2]), keys([2])]
        assert (row(database).cursor, row(database).checkpoint) == (3, b"3")
        await delivery.close(1)

    run(scenario())


def test_nothing_goes_out_while_the_place_cannot_be_stored(database: Database) -> None:
    async def scenario() -> None:
        append(database, 0)
        far, backlog = Moving(None, b"there"), Watched(database)
        delivery = await running(backlog, far)
        await asyncio.sleep(1)
        append(database, 1, 2)

        async def break_the_store(_batch: Sequence[Record]) -> None:
            backlog.broken = True

        far.script = [break_the_store]
        far.places = [None, b"there"]
        delivery.wake()
        await asyncio.sleep(100)
        assert far.keys == keys([0, 1])
        backlog.broken = False
        await asyncio.sleep(5)
        assert far.keys == keys([0, 1, 2])
        assert far.checkpoints[-1] == b"there"
        await delivery.close(1)

    run(scenario())


def test_a_bug_in_prepare_is_the_record_s_trouble_not_the_program_s(database: Database) -> None:
    class Broken(Far):
        async def prepare(self, checkpoint: bytes | None, pending: Iterable[Record]) -> bytes | None:
            if keys([0])[0] in [item.key for item in pending]:
                raise ZeroDivisionError("a bug")
            return checkpoint

    async def scenario() -> None:
        append(database, 0, 1)
        far = Broken()
        delivery = await running(Watched(database), far)
        await asyncio.sleep(10)
        assert (far.keys, row(database).dead_letters) == (keys([1]), 1)
        await delivery.close(1)

    run(scenario())


def test_an_output_that_closes_keeps_its_records_in_the_store(database: Database) -> None:
    closed: list[bool] = []

    async def scenario() -> None:
        append(database, 0, 1)
        far = Far(None, OutputClosed("Gone."))
        delivery = await running(Watched(database), far, on_closed=lambda: closed.append(True))
        await asyncio.sleep(1)
        assert (row(database).health, row(database).cursor, row(database).waiting) == ("closed", 1, 1)
        await delivery.close(1)

    run(scenario())
    assert closed == [True]


# --- a kill between the write and its acknowledgement ---------------------------------------------------------------


class Killable:
    """Runs of the file output on one database, each ended by a kill once the store has been lost to it."""

    def __init__(self, database: Database, path: Path) -> None:
        self.database, self.path = database, path
        database.run_sync(lambda conn: outbox.register(conn, ["file"], now=START))

    async def run(self, *, killed_with_unacknowledged: bool = False) -> None:
        """Deliver what there is; a kill leaves all of it in the file and nothing of it in the store."""
        output = FileOutput.build({"file": str(self.path)}, JSON, clock=LoopClock(START), half_hours=True)
        backlog = Watched(self.database)
        delivery = await running(backlog, output)
        if not killed_with_unacknowledged:
            await asyncio.sleep(30)
            await delivery.close(1)
            return
        deliver = output.deliver

        async def deliver_and_lose_the_store(batch: Sequence[Record], checkpoint: bytes | None) -> bytes | None:
            backlog.broken = True
            return await deliver(batch, checkpoint)

        output.deliver = deliver_and_lose_the_store  # type: ignore[method-assign]
        await asyncio.sleep(30)
        for task in delivery._tasks:
            task.cancel()
        await asyncio.gather(*delivery._tasks, return_exceptions=True)
        await output.close()

    def replay(self, first: int, last: int) -> None:
        """Ask for some readings once more, as the verb does while nothing runs."""
        begin, end = reading(first).received_at, reading(last).received_at
        assert self.database.run_sync(lambda conn: outbox.rewind(conn, "file", begin, end))

    def readings(self) -> list[str]:
        """The keys in the file."""
        return [
            f"{PROFILE.identity.key}/{json.loads(line)['timestamp']}" for line in self.path.read_text().splitlines()
        ]


def test_a_replay_asked_for_after_a_kill_does_not_hide_what_the_kill_left(database: Database, tmp_path: Path) -> None:
    file = Killable(database, tmp_path / "f")

    async def scenario() -> None:
        append(database, 0, 1, 2)
        await file.run()
        append(database, 3, 4, 5)
        await file.run(killed_with_unacknowledged=True)
        assert file.readings() == keys(range(6))
        assert row(database, "file").cursor == 3
        file.replay(1, 3)
        await file.run()
        assert file.readings() == keys([0, 1, 2, 1, 2, 3, 4, 5])
        assert row(database, "file").waiting == 0

    run(scenario())


def test_a_replay_interrupted_by_a_kill_is_found_too_with_a_line_and_another_replay_behind_it(
    database: Database, tmp_path: Path
) -> None:
    file = Killable(database, tmp_path / "f")

    async def scenario() -> None:
        append(database, 0, 1, 2)
        await file.run()
        file.replay(1, 3)
        await file.run(killed_with_unacknowledged=True)
        assert file.readings() == keys([0, 1, 2, 1, 2])
        append(database, 3)
        file.replay(0, 1)
        await file.run()
        assert file.readings() == keys([0, 1, 2, 1, 2, 0, 3])

    run(scenario())


def test_what_a_kill_left_in_two_files_is_found_behind_a_replay_of_one_kind(database: Database, tmp_path: Path) -> None:
    file = Killable(database, tmp_path / "f")

    async def scenario() -> None:
        append(database, 0, 1)
        await file.run()
        database.run_sync(lambda conn: half_hours.record(conn, [slot(0), slot(1), slot(2)], PROFILE, now=START))
        append(database, 2)
        await file.run(killed_with_unacknowledged=True)
        beside = half_hours_path(file.path)
        before = beside.read_bytes()
        assert before.count(b"\n") == 2
        file.replay(0, 1)
        await file.run()
        assert file.readings() == keys([0, 1, 0, 2])
        assert beside.read_bytes() == before

    run(scenario())


def test_a_tail_that_is_neither_stays(database: Database, tmp_path: Path) -> None:
    file = Killable(database, tmp_path / "f")

    async def scenario() -> None:
        append(database, 0, 1)
        await file.run()
        with file.path.open("ab") as other:
            other.write(b'{"timestamp": "another"}\n')
        file.replay(0, 1)
        append(database, 2)
        await file.run()
        assert [key.partition("/")[2] for key in file.readings()][2] == "another"
        assert file.readings()[3:] == keys([0, 2])

    run(scenario())
