"""Writes the tables of the documents that the code already holds: settings, outputs, modules, properties, faults.

A table stands between `<!-- table: NAME -->` and `<!-- end -->`. `make docs` writes all of them; the tests compare.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Final

from tools import link_tables, recovery_tables

from hems_data_collector import cli
from hems_data_collector.echonet import NODE_PROFILE_PROPERTIES, SMART_METER, Access, PropertySpec
from hems_data_collector.emulator.faults import FAULTS
from hems_data_collector.emulator.settings import KEYS
from hems_data_collector.outputs import FORMATS, OUTPUTS
from hems_data_collector.outputs.base import Setting
from hems_data_collector.settings_table import METER_SETTINGS, settings_table
from hems_data_collector.skstack.dialects import MODULES

ROOT: Final = Path(__file__).parent.parent
_BLOCK: Final = re.compile(r"(<!-- table: ([a-z-]+) -->\n).*?(<!-- end -->)", re.DOTALL)

SETTINGS_JA: Final[Mapping[str, str]] = {
    "output": "出力先。複数を並べても、繰り返し指定してもよい。なければ計測値をログに1行ずつ表示",
    "format": "`stdout` と `file` の書式: `json`、`yaml`、`csv`。`webhook` と `gcloud` は常に JSON",
    "port": "Wi-SUN スティック: デバイスのパス、`socket://`、`rfc2217://`、`esphome://`、`emulator:`。"
    "家庭内ネットワークにあるメーターは `wifi:[INTERFACE]`、記録した通信の再生は `replay:FILE`",
    "baudrate": "シリアルポートの速度（bit/s）",
    "meter_channel": "メーターの無線チャネル（16進数 21〜3C）。次の2つとそろえて指定するとスキャンを省略",
    "meter_panid": "メーターの PAN ID（16進数）",
    "meter_ipv6": "メーターの IPv6 アドレス",
    "mode": "計測のきっかけ: cron 式（`schedule`）または一定の間隔（`interval`）",
    "schedule": "`schedule` モードの cron 式。秒を指定するときは6つ目（末尾）の項目に書く。`@hourly` なども可",
    "interval": "`interval` モードの間隔（秒）",
    "local_timezone": "メーターの時計、cron 式、ログの時刻のタイムゾーン",
    "database": "データベースの場所。なければ `$STATE_DIRECTORY`、`$XDG_STATE_HOME/hems-data-collector`、"
    "`~/.local/state/hems-data-collector` の順に決まるフォルダーの `hems.db`",
    "keep_readings": "計測値と1分値を残す期間: `400d`（日）、`2y`（年）、`all`。30分値は消さない",
    "half_hours": "30分ごとのレコードも送る（メーターの履歴から読んだものを含む）",
    "deliver_from": "新しい出力先に、現在からではなくこの時刻（`2026-01-15` など）以降に保存した分から送る",
    "backfill_spacing": "メーターの履歴を裏で読むときの要求の間隔（秒）",
    "debug": "通信内容をすべてログに出す（ID やパスワードは伏せ字）",
    "file": "`file` の書き込み先",
    "webhook_url": "`webhook` の送信先",
    "webhook_headers": "`webhook` の追加ヘッダー（認証など）。繰り返し指定可（環境変数では改行か `;;` で区切る）",
    "webhook_secret": "Standard Webhooks 方式の署名鍵（`whsec_` で始まる）。環境変数での指定を推奨",
    "gcp_project": "`gcloud` のプロジェクト ID",
    "gcp_topic": "`gcloud` のトピック ID",
    "gcp_credentials": "Google Cloud の鍵ファイル。なければそのマシンの認証情報を使う",
    "gcp_emulator_host": "Pub/Sub エミュレーターの接続先（TLS と認証なし）",
    "config": "TOML 設定ファイル",
    "b_route_id": "Bルート ID（32文字）。`B_ROUTE_ID_FILE` や systemd credential でも指定可",
    "b_route_password": "Bルートのパスワード。`B_ROUTE_PASSWORD_FILE` や systemd credential でも指定可",
}

VERBS_JA: Final[Mapping[str, str]] = {
    "run": "繰り返し計測し、すべての出力先に届ける（省略時の動作）",
    "read": "今の値を一度だけ計測。端末では表、パイプではレコードを出力",
    "emulate": "他のプログラムのために、スティックとメーターのエミュレーターを提供",
    "decode": "16進のフレームや記録したシリアル通信の内容を読み解く（オフライン）",
    "record": "通信内容を秘密を伏せてファイルに記録（`--port replay:FILE` で再生）",
    "history": "使用量の履歴: 1日は30分ごと、1か月は日ごと。表、CSV、JSON",
    "export": "保存したデータをすべて CSV、JSON、Parquet に書き出す",
    "backfill": "メーターに残っている過去99日分のうち、まだ保存されていない30分値を今すぐ読み取る",
    "status": "保存したデータとコレクターの状態を表示",
    "outputs": "各出力先の状態: 健全性、未送信のレコード、拒否されたレコード",
    "replay": "保存したレコードを1つの出力先にもう一度送る",
    "dead-letters": "出力先に拒否されたレコードの一覧、再送、破棄",
    "check": "データベースの健全性と欠けの確認、壊れたファイルからの復旧",
}


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table in Markdown, with a line end."""
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |\n" for line in lines)


def code(text: str | None) -> str:
    """`text` as code, or a dash where there is none."""
    return f"`{text}`" if text else "–"


def settings() -> str:
    """Every setting with its four names."""
    head = ("flag", "environment", "TOML key", "default", "what it is")
    rows = [(flags(row), code(row.environment), toml_key(row), default(row), row.help) for row in settings_table()]
    return table(head, rows)


def meter_keys() -> str:
    """What a `[[meters]]` may hold."""
    rows = [(code(row.name), row.help.partition("; also")[0]) for row in METER_SETTINGS]
    return table(("key", "what it is"), rows)


def options() -> str:
    """The settings as the README shows them."""
    head = ("flag", "environment", "default", "what it is")
    return table(head, [(flags(row), code(row.environment), default(row), row.help) for row in settings_table()])


def options_ja() -> str:
    """The same in Japanese; raises KeyError for a setting without a Japanese line."""
    head = ("フラグ", "環境変数", "既定値", "内容")
    rows = [(flags(row), code(row.environment), default(row), SETTINGS_JA[row.name]) for row in settings_table()]
    return table(head, rows).replace("32 zeros", "0 が32個")


def verbs() -> str:
    """The words that may stand first."""
    return table(("verb", "what it does"), [(code(verb), cli.module_of(verb).HELP) for verb in cli.VERBS])


def verbs_ja() -> str:
    """The same in Japanese; raises KeyError for a verb without a Japanese line."""
    return table(("サブコマンド", "内容"), [(code(verb), VERBS_JA[verb]) for verb in cli.VERBS])


def flags(row: Setting) -> str:
    """The long flag and the short one."""
    short = getattr(row, "short", None)
    return ", ".join(code(flag) for flag in (row.flag, short) if flag) or "–"


def toml_key(row: Setting) -> str:
    """The key in the TOML file; `config` names that file and has none."""
    return "–" if row.name == "config" else code(row.name)


def default(row: Setting) -> str:
    """The default, or a dash; 32 zeros in words."""
    return "32 zeros" if row.default == "0" * 32 else code(row.default)


def outputs() -> str:
    """The words of `--output`."""
    return table(("output", "where records go"), [(code(name), output.help) for name, output in OUTPUTS.items()])


def formats() -> str:
    """The words of `--format`."""
    return table(("format", "what is written"), [(code(name), form.help) for name, form in FORMATS.items()])


def modules() -> str:
    """The Wi-SUN modules that the program knows by name."""
    head = ("module", "product", "maker", "dialect", "payload as delivered")
    rows = [
        (
            code(name),
            module.title,
            module.maker,
            module.dialect.name,
            "hex" if module.hex_payload_default else "binary",
        )
        for name, module in MODULES.items()
    ]
    return table(head, rows)


def emulator_keys() -> str:
    """The keys of `emulator:?key=value`."""
    return table(("key", "value", "what it is"), [(code(name), key.metavar, key.help) for name, key in KEYS.items()])


def emulator_faults() -> str:
    """The faults of `fault=`."""
    return table(("fault", "what happens"), [(code(kind.usage), kind.help) for kind in FAULTS.values()])


def _properties(rows: Mapping[int, PropertySpec]) -> str:
    head = ("EPC", "name", "名称", "access", "unit", "since")
    words = {Access.GET: "Get", Access.SET: "Set", Access.ANNO: "Anno"}
    return table(
        head,
        [
            (
                f"`{epc:02X}`",
                row.name,
                row.name_ja,
                " ".join(word for access, word in words.items() if access in row.access),
                row.unit or "–",
                row.release,
            )
            for epc, row in rows.items()
        ],
    )


def _rows(head: Sequence[str], rows: Callable[[], Sequence[Sequence[str]]]) -> Callable[[], str]:
    return lambda: table(head, rows())


TABLES: Final[Mapping[str, Callable[[], str]]] = {
    "settings": settings,
    "meter-keys": meter_keys,
    "options": options,
    "options-ja": options_ja,
    "verbs": verbs,
    "verbs-ja": verbs_ja,
    "outputs": outputs,
    "formats": formats,
    "modules": modules,
    "emulator-keys": emulator_keys,
    "emulator-faults": emulator_faults,
    "meter-properties": lambda: _properties(SMART_METER),
    "node-properties": lambda: _properties(NODE_PROFILE_PROPERTIES),
    "recoveries": _rows(recovery_tables.HEAD, recovery_tables.recoveries),
    "recoveries-ja": _rows(recovery_tables.HEAD_JA, recovery_tables.recoveries_ja),
    "session-diagram": link_tables.diagram,
    "session-states": lambda: table(link_tables.HEADS["states"], link_tables.states()),
    "session-transitions": lambda: table(link_tables.HEADS["transitions"], link_tables.transitions()),
}


def documents() -> list[Path]:
    """Every document of the repository."""
    return sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])


def written(text: str) -> str:
    """`text` with the content of every table block as it should be; raises KeyError for an unknown table."""
    return _BLOCK.sub(lambda block: f"{block[1]}{TABLES[block[2]]()}{block[3]}", text)


def used() -> set[str]:
    """The names of the tables that some document shows."""
    return {block[2] for path in documents() for block in _BLOCK.finditer(path.read_text(encoding="utf-8"))}


def main() -> int:
    """Write every table anew, and name the documents that changed."""
    for path in documents():
        before = path.read_text(encoding="utf-8")
        after = written(before)
        if after != before:
            path.write_text(after, encoding="utf-8")
            print(path.relative_to(ROOT))
    return 0


if __name__ == "__main__":
    sys.exit(main())
