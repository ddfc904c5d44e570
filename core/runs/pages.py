"""Files of JSON lines that people's decisions are appended to: read whole and bounded, written line by line."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable
from pathlib import Path

from core.runs.log import append_line, whole_lines


def read_lines(path: Path, largest: int, what: str) -> list[str]:
    """The whole lines of a regular file of at most `largest` bytes, blank ones left out; `what` it is meant to be.

    A blank line says nothing: one comes about where two writers meet, for who finds a line not whole yet ends it first.
    Raises `OSError`.
    """
    handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK)  # a pipe would be waited for
    with open(handle, "rb") as stream:
        state = os.fstat(handle)
        if not stat.S_ISREG(state.st_mode):
            raise OSError(0, "It is not a file")
        if state.st_size > largest:
            raise OSError(0, f"It is larger than {largest >> 20} MiB: that is no {what}")
        return [line for line in whole_lines(stream.read()) if line]


def append_lines(path: Path, lines: Iterable[str]) -> None:
    """Append each of `lines` in one piece; the folder is made where it is not there. Raises `OSError`."""
    path.parent.mkdir(mode=0o700, exist_ok=True)
    if path.parent.is_symlink():
        raise OSError(0, f"{path.parent} is a link to somewhere else")
    for line in lines:
        append_line(path, line)
