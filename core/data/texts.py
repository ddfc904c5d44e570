"""Whole columns of text at once, through Arrow: a million short rows in a fraction of a second.

A column is one Arrow array of `large_string`: all texts one after another in UTF-8, and where each of them begins.
"""

from __future__ import annotations

import operator
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from hashlib import sha256
from typing import Any, SupportsIndex, overload

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from core.data.flat import PIECE, ROWS, Bytes, by_piece, flat, pieces, rows_at
from core.data.table import Ints
from core.protocol import Progress, no_progress

Mask = NDArray[np.bool_]
Words = NDArray[np.uint64]

_BASE = 0x9E3779B97F4A7C15


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


def normalised(texts: Any) -> Any:
    """The same texts (an Arrow array) in lower case, with single spaces between words and none around them."""
    lower = pc.utf8_trim_whitespace(pc.utf8_lower(texts))
    odd = _may_hold_odd_blanks(lower)
    if not odd.any():
        return lower
    # Only the few texts with line ends or double blanks pay for a regular expression.
    mended = pc.replace_substring_regex(lower.filter(pa.array(odd)), r"[\s\p{Z}]+", " ")
    return pc.replace_with_mask(lower, pa.array(odd), mended)


def _may_hold_odd_blanks(column: Any) -> Mask:
    """Texts with other blanks than single spaces, and hardly any without: looked for byte by byte."""
    offsets, data = flat(column)
    found = np.zeros(len(column), dtype=bool)
    if len(data) < 2:
        return found | (len(data) == 1 and data[0] < 32)
    blank = data <= 32
    odd = data < 32
    odd[1:] |= blank[1:] & blank[:-1]
    found[rows_at(offsets, np.flatnonzero(odd))] = True
    # U+00A0, U+1680, U+2000 to U+203F, U+205F and U+3000: what they begin with is rare in most scripts.
    lead = np.flatnonzero((data == 0xC2) | ((data >= 0xE1) & (data <= 0xE3)))
    if len(lead):
        pairs = data[lead].astype(np.int64) << 8 | data[np.minimum(lead + 1, len(data) - 1)]
        third = data[np.minimum(lead + 2, len(data) - 1)]
        wide = (pairs == 0xE280) & ((third <= 0x8A) | (third >= 0xA8))
        wide |= (pairs == 0xE380) & (third == 0x80)
        found[rows_at(offsets, lead[wide | (pairs == 0xC2A0) | (pairs == 0xE19A) | (pairs == 0xE281)])] = True
    return found


def keys_and_words(texts: Any, progress: Progress = no_progress) -> tuple[Ints, Ints]:
    """The first row with the same text but for case and white space, and the number of words: both of shape `[rows]`.

    Texts are told apart by a 64-bit sum of their bytes times powers of an odd number (Rabin and Karp, 1987); where two
    sums are equal, the texts themselves are compared.
    """
    column = arrow(texts)
    prints = np.zeros(len(column), dtype=np.uint64)
    words = np.zeros(len(column), dtype=np.int64)
    for (start, end), (found, blanks) in by_piece(column, _measure, progress):
        prints[start:end], words[start:end] = found, blanks
    keys = np.arange(len(column), dtype=np.int64)
    ordered = np.sort(prints)
    again = ordered[1:][ordered[1:] == ordered[:-1]]
    if len(again):
        alike = np.flatnonzero(np.isin(prints, again))
        _compare(column, alike[np.argsort(prints[alike], kind="stable")], prints, keys)
    return keys, words


def _measure(piece: Any) -> tuple[Words, Ints]:
    offsets, data = flat(normalised(piece))
    return _prints(offsets, data), _counted(data == 32, offsets) + (offsets[1:] > offsets[:-1])


@cache
def _powers() -> tuple[Words, Words]:
    """Powers of the base and of its inverse, modulo 2^64."""
    base, inverse = (np.full(2 * PIECE, one, dtype=np.uint64) for one in (_BASE, pow(_BASE, -1, 1 << 64)))
    return np.cumprod(base), np.cumprod(inverse)


def _prints(offsets: Ints, data: Bytes) -> Words:
    power, inverse = _powers()
    if len(data) >= len(power):  # lower case makes a piece longer by half at most, so that this is one text alone
        return np.frombuffer(sha256(data.tobytes()).digest()[:8], dtype=np.uint64)
    sums = np.zeros(len(data) + 1, dtype=np.uint64)
    np.multiply(data, power[: len(data)], out=sums[:-1])
    found = np.add.reduceat(sums, offsets[:-1]) if len(offsets) > 1 else sums[:0]
    found[offsets[1:] == offsets[:-1]] = 0
    return np.asarray(found * inverse[offsets[:-1]], dtype=np.uint64)


def _counted(mask: Mask, offsets: Ints) -> Ints:
    """How often `mask` is true in each text, counted by 64: adding up single bytes would take five times as long."""
    packed = np.packbits(mask, bitorder="little")
    bits = np.zeros(len(packed) // 8 + 1, dtype="<u8")
    bits.view(np.uint8)[: len(packed)] = packed
    before = np.concatenate(([0], np.cumsum(np.bitwise_count(bits), dtype=np.int64)))
    rest = bits[offsets >> 6] & ((np.uint64(1) << (offsets & 63).astype(np.uint64)) - np.uint64(1))
    found: Ints = np.diff(before[offsets >> 6] + np.bitwise_count(rest))
    return found


def _compare(column: Any, alike: Ints, prints: Words, keys: Ints) -> None:
    """Write the first equal row into `keys`. `alike`: rows by their prints, equals together."""
    borders = np.flatnonzero(np.concatenate(([True], prints[alike][1:] != prints[alike][:-1])))
    start = 0
    while start < len(alike):
        place = int(np.searchsorted(borders, start + ROWS))
        end = int(borders[place]) if place < len(borders) else len(alike)
        rows = np.sort(alike[start:end])
        codes = pc.dictionary_encode(normalised(column.take(pa.array(rows)))).indices.to_numpy(zero_copy_only=False)
        first = np.zeros(int(codes.max()) + 1, dtype=np.int64)
        first[codes[::-1]] = rows[::-1]
        keys[rows] = first[codes]
        start = end


def blank(texts: Any) -> Mask:
    """Which texts hold nothing but white space."""
    column = arrow(texts)
    offsets, data = flat(column)
    found: Mask = offsets[1:] == offsets[:-1]
    if len(data) == 0:
        return found
    first = data[np.minimum(offsets[:-1], len(data) - 1)]
    # White space begins with one of these in UTF-8; of all other texts the first byte is enough.
    may = np.flatnonzero(~found & ((first <= 32) | (first == 0xC2) | ((first >= 0xE1) & (first <= 0xE3))))
    if len(may):
        trimmed = pc.utf8_trim_whitespace(column.take(pa.array(may)))
        found[may] = pc.equal(trimmed, "").to_numpy(zero_copy_only=False)
    return found


def holding(texts: Any, part: str, *, any_case: bool = False) -> Mask:
    """Which texts hold `part`."""
    column = arrow(texts)
    if any_case or not part:
        found = pc.match_substring(column, part, ignore_case=any_case)
        return np.asarray(found.to_numpy(zero_copy_only=False), dtype=bool)
    mask = np.zeros(len(column), dtype=bool)
    wanted = np.frombuffer(part.encode("utf-8"), dtype=np.uint8)
    for (start, _), rows in by_piece(column, lambda piece: _rows_with(piece, wanted)):
        mask[start + rows] = True
    return mask


def _rows_with(piece: Any, wanted: Bytes) -> Ints:
    """The rows of a piece that hold these bytes: three comparisons of everything, and the rest where those fit."""
    offsets, data = flat(piece)
    last = len(data) - len(wanted) + 1
    if last < 1:
        return np.zeros(0, dtype=np.int64)
    fit = data[:last] == wanted[0]
    for at in range(1, min(len(wanted), 3)):
        fit &= data[at : at + last] == wanted[at]
    positions = np.flatnonzero(fit)
    for at in range(3, len(wanted)):
        positions = positions[data[positions + at] == wanted[at]]
    rows = rows_at(offsets, positions)
    return rows[positions + len(wanted) <= offsets[rows + 1]]


def matching(texts: Any, pattern: str) -> Mask:
    """Which texts match an RE2 pattern somewhere."""
    column = arrow(texts)
    mask = np.zeros(len(column), dtype=bool)
    for (start, end), found in by_piece(column, lambda piece: pc.match_substring_regex(piece, pattern)):
        mask[start:end] = found.to_numpy(zero_copy_only=False)
    return mask


def sha_of_joined(texts: Any) -> Any:
    """A running sha256 of the texts with a NUL between each two, as of one long text."""
    column = arrow(texts)
    found = sha256()
    empty, nul = pa.scalar("", pa.large_string()), pa.scalar("\0", pa.large_string())
    for start, end in pieces(column):
        joined = pc.binary_join_element_wise(column.slice(start, end - start), empty, nul)
        _, data = flat(joined)
        found.update((data[:-1] if end == len(column) else data).tobytes())
    return found
