"""A Wi-SUN modem with a smart meter and a house behind it, for programs that want to be tested without hardware.

It behaves as skstack-ip and echonet-lite-meter describe, and misbehaves on demand (`FAULTS`). Use it in a program of
your own by `Emulator.open_port`, or from outside by `serve_pty` and `serve_tcp` (the verb `emulate`).
"""

from hems_data_collector.emulator.emulator import Emulator
from hems_data_collector.emulator.faults import FAULTS, Fault, FaultKind
from hems_data_collector.emulator.ports import EmulatedPort
from hems_data_collector.emulator.radio import Counters
from hems_data_collector.emulator.servers import serve_pty, serve_tcp
from hems_data_collector.emulator.settings import KEYS, SAMPLE_PASSWORD, SAMPLE_ROUTE_B_ID, EmulatorSettings
from hems_data_collector.emulator.truth import Truth

__all__ = [
    "FAULTS",
    "KEYS",
    "SAMPLE_PASSWORD",
    "SAMPLE_ROUTE_B_ID",
    "Counters",
    "EmulatedPort",
    "Emulator",
    "EmulatorSettings",
    "Fault",
    "FaultKind",
    "Truth",
    "serve_pty",
    "serve_tcp",
]
