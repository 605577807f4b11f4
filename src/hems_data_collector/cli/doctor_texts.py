"""What `doctor` shows to people: a line for each finding as it comes, cause and remedy below, and what to do first."""

from __future__ import annotations

from collections.abc import Sequence
from gettext import gettext as _
from gettext import ngettext
from typing import Final

from hems_data_collector.cli import tables
from hems_data_collector.cli.messages import masked
from hems_data_collector.cli.widths import wrapped
from hems_data_collector.diagnosis import Finding, State
from hems_data_collector.language import N_

_STATES: Final = {
    State.OK: (N_("ok"), "green"),
    State.WARNING: (N_("warning"), "yellow"),
    State.FAILED: (N_("FAILED"), "bold red"),
    State.SKIPPED: (N_("skipped"), "dim"),
}
_STEPS: Final = {
    "settings": N_("settings"),
    "port": N_("port"),
    "modem": N_("modem"),
    "credentials": N_("id, password"),
    "scan": N_("scan"),
    "join": N_("join"),
    "meter": N_("meter"),
    "clock": N_("clock"),
    "reading": N_("reading"),
    "store": N_("database"),
    "completeness": N_("half hours"),
    "outputs": N_("outputs"),
}
_NEEDS: Final = "needs"
_LEAST_WIDTH: Final = 40
"""Of the texts; a narrower terminal breaks the lines itself."""


class Shown:
    """Shows findings on standard output."""

    def __init__(self) -> None:
        from rich.cells import cell_len
        from rich.console import Console

        self._console = Console(highlight=False, markup=False, emoji=False)
        self._cell_len = cell_len
        self._drawn = tables.on_terminal()
        self._state_width = max(cell_len(_(word)) for word, _style in _STATES.values())
        self._step_width = max(cell_len(_(name)) for name in _STEPS.values())
        self._waiting: list[Finding] = []

    def show(self, finding: Finding) -> None:
        """One finding; those that were not looked at for the same reason share a line."""
        if finding.key == _NEEDS and (not self._waiting or self._waiting[0].meter == finding.meter):
            self._waiting.append(finding)
            return
        self._show_waiting()
        if finding.key == _NEEDS:
            self._waiting.append(finding)
        else:
            self._show(finding, _(_STEPS.get(finding.step, finding.step)))

    def end(self, findings: Sequence[Finding]) -> None:
        """What follows from all of them."""
        self._show_waiting()
        self._print("")
        for line in conclusion(findings):
            self._print(line)

    def _show_waiting(self) -> None:
        waiting, self._waiting = self._waiting, []
        if waiting:
            names = _(", ").join(_(_STEPS.get(finding.step, finding.step)) for finding in waiting)
            self._show(waiting[0], "", what=f"{names}: {waiting[0].what}")

    def _show(self, finding: Finding, step: str, what: str = "") -> None:
        word, style = _STATES[finding.state]
        what = what or finding.what
        texts = [what if finding.meter is None else f"{finding.meter}: {what}"]
        texts += [f"{_('cause:')} {finding.cause}"] if finding.cause else []
        texts += [f"{_('what to do:')} {finding.remedy}"] if finding.remedy else []
        head = self._padded(_(word), self._state_width), self._padded(step, self._step_width)
        if not self._drawn:
            lines = ["  ".join((*head, texts[0])), *(f"{' ' * self._indent}{text}" for text in texts[1:])]
            for line in lines:
                self._print(line)
            return
        self._draw(head, texts, style)

    def _draw(self, head: tuple[str, str], texts: Sequence[str], style: str) -> None:
        from rich.text import Text

        width = max(_LEAST_WIDTH, self._console.width - self._indent - 1)
        first = True
        for text in texts:
            for line in wrapped(masked(text), width):
                start = Text.assemble((head[0], style), "  ", head[1], "  ") if first else Text(" " * self._indent)
                self._console.print(start + Text(line), soft_wrap=True)
                first = False

    @property
    def _indent(self) -> int:
        return self._state_width + self._step_width + 4

    def _padded(self, text: str, width: int) -> str:
        return text + " " * (width - self._cell_len(text))

    def _print(self, line: str) -> None:
        if self._drawn:
            self._console.print(masked(line), soft_wrap=True)
        else:
            print(masked(line).rstrip(), flush=True)


def conclusion(findings: Sequence[Finding]) -> list[str]:
    """In one or two sentences: does it work, and what is to be done first."""
    failed = [finding for finding in findings if finding.state is State.FAILED]
    warned = [finding for finding in findings if finding.state is State.WARNING]
    if failed:
        told = ngettext(
            "{count} thing does not work: {what}", "{count} things do not work. The first: {what}", len(failed)
        )
        return [
            told.format(count=len(failed), what=failed[0].what),
            _("Do this, then run this again: {remedy}").format(remedy=failed[0].remedy),
        ]
    if warned:
        count = ngettext(
            "It works. {count} warning above is worth a look.",
            "It works. {count} warnings above are worth a look.",
            len(warned),
        )
        return [count.format(count=len(warned))]
    return [_("Everything works.")]
