"""All rows on the training device, and the fixed places that recorded steps read.

A batch is gathered there from its row numbers: nothing else travels, and nothing waits.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from core.modelling.cache import ActivationCache
from core.modelling.encoding import Encoded, Ints

Gathered = tuple[torch.Tensor, torch.Tensor | None, torch.Tensor]


class Resident:
    """Rows, labels, and what changes from step to step: row numbers, the weight of the batch, learning rates."""

    def __init__(self, encoded: Encoded, pad: int, device: torch.device, longest: int, groups: int) -> None:
        """`longest`: tokens in the longest row that the model has positions for; `groups`: of the optimiser."""
        self._lengths = encoded.lengths
        self._pad, self._device, self._longest = pad, device, longest
        self._width = 8 if int(self._lengths.max()) <= 256 else 16
        self._ids = torch.from_numpy(encoded.ids).to(device)
        self._starts = torch.from_numpy(encoded.offsets[:-1].copy()).to(device)
        self._sizes = torch.from_numpy(self._lengths).to(device)
        self._steps = torch.arange(longest, device=device)
        self._labels = torch.zeros(0, dtype=torch.long, device=device)
        self._rows: dict[int, torch.Tensor] = {}
        self._places: torch.Tensor | None = None
        control = torch.zeros(1 + groups, device=device)
        self._control = control
        self.total, self.rates = control[0], list(control[1:])
        """Weight of the batch and learning rate of each group, each a tensor without dimensions."""

    def know(self, labels: Ints, cache: ActivationCache | None) -> None:
        """Bring labels to the device, and where each row begins in the activation cache."""
        self._labels = torch.from_numpy(labels.copy()).to(self._device)
        self._places = None if cache is None else torch.from_numpy(cache.places).to(self._device)

    def set(self, total: float, rates: list[float]) -> None:
        """Write the weight of the batch and the learning rates."""
        _write(self._control, np.array([total, *rates], dtype=np.float32))

    def send(self, rows: Ints) -> tuple[int, int, bool]:
        """Write row numbers to where recordings for that many rows read them.

        Returns the shape of their batch: rows, length rounded up to a bucket, and whether there is padding.
        """
        if len(rows) not in self._rows:
            self._rows[len(rows)] = torch.zeros(len(rows), dtype=torch.long, device=self._device)
        _write(self._rows[len(rows)], rows)
        lengths = self._lengths[rows]
        length = min(-(-int(lengths.max()) // self._width) * self._width, self._longest)
        return len(rows), length, bool((lengths < length).any())

    def batch(self, count: int, length: int, *, padded: bool) -> Gathered:
        """Ids and mask `[count, length]`, and labels `[count]`, of the rows that were sent."""
        index, mask, labels = self._gather(self._starts, count, length, padded=padded)
        ids = self._ids[index].long()
        return (ids if mask is None else ids.masked_fill(mask == 0, self._pad)), mask, labels

    def cached(self, cache: ActivationCache, count: int, length: int, *, padded: bool) -> Gathered:
        """The same with hidden states `[count * length, hidden]` from `cache` in place of ids."""
        assert self._places is not None
        index, mask, labels = self._gather(self._places, count, length, padded=padded)
        return cache.states.index_select(0, index.reshape(-1)), mask, labels

    def _gather(self, starts: torch.Tensor, count: int, length: int, *, padded: bool) -> Gathered:
        rows, steps = self._rows[count], self._steps[:length]
        first, labels = starts[rows][:, None], self._labels[rows]
        if not padded:
            return first + steps, None, labels
        real = steps < self._sizes[rows][:, None]
        # A padded place reads the row's first token: nobody looks at it.
        return first + steps * real, real.long(), labels


def _write(place: torch.Tensor, numbers: NDArray[Any]) -> None:
    """Copy numbers to a place on the device, without waiting for it."""
    source = torch.from_numpy(numbers)
    if place.device.type == "cuda":
        source = source.pin_memory()
    place.copy_(source, non_blocking=True)
