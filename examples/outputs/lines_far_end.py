"""The far end of the output `lines` for the contract suite: a server that a test can break and mend."""

from __future__ import annotations

import contextlib
import socketserver
import threading
from collections.abc import Iterator, Mapping

from support.far_ends import FarEnd


class Server(socketserver.ThreadingTCPServer):
    """Answers each line with `answer`, or not at all while that is empty; keeps the lines that it answered OK."""

    daemon_threads = True
    block_on_close = False
    allow_reuse_address = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Answers)
        self.answer = "OK"
        self.taken: list[bytes] = []


class Answers(socketserver.StreamRequestHandler):
    server: Server

    def handle(self) -> None:
        for line in self.rfile:
            answer = "NO it is poisoned" if b"poison" in line else self.server.answer
            if answer == "OK" and line != b"?\n":
                self.server.taken.append(line.rstrip(b"\n"))
            if answer:
                self.wfile.write(answer.encode() + b"\n")


class LinesServer(FarEnd):
    name = "lines"

    @contextlib.contextmanager
    def running(self) -> Iterator[FarEnd]:
        with Server() as self._server:
            threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
            yield self
            self._server.shutdown()

    def texts(self) -> Mapping[str, str]:
        return {"lines_server": f"127.0.0.1:{self._server.server_address[1]}"}

    def unavailable(self) -> None:
        self._server.answer = "LATER"

    def hang(self) -> None:
        self._server.answer = ""

    def pause(self) -> None:
        self._server.answer = "AWAY"

    def mend(self) -> None:
        self._server.answer = "OK"

    def received(self) -> list[bytes]:
        return list(self._server.taken)
