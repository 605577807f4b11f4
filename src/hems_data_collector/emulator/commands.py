"""The command table: how many arguments, of which form, and what each command does (skstack-ip §2).

A handler prints its data lines and returns what begins after the final `OK`, if anything. It raises `Refused` for FAIL.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Final, TypeAlias

from hems_data_collector.emulator import air_commands, local_commands
from hems_data_collector.emulator.board import Board
from hems_data_collector.emulator.refusal import ER_ARGUMENT_COUNT, ER_FORMAT, Refused
from hems_data_collector.emulator.tokenizer import CommandLine

Then: TypeAlias = Callable[[], None] | None
Handler: TypeAlias = Callable[[Board, CommandLine], Awaitable[Then]]

_HEX = "[0-9A-Fa-f]"
IPV6: Final = rf"(?:{_HEX}{{4}}:){{7}}{_HEX}{{4}}"
ADDRESS_64: Final = rf"{_HEX}{{16}}"
_BYTE: Final = rf"{_HEX}{{2}}"
_WORD: Final = rf"{_HEX}{{4}}"
_MASK: Final = rf"{_HEX}{{8}}"
_SIDE: Final = "[01]"
_HANDLE: Final = "[1-6]"
_REGISTER: Final = rf"[Ss]{_HEX}{{1,2}}"
_ANY: Final = r".+"


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One command."""

    run: Handler
    forms: tuple[str, ...] = ()
    """Patterns of the arguments in the single-stack dialect."""
    dual_forms: tuple[str, ...] | None = None
    """The same in the dual-stack dialect; None: no difference."""
    optional: int = 0
    """How many arguments at the end may be missing."""
    says_ok: bool = True
    is_rohm: bool = False
    """A product command of ROHM, answered with CR alone (skstack-ip §1.2)."""
    dual_only: bool = False

    def check(self, command: CommandLine, *, has_side: bool) -> None:
        """Refuse a wrong number of arguments with ER05, a wrong form with ER06."""
        forms = self.dual_forms if has_side and self.dual_forms is not None else self.forms
        if not len(forms) - self.optional <= len(command.arguments) <= len(forms):
            raise Refused(ER_ARGUMENT_COUNT)
        if command.name == "SKSENDTO" and not command.data:
            raise Refused(ER_FORMAT)  # a line end where the data belongs
        if not all(re.fullmatch(form, text) for form, text in zip(forms, command.arguments, strict=False)):
            raise Refused(ER_FORMAT)


ROWS: Final[Mapping[str, Row]] = {
    "SKVER": Row(run=local_commands.skver),
    "SKAPPVER": Row(run=local_commands.skappver),
    "SKINFO": Row(run=local_commands.skinfo),
    "SKSREG": Row(run=local_commands.sksreg, forms=(_REGISTER, _ANY), optional=1),
    "SKSETPWD": Row(run=local_commands.sksetpwd, forms=(rf"{_HEX}{{1,2}}", _ANY)),
    "SKSETRBID": Row(run=local_commands.sksetrbid, forms=(r"[\x21-\x7e]{32}",)),
    "SKRESET": Row(run=local_commands.skreset),
    "SKSAVE": Row(run=local_commands.sksave),
    "SKLOAD": Row(run=local_commands.skload),
    "SKERASE": Row(run=local_commands.skerase),
    "SKDSLEEP": Row(run=local_commands.skdsleep),
    "SKTABLE": Row(run=local_commands.sktable, forms=("[1-9A-Fa-f]",)),
    "SKUDPPORT": Row(run=local_commands.skudpport, forms=(_HANDLE, _WORD)),
    "SKADDNBR": Row(run=local_commands.skaddnbr, forms=(IPV6, ADDRESS_64)),
    "SKLL64": Row(run=local_commands.skll64, forms=(ADDRESS_64,), says_ok=False),
    "SKRFLO": Row(run=local_commands.accepted, forms=(_ANY,), optional=1),
    "SKSTART": Row(run=local_commands.accepted),
    "ROPT": Row(run=local_commands.ropt, says_ok=False, is_rohm=True),
    "RUART": Row(run=local_commands.ruart, says_ok=False, is_rohm=True),
    "WOPT": Row(run=local_commands.wopt, forms=(_BYTE,), says_ok=False, is_rohm=True),
    "WUART": Row(run=local_commands.wuart, forms=(_BYTE,), says_ok=False, is_rohm=True),
    "SKSCAN": Row(
        run=air_commands.skscan,
        forms=("[023]", _MASK, "[0-9A-Ea-e]"),
        dual_forms=("[023]", _MASK, "[0-9A-Ea-e]", _SIDE),
    ),
    "SKJOIN": Row(run=air_commands.skjoin, forms=(IPV6,)),
    "SKREJOIN": Row(run=air_commands.skrejoin),
    "SKTERM": Row(run=air_commands.skterm),
    "SKPING": Row(run=air_commands.skping, forms=(IPV6,)),
    "SKSENDTO": Row(
        run=air_commands.sksendto,
        forms=(_HANDLE, IPV6, _WORD, "[012]", _WORD),
        dual_forms=(_HANDLE, IPV6, _WORD, "[012]", _SIDE, _WORD),
    ),
    **{
        # Coordinator and HAN functions (skstack-ip §2.7): accepted, without effect on the Route-B face.
        name: Row(run=local_commands.accepted, forms=(_ANY,) * 4, optional=4, dual_only=True)
        for name in (
            *("SKREGDEV", "SKRMDEV", "SKSETKEY", "SKRMKEY", "SKSECENABLE"),
            *("SKSETPSK", "SKAUTOUPD", "SKTERMFOR", "SKOPEN", "SKSETHPWD"),
        )
    },
}
"""Every command by name; which of them a module has is `row_for`'s decision."""


def row_for(board: Board, name: str) -> Row | None:
    """The command of that name on this module; None = `FAIL ER04`."""
    row = ROWS.get(name)
    if row is None or (row.dual_only and not board.has_side):
        return None
    without_options = not board.module.has_rohm_options or board.faults.get("er04-ropt") is not None
    if row.is_rohm and without_options:
        return None
    if name == "SKAPPVER" and (board.module.app_version is None or board.faults.get("er04-ropt")):
        return None
    return row
