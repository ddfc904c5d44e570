"""Texts to padded batches of token ids, with `tokenizers` alone: what training fed the model, byte for byte."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from core.errors import RunError

Ints = NDArray[np.int64]

BATCH_ROWS = 32
BATCH_TOKENS = 4096
"""Positions in one batch at most: beyond this a CPU gains nothing and memory grows."""

_HALF_PAIRS = re.compile("[\ud800-\udfff]")  # half a surrogate pair is no text: tokenizers cannot encode it


@dataclass(frozen=True, slots=True)
class EncodedTexts:
    """Token ids of each text, special tokens included, and whether the text was cut to fit."""

    ids: list[list[int]]
    truncated: list[bool]


class TextEncoder:
    """The tokenizer of a saved model, cutting texts at the model's maximum length."""

    def __init__(self, path: Path, max_length: int, pad: int) -> None:
        """Load `tokenizer.json`. Raises `RunError` when it cannot be read."""
        try:
            self._tokenizer = Tokenizer.from_buffer(path.read_bytes())
        except (OSError, ValueError) as broken:
            raise RunError(f"{path.parent.name} is damaged", f"{path}: {broken}") from None
        self._tokenizer.no_padding()
        self._tokenizer.enable_truncation(max_length)
        self._max_length = max_length
        self._pad = pad

    def encode(self, texts: Sequence[str]) -> EncodedTexts:
        """Token ids of every text. A text without any token becomes one padding token, so that it has an answer."""
        found = self._tokenizer.encode_batch_fast([_HALF_PAIRS.sub("\ufffd", text) for text in texts])
        ids = [one.ids or [self._pad] for one in found]
        full = [len(one) >= self._max_length for one in ids]
        return EncodedTexts(ids, [at_end and bool(one.overflowing) for at_end, one in zip(full, found, strict=True)])

    def batches(self, ids: Sequence[Sequence[int]], most: int = BATCH_ROWS) -> Iterator[tuple[list[int], Ints, Ints]]:
        """(rows, input_ids, attention_mask) of each batch of at most `most` rows; like lengths together, longest first.

        Both arrays are `[rows, longest of the batch]`.
        """
        order = sorted(range(len(ids)), key=lambda row: len(ids[row]), reverse=True)
        start = 0
        while start < len(order):
            longest = len(ids[order[start]])
            rows = order[start : start + max(min(most, BATCH_TOKENS // longest), 1)]
            start += len(rows)
            batch = np.full((len(rows), longest), self._pad, dtype=np.int64)
            mask = np.zeros((len(rows), longest), dtype=np.int64)
            for place, row in enumerate(rows):
                batch[place, : len(ids[row])] = ids[row]
                mask[place, : len(ids[row])] = 1
            yield rows, batch, mask
