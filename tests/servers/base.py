"""A server in a thread, told by a test how to misbehave."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread
from typing import Any

Headers = dict[str, str]


@dataclass
class Fault:
    """What goes wrong with the requests whose line (`GET /a/b`) a pattern finds, so many times."""

    pattern: str
    status: int = 0
    headers: Headers = field(default_factory=dict)
    times: int = 1000
    cut: int = -1
    """Send only so many bytes of the body, then close the connection."""
    hold: Event | None = None
    """What to wait for before it is closed."""
    reached: Event = field(default_factory=Event)
    """Set once so many bytes are sent."""


@dataclass
class Server(ABC):
    """What was asked, and what shall go wrong."""

    address: str = ""
    asked: list[str] = field(default_factory=list)
    """The lines of the requests, in order."""
    authorised: list[str] = field(default_factory=list)
    """What they said in `Authorization`."""
    faults: list[Fault] = field(default_factory=list)
    stop: Callable[[], None] = lambda: None
    """Nobody answers from then on."""

    def fault(self, line: str) -> Fault | None:
        """What goes wrong with this request."""
        found = next((one for one in self.faults if one.times and re.search(one.pattern, line)), None)
        if found:
            found.times -= 1
        return found

    @abstractmethod
    def answer(self, handler: Handler) -> None:
        """Answer one request."""


class Handler(BaseHTTPRequestHandler):
    """One request; the server that it is for has the answer."""

    protocol_version = "HTTP/1.1"
    kept: Server

    def handle_one(self) -> None:
        size = int(self.headers.get("Content-Length") or 0)
        self.body = self.rfile.read(size)
        line = f"{self.command} {self.path}"
        self.kept.asked.append(line)
        self.kept.authorised.append(self.headers.get("Authorization") or "")
        self.wrong = self.kept.fault(line)
        if self.wrong and self.wrong.status:
            self.send(self.wrong.status, b"{}", self.wrong.headers)
        else:
            self.kept.answer(self)

    do_GET = do_HEAD = do_POST = handle_one  # noqa: N815

    def send(self, status: int, body: bytes = b"", headers: Headers | None = None) -> None:
        """An answer with all that is said in `headers`; the body of `HEAD` is only announced."""
        said = {"Content-Type": "application/json", **(headers or {})}
        start = 0
        asked = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range") or "")
        if status == 200 and asked and said.get("Accept-Ranges") == "bytes":
            start, status = int(asked[1]), 206
            said["Content-Range"] = f"bytes {start}-{len(body) - 1}/{len(body)}"
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body) - start), **said}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command == "HEAD":
            return
        cut = self.wrong.cut if self.wrong else -1
        self.wfile.write(body[start:] if cut < 0 else body[start : max(cut, start)])
        if cut >= 0:
            assert self.wrong
            self.wrong.reached.set()
            if self.wrong.hold:
                self.wrong.hold.wait(60)
            self.close_connection = True

    def log_message(self, *_: Any) -> None:
        """Nothing on the screen of the tests."""


@contextmanager
def running(kept: Server) -> Iterator[None]:
    """While this lasts `kept` answers at `kept.address`."""
    handler = type("Bound", (Handler,), {"kept": kept})
    with ThreadingHTTPServer(("127.0.0.1", int(kept.address.rpartition(":")[2] or 0)), handler) as server:
        server.daemon_threads = True
        kept.address = f"http://127.0.0.1:{server.server_address[1]}"
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()

        def stop() -> None:
            server.shutdown()
            thread.join()
            server.server_close()

        kept.stop = stop
        try:
            yield
        finally:
            stop()
