"""Dropout whose draws are a pure function of (seed, step): resuming needs no state of a generator.

On a CPU torch draws one number after the other; numpy's SFC64 fills whole buffers several times as fast, and a draw
costs two bytes here. Elsewhere torch's own fused dropout draws, from the generator that each step seeds anew.
"""

from __future__ import annotations

import numpy as np
import torch
from torch.nn import functional

_LEVELS = 1 << 16


class Noise:
    """The dropout masks of one forward pass."""

    def __init__(self, seed: int, step: int, part: int, device: torch.device, dtype: torch.dtype) -> None:
        """For micro-batch `part` of optimiser step `step`; masks are of `dtype`."""
        self._dtype = dtype
        self._bits = np.random.SFC64([seed, step, part]) if device.type == "cpu" else None

    def drop(self, x: torch.Tensor, share: float) -> tuple[torch.Tensor, torch.Tensor | None]:
        """x with about `share` of its numbers dropped: done already, or still to be multiplied by what comes second."""
        if self._bits is not None:
            return x, self.mask(tuple(x.shape), share)
        return functional.dropout(x, share) if share > 0 else x, None

    def mask(self, shape: tuple[int, ...], share: float) -> torch.Tensor | None:
        """On a CPU: a tensor of `shape`, 0 at about `share` of the places, elsewhere 1 / (1 - share). None for 0."""
        if share <= 0 or self._bits is None:
            return None
        size = int(np.prod(shape))
        drawn = torch.from_numpy(self._bits.random_raw(-(-size // 4)).view(np.int16)[:size])
        dropped = round(share * _LEVELS)
        kept = (drawn >= dropped - _LEVELS // 2).to(self._dtype)
        return kept.mul_(_LEVELS / (_LEVELS - dropped)).view(shape)
