"""Tables whose words stand nowhere in the code, in English and Japanese: the keys of records, and the exit codes.

Which rows there are is the code's to say: a key or a code without words raises KeyError.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Final, NamedTuple

from hems_data_collector import cli, errors
from hems_data_collector.readings import HALF_HOUR_KEYS, METER_KEY, RECORD_KEYS


class Words(NamedTuple):
    """One text in each language."""

    en: str
    ja: str


class Table(NamedTuple):
    """What a table shows in one language."""

    head: Sequence[str]
    rows: Sequence[Sequence[str]]


_TEXT: Final = Words("text", "文字列")
_MOMENT: Final = Words("text, ISO 8601 in UTC", "文字列（ISO 8601、UTC）")
_EXACT_MOMENT: Final = Words("text, ISO 8601 in UTC with microseconds", "文字列（ISO 8601、UTC、マイクロ秒まで）")
_ENERGY: Final = Words("number, kWh", "数値（kWh）")
_POWER: Final = Words("whole number, W", "整数（W）")
_CURRENT: Final = Words("number, A", "数値（A）")

_KEY_HEAD: Final = (Words("key", "キー"), Words("type", "型"), Words("what it is", "内容"))
_CODE_HEAD: Final = (Words("code", "コード"), Words("meaning", "意味"))

KEYS: Final[Mapping[str, tuple[Words, Words]]] = {
    "timestamp": (
        _EXACT_MOMENT,
        Words("when the meter's answer came, by our clock", "メーターの応答を受け取った時刻（このマシンの時計）"),
    ),
    "cumulative_power_kwh": (
        _ENERGY,
        Words(
            "energy drawn from the grid, the meter's register: property E0 × coefficient D3 × unit E1",
            "買電の積算電力量（メーターの積算値）。プロパティ E0 × 係数 D3 × 単位 E1",
        ),
    ),
    "instant_power_w": (
        _POWER,
        Words("power at this moment (E7); negative while exporting", "瞬時電力（E7）。売電中は負の値"),
    ),
    "current_a": (
        _CURRENT,
        Words("R alone on two-wire supply, else R + T", "電流。単相2線式では R相だけ、それ以外は R相と T相の和"),
    ),
    "current_r_a": (_CURRENT, Words("current of phase R (E8), in steps of 0.1 A", "R相の電流（E8）。0.1 A 刻み")),
    "current_t_a": (
        _CURRENT,
        Words("current of phase T; `null` on two-wire supply", "T相の電流。単相2線式では `null`"),
    ),
    "historical_timestamp": (
        _MOMENT,
        Words(
            "the half hour mark (hh:00 or hh:30 by the meter's clock) of the next value",
            "次の値の時刻。30分の区切り（メーターの時計で毎時0分か30分）",
        ),
    ),
    "historical_cumulative_power_kwh": (
        _ENERGY,
        Words("the register at that mark (EA)", "その区切りでの積算電力量（EA）"),
    ),
    "recent_30min_timestamp": (
        _MOMENT,
        Words("the **end** of the newest complete half hour", "完了した最新の30分間の**終わり**"),
    ),
    "recent_30min_consumption_kwh": (
        _ENERGY,
        Words("energy drawn in the half hour that ends there", "その時刻に終わる30分間の使用量（買電）"),
    ),
}
"""The keys of a reading: type and content."""

HALF_HOUR_TEXTS: Final[Mapping[str, tuple[Words, Words]]] = {
    "kind": (
        _TEXT,
        Words("always `half-hour`; a reading has no such key", "常に `half-hour`。計測値のレコードにはないキー"),
    ),
    "meter_id": (
        _TEXT,
        Words("the meter's identity: maker and serial number", "メーターの識別情報（メーカーと製造番号）"),
    ),
    "start": (
        _MOMENT,
        Words("the beginning of the half hour, by the meter's clock", "30分間の始まり（メーターの時計）"),
    ),
    "end": (_MOMENT, Words("its end, 30 minutes later", "30分間の終わり。始まりの30分後")),
    "import_kwh": (_ENERGY, Words("energy drawn from the grid in it", "その間の買電の電力量")),
    "export_kwh": (
        _ENERGY,
        Words(
            "energy fed into the grid in it; `null` where the meter does not measure or has not recorded it",
            "その間の売電の電力量。メーターが計っていないか、記録していなければ `null`",
        ),
    ),
    "import_register_kwh": (
        _ENERGY,
        Words("the meter's register at `end`", "`end` の時点での、買電の積算電力量"),
    ),
    "export_register_kwh": (
        _ENERGY,
        Words("the register of the other direction at `end`", "`end` の時点での、売電の積算電力量"),
    ),
    "source": (
        _TEXT,
        Words(
            "which answer gave the register at `end`: `notification`, `poll`, `history-1` (a day of history) or"
            " `history-2` (a window of it)",
            "`end` の積算値を得た応答: `notification`（通知）、`poll`（計測）、`history-1`（1日分の履歴）、"
            "`history-2`（履歴の一部）",
        ),
    ),
}
"""The keys of a half-hour record: type and content."""

METER_TEXTS: Final[Mapping[str, tuple[Words, Words]]] = {
    METER_KEY: (
        _TEXT,
        Words(
            "the name of the meter in the settings; of a meter that has left them without ever having had one,"
            " its identity",
            "設定で付けたメーターの名前。一度も名前がないまま設定からなくなったメーターは、その識別情報",
        ),
    )
}
"""The last key, where meters have names."""

CODES: Final[Mapping[int, Words]] = {
    errors.EXIT_OK: Words(
        "done; also a collector that was ended by a signal, or whose only output was a pipe that closed",
        "完了。コレクターがシグナルで終わったときと、唯一の出力先であるパイプが閉じたときも",
    ),
    errors.EXIT_UNDECODABLE: Words(
        "input that cannot be decoded (`decode`; the rest was), damage found (`check`), or no collector that answers"
        " (`status --running`)",
        "読み解けない入力があった（`decode`、残りは読み解いた）、破損が見つかった（`check`）、または応答するコレクターがない"
        "（`status --running`）",
    ),
    errors.EXIT_USAGE: Words("usage: an unknown flag or verb", "使い方の誤り: フラグやサブコマンドが正しくない"),
    errors.EXIT_CONFIG: Words(
        "settings: a bad value, a missing extra, a file that cannot be written, credentials that are missing or"
        " malformed",
        "設定の誤り: 値が正しくない、必要なパッケージがない、ファイルに書き込めない、"
        "ID かパスワードがないか形が正しくない",
    ),
    errors.EXIT_PORT: Words(
        "port: missing, busy, not permitted, or no modem on it",
        "ポート: ない、使用中、権限がない、またはモデムがつながっていない",
    ),
    errors.EXIT_NO_METER: Words(
        "no meter found, or none that answers", "メーターが見つからない、または応答するメーターがない"
    ),
    errors.EXIT_REFUSED: Words("the meter refused us", "メーターに拒否された"),
    errors.EXIT_STORE: Words(
        "the database: missing, in use by another collector, damaged, of a newer version, or it cannot be made",
        "データベース: ない、別のコレクターが使用中、破損、新しいバージョンのもの、または作成できない",
    ),
    errors.EXIT_BUG: Words("a bug in the program", "プログラムの不具合"),
    cli.EXIT_INTERRUPTED: Words(
        "interrupted with Ctrl-C (verbs other than the collector)",
        "Ctrl-C で中断（コレクター以外のサブコマンド）",
    ),
}
"""What each exit code means."""


def exit_codes() -> list[int]:
    """Every code that the program ends with, in order."""
    return sorted({value for name, value in vars(errors).items() if name.startswith("EXIT_")} | {cli.EXIT_INTERRUPTED})


def _keys(keys: Iterable[str], texts: Mapping[str, tuple[Words, Words]], language: int) -> Table:
    rows = [(f"`{key}`", *(words[language] for words in texts[key])) for key in keys]
    return Table([words[language] for words in _KEY_HEAD], rows)


def _codes(language: int) -> Table:
    return Table(
        [words[language] for words in _CODE_HEAD], [(str(code), CODES[code][language]) for code in exit_codes()]
    )


_MAKERS: Final[Mapping[str, Callable[[int], Table]]] = {
    "record-keys": partial(_keys, RECORD_KEYS, KEYS),
    "half-hour-keys": partial(_keys, HALF_HOUR_KEYS, HALF_HOUR_TEXTS),
    "meter-key": partial(_keys, (METER_KEY,), METER_TEXTS),
    "exit-codes": _codes,
}
TABLES: Final[Mapping[str, Callable[[], Table]]] = {
    f"{name}{ending}": partial(maker, language)
    for name, maker in _MAKERS.items()
    for language, ending in enumerate(("", "-ja"))
}
"""By the name in the documents; the Japanese ones end with `-ja`."""
