"""One file of a source that has several, wherever it lies; and which of such files are nobody's data."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from core.data.table import Decision
from core.text import safe

_CLUTTER = re.compile(r"(?:^|/)(?:\.|__MACOSX/|Thumbs\.db$|desktop\.ini$)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Entry:
    """One file: its path inside the source, with `/` between; its size in bytes; a way to its bytes."""

    path: str
    size: int
    read: Callable[[], bytes]
    part: str = ""
    """One of `core.data.table.PARTS` where it is known which part it is, else empty."""


def is_clutter(path: str) -> bool:
    """Whether a file is one that machines leave behind: dot files, `__MACOSX`, `Thumbs.db`."""
    return _CLUTTER.search(path) is not None


def wrapping(entries: Sequence[Entry]) -> str:
    """The folders that all of these lie in, with a `/` at the end, or nothing."""
    folders = [one.path.split("/")[:-1] for one in entries]
    if not folders:
        return ""
    low, high = min(folders), max(folders)
    same = next((at for at, (a, b) in enumerate(zip(low, high, strict=False)) if a != b), min(len(low), len(high)))
    return "".join(f"{folder}/" for folder in low[:same])


def listed(paths: Sequence[str], most: int = 5) -> str:
    """Paths inside a sentence, the first few of them."""
    shown = ", ".join(safe(path) for path in paths[:most])
    return shown + (f" and {len(paths) - most} more" if len(paths) > most else "")


def left_out(entries: Sequence[Entry], reason: str) -> tuple[Decision, ...]:
    """The decision that some files are not read, or nothing where there are none."""
    if not entries:
        return ()
    return (Decision("left out", listed([one.path for one in entries]), reason),)
