"""The meter as an ECHONET Lite node: a datagram in, an answer out, notifications (echonet-lite-meter §2, §12)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from hems_data_collector.echonet import (
    ALL_INSTANCES,
    CONTROLLER,
    METER,
    NODE_PROFILE,
    Eoj,
    Esv,
    Frame,
    Property,
)
from hems_data_collector.emulator.faults import FaultBox
from hems_data_collector.emulator.meter import Meter
from hems_data_collector.emulator.properties import NODE_TABLE, ObjectTable, instance_list, meter_table
from hems_data_collector.emulator.truth import Truth, truth_of
from hems_data_collector.errors import FrameError

OPC_LIMIT: Final = {"F": 6, "R": 7}
"""Properties per request that a meter takes (echonet-lite-meter §4.3)."""
_REQUESTS: Final = frozenset({Esv.GET, Esv.SET_C, Esv.SET_I, Esv.INF_REQ, Esv.SET_GET})


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What the meter sends back, and what a perfect reader would make of it (answers with power E7 only)."""

    frame: Frame
    truth: Truth | None = None

    @property
    def epcs(self) -> frozenset[int]:
        """Every property in it."""
        return frozenset(entry.epc for entry in (*self.frame.properties, *self.frame.set_properties))


class Node:
    """Node profile 0EF001 and meter 028801 behind one address."""

    def __init__(self, meter: Meter, faults: FaultBox) -> None:
        self._meter = meter
        self._faults = faults
        self._meter_table = meter_table(meter)
        self._tid = 0
        self.inform_responses: set[int] = set()
        """TIDs of the INFC_Res that came in."""

    def answer(self, datagram: bytes) -> Answer | None:
        """The answer to one datagram; None = silence (a cut frame, an object we do not have, nothing to say)."""
        try:
            request = Frame.decode(datagram)
        except FrameError:
            return None
        if request.esv is Esv.INFC_RES:
            self.inform_responses.add(request.tid)
        table, eoj = self._object(request.deoj)
        if table is None or request.esv not in _REQUESTS or not (request.properties or request.set_properties):
            return None
        if self._ignored(request, eoj):
            return None
        frame = self._served(request, table, eoj)
        if frame is None:
            return None
        with_power = eoj == METER and any(entry.epc == 0xE7 and entry.edt for entry in frame.properties)
        return Answer(frame=frame, truth=truth_of(self._meter) if with_power else None)

    def instance_list_notification(self) -> Frame:
        """The multicast INF D5 after joining (echonet-lite-meter §3)."""
        entries = (Property(0xD5, instance_list()),)
        return self._notification(NODE_PROFILE, NODE_PROFILE, Esv.INF, entries)

    def fixed_time_notification(self, esv: Esv) -> Frame:
        """EA and, with reverse metering, EB to the controller (echonet-lite-meter §4.4)."""
        return self._notification(METER, CONTROLLER, esv, self._fixed_entries())

    def status_notification(self) -> Frame:
        """An INF of the operation status."""
        return self._notification(METER, CONTROLLER, Esv.INF, self._read(self._meter_table, (0x80,)))

    def fixed_time_copy(self, tid: int) -> Frame:
        """An INF of EA and EB that bears somebody else's TID."""
        return Frame(tid=tid, seoj=METER, deoj=CONTROLLER, esv=Esv.INF, properties=self._fixed_entries())

    def _fixed_entries(self) -> tuple[Property, ...]:
        return self._read(self._meter_table, [epc for epc in (0xEA, 0xEB) if epc in self._meter_table.read])

    def _notification(self, seoj: Eoj, deoj: Eoj, esv: Esv, entries: tuple[Property, ...]) -> Frame:
        tid, self._tid = self._tid, (self._tid + 1) & 0xFFFF
        return Frame(tid=tid, seoj=seoj, deoj=deoj, esv=esv, properties=entries)

    def _object(self, deoj: Eoj) -> tuple[ObjectTable | None, Eoj]:
        """The addressed object and the instance that answers; instance 00 means every one (§1.5)."""
        for eoj, table in ((METER, self._meter_table), (NODE_PROFILE, NODE_TABLE)):
            if deoj.class_code == eoj.class_code and deoj.instance in (eoj.instance, ALL_INSTANCES):
                return table, eoj
        return None, deoj

    def _ignored(self, request: Frame, eoj: Eoj) -> bool:
        """Whether the meter stays silent although the object is there (§2.4, §4.3)."""
        count = len(request.properties) + len(request.set_properties)
        silent = self._faults.get("opc-silent")
        if silent and count > silent.value:
            return True
        if count > OPC_LIMIT[self._meter.settings.release] and not self._faults.get("opc-sna"):
            return True
        unusual = request.esv is Esv.SET_GET or (request.esv is Esv.INF_REQ and eoj == METER)
        return unusual and not self._faults.get("setget")

    def _served(self, request: Frame, table: ObjectTable, eoj: Eoj) -> Frame | None:
        beyond = len(request.properties) + len(request.set_properties) > OPC_LIMIT[self._meter.settings.release]
        if request.esv in (Esv.SET_C, Esv.SET_I):
            entries, good = self._write(table, request.properties, refuse=beyond)
            if request.esv is Esv.SET_I:
                return None if good else self._reply(request, eoj, Esv.SET_I_SNA, entries)
            return self._reply(request, eoj, Esv.SET_RES if good else Esv.SET_C_SNA, entries)
        if request.esv is Esv.SET_GET:
            written, set_good = self._write(table, request.set_properties, refuse=beyond)
            read = self._read(table, [entry.epc for entry in request.properties])
            good = set_good and all(entry.edt for entry in read)
            return replace(
                self._reply(request, eoj, Esv.SET_GET_RES if good else Esv.SET_GET_SNA, read), set_properties=written
            )
        return self._read_reply(request, table, eoj, beyond)

    def _read_reply(self, request: Frame, table: ObjectTable, eoj: Eoj, beyond: bool) -> Frame:
        inform = request.esv is Esv.INF_REQ
        entries = self._read(table, [entry.epc for entry in request.properties], announced=inform)
        if beyond or (len(entries) > 1 and self._faults.strikes("sna-empty")):
            entries = tuple(Property(entry.epc) for entry in entries)
        good = all(entry.edt for entry in entries)
        short = None if good else self._faults.get("sna-short")
        if short:
            entries = entries[: int(short.value)]
        esv = {False: (Esv.GET_SNA, Esv.GET_RES), True: (Esv.INF_SNA, Esv.INF)}[inform][good]
        return self._reply(request, eoj, esv, entries)

    def _reply(self, request: Frame, eoj: Eoj, esv: Esv, entries: tuple[Property, ...]) -> Frame:
        return Frame(tid=request.tid, seoj=eoj, deoj=request.seoj, esv=esv, properties=entries)

    def _read(self, table: ObjectTable, epcs: Sequence[int], *, announced: bool = False) -> tuple[Property, ...]:
        """One entry per asked property, in order; PDC 0 where there is none (§2.2)."""
        return tuple(Property(epc, self._value(table, epc, announced)) for epc in epcs)

    def _value(self, table: ObjectTable, epc: int, announced: bool) -> bytes:
        if self._refuses(table, epc):
            return b""
        if announced and table is NODE_TABLE and epc == 0xD5:
            return instance_list()
        return table.edt(self._meter, epc) or b""

    def _refuses(self, table: ObjectTable, epc: int) -> bool:
        """Whether the fault says so, whatever the maps list."""
        fault = self._faults.get("sna-partial")
        return fault is not None and epc == int(fault.value) and table is self._meter_table

    def _write(
        self, table: ObjectTable, entries: tuple[Property, ...], *, refuse: bool
    ) -> tuple[tuple[Property, ...], bool]:
        """Set one after another; accepted entries come back empty, refused ones as they came (§2.2)."""
        results = []
        good = True
        for entry in entries:
            refused = refuse or self._refuses(table, entry.epc)
            accepted = not refused and table.set(self._meter, entry.epc, entry.edt)
            results.append(Property(entry.epc) if accepted else entry)
            good &= accepted
            if accepted and entry.epc == 0xE5 and self._faults.strikes("midnight"):
                self._faults.remove("midnight")
                self._meter.jump_past_midnight()
        return tuple(results), good
