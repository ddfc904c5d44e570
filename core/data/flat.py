"""An Arrow column: as a sequence of texts, and as the bytes it is made of, in pieces that fit a processor's cache."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, SupportsIndex, overload

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from core.data.table import Ints
from core.machine import usable_cores
from core.protocol import Progress, no_progress

Bytes = NDArray[np.uint8]
Cut = tuple[int, int]

PIECE = 1 << 18
"""Bytes of text in a piece, but for a text that is longer by itself."""
ROWS = 1 << 15
"""Rows in a piece at most."""
_TELL = 16
"""Pieces from one word of progress to the next: some 20 ms."""


class Texts(Sequence[str]):
    """A column as a sequence of `str` that are made when they are asked for: a million of them would take 150 MB."""

    __slots__ = ("column",)

    def __init__(self, texts: Any) -> None:
        self.column = arrow(texts)

    def __len__(self) -> int:
        return len(self.column)

    @overload
    def __getitem__(self, at: SupportsIndex) -> str: ...
    @overload
    def __getitem__(self, at: slice) -> list[str]: ...
    def __getitem__(self, at: SupportsIndex | slice) -> str | list[str]:
        if isinstance(at, slice):
            start, stop, step = at.indices(len(self))
            if step == 1:
                return _listed(self.column.slice(start, max(stop - start, 0)))
            return self.take(np.arange(start, stop, step, dtype=np.int64))
        text: str = self.column[operator.index(at)].as_py()
        return text

    def __iter__(self) -> Iterator[str]:
        for start in range(0, len(self), 4096):
            yield from self[start : start + 4096]

    def __eq__(self, other: object) -> bool:
        if isinstance(other, Texts):
            return bool(self.column.equals(other.column))
        if isinstance(other, Sequence) and not isinstance(other, str):
            return len(self) == len(other) and all(map(operator.eq, self, other))
        return NotImplemented

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"Texts({self[:3]}{'' if len(self) <= 3 else f' and {len(self) - 3} more'})"

    def take(self, rows: Iterable[int] | Ints) -> list[str]:
        """The texts of these rows, in this order. Raises `IndexError` for one that there is not."""
        at = np.asarray(rows if isinstance(rows, (np.ndarray, list)) else list(rows), dtype=np.int64)
        return _listed(self.column.take(pa.array(at)))


def _listed(column: Any) -> list[str]:
    # By way of numpy it is several times faster than Arrow's own list.
    found: list[str] = column.to_numpy(zero_copy_only=False).tolist()
    return found


def arrow(texts: Any) -> Any:
    """A list, a pandas column of text or `Texts` as one Arrow array; an Arrow array as it is."""
    if isinstance(texts, Texts):
        return texts.column
    if isinstance(texts, pa.Array):
        return texts
    found = pa.array(texts if isinstance(texts, Sequence) else texts.array, type=pa.large_string())
    return found.combine_chunks() if isinstance(found, pa.ChunkedArray) else found


def flat(column: Any) -> tuple[Ints, Bytes]:
    """Where each text of an Arrow column of `large_string` begins and the last one ends, and all bytes.

    Shapes: `[rows + 1]` and `[bytes]`.
    """
    if len(column) == 0:
        return np.zeros(1, dtype=np.int64), np.zeros(0, dtype=np.uint8)
    _, starts, data = column.buffers()
    offsets = np.frombuffer(starts, dtype=np.int64)[column.offset : column.offset + len(column) + 1]
    first, last = int(offsets[0]), int(offsets[-1])
    offsets = offsets - first if first else offsets
    if data is None or first == last:
        return offsets, np.zeros(0, dtype=np.uint8)
    return offsets, np.frombuffer(data, dtype=np.uint8)[first:last]


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
