"""The documents of owners say the same in English and in Japanese: headings, code, tables, links.

A text cannot be compared, but its bones can: what is added to one page and forgotten in the other is noticed here.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest
from babel.messages.pofile import read_po
from tools import doc_tables
from tools.recovery_ja import LOGS_JA

from hems_data_collector.language import CATALOGS, DOMAIN

ROOT = Path(__file__).parent.parent
OWNERS = {"cli", "configuration", "data-safety", "outputs", "record", "recovery", "service"}
"""What the owner of a collector reads, below docs/, and in Japanese below docs/ja/; there may be more."""
PAIRS = {"README.md": "README_JP.md"} | {
    f"docs/{path.name}": f"docs/ja/{path.name}" for path in sorted((ROOT / "docs" / "ja").glob("*.md"))
}
ENGLISH_OF = {japanese: english for english, japanese in PAIRS.items()}

FENCE = re.compile(r"^```(\w+)\n(.*?)^```\n", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\(([^)\s]+)\)")
JAPANESE = re.compile(r"[ぁ-ヿ一-鿿]")
SHORTEST_MESSAGE = 5
"""In characters; shorter texts with gaps would fit anything."""


def read(document: str) -> str:
    """The text of a document."""
    return (ROOT / document).read_text(encoding="utf-8")


def headings(text: str) -> list[str]:
    """Every heading with its marks, in order; comments in code are none."""
    return re.findall(r"^#+ .*$", FENCE.sub("", text), re.MULTILINE)


def levels(text: str) -> list[int]:
    """How deep each heading stands."""
    return [len(heading.split(" ")[0]) for heading in headings(text)]


class Code(NamedTuple):
    """One fenced block: its language and its lines without comments; a line in Japanese is as good as any."""

    language: str
    lines: Sequence[str]

    def says_the_same(self, japanese: Code) -> bool:
        """Whether the Japanese block is this one; what a program prints (`text`) may be in Japanese there."""
        if self.language != japanese.language or len(self.lines) != len(japanese.lines):
            return False
        pairs = zip(self.lines, japanese.lines, strict=True)
        return all(en == ja or (self.language == "text" and JAPANESE.search(ja)) for en, ja in pairs)


def code(text: str) -> list[Code]:
    """Every fenced block of a document."""
    return [
        Code(match[1], [re.sub(r"\s+# .*|^# .*", "", line) for line in match[2].splitlines()])
        for match in FENCE.finditer(text)
    ]


def generated(text: str) -> list[str]:
    """The names of the generated tables in order, without their language."""
    return [doc_tables.named(name)[0] for name in re.findall(r"<!-- table: ([a-z-]+) -->", text)]


def rows(text: str) -> list[list[str]]:
    """For each row of each table what stands in it as code."""
    return [re.findall(r"`([^`]+)`", line) for line in FENCE.sub("", text).splitlines() if line.startswith("|")]


def row_says_the_same(english: Sequence[str], japanese: Sequence[str]) -> bool:
    """The same words as code, in whatever order; one in Japanese stands for any that the program translates."""
    foreign = Counter(word for word in japanese if not JAPANESE.search(word))
    return not foreign - Counter(english)


def place(text: str, anchor: str) -> int:
    """Which heading of a document an anchor means; raises ValueError where there is none."""
    anchors = [re.sub(r"[^\w -]", "", line.lstrip("#").strip().lower()).replace(" ", "-") for line in headings(text)]
    return anchors.index(anchor)


def links(document: str) -> set[tuple[str, int | None]]:
    """Where a document leads: the English page and the number of the heading, the same for both languages."""
    found: set[tuple[str, int | None]] = set()
    for target in LINK.findall(read(document)):
        if re.match(r"[a-z]+:", target):
            found.add((target, None))
            continue
        path, _, anchor = target.partition("#")
        linked = document
        if path:
            linked = str(((ROOT / document).parent / path).resolve().relative_to(ROOT.resolve()))
        page = ENGLISH_OF.get(linked, linked).replace(".ja.svg", ".svg")
        if page != ENGLISH_OF.get(document, document) or anchor:  # not the way to the other language
            found.add((page, place(read(linked), anchor) if anchor else None))
    return found


@pytest.fixture(params=PAIRS)
def pair(request: pytest.FixtureRequest) -> tuple[str, str]:
    """One document in English and in Japanese."""
    return request.param, PAIRS[request.param]


def test_what_owners_read_is_there_in_japanese() -> None:
    assert {f"docs/{name}.md" for name in OWNERS} - PAIRS.keys() == set()
    assert [english for english in PAIRS if not (ROOT / english).exists()] == []


def test_both_have_the_same_headings(pair: tuple[str, str]) -> None:
    english, japanese = map(read, pair)
    assert levels(japanese) == levels(english)


def test_both_have_the_same_code(pair: tuple[str, str]) -> None:
    english, japanese = (code(read(document)) for document in pair)
    assert len(japanese) == len(english)
    assert [ja for en, ja in zip(english, japanese, strict=True) if not en.says_the_same(ja)] == []


def test_both_have_the_same_tables(pair: tuple[str, str]) -> None:
    english, japanese = map(read, pair)
    assert generated(japanese) == generated(english)
    assert len(rows(japanese)) == len(rows(english))
    rows_of_both = zip(rows(english), rows(japanese), strict=True)
    assert [(en, ja) for en, ja in rows_of_both if not row_says_the_same(en, ja)] == []


def test_every_generated_table_is_in_the_language_of_its_page(pair: tuple[str, str]) -> None:
    for document, ending in zip(pair, ("", "-ja"), strict=True):
        names = re.findall(r"<!-- table: ([a-z-]+) -->", read(document))
        assert [name for name in names if name != generated(f"<!-- table: {name} -->")[0] + ending] == [], document


def test_both_lead_to_the_same_pages(pair: tuple[str, str]) -> None:
    english, japanese = map(links, pair)
    assert japanese ^ english == set()


def test_each_leads_to_the_other_at_its_top(pair: tuple[str, str]) -> None:
    for document, other in (pair, pair[::-1]):
        top = read(document).split("\n## ")[0]
        targets = {((ROOT / document).parent / target).resolve() for target in LINK.findall(top)}
        assert (ROOT / other).resolve() in targets, document


def test_a_japanese_page_leads_to_japanese_pages(pair: tuple[str, str]) -> None:
    document = pair[1]
    translated = {(ROOT / english).resolve() for english in ENGLISH_OF.values()} - {(ROOT / pair[0]).resolve()}
    targets = [target for target in LINK.findall(read(document)) if not re.match(r"[a-z]+:|#", target)]
    linked = {target: ((ROOT / document).parent / target.partition("#")[0]).resolve() for target in targets}
    assert [target for target, path in linked.items() if path in translated] == []


def test_a_japanese_page_says_which_pages_are_in_english(pair: tuple[str, str]) -> None:
    if "README" in pair[1]:
        return  # a list of pages says it once for several
    unmarked = re.findall(r"\[(?!English\])[^\]]*\]\(\.\./(?!.*README_JP)[^)]*\)(?!（英語）)", read(pair[1]))
    assert unmarked == []


@cache
def messages() -> Mapping[str, str]:
    """Every text of the program and its Japanese, `…` where something is filled in; very short ones left out."""
    with (CATALOGS / "ja" / "LC_MESSAGES" / f"{DOMAIN}.po").open("rb") as file:
        found = {str(entry.id): str(entry.string) for entry in read_po(file) if isinstance(entry.string, str)}
    shown = {gaps(text): gaps(japanese) for text, japanese in found.items()}
    return {text: japanese for text, japanese in shown.items() if len(japanese.replace("…", "")) > SHORTEST_MESSAGE}


def gaps(template: str) -> str:
    """A text with `…` in each place that the program fills in."""
    return re.sub(r"\{[^}]*\}|%[0-9.]*[a-zA-Z]", "…", template)


@cache
def filled_in(text: str) -> re.Pattern[str]:
    """What a text with gaps may look like when it is said."""
    return re.compile(".*".join(map(re.escape, text.split("…"))))


def is_said(quote: str, texts: Iterable[str]) -> bool:
    """Whether the program says so: a part of a text as it stands, or a whole one with its gaps filled in."""
    return any(quote in text or ("…" in text and filled_in(text).fullmatch(quote) is not None) for text in texts)


@pytest.mark.parametrize("document", ["docs/ja/recovery.md", "docs/ja/service.md", "docs/ja/troubleshooting.md"])
def test_what_is_quoted_in_japanese_is_what_the_program_says(document: str) -> None:
    texts = messages().values()
    quotes = [quote for quote in re.findall(r"`([^`\n]+)`", FENCE.sub("", read(document))) if JAPANESE.search(quote)]
    assert quotes
    assert [quote for quote in quotes if not is_said(quote, texts)] == []


def test_the_lines_of_the_log_are_those_of_the_english_page() -> None:
    texts = messages()
    for english, japanese in LOGS_JA.items():
        known = re.sub("SK[A-Z]+", "…", english)
        assert is_said(japanese, [text for key, text in texts.items() if known in key]), english
    assert not is_said("メーターが応答しなくなりましたね", texts.values())


def test_a_page_that_fell_behind_is_noticed() -> None:
    english = "# A\n\n## B\n\n```sh\nmake demo   # try it\n```\n\n| `a` | one |\n"
    japanese = "# あ\n\n## い\n\n```sh\nmake demo   # 試す\n```\n\n| `a` | 一 |\n"
    assert levels(japanese) == levels(english)
    assert levels(japanese.replace("## い", "")) != levels(english)
    [block], [same], [other] = code(english), code(japanese), code(japanese.replace("demo", "test"))
    assert block.says_the_same(same)
    assert not block.says_the_same(other)
    assert row_says_the_same(rows(english)[0], rows(japanese)[0])
    assert not row_says_the_same(rows(english)[0], ["b"])


def test_the_glossaries_have_the_same_words_in_the_same_order() -> None:
    english = [heading[4:] for heading in headings(read("docs/glossary.md")) if heading.startswith("### ")]
    japanese = [heading[4:] for heading in headings(read("docs/ja/glossary.md")) if heading.startswith("### ")]
    assert len(english) > 40
    assert [re.sub(r".*（(.*)）", r"\1", heading) for heading in japanese] == english
