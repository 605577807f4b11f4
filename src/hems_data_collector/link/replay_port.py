"""What the URL of a replayed port says; apart from its player, because every start reads it."""

from __future__ import annotations

from typing import Final

REPLAY_SCHEME: Final = "replay"


def replay_path(url: str) -> str:
    """The file that a URL `replay:FILE` or `replay://FILE` names; empty where it names none."""
    return url.partition(":")[2].removeprefix("//")
