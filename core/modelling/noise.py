"""Dropout whose draws are a pure function of (seed, step): resuming needs no state of a generator.

On a CPU torch draws one number after the other; numpy's SFC64 fills whole buffers several times as fast, and a draw
costs two bytes here.
"""

from __future__ import annotations

import numpy as np
import torch

_LEVELS = 1 << 16


class Noise:
    """The dropout masks of one forward pass."""

    def __init__(self, seed: int, step: int, part: int, device: torch.device, dtype: torch.dtype) -> None:
        """For micro-batch `part` of optimiser step `step`; masks are of `dtype`."""
        self.device = device
        self._dtype = dtype
        if device.type == "cpu":
            self._bits = np.random.SFC64([seed, step, part])

    def mask(self, shape: tuple[int, ...], share: float) -> torch.Tensor | None:
        """A tensor of `shape`: 0 at about `share` of the places, elsewhere 1 / (1 - share). None for a share of 0."""
        if share <= 0:
            return None
        if self.device.type != "cpu":
            kept = torch.empty(shape, device=self.device, dtype=self._dtype)
            return kept.bernoulli_(1 - share).div_(1 - share)
        size = int(np.prod(shape))
        drawn = torch.from_numpy(self._bits.random_raw(-(-size // 4)).view(np.int16)[:size])
        dropped = round(share * _LEVELS)
        kept = (drawn >= dropped - _LEVELS // 2).to(self._dtype)
        return kept.mul_(_LEVELS / (_LEVELS - dropped)).view(shape)
