"""Whole columns of text at once, through Arrow: a million short rows in a fraction of a second."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from core.data.table import Ints

Mask = NDArray[np.bool_]


def arrow(texts: Any) -> Any:
    """A list or a pandas column of text as one Arrow array; an Arrow array as it is."""
    if isinstance(texts, pa.Array):
        return texts
    found = pa.array(texts if isinstance(texts, Sequence) else texts.array, type=pa.large_string())
    return found.combine_chunks() if isinstance(found, pa.ChunkedArray) else found


def normalised(texts: Any) -> Any:
    """The same texts (an Arrow array) in lower case, with single spaces between words and none around them."""
    lower = pc.utf8_trim_whitespace(pc.utf8_lower(texts))
    odd = pc.match_substring_regex(lower, r"[^\S ]|\s\s|\p{Z}\p{Z}|[\p{Zl}\p{Zp}\x{a0}\x{2000}-\x{200a}\x{3000}]")
    if not pc.any(odd).as_py():
        return lower
    # Only the few texts with line ends or double blanks pay for a regular expression's replacement.
    mended = pc.replace_substring_regex(lower.filter(odd), r"[\s\p{Z}]+", " ")
    return pc.replace_with_mask(lower, odd, mended)


def keys_and_words(texts: Any) -> tuple[Ints, Ints]:
    """A code per text (equal codes: the same text but for case and white space) and its number of words."""
    clean = normalised(arrow(texts))
    codes = pc.dictionary_encode(clean).indices
    words = pc.add(pc.count_substring(clean, " "), pc.not_equal(clean, "").cast(pa.int32()))
    return _ints(codes), _ints(words)


def _ints(values: Any) -> Ints:
    return np.asarray(values.to_numpy(zero_copy_only=False), dtype=np.int64)


def blank(texts: Any) -> Mask:
    """Which texts hold nothing but white space."""
    return np.asarray(pc.equal(pc.utf8_trim_whitespace(arrow(texts)), "").to_numpy(zero_copy_only=False), dtype=bool)


def holding(texts: Any, part: str, *, any_case: bool = False) -> Mask:
    """Which texts hold `part`."""
    found = pc.match_substring(arrow(texts), part, ignore_case=any_case)
    return np.asarray(found.to_numpy(zero_copy_only=False), dtype=bool)


def matching(texts: Any, pattern: str) -> Mask:
    """Which texts match an RE2 pattern somewhere."""
    found = pc.match_substring_regex(arrow(texts), pattern)
    return np.asarray(found.to_numpy(zero_copy_only=False), dtype=bool)
