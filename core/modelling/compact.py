"""Train only the rows of the word table that the data uses.

A batch touches a few hundred of thirty thousand word vectors, yet a dense optimiser clears, clips and updates them all
at every step. With no weight decay on this table an unused row has no gradient and no update: leaving it out is exact.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import nn

from core.modelling.encoding import Encoded

State = dict[str, torch.Tensor]

SMALL = 16
"""Padding ids below this keep their place."""

WORTH = 0.9
"""A table of which more than this share is used stays as it is."""


@dataclass(frozen=True, slots=True, eq=False)
class Compaction:
    """Which rows of the full table, `[words, width]` on the CPU, the model has now: row i is row `used[i]`."""

    used: torch.Tensor
    full: torch.Tensor

    def expand(self, state: State, model: Any) -> State:
        """`state` of the compact model with its word table whole again, and what was learned in it."""
        name = _table_name(model)
        table = self.full.clone()
        table[self.used] = state[name]
        return {**state, name: table}

    def shrink(self, state: State, model: Any) -> State:
        """`state` of a whole model as the compact one takes it."""
        name = _table_name(model)
        return {**state, name: state[name][self.used]}


def compact(model: Any, encoded: Encoded, pad: int) -> tuple[Encoded, int, Compaction] | None:
    """Shrink the word table of `model` to what `encoded` uses: (rows with new ids, new padding id, the way back).

    None, and nothing is changed, when little would be saved or the table is shared with another part.
    """
    table: Any = model.get_input_embeddings()
    shared = sum(weight is table.weight for _, weight in model.named_parameters(remove_duplicate=False))
    if type(table) is not nn.Embedding or shared != 1:
        return None
    # Ids up to a small padding id stay where they are: RoBERTa's and MPNet's positions are counted from it, and from
    # the model's own, whatever the tokenizer pads with.
    small = [one for one in (pad, table.padding_idx) if one is not None and one < SMALL]
    kept = np.append(np.arange(max(small, default=-1) + 1), pad)
    used = np.union1d(np.unique(encoded.ids).astype(np.int64), kept)
    full = table.weight.detach()
    if len(used) > WORTH * len(full) or used[-1] >= len(full):
        return None
    place = np.full(len(full), -1, dtype=np.int32)
    place[used] = np.arange(len(used), dtype=np.int32)
    padding = table.padding_idx
    rows = torch.from_numpy(used)
    fresh = nn.Embedding(
        len(used),
        full.shape[1],
        padding_idx=None if padding is None or place[padding] < 0 else int(place[padding]),
        _weight=full[rows.to(full.device)].clone(),
    )
    fresh.weight.requires_grad_(table.weight.requires_grad)
    whole = full.cpu().clone()
    model.set_input_embeddings(fresh)
    return Encoded(place[encoded.ids], encoded.offsets, encoded.truncated), int(place[pad]), Compaction(rows, whole)


def _table_name(model: Any) -> str:
    table = model.get_input_embeddings().weight
    return next(str(name) for name, weight in model.named_parameters() if weight is table)
