r"""A recording of the wire as text: the form of `tests/transcripts`, with a first line, times and an end mark.

    # hems-data-collector transcript 1
    # 0.004
    > SKVER\r\n
    < EVER 1.5.2\r\n
    # end: 2 lines

`> ` goes to the modem, `< ` comes from it; the rest is the bytes in printable ASCII with the escapes `\r` `\n` `\\`
`\xNN`, a space at the end as `\x20`. A line that begins with `# ` is a remark; a number alone is the time of what
follows, in seconds since the beginning.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from hems_data_collector.errors import LineError

FIRST_LINE: Final = "# hems-data-collector transcript 1"
MAX_LINES: Final = 1_000_000  # a day of one poll a minute is a tenth of it

_ESCAPE: Final = re.compile(r"\\(?:x([0-9A-Fa-f]{2})|(.?))")
_SIMPLE: Final = {"r": "\r", "n": "\n", "\\": "\\"}
_NAMES: Final = {0x0D: r"\r", 0x0A: r"\n", 0x5C: r"\\"}
_TIME: Final = re.compile(r"# (\d+\.\d+)")
_END: Final = re.compile(r"# end: (\d+) lines")


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """Bytes in one direction: `sent` to the modem, or printed by it; `at` in seconds since the beginning."""

    at: float
    sent: bool
    data: bytes


def escaped(data: bytes) -> str:
    """`data` as it stands in a transcript."""
    text = "".join(_NAMES.get(byte) or (chr(byte) if 0x20 <= byte <= 0x7E else f"\\x{byte:02X}") for byte in data)
    return f"{text[:-1]}\\x20" if text.endswith(" ") else text


def step_line(step: Step) -> str:
    """One step as a line, without its time."""
    return f"{'>' if step.sent else '<'} {escaped(step.data)}"


def time_line(at: float) -> str:
    """The time of what follows."""
    return f"# {at:.3f}"


def end_line(lines: int) -> str:
    """The last line of a transcript with that many steps."""
    return f"# end: {lines} lines"


def parse(lines: Iterable[str]) -> tuple[Step, ...]:
    """The steps of a whole transcript; raises LineError, with the number of the line, for one that is not whole."""
    steps: list[Step] = []
    at, told, number = 0.0, None, 0
    for number, line in enumerate(lines, 1):
        text = line.rstrip("\r\n")
        if number == 1 and text != FIRST_LINE:
            raise LineError(f"it does not begin with {FIRST_LINE!r}")
        if told is not None and text:
            raise LineError(f"line {number} stands behind the end")
        if found := _TIME.fullmatch(text):
            at = float(found[1])
        elif found := _END.fullmatch(text):
            told = int(found[1])
        elif text.startswith(("> ", "< ")) and number <= MAX_LINES:
            steps.append(Step(at=at, sent=text[0] == ">", data=_plain(text[2:], number)))
        elif text and not text.startswith("#"):
            raise LineError(f'line {number} begins neither with "> " nor with "< " nor with "#"')
    if told is None:
        raise LineError(f"its end is missing, after line {number}")
    if told != len(steps):
        raise LineError(f"it has {len(steps)} lines of the wire, and its last line says {told}")
    return tuple(steps)


def _plain(text: str, number: int) -> bytes:
    def replaced(found: re.Match[str]) -> str:
        if found[1]:
            return chr(int(found[1], 16))
        if found[2] not in _SIMPLE:
            raise LineError(f"line {number} has the unknown escape {found[0]!r}")
        return _SIMPLE[found[2]]

    if not text.isascii() or not text.isprintable():
        raise LineError(f"line {number} has characters that are not printable ASCII")
    return _ESCAPE.sub(replaced, text).encode("latin-1")
