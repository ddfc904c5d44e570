"""The line protocol between the screen and a child that works for it; a shell user can pipe the same lines.

    request    {"id": 7, "ask": "rows", "start": 0, "count": 500}
    progress   {"id": 7, "progress": {"done": 120, "total": 1000, "what": "reading"}}      any number of times
    answer     {"id": 7, "result": {...}}  or  {"id": 7, "error": {"kind", "title", "message", "next_step"}}

Requests are answered one after another. A request that says `"newest": "KEY"` is skipped (answered with a `Cancelled`
error) when a later one with the same key already waits: somebody typed on. To cancel work under way, end the child.
Long work may be served in the background: it is done one after another beside the other requests, and what runs with a
`newest` key ends with `Cancelled` at its next progress once a later request has the same key.
"""

from __future__ import annotations

import json
import os
import queue
import sys
import threading
import traceback
from collections.abc import Callable, Sequence
from typing import Any, TextIO

from core.errors import Cancelled, DataError, WorkbenchError, error_from_dict
from core.secrets import without_secrets
from core.text import safe

Progress = Callable[[int, int, str], None]
"""Called with (done, total, what); total 0 while it is not known."""

Handler = Callable[[dict[str, Any], Progress], dict[str, Any]]
"""Answers one kind of request. Raises `WorkbenchError` for what a person can mend."""


def no_progress(done: int, total: int, what: str) -> None:
    """For callers that show none."""


def encode_line(body: dict[str, Any]) -> str:
    """One message as one ASCII line: nothing from the data can act on a terminal that shows it."""
    return json.dumps(body, ensure_ascii=True, separators=(",", ":"))


def _read(stream: TextIO, inbox: queue.SimpleQueue[dict[str, Any] | None]) -> None:
    for line in stream:
        if not line.strip():
            continue
        try:
            body = json.loads(line)
        except (ValueError, RecursionError) as broken:
            body = {"id": None, "broken": str(broken)}
        inbox.put(body if isinstance(body, dict) else {"id": None, "broken": "a request is a JSON object"})
    inbox.put(None)


def serve(
    handlers: dict[str, Handler], idle_seconds: float = 600.0, background: dict[str, Handler] | None = None
) -> None:
    """Answer requests from stdin on stdout until stdin ends or nobody asked for `idle_seconds`.

    `background`: handlers whose requests are answered in a thread of their own, so that quick ones need not wait.
    Stray prints of libraries go to stderr, for stdout carries the protocol.
    """
    out = Lines(os.fdopen(os.dup(1), "w", encoding="utf-8"))
    asked = os.fdopen(os.dup(0), encoding="utf-8", errors="replace")
    os.dup2(2, 1)
    inbox: queue.SimpleQueue[dict[str, Any] | None] = queue.SimpleQueue()
    threading.Thread(target=_read, args=(asked, inbox), name="requests", daemon=True).start()
    behind = _Background(background or {}, out, lambda: inbox.put(None))
    waiting: list[dict[str, Any] | None] = []
    while True:
        try:
            waiting.append(inbox.get(timeout=None if waiting else idle_seconds) if not waiting else inbox.get_nowait())
            if waiting[-1] is not None and behind.takes(waiting[-1]):
                waiting.pop()
            continue
        except queue.Empty:
            if not waiting:
                if behind.busy:
                    continue
                return
        request = waiting.pop(0)
        if request is None:
            behind.finish()
            return
        if _is_old(request, waiting):
            out.send(_cancelled(request))
        else:
            out.send(_answer(handlers, request, out))


def _is_old(request: dict[str, Any], later: Sequence[dict[str, Any] | None]) -> bool:
    return "newest" in request and any(one and one.get("newest") == request["newest"] for one in later)


def _cancelled(request: dict[str, Any]) -> str:
    return encode_line({"id": request.get("id"), "error": Cancelled("A newer request took its place").to_dict()})


class Lines:
    """A stream that several threads write whole lines to."""

    def __init__(self, out: TextIO) -> None:
        self._out, self._lock = out, threading.Lock()

    def send(self, line: str) -> None:
        """Write one line at once. Raises `BrokenPipeError` when nobody reads any more."""
        with self._lock:
            self._out.write(line + "\n")
            self._out.flush()


class _Background:
    """Requests that are worked on in a thread of their own, one after another. `died` is called if it ends unasked."""

    def __init__(self, handlers: dict[str, Handler], out: Lines, died: Callable[[], None]) -> None:
        self._handlers, self._out, self._died = handlers, out, died
        self._waiting: list[dict[str, Any]] = []
        self._changed = threading.Condition()
        self._ends = False
        self.busy = False
        self._thread = threading.Thread(target=self._work, daemon=True)
        if handlers:
            self._thread.start()

    def takes(self, request: dict[str, Any]) -> bool:
        """Whether this request is one of ours; it is then done some time."""
        if str(request.get("ask")) not in self._handlers:
            return False
        with self._changed:
            self._waiting.append(request)
            self.busy = True
            self._changed.notify()
        return True

    def finish(self) -> None:
        """Wait until everything asked for is answered."""
        with self._changed:
            self._ends = True
            self._changed.notify()
        if self._handlers:
            self._thread.join()

    def _work(self) -> None:
        try:
            self._serve()
        finally:  # nobody reads the answers, or worse: the child that can do only half of its work ends
            self.busy = False
            if not self._ends:
                self._died()

    def _serve(self) -> None:
        while True:
            with self._changed:
                self.busy = bool(self._waiting)
                if not self._waiting:
                    if self._ends:
                        return
                    self._changed.wait()
                    continue
                request = self._waiting.pop(0)
            if _is_old(request, self._waiting):
                self._out.send(_cancelled(request))
                continue
            self._out.send(_answer(self._handlers, request, self._out, self._waiting))


def _answer(
    handlers: dict[str, Handler], request: dict[str, Any], out: Lines, later: Sequence[dict[str, Any]] = ()
) -> str:
    """The line that answers `request`, whatever happens: a child that died of one request would lose all it holds.

    `later`: requests that wait while this one is worked on; its next progress ends it when one of them replaces it.
    """
    number = request.get("id")

    def progress(done: int, total: int, what: str) -> None:
        if _is_old(request, later):
            raise Cancelled("A newer request took its place")
        out.send(encode_line({"id": number, "progress": {"done": done, "total": total, "what": what}}))

    try:
        if "broken" in request:
            raise DataError("This line is not a request", str(request["broken"]))
        handler = handlers.get(str(request.get("ask")))
        if handler is None:
            known = ", ".join(handlers)
            raise DataError(f"Unknown request {request.get('ask')!r}", next_step=f"Known: {known}")
        return encode_line({"id": number, "result": handler(request, progress)})
    except WorkbenchError as error:
        return encode_line({"id": number, "error": error.to_dict()})
    except BrokenPipeError:  # nobody reads the answers any more
        raise
    except Exception as error:  # noqa: BLE001  # the border of the child: whatever happened must become an answer
        traceback.print_exc(file=sys.stderr)
        return encode_line({"id": number, "error": unexpected(error).to_dict()})


def unexpected(error: Exception) -> WorkbenchError:
    """An error that is not ours, in words a person can read; its traceback goes elsewhere."""
    if isinstance(error, MemoryError):
        return WorkbenchError("Out of memory", safe(str(error))[:300], "Close other programs, or use fewer rows.")
    message = without_secrets(f"{type(error).__name__}: {safe(str(error))}")[:300]
    return WorkbenchError("This did not work", message, "This is an error in finetui: please report what you did.")


def result_of(answer: dict[str, Any]) -> dict[str, Any]:
    """The result in an answer; raises the error that the child reported."""
    if "error" in answer:
        raise error_from_dict(answer["error"])
    result: dict[str, Any] = answer["result"]
    return result
