"""Texts to token ids, once: a flat array of ids with offsets, and batches cut from it by length.

Batch order is a pure function of (lengths, batch size, seed, epoch), so that a resumed run sees the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from core.errors import ModelError
from core.modelling.lengths import automatic_length, positions_of
from core.text import safe

Ints = NDArray[np.int64]

CHUNK = 64
"""Batches that are sorted by length together; more would repeat the same neighbours in every epoch of a large set."""

CPU_TOKENS = 4096
GPU_TOKENS = 16_384
"""Positions scored at a time: on a CPU more would not stay in its caches (562 rows a second against 427)."""

BLOCK = 4096
"""Texts handed to the tokenizer at a time: what it returns for each is many times larger than the ids alone."""


@dataclass(frozen=True, slots=True)
class Encoded:
    """Tokenised rows: row i is `ids[offsets[i]:offsets[i + 1]]`, special tokens included."""

    ids: NDArray[np.int32]
    offsets: Ints
    truncated: int

    @property
    def lengths(self) -> Ints:
        """Tokens per row, shape `[rows]`."""
        return np.diff(self.offsets)

    def __len__(self) -> int:
        return len(self.offsets) - 1


@dataclass(frozen=True, slots=True)
class Batch:
    """Padded rows on the training device. `mask` is None when all rows are equally long: attention needs none then."""

    rows: Ints
    ids: torch.Tensor  # [rows, longest]
    mask: torch.Tensor | None  # [rows, longest]
    tokens: int


def load_tokenizer(folder: Path) -> Any:
    """The fast tokenizer of a model folder. Raises `ModelError` when there is none."""
    from transformers import AutoTokenizer

    try:
        tokenizer: Any = AutoTokenizer.from_pretrained(
            folder, trust_remote_code=False, use_fast=True, local_files_only=True
        )
    except Exception as broken:  # noqa: BLE001  # tokenizers raises just that, transformers a dozen kinds
        step = "Fetch or save the model again, or choose another: --model starter."
        raise ModelError(
            f"The tokenizer of {safe(folder.name)} cannot be loaded", safe(str(broken))[:300], step
        ) from None
    if not getattr(tokenizer, "is_fast", False):
        raise ModelError(
            f"{folder.name} has no fast tokenizer",
            "It would take minutes where a fast one takes a second.",
            "Choose a model that has a tokenizer.json: --model starter is one.",
        )
    tokenizer.backend_tokenizer.no_padding()
    tokenizer.backend_tokenizer.no_truncation()
    return tokenizer


def longest_input(folder: Path, tokenizer: Any) -> int:
    """How many tokens the model has positions for."""
    return positions_of(folder, getattr(tokenizer, "model_max_length", None))


def encode(tokenizer: Any, texts: Sequence[str], max_length: int, limit: int) -> tuple[Encoded, int]:
    """The token ids of every text, and the maximum length that long ones were cut to.

    `max_length` 0 picks it from these texts by `automatic_length`, at most `limit`. Texts longer than the maximum are
    cut by the tokenizer's own rule, so that their closing special token stays.
    """
    backend = tokenizer.backend_tokenizer
    backend.no_truncation()
    found: list[list[int]] = []
    for start in range(0, len(texts), BLOCK):
        found += [one.ids for one in backend.encode_batch_fast(list(texts[start : start + BLOCK]))]
    lengths = np.fromiter((len(ids) for ids in found), dtype=np.int64, count=len(found))
    if max_length == 0:
        max_length = automatic_length(lengths, limit)
    long = np.flatnonzero(lengths > max_length).tolist()
    if long:
        backend.enable_truncation(max_length)
        for row, one in zip(long, backend.encode_batch_fast([texts[row] for row in long]), strict=True):
            found[row] = one.ids
        backend.no_truncation()
    offsets = np.zeros(len(found) + 1, dtype=np.int64)
    np.cumsum([len(ids) for ids in found], out=offsets[1:])
    flat = np.fromiter((token for ids in found for token in ids), dtype=np.int32, count=int(offsets[-1]))
    return Encoded(flat, offsets, len(long)), max_length


def batch_plan(lengths: Ints, batch_size: int, seed: int, epoch: int, *, by_length: bool = True) -> list[Ints]:
    """Row numbers of each batch of one epoch: shuffled, sorted by length within chunks, cut, and shuffled again.

    Rows in a batch are about equally long, so little is padding; the order of batches is random, for batches sorted by
    length would make the loss swing. Without `by_length` rows are only shuffled.
    """
    draw = np.random.default_rng([seed, epoch])
    order = draw.permutation(len(lengths))
    size = batch_size * CHUNK
    batches: list[Ints] = []
    for start in range(0, len(order), size):
        chunk = order[start : start + size]
        if by_length:
            chunk = chunk[np.argsort(lengths[chunk], kind="stable")]
        batches += [chunk[at : at + batch_size] for at in range(0, len(chunk), batch_size)]
    return [batches[index] for index in draw.permutation(len(batches))]


def eval_plan(lengths: Ints, rows: Ints, tokens: int) -> list[Ints]:
    """Batches for scoring `rows`: sorted by length, each at most `tokens` positions."""
    order = rows[np.argsort(lengths[rows], kind="stable")][::-1]
    batches, start = [], 0
    while start < len(order):
        size = max(tokens // max(int(lengths[order[start]]), 1), 1)
        batches.append(order[start : start + size])
        start += size
    return batches


def tokens_at_once(device: torch.device) -> int:
    """How many positions are scored at a time on `device`."""
    return CPU_TOKENS if device.type == "cpu" else GPU_TOKENS


def fill_of(lengths: Ints, batches: list[Ints]) -> float:
    """Share of the positions in these batches that hold a token, not padding."""
    padded = sum(int(lengths[rows].max()) * len(rows) for rows in batches)
    return float(sum(int(lengths[rows].sum()) for rows in batches) / padded) if padded else 1.0


def collate(encoded: Encoded, rows: Ints, pad: int, device: torch.device) -> Batch:
    """The padded batch of these rows on `device`."""
    starts = encoded.offsets[rows]
    lengths = encoded.offsets[rows + 1] - starts
    longest = int(lengths.max())
    places = np.arange(longest)
    real = places < lengths[:, None]
    ids = np.full((len(rows), longest), pad, dtype=np.int64)
    ids[real] = encoded.ids[(starts[:, None] + places)[real]]
    mask = None if real.all() else torch.from_numpy(real.astype(np.int64)).to(device, non_blocking=True)
    return Batch(rows, torch.from_numpy(ids).to(device, non_blocking=True), mask, int(lengths.sum()))
