"""Append-only logs of JSON lines: one `os.write` per line, a torn tail is tolerated."""

from __future__ import annotations

import os
from pathlib import Path


def append_line(path: Path, line: str) -> None:
    """Append one line in a single write; concurrent writers' lines do not mix (O_APPEND)."""
    data = line.encode() + b"\n"
    handle = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        written = os.write(handle, data)
        if written != len(data):  # a full disk: close the torn line so that the next one stands alone
            os.write(handle, b"\n")
            raise OSError(28, "No space left on device", str(path))
    finally:
        os.close(handle)


class LogWriter:
    """The trainer's end of `events.jsonl`: kept open, one write per line."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._handle = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600)
        size = os.fstat(self._handle).st_size
        if size and os.pread(self._handle, 1, size - 1) != b"\n":
            os.write(self._handle, b"\n")  # an earlier owner died in the middle of a line

    def append(self, line: str) -> None:
        """Append one line. Raises `OSError` when it could not be written whole."""
        data = line.encode() + b"\n"
        written = os.write(self._handle, data)
        if written != len(data):
            raise OSError(28, "No space left on device", str(self._path))

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
        except FileNotFoundError:
            return []
        end = block.rfind(b"\n") + 1
        self._offset += end
        return block[:end].decode("utf-8", errors="replace").splitlines()
