"""A source of several files, wherever they lie: a folder, an archive, a data set that was fetched."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Entry:
    """One file: its path inside the source, with `/` between; its size in bytes; a way to its bytes."""

    path: str
    size: int
    read: Callable[[], bytes]
    part: str = ""
    """One of `core.data.table.PARTS` where it is known which part it is, else empty."""
