"""What the log should know of the running task: the name of the meter that it works for, and whether it is routine.

Where meters have names, lines about one begin with it.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Final, TypeVar

T = TypeVar("T")

_NAME: Final[ContextVar[str | None]] = ContextVar("meter_name", default=None)
_ROUTINE: Final[ContextVar[bool]] = ContextVar("routine", default=False)


def current_meter() -> str | None:
    """The name of the meter that this is about; None where it is about none, or about the only one."""
    return _NAME.get()


@contextmanager
def about_meter(name: str | None) -> Iterator[None]:
    """What happens here is about the meter `name`, in the tasks that begin here too."""
    token = _NAME.set(name)
    try:
        yield
    finally:
        _NAME.reset(token)


async def for_meter(name: str | None, work: Awaitable[T]) -> T:
    """`work`, which is about the meter `name`."""
    with about_meter(name):
        return await work


def still_about_meter(then: Callable[[T], None]) -> Callable[[T], None]:
    """`then`, about the same meter as now, whoever calls it."""
    name = _NAME.get()

    def call(value: T) -> None:
        with about_meter(name):
            then(value)

    return call


@contextmanager
def as_a_matter_of_course(routine: bool) -> Iterator[None]:
    """What happens here happens every few minutes where `routine`, in the tasks that begin here too."""
    token = _ROUTINE.set(routine)
    try:
        yield
    finally:
        _ROUTINE.reset(token)


def news_level() -> int:
    """The level of a line about something that is news, INFO, or DEBUG where it is a matter of course."""
    return logging.DEBUG if _ROUTINE.get() else logging.INFO
