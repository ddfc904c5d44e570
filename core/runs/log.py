"""Append-only logs of JSON lines: one `os.write` per line, a torn tail is tolerated."""

from __future__ import annotations

import errno
import os
from contextlib import suppress
from pathlib import Path

from core.runs.atomic import sync_path

FULL = (errno.ENOSPC, errno.EDQUOT)
"""Errors that say that there is no room."""


def append_line(path: Path, line: str) -> None:
    """Append one line in a single write; concurrent writers' lines do not mix (O_APPEND)."""
    handle = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    try:
        data = _framed(line, torn=_is_torn(handle))
        if os.write(handle, data) != len(data):
            raise _no_room(path)
    finally:
        os.close(handle)


def _is_torn(handle: int) -> bool:
    """Whether the file ends in the middle of a line: a writer died there, or the disk was full."""
    size = os.fstat(handle).st_size
    return size > 0 and os.pread(handle, 1, size - 1) != b"\n"


def _framed(line: str, *, torn: bool) -> bytes:
    return (b"\n" if torn else b"") + line.encode() + b"\n"


def _no_room(path: Path) -> OSError:
    return OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))


class LogWriter:
    """The trainer's end of `events.jsonl`: kept open, one write per line. Nobody else writes to that file."""

    def __init__(self, path: Path) -> None:
        """Open it, and end a line in the middle of which an earlier owner died. Raises `OSError`."""
        self._path = path
        self._torn = False
        is_new = not path.exists()
        self._handle = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW, 0o600)
        try:
            if is_new:
                sync_path(path.parent)  # what is synced later would else be found under no name
            if _is_torn(self._handle):
                os.write(self._handle, b"\n")
        except OSError:
            os.close(self._handle)
            raise

    def append(self, line: str) -> None:
        """Append one line. Raises `OSError` when it could not be written whole: then nothing of it is there."""
        data = _framed(line, torn=self._torn)
        written = os.write(self._handle, data)
        if written != len(data):
            with suppress(OSError):  # a part that lacks no more than its end would count as a fact
                os.ftruncate(self._handle, os.fstat(self._handle).st_size - written)
            self._torn = _is_torn(self._handle)
            raise _no_room(self._path)
        self._torn = False

    def sync(self) -> None:
        """Make what was written so far durable."""
        os.fsync(self._handle)

    def close(self) -> None:
        """Make what was written durable and let go of the file."""
        try:
            os.fsync(self._handle)
        finally:
            os.close(self._handle)


class LogReader:
    """A reader's place in a growing log: each `read()` returns the whole lines that are new."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._offset = 0

    def read(self, limit: int = 4 << 20) -> list[str]:
        """New complete lines, oldest first, at most about `limit` bytes of them. A missing file has none."""
        try:
            with open(self._path, "rb") as handle:
                handle.seek(self._offset)
                block = handle.read(limit)
                while b"\n" not in block and (more := handle.read(limit)):  # a line longer than the limit
                    block += more
        except FileNotFoundError:
            return []
        end = block.rfind(b"\n") + 1
        self._offset += end
        return whole_lines(block)

    def read_all(self) -> list[str]:
        """Every complete line that is new, however many."""
        found: list[str] = []
        while lines := self.read():
            found += lines
        return found


def whole_lines(block: bytes) -> list[str]:
    """The lines of `block` that end in it; only a line feed ends one."""
    return block.decode("utf-8", errors="replace").split("\n")[:-1]
