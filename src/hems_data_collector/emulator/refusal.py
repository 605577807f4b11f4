"""Why a command is refused (skstack-ip §2.0)."""

from __future__ import annotations

from typing import Final

ER_UNKNOWN: Final = 4
ER_ARGUMENT_COUNT: Final = 5
ER_FORMAT: Final = 6
ER_INPUT: Final = 9
ER_EXECUTION: Final = 10


class Refused(Exception):
    """FAIL with the decimal number behind ER."""

    def __init__(self, code: int) -> None:
        super().__init__(f"ER{code:02d}")
        self.code = code
