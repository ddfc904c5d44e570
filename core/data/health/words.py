"""Texts as the numbers of their words, block by block: what the checks that compare texts share."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from core.data.dataset import Dataset
from core.data.table import Ints
from core.protocol import Progress

MOST_ROWS = 200_000
MOST_WORDS = 12_000_000
FEWEST_WORDS = 3
"""Texts with fewer words ("ok", "thank you") are nobody's near-duplicates."""

_CHARACTERS = 20_000
"""Of each text that are looked at."""
_BYTES = 1 << 20
"""Of text that are worked on at a time."""

_UNSPACED = r"([\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}])"
_BETWEEN = r"[^\p{L}\p{M}\p{N}\p{So}]+"  # an emoji is a word: it may decide the class


def most_rows(dataset: Dataset) -> int:
    """How many rows of this data set are compared with one another at most: fewer when they are long."""
    return min(MOST_ROWS, max(MOST_WORDS // max(int(dataset.words.mean()), 1), 1000))


def texts_of(dataset: Dataset, rows: Ints) -> Any:
    """The texts of these rows as one Arrow array."""
    return dataset.column.take(pa.array(rows))


def word_codes(texts: Any, progress: Progress) -> tuple[Ints, Ints]:
    """Every word of an Arrow array of texts as a number, `[words]`, and where each text begins, `[texts + 1]`."""
    known: dict[str, int] = {}
    codes: list[Ints] = []
    counts: list[Ints] = []
    for start, end in blocks(len(texts), progress, "reading words", texts.nbytes, _BYTES):
        words = _words(texts.slice(start, end - start))
        listed = words.flatten().dictionary_encode()
        fresh = [known.setdefault(word, len(known)) for word in listed.dictionary.to_pylist()]
        codes.append(np.array(fresh, dtype=np.int64)[np.asarray(listed.indices)])
        counts.append(np.diff(np.asarray(words.offsets)).astype(np.int64))
    starts = np.concatenate(([0], *(counts or [np.zeros(0, dtype=np.int64)])))
    return np.concatenate(codes or [np.zeros(0, dtype=np.int64)]), np.cumsum(starts).astype(np.int64)


def _words(texts: Any) -> Any:
    """A list of words per text; a text without any has one that is empty."""
    found = pc.utf8_lower(pc.utf8_slice_codeunits(texts, 0, _CHARACTERS))
    unspaced = pc.match_substring_regex(found, _UNSPACED)
    if pc.any(unspaced).as_py():
        found = pc.replace_substring_regex(found, _UNSPACED, r" \1 ")
    found = pc.replace_substring_regex(found, _BETWEEN, " ")
    return pc.split_pattern(pc.utf8_trim_whitespace(found), " ")


def blocks(count: int, progress: Progress, what: str, size: int, most: int) -> Iterator[tuple[int, int]]:
    """(start, end) of each block, telling `progress` before it. `size`: what all measures, `most`: what a block may.

    Long texts make for blocks of few rows: whoever waits is told, and can leave, several times a second.
    """
    step = max(min(4096, count * most // max(size, 1)), 1)
    for start in range(0, count, step):
        progress(start, count, what)
        yield start, min(start + step, count)
