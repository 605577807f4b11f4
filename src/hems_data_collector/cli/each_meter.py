"""What the one-shot verbs with a radio share: which of several meters, and one after the other."""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
from collections.abc import Awaitable, Callable, Iterable
from gettext import gettext as _
from pathlib import Path
from typing import TYPE_CHECKING

from hems_data_collector.cli.arguments import given
from hems_data_collector.cli.messages import show_error
from hems_data_collector.errors import EXIT_OK, ConfigError, HemsError, StoreError
from hems_data_collector.outputs.base import Setting

if TYPE_CHECKING:
    from hems_data_collector.config import Settings


def add_meter_flag(container: argparse._ActionsContainer) -> None:
    """`--meter`."""
    container.add_argument(
        "--meter", metavar="NAME", help=_("this one of several meters; without it all of them, one after the other")
    )


def load_for_meters(arguments: argparse.Namespace, settings: Iterable[Setting]) -> Settings:
    """The settings of a one-shot verb, for the meters that are meant; raises ConfigError."""
    from hems_data_collector.config import load_settings

    loaded = load_settings(given(arguments, settings), os.environ, Path.cwd(), one_shot=True)
    return loaded if arguments.meter is None else loaded.of_meter(arguments.meter)


def for_each_meter(settings: Settings, work: Callable[[Settings], Awaitable[None]]) -> int:
    """Do `work` with the settings of each meter, and return the exit code of the first failure.

    What fails for one of several meters is shown, and the others have their turn all the same. With one meter its error
    is raised, and one of settings or store always is. SIGTERM ends all of it as Ctrl-C does.
    """
    try:
        return asyncio.run(_each(settings, work))
    except asyncio.CancelledError:
        return 128 + signal.SIGTERM


async def _each(settings: Settings, work: Callable[[Settings], Awaitable[None]]) -> int:
    task = asyncio.current_task()
    assert task is not None  # asyncio.run has made it
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    code = EXIT_OK
    for meter in settings.meters:
        try:
            await work(settings if meter.name is None else settings.of_meter(meter.name))
        except (ConfigError, StoreError):
            raise
        except HemsError as error:
            if len(settings.meters) == 1:
                raise
            error.what = f"{meter.name}: {error.what}"
            show_error(error)
            code = code or error.exit_code
    return code
