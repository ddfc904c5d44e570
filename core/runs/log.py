"""Append-only logs of JSON lines: one `os.write` per line, a torn tail is tolerated."""

from __future__ import annotations

import os
from pathlib import Path


def append_line(path: Path, line: str) -> None:
    """Append one line in a single write; concurrent writers' lines do not mix (O_APPEND)."""
    handle = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        _append(handle, line, path, torn=_is_torn(handle))
    finally:
        os.close(handle)


def _is_torn(handle: int) -> bool:
    """Whether the file ends in the middle of a line: a writer died there, or the disk was full."""
    size = os.fstat(handle).st_size
    return size > 0 and os.pread(handle, 1, size - 1) != b"\n"


def _append(handle: int, line: str, path: Path, *, torn: bool) -> None:
    data = (b"\n" if torn else b"") + line.encode() + b"\n"
    if os.write(handle, data) != len(data):
        raise OSError(28, "No space left on device", str(path))


class LogWriter:
    """The trainer's end of `events.jsonl`: kept open, one write per line."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._handle = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600)
        self._torn = False
        if _is_torn(self._handle):  # an earlier owner died in the middle of a line
            os.write(self._handle, b"\n")

    def append(self, line: str) -> None:
        """Append one line. Raises `OSError` when it could not be written whole; the next one stands alone even then."""
        try:
            _append(self._handle, line, self._path, torn=self._torn)
        except OSError:
            self._torn = _is_torn(self._handle)
            raise
        self._torn = False

    def close(self) -> None:
        """Make what was written durable and let go of the file."""
        os.fsync(self._handle)
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
