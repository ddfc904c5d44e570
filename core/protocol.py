"""The line protocol between the screen and a child that works for it; a shell user can pipe the same lines.

    request    {"id": 7, "ask": "rows", "start": 0, "count": 500}
    progress   {"id": 7, "progress": {"done": 120, "total": 1000, "what": "reading"}}      any number of times
    answer     {"id": 7, "result": {...}}  or  {"id": 7, "error": {"kind", "title", "message", "next_step"}}

Requests are answered one after another. A request that says `"newest": "KEY"` is skipped (answered with a `Cancelled`
error) when a later one with the same key already waits: somebody typed on. To cancel work under way, end the child.
"""

from __future__ import annotations

import json
import os
import queue
import sys
import threading
import traceback
from collections.abc import Callable
from typing import Any, TextIO

from core.errors import Cancelled, DataError, WorkbenchError, error_from_dict
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


def serve(handlers: dict[str, Handler], idle_seconds: float = 600.0) -> None:
    """Answer requests from stdin on stdout until stdin ends or nobody asked for `idle_seconds`.

    Stray prints of libraries go to stderr, for stdout carries the protocol.
    """
    out = os.fdopen(os.dup(1), "w", encoding="utf-8", buffering=1)
    asked = os.fdopen(os.dup(0), encoding="utf-8", errors="replace")
    os.dup2(2, 1)
    inbox: queue.SimpleQueue[dict[str, Any] | None] = queue.SimpleQueue()
    threading.Thread(target=_read, args=(asked, inbox), daemon=True).start()
    waiting: list[dict[str, Any] | None] = []
    while True:
        try:
            waiting.append(inbox.get(timeout=None if waiting else idle_seconds) if not waiting else inbox.get_nowait())
            continue
        except queue.Empty:
            if not waiting:
                return
        request = waiting.pop(0)
        if request is None:
            return
        later = [one for one in waiting if one is not None and "newest" in one]
        if "newest" in request and any(one["newest"] == request["newest"] for one in later):
            skipped = Cancelled("A newer request took its place")
            answer = encode_line({"id": request.get("id"), "error": skipped.to_dict()})
        else:
            answer = _answer(handlers, request, out)
        print(answer, file=out)


def _answer(handlers: dict[str, Handler], request: dict[str, Any], out: TextIO) -> str:
    """The line that answers `request`, whatever happens: a child that died of one request would lose all it holds."""
    number = request.get("id")

    def progress(done: int, total: int, what: str) -> None:
        print(encode_line({"id": number, "progress": {"done": done, "total": total, "what": what}}), file=out)

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
    message = f"{type(error).__name__}: {safe(str(error))}"[:300]
    return WorkbenchError("This did not work", message, "This is an error in finetui: please report what you did.")


def result_of(answer: dict[str, Any]) -> dict[str, Any]:
    """The result in an answer; raises the error that the child reported."""
    if "error" in answer:
        raise error_from_dict(answer["error"])
    result: dict[str, Any] = answer["result"]
    return result
