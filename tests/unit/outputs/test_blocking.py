"""Calls that may block run beside the loop, in order, and keep nothing alive."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading

import pytest

from hems_data_collector.outputs.blocking import BlockingCalls


async def test_results_and_errors_come_back() -> None:
    calls = BlockingCalls("test")
    assert await calls.run(int, "7") == 7
    with pytest.raises(ValueError, match="invalid literal"):
        await calls.run(int, "seven")
    calls.close()


async def test_calls_run_one_after_another_on_one_thread_and_the_loop_goes_on() -> None:
    calls, gate, seen = BlockingCalls("test"), threading.Event(), []
    first = asyncio.create_task(calls.run(lambda: (gate.wait(10), seen.append(1))))
    second = asyncio.create_task(calls.run(lambda: seen.append(2)))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert seen == []
    gate.set()
    await asyncio.gather(first, second)
    assert seen == [1, 2]
    calls.close()


async def test_a_cancelled_call_that_has_not_begun_never_runs() -> None:
    calls, gate, seen = BlockingCalls("test"), threading.Event(), []
    first = asyncio.create_task(calls.run(gate.wait, 10))
    second = asyncio.create_task(calls.run(seen.append, 2))
    await asyncio.sleep(0)
    second.cancel()
    with pytest.raises(asyncio.CancelledError):
        await second
    gate.set()
    await first
    await calls.run(seen.append, 3)
    assert seen == [3]
    calls.close()


async def test_close_ends_the_thread_after_the_calls_given() -> None:
    calls = BlockingCalls("a-thread-to-find")
    await calls.run(int)
    (thread,) = [thread for thread in threading.enumerate() if thread.name == "a-thread-to-find"]
    calls.close()
    thread.join(10)
    assert not thread.is_alive()


def test_a_call_that_never_ends_does_not_keep_the_process_alive() -> None:
    program = """
import asyncio, threading
from hems_data_collector.outputs.blocking import BlockingCalls

async def main():
    try:
        await asyncio.wait_for(BlockingCalls("test").run(threading.Event().wait), 0.05)
    except TimeoutError:
        print("given up")

asyncio.run(main())
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=20, check=True)
    assert (done.stdout, done.stderr) == ("given up\n", "")
