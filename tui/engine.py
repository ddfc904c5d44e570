"""The one door to children that work: data, answers, forecasts. JSON lines both ways, see `core.protocol`.

One resident child per kind, started at the first question, ended with `cancel` or with the screen. The screen's own
process stays small and never waits.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import signal
from asyncio.subprocess import PIPE, Process
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from core.errors import Cancelled, WorkbenchError
from core.launch import child_command, child_environment
from core.protocol import Progress, encode_line, result_of

LINE_LIMIT = 64 << 20
"""Bytes one answer may have: 500 rows of long texts fit many times."""

KINDS: dict[str, tuple[str, ...]] = {
    "data": ("data", "--jsonl"),
    "classify": ("classify", "--jsonl"),
    "forecast": ("forecast", "--jsonl"),
    "judge": ("judge", "--jsonl"),
    "explain": ("judge", "--jsonl"),  # a process of its own: while it loads a model, rows are still turned over
    "probe": ("forecast", "--jsonl"),  # a process of its own, ended after its answer: it holds a model
}

Command = Callable[[Sequence[str]], list[str]]
"""From the engine's arguments to a whole command line."""


class _Child:
    """A running child and what is still to be answered."""

    def __init__(self, process: Process) -> None:
        self.process = process
        self.waiting: dict[int, tuple[asyncio.Future[dict[str, Any]], Progress | None]] = {}
        self.complaints: deque[str] = deque(maxlen=12)
        self.reader = asyncio.create_task(self._read())
        self._listener = asyncio.create_task(self._listen())

    @property
    def lives(self) -> bool:
        """Whether it can still be asked."""
        return self.process.returncode is None and not self.reader.done()

    async def _listen(self) -> None:
        assert self.process.stderr
        async for line in self.process.stderr:
            self.complaints.append(line.decode(errors="replace").rstrip())

    async def _read(self) -> None:
        """Hand out answers until the child is gone; whoever still waits then is told so."""
        assert self.process.stdout
        with suppress(ValueError):  # a line over the limit: the child is of no more use
            async for line in self.process.stdout:
                self._take(line)
        self.kill()
        await self.process.wait()
        await self._listener
        self.fail(WorkbenchError(
            "A helper process ended before it answered",
            "\n".join(self.complaints) or f"It left with exit code {self.process.returncode} and said nothing.",
            "Try again; finetui doctor tells what this machine has.",
        ))  # fmt: skip

    def _take(self, line: bytes) -> None:
        try:
            body = json.loads(line)
        except ValueError:
            return  # nothing of ours
        future, progress = self.waiting.get(body.get("id"), (None, None))
        if future is None:
            return
        if "progress" in body:
            if progress:
                now = body["progress"]
                progress(int(now["done"]), int(now["total"]), str(now["what"]))
            return
        del self.waiting[body["id"]]
        if not future.done():
            future.set_result(body)

    def fail(self, error: WorkbenchError) -> None:
        """Tell everybody who waits."""
        for future, _ in self.waiting.values():
            if not future.done():
                future.set_exception(error)
        self.waiting.clear()

    def kill(self) -> None:
        """End it now; it holds nothing that could be lost."""
        _end(self.process)


def _end(process: Process) -> None:
    """Kill without `Process.kill()`, which polls first and so can take the exit code away from asyncio's watcher."""
    if process.returncode is None:
        with suppress(ProcessLookupError):
            os.kill(process.pid, signal.SIGKILL)


class Engine:
    """Asks children. `command` builds a child's command line (tests put another program there)."""

    def __init__(self, command: Command | None = None) -> None:
        self._command = command or (lambda arguments: child_command(*arguments))
        self._children: dict[str, _Child] = {}
        self._ending: list[_Child] = []
        self._starting: dict[str, asyncio.Lock] = {}
        self._numbers = itertools.count(1)

    async def ask(
        self, kind: str, ask: str, on_progress: Progress | None = None, newest: str = "", **params: Any
    ) -> dict[str, Any]:
        """The answer of the `kind` child (one of `KINDS`) to `ask` with `params`.

        `newest`: a key; a request that still waits is dropped for a later one of the same key. Raises the error that
        the child reports, `Cancelled` when a person cancelled, and `WorkbenchError` when the child died.
        """
        child = await self._child(kind)
        number = next(self._numbers)
        future: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
        child.waiting[number] = (future, on_progress)
        body = {"id": number, "ask": ask, **({"newest": newest} if newest else {}), **params}
        assert child.process.stdin
        try:
            with suppress(ConnectionError):  # it just died: its reader tells the future
                child.process.stdin.write(encode_line(body).encode() + b"\n")
                await child.process.stdin.drain()
            return result_of(await future)
        finally:
            child.waiting.pop(number, None)

    async def _child(self, kind: str) -> _Child:
        async with self._starting.setdefault(kind, asyncio.Lock()):
            child = self._children.get(kind)
            if child is None or not child.lives:
                child = self._children[kind] = _Child(await self._start(KINDS[kind]))
            return child

    async def _start(self, arguments: Sequence[str]) -> Process:
        begun = asyncio.ensure_future(asyncio.create_subprocess_exec(
            *self._command(arguments), stdin=PIPE, stdout=PIPE, stderr=PIPE, limit=LINE_LIMIT,
            env=child_environment(), cwd=Path("/"), start_new_session=True,
        ))  # fmt: skip
        try:
            return await asyncio.shield(begun)
        except OSError as broken:
            raise WorkbenchError("Cannot start a helper process", str(broken), "finetui doctor") from None
        except asyncio.CancelledError:  # nobody waits for it any more: half begun it would be left behind
            with suppress(OSError):
                child = await begun
                _end(child)
                await child.communicate()
            raise

    def busy(self, kind: str) -> bool:
        """Whether an answer of this kind is still to come."""
        child = self._children.get(kind)
        return child is not None and bool(child.waiting)

    def lives(self, kind: str) -> bool:
        """Whether there is a child of this kind that could be asked."""
        child = self._children.get(kind)
        return child is not None and child.lives

    def cancel(self, kind: str) -> None:
        """Really cancel: end the child. Whoever waits gets `Cancelled`; the next question starts another one."""
        child = self._children.pop(kind, None)
        if child:
            child.fail(Cancelled("Cancelled"))
            child.kill()
            self._ending = [one for one in self._ending if not one.reader.done()] + [child]

    async def devices(self) -> list[dict[str, Any]]:
        """What can train: `[{"device", "name", "free_bytes", "total_bytes", "note"}]`. Raises `WorkbenchError`."""
        child = await self._start(("devices", "--json"))
        try:
            out, complaints = await child.communicate()
        except asyncio.CancelledError:
            _end(child)
            await child.wait()
            raise
        try:
            found: list[dict[str, Any]] = json.loads(out)["devices"]
        except (ValueError, KeyError, TypeError):
            said = complaints.decode(errors="replace").strip()[-2000:]
            raise WorkbenchError("Cannot list the devices", said, "finetui doctor") from None
        return found

    async def close(self) -> None:
        """End every child and wait until each is gone."""
        for kind in list(self._children):
            self.cancel(kind)
        for child in self._ending:
            await child.reader
