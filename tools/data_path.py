"""Draws the path of the data, from the meter to the outputs, as docs/images/data-path.svg and data-path.ja.svg.

One drawing with two sets of words. It has a ground of its own and colours for light and dark, so it can be read on any
page. The numbers in the boxes are the steps of the table in docs/architecture.md.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Final

from hems_data_collector.outputs import OUTPUTS

FOLDER: Final = Path(__file__).parent.parent / "docs" / "images"
WIDTH: Final = 1080
HEIGHT: Final = 430
CENTRE: Final = 'text-anchor="middle"'

STYLE: Final = """
  text { font-family: 'Segoe UI', 'Helvetica Neue', Arial, 'DejaVu Sans', 'Hiragino Sans', 'Noto Sans CJK JP',
         'Yu Gothic', 'IPAGothic', sans-serif; font-size: 14px; fill: #1f2933; }
  .name { font-weight: 600; }
  .small { font-size: 12px; fill: #52606d; }
  .code { font-family: 'SFMono-Regular', Consolas, 'DejaVu Sans Mono', monospace; font-size: 11.5px; fill: #52606d; }
  .ground { fill: #ffffff; stroke: #cbd2d9; }
  .program { fill: #f5f7fa; stroke: #9aa5b1; stroke-dasharray: 5 4; }
  .box { fill: #e3f0fb; stroke: #2f6fab; }
  .keep { fill: #e6f5ea; stroke: #2e7d46; }
  .away { fill: #fdf3dc; stroke: #b7791f; }
  .line { fill: none; stroke: #52606d; stroke-width: 1.6; }
  .back { stroke-dasharray: 6 4; }
  .head { fill: #52606d; }
  @media (prefers-color-scheme: dark) {
    text { fill: #e4e7eb; }
    .small, .code { fill: #b8c1cc; }
    .ground { fill: #161b22; stroke: #3e4c59; }
    .program { fill: #1d242d; stroke: #616e7c; }
    .box { fill: #14304a; stroke: #5b9bd5; }
    .keep { fill: #14331f; stroke: #57a773; }
    .away { fill: #3a2d10; stroke: #d69e2e; }
    .line { stroke: #9aa5b1; }
    .head { fill: #9aa5b1; }
  }
"""

WORDS: Final[Mapping[str, Mapping[str, str]]] = {
    "en": {
        "title": "The path of the data: from the meter over the stick, the protocols and the database to the outputs",
        "meter": "Smart meter",
        "memory": "99 days inside",
        "wifi meter": "Wi-Fi meter",
        "second": "second generation",
        "stick": "Wi-SUN stick",
        "radio": "radio",
        "serial": "serial",
        "wifi": "Wi-Fi, UDP port 3610",
        "lines": "Lines",
        "session": "Session",
        "values": "Values",
        "readings": "Readings",
        "asking": "Asking",
        "schedule": "by schedule; in free time",
        "holes": "for half hours missing here",
        "database": "Database",
        "kept": "readings, half hours",
        "delivery": "Delivery",
        "cursor": "a cursor each",
        "requests": "requests",
        "missing": "missing",
        "verbs": "history · export · status · check",
    },
    "ja": {
        "title": "データの流れ: メーターからスティック、プロトコル、データベースを経て出力先まで",
        "meter": "スマートメーター",
        "memory": "99日分を記憶",
        "wifi meter": "メーター",
        "second": "Wi-Fi、第2世代",
        "stick": "スティック",
        "radio": "無線",
        "serial": "シリアル",
        "wifi": "Wi-Fi、UDP ポート 3610",
        "lines": "行",
        "session": "セッション",
        "values": "値",
        "readings": "計測値",
        "asking": "問い合わせ",
        "schedule": "予定の時刻に計測し、",
        "holes": "合間に欠けた30分値を読む",
        "database": "データベース",
        "kept": "計測値、30分値",
        "delivery": "配信",
        "cursor": "カーソルを1つずつ",
        "requests": "要求",
        "missing": "欠けている分",
        "verbs": "history · export · status · check",
    },
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Box:
    """A rounded box with up to three lines in it."""

    x: int
    y: int
    width: int
    height: int
    look: str
    lines: tuple[tuple[str, str], ...]
    """The class and the text of each."""

    def __str__(self) -> str:
        middle, top = self.x + self.width / 2, self.y + self.height / 2 - 9 * (len(self.lines) - 1) + 5
        texts = "".join(text(middle, top + 18 * at, words, look) for at, (look, words) in enumerate(self.lines))
        place = f'x="{self.x}" y="{self.y}" width="{self.width}" height="{self.height}"'
        return f'<rect class="{self.look}" {place} rx="8"/>\n{texts}'


def text(x: float, y: float, words: str, look: str = "small", anchor: str = CENTRE) -> str:
    """One line of text around `x`."""
    return f'<text class="{look}" x="{x:g}" y="{y:g}" {anchor}>{escape(words)}</text>\n'


def arrow(path: str, look: str = "line") -> str:
    """A line with a head at its end."""
    return f'<path class="{look}" d="{path}" marker-end="url(#head)"/>\n'


def outside(words: Mapping[str, str]) -> Iterator[object]:
    """The meters and the stick."""
    yield Box(
        x=16, y=84, width=124, height=72, look="away", lines=(("name", words["meter"]), ("small", words["memory"]))
    )
    yield Box(
        x=16,
        y=252,
        width=124,
        height=72,
        look="away",
        lines=(("name", words["wifi meter"]), ("small", words["second"])),
    )
    yield Box(x=184, y=84, width=122, height=72, look="away", lines=(("name", words["stick"]), ("code", "SKSTACK-IP")))
    yield arrow("M140 120 H180")
    yield text(161, 110, words["radio"])
    yield arrow("M306 120 H376")
    yield text(334, 110, words["serial"])
    yield arrow("M140 288 H346 V200 H530 V160")
    yield text(246, 278, words["wifi"])


def inside(words: Mapping[str, str]) -> Iterator[object]:
    """What the program does with it: the steps of docs/architecture.md."""
    steps = (
        ("lines", "1–2 skstack/"),
        ("session", "3 link/"),
        ("values", "4–5 echonet/"),
        ("readings", "6 meter/"),
    )
    for at, (name, code) in enumerate(steps):
        x = 380 + 130 * at
        yield Box(x=x, y=84, width=108, height=72, look="box", lines=(("name", words[name]), ("code", code)))
        if at:
            yield arrow(f"M{x - 22} 120 H{x - 4}")
    yield Box(
        x=380,
        y=252,
        width=190,
        height=90,
        look="box",
        lines=(
            ("name", words["asking"]),
            ("small", words["schedule"]),
            ("small", words["holes"]),
            ("code", "collector/"),
        ),
    )
    yield Box(
        x=672,
        y=252,
        width=140,
        height=90,
        look="keep",
        lines=(("name", words["database"]), ("small", words["kept"]), ("code", "7 store/")),
    )
    yield arrow("M824 156 V204 H742 V248")
    yield arrow("M672 297 H574", "line back")
    yield text(622, 287, words["missing"])
    yield arrow("M552 252 V160", "line back")
    yield text(588, 228, words["requests"])
    yield arrow("M742 342 V372")
    yield text(742, 390, words["verbs"], "code")


def to_outputs(words: Mapping[str, str]) -> Iterator[object]:
    """The outputs of the registry, each with its own cursor."""
    yield Box(
        x=836,
        y=252,
        width=84,
        height=90,
        look="box",
        lines=(("name", words["delivery"]), ("code", "8 outputs/")),
    )
    yield arrow("M812 297 H832")
    first = 297 - 24 * (len(OUTPUTS) - 1)
    for at, name in enumerate(OUTPUTS):
        y = first + 48 * at
        yield Box(x=974, y=y - 17, width=90, height=34, look="away", lines=(("code", name),))
        yield arrow(f"M920 297 C948 297 942 {y} 970 {y}")
    yield text(878, 362, words["cursor"])


def drawing(language: str) -> str:
    """The whole picture with the words of `language`."""
    words = WORDS[language]
    parts = "".join(str(part) for make in (outside, inside, to_outputs) for part in make(words))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" xml:lang="{language}">\n'
        f"<title>{escape(words['title'])}</title>\n<style>{STYLE}</style>\n"
        '<defs><marker id="head" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto">'
        '<path class="head" d="M0 0 L8 4 L0 8 z"/></marker></defs>\n'
        f'<rect class="ground" x="1" y="1" width="{WIDTH - 2}" height="{HEIGHT - 2}" rx="12"/>\n'
        f'<rect class="program" x="362" y="40" width="576" height="366" rx="12"/>\n'
        f"{text(650, 64, 'hems-data-collector', 'name')}{parts}</svg>\n"
    )


def files() -> dict[Path, str]:
    """What each picture has to be."""
    return {FOLDER / ("data-path.svg" if each == "en" else f"data-path.{each}.svg"): drawing(each) for each in WORDS}


def main() -> int:
    """Write the pictures that changed, and name them."""
    for path, content in files().items():
        if not path.exists() or path.read_text(encoding="utf-8") != content:
            path.write_text(content, encoding="utf-8")
            print(path.name)
    return 0


if __name__ == "__main__":
    sys.exit(main())
