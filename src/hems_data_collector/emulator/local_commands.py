"""Commands that the module answers by itself (skstack-ip §2.1-§2.3, §2.7, §3.8)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from hems_data_collector.emulator import lines
from hems_data_collector.emulator.board import Board
from hems_data_collector.emulator.refusal import ER_EXECUTION, ER_FORMAT, Refused
from hems_data_collector.emulator.registers import register_name
from hems_data_collector.emulator.tokenizer import CommandLine

PASSWORD_LIMIT: Final = 32
FILLER: Final = "\x00"
"""What stands where a password is shorter than its stated length; undefined in the manual (skstack-ip §2.3)."""
TCP_PORTS: Final = ("3601", "0", "0", "0")


async def accepted(board: Board, command: CommandLine) -> None:
    """A command that only says OK."""


async def skver(board: Board, command: CommandLine) -> None:
    """EVER."""
    board.emit(lines.line(f"EVER {board.module.version}"))


async def skappver(board: Board, command: CommandLine) -> None:
    """EAPPVER."""
    board.emit(lines.line(f"EAPPVER {board.module.app_version}"))


async def skinfo(board: Board, command: CommandLine) -> None:
    """EINFO; its last token tells the dialects apart (skstack-ip §2.1)."""
    channel, pan_id = board.register_value("S02"), board.register_value("S03")
    last = board.registers.values["SF0"] if board.has_side else "FFFE"
    board.emit(lines.line(f"EINFO {board.address} {board.flash.mac} {channel} {pan_id} {last}"))


async def sksreg(board: Board, command: CommandLine) -> None:
    """Write a register, or print it as ESREG (skstack-ip §2.2)."""
    name = register_name(command.arguments[0])
    if len(command.arguments) == 2:
        if not board.registers.write(name, command.arguments[1]):
            raise Refused(ER_FORMAT)
        if name == "S01":
            board.flash.mac = command.arguments[1].upper()
        return
    value = board.register_value(name)
    if value is None:
        raise Refused(ER_FORMAT)
    board.emit(lines.line(f"ESREG {value}"))


async def sksetpwd(board: Board, command: CommandLine) -> None:
    """Take a password of the stated length."""
    size, password = int(command.arguments[0], 16), command.arguments[1]
    if not 1 <= size <= PASSWORD_LIMIT or len(password) > size:
        raise Refused(ER_FORMAT)
    board.volatile.password = password.ljust(size, FILLER)


async def sksetrbid(board: Board, command: CommandLine) -> None:
    """Take the B-route id; its last eight characters become S0A."""
    board.volatile.route_b_id = command.arguments[0]
    board.registers.values["S0A"] = command.arguments[0][-8:]


async def skreset(board: Board, command: CommandLine) -> None:
    """Forget everything volatile."""
    board.reset()


async def sksave(board: Board, command: CommandLine) -> None:
    """Write the registers to flash."""
    board.counters.flash_writes += 1
    board.flash.saved = board.snapshot()


async def skload(board: Board, command: CommandLine) -> None:
    """Read the registers from flash."""
    if board.flash.saved is None:
        raise Refused(ER_EXECUTION)
    board.restore(board.flash.saved)


async def skerase(board: Board, command: CommandLine) -> None:
    """Clear the saved registers."""
    board.counters.flash_writes += 1
    board.flash.saved = None


async def skdsleep(board: Board, command: CommandLine) -> Callable[[], None]:
    """Sleep until the host sends something."""

    def fall_asleep() -> None:
        board.asleep = True

    return fall_asleep


async def skudpport(board: Board, command: CommandLine) -> None:
    """Set the port of a handle; in force after SKSAVE and a restart (skstack-ip §2.6)."""
    ports = list(board.volatile.wanted_ports)
    ports[int(command.arguments[0]) - 1] = int(command.arguments[1], 16)
    board.volatile.wanted_ports = tuple(ports)


async def skaddnbr(board: Board, command: CommandLine) -> None:
    """Enter a neighbour."""
    board.remember_neighbour(command.arguments[0].upper(), command.arguments[1].upper())


async def skll64(board: Board, command: CommandLine) -> None:
    """The address line that comes without OK (skstack-ip §2.5)."""
    await board.clock.sleep(board.timing.address_conversion())
    board.emit(lines.line(lines.link_local(command.arguments[0])))


async def sktable(board: Board, command: CommandLine) -> None:
    """One of the lists (skstack-ip §3.8)."""
    tables: dict[str, Callable[[], list[str]]] = {
        "1": lambda: ["EADDR", board.address],
        "2": lambda: ["ENEIGHBOR", *(f"{ip} {mac} FFFF" for ip, mac in board.volatile.neighbours.items())],
        "9": lambda: ["ENBR"],
        "A": lambda: ["ESEC"],
        "E": lambda: _ports(board),
        "F": lambda: ["EHANDLE"],
    }
    rows = tables.get(command.arguments[0].upper())
    if rows is None:
        raise Refused(ER_FORMAT)
    for text in rows():
        board.emit(lines.line(text))


def _ports(board: Board) -> list[str]:
    """Six decimal ports; single-stack firmware adds a blank line and four TCP ports."""
    rows = ["EPORT", *(str(port) for port in board.volatile.ports)]
    return rows if board.has_side else [*rows, "", *TCP_PORTS]


async def ropt(board: Board, command: CommandLine) -> None:
    """Read the options of the ERXUDP data field."""
    late = board.faults.strikes("late-ropt")
    answer = f"OK {board.flash.wopt:02X}\r".encode()
    if late is None:
        board.emit(answer)
    else:
        board.tasks.spawn(_later(board, late.value, answer))


async def _later(board: Board, seconds: float, answer: bytes) -> None:
    await board.clock.sleep(seconds)
    board.emit(answer)


async def wopt(board: Board, command: CommandLine) -> None:
    """Write them to flash."""
    board.counters.flash_writes += 1
    board.flash.wopt = int(command.arguments[0], 16)
    board.emit(b"OK\r")


async def ruart(board: Board, command: CommandLine) -> None:
    """Read the UART settings."""
    board.emit(f"OK {board.flash.wuart:02X}\r".encode())


async def wuart(board: Board, command: CommandLine) -> None:
    """Write them to flash; a restart would put them in force."""
    board.counters.flash_writes += 1
    board.flash.wuart = int(command.arguments[0], 16)
    board.emit(b"OK\r")
