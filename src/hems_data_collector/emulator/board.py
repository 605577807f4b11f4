"""The whole module: its state with a scanner and a PANA client on it."""

from __future__ import annotations

from hems_data_collector.emulator.core import Core, Wiring
from hems_data_collector.emulator.joining import PanaClient
from hems_data_collector.emulator.scanning import Scanner


class Board(Core):
    """What a command handler works on."""

    def __init__(self, wiring: Wiring) -> None:
        super().__init__(wiring)
        self.pana = PanaClient(self)
        self.scanner = Scanner(self)

    def reset(self) -> None:
        """SKRESET, or a reset of its own: session, scan and all volatile state are gone."""
        self.pana.drop()
        self.scanner.stop()
        self.forget()
