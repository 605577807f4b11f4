"""Japanese texts for the rows of tests/support/recoveries.py: what happens, what is done about it, what the log says.

The lines of the log are quoted from the catalog, which a test compares: `…` stands for what the program fills in.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

_REJOINS: Final = "すぐに接続し直す"
_AS_LOST: Final = "応答がなかったときと同じ"
_RESETS: Final = "モデムをリセットして接続し直す"

RECOVERIES_JA: Final[Mapping[str, tuple[str, str]]] = {
    "ev21-02only": ("EVENT 21 が 02 だけ", "応答を待つ（02 は成功でも失敗でもない）"),
    "ev21-02-00": ("EVENT 21 が 02、続いて 00", "後のほうを採る"),
    "ev21-missing": ("OK の前に EVENT 21 が来ない", "応答を待つ"),
    "ev21-01-once": ("EVENT 21 の 01（送信失敗）が1回", "3秒後に新しい TID で送り直す"),
    "ev21-01": (
        "EVENT 21 の 01 が1分間続く",
        "3回送り、確認の要求も3回送ったうえで、モデムをリセットして接続し直す。間隔はしだいに延ばす",
    ),
    "ev24": ("突然の EVENT 24: モデムがセッションを更新できなかった", _REJOINS),
    "ev24-loop": (
        "接続するたびに EVENT 24（3回続く）",
        "メーターを探し直し、1分待つ。待ち時間は毎回2倍になり、5分で頭打ち",
    ),
    "ev25": ("接続を頼んでいない EVENT 25: モデムが自分でセッションを更新した", "そのまま続ける"),
    "ev26": ("EVENT 26: メーターがセッションを終えた", _REJOINS),
    "ev27": ("SKTERM を送っていないのに EVENT 27", _REJOINS),
    "ev28": ("SKTERM を送っていないのに EVENT 28", _REJOINS),
    "ev29-25": ("EVENT 29 のあと EVENT 25", "モデムがセッションを更新し終えるまで何も送らない"),
    "ev29-24": ("EVENT 29 のあと EVENT 24", "EVENT 24 まで何も送らず、その後接続し直す"),
    "ev29-nothing": ("EVENT 29 のあと何も来ない", "EVENT 25 か 24 を1分待ち、その後接続し直す"),
    "silent-session": (
        "メーターがセッションを忘れ、イベントも出ない",
        "要求（60秒）にも確認の要求（20秒）にも応答がなければ、モデムをリセットして接続し直す",
    ),
    "er10-send-once": ("SKSENDTO に FAIL ER10 が1回", "モデムが再起動していないか確かめ、3秒後に送り直す"),
    "er10-send": ("SKSENDTO に FAIL ER10 が1分間続く", "EVENT 21 の 01 が続くときと同じ"),
    "er10-join": (
        "SKJOIN に FAIL ER10",
        "モデム自身の認証にかかりうる時間だけ待ち、リセットして接続し直す",
    ),
    "moved": (
        "メーターが別のチャネルに移った",
        "元の場所に接続しようとして誰もいないとわかると、スキャンして新しい場所に接続する",
    ),
    "moved-foreign": (
        "メーターが移り、同じペアリング ID の別の PAN も聞こえる",
        "同じペアリング ID の PAN を、電波の強い順にすべて試す",
    ),
    "moved-household": (
        "メーターが移り、よその家のメーターが聞こえる",
        "ペアリング ID の違う PAN と、ほかの送信元からのデータグラムは相手にしない",
    ),
    "replaced": (
        "メーターが別のものに取り替えられた",
        "移ったときと同じ。次の計測の前に、新しいメーターの識別番号と単位を読む",
    ),
    "absent": ("メーターに2分間電波が届かない", "接続とスキャンを試み、1分待ってまた試す"),
    "lost": ("応答が1つ失われた", "60秒後に電力だけを尋ね、応答があれば元の要求を送り直す"),
    "wrong-tid": ("応答の TID が違う", "受け取らない。その後は応答がなかったときと同じ"),
    "late": ("応答が25秒遅れた", "そのまま受け取る（複数のプロパティの応答には1分かかることがある）"),
    "duplicate": ("どの応答も2回来る", "先に来たほうを採る"),
    "interleaved": ("要求と同じ TID の通知が来た", "通知として扱い、応答を待ち続ける"),
    "forged": ("応答の前に暗号化されていないデータグラムが来た", "捨てる"),
    "infc": ("返事を求める通知（INFC）", "1つずつ返事をする"),
    "cut-line": ("長さの合わないデータグラム", f"その行だけを捨てて読み続ける。その後は{_AS_LOST}"),
    "half-line": ("行が途中で切れ、すぐ次の行が続く", f"次の行末までを捨てる。その後は{_AS_LOST}"),
    "reset": ("モデムが勝手に再起動した", "最初のデータグラムで気づき、モデムを設定し直して接続し直す"),
    "hang": ("モデムが SKRESET 以外に反応しない", _RESETS),
    "hang-data": (
        "モデムが、来ないデータを待ち続ける",
        "空行を送ってその状態から出し、リセットして接続し直す",
    ),
    "mute": ("ポートを開き直すまでモデムが黙っている", "まずリセットを試し、効かなければポートを開き直す"),
    "stuck": ("何をしてもモデムが2分間黙っている", "リセット、開き直し、待機を、間隔を延ばしながら繰り返す"),
    "unplug": (
        "スティックが5秒間抜かれた",
        "数秒ごとに、新しい名前も含めて探し、見つかれば設定して接続し直す",
    ),
    "ev32": (
        "EVENT 32、10分後に EVENT 33",
        "一切送信せず、セッションはそのままにして、EVENT 33 で再開する",
    ),
    "ev32-only": ("EVENT 32 のあと EVENT 33 が来ない", "1時間後にモデムに尋ねる"),
    "ev32-longer": (
        "EVENT 32 のあと EVENT 33 が来ず、1時間後もまだ送信できない",
        "5分ごとにモデムに尋ねる",
    ),
    "ev32-ev26": (
        "EVENT 32 の間にメーターがセッションを終えた",
        "EVENT 33 まで接続もスキャンもしない",
    ),
}
"""By the name of the row."""

LOGS_JA: Final[Mapping[str, str]] = {
    "No Wi-SUN modem answers on this port": "このポートでは Wi-SUN モデムが応答しません",
    "The meter did not answer the join": "メーターが接続の要求に応答しませんでした",
    "The meter ended the session": "メーターがセッションを終了しました",
    "The meter is not where it was": "メーターが元の場所にいません",
    "The meter stopped answering": "メーターが応答しなくなりました",
    "The modem did not answer SKSENDTO": "モデムが…秒以内に … に応答しませんでした",
    "The modem does not take the join yet": "モデムがまだ接続の要求を受け付けません",
    "The modem ended the session": "モデムがセッションを終了しました",
    "The modem has restarted by itself": "モデムが勝手に再起動し",
    "The modem has used up its legal air time": "モデムが法定の送信時間を使い切りました",
    "The port is gone": "ポートがなくなりました",
    "The renewal of the session failed": "セッションの更新に失敗しました",
    "The session's lifetime is over and was not renewed": "セッションの有効期間が終わり、更新されませんでした",
    "The session's lifetime is over; waiting": "セッションの有効期間が終わりました",
}
"""What the log says in Japanese, by the English of the row."""
