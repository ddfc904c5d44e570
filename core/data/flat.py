"""An Arrow column as the bytes it is made of, in pieces that fit a processor's cache, several at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.data.table import Ints
from core.machine import usable_cores
from core.protocol import Progress, no_progress

Bytes = NDArray[np.uint8]
Cut = tuple[int, int]

PIECE = 1 << 17
"""Bytes of text in a piece, but for a text that is longer by itself."""
ROWS = 1 << 15
"""Rows in a piece at most."""
_TELL = 32
"""Pieces from one word of progress to the next: some 20 ms."""


def flat(column: Any) -> tuple[Ints, Bytes]:
    """Where each text of an Arrow column of `large_string` begins and the last one ends, and all bytes.

    Shapes: `[rows + 1]` and `[bytes]`.
    """
    if len(column) == 0:
        return np.zeros(1, dtype=np.int64), np.zeros(0, dtype=np.uint8)
    _, starts, data = column.buffers()
    offsets = np.frombuffer(starts, dtype=np.int64)[column.offset : column.offset + len(column) + 1]
    if data is None or offsets[0] == offsets[-1]:
        return offsets - offsets[0], np.zeros(0, dtype=np.uint8)
    return offsets - offsets[0], np.frombuffer(data, dtype=np.uint8)[offsets[0] : offsets[-1]]


def pieces(column: Any) -> list[Cut]:
    """(start, end) of each piece of an Arrow column, in order."""
    offsets, _ = flat(column)
    found, start = [], 0
    while start < len(column):
        end = int(np.searchsorted(offsets, offsets[start] + PIECE, side="right")) - 1
        end = min(max(end, start + 1), start + ROWS, len(column))
        found.append((start, end))
        start = end
    return found


def by_piece(column: Any, work: Callable[[Any], Any], progress: Progress = no_progress) -> Iterator[tuple[Cut, Any]]:
    """(start and end of a piece, what `work` makes of it) for each in order, on as many threads as there are cores."""
    cuts = pieces(column)
    if len(cuts) < 2:
        yield from ((cut, work(column.slice(cut[0], cut[1] - cut[0]))) for cut in cuts)
        return
    with ThreadPoolExecutor(min(usable_cores(), 8)) as pool:
        done = pool.map(lambda cut: work(column.slice(cut[0], cut[1] - cut[0])), cuts)
        for number, (cut, found) in enumerate(zip(cuts, done, strict=True), 1):
            yield cut, found
            if number % _TELL == 0 or number == len(cuts):
                progress(cut[1], len(column), "rows")


def rows_at(offsets: Ints, positions: Ints) -> Ints:
    """The row that each byte position lies in."""
    return np.searchsorted(offsets, positions, side="right") - 1
