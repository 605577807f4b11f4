"""Text in the cells of a terminal: a Japanese character takes two, and lines may end between any two of them."""

from __future__ import annotations

import re
import unicodedata
from functools import cache
from typing import Final

_NEVER_FIRST: Final = ":;,.!?)、。，．・：；！？）」』】〉》〜ー々ぁぃぅぇぉっゃゅょァィゥェォッャュョ"
_NEVER_LAST: Final = "（「『【〈《"
_WIDE: Final = (
    "\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe4f\uff00-\uff60\uffe0-\uffe6"
)


def cells(text: str) -> int:
    """The width of `text` on a terminal."""
    return sum(2 if unicodedata.east_asian_width(character) in "WF" else 1 for character in text)


def padded_left(text: str, width: int) -> str:
    """`text` with spaces before it, at least `width` cells."""
    return " " * (width - cells(text)) + text


def wrapped(text: str, width: int) -> list[str]:
    """`text` in lines of at most `width` cells, by the rules of Japanese for the ends of lines.

    A word in Latin letters or katakana stays whole, and longer than the line where it is.
    """
    lines: list[str] = []
    line = ""
    for piece in _piece().findall(" ".join(text.split())):
        if line and cells(line + piece.rstrip()) > width:
            lines.append(line.rstrip())
            line = piece.lstrip()
        else:
            line += piece
    return [*lines, line.rstrip()] if line.strip() else lines


@cache
def _piece() -> re.Pattern[str]:
    """What stays together; made when the first Japanese text is wrapped, for it takes milliseconds of every start."""
    return re.compile(rf"\s+|[{_NEVER_LAST}]*(?:[ァ-ヴー]+|[{_WIDE}]|[^\s{_WIDE}]+)[{_NEVER_FIRST}]*|[^\s]")
