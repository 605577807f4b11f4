"""Text in the language of man pages (man(7)): words, paragraphs and lists, with everything escaped."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

_SPECIAL: Final = str.maketrans(
    {"\\": r"\e", "-": r"\-", "'": r"\(aq", "`": r"\(ga", "^": r"\(ha", "~": r"\(ti", '"': r"\(dq"}
)
"""ASCII that groff would make typographic: what is printed must be what can be typed."""
_CJK: Final = "\u3000-\u30ff\u3400-\u9fff\uff00-\uffef"
_BETWEEN_CJK: Final = re.compile(rf"(?<=[{_CJK}])\n(?=[{_CJK}])")
_NOT_LAST: Final = "（「『【〈《〔"
_NOT_FIRST: Final = "）」』】〉》〕、。，．・：；？！ー々ぁぃぅぇぉっゃゅょゎァィゥェォッャュョヮ:;,.!?)\\]"
_BREAK: Final = re.compile(
    rf"(?<=[{_CJK}])(?<![{_NOT_LAST}])(?![{_NOT_FIRST}])(?=\S)|(?<=\S)(?<![{_NOT_LAST}])(?![{_NOT_FIRST}])(?=[{_CJK}])"
)
_NAME_LINE: Final = re.compile(r"\S+ \\- ")
"""What apropos(1) shows, which reads it by itself and knows no such marks."""
_CODE: Final = re.compile(r"`([^`]+)`")


def escaped(text: str) -> str:
    """`text` as it is, on as many lines."""
    lines = text.translate(_SPECIAL).split("\n")
    return "\n".join(f"\\&{line}" if line.startswith((".", r"\(aq")) else line for line in lines)


def bold(text: str) -> str:
    """What is typed as it stands."""
    return f"\\fB{escaped(text)}\\fR"


def italic(text: str) -> str:
    """What is replaced by a value."""
    return f"\\fI{escaped(text)}\\fR"


def joined(text: str) -> str:
    """Lines of prose as one paragraph; between Japanese characters a line's end is no space."""
    return " ".join(_BETWEEN_CJK.sub("", text.strip()).split())


def marked(text: str) -> str:
    """Prose in which code stands between backticks."""
    parts = _CODE.split(joined(text))
    return "".join(bold(part) if index % 2 else escaped(part) for index, part in enumerate(parts))


def breakable(page: str) -> str:
    """The page with the places marked where a line may end between Japanese characters, which groff does not know."""
    lines = page.split("\n")
    whole = [line.startswith((".", "'")) or _NAME_LINE.match(line) for line in lines]
    return "\n".join(line if kept else _BREAK.sub(r"\\:", line) for line, kept in zip(lines, whole, strict=True))


def heading(text: str) -> str:
    """A section."""
    return f".SH {_quoted(text)}\n"


def subheading(text: str) -> str:
    """A part of a section."""
    return f".SS {_quoted(text)}\n"


def item(tag: str, text: str) -> str:
    """A row of a list; both are escaped already."""
    return f".TP\n{tag}\n{text}\n"


def listing(lines: Iterable[str]) -> str:
    """Lines that stay as they are."""
    body = "".join(f"{escaped(line)}\n" for line in lines)
    return f".PP\n.RS 2\n.nf\n{body}.fi\n.RE\n"


def _quoted(text: str) -> str:
    return f'"{escaped(text)}"'
