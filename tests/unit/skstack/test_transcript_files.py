"""The loader of transcript files, and that the files keep to their format."""

from __future__ import annotations

import pytest

from support import transcripts
from support.transcripts import Step, Transcript, parse, unescape


def test_a_file_is_remarks_and_exact_bytes() -> None:
    text = "# First\n# second\n> SKVER\\r\\n\n< SK\n< VER\\r\\n\n\n< a\\\\\\x20\n"
    assert parse("T", text) == Transcript(
        name="T",
        title="First",
        steps=(
            Step(sent=True, data=b"SKVER\r\n"),
            Step(sent=False, data=b"SK"),
            Step(sent=False, data=b"VER\r\n"),
            Step(sent=False, data=b"a\\ "),
        ),
    )


def test_sent_and_received_are_the_two_directions() -> None:
    transcript = parse("T", "> a\n< b\n> c\n< d\n")
    assert (transcript.sent, transcript.received) == ((b"a", b"c"), b"bd")


@pytest.mark.parametrize("text", ["\\q", "\\x2", "é", "a\tb", "\\"])
def test_what_is_not_exact_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        unescape(text)


@pytest.mark.parametrize("line", ["SKVER", ">SKVER", "= 1"])
def test_a_line_of_another_kind_is_refused(line: str) -> None:
    with pytest.raises(ValueError, match="begins with"):
        parse("T", line)


@pytest.mark.parametrize("name", transcripts.names())
def test_a_file_has_a_title_with_its_name_and_no_space_at_the_end_of_a_line(name: str) -> None:
    text = (transcripts.FOLDER / f"{name}.txt").read_text(encoding="ascii")
    assert transcripts.load(name).title.startswith(name.removeprefix("module-"))
    assert transcripts.load(name).steps
    assert not [line for line in text.split("\n") if line != line.rstrip()]
