r"""Golden transcripts: what went over the wire between a host and a module, byte for byte.

One file each in `tests/transcripts/`. A line begins with `# ` (a remark), `> ` (host to module) or `< ` (module to
host); the rest is the exact byte string in printable ASCII with the escapes `\r` `\n` `\\` `\xNN`. Nothing is appended:
a `< ` line without `\r\n` is where a read ended, not a line of the module. A space at the end is written `\x20`, which
editors leave alone.
G01 … G83 are the transcripts of skstack-ip §8; `module-*.txt` shows each module of the registry.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

FOLDER = Path(__file__).resolve().parent.parent / "transcripts"
_ESCAPE = re.compile(r"\\(?:x([0-9A-Fa-f]{2})|(.?))")
_SIMPLE = {"r": "\r", "n": "\n", "\\": "\\"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """Bytes in one direction: `sent` by the host, or printed by the module."""

    sent: bool
    data: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Transcript:
    """One file: its name without suffix, its first remark, its steps in order."""

    name: str
    title: str
    steps: tuple[Step, ...]

    @property
    def sent(self) -> tuple[bytes, ...]:
        """What the host wrote, one entry for each `> ` line."""
        return tuple(step.data for step in self.steps if step.sent)

    @property
    def received(self) -> bytes:
        """Everything that the module printed."""
        return b"".join(step.data for step in self.steps if not step.sent)


def unescape(text: str) -> bytes:
    """The bytes that a line of a file stands for; ValueError for an unknown escape or a character outside ASCII."""

    def replaced(found: re.Match[str]) -> str:
        if found[1]:
            return chr(int(found[1], 16))
        if found[2] not in _SIMPLE:
            raise ValueError(f"unknown escape {found[0]!r}")
        return _SIMPLE[found[2]]

    if not text.isascii() or not text.isprintable():
        raise ValueError(f"not printable ASCII: {text!r}")
    return _ESCAPE.sub(replaced, text).encode("latin-1")


def parse(name: str, text: str) -> Transcript:
    """The transcript in `text`; ValueError for a line that is none of the three kinds."""
    title, steps = "", []
    for line in text.split("\n"):
        if line.startswith("# "):
            title = title or line[2:]
        elif line.startswith(("> ", "< ")):
            steps.append(Step(sent=line[0] == ">", data=unescape(line[2:])))
        elif line:
            raise ValueError(f"{name}: a line begins with '# ', '> ' or '< ': {line!r}")
    return Transcript(name=name, title=title, steps=tuple(steps))


@cache
def load(name: str) -> Transcript:
    """The transcript of that name, such as `G18` or `module-bp35c2`."""
    return parse(name, (FOLDER / f"{name}.txt").read_text(encoding="ascii"))


def names(pattern: str = "*") -> tuple[str, ...]:
    """The names of the transcripts that fit a glob pattern, sorted."""
    return tuple(sorted(path.stem for path in FOLDER.glob(f"{pattern}.txt")))
