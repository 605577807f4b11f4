"""Calls that may block for ever (a full pipe, a hung disk) run here, off the event loop.

Not `asyncio.to_thread`: its threads are joined when the program ends, so that one reader who stopped reading would keep
the whole process alive.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import Executor, Future
from functools import partial
from queue import SimpleQueue
from typing import Any, ParamSpec, TypeVar

T = TypeVar("T")
P = ParamSpec("P")


class _DaemonExecutor(Executor):
    """One daemon thread, started with the first call, that takes the calls one after another."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._waiting: SimpleQueue[tuple[Future[Any], Callable[[], Any]] | None] = SimpleQueue()
        self._thread: threading.Thread | None = None

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        if self._thread is None:
            self._thread = threading.Thread(target=self._work, name=self._name, daemon=True)
            self._thread.start()
        future: Future[T] = Future()
        self._waiting.put((future, partial(fn, *args, **kwargs)))
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        if self._thread is not None:
            self._waiting.put(None)
            self._thread = None

    def _work(self) -> None:
        while (job := self._waiting.get()) is not None:
            future, call = job
            if not future.set_running_or_notify_cancel():
                continue
            try:
                result = call()
            except BaseException as error:  # the caller's business, on the caller's side
                future.set_exception(error)
            else:
                future.set_result(result)


class BlockingCalls:
    """Runs calls one after another on a thread of its own, which never keeps the process alive."""

    def __init__(self, name: str) -> None:
        self._executor = _DaemonExecutor(name)

    async def run(self, call: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """What `call` returns or raises. Cancelling drops a call that has not begun; one that has runs on unheard."""
        return await asyncio.get_running_loop().run_in_executor(self._executor, partial(call, *args, **kwargs))

    def close(self) -> None:
        """Let the thread end after the calls already given."""
        self._executor.shutdown(wait=False)
