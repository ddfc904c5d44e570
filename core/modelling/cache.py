"""What frozen layers give, computed once and read in every epoch after."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from core.machine import available_bytes
from core.modelling.encoding import Encoded, Ints, collate, eval_plan, tokens_at_once
from core.modelling.fast import OwnForward

SHARE = 0.3
"""At most this share of the memory that is free now is used."""


@dataclass(frozen=True, slots=True, eq=False)
class ActivationCache:
    """Hidden states after the frozen layers: `states[places[row] + i]` is token i of `row`, `[tokens, hidden]`."""

    own: OwnForward
    layers: int
    lengths: Ints
    places: Ints
    states: torch.Tensor

    @classmethod
    def fill(
        cls, own: OwnForward, encoded: Encoded, rows: Ints, layers: int, pad: int, device: torch.device
    ) -> ActivationCache | None:
        """Run `rows` through the lowest `layers`, without dropout, in one canonical order; None for want of memory.

        The uppermost layer is never among them: it gives first tokens only.
        """
        layers = min(layers, own.depth - 1)
        rows = np.unique(rows)
        lengths = encoded.lengths
        tokens = int(lengths[rows].sum())
        if tokens * own.hidden * own.dtype.itemsize > SHARE * _free(device):
            return None
        places = np.full(len(lengths), -1, dtype=np.int64)
        places[rows] = np.concatenate(([0], np.cumsum(lengths[rows])[:-1]))
        states = torch.empty((tokens, own.hidden), dtype=own.dtype, device=device)
        with torch.inference_mode():
            for batch_rows in eval_plan(lengths, rows, tokens_at_once(device)):
                batch = collate(encoded, batch_rows, pad, device)
                hidden = own.run(
                    own.embed(batch.ids, None), len(batch_rows), own.padding(batch.mask), None, 0, layers
                ).view(*batch.ids.shape, -1)
                real = np.arange(batch.ids.shape[1]) < lengths[batch_rows][:, None]
                target = (places[batch_rows][:, None] + np.arange(batch.ids.shape[1]))[real]
                states[torch.from_numpy(target).to(device)] = hidden[torch.from_numpy(real).to(device)]
        return cls(own, layers, lengths, places, states)

    def holds(self, rows: Ints) -> bool:
        """Whether all of `rows` are here."""
        return bool((self.places[rows] >= 0).all())

    def batch(self, rows: Ints) -> tuple[torch.Tensor, torch.Tensor | None]:
        """Hidden states `[rows * longest, hidden]`, and the mask `[rows, longest]` where there is padding."""
        lengths = self.lengths[rows]
        steps = np.arange(int(lengths.max()))
        real = steps < lengths[:, None]
        # A padded place reads the row's first token: nobody looks at it.
        index = np.where(real, self.places[rows][:, None] + steps, self.places[rows][:, None])
        where = self.states.device
        hidden = self.states.index_select(0, torch.from_numpy(index.reshape(-1)).to(where))
        mask = None if real.all() else torch.from_numpy(real.astype(np.int64)).to(where)
        return hidden, mask


def _free(device: torch.device) -> int:
    return int(torch.cuda.mem_get_info(device)[0]) if device.type == "cuda" else available_bytes()
