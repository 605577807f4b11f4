"""Long steps as a bar on a terminal: the scan and the join take up to two minutes, and nobody should wonder."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Final

from hems_data_collector.cli.messages import masked
from hems_data_collector.meter_name import current_meter

if TYPE_CHECKING:
    from rich.progress import TaskID

    from hems_data_collector.link.base import OnProgress, Progress

REFRESHES_PER_SECOND: Final = 4.0  # smooth enough for steps of seconds, light enough for a Raspberry Pi Zero


def terminal_progress() -> OnProgress | None:
    """Where a terminal shows progress; None without one, where each step is a line in the log."""
    if sys.stderr is None or not sys.stderr.isatty():
        return None
    return _Bar().show


class _Bar:
    """A line for each meter that comes with a step and goes with it; log lines scroll above."""

    def __init__(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, SpinnerColumn, TextColumn, TimeElapsedColumn
        from rich.progress import Progress as Display
        from rich.progress_bar import ProgressBar

        class ElapsedBar(BarColumn):
            """As full as the step is old; a step over its time waits at the end."""

            def render(self, task: object) -> ProgressBar:
                elapsed, total = getattr(task, "elapsed", None) or 0.0, getattr(task, "total", None)
                return ProgressBar(total=total, completed=min(elapsed, total or 0.0), width=30, pulse=total is None)

        self._display = Display(
            SpinnerColumn(),
            TextColumn("{task.description}", markup=False),
            ElapsedBar(),
            TimeElapsedColumn(),
            console=Console(stderr=True),
            refresh_per_second=REFRESHES_PER_SECOND,
            redirect_stdout=False,  # records go to standard output as they are
            transient=True,
        )
        self._lines: dict[str | None, TaskID] = {}

    def show(self, progress: Progress | None) -> None:
        """Replace the line of the meter that this is about by that of `progress`.

        None takes it away; all of them, where it is about no single meter.
        """
        name = current_meter()
        gone = [name] if name is not None or progress is not None else [*self._lines]
        for each in gone:
            if each in self._lines:
                self._display.remove_task(self._lines.pop(each))
        if progress is not None:
            text = progress.text if name is None else f"{name}: {progress.text}"
            self._lines[name] = self._display.add_task(masked(text), total=progress.expected_s)
            self._display.start()
        elif not self._lines:
            self._display.stop()
