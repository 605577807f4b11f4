"""For each registered output a real far end that a test can break and mend: what the contract suite runs on.

A new output needs one class here and a line in `FAR_ENDS`; then it gets the whole suite.
"""

from __future__ import annotations

import contextlib
import os
import threading
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import ClassVar

import grpc
import pytest

from hems_data_collector.clock import SystemClock
from hems_data_collector.outputs import FORMATS, OUTPUTS, Output, stdout
from hems_data_collector.outputs.file import half_hours_path
from hems_data_collector.outputs.formats import CSV, json_object
from hems_data_collector.readings import Record
from support.pubsub_servers import FakePubSub
from support.records import CSV_HEADER, HALF_HOUR_CSV_HEADER, record
from support.web_server import Answer, Received, WebServer

POISON = record(0, meter="poison")
"""A record that every far end refuses."""


class FarEnd(ABC):
    """One output's other side."""

    name: ClassVar[str]
    format: ClassVar[str] = "json"
    can_pause: ClassVar[bool] = True
    can_be_asked: ClassVar[bool] = True
    """Whether a check can tell that it is broken."""
    keeps_position: ClassVar[bool] = False
    """Whether it can tell what arrived without being acknowledged."""
    secrets: ClassVar[tuple[str, ...]] = ()

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder = folder
        self.monkeypatch = monkeypatch

    @abstractmethod
    def texts(self) -> Mapping[str, str]:
        """Settings as a person would write them, by name."""

    def output(self) -> Output:
        """The output, built as the program builds it: from texts, through its settings."""
        kind, texts = OUTPUTS[self.name], self.texts()
        values: dict[str, object] = {}
        for setting in kind.settings:
            text = texts.get(setting.name, setting.default)
            if setting.repeatable:
                values[setting.name] = tuple(setting.value(part) for part in setting.split(text or ""))
            else:
                values[setting.name] = None if text is None else setting.value(text)
        return kind.build(values, FORMATS[self.format], clock=SystemClock(), half_hours=True)

    @contextlib.contextmanager
    def running(self) -> Iterator[FarEnd]:
        """Set up and take down."""
        yield self

    @abstractmethod
    def unavailable(self) -> None:
        """Break it for a while."""

    @abstractmethod
    def hang(self) -> None:
        """Take no record and give no answer."""

    def pause(self) -> None:
        """Refuse us as a whole."""
        raise NotImplementedError

    @abstractmethod
    def mend(self) -> None:
        """Work again, whatever was broken."""

    def expected(self, item: Record) -> bytes:
        """What one record is at the far end."""
        return json_object(item)

    @abstractmethod
    def received(self) -> list[bytes]:
        """What came so far, in the order of coming; where half hours go elsewhere, those last."""


class Pipe(FarEnd):
    """Standard output is a pipe, whose reader may stop reading; or a full disk."""

    name = "stdout"
    format = "csv"
    can_pause = False
    can_be_asked = False

    @contextlib.contextmanager
    def running(self) -> Iterator[FarEnd]:
        self._reader, self._writer = os.pipe()
        self._full = os.open("/dev/full", os.O_WRONLY)
        os.set_blocking(self._reader, False)
        self._stdout = os.dup(self._writer)  # 1 itself belongs to pytest
        self.monkeypatch.setattr(stdout, "STDOUT_DESCRIPTOR", self._stdout)
        self._read = b""
        try:
            yield self
        finally:
            self.received()  # lets go a thread that still writes
            for descriptor in (self._reader, self._writer, self._full, self._stdout):
                os.close(descriptor)

    def texts(self) -> Mapping[str, str]:
        return {}

    def unavailable(self) -> None:
        os.dup2(self._full, self._stdout)

    def hang(self) -> None:
        os.set_blocking(self._writer, False)
        with contextlib.suppress(BlockingIOError):
            while True:
                os.write(self._writer, b"\0" * 4096)
        os.set_blocking(self._writer, True)

    def mend(self) -> None:
        os.dup2(self._writer, self._stdout)
        self.received()

    def expected(self, item: Record) -> bytes:
        return CSV.encode(item)

    def received(self) -> list[bytes]:
        with contextlib.suppress(BlockingIOError):
            while piece := os.read(self._reader, 65_536):
                self._read += piece
        return self._read.lstrip(b"\0").removeprefix(CSV_HEADER).splitlines(keepends=True)


class Disk(FarEnd):
    """A file in a folder that comes and goes, on a disk that may hang."""

    name = "file"
    format = "csv"
    keeps_position = True

    @property
    def _path(self) -> Path:
        return self.folder / "data" / "readings.csv"

    @contextlib.contextmanager
    def running(self) -> Iterator[FarEnd]:
        self._path.parent.mkdir()
        self._moved = self.folder / "moved"
        self._gate = threading.Event()
        try:
            yield self
        finally:
            self._gate.set()

    def texts(self) -> Mapping[str, str]:
        return {"file": str(self._path)}

    def unavailable(self) -> None:
        self._path.parent.rename(self._moved)

    def hang(self) -> None:
        gate, sync = self._gate, os.fsync

        def stuck(descriptor: int) -> None:
            gate.wait()
            sync(descriptor)

        self.monkeypatch.setattr(os, "fsync", stuck)

    def pause(self) -> None:
        self._path.write_bytes(b"another,header\r\n")

    def mend(self) -> None:
        self._gate.set()
        if self._moved.exists():
            self._moved.rename(self._path.parent)
        if self._path.read_bytes().startswith(b"another"):
            self._path.unlink()

    def expected(self, item: Record) -> bytes:
        return CSV.encode(item)

    def received(self) -> list[bytes]:
        beside = half_hours_path(self._path)
        half_hours = beside.read_bytes().removeprefix(HALF_HOUR_CSV_HEADER) if beside.exists() else b""
        return (self._path.read_bytes().removeprefix(CSV_HEADER) + half_hours).splitlines(keepends=True)


class Web(FarEnd):
    """A web server of this machine."""

    name = "webhook"
    secrets = ("PATHKEY", "QUERYKEY", "hunter22", "hunter33", "aHVudGVyNDQ")

    @contextlib.contextmanager
    def running(self) -> Iterator[FarEnd]:
        with WebServer().running() as self._server:
            self.mend()
            yield self

    def texts(self) -> Mapping[str, str]:
        return {
            "webhook_url": self._server.url("/PATHKEY?key=QUERYKEY").replace("//", "//user:hunter22@"),
            "webhook_headers": "X-Api-Key: hunter33",
            "webhook_secret": "whsec_aHVudGVyNDQ=",
        }

    def unavailable(self) -> None:
        self._server.answer = lambda _received: Answer(503)

    def hang(self) -> None:
        self._server.answer = self._stuck

    def pause(self) -> None:
        self._server.answer = lambda _received: Answer(401)

    def mend(self) -> None:
        self._taken: list[bytes] = getattr(self, "_taken", [])
        self._server.answer = self._take

    def received(self) -> list[bytes]:
        return list(self._taken)

    def _take(self, received: Received) -> Answer:
        if received.method == "HEAD":
            return Answer(405)
        if b"poison" in received.body:
            return Answer(422)
        self._taken.append(received.body)
        return Answer(204)

    def _stuck(self, _received: Received) -> Answer:
        self._server.stopping.wait()
        return Answer(503)


class PubSub(FarEnd):
    """A Pub/Sub server of this machine."""

    name = "gcloud"
    topic = "projects/your-project-id/topics/hems-data"

    @contextlib.contextmanager
    def running(self) -> Iterator[FarEnd]:
        with FakePubSub().running() as self._server:
            self._server.create(self.topic)
            self._server.poison = b"poison"
            yield self

    def texts(self) -> Mapping[str, str]:
        return {"gcp_emulator_host": self._server.address}

    def unavailable(self) -> None:
        self._server.refuse(grpc.StatusCode.UNAVAILABLE)

    def hang(self) -> None:
        self._server.hang.clear()

    def pause(self) -> None:
        self._server.refuse(grpc.StatusCode.PERMISSION_DENIED)

    def mend(self) -> None:
        self._server.refuse(None)
        self._server.hang.set()

    def received(self) -> list[bytes]:
        return [data for data, _ in self._server.stored(self.topic)]


FAR_ENDS: Mapping[str, type[FarEnd]] = {far_end.name: far_end for far_end in (Pipe, Disk, Web, PubSub)}
