"""Tables for people: drawn on a terminal, plain aligned columns in a pipe; and bars."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from decimal import Decimal
from typing import Final

BLOCKS: Final = "▏▎▍▌▋▊▉█"
"""Bars in eighths of a character."""
PLAIN: Final = "#"


def on_terminal() -> bool:
    """Whether people read standard output as it is written."""
    return sys.stdout is not None and sys.stdout.isatty()


def show_table(
    head: Sequence[str], rows: Sequence[Sequence[str]], *, right: Sequence[int] = (), whole: Sequence[int] = ()
) -> None:
    """Print `rows` under `head`.

    `right` are the numbers of the columns that are aligned to the right, `whole` of those that stay on one line where
    the terminal is narrow.
    """
    if on_terminal():
        _draw(head, rows, right, whole)
        return
    from rich.cells import cell_len

    lines = [head, *rows] if any(head) else list(rows)
    widths = [max(map(cell_len, column)) for column in zip(*lines, strict=True)]
    for line in lines:
        cells = []
        for number, (text, width) in enumerate(zip(line, widths, strict=True)):
            space = " " * (width - cell_len(text))
            cells.append(space + text if number in right else text + space)
        print("  ".join(cells).rstrip())


def _draw(head: Sequence[str], rows: Sequence[Sequence[str]], right: Sequence[int], whole: Sequence[int]) -> None:
    from rich.box import SIMPLE
    from rich.console import Console, JustifyMethod
    from rich.table import Table
    from rich.text import Text

    table = Table(box=SIMPLE, show_header=any(head), padding=(0, 1, 0, 0), pad_edge=False)
    for number, title in enumerate(head):
        justify: JustifyMethod = "right" if number in right else "left"
        table.add_column(Text(title), justify=justify, overflow="fold", no_wrap=number in whole)
    for row in rows:
        table.add_row(*map(Text, row))
    Console().print(table)


def bar(value: Decimal, largest: Decimal, width: int) -> str:
    """`value` as a bar of at most `width` characters, full for `largest`; something for everything above zero."""
    if value <= 0 or largest <= 0:
        return ""
    eighths = max(1, round(value / largest * width * len(BLOCKS)))
    if not _can_draw():
        return PLAIN * max(1, round(eighths / len(BLOCKS)))
    whole, rest = divmod(eighths, len(BLOCKS))
    return BLOCKS[-1] * whole + (BLOCKS[rest - 1] if rest else "")


def _can_draw() -> bool:
    try:
        BLOCKS.encode(sys.stdout.encoding or "ascii")
    except UnicodeEncodeError:
        return False
    return True
