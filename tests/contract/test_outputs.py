"""What every registered output must do, on a real far end of its own: one suite for all (support/far_ends.py)."""

from __future__ import annotations

import asyncio
import itertools
import logging
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from random import Random

import pytest

from hems_data_collector.clock import SystemClock
from hems_data_collector.collector.delivery import Delivery, Health
from hems_data_collector.errors import ConfigError, OutputError, OutputPaused, OutputRejected, OutputUnavailable
from hems_data_collector.outputs import OUTPUTS, Output
from hems_data_collector.readings import Record
from support.far_ends import FAR_ENDS, POISON, FarEnd
from support.records import CSV_HEADER, half_hour, record, records
from support.waiting import until

PROMPTLY_S = 1.0


@pytest.fixture(params=OUTPUTS)
def far_end(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FarEnd]:
    with FAR_ENDS[request.param](tmp_path, monkeypatch).running() as running:
        yield running


@pytest.fixture(params=[name for name in OUTPUTS if FAR_ENDS[name].can_pause])
def pausing(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FarEnd]:
    with FAR_ENDS[request.param](tmp_path, monkeypatch).running() as running:
        yield running


@pytest.fixture(params=[name for name in OUTPUTS if FAR_ENDS[name].keeps_position])
def keeping(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FarEnd]:
    with FAR_ENDS[request.param](tmp_path, monkeypatch).running() as running:
        yield running


@pytest.fixture(params=[name for name in OUTPUTS if FAR_ENDS[name].can_be_asked])
def asked(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FarEnd]:
    with FAR_ENDS[request.param](tmp_path, monkeypatch).running() as running:
        yield running


async def opened(far_end: FarEnd) -> Output:
    output = far_end.output()
    await output.open()
    return output


async def refused(output: Output, item: Record, error: type[OutputError]) -> OutputError:
    """The error that delivering `item` alone raises, which must be of this type."""
    with pytest.raises(error) as caught:
        await output.deliver([item], None)
    return caught.value


def test_every_output_has_a_far_end() -> None:
    assert list(FAR_ENDS) == list(OUTPUTS)


@pytest.mark.parametrize("name", OUTPUTS)
def test_every_setting_is_complete(name: str) -> None:
    output = OUTPUTS[name]
    assert (output.name, bool(output.help)) == (name, True)
    assert output.batch_size >= 1
    assert output.queue_limit >= 1000
    for setting in output.settings:
        assert setting.flag.startswith("--")
        assert setting.help
        assert setting.metavar
        if setting.default is not None:
            setting.value(setting.default)
            assert not setting.secret


def test_settings_have_names_of_their_own() -> None:
    settings = [setting for output in OUTPUTS.values() for setting in output.settings]
    for names in (
        [setting.name for setting in settings],
        [setting.flag for setting in settings],
        [setting.environment for setting in settings if setting.environment],
    ):
        assert len(set(names)) == len(names)


async def test_a_record_arrives_whole(far_end: FarEnd) -> None:
    output = await opened(far_end)
    checkpoint = await output.deliver([record()], b"position")
    assert far_end.keeps_position or checkpoint == b"position"
    assert far_end.received() == [far_end.expected(record())]
    await output.close()


async def test_it_goes_on_from_what_it_returned_also_in_the_next_run(far_end: FarEnd) -> None:
    checkpoint = None
    for number in range(3):
        output = await opened(far_end)
        for item in records(3 * number + 3)[3 * number :]:
            before = await output.prepare(checkpoint, [item])
            assert await output.prepare(before, [item]) == before
            checkpoint = await output.deliver([item], before)
            assert (checkpoint != before) == far_end.keeps_position
        await output.close()
    assert [line for line in far_end.received() if line != CSV_HEADER] == [
        far_end.expected(item) for item in records(9)
    ]


async def test_what_arrived_without_being_acknowledged_is_there_once_where_that_can_be_told(far_end: FarEnd) -> None:
    output = await opened(far_end)
    pending = list(records(6))
    checkpoint = await output.prepare(None, pending)
    checkpoint = await output.prepare(await output.deliver(pending[:1], checkpoint), pending[1:])
    await output.deliver(pending[1:4], checkpoint)  # and this answer is lost
    checkpoint = await output.prepare(checkpoint, pending[1:])
    await output.deliver(pending[1:], checkpoint)
    sent = pending if far_end.keeps_position else [*pending[:4], *pending[1:]]
    assert far_end.received() == [far_end.expected(item) for item in sent]
    await output.close()


async def test_half_hours_arrive_among_readings_each_kind_in_order(far_end: FarEnd) -> None:
    output = await opened(far_end)
    sent = [record(0), half_hour(0), half_hour(1), record(1), half_hour(2), record(2)]
    sent = [item for item in sent if output.takes(item.kind)]
    size = min(4, output.batch_size)
    for begin in range(0, len(sent), size):
        await output.deliver(sent[begin : begin + size], None)
    await output.close()
    assert sorted(far_end.received()) == sorted(far_end.expected(item) for item in sent)
    for kind in ("reading", "half-hour"):
        expected = [far_end.expected(item) for item in sent if item.kind == kind]
        assert [line for line in far_end.received() if line in expected] == expected


async def test_half_hours_that_arrived_without_being_acknowledged_are_there_once_too(keeping: FarEnd) -> None:
    output = await opened(keeping)
    pending = [item for number in range(3) for item in (record(number), half_hour(number))]
    checkpoint = await output.prepare(
        await output.deliver(pending[:1], await output.prepare(None, pending)), pending[1:]
    )
    await output.deliver(pending[1:4], checkpoint)  # and this answer is lost
    checkpoint = await output.prepare(checkpoint, pending[1:])
    await output.deliver(pending[1:], checkpoint)
    assert keeping.received() == [keeping.expected(item) for item in (*pending[::2], *pending[1::2])]
    await output.close()


async def test_records_arrive_in_order_in_batches_of_any_allowed_size(far_end: FarEnd) -> None:
    output = await opened(far_end)
    sent = records(30)
    rest = list(sent)
    for size in itertools.cycle((1, 2, 5, output.batch_size)):
        batch, rest = rest[: min(size, output.batch_size)], rest[min(size, output.batch_size) :]
        if not batch:
            break
        await output.deliver(batch, None)
    assert far_end.received() == [far_end.expected(item) for item in sent]
    await output.close()


async def test_nothing_is_sent_before_the_first_record(far_end: FarEnd) -> None:
    output = await opened(far_end)
    await output.close()
    output = await opened(far_end)
    await output.deliver([record()], None)
    assert far_end.received() == [far_end.expected(record())]
    await output.close()


async def test_unavailable_then_well_again(far_end: FarEnd) -> None:
    output = await opened(far_end)
    await output.deliver([record(0)], None)
    far_end.unavailable()
    for _ in range(2):
        error = await refused(output, record(1), OutputUnavailable)
        assert error.what
    far_end.mend()
    await output.deliver([record(1)], None)
    assert far_end.received() == [far_end.expected(record(0)), far_end.expected(record(1))]
    await output.close()


async def test_paused_then_let_in_again(pausing: FarEnd) -> None:
    output = await opened(pausing)
    pausing.pause()
    error = await refused(output, record(), OutputPaused)
    assert error.what
    assert error.cause
    assert error.remedy
    pausing.mend()
    await output.deliver([record()], None)
    assert pausing.received() == [pausing.expected(record())]
    await output.close()


async def test_a_refused_record_does_not_harm_the_next(far_end: FarEnd) -> None:
    output = await opened(far_end)
    await output.deliver([record(0)], None)
    await refused(output, POISON, OutputRejected)
    await output.deliver([record(1)], None)
    assert far_end.received() == [far_end.expected(record(0)), far_end.expected(record(1))]
    await output.close()


async def test_a_hanging_far_end_blocks_neither_the_loop_nor_the_end(far_end: FarEnd) -> None:
    output = await opened(far_end)
    far_end.hang()
    stuck = asyncio.create_task(output.deliver([record()], None))
    for _lap in range(500):  # a call that blocked the loop would never let these end
        await asyncio.sleep(0)
    assert not stuck.done()
    stuck.cancel()
    await asyncio.wait([stuck], timeout=PROMPTLY_S)
    assert stuck.cancelled()
    begin = time.monotonic()
    await output.close()
    assert time.monotonic() - begin < PROMPTLY_S


async def test_closing_twice_or_unopened_is_no_error(far_end: FarEnd) -> None:
    unopened = far_end.output()
    await unopened.close()
    output = await opened(far_end)
    await output.close()
    await output.close()


async def test_no_secret_in_any_text(far_end: FarEnd, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    output = await opened(far_end)
    texts = [repr(output), str(output)]
    await output.deliver([record(0)], None)
    errors = [await refused(output, POISON, OutputRejected)]
    far_end.unavailable()
    errors.append(await refused(output, record(1), OutputUnavailable))
    far_end.mend()
    if far_end.can_pause:
        far_end.pause()
        errors.append(await refused(output, record(1), OutputPaused))
        far_end.mend()
    await output.close()
    texts += [text for error in errors for text in (str(error), repr(error), repr(error.__cause__))]
    for secret in far_end.secrets:
        assert all(secret not in text for text in (*texts, caplog.text))


@pytest.fixture
def four(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Mapping[str, FarEnd]]:
    """All of them at once."""
    with ExitStack() as stack:
        yield {
            name: stack.enter_context(far_end(_made(tmp_path / name), monkeypatch).running())
            for name, far_end in FAR_ENDS.items()
        }


def _made(folder: Path) -> Path:
    folder.mkdir()
    return folder


@pytest.mark.parametrize(("hanging", "failing"), list(itertools.permutations(OUTPUTS, 2)))
async def test_one_hangs_one_fails_and_the_others_get_every_record_on_time(
    four: Mapping[str, FarEnd], hanging: str, failing: str
) -> None:
    delivery = Delivery([far_end.output() for far_end in four.values()], None, SystemClock(), Random(1))
    await delivery.open()
    delivery.start()
    four[hanging].hang()
    four[failing].unavailable()
    sound = [far_end for name, far_end in four.items() if name not in (hanging, failing)]
    for number, item in enumerate(records(8)):
        begin = time.monotonic()
        delivery.submit(item)
        await until(lambda count=number + 1: all(len(far_end.received()) == count for far_end in sound))  # type: ignore[misc]
        assert time.monotonic() - begin < PROMPTLY_S
    for far_end in sound:
        assert far_end.received() == [far_end.expected(item) for item in records(8)]
    states = {state.name: state for state in delivery.states()}
    assert (states[failing].health, states[failing].waiting, states[failing].delivered) == (Health.RETRYING, 8, 0)
    assert (states[hanging].waiting, states[hanging].delivered) == (8, 0)
    begin = time.monotonic()
    await delivery.close(0.2)
    assert time.monotonic() - begin < 0.2 + 2 * PROMPTLY_S


async def test_what_failed_and_what_hung_get_everything_once_mended(four: Mapping[str, FarEnd]) -> None:
    delivery = Delivery([far_end.output() for far_end in four.values()], None, SystemClock(), Random(1))
    await delivery.open()
    delivery.start()
    for name in ("webhook", "file"):
        four[name].unavailable()
    for name in ("gcloud", "stdout"):
        four[name].hang()
    for item in records(8):
        delivery.submit(item)
    await until(lambda: [state.health for state in delivery.states()].count(Health.RETRYING) == 2)
    for far_end in four.values():
        far_end.mend()
    await until(lambda: not any(state.waiting for state in delivery.states()))
    await delivery.close(1)
    for far_end in four.values():
        assert far_end.received() == [far_end.expected(item) for item in records(8)]


# --- being asked by a diagnosis ---------------------------------------------------------------------------------------


def files_below(folder: Path) -> list[Path]:
    return sorted(folder.rglob("*"))


async def test_a_check_hands_nothing_over_and_leaves_no_trace(far_end: FarEnd, tmp_path: Path) -> None:
    before = files_below(tmp_path)
    output = far_end.output()
    assert await output.check() is None
    await output.close()
    assert files_below(tmp_path) == before
    if far_end.name != "file":  # which has no file yet
        assert far_end.received() == []


@pytest.mark.parametrize("trouble", ["unavailable", "pause"])
async def test_a_check_finds_what_is_broken(asked: FarEnd, trouble: str) -> None:
    getattr(asked, trouble)()
    output = asked.output()
    with pytest.raises((ConfigError, OutputUnavailable, OutputPaused)) as caught:
        await output.check()
    await output.close()
    assert caught.value.remedy or caught.value.cause or "503" in caught.value.what
    assert [secret for secret in asked.secrets if secret in str(caught.value)] == []
