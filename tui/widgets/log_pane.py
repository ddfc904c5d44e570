"""The tail of a run's `log.txt`, following while it is shown."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from pathlib import Path

from textual import on, work
from textual.content import Content
from textual.message import Message
from textual.widgets import Log

from core.text import safe

TAIL = 64 << 10
"""Bytes from the end of the file that are shown."""


def read_tail(path: Path, limit: int = TAIL) -> list[str]:
    """The last whole lines of a log within `limit` bytes, fit for a terminal; one line that says so when none."""
    try:
        with open(path, "rb") as handle:
            end = handle.seek(0, 2)
            handle.seek(max(end - limit, 0))
            block = handle.read(limit)
    except OSError as broken:
        return [f"Nothing to read in {safe(path)}: {broken.strerror}"]
    if end > limit:
        block = block[block.find(b"\n") + 1 :]
    # A progress bar rewrites its line with carriage returns: the last state of it is what was meant to stay.
    lines = [one.rsplit("\r", 1)[-1] for one in block.decode("utf-8", errors="replace").rstrip().split("\n")]
    return [safe(one) for one in lines] if block.strip() else ["The trainer has printed nothing."]


class LogPane(Log):
    """Shows the end of a file and looks at it once a second while it is displayed."""

    @dataclass
    class Read(Message):
        """New lines were read."""

        path: Path
        lines: list[str]

    def __init__(self) -> None:
        super().__init__(max_lines=2000, id="log-pane", classes="panel")
        self._cancel = threading.Event()
        self._path: Path | None = None
        self.display = False

    def follow(self, path: Path) -> None:
        """Show this file and keep looking at it."""
        self.halt()
        self._path, self._cancel = path, threading.Event()
        self.border_title = Content(f"log: {safe(path.name)} (l closes)")
        self.display = True
        self._look(path, self._cancel)

    def halt(self) -> None:
        """Hide, and look no more."""
        self._cancel.set()
        self.display = False

    def on_unmount(self) -> None:
        """Let the thread go."""
        self._cancel.set()

    @work(thread=True, group="log")
    def _look(self, path: Path, cancel: threading.Event) -> None:
        seen: tuple[int, int] | None = None
        while not cancel.is_set():
            try:
                status = path.stat()
                mark = (status.st_size, status.st_mtime_ns)
            except OSError:
                mark = (0, 0)
            if mark != seen:
                seen = mark
                self.post_message(self.Read(path, read_tail(path)))
            for _ in range(10):  # so that quitting waits a tenth of a second at most
                if cancel.wait(0.1):
                    return

    @on(Read)
    def _show(self, message: Read) -> None:
        if message.path == self._path:
            self.clear()
            self.write_lines(one or " " for one in message.lines)  # `Log` passes over an empty line
