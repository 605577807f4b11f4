"""A real HTTP or HTTPS server (the standard library's): remembers what it got, answers what a test tells it to."""

from __future__ import annotations

import contextlib
import ssl
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import trustme


@dataclass(frozen=True)
class Received:
    """One request as it came; header names in lower case."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True)
class Answer:
    """One answer; `raw` replaces status line, headers and body."""

    status: int = 204
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    raw: bytes | None = None
    drip_s: float = 0.0
    """After `raw` one more byte each so many seconds, for ever."""


class WebServer:
    """Listens on a port of localhost; `answer` decides on each request and may be replaced at any time."""

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self.requests: list[Received] = []
        self.answer: Callable[[Received], Answer] = lambda _received: Answer()
        self.stopping = threading.Event()
        """Wait on this to answer never: it is set when the test is over."""
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        if tls is not None:
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True, do_handshake_on_connect=False)
        self._scheme = "http" if tls is None else "https"

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self._server.server_address[1])

    def url(self, path: str = "/hook", host: str = "localhost") -> str:
        """An address of this server."""
        return f"{self._scheme}://{host}:{self.port}{path}"

    @contextlib.contextmanager
    def running(self) -> Iterator[WebServer]:
        """Serve on a thread until the end of the block."""
        thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        try:
            yield self
        finally:
            self.stopping.set()
            self._server.shutdown()
            self._server.server_close()
            thread.join(10)

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        server = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("content-length", 0)))
                headers = {name.lower(): value for name, value in self.headers.items()}
                received = Received(self.command, self.path, headers, body)
                server.requests.append(received)
                answer = server.answer(received)
                if answer.raw is not None:
                    self.wfile.write(answer.raw)
                    while answer.drip_s and not server.stopping.wait(answer.drip_s):
                        self.wfile.write(b"x")
                    self.close_connection = True
                    return
                self.send_response(answer.status)
                for name, value in answer.headers.items():
                    self.send_header(name, value)
                if answer.status != 204:
                    self.send_header("content-length", str(len(answer.body)))
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(answer.body)

            do_GET = do_HEAD = do_POST

            def handle(self) -> None:
                with contextlib.suppress(OSError):  # a client that hangs up is part of the tests
                    super().handle()

            def log_message(self, format: str, *args: object) -> None:
                pass

        return Handler


def server_tls(authority: trustme.CA, name: str = "localhost", not_after: datetime | None = None) -> ssl.SSLContext:
    """What a server with a certificate of `authority` for `name` needs."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(name, not_after=not_after).configure_cert(context)
    return context
