"""Commands that use the radio (skstack-ip §1.4, §2.4-§2.6, §3.2)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from hems_data_collector.emulator import lines
from hems_data_collector.emulator.board import Board
from hems_data_collector.emulator.core import EV_NEIGHBOUR_ADVERTISEMENT, EV_SENT, NOT_SENT, SENT, SOLICITED
from hems_data_collector.emulator.refusal import ER_ARGUMENT_COUNT, ER_EXECUTION, Refused
from hems_data_collector.emulator.tokenizer import CommandLine

SECURITY_NONE, SECURITY_REQUIRED = 0, 1
"""SEC 0 is always plain, 1 needs a key, 2 takes what there is (skstack-ip §2.6)."""
_MULTICAST_PREFIX: Final = "FF"
_MESSAGE_SIZE: Final = 60


async def skscan(board: Board, command: CommandLine) -> Callable[[], None] | None:
    """Start a sweep, unless one is running: then OK and no effect."""
    if board.faults.strikes("er05"):
        raise Refused(ER_ARGUMENT_COUNT)
    board.counters.scans += 1
    mode, mask, duration = (int(text, 16) for text in command.arguments[:3])
    if board.scanner.busy:
        return None
    return lambda: board.scanner.start(mode=mode, mask=mask, duration=duration)


async def skjoin(board: Board, command: CommandLine) -> Callable[[], None]:
    """Start to authenticate; refused while an exchange is under way (skstack-ip §7 row 2)."""
    if board.pana.busy or board.faults.strikes("er10-join"):
        raise Refused(ER_EXECUTION)
    board.counters.joins += 1
    address = command.arguments[0].upper()
    return lambda: board.pana.join(address)


async def skrejoin(board: Board, command: CommandLine) -> Callable[[], None]:
    """Start to authenticate again within the session."""
    if not board.session_up or board.pana.busy:
        raise Refused(ER_EXECUTION)
    return board.pana.rejoin


async def skterm(board: Board, command: CommandLine) -> Callable[[], None]:
    """End the session; EVENT 21 comes before the OK (skstack-ip §2.5)."""
    if not board.session_up:
        raise Refused(ER_EXECUTION)
    board.counters.terminations += 1
    board.account(_MESSAGE_SIZE)
    await board.clock.sleep(board.timing.send())
    board.event(EV_SENT, board.pana.peer, SENT if board.radio.present else SOLICITED)
    return board.pana.terminate


async def skping(board: Board, command: CommandLine) -> Callable[[], None]:
    """Send an echo request; EPONG comes where the meter is within reach."""
    address = command.arguments[-1].upper()

    async def reply() -> None:
        await board.clock.sleep(board.timing.send())
        if board.radio.present and address == board.radio.address:
            board.emit(lines.line(f"EPONG {address}"))

    def listen() -> None:
        board.tasks.spawn(reply())

    return listen


async def sksendto(board: Board, command: CommandLine) -> None:
    """Send a datagram: EVENT 21 lines, then OK whatever became of it (skstack-ip §3.2)."""
    board.counters.sendto += 1
    handle, address, port, security = command.arguments[:4]
    up = board.session_up
    if board.faults.strikes("er10-send") or board.volatile.ports[int(handle) - 1] == 0:
        raise Refused(ER_EXECUTION)
    no_key = int(security) == SECURITY_REQUIRED and not up
    if no_key and board.faults.get("no-session-er10"):
        raise Refused(ER_EXECUTION)
    await board.clock.sleep(board.timing.send())
    address = address.upper()
    if no_key or board.air_time.restricted or board.faults.strikes("ev21-01"):
        board.event(EV_SENT, address, NOT_SENT)
        return
    board.account(len(command.data))
    results = await _results(board, address)
    if results[-1] == SENT:
        secured = up and int(security) != SECURITY_NONE
        board.radio.deliver(command.data, port=int(port, 16), secured=secured)
    for result in _shown(board, results):
        board.event(EV_SENT, address, result)
        if result == SOLICITED and len(results) > 1:
            board.event(EV_NEIGHBOUR_ADVERTISEMENT, address)


async def _results(board: Board, address: str) -> tuple[int, ...]:
    """What EVENT 21 tells of a datagram to `address`: by its way, and by the neighbour cache (skstack-ip §4.7)."""
    if address.startswith(_MULTICAST_PREFIX):
        return (SENT,)
    known = address in board.volatile.neighbours
    channel, pan_id = board.registers.number("S02"), board.registers.number("S03")
    if not board.radio.reaches(channel=channel, pan_id=pan_id, address=address):
        return (NOT_SENT,) if known else (SOLICITED,)
    if known:
        return (SENT,)
    await board.clock.sleep(board.timing.neighbour_solicitation())
    board.remember_neighbour(address, board.radio.mac)
    return (SOLICITED, SENT)


def _shown(board: Board, results: tuple[int, ...]) -> tuple[int, ...]:
    """Which of them the faults let through to the line."""
    if board.faults.strikes("ev21-missing"):
        return ()
    if board.faults.strikes("ev21-02only"):
        return (SOLICITED,)
    if board.faults.strikes("ev21-02-00"):
        return (SOLICITED, SENT)
    return results
