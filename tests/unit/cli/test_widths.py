"""Text in the cells of a terminal: what is how wide, and where lines of Japanese may end."""

from __future__ import annotations

import textwrap

from hems_data_collector.cli.widths import cells, padded_left, wrapped
from hems_data_collector.emulator.faults import FAULTS


def test_a_japanese_character_takes_two_cells() -> None:
    assert [cells(text) for text in ("W", "電力", "ﾒｰﾀｰ", "（kWh）")] == [1, 4, 4, 7]


def test_a_column_of_mixed_texts_is_aligned_by_cells() -> None:
    assert [padded_left(text, 6) for text in ("12.5", "なし", "なにもない")] == ["  12.5", "  なし", "なにもない"]


def test_japanese_lines_end_between_any_two_characters() -> None:
    assert wrapped("一二三四五六七八", 6) == ["一二三", "四五六", "七八"]


def test_no_line_begins_with_a_full_stop_or_ends_with_an_opening_bracket() -> None:
    assert wrapped("一二三。四五", 6) == ["一二", "三。四", "五"]
    assert wrapped("一二（三）四", 6) == ["一二", "（三）", "四"]


def test_words_in_latin_letters_and_in_katakana_stay_whole() -> None:
    assert wrapped("このメーターの番号", 8) == ["この", "メーター", "の番号"]
    assert wrapped("環境変数: PORT", 7) == ["環境変", "数:", "PORT"]
    assert wrapped("設定は --webhook-url で指定", 12) == ["設定は", "--webhook-url", "で指定"]


def test_english_is_wrapped_as_ever() -> None:
    texts = [kind.help for kind in FAULTS.values()]
    assert [wrapped(text, 70) for text in texts] == [textwrap.wrap(text, 70) for text in texts]
