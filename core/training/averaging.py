"""An exponential moving average of the weights over the last part of a run."""

from __future__ import annotations

import torch

from core.modelling.weights import FlatWeights

HORIZONS = 4
"""The averaged part of a run is this many times as long as the average looks back."""

OFTEN = 8
"""Steps between two updates of the average: it looks back over many more, and each update reads all weights."""


class Average:
    """Averaged weights (Polyak & Juditsky 1992, in the exponential form), to be scored and saved in place of the last.

    `steps` is the length of the run and `share` that of its averaged end.
    """

    def __init__(self, weights: FlatWeights, steps: int, share: float) -> None:
        self._weights = weights
        self._first = steps - round(steps * share) + 1
        length = max(steps - self._first + 1, 1)
        self._often = max(min(OFTEN, length // 16), 1)
        self._keep = max(1 - self._often * HORIZONS / length, 0.0)
        self.averaged: torch.Tensor | None = None
        self._raw: torch.Tensor | None = None

    def after(self, step: int) -> None:
        """Take in the weights after `step`."""
        if step < self._first or step % self._often:
            return
        now = self._weights.master[: self._weights.trained]
        if self.averaged is None:
            self.averaged = now.clone()
        else:
            self.averaged.lerp_(now, 1 - self._keep)

    def __enter__(self) -> None:
        """Put the average in place of the weights."""
        if self.averaged is not None:
            place = self._weights.master[: self._weights.trained]
            self._raw = place.clone()
            place.copy_(self.averaged)
            self._weights.refresh()

    def settle(self) -> None:
        """Put the average in place of the weights for good: training is over."""
        with self:
            self._raw = None

    def __exit__(self, *_: object) -> None:
        """Put the weights back, for training to go on."""
        if self._raw is not None:
            self._weights.master[: self._weights.trained].copy_(self._raw)
            self._raw = None
            self._weights.refresh()
